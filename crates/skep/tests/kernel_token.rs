//! BPF tokens: a process of a user namespace of its own, where it may load nothing, loads what a BPF
//! file system of that namespace delegates.
//!
//! Only a process of the first namespace can say what is delegated: the test starts itself again
//! in a new namespace, where it opens a file system and leaves it for the first process to
//! configure.

mod common;

use common::{host, object};
use skep::probe::{Answer, Feature};
use skep::sys::bpf::token_create;
use skep::{Errno, ErrorKind, MapType, ProgType, System, Token};
use std::ffi::CStr;
use std::io::{BufRead, BufReader, Error, Write};
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Says which part of the test a process is.
const PART: &str = "SKEP_TEST_TOKEN";
/// The number that the file system's descriptor has in the new process.
const CONTEXT: RawFd = 100;
/// Where it mounts it, in a mount namespace of its own.
const PLACE: &str = "/tmp";

fn checked(answer: libc::c_long) -> std::io::Result<RawFd> {
    match answer {
        -1 => Err(Error::last_os_error()),
        fd => Ok(fd as RawFd),
    }
}

/// After fork(2): into new namespaces, root there, with a BPF file system opened in them.
fn enter() -> std::io::Result<()> {
    // SAFETY: flags.
    checked(unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) }.into())?;
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", "0 0 1")?;
    std::fs::write("/proc/self/gid_map", "0 0 1")?;
    // SAFETY: a string and flags; then two numbers of descriptors.
    let fd = checked(unsafe { libc::syscall(libc::SYS_fsopen, c"bpf".as_ptr(), 0) })?;
    // SAFETY: as above.
    checked(unsafe { libc::dup2(fd, CONTEXT) }.into()).map(drop)
}

/// `FSCONFIG_SET_STRING` of an option, or `FSCONFIG_CMD_CREATE` without one.
fn configure(fd: RawFd, option: Option<(&CStr, &CStr)>) {
    let (command, key, value) = match option {
        Some((key, value)) => (1, key.as_ptr(), value.as_ptr()),
        None => (6, std::ptr::null(), std::ptr::null()),
    };
    // SAFETY: strings or null, as the command asks.
    let done = unsafe { libc::syscall(libc::SYS_fsconfig, fd, command, key, value, 0) };
    checked(done).unwrap_or_else(|error| panic!("{option:?}: {error}"));
}

/// Runs this test again in namespaces of its own, where `delegated` may be done. `false` where
/// there are no such things.
fn run_part(test: &str, part: &str, path: Option<&str>, delegated: [&CStr; 4]) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(PART, part);
    command.env_remove("LIBBPF_BPF_TOKEN_PATH");
    command.envs(path.map(|path| ("LIBBPF_BPF_TOKEN_PATH", path)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    // SAFETY: only system calls and small writes are made there.
    unsafe { command.pre_exec(enter) };
    let mut child = match command.spawn() {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            println!("skep-skip: no user namespace may be made ({error})");
            return false;
        }
        child => child.unwrap(),
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("opened")));
    // SAFETY: numbers.
    let pidfd = checked(unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) }).unwrap();
    // SAFETY: numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd, CONTEXT, 0) };
    let fd = checked(fd).unwrap();
    let keys = [
        c"delegate_cmds",
        c"delegate_maps",
        c"delegate_progs",
        c"delegate_attachs",
    ];
    for option in keys.into_iter().zip(delegated) {
        configure(fd, Some(option));
    }
    configure(fd, None);
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(
        child.wait().unwrap().success(),
        "{part}\n{}",
        said.join("\n")
    );
    true
}

/// In the new process: mounts what the other has configured.
fn mount() {
    println!("opened");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    // SAFETY: a descriptor and flags.
    let mounted = checked(unsafe { libc::syscall(libc::SYS_fsmount, CONTEXT, 0, 0) }).unwrap();
    let place = std::ffi::CString::new(PLACE).unwrap();
    const MOVE_MOUNT_F_EMPTY_PATH: u32 = 4;
    // SAFETY: descriptors, strings, flags.
    let moved = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mounted,
            c"".as_ptr(),
            libc::AT_FDCWD,
            place.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    checked(moved).unwrap();
}

/// Whether this kernel has tokens.
fn has_tokens() -> bool {
    let answer = host().probe(Feature::Token);
    if answer != Answer::Yes {
        println!("skep-skip: BPF_TOKEN_CREATE: {answer}");
    }
    answer == Answer::Yes
}

fn part() -> Option<String> {
    std::env::var(PART).ok()
}

fn refused(system: &System) -> skep::Error {
    match object!("socket").load(system) {
        Ok(_) => panic!("loads without a token"),
        Err(error) => error,
    }
}

const ANY: &CStr = c"any";

#[test]
fn what_is_delegated_can_be_loaded() {
    if part().is_some() {
        mount();
        let bare = host().with_token(Token::Off);
        assert_eq!(bare.probe(Feature::Btf), Answer::Unknown(Errno::EPERM));
        assert!(bare.token().unwrap().is_none());
        let why = refused(&bare);
        assert!(why.to_string().contains("EPERM"), "{why}");

        let dir = bare.with_token(Token::Path(PLACE.into()));
        // Found among the mounts of this process.
        let found = bare.with_token(Token::Auto);
        let mine = {
            let flags = skep::codec::uapi::linux::O_DIRECTORY;
            let dir = skep::sys::file::open(bare.kernel(), c"/tmp", flags, 0).unwrap();
            Token::Fd(Arc::new(token_create(&dir, 0).unwrap()))
        };
        for system in [&dir, &found, &bare.with_token(mine)] {
            assert!(system.token().unwrap().is_some());
            assert_eq!(system.probe(Feature::Btf), Answer::Yes);
            assert_eq!(system.probe_map_type(MapType::LRU_HASH), Answer::Yes);
            assert_eq!(system.probe_prog_type(ProgType::XDP), Answer::Yes);
            let object = common::load(system, &object!("globals"));
            assert!(!object.maps().is_empty() && !object.programs().is_empty());
        }
        let wrong = bare.with_token(Token::Path("/proc".into()));
        let why = refused(&wrong);
        assert!(
            why.to_string().contains("make a BPF token from /proc"),
            "{why}"
        );
        return;
    }
    if has_tokens() {
        run_part("what_is_delegated_can_be_loaded", "all", None, [ANY; 4]);
    }
}

/// What a token does not allow could not be asked: that is no "no".
#[test]
fn a_token_allows_what_it_is_for() {
    if part().is_some() {
        mount();
        let system = host();
        assert_eq!(system.probe_map_type(MapType::ARRAY), Answer::Yes);
        assert_eq!(
            system.probe_map_type(MapType::LRU_HASH),
            Answer::Unknown(Errno::EPERM)
        );
        assert_eq!(system.probe_prog_type(ProgType::SOCKET_FILTER), Answer::Yes);
        assert_eq!(
            system.probe_prog_type(ProgType::XDP),
            Answer::Unknown(Errno::EPERM)
        );
        common::load(&system, &object!("socket"));
        return;
    }
    if has_tokens() {
        // Arrays; socket filters, whose attach type is 0.
        let delegated = [ANY, c"0x4", c"0x2", c"0x1"];
        run_part("a_token_allows_what_it_is_for", "some", None, delegated);
    }
}

#[test]
fn the_environment_names_the_place() {
    let test = "the_environment_names_the_place";
    match part().as_deref() {
        None if has_tokens() => {
            let _ = run_part(test, "empty", Some(""), [ANY; 4])
                && run_part(test, "place", Some(PLACE), [ANY; 4])
                && run_part(test, "wrong", Some("/proc"), [ANY; 4]);
        }
        None => {}
        Some("empty") => {
            mount();
            assert!(host().token().unwrap().is_none());
            refused(&host());
        }
        Some("place") => {
            mount();
            assert!(host().token().unwrap().is_some());
            common::load(&host(), &object!("socket"));
        }
        Some(_) => {
            mount();
            let why = refused(&host());
            assert!(
                why.to_string().contains("make a BPF token from /proc"),
                "{why}"
            );
            assert_ne!(why.kind(), ErrorKind::Permission);
        }
    }
}

/// In the first namespace there are no tokens: a load does not look for one in vain.
#[test]
fn the_first_namespace_has_none() {
    if !has_tokens() {
        return;
    }
    let system = host();
    assert!(system.token().unwrap().is_none());
    let error = system
        .with_token(Token::Path("/proc".into()))
        .token()
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL));
}
