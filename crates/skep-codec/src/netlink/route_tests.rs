use super::*;
use crate::ErrorKind;
use crate::netlink::Messages;
use crate::uapi::netlink::{NLM_F_REQUEST, RTN_LOCAL};
use std::string::ToString;
use std::vec;

fn read<T>(request: &Request, read: impl Fn(&Message<'_>) -> T) -> T {
    let mut bytes = Vec::new();
    request.write(&mut bytes, 1, 0).unwrap();
    read(&Messages::new(&bytes).next().unwrap().unwrap())
}

fn place(to: &str, prefix_len: u8) -> RoutePlace {
    RoutePlace {
        to: to.parse().unwrap(),
        prefix_len,
        ifindex: 3,
        ..RoutePlace::default()
    }
}

#[test]
fn routes_are_read_as_they_were_written() {
    let gateways = [
        None,
        Some("10.0.0.1".parse().unwrap()),
        Some("fe80::1".parse().unwrap()),
    ];
    for gateway in gateways {
        let place = RoutePlace {
            gateway,
            priority: 7,
            table: 1000,
            ..place("10.1.0.0", 16)
        };
        let set = SetRoute {
            place,
            programs: &[(RouteHook::Xmit, 8, "sends"), (RouteHook::In, 9, "takes")],
            headroom: 40,
            existing: Existing::Refuse,
        };
        let found = read(&set.request(), Route::read).unwrap().unwrap();
        assert_eq!(found.place, place);
        assert!(place.is(&found.place));
        let told: Vec<_> = found
            .programs
            .iter()
            .map(|p| (p.hook, p.name.as_str()))
            .collect();
        assert_eq!(told, [(RouteHook::In, "takes"), (RouteHook::Xmit, "sends")]);
        assert!(found.programs.iter().all(|p| p.prog_id.is_none()));
        assert_eq!(read(&set.delete(), Route::read), Ok(None));
    }
}

#[test]
fn the_kernel_is_told_the_table_and_the_scope() {
    let head = |place: RoutePlace| {
        let set = SetRoute {
            place,
            ..SetRoute::default()
        };
        read(&set.request(), |message| message.payload[..8].to_vec())
    };
    let near = place("10.1.0.0", 16);
    assert_eq!(head(near), [2, 16, 0, 0, 254, 4, 253, 1]);
    let local = RoutePlace {
        route_type: RTN_LOCAL,
        table: 7,
        ..near
    };
    assert_eq!(head(local), [2, 16, 0, 0, 7, 4, 254, 2]);
    let far = RoutePlace {
        gateway: Some("fc00::1".parse().unwrap()),
        ..place("fc01::", 64)
    };
    assert_eq!(head(far), [10, 64, 0, 0, 254, 4, 0, 1]);
    for (existing, flags) in [
        (Existing::Refuse, NLM_F_CREATE | NLM_F_EXCL),
        (Existing::Replace, NLM_F_REPLACE),
        (Existing::Allow, NLM_F_CREATE | NLM_F_REPLACE),
    ] {
        let set = SetRoute {
            existing,
            ..SetRoute::default()
        };
        read(&set.request(), |message| {
            assert_eq!(message.header.flags, NLM_F_REQUEST | flags);
        });
    }
}

#[test]
fn what_is_left_to_the_kernel_is_not_compared() {
    let asked = RoutePlace {
        ifindex: 0,
        ..place("fc00::", 64)
    };
    let there = RoutePlace {
        table: 254,
        priority: 1024,
        ifindex: 9,
        ..asked
    };
    assert!(asked.is(&there));
    assert!(!asked.is(&RoutePlace {
        priority: 5,
        ..there
    }));
    assert!(
        !RoutePlace {
            ifindex: 8,
            ..asked
        }
        .is(&there)
    );
    assert_eq!(asked.to_string(), "fc00::/64");
    // Nor is what comes behind the prefix.
    assert!(
        RoutePlace {
            to: "fc00::9".parse().unwrap(),
            ..asked
        }
        .is(&there)
    );
    for (to, len, settled) in [
        ("10.1.2.3", 20, "10.1.0.0"),
        ("10.1.2.3", 32, "10.1.2.3"),
        ("10.1.2.3", 0, "0.0.0.0"),
        ("10.1.2.3", 255, "10.1.2.3"),
        ("fc00::9", 128, "fc00::9"),
    ] {
        assert_eq!(
            place(to, len).settled().to,
            settled.parse::<IpAddr>().unwrap()
        );
    }
}

#[test]
fn a_program_for_segments_is_told_with_its_id() {
    let set = SetRoute {
        place: place("fc00::1", 128),
        programs: &[(RouteHook::Seg6Local, 12, "ends")],
        ..SetRoute::default()
    };
    let request = set.request();
    let found = read(&request, Route::read).unwrap().unwrap();
    // What is sent has a descriptor in the place of an id.
    let told = RouteProgram {
        hook: RouteHook::Seg6Local,
        name: "ends".into(),
        prog_id: Some(12),
    };
    assert_eq!(found.programs, vec![told]);
    read(&request, |message| {
        let attrs = message.attrs_after(RTMSG).map(Result::unwrap);
        let encap = attrs.into_iter().find(|attr| attr.kind == RTA_ENCAP);
        let action = encap.unwrap().attrs().next().unwrap().unwrap();
        assert_eq!((action.kind, action.u32()), (SEG6_LOCAL_ACTION, Ok(15)));
    });
}

#[test]
fn only_routes_that_run_programs_are_taken() {
    let plain = place("10.1.0.0", 16).request("RTM_NEWROUTE", RTM_NEWROUTE, 0);
    assert_eq!(read(&plain, Route::read), Ok(None));
    // Another kind of tunnel, whose attributes have the same numbers.
    let mut other = plain.clone();
    other.put(RTA_ENCAP_TYPE, &2_u16.to_ne_bytes());
    let nest = other.begin(RTA_ENCAP);
    other.put(LWT_BPF_IN, &[1, 2]);
    other.end(&nest);
    assert_eq!(read(&other, Route::read), Ok(None));
    // Another family.
    let bridge = Request::new("RTM_NEWROUTE", RTM_NEWROUTE, 0, &[7; RTMSG]);
    assert_eq!(read(&bridge, Route::read), Ok(None));
    let short = Request::new("RTM_NEWROUTE", RTM_NEWROUTE, 0, &[2; 4]);
    let error = read(&short, Route::read).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
    let mut lies = plain;
    lies.put(RTA_ENCAP_TYPE, &LWTUNNEL_ENCAP_SEG6_LOCAL.to_ne_bytes());
    let nest = lies.begin(RTA_ENCAP);
    let inner = lies.begin(SEG6_LOCAL_BPF);
    lies.put(SEG6_LOCAL_BPF_PROG, &[1]);
    lies.end(&inner).end(&nest);
    assert!(read(&lies, Route::read).is_err());
}

#[test]
fn listings_name_family_table_and_interface() {
    let attrs = |request: &Request| {
        read(request, |message| {
            let attrs = message.attrs_after(RTMSG).map(Result::unwrap);
            (
                message.payload[0],
                attrs
                    .map(|a| (a.kind, a.u32().unwrap()))
                    .collect::<Vec<_>>(),
            )
        })
    };
    let near = place("10.1.0.0", 16).list();
    assert_eq!(
        attrs(&near),
        (AF_INET, vec![(RTA_TABLE, 254), (RTA_OIF, 3)])
    );
    let [v4, v6] = lists();
    assert_eq!((attrs(&v4).0, attrs(&v6).0), (AF_INET, AF_INET6));
}
