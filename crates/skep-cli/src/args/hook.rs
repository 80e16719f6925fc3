//! Where `skep run` attaches programs by hand.

use skep::codec::object::{Verb, sections};
use std::net::IpAddr;
use std::str::FromStr;

/// `PROG=HOOK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attach {
    pub(crate) program: String,
    pub(crate) hook: Hook,
}

/// Where a program can be attached by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    /// What an interface receives or sends, or one end of a netkit pair.
    Device {
        place: Place,
        interface: String,
    },
    /// A route to addresses that begin so, out by an interface.
    Route {
        to: IpAddr,
        prefix_len: u8,
        interface: String,
    },
    Cgroup {
        path: String,
    },
    Tracepoint {
        category: String,
        name: String,
    },
    RawTracepoint {
        name: String,
    },
    /// A probe, as the name of a section says it.
    Probe {
        section: String,
    },
}

/// A place on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Xdp,
    Ingress,
    Egress,
    NetkitPrimary,
    NetkitPeer,
}

impl Place {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "xdp" => Self::Xdp,
            "ingress" => Self::Ingress,
            "egress" => Self::Egress,
            "netkit.primary" => Self::NetkitPrimary,
            "netkit.peer" => Self::NetkitPeer,
            _ => return None,
        })
    }
}

impl FromStr for Attach {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((program, hook)) if !program.is_empty() => Ok(Self {
                program: program.to_owned(),
                hook: hook.parse()?,
            }),
            _ => Err("expected PROG=HOOK, such as count=xdp:eth0".to_owned()),
        }
    }
}

impl FromStr for Hook {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let named = !rest.is_empty() && !rest.contains('/');
        if let (Some(place), true) = (Place::named(kind), named) {
            let interface = rest.to_owned();
            return Ok(Self::Device { place, interface });
        }
        match (kind, rest, rest.split_once('/')) {
            ("cgroup", path, _) if !path.is_empty() => Ok(Self::Cgroup {
                path: path.to_owned(),
            }),
            ("route", _, Some((to, rest))) => route(to, rest)
                .ok_or_else(|| format!("`{text}` is no route: give route:10.0.0.0/8@eth0")),
            ("raw_tp" | "raw_tracepoint", name, None) if !name.is_empty() => {
                Ok(Self::RawTracepoint {
                    name: name.to_owned(),
                })
            }
            ("tp" | "tracepoint", _, Some((category, name)))
                if !category.is_empty() && !name.is_empty() =>
            {
                Ok(Self::Tracepoint {
                    category: category.to_owned(),
                    name: name.to_owned(),
                })
            }
            (kind, target, _) if !target.is_empty() && is_probe(kind) => Ok(Self::Probe {
                section: format!("{kind}/{target}"),
            }),
            _ => Err(format!(
                "`{text}` is no hook: give xdp:IFACE, ingress:IFACE, egress:IFACE, route:PREFIX@IFACE, cgroup:PATH, \
                 tracepoint:CATEGORY/NAME, raw_tp:NAME, kprobe:FUNCTION, ksyscall:NAME, uprobe:FILE:FUNCTION or another section's name \
                 with a colon for its first slash"
            )),
        }
    }
}

/// What is before and behind the slash of `ADDRESS/BITS@IFACE`.
fn route(to: &str, rest: &str) -> Option<Hook> {
    let (bits, interface) = rest.split_once('@')?;
    (!interface.is_empty()).then_some(Hook::Route {
        to: to.parse().ok()?,
        prefix_len: bits.parse().ok()?,
        interface: interface.to_owned(),
    })
}

/// Whether sections of this name hold probes.
fn is_probe(kind: &str) -> bool {
    let found = sections::find(kind).filter(|found| found.exact);
    let verb = found.map(|found| found.def.verb);
    let verb = verb.unwrap_or(Verb::None);
    matches!(
        verb,
        Verb::Kprobe
            | Verb::KprobeMulti
            | Verb::Ksyscall
            | Verb::TracingMulti
            | Verb::Uprobe
            | Verb::UprobeMulti
            | Verb::Usdt
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks() {
        let hook = |text: &str| text.parse::<Hook>();
        let device = |place| {
            Ok(Hook::Device {
                place,
                interface: "veth0".to_owned(),
            })
        };
        assert_eq!(hook("xdp:veth0"), device(Place::Xdp));
        assert_eq!(hook("ingress:veth0"), device(Place::Ingress));
        assert_eq!(hook("netkit.peer:veth0"), device(Place::NetkitPeer));
        let cgroup = Hook::Cgroup {
            path: "/sys/fs/cgroup/a:b".to_owned(),
        };
        assert_eq!(hook("cgroup:/sys/fs/cgroup/a:b"), Ok(cgroup));
        let route = Hook::Route {
            to: "fc00::".parse().unwrap(),
            prefix_len: 7,
            interface: "veth0".to_owned(),
        };
        assert_eq!(hook("route:fc00::/7@veth0"), Ok(route));
        let tracepoint = Hook::Tracepoint {
            category: "sched".to_owned(),
            name: "sched_switch".to_owned(),
        };
        assert_eq!(hook("tp:sched/sched_switch"), Ok(tracepoint.clone()));
        assert_eq!(hook("tracepoint:sched/sched_switch"), Ok(tracepoint));
        let probe = |section: &str| {
            Ok(Hook::Probe {
                section: section.to_owned(),
            })
        };
        assert_eq!(hook("kretprobe:f"), probe("kretprobe/f"));
        assert_eq!(
            hook("uprobe:/bin/sh:main+4"),
            probe("uprobe//bin/sh:main+4")
        );
        for wrong in [
            "",
            "xdp",
            "xdp:",
            "egress:",
            "cgroup:",
            "route:10.0.0.0@veth0",
            "route:10.0.0.0/8",
            "route:10.0.0.0/8@",
            "route:10.0/8@veth0",
            "tp:x",
            "tp:/x",
            "raw_tp:a/b",
            "kprobe:",
            "probe:x",
        ] {
            assert!(hook(wrong).is_err(), "{wrong}");
        }
    }
}
