//! Keys and values that name something else in the kernel: programs, maps, processes, cgroups,
//! devices. It is asked for a descriptor where people give a name.

use crate::args::Assign;
use crate::fail::{Failure, Result};
use crate::find;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use skep::map::{MapKey, MapValue};
use skep::sys::net::if_nametoindex;
use skep::{Map, MapType, Program, System};
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};

/// What stands in a key or value of four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Program,
    Map,
    Process,
    Path,
    Device,
}

/// A reference as the kernel takes it. What it refers to stays open with it.
pub(super) struct Held {
    pub(super) number: u32,
    _object: Option<Object>,
}

#[expect(dead_code, reason = "kept open, not read")]
enum Object {
    Program(Program),
    Map(Map),
    File(OwnedFd),
}

/// What the keys of this type of map refer to.
pub(super) fn of_key(map_type: MapType) -> Result<Option<Reference>> {
    if map_type.kind().is_none_or(|kind| kind.key != MapKey::Fd) {
        return Ok(None);
    }
    match map_type {
        MapType::TASK_STORAGE => Ok(Some(Reference::Process)),
        MapType::SK_STORAGE => {
            let what = "only a process that has the socket can name it";
            Err(Failure::Said(what.to_owned()))
        }
        _ => Ok(Some(Reference::Path)),
    }
}

/// What the values of this type of map refer to.
pub(super) fn of_value(map_type: MapType) -> Result<Option<Reference>> {
    Ok(match map_type.kind().map(|kind| kind.value) {
        Some(MapValue::Prog) => Some(Reference::Program),
        Some(MapValue::Map) => Some(Reference::Map),
        Some(MapValue::Target) if map_type != MapType::CPUMAP => Some(Reference::Device),
        Some(MapValue::Fd) if map_type == MapType::CGROUP_ARRAY => Some(Reference::Path),
        Some(MapValue::Fd | MapValue::Socket) => {
            return Err(Failure::Said(format!(
                "maps of type {map_type} take descriptors: only the process that has them can put \
                 them in"
            )));
        }
        _ => None,
    })
}

impl Reference {
    /// What a key or value names that is given as a whole.
    pub(super) fn given(self, system: &System, assigns: &[&Assign]) -> Result<Held> {
        let noun = match self {
            Self::Program => "a program",
            Self::Map => "a map",
            Self::Process => "a process id",
            Self::Path => "a path",
            Self::Device => "an interface",
        };
        match assigns {
            [assign] if assign.path.is_empty() => self.open(system, &assign.text),
            [] => Err(Failure::Said(format!("{noun} is missing"))),
            [first, ..] => {
                let what = format!("{}: it is given as a whole, by {noun}", first.place());
                Err(Failure::Said(what))
            }
        }
    }

    /// What `text` names.
    pub(super) fn open(self, system: &System, text: &str) -> Result<Held> {
        let text = text.trim();
        match self {
            Self::Program => {
                let program = find::program(system, text)?;
                let number = program.fd().raw() as u32;
                Ok(Held::new(number, Object::Program(program)))
            }
            Self::Map => {
                let map = find::map(system, text)?;
                let number = map.fd().raw() as u32;
                Ok(Held::new(number, Object::Map(map)))
            }
            Self::Process => {
                let pid = text.parse().ok().and_then(Pid::from_raw);
                let pid = pid.ok_or_else(|| Failure::Said(format!("`{text}` is no process id")))?;
                let opened = pidfd_open(pid, PidfdFlags::empty());
                Self::file(opened, &format!("process {text}"))
            }
            Self::Path => {
                let flags = OFlags::PATH | OFlags::CLOEXEC;
                Self::file(rustix::fs::open(text, flags, Mode::empty()), text)
            }
            Self::Device => match text.parse() {
                Ok(number) => Ok(Held {
                    number,
                    _object: None,
                }),
                Err(_) => {
                    let wrong = |why: &dyn std::fmt::Display| {
                        Failure::Said(format!("interface `{text}`: {why}"))
                    };
                    let name = CString::new(text).map_err(|error| wrong(&error))?;
                    let number = if_nametoindex(system.kernel(), &name);
                    Ok(Held {
                        number: number.map_err(|error| wrong(&error))?,
                        _object: None,
                    })
                }
            },
        }
    }

    fn file(opened: rustix::io::Result<OwnedFd>, what: &str) -> Result<Held> {
        let file = opened.map_err(|error| Failure::Said(format!("{what}: {error}")))?;
        Ok(Held::new(file.as_raw_fd() as u32, Object::File(file)))
    }
}

impl Held {
    fn new(number: u32, object: Object) -> Self {
        Self {
            number,
            _object: Some(object),
        }
    }
}
