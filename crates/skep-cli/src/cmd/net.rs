//! `skep net`: programs on the interfaces of this network namespace, and on the namespace itself.

use super::listing;
use crate::fail::Result;
use crate::out::{Column, Out};
use serde_json::{Value, json};
use skep::link::Target;
use skep::netlink::{Filter, Interface, Namespace, Netlink};
use skep::{AttachType, Errno, System};

const COLUMNS: &[Column] = &[
    ("INTERFACE", "interface"),
    ("HOOK", "hook"),
    ("PROG", "prog_id"),
    ("NAME", "name"),
    ("LINK", "link_id"),
    ("PRIORITY", "priority"),
    ("HANDLE", "handle"),
];

/// Attachments to an interface that have an order, and what they are called.
const ORDERED: &[(AttachType, &str)] = &[
    (AttachType::TCX_INGRESS, "tcx ingress"),
    (AttachType::TCX_EGRESS, "tcx egress"),
    (AttachType::NETKIT_PRIMARY, "netkit primary"),
    (AttachType::NETKIT_PEER, "netkit peer"),
];

/// Attachments to a network namespace.
const OF_NAMESPACE: &[(AttachType, &str)] = &[
    (AttachType::FLOW_DISSECTOR, "flow dissector"),
    (AttachType::SK_LOOKUP, "socket look-up"),
];

/// `skep net list`.
pub(super) fn list(json: bool) -> Result {
    let system = System::host()?;
    let mut netlink = Netlink::open(&system)?;
    let interfaces = netlink.interfaces()?;
    let filters = netlink.all_filters()?;
    let mut rows = Vec::new();
    for interface in interfaces.iter() {
        for (mode, prog_id) in interface.xdp.attached() {
            rows.push(row(
                &system,
                Some(interface),
                &format!("xdp {mode}"),
                prog_id,
            ));
        }
        let target = Target::Ifindex(interface.ifindex);
        ordered(&system, target, ORDERED, Some(interface), &mut rows)?;
        let own = |filter: &&Filter| filter.place.ifindex == interface.ifindex;
        rows.extend(
            filters
                .iter()
                .filter(own)
                .map(|f| classifier(&system, interface, f)),
        );
    }
    let namespace = Namespace::current(&system)?;
    let target = Target::Fd(namespace.fd());
    ordered(&system, target, OF_NAMESPACE, None, &mut rows)?;
    let mut out = Out::new(json);
    out.rows(COLUMNS, &rows)?;
    out.flush()?;
    Ok(0)
}

/// Adds what is attached somewhere, in the order in which it runs.
fn ordered(
    system: &System,
    target: Target<'_>,
    kinds: &[(AttachType, &str)],
    interface: Option<&Interface>,
    rows: &mut Vec<Value>,
) -> Result<()> {
    for (attach_type, hook) in kinds {
        let found = match system.attached(target, *attach_type) {
            // The kernel is older, the interface no netkit device or the peer of one, or it has gone.
            Err(error)
                if matches!(
                    error.errno(),
                    Some(Errno::EINVAL | Errno::ENXIO | Errno::EACCES | Errno::ENODEV)
                ) =>
            {
                continue;
            }
            found => found.map_err(listing)?,
        };
        for each in &found.list {
            let mut row = row(system, interface, hook, each.prog_id);
            if each.link_id != 0 {
                row["link_id"] = json!(each.link_id);
            }
            rows.push(row);
        }
    }
    Ok(())
}

fn classifier(system: &System, interface: &Interface, filter: &Filter) -> Value {
    let place = &filter.place;
    let hook = format!("tc {}", place.parent);
    let mut row = row(system, Some(interface), &hook, filter.prog_id);
    row["priority"] = json!(place.priority);
    row["handle"] = json!(place.handle);
    row["chain"] = json!(place.chain);
    row["direct_action"] = json!(filter.direct_action);
    row["called"] = json!(filter.name);
    row
}

fn row(system: &System, interface: Option<&Interface>, hook: &str, prog_id: u32) -> Value {
    // Another may have taken it away, or it is not for this process to open.
    let program = system.program_by_id(prog_id).ok();
    json!({
        "interface": interface.map(|interface| &interface.name),
        "ifindex": interface.map(|interface| interface.ifindex),
        "hook": hook,
        "prog_id": prog_id,
        "name": program.map(|program| program.name().to_owned()),
        "link_id": null,
        "priority": null,
        "handle": null,
    })
}
