//! Whether what one file declares is what another one defines.

use super::file::File;
use super::symbols::Symbol;
use crate::btf::{Btf, Kind, MAX_DEPTH, Type, TypeId};
use crate::error::bail;
use crate::object::{MapSpec, map_definition};
use crate::{Error, ErrorKind, Result};

/// How many types the comparisons of one link may look at, beside one for each byte of input.
const MIN_STEPS: u64 = 1 << 16;
const MAPS: &str = ".maps";

type Side<'a> = (&'a Btf, TypeId);

/// Compares types, so many in all.
pub(super) struct Matcher {
    steps: u64,
}

impl Matcher {
    pub(super) fn new(files: &[File<'_>]) -> Self {
        let bytes: u64 = files.iter().map(|file| file.size as u64).sum();
        Self {
            steps: bytes.saturating_add(MIN_STEPS),
        }
    }

    /// Compares the types that two files give a name, where both have some.
    pub(super) fn check(&mut self, files: &[File<'_>], old: &Symbol, new: &Symbol) -> Result<()> {
        let (Some(a), Some(b)) = (files.get(old.file), files.get(new.file)) else {
            return Ok(());
        };
        let (Some(mine), Some(theirs)) = (b.declaration(&new.name), a.declaration(&old.name))
        else {
            return Ok(());
        };
        let sections = (
            b.datasec_of.get(&mine.1.0).map(|name| name.as_str()),
            a.datasec_of.get(&theirs.1.0).map(|name| name.as_str()),
        );
        if let (Some(mine), Some(theirs)) = sections
            && mine != theirs
        {
            bail!(
                Mismatch,
                "in section '{mine}' here, in '{theirs}' in {}",
                a.name
            );
        }
        let same = match sections {
            (Some(MAPS), _) | (_, Some(MAPS)) => self.maps(mine, theirs, &new.name),
            _ => self.ids(mine, theirs, true, MAX_DEPTH),
        };
        same.map_err(|error| match error.kind() {
            ErrorKind::Mismatch => {
                let what = format!("is not what it is in {}: {}", a.name, error.what());
                Error::new(ErrorKind::Mismatch, what)
            }
            _ => error,
        })
    }

    /// Maps are compared by their settings.
    fn maps(&mut self, a: Side<'_>, b: Side<'_>, name: &str) -> Result<()> {
        for side in [a, b] {
            self.spend(definition_size(side))?;
        }
        let (one, other) = (
            map_definition(a.0, a.1, name)?,
            map_definition(b.0, b.1, name)?,
        );
        self.settings(a.0, &one, b.0, &other)?;
        match (&one.inner, &other.inner) {
            (Some(one), Some(other)) => self.settings(a.0, one, b.0, other),
            (None, None) => Ok(()),
            _ => bail!(Mismatch, "inner maps in one of them only"),
        }
    }

    fn settings(&mut self, a: &Btf, one: &MapSpec, b: &Btf, other: &MapSpec) -> Result<()> {
        let numbers = [
            ("type", one.map_type.0, other.map_type.0),
            ("key size", one.key_size, other.key_size),
            ("value size", one.value_size, other.value_size),
            ("max_entries", one.max_entries, other.max_entries),
            ("map_flags", one.map_flags, other.map_flags),
        ];
        if let Some((what, mine, theirs)) = numbers.iter().find(|(_, mine, theirs)| mine != theirs)
        {
            bail!(Mismatch, "its {what} is {mine}, not {theirs}");
        }
        let rest = |map: &MapSpec| (map.map_extra, map.numa_node, map.pinning.clone());
        if rest(one) != rest(other) {
            bail!(Mismatch, "its map_extra, numa_node or pinning differs");
        }
        let types = [
            ("key", one.key_type, other.key_type),
            ("value", one.value_type, other.value_type),
        ];
        for (what, mine, theirs) in types {
            if (mine == TypeId::VOID) != (theirs == TypeId::VOID) {
                bail!(
                    Mismatch,
                    "the type of its {what} is known in one of them only"
                );
            }
            self.ids((a, mine), (b, theirs), true, MAX_DEPTH)?;
        }
        Ok(())
    }

    fn spend(&mut self, steps: u64) -> Result<()> {
        match self.steps.checked_sub(steps) {
            Some(rest) => {
                self.steps = rest;
                Ok(())
            }
            None => bail!(TooDeep, "types too large to be compared"),
        }
    }

    /// Compares two types; `exact` for the members of structs too.
    fn ids(&mut self, a: Side<'_>, b: Side<'_>, exact: bool, depth: u32) -> Result<()> {
        self.spend(1)?;
        let Some(depth) = depth.checked_sub(1) else {
            bail!(TooDeep, "types too large to be compared");
        };
        let (one, other) = (a.0.peel(a.1)?, b.0.peel(b.1)?);
        let (kind, theirs) = (one.kind(), other.kind());
        let declared = |k: Kind| k == Kind::Fwd || k.is_composite();
        let both_declared = !exact && declared(kind) && declared(theirs);
        if kind != theirs && !both_declared && !(kind.is_enum() && theirs.is_enum()) {
            bail!(Mismatch, "{} against {}", words(&one), words(&other));
        }
        let named = kind != Kind::Int && kind != Kind::Float;
        if named && one.name()? != other.name()? {
            bail!(Mismatch, "{} against {}", words(&one), words(&other));
        }
        match kind {
            Kind::Int | Kind::Float | Kind::Enum | Kind::Enum64 if one.size() != other.size() => {
                bail!(
                    Mismatch,
                    "{} and {} differ in size",
                    words(&one),
                    words(&other)
                )
            }
            // What a pointer points at need not be known.
            Kind::Ptr => self.targets(&one, &other, false, depth),
            Kind::Var | Kind::Func => self.targets(&one, &other, exact, depth),
            Kind::Array => {
                let (a, b) = ((a.0, one.array()?.element), (b.0, other.array()?.element));
                self.ids(a, b, exact, depth)
            }
            Kind::FuncProto => {
                self.params(&one, &other, depth)?;
                self.targets(&one, &other, false, depth)
            }
            Kind::Struct | Kind::Union if exact => self.members(&one, &other, depth),
            _ => Ok(()),
        }
    }

    fn targets(&mut self, a: &Type<'_>, b: &Type<'_>, exact: bool, depth: u32) -> Result<()> {
        let target = |ty: &Type<'_>| ty.target().unwrap_or_default();
        self.ids((a.btf(), target(a)), (b.btf(), target(b)), exact, depth)
    }

    fn params(&mut self, a: &Type<'_>, b: &Type<'_>, depth: u32) -> Result<()> {
        if a.vlen() != b.vlen() {
            bail!(Mismatch, "{} parameters against {}", a.vlen(), b.vlen());
        }
        for (one, other) in a.params().zip(b.params()) {
            self.ids((a.btf(), one?.ty), (b.btf(), other?.ty), false, depth)?;
        }
        Ok(())
    }

    fn members(&mut self, a: &Type<'_>, b: &Type<'_>, depth: u32) -> Result<()> {
        if (a.size(), a.vlen()) != (b.size(), b.vlen()) {
            bail!(
                Mismatch,
                "{} differs in size or number of members",
                words(a)
            );
        }
        for (one, other) in a.members().zip(b.members()) {
            let (one, other) = (one?, other?);
            let place = (one.name, one.bit_offset, one.bit_size);
            if place != (other.name, other.bit_offset, other.bit_size) {
                bail!(Mismatch, "{}: member '{}' differs", words(a), one.name);
            }
            self.ids((a.btf(), one.ty), (b.btf(), other.ty), true, depth)?;
        }
        Ok(())
    }
}

/// Members of the struct that defines a map, and of those in it.
fn definition_size((btf, var): Side<'_>) -> u64 {
    let target = btf.ty(var).ok().and_then(|ty| ty.target());
    let ty = target.and_then(|id| btf.peel(id).ok());
    ty.map_or(0, |ty| u64::from(ty.vlen()))
}

/// A type in a few words.
fn words(ty: &Type<'_>) -> alloc::string::String {
    let kind = match ty.kind() {
        Kind::Void => return "void".into(),
        Kind::Ptr => return "a pointer".into(),
        Kind::Array => return "an array".into(),
        Kind::FuncProto => return "a function".into(),
        Kind::Int | Kind::Float => "",
        Kind::Struct => "struct ",
        Kind::Union => "union ",
        Kind::Enum | Kind::Enum64 => "enum ",
        _ => "",
    };
    format!("{kind}{}", ty.name().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::btf::{Array, BtfBuilder, Int, Member, Param};
    use crate::bytes::Endian;
    use crate::object::Pinning;

    const SIGNED: Int = Int {
        signed: true,
        char: false,
        bool: false,
        offset: 0,
        bits: 32,
    };

    /// What the two sides make, compared; the complaint.
    fn compared(
        one: impl Fn(&mut BtfBuilder) -> TypeId,
        other: impl Fn(&mut BtfBuilder) -> TypeId,
    ) -> Option<alloc::string::String> {
        let built = |make: &dyn Fn(&mut BtfBuilder) -> TypeId| {
            let mut b = BtfBuilder::new();
            let id = make(&mut b);
            (
                Btf::from_bytes(&b.to_bytes(Endian::Little).unwrap()).unwrap(),
                id,
            )
        };
        let (a, b) = (built(&one), built(&other));
        let mut matcher = Matcher { steps: MIN_STEPS };
        let same = matcher.ids((&a.0, a.1), (&b.0, b.1), true, MAX_DEPTH);
        same.err().map(|error| error.what().into())
    }

    fn int(b: &mut BtfBuilder, name: &str, size: u32) -> TypeId {
        let bits = (size * 8) as u8;
        b.add_int(name, size, Int { bits, ..SIGNED })
    }

    fn pair(b: &mut BtfBuilder, second: &str) -> TypeId {
        let ty = int(b, "int", 4);
        let member = |name, bit_offset| Member {
            name,
            ty,
            bit_offset,
            bit_size: 0,
        };
        b.add_struct("pair", 8, &[member("a", 0), member(second, 32)])
    }

    fn func(b: &mut BtfBuilder, params: &[TypeId], returns: TypeId) -> TypeId {
        let params: alloc::vec::Vec<Param<'_>> =
            params.iter().map(|&ty| Param { name: "", ty }).collect();
        let proto = b.add_func_proto(returns, &params);
        b.add_func("f", proto, 1)
    }

    #[test]
    fn qualifiers_and_names_of_integers_do_not_count() {
        let plain = |b: &mut BtfBuilder| int(b, "int", 4);
        let dressed = |b: &mut BtfBuilder| {
            let ty = int(b, "unsigned int", 4);
            let ty = b.add_typedef("__u32", ty);
            let ty = b.add_volatile(ty);
            b.add_const(ty)
        };
        assert_eq!(compared(plain, dressed), None);
        let wide = |b: &mut BtfBuilder| int(b, "long", 8);
        let complaint = compared(plain, wide);
        assert_eq!(complaint.as_deref(), Some("int and long differ in size"));
    }

    #[test]
    fn structs_count_whole_but_behind_pointers_by_name() {
        let one = |b: &mut BtfBuilder| pair(b, "b");
        let other = |b: &mut BtfBuilder| pair(b, "c");
        let complaint = compared(one, other);
        assert_eq!(
            complaint.as_deref(),
            Some("struct pair: member 'b' differs")
        );
        assert_eq!(compared(one, one), None);
        let to_one = |b: &mut BtfBuilder| {
            let ty = pair(b, "b");
            b.add_ptr(ty)
        };
        let to_other = |b: &mut BtfBuilder| {
            let ty = pair(b, "c");
            b.add_ptr(ty)
        };
        let to_declared = |b: &mut BtfBuilder| {
            let ty = b.add_fwd("pair", false);
            b.add_ptr(ty)
        };
        assert_eq!(compared(to_one, to_other), None);
        assert_eq!(compared(to_one, to_declared), None);
        let to_void = |b: &mut BtfBuilder| b.add_ptr(TypeId::VOID);
        let complaint = compared(to_one, to_void);
        assert_eq!(complaint.as_deref(), Some("struct pair against void"));
    }

    #[test]
    fn functions_by_parameters_and_result() {
        let none = |b: &mut BtfBuilder| func(b, &[], TypeId::VOID);
        let one = |b: &mut BtfBuilder| {
            let ty = int(b, "int", 4);
            func(b, &[ty], TypeId::VOID)
        };
        let back = |b: &mut BtfBuilder| {
            let ty = int(b, "int", 4);
            func(b, &[ty], ty)
        };
        assert_eq!(
            compared(none, one).as_deref(),
            Some("0 parameters against 1")
        );
        assert_eq!(compared(one, back).as_deref(), Some("void against int"));
        assert_eq!(compared(back, back), None);
    }

    #[test]
    fn maps_agree_in_every_setting() {
        let btf = Btf::from_bytes(&BtfBuilder::new().to_bytes(Endian::Little).unwrap()).unwrap();
        let differs = |change: &dyn Fn(&mut MapSpec)| {
            let (one, mut other) = (MapSpec::default(), MapSpec::default());
            change(&mut other);
            let mut matcher = Matcher { steps: MIN_STEPS };
            let outcome = matcher.settings(&btf, &one, &btf, &other);
            outcome.err().map(|error| error.what().into())
        };
        assert_eq!(differs(&|_| {}), None);
        let expect = |what: &str, change: &dyn Fn(&mut MapSpec)| {
            let text: alloc::string::String = differs(change).unwrap_or_default();
            assert_eq!(text, what);
        };
        expect("its type is 0, not 1", &|map| map.map_type.0 = 1);
        expect("its key size is 0, not 4", &|map| map.key_size = 4);
        expect("its value size is 0, not 4", &|map| map.value_size = 4);
        expect("its max_entries is 0, not 9", &|map| map.max_entries = 9);
        expect("its map_flags is 0, not 1", &|map| map.map_flags = 1);
        let rest = "its map_extra, numa_node or pinning differs";
        expect(rest, &|map| map.map_extra = 1);
        expect(rest, &|map| map.numa_node = Some(1));
        expect(rest, &|map| map.pinning = Pinning::ByName);
        let known = "the type of its key is known in one of them only";
        expect(known, &|map| map.key_type = TypeId(1));
    }

    #[test]
    fn types_without_end_are_given_up() {
        // An array of itself; and structs that double at each step.
        let circle = |b: &mut BtfBuilder| {
            let (element, index) = (b.next_id(), b.next_id());
            let array = Array {
                element,
                index,
                len: 1,
            };
            b.add_array(array)
        };
        let complaint = compared(circle, circle);
        assert_eq!(complaint.as_deref(), Some("types too large to be compared"));
        let doubling = |b: &mut BtfBuilder| {
            let mut ty = int(b, "int", 4);
            for _ in 0..40 {
                let member = |name| Member {
                    name,
                    ty,
                    bit_offset: 0,
                    bit_size: 0,
                };
                ty = b.add_struct("s", 4, &[member("a"), member("b")]);
            }
            ty
        };
        let complaint = compared(doubling, doubling);
        assert_eq!(complaint.as_deref(), Some("types too large to be compared"));
    }
}
