//! Generic netlink: families by name, and what the family `netdev` tells of devices.

use super::msg::{Message, Request};
use crate::Result;
use crate::uapi::netlink::{
    CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_CMD_GETFAMILY, GENL_ID_CTRL,
    NETDEV_A_DEV_IFINDEX, NETDEV_A_DEV_XDP_FEATURES, NETDEV_A_DEV_XDP_RX_METADATA_FEATURES,
    NETDEV_A_DEV_XDP_ZC_MAX_SEGS, NETDEV_A_DEV_XSK_FEATURES, NETDEV_CMD_DEV_GET,
};

/// Bytes of `struct genlmsghdr`.
const GENLMSGHDR: usize = 4;

/// `struct genlmsghdr` of a command, version 1.
#[inline]
fn head(cmd: u8) -> [u8; GENLMSGHDR] {
    [cmd, 1, 0, 0]
}

/// Asks for the number of a family.
#[inline]
pub fn family(name: &str) -> Request {
    let mut request = Request::new(
        "CTRL_CMD_GETFAMILY",
        GENL_ID_CTRL,
        0,
        &head(CTRL_CMD_GETFAMILY),
    );
    request.put_text(CTRL_ATTR_FAMILY_NAME, name);
    request
}

/// The number of a family, out of the answer to [`family`].
///
/// # Errors
/// Attributes that are cut off, or too short for what they are.
#[inline]
pub fn family_id(message: &Message<'_>) -> Result<Option<u16>> {
    for attr in message.attrs_after(GENLMSGHDR) {
        let attr = attr?;
        if attr.kind == CTRL_ATTR_FAMILY_ID {
            return attr.u16().map(Some);
        }
    }
    Ok(None)
}

bitflags::bitflags! {
    /// What a device's driver can do with XDP.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[doc(alias = "netdev_xdp_act")]
    pub struct XdpFeatures: u64 {
        /// Drop, pass, abort, send back.
        const BASIC = 1;
        /// Send to another device.
        const REDIRECT = 1 << 1;
        /// Take packets that others redirect.
        const NDO_XMIT = 1 << 2;
        /// `AF_XDP` without copies.
        const XSK_ZEROCOPY = 1 << 3;
        /// Programs in the hardware.
        const HW_OFFLOAD = 1 << 4;
        /// Packets in fragments, received.
        const RX_SG = 1 << 5;
        /// Packets in fragments, redirected to it.
        const NDO_XMIT_SG = 1 << 6;
        const _ = !0;
    }
}

bitflags::bitflags! {
    /// What a device tells programs of a packet (`bpf_xdp_metadata_`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[doc(alias = "netdev_xdp_rx_metadata")]
    pub struct RxMetadata: u64 {
        /// When it came.
        const TIMESTAMP = 1;
        /// Its hash.
        const HASH = 1 << 1;
        /// Its VLAN tag.
        const VLAN_TAG = 1 << 2;
        const _ = !0;
    }
}

bitflags::bitflags! {
    /// What a device does for packets that are sent by `AF_XDP`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[doc(alias = "netdev_xsk_flags")]
    pub struct XskFeatures: u64 {
        /// Tells when it was sent.
        const TX_TIMESTAMP = 1;
        /// Completes its checksum.
        const TX_CHECKSUM = 1 << 1;
        /// Sends it at a time.
        const TX_LAUNCH_TIME_FIFO = 1 << 2;
        const _ = !0;
    }
}

/// What a device can do with XDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceFeatures {
    /// The device.
    pub ifindex: u32,
    /// What its driver can do.
    pub xdp: XdpFeatures,
    /// The most fragments of a packet that is sent without copies; 0 where that is not told.
    pub zc_max_segs: u32,
    /// What it tells programs. Since Linux 6.8, else nothing.
    pub rx_metadata: RxMetadata,
    /// What it does for `AF_XDP`. Since Linux 6.8, else nothing.
    pub xsk: XskFeatures,
}

impl DeviceFeatures {
    /// Asks the family of this number (`netdev`) for a device.
    #[inline]
    pub fn request(family: u16, ifindex: u32) -> Request {
        let mut request = Request::new("NETDEV_CMD_DEV_GET", family, 0, &head(NETDEV_CMD_DEV_GET));
        request.put_u32(NETDEV_A_DEV_IFINDEX, ifindex);
        request
    }

    /// A device out of the answer.
    ///
    /// # Errors
    /// Attributes that are cut off, or too short for what they are.
    #[inline]
    pub fn read(message: &Message<'_>) -> Result<Self> {
        let mut found = Self::default();
        for attr in message.attrs_after(GENLMSGHDR) {
            let attr = attr?;
            match attr.kind {
                NETDEV_A_DEV_IFINDEX => found.ifindex = attr.u32()?,
                NETDEV_A_DEV_XDP_FEATURES => found.xdp = XdpFeatures::from_bits_retain(attr.u64()?),
                NETDEV_A_DEV_XDP_ZC_MAX_SEGS => found.zc_max_segs = attr.u32()?,
                NETDEV_A_DEV_XDP_RX_METADATA_FEATURES => {
                    found.rx_metadata = RxMetadata::from_bits_retain(attr.u64()?);
                }
                NETDEV_A_DEV_XSK_FEATURES => found.xsk = XskFeatures::from_bits_retain(attr.u64()?),
                _ => {}
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Messages;
    use alloc::vec::Vec;

    fn answered<T>(message: &Request, read: impl Fn(&Message<'_>) -> T) -> T {
        let mut bytes = Vec::new();
        message.write(&mut bytes, 1, 0).unwrap();
        read(&Messages::new(&bytes).next().unwrap().unwrap())
    }

    #[test]
    fn a_family_has_a_number() {
        let mut answer = Request::new("answer", GENL_ID_CTRL, 0, &head(1));
        answer.put_text(CTRL_ATTR_FAMILY_NAME, "netdev");
        assert_eq!(answered(&answer, family_id), Ok(None));
        answer.put(CTRL_ATTR_FAMILY_ID, &33_u16.to_ne_bytes());
        assert_eq!(answered(&answer, family_id), Ok(Some(33)));
        let mut short = Request::new("answer", GENL_ID_CTRL, 0, &head(1));
        short.put(CTRL_ATTR_FAMILY_ID, &[1]);
        assert!(answered(&short, family_id).is_err());
    }

    #[test]
    fn devices_tell_what_they_can_do() {
        let mut answer = DeviceFeatures::request(33, 5);
        answer.put(
            NETDEV_A_DEV_XDP_FEATURES,
            &0x8000_0000_0000_0003_u64.to_ne_bytes(),
        );
        answer.put_u32(NETDEV_A_DEV_XDP_ZC_MAX_SEGS, 18);
        answer
            .put(NETDEV_A_DEV_XDP_RX_METADATA_FEATURES, &3_u64.to_ne_bytes())
            .put(99, &[]);
        answer.put(NETDEV_A_DEV_XSK_FEATURES, &2_u64.to_ne_bytes());
        let found = answered(&answer, DeviceFeatures::read).unwrap();
        assert_eq!((found.ifindex, found.zc_max_segs), (5, 18));
        assert!(
            found
                .xdp
                .contains(XdpFeatures::BASIC | XdpFeatures::REDIRECT)
        );
        assert!(!found.xdp.contains(XdpFeatures::RX_SG));
        assert_eq!(found.xdp.bits() >> 63, 1, "what is not known is kept");
        assert_eq!(found.rx_metadata, RxMetadata::TIMESTAMP | RxMetadata::HASH);
        assert_eq!(found.xsk, XskFeatures::TX_CHECKSUM);
    }
}
