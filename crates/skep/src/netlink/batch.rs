//! Many changes, sent at once.

use super::{Classifier, Qdisc, XdpMode, xdp};
use crate::prog::Program;
use alloc::vec::Vec;
use core::marker::PhantomData;
use skep_codec::netlink::Request;

/// Changes that are sent at once ([`Netlink::run`](super::Netlink::run)).
#[derive(Clone, Debug, Default)]
pub struct Batch<'a> {
    requests: Vec<Request>,
    /// Their descriptors are in the requests.
    programs: PhantomData<&'a Program>,
}

impl<'a> Batch<'a> {
    /// Nothing yet.
    #[inline]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many changes there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    #[inline]
    pub(super) fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// Any change: no question, whose answers would be taken for something else.
    #[inline]
    pub fn push(&mut self, request: Request) -> &mut Self {
        self.requests.push(request);
        self
    }

    /// As [`Netlink::attach_xdp`](super::Netlink::attach_xdp).
    #[inline]
    pub fn attach_xdp(
        &mut self,
        ifindex: u32,
        program: &'a Program,
        mode: Option<XdpMode>,
    ) -> &mut Self {
        self.push(xdp::attach(ifindex, program, mode))
    }

    /// As [`Netlink::replace_xdp`](super::Netlink::replace_xdp).
    #[inline]
    pub fn replace_xdp(
        &mut self,
        ifindex: u32,
        old: &'a Program,
        new: &'a Program,
        mode: Option<XdpMode>,
    ) -> &mut Self {
        self.push(xdp::replace(ifindex, old, new, mode))
    }

    /// As [`Netlink::detach_xdp`](super::Netlink::detach_xdp).
    #[inline]
    pub fn detach_xdp(
        &mut self,
        ifindex: u32,
        program: Option<&'a Program>,
        mode: Option<XdpMode>,
    ) -> &mut Self {
        self.push(xdp::detach(ifindex, program, mode))
    }

    /// As [`Netlink::create_qdisc`](super::Netlink::create_qdisc).
    #[inline]
    pub fn create_qdisc(&mut self, qdisc: &Qdisc) -> &mut Self {
        self.push(qdisc.create())
    }

    /// As [`Netlink::set_filter`](super::Netlink::set_filter); what the kernel chooses is not told.
    #[inline]
    pub fn set_filter(&mut self, program: &'a Program, classifier: &Classifier) -> &mut Self {
        self.push(classifier.request(program))
    }
}
