//! How to load: everything a caller may choose, in one value.

use crate::map::Map;
use crate::prog::Program;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use skep_codec::btf::Btf;
use skep_codec::map::Map as Ordered;

/// How to load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Verifier log level for every program: 0 (default) only logs refusals, 1 states, 2 more,
    /// 4 statistics.
    pub log_level: u32,
    /// Room for a program's log, in bytes. Default: as much as the log takes. What does not fit is
    /// lost: the beginning since Linux 6.4, the end before that.
    pub log_bytes: Option<usize>,
    /// Whether to measure how long the kernel takes over a program. Default: no.
    pub timed: bool,
    /// Directory of a bpffs where maps are that are pinned by name. Default: `/sys/fs/bpf`.
    #[doc(alias = "pin_root_path")]
    pub pin_root: String,
    /// What to do where a map is pinned already.
    pub pin_reuse: PinReuse,
    /// Live maps to use in place of the object's, by the object's names. Type, key size and value
    /// size must be those of the object's map.
    #[doc(alias = "reuse_fd")]
    pub maps: Ordered<String, Map>,
    /// Whether maps are left out that no program uses which is loaded, nor a map which is made.
    /// `struct_ops` maps are always made. Default: no, every map is made that the spec wants.
    pub only_used_maps: bool,
    /// Whether [`ObjectSpec::load_with`](crate::ObjectSpec::load_with) looks first for what cannot
    /// run, as constants (`.rodata`, `.kconfig`) decide branches: what only that uses need not be
    /// there. Functions that only it calls are left out, kernel functions, symbols and types that
    /// only it names are not looked for, and with
    /// [`only_used_maps`](LoadOptions::only_used_maps) its maps are not made. Default: no.
    ///
    /// # Kernel
    /// Linux 5.5: the verifier knows the constants too.
    #[cfg(feature = "prune")]
    pub prune: bool,
    /// Lines of `CONFIG_X=value` for the object's `__kconfig` variables: they come before what
    /// the kernel says of its own configuration.
    pub kconfig: String,
    /// Types to resolve CO-RE relocations by in place of the running kernel's and its modules':
    /// of a kernel that has none, such as [`System::btf_file`](crate::System::btf_file) reads.
    #[doc(alias = "btf_custom_path")]
    pub kernel_btf: Option<Arc<Btf>>,
    /// Programs of whose functions the object's programs are loaded for, by the names of the
    /// latter: `freplace`, and `fentry` and its like on BPF programs.
    #[doc(alias = "bpf_program__set_attach_target")]
    pub attach_targets: Ordered<String, AttachTarget>,
}

/// A function of a loaded program.
#[derive(Clone, Debug)]
pub struct AttachTarget {
    /// The program.
    pub program: Program,
    /// The function; `None` for the one that the section's name says.
    pub function: Option<String>,
}

/// What to do where a map is to be pinned and a map is pinned already.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinReuse {
    /// Use that one if it is what the object declares, else fail.
    #[default]
    IfCompatible,
    /// Fail.
    Never,
    /// Make a new one and pin it in place of that one.
    Replace,
    /// Use that one; fail where there is none, too.
    MustExist,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            log_level: 0,
            log_bytes: None,
            timed: false,
            pin_root: "/sys/fs/bpf".to_string(),
            pin_reuse: PinReuse::default(),
            maps: Ordered::new(),
            only_used_maps: false,
            #[cfg(feature = "prune")]
            prune: false,
            kconfig: String::new(),
            kernel_btf: None,
            attach_targets: Ordered::new(),
        }
    }
}
