//! Storages of programs that are attached to cgroups.

mod common;

use common::{host, load, object, own_cgroup, own_network, skip};
use skep::link::Cgroup;
use skep::map::{HashMap, PerCpuHashMap};
use skep::{AttachType, plain};
use std::net::UdpSocket;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

/// Packets that are sent, and their bytes: IPv4 and UDP headers, four bytes.
const PACKETS: u64 = 5;
const BYTES: u64 = PACKETS * (20 + 8 + 4);

plain! {
    /// `struct bpf_cgroup_storage_key`.
    #[derive(Debug, PartialEq)]
    struct Key { cgroup_inode_id: u64, attach_type: u32, _pad: u32 }
}

#[test]
fn what_a_cgroup_sent_is_read_by_its_id() {
    let Some(cgroup) = own_cgroup() else {
        skip!("no cgroup2 to make one in");
    };
    own_network();
    let system = host();
    let object = load(&system, &object!("cgstore"));
    let place = Cgroup::open(&cgroup.0);
    let _link = object.program("sent").unwrap().attach_to(place).unwrap();
    let sender = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sends_from_a_cgroup", "--nocapture"])
        .env("SKEP_CGROUP", &cgroup.0)
        .output()
        .unwrap();
    assert!(sender.status.success(), "{sender:?}");

    let key = Key {
        cgroup_inode_id: std::fs::metadata(&cgroup.0).unwrap().ino(),
        attach_type: AttachType::CGROUP_INET_EGRESS.0,
        _pad: 0,
    };
    let bytes = HashMap::<Key, u64>::try_from(object.map("bytes").unwrap()).unwrap();
    assert_eq!(bytes.get(&key).unwrap(), Some(BYTES));
    assert_eq!(bytes.keys().map(Result::unwrap).collect::<Vec<_>>(), [key]);
    bytes.insert(&key, &7).unwrap();
    assert_eq!(bytes.get(&key).unwrap(), Some(7));
    let packets = PerCpuHashMap::<Key, u64>::try_from(object.map("packets").unwrap()).unwrap();
    let values = packets.get(&key).unwrap().expect("values");
    assert_eq!(values.iter().sum::<u64>(), PACKETS);
    let other = Key {
        cgroup_inode_id: 1,
        ..key
    };
    assert_eq!(bytes.get(&other).unwrap(), None);
}

/// Run in a process of its own by the test above.
#[test]
fn sends_from_a_cgroup() {
    let Ok(cgroup) = std::env::var("SKEP_CGROUP") else {
        return;
    };
    let procs = format!("{cgroup}/cgroup.procs");
    std::fs::write(procs, std::process::id().to_string()).unwrap();
    let to = UdpSocket::bind("127.0.0.1:0").unwrap();
    let from = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..PACKETS {
        from.send_to(b"four", to.local_addr().unwrap()).unwrap();
        to.recv(&mut [0; 8]).unwrap();
    }
}
