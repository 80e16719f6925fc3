use super::*;
use crate::ErrorKind;
use crate::netlink::Messages;
use crate::uapi::netlink::{NLM_F_REQUEST, RTM_NEWQDISC};
use alloc::vec::Vec;
use std::string::ToString;

fn bytes(request: &Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.write(&mut bytes, 1, 0).unwrap();
    bytes
}

fn read<T>(request: &Request, read: impl Fn(&Message<'_>) -> T) -> T {
    let bytes = bytes(request);
    read(&Messages::new(&bytes).next().unwrap().unwrap())
}

const PLACE: FilterPlace = FilterPlace {
    ifindex: 3,
    parent: Handle::EGRESS,
    chain: 2,
    priority: 50,
    handle: 7,
    protocol: 0x0800,
};

#[test]
fn handles_are_shown_as_tc_shows_them() {
    let all = [
        Handle::ROOT,
        Handle::CLSACT,
        Handle::INGRESS,
        Handle::EGRESS,
        Handle::new(0x8001, 0x12),
    ];
    let shown: Vec<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["root", "clsact", "ingress", "egress", "8001:12"]);
    assert_eq!(
        (all[4].major(), all[4].minor(), all[4].0),
        (0x8001, 0x12, 0x8001_0012)
    );
}

#[test]
fn classifiers_are_read_as_they_were_written() {
    let set = SetFilter {
        place: PLACE,
        sees: Sees::Program(12, "count"),
        direct_action: true,
        classid: Some(Handle::new(1, 5)),
        skip_hw: true,
        ..SetFilter::default()
    };
    let request = set.request();
    // What is sent has what is told, and a descriptor in the place of an id.
    let found = read(&request, Filter::read).unwrap().unwrap();
    assert_eq!(found.place, PLACE);
    assert_eq!(
        (found.name.as_str(), found.direct_action, found.classid),
        ("count", true, set.classid)
    );
    assert_eq!((found.flags, found.prog_id), (TCA_CLS_FLAGS_SKIP_HW, 0));
    read(&request, |message| {
        let options = message
            .attrs_after(TCMSG)
            .map(Result::unwrap)
            .find(|a| a.kind == TCA_OPTIONS);
        let fd = options
            .unwrap()
            .attrs()
            .map(Result::unwrap)
            .find(|a| a.kind == TCA_BPF_FD);
        assert_eq!(fd.unwrap().i32(), Ok(12));
        // The type of packets in the network's order, the priority above it.
        let info = u32::from_ne_bytes(message.payload[16..20].try_into().unwrap());
        assert_eq!(info, 50 << 16 | u32::from(0x0800_u16.to_be()));
        assert_eq!(
            message.header.flags,
            NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL
        );
    });
    for (existing, flags) in [
        (Existing::Replace, NLM_F_REPLACE),
        (Existing::Allow, NLM_F_CREATE),
    ] {
        let request = SetFilter { existing, ..set }.request();
        read(&request, |message| {
            assert_eq!(message.header.flags, NLM_F_REQUEST | flags)
        });
    }
}

#[test]
fn all_packets_are_those_of_no_type() {
    let place = FilterPlace {
        protocol: 0,
        chain: 0,
        ..PLACE
    };
    let request = SetFilter {
        place,
        ..SetFilter::default()
    }
    .request();
    read(&request, |message| {
        let info = u32::from_ne_bytes(message.payload[16..20].try_into().unwrap());
        assert_eq!(info as u16, ETH_P_ALL.to_be());
        assert!(
            message
                .attrs_after(TCMSG)
                .all(|attr| attr.unwrap().kind != TCA_CHAIN)
        );
    });
    assert_eq!(read(&request, Filter::read).unwrap().unwrap().place, place);
}

#[test]
fn what_the_kernel_tells_of_a_program() {
    let mut told = PLACE.request("RTM_NEWTFILTER", RTM_NEWTFILTER, 0);
    let nest = told.begin(TCA_OPTIONS);
    told.put_u32(TCA_BPF_ID, 99)
        .put(TCA_BPF_TAG, &[1, 2, 3, 4, 5, 6, 7, 8]);
    told.put_u32(77, 1).put_u32(TCA_BPF_FLAGS, 0);
    told.end(&nest);
    let found = read(&told, Filter::read).unwrap().unwrap();
    assert_eq!(
        (found.prog_id, found.tag, found.direct_action),
        (99, [1, 2, 3, 4, 5, 6, 7, 8], false)
    );
}

#[test]
fn only_classifiers_of_programs_are_taken() {
    // The line that tells of a priority: no handle, no options.
    let none = FilterPlace { handle: 0, ..PLACE };
    let priority = none.request("RTM_NEWTFILTER", RTM_NEWTFILTER, 0);
    assert_eq!(read(&priority, Filter::read), Ok(None));
    let mut other = Request::new("RTM_NEWTFILTER", RTM_NEWTFILTER, 0, &PLACE.head().bytes());
    other.put_text(TCA_KIND, "u32");
    let nest = other.begin(TCA_OPTIONS);
    // What another kind says by this number is no program's id.
    other.put(TCA_BPF_ID, &[1]);
    other.end(&nest);
    assert_eq!(read(&other, Filter::read), Ok(None));
    assert_eq!(read(&PLACE.get(), Filter::read), Ok(None));
}

#[test]
fn queueing_disciplines_are_read_as_they_were_written() {
    let clsact = Qdisc {
        ifindex: 4,
        handle: Handle::new(0xffff, 0),
        parent: Handle::CLSACT,
        kind: "clsact".into(),
    };
    assert_eq!(
        read(&clsact.create(), Qdisc::read),
        Ok(Some(clsact.clone()))
    );
    assert_eq!(read(&clsact.delete(), Qdisc::read), Ok(None));
    read(&clsact.create(), |m| {
        assert_eq!(m.header.flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL)
    });
    read(&clsact.replace(), |m| {
        assert_eq!(m.header.flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE)
    });
}

#[test]
fn short_ones_are_errors() {
    for kind in [RTM_NEWQDISC, RTM_NEWTFILTER] {
        let short = Request::new("short", kind, 0, &[0; TCMSG - 4]);
        let (qdisc, filter) = (read(&short, Qdisc::read), read(&short, Filter::read));
        let error = qdisc.err().or(filter.err()).unwrap();
        assert_eq!(error.kind(), ErrorKind::Truncated);
    }
    let mut told = PLACE.request("RTM_NEWTFILTER", RTM_NEWTFILTER, 0);
    let nest = told.begin(TCA_OPTIONS);
    told.put(TCA_BPF_ID, &[1]);
    told.end(&nest);
    assert_eq!(
        read(&told, Filter::read).unwrap_err().kind(),
        ErrorKind::Truncated
    );
}
