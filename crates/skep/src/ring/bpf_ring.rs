//! The consumer of a `BPF_MAP_TYPE_RINGBUF` map.

use super::consumer::{Consumer, Corrupt, Memory};
use super::record::{Record, Records};
use super::region::Consumed;
use super::wait::{Woken, wait_any};
use crate::error::Context;
use crate::map::Map;
use crate::{Error, ErrorKind, MapType, Result};
use core::time::Duration;
use skep_codec::uapi::flags;
use skep_sys::Fd;

/// The consumer of a ring buffer map.
///
/// A ring has one consumer: two of them on one map (in this process or another) would each move
/// the position that the kernel reads, and records would be lost or seen twice. That harms no
/// memory: records are copied out, and what cannot be a record is [`ErrorKind::Corrupt`].
///
/// Records come in the order in which they were reserved. Their space goes back to the programs
/// in batches: when an eighth of the ring has been read, when nothing more is there, and when the
/// consumer is dropped or told to ([`RingBuf::publish`]). A consumer that opens the map later goes
/// on where the last one that was told so stopped; [`Record::position`] tells apart what it had
/// read and not given back.
///
/// ```no_run
/// # fn main() -> skep::Result<()> {
/// # let object = skep::ObjectSpec::open("tracer.bpf.o")?.load(&skep::System::host()?)?;
/// let mut ring = object.ring("events")?;
/// while ring.wait(None)? == skep::ring::Woken::Ready {
///     while let Some(record) = ring.next()? {
///         let (time_ns, pid): (u64, u32) = (record.field(0)?, record.field(8)?);
///         println!("{time_ns} {pid}");
///     }
/// }
/// # Ok(()) }
/// ```
///
/// # Overwrite mode
/// Of a map with `BPF_F_RB_OVERWRITE` the oldest records give way to new ones. What went unread is
/// counted ([`RingBuf::overwritten_bytes`]), and a record may go while it is read: see
/// [`Record::is_overwritten`].
///
/// # Kernel
/// `BPF_MAP_TYPE_RINGBUF`, since Linux 5.8; overwrite mode, since Linux 6.19.
#[doc(alias = "ring_buffer")]
pub struct RingBuf {
    map: Map,
    consumer: Consumer<Consumed>,
}

impl RingBuf {
    /// Maps the ring behind a map. The size is what the kernel reports; the reading position is
    /// where an earlier consumer of the same map has stopped.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the map is no ring buffer; `ENOMEM`, `EPERM` from mmap(2). In
    /// overwrite mode [`ErrorKind::NotFound`] if the kernel does not show its types.
    #[doc(alias = "ring_buffer__new")]
    #[inline]
    pub fn open(map: &Map) -> Result<Self> {
        let size = size_of(map, MapType::RINGBUF)?;
        let page = map.system().page_size();
        let overwrite = map.shape().map_flags & flags::RB_OVERWRITE != 0;
        let oldest = if overwrite { oldest_at(map, page)? } else { 0 };
        let memory = Consumed::map(map.fd(), page, size, oldest)
            .context(format_args!("map ring buffer `{}`", map.name()))?;
        let position = memory.consumer_position();
        Ok(Self {
            consumer: Consumer::new(memory, position, overwrite)?,
            map: map.clone(),
        })
    }

    /// The map.
    #[inline]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The descriptor to wait on: readable when there is a record (epoll and poll). Level
    /// triggered it is readable too while a program is at work on the next record; edge triggered
    /// no record is missed if [`RingBuf::next`] is called until it answers `None`.
    #[doc(alias = "ring_buffer__epoll_fd")]
    #[inline]
    pub fn fd(&self) -> &Fd {
        self.map.fd()
    }

    /// Bytes of the ring.
    #[doc(alias("ring__size", "BPF_RB_RING_SIZE"))]
    #[inline]
    pub fn size_bytes(&self) -> u64 {
        self.consumer.memory.size()
    }

    /// Bytes that wait to be read, headers included.
    #[doc(alias("ring__avail_data_size", "BPF_RB_AVAIL_DATA"))]
    #[inline]
    pub fn available_bytes(&self) -> u64 {
        self.consumer.available()
    }

    /// Where the next record begins. Positions count bytes since the map was made.
    #[doc(alias("ring__consumer_pos", "BPF_RB_CONS_POS"))]
    #[inline]
    pub fn consumer_position(&self) -> u64 {
        self.consumer.position()
    }

    /// How far programs have reserved.
    #[doc(alias("ring__producer_pos", "BPF_RB_PROD_POS"))]
    #[inline]
    pub fn producer_position(&self) -> u64 {
        self.consumer.memory.producer_position()
    }

    /// Where the oldest record begins that is not overwritten: in overwrite mode only.
    #[doc(alias = "BPF_RB_OVERWRITE_POS")]
    #[inline]
    pub fn overwrite_position(&self) -> Option<u64> {
        let position = || self.consumer.memory.overwrite_position();
        self.consumer.is_overwrite().then(position)
    }

    /// Records that their program gave back unused, so far.
    #[doc(alias = "bpf_ringbuf_discard")]
    #[inline]
    pub fn discarded(&self) -> u64 {
        self.consumer.discarded()
    }

    /// Bytes of records (headers included) that were overwritten before they were read, so far.
    #[inline]
    pub fn overwritten_bytes(&self) -> u64 {
        self.consumer.overwritten()
    }

    /// The next record, if one is committed. It is lent: dropping it goes on to the next.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the shared memory holds what the kernel never writes there; the
    /// ring stays where it is.
    #[inline]
    #[doc(alias = "ring_buffer__consume")]
    #[allow(clippy::should_implement_trait)] // lends, which `Iterator` cannot
    pub fn next(&mut self) -> Result<Option<Record<'_>>> {
        let len = self.next_len()?;
        Ok(len.map(|len| self.lend(len)))
    }

    #[inline]
    pub(super) fn next_len(&mut self) -> Result<Option<u32>> {
        match self.consumer.next_known() {
            None => self.next_unknown(),
            known => Ok(known),
        }
    }

    #[inline(never)]
    fn next_unknown(&mut self) -> Result<Option<u32>> {
        Ok(self.consumer.next()?)
    }

    #[inline]
    pub(super) fn lend(&mut self, len: u32) -> Record<'_> {
        Record::new(&mut self.consumer, len)
    }

    /// Gives the space of all records that were read back to the programs now.
    #[inline]
    pub fn publish(&mut self) {
        self.consumer.publish();
    }

    /// Whether [`RingBuf::next`] has a record or an error.
    #[inline]
    pub fn is_ready(&mut self) -> bool {
        self.look().0
    }

    /// Whether a program is at work on the next record.
    #[inline]
    pub(crate) fn is_busy(&mut self) -> bool {
        self.look().1
    }

    /// Whether there is something to read, else whether a program is at work on it; a commit
    /// after this wakes who waits.
    #[inline]
    pub(super) fn look(&mut self) -> (bool, bool) {
        self.consumer.settle();
        self.consumer.look()
    }

    /// Waits until there is a record, the time is over (`None`: never) or a signal comes.
    ///
    /// # Errors
    /// Those of ppoll(2) and clock_gettime(2).
    #[doc(alias = "ring_buffer__poll")]
    #[inline]
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Woken> {
        wait_any(&mut [self], timeout)
    }

    /// The records as an iterator of lent ones: waits up to `timeout` when the ring is empty, and
    /// ends when nothing came in that time. Signals do not end it: where one must, use
    /// [`RingBuf::wait`].
    #[inline]
    pub fn records(&mut self, timeout: Option<Duration>) -> Records<'_> {
        Records::new(self, timeout)
    }
}

impl Drop for RingBuf {
    #[inline]
    fn drop(&mut self) {
        self.consumer.publish();
    }
}

impl core::fmt::Debug for RingBuf {
    #[inline]
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "RingBuf({:?} at {})", self.map, self.consumer.position())
    }
}

impl From<Corrupt> for Error {
    #[cold]
    fn from(corrupt: Corrupt) -> Self {
        let Corrupt { position, what } = corrupt;
        let what = format!("ring buffer at position {position}: {what}");
        Self::new(ErrorKind::Corrupt, what)
    }
}

/// Bytes from the producer's position to that of the oldest record. The two lie in one page, in
/// an order that the kernel does not promise; its types tell it.
#[inline]
fn oldest_at(map: &Map, page: usize) -> Result<usize> {
    let what = format_args!("ring buffer `{}` in overwrite mode", map.name());
    let btf = map.system().kernel_btf().cloned().context(what)?;
    let bits = |path| -> Result<u64> {
        let field = btf.field(path).context(what)?;
        Ok(field.bit_offsets.iter().sum())
    };
    let oldest = bits("bpf_ringbuf.overwrite_pos")?;
    let bytes = oldest.wrapping_sub(bits("bpf_ringbuf.producer_pos")?) / 8;
    match usize::try_from(bytes) {
        Ok(bytes) if bytes < page && bytes.is_multiple_of(8) => Ok(bytes),
        _ => Err(Error::new(ErrorKind::Unsupported, "a layout that is not known").context(what)),
    }
}

/// Bytes of the ring of this type behind a map.
#[inline]
pub(super) fn size_of(map: &Map, wanted: MapType) -> Result<u32> {
    let size = map.max_entries();
    if map.map_type() != wanted || !size.is_power_of_two() {
        let what = format!("map `{}` is no {}", map.name(), name_of(wanted));
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    Ok(size)
}

#[inline]
fn name_of(wanted: MapType) -> &'static str {
    match wanted {
        MapType::USER_RINGBUF => "user ring buffer",
        _ => "ring buffer",
    }
}
