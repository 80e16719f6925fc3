use super::*;
use crate::ErrorKind;
use crate::uapi::netlink::{NLM_F_ACK, NLM_F_MULTI};
use std::string::ToString;

/// A message of this type and these flags.
fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let request = Request::new("test", kind, flags, payload);
    request.write(&mut bytes, 7, 0).unwrap();
    bytes
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.put(kind, value);
    writer.done().unwrap()
}

/// The kernel's answer: an errno, the request's header (and the rest of it), explanations.
fn refusal(errno: i32, flags: u16, request: &[u8], attrs: &[u8]) -> Vec<u8> {
    let mut payload = Vec::from(errno.to_ne_bytes());
    payload.extend_from_slice(request);
    payload.extend_from_slice(attrs);
    message(NLMSG_ERROR, flags, &payload)
}

fn ack(bytes: &[u8]) -> Ack {
    let message = Messages::new(bytes).next().unwrap().unwrap();
    match message.answer().unwrap() {
        Answer::End(ack) => ack,
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_are_read_back_one_after_the_other() {
    let mut datagram = Vec::new();
    let mut request = Request::new("RTM_SETLINK", 19, 0, &[1; 16]);
    let nest = request.begin(43);
    request.put_u32(1, 5).put_text(2, "abc");
    request.end(&nest).put(9, &[1]);
    request.write(&mut datagram, 41, NLM_F_ACK).unwrap();
    request.write(&mut datagram, 42, 0).unwrap();

    let all: Vec<_> = Messages::new(&datagram).map(Result::unwrap).collect();
    assert_eq!(all.len(), 2);
    for (message, (seq, flags)) in all
        .iter()
        .zip([(41, NLM_F_REQUEST | NLM_F_ACK), (42, NLM_F_REQUEST)])
    {
        let header = message.header;
        assert_eq!(
            (header.kind, header.flags, header.seq, header.port),
            (19, flags, seq, 0)
        );
        assert_eq!(message.answer(), Ok(Answer::Part(*message)));
        let attrs: Vec<_> = message.attrs_after(16).map(Result::unwrap).collect();
        assert_eq!((attrs[0].kind, attrs[1].kind), (43, 9));
        let inner: Vec<_> = attrs[0].attrs().map(Result::unwrap).collect();
        assert_eq!((inner[0].u32(), inner[1].text().as_str()), (Ok(5), "abc"));
    }
}

#[test]
fn the_attribute_at_fault_is_found() {
    let mut request = Request::new("test", 19, 0, &[0; 16]);
    request.put(3, b"eth0\0");
    let nest = request.begin(43);
    request.put_u32(1, 5).put_u32(8, 6);
    request.end(&nest).put(9, &[1]);
    // The header, the head, an attribute of 4 + 8, a nest's header, an attribute of 8.
    let at = |offset| request.attr_at(offset);
    assert_eq!(at(32), Some(Vec::from([3])));
    assert_eq!(at(44), Some(Vec::from([43])));
    assert_eq!(at(48), Some(Vec::from([43, 1])));
    assert_eq!(at(56), Some(Vec::from([43, 8])));
    assert_eq!(at(64), Some(Vec::from([9])));
    for nowhere in [0, 15, 16, 31, 33, 46, 50, 72, 1000, u32::MAX] {
        assert_eq!(at(nowhere), None, "{nowhere}");
    }
}

#[test]
fn refusals_say_why() {
    let request = message(19, 0, &[0; 20]);
    let attrs = [
        attribute(NLMSGERR_ATTR_MSG, b"no such thing\0"),
        attribute(NLMSGERR_ATTR_OFFS, &56_u32.to_ne_bytes()),
    ]
    .concat();
    // Only the request's header, or all of it.
    let header = &request[..HEADER];
    let flags = NLM_F_ACK_TLVS | NLM_F_CAPPED;
    for bytes in [
        refusal(-22, flags, header, &attrs),
        refusal(-22, NLM_F_ACK_TLVS, &request, &attrs),
    ] {
        let mut ack = ack(&bytes);
        assert_eq!(
            (ack.errno, ack.text.as_deref(), ack.offset),
            (Some(Errno::EINVAL), Some("no such thing"), Some(56))
        );
        assert_eq!(ack.to_string(), "no such thing, at byte 56 of the request");
        ack.attr = Vec::from([43, 8]);
        assert_eq!(
            ack.to_string(),
            "no such thing, attribute 43.8 at byte 56 of the request"
        );
    }
    let missing = attribute(NLMSGERR_ATTR_MISS_TYPE, &3_u32.to_ne_bytes());
    let ack_of_missing = ack(&refusal(-22, flags, header, &missing));
    assert_eq!(ack_of_missing.to_string(), "attribute 3 is missing");

    // Explanations that lie, or that the flags say nothing of, change nothing.
    for bytes in [
        refusal(-1, 0, &request, &attrs),
        refusal(-1, flags, header, &[1, 0, 0]),
    ] {
        let ack = ack(&bytes);
        assert_eq!((ack.errno, ack.explains()), (Some(Errno::EPERM), false));
        assert_eq!(ack.to_string(), "");
    }
    let done = ack(&refusal(0, flags, header, &attrs));
    assert_eq!(
        (done.errno, done.text.as_deref()),
        (None, Some("no such thing"))
    );
}

#[test]
fn ends_of_listings_may_be_errors() {
    assert_eq!(ack(&message(NLMSG_DONE, NLM_F_MULTI, &[])), Ack::default());
    assert_eq!(
        ack(&message(NLMSG_DONE, NLM_F_MULTI, &0_i32.to_ne_bytes())).errno,
        None
    );
    let failed = ack(&message(NLMSG_DONE, NLM_F_MULTI, &(-11_i32).to_ne_bytes()));
    assert_eq!(failed.errno, Some(Errno::EAGAIN));
    let mut payload = Vec::from((-22_i32).to_ne_bytes());
    payload.extend(attribute(NLMSGERR_ATTR_MSG, b"why\0"));
    let told = ack(&message(NLMSG_DONE, NLM_F_MULTI | NLM_F_ACK_TLVS, &payload));
    assert_eq!(told.text.as_deref(), Some("why"));
    let interrupted = message(NLMSG_DONE, NLM_F_DUMP_INTR, &[]);
    assert!(
        Messages::new(&interrupted)
            .next()
            .unwrap()
            .unwrap()
            .is_interrupted()
    );
}

#[test]
fn messages_that_lie_are_errors() {
    let whole = refusal(-22, 0, &[0; HEADER], &[]);
    for len in 0..whole.len() {
        let cut = Messages::new(&whole[..len]).next();
        assert_eq!(cut.is_none(), len == 0);
        assert!(cut.is_none_or(|read| read.is_err()), "{len}");
    }
    for len in 0..16_u32 {
        let mut bytes = whole.clone();
        bytes[..4].copy_from_slice(&len.to_ne_bytes());
        let all: Vec<_> = Messages::new(&bytes).collect();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].as_ref().unwrap_err().kind(), ErrorKind::Malformed);
    }
    // An error without the request's header, an end with half a number, the word that data is lost.
    for (kind, payload) in [(NLMSG_ERROR, &[0; 4][..]), (NLMSG_OVERRUN, &[])] {
        let bytes = message(kind, 0, payload);
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        assert!(message.answer().is_err(), "{kind}");
    }
    let noop = message(NLMSG_NOOP, 0, &[]);
    let noop = Messages::new(&noop).next().unwrap().unwrap();
    assert_eq!(noop.answer(), Ok(Answer::Noop));
}
