//! Actions that run programs.

use super::Netlink;
use crate::error::Context;
use crate::prog::Program;
use crate::{Errno, Error, ErrorKind, Result};
use alloc::vec::Vec;
use skep_codec::netlink::action::{Action, SetAction};
use skep_codec::uapi::netlink::TC_ACT_UNSPEC;

/// An action that leaves packets of which its program says nothing to the next classifier.
#[inline]
pub(super) fn set_action(program: &Program, index: u32) -> SetAction<'_> {
    SetAction {
        index,
        fd: program.fd().raw(),
        name: program.name(),
        otherwise: TC_ACT_UNSPEC,
    }
}

impl Netlink {
    /// All actions of the network namespace that run programs, those of classifiers among them.
    ///
    /// # Kernel
    /// `RTM_GETACTION`, a listing.
    #[inline]
    pub fn actions(&mut self) -> Result<Vec<Action>> {
        let listed = self.route.list(&Action::list(), Action::read);
        Ok(listed
            .context("list actions")?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Makes an action that runs a program of type `sched_act`, and stays until it is deleted:
    /// classifiers have it by its number. 0 has the kernel choose one.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: the kernel has none (`ENOENT`: `CONFIG_NET_ACT_BPF`). `EEXIST`: there
    /// is one of this number; `EINVAL`: the program is of another type.
    ///
    /// # Kernel
    /// `RTM_NEWACTION`, with programs since Linux 4.1.
    #[inline]
    pub fn create_action(&mut self, program: &Program, index: u32) -> Result<Action> {
        let request = set_action(program, index).create();
        let told = self.route.change_told(&request, Action::read);
        let mut told = told.map_err(|error| no_actions(error, program))?;
        told.pop().ok_or_else(|| {
            Error::new(
                ErrorKind::Corrupt,
                "the kernel made no action, and says it did",
            )
        })
    }

    /// Puts another program into an action, for all classifiers that have it.
    ///
    /// # Errors
    /// Those of [`Netlink::create_action`].
    ///
    /// # Kernel
    /// `RTM_NEWACTION` with `NLM_F_REPLACE`.
    #[inline]
    pub fn replace_action(&mut self, program: &Program, index: u32) -> Result<()> {
        let replaced = self.change(&set_action(program, index).replace());
        replaced.map_err(|error| no_actions(error, program))
    }

    /// Removes the action of this number.
    ///
    /// # Errors
    /// `ENOENT`: there is none; `EPERM`: classifiers have it.
    ///
    /// # Kernel
    /// `RTM_DELACTION`.
    #[inline]
    pub fn delete_action(&mut self, index: u32) -> Result<()> {
        let removed = self.change(&Action::delete(index));
        removed.context(format_args!("remove the action {index}"))
    }
}

#[cold]
pub(super) fn no_actions(error: Error, program: &Program) -> Error {
    match error.errno() {
        Some(Errno::ENOENT) => {
            let what = "this kernel has no actions that run programs (CONFIG_NET_ACT_BPF)";
            error.explained(ErrorKind::Unsupported, what.into())
        }
        _ => error.context(format_args!("have an action run `{}`", program.name())),
    }
}
