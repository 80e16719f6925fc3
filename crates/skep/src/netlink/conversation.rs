//! Requests and answers, in turns, on one socket.

use super::Listing;
use crate::error::Context;
use crate::system::System;
use crate::{Error, ErrorKind, Result};
use alloc::vec;
use alloc::vec::Vec;
use core::ffi::c_int;
use core::ops::ControlFlow;
use skep_codec::netlink::{Ack, Answer, Message, Messages, Request};
use skep_codec::uapi::netlink::{NLM_F_ACK, NLM_F_DUMP, NLM_F_ECHO};
use skep_sys::net::netlink;
use skep_sys::{CallError, Fd};

/// Room for a datagram: as much as the kernel makes of a listing.
const ROOM: usize = 32 << 10;
/// Room for the largest datagram.
const MOST_ROOM: usize = 4 << 20;
/// Requests sent at once: all may be refused, and each refusal takes up room in the socket.
const AT_ONCE: usize = 64;
/// How often a listing is asked for that changed while it was made.
const TRIES: usize = 30;

#[derive(Debug)]
pub(super) struct Conversation {
    socket: Fd,
    /// The number of the next request, never 0.
    seq: u32,
    /// What datagrams are put together in, and received into.
    out: Vec<u8>,
    room: Vec<u8>,
}

/// Why answers could not be read to their end.
enum Stop {
    /// A datagram was longer than there was room.
    TooLong,
    Error(Error),
}

/// What a message tells; `None` for one that tells something else.
pub(super) type Read<T> = fn(&Message<'_>) -> skep_codec::Result<Option<T>>;

/// What a message means for who waits for it.
enum Heard<T> {
    Done(T),
    More,
}

impl Conversation {
    #[inline]
    pub(super) fn open(system: &System, protocol: c_int) -> Result<Self> {
        Ok(Self {
            socket: netlink::open(system.kernel(), protocol)?,
            seq: 1,
            out: Vec::new(),
            room: Vec::new(),
        })
    }

    #[inline]
    pub(super) fn socket(&self) -> &Fd {
        &self.socket
    }

    /// Has something done.
    #[inline]
    pub(super) fn change(&mut self, request: &Request) -> Result<()> {
        let answer = self.ask(request, NLM_F_ACK, |_| Ok(None::<()>));
        answer.map(drop)
    }

    /// Has something done, and is told how: what `read` makes of it.
    #[inline]
    pub(super) fn change_told<T>(&mut self, request: &Request, read: Read<T>) -> Result<T> {
        let told = self.ask(request, NLM_F_ECHO, read)?;
        told.ok_or_else(|| nothing_of_it(request))
    }

    /// Asks for one thing: what `read` makes of the answer.
    #[inline]
    pub(super) fn get<T>(&mut self, request: &Request, read: Read<T>) -> Result<T> {
        let found = self.ask(request, 0, read)?;
        found.ok_or_else(|| nothing_of_it(request))
    }

    /// Sends a request, and has `read` what is told, until it takes something or that was all.
    #[inline]
    fn ask<T>(&mut self, request: &Request, flags: u16, read: Read<T>) -> Result<Option<T>> {
        loop {
            let seq = self.send(core::slice::from_ref(request), 0, flags)?;
            let heard = self.hear(request.name(), &mut |message| {
                if message.header.seq != seq {
                    return Ok(Heard::More);
                }
                Ok(match message.answer()? {
                    Answer::Part(message) => match read(&message)? {
                        None => Heard::More,
                        found => Heard::Done(Ok(found)),
                    },
                    Answer::End(ack) => Heard::Done(done(request, ack).map(|()| None)),
                    Answer::Noop => Heard::More,
                })
            });
            match heard {
                Ok(found) => return found,
                // A question can be put again.
                Err(Stop::TooLong) if flags == 0 && self.has_more_room() => {}
                Err(stop) => return Err(stop.error(request.name())),
            }
        }
    }

    /// Sends requests, 64 at once; what became of each.
    #[inline]
    pub(super) fn run(&mut self, requests: &[Request]) -> Result<Vec<Result<()>>> {
        let mut all = Vec::with_capacity(requests.len());
        for requests in requests.chunks(AT_ONCE) {
            self.run_at_once(requests, &mut all)?;
        }
        Ok(all)
    }

    #[inline]
    fn run_at_once(&mut self, requests: &[Request], all: &mut Vec<Result<()>>) -> Result<()> {
        // Only the last one is answered if it is done; every one is if it is refused.
        let first = self.send(requests, 0, NLM_F_ACK)?;
        let base = all.len();
        all.resize_with(base.saturating_add(requests.len()), || Ok(()));
        let heard = self.hear("a batch", &mut |message| {
            let nth = number(first, message.header.seq);
            let place = all.get_mut(base..).and_then(|all| all.get_mut(nth));
            let (Some(request), Some(place)) = (requests.get(nth), place) else {
                return Ok(Heard::More);
            };
            let Answer::End(ack) = message.answer()? else {
                return Ok(Heard::More);
            };
            *place = done(request, ack);
            Ok(match nth.saturating_add(1) == requests.len() {
                true => Heard::Done(()),
                false => Heard::More,
            })
        });
        heard.map_err(|stop| stop.error("a batch"))
    }

    /// Asks for a listing, again if it changed meanwhile: what `read` makes of each message.
    #[inline]
    pub(super) fn list<T>(&mut self, request: &Request, read: Read<T>) -> Result<Listing<T>> {
        let mut listing = Listing {
            all: Vec::new(),
            interrupted: true,
        };
        for _ in 0..TRIES {
            listing.all.clear();
            let all = &mut listing.all;
            listing.interrupted = self.each(request, &mut |message| {
                all.extend(read(message)?);
                Ok(ControlFlow::Continue(()))
            })?;
            if !listing.interrupted {
                break;
            }
        }
        Ok(listing)
    }

    /// Asks for a listing, and hands on its messages. Whether it changed meanwhile.
    #[inline]
    pub(super) fn each(
        &mut self,
        request: &Request,
        each: &mut dyn FnMut(&Message<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<bool> {
        let mut given = 0_usize;
        loop {
            // What was handed on before there was more room is not handed on again.
            let (mut at, mut interrupted) = (0_usize, given > 0);
            let mut stopped = None;
            let seq = self.send(core::slice::from_ref(request), NLM_F_DUMP, 0)?;
            let heard = self.hear(request.name(), &mut |message| {
                if message.header.seq != seq {
                    return Ok(Heard::More);
                }
                interrupted |= message.is_interrupted();
                match message.answer()? {
                    Answer::Part(message) => {
                        at = at.saturating_add(1);
                        // To the end in any case: till then, the socket can list nothing else.
                        if stopped.is_none() && at > given {
                            given = at;
                            stopped =
                                each(&message).map_or_else(|error| Some(Err(error)), is_break);
                        }
                        Ok(Heard::More)
                    }
                    Answer::End(ack) => Ok(Heard::Done(done(request, ack))),
                    Answer::Noop => Ok(Heard::More),
                }
            });
            match (heard, stopped) {
                (_, Some(stopped)) => return stopped.map(|()| interrupted),
                (Ok(done), None) => return done.map(|()| interrupted),
                (Err(Stop::TooLong), None) if self.has_more_room() => {}
                (Err(stop), None) => return Err(stop.error(request.name())),
            }
        }
    }

    /// Sends requests in one datagram, with these flags, the last one with more; the number of the
    /// first.
    #[inline]
    fn send(&mut self, requests: &[Request], flags: u16, last: u16) -> Result<u32> {
        self.out.clear();
        let first = self.seq;
        for (nth, request) in requests.iter().enumerate() {
            let is_last = nth.saturating_add(1) == requests.len();
            let flags = if is_last { flags | last } else { flags };
            request.write(&mut self.out, self.seq, flags)?;
            // 0 is what the kernel says of itself.
            self.seq = self.seq.checked_add(1).unwrap_or(1);
        }
        let name = requests.first().map_or("", Request::name);
        netlink::send(&self.socket, &self.out).context(format_args!("send {name}"))?;
        Ok(first)
    }

    /// Hands on each message that comes, until one is the last. After anything but a whole answer
    /// the socket is emptied: what is in it would be taken for answers to what is asked next.
    #[inline]
    fn hear<T>(
        &mut self,
        name: &str,
        each: &mut dyn FnMut(&Message<'_>) -> Result<Heard<T>>,
    ) -> Result<T, Stop> {
        if self.room.is_empty() {
            self.room = vec![0; ROOM];
        }
        let heard = self.hear_all(name, each);
        if heard.is_err() {
            netlink::drain(&self.socket, &mut self.room);
        }
        heard
    }

    #[inline]
    fn hear_all<T>(
        &mut self,
        name: &str,
        each: &mut dyn FnMut(&Message<'_>) -> Result<Heard<T>>,
    ) -> Result<T, Stop> {
        loop {
            let len = netlink::receive(&self.socket, &mut self.room);
            let len = len.map_err(|error| Stop::Error(lost(error, name)))?;
            if len == self.room.len() {
                return Err(Stop::TooLong);
            }
            for message in Messages::new(self.room.get(..len).unwrap_or_default()) {
                let message = message.context(format_args!("read the answer to {name}"))?;
                if let Heard::Done(heard) = each(&message)? {
                    return Ok(heard);
                }
            }
        }
    }

    /// Makes more room, if that is still allowed.
    #[inline]
    fn has_more_room(&mut self) -> bool {
        let room = self.room.len().saturating_mul(2);
        if room > MOST_ROOM {
            return false;
        }
        self.room = vec![0; room];
        true
    }
}

impl From<Error> for Stop {
    #[inline]
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Stop {
    #[cold]
    fn error(self, name: &str) -> Error {
        match self {
            Self::Error(error) => error,
            Self::TooLong => {
                let what = format!("the answer to {name} is longer than {MOST_ROOM} bytes");
                Error::new(ErrorKind::Corrupt, what)
            }
        }
    }
}

#[inline]
fn is_break(flow: ControlFlow<()>) -> Option<Result<()>> {
    flow.is_break().then_some(Ok(()))
}

/// Which request of those that begin with the number `first` has the number `seq`; 0 is left out.
#[inline]
fn number(first: u32, seq: u32) -> usize {
    let steps = seq.wrapping_sub(first);
    let wrapped = seq < first;
    steps.saturating_sub(u32::from(wrapped)) as usize
}

/// The kernel's word on a request.
#[inline]
fn done(request: &Request, mut ack: Ack) -> Result<()> {
    let Some(errno) = ack.errno else {
        return Ok(());
    };
    if let Some(offset) = ack.offset {
        ack.attr = request.attr_at(offset).unwrap_or_default();
    }
    Err(Error::answered(CallError::new(request.name(), errno), ack))
}

/// The request was made; what became of it is not known.
#[cold]
fn lost(error: CallError, name: &str) -> Error {
    Error::from(error).context(format_args!(
        "the kernel's answer to {name} was lost: it may be done or not; look, or do it again"
    ))
}

#[cold]
fn nothing_of_it(request: &Request) -> Error {
    let what = format!("the kernel answered {} with something else", request.name());
    Error::new(ErrorKind::Corrupt, what)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_go_round_without_zero() {
        assert_eq!([number(1, 1), number(1, 5), number(9, 9)], [0, 4, 0]);
        assert_eq!(number(u32::MAX, u32::MAX), 0);
        assert_eq!(number(u32::MAX, 1), 1);
        assert_eq!(number(u32::MAX - 1, 3), 4);
        assert!(number(5, 4) > 64 && number(5, 0) > 64);
    }
}
