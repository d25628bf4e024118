//! Entering a log by an invitation, and the conversation that it belongs to.

use pli_proto::id::ItemId;
use pli_proto::limits;

use crate::error::Error;
use crate::membership::join::{self, CannotJoin, Material};
use crate::membership::schedule::first_update;
use crate::model::What;
use crate::store::items::{self, Kind, NewItem};
use crate::store::logs::{self, Log};
use crate::store::{Notice, Tx, meta, summary};

use super::{group_id, pair_id};

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
    let (conversation, peer) = match settings.pair.as_deref() {
        None => (group_id(record.log), None),
        Some([peer, other] | [other, peer]) if *other == me => (pair_id(me, *peer), Some(*peer)),
        // Two others', or a group of one's own, which this version has no use for.
        Some(_) => return Err(CannotJoin::Welcome),
    };
    if settings.generation > limits::GENERATIONS {
        return Err(CannotJoin::Welcome);
    }
    let update_ms = first_update(tx, members);
    // Of what came before this store was copied back, the life that it was copied from may have made use: its secrets must
    // not encrypt again.
    let copied_ms = meta::number(tx.db, meta::COPIED_MS)?;
    let is_old = material.entries.last().is_none_or(|entry| entry.received_ms < copied_ms);
    let return_ms = if is_old && copied_ms > 0 { tx.now_ms() } else { 0 };
    let generation = settings.generation;
    logs::put(tx.db, &Log { conversation, generation, update_ms, return_ms, ..entered.clone() })?;
    items::put_conversation(tx.db, conversation, peer, tx.now_ms())?;
    items::set_name(tx.db, conversation, settings.options.name())?;
    let last = material.entries.last();
    let item = NewItem {
        conversation,
        entry: ItemId::of_hash(&entered.hash),
        log: record.log,
        number: entered.number,
        by: me,
        mine: true,
        sent_ms: last.map_or(0, |entry| entry.received_ms),
        received_ms: last.map_or(0, |entry| entry.received_ms),
        kind: Kind::Change,
        body: serde_json::to_vec(&What::Joined).map_err(|_| Error::internal("json"))?,
        expires_ms: 0,
    };
    items::put(tx.db, &item)?;
    tx.notice(Notice::Items(conversation));
    tx.notice(Notice::Group(conversation));
    tx.notice(Notice::Logs);
    Ok(())
}
