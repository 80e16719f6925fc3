//! `skep net`: programs on the interfaces of this network namespace, on its routes, and on itself.

use super::listing;
use crate::fail::Result;
use crate::out::{Column, Out};
use serde_json::{Value, json};
use skep::link::Target;
use skep::netlink::{Filter, Interface, Namespace, Netlink, Route};
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
    let routes = netlink.routes()?;
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
        for filter in filters.iter().filter(own) {
            classifier(&system, interface, filter, &mut rows);
        }
        let own = |route: &&Route| route.place.ifindex == interface.ifindex;
        for route in routes.iter().filter(own) {
            of_route(&system, interface, route, &mut rows);
        }
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

/// Adds the programs of a classifier: its own, and its actions'.
fn classifier(system: &System, interface: &Interface, filter: &Filter, rows: &mut Vec<Value>) {
    let place = &filter.place;
    let mut add = |hook: String, prog_id, called: &str| {
        let mut row = row(system, Some(interface), &hook, prog_id);
        row["priority"] = json!(place.priority);
        row["handle"] = json!(place.handle);
        row["chain"] = json!(place.chain);
        row["direct_action"] = json!(filter.direct_action);
        row["called"] = json!(called);
        rows.push(row);
    };
    if filter.prog_id != 0 {
        add(format!("tc {}", place.parent), filter.prog_id, &filter.name);
    }
    for action in &filter.actions {
        let hook = format!("tc {} action {}", place.parent, action.index);
        add(hook, action.prog_id, &action.name);
    }
}

/// Adds the programs of a route; the kernel may tell no more of them than what they were called.
fn of_route(system: &System, interface: &Interface, route: &Route, rows: &mut Vec<Value>) {
    let place = &route.place;
    for program in &route.programs {
        let hook = format!("route {place} {}", program.hook);
        let mut row = row(
            system,
            Some(interface),
            &hook,
            program.prog_id.unwrap_or_default(),
        );
        if program.prog_id.is_none() {
            row["prog_id"] = Value::Null;
            row["name"] = json!(program.name);
        }
        row["priority"] = json!(place.priority);
        row["table"] = json!(place.table);
        row["called"] = json!(program.name);
        rows.push(row);
    }
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
