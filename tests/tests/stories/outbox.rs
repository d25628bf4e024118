//! What a device has to bring to the server, on bad lines and where it waits for others; and what it says of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pli_core::model::{
    Content, ConversationId, Deed, DeedKind, DeliveryState, ItemId, Message, Refusal, Role, Setting, TimelineItem,
};
use pli_core::{Client, Error};
use pli_proto::limits;
use pli_tests::altered::Altered;
use pli_tests::{PATIENCE, World, database, done, find, keys, members, sees, until};
use rusqlite::Connection;

/// A world whose devices have a line that can die.
async fn on_a_line() -> (World, Arc<Altered>) {
    let (mut world, env) = (World::new().await, Altered::current());
    world.env = env.clone();
    (world, env)
}

/// The rows of openmls' state that hold key packages: see `core/src/store/mls.rs`.
fn packages(db: &Connection) -> usize {
    db.query_row("SELECT count(*) FROM mls WHERE kind = 17", [], |row| row.get::<_, i64>(0)).unwrap() as usize
}

/// Key packages for use once that the server has.
fn stock(world: &World) -> u32 {
    let db = Connection::open(world.data().join("pli.db")).unwrap();
    db.query_row("SELECT count(*) FROM key_packages WHERE last_resort = 0", [], |row| row.get(0)).unwrap()
}

/// Lets all that others add a closed device with be due for renewal.
fn age(db: &Connection) {
    let stocks: Vec<u8> = db.query_row("SELECT value FROM meta WHERE key = 'stocks'", [], |row| row.get(0)).unwrap();
    let mut stocks: serde_json::Value = serde_json::from_slice(&stocks).unwrap();
    for stock in stocks.as_array_mut().unwrap() {
        stock["made_ms"] = 1.into();
    }
    let stocks = serde_json::to_vec(&stocks).unwrap();
    db.execute("UPDATE meta SET value = ? WHERE key = 'stocks'", [stocks]).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_packages_pass_a_line_whose_connections_die() {
    let (world, env) = on_a_line().await;
    env.line.dies_after.store(60_000, Ordering::SeqCst);
    let link = world.authority().invite(&world.address().to_string(), pli_server::Invite::person("Bảo")).await.unwrap();
    let folder = world.device_folder("Bảo");
    let bao = Client::join(env.clone(), &folder, keys(&folder), &link[0]).await.unwrap();
    until("all of them are there", async || (stock(&world) == limits::KEY_PACKAGES).then_some(())).await;
    assert!(env.line.died.load(Ordering::SeqCst) > 0, "the line is as bad as it should be");
    bao.close().await;
    let made = packages(&database(&folder));
    assert_eq!(made, limits::KEY_PACKAGES as usize + 1, "none was made in vain");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_does_not_wait_for_key_packages_and_these_grow_nothing() {
    let (world, env) = on_a_line().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let bao_id = find(&anne, "Bảo").await.id;
    until("Bảo can be added", async || (stock(&world) == 2 * limits::KEY_PACKAGES).then_some(())).await;
    anne.close().await;
    bao.close().await;
    let folder = world.device_folder("Bảo");
    let before = packages(&database(&folder));
    age(&database(&folder));

    // Not even a few key packages pass any more.
    env.line.dies_after.store(12_000, Ordering::SeqCst);
    let bao = world.open("Bảo").await;
    env.line.died.store(0, Ordering::SeqCst);
    let tried = async |times: usize| {
        until("it is tried", async || (env.line.died.load(Ordering::SeqCst) >= times).then_some(())).await;
    };
    tried(1).await;
    let anne = {
        let good = Altered::current();
        let folder = world.device_folder("Anne");
        Client::open(good, &folder, keys(&folder)).await.unwrap()
    };
    let crue = anne.create_group("Crue", &[bao_id]).await.unwrap();
    members(&bao, crue, &["Anne", "Bảo"]).await;
    anne.conversation(crue).send("come in", None, &[]).await.unwrap();
    sees(&bao, crue, "come in").await;
    tried(4).await;
    bao.close().await;
    let made = packages(&database(&folder)) + 1 - before;
    assert!((1..=10).contains(&made), "the same bytes are sent each time: {made}");

    env.line.dies_after.store(0, Ordering::SeqCst);
    let bao = world.open("Bảo").await;
    assert!(bao.sync(PATIENCE).await.unwrap().complete);
    until("all are there", async || (stock(&world) == 2 * limits::KEY_PACKAGES).then_some(())).await;
    let digue = anne.create_group("Digue", &[bao_id]).await.unwrap();
    members(&bao, digue, &["Anne", "Bảo"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_takes_key_packages_does_not_make_a_store_grow_without_end() {
    let world = World::new().await;
    world.enrol("Bảo").await.close().await;
    let folder = world.device_folder("Bảo");
    for _ in 0..7 {
        let db = Connection::open(world.data().join("pli.db")).unwrap();
        db.execute("DELETE FROM key_packages WHERE last_resort = 0", []).unwrap();
        drop(db);
        let bao = world.open("Bảo").await;
        assert!(bao.sync(PATIENCE).await.unwrap().complete);
        bao.close().await;
    }
    let kept = packages(&database(&folder));
    assert!(kept <= 5 * limits::KEY_PACKAGES as usize, "{kept}");
}

/// Anne, who says something to Zoë, whose only phone was lost; the pair, and what she said.
async fn waits_for_a_phone(world: &World) -> (Client, ConversationId, ItemId) {
    let (anne, zoe) = (world.enrol("Anne").await, world.enrol("Zoë").await);
    let pair = anne.pair(find(&anne, "Zoë").await.id).await.unwrap();
    anne.conversation(pair).send("before", None, &[]).await.unwrap();
    sees(&zoe, pair, "before").await;
    world.authority().revoke(zoe.device_list().await.unwrap()[0].id).await.unwrap();
    members(&anne, pair, &["Anne"]).await;
    let entry = anne.conversation(pair).send("courage", None, &[]).await.unwrap();
    (anne, pair, entry)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_others_makes_no_sync_incomplete() {
    let world = World::new().await;
    let (anne, pair, waits) = waits_for_a_phone(&world).await;
    let bao = world.enrol("Bảo").await;
    let bao_id = find(&anne, "Bảo").await.id;
    for name in ["Crue", "Digue"] {
        let id = anne.create_group(name, &[bao_id]).await.unwrap();
        let result = anne.sync(PATIENCE).await.unwrap();
        assert!(result.complete && result.waiting == 1, "{result:?}");
        members(&bao, id, &["Anne", "Bảo"]).await;
    }
    let handle = anne.conversation(pair);
    let settled = tokio::time::timeout(std::time::Duration::from_millis(200), handle.settled(waits)).await;
    assert!(settled.is_err(), "it waits still: {settled:?}");
}

/// A message as it is shown.
async fn shown(client: &Client, id: ConversationId, message: ItemId) -> Message {
    let items = client.conversation(id).items(None, 100).await.unwrap();
    let found = items.into_iter().find_map(|item| match item {
        TimelineItem::Said(said) if said.id == message => Some(said),
        _ => None,
    });
    found.unwrap()
}

/// What of it is not settled, and how far that came.
async fn unsettled(client: &Client, id: ConversationId, message: ItemId) -> Vec<(DeedKind, DeliveryState)> {
    let deeds = shown(client, id, message).await.unsettled;
    deeds.into_iter().map(|Deed { kind, delivery, .. }| (kind, delivery)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_shown_at_its_message_and_can_be_retried_or_dropped() {
    let mut world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let id = anne.create_group("Crue", &[find(&anne, "Bảo").await.id]).await.unwrap();
    members(&bao, id, &["Anne", "Bảo"]).await;
    let crue = bao.conversation(id);
    let said = crue.send("le mot de passe est 1234", None, &[]).await.unwrap();
    done(&bao, id, said).await;
    sees(&anne, id, "le mot de passe est 1234").await;

    // Asked for without a server, and refused when there is one.
    world.stop_server().await;
    let edit = crue.edit(said, "(rien)", &[]).await.unwrap();
    let react = crue.react(said, Some("🌊")).await.unwrap();
    let delete = crue.delete(said).await.unwrap().unwrap();
    let kinds =
        [DeedKind::Edit { text: "(rien)".into() }, DeedKind::React { emoji: Some("🌊".into()) }, DeedKind::Delete];
    let all = |delivery| kinds.clone().map(|kind| (kind, delivery)).to_vec();
    assert_eq!(unsettled(&bao, id, said).await, all(DeliveryState::Waiting));
    bao.suspend().await;
    world.start_server().await;
    let set = async |role| {
        let entry = anne.conversation(id).set(Setting::MayPost(role)).await.unwrap();
        done(&anne, id, entry).await;
    };
    set(Role::Admin).await;
    bao.resume().await.unwrap();
    let refused = DeliveryState::Refused(Refusal::NotAllowed);
    for entry in [edit, react, delete] {
        let settled = tokio::time::timeout(PATIENCE, crue.settled(entry)).await.unwrap();
        assert_eq!(settled, Ok(refused));
    }
    assert_eq!(unsettled(&bao, id, said).await, all(refused));
    assert!(matches!(shown(&anne, id, said).await.content, Content::Text { .. }));

    // One is dropped, one retried, one asked for anew.
    assert_eq!(crue.delete(edit).await, Ok(None));
    set(Role::Member).await;
    crue.retry(react).await.unwrap();
    done(&bao, id, react).await;
    assert_eq!(unsettled(&bao, id, said).await, [(DeedKind::Delete, refused)]);
    assert_eq!(shown(&bao, id, said).await.reactions.len(), 1);
    let delete = crue.delete(said).await.unwrap().unwrap();
    done(&bao, id, delete).await;
    let deleted = shown(&bao, id, said).await;
    assert!(matches!(deleted.content, Content::Deleted { .. }) && deleted.unsettled.is_empty(), "{deleted:?}");
    assert_eq!(crue.delete(edit).await, Err(Error::NotFound { what: pli_core::error::What::Message }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_of_a_clock_that_was_years_ahead_keep_nothing_waiting() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let bao_id = find(&anne, "Bảo").await.id;
    let id = anne.create_group("Crue", &[bao_id]).await.unwrap();
    members(&bao, id, &["Anne", "Bảo"]).await;
    assert!(anne.sync(PATIENCE).await.unwrap().complete);
    anne.close().await;
    let db = database(&world.device_folder("Anne"));
    // No commits before the year 2100.
    assert_eq!(db.execute("UPDATE logs SET commit_ms = 4102444800000", []).unwrap(), 1);
    let stocks: Vec<u8> = db.query_row("SELECT value FROM meta WHERE key = 'stocks'", [], |row| row.get(0)).unwrap();
    let before = packages(&db);
    let mut stocks: serde_json::Value = serde_json::from_slice(&stocks).unwrap();
    stocks[0]["made_ms"] = 4_102_444_800_000_u64.into();
    let stocks = serde_json::to_vec(&stocks).unwrap();
    db.execute("UPDATE meta SET value = ? WHERE key = 'stocks'", [stocks]).unwrap();
    drop(db);
    let anne = world.open("Anne").await;
    // Whoever is out goes before anything else is said.
    world.authority().revoke(bao.device_list().await.unwrap()[0].id).await.unwrap();
    members(&anne, id, &["Anne"]).await;
    let renamed = anne.conversation(id).rename("Digue").await.unwrap();
    done(&anne, id, renamed).await;
    assert!(anne.sync(PATIENCE).await.unwrap().complete);
    anne.close().await;
    let after = packages(&database(&world.device_folder("Anne")));
    assert!(after > before, "and key packages are renewed: {before}, {after}");
}
