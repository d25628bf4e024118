//! A log whose end the server has lost, for it was put back to an older copy.
//!
//! The group's state has gone on, and can't go back to where the server is: a server that could make members return to an
//! older state would bring removed ones in again. So a group ends there, and a pair goes on in another log.

use pli_proto::id::{ItemId, LogId};
use pli_proto::signed;
use sha2::{Digest, Sha256};

use crate::conversations::founding::go_on;
use crate::error::Error;
use crate::model::What;
use crate::store::groups::group_id;
use crate::store::items::{self, Kind, NewItem};
use crate::store::logs::{self, Log, LogState};
use crate::store::{Notice, Tx, meta, outbox};

use super::send::undo;

/// Notes it, and says so where one reads. The secrets stay, should the server be put right.
pub(super) fn lose(tx: &mut Tx<'_>, log: LogId) -> Result<(), Error> {
    let Some(record) = logs::find(tx.db, log)?.filter(|record| record.state.is_followed()) else { return Ok(()) };
    meta::set_number(tx.db, meta::PUT_BACK_MS, tx.now_ms())?;
    let conversation = record.conversation;
    let is_pair = items::conversation(tx.db, conversation)?.is_some_and(|conversation| conversation.peer.is_some());
    let is_broken = record.state == LogState::Broken;
    if is_pair || is_broken {
        // Also what the server had acknowledged: it is sent again.
        outbox::drop_attempts(tx.db, log)?;
    }
    if is_broken {
        // What it was about to come back with; a member's own state there would be taken for secrets.
        tx.provider().storage.delete_group(&group_id(log))?;
    }
    outbox::send_elsewhere(tx.db, log)?;
    undo(tx, &record)?;
    logs::put(tx.db, &Log { state: LogState::Diverged, ..record.clone() })?;
    items::put(tx.db, &put_back(tx, &record)?)?;
    if !is_pair {
        outbox::refuse_all(tx.db, conversation)?;
    }
    go_on(tx, conversation)?;
    tx.notice(Notice::Items(conversation));
    tx.notice(Notice::Group(conversation));
    Ok(())
}

fn put_back(tx: &Tx<'_>, record: &Log) -> Result<NewItem, Error> {
    let hash: [u8; 32] = Sha256::digest(signed::join(&[b"put back", &record.hash])).into();
    Ok(NewItem {
        conversation: record.conversation,
        entry: ItemId::of_hash(&hash),
        log: record.log,
        number: record.number,
        by: tx.context.me.person,
        mine: true,
        sent_ms: tx.now_ms(),
        received_ms: tx.now_ms(),
        kind: Kind::Change,
        body: serde_json::to_vec(&What::PutBack).map_err(|_| Error::internal("json"))?,
        expires_ms: 0,
    })
}
