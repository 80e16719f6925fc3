use super::*;
use crate::ErrorKind;
use crate::netlink::Messages;

fn bytes(request: &Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.write(&mut bytes, 1, 0).unwrap();
    bytes
}

/// What the kernel tells of an interface with a native program, and more than is known here.
fn told(xdp: impl FnOnce(&mut Request)) -> Request {
    let mut head = head(7);
    head[8] = 1;
    let mut message = Request::new("RTM_NEWLINK", RTM_NEWLINK, 0, &head);
    message
        .put_text(IFLA_IFNAME, "eth0")
        .put_u32(IFLA_MTU, 1500);
    message
        .put(IFLA_ADDRESS, &[1, 2, 3, 4, 5, 6])
        .put_u32(999, 1);
    message
        .put_u32(IFLA_NUM_RX_QUEUES, 4)
        .put_u32(IFLA_NUM_TX_QUEUES, 2);
    let nest = message.begin(IFLA_LINKINFO);
    message.put_text(IFLA_INFO_KIND, "veth").put(2, &[9; 3]);
    message.end(&nest);
    let nest = message.begin(IFLA_PROP_LIST);
    message.put_text(IFLA_ALT_IFNAME, "a-very-long-name-of-it");
    message.end(&nest);
    let nest = message.begin(IFLA_XDP);
    xdp(&mut message);
    message.end(&nest);
    message
}

fn read(request: &Request) -> Result<Option<Interface>> {
    let bytes = bytes(request);
    Interface::read(&Messages::new(&bytes).next().unwrap()?)
}

#[test]
fn interfaces_are_read() {
    let message = told(|message| {
        message.put(IFLA_XDP_ATTACHED, &[4]);
        message
            .put_u32(IFLA_XDP_DRV_PROG_ID, 12)
            .put_u32(IFLA_XDP_SKB_PROG_ID, 13);
    });
    let found = read(&message).unwrap().unwrap();
    assert_eq!(
        (found.ifindex, found.name.as_str(), found.kind.as_str()),
        (7, "eth0", "veth")
    );
    assert_eq!((found.mtu, found.rx_queues, found.tx_queues), (1500, 4, 2));
    assert_eq!(
        (found.alt_names, found.address),
        (
            Vec::from(["a-very-long-name-of-it".into()]),
            Vec::from([1, 2, 3, 4, 5, 6])
        )
    );
    let all: Vec<_> = found.xdp.attached().collect();
    assert_eq!(all, [(XdpMode::Native, 12), (XdpMode::Generic, 13)]);
}

#[test]
fn one_program_may_be_told_without_its_mode() {
    for (attached, mode) in (1..=3).zip([XdpMode::Native, XdpMode::Generic, XdpMode::Hardware]) {
        let message = told(|message| {
            message
                .put(IFLA_XDP_ATTACHED, &[attached])
                .put_u32(IFLA_XDP_PROG_ID, 5);
        });
        let xdp = read(&message).unwrap().unwrap().xdp;
        assert_eq!(xdp.attached().collect::<Vec<_>>(), [(mode, 5)]);
    }
    let none = told(|message| {
        message.put(IFLA_XDP_ATTACHED, &[0]);
    });
    assert_eq!(read(&none).unwrap().unwrap().xdp, XdpProgs::default());
}

#[test]
fn short_ones_are_errors() {
    let short = told(|message| {
        message.put(IFLA_XDP_DRV_PROG_ID, &[1, 2]);
    });
    assert_eq!(read(&short).unwrap_err().kind(), ErrorKind::Truncated);
    let head = Request::new("RTM_NEWLINK", RTM_NEWLINK, 0, &[0; 8]);
    assert_eq!(read(&head).unwrap_err().kind(), ErrorKind::Truncated);
    let other = Request::new("other", 99, 0, &[]);
    assert_eq!(read(&other), Ok(None));
}

#[test]
fn requests_say_what_is_wanted() {
    let set = SetXdp {
        ifindex: 3,
        fd: 9,
        mode: Some(XdpMode::Native),
        expect: Expect::Program(8),
    };
    let bytes = bytes(&set_xdp(&set));
    let message = Messages::new(&bytes).next().unwrap().unwrap();
    assert_eq!(
        (message.header.kind, &message.payload[4..8]),
        (RTM_SETLINK, &3_u32.to_ne_bytes()[..])
    );
    let xdp = message.attrs_after(IFINFOMSG).next().unwrap().unwrap();
    assert_eq!(xdp.kind, IFLA_XDP);
    let attrs: Vec<_> = xdp.attrs().map(Result::unwrap).collect();
    let of = |kind| {
        attrs
            .iter()
            .find(|attr| attr.kind == kind)
            .map(|attr| attr.u32().unwrap())
    };
    assert_eq!(
        (of(IFLA_XDP_FD), of(IFLA_XDP_EXPECTED_FD)),
        (Some(9), Some(8))
    );
    assert_eq!(
        of(IFLA_XDP_FLAGS),
        Some(XDP_FLAGS_DRV_MODE | XDP_FLAGS_REPLACE)
    );
}

#[test]
fn long_names_are_alternative_names() {
    for (name, kind) in [
        ("fifteen-letters", IFLA_IFNAME),
        ("sixteen-letters-", IFLA_ALT_IFNAME),
    ] {
        let bytes = bytes(&by_name(name));
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        let attrs: Vec<_> = message.attrs_after(IFINFOMSG).map(Result::unwrap).collect();
        assert_eq!((attrs[1].kind, attrs[1].text().as_str()), (kind, name));
    }
}
