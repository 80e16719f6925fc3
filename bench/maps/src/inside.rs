//! The same operations by a program in the kernel: no call, no copy of keys and values. What it
//! costs is what no batch can go below.

use crate::cases::BATCH;
use skep::codec::bytes::Endian;
use skep::codec::insn::asm::{Alu, Asm, Cond, Reg, Width};
use skep::codec::insn::{Insn, encode};
use skep::codec::uapi::bpf::Helper;
use skep::map::{ElemFlags, Map, MapParams};
use skep::sys::Fd;
use skep::sys::bpf::{ProgParams, TestRunParams, prog_load, prog_test_run};
use skep::{MapType, ProgType, System};
use std::os::fd::AsRawFd;

/// `BPF_F_SLEEPABLE`, which programs that are run as calls are.
const SLEEPABLE: u32 = 1 << 4;

/// Programs that update and delete elements of one map.
pub struct Inside {
    /// One value: the keys of a batch.
    keys: Map,
    update: Fd,
    delete: Fd,
}

impl Inside {
    pub fn new(system: &System, map: &Map) -> Self {
        let params = MapParams {
            map_type: MapType::ARRAY,
            key_size: 4,
            value_size: (8 * BATCH) as u32,
            max_entries: 1,
            name: "keys",
            ..MapParams::default()
        };
        let keys = Map::create(system, &params).expect("an array");
        let program = |helper| {
            let insns = program(&keys, map, helper).expect("a program");
            let params = ProgParams {
                prog_type: ProgType::SYSCALL,
                insns: &encode(&insns, Endian::NATIVE),
                license: c"GPL",
                prog_flags: SLEEPABLE,
                name: "inside",
                ..ProgParams::default()
            };
            prog_load(system.kernel(), &params, None).expect("a program")
        };
        Self {
            update: program(Helper::MAP_UPDATE_ELEM),
            delete: program(Helper::MAP_DELETE_ELEM),
            keys,
        }
    }

    /// Gives each key itself as value; how many there are.
    pub fn update(&self, keys: &[u8]) -> u64 {
        self.run(&self.update, keys)
    }

    /// Deletes the keys; how many there are.
    pub fn delete(&self, keys: &[u8]) -> u64 {
        self.run(&self.delete, keys)
    }

    fn run(&self, program: &Fd, keys: &[u8]) -> u64 {
        let mut value = vec![0; 8 * BATCH];
        let mut done = 0;
        for part in keys.chunks(value.len()) {
            value[..part.len()].copy_from_slice(part);
            let set = self
                .keys
                .update(&0_u32.to_ne_bytes(), &value, ElemFlags::ANY);
            set.expect("the keys");
            let count = part.len() as u64 / 8;
            let mut run = TestRunParams {
                ctx_in: &count.to_ne_bytes(),
                ..TestRunParams::default()
            };
            let ran = prog_test_run(program, &mut run).expect("a run");
            assert_eq!(ran.retval, 0, "an element was refused");
            done += count;
        }
        done
    }
}

/// Calls the helper with each of the keys, whose number is in the context; returns 0 if all went well.
fn program(keys: &Map, map: &Map, helper: Helper) -> skep::codec::Result<Vec<Insn>> {
    Asm::new()
        .load(Width::U64, Reg::R9, Reg::R1, 0)
        .load_map_value(Reg::R7, keys.fd().as_raw_fd(), 0)
        .mov(Reg::R6, 0)
        .mov(Reg::R8, 0)
        .label("next")
        .jump_if(Cond::Ge, Reg::R6, Reg::R9, "out")
        .mov(Reg::R1, Reg::R6)
        .alu(Alu::Lsh, Reg::R1, 3)
        .mov(Reg::R2, Reg::R7)
        .alu(Alu::Add, Reg::R2, Reg::R1)
        .mov(Reg::R3, Reg::R2)
        .load_map_fd(Reg::R1, map.fd().as_raw_fd())
        .mov(Reg::R4, 0)
        .call(helper)
        .alu(Alu::Or, Reg::R8, Reg::R0)
        .alu(Alu::Add, Reg::R6, 1)
        .jump_if(Cond::Lt, Reg::R6, BATCH as i32, "next")
        .label("out")
        .mov(Reg::R0, Reg::R8)
        .exit()
        .finish()
}
