//! Ways out: revoked devices, departed persons, guests whose time is over. The list is numbered and signed, daily and
//! with each change, and never goes back.

use pli_proto::certificate;
use pli_proto::id::{DeviceId, PersonId};
use pli_proto::pb;
use pli_proto::signed;

use super::{Authority, AuthorityError};
use crate::config::DAY_MS;
use crate::engine::{Device, EngineError, Revocation};

/// Another process may revoke at the same time; so often is tried again.
const ATTEMPTS: u32 = 16;

impl Authority {
    /// Revokes a device. A device that was revoked already stays so.
    ///
    /// # Errors
    /// [`AuthorityError::UnknownDevice`], or the database's.
    pub async fn revoke(&self, device: DeviceId) -> Result<(), AuthorityError> {
        for _ in 0..ATTEMPTS {
            let device = self.engine.device(device).await?.ok_or(AuthorityError::UnknownDevice)?;
            if device.revoked || self.add_lines(&[device], None).await? {
                return Ok(());
            }
        }
        Err(EngineError::Failed("others keep changing the revocation list".into()).into())
    }

    /// Marks a person as departed, and revokes all their devices.
    ///
    /// # Errors
    /// [`AuthorityError::UnknownPerson`], or the database's.
    pub async fn depart(&self, person: PersonId) -> Result<(), AuthorityError> {
        for _ in 0..ATTEMPTS {
            let devices = self.devices(person).await?;
            let active: Vec<Device> = devices.into_iter().filter(|device| !device.revoked).collect();
            if self.add_lines(&active, Some(person)).await? {
                return Ok(());
            }
        }
        Err(EngineError::Failed("others keep changing the revocation list".into()).into())
    }

    /// Lets guests depart whose time is over; whether there were any.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_guests(&self) -> Result<bool, AuthorityError> {
        let ended = self.engine.ended_guests(self.env.now_ms()).await?;
        for person in &ended {
            self.depart(*person).await?;
        }
        Ok(!ended.is_empty())
    }

    /// Signs the list as it is, if the issuer in use has not signed it today.
    ///
    /// # Errors
    /// The database's.
    pub async fn sign_list(&self) -> Result<(), AuthorityError> {
        let list = self.engine.revocations(u64::MAX).await?;
        let today = self.env.now_ms() / DAY_MS;
        if list.issuer != self.issuer().certificate() || list.signed_ms / DAY_MS < today {
            // If another process changed the list meanwhile, it signed it too.
            self.add_lines(&[], None).await?;
        }
        Ok(())
    }

    /// Adds lines for these devices and signs the list; false if the list changed meanwhile, and nothing was done.
    async fn add_lines(&self, devices: &[Device], departed: Option<PersonId>) -> Result<bool, AuthorityError> {
        let before = self.engine.revocations(u64::MAX).await?;
        let mut hash = before.hash.as_slice().try_into().map_err(|_| damaged())?;
        let mut lines = Vec::new();
        for (device, number) in devices.iter().zip(before.number + 1..) {
            let line = pb::RevocationLine {
                number,
                certificate: certificate::fingerprint(&device.mls_certificate).to_vec(),
                leaf_key: device.mls_key.to_vec(),
                ..pb::RevocationLine::default()
            };
            let line = self.issuer().line(line).await?;
            hash = signed::revocation_hash(&hash, &line);
            lines.push(line);
        }
        let list = pb::RevocationList {
            number: before.number + lines.len() as u64,
            // Should the clock go back, the list must not.
            signed_ms: self.env.now_ms().max(before.signed_ms),
            hash: hash.to_vec(),
            ..pb::RevocationList::default()
        };
        let list = self.issuer().list(list).await?;
        Ok(self.engine.revoke(Revocation { lines, list, departed }).await?)
    }
}

fn damaged() -> AuthorityError {
    EngineError::Failed("the revocation list's hash is not one".into()).into()
}
