use super::{Fault, Kind, Plan, Trace};
use crate::kernel::KernelRef;
use crate::{CallError, Epoll, Mapping, file, host};
use alloc::sync::Arc;
use skep_codec::Errno;
use skep_codec::uapi::linux::{MAP_ANONYMOUS, MAP_PRIVATE, O_RDONLY, PROT_READ};
use std::string::{String, ToString};
use std::sync::Mutex;
use std::vec::Vec;

/// Opens, maps, waits and reads: a bit of everything that needs no privilege.
fn work(kernel: &KernelRef) -> Result<usize, CallError> {
    let map = Mapping::new(
        kernel,
        8192,
        PROT_READ,
        MAP_PRIVATE | MAP_ANONYMOUS,
        None,
        0,
    )?;
    let epoll = Epoll::new(kernel)?;
    let copy = epoll.fd().try_clone()?;
    let text = file::read_file(kernel, c"/proc/self/stat", 1 << 16)?;
    epoll.wait(Some(0), |_| ())?;
    Ok(map.len() + text.len().min(1) + usize::from(copy.raw() > 0))
}

#[test]
fn trace_counts_calls_and_what_is_open() {
    let shown = Arc::new(Mutex::new(Vec::<String>::new()));
    let to = shown.clone();
    let trace = Trace::with(host(), move |call| {
        to.lock().unwrap().push(call.to_string())
    });
    let kernel: KernelRef = trace.clone();
    assert_eq!(work(&kernel), Ok(8194));
    assert_eq!((trace.open_fds(), trace.open_mappings()), (0, 0));
    assert_eq!(trace.count("close"), 3);
    assert_eq!(trace.count("mmap"), trace.count("munmap"));
    assert_eq!(trace.count("nothing"), 0);
    // Taken out at once: the calls below are shown too.
    let shown = core::mem::take(&mut *shown.lock().unwrap());
    assert_eq!(shown.len() as u64, trace.total());
    assert!(
        shown[0].starts_with("mmap(0x2000, 1, 34, -1, 0) = 0x"),
        "{shown:?}"
    );

    let fd = file::open(&kernel, c"/proc/self/stat", O_RDONLY, 0).unwrap();
    assert_eq!(trace.open_fds(), 1);
    drop(fd);
    assert_eq!(trace.open_fds(), 0);
    let error = file::open(&kernel, c"/nowhere", O_RDONLY, 0).unwrap_err();
    assert_eq!(error, CallError::new("openat", Errno::ENOENT));
    assert_eq!(trace.open_fds(), 0);
}

#[test]
fn every_single_fault_is_an_error_and_leaks_nothing() {
    let counting = Fault::nth(host(), 0, Errno::EIO);
    let kernel: KernelRef = counting.clone();
    work(&kernel).unwrap();
    let calls = counting.calls();
    assert!(calls >= 7, "{calls}");
    assert_eq!(counting.hit(), None);

    for nth in 1..=calls {
        let trace = Trace::new(host());
        let fault = Fault::nth(trace.clone(), nth, Errno::EIO);
        let kernel: KernelRef = fault.clone();
        match work(&kernel) {
            Err(error) => assert_eq!(error.errno, Errno::EIO, "{nth}"),
            Ok(_) => panic!("survived call {nth}, {:?}", fault.hit()),
        }
        assert!(fault.hit().is_some(), "{nth}");
        assert_eq!((trace.open_fds(), trace.open_mappings()), (0, 0), "{nth}");
    }
}

#[test]
fn a_short_read_loses_nothing() {
    let whole = file::read_file(&host(), c"/proc/version", 1 << 16).unwrap();
    for nth in 1..=6 {
        let plan = Plan {
            nth,
            kind: Kind::Short(3),
        };
        let fault = Fault::new(host(), plan);
        let kernel: KernelRef = fault.clone();
        let text = file::read_file(&kernel, c"/proc/version", 1 << 16).unwrap();
        assert_eq!(text, whole, "{nth}: {:?}", fault.hit());
    }
}
