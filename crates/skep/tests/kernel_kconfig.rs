//! `__kconfig` variables: the running kernel's configuration, the caller's, virtual values.

mod common;

use common::{host, object, skip};
use skep::prog::TestRun;
use skep::{ErrorKind, LoadOptions, ObjectSpec, System, plain};
use std::path::Path;
use std::process::Command;

plain! {
    /// `seen` of `kconfig.bpf.c`.
    #[derive(Debug)]
    struct Seen {
        hex: u64,
        hz: u64,
        version: u32,
        unknown: i32,
        net: u32,
        tristate: u32,
        number: i32,
        hostname: [u8; 16],
        text: [u8; 8],
        syscall: u8,
        bpf: u8,
        cookie: u8,
        wrapper: u8,
        boolean: u8,
        letter: u8,
        pad: [u8; 6],
    }
}

/// What the options that the object cannot do without may be on some machine.
const STRONG: &str = "CONFIG_BPF_SYSCALL=n\nCONFIG_NET=m\nCONFIG_BPF=m\nCONFIG_HZ=0x64\n\
    CONFIG_DEFAULT_HOSTNAME=\"a name of more than sixteen\"\n";

fn seen(system: &System, kconfig: &str) -> Result<Seen, skep::Error> {
    let options = LoadOptions {
        kconfig: kconfig.to_owned(),
        ..Default::default()
    };
    let object = object!("kconfig").load_with(system, &options)?;
    let run = TestRun {
        data: &[0; 64],
        ..Default::default()
    };
    let answer = object.program("read")?.test_run(&run)?;
    assert_eq!(answer.return_value, 1);
    object.global("seen")?.read()
}

fn uname(flag: &str) -> String {
    let out = Command::new("uname").arg(flag).output().unwrap().stdout;
    String::from_utf8(out).unwrap().trim().to_owned()
}

#[test]
fn the_callers_text_counts_first() {
    let system = host();
    let own = "# a comment\nCONFIG_SKEP_BOOL=y\nCONFIG_SKEP_TRISTATE=m\nCONFIG_SKEP_CHAR=m\n\
        CONFIG_SKEP_SHORT=-5\nCONFIG_SKEP_HEX=0xfedcba9876543210\nCONFIG_SKEP_TEXT=\"skep\"\n";
    let seen = seen(&system, &format!("{STRONG}{own}CONFIG_HZ=1000\n")).unwrap();
    assert_eq!((seen.hex, seen.hz), (0xfedc_ba98_7654_3210, 100));
    assert_eq!((seen.net, seen.tristate, seen.number), (2, 2, -5));
    assert_eq!(&seen.hostname, b"a name of more \0");
    assert_eq!(&seen.text, b"skep\0\0\0\0");
    assert_eq!((seen.syscall, seen.bpf), (0, b'm'));
    assert_eq!((seen.boolean, seen.letter), (1, b'm'));
    assert_eq!(seen.unknown, 0, "weak, and nobody knows it");
}

#[test]
fn virtual_values_are_the_running_kernels() {
    let system = host();
    let seen = seen(&system, STRONG).unwrap();
    assert_eq!(seen.version, system.kernel_version().unwrap());
    let word = |text: &str, at: usize| text.split('.').nth(at).map(str::to_owned).unwrap();
    // Debian's release hides the third number.
    let build = uname("-v");
    let text = match build.split_once("Debian ") {
        Some((_, version)) => version.to_owned(),
        None => uname("-r"),
    };
    assert_eq!(seen.version >> 16, word(&text, 0).parse().unwrap());
    assert_eq!(seen.version >> 8 & 0xff, word(&text, 1).parse().unwrap());
    let third = word(&text, 2);
    let digits = third.find(|c: char| !c.is_ascii_digit());
    let third: u32 = third[..digits.unwrap_or(third.len())].parse().unwrap();
    assert_eq!(seen.version & 0xff, third.min(255));
    let cookie = system.probe(skep::probe::Feature::BpfCookie);
    assert_eq!(seen.cookie == 1, cookie == skep::probe::Answer::Yes);
    assert_eq!(seen.cookie == 1, seen.version >= 0x05_0f_00);
    assert_eq!(
        seen.wrapper, 1,
        "every architecture tested has it since 4.19"
    );
}

#[test]
fn the_kernels_own_configuration_is_read() {
    let release = uname("-r");
    let paths = [
        format!("/boot/config-{release}"),
        "/proc/config.gz".to_owned(),
        format!("/lib/modules/{release}/config"),
    ];
    let path = paths.iter().find(|path| Path::new(path).exists());
    let Some(path) = path else {
        skip!("this kernel's configuration is not to be had");
    };
    let program = if path.ends_with(".gz") { "zcat" } else { "cat" };
    let text = Command::new(program).arg(path).output().unwrap().stdout;
    let text = String::from_utf8(text).unwrap();
    let option = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or("n")
    };
    let seen = seen(&host(), "").unwrap();
    assert_eq!(seen.hz.to_string(), option("CONFIG_HZ"));
    assert_eq!(seen.syscall, 1);
    assert_eq!([seen.bpf], option("CONFIG_BPF").as_bytes());
    assert_eq!((seen.net, option("CONFIG_NET")), (1, "y"));
    let name = option("CONFIG_DEFAULT_HOSTNAME").trim_matches('"');
    assert!(seen.hostname.starts_with(format!("{name}\0").as_bytes()));
    assert_eq!(
        (seen.hex, seen.text, seen.boolean),
        (0, [0; 8], 0),
        "weak, not set"
    );
}

#[test]
fn what_cannot_be_is_told_with_its_option() {
    let system = host();
    for (text, name) in [
        ("CONFIG_NET=1", "CONFIG_NET: a number"),
        ("CONFIG_HZ=y", "CONFIG_HZ: `y`"),
        ("CONFIG_BPF_SYSCALL=m", "CONFIG_BPF_SYSCALL: `m`"),
        ("CONFIG_SKEP_SHORT=32768", "CONFIG_SKEP_SHORT: 32768"),
        ("CONFIG_ANYTHING", "`CONFIG_ANYTHING` has no `=`"),
    ] {
        let error = seen(&system, &format!("{text}\n{STRONG}")).unwrap_err();
        let [failure] = error.failures() else {
            panic!("{error}");
        };
        assert_eq!(failure.program, "read");
        assert_eq!(failure.error.kind(), ErrorKind::Codec, "{error}");
        assert!(failure.error.to_string().contains(name), "{error}");
    }
}

/// A strong value that nobody sets fails the programs that use the values, and no other.
#[test]
fn a_missing_value_is_its_programs_trouble() {
    let system = host();
    let mut spec: ObjectSpec = object!("kconfig");
    let hz = spec
        .externs
        .iter_mut()
        .find(|e| e.name == "CONFIG_HZ")
        .unwrap();
    hz.name = "CONFIG_SKEP_NO_SUCH_OPTION".into();
    let index = spec.programs.iter().position(|p| p.name == "read").unwrap();
    let options = LoadOptions::default();
    let error = spec
        .loader(&system, &options)
        .load_program(index)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let text = error.to_string();
    let places = ["/boot/config-", "/proc/config.gz", "/lib/modules/"];
    assert!(places.iter().any(|path| text.contains(path)), "{text}");
    if !text.contains("is not to be had") {
        assert!(
            text.contains("does not set `CONFIG_SKEP_NO_SUCH_OPTION`"),
            "{text}"
        );
    }
}
