//! Keys and values of a map between bytes and what people read and write.

use crate::args::Assign;
use crate::fail::{Failure, Result};
use crate::json;
use serde_json::{Value, json};
use skep::codec::ErrorKind;
use skep::codec::btf::{self, Array, Btf, BtfBuilder, Int, Member};
use skep::codec::bytes::Endian;
use skep::map::{MapKey, MapValue};
use skep::{Map, MapType, TypeId};
use std::sync::Arc;

/// How the bytes of a map's keys and values are read and written.
pub(crate) struct View {
    pub(super) key: Part,
    pub(super) value: Part,
    /// Bytes from one CPU's value to the next one's, for a per-CPU map.
    pub(super) stride: Option<usize>,
}

/// One of the two.
#[derive(Clone)]
pub(super) struct Part {
    btf: Arc<Btf>,
    ty: TypeId,
    pub(super) size: usize,
    /// Bytes without a declared type can be given as a number, too.
    number: Option<TypeId>,
}

impl View {
    /// By the map's BTF; where it has none, by what its type says of keys and values, else as bytes.
    pub(crate) fn new(map: &Map) -> Result<Self> {
        let (key_size, value_size) = (map.key_size(), map.value_size());
        let types = map.types()?;
        let part = |id: Option<TypeId>, size: u32, is_key| -> Result<Part> {
            let declared = types.as_ref().zip(id.filter(|id| *id != TypeId::VOID));
            Ok(match declared {
                Some(((btf, ..), ty)) => Part {
                    btf: btf.clone(),
                    ty,
                    size: size as usize,
                    number: None,
                },
                None => Part::undeclared(map.map_type(), size, is_key)?,
            })
        };
        let stride = (value_size as usize).next_multiple_of(8).max(8);
        Ok(Self {
            key: part(types.as_ref().map(|(_, key, _)| *key), key_size, true)?,
            value: part(types.as_ref().map(|(.., value)| *value), value_size, false)?,
            stride: map.map_type().is_per_cpu().then_some(stride),
        })
    }

    /// The same for the value of one CPU.
    pub(super) fn of_one_cpu(&self) -> Self {
        Self {
            key: self.key.clone(),
            value: self.value.clone(),
            stride: None,
        }
    }

    /// One value; one a CPU for a per-CPU map.
    fn values(&self, bytes: &[u8]) -> Vec<btf::Value> {
        match self.stride {
            None => vec![self.value.decode(bytes)],
            Some(stride) => bytes
                .chunks(stride)
                .map(|chunk| self.value.decode(chunk))
                .collect(),
        }
    }

    pub(crate) fn json(&self, key: &[u8], bytes: &[u8]) -> Value {
        let mut entry = serde_json::Map::new();
        if self.key.size != 0 {
            entry.insert("key".to_owned(), json::of(&self.key.decode(key)));
        }
        let mut values: Vec<_> = self.values(bytes).iter().map(json::of).collect();
        match self.stride {
            None => entry.insert("value".to_owned(), values.pop().unwrap_or(Value::Null)),
            Some(_) => entry.insert("values".to_owned(), json!(values)),
        };
        Value::Object(entry)
    }

    pub(crate) fn text(&self, key: &[u8], bytes: &[u8]) -> String {
        let values = self.values(bytes);
        let value = match self.stride {
            None => values.first().map(ToString::to_string).unwrap_or_default(),
            Some(_) => {
                let cpus = values.iter().enumerate();
                let cpus: Vec<_> = cpus.map(|(cpu, v)| format!("cpu{cpu}: {v}")).collect();
                cpus.join(", ")
            }
        };
        match self.key.size {
            0 => value,
            _ => format!("{} = {value}", self.key.decode(key)),
        }
    }
}

impl Part {
    fn undeclared(map_type: MapType, size: u32, is_key: bool) -> Result<Self> {
        let mut types = Types::new();
        let ty = match is_key {
            true => types.key(map_type, size),
            false => types.value(map_type, size),
        };
        let number = types.number(ty, size);
        let bytes = types.builder.to_bytes(Endian::NATIVE)?;
        Ok(Self {
            btf: Arc::new(Btf::from_bytes(&bytes)?),
            ty,
            size: size as usize,
            number,
        })
    }

    /// Bytes by their type; bytes where it does not fit.
    pub(super) fn decode(&self, bytes: &[u8]) -> btf::Value {
        let bytes = bytes.get(..self.size).unwrap_or(bytes);
        let value = self.btf.decode(self.ty, bytes);
        value.unwrap_or_else(|_| btf::Value::Bytes(bytes.to_vec()))
    }

    /// Writes what the command line says into the bytes of a key or value; where it did.
    pub(super) fn assign(
        &self,
        assign: &Assign,
        bytes: &mut [u8],
    ) -> Result<core::ops::Range<usize>> {
        let Assign { path, text, .. } = assign;
        let number = self.number.filter(|_| path.is_empty());
        let number = number.filter(|_| !text.trim_start().starts_with('"'));
        let number = number.map(|number| self.btf.assign(number, "", text, bytes));
        let done = match number {
            Some(Ok(whole)) => return Ok(whole),
            // What is a number, but too large a one, is no bytes either.
            Some(Err(error)) if error.kind() == ErrorKind::TooLarge => Err(error),
            _ => self.btf.assign(self.ty, path, text, bytes),
        };
        done.map_err(|error| Failure::Text {
            line: format!("{}={text}", assign.place()),
            at: assign.place().len() + 1 + error.offset().unwrap_or(0) as usize,
            why: error.what().to_owned(),
        })
    }
}

/// Types of what maps hold by definition.
struct Types {
    builder: BtfBuilder,
    u8_: TypeId,
    u32_: TypeId,
    /// The type of a key or value of which nothing is known.
    bytes: Option<TypeId>,
}

impl Types {
    fn new() -> Self {
        let mut types = Self {
            builder: BtfBuilder::new(),
            u8_: TypeId::VOID,
            u32_: TypeId::VOID,
            bytes: None,
        };
        types.u8_ = types.int("unsigned char", 1);
        types.u32_ = types.int("unsigned int", 4);
        types
    }

    fn int(&mut self, name: &str, size: u32) -> TypeId {
        let int = Int {
            signed: false,
            char: false,
            bool: false,
            offset: 0,
            bits: (size * 8) as u8,
        };
        self.builder.add_int(name, size, int)
    }

    /// An integer of this size, for what would be no more than an array of bytes.
    fn number(&mut self, ty: TypeId, size: u32) -> Option<TypeId> {
        let bytes = self.bytes == Some(ty) && matches!(size, 1 | 2 | 4 | 8 | 16);
        bytes.then(|| self.int("number", size))
    }

    fn bytes(&mut self, size: u32) -> TypeId {
        let bytes = self.array(self.u8_, size);
        self.bytes = Some(bytes);
        bytes
    }

    fn array(&mut self, element: TypeId, len: u32) -> TypeId {
        self.builder.add_array(Array {
            element,
            index: self.u32_,
            len,
        })
    }

    /// A struct of a number and something after it.
    fn pair(&mut self, name: &str, first: &str, second: &str, rest: TypeId, size: u32) -> TypeId {
        let member = |name, ty, bit_offset| Member {
            name,
            ty,
            bit_offset,
            bit_size: 0,
        };
        let members = [member(first, self.u32_, 0), member(second, rest, 32)];
        self.builder.add_struct(name, size, &members)
    }

    fn key(&mut self, map_type: MapType, size: u32) -> TypeId {
        match (map_type.kind().map(|kind| kind.key), size) {
            (Some(MapKey::Prefix), 5..) => {
                let address = self.array(self.u8_, size - 4);
                self.pair("bpf_lpm_trie_key", "prefixlen", "data", address, size)
            }
            (Some(MapKey::Index | MapKey::Fd), 4) => self.u32_,
            _ => self.bytes(size),
        }
    }

    fn value(&mut self, map_type: MapType, size: u32) -> TypeId {
        match (map_type.kind().map(|kind| kind.value), size) {
            (Some(MapValue::Target), 8) if map_type == MapType::CPUMAP => {
                self.pair("bpf_cpumap_val", "qsize", "prog", self.u32_, 8)
            }
            (Some(MapValue::Target), 8) => {
                self.pair("bpf_devmap_val", "ifindex", "prog", self.u32_, 8)
            }
            (Some(MapValue::Prog | MapValue::Map | MapValue::Target), 4) => self.u32_,
            (Some(MapValue::Stack), _) if size.is_multiple_of(8) => {
                let word = self.int("unsigned long", 8);
                self.array(word, size / 8)
            }
            (Some(MapValue::Socket), 8) => self.int("cookie", 8),
            _ => self.bytes(size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(map_type: MapType, size: u32, is_key: bool) -> Part {
        Part::undeclared(map_type, size, is_key).unwrap()
    }

    fn given(part: &Part, text: &str) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; part.size];
        let assign = text.parse().unwrap();
        part.assign(&assign, &mut bytes)
            .map_err(|e| e.to_string())?;
        Ok(bytes)
    }

    #[test]
    fn bytes_are_given_as_bytes_or_as_a_number() {
        let key = part(MapType::HASH, 4, true);
        assert_eq!(given(&key, "key=300"), Ok(300_u32.to_ne_bytes().to_vec()));
        assert_eq!(given(&key, "key=[01 02 03 04]"), Ok(vec![1, 2, 3, 4]));
        assert_eq!(given(&key, "key=\"01020304\""), Ok(vec![1, 2, 3, 4]));
        assert_eq!(given(&key, "key=10.0.0.1"), Ok(vec![10, 0, 0, 1]));
        assert_eq!(given(&key, "key[3]=1"), Ok(vec![0, 0, 0, 1]));
        assert_eq!(key.decode(&[1, 2, 3, 4]).to_string(), "[01 02 03 04]");
        let odd = part(MapType::HASH, 3, true);
        assert_eq!(given(&odd, "key=01:02:03"), Ok(vec![1, 2, 3]));
        let text = given(&odd, "key=[1, x, 2]").unwrap_err();
        assert_eq!(text, "'x' is no number");
        assert!(given(&odd, "key=01:02:03:04").is_err());
        assert!(given(&part(MapType::HASH, 64, false), "value=1,2").is_ok());
    }

    #[test]
    fn what_a_type_of_map_holds_is_known_without_btf() {
        let key = part(MapType::LPM_TRIE, 8, true);
        let text = key
            .decode(&[&24_u32.to_ne_bytes()[..], &[10, 0, 0, 0]].concat())
            .to_string();
        assert_eq!(text, "{ prefixlen = 24, data = [0a 00 00 00] }");
        let value = part(MapType::DEVMAP, 8, false);
        let given = given(&value, "value={ ifindex = 3, prog = 7 }").unwrap();
        assert_eq!(given, [3_u32.to_ne_bytes(), 7_u32.to_ne_bytes()].concat());
        assert_eq!(
            part(MapType::ARRAY, 4, true)
                .decode(&7_u32.to_ne_bytes())
                .to_string(),
            "7"
        );
    }
}
