// Typed access to the BPF object `globals`: what `skep obj rust` prints, not to be edited.

/// The object `globals`, to be edited and loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Debug)]
pub struct OpenGlobals {
    /// All that the object file says.
    pub spec: ::skep::ObjectSpec,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl OpenGlobals {
    /// The object file.
    #[cfg(target_endian = "little")]
    pub const OBJECT: &'static [u8] = include_bytes!("../../../../testdata/globals.bpf.el.o");
    /// The object file.
    #[cfg(target_endian = "big")]
    pub const OBJECT: &'static [u8] = include_bytes!("../../../../testdata/globals.bpf.eb.o");

    /// Parses the object file that this program has in it.
    pub fn open() -> ::skep::Result<Self> {
        Self::parse(Self::OBJECT)
    }

    /// Parses an object file that has the same names.
    ///
    /// # Errors
    /// No BPF object, or one that lacks something: it is named.
    pub fn parse(bytes: &[u8]) -> ::skep::Result<Self> {
        let spec = ::skep::ObjectSpec::parse(bytes, "globals")?;
        spec.require(&NAMES)?;
        ::core::result::Result::Ok(Self { spec })
    }

    /// Loads it: see [`skep::ObjectSpec::load`].
    pub fn load(&self, system: &::skep::System) -> ::skep::Result<Globals> {
        let object = self.spec.load(system)?;
        ::core::result::Result::Ok(Globals { object })
    }

    /// Loads it with options.
    pub fn load_with(
        &self,
        system: &::skep::System,
        options: &::skep::LoadOptions,
    ) -> ::skep::Result<Globals> {
        let object = self.spec.load_with(system, options)?;
        ::core::result::Result::Ok(Globals { object })
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

    /// Variables in `.data` before the load.
    pub fn data(&mut self) -> DataSpec<'_> {
        DataSpec(&mut self.spec)
    }

    /// Variables in `.bss` before the load.
    pub fn bss(&mut self) -> BssSpec<'_> {
        BssSpec(&mut self.spec)
    }

    /// Variables in `.rodata.extra` before the load.
    pub fn rodata_extra(&mut self) -> RodataExtraSpec<'_> {
        RodataExtraSpec(&mut self.spec)
    }

    /// Variables in `.data.extra` before the load.
    pub fn data_extra(&mut self) -> DataExtraSpec<'_> {
        DataExtraSpec(&mut self.spec)
    }
}

/// The object `globals`, loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct Globals {
    /// All that was loaded.
    pub object: ::skep::Object,
}

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl Globals {
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

    /// Variables in `.data`, as programs see them now.
    pub fn data(&self) -> Data<'_> {
        Data(&self.object)
    }

    /// Variables in `.bss`, as programs see them now.
    pub fn bss(&self) -> Bss<'_> {
        Bss(&self.object)
    }

    /// Variables in `.rodata.extra`, as programs see them now.
    pub fn rodata_extra(&self) -> RodataExtra<'_> {
        RodataExtra(&self.object)
    }

    /// Variables in `.data.extra`, as programs see them now.
    pub fn data_extra(&self) -> DataExtra<'_> {
        DataExtra(&self.object)
    }
}

/// What must be in the object: maps, programs, and variables with their sizes.
const NAMES: ::skep::object::Names<'static> = ::skep::object::Names {
    maps: &[
        "globals.rodata",
        "globals.data",
        "globals.bss",
        ".rodata.extra",
        ".data.extra",
    ],
    programs: &[
        "sum",
        "bump",
    ],
    variables: &[
        ("ro_u8", 1),
        ("ro_s8", 1),
        ("ro_u16", 2),
        ("ro_s16", 2),
        ("ro_u32", 4),
        ("ro_s32", 4),
        ("ro_u64", 8),
        ("ro_s64", 8),
        ("ro_bool", 1),
        ("ro_mode", 4),
        ("ro_text", 16),
        ("ro_config", 44),
        ("ro_typedef", 4),
        ("rw_u8", 1),
        ("rw_s16", 2),
        ("rw_u32", 4),
        ("rw_s64", 8),
        ("rw_point", 8),
        ("rw_text", 8),
        ("zero_u64", 8),
        ("zero_array", 16),
        ("seen", 144),
        ("zero_static", 4),
        ("extra_ro", 4),
        ("extra_rw", 4),
    ],
};

/// Maps as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct MapSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> MapSpecs<'a> {
    /// `.rodata`: array.
    pub fn rodata(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut(".rodata")?)
    }

    /// `.data`: array.
    pub fn data(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut(".data")?)
    }

    /// `.bss`: array.
    pub fn bss(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut(".bss")?)
    }

    /// `.rodata.extra`: array.
    pub fn rodata_extra(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut(".rodata.extra")?)
    }

    /// `.data.extra`: array.
    pub fn data_extra(self) -> ::skep::Result<&'a mut ::skep::codec::object::MapSpec> {
        ::core::result::Result::Ok(self.0.map_mut(".data.extra")?)
    }
}

/// The maps.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Maps<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Maps<'a> {
    /// `.rodata`: array.
    pub fn rodata(self) -> ::skep::Result<&'a ::skep::Map> {
        self.0.map("globals.rodata")
    }

    /// `.data`: array.
    pub fn data(self) -> ::skep::Result<&'a ::skep::Map> {
        self.0.map("globals.data")
    }

    /// `.bss`: array.
    pub fn bss(self) -> ::skep::Result<&'a ::skep::Map> {
        self.0.map("globals.bss")
    }

    /// `.rodata.extra`: array.
    pub fn rodata_extra(self) -> ::skep::Result<&'a ::skep::Map> {
        self.0.map(".rodata.extra")
    }

    /// `.data.extra`: array.
    pub fn data_extra(self) -> ::skep::Result<&'a ::skep::Map> {
        self.0.map(".data.extra")
    }
}

/// Programs as they are declared.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct ProgramSpecs<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> ProgramSpecs<'a> {
    /// `sum` in section `socket`.
    pub fn sum(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("sum")?)
    }

    /// `bump` in section `socket`.
    pub fn bump(self) -> ::skep::Result<&'a mut ::skep::codec::object::ProgramSpec> {
        ::core::result::Result::Ok(self.0.program_mut("bump")?)
    }
}

/// The programs that were loaded.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Programs<'a> {
    /// `sum` in section `socket`.
    pub fn sum(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("sum")
    }

    /// `bump` in section `socket`.
    pub fn bump(self) -> ::skep::Result<&'a ::skep::Program> {
        self.0.program("bump")
    }
}

/// Variables in `.rodata` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct RodataSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> RodataSpec<'a> {
    /// `ro_u8`, 1 bytes.
    pub fn ro_u8(&mut self) -> ::skep::Result<types::__u8> {
        self.0.variable("ro_u8")?.value()
    }

    /// Sets `ro_u8`.
    pub fn set_ro_u8(&mut self, value: types::__u8) -> ::skep::Result<()> {
        self.0.variable("ro_u8")?.set(value)
    }

    /// `ro_s8`, 1 bytes.
    pub fn ro_s8(&mut self) -> ::skep::Result<types::__s8> {
        self.0.variable("ro_s8")?.value()
    }

    /// Sets `ro_s8`.
    pub fn set_ro_s8(&mut self, value: types::__s8) -> ::skep::Result<()> {
        self.0.variable("ro_s8")?.set(value)
    }

    /// `ro_u16`, 2 bytes.
    pub fn ro_u16(&mut self) -> ::skep::Result<types::__u16> {
        self.0.variable("ro_u16")?.value()
    }

    /// Sets `ro_u16`.
    pub fn set_ro_u16(&mut self, value: types::__u16) -> ::skep::Result<()> {
        self.0.variable("ro_u16")?.set(value)
    }

    /// `ro_s16`, 2 bytes.
    pub fn ro_s16(&mut self) -> ::skep::Result<types::__s16> {
        self.0.variable("ro_s16")?.value()
    }

    /// Sets `ro_s16`.
    pub fn set_ro_s16(&mut self, value: types::__s16) -> ::skep::Result<()> {
        self.0.variable("ro_s16")?.set(value)
    }

    /// `ro_u32`, 4 bytes.
    pub fn ro_u32(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("ro_u32")?.value()
    }

    /// Sets `ro_u32`.
    pub fn set_ro_u32(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("ro_u32")?.set(value)
    }

    /// `ro_s32`, 4 bytes.
    pub fn ro_s32(&mut self) -> ::skep::Result<types::__s32> {
        self.0.variable("ro_s32")?.value()
    }

    /// Sets `ro_s32`.
    pub fn set_ro_s32(&mut self, value: types::__s32) -> ::skep::Result<()> {
        self.0.variable("ro_s32")?.set(value)
    }

    /// `ro_u64`, 8 bytes.
    pub fn ro_u64(&mut self) -> ::skep::Result<types::__u64> {
        self.0.variable("ro_u64")?.value()
    }

    /// Sets `ro_u64`.
    pub fn set_ro_u64(&mut self, value: types::__u64) -> ::skep::Result<()> {
        self.0.variable("ro_u64")?.set(value)
    }

    /// `ro_s64`, 8 bytes.
    pub fn ro_s64(&mut self) -> ::skep::Result<types::__s64> {
        self.0.variable("ro_s64")?.value()
    }

    /// Sets `ro_s64`.
    pub fn set_ro_s64(&mut self, value: types::__s64) -> ::skep::Result<()> {
        self.0.variable("ro_s64")?.set(value)
    }

    /// `ro_bool`, 1 bytes.
    pub fn ro_bool(&mut self) -> ::skep::Result<u8> {
        self.0.variable("ro_bool")?.value()
    }

    /// Sets `ro_bool`.
    pub fn set_ro_bool(&mut self, value: u8) -> ::skep::Result<()> {
        self.0.variable("ro_bool")?.set(value)
    }

    /// `ro_mode`, 4 bytes.
    pub fn ro_mode(&mut self) -> ::skep::Result<types::mode> {
        self.0.variable("ro_mode")?.value()
    }

    /// Sets `ro_mode`.
    pub fn set_ro_mode(&mut self, value: types::mode) -> ::skep::Result<()> {
        self.0.variable("ro_mode")?.set(value)
    }

    /// `ro_text`, 16 bytes.
    pub fn ro_text(&mut self) -> ::skep::Result<[u8; 16]> {
        self.0.variable("ro_text")?.value()
    }

    /// Sets `ro_text`.
    pub fn set_ro_text(&mut self, value: [u8; 16]) -> ::skep::Result<()> {
        self.0.variable("ro_text")?.set(value)
    }

    /// `ro_config`, 44 bytes.
    pub fn ro_config(&mut self) -> ::skep::Result<types::config> {
        self.0.variable("ro_config")?.value()
    }

    /// Sets `ro_config`.
    pub fn set_ro_config(&mut self, value: types::config) -> ::skep::Result<()> {
        self.0.variable("ro_config")?.set(value)
    }

    /// `ro_typedef`, 4 bytes.
    pub fn ro_typedef(&mut self) -> ::skep::Result<types::pid_number> {
        self.0.variable("ro_typedef")?.value()
    }

    /// Sets `ro_typedef`.
    pub fn set_ro_typedef(&mut self, value: types::pid_number) -> ::skep::Result<()> {
        self.0.variable("ro_typedef")?.set(value)
    }
}

/// Variables in `.rodata`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Rodata<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Rodata<'a> {
    /// `ro_u8`, 1 bytes.
    pub fn ro_u8(self) -> ::skep::Result<types::__u8> {
        self.0.global("ro_u8")?.read()
    }

    /// `ro_s8`, 1 bytes.
    pub fn ro_s8(self) -> ::skep::Result<types::__s8> {
        self.0.global("ro_s8")?.read()
    }

    /// `ro_u16`, 2 bytes.
    pub fn ro_u16(self) -> ::skep::Result<types::__u16> {
        self.0.global("ro_u16")?.read()
    }

    /// `ro_s16`, 2 bytes.
    pub fn ro_s16(self) -> ::skep::Result<types::__s16> {
        self.0.global("ro_s16")?.read()
    }

    /// `ro_u32`, 4 bytes.
    pub fn ro_u32(self) -> ::skep::Result<types::__u32> {
        self.0.global("ro_u32")?.read()
    }

    /// `ro_s32`, 4 bytes.
    pub fn ro_s32(self) -> ::skep::Result<types::__s32> {
        self.0.global("ro_s32")?.read()
    }

    /// `ro_u64`, 8 bytes.
    pub fn ro_u64(self) -> ::skep::Result<types::__u64> {
        self.0.global("ro_u64")?.read()
    }

    /// `ro_s64`, 8 bytes.
    pub fn ro_s64(self) -> ::skep::Result<types::__s64> {
        self.0.global("ro_s64")?.read()
    }

    /// `ro_bool`, 1 bytes.
    pub fn ro_bool(self) -> ::skep::Result<u8> {
        self.0.global("ro_bool")?.read()
    }

    /// `ro_mode`, 4 bytes.
    pub fn ro_mode(self) -> ::skep::Result<types::mode> {
        self.0.global("ro_mode")?.read()
    }

    /// `ro_text`, 16 bytes.
    pub fn ro_text(self) -> ::skep::Result<[u8; 16]> {
        self.0.global("ro_text")?.read()
    }

    /// `ro_config`, 44 bytes.
    pub fn ro_config(self) -> ::skep::Result<types::config> {
        self.0.global("ro_config")?.read()
    }

    /// `ro_typedef`, 4 bytes.
    pub fn ro_typedef(self) -> ::skep::Result<types::pid_number> {
        self.0.global("ro_typedef")?.read()
    }
}

/// Variables in `.data` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct DataSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> DataSpec<'a> {
    /// `rw_u8`, 1 bytes.
    pub fn rw_u8(&mut self) -> ::skep::Result<types::__u8> {
        self.0.variable("rw_u8")?.value()
    }

    /// Sets `rw_u8`.
    pub fn set_rw_u8(&mut self, value: types::__u8) -> ::skep::Result<()> {
        self.0.variable("rw_u8")?.set(value)
    }

    /// `rw_s16`, 2 bytes.
    pub fn rw_s16(&mut self) -> ::skep::Result<types::__s16> {
        self.0.variable("rw_s16")?.value()
    }

    /// Sets `rw_s16`.
    pub fn set_rw_s16(&mut self, value: types::__s16) -> ::skep::Result<()> {
        self.0.variable("rw_s16")?.set(value)
    }

    /// `rw_u32`, 4 bytes.
    pub fn rw_u32(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("rw_u32")?.value()
    }

    /// Sets `rw_u32`.
    pub fn set_rw_u32(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("rw_u32")?.set(value)
    }

    /// `rw_s64`, 8 bytes.
    pub fn rw_s64(&mut self) -> ::skep::Result<types::__s64> {
        self.0.variable("rw_s64")?.value()
    }

    /// Sets `rw_s64`.
    pub fn set_rw_s64(&mut self, value: types::__s64) -> ::skep::Result<()> {
        self.0.variable("rw_s64")?.set(value)
    }

    /// `rw_point`, 8 bytes.
    pub fn rw_point(&mut self) -> ::skep::Result<types::point> {
        self.0.variable("rw_point")?.value()
    }

    /// Sets `rw_point`.
    pub fn set_rw_point(&mut self, value: types::point) -> ::skep::Result<()> {
        self.0.variable("rw_point")?.set(value)
    }

    /// `rw_text`, 8 bytes.
    pub fn rw_text(&mut self) -> ::skep::Result<[u8; 8]> {
        self.0.variable("rw_text")?.value()
    }

    /// Sets `rw_text`.
    pub fn set_rw_text(&mut self, value: [u8; 8]) -> ::skep::Result<()> {
        self.0.variable("rw_text")?.set(value)
    }
}

/// Variables in `.data`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Data<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Data<'a> {
    /// `rw_u8`, 1 bytes.
    pub fn rw_u8(self) -> ::skep::Result<types::__u8> {
        self.0.global("rw_u8")?.read()
    }

    /// Sets `rw_u8` for all programs.
    pub fn set_rw_u8(self, value: types::__u8) -> ::skep::Result<()> {
        self.0.global("rw_u8")?.set(value)
    }

    /// `rw_u8` in memory, without system calls.
    pub fn rw_u8_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u8>> {
        self.0.global("rw_u8")?.cell()
    }

    /// `rw_s16`, 2 bytes.
    pub fn rw_s16(self) -> ::skep::Result<types::__s16> {
        self.0.global("rw_s16")?.read()
    }

    /// Sets `rw_s16` for all programs.
    pub fn set_rw_s16(self, value: types::__s16) -> ::skep::Result<()> {
        self.0.global("rw_s16")?.set(value)
    }

    /// `rw_s16` in memory, without system calls.
    pub fn rw_s16_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__s16>> {
        self.0.global("rw_s16")?.cell()
    }

    /// `rw_u32`, 4 bytes.
    pub fn rw_u32(self) -> ::skep::Result<types::__u32> {
        self.0.global("rw_u32")?.read()
    }

    /// Sets `rw_u32` for all programs.
    pub fn set_rw_u32(self, value: types::__u32) -> ::skep::Result<()> {
        self.0.global("rw_u32")?.set(value)
    }

    /// `rw_u32` in memory, without system calls.
    pub fn rw_u32_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u32>> {
        self.0.global("rw_u32")?.cell()
    }

    /// `rw_s64`, 8 bytes.
    pub fn rw_s64(self) -> ::skep::Result<types::__s64> {
        self.0.global("rw_s64")?.read()
    }

    /// Sets `rw_s64` for all programs.
    pub fn set_rw_s64(self, value: types::__s64) -> ::skep::Result<()> {
        self.0.global("rw_s64")?.set(value)
    }

    /// `rw_s64` in memory, without system calls.
    pub fn rw_s64_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__s64>> {
        self.0.global("rw_s64")?.cell()
    }

    /// `rw_point`, 8 bytes.
    pub fn rw_point(self) -> ::skep::Result<types::point> {
        self.0.global("rw_point")?.read()
    }

    /// Sets `rw_point` for all programs.
    pub fn set_rw_point(self, value: types::point) -> ::skep::Result<()> {
        self.0.global("rw_point")?.set(value)
    }

    /// `rw_point` in memory, without system calls.
    pub fn rw_point_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::point>> {
        self.0.global("rw_point")?.cell()
    }

    /// `rw_text`, 8 bytes.
    pub fn rw_text(self) -> ::skep::Result<[u8; 8]> {
        self.0.global("rw_text")?.read()
    }

    /// Sets `rw_text` for all programs.
    pub fn set_rw_text(self, value: [u8; 8]) -> ::skep::Result<()> {
        self.0.global("rw_text")?.set(value)
    }

    /// `rw_text` in memory, without system calls.
    pub fn rw_text_cell(self) -> ::skep::Result<::skep::map::Cell<'a, [u8; 8]>> {
        self.0.global("rw_text")?.cell()
    }
}

/// Variables in `.bss` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct BssSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> BssSpec<'a> {
    /// `zero_u64`, 8 bytes.
    pub fn zero_u64(&mut self) -> ::skep::Result<types::__u64> {
        self.0.variable("zero_u64")?.value()
    }

    /// Sets `zero_u64`.
    pub fn set_zero_u64(&mut self, value: types::__u64) -> ::skep::Result<()> {
        self.0.variable("zero_u64")?.set(value)
    }

    /// `zero_array`, 16 bytes.
    pub fn zero_array(&mut self) -> ::skep::Result<[types::__u32; 4]> {
        self.0.variable("zero_array")?.value()
    }

    /// Sets `zero_array`.
    pub fn set_zero_array(&mut self, value: [types::__u32; 4]) -> ::skep::Result<()> {
        self.0.variable("zero_array")?.set(value)
    }

    /// `seen`, 144 bytes.
    pub fn seen(&mut self) -> ::skep::Result<types::seen> {
        self.0.variable("seen")?.value()
    }

    /// Sets `seen`.
    pub fn set_seen(&mut self, value: types::seen) -> ::skep::Result<()> {
        self.0.variable("seen")?.set(value)
    }

    /// `zero_static`, 4 bytes.
    pub fn zero_static(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("zero_static")?.value()
    }

    /// Sets `zero_static`.
    pub fn set_zero_static(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("zero_static")?.set(value)
    }
}

/// Variables in `.bss`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct Bss<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> Bss<'a> {
    /// `zero_u64`, 8 bytes.
    pub fn zero_u64(self) -> ::skep::Result<types::__u64> {
        self.0.global("zero_u64")?.read()
    }

    /// Sets `zero_u64` for all programs.
    pub fn set_zero_u64(self, value: types::__u64) -> ::skep::Result<()> {
        self.0.global("zero_u64")?.set(value)
    }

    /// `zero_u64` in memory, without system calls.
    pub fn zero_u64_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u64>> {
        self.0.global("zero_u64")?.cell()
    }

    /// `zero_array`, 16 bytes.
    pub fn zero_array(self) -> ::skep::Result<[types::__u32; 4]> {
        self.0.global("zero_array")?.read()
    }

    /// Sets `zero_array` for all programs.
    pub fn set_zero_array(self, value: [types::__u32; 4]) -> ::skep::Result<()> {
        self.0.global("zero_array")?.set(value)
    }

    /// `zero_array` in memory, without system calls.
    pub fn zero_array_cell(self) -> ::skep::Result<::skep::map::Cell<'a, [types::__u32; 4]>> {
        self.0.global("zero_array")?.cell()
    }

    /// `seen`, 144 bytes.
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

    /// `zero_static`, 4 bytes.
    pub fn zero_static(self) -> ::skep::Result<types::__u32> {
        self.0.global("zero_static")?.read()
    }

    /// Sets `zero_static` for all programs.
    pub fn set_zero_static(self, value: types::__u32) -> ::skep::Result<()> {
        self.0.global("zero_static")?.set(value)
    }

    /// `zero_static` in memory, without system calls.
    pub fn zero_static_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u32>> {
        self.0.global("zero_static")?.cell()
    }
}

/// Variables in `.rodata.extra` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct RodataExtraSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> RodataExtraSpec<'a> {
    /// `extra_ro`, 4 bytes.
    pub fn extra_ro(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("extra_ro")?.value()
    }

    /// Sets `extra_ro`.
    pub fn set_extra_ro(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("extra_ro")?.set(value)
    }
}

/// Variables in `.rodata.extra`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct RodataExtra<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> RodataExtra<'a> {
    /// `extra_ro`, 4 bytes.
    pub fn extra_ro(self) -> ::skep::Result<types::__u32> {
        self.0.global("extra_ro")?.read()
    }
}

/// Variables in `.data.extra` before the load.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug)]
pub struct DataExtraSpec<'a>(&'a mut ::skep::ObjectSpec);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> DataExtraSpec<'a> {
    /// `extra_rw`, 4 bytes.
    pub fn extra_rw(&mut self) -> ::skep::Result<types::__u32> {
        self.0.variable("extra_rw")?.value()
    }

    /// Sets `extra_rw`.
    pub fn set_extra_rw(&mut self, value: types::__u32) -> ::skep::Result<()> {
        self.0.variable("extra_rw")?.set(value)
    }
}

/// Variables in `.data.extra`, as programs see them now.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Clone, Copy, Debug)]
pub struct DataExtra<'a>(&'a ::skep::Object);

#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
impl<'a> DataExtra<'a> {
    /// `extra_rw`, 4 bytes.
    pub fn extra_rw(self) -> ::skep::Result<types::__u32> {
        self.0.global("extra_rw")?.read()
    }

    /// Sets `extra_rw` for all programs.
    pub fn set_extra_rw(self, value: types::__u32) -> ::skep::Result<()> {
        self.0.global("extra_rw")?.set(value)
    }

    /// `extra_rw` in memory, without system calls.
    pub fn extra_rw_cell(self) -> ::skep::Result<::skep::map::Cell<'a, types::__u32>> {
        self.0.global("extra_rw")?.cell()
    }
}

/// What is attached, until it is dropped.
#[allow(unused, unreachable_pub, nonstandard_style, clippy::all)]
#[derive(Debug, Default)]
pub struct Links {
    /// `sum`, if it attached by itself.
    pub sum: ::core::option::Option<::skep::Link>,
    /// `bump`, if it attached by itself.
    pub bump: ::core::option::Option<::skep::Link>,
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
                "sum" => &mut links.sum,
                "bump" => &mut links.bump,
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
    pub type __u8 = u8;

    pub type __s8 = i8;

    pub type __u16 = u16;

    pub type __s16 = i16;

    pub type __u32 = u32;

    pub type __s32 = i32;

    pub type __u64 = u64;

    pub type __s64 = i64;

    ::skep::plain! {
        #[derive(Debug, PartialEq, Eq)]
        pub struct mode(pub i32);
    }
    impl ::core::default::Default for mode {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    impl mode {
        pub const MODE_OFF: Self = Self(0);
        pub const MODE_ON: Self = Self(1);
        pub const MODE_AUTO: Self = Self(7);
        pub const MODE_NEGATIVE: Self = Self(-1);
    }
    const _: () = assert!(::core::mem::size_of::<mode>() == 4);

    ::skep::plain! {
        #[derive(Debug, PartialEq)]
        pub struct config {
            pub level: __u8,
            pub __padding_1: [u8; 3],
            pub mode: mode,
            pub points: [point; 3],
            pub name: [u8; 12],
        }
    }
    impl ::core::default::Default for config {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    const _: () = {
        assert!(::core::mem::size_of::<config>() == 44);
        assert!(::core::mem::offset_of!(config, level) == 0);
        assert!(::core::mem::offset_of!(config, mode) == 4);
        assert!(::core::mem::offset_of!(config, points) == 8);
        assert!(::core::mem::offset_of!(config, name) == 32);
    };

    ::skep::plain! {
        #[derive(Debug, PartialEq)]
        pub struct point {
            pub x: __s32,
            pub y: __s32,
        }
    }
    impl ::core::default::Default for point {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    const _: () = {
        assert!(::core::mem::size_of::<point>() == 8);
        assert!(::core::mem::offset_of!(point, x) == 0);
        assert!(::core::mem::offset_of!(point, y) == 4);
    };

    pub type pid_number = __u32;

    ::skep::plain! {
        #[derive(Debug, PartialEq)]
        pub struct seen {
            pub numbers: [__s64; 9],
            pub mode: mode,
            pub flag: u8,
            pub text: [u8; 16],
            pub __padding_1: [u8; 3],
            pub config: config,
            pub __padding_2: [u8; 4],
        }
    }
    impl ::core::default::Default for seen {
        fn default() -> Self {
            ::skep::Plain::zeroed()
        }
    }
    const _: () = {
        assert!(::core::mem::size_of::<seen>() == 144);
        assert!(::core::mem::offset_of!(seen, numbers) == 0);
        assert!(::core::mem::offset_of!(seen, mode) == 72);
        assert!(::core::mem::offset_of!(seen, flag) == 76);
        assert!(::core::mem::offset_of!(seen, text) == 77);
        assert!(::core::mem::offset_of!(seen, config) == 96);
    };
}
