//! Which capabilities this process lacks, and what to do about it.

use std::fs;

/// Name, number (`linux/capability.h`).
type Capability = (&'static str, u32);

const SYS_ADMIN: Capability = ("CAP_SYS_ADMIN", 21);
/// What loading and watching a program takes.
const LOAD: [Capability; 2] = [("CAP_BPF", 39), ("CAP_PERFMON", 38)];
/// What network programs take.
const NETWORK: [Capability; 3] = [LOAD[0], LOAD[1], ("CAP_NET_ADMIN", 12)];
/// What looking at objects by id takes.
const INSPECT: [Capability; 1] = [SYS_ADMIN];

/// What can matter to BPF.
const ALL: [Capability; 5] = [
    LOAD[0],
    LOAD[1],
    NETWORK[2],
    SYS_ADMIN,
    ("CAP_SYS_RESOURCE", 24),
];

/// Which capabilities that can matter to BPF this process has; `None` if it cannot be told.
pub(crate) fn held() -> [(&'static str, Option<bool>); 5] {
    let effective = effective();
    ALL.map(|(name, number)| (name, effective.map(|bits| bits >> number & 1 == 1)))
}

/// Advice for a load that the kernel did not permit.
pub(crate) fn advice_for_load() -> String {
    let lacks = |needed: &[Capability]| advice(needed, effective()?);
    let missing = lacks(&LOAD).or_else(|| lacks(&NETWORK));
    missing.unwrap_or_else(|| {
        "this process has the capabilities, so something else forbids it: lockdown, a security \
         module, a rule of this kernel, or a user namespace (a container's capabilities do not \
         count)"
            .to_owned()
    })
}

/// Advice for a look at programs, maps or links that the kernel did not permit.
pub(crate) fn advice_for_listing() -> Option<String> {
    advice(&INSPECT, effective()?)
}

fn effective() -> Option<u64> {
    parse_effective(&fs::read_to_string("/proc/self/status").ok()?)
}

fn parse_effective(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

fn advice(needed: &[Capability], effective: u64) -> Option<String> {
    let has = |(_, number): &Capability| effective >> number & 1 == 1;
    if has(&SYS_ADMIN) {
        return None;
    }
    let missing: Vec<_> = needed.iter().filter(|c| !has(c)).map(|c| c.0).collect();
    if missing.is_empty() {
        return None;
    }
    // All of them: setcap replaces what the file had.
    let all: Vec<_> = needed.iter().map(|c| c.0.to_ascii_lowercase()).collect();
    let flags = all.join(",");
    Some(format!(
        "this process lacks {}. Run it as root (`sudo skep ...`), or give the file the \
         capabilities once: `sudo setcap {flags}+ep $(command -v skep)`",
        missing.join(" and ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let status = "Name:\tskep\nCapPrm:\t00000000ffffffff\nCapEff:\t0000004000000000\n";
        let effective = parse_effective(status).unwrap();
        assert_eq!(effective, 1 << 38);
        let text = advice(&LOAD, effective).unwrap();
        assert!(text.starts_with("this process lacks CAP_BPF."), "{text}");
        assert!(text.contains("setcap cap_bpf,cap_perfmon+ep"), "{text}");
        let none = advice(&LOAD, 0).unwrap();
        assert!(none.contains("CAP_BPF and CAP_PERFMON"), "{none}");
        assert!(none.contains("setcap cap_bpf,cap_perfmon+ep"), "{none}");
        assert_eq!(advice(&LOAD, 1 << 39 | 1 << 38), None);
        let network = advice(&NETWORK, 1 << 39 | 1 << 38).unwrap();
        assert!(network.contains("lacks CAP_NET_ADMIN."), "{network}");
        assert!(
            network.contains("setcap cap_bpf,cap_perfmon,cap_net_admin+ep"),
            "{network}"
        );
        assert_eq!(advice(&LOAD, 1 << 21), None);
    }
}
