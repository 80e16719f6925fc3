//! What procfs tells of a map's descriptor, and who else has one.

use skep::sys::Fd;
use std::fs;

/// The lines of a descriptor's file under `fdinfo`.
pub(crate) struct FdInfo(String);

/// Of a descriptor of this process.
pub(crate) fn of(fd: &Fd) -> FdInfo {
    let path = format!("/proc/self/fdinfo/{}", fd.raw());
    FdInfo(fs::read_to_string(path).unwrap_or_default())
}

impl FdInfo {
    /// The value of a line `name: value`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = |line: &'_ str| -> Option<usize> {
            let rest = line.strip_prefix(name)?.strip_prefix(':')?;
            Some(line.len() - rest.len())
        };
        let line = self.0.lines().find(|line| value(line).is_some())?;
        line.get(value(line)?..).map(str::trim)
    }

    /// Bytes of memory that the map takes, by what the kernel says.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        self.get("memlock")?.parse().ok()
    }
}

/// A process with a descriptor of a map.
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) comm: String,
}

/// The other processes that have a descriptor of this map, as far as this one may see them.
pub(crate) fn holders(map_id: u32) -> Vec<Holder> {
    let wanted = format!("map_id:\t{map_id}");
    let own = std::process::id();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut holders: Vec<_> = pids
        .filter(|pid| *pid != own && has(*pid, &wanted))
        .map(|pid| Holder {
            pid,
            comm: fs::read_to_string(format!("/proc/{pid}/comm"))
                .unwrap_or_default()
                .trim_end()
                .to_owned(),
        })
        .collect();
    holders.sort_by_key(|holder| holder.pid);
    holders
}

/// Whether a process has a descriptor with this line. Links tell which are maps, so that no other
/// file is read.
fn has(pid: u32, wanted: &str) -> bool {
    let links = fs::read_dir(format!("/proc/{pid}/fd"));
    let maps = links.into_iter().flatten().flatten().filter(|entry| {
        fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == "anon_inode:bpf-map")
    });
    maps.filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|fd| fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).ok())
        .any(|text| text.lines().any(|line| line == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_whole_name() {
        let text = "map_type:\t1\nmap_id:\t7\nmemlock:\t4096\nfrozen:\t0\n";
        let info = FdInfo(text.to_owned());
        assert_eq!(info.get("map_id"), Some("7"));
        assert_eq!(info.get("frozen"), Some("0"));
        assert_eq!(info.get("map"), None);
        assert_eq!(info.memory_bytes(), Some(4096));
        assert_eq!(FdInfo(String::new()).memory_bytes(), None);
    }
}
