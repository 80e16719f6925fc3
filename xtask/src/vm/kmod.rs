//! The module of `testdata/kmod`, built for a kernel by that kernel's own tools.

use super::arch::Arch;
use super::kernels::{Apt, Image, compare};
use crate::cmd::{cache_dir, command, files, mkdir, read, root, write};
use crate::{Result, apt};
use std::cmp::Ordering;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The module's name.
const NAME: &str = "skep_test";
/// The first kernel whose modules may have a struct of functions, as the source says it.
const SINCE: &str = "6.12";
/// Directories that are links in Debian's own root.
const MERGED: &[&str] = &["bin", "lib", "lib64", "sbin"];

/// The module for this kernel, built if that was not done before; `None` where there is none.
pub(crate) fn build(arch: &Arch, image: &Image) -> Result<Option<PathBuf>> {
    if arch.name != std::env::consts::ARCH || compare(&image.release, SINCE) == Ordering::Less {
        return Ok(None);
    }
    let sources = files(&root().join("testdata/kmod"), "");
    let mut hasher = DefaultHasher::new();
    for source in &sources {
        fs::read(source)
            .map_err(|e| e.to_string())?
            .hash(&mut hasher);
    }
    let dir = cache_dir().join("kmod").join(&image.release);
    let built = dir.join(format!("{:016x}/{NAME}.ko", hasher.finish()));
    if built.exists() {
        return Ok(Some(built));
    }
    apt::ensure(apt::KMOD)?;
    println!("building {NAME} for {}", image.release);
    let place = dir.join(format!("root-{}", std::process::id()));
    let made = tools(arch, &image.release, &place)
        .and_then(|()| compile(image, &sources, &place))
        .and_then(|module| keep(&module, &built));
    let _ = fs::remove_dir_all(&place);
    made.map(|()| Some(built))
}

/// A root directory with the kernel's headers and the compiler that made it.
fn tools(arch: &Arch, release: &str, place: &Path) -> Result {
    let apt = Apt::new(arch)?;
    let headers = format!("linux-headers-{release}");
    let depends = apt.depends(&headers)?;
    let of_kernel = |name: &String| name.starts_with("linux-headers-");
    let is_tool = |name: &&str| name.starts_with("gcc-") || name.starts_with("linux-kbuild-");
    let tools = depends.iter().map(String::as_str).filter(is_tool);
    // The compiler by its own name, not by that of a cross compiler.
    let tools = tools.map(|name| name.trim_end_matches("-for-host"));
    let mut packages = apt.closure(&tools.chain(["make"]).collect::<Vec<_>>())?;
    packages.extend(depends.iter().filter(|name| of_kernel(name)).cloned());
    packages.push(headers);
    for dir in MERGED {
        mkdir(&place.join("usr").join(dir))?;
        let linked = symlink(Path::new("usr").join(dir), place.join(dir));
        linked.map_err(|e| format!("{dir}: {e}"))?;
    }
    apt.unpack(&packages, place)?;
    // The shell and its tools.
    let busybox = place.join("usr/bin/busybox");
    fs::copy("/bin/busybox", &busybox).map_err(|e| format!("busybox: {e}"))?;
    for tool in read(command(&busybox).arg("--list"))?.lines() {
        let tool = place.join("usr/bin").join(tool);
        if !tool.exists() {
            symlink("busybox", &tool).map_err(|e| format!("{}: {e}", tool.display()))?;
        }
    }
    Ok(())
}

/// Builds in that root, with the kernel's types for the module's to go on from.
fn compile(image: &Image, sources: &[PathBuf], place: &Path) -> Result<PathBuf> {
    let headers = format!("usr/src/linux-headers-{}", image.release);
    unpacked(&image.vmlinuz, &place.join(&headers).join("vmlinux"))?;
    for source in sources {
        let to = place
            .join("src")
            .join(source.file_name().unwrap_or_default());
        write(&to, fs::read(source).map_err(|e| e.to_string())?)?;
    }
    for dir in ["proc", "dev", "tmp"] {
        mkdir(&place.join(dir))?;
    }
    // Mounts of its own: nobody else sees them, and they go with it.
    let mut make = command("unshare");
    make.args(["--mount", "sh", "-ec"]).current_dir(place);
    make.arg(format!(
        "mount --rbind /proc proc; mount --rbind /dev dev; \
         exec chroot . /bin/env -i PATH=/bin make -C /{headers} M=/src modules"
    ));
    read(&mut make)?;
    let module = place.join("src").join(NAME).with_extension("ko");
    let fields = read(command("readelf").arg("-SW").arg(&module))?;
    if !fields.contains(" .BTF ") {
        return Err(format!("{NAME} for {} has no types", image.release));
    }
    Ok(module)
}

/// Another process may have built the same.
fn keep(module: &Path, built: &Path) -> Result {
    let fresh = built.with_extension(format!("ko-{}", std::process::id()));
    mkdir(built.parent().unwrap_or(Path::new(".")))?;
    let kept = fs::copy(module, &fresh).and_then(|_| fs::rename(&fresh, built));
    kept.map_err(|e| format!("{}: {e}", built.display()))
}

/// The ELF file inside a kernel image, where the image's setup header says.
fn unpacked(image: &Path, to: &Path) -> Result {
    let bytes = fs::read(image).map_err(|e| format!("{}: {e}", image.display()))?;
    let word = |at: usize| {
        let bytes = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let payload = || {
        let sectors = usize::from(*bytes.get(0x1f1)?) + 1;
        let start = sectors * 512 + word(0x248)?;
        // Behind it is its length when unpacked.
        bytes.get(start..start + word(0x24c)?.checked_sub(4)?)
    };
    let payload = payload().ok_or("no payload in the kernel image")?;
    let unpacker = match payload {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz",
        [0x1f, 0x8b, ..] => "gzip",
        _ => return Err("a kernel image packed in an unknown way".into()),
    };
    let packed = to.with_extension("packed");
    write(&packed, payload)?;
    let open = |path: &Path, file: std::io::Result<fs::File>| {
        file.map_err(|e| format!("{}: {e}", path.display()))
    };
    let mut unpack = Command::new(unpacker);
    unpack
        .arg("-dc")
        .stdin(open(&packed, fs::File::open(&packed))?);
    unpack
        .stdout(open(to, fs::File::create(to))?)
        .stderr(Stdio::inherit());
    crate::cmd::run(&mut unpack)?;
    fs::remove_file(&packed).map_err(|e| e.to_string())
}
