//! `AF_XDP` sockets: whole packets of a queue of an interface, received and sent by way of memory
//! that is shared with the kernel.
//!
//! An XDP program chooses packets (`bpf_redirect_map` into a `BPF_MAP_TYPE_XSKMAP`), the socket in
//! that slot of the map receives them:
//!
//! ```no_run
//! # fn main() -> Result<(), skep::Error> {
//! use skep::xsk::{XskOptions, XskSocket};
//! # let system = skep::System::host()?;
//! # let object = skep::ObjectSpec::open("xsk.bpf.o")?.load(&system)?;
//! let (ifindex, queue) = (3, 0);
//! let mut socket = XskSocket::bind(&system, ifindex, queue, &XskOptions::default())?;
//! skep::map::XskMap::try_from(object.map("sockets")?)?.set(queue, socket.fd())?;
//! loop {
//!     socket.wait(None)?;
//!     while let Some(packet) = socket.recv()? {
//!         println!("{} bytes", packet.len());
//!     }
//! }
//! # }
//! ```
//!
//! A frame (room for a packet) is the kernel's, or in the pool, or lent as one [`RxFrame`] or
//! [`TxFrame`]; what the kernel says of frames is compared with that before a byte is touched.
//! Sockets that share memory ([`XskSocket::bind_shared`]) have each their own frames of it.
//! Packets are copied in and out, never lent as slices: another process that holds the socket could
//! have the kernel write there.

mod frame;
mod options;
mod region;
mod ring;
mod socket;
mod umem;

pub use frame::{RxFrame, TxFrame};
pub use options::{CopyMode, XskOptions};
pub use skep_sys::net::xsk::Statistics;
pub use socket::XskSocket;
