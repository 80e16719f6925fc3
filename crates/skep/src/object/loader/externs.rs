//! Where the kernel's symbols and functions are that programs refer to. All of an object's are
//! looked for together; what is wrong with one is told to the programs that refer to it.

use crate::btf::{KernelTypes, Place};
use crate::system::System;
use crate::system::kallsyms::{self, Symbol};
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;
use core::ffi::c_int;
use skep_codec::btf::{Btf, Kind, Kinds, TypeId};
use skep_codec::core_reloc::{is_compatible, type_text};
use skep_codec::object::{Address, Extern, ExternKind, ObjectSpec};
use skep_sys::Fd;

/// The most descriptors that calls can name: their offset has 16 bits.
const MAX_FDS: usize = i16::MAX as usize;

/// The externs of an object in this kernel, by the spec's order.
#[derive(Debug, Default)]
pub(super) struct Externs {
    /// `None` where it was not looked for yet.
    found: Vec<Option<Result<Address>>>,
    /// Descriptors of modules' types that calls name by index. The first is nobody's: index 0 is
    /// the kernel itself.
    fd_array: Vec<c_int>,
}

impl Externs {
    /// Where this one is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where this kernel lacks it and the object does not call it weak, or
    /// what is wrong with it.
    pub(super) fn address(&self, index: usize) -> Result<Address> {
        match self.found.get(index) {
            Some(Some(found)) => found.clone(),
            _ => Ok(Address::Missing),
        }
    }

    /// Descriptors that calls name by index.
    pub(super) fn fd_array(&self) -> &[c_int] {
        &self.fd_array
    }

    /// Looks for what code refers to and is not looked for yet.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    pub(super) fn look_for(
        &mut self,
        referred: &[usize],
        system: &System,
        kernel: &mut KernelTypes<'_>,
        spec: &ObjectSpec,
    ) -> Result<()> {
        self.found.resize(spec.externs.len(), None);
        let (mut typed, mut untyped) = (false, false);
        for index in referred {
            if let (Some(None), Some(wanted)) = (self.found.get(*index), spec.externs.get(*index)) {
                typed |= wanted.is_typed_ksym();
                untyped |= wanted.kind == ExternKind::Address;
            }
        }
        if typed {
            self.typed(kernel, spec)?;
        }
        if untyped {
            self.untyped(system, spec)?;
        }
        Ok(())
    }

    /// Functions and variables that the kernel's types or a module's describe.
    fn typed(&mut self, kernel: &mut KernelTypes<'_>, spec: &ObjectSpec) -> Result<()> {
        let Some(local) = spec.btf.as_deref() else {
            return Ok(());
        };
        let typed = spec.externs.iter().enumerate();
        let typed: Vec<(usize, &Extern)> = typed.filter(|(_, e)| e.is_typed_ksym()).collect();
        let names: Vec<(&str, Kinds)> = names(spec).collect();
        let places = match kernel.find(&names) {
            // Nothing is known of a kernel without BTF: what is weak is not there.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                for (index, wanted) in typed {
                    let nowhere = wanted.weak.then_some(Address::Missing);
                    self.set(index, nowhere.ok_or_else(|| error.clone()));
                }
                return Ok(());
            }
            places => places?,
        };
        for ((index, wanted), place) in typed.into_iter().zip(places) {
            let found = match place {
                Some(place) => self.accept(local, wanted, place, kernel),
                None => missing(wanted, &kernel.looked()),
            };
            self.set(index, found);
        }
        Ok(())
    }

    /// What was found by name, if it is what the object declares.
    fn accept(
        &mut self,
        local: &Btf,
        wanted: &Extern,
        place: Place<'_>,
        kernel: &KernelTypes<'_>,
    ) -> Result<Address> {
        let (ours, theirs) = match wanted.kind {
            ExternKind::Func(func) => (target(local, func)?, target(place.btf, place.id)?),
            ExternKind::Var(ty) => {
                let theirs = target(place.btf, place.id)?;
                (local.peel(ty)?.id(), place.btf.peel(theirs)?.id())
            }
            _ => return Ok(Address::Missing),
        };
        let is_func = matches!(wanted.kind, ExternKind::Func(_));
        if !is_compatible((local, ours), (place.btf, theirs))? {
            // A weak function of another type counts as not there.
            return match is_func && wanted.weak {
                true => Ok(Address::Missing),
                false => Err(differs(wanted, (local, ours), (place.btf, theirs))),
            };
        }
        let id = place.id.0;
        let fd = place.module.and_then(|module| kernel.fd(module));
        let btf_fd = fd.map_or(0, Fd::raw);
        if !is_func {
            return Ok(Address::Btf { id, btf_fd });
        }
        let fd_index = match fd {
            Some(fd) => self.fd_index(fd.raw())?,
            None => 0,
        };
        Ok(Address::Kfunc {
            id,
            fd_index,
            btf_fd,
        })
    }

    /// The index of a descriptor, which is added if it is not there.
    fn fd_index(&mut self, fd: c_int) -> Result<i16> {
        if self.fd_array.is_empty() {
            self.fd_array.push(0);
        }
        let known = self.fd_array.iter().skip(1).position(|&other| other == fd);
        let index = known.map_or(self.fd_array.len(), |place| place.saturating_add(1));
        if index >= MAX_FDS {
            let what = "functions of more modules than a call can name";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        if known.is_none() {
            self.fd_array.push(fd);
        }
        Ok(index as i16)
    }

    /// Symbols of which only the address is wanted.
    fn untyped(&mut self, system: &System, spec: &ObjectSpec) -> Result<()> {
        let (mut all, mut names) = (Vec::new(), Vec::new());
        for (index, wanted) in spec.externs.iter().enumerate() {
            if wanted.kind == ExternKind::Address {
                all.push((index, wanted));
                names.push(wanted.name.as_str());
            }
        }
        let symbols = kallsyms::symbols(system, &names)?;
        for (index, wanted) in all {
            let found = match symbols.get(wanted.name.as_bytes()) {
                Some(Symbol::At(address)) => Ok(Address::Value(*address)),
                Some(Symbol::Several(first, second)) => Err(Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "the kernel has several symbols `{}`: at {first:#x}, at {second:#x}",
                        wanted.name
                    ),
                )),
                Some(Symbol::Missing) | None => missing(wanted, "/proc/kallsyms"),
            };
            self.set(index, found);
        }
        Ok(())
    }

    fn set(&mut self, index: usize, found: Result<Address>) {
        if let Some(slot) = self.found.get_mut(index) {
            *slot = Some(found);
        }
    }
}

/// Names of functions and variables that the kernel's types or a module's describe, by the spec's
/// order.
pub(super) fn names(spec: &ObjectSpec) -> impl Iterator<Item = (&str, Kinds)> {
    let typed = spec.externs.iter().filter(|e| e.is_typed_ksym());
    typed.map(|wanted| match wanted.kind {
        ExternKind::Func(_) => (wanted.essential_name(), Kinds::of(Kind::Func)),
        _ => (wanted.name.as_str(), Kinds::of(Kind::Var)),
    })
}

/// The type that a function or variable has.
fn target(btf: &Btf, id: TypeId) -> Result<TypeId> {
    Ok(btf.ty(id)?.target().unwrap_or_default())
}

fn missing(wanted: &Extern, places: &str) -> Result<Address> {
    if wanted.weak {
        return Ok(Address::Missing);
    }
    let what = match wanted.kind {
        ExternKind::Func(_) => "function",
        ExternKind::Var(_) => "variable",
        _ => "symbol",
    };
    let what = format!(
        "no {what} `{name}` in {places} (a program that can do without it declares it __weak and \
         asks bpf_ksym_exists({name}))",
        name = wanted.name
    );
    Err(Error::new(ErrorKind::NotFound, what))
}

fn differs(wanted: &Extern, ours: (&Btf, TypeId), theirs: (&Btf, TypeId)) -> Error {
    let what = format!(
        "`{}` is declared as {}, the kernel has it as {}",
        wanted.name,
        type_text(ours.0, ours.1),
        type_text(theirs.0, theirs.1)
    );
    Error::new(ErrorKind::Invalid, what)
}
