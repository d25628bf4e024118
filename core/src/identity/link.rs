//! Invitation links: `pli://HOST:PORT/join#…`, where the fragment is base64url of a 16-byte token and the root's public
//! key. The link pins the root, so that the very first connection is to the right server.

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::{Error, What};

/// An invitation, parsed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Invitation {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The single-use secret.
    pub token: [u8; 16],
    /// The root's public key.
    pub root: [u8; 32],
}

impl FromStr for Invitation {
    type Err = Error;

    fn from_str(link: &str) -> Result<Self, Error> {
        parse(link.trim()).ok_or(Error::Invalid { what: What::Invitation, limit: 0 })
    }
}

fn parse(link: &str) -> Option<Invitation> {
    let (address, fragment) = link.strip_prefix("pli://")?.split_once("/join#")?;
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').map_or(Some(host), |v6| v6.strip_suffix(']'))?;
    let plausible = !host.is_empty() && host.len() <= 253 && host.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    let mut bytes = BASE64URL_NOPAD.decode(fragment.as_bytes()).ok()?;
    let parts = bytes.split_first_chunk::<16>();
    let invitation = match parts {
        Some((token, root)) if plausible => Some(Invitation {
            host: host.into(),
            port: port.parse().ok().filter(|port| *port != 0)?,
            token: *token,
            root: root.try_into().ok()?,
        }),
        _ => None,
    };
    bytes.zeroize();
    invitation
}

/// Host and port as in a link: an IPv6 address stands in brackets.
pub fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(address: &str, bytes: &[u8]) -> String {
        format!("pli://{address}/join#{}", BASE64URL_NOPAD.encode(bytes))
    }

    #[test]
    fn a_link_is_taken_apart() {
        let invitation: Invitation = format!(" {}\n", link("chat.example.org:8443", &[7; 48])).parse().unwrap();
        assert_eq!((invitation.host.as_str(), invitation.port), ("chat.example.org", 8443));
        assert_eq!((invitation.token, invitation.root), ([7; 16], [7; 32]));
        let v6: Invitation = link("[::1]:9", &[7; 48]).parse().unwrap();
        assert_eq!(v6.host, "::1");
    }

    #[test]
    fn garbage_is_refused() {
        let good = link("host:1", &[7; 48]);
        let bad = [
            "",
            "hello",
            "https://host:1/join#AAAA",
            "pli://host/join#AAAA",
            &good[..good.len() - 3],
            &good.replace("join", "j"),
            &link("host:0", &[7; 48]),
            &link("host:99999", &[7; 48]),
            &link(":1", &[7; 48]),
            &link("ho st:1", &[7; 48]),
            &link("host:1", &[7; 47]),
            &link("host:1", &[7; 49]),
            &link("host:1", &[]),
            "pli://host:1/join#é",
        ];
        for text in bad {
            assert!(text.parse::<Invitation>().is_err(), "{text}");
        }
    }
}
