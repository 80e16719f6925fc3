//! The one error of the library: what was being done to which object, and why it failed.

use crate::verifier_log::Refusal;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use skep_codec::Errno;
use skep_codec::netlink::Ack;
use skep_sys::CallError;

/// The result of a library call.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What kind of failure.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Bytes that do not parse: see [`Error::codec`] for the place.
    Codec,
    /// A system call failed: see [`Error::call`].
    Call,
    /// The kernel says `EPERM` or `EACCES`: a capability is missing, or a rule forbids it.
    Permission,
    /// The verifier refused a program: see [`Error::refusal`].
    Verifier,
    /// No such map, program, variable, type, interface.
    NotFound,
    /// The program cannot attach by its section name alone; the text says what to give.
    NeedsTarget,
    /// Neither this library nor this kernel can do it.
    Unsupported,
    /// The caller's arguments do not fit (sizes, names).
    Invalid,
    /// Maps or programs failed: see [`Error::failures`], [`Error::map_failures`].
    Several,
    /// Memory shared with the kernel holds what it must not.
    Corrupt,
    /// A record was overwritten by a newer one while it was read.
    Overwritten,
    /// There is no room left in what the kernel has not yet read.
    Full,
    /// A walk over a map would begin again, because others changed the map; start it anew.
    Restarted,
}

/// Why something failed. As large as a pointer, and cheap to clone.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    what: Cow<'static, str>,
    cause: Cause,
}

enum Cause {
    None,
    Codec(skep_codec::Error),
    Call(CallError),
    Refused(CallError, Box<Refusal>),
    Answered(CallError, Box<Ack>),
    Failures(Vec<MapFailure>, Vec<ProgramFailure>),
    Error(Error),
}

/// A map that could not be made, with its own error.
#[derive(Debug)]
pub struct MapFailure {
    /// Its name.
    pub map: String,
    /// Why.
    pub error: Error,
}

/// A program that did not load, with its own error.
#[derive(Debug)]
pub struct ProgramFailure {
    /// Its name.
    pub program: String,
    /// Its section.
    pub section: String,
    /// Why.
    pub error: Error,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Self::caused(kind, what.into(), Cause::None)
    }

    #[cold]
    fn caused(kind: ErrorKind, what: Cow<'static, str>, cause: Cause) -> Self {
        Self(Arc::new(Inner { kind, what, cause }))
    }

    /// A load that the verifier refused.
    pub(crate) fn refused(call: CallError, refusal: Refusal) -> Self {
        let cause = Cause::Refused(call, Box::new(refusal));
        Self::caused(ErrorKind::Verifier, Cow::Borrowed(""), cause)
    }

    /// A netlink request that the kernel refused.
    #[cold]
    pub(crate) fn answered(call: CallError, ack: Ack) -> Self {
        let cause = Cause::Answered(call, Box::new(ack));
        Self::caused(kind_of(call.errno), Cow::Borrowed(""), cause)
    }

    /// All maps and programs that failed.
    pub(crate) fn several(
        what: String,
        maps: Vec<MapFailure>,
        programs: Vec<ProgramFailure>,
    ) -> Self {
        let cause = Cause::Failures(maps, programs);
        Self::caused(ErrorKind::Several, what.into(), cause)
    }

    /// Says what was being done when this happened.
    pub(crate) fn context(self, what: impl fmt::Display) -> Self {
        self.doing(&what)
    }

    /// Says what is wrong, of this kind, where the call that failed cannot tell.
    #[cold]
    pub(crate) fn explained(self, kind: ErrorKind, what: String) -> Self {
        Self::caused(kind, what.into(), Cause::Error(self))
    }

    #[cold]
    fn doing(self, what: &dyn fmt::Display) -> Self {
        Self::caused(self.kind(), what.to_string().into(), Cause::Error(self))
    }

    /// What kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The failed call, where a call failed.
    pub fn call(&self) -> Option<CallError> {
        match &self.0.cause {
            Cause::Call(call) | Cause::Refused(call, _) | Cause::Answered(call, _) => Some(*call),
            Cause::Error(inner) => inner.call(),
            _ => None,
        }
    }

    /// The kernel's errno, where a call failed.
    pub fn errno(&self) -> Option<Errno> {
        self.call().map(|call| call.errno)
    }

    /// The parse error, where bytes were at fault.
    pub fn codec(&self) -> Option<&skep_codec::Error> {
        match &self.0.cause {
            Cause::Codec(error) => Some(error),
            Cause::Error(inner) => inner.codec(),
            _ => None,
        }
    }

    /// The verifier's log and its digest, where the verifier refused the program.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.0.cause {
            Cause::Refused(_, refusal) => Some(refusal),
            Cause::Error(inner) => inner.refusal(),
            _ => None,
        }
    }

    /// The kernel's own explanation, where it refused a netlink request.
    #[doc(alias = "extended ACK")]
    pub fn ack(&self) -> Option<&Ack> {
        match &self.0.cause {
            Cause::Answered(_, ack) => Some(ack),
            Cause::Error(inner) => inner.ack(),
            _ => None,
        }
    }

    /// Every program that did not load, in the object's order; empty for other errors.
    pub fn failures(&self) -> &[ProgramFailure] {
        match &self.0.cause {
            Cause::Failures(_, programs) => programs,
            Cause::Error(inner) => inner.failures(),
            _ => &[],
        }
    }

    /// Every map that could not be made, in the object's order; empty for other errors.
    pub fn map_failures(&self) -> &[MapFailure] {
        match &self.0.cause {
            Cause::Failures(maps, _) => maps,
            Cause::Error(inner) => inner.map_failures(),
            _ => &[],
        }
    }
}

impl From<skep_codec::Error> for Error {
    fn from(error: skep_codec::Error) -> Self {
        let kind = match error.kind() {
            skep_codec::ErrorKind::NotFound => ErrorKind::NotFound,
            skep_codec::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Codec,
        };
        Self::caused(kind, Cow::Borrowed(""), Cause::Codec(error))
    }
}

impl From<CallError> for Error {
    fn from(call: CallError) -> Self {
        Self::caused(kind_of(call.errno), Cow::Borrowed(""), Cause::Call(call))
    }
}

fn kind_of(errno: Errno) -> ErrorKind {
    match errno {
        Errno::EPERM | Errno::EACCES => ErrorKind::Permission,
        _ => ErrorKind::Call,
    }
}

/// Adds what was being done to an error on its way up: text is made of it only then.
pub(crate) trait Context<T> {
    fn context(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for core::result::Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.into().doing(&what)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        if !self.0.what.is_empty() && !matches!(self.0.cause, Cause::None) {
            f.write_str(": ")?;
        }
        match &self.0.cause {
            Cause::None => Ok(()),
            Cause::Codec(error) => error.fmt(f),
            Cause::Call(call) => call.fmt(f),
            Cause::Error(inner) => inner.fmt(f),
            Cause::Refused(call, refusal) => write!(f, "{call}: {refusal}"),
            Cause::Answered(call, ack) if ack.explains() => write!(f, "{call}: {ack}"),
            Cause::Answered(call, _) => call.fmt(f),
            Cause::Failures(maps, programs) => {
                let maps = maps.iter().map(|failure| &failure.error);
                let all = maps.chain(programs.iter().map(|failure| &failure.error));
                for (n, error) in all.enumerate() {
                    let separator = if n == 0 { "" } else { "; " };
                    write!(f, "{separator}{error}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind())
    }
}

/// [`Error`] shows its whole chain of causes in its own text, so `source` answers nothing.
impl core::error::Error for Error {}
