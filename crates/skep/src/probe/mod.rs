//! What a kernel can do: asked by trying, never by version; answered in three ways.
//!
//! ```no_run
//! # fn main() -> Result<(), skep::Error> {
//! use skep::probe::{Answer, Feature, Origin};
//! let system = skep::System::host()?;
//! if system.probe(Feature::LinkTcx) == Answer::No {
//!     println!("tcx needs Linux {}", Origin::of_feature(Feature::LinkTcx).since);
//! }
//! # Ok(()) }
//! ```

mod ask;
mod btf;
mod cpu_count;
mod feature;
mod helper;
mod insns;
mod link;
mod load_btf;
mod map_flag;
mod map_type;
mod memlock;
mod prog;
mod prog_type;

pub use crate::answer::Answer;
pub use feature::{Feature, Group};
pub(crate) use load_btf::is_unknown;
pub(crate) use memlock::raise_memlock;

use crate::system::System;
use skep_codec::Errno;
use skep_codec::uapi::bpf::{Helper, MapType, ProgType};
use skep_sys::CallError;

/// Where something comes from: the first kernel that has it, and how that has to be built. Told
/// by a table; no answer of a probe depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The first kernel release that has it, such as `"5.2"`.
    pub since: &'static str,
    /// Options that the kernel must be configured with, without `CONFIG_`.
    pub config: &'static [&'static str],
}

impl Origin {
    /// Of a feature.
    pub fn of_feature(feature: Feature) -> Self {
        feature::origin(feature)
    }

    /// Of a program type; `None` for one that this library does not know.
    pub fn of_prog_type(prog_type: ProgType) -> Option<Self> {
        Some(prog_type::row(prog_type)?.origin)
    }

    /// Of a map type; `None` for one that this library does not know.
    pub fn of_map_type(map_type: MapType) -> Option<Self> {
        Some(map_type::row(map_type)?.origin)
    }

    /// Of a helper; `None` for one that this library does not know. Programs of some types got
    /// it later.
    pub fn of_helper(helper: Helper) -> Option<Self> {
        helper::origin(helper)
    }
}

impl System {
    /// Whether the kernel can do this: asked once, remembered when the answer is certain.
    pub fn probe(&self, feature: Feature) -> Answer {
        let ask = || certain(self, &|| feature::ask(self, feature));
        let answers = &self.probes().features;
        answers.ask(feature::COUNT, feature as usize, &ask)
    }

    /// Whether the kernel has this type of program. Remembered as by [`System::probe`].
    pub fn probe_prog_type(&self, prog_type: ProgType) -> Answer {
        let ask = || certain(self, &|| prog_type::ask(self, prog_type));
        let answers = &self.probes().prog_types;
        answers.ask(ProgType::ALL.len(), prog_type.0 as usize, &ask)
    }

    /// Whether the kernel has this type of map. Remembered as by [`System::probe`].
    pub fn probe_map_type(&self, map_type: MapType) -> Answer {
        let ask = || certain(self, &|| map_type::ask(self, map_type));
        let answers = &self.probes().map_types;
        answers.ask(MapType::ALL.len(), map_type.0 as usize, &ask)
    }

    /// Whether programs of this type may call this helper, be it at one of their attach types
    /// only, or only if they may sleep. Remembered as by [`System::probe`].
    ///
    /// `EXT` programs have the helpers of what they replace: for them the answer is
    /// `Unknown(EOPNOTSUPP)`.
    pub fn probe_helper(&self, prog_type: ProgType, helper: Helper) -> Answer {
        let (types, helpers) = (ProgType::ALL.len(), Helper::LIMIT);
        let index = match (prog_type.0 as usize, helper.0 as usize) {
            (row, column) if row < types && column < helpers => row * helpers + column,
            _ => usize::MAX,
        };
        let ask = || match self.probe_prog_type(prog_type) {
            Answer::Yes => certain(self, &|| helper::ask(self, prog_type, helper)),
            other => other,
        };
        self.probes().helpers.ask(types * helpers, index, &ask)
    }
}

/// A "no" counts only if the caller may ask: without privilege some of what the kernel can do is
/// refused in the same words as what it cannot. What is refused for want of memory that may be
/// locked is asked again if there can be more.
fn certain(system: &System, ask: &dyn Fn() -> Answer) -> Answer {
    let answer = match ask() {
        Answer::Unknown(Errno::EPERM) if raise_memlock(system) == Ok(true) => ask(),
        answer => answer,
    };
    match answer {
        Answer::No => match feature::ask(system, Feature::Btf) {
            Answer::Unknown(errno) => Answer::Unknown(errno),
            _ => Answer::No,
        },
        answer => answer,
    }
}

/// What a call's result says.
fn answer(result: Result<(), CallError>) -> Answer {
    match result {
        Ok(()) => Answer::Yes,
        Err(error) if is_no(error.errno) => Answer::No,
        Err(error) => Answer::Unknown(error.errno),
    }
}

/// Errnos by which a kernel says that it does not know what it was asked for.
fn is_no(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EINVAL | Errno::E2BIG | Errno::EOPNOTSUPP | Errno::ENOTSUPP | Errno::ENOSYS
    )
}
