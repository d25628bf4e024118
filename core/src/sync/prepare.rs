//! What to send next on a log: the outbox's intents, and what a member does unasked, sealed on the present state.
//!
//! Nothing here waits: the network's part is a [`Step`] that [`super::send`] takes.

use std::collections::BTreeSet;

use openmls::prelude::KeyPackage;
use pli_proto::id::{DeviceId, EntryId, LogId, PersonId};
use pli_proto::pb::content::Body;
use pli_proto::{limits, pb, rows, signed};
use prost::Message as _;

use crate::error::Error;
use crate::group::change::{self, Addition, Plan};
use crate::group::roster::Leaf;
use crate::group::settings::{Role, Settings};
use crate::group::{join, seal};
use crate::store::logs::{self, Log, LogState};
use crate::store::outbox::{self, Intent, Queued, Refusal, Setting};
use crate::store::{Loaded, Notice, Tx, items, people};

use super::schedule;

/// Messages that are sealed ahead of the server's answers.
const AHEAD: u64 = 64;

/// The first wait for key packages of somebody who has none; it doubles each time.
const RETRY_MS: u64 = 500;
/// After that the person has no device that can be added.
const GIVE_UP_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// What the network does for a log.
pub(crate) enum Step {
    /// Make the log, with this founding snapshot.
    Create(Vec<u8>),
    /// Append this entry.
    Append(Box<pb::Entry>),
    /// Take key packages of these devices, then [`add`].
    Take(EntryId, Vec<DeviceId>),
    /// Keep a snapshot at this number.
    Snapshot(u64, Vec<u8>),
    /// Nothing before this time.
    Wait(u64),
    /// Nothing until something changes.
    Idle,
}

/// The next step of a log.
pub(crate) fn next(tx: &mut Tx<'_>, log: LogId) -> Result<Step, Error> {
    let Some(record) = logs::find(tx.db, log)? else { return Ok(Step::Idle) };
    match record.state {
        LogState::Founding => {
            let loaded = tx.take_group(log)?;
            let snapshot = join::snapshot(tx, &record, &loaded.public.group)?;
            tx.keep_group(log, loaded);
            Ok(Step::Create(snapshot))
        }
        LogState::Active | LogState::Broken => {
            if !tx.is_caught_up(log) {
                return Ok(Step::Idle);
            }
            if let Some(attempt) = outbox::next_attempt(tx.db, log)? {
                return Ok(Step::Append(Box::new(attempt.entry)));
            }
            let (ahead, has_commit) = outbox::count_attempts(tx.db, log)?;
            // In a copied store what is kept of attempts is void, and stands in nobody's way.
            let is_copy = record.state == LogState::Active && record.return_ms > 0;
            if (has_commit || ahead >= AHEAD) && !is_copy {
                return Ok(Step::Idle);
            }
            if record.state == LogState::Broken { come_back(tx, &record) } else { member(tx, &record) }
        }
        _ => Ok(Step::Idle),
    }
}

fn come_back(tx: &mut Tx<'_>, record: &Log) -> Result<Step, Error> {
    let at_ms = record.return_ms.max(record.commit_ms);
    if tx.now_ms() < at_ms {
        return Ok(Step::Wait(at_ms));
    }
    let loaded = tx.take_group(record.log)?;
    let id = EntryId(pli_env::random(&*tx.context.env));
    let entry = join::come_back(tx, record, &loaded.public, id)?;
    // If another commit comes first, this is tried again.
    let again = schedule::soon(tx, loaded.public.roster.len());
    logs::put(tx.db, &Log { return_ms: again, ..record.clone() })?;
    outbox::put_attempt(tx.db, record.log, &entry, true, &[])?;
    tx.keep_group(record.log, loaded);
    Ok(Step::Append(Box::new(entry)))
}

fn member(tx: &mut Tx<'_>, record: &Log) -> Result<Step, Error> {
    if record.return_ms > 0 {
        // A copy of an earlier day, now read to the end: its secrets must not encrypt.
        outbox::drop_attempts(tx.db, record.log)?;
        drop(tx.take_group(record.log)?);
        join::lose_secrets(tx, record.log)?;
        let broken = Log { state: LogState::Broken, ..record.clone() };
        logs::put(tx.db, &broken)?;
        return come_back(tx, &broken);
    }
    let mut loaded = tx.take_group(record.log)?;
    let step = member_step(tx, record, &mut loaded)?;
    tx.keep_group(record.log, loaded);
    Ok(step)
}

fn member_step(tx: &mut Tx<'_>, record: &Log, loaded: &mut Loaded) -> Result<Step, Error> {
    // Who is revoked or has left goes before anything else is said.
    let expelled = expelled(tx, record, loaded)?;
    let may_commit = tx.now_ms() >= record.commit_ms;
    if !expelled.remove.is_empty() && !may_commit {
        return Ok(Step::Wait(record.commit_ms));
    }
    if !expelled.remove.is_empty() {
        let id = EntryId(pli_env::random(&*tx.context.env));
        return seal_commit(tx, record, loaded, id, &expelled);
    }
    let preferred = logs::of(tx.db, record.conversation)?.first().map(|first| first.log) == Some(record.log);
    while preferred && let Some(queued) = outbox::next(tx.db, record.conversation, tx.now_ms())? {
        if let Some(step) = carry_out(tx, record, loaded, &queued)? {
            return Ok(step);
        }
    }
    if may_commit && tx.now_ms() >= record.update_ms {
        let id = EntryId(pli_env::random(&*tx.context.env));
        return seal_commit(tx, record, loaded, id, &Plan::default());
    }
    if snapshot_is_due(record) {
        let snapshot = join::snapshot(tx, record, &loaded.public.group)?;
        return Ok(Step::Snapshot(record.number, snapshot));
    }
    let waiting = if preferred { outbox::next_ms(tx.db, record.conversation)? } else { None };
    let expiring = expire(tx, record, loaded.public.settings.lifetime_s)?;
    let update_ms = record.update_ms.max(record.commit_ms);
    Ok(Step::Wait([waiting, expiring].into_iter().flatten().fold(update_ms, u64::min)))
}

/// Messages go when their time is over; gives when the next will.
fn expire(tx: &mut Tx<'_>, record: &Log, lifetime_s: u64) -> Result<Option<u64>, Error> {
    if lifetime_s == 0 {
        return Ok(None);
    }
    let lifetime_ms = lifetime_s.saturating_mul(1000);
    let (gone, oldest) = items::expire(tx.db, record.conversation, tx.now_ms().saturating_sub(lifetime_ms))?;
    if gone > 0 {
        tx.notice(Notice::Conversation(record.conversation));
    }
    Ok(oldest.map(|oldest| oldest.saturating_add(lifetime_ms).saturating_add(1)))
}

/// A snapshot is worth its bytes once the commits since the last are larger than it; it stands at a commit.
fn snapshot_is_due(record: &Log) -> bool {
    let size = record.group_info.len() as u64 + 64 * 1024;
    record.commit_bytes > size && record.number == record.commit_number && record.number > record.snapshot_number
}

/// The leaves of revoked devices and of leavers, with what proves it.
fn expelled(tx: &Tx<'_>, record: &Log, loaded: &Loaded) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    let roster = &loaded.public.roster;
    for leaf in roster.leaves().filter(|leaf| leaf.device() != tx.context.me.device) {
        if let Some(line) = people::revocation_of(tx.db, &leaf.certificate.fingerprint)? {
            plan.remove.insert(leaf.index);
            plan.evidence.push(pb::Evidence { evidence: Some(pb::evidence::Evidence::Revoked(line)) });
        }
    }
    for word in logs::leavers(tx.db, record.log)? {
        let word = pb::LeaveWord::decode(word.as_slice()).map_err(|_| Error::Damaged)?;
        let leaver = roster.by_key(&word.leaf_key).filter(|leaf| {
            crate::group::rules::is_word_of(&word, record.log, leaf) && leaf.person() != tx.context.me.person
        });
        match leaver {
            Some(leaver) => {
                plan.remove.extend(roster.of(leaver.person()).map(|leaf| leaf.index));
                plan.evidence.push(pb::Evidence { evidence: Some(pb::evidence::Evidence::Left(word)) });
            }
            // The leaf is gone, or was renewed since: the word is void.
            None => logs::remove_leaver(tx.db, record.log, &word.leaf_key)?,
        }
    }
    Ok(plan)
}

/// Carries an intent out as far as it can be now. `None`: it is done or given up, and the next one is due.
fn carry_out(tx: &mut Tx<'_>, record: &Log, loaded: &mut Loaded, queued: &Queued) -> Result<Option<Step>, Error> {
    let conversation = queued.conversation;
    match plan(tx, record, loaded, queued)? {
        Planned::Say(content, rows) => {
            let entry = seal_message(tx, record, loaded, queued, content, rows)?;
            outbox::put_attempt(tx.db, record.log, &entry, false, &[])?;
            Ok(Some(Step::Append(Box::new(entry))))
        }
        Planned::Commit(_) | Planned::Take(_) if tx.now_ms() < record.commit_ms => {
            outbox::postpone(tx.db, conversation, queued.entry, record.commit_ms)?;
            Ok(None)
        }
        Planned::Commit(plan) => seal_commit(tx, record, loaded, queued.entry, &plan).map(Some),
        Planned::Take(devices) => Ok(Some(Step::Take(queued.entry, devices))),
        Planned::Done => {
            outbox::remove(tx.db, conversation, queued.entry)?;
            tx.notice(Notice::Conversation(conversation));
            Ok(None)
        }
        Planned::Wait => {
            wait_for_devices(tx, queued)?;
            Ok(None)
        }
        Planned::Refused(why) => {
            outbox::set_refused(tx.db, conversation, queued.entry, Some(why))?;
            tx.notice(Notice::Conversation(conversation));
            Ok(None)
        }
    }
}

enum Planned {
    Say(pb::Content, Vec<pb::RowChange>),
    Commit(Plan),
    Take(Vec<DeviceId>),
    Done,
    /// For devices of those to be added.
    Wait,
    Refused(Refusal),
}

/// What an intent comes to on the group's present state: it may be done already, or no longer allowed.
fn plan(tx: &Tx<'_>, record: &Log, loaded: &Loaded, queued: &Queued) -> Result<Planned, Error> {
    let (roster, settings) = (&loaded.public.roster, &loaded.public.settings);
    let me = tx.context.me.person;
    let role = settings.role(me, &roster.persons());
    let place = |leaves: Vec<&Leaf>| leaves.into_iter().map(|leaf| leaf.index).collect::<BTreeSet<_>>();
    Ok(match &queued.intent {
        Intent::Say(content) if role >= settings.may_post => {
            Planned::Say(pb::Content::decode(content.as_slice()).map_err(|_| Error::Damaged)?, Vec::new())
        }
        Intent::Say(_) => Planned::Refused(Refusal::NotAllowed),
        Intent::Add(persons) => add_devices(tx, loaded, persons, role)?,
        Intent::Approve(device, key) => {
            let device = DeviceId(*device);
            let is_it = |known: &people::Device| known.id == device && known.mls_key == *key && !known.revoked;
            let known = people::devices(tx.db, me)?.iter().any(is_it);
            match (roster.device(device), known) {
                (Some(_), _) => Planned::Done,
                (None, true) => Planned::Take(vec![device]),
                (None, false) => Planned::Refused(Refusal::NoDevice),
            }
        }
        Intent::Remove(persons) => {
            let remove = place(persons.iter().flat_map(|person| roster.of(*person)).collect());
            let allowed = settings.pair.is_none()
                && role >= Role::Admin
                && persons.iter().all(|person| settings.role(*person, &roster.persons()) <= role);
            match (remove.is_empty(), allowed && !persons.contains(&me)) {
                (true, _) => Planned::Done,
                (false, true) => Planned::Commit(Plan { remove, ..Plan::default() }),
                (false, false) => Planned::Refused(Refusal::NotAllowed),
            }
        }
        Intent::SetRole(person, to) => set_role(settings, roster, role, PersonId(*person), Setting::role(*to)),
        Intent::Set(setting) => set(settings, role, setting),
        Intent::Leave => {
            let own = roster.device(tx.context.me.device).ok_or(Error::Internal("own leaf"))?;
            let signature = tx.context.me.key.sign_raw(&signed::leave(record.log, &own.encryption_key)).to_vec();
            let word =
                pb::LeaveWord { leaf_key: own.key().to_vec(), encryption_key: own.encryption_key.clone(), signature };
            let row = rows::revoke(tx.context.me.access(&record.key).key());
            Planned::Say(pb::Content { body: Some(Body::Leave(word)), ..pb::Content::default() }, vec![row])
        }
    })
}

fn add_devices(tx: &Tx<'_>, loaded: &Loaded, persons: &[PersonId], role: Role) -> Result<Planned, Error> {
    let (roster, settings) = (&loaded.public.roster, &loaded.public.settings);
    let mut wanted = Vec::new();
    let mut without_device = false;
    for person in persons {
        let devices = people::devices(tx.db, *person)?;
        without_device |= devices.iter().all(|device| device.revoked);
        let usable = devices.into_iter().filter(|device| !device.revoked && roster.device(device.id).is_none());
        wanted.extend(usable.map(|device| device.id));
    }
    let present = |person: &PersonId| roster.of(*person).next().is_some();
    let allowed = match &settings.pair {
        Some(pair) => persons.iter().all(|person| pair.contains(person)),
        None => role >= settings.may_add,
    };
    Ok(if wanted.is_empty() && persons.iter().all(present) {
        Planned::Done
    } else if !allowed {
        Planned::Refused(Refusal::NotAllowed)
    } else if wanted.is_empty() && without_device {
        Planned::Wait
    } else if roster.len() + wanted.len() > limits::GROUP_DEVICES {
        Planned::Refused(Refusal::TooMany)
    } else {
        wanted.truncate(limits::ADDS_PER_COMMIT);
        Planned::Take(wanted)
    })
}

fn set_role(
    settings: &Settings,
    roster: &crate::group::roster::Roster,
    own: Role,
    person: PersonId,
    to: Role,
) -> Planned {
    let from = settings.roles.get(&person).copied().unwrap_or(Role::Member);
    if roster.of(person).next().is_none() {
        return Planned::Refused(Refusal::NotAMember);
    }
    if from == to {
        return Planned::Done;
    }
    if settings.pair.is_some() || own < Role::Admin || from > own || to > own {
        return Planned::Refused(Refusal::NotAllowed);
    }
    let mut settings = settings.clone();
    match to {
        Role::Member | Role::Unspecified => settings.roles.remove(&person),
        role => settings.roles.insert(person, role),
    };
    Planned::Commit(Plan { settings: Some(settings), ..Plan::default() })
}

fn set(settings: &Settings, own: Role, setting: &Setting) -> Planned {
    let mut after = settings.clone();
    let needs = match setting {
        Setting::Name(_) | Setting::Topic(_) => settings.may_rename,
        _ => Role::Admin,
    };
    match setting {
        Setting::Name(name) => after.name.clone_from(name),
        Setting::Topic(topic) => after.topic.clone_from(topic),
        Setting::LifetimeS(seconds) => after.lifetime_s = *seconds,
        Setting::MayAdd(role) => after.may_add = Setting::role(*role),
        Setting::MayPost(role) => after.may_post = Setting::role(*role),
        Setting::MayRename(role) => after.may_rename = Setting::role(*role),
    }
    if after == *settings {
        Planned::Done
    } else if own < needs {
        Planned::Refused(Refusal::NotAllowed)
    } else {
        Planned::Commit(Plan { settings: Some(after), ..Plan::default() })
    }
}

/// Key packages came: adds their devices, on the state as it is by now.
pub(crate) fn add(tx: &mut Tx<'_>, log: LogId, entry: EntryId, taken: &[pb::DevicePackage]) -> Result<(), Error> {
    let Some(record) = logs::find(tx.db, log)? else { return Ok(()) };
    let Some(queued) = outbox::find(tx.db, record.conversation, entry)? else { return Ok(()) };
    let (ahead, has_commit) = outbox::count_attempts(tx.db, log)?;
    if record.state != LogState::Active || !tx.is_caught_up(log) || has_commit || ahead >= AHEAD {
        return Ok(());
    }
    let mut loaded = tx.take_group(log)?;
    if let Planned::Take(wanted) = plan(tx, &record, &loaded, &queued)? {
        let additions: Vec<Addition> =
            taken.iter().filter_map(|package| check_package(tx, package, &wanted, &queued.intent)).collect();
        let came = |person: &PersonId| additions.iter().any(|addition| addition.person == *person);
        let missing: Vec<PersonId> = match &queued.intent {
            Intent::Add(persons) => {
                let in_group = |person: &&PersonId| loaded.public.roster.of(**person).next().is_none();
                persons.iter().filter(in_group).filter(|person| !came(person)).copied().collect()
            }
            _ => Vec::new(),
        };
        if additions.is_empty() {
            wait_for_devices(tx, &queued)?;
        } else {
            if !missing.is_empty() {
                // Those without key packages yet come later, as soon as they have some.
                let later = EntryId(pli_env::random(&*tx.context.env));
                outbox::push(tx.db, queued.conversation, later, &Intent::Add(missing), queued.created_ms)?;
                outbox::postpone(tx.db, queued.conversation, later, tx.now_ms() + RETRY_MS)?;
            }
            let settings = mark_guests(tx, &loaded, &additions)?;
            let plan = Plan { add: additions, settings, ..Plan::default() };
            seal_commit(tx, &record, &mut loaded, entry, &plan)?;
        }
    }
    tx.keep_group(log, loaded);
    tx.notice(Notice::Outbox(log));
    Ok(())
}

/// Nobody of those to be added has a device that can be: an intent waits a while, and is then given up.
fn wait_for_devices(tx: &mut Tx<'_>, queued: &Queued) -> Result<(), Error> {
    let now_ms = tx.now_ms();
    if now_ms > queued.created_ms + GIVE_UP_MS {
        outbox::set_refused(tx.db, queued.conversation, queued.entry, Some(Refusal::NoDevice))?;
    } else {
        outbox::postpone(tx.db, queued.conversation, queued.entry, now_ms + (RETRY_MS << queued.tries.min(10)))?;
    }
    tx.notice(Notice::Conversation(queued.conversation));
    Ok(())
}

/// A key package that the server gave for a device: genuine, of that device, and of a person who was to be added.
fn check_package(tx: &Tx<'_>, taken: &pb::DevicePackage, wanted: &[DeviceId], intent: &Intent) -> Option<Addition> {
    use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn, ProtocolVersion};
    use tls_codec::DeserializeBytes as _;
    let device = DeviceId::try_from(taken.device.as_slice()).ok().filter(|device| wanted.contains(device))?;
    let message = MlsMessageIn::tls_deserialize_exact_bytes(&taken.package).ok()?;
    let MlsMessageBodyIn::KeyPackage(package) = message.extract() else { return None };
    let package: KeyPackage = package.validate(&tx.context.crypto, ProtocolVersion::Mls10).ok()?;
    let certificate = crate::group::roster::verify_credential(package.leaf_node().credential(), &tx.context.me.root)?;
    let right_person = match intent {
        Intent::Add(persons) => persons.contains(&certificate.person),
        Intent::Approve(_, key) => certificate.person == tx.context.me.person && certificate.key == *key,
        _ => false,
    };
    // The directory, which people compare, and the package must name the same key.
    let listed = people::devices(tx.db, certificate.person).ok()?;
    let listed = listed.iter().any(|known| known.id == device && known.mls_key == certificate.key);
    let sound = crate::group::verdict::check_package(&tx.context.crypto, &package).is_ok()
        && crate::crypto::well_formed(&tx.context.crypto, crate::group::SUITE, &taken.inbox_key);
    let genuine =
        certificate.device == device && certificate.key.as_slice() == package.leaf_node().signature_key().as_slice();
    let inbox = signed::content(signed::Label::InboxKey, &[&device.0, &taken.inbox_key]);
    let inbox_genuine = crate::crypto::verify(&certificate.key, &inbox, &taken.inbox_key_signature);
    let revoked = people::revocation_of(tx.db, &certificate.fingerprint).ok()?.is_some();
    let suite = package.ciphersuite() == crate::group::SUITE;
    (right_person && listed && sound && genuine && inbox_genuine && !revoked && suite).then(|| Addition {
        device: device.0,
        person: certificate.person,
        package,
        inbox_key: taken.inbox_key.clone(),
    })
}

/// Guests of the organisation enter groups as guests.
fn mark_guests(tx: &Tx<'_>, loaded: &Loaded, additions: &[Addition]) -> Result<Option<Settings>, Error> {
    let mut settings = loaded.public.settings.clone();
    if settings.pair.is_some() {
        return Ok(None);
    }
    let present = loaded.public.roster.persons();
    for addition in additions {
        let is_guest = people::get(tx.db, addition.person)?.guest_until_ms.is_some();
        if is_guest && !present.contains(&addition.person) {
            settings.roles.insert(addition.person, Role::Guest);
        }
    }
    Ok((settings != loaded.public.settings).then_some(settings))
}

fn seal_commit(tx: &mut Tx<'_>, record: &Log, loaded: &mut Loaded, id: EntryId, plan: &Plan) -> Result<Step, Error> {
    match change::commit(tx, record, loaded, id, plan)? {
        Some(prepared) => {
            outbox::put_attempt(tx.db, record.log, &prepared.entry, true, &prepared.welcomes)?;
            Ok(Step::Append(Box::new(prepared.entry)))
        }
        None => {
            if let Some(group) = &mut loaded.group {
                group.clear_pending_commit(&tx.provider().storage)?;
            }
            outbox::set_refused(tx.db, record.conversation, id, Some(Refusal::NotAllowed))?;
            tx.notice(Notice::Conversation(record.conversation));
            Ok(Step::Idle)
        }
    }
}

/// Encrypts a message for its place in the log, and says what its sender had seen.
fn seal_message(
    tx: &mut Tx<'_>,
    record: &Log,
    loaded: &mut Loaded,
    queued: &Queued,
    content: pb::Content,
    rows: Vec<pb::RowChange>,
) -> Result<pb::Entry, Error> {
    let content = pb::Content {
        seen: record.number,
        seen_hash: record.hash.to_vec(),
        revocations: people::revocations(tx.db)?,
        sent_ms: queued.created_ms,
        ..content
    };
    let group = loaded.group.as_mut().ok_or(Error::Internal("no secrets"))?;
    // Bound to its entry: nobody can move it to another place.
    group.set_aad(queued.entry.to_vec());
    let message = group
        .create_message(&tx.provider(), &tx.context.me.key, &content.encode_to_vec())
        .map_err(|error| join::internal("message", &error))?;
    let message = message.to_bytes().map_err(|error| join::internal("message", &error))?;
    let mut entry = pb::Entry {
        id: queued.entry.to_vec(),
        kind: pb::EntryKind::Message.into(),
        parent: record.commit_number,
        parent_hash: record.commit_hash.to_vec(),
        rows,
        ..pb::Entry::default()
    };
    let inside = pb::Opened { body: Some(pb::opened::Body::Message(message)) };
    seal::seal_entry(&*tx.context.env, &record.key, record.log, &mut entry, &inside);
    Ok(entry)
}
