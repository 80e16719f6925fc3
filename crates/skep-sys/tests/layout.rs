//! Structures and constants against what the running kernel's BTF says of them.
//!
//! Needs nothing but `/sys`; without BTF in it the tests count as skipped.

use skep_codec::btf::{Btf, Type, TypeId};
use skep_codec::uapi::{bpf, flags};
use skep_sys::attr::{self, Field, Layout};
use skep_sys::{file, host};
use std::collections::BTreeMap;

/// The kernel's BTF, and its named structs, unions and enumerators.
struct Kernel {
    btf: Btf,
    structs: BTreeMap<String, TypeId>,
    /// Enumerators of the enum of each name; of all anonymous ones under "".
    enums: BTreeMap<String, BTreeMap<String, i64>>,
}

fn kernel() -> Option<Kernel> {
    let blob = match file::kernel_btf(&host(), c"/sys/kernel/btf/vmlinux") {
        Ok(blob) => blob,
        Err(error) => {
            println!("skep-skip: no kernel BTF ({error})");
            return None;
        }
    };
    let btf = Btf::parse(blob, None).unwrap();
    let mut structs = BTreeMap::new();
    let mut enums: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for ty in btf.iter() {
        let name = ty.name().unwrap().to_string();
        if ty.kind().is_composite() {
            structs.entry(name).or_insert(ty.id());
        } else if ty.kind().is_enum() {
            let list = enums.entry(name).or_default();
            for e in ty.enumerators() {
                let e = e.unwrap();
                list.entry(e.name.to_string()).or_insert(e.value);
            }
        }
    }
    Some(Kernel {
        btf,
        structs,
        enums,
    })
}

/// A member in bytes: where, how long; a bit-field has the storage that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    offset: usize,
    size: usize,
    bit_field: bool,
}

impl Kernel {
    fn composite(&self, id: TypeId) -> Option<Type<'_>> {
        let ty = self.btf.peel(id).unwrap();
        ty.kind().is_composite().then_some(ty)
    }

    /// Every member that `path` leads to, anonymous structs and unions looked through.
    fn find(&self, ty: Type<'_>, base: usize, path: &str, out: &mut Vec<Place>) {
        let (first, rest) = path
            .split_once('.')
            .map_or((path, None), |(a, b)| (a, Some(b)));
        for member in ty.members() {
            let member = member.unwrap();
            let offset = base + member.bit_offset as usize / 8;
            match self.composite(member.ty) {
                Some(inner) if member.name.is_empty() => self.find(inner, offset, path, out),
                Some(inner) if member.name == first && rest.is_some() => {
                    self.find(inner, offset, rest.unwrap(), out);
                }
                _ if member.name == first && rest.is_none() => out.push(Place {
                    offset,
                    size: self.btf.size_of(member.ty).unwrap() as usize,
                    bit_field: member.bit_size != 0,
                }),
                _ => {}
            }
        }
    }

    /// Named members anywhere below `ty` on the way of `path`'s parents: what is taken.
    fn is_taken(&self, layout: &Layout, field: &Field) -> bool {
        let parent = field.path.rsplit_once('.').map(|(parent, _)| parent);
        let Some(&id) = self.structs.get(layout.kernel) else {
            return false;
        };
        let mut places = Vec::new();
        self.leaves(self.btf.ty(id).unwrap(), 0, parent, &mut places);
        let start = layout.base + field.offset;
        let end = start + field.size;
        places
            .iter()
            .any(|p| p.offset < end && start < p.offset + p.size)
    }

    /// Leaves of the struct at `path` (of `ty` itself, without).
    fn leaves(&self, ty: Type<'_>, base: usize, path: Option<&str>, out: &mut Vec<Place>) {
        for member in ty.members() {
            let member = member.unwrap();
            let offset = base + member.bit_offset as usize / 8;
            let inner = self.composite(member.ty);
            match (path, inner) {
                (_, Some(inner)) if member.name.is_empty() => {
                    self.leaves(inner, offset, path, out);
                }
                (Some(path), Some(inner)) => {
                    let (first, rest) = path
                        .split_once('.')
                        .map_or((path, None), |(a, b)| (a, Some(b)));
                    if member.name == first {
                        self.leaves(inner, offset, rest, out);
                    }
                }
                (None, None) => out.push(Place {
                    offset,
                    size: self.btf.size_of(member.ty).unwrap() as usize,
                    bit_field: member.bit_size != 0,
                }),
                _ => {}
            }
        }
    }

    fn has(&self, root: &str, path: &str) -> bool {
        let Some(&id) = self.structs.get(root) else {
            return false;
        };
        let mut found = Vec::new();
        self.find(self.btf.ty(id).unwrap(), 0, path, &mut found);
        !found.is_empty()
    }

    /// Knows all that this library knows (Linux 7.3): then nothing may be missing.
    fn is_new(&self) -> bool {
        self.has("bpf_attr", "keyring_id") && self.has("bpf_link_info", "tracing_multi.ids")
    }
}

/// What is wrong with one field; `Ok(false)` where the kernel lacks it.
fn check_field(kernel: &Kernel, layout: &Layout, field: &Field) -> Result<bool, String> {
    let mut found = Vec::new();
    if let Some(&id) = kernel.structs.get(layout.kernel) {
        let ty = kernel.btf.ty(id).unwrap();
        kernel.find(ty, 0, field.path, &mut found);
        if found.is_empty() && field.path == "query.count" {
            kernel.find(ty, 0, "query.prog_cnt", &mut found); // its name before Linux 6.6
        }
    }
    if found.is_empty() {
        return Ok(false);
    }
    let offset = layout.base + field.offset;
    let fits = |p: &Place| {
        // A field that stands for several one-bit fields has their storage.
        p.offset == offset && (p.size == field.size || p.bit_field && p.size >= field.size)
    };
    if found.iter().all(fits) {
        Ok(true)
    } else {
        Err(format!(
            "{}.{}: offset {offset} size {} here, in the kernel {found:?}",
            layout.name, field.path, field.size
        ))
    }
}

#[test]
fn every_field_is_where_the_kernel_has_it() {
    let Some(kernel) = kernel() else { return };
    let (mut checked, mut absent, mut wrong) = (0, 0, Vec::new());
    for layout in attr::layouts() {
        let mut missing: Vec<&Field> = Vec::new();
        for field in layout.fields.iter().filter(|f| !f.is_padding()) {
            match check_field(&kernel, layout, field) {
                Ok(true) => {
                    checked += 1;
                    // Only the tail may be missing, or what was a hole in this kernel.
                    for early in missing.drain(..) {
                        if kernel.is_taken(layout, early) {
                            wrong.push(format!("{}.{} is missing", layout.name, early.path));
                        }
                    }
                }
                Ok(false) => {
                    absent += 1;
                    missing.push(field);
                    if kernel.is_new() {
                        wrong.push(format!("{}.{} is missing", layout.name, field.path));
                    }
                }
                Err(error) => wrong.push(error),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!("{checked} fields agree, {absent} are unknown to this kernel");
    // Linux 5.10 knows more than that, 6.18 all.
    assert!(checked > 150, "{checked}");
}

#[test]
fn alternative_names_share_a_place() {
    let Some(kernel) = kernel() else { return };
    // What the comments of the structures say: one field here, several names there.
    for (root, here, there) in [
        ("bpf_attr", "value", "next_key"),
        ("bpf_attr", "start_id", "prog_id"),
        ("bpf_attr", "start_id", "map_id"),
        ("bpf_attr", "start_id", "btf_id"),
        ("bpf_attr", "start_id", "link_id"),
        ("bpf_attr", "attach_prog_fd", "attach_btf_obj_fd"),
        ("bpf_attr", "query.prog_cnt", "query.count"),
        ("bpf_attr", "query.target_fd", "query.target_ifindex"),
        (
            "bpf_attr",
            "link_create.target_fd",
            "link_create.target_ifindex",
        ),
        ("bpf_attr", "link_create.prog_fd", "link_create.map_fd"),
        (
            "bpf_attr",
            "link_update.new_prog_fd",
            "link_update.new_map_fd",
        ),
        (
            "bpf_attr",
            "link_update.old_prog_fd",
            "link_update.old_map_fd",
        ),
        ("bpf_attr", "relative_fd", "relative_id"),
        (
            "bpf_attr",
            "link_create.tcx.relative_fd",
            "link_create.tcx.relative_id",
        ),
        (
            "bpf_attr",
            "link_create.tcx.relative_fd",
            "link_create.netkit.relative_fd",
        ),
        (
            "bpf_attr",
            "link_create.tcx.relative_fd",
            "link_create.cgroup.relative_fd",
        ),
        (
            "bpf_attr",
            "link_create.tcx.expected_revision",
            "link_create.netkit.expected_revision",
        ),
        (
            "bpf_attr",
            "link_create.tcx.expected_revision",
            "link_create.cgroup.expected_revision",
        ),
        (
            "bpf_attr",
            "link_create.target_btf_id",
            "link_create.tracing.target_btf_id",
        ),
        ("perf_event_attr", "sample_period", "sample_freq"),
        ("perf_event_attr", "config1", "kprobe_func"),
        ("perf_event_attr", "config1", "uprobe_path"),
        ("perf_event_attr", "config2", "kprobe_addr"),
        ("perf_event_attr", "config2", "probe_offset"),
    ] {
        let id = kernel.structs[root];
        let (mut a, mut b) = (Vec::new(), Vec::new());
        kernel.find(kernel.btf.ty(id).unwrap(), 0, here, &mut a);
        kernel.find(kernel.btf.ty(id).unwrap(), 0, there, &mut b);
        if (a.is_empty() || b.is_empty()) && !kernel.is_new() {
            continue;
        }
        assert!(
            !a.is_empty() && a == b,
            "{root}: {here} {a:?}, {there} {b:?}"
        );
    }
}

#[test]
fn perf_event_flags_are_in_the_order_of_the_kernel() {
    let Some(kernel) = kernel() else { return };
    use attr::PerfEventAttr as Attr;
    let ty = kernel.btf.ty(kernel.structs["perf_event_attr"]).unwrap();
    let place = |name: &str| {
        let member = ty.members().map(Result::unwrap).find(|m| m.name == name);
        member.unwrap().bit_offset
    };
    let first = place("disabled");
    for (name, number) in [
        ("disabled", Attr::DISABLED),
        ("inherit", Attr::INHERIT),
        ("freq", Attr::FREQ),
        ("watermark", Attr::WATERMARK),
        ("write_backward", Attr::WRITE_BACKWARD),
    ] {
        assert_eq!(place(name) - first, number, "{name}");
    }
}

/// A sentinel (`__MAX_BPF_CMD`, `BPF_FUNC_unspec`) is no value, a flag beside the commands neither.
fn is_sentinel(name: &str) -> bool {
    name.contains("MAX_BPF")
        || name.ends_with("MAX_ID")
        || name == "BPF_FUNC_unspec"
        || name == "BPF_COMMON_ATTRS"
}

fn check_enum(kernel: &Kernel, name: &str, prefix: &str, ours: &[(&str, u32)]) {
    let Some(theirs) = kernel.enums.get(name) else {
        panic!("the kernel has no enum {name}");
    };
    let upper: BTreeMap<String, i64> = theirs
        .iter()
        .map(|(n, v)| (n.to_ascii_uppercase(), *v))
        .collect();
    let real = theirs.iter().filter(|(name, _)| !is_sentinel(name));
    let newest = real.map(|(_, value)| *value).max().unwrap();
    for &(ours, value) in ours {
        let full = format!("{prefix}{ours}").to_ascii_uppercase();
        match upper.get(&full) {
            Some(&theirs) => assert_eq!(theirs, i64::from(value), "{full}"),
            // Unknown to this kernel: then it is newer than all that it knows.
            None => assert!(i64::from(value) > newest, "{full} = {value} is missing"),
        }
    }
    // And the other way about: on a kernel of the version that the list is of, nothing lacks.
    let highest = ours.iter().map(|o| i64::from(o.1)).max().unwrap();
    for (theirs, value) in theirs {
        let known = ours.iter().any(|o| i64::from(o.1) == *value);
        assert!(
            known || is_sentinel(theirs) || *value > highest,
            "{theirs} = {value} is not in the list of {name}"
        );
    }
}

#[test]
fn constants_are_the_kernels() {
    let Some(kernel) = kernel() else { return };
    macro_rules! check {
        ($($ty:ident),+) => {$({
            let list: Vec<_> = bpf::$ty::ALL.iter().map(|&(n, v)| (n, v.0)).collect();
            check_enum(&kernel, bpf::$ty::KERNEL_NAME, bpf::$ty::PREFIX, &list);
        })+};
    }
    check!(Cmd, ProgType, MapType, AttachType, LinkType, Helper);
}

#[test]
fn flags_are_the_kernels() {
    let Some(kernel) = kernel() else { return };
    let mut seen = 0;
    for &(name, value) in flags::ALL {
        let theirs: Vec<i64> = kernel
            .enums
            .values()
            .filter_map(|list| list.get(name).copied())
            .collect();
        assert!(
            theirs.iter().all(|&v| v == i64::from(value)),
            "{name} = {value}, but {theirs:?}"
        );
        // Than what `is_new` looks for.
        let newer = ["BPF_F_RB_OVERWRITE", "BPF_F_CPU", "BPF_F_ALL_CPUS"].contains(&name);
        let may_lack = newer || !kernel.is_new();
        assert!(!theirs.is_empty() || may_lack, "{name} is missing");
        seen += usize::from(!theirs.is_empty());
    }
    assert!(seen >= 14, "{seen}");
}
