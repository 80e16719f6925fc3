//! Structs and unions, and the checks of their layout.

use super::names::{Members, bare, escaped, identifier};
use super::{Dump, bytes};
use crate::Result;
use crate::btf::c::layout::Layout;
use crate::btf::{Kind, RawMember, Type, TypeId};
use alloc::string::{String, ToString};
use core::fmt::Write;

/// A struct or union that is being written.
struct Body {
    name: String,
    is_struct: bool,
    layout: Layout,
    members: Members,
    /// What rustc is to check.
    checks: String,
    /// Of a union that is declared as its bytes: functions for its members.
    functions: Option<String>,
    /// Bytes written so far; of a union, bytes of its longest member.
    at: u64,
    /// Paddings, bit-fields and anonymous members so far.
    nameless: [u32; 3],
}

/// Members without a name of their own, by their places in [`Body::nameless`].
#[derive(Clone, Copy)]
enum Nameless {
    Padding,
    Bits,
    Anon,
}

/// Bit-fields that lie together: the first byte, and the first bit after the last.
#[derive(Clone, Default)]
struct Bits {
    from: u64,
    to: u64,
    comment: String,
}

impl<'a> Dump<'a> {
    /// A struct or union with all that is in it.
    pub(super) fn composite(&mut self, ty: &Type<'a>, name: &str) -> Result<()> {
        let (layout, plain) = (self.layouts.of(ty, 0)?, self.plain);
        let size = u64::from(ty.size().unwrap_or(0));
        let is_struct = ty.kind() == Kind::Struct;
        let empty = || Body {
            name: name.to_string(),
            is_struct,
            layout,
            members: Members::default(),
            checks: String::new(),
            functions: (plain && !is_struct).then(String::new),
            at: 0,
            nameless: [0; 3],
        };
        let mut body = empty();
        self.open(&body, size);
        let begin = self.out.len();
        if !self.members(ty, &mut body, size)? {
            // Members that lie over each other, or outside: only the bytes are certain.
            self.out.truncate(begin);
            body = empty();
        }
        let (missing, empty_union) = (size.saturating_sub(body.at), !body.is_struct && size == 0);
        if body.functions.is_none() && (missing > 0 || empty_union) {
            let count = if body.is_struct { missing } else { size };
            self.padding(&mut body, count);
        }
        self.out.push_str(if plain { "    }\n}\n" } else { "}\n" });
        self.zeroed(name);
        if let Some(functions) = body.functions.as_deref().filter(|text| !text.is_empty()) {
            self.out.extend(["impl ", name, " {\n", functions, "}\n"]);
        }
        self.out.push_str("const _: () = {\n");
        let size_of = "::core::mem::size_of";
        let _ = writeln!(self.out, "    assert!({size_of}::<{name}>() == {size});");
        self.out.extend([&body.checks, "};\n"]);
        Ok(())
    }

    /// Writes what comes before the members; of a union of [`super::PlainTypes`] its bytes, too.
    fn open(&mut self, body: &Body, size: u64) {
        let (packed, name) = (body.layout.packed, &body.name);
        if !self.plain {
            let repr = if packed { ", packed" } else { "" };
            let keyword = if body.is_struct { "struct " } else { "union " };
            self.out
                .extend(["\n#[repr(C", repr, ")]\n#[derive(Clone, Copy)]\npub "]);
            self.out.extend([keyword, name, " {\n"]);
            return;
        }
        self.out
            .push_str("\n::skep::plain! {\n    #[derive(Debug, PartialEq)]\n");
        if packed {
            self.out.push_str("    #[repr(packed)]\n");
        }
        self.out.extend(["    pub struct ", name, " {\n"]);
        if !body.is_struct {
            let bits = body.layout.align_bytes.saturating_mul(8);
            let bits = if packed { 8 } else { bits };
            let _ = writeln!(self.out, "        __align: [u{bits}; 0],");
            let _ = writeln!(self.out, "        pub __bytes: [u8; {size}],");
        }
    }

    /// Writes the members; whether they can be told.
    fn members(&mut self, ty: &Type<'a>, body: &mut Body, size: u64) -> Result<bool> {
        let mut bits: Option<Bits> = None;
        for member in ty.raw_members() {
            let waiting = bits.as_ref().map_or(0, |bits| bits.comment.len());
            let functions = body.functions.as_ref().map_or(0, String::len);
            let checks = body.checks.len().saturating_add(functions);
            self.check_size(waiting.saturating_add(checks))?;
            let name = self.names.text.at(member.name_off)?;
            let offset = u64::from(member.bit_offset);
            if member.bit_size != 0 {
                if !self.bit_field(body, &mut bits, (&member, name), size) {
                    return Ok(false);
                }
                continue;
            }
            if !self.bit_fields(body, bits.take(), size) {
                return Ok(false);
            }
            let len = self.btf.size_of(member.ty)?;
            if offset % 8 != 0 || !self.reach(body, offset / 8, len, size) {
                return Ok(false);
            }
            let name = match name {
                "" => body.nameless(Nameless::Anon),
                name => name.to_string(),
            };
            let part = identifier(&name);
            let context = format!("{}__{}", body.name, part.trim_start_matches('_'));
            let value = self.value(member.ty, &context, 0)?;
            let comment = self.comment(member.ty)?;
            let name = self.member(body, &name, &value, &comment);
            if body.functions.is_none() {
                let _ = writeln!(
                    body.checks,
                    "    assert!(::core::mem::offset_of!({}, {name}) == {});",
                    body.name,
                    offset / 8
                );
            }
            body.grow(offset / 8, len);
        }
        Ok(self.bit_fields(body, bits, size))
    }

    /// Adds a bit-field to those before it that share its words, or writes these and begins anew;
    /// whether they can be told.
    fn bit_field(
        &mut self,
        body: &mut Body,
        bits: &mut Option<Bits>,
        (member, name): (&RawMember, &str),
        size: u64,
    ) -> bool {
        let offset = u64::from(member.bit_offset);
        let before = bits.as_mut();
        let joined = before.filter(|bits| body.is_struct && bits.to <= offset);
        // What begins with a word of its own is a member of its own.
        let joined = joined
            .filter(|bits| !offset.is_multiple_of(32) && offset <= bits.to.next_multiple_of(8));
        if let Some(bits) = joined {
            bits.add(member, name);
            return true;
        }
        if !self.bit_fields(body, bits.take(), size) {
            return false;
        }
        let mut first = Bits {
            from: if body.is_struct { offset / 8 } else { 0 },
            to: offset.saturating_add(member.bit_size.into()),
            comment: String::new(),
        };
        first.add(member, name);
        *bits = Some(first);
        true
    }

    /// Fills up to where the next member begins; whether it can lie there.
    fn reach(&mut self, body: &mut Body, from: u64, len: u64, size: u64) -> bool {
        let inside = from.checked_add(len).is_some_and(|end| end <= size);
        if !body.is_struct {
            return inside && from == 0;
        }
        let Some(gap) = from.checked_sub(body.at).filter(|_| inside) else {
            return false;
        };
        if gap > 0 {
            self.padding(body, gap);
            body.at = from;
        }
        true
    }

    /// Writes bit-fields that lie together as one member; whether they can lie there.
    fn bit_fields(&mut self, body: &mut Body, bits: Option<Bits>, size: u64) -> bool {
        let Some(bits) = bits else {
            return true;
        };
        let len = bits.to.div_ceil(8).saturating_sub(bits.from);
        if !self.reach(body, bits.from, len, size) {
            return false;
        }
        let align = u64::from(body.layout.align_bytes);
        let whole = len <= align && bits.from.is_multiple_of(len) || body.layout.packed;
        let value = match len {
            1 | 2 | 4 | 8 if whole => format!("u{}", len.saturating_mul(8)),
            _ => bytes(len),
        };
        let name = body.nameless(Nameless::Bits);
        self.member(body, &name, &value, &bits.comment);
        body.grow(bits.from, len);
        true
    }

    fn padding(&mut self, body: &mut Body, count: u64) {
        let name = body.nameless(Nameless::Padding);
        self.member(body, &name, &bytes(count), "");
    }

    /// Writes one member; its name.
    fn member(&mut self, body: &mut Body, name: &str, value: &str, comment: &str) -> String {
        let name = body.members.fresh(name);
        if body.functions.is_some() {
            body.functions(&name, value, comment);
            return name;
        }
        let indent = if self.plain { "        " } else { "    " };
        self.out.extend([indent, "pub ", &name, ": ", value, ","]);
        if !comment.is_empty() {
            self.out.extend([" // ", comment]);
        }
        self.out.push('\n');
        name
    }

    /// What a value's type does not say: where its pointers lead.
    fn comment(&self, id: TypeId) -> Result<String> {
        let mut ty = self.btf.peel(id)?;
        while ty.kind() == Kind::Array {
            ty = self.btf.peel(ty.array()?.element)?;
        }
        match ty.kind() {
            Kind::Ptr => self.pointee(ty.id(), 0),
            _ => Ok(String::new()),
        }
    }
}

impl Bits {
    /// Adds a field behind the others.
    fn add(&mut self, member: &RawMember, name: &str) {
        let offset = u64::from(member.bit_offset);
        self.to = offset.saturating_add(member.bit_size.into());
        let first = offset.saturating_sub(self.from.saturating_mul(8));
        let end = first.saturating_add(member.bit_size.into());
        let comma = if self.comment.is_empty() { "" } else { ", " };
        let name = if name.is_empty() {
            "_".to_string()
        } else {
            escaped(name)
        };
        let _ = write!(self.comment, "{comma}{name}: bits {first}..{end}");
    }
}

impl Body {
    /// A name for the next member that has none.
    fn nameless(&mut self, what: Nameless) -> String {
        let [paddings, bits, anons] = &mut self.nameless;
        let (count, word) = match what {
            Nameless::Padding => (paddings, "padding"),
            Nameless::Bits => (bits, "bits"),
            Nameless::Anon => (anons, "anon"),
        };
        *count = count.saturating_add(1);
        format!("__{word}_{count}")
    }

    /// Functions that read and write a member of a union, whose bytes are as many or more.
    fn functions(&mut self, name: &str, value: &str, comment: &str) {
        let bare = bare(name);
        let setter = self.members.fresh(&format!("set_{bare}"));
        let Some(out) = &mut self.functions else {
            return;
        };
        let points = match comment {
            "" => String::new(),
            comment => format!(": `{comment}`"),
        };
        let size = "::core::mem::size_of";
        let _ = write!(
            out,
            "    /// `{bare}` of the union{points}.\n    \
                 pub fn {name}(&self) -> {value} {{\n        \
                     let (bytes, _) = self.__bytes.split_at({size}::<{value}>());\n        \
                     ::skep::Plain::read_from(bytes).unwrap_or_else(::skep::Plain::zeroed)\n    \
                 }}\n    \
                 /// Sets `{bare}` of the union, and no other byte.\n    \
                 pub fn {setter}(&mut self, value: {value}) {{\n        \
                     let (bytes, _) = self.__bytes.split_at_mut({size}::<{value}>());\n        \
                     ::skep::Plain::write_to(&value, bytes);\n    \
                 }}\n",
        );
        let _ = writeln!(
            self.checks,
            "    assert!({size}::<{value}>() <= {size}::<{}>());",
            self.name
        );
    }

    /// Notes that a member has been written.
    fn grow(&mut self, from: u64, len: u64) {
        let end = from.saturating_add(len);
        self.at = if self.is_struct {
            end
        } else {
            self.at.max(end)
        };
    }
}
