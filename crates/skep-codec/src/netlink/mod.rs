//! Netlink messages, made and read: headers and answers, interfaces and their XDP programs, routes
//! that run programs, queueing disciplines, classifiers and actions, device features.
//!
//! In this machine's byte order, as the kernel has it. What is longer than known, or not known, is
//! passed over; what is shorter is an error.

pub mod action;
pub mod attr;
pub mod genl;
pub mod link;
pub mod msg;
mod place;
mod qdisc;
pub mod route;
pub mod tc;

pub use attr::{Attr, Attrs};
pub use msg::{Ack, Answer, Header, Message, Messages, Request};
