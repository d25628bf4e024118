//! The profile of the organisation's certificates, and its verification.
//!
//! Three levels, all Ed25519: the root signs an issuer, the issuer signs a device's two certificates, of two keys: one
//! for MLS without end, one for TLS. They hold ids only, in one URI of the subject's alternative name. In a group a
//! chain is judged with its dates ignored: every client must decide alike, whatever its clock says.

use sha2::{Digest, Sha256};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::id::{DeviceId, PersonId};
use crate::row;

/// Ed25519 in X.509 (RFC 8410).
const ED25519: &str = "1.3.101.112";
/// That algorithm, and the head of a signature by it, in a certificate (RFC 5280 section 4.1.1).
const SIGNED_WITH: &[u8] = &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x41, 0];
/// The extended key usage of an MLS certificate: an arc of ISO 2.25, under which numbers need no registration.
pub const MLS_USAGE: &[u64] = &[2, 25, 7_164_190_264_412_063_951];

/// What a device's certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// A leaf in MLS groups.
    Mls,
    /// The client's end of TLS.
    Tls,
}

/// Why a chain was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not a certificate, or bytes after it.
    #[error("not a DER certificate")]
    Malformed,
    /// Parsed, but not of this profile.
    #[error("the certificate is not of Pli's profile")]
    Profile,
    /// A signature does not verify, or the root is another.
    #[error("the certificate does not chain to this root")]
    Chain,
}

/// A device's certificate whose chain was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCertificate {
    /// Whose device it is.
    pub person: PersonId,
    /// Which device.
    pub device: DeviceId,
    /// The person is a guest of the organisation.
    pub is_guest: bool,
    /// The certified Ed25519 key.
    pub key: [u8; 32],
    /// Seconds since 1970.
    pub not_before_s: i64,
    /// Seconds since 1970.
    pub not_after_s: i64,
    /// SHA-256 of the DER bytes: how revocation lists name it.
    pub fingerprint: [u8; 32],
    /// SHA-256 of the issuer's certificate.
    pub issuer: [u8; 32],
}

/// Whom an issuer certifies: a person's device, and of which kind the person is. A device's certificates all say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Whose device it is.
    pub person: PersonId,
    /// Which device.
    pub device: DeviceId,
    /// The person is a guest of the organisation. It is said here, so that every member of a group judges alike.
    pub is_guest: bool,
}

impl Subject {
    /// The URI that names the device in its certificates.
    pub fn uri(&self, organisation: &str) -> String {
        let Self { person, device, is_guest } = self;
        let kind = if *is_guest { "guest" } else { "person" };
        format!("pli://{organisation}/{kind}/{person}/device/{device}")
    }

    fn of(uri: &str) -> Option<Self> {
        let parts: Vec<&str> = uri.strip_prefix("pli://")?.split('/').collect();
        let [_, kind @ ("person" | "guest"), person, "device", device] = parts.as_slice() else { return None };
        Some(Self { person: person.parse().ok()?, device: device.parse().ok()?, is_guest: *kind == "guest" })
    }
}

impl DeviceCertificate {
    /// Whom it names.
    pub fn subject(&self) -> Subject {
        Subject { person: self.person, device: self.device, is_guest: self.is_guest }
    }
}

/// SHA-256 of a certificate.
pub fn fingerprint(der: &[u8]) -> [u8; 32] {
    Sha256::digest(der).into()
}

/// Verifies a device's chain (its certificate, then the issuer's) up to the root's public key. Dates are ignored.
///
/// # Errors
/// The first thing that was wrong.
pub fn verify_device(root: &[u8; 32], chain: &[&[u8]], usage: Usage) -> Result<DeviceCertificate, CertificateError> {
    let &[device, issuer] = chain else { return Err(CertificateError::Profile) };
    let issuer_key = verify_issuer(root, issuer)?;
    if !signed_by(&parse(device)?, &issuer_key) {
        return Err(CertificateError::Chain);
    }
    read_device(chain, usage)
}

/// Reads the device's certificate of a chain whose signatures were verified before, when it was accepted.
///
/// # Errors
/// If it is not of the profile.
pub fn read_device(chain: &[&[u8]], usage: Usage) -> Result<DeviceCertificate, CertificateError> {
    let &[device, issuer] = chain else { return Err(CertificateError::Profile) };
    let certificate = parse(device)?;
    if certificate.is_ca() {
        return Err(CertificateError::Profile);
    }
    let Subject { person, device: device_id, is_guest } = subject(&certificate)?;
    if !has_usage(&certificate, usage) {
        return Err(CertificateError::Profile);
    }
    Ok(DeviceCertificate {
        person,
        device: device_id,
        is_guest,
        key: key(&certificate)?,
        not_before_s: certificate.validity().not_before.timestamp(),
        not_after_s: certificate.validity().not_after.timestamp(),
        fingerprint: fingerprint(device),
        issuer: fingerprint(issuer),
    })
}

/// Verifies an issuer's certificate and gives its key.
///
/// # Errors
/// The first thing that was wrong.
pub fn verify_issuer(root: &[u8; 32], issuer: &[u8]) -> Result<[u8; 32], CertificateError> {
    let certificate = parse(issuer)?;
    let constraints = certificate.basic_constraints().map_err(|_| CertificateError::Profile)?;
    let may_sign = constraints.is_some_and(|c| c.critical && c.value.ca && c.value.path_len_constraint == Some(0));
    if !may_sign {
        return Err(CertificateError::Profile);
    }
    if !signed_by(&certificate, root) {
        return Err(CertificateError::Chain);
    }
    key(&certificate)
}

/// The Ed25519 key in a root's certificate, which must have signed itself.
///
/// # Errors
/// If it is not such a certificate.
pub fn root_key(root: &[u8]) -> Result<[u8; 32], CertificateError> {
    let certificate = parse(root)?;
    let key = key(&certificate)?;
    if signed_by(&certificate, &key) { Ok(key) } else { Err(CertificateError::Chain) }
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) if der == encoded(&certificate) => Ok(certificate),
        _ => Err(CertificateError::Malformed),
    }
}

/// The one encoding of a certificate around what is signed. The parser takes others, which have another fingerprint:
/// whoever holds a certificate could make one that no revocation line names.
fn encoded(certificate: &X509Certificate<'_>) -> Vec<u8> {
    let signed = certificate.tbs_certificate.as_ref();
    let inside = [signed, SIGNED_WITH, &certificate.signature_value.data].concat();
    let length = inside.len();
    let head: &[u8] = match length {
        0..=0x7f => &[0x30, length as u8],
        0x80..=0xff => &[0x30, 0x81, length as u8],
        _ => &[0x30, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, &inside].concat()
}

fn key(certificate: &X509Certificate<'_>) -> Result<[u8; 32], CertificateError> {
    let info = certificate.public_key();
    if info.algorithm.algorithm.to_id_string() != ED25519 || info.algorithm.parameters.is_some() {
        return Err(CertificateError::Profile);
    }
    let key: [u8; 32] = info.subject_public_key.data.as_ref().try_into().map_err(|_| CertificateError::Profile)?;
    if row::is_prime_order(&key) { Ok(key) } else { Err(CertificateError::Profile) }
}

fn signed_by(certificate: &X509Certificate<'_>, key: &[u8; 32]) -> bool {
    let outer = &certificate.signature_algorithm;
    let ed25519 = outer.algorithm.to_id_string() == ED25519 && outer.parameters.is_none();
    ed25519
        && certificate.tbs_certificate.signature == *outer
        && row::verify(key, certificate.tbs_certificate.as_ref(), &certificate.signature_value.data)
}

fn subject(certificate: &X509Certificate<'_>) -> Result<Subject, CertificateError> {
    let names = certificate.subject_alternative_name().map_err(|_| CertificateError::Profile)?;
    let [GeneralName::URI(uri)] = names.ok_or(CertificateError::Profile)?.value.general_names.as_slice() else {
        return Err(CertificateError::Profile);
    };
    Subject::of(uri).ok_or(CertificateError::Profile)
}

fn has_usage(certificate: &X509Certificate<'_>, usage: Usage) -> bool {
    let mut found = false;
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::ExtendedKeyUsage(usages) => {
                let mls =
                    usages.other.iter().any(|oid| oid.iter().is_some_and(|parts| parts.eq(MLS_USAGE.iter().copied())));
                found = match usage {
                    Usage::Mls => mls && !usages.client_auth && !usages.server_auth && !usages.any,
                    Usage::Tls => usages.client_auth && !mls,
                };
            }
            // An extension that must be understood, and is not.
            ParsedExtension::UnsupportedExtension { .. } | ParsedExtension::ParseError { .. } if extension.critical => {
                return false;
            }
            _ => {}
        }
    }
    found
}
