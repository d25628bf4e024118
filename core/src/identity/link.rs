//! Invitation links: `pli://HOST:PORT/join#…`, where the fragment is base64url of a 16-byte token and the root's public
//! key. The link pins the root, so that the very first connection is to the right server.
//!
//! A link goes by mail, and comes with what mail programs make of it: [`find`] takes what can mean one link alone.

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use pli_proto::text::is_invisible;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::{Error, What};

/// Characters of the part after `#`: 48 bytes in base64url.
const SECRET: usize = 64;
/// What a link begins with, in whatever case.
const SCHEME: &str = "pli://";
/// What stands between address and secret.
const JOIN: &str = "/join";
/// Bytes of a text in which a link is looked for: a long mail.
const LOOKED_THROUGH: usize = 256 << 10;

/// An invitation, parsed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
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

/// Why there is no link in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing begins with `pli://`.
    Absent,
    /// What follows is no address, or `/join#` is missing.
    Address,
    /// The end is missing.
    Cut,
    /// There is more than a link's secret, with nothing between.
    Long,
    /// There are several links.
    Several,
}

impl FromStr for Invitation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        find(text).map_err(|_| Error::Invalid { what: What::Invitation, limit: 0 })
    }
}

/// The link in a text: perhaps in brackets, in a sentence, with the scheme in capitals, wrapped, quoted, with `#` written
/// as `%23`, or the same one twice.
///
/// # Errors
/// Why there is none.
pub fn find(text: &str) -> Result<Invitation, Fault> {
    let text = &text[..text.floor_char_boundary(LOOKED_THROUGH)];
    let begins = |at: &usize| text[*at..].get(..SCHEME.len()).is_some_and(|begun| begun.eq_ignore_ascii_case(SCHEME));
    let starts = text.char_indices().map(|(at, _)| at).filter(begins);
    let mut found: Option<Invitation> = None;
    let mut fault = Fault::Absent;
    for start in starts {
        match parse(&text[start + SCHEME.len()..]) {
            Ok(link) if found.as_ref().is_some_and(|found| *found != link) => return Err(Fault::Several),
            Ok(link) => found = Some(link),
            Err(why) => fault = why,
        }
    }
    found.ok_or(fault)
}

/// Reads a link from what follows the scheme; whatever comes after it is not looked at.
fn parse(text: &str) -> Result<Invitation, Fault> {
    let mut rest = Unwrapped(text);
    let mut address = String::new();
    while !address.ends_with(JOIN) {
        let c = rest.next().filter(|c| c.is_ascii_graphic()).ok_or(Fault::Address)?;
        address.push(c);
        // A host name has 253 bytes at most; brackets, port and the rest come to it.
        if address.len() > 253 + 8 + JOIN.len() {
            return Err(Fault::Address);
        }
    }
    let (host, port) = host_and_port(&address[..address.len() - JOIN.len()]).ok_or(Fault::Address)?;
    rest.skip_hash().ok_or(Fault::Cut)?;
    let mut secret: String = rest.by_ref().take(SECRET).take_while(is_of_secret).collect();
    if secret.len() < SECRET {
        return Err(Fault::Cut);
    }
    if rest.0.starts_with(|c| is_of_secret(&c)) {
        return Err(Fault::Long);
    }
    let mut bytes = BASE64URL_NOPAD.decode(secret.as_bytes()).map_err(|_| Fault::Cut)?;
    secret.zeroize();
    let (token, root) = bytes.split_first_chunk::<16>().ok_or(Fault::Cut)?;
    let root = root.try_into().map_err(|_| Fault::Cut)?;
    let invitation = Invitation { host, port, token: *token, root };
    bytes.zeroize();
    Ok(invitation)
}

fn host_and_port(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').map_or(Some(host), |v6| v6.strip_suffix(']'))?;
    let plausible = |b: u8| b.is_ascii_graphic() && !b"/#<>\"".contains(&b);
    let is_host = !host.is_empty() && host.len() <= 253 && host.bytes().all(plausible);
    let port = port.parse().ok().filter(|port| *port != 0 && is_host)?;
    Some((host.into(), port))
}

fn is_of_secret(c: &char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// The characters of a text, without what mail programs break it with: line ends, after which an answer's `>` may stand,
/// the `=` of quoted-printable before them, and what can't be seen.
struct Unwrapped<'a>(&'a str);

impl Unwrapped<'_> {
    /// Takes the `#`, as it may be written.
    fn skip_hash(&mut self) -> Option<()> {
        match self.next()? {
            '#' => Some(()),
            '%' | '=' => (self.next()? == '2' && self.next()? == '3').then_some(()),
            _ => None,
        }
    }
}

impl Iterator for Unwrapped<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            self.0 = self.0.trim_start_matches(is_invisible);
            let line = self.0.trim_start_matches('=').trim_start_matches([' ', '\t', '\r']);
            match line.strip_prefix('\n') {
                Some(next) => self.0 = next.trim_start_matches([' ', '\t', '>']),
                None => break,
            }
        }
        let c = self.0.chars().next()?;
        self.0 = &self.0[c.len_utf8()..];
        Some(c)
    }
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
        let bad: &[(&str, Fault)] = &[
            ("", Fault::Absent),
            ("hello", Fault::Absent),
            ("https://host:1/join#AAAA", Fault::Absent),
            ("pli://host/join#AAAA", Fault::Address),
            (&good[..good.len() - 3], Fault::Cut),
            (&good.replace("join", "j"), Fault::Address),
            (&link("host:0", &[7; 48]), Fault::Address),
            (&link("host:99999", &[7; 48]), Fault::Address),
            (&link(":1", &[7; 48]), Fault::Address),
            (&link("ho st:1", &[7; 48]), Fault::Address),
            (&link("host:1", &[7; 47]), Fault::Cut),
            (&link("host:1", &[7; 49]), Fault::Long),
            (&link("host:1", &[]), Fault::Cut),
            ("pli://host:1/join#é", Fault::Cut),
            ("pli://host:1/join", Fault::Cut),
            (&format!("pli://{}:1/join#", "h".repeat(300)), Fault::Address),
            (&format!("{good} {}", link("host:2", &[7; 48])), Fault::Several),
            (&format!("{good} {}", link("host:1", &[8; 48])), Fault::Several),
        ];
        for (text, why) in bad {
            assert_eq!(find(text).err(), Some(*why), "{text}");
            assert!(text.parse::<Invitation>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_mail_programs_make_of_a_link_is_understood() {
        let good = link("chat.example.org:8443", &[0xb7; 48]);
        let expected = find(&good).ok();
        let (head, tail) = good.split_at(70);
        for text in [
            &format!("<{good}>"),
            &format!("\"{good}\","),
            &format!("({good})."),
            &format!("{good}/"),
            &format!("Bonjour Anne, voici votre invitation : {good}. Elle sert une fois."),
            &format!("[{good}]({good})"),
            &good.replace("pli://", "PLI://"),
            &good.replace("pli://", "Pli://"),
            &good.replace('#', "%23"),
            &good.replace('#', "=23"),
            &format!("{head}\r\n{tail}"),
            &format!("{head}\n  {tail}\n\nCordialement"),
            &format!("{head}=\r\n{tail}=\r\n"),
            &format!("> {head}\n> {tail}\n> "),
            &format!("{head}\u{200b}{tail}\u{feff}"),
            &good.replace("/join", "/jo\nin"),
        ] {
            assert!(find(text).ok() == expected, "{text}: {:?}", find(text).err());
        }
        // What was cut off is not made up from the sentence after it.
        assert_eq!(find(&format!("{} merci beaucoup", &good[..good.len() - 5])).err(), Some(Fault::Cut));
        assert_eq!(find(&format!("{}\nbeaucoup", &good[..good.len() - 5])).err(), Some(Fault::Long));
    }
}
