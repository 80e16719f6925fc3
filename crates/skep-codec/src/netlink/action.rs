//! Traffic control: actions that run programs (`act_bpf`).

use super::attr::Attr;
use super::msg::{Message, Request};
use crate::Result;
use crate::bytes::{Endian, Reader};
use crate::uapi::netlink::{
    NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, RTM_DELACTION, RTM_GETACTION, RTM_NEWACTION,
    TCA_ACT_BPF_FD, TCA_ACT_BPF_ID, TCA_ACT_BPF_NAME, TCA_ACT_BPF_PARMS, TCA_ACT_BPF_TAG,
    TCA_ACT_INDEX, TCA_ACT_KIND, TCA_ACT_OPTIONS, TCA_ACT_TAB,
};
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes of `struct tcamsg`.
const TCAMSG: usize = 4;
/// The kind of actions that run programs.
const BPF: &str = "bpf";
/// The first of a request's actions.
const FIRST: u16 = 1;

/// An action that is to run a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetAction<'a> {
    /// Its number among actions that run programs; 0 has the kernel choose one.
    pub index: u32,
    /// Descriptor of the program.
    pub fd: i32,
    /// What listings call it.
    pub name: &'a str,
    /// What becomes of a packet of which the program says nothing (`TC_ACT_`).
    pub otherwise: i32,
}

impl SetAction<'_> {
    /// Adds it, as the only action in an attribute of actions.
    #[inline]
    pub(super) fn put(&self, request: &mut Request, kind: u16) {
        let (all, one) = (request.begin(kind), request.begin(FIRST));
        request.put_text(TCA_ACT_KIND, BPF);
        let options = request.begin(TCA_ACT_OPTIONS);
        // `struct tc_act_bpf`: of what follows, the kernel keeps account itself.
        let mut parms = Vec::from(self.index.to_ne_bytes());
        parms.extend([0; 4]);
        parms.extend(self.otherwise.to_ne_bytes());
        parms.extend([0; 8]);
        request.put(TCA_ACT_BPF_PARMS, &parms);
        request.put(TCA_ACT_BPF_FD, &self.fd.to_ne_bytes());
        request.put_text(TCA_ACT_BPF_NAME, self.name);
        request.end(&options).end(&one).end(&all);
    }

    /// Makes it; with `NLM_F_ECHO` the answer tells its number.
    #[inline]
    pub fn create(&self) -> Request {
        self.request(NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Puts the program in the place of its own, for all classifiers that have it.
    #[inline]
    pub fn replace(&self) -> Request {
        self.request(NLM_F_CREATE | NLM_F_REPLACE)
    }

    #[inline]
    fn request(&self, flags: u16) -> Request {
        let mut request = Request::new("RTM_NEWACTION", RTM_NEWACTION, flags, &[0; TCAMSG]);
        self.put(&mut request, TCA_ACT_TAB);
        request
    }
}

/// An action that runs a program, as the kernel tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Action {
    /// Its number among actions that run programs.
    pub index: u32,
    /// What it was called.
    pub name: String,
    /// Its program's id; 0 of a classic program.
    pub prog_id: u32,
    /// Its program's tag.
    pub tag: [u8; 8],
    /// What becomes of a packet of which the program says nothing (`TC_ACT_`).
    pub otherwise: i32,
    /// How many classifiers have it.
    pub binds: u32,
}

/// The message about the action of this number.
#[inline]
fn one(name: &'static str, kind: u16, index: u32) -> Request {
    let mut request = Request::new(name, kind, 0, &[0; TCAMSG]);
    let (all, one) = (request.begin(TCA_ACT_TAB), request.begin(FIRST));
    request.put_text(TCA_ACT_KIND, BPF);
    if index != 0 {
        request.put_u32(TCA_ACT_INDEX, index);
    }
    request.end(&one).end(&all);
    request
}

impl Action {
    /// Asks for all, as a listing.
    #[inline]
    pub fn list() -> Request {
        one("RTM_GETACTION", RTM_GETACTION, 0)
    }

    /// Removes the one of this number.
    #[inline]
    pub fn delete(index: u32) -> Request {
        one("RTM_DELACTION", RTM_DELACTION, index)
    }

    /// The actions of a message; `None` of other messages.
    ///
    /// # Errors
    /// Attributes that are cut off, or too short for what they are.
    #[inline]
    pub fn read(message: &Message<'_>) -> Result<Option<Vec<Self>>> {
        // A listing has the type of the request.
        if ![RTM_NEWACTION, RTM_GETACTION].contains(&message.header.kind) {
            return Ok(None);
        }
        let mut all = Vec::new();
        for attr in message.attrs_after(TCAMSG) {
            let attr = attr?;
            if attr.kind == TCA_ACT_TAB {
                all.extend(actions(&attr)?);
            }
        }
        Ok(Some(all))
    }

    #[inline]
    fn take(&mut self, attr: &Attr<'_>) -> Result<()> {
        match attr.kind {
            TCA_ACT_BPF_PARMS => {
                let mut parms = Reader::new(attr.value, Endian::NATIVE);
                self.index = parms.u32()?;
                parms.u32()?;
                self.otherwise = parms.i32()?;
                parms.u32()?;
                self.binds = parms.u32()?;
            }
            TCA_ACT_BPF_NAME => self.name = attr.text(),
            TCA_ACT_BPF_ID => self.prog_id = attr.u32()?,
            TCA_ACT_BPF_TAG => self.tag = attr.u64()?.to_ne_bytes(),
            _ => {}
        }
        Ok(())
    }
}

/// The actions of an attribute that run programs.
#[inline]
pub(super) fn actions(attr: &Attr<'_>) -> Result<Vec<Action>> {
    let mut all = Vec::new();
    for one in attr.attrs() {
        let (mut kind, mut options) = (String::new(), None);
        for attr in one?.attrs() {
            let attr = attr?;
            match attr.kind {
                TCA_ACT_KIND => kind = attr.text(),
                TCA_ACT_OPTIONS => options = Some(attr),
                _ => {}
            }
        }
        let Some(options) = options.filter(|_| kind == BPF) else {
            continue;
        };
        let mut found = Action::default();
        for attr in options.attrs() {
            found.take(&attr?)?;
        }
        all.push(found);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::netlink::Messages;
    use crate::netlink::tc::{Filter, FilterPlace, Sees, SetFilter};
    use crate::uapi::netlink::{NLM_F_REQUEST, TCA_BPF_ACT};

    fn read<T>(request: &Request, read: impl Fn(&Message<'_>) -> T) -> T {
        let mut bytes = Vec::new();
        request.write(&mut bytes, 1, 0).unwrap();
        read(&Messages::new(&bytes).next().unwrap().unwrap())
    }

    const SET: SetAction<'_> = SetAction {
        index: 5,
        fd: 12,
        name: "drops",
        otherwise: -1,
    };

    #[test]
    fn actions_are_read_as_they_were_written() {
        let found = read(&SET.create(), Action::read).unwrap().unwrap();
        let told = Action {
            index: 5,
            name: "drops".into(),
            otherwise: -1,
            ..Action::default()
        };
        assert_eq!(found, [told]);
        read(&SET.create(), |message| {
            let flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
            assert_eq!(message.header.flags, flags);
        });
        read(&SET.replace(), |message| {
            let flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE;
            assert_eq!(message.header.flags, flags);
        });
        assert_eq!(read(&Action::delete(5), Action::read), Ok(None));
        assert_eq!(read(&Action::list(), Action::read), Ok(Some(Vec::new())));
    }

    #[test]
    fn a_classifier_that_takes_all_has_one() {
        let set = SetFilter {
            place: FilterPlace {
                handle: 1,
                ..FilterPlace::default()
            },
            sees: Sees::Action(SET),
            direct_action: true,
            ..SetFilter::default()
        };
        let found = read(&set.request(), Filter::read).unwrap().unwrap();
        assert_eq!((found.actions.len(), found.actions[0].index), (1, 5));
        assert_eq!((found.prog_id, found.direct_action), (0, false));
    }

    #[test]
    fn what_the_kernel_tells_and_what_it_may_not() {
        let mut told = Request::new("told", RTM_GETACTION, 0, &[0; TCAMSG]);
        let all = told.begin(TCA_ACT_TAB);
        for kind in ["gact", BPF] {
            let one = told.begin(TCA_BPF_ACT);
            told.put_text(TCA_ACT_KIND, kind);
            let options = told.begin(TCA_ACT_OPTIONS);
            let parms = [9_u32, 0, 2, 3, 1].map(u32::to_ne_bytes).concat();
            told.put(TCA_ACT_BPF_PARMS, &parms);
            told.put_u32(TCA_ACT_BPF_ID, 77);
            told.put(TCA_ACT_BPF_TAG, &[8; 8]);
            told.end(&options).end(&one);
        }
        told.end(&all);
        let found = read(&told, Action::read).unwrap().unwrap();
        let told = Action {
            index: 9,
            prog_id: 77,
            tag: [8; 8],
            otherwise: 2,
            binds: 1,
            ..Action::default()
        };
        assert_eq!(found, [told]);

        let mut short = Request::new("short", RTM_NEWACTION, 0, &[0; TCAMSG]);
        let all = short.begin(TCA_ACT_TAB);
        let one = short.begin(1);
        short.put_text(TCA_ACT_KIND, BPF);
        let options = short.begin(TCA_ACT_OPTIONS);
        short.put(TCA_ACT_BPF_PARMS, &[0; 12]);
        short.end(&options).end(&one).end(&all);
        let error = read(&short, Action::read).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
    }
}
