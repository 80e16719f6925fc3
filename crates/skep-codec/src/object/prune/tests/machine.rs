//! What runs, by running it: an interpreter that answers at random where constants say nothing.

use super::*;

/// A run of a program.
struct Machine<'a> {
    spec: &'a ObjectSpec,
    registers: [u64; 11],
    random: u64,
}

/// Where the constants are.
const BASE: u64 = 0x7777_0000_0000;

impl Machine<'_> {
    fn random(&mut self) -> u64 {
        self.random = self
            .random
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(99);
        let bits = self.random >> 33;
        // Numbers that programs compare with, more often than not.
        if bits & 3 != 0 {
            bits >> 2 & 7
        } else {
            bits << 7
        }
    }

    fn step(&mut self, at: usize) -> Option<usize> {
        let function = &self.spec.functions[0];
        let insn = function.insns[at];
        let source = match insn.code & 8 {
            0 => i64::from(insn.imm) as u64,
            _ => self.registers[usize::from(insn.src)],
        };
        let one = self.registers[usize::from(insn.dst)];
        let there = insn
            .jump()
            .map(|away| (at + 1).wrapping_add_signed(away as isize));
        let new = match insn.code & 7 {
            0 => {
                let second = function.insns[at + 1];
                let value = match function.refs.iter().find(|r| r.insn == at) {
                    Some(Ref {
                        to: Target::MapValue { map: 0, offset },
                        ..
                    }) => BASE + u64::from(*offset),
                    Some(_) => self.random(),
                    None => u64::from(second.imm as u32) << 32 | u64::from(insn.imm as u32),
                };
                self.registers[usize::from(insn.dst)] = value;
                return Some(at + 2);
            }
            1 => self.load(insn),
            4 => {
                let (a, b) = (one as u32, source as u32);
                u64::from(match insn.code & 0xf0 {
                    0xb0 => b,
                    0x00 => a.wrapping_add(b),
                    0x50 => a & b,
                    0x60 => a << (b & 31),
                    0xc0 => (a as i32 >> (b & 31)) as u32,
                    _ => unreachable!("{insn:?}"),
                })
            }
            7 => match insn.code & 0xf0 {
                0xb0 => source,
                0x00 => one.wrapping_add(source),
                0x10 => one.wrapping_sub(source),
                0x70 => one >> (source & 63),
                0xa0 => one ^ source,
                _ => unreachable!("{insn:?}"),
            },
            _ => {
                let (a, b) = match insn.code & 7 {
                    6 => (i64::from(one as i32), i64::from(source as i32)),
                    _ => (one as i64, source as i64),
                };
                let taken = match insn.code & 0xf0 {
                    0x90 => return None,
                    0x80 => {
                        for register in 0..6 {
                            self.registers[register] = self.random();
                        }
                        false
                    }
                    0x00 => true,
                    0x10 => a == b,
                    0x20 if insn.code & 7 == 6 => one as u32 > source as u32,
                    0x20 => one > source,
                    0xc0 => a < b,
                    _ => unreachable!("{insn:?}"),
                };
                return if taken { there } else { Some(at + 1) };
            }
        };
        self.registers[usize::from(insn.dst)] = new;
        Some(at + 1)
    }

    fn load(&mut self, insn: Insn) -> u64 {
        let address = self.registers[usize::from(insn.src)].wrapping_add_signed(insn.off.into());
        let len = [4, 2, 1, 8][usize::from(insn.code >> 3 & 3)];
        let start = address.wrapping_sub(BASE) as usize;
        let end = start.wrapping_add(len);
        match DATA.get(start..end) {
            Some(bytes) => bytes
                .iter()
                .rev()
                .fold(0, |all, byte| all << 8 | u64::from(*byte)),
            None => self.random(),
        }
    }
}

/// A program of some instructions, most of which load, compute with and compare constants.
fn any_program(machine: &mut Machine<'_>) -> alloc::string::String {
    let lines = 24;
    let mut last = 0;
    let mut text = alloc::string::String::from("r6 = map[.rodata][0]+0\n");
    for line in 0..lines {
        let mut pick = |most: u64| (machine.random() ^ machine.random() >> 9) % most;
        let (dst, src, number) = (pick(6), pick(7), pick(8));
        // Mostly forwards.
        let to = match pick(6) {
            0 => pick(lines + 1),
            _ => line + 1 + pick(lines - line),
        };
        let instruction = match pick(14) {
            0 => format!("r{dst} = {number}"),
            1 => format!("r{dst} = r{src}"),
            2 => format!("r{dst} += r{src}"),
            3 => format!("r{dst} -= {number}"),
            4 => format!("w{dst} &= {number}"),
            5 => format!("r{dst} = map[.rodata][0]+{number}"),
            6 => {
                last = dst;
                format!("r{dst} = *(u8 *)(r6 + {number})")
            }
            7 => format!("r{dst} = *(u32 *)(r{src} + {})", number * 4),
            8 => format!("w{dst} s>>= {number}"),
            9 => "call bpf_ktime_get_ns#5".to_string(),
            10 => format!("if r{last} == {number} goto l{to}"),
            11 => format!("if w{dst} s< w{src} goto l{to}"),
            12 => format!("if r{dst} > r{src} goto l{to}"),
            _ => format!("if r{dst} == r{src} goto l{to}"),
        };
        text += &format!("l{line}: {instruction}\n");
    }
    text + &format!("l{lines}: exit")
}

#[test]
fn nothing_runs_that_was_said_not_to() {
    let empty = spec("exit");
    let mut source = Machine {
        spec: &empty,
        registers: [0; 11],
        random: 2026,
    };
    let (mut dead, mut slots) = (0, 0);
    for round in 0..3000 {
        let spec = spec(&any_program(&mut source));
        let runs = runs(&spec).unwrap();
        dead += runs.iter().filter(|run| !**run).count();
        slots += runs.len();
        let mut machine = Machine {
            spec: &spec,
            registers: [0; 11],
            random: round,
        };
        for _ in 0..20 {
            for register in 0..11 {
                machine.registers[register] = machine.random();
            }
            let mut at = Some(0);
            for _ in 0..300 {
                let Some(slot) = at else { break };
                let text = || crate::insn::listing(&spec.functions[0].insns).to_string();
                assert!(runs[slot], "slot {slot} runs:\n{}", text());
                at = machine.step(slot);
            }
        }
    }
    // Much is known not to run, but not all of it.
    assert!(dead > 1000 && dead < slots / 2, "{dead} of {slots}");
}
