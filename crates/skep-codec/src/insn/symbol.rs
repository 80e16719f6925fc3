//! What an instruction refers to, by name.

use alloc::string::String;
use core::fmt;

/// What a call or a wide load refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// A map's descriptor.
    Map(String),
    /// A byte in the first value of a map.
    MapValue {
        /// The map.
        map: String,
        /// Byte offset in the value.
        offset: u32,
    },
    /// The address of a function, for a callback.
    Function(String),
    /// The address of a kernel symbol.
    Ksym(String),
    /// A table of an object's indirect jumps, by its number.
    JumpTable(String),
    /// A call, of a function of the object or of the kernel.
    Call(String),
}

impl Symbol {
    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::Map(name)
            | Self::MapValue { map: name, .. }
            | Self::Function(name)
            | Self::Ksym(name)
            | Self::JumpTable(name)
            | Self::Call(name) => name,
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(name) => write!(f, "map[{name}]"),
            Self::MapValue { map, offset } => write!(f, "map[{map}][0]+{offset}"),
            Self::Function(name) => write!(f, "subprog[{name}]"),
            Self::Ksym(name) => write!(f, "ksym[{name}]"),
            Self::JumpTable(number) => write!(f, "jumptable[{number}]"),
            Self::Call(name) => f.write_str(name),
        }
    }
}
