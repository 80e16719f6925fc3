//! Which struct a ring buffer carries, and its records by that struct.

use crate::fail::{Failure, Result};
use skep::codec::btf::{Btf, Kind, Type, TypeId, Value};
use skep::codec::object::{MapSpec, ObjectSpec};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How a ring buffer's records are read.
pub(crate) enum Reading {
    /// As this struct.
    As(Decoder),
    /// As bytes: each of these structs could be it; no types are known, where there is no list.
    Bytes(Option<Vec<String>>),
}

/// The struct that a ring buffer carries.
pub(crate) struct Decoder {
    btf: Arc<Btf>,
    ty: TypeId,
    /// The struct's name.
    pub(crate) name: String,
    /// Its size in bytes.
    size: usize,
    /// A record that ends before this byte is not this struct; one that ends inside the last
    /// member is (programs cut a long last array short).
    least: usize,
    /// Bytes that may follow.
    padding: usize,
    /// A record longer than the struct is not this struct: it was a guess.
    exact: bool,
}

impl Decoder {
    /// The struct named by the user, else the ring's declared value type, else `event`, else the
    /// only candidate.
    ///
    /// # Errors
    /// No struct has the name that the user gave.
    pub(crate) fn choose(
        spec: &ObjectSpec,
        ring: &MapSpec,
        asked: Option<&str>,
    ) -> Result<Reading> {
        let Some(btf) = &spec.btf else {
            return match asked {
                Some(name) => Err(Failure::Said(format!(
                    "--type {}={name}: the object has no BTF (compile it with -g)",
                    ring.name
                ))),
                None => Ok(Reading::Bytes(None)),
            };
        };
        let known = Known {
            option: format!("--type {}={}", ring.name, asked.unwrap_or_default()),
            declared: ring.value_type,
            others: spec
                .ext
                .core_relos
                .values()
                .flatten()
                .map(|r| r.type_id)
                .chain(spec.maps.iter().flat_map(|m| [m.key_type, m.value_type]))
                .collect(),
            programs: Some(spec.programs.iter().map(|p| p.name.as_str()).collect()),
        };
        Self::among(btf, &known, asked)
    }

    /// The same in the types of programs that are in the kernel, or of a file that is no object.
    ///
    /// # Errors
    /// No struct has the name that the user gave.
    pub(crate) fn of_types(btf: &Arc<Btf>, asked: Option<&str>) -> Result<Reading> {
        let known = Known {
            option: format!("--type {}", asked.unwrap_or_default()),
            declared: TypeId::VOID,
            others: Vec::new(),
            programs: None,
        };
        Self::among(btf, &known, asked)
    }

    fn among(btf: &Arc<Btf>, known: &Known<'_>, asked: Option<&str>) -> Result<Reading> {
        let structs = structs(btf);
        let find = |name: &str| structs.get(name).copied();
        if let Some(name) = asked {
            return match find(name) {
                Some(ty) => Self::new(btf, ty, name, false).map(Reading::As),
                None => Err(no_struct(&known.option, &structs)),
            };
        }
        let declared = structs
            .iter()
            .find(|(_, ty)| same(btf, **ty, known.declared));
        let (name, ty) = match declared.map(|(name, ty)| (name.as_str(), *ty)) {
            Some(declared) => declared,
            None => match find("event") {
                Some(ty) => ("event", ty),
                None => match only_candidate(known, btf, &structs) {
                    Ok(found) => found,
                    Err(several) => return Ok(Reading::Bytes(Some(several))),
                },
            },
        };
        Self::new(btf, ty, name, true).map(Reading::As)
    }

    fn new(btf: &Arc<Btf>, ty: TypeId, name: &str, guessed: bool) -> Result<Self> {
        let composite = btf.peel(ty)?;
        let size = composite.size().unwrap_or(0) as usize;
        let mut least = size;
        let mut exact = guessed;
        if let Some(last) = composite.members().last() {
            let last = last?;
            let ty = btf.peel(last.ty)?;
            if ty.kind() == Kind::Array {
                least = (last.bit_offset / 8) as usize;
                exact &= ty.array()?.len != 0;
            }
        }
        Ok(Self {
            btf: btf.clone(),
            ty,
            name: name.to_owned(),
            size,
            least,
            padding: 0,
            exact,
        })
    }

    /// Takes records with up to so many bytes behind the struct: perf buffers pad them.
    pub(crate) fn padded(mut self, bytes: usize) -> Self {
        self.padding = bytes;
        self
    }

    /// The record as a value; `None` where it cannot be this struct.
    pub(crate) fn decode(&self, record: &[u8]) -> Option<Value> {
        if record.len() < self.least || (self.exact && record.len() > self.size + self.padding) {
            return None;
        }
        if record.len() >= self.size {
            return self.btf.decode(self.ty, record).ok();
        }
        let mut whole = record.to_vec();
        whole.resize(self.size, 0);
        self.btf.decode(self.ty, &whole).ok()
    }
}

/// What is known beside the types.
struct Known<'a> {
    /// How the user named the struct.
    option: String,
    /// What the ring buffer declares.
    declared: TypeId,
    /// Types that records are not made of.
    others: Vec<TypeId>,
    /// Functions that are programs; all, where it is not known.
    programs: Option<BTreeSet<&'a str>>,
}

fn no_struct(option: &str, structs: &BTreeMap<String, TypeId>) -> Failure {
    let names: Vec<_> = structs.keys().map(String::as_str).collect();
    Failure::Said(format!(
        "{option}: the object has no such struct; it has {}",
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    ))
}

/// Every named struct: by its own name, or by the typedef of one without name.
fn structs(btf: &Btf) -> BTreeMap<String, TypeId> {
    let mut found = BTreeMap::new();
    for ty in btf.iter() {
        let is_struct = match ty.kind() {
            Kind::Struct => true,
            Kind::Typedef => btf
                .peel(ty.id())
                .is_ok_and(|t| t.kind() == Kind::Struct && t.name().is_ok_and(str::is_empty)),
            _ => false,
        };
        if let (true, Ok(name)) = (is_struct, ty.name())
            && !name.is_empty()
            && btf.size_of(ty.id()).is_ok_and(|size| size > 0)
        {
            found.entry(name.to_owned()).or_insert(ty.id());
        }
    }
    found
}

fn same(btf: &Btf, a: TypeId, b: TypeId) -> bool {
    b != TypeId::VOID && matches!((btf.peel(a), btf.peel(b)), (Ok(a), Ok(b)) if a.id() == b.id())
}

/// The only struct that is not the kernel's, not a context, not a variable's, not another map's
/// and not a part of another struct; or the only one of these that a global pointer points to
/// (the usual way to keep a type in BTF). Else the names of all of them.
fn only_candidate<'a>(
    known: &Known<'_>,
    btf: &Btf,
    structs: &'a BTreeMap<String, TypeId>,
) -> Result<(&'a str, TypeId), Vec<String>> {
    let (others, pointed) = roots(known, btf);
    let mut excluded = reached(btf, others);
    for ty in structs.values() {
        let Ok(composite) = btf.peel(*ty) else {
            continue;
        };
        if !excluded.contains(&composite.id()) {
            let mut parts = reached(btf, members(&composite));
            parts.remove(&composite.id());
            excluded.extend(parts);
        }
    }
    let left: Vec<_> = structs
        .iter()
        .filter_map(|(name, ty)| Some((name.as_str(), *ty, btf.peel(*ty).ok()?.id())))
        .filter(|(_, _, peeled)| !excluded.contains(peeled))
        .collect();
    let kept: Vec<_> = left
        .iter()
        .filter(|(.., id)| pointed.contains(id))
        .collect();
    match (left.as_slice(), kept.as_slice()) {
        ([(name, ty, _)], _) | (_, [(name, ty, _)]) => Ok((name, *ty)),
        _ => Err(left.iter().map(|(name, ..)| (*name).to_owned()).collect()),
    }
}

/// Types that records are not made of, and structs that global pointers point to.
fn roots(known: &Known<'_>, btf: &Btf) -> (Vec<TypeId>, BTreeSet<TypeId>) {
    let mut others = known.others.clone();
    let is_program = |name: &str| match &known.programs {
        Some(programs) => programs.contains(name),
        None => true,
    };
    let mut pointed = BTreeSet::new();
    for ty in btf.iter() {
        let target = ty.target().unwrap_or_default();
        match ty.kind() {
            Kind::Func if ty.name().is_ok_and(is_program) => {
                if let Ok(proto) = btf.ty(target) {
                    others.extend(proto.params().flatten().map(|p| p.ty));
                }
            }
            Kind::Var => match btf.peel(target) {
                Ok(pointer) if pointer.kind() == Kind::Ptr => {
                    let to = btf.peel(pointer.target().unwrap_or_default());
                    pointed.extend(to.map(|t| t.id()));
                }
                _ => others.push(target),
            },
            _ => {}
        }
    }
    (others, pointed)
}

/// All types that these lead to, each looked at once.
fn reached(btf: &Btf, mut todo: Vec<TypeId>) -> BTreeSet<TypeId> {
    let mut seen = BTreeSet::new();
    while let Some(id) = todo.pop() {
        let Ok(ty) = btf.ty(id) else { continue };
        if id == TypeId::VOID || !seen.insert(id) {
            continue;
        }
        match ty.kind() {
            Kind::Array => todo.extend(ty.array().map(|a| a.element)),
            Kind::Struct | Kind::Union => todo.extend(members(&ty)),
            _ => todo.extend(ty.target()),
        }
    }
    seen
}

fn members(ty: &Type<'_>) -> Vec<TypeId> {
    ty.members().flatten().map(|m| m.ty).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep::codec::btf::{Array, BtfBuilder, CoreKind, CoreRelo, Int, Member};
    use skep::codec::bytes::Endian;

    const RAWTP: &[u8] = include_bytes!("../../../testdata/rawtp.bpf.el.o");

    /// Types of an object: `sample`, `config` (a variable's), `task` (the kernel's).
    struct Types {
        builder: BtfBuilder,
        word: TypeId,
        sample: TypeId,
        task: TypeId,
    }

    fn int(bits: u8) -> Int {
        Int {
            signed: false,
            char: bits == 8,
            bool: false,
            offset: 0,
            bits,
        }
    }

    fn member(name: &str, ty: TypeId, bit_offset: u32) -> Member<'_> {
        Member {
            name,
            ty,
            bit_offset,
            bit_size: 0,
        }
    }

    fn types() -> Types {
        let mut builder = BtfBuilder::new();
        let word = builder.add_int("unsigned int", 4, int(32));
        let letter = builder.add_int("char", 1, int(8));
        let text = builder.add_array(Array {
            element: letter,
            index: word,
            len: 8,
        });
        let members = [member("pid", word, 0), member("text", text, 32)];
        let sample = builder.add_struct("sample", 12, &members);
        let config = builder.add_struct("config", 4, &[member("rate", word, 0)]);
        builder.add_var("config", config, 1);
        let inner = builder.add_struct("inner", 4, &[member("x", word, 0)]);
        let pointer = builder.add_ptr(inner);
        let task = builder.add_struct("task", 8, &[member("inner", pointer, 0)]);
        Types {
            builder,
            word,
            sample,
            task,
        }
    }

    /// An object with these types whose programs read `task`.
    fn spec(types: &Types) -> ObjectSpec {
        let mut spec = ObjectSpec::parse(RAWTP, "rawtp").unwrap();
        let bytes = types.builder.to_bytes(Endian::Little).unwrap();
        spec.btf = Some(Arc::new(Btf::from_bytes(&bytes).unwrap()));
        let relo = CoreRelo {
            insn_off: 0,
            type_id: types.task,
            access_off: 0,
            kind: CoreKind::TypeExists,
        };
        spec.ext.core_relos.insert("x".to_owned(), vec![relo]);
        for map in &mut spec.maps {
            (map.key_type, map.value_type) = (TypeId::VOID, TypeId::VOID);
        }
        spec
    }

    fn chosen(spec: &ObjectSpec, asked: Option<&str>) -> Option<Decoder> {
        let ring = spec.map("events").unwrap();
        match Decoder::choose(spec, ring, asked).unwrap() {
            Reading::As(decoder) => Some(decoder),
            Reading::Bytes(_) => None,
        }
    }

    fn name(spec: &ObjectSpec, asked: Option<&str>) -> Option<String> {
        chosen(spec, asked).map(|decoder| decoder.name)
    }

    #[test]
    fn a_struct_named_event_is_taken() {
        let spec = ObjectSpec::parse(RAWTP, "rawtp").unwrap();
        assert_eq!(name(&spec, None).as_deref(), Some("event"));
    }

    #[test]
    fn the_only_candidate_is_neither_the_kernels_nor_a_variables() {
        assert_eq!(name(&spec(&types()), None).as_deref(), Some("sample"));
    }

    #[test]
    fn of_two_candidates_the_one_kept_by_a_pointer_is_taken() {
        let mut types = types();
        let members = [member("x", types.word, 0)];
        let other = types.builder.add_struct("other", 4, &members);
        let several = spec(&types);
        let reading = Decoder::choose(&several, several.map("events").unwrap(), None);
        let Ok(Reading::Bytes(candidates)) = reading else {
            panic!("one of two was taken");
        };
        assert_eq!(candidates.unwrap(), ["other", "sample"]);
        let pointer = types.builder.add_ptr(types.sample);
        types.builder.add_var("unused", pointer, 1);
        assert_eq!(name(&spec(&types), None).as_deref(), Some("sample"));
        let mut declared = spec(&types);
        let ring = declared.map_mut("events").unwrap();
        ring.value_type = other;
        assert_eq!(name(&declared, None).as_deref(), Some("other"));
        assert_eq!(name(&declared, Some("config")).as_deref(), Some("config"));
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let spec = spec(&types());
        let ring = spec.map("events").unwrap();
        let error = Decoder::choose(&spec, ring, Some("nothing")).err().unwrap();
        let text = error.to_string();
        assert!(
            text.ends_with("it has config, inner, sample, task"),
            "{text}"
        );
    }

    #[test]
    fn records_of_other_lengths() {
        let spec = spec(&types());
        let sample = |text: &str| {
            Some(Value::Struct(vec![
                ("pid".to_owned(), Value::Uint(7)),
                ("text".to_owned(), Value::Str(text.to_owned())),
            ]))
        };
        let record = b"\x07\0\0\0abcdefgh!";
        let guessed = chosen(&spec, None).unwrap();
        assert_eq!(guessed.decode(&record[..12]), sample("abcdefgh"));
        assert_eq!(guessed.decode(&record[..6]), sample("ab"));
        assert_eq!(guessed.decode(&record[..3]), None);
        assert_eq!(guessed.decode(record), None);
        assert_eq!(guessed.padded(1).decode(record), sample("abcdefgh"));
        let asked = chosen(&spec, Some("sample")).unwrap();
        assert_eq!(asked.decode(record), sample("abcdefgh"));
    }
}
