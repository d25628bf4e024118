//! Making certificates of the profile in `pli_proto::certificate`.

use pli_env::{Env, random};
use pli_proto::certificate::{self, Subject, Usage};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};

use super::keys::{Public, Secret};

/// Clients know the root by its key alone and make a trust anchor of it, so its name must never vary.
const ROOT_NAME: &str = "Pli root";
const ISSUER_NAME: &str = "Pli issuer";
/// A device renews well before; a stolen TLS key is of use that long, unless the device is revoked.
const TLS_DAYS: i64 = 30;
/// The server makes itself a new one at each start and once a month.
const SERVER_DAYS: i64 = 90;

/// The root's certificate, signed by itself.
pub(super) fn root(env: &dyn Env, root: &Secret) -> Result<CertificateDer<'static>, rcgen::Error> {
    let mut params = authority(env, ROOT_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    Ok(params.self_signed(root)?.der().clone())
}

/// An issuer's certificate. It has no end: issuers end by the root's list.
pub(super) fn issuer(env: &dyn Env, root: &Secret, issuer: &Secret) -> Result<CertificateDer<'static>, rcgen::Error> {
    let mut params = authority(env, ISSUER_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let by = Issuer::new(authority_names(ROOT_NAME), root);
    Ok(params.signed_by(issuer, &by)?.der().clone())
}

/// A device's certificate.
pub(super) fn device(
    env: &dyn Env,
    issuer: &Secret,
    organisation: &str,
    of: Subject,
    (key, usage): ([u8; 32], Usage),
) -> Result<CertificateDer<'static>, rcgen::Error> {
    let mut params = end(env);
    let uri = of.uri(organisation);
    params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into()?)];
    let today = today(env);
    params.not_before = today;
    match usage {
        Usage::Mls => {
            params.not_after = no_end();
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(certificate::MLS_USAGE.to_vec())];
        }
        Usage::Tls => {
            // One more, as today has partly gone.
            params.not_after = today + Duration::days(TLS_DAYS + 1);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
    }
    let by = Issuer::new(authority_names(ISSUER_NAME), issuer);
    Ok(params.signed_by(&Public(key), &by)?.der().clone())
}

/// The server's own TLS certificate.
pub(super) fn server(
    env: &dyn Env,
    issuer: &Secret,
    name: &str,
    key: [u8; 32],
) -> Result<CertificateDer<'static>, rcgen::Error> {
    let mut params = end(env);
    params.subject_alt_names = vec![match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into()?),
    }];
    let today = today(env);
    // A client's clock may be behind.
    params.not_before = today - Duration::days(1);
    params.not_after = today + Duration::days(SERVER_DAYS);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let by = Issuer::new(authority_names(ISSUER_NAME), issuer);
    Ok(params.signed_by(&Public(key), &by)?.der().clone())
}

fn authority_names(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn authority(env: &dyn Env, name: &str) -> CertificateParams {
    let mut params = authority_names(name);
    params.serial_number = Some(serial(env));
    params.not_before = today(env) - Duration::days(1);
    params.not_after = no_end();
    params
}

fn end(env: &dyn Env) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.serial_number = Some(serial(env));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

fn serial(env: &dyn Env) -> SerialNumber {
    let mut bytes: [u8; 16] = random(env);
    // Positive, and of one length (RFC 5280 section 4.1.2.2).
    bytes[0] = bytes[0] & 0x3f | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// Certificates tell the day only: a finer time in what the database keeps could be set beside times in a log.
fn today(env: &dyn Env) -> OffsetDateTime {
    let days = env.now_ms() / crate::config::DAY_MS;
    OffsetDateTime::UNIX_EPOCH + Duration::days(i64::try_from(days).unwrap_or_default().min(2_000_000))
}

/// "No well-defined expiration" (RFC 5280 section 4.1.2.5).
fn no_end() -> OffsetDateTime {
    date_time_ymd(9999, 12, 31) + Duration::seconds(86_399)
}
