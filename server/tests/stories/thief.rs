//! What a thief of the server's data finds.

use std::collections::BTreeMap;

use pli_proto::pb;
use pli_proto::rows::{self, rank};
use pli_proto::signed::Label;
use pli_server::Invite;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::common::*;

/// Every value of every table, as bytes, by table and column.
fn loot(database: &std::path::Path) -> BTreeMap<(String, String), Vec<Vec<u8>>> {
    let connection = Connection::open(database).unwrap();
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut loot: BTreeMap<_, Vec<Vec<u8>>> = BTreeMap::new();
    for table in tables {
        let mut all = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns: Vec<String> = all.column_names().map(ToString::to_string).collect();
        let mut found = all.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            for (index, column) in columns.iter().enumerate() {
                let value = match row.get_ref(index).unwrap() {
                    ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes.to_vec(),
                    ValueRef::Integer(number) => number.to_string().into_bytes(),
                    _ => continue,
                };
                loot.entry((table.clone(), column.clone())).or_default().push(value);
            }
        }
    }
    loot
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

struct Story {
    office: Office,
    people: Vec<Device>,
    tokens: Vec<Vec<u8>>,
    group: Group,
    keys: Vec<Vec<u8>>,
    shown: Vec<u8>,
}

/// A group of three, of whom one loses the phone; welcomes and key packages come and go.
async fn story() -> Story {
    let office = Office::open().await;
    let (mut people, mut tokens) = (Vec::new(), Vec::new());
    for name in ["Anneliese", "Bartholomew", "Clementine"] {
        let token = office.invite(Invite::person(name)).await;
        let mut device = Device::new(&office);
        device.enrol(&office, &token).await.unwrap();
        let known = office.channel(Some(&device)).await.unwrap();
        let mut publish = pb::key_packages_client::KeyPackagesClient::with_interceptor(known, Headers::default());
        let publication = device.publication(&[name.as_bytes(), b"second of ", &device.id.0]);
        publish.publish(device.signs(&office, Label::Publish, &publication)).await.unwrap();
        people.push(device);
        tokens.push(token);
    }
    tokens.push(office.invite(Invite::person("Waiting")).await);
    let mut group = Group::found(&office, &people[0]).await;
    let (bob, clementine) = (people[1].row(&group.log), people[2].row(&group.log));
    let devices = people.iter().map(|device| device.id.to_vec()).collect();
    group.sealed.key_packages.take(pb::TakeRequest { devices, last_resort: false }).await.unwrap();
    let rows = vec![rows::set(bob.key(), rank::ADMIN), rows::set(clementine.key(), rank::MEMBER)];
    group.commit(sorted(rows)).await;
    for device in &people[1..] {
        let sealed = b"an acknowledged welcome, ".repeat(1_000);
        let item = pb::DeliverRequest { device: device.id.to_vec(), id: vec![4; 16], sealed };
        group.sealed.inbox.deliver(item).await.unwrap();
        let known = office.channel(Some(device)).await.unwrap();
        let mut inbox = pb::inbox_client::InboxClient::with_interceptor(known, Headers::default());
        let body = pb::AcknowledgeBody { up_to: 1 };
        inbox.acknowledge(device.signs(&office, Label::Acknowledge, &body)).await.unwrap();
    }
    let waits = pb::DeliverRequest { device: people[1].id.to_vec(), id: vec![5; 16], sealed: b"waits".to_vec() };
    group.sealed.inbox.deliver(waits).await.unwrap();
    group.say(b"sealed words").await;
    office.authority().revoke(people[2].id).await.unwrap();
    group.sealed = office.sealed(&people[0]).await;
    let leaf = people[2].mls.verifying_key().to_bytes();
    let row = rows::cut_bad(&group.log.key, &leaf).unwrap();
    let shown = row.factor.clone();
    group.commit(vec![row]).await;
    let keys = [&people[0].row(&group.log), &bob, &clementine].iter().map(|row| row.key().0.to_vec()).collect();
    Story { office, people, tokens, group, keys, shown }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_table_ties_a_log_or_row_to_a_device_or_person() {
    let mut story = story().await;
    story.office.shut_for_good().await;
    let loot = loot(&story.office.database());
    let logs: Vec<Vec<u8>> = story.keys.iter().cloned().chain([story.group.log.id.to_vec()]).collect();
    let mut persons: Vec<Vec<u8>> = ["Anneliese", "Bartholomew", "Clementine"].map(|n| n.as_bytes().to_vec()).into();
    for device in &story.people {
        persons.push(device.id.to_vec());
        persons.push(device.person.to_vec());
        persons.push(device.mls.verifying_key().to_bytes().to_vec());
        persons.push(device.tls.verifying_key().to_bytes().to_vec());
        persons.push(pli_proto::certificate::fingerprint(&device.mls_certificate).to_vec());
    }
    let tables_with = |needles: &[Vec<u8>]| -> Vec<&str> {
        let mut tables: Vec<&str> = loot
            .iter()
            .filter(|(_, values)| values.iter().any(|value| needles.iter().any(|needle| contains(value, needle))))
            .map(|((table, _), _)| table.as_str())
            .collect();
        tables.dedup();
        tables
    };
    let (with_logs, with_persons) = (tables_with(&logs), tables_with(&persons));
    assert_eq!(with_logs, ["entries", "logs", "rows", "snapshot_pieces", "snapshots"]);
    assert!(
        with_persons.contains(&"devices") && with_persons.contains(&"people"),
        "the search finds: {with_persons:?}"
    );
    assert!(with_logs.iter().all(|table| !with_persons.contains(table)), "{with_persons:?}");
    // Nor by a value that both sides share: a column of one is no column of the other.
    let values = |tables: &[&str]| -> Vec<&Vec<u8>> {
        let mine = loot.iter().filter(|((table, _), _)| tables.contains(&table.as_str()));
        mine.flat_map(|(_, values)| values).filter(|value| value.len() >= 8).collect()
    };
    let (ours, theirs) = (values(&with_logs), values(&with_persons));
    assert!(!ours.is_empty() && ours.iter().all(|value| !theirs.contains(value)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_tell_neither_who_wrote_today_nor_who_brought_whom_in() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let (silent, busy) = (group.add(rank::MEMBER).await, group.add(rank::MEMBER).await);
    let friend = group.stranger();
    let entry = group.pen.commit(vec![rows::set(friend.key(), rank::MEMBER)]);
    let taken = group.append(&busy, &entry).await.unwrap();
    group.pen.on(&taken);
    office.shut_for_good().await;
    let connection = Connection::open(office.database()).unwrap();
    let mut query = connection.prepare("SELECT * FROM rows").unwrap();
    let columns: Vec<String> = query.column_names().map(ToString::to_string).collect();
    assert_eq!(columns, ["log", "key", "rank", "since", "cut_at", "pool"], "no column counts anybody's commits");
    let rows: Vec<(Vec<u8>, Vec<u8>)> =
        query.query_map([], |row| Ok((row.get(1)?, row.get(5)?))).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 4);
    // Nothing in one row's pool is another row's, nor its key: not even a piece of eight bytes.
    for (key, pool) in &rows {
        for (other_key, other_pool) in &rows {
            assert!(pool.windows(8).all(|piece| !contains(other_key, piece)), "a pool names a key");
            let same = key == other_key;
            assert!(same || pool.windows(8).all(|piece| !contains(other_pool, piece)), "two pools are alike");
        }
    }
    assert!(rows.iter().any(|(key, _)| key == &silent.key().0));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_in_the_directory_alone_and_tokens_nowhere() {
    let mut story = story().await;
    story.office.shut_for_good().await;
    let loot = loot(&story.office.database());
    for ((table, column), values) in &loot {
        let named = values.iter().any(|value| contains(value, b"Anneliese") || contains(value, b"Clementine"));
        let package = table == "key_packages";
        assert!(!named || table == "people" || package, "{table}.{column}");
    }
    for entry in std::fs::read_dir(story.office.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let raw = std::fs::read(&path).unwrap();
        for token in &story.tokens {
            assert!(!contains(&raw, token), "a token in {path:?}");
        }
        let factor = &story.shown;
        assert!(!contains(&raw, factor), "what was shown to cut a row in {path:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_overwritten() {
    let mut story = story().await;
    story.office.shut_for_good().await;
    let raw = std::fs::read(story.office.database()).unwrap();
    assert!(contains(&raw, b"waits") && contains(&raw, b"sealed words"), "the search finds what is there");
    assert!(!contains(&raw, b"an acknowledged welcome"));
    assert!(!std::fs::exists(story.office.folder.path().join("pli.db-wal")).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_order_of_insertion_and_no_fine_times_are_kept() {
    let mut story = story().await;
    story.office.shut_for_good().await;
    let connection = Connection::open(story.office.database()).unwrap();
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'table'";
    let mut tables = connection.prepare(sql).unwrap();
    let tables: Vec<(String, String)> =
        tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(tables.len() > 10);
    for (name, sql) in tables {
        assert!(sql.ends_with("WITHOUT ROWID"), "{name}");
    }
    for ((table, column), values) in loot(&story.office.database()) {
        let times = values.iter().filter_map(|value| std::str::from_utf8(value).ok()?.parse::<u64>().ok());
        let fine = times.clone().filter(|time| *time > 1_000_000_000_000).any(|time| time % DAY_MS != 0);
        let hourly = (table.as_str(), column.as_str()) == ("invitations", "expires_ms");
        assert!(!hourly || times.clone().all(|time| time % (60 * 60 * 1000) == 0));
        let of_entries = [("entries", "received_ms"), ("logs", "unpruned_ms"), ("logs", "last_ms")];
        let allowed = of_entries.into_iter().chain([("revocation_list", "signed_ms")]).collect::<Vec<_>>();
        assert!(!fine || hourly || allowed.contains(&(table.as_str(), column.as_str())), "{table}.{column}");
    }
}
