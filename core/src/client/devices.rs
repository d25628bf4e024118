//! The own person's devices; people, and safety numbers.

use std::collections::BTreeSet;

use eyeball_im::VectorDiff;
use futures_util::Stream;
use pli_proto::id::{ConversationId, DeviceId, ItemId, PersonId};
use pli_proto::pb;
use pli_proto::signed::Label;
use rusqlite::Connection;

use crate::error::{Error, What};
use crate::identity::TlsIdentity;
use crate::model::{self, DeviceInfo, Person, PersonInfo, Verification};
use crate::store::logs::{self, LogState};
use crate::store::outbox::{self, Intent};
use crate::store::{Notice, items, meta, people, summary};
use crate::transport::Known;
use pli_kernel::identity::safety;

use super::observe::{observe, observe_one};
use super::{Client, Own};

impl Client {
    /// The own person's devices, oldest first, and every change: a further one, a conversation that one came into, a
    /// revocation. Asks the server, if it can be reached, when they were seen.
    pub fn devices(&self) -> impl Stream<Item = Vec<VectorDiff<DeviceInfo>>> + Send + use<> {
        self.0.asked.look.notify_one();
        let own = self.0.own;
        observe(self, of_people_and_groups, move |db| list(db, &own), |device: &DeviceInfo| device.id)
    }

    /// The own person's devices as they are now.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn device_list(&self) -> Result<Vec<DeviceInfo>, Error> {
        let own = self.0.own;
        self.store()?.read(move |db| list(db, &own)).await
    }

    /// The people of the organisation whose name or department contains each word of `query`, and every change of the
    /// directory; all for an empty one.
    pub fn directory(&self, query: &str) -> impl Stream<Item = Vec<VectorDiff<Person>>> + Send + use<> {
        let query = query.to_owned();
        let search = move |db: &Connection| people::search(db, &query);
        observe(self, |notice| *notice == Notice::People, search, |person: &Person| person.id)
    }

    /// What a screen shows of a person, now and after every change.
    pub fn person_info(&self, person: PersonId) -> impl Stream<Item = PersonInfo> + Send + use<> {
        let me = self.0.own.person;
        observe_one(self, of_people_and_groups, move |db| info(db, me, person).map(Some))
    }

    /// Lets a further device of the own person into every conversation of this one, after the person compared `number`
    /// on both. Gives what becomes an entry in each of them.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] if the number is another.
    pub async fn approve(&self, device: DeviceId, number: &str) -> Result<Vec<(ConversationId, ItemId)>, Error> {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        self.store()?
            .write(move |tx| {
                let me = tx.context.me.person;
                let known = people::devices(tx.db, me)?.into_iter().find(|known| known.id == device && !known.revoked);
                let known = known.ok_or(Error::NotFound { what: What::Device })?;
                if safety::approval(me, &tx.context.me.key.public(), &known.mls_key) != digits {
                    return Err(Error::Invalid { what: What::Number, limit: 0 });
                }
                let mut entries = Vec::new();
                for conversation in missing(&joined(tx.db, me)?, device) {
                    let entry = ItemId(pli_env::random(&*tx.context.env));
                    // The key that was compared is the key that enters.
                    let intent = Intent::Approve(device.0, known.mls_key);
                    outbox::push(tx.db, conversation, entry, intent, tx.now_ms())?;
                    for record in logs::of(tx.db, conversation)?.into_iter().take(1) {
                        tx.notice(Notice::Outbox(record.log));
                    }
                    tx.notice(Notice::Items(conversation));
                    entries.push((conversation, entry));
                }
                Ok(entries)
            })
            .await
    }

    /// Revokes a device of the own person: a lost phone. It is outside of every conversation once this is done, and so is
    /// this one, if it revokes itself.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] if it is another person's; [`Error::Unavailable`].
    pub async fn revoke(&self, device: DeviceId) -> Result<(), Error> {
        let store = self.store()?;
        let tls: Option<TlsIdentity> = store.read(|db| meta::json(db, meta::TLS)).await?;
        let known = Known::new(&store.context().env, &self.address()?, Some(&tls.ok_or(Error::NotEnrolled)?))?;
        let refused = |status: tonic::Status| Error::of_status(&status);
        // This device's clock may be wrong.
        let time_ms = known.enrolment().hello(pb::HelloRequest {}).await.map_err(refused)?.into_inner().server_time_ms;
        let body = pb::RevokeBody { device: device.to_vec() };
        let request = store.context().me.request(Label::Revoke, time_ms, &body);
        known.directory().revoke(request).await.map(drop).map_err(refused)
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

    /// Notes that the number was compared. [`Self::verification`] says so until it changes.
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

    /// Whether the number was compared with this person, and is still that.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn verification(&self, person: PersonId) -> Result<Verification, Error> {
        let store = self.store()?;
        let me = store.context().me.person;
        store.read(move |db| verification(db, person, number_with(db, me, person).ok().as_deref())).await
    }
}

/// What devices and safety numbers are read from.
fn of_people_and_groups(notice: &Notice) -> bool {
    matches!(notice, Notice::People | Notice::Group(_))
}

fn list(db: &Connection, own: &Own) -> Result<Vec<DeviceInfo>, Error> {
    let seen: Vec<(DeviceId, u64)> = meta::json(db, meta::SEEN)?.unwrap_or_default();
    let joined = joined(db, own.person)?;
    let info = |device: people::Device| DeviceInfo {
        id: device.id,
        person: device.person,
        enrolled_at: model::time(device.enrolled_ms),
        seen_on: seen.iter().find(|(id, _)| *id == device.id).map(|(_, day_ms)| model::time(*day_ms)),
        revoked: device.revoked,
        this: device.id == own.device,
        number: safety::approval(own.person, &own.key, &device.mls_key),
        missing_from: missing(&joined, device.id).count(),
    };
    Ok(people::devices(db, own.person)?.into_iter().map(info).collect())
}

fn info(db: &Connection, me: PersonId, person: PersonId) -> Result<PersonInfo, Error> {
    let [theirs, mine] = keys(db, [person, me])?;
    // There is none with oneself, nor with somebody of whom no device is known.
    let compared = person != me && !theirs.is_empty();
    let number = compared.then(|| safety::number((me, &mine), (person, &theirs)));
    Ok(PersonInfo {
        person: people::get(db, person)?,
        me: person == me,
        device_count: theirs.len(),
        verification: verification(db, person, number.as_deref())?,
        safety_number: number,
    })
}

/// Whether this number was compared with the person.
fn verification(db: &Connection, person: PersonId, number: Option<&str>) -> Result<Verification, Error> {
    Ok(match people::verified(db, person)? {
        None => Verification::NotVerified,
        Some(compared) if number == Some(compared.as_str()) => Verification::Verified,
        Some(_) => Verification::Changed,
    })
}

fn number_with(db: &Connection, me: PersonId, person: PersonId) -> Result<String, Error> {
    let [theirs, mine] = keys(db, [person, me])?;
    if theirs.is_empty() {
        return Err(Error::NotFound { what: What::Person });
    }
    Ok(safety::number((me, &mine), (person, &theirs)))
}

/// The keys of each person's devices: those of the directory, and those that are used in groups, for a device that the
/// directory hides changes the number. Not of revoked ones.
fn keys(db: &Connection, persons: [PersonId; 2]) -> Result<[Vec<[u8; 32]>; 2], Error> {
    let mut members = Vec::new();
    for record in logs::all(db)? {
        members.extend(summary::members(db, record.log)?.into_iter().filter(|m| persons.contains(&PersonId(m.person))));
    }
    let revoked = people::revoked_keys(db)?;
    let of = |person: PersonId| -> Result<Vec<[u8; 32]>, Error> {
        let listed = people::devices(db, person)?.into_iter().filter(|device| !device.revoked).map(|d| d.mls_key);
        let used = members.iter().filter(|member| member.person == person.0);
        let all = listed.chain(used.flat_map(|member| member.devices.values().copied()));
        let all: BTreeSet<[u8; 32]> = all.filter(|key| !revoked.contains(key)).collect();
        Ok(all.into_iter().collect())
    };
    Ok([of(persons[0])?, of(persons[1])?])
}

/// The conversations of this device, and the own person's devices in each.
fn joined(db: &Connection, me: PersonId) -> Result<Vec<(ConversationId, Vec<String>)>, Error> {
    let mut joined = Vec::new();
    for conversation in items::conversations(db)? {
        let record = logs::of(db, conversation.id)?.into_iter().next();
        let Some(record) = record.filter(|record| record.state == LogState::Active) else { continue };
        let members = summary::members(db, record.log)?;
        let own = members.into_iter().find(|member| member.person == me.0);
        joined.push((conversation.id, own.map(|own| own.devices.into_keys().collect()).unwrap_or_default()));
    }
    Ok(joined)
}

/// The conversations of this device that another of the person's is not in.
fn missing(joined: &[(ConversationId, Vec<String>)], device: DeviceId) -> impl Iterator<Item = ConversationId> {
    let device = device.to_string();
    joined.iter().filter(move |(_, devices)| !devices.contains(&device)).map(|(id, _)| *id)
}
