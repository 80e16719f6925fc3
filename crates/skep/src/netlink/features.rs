//! What devices can do with XDP.

use super::conversation::Conversation;
use super::{DeviceFeatures, Netlink};
use crate::{Errno, ErrorKind, Result};
use skep_codec::netlink::{Message, genl};

/// The number of the family `netdev`.
#[inline]
pub(super) fn family(generic: &mut Conversation) -> Result<u16> {
    let found = generic.get(&genl::family("netdev"), genl::family_id);
    found.map_err(|error| match error.errno() {
        Some(Errno::ENOENT) => {
            let what = "this kernel does not tell what devices can do with XDP (Linux 6.3 does)";
            error.explained(ErrorKind::Unsupported, what.into())
        }
        _ => error.context("look up the family `netdev` of generic netlink"),
    })
}

impl Netlink {
    /// What a device can do with XDP.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: the kernel does not tell; [`ErrorKind::NotFound`]: there is no
    /// such interface (`ENODEV`).
    ///
    /// # Kernel
    /// `NETDEV_CMD_DEV_GET`, since Linux 6.3.
    #[doc(alias = "bpf_xdp_query")]
    #[inline]
    pub fn device_features(&mut self, ifindex: u32) -> Result<DeviceFeatures> {
        let asked = match self.ask_device(ifindex) {
            Err(error) if error.errno() == Some(Errno::ENOENT) => {
                // The family has gone, and may have come back with another number.
                self.generic = None;
                self.ask_device(ifindex)
            }
            asked => asked,
        };
        asked.map_err(|error| match error.errno() {
            Some(Errno::ENODEV) => {
                let what = format!("no interface {ifindex} in this network namespace");
                error.explained(ErrorKind::NotFound, what)
            }
            _ => error.context(format_args!("ask what interface {ifindex} can do")),
        })
    }

    #[inline]
    fn ask_device(&mut self, ifindex: u32) -> Result<DeviceFeatures> {
        let (generic, family) = self.generic()?;
        generic.get(&DeviceFeatures::request(*family, ifindex), device)
    }
}

#[inline]
fn device(message: &Message<'_>) -> skep_codec::Result<Option<DeviceFeatures>> {
    DeviceFeatures::read(message).map(Some)
}
