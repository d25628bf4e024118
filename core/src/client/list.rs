//! The conversation list, members, and making conversations.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use eyeball_im::VectorDiff;
use futures_util::Stream;
use pli_proto::id::{ConversationId, EntryId, LogId, PersonId};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::error::{Error, What};
use crate::group::join::{self, CannotJoin, Material};
use crate::group::seal::LogKey;
use crate::group::settings::{Role, Settings};
use crate::model::{self, ConversationInfo, ConversationKind, LeastRoles, Member, Membership, Permission};
use crate::store::items::{self, Conversation, Kind, NewItem};
use crate::store::logs::{self, Log, LogState};
use crate::store::outbox::{self, Intent};
use crate::store::people::People;
use crate::store::summary::{self, Summary};
use crate::store::{Notice, Tx, meta, people};
use crate::sync::first_update;
use crate::text;

use super::observe::{Changed, observe_parts};
use super::{Client, check_name};

/// People in one call to make a group or add to one.
const PEOPLE: usize = 1_000;

impl Client {
    /// The conversation list, the last active first.
    pub fn conversations(&self) -> impl Stream<Item = Vec<VectorDiff<ConversationInfo>>> + Send + use<> {
        observe_parts(
            self,
            |notice| *notice == Notice::People || notice.conversation().is_some(),
            |db, changed| match changed {
                Changed { all: true, .. } => list(db).map(Found::All),
                Changed { conversations, .. } => some(db, conversations).map(Found::Some),
            },
            |shown, found| match found {
                Found::All(list) => list,
                Found::Some(fresh) => merge(shown, fresh),
            },
            |info: &ConversationInfo| info.id,
        )
    }

    /// The conversation list as it is now.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn conversation_list(&self) -> Result<Vec<ConversationInfo>, Error> {
        self.store()?.read(list).await
    }

    /// Makes a group with these people, of which the own person is the owner. It is there at once, and reaches the
    /// others when it can.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the name or too many people; [`Error::NotFound`] for a person.
    pub async fn create_group(&self, name: &str, people: &[PersonId]) -> Result<ConversationId, Error> {
        check_name(name)?;
        let (name, people) = (name.to_owned(), people.to_vec());
        self.store()?
            .write(move |tx| {
                let me = tx.context.me.person;
                let key = LogKey::random(&*tx.context.env);
                let log = LogId(pli_env::random(&*tx.context.env));
                let conversation = group_id(log);
                items::put_conversation(tx.db, conversation, None, tx.now_ms())?;
                items::set_name(tx.db, conversation, &name)?;
                let settings = Settings::group(key.clone(), tx.context.me.root, me, name);
                found(tx, log, conversation, key, &settings)?;
                let mut others = check_people(tx.db, &people)?;
                others.retain(|person| *person != me);
                add_intents(tx, conversation, &others, has_other_devices(tx, me)?.then_some(me))?;
                Ok(conversation)
            })
            .await
    }

    /// The conversation with one other person. Nothing is sent before something is said.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the directory does not know the person; [`Error::Invalid`] for oneself.
    pub async fn pair(&self, person: PersonId) -> Result<ConversationId, Error> {
        self.store()?
            .write(move |tx| {
                let me = tx.context.me.person;
                if person == me {
                    return Err(Error::Invalid { what: What::Person, limit: 0 });
                }
                people::find(tx.db, person)?.ok_or(Error::NotFound { what: What::Person })?;
                let id = pair_id(me, person);
                items::put_conversation(tx.db, id, Some(person), tx.now_ms())?;
                tx.notice(Notice::Group(id));
                Ok(id)
            })
            .await
    }
}

/// Queues the adding of people, and of the own person's further devices.
fn add_intents(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    others: &[PersonId],
    me: Option<PersonId>,
) -> Result<(), Error> {
    let people: Vec<PersonId> = others.iter().copied().chain(me).collect();
    if !people.is_empty() {
        let entry = EntryId(pli_env::random(&*tx.context.env));
        outbox::push(tx.db, conversation, entry, Intent::Add(people), tx.now_ms())?;
    }
    Ok(())
}

fn has_other_devices(tx: &Tx<'_>, me: PersonId) -> Result<bool, Error> {
    Ok(people::devices(tx.db, me)?.iter().any(|device| device.id != tx.context.me.device && !device.revoked))
}

/// Checks that the directory knows them.
pub(super) fn check_people(db: &Connection, people: &[PersonId]) -> Result<Vec<PersonId>, Error> {
    if people.len() > PEOPLE {
        return Err(Error::Invalid { what: What::People, limit: PEOPLE });
    }
    let unique: BTreeSet<PersonId> = people.iter().copied().collect();
    for person in &unique {
        people::find(db, *person)?.filter(|person| !person.departed).ok_or(Error::NotFound { what: What::Person })?;
    }
    Ok(unique.into_iter().collect())
}

/// A group's conversation. Not the log id itself, which its founder chooses, and might choose to be a pair's.
pub(crate) fn group_id(log: LogId) -> ConversationId {
    let hash: [u8; 32] = Sha256::digest(pli_proto::signed::join(&[b"Pli 1.0 group", &log.0])).into();
    ConversationId::try_from(&hash[..16]).expect("16 of 32 bytes")
}

/// A pair's conversation, the same for both.
pub(crate) fn pair_id(one: PersonId, other: PersonId) -> ConversationId {
    let (low, high) = if one < other { (one, other) } else { (other, one) };
    let hash: [u8; 32] = Sha256::digest(pli_proto::signed::join(&[b"Pli 1.0 pair", &low.0, &high.0])).into();
    ConversationId::try_from(&hash[..16]).expect("16 of 32 bytes")
}

fn found(
    tx: &mut Tx<'_>,
    log: LogId,
    conversation: ConversationId,
    key: LogKey,
    settings: &Settings,
) -> Result<(), Error> {
    let record = Log { state: LogState::Founding, update_ms: first_update(tx, 2), ..Log::new(log, conversation, key) };
    logs::put(tx.db, &record)?;
    join::found(tx, &record, settings)?;
    let loaded = tx.take_group(log)?;
    summary::put(tx, log, &loaded.public)?;
    tx.keep_group(log, loaded);
    tx.notice(Notice::Group(conversation));
    tx.notice(Notice::Outbox(log));
    Ok(())
}

/// The log that a conversation's next intent goes to; a pair's is made when first needed.
pub(crate) fn ensure_log(tx: &mut Tx<'_>, id: ConversationId) -> Result<Log, Error> {
    let records = logs::of(tx.db, id)?;
    if let Some(record) =
        records.first().filter(|record| record.state.is_followed() || record.state == LogState::Founding)
    {
        return Ok(record.clone());
    }
    let conversation = items::conversation(tx.db, id)?.ok_or(Error::NotFound { what: What::Conversation })?;
    let Some(peer) = conversation.peer else { return Err(Error::NotAllowed) };
    let me = tx.context.me.person;
    let key = LogKey::random(&*tx.context.env);
    // Lower than one that this device can't follow any more: the other person then writes to the new one.
    let mut log = LogId(pli_env::random(&*tx.context.env));
    while records.iter().any(|old| old.log <= log) {
        log = LogId(pli_env::random(&*tx.context.env));
    }
    let settings = Settings::pair(key.clone(), tx.context.me.root, [me, peer]);
    found(tx, log, id, key, &settings)?;
    let own = has_other_devices(tx, me)?.then_some(me);
    add_intents(tx, id, &[peer], own)?;
    logs::get(tx.db, log)
}

/// Enters a log by an invitation, and makes the conversation that it belongs to.
pub(crate) fn enter(tx: &mut Tx<'_>, record: &Log, material: &Material) -> Result<Result<(), CannotJoin>, Error> {
    tx.db.execute_batch("SAVEPOINT enter")?;
    match try_enter(tx, record, material) {
        Ok(()) => {
            tx.db.execute_batch("RELEASE enter")?;
            Ok(Ok(()))
        }
        Err(CannotJoin::Store(error)) => Err(error),
        Err(cannot) => {
            // Opening a welcome uses the key package up, even in vain.
            tx.db.execute_batch("ROLLBACK TO enter; RELEASE enter")?;
            Ok(Err(cannot))
        }
    }
}

fn try_enter(tx: &mut Tx<'_>, record: &Log, material: &Material) -> Result<(), CannotJoin> {
    let entered = join::enter(tx, record, material)?;
    let loaded = tx.take_group(record.log)?;
    let (settings, members) = (loaded.public.settings.clone(), loaded.public.roster.len());
    summary::put(tx, record.log, &loaded.public)?;
    tx.keep_group(record.log, loaded);
    let me = tx.context.me.person;
    let (conversation, peer) = match settings.pair {
        None => (group_id(record.log), None),
        Some(pair) if pair.contains(&me) => {
            let peer = if pair[0] == me { pair[1] } else { pair[0] };
            (pair_id(me, peer), Some(peer))
        }
        Some(_) => return Err(CannotJoin::Welcome),
    };
    let update_ms = first_update(tx, members);
    // Of what came before this store was copied back, the life that it was copied from may have made use: its secrets must
    // not encrypt again.
    let copied_ms = meta::number(tx.db, meta::COPIED_MS)?;
    let is_old = material.entries.last().is_none_or(|entry| entry.received_ms < copied_ms);
    let return_ms = if is_old && copied_ms > 0 { tx.now_ms() } else { 0 };
    logs::put(tx.db, &Log { conversation, update_ms, return_ms, ..entered.clone() })?;
    items::put_conversation(tx.db, conversation, peer, tx.now_ms())?;
    items::set_name(tx.db, conversation, &settings.name)?;
    let last = material.entries.last();
    let item = NewItem {
        conversation,
        entry: last.and_then(|entry| EntryId::try_from(entry.id.as_slice()).ok()).ok_or(CannotJoin::Snapshot)?,
        log: record.log,
        number: entered.number,
        by: me,
        mine: true,
        sent_ms: last.map_or(0, |entry| entry.received_ms),
        received_ms: last.map_or(0, |entry| entry.received_ms),
        kind: Kind::Change,
        body: serde_json::to_vec(&model::What::Joined).map_err(|_| Error::internal("json"))?,
    };
    items::put(tx.db, &item)?;
    tx.notice(Notice::Items(conversation));
    tx.notice(Notice::Group(conversation));
    tx.notice(Notice::Logs);
    Ok(())
}

fn list(db: &Connection) -> Result<Vec<ConversationInfo>, Error> {
    let mut people = People::new(db);
    items::conversations(db)?.into_iter().map(|conversation| info(&mut people, &conversation)).collect()
}

/// These conversations; nothing of one that is not there.
fn some(db: &Connection, ids: BTreeSet<ConversationId>) -> Result<Fresh, Error> {
    let mut people = People::new(db);
    let mut info = |id| items::conversation(db, id)?.map(|one| info(&mut people, &one)).transpose();
    ids.into_iter().map(|id| Ok((id, info(id)?))).collect()
}

type Fresh = BTreeMap<ConversationId, Option<ConversationInfo>>;

enum Found {
    All(Vec<ConversationInfo>),
    Some(Fresh),
}

/// The list, with these conversations as they are now, in its order.
fn merge(shown: &[ConversationInfo], fresh: Fresh) -> Vec<ConversationInfo> {
    let others = shown.iter().filter(|info| !fresh.contains_key(&info.id)).cloned();
    let mut now: Vec<_> = others.collect();
    now.extend(fresh.into_values().flatten());
    now.sort_by(|a, b| (b.active_at, a.id).cmp(&(a.active_at, b.id)));
    now
}

/// Where the own person stands in a conversation.
pub(super) struct Standing {
    pub(super) role: Role,
    pub(super) may: HashSet<Permission>,
    membership: Membership,
    summary: Summary,
}

/// The own role, and what it allows.
pub(super) fn standing(db: &Connection, conversation: &Conversation) -> Result<Standing, Error> {
    let record = logs::of(db, conversation.id)?.into_iter().next();
    let summary = record.as_ref().map(|record| summary::get(db, record.log)).transpose()?.flatten().unwrap_or_default();
    let membership = record.as_ref().map_or(Membership::New, |record| match record.state {
        LogState::Founding => Membership::New,
        LogState::Broken => Membership::Returning,
        LogState::Active => Membership::Member,
        LogState::Removed => Membership::Removed,
        LogState::AccessLost => Membership::AccessLost,
        LogState::Left => Membership::Left,
        LogState::Stopped => Membership::UpdateRequired,
        // A pair goes on in another log.
        LogState::Behind | LogState::Diverged if conversation.peer.is_some() => Membership::New,
        LogState::Behind => Membership::Behind,
        LogState::Diverged => Membership::Diverged,
    });
    let out = record.is_some_and(|record| !record.state.is_followed() && record.state != LogState::Founding);
    let role = summary.role.unwrap_or(if conversation.peer.is_some() { Role::Owner } else { Role::Guest });
    let may =
        if out && conversation.peer.is_none() { HashSet::new() } else { permissions(&summary, role, conversation) };
    Ok(Standing { role, may, membership, summary })
}

/// A conversation as lists show it.
pub(super) fn info(people: &mut People<'_>, conversation: &Conversation) -> Result<ConversationInfo, Error> {
    let db = people.db;
    let Standing { role, may, membership, summary } = standing(db, conversation)?;
    let (name, initials, colour) = match conversation.peer {
        Some(peer) => {
            let peer = people.get(peer)?;
            (peer.name, peer.initials, peer.colour)
        }
        None => {
            let name = conversation.name.clone();
            let initials = text::initials(&name);
            (name, initials, text::colour(&conversation.id.0))
        }
    };
    Ok(ConversationInfo {
        id: conversation.id,
        kind: if conversation.peer.is_some() { ConversationKind::Pair } else { ConversationKind::Group },
        peer: conversation.peer,
        name,
        initials,
        colour,
        topic: summary.topic.clone(),
        last: items::last(people, conversation.id)?,
        unread: items::unread(db, conversation)?,
        muted_until: model::some_time(conversation.muted_until_ms),
        draft: conversation.draft.clone(),
        my_role: role,
        may,
        least: LeastRoles { add: summary.may_add, post: summary.may_post, rename: summary.may_rename },
        member_count: summary.member_count.max(if conversation.peer.is_some() { 2 } else { 1 }),
        guest_count: summary.guests,
        sole_owner: summary.role == Some(Role::Owner) && summary.owners == 1 && summary.member_count > 1,
        membership,
        lifetime: summary.lifetime_ms.map(Duration::from_millis),
        active_at: model::time(conversation.active_ms),
    })
}

fn permissions(summary: &Summary, role: Role, conversation: &Conversation) -> HashSet<Permission> {
    if conversation.peer.is_some() {
        return HashSet::from([Permission::Post, Permission::SetLifetime]);
    }
    let mut may = HashSet::new();
    let mut grant = |permission, granted| {
        if granted {
            may.insert(permission);
        }
    };
    grant(Permission::Add, role >= summary.may_add);
    grant(Permission::Post, role >= summary.may_post);
    grant(Permission::Rename, role >= summary.may_rename);
    grant(Permission::Remove, role >= Role::Admin);
    grant(Permission::SetRoles, role >= Role::Admin);
    grant(Permission::SetLifetime, role >= Role::Admin);
    may
}

/// The persons in a conversation, the most powerful first.
pub(super) fn members(db: &Connection, id: ConversationId) -> Result<Vec<Member>, Error> {
    let Some(record) = logs::of(db, id)?.into_iter().next() else { return Ok(Vec::new()) };
    let mut members = Vec::new();
    for member in summary::members(db, record.log)? {
        members.push(Member {
            person: people::get(db, PersonId(member.person))?,
            role: member.role,
            device_count: member.devices.len(),
        });
    }
    members.sort_by(|a, b| (b.role, &a.person.name, a.person.id).cmp(&(a.role, &b.person.name, b.person.id)));
    Ok(members)
}
