// Typed access to the BPF object `ops`: what `skep obj rust` prints, not to be edited.

/// The object `ops`, to be edited and loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Debug)]
pub struct OpenOps {
    /// All that the object file says.
    pub spec: ::skep::ObjectSpec,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl OpenOps {
    /// The object file.
    #[cfg(target_endian = "little")]
    pub const OBJECT: &'static [u8] = include_bytes!("../../../../testdata/ops.bpf.el.o");
    /// The object file.
    #[cfg(target_endian = "big")]
    pub const OBJECT: &'static [u8] = include_bytes!("../../../../testdata/ops.bpf.eb.o");

    /// Parses the object file that this program has in it.
    pub fn open() -> ::skep::Result<Self> {
        Self::parse(Self::OBJECT)
    }

    /// Parses an object file that has the same names.
    ///
    /// # Errors
    /// No BPF object, or one that lacks something: it is named.
    pub fn parse(bytes: &[u8]) -> ::skep::Result<Self> {
        let spec = ::skep::ObjectSpec::parse(bytes, "ops")?;
        spec.require(&NAMES)?;
        ::core::result::Result::Ok(Self { spec })
    }

    /// Loads it: see [`skep::ObjectSpec::load`].
    pub fn load(&self, system: &::skep::System) -> ::skep::Result<Ops> {
        let object = self.spec.load(system)?;
        ::core::result::Result::Ok(Ops { object })
    }

    /// Loads it with options.
    pub fn load_with(
        &self,
        system: &::skep::System,
        options: &::skep::LoadOptions,
    ) -> ::skep::Result<Ops> {
        let object = self.spec.load_with(system, options)?;
        ::core::result::Result::Ok(Ops { object })
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

    /// Structs of functions, by their members.
    pub fn struct_ops(&mut self) -> StructOpsSpecs<'_> {
        StructOpsSpecs(&mut self.spec)
    }
}

/// The object `ops`, loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct Ops {
    /// All that was loaded.
    pub object: ::skep::Object,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl Ops {
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
}

/// What must be in the object: maps, programs, and variables with their sizes.
const NAMES: ::skep::object::Names<'static> = ::skep::object::Names {
    maps: &[
        "skep_plain",
        "skep_first",
        "skep_second",
        "ops.bss",
    ],
    programs: &[
        "ssthresh",
        "cong_avoid_second",
        "undo_cwnd",
        "bump",
        "cong_avoid",
    ],
    variables: &[
        ("asked", 8),
        ("asked_second", 8),
    ],
};

/// Maps as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct MapSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> MapSpecs<'a> {
    /// `skep_plain`: struct_ops.
    pub fn skep_plain(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("skep_plain")?)
    }

    /// `skep_first`: struct_ops.
    pub fn skep_first(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("skep_first")?)
    }

    /// `skep_second`: struct_ops.
    pub fn skep_second(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("skep_second")?)
    }

    /// `skep_odd`: struct_ops.
    pub fn skep_odd(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("skep_odd")?)
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
    /// `skep_plain`: struct_ops.
    pub fn skep_plain(self) -> ::skep::Result<&'a ::skep::link::StructOps> {
        self.0.struct_ops_map("skep_plain")
    }

    /// `skep_first`: struct_ops.
    pub fn skep_first(self) -> ::skep::Result<&'a ::skep::link::StructOps> {
        self.0.struct_ops_map("skep_first")
    }

    /// `skep_second`: struct_ops.
    pub fn skep_second(self) -> ::skep::Result<&'a ::skep::link::StructOps> {
        self.0.struct_ops_map("skep_second")
    }

    /// `skep_odd`: struct_ops.
    pub fn skep_odd(self) -> ::skep::Result<&'a ::skep::link::StructOps> {
        self.0.struct_ops_map("skep_odd")
    }

    /// `.bss`: array.
    pub fn bss(self) -> ::skep::Result<&'a ::skep::Map> {
        self.0.map("ops.bss")
    }
}

/// Programs as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct ProgramSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> ProgramSpecs<'a> {
    /// `ssthresh` in section `struct_ops`.
    pub fn ssthresh(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("ssthresh")?)
    }

    /// `cong_avoid_second` in section `struct_ops`.
    pub fn cong_avoid_second(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("cong_avoid_second")?)
    }

    /// `undo_cwnd` in section `struct_ops`.
    pub fn undo_cwnd(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("undo_cwnd")?)
    }

    /// `bump` in section `struct_ops`.
    pub fn bump(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("bump")?)
    }

    /// `cong_avoid` in section `struct_ops/cong_avoid`.
    pub fn cong_avoid(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("cong_avoid")?)
    }
}

/// The programs that were loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Programs<'a> {
    /// `ssthresh` in section `struct_ops`.
    pub fn ssthresh(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("ssthresh")
    }

    /// `cong_avoid_second` in section `struct_ops`.
    pub fn cong_avoid_second(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("cong_avoid_second")
    }

    /// `undo_cwnd` in section `struct_ops`.
    pub fn undo_cwnd(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("undo_cwnd")
    }

    /// `bump` in section `struct_ops`.
    pub fn bump(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("bump")
    }

    /// `cong_avoid` in section `struct_ops/cong_avoid`.
    pub fn cong_avoid(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("cong_avoid")
    }
}

/// Variables in `.bss` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct BssSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> BssSpec<'a> {
    /// `asked`, 8 bytes.
    pub fn asked(&mut self) -> ::skep::Result<types::__u64> {
        self.0.variable("asked")?.value()
    }

    /// Sets `asked`.
    pub fn set_asked(&mut self, value: types::__u64) -> ::skep::Result<()> {
        self.0.variable("asked")?.set(value)
    }

    /// `asked_second`, 8 bytes.
    pub fn asked_second(&mut self) -> ::skep::Result<types::__u64> {
        self.0.variable("asked_second")?.value()
    }

    /// Sets `asked_second`.
    pub fn set_asked_second(&mut self, value: types::__u64) -> ::skep::Result<()> {
        self.0.variable("asked_second")?.set(value)
    }
}

/// Variables in `.bss`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Bss<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Bss<'a> {
    /// `asked`, 8 bytes.
    pub fn asked(self) -> ::skep::Result<types::__u64> {
        self.0.global("asked")?.read()
    }

    /// Sets `asked` for all programs.
    pub fn set_asked(self, value: types::__u64) -> ::skep::Result<()> {
        self.0.global("asked")?.set(value)
    }

    /// `asked` in memory, without system calls.
    pub fn asked_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u64>> {
        self.0.global("asked")?.cell()
    }

    /// `asked_second`, 8 bytes.
    pub fn asked_second(self) -> ::skep::Result<types::__u64> {
        self.0.global("asked_second")?.read()
    }

    /// Sets `asked_second` for all programs.
    pub fn set_asked_second(self, value: types::__u64) -> ::skep::Result<()> {
        self.0.global("asked_second")?.set(value)
    }

    /// `asked_second` in memory, without system calls.
    pub fn asked_second_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u64>> {
        self.0.global("asked_second")?.cell()
    }
}

/// Members of `skep_plain` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct SkepPlainSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> SkepPlainSpec<'a> {
    /// `skep_plain.name`, 16 bytes.
    pub fn name(&mut self) -> ::skep::Result<[u8; 16]> {
        self.0.variable("skep_plain.name")?.value()
    }

    /// Sets `skep_plain.name`.
    pub fn set_name(&mut self, value: [u8; 16]) -> ::skep::Result<()> {
        self.0.variable("skep_plain.name")?.set(value)
    }

    /// `skep_plain.flags`, 4 bytes.
    pub fn flags(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("skep_plain.flags")?.value()
    }

    /// Sets `skep_plain.flags`.
    pub fn set_flags(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("skep_plain.flags")?.set(value)
    }

    /// Sets the function `ssthresh`: a program of this name, or none.
    pub fn set_ssthresh(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_plain", "ssthresh", program)?)
    }

    /// Sets the function `cong_avoid`: a program of this name, or none.
    pub fn set_cong_avoid(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_plain", "cong_avoid", program)?)
    }

    /// Sets the function `undo_cwnd`: a program of this name, or none.
    pub fn set_undo_cwnd(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_plain", "undo_cwnd", program)?)
    }
}

/// Members of `skep_first` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct SkepFirstSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> SkepFirstSpec<'a> {
    /// `skep_first.name`, 16 bytes.
    pub fn name(&mut self) -> ::skep::Result<[u8; 16]> {
        self.0.variable("skep_first.name")?.value()
    }

    /// Sets `skep_first.name`.
    pub fn set_name(&mut self, value: [u8; 16]) -> ::skep::Result<()> {
        self.0.variable("skep_first.name")?.set(value)
    }

    /// `skep_first.flags`, 4 bytes.
    pub fn flags(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("skep_first.flags")?.value()
    }

    /// Sets `skep_first.flags`.
    pub fn set_flags(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("skep_first.flags")?.set(value)
    }

    /// Sets the function `ssthresh`: a program of this name, or none.
    pub fn set_ssthresh(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_first", "ssthresh", program)?)
    }

    /// Sets the function `cong_avoid`: a program of this name, or none.
    pub fn set_cong_avoid(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_first", "cong_avoid", program)?)
    }

    /// Sets the function `undo_cwnd`: a program of this name, or none.
    pub fn set_undo_cwnd(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_first", "undo_cwnd", program)?)
    }
}

/// Members of `skep_second` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct SkepSecondSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> SkepSecondSpec<'a> {
    /// `skep_second.name`, 16 bytes.
    pub fn name(&mut self) -> ::skep::Result<[u8; 16]> {
        self.0.variable("skep_second.name")?.value()
    }

    /// Sets `skep_second.name`.
    pub fn set_name(&mut self, value: [u8; 16]) -> ::skep::Result<()> {
        self.0.variable("skep_second.name")?.set(value)
    }

    /// `skep_second.flags`, 4 bytes.
    pub fn flags(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("skep_second.flags")?.value()
    }

    /// Sets `skep_second.flags`.
    pub fn set_flags(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("skep_second.flags")?.set(value)
    }

    /// Sets the function `ssthresh`: a program of this name, or none.
    pub fn set_ssthresh(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_second", "ssthresh", program)?)
    }

    /// Sets the function `cong_avoid`: a program of this name, or none.
    pub fn set_cong_avoid(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_second", "cong_avoid", program)?)
    }

    /// Sets the function `undo_cwnd`: a program of this name, or none.
    pub fn set_undo_cwnd(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_second", "undo_cwnd", program)?)
    }
}

/// Members of `skep_odd` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct SkepOddSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> SkepOddSpec<'a> {
    /// `skep_odd.no_such_number`, 8 bytes.
    pub fn no_such_number(&mut self) -> ::skep::Result<types::__u64> {
        self.0.variable("skep_odd.no_such_number")?.value()
    }

    /// Sets `skep_odd.no_such_number`.
    pub fn set_no_such_number(&mut self, value: types::__u64) -> ::skep::Result<()> {
        self.0.variable("skep_odd.no_such_number")?.set(value)
    }

    /// `skep_odd.name`, 16 bytes.
    pub fn name(&mut self) -> ::skep::Result<[u8; 16]> {
        self.0.variable("skep_odd.name")?.value()
    }

    /// Sets `skep_odd.name`.
    pub fn set_name(&mut self, value: [u8; 16]) -> ::skep::Result<()> {
        self.0.variable("skep_odd.name")?.set(value)
    }

    /// Sets the function `ssthresh`: a program of this name, or none.
    pub fn set_ssthresh(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_odd", "ssthresh", program)?)
    }

    /// Sets the function `no_such_func`: a program of this name, or none.
    pub fn set_no_such_func(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_odd", "no_such_func", program)?)
    }

    /// Sets the function `cong_avoid`: a program of this name, or none.
    pub fn set_cong_avoid(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_odd", "cong_avoid", program)?)
    }

    /// Sets the function `undo_cwnd`: a program of this name, or none.
    pub fn set_undo_cwnd(&mut self, program: ::core::option::Option<&str>) -> ::skep::Result<()> {
        ::core::result::Result::Ok(self.0.set_func("skep_odd", "undo_cwnd", program)?)
    }
}

/// Structs of functions, by their members.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct StructOpsSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> StructOpsSpecs<'a> {
/// `skep_plain`, by its members.
    pub fn skep_plain(self) -> SkepPlainSpec<'a> {
        SkepPlainSpec(self.0)
    }
/// `skep_first`, by its members.
    pub fn skep_first(self) -> SkepFirstSpec<'a> {
        SkepFirstSpec(self.0)
    }
/// `skep_second`, by its members.
    pub fn skep_second(self) -> SkepSecondSpec<'a> {
        SkepSecondSpec(self.0)
    }
/// `skep_odd`, by its members.
    pub fn skep_odd(self) -> SkepOddSpec<'a> {
        SkepOddSpec(self.0)
    }
}

/// What is attached, until it is dropped.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug, Default)]
pub struct Links {
    /// `ssthresh`, if it attached by itself.
    pub ssthresh: ::core::option::Option<::skep::Link>,
    /// `cong_avoid_second`, if it attached by itself.
    pub cong_avoid_second: ::core::option::Option<::skep::Link>,
    /// `undo_cwnd`, if it attached by itself.
    pub undo_cwnd: ::core::option::Option<::skep::Link>,
    /// `bump`, if it attached by itself.
    pub bump: ::core::option::Option<::skep::Link>,
    /// `cong_avoid`, if it attached by itself.
    pub cong_avoid: ::core::option::Option<::skep::Link>,
    /// `skep_plain`, if it attached by itself.
    pub skep_plain: ::core::option::Option<::skep::Link>,
    /// `skep_first`, if it attached by itself.
    pub skep_first: ::core::option::Option<::skep::Link>,
    /// `skep_second`, if it attached by itself.
    pub skep_second: ::core::option::Option<::skep::Link>,
    /// `skep_odd`, if it attached by itself.
    pub skep_odd: ::core::option::Option<::skep::Link>,
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
                "ssthresh" => &mut links.ssthresh,
                "cong_avoid_second" => &mut links.cong_avoid_second,
                "undo_cwnd" => &mut links.undo_cwnd,
                "bump" => &mut links.bump,
                "cong_avoid" => &mut links.cong_avoid,
                "skep_plain" => &mut links.skep_plain,
                "skep_first" => &mut links.skep_first,
                "skep_second" => &mut links.skep_second,
                "skep_odd" => &mut links.skep_odd,
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
    pub type __u32 = u32;

    pub type __u64 = u64;
}
