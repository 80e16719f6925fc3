//! Interfaces, and the XDP programs that are on them.

use super::attr::Attr;
use super::msg::{Message, Request};
use crate::Result;
use crate::uapi::netlink::{
    IFF_UP, IFLA_ADDRESS, IFLA_ALT_IFNAME, IFLA_EXT_MASK, IFLA_IFNAME, IFLA_INFO_KIND,
    IFLA_LINKINFO, IFLA_MASTER, IFLA_MTU, IFLA_NUM_RX_QUEUES, IFLA_NUM_TX_QUEUES, IFLA_PROP_LIST,
    IFLA_XDP, IFLA_XDP_ATTACHED, IFLA_XDP_DRV_PROG_ID, IFLA_XDP_EXPECTED_FD, IFLA_XDP_FD,
    IFLA_XDP_FLAGS, IFLA_XDP_HW_PROG_ID, IFLA_XDP_PROG_ID, IFLA_XDP_SKB_PROG_ID,
    RTEXT_FILTER_SKIP_STATS, RTM_GETLINK, RTM_NEWLINK, RTM_SETLINK, XDP_FLAGS_DRV_MODE,
    XDP_FLAGS_HW_MODE, XDP_FLAGS_REPLACE, XDP_FLAGS_SKB_MODE, XDP_FLAGS_UPDATE_IF_NOEXIST,
};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Bytes of `struct ifinfomsg`.
const IFINFOMSG: usize = 16;
/// Bytes of the longest name (`IFNAMSIZ`), with its NUL; longer ones are alternative names.
const IFNAMSIZ: usize = 16;

/// Where on an interface an XDP program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum XdpMode {
    /// In the driver.
    #[doc(alias = "XDP_FLAGS_DRV_MODE")]
    Native,
    /// In the stack, for drivers that cannot.
    #[doc(alias = "XDP_FLAGS_SKB_MODE")]
    Generic,
    /// In the hardware.
    #[doc(alias = "XDP_FLAGS_HW_MODE")]
    Hardware,
}

impl XdpMode {
    /// The modes, in the kernel's order.
    pub const ALL: [Self; 3] = [Self::Native, Self::Generic, Self::Hardware];

    /// The `XDP_FLAGS_` bit that asks for it.
    #[inline]
    pub fn flag(self) -> u32 {
        match self {
            Self::Native => XDP_FLAGS_DRV_MODE,
            Self::Generic => XDP_FLAGS_SKB_MODE,
            Self::Hardware => XDP_FLAGS_HW_MODE,
        }
    }
}

impl fmt::Display for XdpMode {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Hardware => "hardware",
        })
    }
}

/// The ids of the programs on an interface, 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XdpProgs {
    /// In the driver.
    pub native: u32,
    /// In the stack.
    pub generic: u32,
    /// In the hardware.
    pub hardware: u32,
}

impl XdpProgs {
    /// The id of the program in one mode, 0 for none.
    #[inline]
    pub fn of(&self, mode: XdpMode) -> u32 {
        match mode {
            XdpMode::Native => self.native,
            XdpMode::Generic => self.generic,
            XdpMode::Hardware => self.hardware,
        }
    }

    /// The modes that have one, and its id.
    #[inline]
    pub fn attached(&self) -> impl Iterator<Item = (XdpMode, u32)> + use<> {
        let all = *self;
        let each = XdpMode::ALL
            .into_iter()
            .map(move |mode| (mode, all.of(mode)));
        each.filter(|&(_, id)| id != 0)
    }

    #[inline]
    fn read(attr: &Attr<'_>) -> Result<Self> {
        let mut progs = Self::default();
        let (mut attached, mut only) = (0, 0);
        for attr in attr.attrs() {
            let attr = attr?;
            match attr.kind {
                IFLA_XDP_ATTACHED => attached = attr.u8()?,
                IFLA_XDP_PROG_ID => only = attr.u32()?,
                IFLA_XDP_DRV_PROG_ID => progs.native = attr.u32()?,
                IFLA_XDP_SKB_PROG_ID => progs.generic = attr.u32()?,
                IFLA_XDP_HW_PROG_ID => progs.hardware = attr.u32()?,
                _ => {}
            }
        }
        // Where there is one, older kernels may tell it without its mode: `XDP_ATTACHED_`.
        match attached {
            1 if progs.native == 0 => progs.native = only,
            2 if progs.generic == 0 => progs.generic = only,
            3 if progs.hardware == 0 => progs.hardware = only,
            _ => {}
        }
        Ok(progs)
    }
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its index, in its network namespace.
    pub ifindex: u32,
    /// Its name.
    pub name: String,
    /// Other names of it. Since Linux 5.5.
    pub alt_names: Vec<String>,
    /// What it is (`veth`); empty where the driver says nothing.
    pub kind: String,
    /// The most bytes that a packet may have.
    pub mtu: u32,
    /// Its address (`IFLA_ADDRESS`).
    pub address: Vec<u8>,
    /// Index of the bridge, bond or other that it is part of; 0 for none.
    pub master: u32,
    /// Queues for packets that come in.
    pub rx_queues: u32,
    /// Queues for packets that go out.
    pub tx_queues: u32,
    /// `IFF_` bits.
    pub flags: u32,
    /// The XDP programs on it.
    pub xdp: XdpProgs,
}

impl Interface {
    /// Whether it is up.
    #[inline]
    pub fn is_up(&self) -> bool {
        self.flags & IFF_UP != 0
    }

    /// An interface out of `RTM_NEWLINK`; `None` for other messages.
    ///
    /// # Errors
    /// Attributes that are cut off, or too short for what they are.
    #[inline]
    pub fn read(message: &Message<'_>) -> Result<Option<Self>> {
        if message.header.kind != RTM_NEWLINK {
            return Ok(None);
        }
        let mut reader = message.reader();
        reader.take(4)?;
        let mut found = Self {
            ifindex: reader.u32()?,
            flags: reader.u32()?,
            ..Self::default()
        };
        for attr in message.attrs_after(IFINFOMSG) {
            found.take(&attr?)?;
        }
        Ok(Some(found))
    }

    #[inline]
    fn take(&mut self, attr: &Attr<'_>) -> Result<()> {
        match attr.kind {
            IFLA_IFNAME => self.name = attr.text(),
            IFLA_MTU => self.mtu = attr.u32()?,
            IFLA_ADDRESS => self.address = attr.value.into(),
            IFLA_MASTER => self.master = attr.u32()?,
            IFLA_NUM_RX_QUEUES => self.rx_queues = attr.u32()?,
            IFLA_NUM_TX_QUEUES => self.tx_queues = attr.u32()?,
            IFLA_XDP => self.xdp = XdpProgs::read(attr)?,
            IFLA_LINKINFO => {
                for info in attr.attrs() {
                    let info = info?;
                    if info.kind == IFLA_INFO_KIND {
                        self.kind = info.text();
                    }
                }
            }
            IFLA_PROP_LIST => {
                for name in attr.attrs() {
                    let name = name?;
                    if name.kind == IFLA_ALT_IFNAME {
                        self.alt_names.push(name.text());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// `struct ifinfomsg` of the interface with this index.
#[inline]
fn head(ifindex: u32) -> [u8; IFINFOMSG] {
    let mut head = [0; IFINFOMSG];
    if let Some(place) = head.get_mut(4..8) {
        place.copy_from_slice(&ifindex.to_ne_bytes());
    }
    head
}

#[inline]
fn get(ifindex: u32) -> Request {
    let mut request = Request::new("RTM_GETLINK", RTM_GETLINK, 0, &head(ifindex));
    // Counters make an interface a third longer.
    request.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    request
}

/// Asks for all interfaces, as a listing.
#[inline]
pub fn list() -> Request {
    get(0)
}

/// Asks for the interface with this index.
#[inline]
pub fn by_index(ifindex: u32) -> Request {
    get(ifindex)
}

/// Asks for the interface with this name, or with this as another of its names.
#[inline]
pub fn by_name(name: &str) -> Request {
    let mut request = get(0);
    let kind = match name.len() < IFNAMSIZ {
        true => IFLA_IFNAME,
        false => IFLA_ALT_IFNAME,
    };
    request.put_text(kind, name);
    request
}

/// What is to become of an interface's XDP program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetXdp {
    /// The interface.
    pub ifindex: u32,
    /// Descriptor of the program that is to be there; -1 for none.
    pub fd: i32,
    /// Where; `None` leaves it to the kernel: the driver if it can, else the stack.
    pub mode: Option<XdpMode>,
    /// What must be there now.
    pub expect: Expect,
}

/// What must be on an interface before it is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Whatever it is.
    #[default]
    Anything,
    /// Nothing (`XDP_FLAGS_UPDATE_IF_NOEXIST`).
    Nothing,
    /// The program of this descriptor (`XDP_FLAGS_REPLACE`). Since Linux 5.7.
    Program(i32),
}

/// Changes an interface's XDP program.
#[inline]
pub fn set_xdp(set: &SetXdp) -> Request {
    let mut request = Request::new("RTM_SETLINK", RTM_SETLINK, 0, &head(set.ifindex));
    let nest = request.begin(IFLA_XDP);
    request.put(IFLA_XDP_FD, &set.fd.to_ne_bytes());
    let mut flags = set.mode.map_or(0, XdpMode::flag);
    match set.expect {
        Expect::Anything => {}
        Expect::Nothing => flags |= XDP_FLAGS_UPDATE_IF_NOEXIST,
        Expect::Program(fd) => {
            flags |= XDP_FLAGS_REPLACE;
            request.put(IFLA_XDP_EXPECTED_FD, &fd.to_ne_bytes());
        }
    }
    request.put_u32(IFLA_XDP_FLAGS, flags);
    request.end(&nest);
    request
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
