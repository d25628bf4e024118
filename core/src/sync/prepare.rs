//! What to send next on a log: the outbox's intents, and what a member does unasked, sealed on the present state.
//!
//! Nothing here waits: the network's part is a [`Step`] that [`super::send`] takes.

use pli_proto::id::{DeviceId, ItemId, LogId};
use pli_proto::issuers::not_kept;
use pli_proto::{limits, pb};
use prost::Message as _;

use crate::error::Error;
use crate::membership::change::{self, Plan};
use crate::membership::join;
use crate::model::Refusal;
use crate::store::logs::{self, Log, LogState};
use crate::store::outbox::{self, Attempt, Queued, Sealed, To, Welcome};
use crate::store::{Loaded, Notice, Tx, issuers, people};
use pli_kernel::group::associated;
use pli_kernel::group::roster::Roster;

use super::add::wait_for_devices;
use super::plan::{Planned, plan};
use crate::membership::schedule;

/// Evidence that a commit is given, of each kind; the others' is far below what remains of the bound.
const EVIDENCE_BYTES: usize = limits::EVIDENCE_BYTES / 4;

/// What the network does for a log.
pub(crate) enum Step {
    /// Make the log, with this founding snapshot.
    Create(Vec<u8>),
    /// Append this entry.
    Append(Box<Attempt>),
    /// Take key packages of these devices, then [`add`].
    Take(ItemId, Vec<DeviceId>),
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
        LogState::Founding => Ok(Step::Create(join::snapshot(tx, &record)?)),
        LogState::Active | LogState::Broken => {
            if !tx.is_caught_up(log) {
                return Ok(Step::Idle);
            }
            if let Some(attempt) = outbox::next_attempt(tx.db, log)? {
                return Ok(Step::Append(Box::new(attempt)));
            }
            // In a copied store what is kept of attempts is void, and stands in nobody's way.
            let is_copy = record.state == LogState::Active && record.return_ms > 0;
            if !is_copy && outbox::attempts(tx.db, log)?.are_enough() {
                return Ok(Step::Idle);
            }
            if record.state == LogState::Broken { come_back(tx, &record) } else { member(tx, &record) }
        }
        _ => Ok(Step::Idle),
    }
}

/// Seals the message that was asked for just now, if nothing stands before it. `record` is the first of its conversation.
pub(crate) fn at_once(tx: &mut Tx<'_>, record: &Log, queued: &Queued) -> Result<(), Error> {
    let may_seal = record.state == LogState::Active && record.return_ms == 0 && tx.is_caught_up(record.log);
    if !may_seal || !outbox::is_alone(tx.db, record.log, queued)? {
        return Ok(());
    }
    let mut loaded = tx.take_group(record.log)?;
    if expelled(tx, record, &mut loaded)?.remove.is_empty() {
        carry_out(tx, record, &mut loaded, queued)?;
    }
    tx.keep_group(record.log, loaded);
    Ok(())
}

fn come_back(tx: &mut Tx<'_>, record: &Log) -> Result<Step, Error> {
    if let Err(at_ms) = schedule::may_return(record, tx.now_ms()) {
        return Ok(Step::Wait(at_ms));
    }
    let loaded = tx.take_group(record.log)?;
    let id = ItemId(pli_env::random(&*tx.context.env));
    let sealed = join::come_back(tx, record, &loaded.public)?;
    // If another commit comes first, this is tried again.
    let again = schedule::soon(tx, loaded.public.roster.len());
    logs::put(tx.db, &Log { return_ms: again, ..record.clone() })?;
    tx.keep_group(record.log, loaded);
    attempt(tx, record, id, sealed, &[])
}

fn member(tx: &mut Tx<'_>, record: &Log) -> Result<Step, Error> {
    if record.return_ms > 0 {
        // A copy of an earlier day, now read to the end: its secrets must not encrypt.
        outbox::drop_attempts(tx.db, record.log)?;
        drop(tx.take_group(record.log)?);
        join::lose_secrets(tx, record.log)?;
        let broken = Log { state: LogState::Broken, ..record.clone() };
        logs::put(tx.db, &broken)?;
        tx.notice(Notice::Group(record.conversation));
        return come_back(tx, &broken);
    }
    // Of a pair's several logs only the first is written to.
    let is_first = logs::of(tx.db, record.conversation)?.first().map(|first| first.log) == Some(record.log);
    let mut loaded = tx.take_group(record.log)?;
    let step = member_step(tx, record, &mut loaded, is_first)?;
    tx.keep_group(record.log, loaded);
    Ok(step)
}

fn member_step(tx: &mut Tx<'_>, record: &Log, loaded: &mut Loaded, is_first: bool) -> Result<Step, Error> {
    let to = To { conversation: record.conversation, log: record.log, is_written: is_first };
    // Who is revoked or has left goes before anything else is said.
    let expelled = expelled(tx, record, loaded)?;
    let may_commit = schedule::may_commit(record, tx.now_ms());
    if !expelled.remove.is_empty() {
        if let Err(at_ms) = may_commit.and(may_remove(tx, to, loaded)?) {
            return Ok(Step::Wait(at_ms));
        }
        let id = ItemId(pli_env::random(&*tx.context.env));
        return seal_commit(tx, record, loaded, id, &expelled);
    }
    tx.no_removal(record.log);
    while let Some(queued) = outbox::next(tx.db, to, tx.now_ms())? {
        if let Some(step) = carry_out(tx, record, loaded, &queued)? {
            return Ok(step);
        }
    }
    let update = may_commit.and(schedule::update_is_due(record, tx.now_ms(), loaded.public.roster.len()));
    let Err(update_ms) = update else {
        let id = ItemId(pli_env::random(&*tx.context.env));
        return seal_commit(tx, record, loaded, id, &Plan::default());
    };
    if record.snapshot_is_due() {
        let snapshot = join::snapshot(tx, record)?;
        return Ok(Step::Snapshot(record.commit_number, snapshot));
    }
    let waiting = outbox::next_ms(tx.db, to, tx.now_ms())?;
    Ok(Step::Wait(waiting.map_or(update_ms, |waiting_ms| waiting_ms.min(update_ms))))
}

/// Whether it is this device's turn to remove those who must go; else when. Another's commit that does it comes first, or
/// something that this device has to say does.
fn may_remove(tx: &mut Tx<'_>, to: To, loaded: &Loaded) -> Result<Result<(), u64>, Error> {
    let (leaves, role) = (loaded.public.roster.len(), loaded.public.role(tx.context.me.person));
    let turn_ms = tx.removal_ms(to.log, |tx| schedule::removal(tx, leaves, role));
    let waiting = outbox::next(tx.db, to, tx.now_ms())?;
    Ok(schedule::may_remove(turn_ms, waiting.map(|queued| queued.created_ms), tx.now_ms()))
}

/// The leaves of revoked devices, of leavers, and of those that ended with their issuer, with what proves it.
pub(super) fn expelled(tx: &Tx<'_>, record: &Log, loaded: &mut Loaded) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    let known = people::known(tx.db)?;
    let roster = &loaded.public.roster;
    if loaded.public.unrevoked != Some(known) {
        let mut shown_bytes = 0;
        for leaf in roster.leaves().filter(|leaf| leaf.device() != tx.context.me.device) {
            // What does not fit goes with the next commit.
            if shown_bytes > EVIDENCE_BYTES {
                break;
            }
            if let Some(line) = people::revocation_of(tx.db, &leaf.certificate.fingerprint)? {
                shown_bytes += line.encoded_len();
                plan.remove.insert(leaf.index);
                plan.evidence.push(pb::Evidence { evidence: Some(pb::evidence::Evidence::Revoked(line)) });
            }
        }
        ended(tx, roster, &mut plan, shown_bytes)?;
        if plan.remove.is_empty() {
            loaded.public.unrevoked = Some(known);
        }
    }
    for word in logs::leavers(tx.db, record.log)? {
        let leaver = roster.by_key(&word.leaf_key).filter(|leaf| {
            pli_kernel::group::rules::is_word_of(&word, record.log, leaf) && leaf.person() != tx.context.me.person
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

/// The leaves whose certificates ended with their issuer, as many as there is room to show of.
fn ended(tx: &Tx<'_>, roster: &Roster, plan: &mut Plan, mut shown_bytes: usize) -> Result<(), Error> {
    let ends = issuers::ends(tx.db)?;
    for (issuer, end) in &ends {
        if shown_bytes > EVIDENCE_BYTES {
            break;
        }
        let mut missing = Vec::new();
        for leaf in roster.leaves().filter(|leaf| leaf.certificate.issuer == *issuer) {
            if leaf.device() != tx.context.me.device && issuers::has_ended(tx.db, &ends, &leaf.certificate)? {
                missing.push((leaf.index, leaf.certificate.fingerprint));
            }
        }
        let kept = issuers::kept(tx.db, end.number)?;
        while !missing.is_empty() {
            let fingerprints: Vec<_> = missing.iter().map(|(_, fingerprint)| *fingerprint).collect();
            let shown = pb::evidence::Evidence::NotKept(not_kept(end.clone(), &kept, &fingerprints));
            let shown = pb::Evidence { evidence: Some(shown) };
            if missing.len() > 1 && shown.encoded_len() > EVIDENCE_BYTES {
                missing.truncate(missing.len() / 2);
                continue;
            }
            plan.remove.extend(missing.drain(..).map(|(index, _)| index));
            shown_bytes += shown.encoded_len();
            plan.evidence.push(shown);
        }
    }
    Ok(())
}

/// Carries an intent out as far as it can be now. `None`: it is done or given up, and the next one is due.
fn carry_out(tx: &mut Tx<'_>, record: &Log, loaded: &mut Loaded, queued: &Queued) -> Result<Option<Step>, Error> {
    let conversation = queued.conversation;
    match plan(tx, record, loaded, queued)? {
        Planned::Say(said, rows) => {
            let sealed = seal_message(tx, record, loaded, said, rows)?;
            attempt(tx, record, queued.entry, sealed, &[]).map(Some)
        }
        Planned::Elsewhere(log) => {
            outbox::send_to(tx.db, conversation, queued.entry, log)?;
            tx.notice(Notice::Outbox(log));
            Ok(None)
        }
        Planned::Commit(_) | Planned::First(_) | Planned::Take(_)
            if let Err(commit_ms) = schedule::may_commit(record, tx.now_ms()) =>
        {
            outbox::postpone(tx.db, conversation, queued.entry, commit_ms)?;
            tx.notice(Notice::Items(conversation));
            Ok(None)
        }
        Planned::Commit(plan) => seal_commit(tx, record, loaded, queued.entry, &plan).map(Some),
        Planned::First(plan) => {
            let id = ItemId(pli_env::random(&*tx.context.env));
            seal_commit(tx, record, loaded, id, &plan).map(Some)
        }
        Planned::Take(devices) => Ok(Some(Step::Take(queued.entry, devices))),
        Planned::Done => {
            outbox::remove(tx.db, conversation, queued.entry)?;
            tx.notice(Notice::Items(conversation));
            Ok(None)
        }
        Planned::Wait => {
            wait_for_devices(tx, queued)?;
            Ok(None)
        }
        Planned::Refused(why) => {
            outbox::refuse(tx.db, conversation, queued.entry, why)?;
            tx.notice(Notice::Items(conversation));
            Ok(None)
        }
    }
}

pub(super) fn seal_commit(
    tx: &mut Tx<'_>,
    record: &Log,
    loaded: &mut Loaded,
    id: ItemId,
    plan: &Plan,
) -> Result<Step, Error> {
    match change::commit(tx, record, loaded, plan)? {
        Some(prepared) => attempt(tx, record, id, prepared.sealed, &prepared.welcomes),
        None => {
            if let Some(group) = &mut loaded.group {
                group.clear_pending_commit(&tx.provider().storage)?;
            }
            outbox::refuse(tx.db, record.conversation, id, Refusal::NotAllowed)?;
            tx.notice(Notice::Items(record.conversation));
            Ok(Step::Idle)
        }
    }
}

/// Keeps what was sealed for an intent, to be sent.
fn attempt(tx: &Tx<'_>, record: &Log, id: ItemId, sealed: Sealed, welcomes: &[Welcome]) -> Result<Step, Error> {
    outbox::put_attempt(tx.db, record.log, id, &sealed, welcomes)?;
    Ok(Step::Append(Box::new(Attempt { id, entry: sealed.entry })))
}

/// Encrypts a message for its place in the log, and says what its sender had seen.
fn seal_message(
    tx: &mut Tx<'_>,
    record: &Log,
    loaded: &mut Loaded,
    said: Vec<u8>,
    rows: Vec<pb::Row>,
) -> Result<Sealed, Error> {
    let entry = change::placed(record, pb::EntryKind::Message, rows);
    let id = associated::message_id(record.conversation, tx.context.me.person, &said);
    let content = pb::Content {
        seen: record.number,
        seen_hash: record.hash.to_vec(),
        revocations: match loaded.public.unrevoked {
            Some((number, _)) => number,
            None => people::revocations(tx.db)?,
        },
        said,
    };
    let group = loaded.group.as_mut().ok_or(Error::internal("no secrets"))?;
    group.set_aad(associated::of_message(&loaded.public.state, record.log, &entry, id));
    let message = group
        .create_message(&tx.provider(), &tx.context.me.key, &content.encode_to_vec())
        .map_err(|error| join::internal("message", &error))?;
    let message = message.to_bytes().map_err(|error| join::internal("message", &error))?;
    Ok(change::sealed(tx, record, entry, pb::opened::Body::Message(message)))
}
