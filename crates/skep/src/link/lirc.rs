//! Infrared devices: programs that decode what a receiver sees.

use super::held::HeldTarget;
use super::{Held, Hook, Link};
use crate::prog::Program;
use crate::{AttachType, Result};
use alloc::string::ToString;
use skep_sys::Fd;

/// A receiver of infrared light, `/dev/lirc*`.
#[derive(Debug)]
pub struct Lirc<'a> {
    device: &'a Fd,
}

impl<'a> Lirc<'a> {
    /// This device, which is open. It takes up to 64 programs, each once.
    ///
    /// # Errors
    /// When attached: `EINVAL` if it is no such device or receives no pulses, `EEXIST` if it has the
    /// program, `E2BIG` if it has too many.
    ///
    /// # Kernel
    /// `BPF_PROG_ATTACH` with `BPF_LIRC_MODE2`, since Linux 4.18 (`CONFIG_BPF_LIRC_MODE2`).
    #[doc(alias = "BPF_LIRC_MODE2")]
    #[inline]
    pub fn on(device: &'a Fd) -> Self {
        Self { device }
    }
}

impl Hook for Lirc<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let held = HeldTarget::new(self.device.try_clone()?, AttachType::LIRC_MODE2);
        held.attach(program)?;
        let hook = "infrared device".to_string();
        Ok(Link::new(program, hook, Held::Target(held)))
    }
}
