//! What is done to messages: edits, deletions, reactions.
//!
//! It stands in its target's log, behind it, as long as its writer is in that; what comes before its target never was of it.
//! A pair may have several logs, and a device may read either first. So what is done in the log that precedes, which is
//! written where the other one has ended, outdoes what is done in the other, whichever comes first: all devices end alike.

use pli_env::sql::integer;
use pli_proto::id::{ConversationId, ItemId, PersonId};
use pli_proto::pb;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _};

use crate::content::{Deed, Relation};
use crate::error::Error;

use super::items::{Kind, NOBODY};
use super::logs::Precedence;

/// Who does something to a message, and where that stands.
pub(crate) struct Source {
    /// The conversation of both.
    pub(crate) conversation: ConversationId,
    /// The precedence of the log in which it is done.
    pub(crate) within: Precedence,
    /// Who does it.
    pub(crate) by: PersonId,
    /// When the server received it, in milliseconds since 1970.
    pub(crate) received_ms: u64,
    /// The person may delete others' messages too.
    pub(crate) may_delete: bool,
}

impl Source {
    /// Edits, deletes, or reacts to, the target.
    pub(crate) fn apply(&self, db: &Connection, relation: &Relation) -> Result<(), Error> {
        let target = relation.target;
        match &relation.deed {
            Deed::Edit { body, mentions } => self.edit(db, target, body, mentions),
            Deed::Delete => self.delete(db, target),
            Deed::React(emoji) => self.react(db, target, emoji),
        }
    }

    /// Replaces a text of one's own.
    fn edit(&self, db: &Connection, target: ItemId, body: &str, mentions: &[PersonId]) -> Result<(), Error> {
        let sql = "SELECT body FROM items WHERE conversation = ? AND entry = ? AND by = ? AND kind = ?
                   AND deleted_by IS NULL AND (edited_in IS NULL OR edited_in <= ?)";
        let old = db
            .prepare_cached(sql)?
            .query_row((self.conversation.0, target.0, self.by.0, Kind::Text as i64, self.within), |row| {
                row.get::<_, Vec<u8>>(0)
            });
        let Some(old) = old.optional()? else { return Ok(()) };
        let reply_to = pb::Text::decode(old.as_slice()).map(|old| old.reply_to).unwrap_or_default();
        let mentions = mentions.iter().map(|person| person.to_vec()).collect();
        let text = pb::Text { body: body.to_owned(), mentions, reply_to };
        let sql = "UPDATE items SET body = ?, edited_ms = ?, edited_in = ? WHERE conversation = ? AND entry = ?";
        db.execute(sql, (text.encode_to_vec(), integer(self.received_ms), self.within, self.conversation.0, target.0))?;
        Ok(())
    }

    /// Deletes what a message said; that it was deleted stays visible. Whose an unreadable one is, nobody knows.
    fn delete(&self, db: &Connection, target: ItemId) -> Result<(), Error> {
        let sql = "UPDATE items SET body = x'', deleted_by = ?2
                   WHERE conversation = ?5 AND entry = ?1 AND (by = ?2 OR by = ?6 OR ?3) AND kind <> ?4";
        let change = Kind::Change as i64;
        let values = (target.0, self.by.0, self.may_delete, change, self.conversation.0, NOBODY.0);
        let deleted = db.execute(sql, values)?;
        if deleted > 0 {
            let sql = "DELETE FROM reactions WHERE conversation = ? AND entry = ?";
            db.execute(sql, (self.conversation.0, target.0))?;
        }
        Ok(())
    }

    /// Sets a person's reaction; an empty one takes it back.
    fn react(&self, db: &Connection, target: ItemId, emoji: &str) -> Result<(), Error> {
        let sql = "INSERT INTO reactions(conversation, entry, person, emoji, within)
                   SELECT ?1, ?2, ?3, ?4, ?5 FROM items
                   WHERE conversation = ?1 AND entry = ?2 AND kind <> ?6 AND deleted_by IS NULL
                   ON CONFLICT DO UPDATE SET emoji = ?4, within = ?5 WHERE within <= ?5";
        let by = self.by.0;
        db.execute(sql, (self.conversation.0, target.0, by, emoji, self.within, Kind::Change as i64))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pli_kernel::group::seal::LogKey;
    use pli_proto::id::LogId;

    use super::*;
    use crate::store::items::{self, NewItem};
    use crate::store::logs::Log;

    const PAIR: ConversationId = ConversationId([7; 16]);
    const LOW: LogId = LogId([1; 16]);
    const HIGH: LogId = LogId([2; 16]);
    const ANNE: PersonId = PersonId([3; 16]);
    const BAO: PersonId = PersonId([4; 16]);
    const TEXT: ItemId = ItemId([5; 16]);

    fn store(peer: Option<PersonId>) -> Connection {
        let db = crate::store::open::tests::in_memory();
        items::put_conversation(&db, PAIR, peer, 0).unwrap();
        db
    }

    /// Anne says something in the higher log.
    fn say(db: &Connection) {
        let body = pb::Text { body: "said".into(), ..pb::Text::default() }.encode_to_vec();
        let said = NewItem {
            conversation: PAIR,
            entry: TEXT,
            log: HIGH,
            number: 1,
            by: ANNE,
            mine: false,
            sent_ms: 0,
            received_ms: 1,
            kind: Kind::Text,
            body,
            expires_ms: 0,
        };
        items::put(db, &said).unwrap();
    }

    fn apply(db: &Connection, log: LogId, by: PersonId, deed: Deed) {
        let within = Log::new(log, PAIR, LogKey::from([0; 32])).precedence();
        let source = Source { conversation: PAIR, within, by, received_ms: 1, may_delete: false };
        source.apply(db, &Relation { target: TEXT, deed }).unwrap();
    }

    fn edit(text: &str) -> Deed {
        Deed::Edit { body: text.into(), mentions: Vec::new() }
    }

    fn react(emoji: &str) -> Deed {
        Deed::React(emoji.into())
    }

    /// What is shown of the message.
    fn shown(db: &Connection) -> String {
        let items = items::window(db, PAIR, i64::MAX, 10).unwrap();
        let items = items.into_iter().map(|(_, item)| match item {
            crate::model::TimelineItem::Said(message) => format!("{:?} {:?}", message.content, message.reactions),
            other @ crate::model::TimelineItem::Changed(_) => format!("{other:?}"),
        });
        items.collect()
    }

    /// Every way to read two logs, each in its own order, must show the same, from the message on.
    fn alike(high: &[(PersonId, Deed)], low: &[(PersonId, Deed)]) -> String {
        let total = high.len() + low.len();
        let mut seen: Vec<String> = Vec::new();
        for order in (0..1_u32 << total).filter(|order| order.count_ones() as usize == low.len()) {
            let (db, mut high, mut low) = (store(Some(BAO)), high.iter(), low.iter());
            say(&db);
            for place in 0..total {
                let is_low = (order >> place) & 1 == 1;
                let (by, deed) = if is_low { low.next() } else { high.next() }.unwrap();
                apply(&db, if is_low { LOW } else { HIGH }, *by, deed.clone());
            }
            seen.push(shown(&db));
        }
        assert!(seen.windows(2).all(|two| two[0] == two[1]), "{seen:#?}");
        seen.remove(0)
    }

    #[test]
    fn whichever_log_of_a_pair_is_read_first_the_same_is_shown() {
        let high = [(ANNE, edit("higher")), (BAO, react("👍"))];
        let edited = alike(&high, &[(ANNE, edit("lower")), (BAO, react("🌊"))]);
        assert!(edited.contains("lower") && edited.contains("🌊") && !edited.contains("👍"), "{edited}");
        let taken_back = alike(&high, &[(BAO, react("")), (ANNE, edit("lower")), (ANNE, edit("last"))]);
        assert!(taken_back.contains("last") && taken_back.ends_with("[]"), "{taken_back}");
        let deleted = alike(&high, &[(ANNE, edit("lower")), (ANNE, Deed::Delete), (BAO, react("🌊"))]);
        assert!(deleted.contains("Deleted") && deleted.ends_with("[]"), "{deleted}");
        let others = alike(&high, &[(BAO, edit("forged")), (BAO, Deed::Delete)]);
        assert!(others.contains("higher") && others.contains("👍"), "{others}");
    }

    #[test]
    fn of_a_pairs_logs_the_highest_generation_precedes_and_then_the_lowest_id() {
        let log = |generation, log| Log { generation, ..Log::new(log, PAIR, LogKey::from([0; 32])) }.precedence();
        assert!(log(2, HIGH) > log(1, LOW) && log(1, LOW) > log(1, HIGH));
        assert!(log(256, HIGH) > log(255, LOW));
    }

    /// Something unreadable is put under the id of a commit to come, and deleted by who makes that.
    #[test]
    fn nobody_hides_a_change_that_they_are_about_to_make() {
        let db = store(None);
        let item = |by, kind, body| NewItem {
            conversation: PAIR,
            entry: TEXT,
            log: HIGH,
            number: 1,
            by,
            mine: false,
            sent_ms: 0,
            received_ms: 1,
            kind,
            body,
            expires_ms: 0,
        };
        items::put(&db, &item(NOBODY, Kind::Unreadable, Vec::new())).unwrap();
        apply(&db, HIGH, ANNE, Deed::Delete);
        let left = serde_json::to_vec(&crate::model::What::Left).unwrap();
        items::put(&db, &item(ANNE, Kind::Change, left)).unwrap();
        assert!(shown(&db).contains("Left"), "{}", shown(&db));
    }

    #[test]
    fn what_comes_before_its_message_is_nothing() {
        let db = store(Some(BAO));
        apply(&db, LOW, ANNE, edit("too early"));
        apply(&db, LOW, ANNE, Deed::Delete);
        say(&db);
        assert!(shown(&db).contains("said"), "{}", shown(&db));
    }
}
