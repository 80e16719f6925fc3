//! Which commands a kernel knows, asked without doing anything.

use super::call;
use crate::attr::{IterCreate, LinkDetach, MapBatch, MapFreeze, Plain};
use crate::attr::{ProgAssocStructOps, ProgBindMap, ProgStreamRead, RawTpOpen, TokenCreate};
use crate::{CallError, KernelRef, Result};
use skep_codec::Errno;
use skep_codec::uapi::bpf::Cmd;

/// No descriptor.
const NONE: u32 = u32::MAX;

/// Asks whether the kernel knows a command, by giving it a descriptor that is not open: the kernel
/// says `EBADF` if it knows the command.
///
/// # Errors
/// `EINVAL`: it does not, or this is none of the commands that can be asked for so
/// (`MAP_FREEZE`, `MAP_LOOKUP_BATCH`, `RAW_TRACEPOINT_OPEN`, `ITER_CREATE`, `LINK_DETACH`,
/// `PROG_BIND_MAP`, `TOKEN_CREATE`, `PROG_STREAM_READ_BY_FD`,
/// `PROG_ASSOC_STRUCT_OPS`); `EPERM`: a capability is missing.
pub fn knows_command(kernel: &KernelRef, cmd: Cmd) -> Result<()> {
    match cmd {
        Cmd::MAP_FREEZE => ask(kernel, cmd, MapFreeze { map_fd: NONE }),
        Cmd::MAP_LOOKUP_BATCH => {
            let map_fd = NONE;
            ask(
                kernel,
                cmd,
                MapBatch {
                    map_fd,
                    ..MapBatch::default()
                },
            )
        }
        Cmd::RAW_TRACEPOINT_OPEN => {
            let prog_fd = NONE;
            ask(
                kernel,
                cmd,
                RawTpOpen {
                    prog_fd,
                    ..RawTpOpen::default()
                },
            )
        }
        Cmd::ITER_CREATE => ask(
            kernel,
            cmd,
            IterCreate {
                link_fd: NONE,
                flags: 0,
            },
        ),
        Cmd::LINK_DETACH => ask(kernel, cmd, LinkDetach { link_fd: NONE }),
        Cmd::PROG_ASSOC_STRUCT_OPS => ask(
            kernel,
            cmd,
            ProgAssocStructOps {
                map_fd: NONE,
                prog_fd: NONE,
                flags: 0,
            },
        ),
        Cmd::PROG_BIND_MAP => {
            let prog_fd = NONE;
            ask(
                kernel,
                cmd,
                ProgBindMap {
                    prog_fd,
                    ..ProgBindMap::default()
                },
            )
        }
        Cmd::TOKEN_CREATE => ask(
            kernel,
            cmd,
            TokenCreate {
                flags: 0,
                bpffs_fd: NONE,
            },
        ),
        Cmd::PROG_STREAM_READ_BY_FD => {
            let prog_fd = NONE;
            ask(
                kernel,
                cmd,
                ProgStreamRead {
                    prog_fd,
                    ..ProgStreamRead::default()
                },
            )
        }
        _ => Err(CallError::new("bpf", Errno::EINVAL)),
    }
}

fn ask<T: Plain>(kernel: &KernelRef, cmd: Cmd, mut attr: T) -> Result<()> {
    // SAFETY: the attribute's pointers are null, and its descriptor is none: no command gets as
    // far as following them.
    match unsafe { call(&**kernel, cmd, "bpf", &mut attr, 0) } {
        // `EBADF` is what was to be shown; that it worked, nothing of ours can have meant.
        Err(error) if error.errno != Errno::EBADF => Err(error),
        _ => Ok(()),
    }
}
