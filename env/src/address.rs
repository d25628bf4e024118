//! Network addresses as what one subscriber has.

use std::net::IpAddr;

/// Leading bytes of an IPv6 address that one subscriber can't choose: providers give a /56 to each.
const IPV6_PREFIX_BYTES: usize = 7;

/// An address as a key to count by: of IPv6 only what one subscriber can't choose. None where there are no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Option<IpAddr>);

impl From<Option<IpAddr>> for Address {
    fn from(address: Option<IpAddr>) -> Self {
        Self(match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V6(v6)) => {
                let mut octets = v6.octets();
                octets[IPV6_PREFIX_BYTES..].fill(0);
                Some(octets.into())
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Some(text.parse().unwrap()).into()
    }

    #[test]
    fn a_subscriber_has_one_address() {
        assert_eq!(address("2001:db8:0:12::1"), address("2001:db8:0:1f:ffff::2"));
        assert_ne!(address("2001:db8:0:12::1"), address("2001:db8:0:112::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }
}
