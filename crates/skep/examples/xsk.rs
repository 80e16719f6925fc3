//! Answers pings for an address that no machine has: `xsk INTERFACE ADDRESS [SECONDS]` (root, or
//! CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW).
//!
//! All packets that come in by the interface's first queue go to an `AF_XDP` socket, and none to the
//! kernel. Questions for the address (ARP) and pings are turned into their answers where they lie.
//! To try it where it harms nothing, on a pair of interfaces in a network of its own:
//!
//! ```sh
//! unshare -n sh -c 'ip link add skep0 type veth; ip link set veth0 up; ip link set skep0 up
//!     ip address add 10.9.0.1/24 dev skep0; xsk veth0 10.9.0.2 5 & ping -c 3 10.9.0.2; wait'
//! ```

use nix::{ifaddrs::getifaddrs, net::if_::if_nametoindex};
use skep::xsk::{XskOptions, XskSocket};
use skep::{ErrorKind, ObjectSpec, System, link::Xdp, map::XskMap};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

#[cfg(target_endian = "little")]
const OBJECT: &[u8] = include_bytes!("../../../testdata/xsk.bpf.el.o");
#[cfg(target_endian = "big")]
const OBJECT: &[u8] = include_bytes!("../../../testdata/xsk.bpf.eb.o");

/// Ethernet, and what is asked: ARP, or IP without options and the beginning of ICMP.
type Head = [u8; 42];

#[derive(Default)]
struct Counts {
    arp: u32,
    pings: u32,
    others: u32,
    lost: u32,
}

/// Makes the answer of what asks for us; whether it does.
fn answer(head: &mut Head, mac: [u8; 6], address: Ipv4Addr, counts: &mut Counts) -> bool {
    let (ours, sender) = (address.octets(), 6..12);
    if head[12..14] == [8, 6] && head[20..22] == [0, 1] && head[38..42] == ours {
        // Whoever asked (hardware and protocol address) is whom the answer is for.
        head.copy_within(22..32, 32);
        head[20..22].copy_from_slice(&[0, 2]);
        head[22..28].copy_from_slice(&mac);
        head[28..32].copy_from_slice(&ours);
        counts.arp += 1;
    } else if head[12..15] == [8, 0, 0x45]
        && head[23] == 1
        && head[30..36] == [&ours[..], &[8, 0]].concat()
    {
        head.copy_within(26..30, 30);
        head[26..30].copy_from_slice(&ours);
        // An echo becomes its reply: 8 less at the beginning, and 8 more in the checksum.
        head[34] = 0;
        let (sum, carry) = u16::from_be_bytes([head[36], head[37]]).overflowing_add(8 << 8);
        head[36..38].copy_from_slice(&(sum + u16::from(carry)).to_be_bytes());
        counts.pings += 1;
    } else {
        counts.others += 1;
        return false;
    }
    head.copy_within(sender.clone(), 0);
    head[sender].copy_from_slice(&mac);
    true
}

/// The hardware address of an interface.
fn mac_of(interface: &str) -> Result<[u8; 6], Box<dyn std::error::Error>> {
    let mut addresses = getifaddrs()?.filter(|a| a.interface_name == interface);
    let mac = addresses.find_map(|a| a.address?.as_link_addr()?.addr());
    Ok(mac.ok_or("the interface has no hardware address")?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: xsk INTERFACE ADDRESS [SECONDS]";
    let interface = args.next().ok_or(usage)?;
    let address: Ipv4Addr = args.next().ok_or(usage)?.parse()?;
    let seconds = args.next().map_or(Ok(5), |text| text.parse())?;

    let system = System::host()?;
    let (ifindex, mac) = (if_nametoindex(&*interface)?, mac_of(&interface)?);
    let object = ObjectSpec::parse(OBJECT, "xsk")?.load(&system)?;
    let mut socket = XskSocket::bind(&system, ifindex, 0, &XskOptions::default())?;
    XskMap::try_from(object.map("sockets")?)?.set(0, socket.fd())?;
    let hook = Xdp::on_index(ifindex).generic();
    let _link = object.program("redirect")?.attach_to(hook)?;
    println!("{address} is here");

    let mut counts = Counts::default();
    let end = Instant::now() + Duration::from_secs(seconds);
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        socket.wait(Some(left))?;
        // A batch, so that answers go even while packets come without end.
        for _ in 0..64 {
            let Some(mut packet) = socket.recv()? else {
                break;
            };
            let mut head = [0; size_of::<Head>()];
            packet.copy_to(&mut head);
            if packet.len() < head.len() || !answer(&mut head, mac, address, &mut counts) {
                continue;
            }
            packet.write(0, &head)?;
            match packet.send() {
                Err(error) if error.kind() == ErrorKind::Full => counts.lost += 1,
                sent => sent?,
            }
        }
        socket.flush()?;
    }
    let Counts {
        arp,
        pings,
        others,
        lost,
    } = counts;
    println!(
        "{pings} pings and {arp} questions for the address answered, {others} others, {lost} answers lost"
    );
    println!("{} packets came too fast", socket.statistics()?.rx_dropped);
    Ok(())
}
