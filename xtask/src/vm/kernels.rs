//! Kernel images: looked up in Debian's archive, fetched, unpacked, kept in the cache.

use super::arch::Arch;
use crate::Result;
use crate::cmd::{cache_dir, command, files, files_below, mkdir, read, write};
use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Modules that tests use, in the order they load. Some are built in on some kernels.
const MODULES: &[&str] = &[
    "veth",
    "netkit",
    "dummy",
    "tun",
    "sch_ingress",
    "cls_bpf",
    "act_bpf",
    "tcp_bbr",
    "libcrc32c",
    "nf_defrag_ipv4",
    "nf_defrag_ipv6",
    "nf_conntrack",
];

/// Suites with kernels from 5.10 up.
const SUITES: &[(&str, &str)] = &[
    ("debian", "bookworm trixie trixie-backports"),
    (
        "debian-security",
        "bullseye-security bookworm-security trixie-security",
    ),
];

/// A kernel on disk.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// As `uname -r` says it.
    pub(crate) release: String,
    /// The image to boot.
    pub(crate) vmlinuz: PathBuf,
    /// Modules in loading order.
    pub(crate) modules: Vec<PathBuf>,
    /// Its configuration, and where it is in the machine.
    pub(crate) config: Option<(PathBuf, String)>,
}

/// The newest kernel of a series (`6.1`, or empty for any) that the archive has, or the cache where
/// the archive has none that can be fetched.
pub(crate) fn fetch(arch: &Arch, series: &str) -> Result<Image> {
    let looked_up = look_up(arch, series).and_then(|releases| first_whole(arch, &releases));
    looked_up.or_else(|why| {
        let image = cached(arch, series).ok_or_else(|| why.clone())?;
        println!("{why}\nusing the cached {}", image.release);
        Ok(image)
    })
}

/// The newest kernel of a series in the cache.
fn cached(arch: &Arch, series: &str) -> Option<Image> {
    let all = files(&cache_dir().join("kernels").join(arch.name), "");
    let names = all.iter().filter_map(|path| path.file_name()?.to_str());
    let mut releases: Vec<&str> = names.filter(|name| is_of(name, series)).collect();
    releases.sort_by(|a, b| compare(b, a));
    releases.into_iter().find_map(|release| open(arch, release))
}

/// Whether a version begins with the numbers of a series.
fn is_of(version: &str, series: &str) -> bool {
    let after = version.strip_prefix(series);
    series.is_empty() || after.is_some_and(|r| !r.starts_with(|c: char| c.is_ascii_digit()))
}

/// The first release that can be had; packages go away from the archive before the index does.
fn first_whole(arch: &Arch, releases: &[String]) -> Result<Image> {
    let mut why = String::new();
    for release in releases.iter().take(4) {
        if let Some(image) = open(arch, release) {
            return Ok(image);
        }
        match download(arch, release) {
            Ok(()) => {
                return open(arch, release).ok_or(format!("{release}: no image in its packages"));
            }
            Err(e) => why = e,
        }
    }
    Err(why)
}

fn dir_of(arch: &Arch, release: &str) -> PathBuf {
    cache_dir().join("kernels").join(arch.name).join(release)
}

/// A kernel's configuration: as what it is kept, and where its packages have it (`RELEASE` for its
/// release), the one since 6.19 last.
const CONFIGS: &[(&str, &str)] = &[
    ("config", "boot/config-RELEASE"),
    ("modules-config", "lib/modules/RELEASE/config"),
];

/// The file that says what was kept of a kernel's packages.
const KEPT: &str = "kept";

/// What is kept of a kernel's packages: an older cache may lack some of it.
fn kept() -> String {
    format!("vmlinuz configuration {}", MODULES.join(" "))
}

/// A kernel in the cache.
fn open(arch: &Arch, release: &str) -> Option<Image> {
    let dir = dir_of(arch, release);
    let there = |path: PathBuf| path.exists().then_some(path);
    let modules = MODULES.iter().map(|m| dir.join(format!("{m}.ko")));
    let whole = fs::read_to_string(dir.join(KEPT)).is_ok_and(|text| text == kept());
    whole.then(|| Image {
        release: release.to_string(),
        vmlinuz: dir.join("vmlinuz"),
        modules: modules.filter_map(there).collect(),
        config: CONFIGS.iter().find_map(|(kept, place)| {
            let place = place.replace("RELEASE", release);
            Some((there(dir.join(kept))?, place))
        }),
    })
}

/// Kinds of package lists that this process has brought up to date.
static FRESH: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A private apt: the system's lists and state stay as they are.
pub(crate) struct Apt {
    dir: PathBuf,
}

impl Apt {
    /// For packages of a Debian architecture, lists brought up to date.
    pub(crate) fn new(arch: &Arch) -> Result<Self> {
        Self::open(arch.debian, arch.debian, "deb")
    }

    /// For source packages.
    pub(crate) fn of_sources() -> Result<Self> {
        Self::open("source", "amd64", "deb-src")
    }

    fn open(name: &str, arch: &str, types: &str) -> Result<Self> {
        let dir = cache_dir().join("apt").join(name);
        for sub in ["state/lists/partial", "cache/archives/partial", "sources"] {
            mkdir(&dir.join(sub))?;
        }
        write(&dir.join("state/status"), "")?;
        let mut sources = String::new();
        for (archive, suites) in SUITES {
            sources.push_str(&format!(
                "Types: {types}\nURIs: http://deb.debian.org/{archive}\nSuites: {suites}\n\
                 Components: main\n\
                 Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
            ));
        }
        write(&dir.join("sources/debian.sources"), sources)?;
        let at = dir.display();
        let mut conf = format!(
            "Dir::State \"{at}/state\";\nDir::State::status \"{at}/state/status\";\n\
             Dir::Cache \"{at}/cache\";\nDir::Etc::sourcelist \"/dev/null\";\n\
             Dir::Etc::sourceparts \"{at}/sources\";\nDir::Etc::parts \"/dev/null\";\n\
             APT::Architecture \"{arch}\";\nAPT::Architectures {{ \"{arch}\"; }};\n\
             APT::Sandbox::User \"\";\nAcquire::Languages \"none\";\n\
             Acquire::Retries \"3\";\n"
        );
        // What the machine says about the way to the archive holds here too.
        for line in read(command("apt-config").arg("dump"))?.lines() {
            if line.contains("::Proxy") || line.starts_with("Acquire::Check-") {
                conf.push_str(line);
                conf.push('\n');
            }
        }
        write(&dir.join("apt.conf"), conf)?;
        let apt = Self { dir };
        let mut fresh = FRESH.lock().map_err(|e| e.to_string())?;
        if !fresh.iter().any(|f| f == name) {
            // Older lists will do: the look-up says so if there are none.
            if let Err(why) = read(apt.call("apt-get").args(["update", "-qq"])) {
                println!("{why}");
            }
            fresh.push(name.to_string());
        }
        Ok(apt)
    }

    fn call(&self, program: &str) -> Command {
        let mut command = command(program);
        command.env("APT_CONFIG", self.dir.join("apt.conf"));
        command.current_dir(&self.dir);
        command
    }

    /// Package names that match.
    fn search(&self, pattern: &str) -> Result<Vec<(String, String)>> {
        let mut search = self.call("apt-cache");
        let found = read(search.args(["search", "--names-only", pattern]))?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let names = found.lines().filter_map(|l| l.split_once(" - "));
        let mut show = self.call("apt-cache");
        show.args(["show", "--no-all-versions"]);
        let text = read(show.args(names.map(|(name, _)| name)))?;
        let mut packages = Vec::new();
        let mut name = "";
        for line in text.lines() {
            if let Some(package) = line.strip_prefix("Package: ") {
                name = package;
            } else if let Some(version) = line.strip_prefix("Version: ") {
                packages.push((name.to_string(), version.to_string()));
            }
        }
        Ok(packages)
    }

    /// What a package depends on, by name.
    pub(crate) fn depends(&self, package: &str) -> Result<Vec<String>> {
        let mut depends = self.call("apt-cache");
        let text = read(depends.args(["depends", package]))?;
        let names = text
            .lines()
            .filter_map(|l| l.trim().strip_prefix("Depends: "));
        Ok(names.map(str::to_string).collect())
    }

    /// These packages and all that they depend on.
    pub(crate) fn closure(&self, packages: &[&str]) -> Result<Vec<String>> {
        let mut install = self.call("apt-get");
        install.args(["install", "--simulate", "--no-install-recommends"]);
        let text = read(install.args(packages))?;
        let names = text.lines().filter_map(|l| l.strip_prefix("Inst "));
        let name = |line: &str| Some(line.split_whitespace().next()?.to_string());
        Ok(names.filter_map(name).collect())
    }

    /// Where this process, and no other, unpacks.
    fn scratch(&self) -> PathBuf {
        let scratch = self.dir.join(format!("unpack-{}", std::process::id()));
        let _ = fs::remove_dir_all(&scratch);
        scratch
    }

    /// Downloads and unpacks one package: the newest of its versions with this beginning that can
    /// be had, for one may be listed and gone.
    pub(crate) fn unpack_version_of(&self, package: &str, begins: &str, into: &Path) -> Result {
        let shown = read(self.call("apt-cache").args(["show", package]))?;
        let versions = shown.lines().filter_map(|l| l.strip_prefix("Version: "));
        let mut versions: Vec<&str> = versions.filter(|v| v.starts_with(begins)).collect();
        versions.sort_by(|a, b| compare(b, a));
        let mut why = format!("no package {package} {begins}");
        for version in versions {
            match self.unpack(&[format!("{package}={version}")], into) {
                Ok(()) => return Ok(()),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Downloads and unpacks packages into a directory.
    pub(crate) fn unpack(&self, packages: &[String], into: &Path) -> Result {
        let scratch = self.scratch();
        mkdir(&scratch)?;
        let mut download = self.call("apt-get");
        download.current_dir(&scratch);
        download.args(["download", "-qq"]);
        match packages {
            [one] => println!("fetching {one}"),
            _ => println!("fetching {} packages", packages.len()),
        }
        read(download.args(packages))?;
        mkdir(into)?;
        for deb in files(&scratch, ".deb") {
            read(command("dpkg-deb").arg("-x").arg(&deb).arg(into))?;
        }
        let _ = fs::remove_dir_all(&scratch);
        Ok(())
    }
}

impl Apt {
    /// Downloads a source package and unpacks its upstream part into a directory; its newest
    /// version may be listed and gone.
    pub(crate) fn unpack_source(&self, package: &str, into: &Path) -> Result {
        let mut show = self.call("apt-cache");
        let shown = read(show.args(["showsrc", "--only-source", package]))?;
        let versions = shown.lines().filter_map(|l| l.strip_prefix("Version: "));
        let mut versions: Vec<&str> = versions.collect();
        versions.sort_by(|a, b| compare(b, a));
        let mut why = format!("no source package {package}");
        for version in versions {
            match self.unpack_source_version(package, version, into) {
                Ok(()) => return Ok(()),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    fn unpack_source_version(&self, package: &str, version: &str, into: &Path) -> Result {
        let scratch = self.scratch();
        mkdir(&scratch)?;
        let mut download = self.call("apt-get");
        download.current_dir(&scratch);
        download.args(["source", "--download-only", "-qq"]);
        // Debian's own part may be gone from the archive: the upstream part is enough.
        let fetched = read(download.arg(format!("{package}={version}")));
        let is_upstream = |path: &PathBuf| {
            let name = path.to_string_lossy();
            name.contains(".orig.tar.") && !name.ends_with(".asc")
        };
        let mut archives = files_below(&scratch, "");
        archives.retain(is_upstream);
        if archives.is_empty() {
            fetched?;
            return Err(format!("{package} {version} has no upstream part"));
        }
        println!("fetched {package} {version}");
        mkdir(into)?;
        for archive in archives {
            let mut tar = command("tar");
            tar.arg("-xf").arg(&archive).arg("-C").arg(into);
            read(tar.arg("--strip-components=1"))?;
        }
        let _ = fs::remove_dir_all(&scratch);
        Ok(())
    }
}

/// Releases of a series, newest first.
fn look_up(arch: &Arch, series: &str) -> Result<Vec<String>> {
    let apt = Apt::new(arch)?;
    let (head, tail) = ("linux-image-", arch.flavour);
    let found = apt.search(&format!("^{head}[0-9].*-{tail}$"))?;
    let modules: Vec<String> = apt
        .search(&format!("^linux-modules-[0-9].*-{tail}$"))?
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let mut releases: Vec<(String, String)> = Vec::new();
    for (name, version) in found {
        let Some(release) = name.strip_prefix(head) else {
            continue;
        };
        // A split kernel (6.19 and later) whose modules are gone is of no use; a meta package
        // has no third number.
        let split = compare(&version, "6.19") != Ordering::Less;
        let whole = !split || modules.contains(&format!("linux-modules-{release}"));
        if is_of(&version, series)
            && whole
            && release.matches('.').count() >= 2
            && !release.contains("unsigned")
        {
            releases.push((version, release.to_string()));
        }
    }
    releases.sort_by(|a, b| compare(&b.0, &a.0));
    if releases.is_empty() {
        return Err(format!("no kernel {series:?} for {}", arch.name));
    }
    Ok(releases.into_iter().map(|(_, release)| release).collect())
}

/// Versions by their numbers, from the left.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let numbers = |v: &str| -> Vec<u64> {
        v.split(|c: char| !c.is_ascii_digit())
            .filter_map(|n| n.parse().ok())
            .collect()
    };
    numbers(a).cmp(&numbers(b))
}

fn download(arch: &Arch, release: &str) -> Result {
    let apt = Apt {
        dir: cache_dir().join("apt").join(arch.debian),
    };
    let split = format!("linux-binary-{release}");
    let packages = if apt
        .search(&format!("^{split}$").replace('+', "[+]"))?
        .is_empty()
    {
        vec![format!("linux-image-{release}")]
    } else {
        vec![
            split,
            format!("linux-modules-{release}"),
            format!("linux-base-{release}"),
        ]
    };
    let scratch = apt.dir.join(format!("kernel-{}", std::process::id()));
    let _ = fs::remove_dir_all(&scratch);
    apt.unpack(&packages, &scratch)?;
    let kept = keep(&scratch, &dir_of(arch, release));
    let _ = fs::remove_dir_all(&scratch);
    kept
}

/// Keeps the image, its configuration and the modules that tests use.
fn keep(from: &Path, to: &Path) -> Result {
    let all = files_below(from, "");
    let name = |p: &Path| {
        p.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let vmlinuz = all
        .iter()
        .find(|p| name(p).starts_with("vmlinuz"))
        .ok_or("no vmlinuz in the packages")?;
    mkdir(to)?;
    for module in MODULES {
        let plain = format!("{module}.ko");
        let packed = format!("{module}.ko.xz");
        let place = to.join(&plain);
        for path in &all {
            if name(path) == plain {
                fs::copy(path, &place).map_err(|e| format!("{}: {e}", path.display()))?;
            } else if name(path) == packed {
                let out = command("xz")
                    .arg("-dc")
                    .arg(path)
                    .output()
                    .map_err(|e| format!("xz: {e}"))?;
                write(&place, out.stdout)?;
            }
        }
    }
    let copy = |from: &Path, name: &str| {
        let copied = fs::copy(from, to.join(name));
        copied.map_err(|e| format!("{}: {e}", from.display()))
    };
    for (kept, place) in CONFIGS {
        let is_it = |path: &&PathBuf| {
            let (before, after) = place.split_once("RELEASE").unwrap_or((place, ""));
            let path = path.to_string_lossy();
            path.contains(before)
                && path.ends_with(after)
                && name(path.as_ref().as_ref()).starts_with("config")
        };
        if let Some(config) = all.iter().find(is_it) {
            copy(config, kept)?;
        }
    }
    copy(vmlinuz, "vmlinuz")?;
    write(&to.join(KEPT), kept())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_not_the_beginning_of_a_number() {
        assert!(is_of("6.1.0-56-cloud-amd64", "6.1") && is_of("6.12.107", ""));
        assert!(!is_of("6.12.117+deb12-cloud-amd64", "6.1") && !is_of("5.10.0", "6.1"));
    }

    #[test]
    fn versions_by_number() {
        assert_eq!(compare("6.1.192-2", "6.1.99-1"), Ordering::Greater);
        assert_eq!(compare("7.3.4-1~bpo13+1", "6.19.14-1"), Ordering::Greater);
        assert_eq!(compare("6.12.1", "6.12.1"), Ordering::Equal);
    }
}
