//! Maps shared by pins: found and checked, or made and pinned; what was pinned is undone if the
//! load fails.

use super::Loader;
use crate::error::Context;
use crate::map::{self, Map, Shape};
use crate::object::PinReuse;
use crate::system::c_string;
use crate::{Error, ErrorKind, MapType, Result, pin};
use alloc::ffi::CString;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;
use skep_codec::Errno;
use skep_codec::object::{MapSpec, Pinning};
use skep_sys::{Fd, KernelRef, bpf, file};

/// Pins of this load. Dropping them takes them away again, unless they were kept.
#[derive(Default)]
pub(super) struct Pins(Vec<Made>);

struct Made {
    kernel: KernelRef,
    path: CString,
    /// What was pinned there before.
    before: Option<Fd>,
}

impl Pins {
    /// The load is done: they stay.
    pub(super) fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        // The load has failed already, and its error is the one to tell.
        for made in self.0.drain(..).rev() {
            let _ = file::remove_file(&made.kernel, &made.path);
            if let Some(before) = made.before {
                let _ = bpf::obj_pin(&before, None, &made.path);
            }
        }
    }
}

impl Loader<'_> {
    /// Where this map is pinned, if it is to be.
    ///
    /// # Errors
    /// The map's name leads out of the directory: an object shall not choose that.
    pub(super) fn pin_path(&self, spec: &MapSpec) -> Result<Option<String>> {
        match &spec.pinning {
            Pinning::ByName if spec.name.contains('/') || spec.name.starts_with('.') => {
                let what = format!("`{}` is no name to pin a map by", spec.name);
                Err(Error::new(ErrorKind::Invalid, what))
            }
            Pinning::ByName => {
                let path = format!("{}/{}", self.options.pin_root, spec.name);
                Ok(Some(path))
            }
            Pinning::Path(path) => Ok(Some(path.clone())),
            _ => Ok(None),
        }
    }

    /// The map that is pinned at this path, or a new one that is from now on; whether it is new.
    pub(super) fn pinned_map(
        &mut self,
        spec: &MapSpec,
        path: &str,
        create: impl Fn(&mut Self) -> Result<Map>,
    ) -> Result<(Map, bool)> {
        let what = format_args!("map `{}`, pinned at {path}", spec.name);
        let c_path = c_string(path)?;
        let there = pin::open(self.system.kernel(), &c_path).context(what)?;
        if let Some(map) = self.reused(spec, there.as_ref()).context(what)? {
            return Ok((map, false));
        }
        let map = create(self)?;
        match self.pin(&map, &c_path, there) {
            // Somebody else was faster: theirs is as good as one that was there before.
            Err(error) if error.errno() == Some(Errno::EEXIST) => {
                let theirs = pin::open(self.system.kernel(), &c_path).context(what)?;
                let reused = self.reused(spec, theirs.as_ref()).context(what)?;
                reused.map(|map| (map, false)).ok_or(error).context(what)
            }
            pinned => pinned.map(|()| (map, true)).context(what),
        }
    }

    /// The pinned map, if there is one and it may be used.
    fn reused(&mut self, spec: &MapSpec, there: Option<&Fd>) -> Result<Option<Map>> {
        let Some(there) = there else {
            return match self.options.pin_reuse {
                PinReuse::MustExist => Err(Error::new(ErrorKind::NotFound, "nothing is there")),
                _ => Ok(None),
            };
        };
        match self.options.pin_reuse {
            PinReuse::Replace => Ok(None),
            PinReuse::Never => {
                let what = "there is a map already, and none is to be reused";
                Err(Error::new(ErrorKind::Invalid, what))
            }
            PinReuse::IfCompatible | PinReuse::MustExist => {
                let map = map::adopt(
                    self.system,
                    spec,
                    there.try_clone()?,
                    self.spec.btf.as_ref(),
                )?;
                let want = Shape::of(self.system, spec)?;
                fits(&want.differences(&Shape::reported(map.shape())))?;
                Ok(Some(map))
            }
        }
    }

    fn pin(&mut self, map: &Map, path: &CStr, there: Option<Fd>) -> Result<()> {
        let kernel = self.system.kernel();
        if there.is_some() {
            file::remove_file(kernel, path)?;
        }
        // From here on, what was there is put back should anything fail.
        self.pins.0.push(Made {
            kernel: kernel.clone(),
            path: path.into(),
            before: there,
        });
        pin::pin(map.fd(), path).map_err(|error| {
            // Ours is not there: nothing to take away but what may be another's.
            if self.pins.0.last().is_some_and(|made| made.before.is_none()) {
                self.pins.0.pop();
            }
            pin::not_pinned(kernel, path, error)
        })
    }

    /// A live map that the caller gives in place of the object's.
    pub(super) fn replacement(&self, spec: &MapSpec, live: &Map) -> Result<Map> {
        let what = format_args!("map `{}`, replaced by map {}", spec.name, live.id());
        let want = Shape::of(self.system, spec)?;
        fits(&want.type_differences(&Shape::reported(live.shape()))).context(what)?;
        // An arena is mapped once in a process.
        if live.map_type() == MapType::ARENA {
            return Ok(live.clone());
        }
        let fd = live.fd().try_clone()?;
        map::adopt(self.system, spec, fd, self.spec.btf.as_ref()).context(what)
    }
}

fn fits(differences: &str) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let what = format!("that map is another: {differences}");
    Err(Error::new(ErrorKind::Invalid, what))
}
