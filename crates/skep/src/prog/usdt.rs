//! What an object's USDT programs are told of their arguments by: maps that `usdt.bpf.h` declares.

use crate::map::{ElemFlags, Map};
use crate::{Error, ErrorKind, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use skep_codec::usdt::SPEC_LEN;

/// The two maps of an object, and what of the first is taken.
#[derive(Debug)]
pub(crate) struct UsdtSpecs {
    /// `struct __bpf_usdt_spec` by number.
    specs: Map,
    /// Numbers by addresses of instructions, for kernels without cookies.
    places: Option<Map>,
    /// A bit for each number. Only this process's threads share it.
    taken: Box<[AtomicU32]>,
}

impl UsdtSpecs {
    pub(crate) const SPECS: &str = "__bpf_usdt_specs";
    pub(crate) const PLACES: &str = "__bpf_usdt_ip_to_spec_id";

    pub(crate) fn new(specs: Map, places: Option<Map>) -> Arc<Self> {
        let words = specs.shape().max_entries.div_ceil(u32::BITS);
        Arc::new(Self {
            specs,
            places,
            taken: (0..words).map(|_| AtomicU32::new(0)).collect(),
        })
    }

    /// Takes a number that is free and says what is there. It is given back by the number.
    ///
    /// # Errors
    /// [`ErrorKind::Full`] if none is free.
    #[inline]
    pub(crate) fn add(self: &Arc<Self>, spec: &[u8; SPEC_LEN]) -> Result<SpecId> {
        let id = SpecId {
            number: self.take()?,
            specs: self.clone(),
        };
        self.specs
            .update(&id.number.to_ne_bytes(), spec, ElemFlags::ANY)?;
        Ok(id)
    }

    #[inline]
    fn take(&self) -> Result<u32> {
        let most = self.specs.shape().max_entries;
        for number in 0..most {
            let Some((word, bit)) = self.bit(number) else {
                break;
            };
            if word.fetch_or(bit, Ordering::AcqRel) & bit == 0 {
                return Ok(number);
            }
        }
        let what = format!("all {most} entries of {} are taken", Self::SPECS);
        Err(Error::new(ErrorKind::Full, what))
    }

    #[inline]
    fn bit(&self, number: u32) -> Option<(&AtomicU32, u32)> {
        let word = self.taken.get(number.checked_div(u32::BITS)? as usize)?;
        Some((word, 1 << (number % u32::BITS)))
    }
}

/// A number that is taken.
#[derive(Debug)]
pub(crate) struct SpecId {
    pub(crate) number: u32,
    specs: Arc<UsdtSpecs>,
}

impl SpecId {
    /// Has the instruction at this address mean this number.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if the object has no map for it.
    #[inline]
    pub(crate) fn at(&self, address: u64) -> Result<SpecPlace> {
        let Some(places) = &self.specs.places else {
            let what = format!("the object has no map {}", UsdtSpecs::PLACES);
            return Err(Error::new(ErrorKind::Unsupported, what));
        };
        let key = address.to_ne_bytes();
        places.update(&key, &self.number.to_ne_bytes(), ElemFlags::ANY)?;
        let places = places.clone();
        Ok(SpecPlace { places, key })
    }
}

impl Drop for SpecId {
    #[inline]
    fn drop(&mut self) {
        if let Some((word, bit)) = self.specs.bit(self.number) {
            word.fetch_and(!bit, Ordering::AcqRel);
        }
    }
}

/// An address that means a number.
#[derive(Debug)]
pub(crate) struct SpecPlace {
    places: Map,
    key: [u8; 8],
}

impl Drop for SpecPlace {
    #[inline]
    fn drop(&mut self) {
        // Nobody to report to; what stays is overwritten when the place is probed again.
        let _ = self.places.delete(&self.key);
    }
}
