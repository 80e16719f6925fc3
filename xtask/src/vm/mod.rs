//! Tests inside other kernels, run by QEMU.

pub(crate) mod arch;
mod cpio;
mod cross;
pub(crate) mod kernels;
mod kmod;

use crate::cmd::{cargo, command, mkdir, read, root, tail, target_dir, watch, write};
use crate::results::{Tier, Verdict};
use crate::suite::{self, Binary};
use crate::{Result, apt};
use arch::{AARCH64, Arch, S390X, X86_64};
use cpio::Archive;
use kernels::Image;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The kernels of a full run.
pub(crate) const EVERY_RUN: &[&str] = &["5.10", "6.1", "6.12", "newest"];

/// Seconds for one test inside.
const TEST_SECONDS: u64 = 120;

/// The emulated processors stand still whenever the host is busy: that is no lockup, and what a
/// watchdog prints of it would stand in the middle of results.
const KERNEL_OPTIONS: &str = "quiet panic=-1 oops=panic no_timer_check lsm=landlock,yama,bpf \
    nowatchdog rcupdate.rcu_cpu_stall_suppress=1 workqueue.watchdog_thresh=0";

/// What a machine is given.
pub(crate) struct Budget {
    /// MiB of memory.
    pub(crate) memory: u32,
    /// From power-on to power-off.
    pub(crate) limit: Duration,
}

/// For tests.
const TESTS: Budget = Budget {
    memory: 1024,
    limit: Duration::from_secs(1200),
};

/// `vm KERNEL... [-- FILTER...]`: tests with any of the filters in their names.
pub(crate) fn task(args: &[String]) -> Result {
    let split = args.iter().position(|a| a == "--").unwrap_or(args.len());
    let (names, filters) = args.split_at(split);
    let filters = filters.get(1..).unwrap_or_default();
    if names.is_empty() {
        return Err(format!(
            "name kernels: a series ({}), newest, aarch64[:SERIES], s390x[:SERIES]",
            EVERY_RUN.join(" ")
        ));
    }
    let mut failed = Vec::new();
    for name in names {
        let tier = tier(name, filters)?;
        tier.save()?;
        if let Err(why) = tier.verdict() {
            failed.push(why);
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed.join(", "))
    }
}

/// The kernels of a full run, one after the other.
pub(crate) fn tiers() -> Result<Vec<Tier>> {
    EVERY_RUN.iter().map(|name| tier(name, &[])).collect()
}

/// Fetches what a full run needs; errors come up again, with their tier, when it runs.
pub(crate) fn prefetch() {
    for name in EVERY_RUN {
        let (arch, series) = machine(name);
        if let Ok(image) = kernels::fetch(arch, series) {
            let _ = kmod::build(arch, &image);
        }
    }
}

/// The architecture and the kernel series of a name.
fn machine(name: &str) -> (&'static Arch, &str) {
    let (head, series) = name.split_once(':').unwrap_or((name, ""));
    let arch = match head {
        "aarch64" => &AARCH64,
        "s390x" => &S390X,
        "newest" => return (&X86_64, ""),
        _ => return (&X86_64, name),
    };
    (
        arch,
        if series.is_empty() {
            arch.series
        } else {
            series
        },
    )
}

/// One machine's tests.
fn tier(name: &str, filters: &[String]) -> Result<Tier> {
    let mut tier = Tier::new(format!("vm-{}", name.replace(':', "-")));
    let (arch, series) = machine(name);
    let needs: &[&[apt::Need]] = match arch.name {
        "aarch64" => &[apt::QEMU, apt::AARCH64],
        "s390x" => &[apt::QEMU, apt::S390X],
        _ => &[apt::QEMU],
    };
    for needs in needs {
        if let Err(why) = apt::ensure(needs) {
            tier.unable(format!("vm::{name}"), why);
            return Ok(tier);
        }
    }
    let mut image = match kernels::fetch(arch, series) {
        Ok(image) => image,
        Err(why) => {
            tier.unable(format!("vm::{name}"), why);
            return Ok(tier);
        }
    };
    let module = kmod::build(arch, &image);
    image.modules.extend(module.clone().ok().flatten());
    let binaries = binaries(arch)?;
    println!("   {name}: Linux {} on {}", image.release, arch.name);
    let mut initrd = base(arch, &image, &binaries, filters)?;
    initrd.extend(programs(&binaries)?);
    let mut ended = boot(arch, &image, &initrd, tier.name(), &TESTS)?;
    if ended.kernel_died() {
        let first = format!("{}-died", tier.name());
        println!("   {name}: the kernel panicked; every test once more. Its end:");
        println!("{}", tail(&ended.output, 60));
        write(&log_of(&first), ended.output.as_bytes())?;
        ended = boot(arch, &image, &initrd, tier.name(), &TESTS)?;
    }
    report(&mut tier, &ended, arch);
    if let Err(why) = module {
        tier.unable("vm::module", why);
    }
    Ok(tier)
}

/// How a machine ended.
pub(crate) struct Boot {
    /// What it printed.
    pub(crate) output: String,
    /// QEMU's exit status.
    pub(crate) code: Option<i32>,
    timed_out: bool,
}

impl Boot {
    /// Whether the kernel panicked. A kernel patches its code while it boots and when static keys
    /// change (`perf_event_open`, tracing), and the emulated processors now and then run what is
    /// half patched. Who panics twice has another cause.
    fn kernel_died(&self) -> bool {
        self.output.contains("Kernel panic")
    }
}

/// Boots and waits for the end.
pub(crate) fn boot(
    arch: &Arch,
    image: &Image,
    initrd: &[u8],
    name: &str,
    budget: &Budget,
) -> Result<Boot> {
    let dir = target_dir().join("vm");
    let file = dir.join(format!("{name}.initrd"));
    write(&file, initrd)?;
    let (program, machine) = arch.qemu.split_first().ok_or("no emulator")?;
    let mut qemu = command(program);
    // Both processors in one thread: with a thread for each, code that the kernel patches is now
    // and then run half patched, and a busy host stops one in the middle of the other's lock.
    qemu.args(["-accel", "tcg,thread=single", "-smp", "2", "-m"]);
    qemu.arg(budget.memory.to_string());
    qemu.args([
        "-nographic",
        "-no-reboot",
        "-nodefaults",
        "-serial",
        "stdio",
    ]);
    qemu.args(machine).arg("-kernel").arg(&image.vmlinuz);
    qemu.arg("-initrd").arg(&file).arg("-append");
    qemu.arg(format!("console={} {KERNEL_OPTIONS}", arch.console));
    let log = log_of(name);
    mkdir(log.parent().unwrap_or(Path::new(".")))?;
    let ended = watch(&mut qemu, &log, budget.limit)?;
    let _ = std::fs::remove_file(&file);
    println!(
        "   {:.0} s, log in {}",
        ended.took.as_secs_f32(),
        log.display()
    );
    Ok(Boot {
        output: ended.output.replace('\r', ""),
        code: ended.code,
        timed_out: ended.timed_out,
    })
}

/// Where a machine's output is kept.
fn log_of(name: &str) -> PathBuf {
    target_dir().join(format!("skep-results/log/{name}"))
}

/// What the machine printed, as results.
fn report(tier: &mut Tier, boot: &Boot, arch: &Arch) {
    let mut running = "booting";
    let mut end = None;
    let mut lines = boot.output.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some((_, name)) = line.split_once("skep-guest: runs ") {
            running = name;
        } else if let Some((_, counts)) = line.split_once("skep-guest: done ") {
            end = Some(counts.trim());
        } else if let Some((_, result)) = line.split_once("skep-test: ") {
            let mut words = result.splitn(3, ' ');
            let (verdict, name) = (words.next(), words.next().unwrap_or("?"));
            let mut why = words.next().unwrap_or_default().trim().to_string();
            match verdict {
                Some("passed") => tier.add(name, Verdict::Passed),
                Some("skipped") => tier.add(name, Verdict::Skipped(why)),
                ended => {
                    while let Some((_, out)) = lines.peek().and_then(|l| l.split_once("skep-out: "))
                    {
                        why.push('\n');
                        why.push_str(out);
                        lines.next();
                    }
                    let flaky = ended == Some("flaky");
                    let verdict = if flaky {
                        Verdict::Flaky
                    } else {
                        Verdict::Failed
                    };
                    tier.add(name, verdict(why));
                }
            }
        }
    }
    tier.record(
        "vm::machine",
        machine_end(boot, arch, tier.counts(), running, end),
    );
}

/// Whether the machine itself came to its proper end.
fn machine_end(
    boot: &Boot,
    arch: &Arch,
    counts: [usize; 3],
    running: &str,
    end: Option<&str>,
) -> Result {
    let last = || tail(&boot.output, 40);
    if boot.timed_out {
        return Err(format!("time is up at {running}\n{}", last()));
    }
    for trouble in ["Kernel panic", "Oops", "BUG: "] {
        if boot.output.contains(trouble) {
            return Err(format!("{trouble} at {running}\n{}", last()));
        }
    }
    let [passed, failed, skipped] = counts;
    let expected = format!("{passed} {failed} {skipped}");
    match end {
        None => return Err(format!("ended early at {running}\n{}", last())),
        Some(end) if end != expected => {
            return Err(format!("it counted {end}, its output has {expected}"));
        }
        Some(_) if counts == [0; 3] => return Err("no test ran".into()),
        Some(_) => {}
    }
    let code = if failed == 0 { 1 } else { 3 };
    if arch.exit_port && boot.code != Some(code) {
        return Err(format!("exit status {:?}, expected {code}", boot.code));
    }
    Ok(())
}

/// The workspace's programs for a machine, linked statically, in a directory of their own.
fn binaries(arch: &Arch) -> Result<Vec<Binary>> {
    let mut build = cargo("test --quiet --workspace --exclude xtask --all-features");
    build.args(["--test", "kernel*", "--test", "layout"]);
    build.args(["--target", arch.target, "--target-dir"]);
    build.arg(target_dir().join("vm").join(arch.name));
    let mut flags =
        "-C target-feature=+crt-static -C relocation-model=static -C strip=debuginfo".to_string();
    if arch.name != "x86_64" {
        flags.push_str(&cross::prepare(arch, &mut build)?);
    }
    build.env("RUSTFLAGS", flags);
    let built = suite::build(&mut build)?;
    Ok(built
        .into_iter()
        .filter(|b| !b.is_test || b.needs_kernel())
        .collect())
}

/// The part of the initial file system that is the same for all kernels.
fn programs(binaries: &[Binary]) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for binary in binaries {
        archive.copy(&binary.path.to_string_lossy(), &binary.path)?;
    }
    let objects = crate::cmd::files(&root().join("testdata"), ".o");
    for object in objects {
        archive.copy(&object.to_string_lossy(), &object)?;
    }
    archive.finish()
}

/// The part that is made for one kernel.
fn base(arch: &Arch, image: &Image, binaries: &[Binary], filters: &[String]) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    archive.console()?;
    archive.copy("bin/busybox", &cross::busybox(arch)?)?;
    archive.copy("init", &root().join("xtask/guest/init"))?;
    let mut order = String::new();
    for module in &image.modules {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        let path = format!("/skep/modules.d/{name}");
        archive.copy(&path, module)?;
        order.push_str(&format!("{path}\n"));
    }
    archive.dir("boot")?;
    if let Some((config, place)) = &image.config {
        archive.copy(place, config)?;
    }
    let mut tests = String::new();
    for binary in binaries.iter().filter(|b| b.is_test) {
        let path = binary.path.display();
        tests.push_str(&format!("{} {path} {TEST_SECONDS}\n", binary.prefix()));
    }
    archive.file("skep/modules", order.as_bytes())?;
    archive.file("skep/tests", tests.as_bytes())?;
    let filters: String = filters.iter().map(|f| format!("{f}\n")).collect();
    archive.file("skep/filters", filters.as_bytes())?;
    if arch.exit_port {
        archive.copy("skep/exit", &exit_program()?)?;
    }
    archive.finish()
}

/// The program that ends a machine with an exit status.
fn exit_program() -> Result<PathBuf> {
    let out = target_dir().join("vm/exit");
    mkdir(&target_dir().join("vm"))?;
    let mut rustc: Command = command("rustc");
    rustc.args(["--edition", "2024", "-O", "-C", "panic=abort"]);
    rustc.args(["-C", "relocation-model=static", "-C", "strip=symbols"]);
    for arg in ["-nostartfiles", "-nostdlib", "-static"] {
        rustc.args(["-C", &format!("link-arg={arg}")]);
    }
    read(rustc.arg("xtask/guest/exit.rs").arg("-o").arg(&out))?;
    Ok(out)
}

/// A machine with modules, tests' file systems and `files`, that runs a shell script and ends.
pub(crate) fn script(
    series: &str,
    script: &str,
    files: &[(String, PathBuf)],
    name: &str,
    budget: &Budget,
) -> Result<Boot> {
    let (_, series) = machine(series);
    let image = kernels::fetch(&X86_64, series)?;
    println!("   {name}: Linux {}", image.release);
    let mut initrd = base(&X86_64, &image, &[], &[])?;
    let mut archive = Archive::default();
    archive.file("skep/script", format!("#!/bin/sh\n{script}").as_bytes())?;
    for (place, file) in files {
        archive.copy(place, file)?;
    }
    initrd.extend(archive.finish()?);
    boot(&X86_64, &image, &initrd, name, budget)
}

/// A machine whose only program is `program`, as its first process.
pub(crate) fn lone(series: &str, program: &Path, name: &str) -> Result<Boot> {
    let image = kernels::fetch(&X86_64, series)?;
    let mut archive = Archive::default();
    archive.console()?;
    archive.copy("init", program)?;
    archive.dir("proc")?;
    archive.dir("sys")?;
    boot(&X86_64, &image, &archive.finish()?, name, &TESTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(output: &str, code: i32) -> Tier {
        let mut tier = Tier::new("vm-test");
        let boot = Boot {
            output: output.into(),
            code: Some(code),
            timed_out: false,
        };
        report(&mut tier, &boot, &X86_64);
        tier
    }

    #[test]
    fn a_panic_is_told_from_a_failure() {
        let died = |output: &str| {
            let (code, timed_out) = (Some(0), false);
            let output = output.into();
            let boot = Boot {
                output,
                code,
                timed_out,
            };
            boot.kernel_died()
        };
        assert!(died("[ 1.9] Kernel panic - not syncing: Fatal exception"));
        assert!(died(
            "skep-guest: begins\n[ 2.1] Kernel panic - not syncing"
        ));
        assert!(!died("SeaBIOS skep-guest: done 0 1 0"));
    }

    #[test]
    fn a_machine_that_ends_early_fails() {
        let good = "SeaBIOS skep-guest: up 6.1\nskep-guest: runs a::b\nskep-test: passed a::b\n\
            skep-test: skipped a::c no KPROBES\nskep-guest: done 1 0 1\n";
        assert_eq!(judged(good, 1).counts(), [2, 0, 1]);
        assert_eq!(judged(good, 3).counts(), [1, 1, 1]);
        assert_eq!(judged(good, 0).counts(), [1, 1, 1]);
        let early = good.split("skep-guest: done").next().unwrap();
        assert_eq!(judged(early, 1).counts(), [1, 1, 1]);
        let lost = good.replace("done 1 0 1", "done 2 0 1");
        assert_eq!(judged(&lost, 1).counts(), [1, 1, 1]);
        assert_eq!(judged("skep-guest: done 0 0 0\n", 1).counts(), [0, 1, 0]);
        let oops = format!("{good}[ 1.0] Oops: 0000\n");
        assert_eq!(judged(&oops, 1).counts(), [1, 1, 1]);
    }

    #[test]
    fn a_failure_brings_its_output() {
        let tier = judged(
            "skep-test: failed a::b exit code 101\nskep-out: one\nskep-out: two\n\
             skep-test: flaky a::c exit code 101\nskep-out: three\n\
             skep-guest: done 1 1 0\n",
            3,
        );
        let expected = [
            ("a::b", Verdict::Failed("exit code 101\none\ntwo".into())),
            ("a::c", Verdict::Flaky("exit code 101\nthree".into())),
        ];
        for ((name, verdict), expected) in tier.entries().iter().zip(expected) {
            assert_eq!((name.as_str(), verdict), (expected.0, &expected.1));
        }
        assert_eq!(tier.counts(), [2, 1, 0]);
    }
}
