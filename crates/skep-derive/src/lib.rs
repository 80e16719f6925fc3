//! `#[derive(Plain)]`, by feature `derive` of `skep`: see `skep::Plain`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Ident, LitStr, Member, Result, parse_macro_input};

/// Makes a `#[repr(C)]` or `#[repr(transparent)]` struct of `Plain` fields `Plain`. What has
/// padding does not compile (make it a field whose name begins with `_`); nor does a field whose
/// type has bit patterns that are not valid.
/// `#[plain(name = "…")]` tells the name that a field has in C, where it is another.
#[proc_macro_derive(Plain, attributes(plain))]
pub fn derive_plain(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    plain(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

fn plain(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        let why =
            "only structs can be `Plain`: enums and unions have bit patterns that are not valid";
        return Err(Error::new(input.ident.span(), why));
    };
    check_repr(input)?;
    let fields: Vec<Part<'_>> = data
        .fields
        .iter()
        .enumerate()
        .map(|(index, field)| Part::new(index, field))
        .collect::<Result<_>>()?;
    let (sizes, table) = (all(&fields, Part::size), all(&fields, Part::row));
    let (writes, reads) = (all(&fields, Part::write), all(&fields, Part::read));
    let built = all(&fields, Part::build);

    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let bounds = bounds.map_or_else(|| quote!(where), |b| quote!(#b, ));
    let types = fields.iter().map(|part| &part.field.ty);
    // What has no parameters is looked at even if nobody uses it.
    let look = input.generics.params.is_empty().then(|| {
        quote! { const _: usize = <#name as ::skep::Plain>::SIZE; }
    });
    Ok(quote! {
        impl #generics ::skep::Plain for #name #arguments #bounds #(#types: ::skep::Plain,)* {
            const SIZE: usize = {
                let fields = 0 #sizes;
                assert!(fields == ::core::mem::size_of::<Self>(), "the struct has padding: make it a field, such as `_pad: [u8; 4]`");
                fields
            };
            const FIELDS: &'static [::skep::PlainField] = &[#table];

            #[inline]
            fn write_to(&self, out: &mut [u8]) {
                let rest = out;
                #writes
                let _ = rest;
            }

            #[inline]
            fn read_from(bytes: &[u8]) -> ::core::option::Option<Self> {
                let rest = bytes;
                #reads
                if rest.is_empty() { ::core::option::Option::Some(Self { #built }) } else { ::core::option::Option::None }
            }
        }
        #look
    })
}

/// What is said of each field, one after the other.
fn all<'a>(parts: &[Part<'a>], say: fn(&Part<'a>) -> TokenStream) -> TokenStream {
    parts.iter().map(say).collect()
}

/// The fields must be where they are written.
fn check_repr(input: &DeriveInput) -> Result<()> {
    let mut laid_out = false;
    for attr in input
        .attrs
        .iter()
        .filter(|attr| attr.path().is_ident("repr"))
    {
        attr.parse_nested_meta(|meta| {
            laid_out |= meta.path.is_ident("C") || meta.path.is_ident("transparent");
            // `align(8)`, `packed(4)`: what they ask for is seen in the struct's size.
            if meta.input.peek(syn::token::Paren) {
                let inside;
                syn::parenthesized!(inside in meta.input);
                inside.parse::<TokenStream>()?;
            }
            Ok(())
        })?;
    }
    if laid_out {
        return Ok(());
    }
    let why = "`Plain` needs `#[repr(C)]`: otherwise fields may be anywhere";
    Err(Error::new(input.ident.span(), why))
}

/// A field, and what the implementation says of it.
struct Part<'a> {
    field: &'a Field,
    member: Member,
    local: Ident,
    c_name: String,
}

impl<'a> Part<'a> {
    fn new(index: usize, field: &'a Field) -> Result<Self> {
        let mut c_name = match &field.ident {
            Some(name) => name.unraw().to_string(),
            None => String::new(),
        };
        for attr in field
            .attrs
            .iter()
            .filter(|attr| attr.path().is_ident("plain"))
        {
            attr.parse_nested_meta(|meta| {
                if !meta.path.is_ident("name") {
                    return Err(meta.error("only `name = \"...\"` is known"));
                }
                c_name = meta.value()?.parse::<LitStr>()?.value();
                Ok(())
            })?;
        }
        Ok(Self {
            field,
            member: match &field.ident {
                Some(name) => Member::Named(name.clone()),
                None => Member::Unnamed(syn::Index {
                    index: index as u32,
                    span: field.span(),
                }),
            },
            local: format_ident!("field{index}"),
            c_name,
        })
    }

    fn size(&self) -> TokenStream {
        let ty = &self.field.ty;
        quote! { + <#ty as ::skep::Plain>::SIZE }
    }

    fn row(&self) -> TokenStream {
        let (ty, member, name) = (&self.field.ty, &self.member, &self.c_name);
        if name.is_empty() {
            return TokenStream::new();
        }
        quote! {
            ::skep::PlainField {
                name: #name,
                offset: ::core::mem::offset_of!(Self, #member),
                size: <#ty as ::skep::Plain>::SIZE,
                fields: <#ty as ::skep::Plain>::FIELDS,
            },
        }
    }

    fn write(&self) -> TokenStream {
        let (ty, member, local) = (&self.field.ty, &self.member, &self.local);
        quote! {
            let #local = self.#member;
            let (part, rest) = rest.split_at_mut(<#ty as ::skep::Plain>::SIZE);
            ::skep::Plain::write_to(&#local, part);
        }
    }

    fn read(&self) -> TokenStream {
        let (ty, local) = (&self.field.ty, &self.local);
        quote! {
            let (part, rest) = rest.split_at_checked(<#ty as ::skep::Plain>::SIZE)?;
            let #local = <#ty as ::skep::Plain>::read_from(part)?;
        }
    }

    fn build(&self) -> TokenStream {
        let (member, local) = (&self.member, &self.local);
        quote! { #member: #local, }
    }
}
