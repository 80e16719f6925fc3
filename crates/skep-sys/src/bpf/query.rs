//! What is attached somewhere.

use super::{Target, bpf, output};
use crate::attr::ProgQuery;
use crate::{KernelRef, Result};
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::uapi::bpf::AttachType;

/// One attachment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// The program.
    pub prog_id: u32,
    /// Flags that it was attached with; 0 where the kernel does not tell.
    pub flags: u32,
    /// Its link, if it has one and the kernel tells.
    pub link_id: u32,
}

/// What is attached to a target, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachments {
    /// Each of them.
    pub list: Vec<Attached>,
    /// Flags of the target (`BPF_F_ALLOW_MULTI`).
    pub attach_flags: u32,
    /// Number of changes, for `expected_revision`; 0 where there is none.
    pub revision: u64,
}

/// More than fit the first time are asked for again, so often.
const ATTEMPTS: u32 = 8;
const QUERY_END: usize = size_of::<ProgQuery>();

/// Asks what is attached to a target; `query_flags` is 0 or `BPF_F_QUERY_EFFECTIVE`.
///
/// # Errors
/// `EINVAL`: the kernel cannot tell for this type; `EPERM`: no `CAP_NET_ADMIN`.
///
/// # Kernel
/// `BPF_PROG_QUERY`, since 4.15; tcx and netkit since 6.6.
#[inline]
pub fn prog_query(
    kernel: &KernelRef,
    target: Target<'_>,
    attach_type: AttachType,
    query_flags: u32,
) -> Result<Attachments> {
    let mut room = 16_usize;
    let mut attempt = 1;
    loop {
        let mut ids = alloc::vec![0_u32; room];
        let mut each_flags = alloc::vec![0_u32; room];
        let mut link_ids = alloc::vec![0_u32; room];
        let ordered = is_ordered(attach_type);
        // Programs of LSM hooks tell of themselves, too; not if it is asked what is effective.
        let flagged = ordered || (attach_type == AttachType::LSM_CGROUP && query_flags == 0);
        let mut attr = ProgQuery {
            target_fd: target.raw(),
            attach_type: attach_type.0,
            query_flags,
            prog_ids: output(&mut ids),
            prog_cnt: room as u32,
            prog_attach_flags: if flagged { output(&mut each_flags) } else { 0 },
            link_ids: if ordered { output(&mut link_ids) } else { 0 },
            ..ProgQuery::default()
        };
        // SAFETY: each list has room for `prog_cnt` numbers and outlives the call.
        let result = unsafe { bpf!(kernel, PROG_QUERY, &mut attr, at_least QUERY_END) };
        match result {
            Ok(_) => {}
            Err(error) if error.errno == Errno::ENOSPC && attempt < ATTEMPTS => {
                attempt += 1;
                room = room
                    .saturating_mul(4)
                    .max(attr.prog_cnt as usize)
                    .min(1 << 16);
                continue;
            }
            Err(error) => return Err(error),
        }
        let list = ids
            .iter()
            .zip(&each_flags)
            .zip(&link_ids)
            .take(attr.prog_cnt as usize)
            .map(|((&prog_id, &flags), &link_id)| Attached {
                prog_id,
                flags,
                link_id,
            })
            .collect();
        return Ok(Attachments {
            list,
            attach_flags: attr.attach_flags,
            revision: attr.revision,
        });
    }
}

/// Targets with an order of their own tell flags and link of each; others refuse the question.
#[inline]
fn is_ordered(attach_type: AttachType) -> bool {
    matches!(
        attach_type,
        AttachType::TCX_INGRESS
            | AttachType::TCX_EGRESS
            | AttachType::NETKIT_PRIMARY
            | AttachType::NETKIT_PEER
    )
}
