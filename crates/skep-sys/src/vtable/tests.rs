use super::{ENTRY, HEAD, SysVTable, VERSION};
use crate::calls::with_calls;
use crate::host::Host;
use crate::kernel::Kernel;
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::sync::atomic::{AtomicUsize, Ordering};
use skep_codec::Errno;

macro_rules! count_rows {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)+) => {
        /// Offsets of the functions, in the order of the table of calls.
        const OFFSETS: &[usize] = &[$(offset_of!(SysVTable, $name)),+];
    };
}
with_calls!(count_rows);

/// The context: counts calls and holds an answer.
struct Context {
    calls: AtomicUsize,
    answer: isize,
}

unsafe extern "C" fn getpid(context: *mut c_void) -> isize {
    // SAFETY: the tests put a `Context` there.
    let context = unsafe { &*context.cast::<Context>() };
    context.calls.fetch_add(1, Ordering::SeqCst);
    context.answer
}

unsafe extern "C" fn gettid(_: *mut c_void) -> isize {
    42
}

fn table(context: &Context) -> SysVTable {
    SysVTable {
        context: core::ptr::from_ref(context).cast_mut().cast(),
        getpid: Some(getpid),
        gettid: Some(gettid),
        ..SysVTable::empty()
    }
}

#[test]
fn functions_are_laid_out_as_documented() {
    assert_eq!(offset_of!(SysVTable, version), 0);
    assert_eq!(offset_of!(SysVTable, size), 4);
    assert_eq!(offset_of!(SysVTable, context), 8);
    for (n, &offset) in OFFSETS.iter().enumerate() {
        assert_eq!(offset, HEAD + n * ENTRY);
    }
    assert_eq!(size_of::<SysVTable>(), HEAD + OFFSETS.len() * ENTRY);
}

#[test]
fn context_and_answer_pass_through_and_the_rest_is_enosys() {
    let context = Context {
        calls: AtomicUsize::new(0),
        answer: -7,
    };
    // SAFETY: `context` outlives the kernel; the functions touch nothing else.
    let kernel = unsafe { table(&context).into_kernel() }.unwrap();
    // SAFETY: no arguments.
    assert_eq!(unsafe { kernel.getpid() }, -7);
    assert_eq!(context.calls.load(Ordering::SeqCst), 1);
    // SAFETY: this table has no such function; nothing is touched.
    let answer = unsafe { kernel.read(0, core::ptr::null_mut(), 0) };
    assert_eq!(answer, -(Errno::ENOSYS.raw() as isize));
    // SAFETY: as above.
    let answer = unsafe { kernel.clock_gettime(0) };
    assert_eq!(answer, -i64::from(Errno::ENOSYS.raw()));
}

/// `table.size` is all that is read: a shorter table ends in memory that would crash.
#[test]
fn short_tables_of_every_size_work_up_to_their_end() {
    let context = Context {
        calls: AtomicUsize::new(0),
        answer: 5,
    };
    let full = table(&context);
    let start = core::ptr::from_ref(&full).cast::<u8>();
    for size in 0..=size_of::<SysVTable>() {
        // A heap block of exactly this size, so that checkers see a read too many.
        let mut block = std::vec![0_u64; size.div_ceil(8).max(1)];
        // SAFETY: both are at least `size` bytes.
        unsafe { core::ptr::copy_nonoverlapping(start, block.as_mut_ptr().cast(), size) };
        if size < 8 {
            continue;
        }
        let words = [VERSION, size as u32];
        // SAFETY: at least eight bytes.
        unsafe { block.as_mut_ptr().cast::<[u32; 2]>().write(words) };
        // SAFETY: the block is `size` bytes in the layout of the table.
        let read = unsafe { SysVTable::from_ptr(block.as_ptr().cast()) };
        if size < HEAD {
            assert_eq!(read.unwrap_err(), Errno::EINVAL, "{size}");
            continue;
        }
        let read = read.unwrap();
        let has = |offset: usize| offset + ENTRY <= size;
        assert_eq!(
            read.getpid.is_some(),
            has(offset_of!(SysVTable, getpid)),
            "{size}"
        );
        assert_eq!(
            read.gettid.is_some(),
            has(offset_of!(SysVTable, gettid)),
            "{size}"
        );
        // SAFETY: as in the test above.
        let kernel = unsafe { read.into_kernel() }.unwrap();
        let want = if has(offset_of!(SysVTable, gettid)) {
            42
        } else {
            -38
        };
        // SAFETY: no arguments.
        assert_eq!(unsafe { kernel.gettid() }, want, "{size}");
    }
}

#[test]
fn size_limits_a_whole_table_too_and_versions_must_agree() {
    let context = Context {
        calls: AtomicUsize::new(0),
        answer: 5,
    };
    let mut short = table(&context);
    short.size = offset_of!(SysVTable, gettid) as u32;
    // SAFETY: as above.
    let kernel = unsafe { short.into_kernel() }.unwrap();
    // SAFETY: no arguments.
    assert_eq!(unsafe { kernel.getpid() }, 5);
    // SAFETY: no arguments.
    assert_eq!(unsafe { kernel.gettid() }, -38);

    let other = SysVTable {
        version: VERSION + 1,
        ..table(&context)
    };
    // SAFETY: as above.
    assert_eq!(unsafe { other.into_kernel() }.err(), Some(Errno::EINVAL));
}

/// A table newer than this library: longer, with functions that are not known here.
#[test]
fn longer_tables_are_read_as_far_as_known() {
    #[repr(C)]
    struct Newer {
        table: SysVTable,
        more: [usize; 3],
    }
    let context = Context {
        calls: AtomicUsize::new(0),
        answer: 5,
    };
    let mut newer = Newer {
        table: table(&context),
        more: [usize::MAX; 3],
    };
    newer.table.size = size_of::<Newer>() as u32;
    // SAFETY: `size` bytes in the layout of the table and what follows.
    let read = unsafe { SysVTable::from_ptr((&raw const newer).cast()) }.unwrap();
    assert_eq!(read.size as usize, size_of::<SysVTable>());
    assert_eq!(newer.more, [usize::MAX; 3]);
    assert!(read.gettid.is_some());
}

#[test]
fn a_table_can_pass_on_to_the_host() {
    unsafe extern "C" fn pid(_: *mut c_void) -> isize {
        // SAFETY: no arguments.
        unsafe { Host.getpid() }
    }
    unsafe extern "C" fn close(_: *mut c_void, fd: c_int) -> isize {
        // SAFETY: the caller's promise.
        unsafe { Host.close(fd) }
    }
    let table = SysVTable {
        getpid: Some(pid),
        close: Some(close),
        ..SysVTable::empty()
    };
    // SAFETY: the host keeps the contract.
    let kernel = unsafe { table.into_kernel() }.unwrap();
    // SAFETY: no arguments.
    assert_eq!(unsafe { kernel.getpid() }, std::process::id() as isize);
    // SAFETY: never an open descriptor.
    assert_eq!(unsafe { kernel.close(-1) }, -(Errno::EBADF.raw() as isize));
}
