//! A ring buffer whose records are all of one type.

use super::{RingBuf, Woken};
use crate::map::Map;
use crate::plain::Plain;
use crate::{Error, Result};
use core::marker::PhantomData;
use core::time::Duration;

/// The consumer of a ring buffer whose records are all `T`. What else a [`RingBuf`] can do is done
/// with [`Ring::ring`].
///
/// ```no_run
/// # fn main() -> skep::Result<()> {
/// # let object = skep::ObjectSpec::open("tracer.bpf.o")?.load(&skep::System::host()?)?;
/// use skep::ring::Ring;
/// let mut pids: Ring<u32> = Ring::try_from(object.map("pids")?)?;
/// while let Some(pid) = pids.next()? {
///     println!("{pid}");
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Ring<T>(RingBuf, PhantomData<T>);

impl<T: Plain> TryFrom<&Map> for Ring<T> {
    type Error = Error;

    /// See [`RingBuf::open`].
    #[inline]
    fn try_from(map: &Map) -> Result<Self> {
        Ok(Self(RingBuf::open(map)?, PhantomData))
    }
}

impl<T> Ring<T> {
    /// The ring, with records as bytes.
    #[inline]
    pub fn ring(&mut self) -> &mut RingBuf {
        &mut self.0
    }

    /// The ring itself: for [`Events::add`](crate::Events::add).
    #[inline]
    pub fn into_ring(self) -> RingBuf {
        self.0
    }

    /// Waits: see [`RingBuf::wait`].
    #[inline]
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Woken> {
        self.0.wait(timeout)
    }
}

impl<T: Plain> Ring<T> {
    /// The next record, if one is committed.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): it has another size, and is passed over;
    /// those of [`RingBuf::next`].
    #[allow(clippy::should_implement_trait)] // may go on after `None`
    #[inline]
    pub fn next(&mut self) -> Result<Option<T>> {
        let record = self.0.next()?;
        record.map(|record| record.read()).transpose()
    }

    /// The records: waits up to `timeout` when the ring is empty, and ends when nothing came in
    /// that time; as [`RingBuf::records`].
    #[inline]
    pub fn records(&mut self, timeout: Option<Duration>) -> impl Iterator<Item = Result<T>> + '_ {
        let mut records = self.0.records(timeout);
        core::iter::from_fn(move || match records.next() {
            Ok(record) => record.map(|record| record.read()),
            Err(error) => Some(Err(error)),
        })
    }
}
