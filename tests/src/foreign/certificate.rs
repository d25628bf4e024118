//! Chains of certificates (section 7.1).

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::keys::{prime_order, verify};
use super::{Result, ensure};

/// The usage of MLS certificates, 2.25.7164190264412063951.
const MLS_USAGE: &[u8] = b"\x69\xe3\xb6\x94\xa2\xe8\xac\xdf\x91\x4f";
const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";
const KNOWN: [&str; 4] = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37"];

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) person: [u8; 16],
    pub(super) device: [u8; 16],
    pub(super) key: [u8; 32],
    pub(super) is_guest: bool,
}

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Mls,
    Tls,
}

/// Whom a chain of device and issuer names, if it is good under this root.
pub(super) fn chain(chain: &[impl AsRef<[u8]>], root: &[u8; 32], usage: Usage) -> Result<Named> {
    let [device, issuer] = chain else { return Err("a chain of another length".into()) };
    let issuer_key = issuer_key(issuer.as_ref(), root)?;
    let (device, key) = parse(device.as_ref(), &issuer_key)?;
    ensure(device.basic_constraints()?.is_none_or(|found| !found.value.ca), "a device that is a CA")?;
    let usages = device.extended_key_usage()?.ok_or("no usage")?.value;
    let mls = usages.other.iter().any(|usage| usage.as_bytes() == MLS_USAGE);
    let fits = match usage {
        Usage::Mls => mls && !usages.client_auth && !usages.server_auth && !usages.any,
        Usage::Tls => usages.client_auth && !mls,
    };
    ensure(fits, "another usage")?;
    for extension in device.extensions().iter().filter(|extension| extension.critical) {
        let parsed = !matches!(extension.parsed_extension(), ParsedExtension::ParseError { .. });
        ensure(parsed && KNOWN.contains(&extension.oid.to_id_string().as_str()), "a critical extension")?;
    }
    let names = &device.subject_alternative_name()?.ok_or("no name")?.value.general_names;
    let [GeneralName::URI(uri)] = &names[..] else { return Err("another name".into()) };
    let parts: Vec<&str> = uri.strip_prefix("pli://").ok_or("another URI")?.split('/').collect();
    let [domain, kind @ ("person" | "guest"), person, "device", device] = parts[..] else {
        return Err("another URI".into());
    };
    ensure(!domain.is_empty(), "no domain")?;
    Ok(Named { person: id(person)?, device: id(device)?, key, is_guest: kind == "guest" })
}

/// The key of an issuer's certificate under this root.
pub(super) fn issuer_key(issuer: &[u8], root: &[u8; 32]) -> Result<[u8; 32]> {
    let (issuer, key) = parse(issuer, root)?;
    let constraints = issuer.basic_constraints()?.filter(|found| found.critical && found.value.ca);
    ensure(constraints.is_some_and(|found| found.value.path_len_constraint == Some(0)), "no issuer")?;
    Ok(key)
}

fn id(text: &str) -> Result<[u8; 16]> {
    Ok(data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes())?.as_slice().try_into()?)
}

/// When a certificate begins, in seconds.
pub(super) fn not_before(der: &[u8]) -> Result<i64> {
    Ok(X509Certificate::from_der(der)?.1.validity().not_before.timestamp())
}

/// One certificate in its one encoding, signed by a key; its own key.
fn parse<'a>(der: &'a [u8], signer: &[u8; 32]) -> Result<(X509Certificate<'a>, [u8; 32])> {
    let (rest, certificate) = X509Certificate::from_der(der)?;
    ensure(rest.is_empty(), "something after a certificate")?;
    let tbs = certificate.tbs_certificate.as_ref();
    let signature = &certificate.signature_value.data;
    let inside = [tbs, ED25519, b"\x03\x41\x00", signature].concat();
    let header = match inside.len() {
        len @ 0x80..=0xff => vec![0x30, 0x81, len as u8],
        len => vec![0x30, 0x82, (len >> 8) as u8, len as u8],
    };
    ensure([header, inside].concat() == der, "another encoding")?;
    let inner = &certificate.tbs_certificate.signature;
    let key = certificate.public_key();
    ensure(inner.algorithm.as_bytes() == &ED25519[4..] && inner.parameters.is_none(), "another algorithm")?;
    ensure(key.raw.starts_with(b"\x30\x2a") && key.raw[2..].starts_with(ED25519), "another kind of key")?;
    verify(signer, tbs, signature)?;
    let key = key.subject_public_key.data.as_ref().try_into()?;
    prime_order(&key).ok_or("a key that is not of prime order")?;
    Ok((certificate, key))
}
