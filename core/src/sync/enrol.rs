//! Making a device of an invitation, and renewing its TLS certificate.

use std::sync::Arc;

use pli_env::Env;
use pli_proto::certificate::{self, Usage};
use pli_proto::pb;
use pli_proto::signed::{self, Label};

use crate::error::{Error, InvitationProblem};
use crate::identity::ended::Ended;
use crate::identity::link::Invitation;
use crate::identity::{Identity, Me, TlsIdentity};
use crate::transport::tls::Doubt;
use crate::transport::{Address, Known, clock_ahead_ms, joining_error};
use pli_kernel::crypto::DeviceKey;

/// The two secrets of a device that is being enrolled. They are kept before they are used: a lost answer is asked for
/// again, with the same keys.
#[derive(Clone)]
pub(crate) struct Seeds {
    pub(crate) mls: [u8; 32],
    pub(crate) tls: [u8; 32],
}

/// Enrols. May be repeated with the same invitation and seeds.
pub(crate) async fn enrol(
    env: &Arc<dyn Env>,
    invitation: &Invitation,
    seeds: &Seeds,
) -> Result<(Identity, TlsIdentity), Error> {
    // Nothing is known of ended issuers yet: the first connection tells.
    let ended = Ended::default();
    let (host, port, root) = (invitation.host.clone(), invitation.port, invitation.root);
    let address = Address { host, port, root, ended, doubt: Doubt::default() };
    let (mls, tls) = (DeviceKey::from_seed(&seeds.mls), DeviceKey::from_seed(&seeds.tls));
    let signed = signed::content(Label::Enrol, &[&invitation.token, &mls.public(), &tls.public()]);
    let request = pb::EnrolRequest {
        token: invitation.token.to_vec(),
        mls_key: mls.public().to_vec(),
        tls_key: tls.public().to_vec(),
        mls_signature: mls.sign_raw(&signed).to_vec(),
        tls_signature: tls.sign_raw(&signed).to_vec(),
    };
    let known = Known::new(env, &address, None)?;
    let answer = match known.enrolment().enrol(request).await {
        Ok(answer) => answer.into_inner(),
        Err(_) if address.doubt.take() => return Err(clock_error(env, &address).await),
        Err(status) => return Err(joining_error(&status)),
    };

    let chain = vec![answer.mls_certificate.clone(), answer.issuer.clone()];
    let wrong = |_| Error::InvitationRefused { why: InvitationProblem::WrongServer };
    let verified = certificate::verify_device(&invitation.root, &[&chain[0], &chain[1]], Usage::Mls).map_err(wrong)?;
    let same = verified.key == mls.public()
        && verified.person.to_vec() == answer.person
        && verified.device.to_vec() == answer.device;
    if !same {
        return Err(Error::InvitationRefused { why: InvitationProblem::WrongServer });
    }
    let tls = tls_identity(&invitation.root, seeds.tls, answer.tls_certificate, answer.issuer)?;
    let identity = Identity {
        person: verified.person.0,
        device: verified.device.0,
        mls_seed: seeds.mls,
        chain,
        root: invitation.root,
        host: invitation.host.clone(),
        port: invitation.port,
    };
    Ok((identity, tls))
}

/// The server's certificate is good, but not today.
async fn clock_error(env: &Arc<dyn Env>, address: &Address) -> Error {
    let ahead_ms = match clock_ahead_ms(env, address).await {
        Ok(ahead_ms) => ahead_ms,
        Err(error) => return error,
    };
    // If the clocks agree, the certificate has ended.
    match days_wrong(ahead_ms) {
        Some((days, ahead)) => Error::ClockWrong { days, ahead },
        None => Error::unavailable(),
    }
}

/// By how many days a clock is wrong, and whether it is ahead; nothing if it is not worth a word. The protocol bears hours.
pub(crate) fn days_wrong(ahead_ms: i64) -> Option<(u32, bool)> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let apart_ms = ahead_ms.unsigned_abs();
    let days = u32::try_from((apart_ms + DAY_MS / 2) / DAY_MS).unwrap_or(u32::MAX);
    (apart_ms >= DAY_MS).then_some((days, ahead_ms > 0))
}

/// A new TLS key and certificate. The old certificate may have ended: the MLS key signs the request.
pub(crate) async fn renew(env: &Arc<dyn Env>, address: &Address, me: &Me) -> Result<TlsIdentity, Error> {
    let seed: [u8; 32] = pli_env::random(&**env);
    let known = Known::new(env, address, None)?;
    // By the server's clock, in case this device's stood still as well.
    let hello = known.enrolment().hello(pb::HelloRequest {}).await.map_err(|status| Error::of_status(&status))?;
    let time_ms = hello.into_inner().server_time_ms;
    let tls_key = DeviceKey::from_seed(&seed).public();
    let signed = signed::content(Label::Renew, &[&me.device.0, &tls_key, &time_ms.to_be_bytes()]);
    let request = pb::RenewRequest {
        device: me.device.to_vec(),
        tls_key: tls_key.to_vec(),
        time_ms,
        signature: me.key.sign_raw(&signed).to_vec(),
    };
    let answer = known.enrolment().renew(request).await.map_err(|status| Error::of_status(&status))?.into_inner();
    if address.ended.contains(&answer.issuer) {
        tracing::warn!("the server renews with an issuer that has ended");
        return Err(Error::unavailable());
    }
    tls_identity(&address.root, seed, answer.tls_certificate, answer.issuer)
}

fn tls_identity(root: &[u8; 32], seed: [u8; 32], certificate: Vec<u8>, issuer: Vec<u8>) -> Result<TlsIdentity, Error> {
    let verified = certificate::verify_device(root, &[&certificate, &issuer], Usage::Tls)
        .map_err(|_| Error::InvitationRefused { why: InvitationProblem::WrongServer })?;
    if verified.key != DeviceKey::from_seed(&seed).public() {
        return Err(Error::InvitationRefused { why: InvitationProblem::WrongServer });
    }
    let until_ms = u64::try_from(verified.not_after_s).unwrap_or_default() * 1000;
    Ok(TlsIdentity { seed, chain: vec![certificate, issuer], until_ms })
}
