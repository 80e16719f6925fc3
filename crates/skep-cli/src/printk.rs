//! What programs print with `bpf_trace_printk`, read from a trace instance of its own.

use crate::tracefs::Tracefs;
use rustix::fs::OFlags;
use skep::codec::insn::Insn;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;

/// The name that the kernel gives to lines of `bpf_trace_printk`.
const MARK: &str = "bpf_trace_printk: ";
/// What the names of instances begin with; the process id follows.
const NAME: &str = "skep-";
/// No line of the pipe is longer: more than this without a line end is dropped.
const LONGEST: usize = 16 * 1024;
/// Reads of the pipe in one call.
const TURN: usize = 64;
/// `bpf_trace_printk` and `bpf_trace_vprintk`.
const PRINTK: [i32; 2] = [6, 177];

/// Whether this instruction prints to the kernel's trace.
pub(crate) fn is_print(insn: &Insn) -> bool {
    insn.code == Insn::CALL && insn.src == 0 && PRINTK.contains(&insn.imm)
}

/// The pipe of a trace instance that records what programs print, and nothing else: what other
/// readers of the kernel's trace are waiting for is left to them.
pub(crate) struct Pipe {
    file: Option<File>,
    instance: PathBuf,
    /// The beginning of a line that is not yet whole.
    rest: Vec<u8>,
}

impl Pipe {
    /// Makes the instance, which goes away when the pipe is dropped.
    pub(crate) fn open(tracefs: &Tracefs) -> io::Result<Self> {
        let instances = PathBuf::from(tracefs.root()).join("instances");
        remove_orphans(&instances)?;
        let mut pipe = Self {
            file: None,
            instance: instances.join(format!("{NAME}{}", process::id())),
            rest: Vec::new(),
        };
        fs::create_dir(&pipe.instance)?;
        let event = "events/bpf_trace/bpf_trace_printk/enable";
        fs::write(pipe.instance.join(event), "1")?;
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(pipe.instance.join("trace_pipe"))?;
        pipe.file = Some(file);
        Ok(pipe)
    }

    /// Whole lines that programs printed since the last call; not more than a turn's worth, for a
    /// program that prints at every system call prints at these too.
    pub(crate) fn lines(&mut self) -> io::Result<Vec<Line>> {
        let mut chunk = [0_u8; 4096];
        let mut lines = Vec::new();
        let Some(file) = &mut self.file else {
            return Ok(lines);
        };
        for _ in 0..TURN {
            match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(len) => self.rest.extend(chunk.iter().take(len)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
            lines.extend(whole_lines(&mut self.rest));
        }
        Ok(lines)
    }
}

/// Removes instances whose process was killed before it could.
fn remove_orphans(instances: &Path) -> io::Result<()> {
    for entry in fs::read_dir(instances)? {
        let entry = entry?;
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(NAME));
        let orphan = |pid: u32| !Path::new("/proc").join(pid.to_string()).exists();
        if pid.and_then(|pid| pid.parse().ok()).is_some_and(orphan) {
            // Another run may have removed it meanwhile.
            let _ = fs::remove_dir(entry.path());
        }
    }
    Ok(())
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // An instance whose pipe is open cannot be removed.
        self.file = None;
        // Where it could not be made, there is nothing to remove.
        let _ = fs::remove_dir(&self.instance);
    }
}

/// One line that a program printed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The task that ran, as `comm-pid`.
    pub(crate) task: String,
    /// What the program printed.
    pub(crate) text: String,
}

/// Takes the whole lines out of `bytes`, and of those the ones that programs printed.
fn whole_lines(bytes: &mut Vec<u8>) -> Vec<Line> {
    let mut lines = Vec::new();
    while let Some(end) = bytes.iter().position(|&b| b == b'\n') {
        let line: Vec<u8> = bytes.drain(..=end).collect();
        lines.extend(parse(String::from_utf8_lossy(&line).trim_end()));
    }
    if bytes.len() > LONGEST {
        bytes.clear();
    }
    lines
}

/// A line of the pipe: `  comm-pid  [cpu] flags time: bpf_trace_printk: text`.
fn parse(line: &str) -> Option<Line> {
    let (head, text) = line.split_once(MARK)?;
    let task = head.split_once('[').map_or(head, |(task, _)| task).trim();
    Some(Line {
        task: task.to_owned(),
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_programs_only_and_only_whole_ones() {
        let mut bytes =
            b"            bash-812     [001] ...21  5.432: bpf_trace_printk: hi [1] there\n\
            cat-7 [000] d... 6.0: sched_switch: prev_comm=x\n  sh-9 [0"
                .to_vec();
        let lines = whole_lines(&mut bytes);
        assert_eq!(
            lines,
            [Line {
                task: "bash-812".to_owned(),
                text: "hi [1] there".to_owned(),
            }]
        );
        assert_eq!(bytes, b"  sh-9 [0");
    }
}
