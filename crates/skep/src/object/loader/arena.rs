//! Arenas: mapped before a program is loaded, their globals put where programs look for them.

use super::Loader;
use crate::error::Context;
use crate::map::Map;
use crate::system::System;
use crate::{Error, ErrorKind, MapType, ProgType, Result};
use alloc::vec;
use skep_codec::Errno;
use skep_codec::bytes::Endian;
use skep_codec::insn::{Insn, encode, pseudo};
use skep_codec::object::{Code, Data, MapSpec, Target};
use skep_codec::uapi::flags::LOG_LEVEL1;
use skep_sys::bpf::{self, Log, MapParams, ProgParams};

/// What the verifier of kernels that keep offsets into maps small says of a large one.
const REFUSAL: &[u8] = b"direct value offset of";
/// An offset that those refuse and no map has.
const FAR: i32 = 1 << 30;

impl Loader<'_> {
    /// An arena is mapped, for the kernel wants its address before it takes a program; and its
    /// globals are put into it if it is new.
    pub(super) fn enter_arena(&mut self, index: usize, spec: &MapSpec, map: &Map) -> Result<()> {
        let memory = map.memory()?;
        let Some(data) = &spec.data else {
            return Ok(());
        };
        let what = format_args!("globals in arena `{}`", spec.name);
        let base = globals_at(self.system, memory.len(), data).context(what)?;
        if !data.bytes.is_empty() && !self.reused.contains(&index) {
            memory.write(base as usize, &data.bytes).context(what)?;
        }
        self.arena_bases.insert(index, base);
        Ok(())
    }

    /// Where the variables of a data map begin in the map.
    pub(super) fn data_base(&self, map: usize) -> u32 {
        self.arena_bases.get(&map).copied().unwrap_or(0)
    }

    /// Adds to each reference to an arena's globals where they begin.
    pub(super) fn place_arena_globals(&self, code: &mut Code) {
        if self.arena_bases.is_empty() {
            return;
        }
        for reference in &mut code.refs {
            if let Target::MapValue { map, offset } = &mut reference.to {
                *offset = offset.wrapping_add(self.data_base(*map));
            }
        }
    }
}

/// The offset of the globals in an arena: at its end, so that an arena begins with what programs
/// allocate; at its start where the kernel keeps offsets small.
fn globals_at(system: &System, len: usize, data: &Data) -> Result<u32> {
    let size = (data.size as usize).next_multiple_of(system.page_size());
    let (Some(base), true) = (len.checked_sub(size), len <= 1 << 32) else {
        let what = format!("{} bytes, and the arena has {len}", data.size);
        return Err(Error::new(ErrorKind::Invalid, what));
    };
    match takes_far_offsets(system)? {
        true => Ok(base as u32),
        false => Ok(0),
    }
}

/// Whether instructions may name any offset in a map: since Linux 7.0.
fn takes_far_offsets(system: &System) -> Result<bool> {
    let kernel = system.kernel();
    let what = "ask for far offsets into maps";
    let array = MapParams {
        map_type: MapType::ARRAY,
        key_size: 4,
        value_size: 1,
        max_entries: 1,
        ..Default::default()
    };
    let map = bpf::map_create(kernel, &array).context(what)?;
    let load = Insn {
        code: Insn::LD_IMM64,
        dst: 1,
        src: pseudo::MAP_VALUE,
        off: 0,
        imm: map.raw(),
    };
    let far = Insn {
        imm: FAR,
        ..Insn::default()
    };
    let exit = Insn {
        code: Insn::EXIT,
        ..Insn::default()
    };
    let params = ProgParams {
        prog_type: ProgType::SOCKET_FILTER,
        insns: &encode(&[load, far, exit], Endian::NATIVE),
        license: c"GPL",
        ..Default::default()
    };
    let mut log = vec![0; 1024];
    let mut verdict = Log::new(LOG_LEVEL1, &mut log);
    let answer = bpf::prog_load(kernel, &params, Some(&mut verdict));
    match answer {
        Err(error) if error.errno == Errno::EINVAL => {
            Ok(!log.windows(REFUSAL.len()).any(|part| part == REFUSAL))
        }
        Err(error) => Err(error).context(what),
        Ok(_) => Ok(true),
    }
}
