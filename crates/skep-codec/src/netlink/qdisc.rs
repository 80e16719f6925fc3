//! Traffic control: queueing disciplines.

use super::msg::{Message, Request};
use super::tc::{Handle, Head, TCMSG};
use crate::Result;
use crate::uapi::netlink::{
    NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, RTM_DELQDISC, RTM_GETQDISC, RTM_NEWQDISC, TCA_KIND,
};
use alloc::string::String;

/// A queueing discipline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Qdisc {
    /// The interface that it is of.
    pub ifindex: u32,
    /// Its own handle.
    pub handle: Handle,
    /// Where it is.
    pub parent: Handle,
    /// What it is (`clsact`, `fq_codel`).
    pub kind: String,
}

impl Qdisc {
    /// A queueing discipline out of `RTM_NEWQDISC`; `None` for other messages.
    ///
    /// # Errors
    /// Attributes that are cut off, or too short for what they are.
    #[inline]
    pub fn read(message: &Message<'_>) -> Result<Option<Self>> {
        if message.header.kind != RTM_NEWQDISC {
            return Ok(None);
        }
        let head = Head::read(message)?;
        let mut found = Self {
            ifindex: head.ifindex,
            handle: Handle(head.handle),
            parent: Handle(head.parent),
            kind: String::new(),
        };
        for attr in message.attrs_after(TCMSG) {
            let attr = attr?;
            if attr.kind == TCA_KIND {
                found.kind = attr.text();
            }
        }
        Ok(Some(found))
    }

    #[inline]
    fn request(&self, name: &'static str, kind: u16, flags: u16) -> Request {
        let head = Head {
            ifindex: self.ifindex,
            handle: self.handle.0,
            parent: self.parent.0,
            info: 0,
        };
        let mut request = Request::new(name, kind, flags, &head.bytes());
        if !self.kind.is_empty() {
            request.put_text(TCA_KIND, &self.kind);
        }
        request
    }

    /// Makes it; one that is there already is an error.
    #[inline]
    pub fn create(&self) -> Request {
        self.request("RTM_NEWQDISC", RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Puts it in the place of the one that is there, if there is one.
    #[inline]
    pub fn replace(&self) -> Request {
        self.request("RTM_NEWQDISC", RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE)
    }

    /// Removes it.
    #[inline]
    pub fn delete(&self) -> Request {
        self.request("RTM_DELQDISC", RTM_DELQDISC, 0)
    }

    /// Asks for all of all interfaces, as a listing.
    #[inline]
    pub fn list() -> Request {
        let head = Head::default().bytes();
        Request::new("RTM_GETQDISC", RTM_GETQDISC, 0, &head)
    }
}
