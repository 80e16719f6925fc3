// Typed access to the BPF object `rawtp`: what `skep obj rust` prints, not to be edited.

/// The object `rawtp`, to be edited and loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Debug)]
pub struct OpenRawtp {
    /// All that the object file says.
    pub spec: ::skep::ObjectSpec,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl OpenRawtp {
    /// The object file.
    #[cfg(target_endian = "little")]
    pub const OBJECT: &'static [u8] = include_bytes!("../../../../testdata/rawtp.bpf.el.o");
    /// The object file.
    #[cfg(target_endian = "big")]
    pub const OBJECT: &'static [u8] = include_bytes!("../../../../testdata/rawtp.bpf.eb.o");

    /// Parses the object file that this program has in it.
    pub fn open() -> ::skep::Result<Self> {
        Self::parse(Self::OBJECT)
    }

    /// Parses an object file that has the same names.
    ///
    /// # Errors
    /// No BPF object, or one that lacks something: it is named.
    pub fn parse(bytes: &[u8]) -> ::skep::Result<Self> {
        let spec = ::skep::ObjectSpec::parse(bytes, "rawtp")?;
        spec.require(&NAMES)?;
        ::core::result::Result::Ok(Self { spec })
    }

    /// Loads it: see [`skep::ObjectSpec::load`].
    pub fn load(&self, system: &::skep::System) -> ::skep::Result<Rawtp> {
        let object = self.spec.load(system)?;
        ::core::result::Result::Ok(Rawtp { object })
    }

    /// Loads it with options.
    pub fn load_with(
        &self,
        system: &::skep::System,
        options: &::skep::LoadOptions,
    ) -> ::skep::Result<Rawtp> {
        let object = self.spec.load_with(system, options)?;
        ::core::result::Result::Ok(Rawtp { object })
    }

    /// Maps as they are declared.
    pub fn maps(&mut self) -> MapSpecs<'_> {
        MapSpecs(&mut self.spec)
    }

    /// Programs as they are declared.
    pub fn programs(&mut self) -> ProgramSpecs<'_> {
        ProgramSpecs(&mut self.spec)
    }

    /// Variables in `.rodata` before the load.
    pub fn rodata(&mut self) -> RodataSpec<'_> {
        RodataSpec(&mut self.spec)
    }

    /// Variables in `.bss` before the load.
    pub fn bss(&mut self) -> BssSpec<'_> {
        BssSpec(&mut self.spec)
    }
}

/// The object `rawtp`, loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct Rawtp {
    /// All that was loaded.
    pub object: ::skep::Object,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl Rawtp {
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

    /// Variables in `.rodata`, as programs see them now.
    pub fn rodata(&self) -> Rodata<'_> {
        Rodata(&self.object)
    }

    /// Variables in `.bss`, as programs see them now.
    pub fn bss(&self) -> Bss<'_> {
        Bss(&self.object)
    }
}

/// What must be in the object: maps, programs, and variables with their sizes.
const NAMES: ::skep::object::Names<'static> = ::skep::object::Names {
    maps: &[
        "events",
        "rawtp.rodata",
        "rawtp.bss",
    ],
    programs: &[
        "count",
    ],
    variables: &[
        ("target_pid", 4),
        ("hits", 8),
        ("dropped", 8),
        ("unused_event", 8),
    ],
};

/// Maps as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct MapSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> MapSpecs<'a> {
    /// `events`: ringbuf.
    pub fn events(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("events")?)
    }

    /// `.rodata`: array.
    pub fn rodata(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut(".rodata")?)
    }

    /// `.bss`: array.
    pub fn bss(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut(".bss")?)
    }
}

/// The maps.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Maps<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Maps<'a> {
    /// `events`: ringbuf.
    pub fn events(self) -> ::skep::Result<::skep::ring::Ring<types::event>> {
        ::core::convert::TryFrom::try_from(self.0.map("events")?)
    }

    /// `.rodata`: array.
    pub fn rodata(self) -> ::skep::Result<&'a ::skep::Map> {
        self.0.map("rawtp.rodata")
    }

    /// `.bss`: array.
    pub fn bss(self) -> ::skep::Result<&'a ::skep::Map> {
        self.0.map("rawtp.bss")
    }
}

/// Programs as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct ProgramSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> ProgramSpecs<'a> {
    /// `count` in section `raw_tp/sys_enter`.
    pub fn count(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("count")?)
    }
}

/// The programs that were loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Programs<'a> {
    /// `count` in section `raw_tp/sys_enter`.
    pub fn count(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("count")
    }
}

/// Variables in `.rodata` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct RodataSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> RodataSpec<'a> {
    /// `target_pid`, 4 bytes.
    pub fn target_pid(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("target_pid")?.value()
    }

    /// Sets `target_pid`.
    pub fn set_target_pid(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("target_pid")?.set(value)
    }
}

/// Variables in `.rodata`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Rodata<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Rodata<'a> {
    /// `target_pid`, 4 bytes.
    pub fn target_pid(self) -> ::skep::Result<types::__u32> {
        self.0.global("target_pid")?.read()
    }
}

/// Variables in `.bss` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct BssSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> BssSpec<'a> {
    /// `hits`, 8 bytes.
    pub fn hits(&mut self) -> ::skep::Result<types::__u64> {
        self.0.variable("hits")?.value()
    }

    /// Sets `hits`.
    pub fn set_hits(&mut self, value: types::__u64) -> ::skep::Result<()> {
        self.0.variable("hits")?.set(value)
    }

    /// `dropped`, 8 bytes.
    pub fn dropped(&mut self) -> ::skep::Result<types::__u64> {
        self.0.variable("dropped")?.value()
    }

    /// Sets `dropped`.
    pub fn set_dropped(&mut self, value: types::__u64) -> ::skep::Result<()> {
        self.0.variable("dropped")?.set(value)
    }

    /// `unused_event`, 8 bytes.
    pub fn unused_event(&mut self) -> ::skep::Result<u64> {
        self.0.variable("unused_event")?.value()
    }

    /// Sets `unused_event`.
    pub fn set_unused_event(&mut self, value: u64) -> ::skep::Result<()> {
        self.0.variable("unused_event")?.set(value)
    }
}

/// Variables in `.bss`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Bss<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Bss<'a> {
    /// `hits`, 8 bytes.
    pub fn hits(self) -> ::skep::Result<types::__u64> {
        self.0.global("hits")?.read()
    }

    /// Sets `hits` for all programs.
    pub fn set_hits(self, value: types::__u64) -> ::skep::Result<()> {
        self.0.global("hits")?.set(value)
    }

    /// `hits` in memory, without system calls.
    pub fn hits_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u64>> {
        self.0.global("hits")?.cell()
    }

    /// `dropped`, 8 bytes.
    pub fn dropped(self) -> ::skep::Result<types::__u64> {
        self.0.global("dropped")?.read()
    }

    /// Sets `dropped` for all programs.
    pub fn set_dropped(self, value: types::__u64) -> ::skep::Result<()> {
        self.0.global("dropped")?.set(value)
    }

    /// `dropped` in memory, without system calls.
    pub fn dropped_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u64>> {
        self.0.global("dropped")?.cell()
    }

    /// `unused_event`, 8 bytes.
    pub fn unused_event(self) -> ::skep::Result<u64> {
        self.0.global("unused_event")?.read()
    }

    /// Sets `unused_event` for all programs.
    pub fn set_unused_event(self, value: u64) -> ::skep::Result<()> {
        self.0.global("unused_event")?.set(value)
    }

    /// `unused_event` in memory, without system calls.
    pub fn unused_event_cell(self) -> ::skep::Result<::skep::map::Cell<'a, u64>> {
        self.0.global("unused_event")?.cell()
    }
}

/// What is attached, until it is dropped.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug, Default)]
pub struct Links {
    /// `count`, if it attached by itself.
    pub count: ::core::option::Option<::skep::Link>,
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
                "count" => &mut links.count,
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
        pub struct event {
            pub time_ns: __u64,
            pub pid: __u32,
            pub tid: __u32,
            pub syscall: __s64,
            pub comm: [u8; 16],
        }
    }
    impl ::core::default::Default for event {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    const _: () = {
        assert!(::core::mem::size_of::<event>() == 40);
        assert!(::core::mem::offset_of!(event, time_ns) == 0);
        assert!(::core::mem::offset_of!(event, pid) == 8);
        assert!(::core::mem::offset_of!(event, tid) == 12);
        assert!(::core::mem::offset_of!(event, syscall) == 16);
        assert!(::core::mem::offset_of!(event, comm) == 24);
    };

    pub type __u64 = u64;

    pub type __u32 = u32;

    pub type __s64 = i64;
}
