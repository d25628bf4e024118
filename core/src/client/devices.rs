//! The own person's devices, and safety numbers.

use std::collections::BTreeSet;

use pli_proto::id::{DeviceId, EntryId, PersonId};
use rusqlite::Connection;

use crate::error::{Error, What};
use crate::identity::safety;
use crate::model::DeviceInfo;
use crate::store::logs::{self, LogState};
use crate::store::outbox::{self, Intent};
use crate::store::{Notice, items, people, summary};

use super::Client;

impl Client {
    /// The own person's devices, oldest first.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn devices(&self) -> Result<Vec<DeviceInfo>, Error> {
        let store = self.store()?;
        let (me, this) = (store.context().me.person, store.context().me.device);
        let own_key = store.context().me.key.public();
        store
            .read(move |db| {
                let mut devices = Vec::new();
                for device in people::devices(db, me)? {
                    devices.push(DeviceInfo {
                        id: device.id,
                        person: device.person,
                        enrolled_ms: device.enrolled_ms,
                        revoked: device.revoked,
                        this: device.id == this,
                        number: safety::approval(me, &own_key, &device.mls_key),
                        missing_from: missing(db, me, device.id)?.len(),
                    });
                }
                Ok(devices)
            })
            .await
    }

    /// Lets a further device of the own person into every conversation of this one, after the person compared `number`
    /// on both.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] if the number is another.
    pub async fn approve(&self, device: DeviceId, number: &str) -> Result<(), Error> {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        self.store()?
            .write(move |tx| {
                let me = tx.context.me.person;
                let known = people::devices(tx.db, me)?.into_iter().find(|known| known.id == device && !known.revoked);
                let known = known.ok_or(Error::NotFound(What::Device))?;
                if safety::approval(me, &tx.context.me.key.public(), &known.mls_key) != digits {
                    return Err(Error::Invalid { what: What::Number, limit: 0 });
                }
                for conversation in missing(tx.db, me, device)? {
                    let entry = EntryId(pli_env::random(&*tx.context.env));
                    // The key that was compared is the key that enters.
                    let intent = Intent::Approve(device.0, known.mls_key);
                    outbox::push(tx.db, conversation, entry, &intent, tx.now_ms())?;
                    for record in logs::of(tx.db, conversation)?.into_iter().take(1) {
                        tx.notice(Notice::Outbox(record.log));
                    }
                    tx.notice(Notice::Conversation(conversation));
                }
                Ok(())
            })
            .await
    }

    /// The number to compare with a person: 60 digits, the same on their screen.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the directory knows no device of theirs.
    pub async fn safety_number(&self, person: PersonId) -> Result<String, Error> {
        let store = self.store()?;
        let me = store.context().me.person;
        store.read(move |db| number_with(db, me, person)).await
    }

    /// Notes that the number was compared. [`Self::is_verified`] says so until it changes.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn verify(&self, person: PersonId) -> Result<(), Error> {
        self.store()?
            .write(move |tx| {
                let number = number_with(tx.db, tx.context.me.person, person)?;
                people::set_verified(tx.db, person, &number)?;
                tx.notice(Notice::People);
                Ok(())
            })
            .await
    }

    /// Whether the present number was compared with this person.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn is_verified(&self, person: PersonId) -> Result<bool, Error> {
        let store = self.store()?;
        let me = store.context().me.person;
        store.read(move |db| Ok(people::verified(db, person)? == number_with(db, me, person).ok())).await
    }
}

fn number_with(db: &Connection, me: PersonId, person: PersonId) -> Result<String, Error> {
    let summaries: Vec<_> = logs::all(db)?
        .iter()
        .map(|record| summary::get(db, record.log))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect();
    let revoked = people::revoked_keys(db)?;
    // Those of the directory, and those that are used in groups: a device that the directory hides changes the number.
    let keys = |person: PersonId| -> Result<Vec<[u8; 32]>, Error> {
        let listed = people::devices(db, person)?.into_iter().filter(|device| !device.revoked).map(|d| d.mls_key);
        let members = summaries.iter().flat_map(|summary| &summary.members);
        let used =
            members.filter(|member| member.person == person.0).flat_map(|member| member.devices.values().copied());
        let all: BTreeSet<[u8; 32]> = listed.chain(used).filter(|key| !revoked.contains(key)).collect();
        Ok(all.into_iter().collect())
    };
    let theirs = keys(person)?;
    if theirs.is_empty() {
        return Err(Error::NotFound(What::Person));
    }
    Ok(safety::number((me, &keys(me)?), (person, &theirs)))
}

/// The conversations of this device that another of the person's is not in.
fn missing(db: &Connection, me: PersonId, device: DeviceId) -> Result<Vec<pli_proto::id::ConversationId>, Error> {
    let mut missing = Vec::new();
    for conversation in items::conversations(db)? {
        let Some(record) = logs::of(db, conversation.id)?.into_iter().next() else { continue };
        let summary = summary::get(db, record.log)?.unwrap_or_default();
        let own = summary.members.iter().find(|member| member.person == me.0);
        let is_in = own.is_some_and(|own| own.devices.contains_key(&device.to_string()));
        if record.state == LogState::Active && !is_in {
            missing.push(conversation.id);
        }
    }
    Ok(missing)
}
