//! Traffic control: the classifiers that run programs (`cls_bpf`).

use super::action::{Action, SetAction, actions};
use super::attr::Attr;
use super::msg::{Message, Request};
use crate::Result;
use crate::uapi::netlink::{
    ETH_P_ALL, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, RTM_DELTFILTER, RTM_GETTFILTER,
    RTM_NEWTFILTER, TC_H_INGRESS, TC_H_MIN_EGRESS, TC_H_MIN_INGRESS, TC_H_ROOT, TCA_BPF_ACT,
    TCA_BPF_CLASSID, TCA_BPF_FD, TCA_BPF_FLAG_ACT_DIRECT, TCA_BPF_FLAGS, TCA_BPF_FLAGS_GEN,
    TCA_BPF_ID, TCA_BPF_NAME, TCA_BPF_OPS, TCA_BPF_OPS_LEN, TCA_BPF_TAG, TCA_CHAIN,
    TCA_CLS_FLAGS_SKIP_HW, TCA_CLS_FLAGS_SKIP_SW, TCA_KIND, TCA_OPTIONS,
};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Bytes of `struct tcmsg`.
pub(super) const TCMSG: usize = 20;
/// The kind of classifiers that run programs.
const BPF: &str = "bpf";

/// Names a queueing discipline, a class, or the place of one.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub u32);

impl Handle {
    /// Where what sends packets has its queueing discipline.
    #[doc(alias = "TC_H_ROOT")]
    pub const ROOT: Self = Self(TC_H_ROOT);
    /// Where `clsact` and `ingress` are: one of them.
    #[doc(alias = "TC_H_CLSACT")]
    #[doc(alias = "TC_H_INGRESS")]
    pub const CLSACT: Self = Self(TC_H_INGRESS);
    /// What is above the classifiers of packets that come in, in `clsact`.
    #[doc(alias = "TC_H_MIN_INGRESS")]
    pub const INGRESS: Self = Self(TC_H_MIN_INGRESS);
    /// What is above the classifiers of packets that go out, in `clsact`.
    #[doc(alias = "TC_H_MIN_EGRESS")]
    pub const EGRESS: Self = Self(TC_H_MIN_EGRESS);

    /// `MAJOR:MINOR`.
    #[doc(alias = "TC_H_MAKE")]
    #[inline]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self((major as u32) << 16 | minor as u32)
    }

    /// Of the queueing discipline.
    #[doc(alias = "TC_H_MAJ")]
    #[inline]
    pub const fn major(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Of the class in it.
    #[doc(alias = "TC_H_MIN")]
    #[inline]
    pub const fn minor(self) -> u16 {
        self.0 as u16
    }
}

impl fmt::Display for Handle {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ROOT => f.write_str("root"),
            Self::CLSACT => f.write_str("clsact"),
            Self::INGRESS => f.write_str("ingress"),
            Self::EGRESS => f.write_str("egress"),
            Self(_) => write!(f, "{:x}:{:x}", self.major(), self.minor()),
        }
    }
}

impl fmt::Debug for Handle {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({self})")
    }
}

/// `struct tcmsg`.
#[derive(Clone, Copy, Default)]
pub(super) struct Head {
    pub(super) ifindex: u32,
    pub(super) handle: u32,
    pub(super) parent: u32,
    pub(super) info: u32,
}

impl Head {
    #[inline]
    pub(super) fn bytes(self) -> [u8; TCMSG] {
        let words = [0, self.ifindex, self.handle, self.parent, self.info];
        let mut bytes = [0; TCMSG];
        for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_ne_bytes();
        }
        bytes
    }

    #[inline]
    pub(super) fn read(message: &Message<'_>) -> Result<Self> {
        let mut reader = message.reader();
        reader.u32()?;
        Ok(Self {
            ifindex: reader.u32()?,
            handle: reader.u32()?,
            parent: reader.u32()?,
            info: reader.u32()?,
        })
    }
}

/// Where a classifier is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilterPlace {
    /// The interface.
    pub ifindex: u32,
    /// What it is above of: [`Handle::INGRESS`], [`Handle::EGRESS`], or a queueing discipline or
    /// class that packets are classified in.
    pub parent: Handle,
    /// The chain that it is in: 0, unless others jump there.
    pub chain: u32,
    /// Lower ones come first. 0 has the kernel choose one that comes before all others.
    pub priority: u16,
    /// Its number among those of the same priority. 0 has the kernel choose one.
    pub handle: u32,
    /// The packets that it sees, by their type (`ETH_P_IP`); 0 stands for all.
    pub protocol: u16,
}

impl FilterPlace {
    #[inline]
    fn head(&self) -> Head {
        let protocol = match self.protocol {
            0 => ETH_P_ALL,
            protocol => protocol,
        };
        Head {
            ifindex: self.ifindex,
            handle: self.handle,
            parent: self.parent.0,
            info: u32::from(self.priority) << 16 | u32::from(protocol.to_be()),
        }
    }

    #[inline]
    fn of(head: Head) -> Self {
        let protocol = u16::from_be(head.info as u16);
        Self {
            ifindex: head.ifindex,
            parent: Handle(head.parent),
            chain: 0,
            priority: (head.info >> 16) as u16,
            handle: head.handle,
            protocol: if protocol == ETH_P_ALL { 0 } else { protocol },
        }
    }

    #[inline]
    fn request(&self, name: &'static str, kind: u16, flags: u16) -> Request {
        let mut request = Request::new(name, kind, flags, &self.head().bytes());
        request.put_text(TCA_KIND, BPF);
        if self.chain != 0 {
            request.put_u32(TCA_CHAIN, self.chain);
        }
        request
    }

    /// Asks for the classifier there.
    #[inline]
    pub fn get(&self) -> Request {
        self.request("RTM_GETTFILTER", RTM_GETTFILTER, 0)
    }

    /// Removes the classifier there.
    #[inline]
    pub fn delete(&self) -> Request {
        self.request("RTM_DELTFILTER", RTM_DELTFILTER, 0)
    }

    /// Asks for all classifiers above a place of an interface, as a listing.
    #[inline]
    pub fn list(ifindex: u32, parent: Handle) -> Request {
        let head = Head {
            ifindex,
            parent: parent.0,
            ..Head::default()
        };
        Request::new("RTM_GETTFILTER", RTM_GETTFILTER, 0, &head.bytes())
    }
}

/// Whether a classifier may or must be there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It must not.
    #[default]
    Refuse,
    /// It must, and the program takes the place of its own.
    Replace,
    /// Either.
    Allow,
}

/// What is to look at packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees<'a> {
    /// The program of a descriptor, which listings call so.
    Program(i32, &'a str),
    /// An action, which is run on every packet.
    Action(SetAction<'a>),
}

impl Default for Sees<'_> {
    #[inline]
    fn default() -> Self {
        Self::Program(-1, "")
    }
}

/// A classifier that is to run a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetFilter<'a> {
    /// Where.
    pub place: FilterPlace,
    /// What looks at packets.
    pub sees: Sees<'a>,
    /// What the program answers is what becomes of the packet (`TC_ACT_`); else it is the class.
    pub direct_action: bool,
    /// The class of packets that the program gives none.
    pub classid: Option<Handle>,
    /// Never in hardware.
    pub skip_hw: bool,
    /// Never in software.
    pub skip_sw: bool,
    /// Whether one may be there already.
    pub existing: Existing,
}

impl SetFilter<'_> {
    /// Makes or changes it; with `NLM_F_ECHO` the answer tells what the kernel chose.
    #[inline]
    pub fn request(&self) -> Request {
        let flags = match self.existing {
            Existing::Refuse => NLM_F_CREATE | NLM_F_EXCL,
            Existing::Replace => NLM_F_REPLACE,
            Existing::Allow => NLM_F_CREATE,
        };
        let mut request = self.place.request("RTM_NEWTFILTER", RTM_NEWTFILTER, flags);
        let nest = request.begin(TCA_OPTIONS);
        match &self.sees {
            Sees::Program(fd, name) => {
                request.put(TCA_BPF_FD, &fd.to_ne_bytes());
                request.put_text(TCA_BPF_NAME, name);
            }
            Sees::Action(action) => {
                request.put(TCA_BPF_OPS_LEN, &1_u16.to_ne_bytes());
                request.put(TCA_BPF_OPS, &ret_all());
                action.put(&mut request, TCA_BPF_ACT);
            }
        }
        if let Some(classid) = self.classid {
            request.put_u32(TCA_BPF_CLASSID, classid.0);
        }
        // Of an action, the answer is what becomes of the packet anyway.
        if self.direct_action && matches!(self.sees, Sees::Program(..)) {
            request.put_u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
        }
        let skip_hw = if self.skip_hw {
            TCA_CLS_FLAGS_SKIP_HW
        } else {
            0
        };
        let skip_sw = if self.skip_sw {
            TCA_CLS_FLAGS_SKIP_SW
        } else {
            0
        };
        if self.skip_hw || self.skip_sw {
            request.put_u32(TCA_BPF_FLAGS_GEN, skip_hw | skip_sw);
        }
        request.end(&nest);
        request
    }
}

/// `struct sock_filter` of a classic program that takes every packet: `ret -1`.
#[inline]
fn ret_all() -> [u8; 8] {
    let mut all = [0xff; 8];
    let (code, value) = (6_u16, [0; 2]);
    all[..2].copy_from_slice(&code.to_ne_bytes());
    all[2..4].copy_from_slice(&value);
    all
}

/// A classifier that runs a program, as the kernel tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Where it is.
    pub place: FilterPlace,
    /// What it was called.
    pub name: String,
    /// Its program's id; 0 if it runs none but its actions'.
    pub prog_id: u32,
    /// Its program's tag.
    pub tag: [u8; 8],
    /// Whether the program's answer is what becomes of the packet.
    pub direct_action: bool,
    /// The class of packets that the program gives none.
    pub classid: Option<Handle>,
    /// `TCA_CLS_FLAGS_` bits: in hardware, in software, or not.
    pub flags: u32,
    /// The programs that are run on packets which it takes, as actions.
    pub actions: Vec<Action>,
}

impl Filter {
    /// A classifier out of `RTM_NEWTFILTER`; `None` for other messages, classifiers of other kinds,
    /// and what tells of a priority only.
    ///
    /// # Errors
    /// Attributes that are cut off, or too short for what they are.
    #[inline]
    pub fn read(message: &Message<'_>) -> Result<Option<Self>> {
        if message.header.kind != RTM_NEWTFILTER {
            return Ok(None);
        }
        let head = Head::read(message)?;
        let mut found = Self {
            place: FilterPlace::of(head),
            ..Self::default()
        };
        let (mut kind, mut options) = (String::new(), None);
        for attr in message.attrs_after(TCMSG) {
            let attr = attr?;
            match attr.kind {
                TCA_KIND => kind = attr.text(),
                TCA_CHAIN => found.place.chain = attr.u32()?,
                TCA_OPTIONS => options = Some(attr),
                _ => {}
            }
        }
        let Some(options) = options.filter(|_| kind == BPF && head.handle != 0) else {
            return Ok(None);
        };
        for attr in options.attrs() {
            found.take(&attr?)?;
        }
        Ok(Some(found))
    }

    #[inline]
    fn take(&mut self, attr: &Attr<'_>) -> Result<()> {
        match attr.kind {
            TCA_BPF_NAME => self.name = attr.text(),
            TCA_BPF_ID => self.prog_id = attr.u32()?,
            TCA_BPF_CLASSID => self.classid = Some(Handle(attr.u32()?)),
            TCA_BPF_FLAGS => self.direct_action = attr.u32()? & TCA_BPF_FLAG_ACT_DIRECT != 0,
            TCA_BPF_FLAGS_GEN => self.flags = attr.u32()?,
            TCA_BPF_ACT => self.actions = actions(attr)?,
            TCA_BPF_TAG => self.tag = attr.u64()?.to_ne_bytes(),
            _ => {}
        }
        Ok(())
    }
}

pub use super::qdisc::Qdisc;

#[cfg(test)]
#[path = "tc_tests.rs"]
mod tests;
