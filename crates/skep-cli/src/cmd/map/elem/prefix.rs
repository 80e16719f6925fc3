//! Keys of prefix tries given as `ADDRESS/LENGTH`.

use crate::args::Assign;
use crate::fail::{Failure, Result};
use std::net::IpAddr;

/// Bytes of the length, which comes first.
const LEN: usize = 4;

/// An address and how many of its bits count, as they were given.
pub(super) struct Prefix<'a> {
    address: &'a str,
    len: Option<&'a str>,
}

impl<'a> Prefix<'a> {
    /// A whole key that is given so; one without a length has all bits of the address.
    pub(super) fn of(assign: &'a Assign) -> Option<Self> {
        let text = assign.text.trim();
        let prefix = match text.split_once('/') {
            Some((address, len)) => Self {
                address,
                len: Some(len),
            },
            None => Self {
                address: text,
                len: None,
            },
        };
        let is_struct = text.starts_with(['{', '[', '"']);
        let is_prefix = prefix.len.is_some() || prefix.address.parse::<IpAddr>().is_ok();
        (assign.path.is_empty() && !is_struct && is_prefix).then_some(prefix)
    }

    /// Writes it into the bytes of a key.
    pub(super) fn write(&self, assign: &Assign, key: &mut [u8]) -> Result<()> {
        let wrong = |what: String| Failure::Text {
            line: format!("{}={}", assign.place(), assign.text),
            at: assign.place().len() + 1,
            why: what,
        };
        let octets = match self.address.parse() {
            Ok(IpAddr::V4(address)) => address.octets().to_vec(),
            Ok(IpAddr::V6(address)) => address.octets().to_vec(),
            Err(_) => return Err(wrong(format!("`{}` is no address", self.address))),
        };
        let bits = octets.len() * 8;
        let Some((len, data)) = key
            .split_at_mut_checked(LEN)
            .filter(|(_, data)| data.len() == octets.len())
        else {
            let have = key.len().saturating_sub(LEN);
            return Err(wrong(format!(
                "the address has {bits} bits, the keys of this map have {}",
                have * 8
            )));
        };
        let given = match self.len {
            None => bits as u32,
            Some(len) => len.parse().map_err(|_| {
                wrong(format!(
                    "expected ADDRESS/LENGTH with a length from 0 to {bits}"
                ))
            })?,
        };
        if given as usize > bits {
            return Err(wrong(format!(
                "a prefix of {given} bits, of an address that has {bits}"
            )));
        }
        len.copy_from_slice(&given.to_ne_bytes());
        data.copy_from_slice(&octets);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str, size: usize) -> Result<Vec<u8>, String> {
        let assign: Assign = format!("key={text}").parse()?;
        let prefix = Prefix::of(&assign).ok_or("no prefix")?;
        let mut bytes = vec![0xaa; size];
        let done = prefix.write(&assign, &mut bytes);
        done.map(|()| bytes).map_err(|failure| failure.to_string())
    }

    #[test]
    fn prefixes_are_addresses_with_a_length() {
        let of = |len: u32, data: &[u8]| [&len.to_ne_bytes()[..], data].concat();
        assert_eq!(key("10.0.0.0/8", 8), Ok(of(8, &[10, 0, 0, 0])));
        assert_eq!(key("0.0.0.0/0", 8), Ok(of(0, &[0; 4])));
        assert_eq!(key(" 10.0.0.1 ", 8), Ok(of(32, &[10, 0, 0, 1])));
        let v6 = key("fe80::/10", 20).unwrap();
        assert_eq!((v6.len(), &v6[..6]), (20, &of(10, &[0xfe, 0x80])[..]));
        for (text, size, why) in [
            (
                "10.0.0.0/33",
                8,
                "a prefix of 33 bits, of an address that has 32",
            ),
            (
                "fe80::/129",
                20,
                "a prefix of 129 bits, of an address that has 128",
            ),
            (
                "fe80::/10",
                8,
                "the address has 128 bits, the keys of this map have 32",
            ),
            (
                "10.0.0.0/8",
                20,
                "the address has 32 bits, the keys of this map have 128",
            ),
            (
                "10.0.0.0/8",
                2,
                "the address has 32 bits, the keys of this map have 0",
            ),
            (
                "10.0.0.0/x",
                8,
                "expected ADDRESS/LENGTH with a length from 0 to 32",
            ),
            (
                "10.0.0.0/-1",
                8,
                "expected ADDRESS/LENGTH with a length from 0 to 32",
            ),
            ("10.0.0/8", 8, "`10.0.0` is no address"),
            ("{ prefixlen = 8 }", 8, "no prefix"),
        ] {
            assert_eq!(key(text, size).unwrap_err(), why, "{text}");
        }
    }
}
