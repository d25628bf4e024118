//! A server that tells no lies that a signature would show, but not all of the truth either: it shows joiners old
//! snapshots, holds revocation lists back, drops what it should keep.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pli_core::Client;
use pli_core::model::{ConversationId, TimelineItem, Warning, What};
use pli_tests::altered::Altered;
use pli_tests::{PATIENCE, World, conversation, done, find, members, online, sees, until};
use rusqlite::Connection;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The server's database, beside the server.
fn database(world: &World) -> Connection {
    let database = Connection::open(world.data().join("pli.db")).unwrap();
    database.execute_batch("PRAGMA busy_timeout = 5000").unwrap();
    database
}

/// A group with some history: a snapshot at each of two commits besides the founding one.
async fn history(world: &World) -> (Client, Client, ConversationId) {
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let id = anne.create_group("Crue", &[find(&anne, "Bảo").await.id]).await.unwrap();
    conversation(&bao, "Crue").await;
    for n in 0..40 {
        // Large enough that members find a snapshot worth its bytes.
        let topic = format!("{n} {}", "x".repeat(700));
        let setting = pli_core::model::Setting::Topic(topic);
        let entry = anne.conversation(id).set(setting).await.unwrap();
        done(&anne, id, entry).await;
        let said = anne.conversation(id).send(&format!("text {n}"), None, &[]).await.unwrap();
        done(&anne, id, said).await;
        let taken = "SELECT count(*) FROM snapshots WHERE number > 0";
        if database(world).query_row(taken, [], |row| row.get::<_, i64>(0)).unwrap() >= 2 {
            break;
        }
    }
    (anne, bao, id)
}

/// Chloé is added, and talks with the others: she ended where they are.
async fn joins(world: &World, anne: &Client, bao: &Client, id: ConversationId) {
    let chloe = world.enrol("Chloé").await;
    let entry = anne.conversation(id).add(&[find(anne, "Chloé").await.id]).await.unwrap();
    done(anne, id, entry).await;
    members(&chloe, id, &["Anne", "Bảo", "Chloé"]).await;
    for (client, text) in [(&chloe, "hello"), (bao, "welcome")] {
        client.conversation(id).send(text, None, &[]).await.unwrap();
        for other in [anne, bao, &chloe] {
            sees(other, id, text).await;
        }
    }
    let items = chloe.conversation(id).items(None, 100).await.unwrap();
    let forks = items.iter().filter(|item| format!("{item:?}").contains("Fork")).count();
    assert_eq!(forks, 0, "she sees the others' log");
    bao.conversation(id).send("at last", None, &[]).await.unwrap();
    sees(&chloe, id, "at last").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_who_is_shown_an_old_snapshot_ends_where_the_others_are() {
    let world = World::new().await;
    let (anne, bao, id) = history(&world).await;
    let dropped = database(&world).execute("DELETE FROM snapshots WHERE number > 0", []).unwrap();
    assert!(dropped >= 2, "there were newer ones");
    joins(&world, &anne, &bao, id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_who_is_shown_an_old_snapshot_as_the_newest_takes_another() {
    let world = World::new().await;
    let (anne, bao, id) = history(&world).await;
    let database = database(&world);
    let newest = "(SELECT max(number) FROM snapshots)";
    database.execute(&format!("DELETE FROM snapshot_pieces WHERE number = {newest}"), []).unwrap();
    let copy = "SELECT log, {newest}, piece, bytes FROM snapshot_pieces WHERE number = 0
        AND log = (SELECT log FROM snapshots ORDER BY number DESC LIMIT 1)";
    let copy = copy.replace("{newest}", newest);
    assert!(database.execute(&format!("INSERT INTO snapshot_pieces {copy}"), []).unwrap() > 0);
    let size = "SELECT bytes FROM snapshots AS founding WHERE founding.log = snapshots.log AND number = 0";
    let sql = format!("UPDATE snapshots SET bytes = ({size}) WHERE number = {newest}");
    assert_eq!(database.execute(&sql, []).unwrap(), 1);
    drop(database);
    joins(&world, &anne, &bao, id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_joins_a_log_whose_messages_were_pruned_since_the_last_snapshot() {
    let world = World::new().await;
    let (anne, bao, id) = history(&world).await;
    let database = database(&world);
    database.execute("DELETE FROM snapshots WHERE number > 0", []).unwrap();
    let messages = database.execute("UPDATE entries SET sealed = NULL WHERE kind = 2", []).unwrap();
    assert!(messages > 0);
    drop(database);
    joins(&world, &anne, &bao, id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_from_whom_a_commit_is_withheld_is_not_led_astray() {
    let world = World::new().await;
    let (anne, bao, id) = history(&world).await;
    // Withheld from the joiner alone: the others have it. No snapshot leads around it.
    let withheld =
        "UPDATE entries SET sealed = NULL WHERE number = (SELECT min(number) + 1 FROM entries WHERE kind = 1)";
    until("the others have it", async || {
        let database = database(&world);
        database.execute("DELETE FROM snapshots WHERE number > 0", []).unwrap();
        database.execute(withheld, []).ok()
    })
    .await;
    let chloe = world.enrol("Chloé").await;
    let entry = anne.conversation(id).add(&[find(&anne, "Chloé").await.id]).await.unwrap();
    done(&anne, id, entry).await;
    anne.conversation(id).send("for members", None, &[]).await.unwrap();
    sees(&bao, id, "for members").await;
    until("her device has given the invitation up", async || {
        let sync = chloe.sync(PATIENCE).await.unwrap();
        sync.complete.then_some(())
    })
    .await;
    assert!(chloe.conversation_list().await.unwrap().is_empty(), "she is in no group that is not the others'");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_holds_revocation_lists_back_is_noticed_and_its_clock_does_not_help_it() {
    // It shows the list of four days ago, and its clock says that this is today's.
    let behind = Altered::current();
    behind.clock_ms.store(-4 * DAY_MS as i64, Ordering::SeqCst);
    let mut world = World::served_by(behind.clone()).await;
    let anne = world.enrol("Anne").await;
    let mut warnings = anne.warnings();
    let is_old = |one: &Warning| matches!(one, Warning::RevocationsOld { .. });
    let warned = warnings.wait_for(|warnings| warnings.iter().any(is_old));
    let warned = tokio::time::timeout(PATIENCE, warned).await.expect("a warning").unwrap().clone();
    let [Warning::ClockWrong { days: 4, ahead: true }, Warning::RevocationsOld { signed: Some(signed) }] = warned[..]
    else {
        panic!("{warned:?}")
    };
    assert!(signed.elapsed().unwrap() > Duration::from_millis(3 * DAY_MS));
    // Two days are a weekend.
    world.stop_server().await;
    behind.clock_ms.store(-2 * DAY_MS as i64, Ordering::SeqCst);
    world.start_server().await;
    let calmed = warnings.wait_for(|warnings| !warnings.iter().any(is_old));
    tokio::time::timeout(PATIENCE, calmed).await.expect("no warning").unwrap();
    online(&anne).await;
}

/// Waits until a device says that others see another log than it.
async fn is_warned(client: &Client, id: ConversationId) {
    until("it is said that views differ", async || {
        let items = client.conversation(id).items(None, 100).await.unwrap();
        items
            .iter()
            .any(|item| matches!(item, TimelineItem::Changed(change) if change.what == What::Fork))
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_who_are_told_different_times_of_an_entry_find_out() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let id = anne.create_group("Crue", &[find(&anne, "Bảo").await.id]).await.unwrap();
    members(&bao, id, &["Anne", "Bảo"]).await;
    bao.suspend().await;
    let said = anne.conversation(id).send("at ten", None, &[]).await.unwrap();
    done(&anne, id, said).await;
    sees(&anne, id, "at ten").await;
    let later = "UPDATE entries SET received_ms = received_ms + 60000 WHERE number = (SELECT max(number) FROM entries)";
    assert_eq!(database(&world).execute(later, []).unwrap(), 1);
    bao.resume().await.unwrap();
    sees(&bao, id, "at ten").await;
    bao.conversation(id).send("at eleven", None, &[]).await.unwrap();
    is_warned(&anne, id).await;
    anne.conversation(id).send("at twelve", None, &[]).await.unwrap();
    is_warned(&bao, id).await;
    sees(&bao, id, "at twelve").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_who_is_answered_another_time_than_readers_are_shown_finds_out() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let id = anne.create_group("Crue", &[find(&anne, "Bảo").await.id]).await.unwrap();
    members(&bao, id, &["Anne", "Bảo"]).await;
    let another = "CREATE TRIGGER another AFTER INSERT ON entries BEGIN
        UPDATE entries SET received_ms = received_ms + 60000 WHERE log = new.log AND number = new.number; END";
    database(&world).execute_batch(another).unwrap();
    anne.conversation(id).send("at ten", None, &[]).await.unwrap();
    sees(&bao, id, "at ten").await;
    is_warned(&anne, id).await;
}
