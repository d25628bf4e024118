//! Messages end: on every device, online or not, whatever became of the group; and no clock that is wrong destroys any.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt as _;
use imbl::Vector;
use pli_core::model::{Content, ConversationId, Membership, Setting, TimelineItem};
use pli_core::{Client, Error};
use pli_tests::altered::Altered;
use pli_tests::{PATIENCE, World, conversation, database, done, find, members, sees, texts, until};

const HOUR_MS: i64 = 60 * 60 * 1000;

/// A world whose server and devices have clocks that the test sets.
async fn world() -> (World, Arc<Altered>, Arc<Altered>) {
    let (server, devices) = (Altered::current(), Altered::current());
    let mut world = World::served_by(server.clone()).await;
    world.env = devices.clone();
    (world, server, devices)
}

/// Anne and Bảo in a group whose messages live for an hour; "kept" was said before.
async fn group_of(world: &World) -> (Client, Client, ConversationId) {
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let id = anne.create_group("Crue", &[find(&anne, "Bảo").await.id]).await.unwrap();
    conversation(&bao, "Crue").await;
    anne.conversation(id).send("kept", None, &[]).await.unwrap();
    let entry = anne.conversation(id).set(Setting::LifetimeS(3_600)).await.unwrap();
    done(&anne, id, entry).await;
    (anne, bao, id)
}

/// Waits until what is shown of a conversation is this.
async fn shows(client: &Client, id: ConversationId, expected: &[&str]) {
    until(&format!("{expected:?} is shown"), async || {
        let shown = texts(client, id).await;
        shown.iter().map(|(_, text)| text.as_str()).eq(expected.iter().copied()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_is_hidden_by_any_clock_and_destroyed_by_the_servers() {
    let (mut world, server, devices) = world().await;
    let (anne, bao, id) = group_of(&world).await;
    let chloe = world.enrol("Chloé").await;
    let person = find(&anne, "Chloé").await.id;
    anne.conversation(id).add(&[person]).await.unwrap();
    conversation(&chloe, "Crue").await;
    bao.conversation(id).send("short-lived", None, &[]).await.unwrap();
    for client in [&anne, &chloe] {
        sees(client, id, "short-lived").await;
    }
    anne.conversation(id).remove(&[person]).await.unwrap();
    until("Chloé is out", async || {
        let info = chloe.conversation(id).info().await.unwrap();
        (info.membership == Membership::Removed).then_some(())
    })
    .await;
    // Nobody hears the server, Chloé is out for good, and by their clocks the hour is over.
    world.kill_server();
    devices.clock_ms.store(HOUR_MS + 60_000, Ordering::SeqCst);
    for (client, kept) in [(&anne, &["kept"][..]), (&bao, &["kept"]), (&chloe, &[])] {
        shows(client, id, kept).await;
        let info = client.conversation(id).info().await.unwrap();
        let last = info.last.map(|message| message.content);
        assert!(!matches!(last, Some(Content::Text { ref body, .. }) if body == "short-lived"), "{last:?}");
    }
    // Their clocks were wrong: nothing was lost.
    devices.clock_ms.store(0, Ordering::SeqCst);
    for (client, all) in
        [(&anne, &["kept", "short-lived"][..]), (&bao, &["kept", "short-lived"]), (&chloe, &["short-lived"])]
    {
        shows(client, id, all).await;
    }
    // The server's word is another thing.
    server.clock_ms.store(HOUR_MS + 60_000, Ordering::SeqCst);
    world.start_server().await;
    for (client, name) in [(&anne, "Anne"), (&bao, "Bảo"), (&chloe, "Chloé")] {
        client.network_changed();
        let folder = world.device_folder(name);
        until("it is destroyed", async || {
            let sql = "SELECT count(*) FROM items WHERE expires_ms > 0";
            (database(&folder).query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() == 0).then_some(())
        })
        .await;
    }
    shows(&anne, id, &["kept"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_while_somebody_looks_goes_from_the_screen() {
    let (world, server, devices) = world().await;
    let (anne, bao, id) = group_of(&world).await;
    let crue = anne.conversation(id);
    for wrong in [1, 59, 11 * 366 * 86_400, 1 << 63, u64::MAX] {
        assert!(matches!(crue.set(Setting::LifetimeS(wrong)).await, Err(Error::Invalid { .. })), "{wrong}");
    }
    bao.conversation(id).send("short-lived", None, &[]).await.unwrap();
    sees(&anne, id, "short-lived").await;
    let timeline = crue.timeline(None);
    let mut changes = Box::pin(timeline.items());
    let mut screen: Vector<TimelineItem> = Vector::new();
    // A second is left, and nothing else happens once this message came.
    for clock in [&server, &devices] {
        clock.clock_ms.store(HOUR_MS - 1_000, Ordering::SeqCst);
    }
    crue.send("later", None, &[]).await.unwrap();
    let is_gone = async {
        loop {
            for change in changes.next().await.expect("it goes on") {
                change.apply(&mut screen);
            }
            let said = |text: &str| {
                screen.iter().any(|item| match item {
                    TimelineItem::Said(message) => {
                        matches!(&message.content, Content::Text { body, .. } if body == text)
                    }
                    TimelineItem::Changed(_) => false,
                })
            };
            if said("kept") && !said("short-lived") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, is_gone).await.expect("it goes by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_does_not_stay_in_the_log_of_writes() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let id = anne.create_group("Crue", &[find(&anne, "Bảo").await.id]).await.unwrap();
    members(&bao, id, &["Anne", "Bảo"]).await;
    let entry = anne.conversation(id).send("a secret", None, &[]).await.unwrap();
    sees(&bao, id, "a secret").await;
    let files = ["Anne", "Bảo"].map(|name| world.device_folder(name).join("store.db-wal"));
    let size = |path: &std::path::Path| std::fs::metadata(path).unwrap().len();
    assert!(files.iter().all(|file| size(file) > 0), "it is there while the store is open");
    anne.conversation(id).delete(entry).await.unwrap();
    for file in &files {
        until("nothing is left of it", async || (size(file) == 0).then_some(())).await;
    }
}
