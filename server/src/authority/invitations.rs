//! Ways in: invitations, the enrolment of a device, the renewal of its TLS certificate.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use pli_env::random;
use pli_proto::certificate::{self, Subject, Usage};
use pli_proto::id::{DeviceId, PersonId};
use pli_proto::limits::NAME_BYTES;
use pli_proto::pb::Reason;
use pli_proto::row;
use pli_proto::signed::{self, Hash, Label};
use sha2::{Digest, Sha256};

use super::{Authority, AuthorityError, check_name};
use crate::config::{DAY_MS, HOUR_MS};
use crate::engine::{Device, EngineError, Enrolment, Invitation, Invitee};

/// Invitations made by one call.
const AT_ONCE: u32 = 10_000;

/// Invitations to make.
#[derive(Clone, Debug)]
pub struct Invite {
    /// The new person's name. With several invitations each gets a number: "Guest 1", "Guest 2".
    pub name: String,
    /// The new person's department; may be empty.
    pub department: String,
    /// When a guest's time ends, in milliseconds since 1970; zero for no end.
    pub guest_until_ms: u64,
    /// How many invitations, each for one device.
    pub count: u32,
    /// Further devices of this person, instead of new persons; then name, department and end are not looked at.
    pub device_of: Option<PersonId>,
    /// How long the invitations may be used, at least; they end at a full hour.
    pub valid_for: Duration,
}

impl Invite {
    /// One invitation for one new person, for a week.
    pub fn person(name: &str) -> Self {
        Self {
            name: name.into(),
            department: String::new(),
            guest_until_ms: 0,
            count: 1,
            device_of: None,
            valid_for: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }

    /// One invitation for a further device of a person.
    pub fn device_of(person: PersonId) -> Self {
        Self { device_of: Some(person), ..Self::person("") }
    }
}

/// The link that a person opens. It holds the invitation's secret and the root's key, so it must come by a way that
/// the person trusts.
pub fn invitation_link(host_port: &str, token: &[u8; 16], root_key: &[u8; 32]) -> String {
    let secret = BASE64URL_NOPAD.encode(&[token.as_slice(), root_key].concat());
    format!("pli://{host_port}/join#{secret}")
}

/// A device that enrolled.
#[derive(Clone, Debug)]
pub(crate) struct Enrolled {
    pub(crate) person: PersonId,
    pub(crate) device: DeviceId,
    pub(crate) mls_certificate: Vec<u8>,
    pub(crate) tls_certificate: Vec<u8>,
    /// The certificate of the issuer that signed both.
    pub(crate) issuer: Vec<u8>,
}

/// What a device enrols with; the signatures prove that it has the keys.
pub(crate) struct Keys {
    pub(crate) token: Vec<u8>,
    pub(crate) mls_key: [u8; 32],
    pub(crate) tls_key: [u8; 32],
    pub(crate) mls_signature: Vec<u8>,
    pub(crate) tls_signature: Vec<u8>,
}

impl Authority {
    /// Makes invitations, and gives their links for a server reached at `host_port`. The secrets are nowhere else.
    ///
    /// # Errors
    /// [`AuthorityError::Invalid`], [`AuthorityError::UnknownPerson`], or the database's.
    pub async fn invite(&self, host_port: &str, invite: Invite) -> Result<Vec<String>, AuthorityError> {
        if invite.count == 0 || invite.count > AT_ONCE {
            return Err(AuthorityError::Invalid("between 1 and 10,000 invitations can be made at once"));
        }
        if let Some(person) = invite.device_of {
            self.devices(person).await?;
        }
        let lasts_ms = u64::try_from(invite.valid_for.as_millis()).unwrap_or(u64::MAX);
        // Up to the full hour: when it was made is not kept.
        let expires_ms = self.env.now_ms().saturating_add(lasts_ms).div_ceil(HOUR_MS).saturating_mul(HOUR_MS);
        let expires_ms = expires_ms.min(i64::MAX as u64);
        let (mut invitations, mut links) = (Vec::new(), Vec::new());
        for number in 1..=invite.count {
            let token: [u8; 16] = random(&*self.env);
            let invitee = match invite.device_of {
                Some(person) => Invitee::Known(person),
                None => newcomer(&invite, number)?,
            };
            invitations.push(Invitation { hash: hash(&token), invitee, expires_ms, used: None });
            links.push(invitation_link(host_port, &token, &self.root_key));
        }
        self.engine.invite(invitations).await?;
        Ok(links)
    }

    /// Makes a device of an invitation. The same keys get the same device again, while its issuer is in use.
    pub(crate) async fn enrol(&self, keys: Keys) -> Result<Enrolled, AuthorityError> {
        let hash = hash(&keys.token);
        let now_ms = self.env.now_ms();
        let found = self.engine.invitation(hash).await?;
        let invitation = found.ok_or_else(|| refused(Reason::InvitationUnknown, "the invitation is unknown"))?;
        // Signatures cost a hundred times as much: only who has an invitation makes the server verify any.
        check_possession(&keys)?;
        if let Some(enrolled) = self.enrolled_before(&invitation, &keys).await? {
            return Ok(enrolled);
        }
        if invitation.expires_ms <= now_ms {
            return Err(refused(Reason::InvitationExpired, "the invitation has ended"));
        }
        let (person, is_guest) = match invitation.invitee {
            Invitee::Known(person) => (person, self.is_guest(person).await?),
            Invitee::New { guest_until_ms, .. } => (PersonId(random(&*self.env)), guest_until_ms > 0),
        };
        let device = DeviceId(random(&*self.env));
        let subject = Subject { person, device, is_guest };
        // Certified before the device is kept: one transaction, and nothing half done after a crash.
        let by = self.issuer();
        let mls_certificate = by.device(subject, keys.mls_key, Usage::Mls).await?;
        let tls_certificate = by.device(subject, keys.tls_key, Usage::Tls).await?;
        let issuer = by.certificate();
        let (mls_key, tls_key) = (keys.mls_key, keys.tls_key);
        let kept = mls_certificate.clone();
        let fingerprint = certificate::fingerprint(&issuer);
        let enrolment = Enrolment {
            invitation: hash,
            person,
            device,
            mls_key,
            tls_key,
            mls_certificate: kept,
            issuer: fingerprint,
            now_ms,
        };
        match self.engine.enrol(enrolment).await {
            Ok(()) => Ok(Enrolled { person, device, mls_certificate, tls_certificate, issuer }),
            // A repetition that ran beside this one was faster.
            Err(error) if error.reason() == Some(Reason::InvitationUsed) => {
                let found = self.engine.invitation(hash).await?.ok_or(error)?;
                let before = self.enrolled_before(&found, &keys).await?;
                before.ok_or_else(|| refused(Reason::InvitationUsed, "the invitation was used"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The device that these keys made of the invitation, if it was used.
    async fn enrolled_before(&self, invitation: &Invitation, keys: &Keys) -> Result<Option<Enrolled>, AuthorityError> {
        let Some(used) = &invitation.used else { return Ok(None) };
        if used.mls_key != keys.mls_key || used.tls_key != keys.tls_key {
            return Err(refused(Reason::InvitationUsed, "the invitation was used with other keys"));
        }
        let Device { id, person, mls_certificate, .. } = self.active(used.device).await?;
        let by = self.issuer();
        let issuer = by.certificate();
        let chain = [mls_certificate.as_slice(), &issuer];
        let Ok(certificate) = certificate::verify_device(&self.root_key, &chain, Usage::Mls) else {
            // A revocation names one certificate: a second one would outlive it in groups.
            return Err(refused(Reason::InvitationUsed, "the invitation was used, and its issuer was replaced since"));
        };
        let tls_certificate = by.device(certificate.subject(), keys.tls_key, Usage::Tls).await?;
        Ok(Some(Enrolled { person, device: id, mls_certificate, tls_certificate, issuer }))
    }

    /// A new TLS certificate for an enrolled device, and its issuer's. Whoever calls this verified the device's
    /// signature.
    pub(crate) async fn renew(&self, device: &Device, tls_key: [u8; 32]) -> Result<(Vec<u8>, Vec<u8>), AuthorityError> {
        check_keys(&device.mls_key, &tls_key)?;
        self.engine.renew(device.id, tls_key, self.env.now_ms() / DAY_MS * DAY_MS).await?;
        let by = self.issuer();
        let subject = subject(device)?;
        Ok((by.device(subject, tls_key, Usage::Tls).await?, by.certificate()))
    }

    /// Whether a person who has enrolled is a guest, for ever: what the certificate of one of their devices says.
    async fn is_guest(&self, person: PersonId) -> Result<bool, AuthorityError> {
        let devices = self.devices(person).await?;
        devices.first().map_or(Ok(false), |device| Ok(subject(device)?.is_guest))
    }

    /// A device that is enrolled and not revoked.
    pub(crate) async fn active(&self, device: DeviceId) -> Result<Device, AuthorityError> {
        match self.engine.device(device).await? {
            None => Err(refused(Reason::NotEnrolled, "no such device")),
            Some(device) if device.revoked => Err(refused(Reason::Revoked, "the device was revoked")),
            Some(device) => Ok(device),
        }
    }
}

/// Whom a device's certificates name.
fn subject(device: &Device) -> Result<Subject, AuthorityError> {
    // Whoever signed it: the issuer may have been replaced since.
    let read = certificate::read_device(&[&device.mls_certificate, &[]], Usage::Mls);
    Ok(read.map_err(|error| AuthorityError::Certificate(error.to_string()))?.subject())
}

fn newcomer(invite: &Invite, number: u32) -> Result<Invitee, AuthorityError> {
    let name = match invite.count {
        1 => invite.name.clone(),
        _ => format!("{} {number}", invite.name),
    };
    check_name(&name)?;
    if invite.department.len() > NAME_BYTES || invite.department.contains(char::is_control) {
        return Err(AuthorityError::Invalid("a department is longer than 200 bytes, or not one line"));
    }
    let (department, guest_until_ms) = (invite.department.clone(), invite.guest_until_ms);
    Ok(Invitee::New { name, department, guest_until_ms })
}

fn check_possession(keys: &Keys) -> Result<(), AuthorityError> {
    check_keys(&keys.mls_key, &keys.tls_key)?;
    let content = signed::content(Label::Enrol, &[&keys.token, &keys.mls_key, &keys.tls_key]);
    let proven = row::verify(&keys.mls_key, &content, &keys.mls_signature)
        && row::verify(&keys.tls_key, &content, &keys.tls_signature);
    if proven { Ok(()) } else { Err(refused(Reason::Signature, "a key's possession is not proven")) }
}

/// One key for both would let what is signed for TLS serve in a group.
fn check_keys(mls_key: &[u8; 32], tls_key: &[u8; 32]) -> Result<(), AuthorityError> {
    let sound = row::is_prime_order(mls_key) && row::is_prime_order(tls_key) && mls_key != tls_key;
    if sound { Ok(()) } else { Err(refused(Reason::Invalid, "the keys are malformed or the same")) }
}

fn hash(token: &[u8]) -> Hash {
    Sha256::digest(token).into()
}

fn refused(reason: Reason, message: &'static str) -> AuthorityError {
    EngineError::refused(reason, message).into()
}
