//! What processes of a cgroup may set, open and make: sysctl, socket options, devices, TCP, UNIX
//! sockets, LSM hooks.

mod common;
#[path = "common/inside.rs"]
mod inside;

use common::{host, load, object, only, own_network, skip};
use inside::{attach, counter, errno, group, inside};
use nix::mount::{MsFlags, mount, umount};
use skep::link::{Cgroup, CgroupMode, LinkKind};
use skep::probe::{Answer, Feature};
use skep::{AttachType, System};
use std::ffi::CString;
use std::io::{Error, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};

fn checked(answer: i32) -> Result<(), Error> {
    match answer {
        -1 => Err(Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The line that a file has, read by one call.
fn read(path: &str) -> Result<String, Error> {
    let mut bytes = [0; 64];
    let len = std::fs::File::open(path)?.read(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..len]).trim().to_owned())
}

#[test]
fn kernel_parameters_are_guarded() {
    let group = group!();
    own_network();
    let ttl = "/proc/sys/net/ipv4/ip_default_ttl";
    let object = load(&host(), &only(object!("cgctl"), &["sysctl"]));
    let link = attach(&object, "sysctl", &group);
    let said = inside(&group, || {
        let written = errno(std::fs::write(ttl, "99"));
        let refused = errno(read("/proc/sys/net/ipv4/tcp_sack"));
        format!("{written} {} {refused}", read(ttl).unwrap())
    });
    assert_eq!(said, "done 77 EPERM");
    assert_eq!(counter(&object, "looked"), 3);
    // Who is not in the cgroup may.
    assert!(read("/proc/sys/net/ipv4/tcp_sack").is_ok());
    drop(link);
    let said = inside(&group, || {
        std::fs::write(ttl, "99").unwrap();
        read(ttl).unwrap()
    });
    assert_eq!(said, "99");
}

/// A level of socket options that the kernel does not know.
const OWN: i32 = 57005;

fn set(socket: &UdpSocket, level: i32, name: i32, value: i32) -> Result<(), Error> {
    let len = size_of::<i32>() as u32;
    // SAFETY: a number, and how long that is.
    checked(unsafe {
        let value = (&raw const value).cast();
        libc::setsockopt(socket.as_raw_fd(), level, name, value, len)
    })
}

fn option(socket: &impl AsRawFd, level: i32, name: i32) -> Result<i32, Error> {
    let (mut value, mut len) = (0_i32, size_of::<i32>() as u32);
    // SAFETY: room for a number, and how long that is.
    checked(unsafe {
        let value = (&raw mut value).cast();
        libc::getsockopt(socket.as_raw_fd(), level, name, value, &raw mut len)
    })?;
    Ok(value)
}

#[test]
fn socket_options_are_changed_and_added() {
    let group = group!();
    own_network();
    let object = load(&host(), &only(object!("cgctl"), &["setting", "getting"]));
    let links = ["setting", "getting"].map(|name| attach(&object, name, &group));
    let said = inside(&group, || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        set(&socket, libc::SOL_IP, libc::IP_TOS, 0x10).unwrap();
        set(&socket, OWN, 1, 4711).unwrap();
        let tos = option(&socket, libc::SOL_IP, libc::IP_TOS).unwrap();
        format!("{tos:#x} {}", option(&socket, OWN, 1).unwrap())
    });
    assert_eq!(said, "0x20 4711");
    assert_eq!(counter(&object, "set"), 2);
    drop(links);
    let said = inside(&group, || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        set(&socket, libc::SOL_IP, libc::IP_TOS, 0x10).unwrap();
        let tos = option(&socket, libc::SOL_IP, libc::IP_TOS).unwrap();
        format!("{tos:#x} {}", errno(set(&socket, OWN, 1, 4711)))
    });
    assert_eq!(said, "0x10 ENOPROTOOPT");
}

/// A file system for device files, where only this thread sees it.
struct Devices;

impl Devices {
    const DIR: &str = "/sys";

    fn mount() -> Self {
        let (fs, none) = (Some("tmpfs"), None::<&str>);
        mount(fs, Self::DIR, fs, MsFlags::empty(), none).unwrap();
        Self
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        let _ = umount(Self::DIR);
    }
}

/// Makes a character device.
fn make_device(name: &str, minor: u32) -> Result<(), Error> {
    let path = CString::new(format!("{}/{name}", Devices::DIR)).unwrap();
    let device = libc::makedev(1, minor);
    // SAFETY: a string and numbers.
    checked(unsafe { libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o600, device) })
}

#[test]
fn devices_are_neither_opened_nor_made() {
    const NULL: u32 = 3;
    const ZERO: u32 = 5;
    let group = group!();
    let system = host();
    let object = load(&system, &only(object!("cgctl"), &["device"]));
    let _devices = Devices::mount();
    if let Err(error) = make_device("first", ZERO) {
        skip!("no device may be made here: {error}");
    }
    let tries = |n: u32| {
        inside(&group, || {
            let opened = ["/dev/zero", "/dev/null"].map(|path| errno(std::fs::File::open(path)));
            let made = [ZERO, NULL].map(|minor| errno(make_device(&format!("{n}-{minor}"), minor)));
            [opened, made].concat().join(" ")
        })
    };
    let link = attach(&object, "device", &group);
    assert_eq!(tries(1), "EPERM done EPERM done");
    assert_eq!(counter(&object, "opened"), 4);
    let there = Cgroup::open(&group.0).attached(&system, AttachType::CGROUP_DEVICE);
    let there = there.unwrap();
    let id = object.program("device").unwrap().id().unwrap();
    assert_eq!((there.list.len(), there.list[0].prog_id), (1, id));
    drop(link);
    assert_eq!(tries(2), "done done done done");
}

#[test]
fn what_happens_to_tcp_is_seen_and_tuned() {
    // `BPF_SOCK_OPS_*_CB`.
    const CONNECT: usize = 3;
    const ACTIVE: usize = 4;
    const PASSIVE: usize = 5;
    let group = group!();
    own_network();
    let object = load(&host(), &only(object!("cgctl"), &["ops"]));
    let link = attach(&object, "ops", &group);
    assert_eq!(
        link.hook(),
        format!("cgroup_sock_ops of cgroup {}", group.0)
    );
    let talk = || {
        inside(&group, || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut out = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut accepted, _) = listener.accept().unwrap();
            out.write_all(b"?").unwrap();
            accepted.read_exact(&mut [0]).unwrap();
            let priority =
                |socket: &TcpStream| option(socket, libc::SOL_SOCKET, libc::SO_PRIORITY).unwrap();
            format!("{} {}", priority(&out), priority(&accepted))
        })
    };
    assert_eq!(talk(), "5 0");
    let seen = || -> [u64; 16] { object.global("operations").unwrap().read().unwrap() };
    let before = seen();
    assert_eq!([CONNECT, ACTIVE, PASSIVE].map(|op| before[op]), [1; 3]);
    drop(link);
    assert_eq!(talk(), "0 0");
    assert_eq!(seen(), before);
}

fn abstract_name(name: &str) -> SocketAddr {
    SocketAddr::from_abstract_name(name).unwrap()
}

fn name(addr: SocketAddr) -> String {
    let name = addr.as_abstract_name().expect("an abstract name");
    String::from_utf8(name.to_vec()).unwrap()
}

/// Connects and sends where nobody is, and tells what is said of who hears.
fn through_unix_sockets() -> String {
    let listener = UnixListener::bind_addr(&abstract_name("real")).unwrap();
    let out = match UnixStream::connect_addr(&abstract_name("wanted")) {
        Err(error) => return errno::<()>(Err(error)),
        Ok(out) => out,
    };
    let peer = name(out.peer_addr().unwrap());
    let own = name(listener.local_addr().unwrap());
    drop(listener.accept().unwrap());
    drop(listener);
    let server = UnixDatagram::bind_addr(&abstract_name("real")).unwrap();
    let client = UnixDatagram::bind_addr(&abstract_name("client")).unwrap();
    client
        .send_to_addr(b"hello", &abstract_name("wanted"))
        .unwrap();
    let (_, from) = server.recv_from(&mut [0; 9]).unwrap();
    format!("{peer} {own} {}", name(from))
}

#[test]
fn unix_sockets_get_elsewhere() {
    let group = group!();
    own_network();
    let system = host();
    let function = "bpf_sock_addr_set_sun_path";
    if system.kernel_btf().unwrap().find(function, None).is_none() {
        skip!("no {function} in this kernel");
    }
    let object = load(&system, &object!("cgunix"));
    let there = ["connect_unix", "sendmsg_unix"];
    let back = ["recvmsg_unix", "getpeername_unix", "getsockname_unix"];
    let links = there.map(|name| attach(&object, name, &group));
    assert_eq!(inside(&group, through_unix_sockets), "real real client");
    let telling = back.map(|name| attach(&object, name, &group));
    assert_eq!(inside(&group, through_unix_sockets), "said said said");
    assert_eq!(
        (counter(&object, "changed"), counter(&object, "told")),
        (4, 3)
    );
    drop((links, telling));
    assert_eq!(inside(&group, through_unix_sockets), "ECONNREFUSED");
}

/// Why LSM hooks of cgroups cannot be tried here.
fn no_lsm(system: &System) -> Option<String> {
    let answer = system.probe(Feature::Fentry);
    if answer != Answer::Yes {
        return Some(format!("programs at functions: {answer}"));
    }
    let function = "bpf_trampoline_link_cgroup_shim";
    let found = system.kernel_btf().unwrap().find(function, None);
    found
        .is_none()
        .then(|| format!("no {function} in this kernel"))
}

#[test]
fn an_lsm_hook_refuses_in_a_cgroup() {
    let group = group!();
    own_network();
    let system = host();
    if let Some(why) = no_lsm(&system) {
        skip!("{why}");
    }
    let object = load(&system, &object!("cglsm"));
    let program = object.program("refuse").unwrap();
    let udp = || inside(&group, || errno(UdpSocket::bind("127.0.0.1:0")));
    assert_eq!(udp(), "done");
    let link = attach(&object, "refuse", &group);
    assert_eq!(udp(), "EPERM");
    assert_eq!(counter(&object, "asked"), 1);
    assert!(UdpSocket::bind("127.0.0.1:0").is_ok(), "not of others");
    assert_eq!(
        inside(&group, || errno(TcpListener::bind("127.0.0.1:0"))),
        "done"
    );
    assert_eq!(counter(&object, "asked"), 2);
    let LinkKind::Cgroup { attach_type, .. } = link.info().unwrap().kind else {
        panic!("{:?}", link.info());
    };
    assert_eq!(attach_type, AttachType::LSM_CGROUP);
    let place = Cgroup::open(&group.0);
    let there = place.attached(&system, AttachType::LSM_CGROUP).unwrap();
    assert_eq!(
        (there.list.len(), there.list[0].prog_id),
        (1, program.id().unwrap())
    );
    assert_eq!(CgroupMode::of(&there), Some(CgroupMode::Multi));
    drop(link);
    assert_eq!(udp(), "done");

    let error = program.attach().unwrap_err();
    assert!(error.to_string().contains("link::Cgroup"), "{error}");
    let plain = program.attach_to(place.mode(CgroupMode::Multi)).unwrap();
    assert!(!plain.is_bpf_link());
    assert_eq!(udp(), "EPERM");
    drop(plain);
    assert_eq!(udp(), "done");
}
