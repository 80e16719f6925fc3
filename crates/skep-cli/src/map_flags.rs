//! Flags of maps by their kernel names.

use skep::codec::uapi::flags;

/// Name less `BPF_F_`, flag.
const FLAGS: [(&str, u32); 17] = [
    ("NO_PREALLOC", flags::NO_PREALLOC),
    ("NO_COMMON_LRU", flags::NO_COMMON_LRU),
    ("NUMA_NODE", flags::NUMA_NODE),
    ("RDONLY", flags::RDONLY),
    ("WRONLY", flags::WRONLY),
    ("STACK_BUILD_ID", flags::STACK_BUILD_ID),
    ("ZERO_SEED", flags::ZERO_SEED),
    ("RDONLY_PROG", flags::RDONLY_PROG),
    ("WRONLY_PROG", flags::WRONLY_PROG),
    ("CLONE", flags::CLONE),
    ("MMAPABLE", flags::MMAPABLE),
    ("PRESERVE_ELEMS", flags::PRESERVE_ELEMS),
    ("INNER_MAP", flags::INNER_MAP),
    ("LINK", flags::LINK),
    ("SEGV_ON_FAULT", flags::SEGV_ON_FAULT),
    ("NO_USER_CONV", flags::NO_USER_CONV),
    ("RB_OVERWRITE", flags::RB_OVERWRITE),
];

/// The flag with this name.
pub(crate) fn by_name(name: &str) -> Option<u32> {
    let flag = FLAGS.iter().find(|(known, _)| *known == name);
    flag.map(|(_, flag)| *flag)
}

/// Every name.
pub(crate) fn known() -> String {
    FLAGS.map(|(name, _)| name).join(", ")
}

/// The names of these flags, and a number for those without.
pub(crate) fn names(set: u32) -> Vec<String> {
    let named = FLAGS.iter().filter(|(_, flag)| set & flag != 0);
    let mut names: Vec<_> = named.map(|(name, _)| (*name).to_owned()).collect();
    let known = FLAGS.iter().fold(0, |all, (_, flag)| all | flag);
    if set & !known != 0 {
        names.push(format!("{:#x}", set & !known));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_without_a_name_stay_numbers() {
        assert_eq!(names(0), Vec::<String>::new());
        assert_eq!(
            names(0x4000_0401),
            ["NO_PREALLOC", "MMAPABLE", "0x40000000"]
        );
        assert_eq!(by_name("MMAPABLE"), Some(0x400));
        assert_eq!(by_name("mmapable"), None);
    }
}
