//! What each type of map lets user space do: one table for the library, its errors and its users.

use super::bpf::MapType;

/// What a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKey {
    /// There are no keys: elements are pushed, or there are none.
    None,
    /// A number below `max_entries`; all are there from the beginning, or have a slot.
    Index,
    /// Any bytes.
    Bytes,
    /// Bits that count, then the bytes that begin with them.
    Prefix,
    /// A descriptor: of a socket, a process (pidfd), a file or a cgroup.
    Fd,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapValue {
    /// There are none, or not by system calls.
    None,
    /// Bytes.
    Bytes,
    /// Bytes, for each possible CPU.
    PerCpu,
    /// A program: its descriptor is written, its id is read.
    Prog,
    /// A map: its descriptor is written, its id is read.
    Map,
    /// The descriptor of a perf event, a cgroup or an `AF_XDP` socket; it cannot be read.
    Fd,
    /// A socket: its descriptor is written, its cookie is read where values have eight bytes.
    Socket,
    /// An interface or a CPU's queue, and a program.
    Target,
    /// Addresses, the last zero, as programs stored them.
    Stack,
}

bitflags::bitflags! {
    /// What can be done with elements, by a system call each.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MapOps: u16 {
        /// `BPF_MAP_LOOKUP_ELEM`.
        const LOOKUP = 1;
        /// `BPF_MAP_UPDATE_ELEM`.
        const UPDATE = 1 << 1;
        /// `BPF_MAP_DELETE_ELEM`.
        const DELETE = 1 << 2;
        /// `BPF_MAP_GET_NEXT_KEY`.
        const NEXT_KEY = 1 << 3;
        /// `BPF_MAP_LOOKUP_AND_DELETE_ELEM`.
        const TAKE = 1 << 4;
        /// `BPF_MAP_LOOKUP_BATCH`.
        const LOOKUP_BATCH = 1 << 5;
        /// `BPF_MAP_LOOKUP_AND_DELETE_BATCH`.
        const TAKE_BATCH = 1 << 6;
        /// `BPF_MAP_UPDATE_BATCH`.
        const UPDATE_BATCH = 1 << 7;
        /// `BPF_MAP_DELETE_BATCH`.
        const DELETE_BATCH = 1 << 8;
        /// mmap(2), with `BPF_F_MMAPABLE` where the type has the choice.
        const MMAP = 1 << 9;
        /// Types of keys and values can be given when it is created.
        const TYPES = 1 << 10;

        /// Any key can be read, written and deleted, and all can be walked over.
        const TABLE = 0xf;
        /// All batches.
        const BATCHES = 0x1e0;
    }
}

/// A row of the table: [`MapType::kind`].
#[derive(Clone, Copy, Debug)]
pub struct MapKind {
    /// The type.
    pub map_type: MapType,
    /// What a key is.
    pub key: MapKey,
    /// What a value is.
    pub value: MapValue,
    /// What user space can do, on the newest kernel.
    pub ops: MapOps,
}

macro_rules! rows {
    ($($name:ident $key:ident $value:ident $($op:ident)*;)+) => {
        const TABLE: &[MapKind] = &[$(MapKind {
            map_type: MapType::$name,
            key: MapKey::$key,
            value: MapValue::$value,
            ops: MapOps::empty()$(.union(MapOps::$op))*,
        },)+];
    };
}

rows! {
    HASH Bytes Bytes TABLE TAKE BATCHES TYPES;
    ARRAY Index Bytes LOOKUP UPDATE NEXT_KEY LOOKUP_BATCH UPDATE_BATCH MMAP TYPES;
    PROG_ARRAY Index Prog TABLE TYPES;
    PERF_EVENT_ARRAY Index Fd UPDATE DELETE NEXT_KEY;
    PERCPU_HASH Bytes PerCpu TABLE TAKE BATCHES TYPES;
    PERCPU_ARRAY Index PerCpu LOOKUP UPDATE NEXT_KEY LOOKUP_BATCH UPDATE_BATCH TYPES;
    STACK_TRACE Index Stack LOOKUP DELETE NEXT_KEY TAKE;
    CGROUP_ARRAY Index Fd UPDATE DELETE NEXT_KEY;
    LRU_HASH Bytes Bytes TABLE TAKE BATCHES TYPES;
    LRU_PERCPU_HASH Bytes PerCpu TABLE TAKE BATCHES TYPES;
    LPM_TRIE Prefix Bytes TABLE LOOKUP_BATCH UPDATE_BATCH DELETE_BATCH TYPES;
    ARRAY_OF_MAPS Index Map TABLE LOOKUP_BATCH UPDATE_BATCH;
    HASH_OF_MAPS Bytes Map TABLE BATCHES;
    DEVMAP Index Target TABLE;
    SOCKMAP Index Socket TABLE;
    CPUMAP Index Target TABLE;
    XSKMAP Index Fd UPDATE DELETE NEXT_KEY;
    SOCKHASH Bytes Socket TABLE;
    CGROUP_STORAGE Bytes Bytes LOOKUP UPDATE NEXT_KEY TYPES;
    REUSEPORT_SOCKARRAY Index Socket TABLE TYPES;
    PERCPU_CGROUP_STORAGE Bytes PerCpu LOOKUP UPDATE NEXT_KEY TYPES;
    QUEUE None Bytes LOOKUP UPDATE TAKE;
    STACK None Bytes LOOKUP UPDATE TAKE;
    SK_STORAGE Fd Bytes LOOKUP UPDATE DELETE TYPES;
    DEVMAP_HASH Bytes Target TABLE;
    STRUCT_OPS Index Bytes LOOKUP UPDATE DELETE NEXT_KEY TYPES;
    RINGBUF None None MMAP;
    INODE_STORAGE Fd Bytes LOOKUP UPDATE DELETE TYPES;
    TASK_STORAGE Fd Bytes LOOKUP UPDATE DELETE TYPES;
    BLOOM_FILTER None Bytes LOOKUP UPDATE TYPES;
    USER_RINGBUF None None MMAP TYPES;
    CGRP_STORAGE Fd Bytes LOOKUP UPDATE DELETE TYPES;
    ARENA None None MMAP;
    INSN_ARRAY Index Bytes LOOKUP UPDATE NEXT_KEY TYPES;
    RHASH Bytes Bytes TABLE TAKE BATCHES TYPES;
}

impl MapType {
    /// What user space can do with maps of this type; `None` for a type not known here.
    pub fn kind(self) -> Option<&'static MapKind> {
        TABLE.iter().find(|row| row.map_type == self)
    }

    /// Whether values are one for each possible CPU.
    pub fn is_per_cpu(self) -> bool {
        self.kind()
            .is_some_and(|kind| kind.value == MapValue::PerCpu)
    }

    /// Whether the kernel gives user space this operation on maps of this type (and on those of
    /// types not known here, as far as is known).
    pub fn allows(self, op: MapOps) -> bool {
        self.kind().is_none_or(|kind| kind.ops.contains(op))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_row() {
        for &(name, map_type) in MapType::ALL {
            let rows = TABLE.iter().filter(|row| row.map_type == map_type);
            assert_eq!(
                rows.count(),
                usize::from(map_type != MapType::UNSPEC),
                "{name}"
            );
        }
        assert!(MapType::LRU_PERCPU_HASH.is_per_cpu() && !MapType::ARRAY.is_per_cpu());
        assert!(!MapType::ARRAY.allows(MapOps::DELETE) && MapType(99).allows(MapOps::DELETE));
    }
}
