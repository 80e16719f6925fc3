//! Messages: requests, and the answers to them.

use super::attr::{Attrs, Nest, Writer, aligned, padded};
use crate::bytes::{Endian, Reader};
use crate::error::bail;
use crate::uapi::netlink::{
    NLA_F_NESTED, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE,
    NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN, NLMSGERR_ATTR_MISS_TYPE, NLMSGERR_ATTR_MSG,
    NLMSGERR_ATTR_OFFS,
};
use crate::{Errno, Result};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Bytes of a message's header.
pub const HEADER: usize = 16;

/// `struct nlmsghdr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "nlmsghdr")]
pub struct Header {
    /// Bytes of the message, with this header.
    pub len: u32,
    /// What it is (`RTM_NEWLINK`).
    pub kind: u16,
    /// `NLM_F_` bits.
    pub flags: u16,
    /// The number of the request that it is, or that it answers.
    pub seq: u32,
    /// The port that it is from (0: the kernel), or for.
    pub port: u32,
}

impl Header {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            len: reader.u32()?,
            kind: reader.u16()?,
            flags: reader.u16()?,
            seq: reader.u32()?,
            port: reader.u32()?,
        })
    }
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its header.
    pub header: Header,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// The messages of a datagram. An error is the last.
#[derive(Clone, Copy, Debug)]
pub struct Messages<'a>(Reader<'a>);

impl<'a> Messages<'a> {
    /// The messages in these bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes, Endian::NATIVE))
    }

    #[inline]
    fn read(&mut self) -> Result<Message<'a>> {
        let at = self.0.offset() as u64;
        let header = Header::read(&mut self.0)?;
        let Some(len) = (header.len as usize).checked_sub(HEADER) else {
            bail!(Malformed, "a message is {} bytes long", header.len);
        };
        let payload = padded(&mut self.0, len).map_err(|error| error.at(at))?;
        Ok(Message { header, payload })
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            *self = Self::new(&[]);
        }
        Some(read)
    }
}

/// What a message says to who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Something of what was asked for.
    Part(Message<'a>),
    /// It is done, or refused: nothing follows.
    End(Ack),
    /// Nothing.
    Noop,
}

impl<'a> Message<'a> {
    /// The message as an answer.
    ///
    /// # Errors
    /// A word about success or failure that is too short to say which.
    #[inline]
    pub fn answer(&self) -> Result<Answer<'a>> {
        Ok(match self.header.kind {
            NLMSG_NOOP => Answer::Noop,
            NLMSG_ERROR => Answer::End(Ack::of_error(self)?),
            NLMSG_DONE => Answer::End(Ack::of_done(self)?),
            NLMSG_OVERRUN => bail!(Malformed, "the kernel says that data was lost"),
            _ => Answer::Part(*self),
        })
    }

    /// Whether what a listing tells has changed while it was made.
    #[inline]
    pub fn is_interrupted(&self) -> bool {
        self.header.flags & NLM_F_DUMP_INTR != 0
    }

    /// The attributes that follow a fixed head of `len` bytes.
    #[inline]
    pub(super) fn attrs_after(&self, len: usize) -> Attrs<'a> {
        Attrs::new(self.payload.get(len..).unwrap_or_default())
    }

    #[inline]
    pub(super) fn reader(&self) -> Reader<'a> {
        Reader::new(self.payload, Endian::NATIVE)
    }
}

/// The kernel's word on a request: done, or why not. Shown, it is the kernel's own explanation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[doc(alias = "nlmsgerr")]
#[doc(alias = "extended ACK")]
pub struct Ack {
    /// Why it was refused; `None` if it was done.
    pub errno: Option<Errno>,
    /// What the kernel says of it; a warning, if it was done.
    pub text: Option<String>,
    /// Where in the request the attribute at fault begins, in bytes from its header's beginning.
    pub offset: Option<u32>,
    /// Types of that attribute and of those that it is in, outermost first, once it was looked up
    /// in the request ([`Request::attr_at`]).
    pub attr: Vec<u16>,
    /// Type of an attribute that is missing.
    pub missing: Option<u32>,
}

impl Ack {
    /// `struct nlmsgerr`: the error, the request (or its header only), attributes.
    #[inline]
    fn of_error(message: &Message<'_>) -> Result<Self> {
        let mut reader = message.reader();
        let errno = reader.i32()?;
        let request = Header::read(&mut reader)?;
        let mut ack = Self::new(errno);
        if message.header.flags & NLM_F_ACK_TLVS == 0 {
            return Ok(ack);
        }
        if message.header.flags & NLM_F_CAPPED == 0 {
            let len = (request.len as usize).saturating_sub(HEADER);
            reader.take(aligned(len))?;
        }
        ack.read(reader.rest());
        Ok(ack)
    }

    /// The end of a listing: an error, attributes. Long ago it was empty.
    #[inline]
    fn of_done(message: &Message<'_>) -> Result<Self> {
        if message.payload.is_empty() {
            return Ok(Self::default());
        }
        let mut reader = message.reader();
        let mut ack = Self::new(reader.i32()?);
        if message.header.flags & NLM_F_ACK_TLVS != 0 {
            ack.read(reader.rest());
        }
        Ok(ack)
    }

    #[inline]
    fn new(errno: i32) -> Self {
        Self {
            errno: (errno < 0).then(|| Errno::new(errno)),
            ..Self::default()
        }
    }

    /// What cannot be read of an explanation is left out: whether it was done is known already.
    #[inline]
    fn read(&mut self, bytes: &[u8]) {
        for attr in Attrs::new(bytes).map_while(Result::ok) {
            match attr.kind {
                NLMSGERR_ATTR_MSG => self.text = Some(attr.text()),
                NLMSGERR_ATTR_OFFS => self.offset = attr.u32().ok(),
                NLMSGERR_ATTR_MISS_TYPE => self.missing = attr.u32().ok(),
                _ => {}
            }
        }
    }

    /// Whether it says more than the error number.
    #[inline]
    pub fn explains(&self) -> bool {
        self.text.is_some() || self.offset.is_some() || self.missing.is_some()
    }
}

impl fmt::Display for Ack {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(text) = &self.text {
            f.write_str(text)?;
            separator = ", ";
        }
        if let Some(missing) = self.missing {
            write!(f, "{separator}attribute {missing} is missing")?;
            separator = ", ";
        }
        let Some(offset) = self.offset else {
            return Ok(());
        };
        f.write_str(separator)?;
        for (n, kind) in self.attr.iter().enumerate() {
            let before = if n == 0 { "attribute " } else { "." };
            write!(f, "{before}{kind}")?;
        }
        let space = if self.attr.is_empty() { "" } else { " " };
        write!(f, "{space}at byte {offset} of the request")
    }
}

/// A request being written, without its number: that is given when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    name: &'static str,
    kind: u16,
    flags: u16,
    /// Bytes before the attributes.
    head: usize,
    writer: Writer,
}

impl Request {
    /// A request: the kernel's name of it (`"RTM_SETLINK"`), its type and flags, and what stands
    /// before the attributes.
    #[inline]
    pub fn new(name: &'static str, kind: u16, flags: u16, head: &[u8]) -> Self {
        let mut bytes = Vec::from(head);
        bytes.resize(aligned(bytes.len()), 0);
        Self {
            name,
            kind,
            flags: flags | NLM_F_REQUEST,
            head: bytes.len(),
            writer: Writer {
                bytes,
                too_long: false,
            },
        }
    }

    /// The kernel's name of it.
    #[inline]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Types of the attribute that begins so many bytes after the beginning of the message's header,
    /// from the outermost to itself.
    #[inline]
    pub fn attr_at(&self, offset: u32) -> Option<Vec<u16>> {
        let offset = (offset as usize).checked_sub(HEADER)?;
        let mut at = self.head;
        let (mut end, mut path) = (self.writer.bytes.len(), Vec::new());
        while at <= offset && at < end {
            let bytes = self.writer.bytes.get(at..end)?;
            let attr = Attrs::new(bytes).next()?.ok()?;
            let inside = at.checked_add(4)?;
            let behind = inside.checked_add(attr.value.len())?;
            if offset == at {
                path.push(attr.kind);
                return Some(path);
            }
            (at, end) = match offset < behind {
                true => {
                    path.push(attr.kind);
                    (inside, behind)
                }
                false => (aligned(behind), end),
            };
        }
        None
    }

    /// Adds an attribute.
    #[inline]
    pub fn put(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.writer.put(kind, value);
        self
    }

    /// Adds a number.
    #[inline]
    pub fn put_u32(&mut self, kind: u16, value: u32) -> &mut Self {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Adds text, and its NUL.
    #[inline]
    pub fn put_text(&mut self, kind: u16, value: &str) -> &mut Self {
        let nest = self.writer.begin(kind);
        self.writer.bytes.extend_from_slice(value.as_bytes());
        self.writer.bytes.push(0);
        self.writer.end(&nest);
        self
    }

    /// Begins an attribute of attributes: what is added is in it until it is ended.
    #[inline]
    pub fn begin(&mut self, kind: u16) -> Nest {
        self.writer.begin(kind | NLA_F_NESTED)
    }

    /// Ends an attribute of attributes.
    #[inline]
    pub fn end(&mut self, nest: &Nest) -> &mut Self {
        self.writer.end(nest);
        self
    }

    /// Appends the message with this number and more flags to a datagram.
    ///
    /// # Errors
    /// A value longer than an attribute can be.
    #[inline]
    pub fn write(&self, datagram: &mut Vec<u8>, seq: u32, flags: u16) -> Result<()> {
        let payload = self.writer.clone().done()?;
        let Ok(len) = u32::try_from(payload.len().saturating_add(HEADER)) else {
            bail!(TooLarge, "a request of {} bytes", payload.len());
        };
        let flags = self.flags | flags;
        datagram.extend_from_slice(&len.to_ne_bytes());
        datagram.extend_from_slice(&self.kind.to_ne_bytes());
        datagram.extend_from_slice(&flags.to_ne_bytes());
        datagram.extend_from_slice(&seq.to_ne_bytes());
        datagram.extend_from_slice(&[0; 4]);
        datagram.extend_from_slice(&payload);
        datagram.resize(aligned(datagram.len()), 0);
        Ok(())
    }
}

#[cfg(test)]
#[path = "msg_tests.rs"]
mod tests;
