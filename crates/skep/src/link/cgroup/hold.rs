//! Attaching to a cgroup: by a link, or without.

use super::{Cgroup, CgroupMode, explain, mode};
use crate::link::held::HeldTarget;
use crate::link::{Held, Hook, Link, Target};
use crate::probe::{Answer, Feature};
use crate::prog::Program;
use crate::system::System;
use crate::{AttachType, Error, ErrorKind, Result};
use skep_codec::Errno;
use skep_codec::uapi::flags;
use skep_sys::bpf::{self, AttachParams, LinkParams};
use skep_sys::{CallError, Fd};

impl Cgroup<'_> {
    /// What the program is to be attached as.
    #[inline]
    fn attach_type_of(&self, program: &Program) -> Result<AttachType> {
        let of_type = mode::attach_types(program.prog_type());
        let declared = program.declared().and_then(|declared| declared.attach_type);
        let chosen = self.attach_type.or(declared).or(match of_type {
            [only] => Some(*only),
            _ => None,
        });
        match chosen {
            // A program of another type would take the descriptor for something else.
            Some(chosen) if of_type.contains(&chosen) => Ok(chosen),
            None if !of_type.is_empty() => Err(explain::needs_type(of_type)),
            chosen => Err(explain::no_type(program, chosen)),
        }
    }

    /// Whether what is asked goes together, and this kernel has it.
    #[inline]
    fn check(&self, system: &System) -> Result<()> {
        if let Some(what) = explain::wrong(self) {
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let ordered = self.order.flags() != 0 || self.order.expected_revision() != 0;
        let wanted = [
            (ordered, Feature::CgroupOrder),
            (self.preorder, Feature::CgroupPreorder),
        ];
        for (wanted, feature) in wanted {
            // Kernels without may take it, and do nothing about it.
            if wanted && system.probe(feature) == Answer::No {
                return Err(explain::lacking(feature));
            }
        }
        Ok(())
    }

    #[inline]
    fn by_link(&self, program: &Program, dir: &Fd, attach_type: AttachType) -> Attempt {
        let fd = bpf::link_create(&LinkParams {
            prog: program.fd(),
            target: Target::Fd(dir),
            attach_type,
            flags: self.flags(),
            extra: self.order.extra(),
        })?;
        Ok(Held::Bpf(fd))
    }

    /// Without a link. The descriptor is for taking the program away.
    #[inline]
    fn by_attach(
        &self,
        program: &Program,
        dir: &Fd,
        attach_type: AttachType,
        mode: CgroupMode,
    ) -> Attempt {
        let target = dir.try_clone()?;
        let params = AttachParams {
            target: Target::Fd(dir),
            attach_type,
            flags: self.flags() | mode.flags(),
            replace: self.replaced.map(Program::fd),
            neighbour: self.order.neighbour(),
            expected_revision: self.order.expected_revision(),
        };
        bpf::prog_attach(program.fd(), &params)?;
        Ok(Held::Target(HeldTarget {
            target,
            attach_type,
            takes_any: mode != CgroupMode::Multi,
            own: false,
        }))
    }

    #[inline]
    fn flags(&self) -> u32 {
        let preorder = if self.preorder { flags::PREORDER } else { 0 };
        preorder | self.order.flags()
    }

    #[inline]
    fn hold(&self, program: &Program, dir: &Fd, attach_type: AttachType) -> Attempt {
        let mode = match self.mode {
            CgroupMode::Auto | CgroupMode::Link => match self.by_link(program, dir, attach_type) {
                Err(error) if self.mode == CgroupMode::Auto && has_no_links(program, error) => {
                    CgroupMode::Multi
                }
                held => return held,
            },
            mode => mode,
        };
        self.by_attach(program, dir, attach_type, mode)
    }
}

/// What holds the program, or which call failed.
type Attempt = core::result::Result<Held, CallError>;

/// Whether a link was refused because the kernel has none to cgroups.
#[inline]
fn has_no_links(program: &Program, error: CallError) -> bool {
    error.errno == Errno::EINVAL && program.system().probe(Feature::LinkCgroup) == Answer::No
}

impl Hook for Cgroup<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let attach_type = self.attach_type_of(program)?;
        self.check(program.system())?;
        let held = self.with_dir(program.system(), |dir| {
            explain::check_dir(self, dir)?;
            self.hold(program, dir, attach_type)
                .map_err(|error| explain::refused(self, program, dir, attach_type, error))
        })?;
        let hook = format!("{attach_type} of {}", self.named());
        Ok(Link::new(program, hook, held))
    }
}
