//! Routes that run programs.

use super::{Existing, Netlink, Route, RouteHook, RoutePlace};
use crate::error::Context;
use crate::prog::Program;
use crate::{Errno, Error, ErrorKind, ProgType, Result};
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::netlink::Request;
use skep_codec::netlink::route::{SetRoute, lists};

/// Bytes of a program's name that go into what the route calls it.
const NAME: usize = 128;

/// A route that runs programs: which, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tunnel {
    /// Which route.
    pub place: RoutePlace,
    /// Bytes before packets that the program of [`RouteHook::Xmit`] may need, 256 at most.
    pub headroom: u32,
    /// Whether such a route may be there already.
    pub existing: Existing,
}

/// When a route runs a program of this type.
#[inline]
fn hook_of(program: &Program) -> Result<RouteHook> {
    match program.prog_type() {
        ProgType::LWT_IN => Ok(RouteHook::In),
        ProgType::LWT_OUT => Ok(RouteHook::Out),
        ProgType::LWT_XMIT => Ok(RouteHook::Xmit),
        ProgType::LWT_SEG6LOCAL => Ok(RouteHook::Seg6Local),
        other => {
            let what = format!(
                "routes run programs of types lwt_in, lwt_out, lwt_xmit and lwt_seg6local; `{}` is \
                 of type {other}",
                program.name()
            );
            Err(Error::new(ErrorKind::Invalid, what))
        }
    }
}

/// What a route calls a program: the kernel tells no id of most of them, and compares names.
#[inline]
fn called(program: &Program) -> Result<String> {
    let (name, id) = (program.name(), program.id()?);
    Ok(format!("{}:{id}", name.get(..NAME).unwrap_or(name)))
}

/// When a route runs which program, and what it calls it.
#[inline]
fn told(programs: &[&Program]) -> Result<Vec<(RouteHook, i32, String)>> {
    let mut told: Vec<(RouteHook, i32, String)> = Vec::new();
    for program in programs {
        let hook = hook_of(program)?;
        let twice = told.iter().any(|(other, ..)| *other == hook);
        if twice || (hook == RouteHook::Seg6Local && programs.len() > 1) {
            let what = "a route runs one program of each of the types lwt_in, lwt_out and lwt_xmit, \
                        or one of type lwt_seg6local";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        told.push((hook, program.fd().raw(), called(program)?));
    }
    Ok(told)
}

impl Tunnel {
    #[inline]
    fn request(
        &self,
        programs: &[&Program],
        request: fn(&SetRoute<'_>) -> Request,
    ) -> Result<Request> {
        let told = told(programs)?;
        let told: Vec<_> = told
            .iter()
            .map(|(hook, fd, name)| (*hook, *fd, name.as_str()))
            .collect();
        Ok(request(&SetRoute {
            place: self.place,
            programs: &told,
            headroom: self.headroom,
            existing: self.existing,
        }))
    }
}

impl Netlink {
    /// All routes of the network namespace that run programs, of IPv4 first. What runs on one of
    /// several ways of a route is not told.
    ///
    /// # Kernel
    /// `RTM_GETROUTE`, a listing for each family; with programs since Linux 4.10. It tells what
    /// programs were called, and ids of those for segments only; a route that this library made calls
    /// them `NAME:ID`.
    #[inline]
    pub fn routes(&mut self) -> Result<Vec<Route>> {
        let mut all = Vec::new();
        for request in lists() {
            match self.route.list(&request, Route::read) {
                // A kernel without IPv6.
                Err(error) if error.errno() == Some(Errno::EOPNOTSUPP) => {}
                listed => all.extend(listed.context("list routes")?),
            }
        }
        Ok(all)
    }

    /// Makes a route that runs programs, each as its type says, for as long as nobody takes it away:
    /// [`link::Lwt`](crate::link::Lwt) is what takes it away again.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: two programs of a type, or of another one. `EEXIST`: there is a route to
    /// the same addresses, and `existing` refuses that; `ENOENT`: there is none to replace; `EOPNOTSUPP`:
    /// the kernel has no such tunnels (`CONFIG_LWTUNNEL_BPF`, `CONFIG_IPV6_SEG6_BPF`).
    ///
    /// # Kernel
    /// `RTM_NEWROUTE` with `LWTUNNEL_ENCAP_BPF` (since Linux 4.10) or `LWTUNNEL_ENCAP_SEG6_LOCAL` (with
    /// programs since 4.18). Needs `CAP_NET_ADMIN`.
    #[inline]
    pub fn set_route(&mut self, tunnel: &Tunnel, programs: &[&Program]) -> Result<()> {
        let request = tunnel.request(programs, |set| set.request())?;
        let made = self.change(&request);
        made.context(format_args!("make a route to {}", tunnel.place))
    }

    /// Removes a route that runs these programs. Of IPv6, the kernel does not look at them.
    ///
    /// # Errors
    /// `ESRCH`: there is none.
    ///
    /// # Kernel
    /// `RTM_DELROUTE`.
    #[inline]
    pub fn delete_route(&mut self, tunnel: &Tunnel, programs: &[&Program]) -> Result<()> {
        let request = tunnel.request(programs, |set| set.delete())?;
        let removed = self.change(&request);
        removed.context(format_args!("remove the route to {}", tunnel.place))
    }

    /// Whether a route runs these programs; `None` if there is none that runs any.
    #[inline]
    pub(crate) fn runs(&mut self, tunnel: &Tunnel, programs: &[&Program]) -> Result<Option<bool>> {
        let place = &tunnel.place;
        let listed = match self.route.list(&place.list(), Route::read) {
            // The table has gone with its last route, or the interface.
            Err(error) if matches!(error.errno(), Some(Errno::ENOENT | Errno::ENODEV)) => {
                return Ok(None);
            }
            listed => listed.context(format_args!("look for the route to {place}"))?,
        };
        let Some(there) = listed.into_iter().find(|route| place.is(&route.place)) else {
            return Ok(None);
        };
        let told = told(programs)?;
        let has = |(hook, _, name): &(RouteHook, i32, String)| {
            let mut programs = there.programs.iter();
            programs.any(|program| program.hook == *hook && program.name == *name)
        };
        Ok(Some(
            there.programs.len() == told.len() && told.iter().all(has),
        ))
    }
}
