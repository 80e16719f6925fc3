//! `struct_ops` maps: the object's struct of functions as this kernel has it, member by member.

use super::Loader;
use super::kernel_struct::KernelStruct;
use crate::btf::KernelTypes;
use crate::error::Context;
use crate::link::StructOps;
use crate::prog::Program;
use crate::{Error, ErrorKind, MapType, ProgType, Result};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use skep_codec::btf::{TypeId, essential_name};
use skep_codec::object::{MapSpec, ObjectSpec, ProgramSpec, Slot};

/// A `struct_ops` map's value in this kernel.
pub(super) struct KernelOps {
    /// The struct of functions.
    pub(super) ops_type: TypeId,
    /// What the map holds: that struct, and what the kernel keeps beside it.
    pub(super) value_type: TypeId,
    /// The module whose types these are; `None` for the kernel's own.
    pub(super) module: Option<usize>,
    /// The value, without its functions.
    pub(super) value: Vec<u8>,
    funcs: Vec<Func>,
}

/// A function that is set.
struct Func {
    /// Its bytes in the value.
    place: Range<usize>,
    /// Index of the member in the kernel's struct.
    member: u32,
    program: usize,
}

/// What a `struct_ops` program is loaded for: the struct and its member.
pub(super) struct OpsTarget {
    pub(super) ops: Arc<KernelOps>,
    pub(super) member: u32,
}

impl Loader<'_> {
    /// This map as the kernel has it, worked out once.
    pub(super) fn kernel_ops(&mut self, index: usize, spec: &MapSpec) -> Result<Arc<KernelOps>> {
        if let Some(known) = self.ops.get(&index) {
            return known.clone();
        }
        let ops = kernel_ops(&mut self.kernel, self.spec, spec).map(Arc::new);
        let ops = ops.context(format_args!("map `{}`", spec.name));
        self.ops.insert(index, ops.clone());
        ops
    }

    /// The `struct_ops` maps that have this program as a function.
    fn ops_maps(&self, program: usize) -> impl Iterator<Item = (usize, &MapSpec)> {
        let holds = move |spec: &MapSpec| {
            let slots = spec.slots.iter();
            spec.map_type == MapType::STRUCT_OPS
                && slots
                    .copied()
                    .any(|(_, slot)| slot == Slot::Program(program))
        };
        let maps = self.spec.maps.iter().enumerate();
        maps.filter(move |(_, spec)| holds(spec))
    }

    /// Whether this program is to be loaded. One that is a function of `struct_ops` maps is if one
    /// of them is to be made, as libbpf has it; one of none can be of no use.
    pub(super) fn wants_program(&self, index: usize, program: &ProgramSpec) -> bool {
        match program.prog_type {
            ProgType::STRUCT_OPS => self.ops_maps(index).any(|(map, _)| self.is_wanted(map)),
            _ => program.autoload,
        }
    }

    /// What a `struct_ops` program is loaded for: by the first map that has it as a function, and
    /// all others that are to be made must agree.
    pub(super) fn ops_target(&mut self, program: usize) -> Result<OpsTarget> {
        let mut maps: Vec<usize> = self.ops_maps(program).map(|(map, _)| map).collect();
        if maps.iter().any(|map| self.is_wanted(*map)) {
            maps.retain(|map| self.is_wanted(*map));
        }
        let mut target: Option<OpsTarget> = None;
        for index in maps {
            let Some(spec) = self.spec.maps.get(index) else {
                continue;
            };
            let ops = self.kernel_ops(index, spec)?;
            for func in ops.funcs.iter().filter(|func| func.program == program) {
                let member = func.member;
                match &target {
                    Some(first) if (first.ops.ops_type, first.member) != (ops.ops_type, member) => {
                        let what = "it is two functions, of another struct or another member";
                        return Err(Error::new(ErrorKind::Invalid, what));
                    }
                    Some(_) => {}
                    None => {
                        let ops = ops.clone();
                        target = Some(OpsTarget { ops, member });
                    }
                }
            }
        }
        target.ok_or_else(|| {
            let what = "no struct_ops map has it as a function";
            Error::new(ErrorKind::NeedsTarget, what)
        })
    }

    /// The `struct_ops` maps that were made, each with its programs.
    pub(super) fn struct_ops(&self, programs: &[Option<Program>]) -> Vec<StructOps> {
        let mut all = Vec::new();
        for (index, ops) in self.ops.iter() {
            let (Some(spec), Some(map), Ok(ops)) =
                (self.spec.maps.get(*index), self.made(*index), ops)
            else {
                continue;
            };
            let mut funcs = Vec::new();
            for func in &ops.funcs {
                if let Some(Some(program)) = programs.get(func.program) {
                    funcs.push((func.place.clone(), program.clone()));
                }
            }
            let value = ops.value.clone();
            all.push(StructOps::new(map.clone(), value, &funcs, spec.autoattach));
        }
        all
    }
}

fn kernel_ops(
    types: &mut KernelTypes<'_>,
    object: &ObjectSpec,
    spec: &MapSpec,
) -> Result<KernelOps> {
    let missing = || Error::new(ErrorKind::Invalid, "a struct_ops map without type or value");
    let (btf, data) = (object.btf.as_deref(), spec.data.as_ref());
    let (btf, data) = btf.zip(data).ok_or_else(missing)?;
    let local = btf.peel(spec.value_type)?;
    let kernel = KernelStruct::find(types, essential_name(local.name()?))?;
    let mut value = vec![0; kernel.size];
    let mut funcs = Vec::new();
    for member in local.members() {
        let member = member?;
        let program = spec.slots.iter().find_map(|(offset, slot)| match slot {
            Slot::Program(program) if *offset == member.bit_offset / 8 => Some(*program),
            _ => None,
        });
        let size = btf.size_of(member.ty)?;
        let in_member = format_args!("member `{}`", member.name);
        let bytes = u32::try_from(size)
            .ok()
            .and_then(|size| data.read(member.bit_offset / 8, size));
        let bytes = bytes.ok_or_else(missing).context(in_member)?;
        let Some((index, its)) = kernel.members.get(member.name) else {
            if program.is_some() || bytes.iter().any(|&byte| byte != 0) {
                let what = format!(
                    "it is set, and this kernel's struct {} has none",
                    kernel.name
                );
                return Err(Error::new(ErrorKind::Unsupported, what)).context(in_member);
            }
            continue;
        };
        let place = kernel.place(btf, &member, its, size).context(in_member)?;
        match program {
            Some(program) => funcs.push(Func {
                place: kernel
                    .func(object, its, place, program)
                    .context(in_member)?,
                member: *index,
                program,
            }),
            None => {
                let place = value.get_mut(place).ok_or_else(missing)?;
                place.copy_from_slice(&bytes);
            }
        }
    }
    Ok(KernelOps {
        ops_type: kernel.ops_type,
        value_type: kernel.value_type,
        module: kernel.module,
        value,
        funcs,
    })
}
