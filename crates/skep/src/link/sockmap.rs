//! Socket maps: programs that see what the sockets in them send and receive.

use super::held::HeldTarget;
use super::mode::Place;
use super::{Hook, Link, LinkMode};
use crate::map::Map;
use crate::probe::Feature;
use crate::prog::Program;
use crate::{AttachType, Errno, Error, ErrorKind, MapType, ProgType, Result};
use skep_sys::bpf::Target;

/// A map of sockets, `SOCKMAP` or `SOCKHASH`.
#[derive(Clone, Debug)]
#[doc(alias = "bpf_program__attach_sockmap")]
pub struct Sockmap<'a> {
    map: &'a Map,
    attach_type: Option<AttachType>,
    mode: LinkMode,
}

impl<'a> Sockmap<'a> {
    /// The sockets that are put into this map from now on: those in it already go on as they did
    /// when they came, and so they do when the program is detached. What the program sees is what
    /// its section says.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Invalid`] for another kind of map, [`ErrorKind::NeedsTarget`] if
    /// the section says only `sk_skb`; `EBUSY`: a link holds another program there, or one that does
    /// not go with this (`stream_verdict` beside `verdict`).
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE`, since Linux 6.10; else `BPF_PROG_ATTACH`, since 4.14 (messages: 4.17,
    /// `verdict`: 5.13), which takes another program's place.
    #[inline]
    pub fn on(map: &'a Map) -> Self {
        Self {
            map,
            attach_type: None,
            mode: LinkMode::Auto,
        }
    }

    /// To tell where a message ends in a stream that is received.
    #[doc(alias = "BPF_SK_SKB_STREAM_PARSER")]
    #[must_use]
    #[inline]
    pub fn stream_parser(self) -> Self {
        self.seeing(AttachType::SK_SKB_STREAM_PARSER)
    }

    /// To decide on each message of a stream that is received.
    #[doc(alias = "BPF_SK_SKB_STREAM_VERDICT")]
    #[must_use]
    #[inline]
    pub fn stream_verdict(self) -> Self {
        self.seeing(AttachType::SK_SKB_STREAM_VERDICT)
    }

    /// To decide on what is received, as it comes; of datagrams too.
    #[doc(alias = "BPF_SK_SKB_VERDICT")]
    #[must_use]
    #[inline]
    pub fn verdict(self) -> Self {
        self.seeing(AttachType::SK_SKB_VERDICT)
    }

    #[inline]
    fn seeing(mut self, attach_type: AttachType) -> Self {
        self.attach_type = Some(attach_type);
        self
    }

    /// Attaches in this way, and in no other.
    #[must_use]
    #[inline]
    pub fn mode(mut self, mode: LinkMode) -> Self {
        self.mode = mode;
        self
    }

    /// What the program is to see.
    #[inline]
    fn seen(&self, program: &Program) -> Result<AttachType> {
        let declared = || program.declared()?.attach_type;
        let only =
            || (program.prog_type() == ProgType::SK_MSG).then_some(AttachType::SK_MSG_VERDICT);
        self.attach_type
            .or_else(declared)
            .or_else(only)
            .ok_or_else(|| {
                let what = "neither section nor hook say what it is to see: \
                        stream_parser, stream_verdict or verdict";
                Error::new(ErrorKind::NeedsTarget, what)
            })
    }
}

impl Hook for Sockmap<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let map = self.map;
        let attach_type = self.seen(program)?;
        let hook = format!("{} of socket map {}", kind(attach_type), map.name());
        if !matches!(map.map_type(), MapType::SOCKMAP | MapType::SOCKHASH) {
            let what = format!("{hook}: it is of type {}", map.map_type());
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let older = HeldTarget::new(map.fd().try_clone()?, attach_type);
        let place = Place {
            target: Target::Fd(map.fd()),
            older: Some(older),
            attach_type,
            mode: self.mode,
            feature: Feature::LinkSockmap,
        };
        place.attach(program, hook).map_err(|error| match error.errno() {
            Some(Errno::EBUSY) => error.context(
                "a link holds another program there, or `verdict` and `stream_verdict` are both there",
            ),
            _ => error,
        })
    }
}

#[inline]
fn kind(attach_type: AttachType) -> &'static str {
    match attach_type {
        AttachType::SK_MSG_VERDICT => "message verdict",
        AttachType::SK_SKB_STREAM_PARSER => "stream parser",
        AttachType::SK_SKB_STREAM_VERDICT => "stream verdict",
        _ => "verdict",
    }
}
