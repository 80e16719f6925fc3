//! Iterators over tasks, cgroups and kernel symbols, all of them and some; pinned ones.

mod common;

use common::{host, load, object, only, own_bpffs, own_cgroup, skip};
use nix::unistd::gettid;
use skep::link::{CgroupOrder, Iter, IterReader};
use skep::{Errno, Object, Program};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::sync::mpsc::{Sender, channel};

/// The program of this name, loaded alone; `None`, said, where the kernel has no such iterator.
fn program(name: &str) -> Option<Object> {
    let spec = only(object!("iters"), &[name]);
    let kind = &spec.programs.iter().find(|p| p.autoload).unwrap().section;
    let function = kind.replace("iter/", "bpf_iter_");
    if host().kernel_btf().unwrap().find(&function, None).is_none() {
        println!("skep-skip: no {kind} here");
        return None;
    }
    Some(load(&host(), &spec))
}

/// What an iterator writes, by lines.
fn lines(program: &Program, over: Iter<'_>) -> Vec<String> {
    let link = program.attach_to(over).unwrap();
    let text = link.iter().unwrap().read_to_end(64 << 20).unwrap();
    let text = String::from_utf8(text).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A thread that stays until the sender goes, and its number.
fn thread() -> (Sender<()>, i32) {
    let (stay, stop) = channel::<()>();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        tell.send(gettid().as_raw()).unwrap();
        stop.recv().unwrap_err();
    });
    (stay, told.recv().unwrap())
}

#[test]
fn an_iterator_goes_over_one_process_or_one_thread() {
    let Some(object) = program("tasks") else {
        return;
    };
    let (tasks, us) = (object.program("tasks").unwrap(), std::process::id());
    let threads = [thread(), thread()];
    let line = |tid: i32| format!("{tid} of {us}");
    let all: BTreeSet<String> = lines(tasks, Iter::all()).into_iter().collect();
    assert!(all.contains(&line(threads[0].1)));
    let of_us = format!(" of {us}");
    assert!(!all.iter().all(|line| line.ends_with(&of_us)));
    match tasks.attach_to(Iter::of_process(us)) {
        Err(error) if error.errno() == Some(Errno::E2BIG) => {
            skip!("iterators take no such parameters: {error}");
        }
        link => drop(link.unwrap()),
    }
    let ours = lines(tasks, Iter::of_process(us));
    if !ours.iter().all(|line| line.ends_with(&of_us)) {
        skip!("iterators go over all tasks only");
    }
    let entries = std::fs::read_dir("/proc/self/task").unwrap();
    let tids = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let expected: BTreeSet<String> = tids.map(|tid| format!("{tid} of {us}")).collect();
    assert!(expected.len() >= 3);
    assert_eq!(ours.into_iter().collect::<BTreeSet<_>>(), expected);
    let tid = threads[1].1;
    assert_eq!(lines(tasks, Iter::of_thread(tid as u32)), [line(tid)]);
}

#[test]
fn an_iterator_goes_over_cgroups_in_order() {
    let Some(object) = program("cgroups") else {
        return;
    };
    let Some(top) = own_cgroup() else {
        skip!("no cgroup2 to make one in");
    };
    let (middle, bottom);
    middle = top.child("middle");
    bottom = middle.child("bottom");
    let [top_id, middle_id, bottom_id] =
        [&top, &middle, &bottom].map(|group| group.open().metadata().unwrap().ino());
    let ids = |id, order| {
        let lines = lines(
            object.program("cgroups").unwrap(),
            Iter::of_cgroup(id, order),
        );
        let ids = lines.iter().map(|line| line.parse().unwrap());
        ids.collect::<Vec<u64>>()
    };
    assert_eq!(ids(middle_id, CgroupOrder::SelfOnly), [middle_id]);
    let pre = ids(top_id, CgroupOrder::DescendantsPre);
    assert_eq!(pre, [top_id, middle_id, bottom_id]);
    let post = ids(top_id, CgroupOrder::DescendantsPost);
    assert_eq!(post, [bottom_id, middle_id, top_id]);
    let up = ids(bottom_id, CgroupOrder::AncestorsUp);
    assert_eq!(up[..3], [bottom_id, middle_id, top_id]);
    let root = ids(0, CgroupOrder::SelfOnly);
    assert_eq!(up.last(), root.first());
    drop(bottom);
    let again = ids(middle_id, CgroupOrder::DescendantsPre);
    assert_eq!(again, [middle_id]);
    let gone = Iter::of_cgroup(bottom_id, CgroupOrder::SelfOnly);
    let error = object.program("cgroups").unwrap().attach_to(gone);
    assert_eq!(error.unwrap_err().errno(), Some(Errno::ENOENT));
}

/// As `/proc/kallsyms` has them, up to the first of a module or program, which come and go.
#[test]
fn an_iterator_goes_over_symbols() {
    let Some(object) = program("symbols") else {
        return;
    };
    let symbols = lines(object.program("symbols").unwrap(), Iter::all());
    let text = std::fs::read_to_string("/proc/kallsyms").unwrap();
    let own = text.lines().take_while(|line| !line.contains('['));
    let expected: Vec<&str> = own.filter_map(|line| line.split(' ').nth(2)).collect();
    assert!(expected.len() > 10_000, "{} symbols", expected.len());
    assert!(symbols.len() >= expected.len());
    for (seen, expected) in symbols.iter().zip(expected) {
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_pinned_iterator_is_read_like_a_file() {
    let Some(object) = program("tasks") else {
        return;
    };
    let (system, tasks) = (host(), object.program("tasks").unwrap());
    let path = format!("{}/tasks", own_bpffs());
    let (_stay, tid) = thread();
    let link = tasks.attach_to(Iter::all()).unwrap().pin(&path).unwrap();
    let id = link.info().unwrap().id;
    drop((link, object));
    let line = format!("{tid} of {}\n", std::process::id());
    for _ in 0..2 {
        let text = IterReader::from_pin(&system, &path).unwrap();
        let text = String::from_utf8(text.read_to_end(64 << 20).unwrap()).unwrap();
        assert!(text.contains(&line), "{line} in {text}");
    }
    // By anybody, without this library.
    assert!(std::fs::read_to_string(&path).unwrap().contains(&line));
    std::fs::remove_file(&path).unwrap();
    let missing = IterReader::from_pin(&system, &path).unwrap_err();
    assert_eq!(missing.errno(), Some(Errno::ENOENT));
    let gone = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        system.links().unwrap().iter().all(|link| link.id != id)
    });
    assert!(gone, "the link went with its pin");
}

#[test]
fn what_is_pinned_and_no_iterator_cannot_be_read() {
    let Some(object) = program("tasks") else {
        return;
    };
    let path = format!("{}/program", own_bpffs());
    object.program("tasks").unwrap().pin(&path).unwrap();
    let error = IterReader::from_pin(&host(), &path).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EIO));
    assert!(error.to_string().contains(&path), "{error}");
}
