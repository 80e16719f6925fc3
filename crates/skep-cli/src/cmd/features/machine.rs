//! What is known of the kernel and this process without trying.

use super::value;
use crate::caps;
use serde_json::{Value, json};
use skep::System;
use skep::codec::uapi::bpf::Helper;
use skep::probe::{Feature, Origin};
use skep::sys::process;
use skep::{MapType, ProgType};
use std::collections::BTreeSet;
use std::fs;

/// Files of `/proc/sys` that decide on BPF.
const SETTINGS: [&str; 8] = [
    "kernel/unprivileged_bpf_disabled",
    "kernel/bpf_stats_enabled",
    "kernel/perf_event_paranoid",
    "kernel/kptr_restrict",
    "net/core/bpf_jit_enable",
    "net/core/bpf_jit_harden",
    "net/core/bpf_jit_kallsyms",
    "net/core/bpf_jit_limit",
];

/// Release, machine, what forbids.
pub(super) fn kernel(system: &System) -> Vec<Value> {
    let kernel = system.kernel();
    let read = |path: &str| fs::read_to_string(path).ok().map(|t| t.trim().to_owned());
    let lockdown = read("/sys/kernel/security/lockdown");
    // The level in force stands in brackets.
    let level = lockdown.as_deref().and_then(|text| {
        let (_, rest) = text.split_once('[')?;
        Some(rest.split_once(']')?.0.to_owned())
    });
    vec![
        value("kernel", "release", process::kernel_release(kernel).ok()),
        value("kernel", "machine", process::machine(kernel).ok()),
        value("kernel", "lockdown", level),
        value("kernel", "lsm", read("/sys/kernel/security/lsm")),
    ]
}

/// Capabilities, token.
pub(super) fn process(system: &System) -> Vec<Value> {
    let held = caps::held();
    let mut rows: Vec<_> = held
        .iter()
        .map(|(name, has)| value("capability", &name.to_ascii_lowercase(), *has))
        .collect();
    let token = match system.token() {
        Ok(token) => json!(token.is_some()),
        Err(error) => json!(error.to_string()),
    };
    rows.push(value("process", "token", token));
    rows
}

/// Settings, by the names that sysctl(8) has for them.
pub(super) fn settings() -> Vec<Value> {
    let row = |path: &&str| {
        let text = fs::read_to_string(format!("/proc/sys/{path}")).ok();
        let number = text.and_then(|text| text.trim().parse::<i64>().ok());
        value("sysctl", &path.replace('/', "."), number)
    };
    SETTINGS.iter().map(row).collect()
}

/// The options that something in the tables of probes takes; none if the configuration is not to
/// be had.
pub(super) fn config(system: &System) -> Vec<Value> {
    let Ok(config) = system.kernel_config() else {
        return Vec::new();
    };
    let programs = ProgType::ALL
        .iter()
        .filter_map(|(_, t)| Origin::of_prog_type(*t));
    let maps = MapType::ALL
        .iter()
        .filter_map(|(_, t)| Origin::of_map_type(*t));
    let helpers = Helper::ALL
        .iter()
        .filter_map(|(_, h)| Origin::of_helper(*h));
    let features = Feature::all().map(Origin::of_feature);
    let all = programs.chain(maps).chain(helpers).chain(features);
    let names: BTreeSet<&str> = all.flat_map(|origin| origin.config).copied().collect();
    let row = |name| value("config", name, config.value(name));
    ["BPF_SYSCALL", "BPF_JIT_ALWAYS_ON", "BPF_UNPRIV_DEFAULT_OFF"]
        .into_iter()
        .chain(names)
        .map(row)
        .collect()
}
