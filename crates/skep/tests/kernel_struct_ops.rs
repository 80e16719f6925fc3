//! `struct_ops`: TCP congestion control made of programs, in a network namespace of its own.

mod common;

use common::{host, load, need, object, own_network, skip};
use skep::{Errno, ErrorKind, Object, ObjectSpec, System};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const LINKED: [&str; 2] = ["skep_first", "skep_second"];

const NONE: &str = "no struct_ops for TCP in this kernel";

/// Whether this kernel lets programs do TCP's congestion control: it takes a just-in-time compiler.
fn is_known(system: &System) -> bool {
    let btf = system.kernel_btf();
    btf.is_ok_and(|btf| {
        btf.find("bpf_struct_ops_tcp_congestion_ops", None)
            .is_some()
    })
}

/// The object without the maps that need a link.
fn plain() -> ObjectSpec {
    let mut spec = object!("ops");
    for name in LINKED {
        spec.map_mut(name).unwrap().autocreate = false;
    }
    spec
}

/// The whole object, if this kernel has links of struct_ops maps.
fn linked(system: &System) -> Result<Object, String> {
    let mut spec = object!("ops");
    spec.map_mut("skep_plain").unwrap().autocreate = false;
    match spec.load(system) {
        Ok(object) => Ok(object),
        Err(error) if error.failures().is_empty() && error.map_failures().len() == 2 => {
            Err(error.to_string())
        }
        Err(error) => panic!("{error}"),
    }
}

/// Sends a megabyte over a connection with this congestion control.
fn transfer(name: &str) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut sender = TcpStream::connect(listener.local_addr()?)?;
    choose(&sender, name)?;
    let (mut receiver, _) = listener.accept()?;
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        receiver.read_to_end(&mut all).map(|_| all.len())
    });
    sender.write_all(&vec![7; 1 << 20])?;
    drop(sender);
    assert_eq!(reader.join().unwrap()?, 1 << 20);
    Ok(())
}

fn choose(socket: &TcpStream, name: &str) -> std::io::Result<()> {
    use std::os::fd::AsRawFd;
    let (level, option) = (libc::IPPROTO_TCP, libc::TCP_CONGESTION);
    let (text, len) = (name.as_ptr().cast(), name.len() as u32);
    // SAFETY: an open socket, and a buffer as long as it says.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, text, len) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn counter(object: &Object, name: &str) -> u64 {
    object.global(name).unwrap().read().unwrap()
}

#[test]
fn a_struct_without_a_link_is_registered_and_taken_out() {
    own_network();
    let system = host();
    if !is_known(&system) {
        skip!("{NONE}");
    }
    let mut spec = plain();
    spec.variable("skep_plain.flags")
        .unwrap()
        .set(1_u32)
        .unwrap();
    let object = load(&system, &spec);
    let names: Vec<&str> = object.programs().iter().map(|p| p.name()).collect();
    assert_eq!(
        names,
        ["ssthresh", "undo_cwnd", "cong_avoid"],
        "no program of other maps"
    );
    let ops = object.struct_ops_map("skep_plain").unwrap();
    assert_eq!((ops.programs().len(), ops.has_link()), (3, false));
    assert!(choose_fails("skep_plain"));
    let links = object.attach_all().unwrap();
    assert_eq!(links.len(), 1);
    assert_eq!(
        (links[0].name(), links[0].hook()),
        ("skep_plain", "struct_ops")
    );
    assert!(!links[0].is_bpf_link() && links[0].program().is_none());
    transfer("skep_plain").unwrap();
    assert!(counter(&object, "asked") > 0);
    // What the kernel has of it, by the kernel's own type.
    let value = ops.map().lookup(&[0; 4]).unwrap().unwrap();
    let (btf, _, ty) = ops.map().types().unwrap().unwrap();
    let text = btf.decode(ty, &value).unwrap().to_string();
    assert!(text.contains("skep_plain"), "{text}");
    drop(links);
    assert!(choose_fails("skep_plain"));
}

/// Whether no socket can have this congestion control.
fn choose_fails(name: &str) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    choose(&socket, name).is_err()
}

#[test]
fn a_struct_with_a_link_is_swapped_under_it() {
    own_network();
    let system = host();
    if !is_known(&system) {
        skip!("{NONE}");
    }
    let object = match linked(&system) {
        Ok(object) => object,
        Err(why) => skip!("no links of struct_ops maps: {why}"),
    };
    let second = object.struct_ops_map("skep_second").unwrap();
    let mut link = object
        .struct_ops_map("skep_first")
        .unwrap()
        .attach()
        .unwrap();
    assert!(link.is_bpf_link());
    assert!(link.info().unwrap().id > 0);
    transfer("skep_link").unwrap();
    let before = counter(&object, "asked");
    assert!(before > 0);
    assert_eq!(counter(&object, "asked_second"), 0);
    // The name is taken while the link lives.
    assert_eq!(
        second.attach().unwrap_err().errno(),
        Some(skep::Errno::EEXIST)
    );
    link.update_struct_ops(second).unwrap();
    assert_eq!(link.name(), "skep_second");
    transfer("skep_link").unwrap();
    assert!(counter(&object, "asked_second") > 0);
    assert_eq!(counter(&object, "asked"), before);
    // Back again: the value of the first is set already.
    link.update_struct_ops(object.struct_ops_map("skep_first").unwrap())
        .unwrap();
    drop(link);
    assert!(choose_fails("skep_link"));
}

#[test]
fn a_function_that_the_kernel_lacks_is_named_or_left_out() {
    let system = host();
    if !is_known(&system) {
        skip!("{NONE}");
    }
    let mut spec = plain();
    spec.map_mut("skep_plain").unwrap().autocreate = false;
    spec.map_mut("skep_odd").unwrap().autocreate = true;
    spec.map_mut("skep_odd").unwrap().map_flags = 0;
    let error = spec.load(&system).unwrap_err();
    let text = error.map_failures()[0].error.to_string();
    let want = "map `skep_odd`: member `no_such_func`: it is set, and this kernel's struct \
                tcp_congestion_ops has none";
    assert_eq!(text, want);
    assert_eq!(error.map_failures()[0].error.kind(), ErrorKind::Unsupported);
    // Without it, and with the number that is 0, the struct is as good as any.
    spec.set_func("skep_odd", "no_such_func", None).unwrap();
    let object = load(&system, &spec);
    assert_eq!(object.programs().len(), 3, "and its program is not loaded");
    assert_eq!(
        object.struct_ops_map("skep_odd").unwrap().programs().len(),
        3
    );
    spec.variable("skep_odd.no_such_number")
        .unwrap()
        .set(1_u64)
        .unwrap();
    let error = spec.load(&system).unwrap_err();
    assert!(
        error.to_string().contains("member `no_such_number`"),
        "{error}"
    );
    let error = spec.set_func("skep_odd", "nothing", None).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no struct_ops map 'skep_odd' with a function 'nothing'")
    );
}

#[test]
fn a_program_that_is_no_function_of_a_struct_says_so() {
    let system = host();
    if !is_known(&system) {
        skip!("{NONE}");
    }
    let mut spec = plain();
    spec.set_func("skep_odd", "no_such_func", None).unwrap();
    let index = spec.programs.iter().position(|p| p.name == "bump").unwrap();
    let options = skep::LoadOptions::default();
    let error = spec
        .loader(&system, &options)
        .load_program(index)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsTarget);
    let want = "load program `bump` (struct_ops): no struct_ops map has it as a function";
    assert_eq!(error.to_string(), want);
    // One by one: the programs of a map that is not to be made have their target all the same.
    let index = spec
        .programs
        .iter()
        .position(|p| p.name == "cong_avoid_second")
        .unwrap();
    spec.loader(&system, &options).load_program(index).unwrap();
}

#[test]
fn a_program_belongs_to_one_struct_and_keeps_its_map() {
    let system = host();
    need!(ProgAssocStructOps);
    let runs = load(&system, &object!("runs"));
    let program = runs.program("mark").unwrap();
    let (one, other) = (load(&system, &plain()), load(&system, &plain()));
    let map_of = |object: &Object| object.struct_ops_map("skep_plain").unwrap().map().clone();
    let (map, id) = (map_of(&one), map_of(&one).id());
    program.associate(&map).unwrap();
    let error = program.associate(&map_of(&other)).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EBUSY), "{error}");
    let error = program.associate(&runs.maps()[0]).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    let error = one.programs()[0].associate(&map).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    // It is there as long as the program is.
    drop((map, one));
    assert_eq!(system.map_by_id(id).unwrap().id(), id);
}
