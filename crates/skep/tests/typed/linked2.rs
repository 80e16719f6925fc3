// Typed access to what comes of the BPF object `linked2` in another one: what
// `skep obj rust --partial` prints, not to be edited.

/// What comes of `linked2` in an object that is not loaded yet.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct OpenLinked2<'a> {
    /// The object.
    pub spec: &'a mut ::skep::ObjectSpec,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> OpenLinked2<'a> {
    /// Looks up all that must be there.
    ///
    /// # Errors
    /// What is missing is named.
    pub fn bind(spec: &'a mut ::skep::ObjectSpec) -> ::skep::Result<Self> {
        spec.require(&NAMES)?;
        ::core::result::Result::Ok(Self { spec })
    }

    /// Maps as they are declared.
    pub fn maps(&mut self) -> MapSpecs<'_> {
        MapSpecs(self.spec)
    }

    /// Programs as they are declared.
    pub fn programs(&mut self) -> ProgramSpecs<'_> {
        ProgramSpecs(self.spec)
    }

    /// Variables in `.data` before the load.
    pub fn data(&mut self) -> DataSpec<'_> {
        DataSpec(self.spec)
    }

    /// Variables in `.data.apart` before the load.
    pub fn data_apart(&mut self) -> DataApartSpec<'_> {
        DataApartSpec(self.spec)
    }

    /// Variables in `.rodata` before the load.
    pub fn rodata(&mut self) -> RodataSpec<'_> {
        RodataSpec(self.spec)
    }
}

/// What comes of `linked2` in a loaded object.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Linked2<'a> {
    /// The object.
    pub object: &'a ::skep::Object,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Linked2<'a> {
    /// Looks up all that must be there.
    ///
    /// # Errors
    /// What is missing is named.
    pub fn bind(object: &'a ::skep::Object) -> ::skep::Result<Self> {
        object.require(&NAMES)?;
        ::core::result::Result::Ok(Self { object })
    }

    /// The maps.
    pub fn maps(self) -> Maps<'a> {
        Maps(self.object)
    }

    /// The programs that were loaded.
    pub fn programs(self) -> Programs<'a> {
        Programs(self.object)
    }

    /// Variables in `.data`, as programs see them now.
    pub fn data(self) -> Data<'a> {
        Data(self.object)
    }

    /// Variables in `.data.apart`, as programs see them now.
    pub fn data_apart(self) -> DataApart<'a> {
        DataApart(self.object)
    }

    /// Variables in `.rodata`, as programs see them now.
    pub fn rodata(self) -> Rodata<'a> {
        Rodata(self.object)
    }

    /// Variables in `.kconfig`, as programs see them now.
    pub fn kconfig(self) -> Kconfig<'a> {
        Kconfig(self.object)
    }
}

/// What must be in the object: maps, programs, and variables with their sizes.
const NAMES: ::skep::object::Names<'static> = ::skep::object::Names {
    maps: &[
        "own",
        "shared",
    ],
    programs: &[
        "two",
    ],
    variables: &[
        ("bonus", 4),
        ("apart", 4),
        ("factor", 4),
    ],
};

/// Maps as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct MapSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> MapSpecs<'a> {
    /// `own`: hash.
    pub fn own(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("own")?)
    }

    /// `shared`: array.
    pub fn shared(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut("shared")?)
    }
}

/// The maps.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Maps<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Maps<'a> {
    /// `own`: hash.
    pub fn own(self) -> ::skep::Result<::skep::map::HashMap<types::__u32, types::__u32>> {
        ::core::convert::TryFrom::try_from(self.0.map("own")?)
    }

    /// `shared`: array.
    pub fn shared(self) -> ::skep::Result<::skep::map::Array<types::__u64>> {
        ::core::convert::TryFrom::try_from(self.0.map("shared")?)
    }
}

/// Programs as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct ProgramSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> ProgramSpecs<'a> {
    /// `two` in section `socket`.
    pub fn two(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("two")?)
    }
}

/// The programs that were loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Programs<'a> {
    /// `two` in section `socket`.
    pub fn two(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("two")
    }
}

/// Variables in `.data` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct DataSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> DataSpec<'a> {
    /// `bonus`, 4 bytes.
    pub fn bonus(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("bonus")?.value()
    }

    /// Sets `bonus`.
    pub fn set_bonus(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("bonus")?.set(value)
    }
}

/// Variables in `.data`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Data<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Data<'a> {
    /// `bonus`, 4 bytes.
    pub fn bonus(self) -> ::skep::Result<types::__u32> {
        self.0.global("bonus")?.read()
    }

    /// Sets `bonus` for all programs.
    pub fn set_bonus(self, value: types::__u32) -> ::skep::Result<()> {
        self.0.global("bonus")?.set(value)
    }

    /// `bonus` in memory, without system calls.
    pub fn bonus_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u32>> {
        self.0.global("bonus")?.cell()
    }
}

/// Variables in `.data.apart` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct DataApartSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> DataApartSpec<'a> {
    /// `apart`, 4 bytes.
    pub fn apart(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("apart")?.value()
    }

    /// Sets `apart`.
    pub fn set_apart(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("apart")?.set(value)
    }
}

/// Variables in `.data.apart`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct DataApart<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> DataApart<'a> {
    /// `apart`, 4 bytes.
    pub fn apart(self) -> ::skep::Result<types::__u32> {
        self.0.global("apart")?.read()
    }

    /// Sets `apart` for all programs.
    pub fn set_apart(self, value: types::__u32) -> ::skep::Result<()> {
        self.0.global("apart")?.set(value)
    }

    /// `apart` in memory, without system calls.
    pub fn apart_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u32>> {
        self.0.global("apart")?.cell()
    }
}

/// Variables in `.rodata` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct RodataSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> RodataSpec<'a> {
    /// `factor`, 4 bytes.
    pub fn factor(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("factor")?.value()
    }

    /// Sets `factor`.
    pub fn set_factor(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("factor")?.set(value)
    }
}

/// Variables in `.rodata`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Rodata<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Rodata<'a> {
    /// `factor`, 4 bytes.
    pub fn factor(self) -> ::skep::Result<types::__u32> {
        self.0.global("factor")?.read()
    }
}

/// Variables in `.kconfig`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Kconfig<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Kconfig<'a> {
    /// `LINUX_KERNEL_VERSION`, 4 bytes.
    pub fn LINUX_KERNEL_VERSION(self) -> ::skep::Result<i32> {
        self.0.global("LINUX_KERNEL_VERSION")?.read()
    }
}

/// Types as the object has them. Their layouts are checked when this is compiled.
#[allow(missing_docs)]
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
pub mod types {
    pub type __u32 = u32;

    pub type __u64 = u64;
}
