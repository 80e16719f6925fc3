// Typed access to the BPF object `kconfig`: what `skep obj rust` prints, not to be edited.

/// The object `kconfig`, to be edited and loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Debug)]
pub struct OpenKconfig {
    /// All that the object file says.
    pub spec: ::skep::ObjectSpec,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl OpenKconfig {
    /// The object file.
    #[cfg(target_endian = "little")]
    pub const OBJECT: &'static [u8] = include_bytes!("../../../../testdata/kconfig.bpf.el.o");
    /// The object file.
    #[cfg(target_endian = "big")]
    pub const OBJECT: &'static [u8] = include_bytes!("../../../../testdata/kconfig.bpf.eb.o");

    /// Parses the object file that this program has in it.
    pub fn open() -> ::skep::Result<Self> {
        Self::parse(Self::OBJECT)
    }

    /// Parses an object file that has the same names.
    ///
    /// # Errors
    /// No BPF object, or one that lacks something: it is named.
    pub fn parse(bytes: &[u8]) -> ::skep::Result<Self> {
        let spec = ::skep::ObjectSpec::parse(bytes, "kconfig")?;
        spec.require(&NAMES)?;
        ::core::result::Result::Ok(Self { spec })
    }

    /// Loads it: see [`skep::ObjectSpec::load`].
    pub fn load(&self, system: &::skep::System) -> ::skep::Result<Kconfig> {
        let object = self.spec.load(system)?;
        ::core::result::Result::Ok(Kconfig { object })
    }

    /// Loads it with options.
    pub fn load_with(
        &self,
        system: &::skep::System,
        options: &::skep::LoadOptions,
    ) -> ::skep::Result<Kconfig> {
        let object = self.spec.load_with(system, options)?;
        ::core::result::Result::Ok(Kconfig { object })
    }

    /// Maps as they are declared.
    pub fn maps(&mut self) -> MapSpecs<'_> {
        MapSpecs(&mut self.spec)
    }

    /// Programs as they are declared.
    pub fn programs(&mut self) -> ProgramSpecs<'_> {
        ProgramSpecs(&mut self.spec)
    }

    /// Variables in `.bss` before the load.
    pub fn bss(&mut self) -> BssSpec<'_> {
        BssSpec(&mut self.spec)
    }
}

/// The object `kconfig`, loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct Kconfig {
    /// All that was loaded.
    pub object: ::skep::Object,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl Kconfig {
    /// Attaches what attaches by itself: see [`skep::Object::attach_all`].
    pub fn attach(&self) -> ::skep::Result<Links> {
        ::core::result::Result::Ok(Links::of(self.object.attach_all()?))
    }

    /// The maps.
    pub fn maps(&self) -> Maps<'_> {
        Maps(&self.object)
    }

    /// The programs that were loaded.
    pub fn programs(&self) -> Programs<'_> {
        Programs(&self.object)
    }

    /// Variables in `.bss`, as programs see them now.
    pub fn bss(&self) -> Bss<'_> {
        Bss(&self.object)
    }

    /// Variables in `.kconfig`, as programs see them now.
    pub fn kconfig(&self) -> Kconfig___2<'_> {
        Kconfig___2(&self.object)
    }
}

/// What must be in the object: maps, programs, and variables with their sizes.
const NAMES: ::skep::object::Names<'static> = ::skep::object::Names {
    maps: &[
        "kconfig.bss",
        "kconfig.kconfig",
    ],
    programs: &[
        "read",
    ],
    variables: &[
        ("seen", 72),
    ],
};

/// Maps as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct MapSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> MapSpecs<'a> {
    /// `.bss`: array.
    pub fn bss(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut(".bss")?)
    }

    /// `.kconfig`: array.
    pub fn kconfig(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut(".kconfig")?)
    }
}

/// The maps.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Maps<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Maps<'a> {
    /// `.bss`: array.
    pub fn bss(self) -> ::skep::Result<&'a ::skep::Map> {
        self.0.map("kconfig.bss")
    }

    /// `.kconfig`: array.
    pub fn kconfig(self) -> ::skep::Result<&'a ::skep::Map> {
        self.0.map("kconfig.kconfig")
    }
}

/// Programs as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct ProgramSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> ProgramSpecs<'a> {
    /// `read` in section `socket`.
    pub fn read(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("read")?)
    }
}

/// The programs that were loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Programs<'a> {
    /// `read` in section `socket`.
    pub fn read(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("read")
    }
}

/// Variables in `.bss` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct BssSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> BssSpec<'a> {
    /// `seen`, 72 bytes.
    pub fn seen(&mut self) -> ::skep::Result<types::seen> {
        self.0.variable("seen")?.value()
    }

    /// Sets `seen`.
    pub fn set_seen(&mut self, value: types::seen) -> ::skep::Result<()> {
        self.0.variable("seen")?.set(value)
    }
}

/// Variables in `.bss`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Bss<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Bss<'a> {
    /// `seen`, 72 bytes.
    pub fn seen(self) -> ::skep::Result<types::seen> {
        self.0.global("seen")?.read()
    }

    /// Sets `seen` for all programs.
    pub fn set_seen(self, value: types::seen) -> ::skep::Result<()> {
        self.0.global("seen")?.set(value)
    }

    /// `seen` in memory, without system calls.
    pub fn seen_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::seen>> {
        self.0.global("seen")?.cell()
    }
}

/// Variables in `.kconfig`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Kconfig___2<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Kconfig___2<'a> {
    /// `CONFIG_HZ`, 8 bytes.
    pub fn CONFIG_HZ(self) -> ::skep::Result<u64> {
        self.0.global("CONFIG_HZ")?.read()
    }

    /// `CONFIG_SKEP_HEX`, 8 bytes.
    pub fn CONFIG_SKEP_HEX(self) -> ::skep::Result<types::__u64> {
        self.0.global("CONFIG_SKEP_HEX")?.read()
    }

    /// `CONFIG_NET`, 4 bytes.
    pub fn CONFIG_NET(self) -> ::skep::Result<types::libbpf_tristate> {
        self.0.global("CONFIG_NET")?.read()
    }

    /// `CONFIG_SKEP_TRISTATE`, 4 bytes.
    pub fn CONFIG_SKEP_TRISTATE(self) -> ::skep::Result<types::libbpf_tristate> {
        self.0.global("CONFIG_SKEP_TRISTATE")?.read()
    }

    /// `LINUX_KERNEL_VERSION`, 4 bytes.
    pub fn LINUX_KERNEL_VERSION(self) -> ::skep::Result<i32> {
        self.0.global("LINUX_KERNEL_VERSION")?.read()
    }

    /// `LINUX_NO_SUCH_VALUE`, 4 bytes.
    pub fn LINUX_NO_SUCH_VALUE(self) -> ::skep::Result<i32> {
        self.0.global("LINUX_NO_SUCH_VALUE")?.read()
    }

    /// `CONFIG_SKEP_SHORT`, 2 bytes.
    pub fn CONFIG_SKEP_SHORT(self) -> ::skep::Result<i16> {
        self.0.global("CONFIG_SKEP_SHORT")?.read()
    }

    /// `CONFIG_BPF`, 1 bytes.
    pub fn CONFIG_BPF(self) -> ::skep::Result<u8> {
        self.0.global("CONFIG_BPF")?.read()
    }

    /// `CONFIG_BPF_SYSCALL`, 1 bytes.
    pub fn CONFIG_BPF_SYSCALL(self) -> ::skep::Result<u8> {
        self.0.global("CONFIG_BPF_SYSCALL")?.read()
    }

    /// `CONFIG_SKEP_BOOL`, 1 bytes.
    pub fn CONFIG_SKEP_BOOL(self) -> ::skep::Result<u8> {
        self.0.global("CONFIG_SKEP_BOOL")?.read()
    }

    /// `CONFIG_SKEP_CHAR`, 1 bytes.
    pub fn CONFIG_SKEP_CHAR(self) -> ::skep::Result<u8> {
        self.0.global("CONFIG_SKEP_CHAR")?.read()
    }

    /// `LINUX_HAS_BPF_COOKIE`, 1 bytes.
    pub fn LINUX_HAS_BPF_COOKIE(self) -> ::skep::Result<u8> {
        self.0.global("LINUX_HAS_BPF_COOKIE")?.read()
    }

    /// `LINUX_HAS_SYSCALL_WRAPPER`, 1 bytes.
    pub fn LINUX_HAS_SYSCALL_WRAPPER(self) -> ::skep::Result<u8> {
        self.0.global("LINUX_HAS_SYSCALL_WRAPPER")?.read()
    }

    /// `CONFIG_SKEP_TEXT`, 8 bytes.
    pub fn CONFIG_SKEP_TEXT(self) -> ::skep::Result<[u8; 8]> {
        self.0.global("CONFIG_SKEP_TEXT")?.read()
    }

    /// `CONFIG_DEFAULT_HOSTNAME`, 16 bytes.
    pub fn CONFIG_DEFAULT_HOSTNAME(self) -> ::skep::Result<[u8; 16]> {
        self.0.global("CONFIG_DEFAULT_HOSTNAME")?.read()
    }
}

/// What is attached, until it is dropped.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug, Default)]
pub struct Links {
    /// `read`, if it attached by itself.
    pub read: ::core::option::Option<::skep::Link>,
    /// What had no name when this file was made.
    pub others: ::skep::link::Links,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl Links {
    fn of(all: ::skep::link::Links) -> Self {
        let mut links = Self::default();
        for link in all {
            let mut none = ::core::option::Option::None;
            let slot = match link.name() {
                "read" => &mut links.read,
                _ => &mut none,
            };
            if let ::core::option::Option::Some(link) = slot.replace(link) {
                links.others.push(link);
            }
            links.others.extend(none);
        }
        links
    }
}

/// Types as the object has them. Their layouts are checked when this is compiled.
#[allow(missing_docs)]
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
pub mod types {
    ::skep::plain! {
        #[derive(Debug, PartialEq)]
        pub struct seen {
            pub hex: __u64,
            pub hz: __u64,
            pub version: i32,
            pub unknown: i32,
            pub net: i32,
            pub tristate: i32,
            pub number: i32,
            pub hostname: [u8; 16],
            pub text: [u8; 8],
            pub syscall: u8,
            pub bpf: u8,
            pub cookie: u8,
            pub wrapper: u8,
            pub boolean: u8,
            pub letter: u8,
            pub __padding_1: [u8; 6],
        }
    }
    impl ::core::default::Default for seen {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    const _: () = {
        assert!(::core::mem::size_of::<seen>() == 72);
        assert!(::core::mem::offset_of!(seen, hex) == 0);
        assert!(::core::mem::offset_of!(seen, hz) == 8);
        assert!(::core::mem::offset_of!(seen, version) == 16);
        assert!(::core::mem::offset_of!(seen, unknown) == 20);
        assert!(::core::mem::offset_of!(seen, net) == 24);
        assert!(::core::mem::offset_of!(seen, tristate) == 28);
        assert!(::core::mem::offset_of!(seen, number) == 32);
        assert!(::core::mem::offset_of!(seen, hostname) == 36);
        assert!(::core::mem::offset_of!(seen, text) == 52);
        assert!(::core::mem::offset_of!(seen, syscall) == 60);
        assert!(::core::mem::offset_of!(seen, bpf) == 61);
        assert!(::core::mem::offset_of!(seen, cookie) == 62);
        assert!(::core::mem::offset_of!(seen, wrapper) == 63);
        assert!(::core::mem::offset_of!(seen, boolean) == 64);
        assert!(::core::mem::offset_of!(seen, letter) == 65);
    };

    pub type __u64 = u64;

    ::skep::plain! {
        #[derive(Debug, PartialEq, Eq)]
        pub struct libbpf_tristate(pub u32);
    }
    impl ::core::default::Default for libbpf_tristate {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    impl libbpf_tristate {
        pub const TRI_NO: Self = Self(0);
        pub const TRI_YES: Self = Self(1);
        pub const TRI_MODULE: Self = Self(2);
    }
    const _: () = assert!(::core::mem::size_of::<libbpf_tristate>() == 4);
}
