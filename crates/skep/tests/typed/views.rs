// Typed access to the BPF object `views`: what `skep obj rust` prints, not to be edited.

/// The object `views`, to be edited and loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Debug)]
pub struct OpenViews {
    /// All that the object file says.
    pub spec: ::skep::ObjectSpec,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl OpenViews {
    /// The object file.
    #[cfg(target_endian = "little")]
    pub const OBJECT: &'static [u8] = include_bytes!("../../../../testdata/views.bpf.el.o");
    /// The object file.
    #[cfg(target_endian = "big")]
    pub const OBJECT: &'static [u8] = include_bytes!("../../../../testdata/views.bpf.eb.o");

    /// Parses the object file that this program has in it.
    pub fn open() -> ::skep::Result<Self> {
        Self::parse(Self::OBJECT)
    }

    /// Parses an object file that has the same names.
    ///
    /// # Errors
    /// No BPF object, or one that lacks something: it is named.
    pub fn parse(bytes: &[u8]) -> ::skep::Result<Self> {
        let spec = ::skep::ObjectSpec::parse(bytes, "views")?;
        spec.require(&NAMES)?;
        ::core::result::Result::Ok(Self { spec })
    }

    /// Loads it: see [`skep::ObjectSpec::load`].
    pub fn load(&self, system: &::skep::System) -> ::skep::Result<Views> {
        let object = self.spec.load(system)?;
        ::core::result::Result::Ok(Views { object })
    }

    /// Loads it with options.
    pub fn load_with(
        &self,
        system: &::skep::System,
        options: &::skep::LoadOptions,
    ) -> ::skep::Result<Views> {
        let object = self.spec.load_with(system, options)?;
        ::core::result::Result::Ok(Views { object })
    }

    /// Maps as they are declared.
    pub fn maps(&mut self) -> MapSpecs<'_> {
        MapSpecs(&mut self.spec)
    }

    /// Programs as they are declared.
    pub fn programs(&mut self) -> ProgramSpecs<'_> {
        ProgramSpecs(&mut self.spec)
    }

    /// Variables in `.data` before the load.
    pub fn data(&mut self) -> DataSpec<'_> {
        DataSpec(&mut self.spec)
    }
}

/// The object `views`, loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct Views {
    /// All that was loaded.
    pub object: ::skep::Object,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl Views {
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

    /// Variables in `.data`, as programs see them now.
    pub fn data(&self) -> Data<'_> {
        Data(&self.object)
    }
}

/// What must be in the object: maps, programs, and variables with their sizes.
const NAMES: ::skep::object::Names<'static> = ::skep::object::Names {
    maps: &[
        "hits",
        "locks",
        "targets",
        "stacks",
        "files",
        "flows",
        "devices",
        "devices_by_key",
        "cpus",
        "views.data",
    ],
    programs: &[
        "count",
        "jump",
        "target",
        "stack",
        "on_dev",
        "on_cpu",
    ],
    variables: &[
        ("kernel_id", 4),
        ("user_id", 4),
    ],
};

/// Maps as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct MapSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> MapSpecs<'a> {
    /// `hits`: percpu_hash.
    pub fn hits(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("hits")?)
    }

    /// `locks`: hash.
    pub fn locks(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("locks")?)
    }

    /// `targets`: prog_array.
    pub fn targets(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("targets")?)
    }

    /// `stacks`: stack_trace.
    pub fn stacks(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("stacks")?)
    }

    /// `files`: stack_trace.
    pub fn files(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("files")?)
    }

    /// `flows`: hash.
    pub fn flows(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("flows")?)
    }

    /// `devices`: devmap.
    pub fn devices(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("devices")?)
    }

    /// `devices_by_key`: devmap_hash.
    pub fn devices_by_key(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("devices_by_key")?)
    }

    /// `cpus`: cpumap.
    pub fn cpus(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("cpus")?)
    }

    /// `.data`: array.
    pub fn data(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut(".data")?)
    }
}

/// The maps.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Maps<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Maps<'a> {
    /// `hits`: percpu_hash.
    pub fn hits(self) -> ::skep::Result<::skep::map::PerCpuHashMap<types::flow, [types::__u32; 3]>> {
        ::core::convert::TryFrom::try_from(self.0.map("hits")?)
    }

    /// `locks`: hash.
    pub fn locks(self) -> ::skep::Result<::skep::map::HashMap<types::flow, types::locked>> {
        ::core::convert::TryFrom::try_from(self.0.map("locks")?)
    }

    /// `targets`: prog_array.
    pub fn targets(self) -> ::skep::Result<::skep::map::ProgArray> {
        ::core::convert::TryFrom::try_from(self.0.map("targets")?)
    }

    /// `stacks`: stack_trace.
    pub fn stacks(self) -> ::skep::Result<::skep::map::StackTraceMap> {
        ::core::convert::TryFrom::try_from(self.0.map("stacks")?)
    }

    /// `files`: stack_trace.
    pub fn files(self) -> ::skep::Result<::skep::map::StackTraceMap> {
        ::core::convert::TryFrom::try_from(self.0.map("files")?)
    }

    /// `flows`: hash.
    pub fn flows(self) -> ::skep::Result<::skep::map::HashMap<types::flow, types::pair>> {
        ::core::convert::TryFrom::try_from(self.0.map("flows")?)
    }

    /// `devices`: devmap.
    pub fn devices(self) -> ::skep::Result<::skep::map::DevMap> {
        ::core::convert::TryFrom::try_from(self.0.map("devices")?)
    }

    /// `devices_by_key`: devmap_hash.
    pub fn devices_by_key(self) -> ::skep::Result<::skep::map::DevMap> {
        ::core::convert::TryFrom::try_from(self.0.map("devices_by_key")?)
    }

    /// `cpus`: cpumap.
    pub fn cpus(self) -> ::skep::Result<::skep::map::CpuMap> {
        ::core::convert::TryFrom::try_from(self.0.map("cpus")?)
    }

    /// `.data`: array.
    pub fn data(self) -> ::skep::Result<&'a ::skep::Map> {
        self.0.map("views.data")
    }
}

/// Programs as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct ProgramSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> ProgramSpecs<'a> {
    /// `count` in section `tc`.
    pub fn count(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("count")?)
    }

    /// `jump` in section `socket`.
    pub fn jump(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("jump")?)
    }

    /// `target` in section `socket`.
    pub fn target(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("target")?)
    }

    /// `stack` in section `raw_tp/sys_enter`.
    pub fn stack(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("stack")?)
    }

    /// `on_dev` in section `xdp/devmap`.
    pub fn on_dev(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("on_dev")?)
    }

    /// `on_cpu` in section `xdp/cpumap`.
    pub fn on_cpu(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("on_cpu")?)
    }
}

/// The programs that were loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Programs<'a> {
    /// `count` in section `tc`.
    pub fn count(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("count")
    }

    /// `jump` in section `socket`.
    pub fn jump(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("jump")
    }

    /// `target` in section `socket`.
    pub fn target(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("target")
    }

    /// `stack` in section `raw_tp/sys_enter`.
    pub fn stack(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("stack")
    }

    /// `on_dev` in section `xdp/devmap`.
    pub fn on_dev(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("on_dev")
    }

    /// `on_cpu` in section `xdp/cpumap`.
    pub fn on_cpu(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("on_cpu")
    }
}

/// Variables in `.data` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct DataSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> DataSpec<'a> {
    /// `kernel_id`, 4 bytes.
    pub fn kernel_id(&mut self) -> ::skep::Result<i32> {
        self.0.variable("kernel_id")?.value()
    }

    /// Sets `kernel_id`.
    pub fn set_kernel_id(&mut self, value: i32) -> ::skep::Result<()> {
        self.0.variable("kernel_id")?.set(value)
    }

    /// `user_id`, 4 bytes.
    pub fn user_id(&mut self) -> ::skep::Result<i32> {
        self.0.variable("user_id")?.value()
    }

    /// Sets `user_id`.
    pub fn set_user_id(&mut self, value: i32) -> ::skep::Result<()> {
        self.0.variable("user_id")?.set(value)
    }
}

/// Variables in `.data`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Data<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Data<'a> {
    /// `kernel_id`, 4 bytes.
    pub fn kernel_id(self) -> ::skep::Result<i32> {
        self.0.global("kernel_id")?.read()
    }

    /// Sets `kernel_id` for all programs.
    pub fn set_kernel_id(self, value: i32) -> ::skep::Result<()> {
        self.0.global("kernel_id")?.set(value)
    }

    /// `kernel_id` in memory, without system calls.
    pub fn kernel_id_cell(self) -> ::skep::Result<::skep::map::Cell<'a, i32>> {
        self.0.global("kernel_id")?.cell()
    }

    /// `user_id`, 4 bytes.
    pub fn user_id(self) -> ::skep::Result<i32> {
        self.0.global("user_id")?.read()
    }

    /// Sets `user_id` for all programs.
    pub fn set_user_id(self, value: i32) -> ::skep::Result<()> {
        self.0.global("user_id")?.set(value)
    }

    /// `user_id` in memory, without system calls.
    pub fn user_id_cell(self) -> ::skep::Result<::skep::map::Cell<'a, i32>> {
        self.0.global("user_id")?.cell()
    }
}

/// What is attached, until it is dropped.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug, Default)]
pub struct Links {
    /// `count`, if it attached by itself.
    pub count: ::core::option::Option<::skep::Link>,
    /// `jump`, if it attached by itself.
    pub jump: ::core::option::Option<::skep::Link>,
    /// `target`, if it attached by itself.
    pub target: ::core::option::Option<::skep::Link>,
    /// `stack`, if it attached by itself.
    pub stack: ::core::option::Option<::skep::Link>,
    /// `on_dev`, if it attached by itself.
    pub on_dev: ::core::option::Option<::skep::Link>,
    /// `on_cpu`, if it attached by itself.
    pub on_cpu: ::core::option::Option<::skep::Link>,
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
                "jump" => &mut links.jump,
                "target" => &mut links.target,
                "stack" => &mut links.stack,
                "on_dev" => &mut links.on_dev,
                "on_cpu" => &mut links.on_cpu,
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
        pub struct flow {
            pub address: __u32,
            pub port: __u16,
            pub r#type: __u8,
            pub pad: __u8,
        }
    }
    impl ::core::default::Default for flow {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    const _: () = {
        assert!(::core::mem::size_of::<flow>() == 8);
        assert!(::core::mem::offset_of!(flow, address) == 0);
        assert!(::core::mem::offset_of!(flow, port) == 4);
        assert!(::core::mem::offset_of!(flow, r#type) == 6);
        assert!(::core::mem::offset_of!(flow, pad) == 7);
    };

    pub type __u32 = u32;

    pub type __u16 = u16;

    pub type __u8 = u8;

    ::skep::plain! {
        #[derive(Debug, PartialEq)]
        pub struct locked {
            pub lock: bpf_spin_lock,
            pub count: __u32,
        }
    }
    impl ::core::default::Default for locked {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    const _: () = {
        assert!(::core::mem::size_of::<locked>() == 8);
        assert!(::core::mem::offset_of!(locked, lock) == 0);
        assert!(::core::mem::offset_of!(locked, count) == 4);
    };

    ::skep::plain! {
        #[derive(Debug, PartialEq)]
        pub struct bpf_spin_lock {
            pub val: __u32,
        }
    }
    impl ::core::default::Default for bpf_spin_lock {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    const _: () = {
        assert!(::core::mem::size_of::<bpf_spin_lock>() == 4);
        assert!(::core::mem::offset_of!(bpf_spin_lock, val) == 0);
    };

    ::skep::plain! {
        #[derive(Debug, PartialEq)]
        pub struct pair {
            pub flow: flow,
            pub __anon_1: pair__anon_1,
        }
    }
    impl ::core::default::Default for pair {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    const _: () = {
        assert!(::core::mem::size_of::<pair>() == 16);
        assert!(::core::mem::offset_of!(pair, flow) == 0);
        assert!(::core::mem::offset_of!(pair, __anon_1) == 8);
    };

    ::skep::plain! {
        #[derive(Debug, PartialEq)]
        pub struct pair__anon_1 {
            __align: [u64; 0],
            pub __bytes: [u8; 8],
        }
    }
    impl ::core::default::Default for pair__anon_1 {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    impl pair__anon_1 {
        /// `both` of the union.
        pub fn both(&self) -> __u64 {
            let (bytes, _) = self.__bytes.split_at(::core::mem::size_of::<__u64>());
            ::skep::Plain::read_from(bytes).unwrap_or_else(::skep::Plain::zeroed)
        }
        /// Sets `both` of the union, and no other byte.
        pub fn set_both(&mut self, value: __u64) {
            let (bytes, _) = self.__bytes.split_at_mut(::core::mem::size_of::<__u64>());
            ::skep::Plain::write_to(&value, bytes);
        }
        /// `__anon_1` of the union.
        pub fn __anon_1(&self) -> pair__anon_1__anon_1 {
            let (bytes, _) = self.__bytes.split_at(::core::mem::size_of::<pair__anon_1__anon_1>());
            ::skep::Plain::read_from(bytes).unwrap_or_else(::skep::Plain::zeroed)
        }
        /// Sets `__anon_1` of the union, and no other byte.
        pub fn set___anon_1(&mut self, value: pair__anon_1__anon_1) {
            let (bytes, _) = self.__bytes.split_at_mut(::core::mem::size_of::<pair__anon_1__anon_1>());
            ::skep::Plain::write_to(&value, bytes);
        }
    }
    const _: () = {
        assert!(::core::mem::size_of::<pair__anon_1>() == 8);
        assert!(::core::mem::size_of::<__u64>() <= ::core::mem::size_of::<pair__anon_1>());
        assert!(::core::mem::size_of::<pair__anon_1__anon_1>() <= ::core::mem::size_of::<pair__anon_1>());
    };

    pub type __u64 = u64;

    ::skep::plain! {
        #[derive(Debug, PartialEq)]
        pub struct pair__anon_1__anon_1 {
            pub low: __u32,
            pub high: __u32,
        }
    }
    impl ::core::default::Default for pair__anon_1__anon_1 {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    const _: () = {
        assert!(::core::mem::size_of::<pair__anon_1__anon_1>() == 8);
        assert!(::core::mem::offset_of!(pair__anon_1__anon_1, low) == 0);
        assert!(::core::mem::offset_of!(pair__anon_1__anon_1, high) == 4);
    };
}
