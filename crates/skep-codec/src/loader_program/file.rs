//! A loader program as a file: all numbers little-endian, all texts and bytes with their length
//! before them.

use super::{LoaderMap, LoaderProg, LoaderProgram};
use crate::Result;
use crate::btf::TypeId;
use crate::bytes::{Endian, Reader};
use crate::error::bail;
use crate::insn;
use crate::object::Variable;
use crate::uapi::bpf::{AttachType, MapType, ProgType};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

const MAGIC: &[u8; 8] = b"skepload";
const VERSION: u32 = 1;
/// The kernel takes no longer context.
const MAX_CONTEXT: u32 = 0xffff;

/// What is written to a file.
struct Writer(Vec<u8>);

impl Writer {
    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.u32(bytes.len() as u32);
        self.0.extend_from_slice(bytes);
    }

    /// 0 for none, else 1 and the number.
    fn maybe(&mut self, value: Option<u32>) {
        self.u32(value.is_some().into());
        self.u32(value.unwrap_or(0));
    }
}

fn text(r: &mut Reader<'_>) -> Result<String> {
    match core::str::from_utf8(bytes(r)?) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => bail!(Malformed, "a name is not UTF-8"),
    }
}

fn bytes<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let len = r.u32()? as usize;
    r.take(len)
}

fn flag(r: &mut Reader<'_>) -> Result<bool> {
    match r.u32()? {
        0 => Ok(false),
        1 => Ok(true),
        other => bail!(Malformed, "{other} is neither no (0) nor yes (1)"),
    }
}

fn maybe(r: &mut Reader<'_>) -> Result<Option<u32>> {
    let (some, value) = (flag(r)?, r.u32()?);
    Ok(some.then_some(value))
}

/// As many as their count says.
fn list<T>(r: &mut Reader<'_>, one: fn(&mut Reader<'_>) -> Result<T>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    for _ in 0..r.u32()? {
        all.push(one(r)?);
    }
    Ok(all)
}

fn map(r: &mut Reader<'_>) -> Result<LoaderMap> {
    Ok(LoaderMap {
        name: text(r)?,
        map_type: MapType(r.u32()?),
        max_entries: r.u32()?,
        key_type: TypeId(r.u32()?),
        value_type: TypeId(r.u32()?),
        constants: maybe(r)?,
    })
}

fn program(r: &mut Reader<'_>) -> Result<LoaderProg> {
    let (name, section, prog_type) = (text(r)?, text(r)?, ProgType(r.u32()?));
    let attach_type = maybe(r)?.map(AttachType);
    let target = match flag(r)? {
        true => Some(text(r)?),
        false => None,
    };
    Ok(LoaderProg {
        name,
        section,
        prog_type,
        attach_type,
        target,
        autoattach: flag(r)?,
    })
}

fn variable(r: &mut Reader<'_>) -> Result<Variable> {
    Ok(Variable {
        name: text(r)?,
        map: r.u32()? as usize,
        offset: r.u32()?,
        size: r.u32()?,
        type_id: TypeId(r.u32()?),
    })
}

impl LoaderProgram {
    /// All of it as bytes, to be kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer(MAGIC.to_vec());
        w.u32(VERSION);
        w.u32((self.endian == Endian::Big).into());
        w.u32(self.signed.into());
        w.u32(self.context_bytes);
        let (at, len) = self.btf.unwrap_or_default();
        w.u32(at);
        w.u32(len);
        w.bytes(self.name.as_bytes());
        w.bytes(&self.insns_bytes());
        w.bytes(&self.blob);
        w.bytes(&self.signature);
        w.bytes(&self.insns_signature);
        w.u32(self.maps.len() as u32);
        for map in &self.maps {
            w.bytes(map.name.as_bytes());
            w.u32(map.map_type.0);
            w.u32(map.max_entries);
            w.u32(map.key_type.0);
            w.u32(map.value_type.0);
            w.maybe(map.constants);
        }
        w.u32(self.programs.len() as u32);
        for program in &self.programs {
            w.bytes(program.name.as_bytes());
            w.bytes(program.section.as_bytes());
            w.u32(program.prog_type.0);
            w.maybe(program.attach_type.map(|ty| ty.0));
            w.u32(program.target.is_some().into());
            if let Some(target) = &program.target {
                w.bytes(target.as_bytes());
            }
            w.u32(program.autoattach.into());
        }
        w.u32(self.symbols.len() as u32);
        for symbol in &self.symbols {
            w.bytes(symbol.as_bytes());
        }
        w.u32(self.variables.len() as u32);
        for variable in &self.variables {
            w.bytes(variable.name.as_bytes());
            w.u32(variable.map as u32);
            w.u32(variable.offset);
            w.u32(variable.size);
            w.u32(variable.type_id.0);
        }
        w.0
    }

    /// What [`LoaderProgram::to_bytes`] made.
    ///
    /// # Errors
    /// The bytes are no loader program, are of another version, or contradict themselves.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let r = &mut Reader::new(bytes, Endian::Little);
        if r.take(MAGIC.len())? != MAGIC {
            bail!(Malformed, "no loader program");
        }
        match r.u32()? {
            VERSION => {}
            other => bail!(
                Unsupported,
                "a loader program of version {other}, not {VERSION}"
            ),
        }
        let read = Self::read(r).map_err(|e| e.at(r.offset() as u64))?;
        read.check()?;
        match r.is_empty() {
            true => Ok(read),
            false => bail!(Malformed, "{} bytes after its end", r.rest().len()),
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self> {
        let endian = match flag(r)? {
            true => Endian::Big,
            false => Endian::Little,
        };
        let (signed, context_bytes) = (flag(r)?, r.u32()?);
        let btf = Some((r.u32()?, r.u32()?)).filter(|(_, len)| *len != 0);
        Ok(Self {
            endian,
            signed,
            context_bytes,
            btf,
            name: text(r)?,
            insns: insn::decode(bytes(r)?, endian)?,
            blob: bytes(r)?.to_vec(),
            signature: bytes(r)?.to_vec(),
            insns_signature: bytes(r)?.to_vec(),
            maps: list(r, map)?,
            programs: list(r, program)?,
            symbols: list(r, text)?,
            variables: list(r, variable)?,
        })
    }

    fn check(&self) -> Result<()> {
        let context = self.program_at(self.programs.len());
        if !(context..=MAX_CONTEXT).contains(&self.context_bytes) || self.maps.len() > 0xfff {
            bail!(Malformed, "a context of {} bytes", self.context_bytes);
        }
        if let Some((at, len)) = self.btf {
            crate::bytes::slice(&self.blob, at as usize, len as usize, "BTF")?;
        }
        match self.variables.iter().find(|v| v.map >= self.maps.len()) {
            Some(variable) => bail!(Malformed, "variable '{}' is in no map", variable.name),
            None => Ok(()),
        }
    }

    /// Bytes of the object's types; empty if it has none.
    pub fn btf_bytes(&self) -> &[u8] {
        let (at, len) = self.btf.unwrap_or_default();
        let end = at.saturating_add(len) as usize;
        self.blob.get(at as usize..end).unwrap_or_default()
    }
}
