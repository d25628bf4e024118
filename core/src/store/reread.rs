//! What an earlier version of this program did not understand, read anew by one that may.
//!
//! Every byte of such a message was kept ([`Kind::Unknown`]), so that an update shows what was said before it.

use pli_env::sql::Numbers as _;
use pli_proto::id::{ConversationId, LogId, PersonId};
use prost::Message as _;
use rusqlite::Connection;

use super::items::Kind;
use super::relations::Source;
use super::{logs, meta};
use crate::content::{self, Body, Said};
use crate::error::Error;

/// Reads anew what was kept as unknown by another version; once for each version.
pub(crate) fn unknown(db: &Connection) -> Result<(), Error> {
    if meta::number(db, meta::CONTENT_VERSION)? == content::VERSION {
        return Ok(());
    }
    let transaction = db.unchecked_transaction()?;
    let mut query = db.prepare(
        "SELECT pos, items.conversation, log, by, received_ms, body, generation FROM items LEFT JOIN logs USING (log)
         WHERE kind IN (?, ?)",
    )?;
    let kept = query.query_map([Kind::Unknown as i64, Kind::Hidden as i64], |row| {
        let source = Source {
            conversation: ConversationId(row.get(1)?),
            within: logs::precedence(row.get::<_, Option<u32>>(6)?.unwrap_or_default(), LogId(row.get(2)?)),
            by: PersonId(row.get(3)?),
            received_ms: row.number(4)?,
            // What the role was there is not known any more.
            may_delete: false,
        };
        Ok((row.get::<_, i64>(0)?, source, row.get::<_, Vec<u8>>(5)?))
    })?;
    for (pos, source, body) in kept.collect::<Result<Vec<_>, _>>()? {
        match Said::parse(&body).body {
            Body::Text(text) => {
                let sql = "UPDATE items SET kind = ?, body = ? WHERE pos = ?";
                db.execute(sql, (Kind::Text as i64, text.encode_to_vec(), pos))?;
            }
            Body::Relation(relation) => {
                db.execute("DELETE FROM items WHERE pos = ?", [pos])?;
                source.apply(db, &relation)?;
            }
            Body::Unknown { .. } | Body::Leave(_) | Body::Malformed => {}
        }
    }
    meta::set_number(db, meta::CONTENT_VERSION, content::VERSION)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use pli_proto::id::ItemId;
    use pli_proto::pb;
    use pli_proto::pb::said::Body as Sealed;

    use super::*;
    use crate::model::{Content as Shown, TimelineItem};
    use crate::store::items::{self, NewItem};
    use crate::store::open::tests::in_memory;

    const GROUP: ConversationId = ConversationId([7; 16]);

    /// What an earlier version kept: it knew the body no better than this one knows a field that no version has.
    fn keep(db: &Connection, number: u8, content: Vec<u8>) {
        let item = NewItem {
            conversation: GROUP,
            entry: ItemId([number; 16]),
            log: LogId([1; 16]),
            number: number.into(),
            by: PersonId([3; 16]),
            mine: false,
            sent_ms: 0,
            received_ms: 1,
            kind: Kind::Unknown,
            body: content,
            expires_ms: 0,
        };
        items::put(db, &item).unwrap();
    }

    #[test]
    fn what_an_earlier_version_did_not_know_is_shown_by_one_that_does() {
        let db = in_memory();
        items::put_conversation(&db, GROUP, None, 0).unwrap();
        let content = |body| Said::seal([1; 16], 0, body);
        keep(&db, 1, content(Sealed::Text(pb::Text { body: "said".into(), ..pb::Text::default() })));
        keep(&db, 2, content(Sealed::React(pb::React { target: vec![1; 16], emoji: "👍".into() })));
        // Field 900, a string.
        keep(&db, 3, [&[0xa2, 0x38, 4][..], b"poll"].concat());
        unknown(&db).unwrap();
        let shown: Vec<_> =
            items::window(&db, GROUP, i64::MAX, 10).unwrap().into_iter().map(|(_, item)| item).collect();
        let [TimelineItem::Said(text), TimelineItem::Said(poll)] = shown.as_slice() else { panic!("{shown:?}") };
        assert!(matches!(&text.content, Shown::Text { body, .. } if body == "said"));
        assert_eq!(text.reactions.len(), 1);
        assert!(matches!(poll.content, Shown::Unknown));
        // Once for a version.
        keep(&db, 4, content(Sealed::Text(pb::Text { body: "later".into(), ..pb::Text::default() })));
        unknown(&db).unwrap();
        let last = items::window(&db, GROUP, i64::MAX, 1).unwrap();
        assert!(matches!(&last[0].1, TimelineItem::Said(last) if matches!(last.content, Shown::Unknown)));
    }

    #[test]
    fn a_change_that_does_not_parse_costs_itself_alone() {
        let db = in_memory();
        items::put_conversation(&db, GROUP, None, 0).unwrap();
        keep(&db, 1, Vec::new());
        keep(&db, 2, Vec::new());
        db.execute("UPDATE items SET kind = ?, body = x'7b' WHERE pos = 1", [Kind::Change as i64]).unwrap();
        let shown = items::window(&db, GROUP, i64::MAX, 10).unwrap();
        assert!(matches!(&shown[0].1, TimelineItem::Said(one) if matches!(one.content, Shown::Unreadable)));
        assert_eq!(shown.len(), 2);
    }
}
