//! What a phone goes through: no network, no server, being killed, months in a drawer, stores copied back, lost, damaged.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pli_core::model::{ClientState, DeliveryState, Membership, Setting, TimelineItem, What};
use pli_core::{Advice, Client, Error};
use pli_server::{Config, Invite};
use pli_tests::altered::Altered;
use pli_tests::{
    PATIENCE, World, conversation, copy_folder, database, done, find, keys, members, online, sees, texts, until,
};
use rusqlite::Connection;

async fn pair_of(world: &World) -> (Client, Client, pli_core::model::ConversationId) {
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let id = anne.create_group("Crue", &[find(&anne, "Bảo").await.id]).await.unwrap();
    members(&bao, id, &["Anne", "Bảo"]).await;
    members(&anne, id, &["Anne", "Bảo"]).await;
    (anne, bao, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_offline_arrives_when_the_server_is_back() {
    let mut world = World::new().await;
    let (anne, bao, id) = pair_of(&world).await;
    world.kill_server();
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(anne.conversation(id).send(&format!("offline {n}"), None, &[]).await.unwrap());
    }
    let waiting = tokio::time::timeout(Duration::from_millis(200), anne.conversation(id).settled(sent[0])).await;
    assert!(waiting.is_err(), "nothing is sent without a server");
    // Killed meanwhile, too: the outbox is on disk.
    anne.close().await;
    world.start_server().await;
    let anne = world.open("Anne").await;
    for entry in sent {
        done(&anne, id, entry).await;
    }
    sees(&bao, id, "offline 4").await;
    let said: Vec<String> = texts(&bao, id).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, (0..5).map(|n| format!("offline {n}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn months_in_a_drawer_are_caught_up_with() {
    let world = World::new().await;
    let (anne, bao, id) = pair_of(&world).await;
    let chloe = world.enrol("Chloé").await;
    bao.close().await;
    // Its TLS certificate has ended.
    let db = database(&world.device_folder("Bảo"));
    let tls: Vec<u8> = db.query_row("SELECT value FROM meta WHERE key = 'tls'", [], |row| row.get(0)).unwrap();
    let mut tls: serde_json::Value = serde_json::from_slice(&tls).unwrap();
    tls["until_ms"] = 1.into();
    db.execute("UPDATE meta SET value = ? WHERE key = 'tls'", [serde_json::to_vec(&tls).unwrap()]).unwrap();
    drop(db);
    // A hundred commits, a newcomer, a revocation, another door.
    let chloe_id = find(&anne, "Chloé").await.id;
    anne.conversation(id).add(&[chloe_id]).await.unwrap();
    members(&chloe, id, &["Anne", "Bảo", "Chloé"]).await;
    let mut last = None;
    for n in 0..100 {
        last = Some(anne.conversation(id).set(Setting::Topic(format!("topic {n}"))).await.unwrap());
    }
    done(&anne, id, last.unwrap()).await;
    world.authority().revoke(chloe.device_list().await.unwrap()[0].id).await.unwrap();
    members(&anne, id, &["Anne", "Bảo"]).await;
    anne.conversation(id).send("are you there?", None, &[]).await.unwrap();

    let bao = world.open("Bảo").await;
    online(&bao).await;
    sees(&bao, id, "are you there?").await;
    members(&bao, id, &["Anne", "Bảo"]).await;
    assert_eq!(bao.conversation(id).info().await.unwrap().topic, "topic 99");
    let entry = bao.conversation(id).send("yes", None, &[]).await.unwrap();
    done(&bao, id, entry).await;
    sees(&anne, id, "yes").await;
}

/// Restarts the server, which keeps messages for a moment only, and waits until none is left.
async fn forget_messages(world: &mut World) {
    world.stop_server().await;
    let mut config = Config::new(world.data(), world.address());
    config.limits.keep_messages = Some(Duration::from_millis(1));
    world.start_server_with(config).await;
    let db = Connection::open(world.data().join("pli.db")).unwrap();
    until("old messages are gone", async || {
        let query = "SELECT count(*) FROM entries WHERE kind = 2 AND sealed IS NOT NULL";
        db.query_row(query, [], |row| row.get::<_, i64>(0)).ok().filter(|left| *left == 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_messages_go_and_people_still_come_in() {
    let mut world = World::new().await;
    let (anne, bao, id) = pair_of(&world).await;
    let chloe = world.enrol("Chloé").await;
    bao.close().await;
    let first = anne.conversation(id).send("soon gone", None, &[]).await.unwrap();
    done(&anne, id, first).await;
    forget_messages(&mut world).await;
    anne.conversation(id).add(&[find(&anne, "Chloé").await.id]).await.unwrap();
    members(&chloe, id, &["Anne", "Bảo", "Chloé"]).await;
    let second = chloe.conversation(id).send("here I am", None, &[]).await.unwrap();
    done(&chloe, id, second).await;
    // Who was away reads on, and sees that something is missing.
    let bao_again = world.open("Bảo").await;
    sees(&bao_again, id, "here I am").await;
    let items = bao_again.conversation(id).items(None, 100).await.unwrap();
    assert!(items.iter().any(|item| matches!(item, TimelineItem::Changed(c) if c.what == What::Gap)), "{items:?}");
    let third = bao_again.conversation(id).send("and I", None, &[]).await.unwrap();
    done(&bao_again, id, third).await;
    sees(&anne, id, "and I").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_away_for_too_long_says_so_and_is_added_anew() {
    let mut world = World::new().await;
    let (anne, bao, id) = pair_of(&world).await;
    let bao_id = bao.me().await.unwrap().id;
    let pair = anne.pair(bao_id).await.unwrap();
    anne.conversation(pair).send("between us", None, &[]).await.unwrap();
    sees(&bao, pair, "between us").await;
    bao.close().await;
    for conversation in [id, pair] {
        for days in 1..40 {
            let commit = anne.conversation(conversation).set(Setting::LifetimeS(days * 86_400)).await.unwrap();
            done(&anne, conversation, commit).await;
        }
        let said = anne.conversation(conversation).send("unread", None, &[]).await.unwrap();
        done(&anne, conversation, said).await;
    }
    // As after years: the commits before the newest snapshot are not kept any more.
    let db = Connection::open(world.data().join("pli.db")).unwrap();
    until("both logs have a snapshot", async || {
        let query = "SELECT count(DISTINCT log) FROM snapshots WHERE number > 1";
        db.query_row(query, [], |row| row.get::<_, i64>(0)).ok().filter(|logs| *logs == 2)
    })
    .await;
    world.stop_server().await;
    let old = "DELETE FROM entries WHERE kind = 1 AND number > 2
        AND number < (SELECT max(number) FROM snapshots WHERE snapshots.log = entries.log)";
    assert!(db.execute(old, []).unwrap() > 10);
    drop(db);
    world.start_server().await;

    let bao = world.open("Bảo").await;
    // In a pair there is nothing to ask anybody for.
    for (conversation, membership) in [(id, Membership::Behind), (pair, Membership::New)] {
        until("it can't follow", async || {
            let info = bao.conversation(conversation).info().await.unwrap();
            (info.membership == membership).then_some(())
        })
        .await;
    }
    assert_eq!(bao.conversation(id).send("hello?", None, &[]).await, Err(Error::NotAllowed));
    // A pair goes on by itself, in a new group to which both move.
    bao.conversation(pair).send("from me", None, &[]).await.unwrap();
    sees(&anne, pair, "from me").await;
    anne.conversation(pair).send("to you", None, &[]).await.unwrap();
    sees(&bao, pair, "to you").await;

    let removed = anne.conversation(id).remove(&[bao_id]).await.unwrap();
    done(&anne, id, removed).await;
    anne.conversation(id).add(&[bao_id]).await.unwrap();
    until("it is in again", async || {
        let info = bao.conversation(id).info().await.unwrap();
        (info.membership == Membership::Member).then_some(())
    })
    .await;
    let back = bao.conversation(id).send("back", None, &[]).await.unwrap();
    done(&bao, id, back).await;
    sees(&anne, id, "back").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_add_a_device_with_is_renewed_and_old_private_keys_go() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let bao_id = find(&anne, "Bảo").await.id;
    assert!(bao.sync(PATIENCE).await.unwrap().complete);
    bao.close().await;
    // The rows of openmls' state that hold key packages: see `core/src/store/mls.rs`.
    let packages = |db: &Connection| -> Vec<i64> {
        let mut query = db.prepare("SELECT id FROM mls WHERE kind = 17 ORDER BY id").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let age = |db: &Connection| {
        let stocks: Vec<u8> = db.query_row("SELECT value FROM meta WHERE key = 'stocks'", [], |r| r.get(0)).unwrap();
        let mut stocks: serde_json::Value = serde_json::from_slice(&stocks).unwrap();
        for stock in stocks.as_array_mut().unwrap() {
            stock["made_ms"] = 1.into();
        }
        let stocks = serde_json::to_vec(&stocks).unwrap();
        db.execute("UPDATE meta SET value = ? WHERE key = 'stocks'", [stocks]).unwrap();
    };
    let db = database(&world.device_folder("Bảo"));
    let first = packages(&db);
    assert!(first.len() > 10, "{first:?}");
    age(&db);
    drop(db);
    // Added by what was there, and sealed to the inbox key that was there.
    let group = anne.create_group("Crue", &[bao_id]).await.unwrap();
    assert!(anne.sync(PATIENCE).await.unwrap().complete);
    let bao = world.open("Bảo").await;
    members(&bao, group, &["Anne", "Bảo"]).await;
    assert!(bao.sync(PATIENCE).await.unwrap().complete);
    bao.close().await;
    let db = database(&world.device_folder("Bảo"));
    let second = packages(&db);
    let kept = first.iter().filter(|old| second.contains(old)).count();
    assert_eq!(kept, first.len() - 1, "one is used, the others may be under way");
    age(&db);
    drop(db);
    let bao = world.open("Bảo").await;
    assert!(bao.sync(PATIENCE).await.unwrap().complete);
    bao.close().await;
    let db = database(&world.device_folder("Bảo"));
    let third = packages(&db);
    assert!(first.iter().all(|old| !third.contains(old)), "{first:?} {third:?}");
    drop(db);
    let group = anne.create_group("Digue", &[bao_id]).await.unwrap();
    let bao = world.open("Bảo").await;
    members(&bao, group, &["Anne", "Bảo"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_key_packages_left_is_added_by_the_last_resort_again_and_again() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let bao_id = find(&anne, "Bảo").await.id;
    assert!(bao.sync(PATIENCE).await.unwrap().complete);
    bao.close().await;
    // As after fifty groups.
    let db = Connection::open(world.data().join("pli.db")).unwrap();
    assert!(db.execute("DELETE FROM key_packages WHERE last_resort = 0", []).unwrap() > 10);
    let mut groups = Vec::new();
    for name in ["Crue", "Digue"] {
        groups.push(anne.create_group(name, &[bao_id]).await.unwrap());
    }
    assert!(anne.sync(PATIENCE).await.unwrap().complete);
    let bao = world.open("Bảo").await;
    for group in groups {
        members(&bao, group, &["Anne", "Bảo"]).await;
        let said = bao.conversation(group).send("here", None, &[]).await.unwrap();
        done(&bao, group, said).await;
        sees(&anne, group, "here").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_copied_back_from_yesterday_returns_before_it_writes() {
    let world = World::new().await;
    let (anne, bao, id) = pair_of(&world).await;
    let first = bao.conversation(id).send("yesterday", None, &[]).await.unwrap();
    done(&bao, id, first).await;
    bao.close().await;
    let yesterday = world.folder.path().join("yesterday");
    copy_folder(&world.device_folder("Bảo"), &yesterday);
    let bao = world.open("Bảo").await;
    let second = bao.conversation(id).send("today", None, &[]).await.unwrap();
    done(&bao, id, second).await;
    sees(&anne, id, "today").await;
    anne.conversation(id).send("from Anne", None, &[]).await.unwrap();
    sees(&bao, id, "from Anne").await;
    bao.close().await;

    std::fs::remove_dir_all(world.device_folder("Bảo")).unwrap();
    copy_folder(&yesterday, &world.device_folder("Bảo"));
    let bao = world.open("Bảo").await;
    // It still reads what came, and comes back before it writes.
    sees(&bao, id, "from Anne").await;
    let third = bao.conversation(id).send("after the copy", None, &[]).await.unwrap();
    done(&bao, id, third).await;
    sees(&anne, id, "after the copy").await;
    let returned = async |client: &Client| {
        let items = client.conversation(id).items(None, 100).await.unwrap();
        items
            .iter()
            .filter(|item| matches!(item, pli_core::model::TimelineItem::Changed(c) if c.what == pli_core::model::What::Returned))
            .count()
    };
    assert_eq!(returned(&anne).await, 1);
    let said: Vec<String> = texts(&anne, id).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ["yesterday", "today", "from Anne", "after the copy"]);
    let said = texts(&bao, id).await;
    for text in ["yesterday", "from Anne", "after the copy"] {
        assert_eq!(said.iter().filter(|(_, other)| other == text).count(), 1, "{text}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_everything_is_added_anew() {
    let world = World::new().await;
    let (anne, bao, id) = pair_of(&world).await;
    let (person, lost) = (bao.me().await.unwrap().id, bao.device_list().await.unwrap()[0].id);
    bao.close().await;
    std::fs::remove_dir_all(world.device_folder("Bảo")).unwrap();
    world.authority().revoke(lost).await.unwrap();
    let new = world.enrol_device(person, "Bảo's new phone").await;
    // By a member, since no device of the person's own is left.
    until("the new phone is known", async || {
        anne.conversation(id).add(&[person]).await.ok()?;
        let members = anne.conversation(id).member_list().await.unwrap();
        members.iter().any(|member| member.person.id == person && member.device_count == 1).then_some(())
    })
    .await;
    assert_eq!(conversation(&new, "Crue").await, id);
    anne.conversation(id).send("welcome back", None, &[]).await.unwrap();
    sees(&new, id, "welcome back").await;
    let entry = new.conversation(id).send("thanks", None, &[]).await.unwrap();
    done(&new, id, entry).await;
    sees(&anne, id, "thanks").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspended_it_holds_nothing_and_resumed_it_goes_on() {
    let world = World::new().await;
    let (anne, bao, id) = pair_of(&world).await;
    bao.suspend().await;
    assert_eq!(*bao.state().borrow(), ClientState::Suspended);
    assert_eq!(bao.conversation(id).send("no", None, &[]).await, Err(Error::Closed));
    assert_eq!(Error::Closed.advice(), Advice::Reopen);
    // No lock is held: another process may open the store.
    let extension = world.open("Bảo").await;
    anne.conversation(id).send("while suspended", None, &[]).await.unwrap();
    let result = extension.sync(PATIENCE).await.unwrap();
    assert!(result.complete);
    sees(&extension, id, "while suspended").await;
    assert_eq!(bao.resume().await, Err(Error::StoreInUse));
    extension.close().await;
    bao.resume().await.unwrap();
    sees(&bao, id, "while suspended").await;
    let entry = bao.conversation(id).send("resumed", None, &[]).await.unwrap();
    done(&bao, id, entry).await;
    sees(&anne, id, "resumed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspended_in_the_midst_of_its_work_it_is_suspended_and_nothing_else() {
    let world = World::new().await;
    let (anne, bao, id) = pair_of(&world).await;
    bao.close().await;
    let (env, folder) = (Altered::current(), world.device_folder("Bảo"));
    let bao = Client::open(env.clone(), &folder, keys(&folder)).await.unwrap();
    online(&bao).await;
    env.processor.pauses.store(true, Ordering::SeqCst);
    let entry = bao.conversation(id).send("on the way", None, &[]).await.unwrap();
    until("a thread has taken the work up", async || (env.processor.taken_up.load(Ordering::SeqCst) > 0).then_some(()))
        .await;
    bao.suspend().await;
    assert_eq!(env.processor.tasks.load(Ordering::SeqCst), 0, "nothing of it runs, and nothing of it will");
    assert_eq!(*bao.state().borrow(), ClientState::Suspended);
    env.processor.pauses.store(false, Ordering::SeqCst);
    bao.resume().await.unwrap();
    done(&bao, id, entry).await;
    sees(&anne, id, "on the way").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_that_do_not_open_say_why_and_stay_as_they_are() {
    let world = World::new().await;
    let folder = world.device_folder("Anne");
    let open = async || Client::open(world.env.clone(), &folder, keys(&folder)).await.map(drop);
    assert_eq!(open().await, Err(Error::NotEnrolled));
    let anne = world.enrol("Anne").await;
    assert_eq!(open().await, Err(Error::StoreInUse));
    let link = world.authority().invite(&world.address().to_string(), Invite::person("Twice")).await.unwrap();
    let join = async |link: &str| Client::join(world.env.clone(), &folder, keys(&folder), link).await.map(drop);
    assert_eq!(join(&link[0]).await, Err(Error::StoreInUse));
    anne.close().await;
    assert_eq!(join(&link[0]).await, Err(Error::AlreadyEnrolled));

    // No key, a wrong key.
    let key_file = world.folder.path().join("Anne.key");
    let secret = std::fs::read(&key_file).unwrap();
    std::fs::remove_file(&key_file).unwrap();
    assert_eq!(open().await, Err(Error::KeyUnavailable { why: pli_core::error::KeyProblem::Missing }));
    std::fs::write(&key_file, [&[1u8; 32], &secret[32..]].concat()).unwrap();
    assert_eq!(open().await, Err(Error::KeyUnavailable { why: pli_core::error::KeyProblem::Wrong }));
    std::fs::write(&key_file, b"short").unwrap();
    assert_eq!(open().await, Err(Error::KeyUnavailable { why: pli_core::error::KeyProblem::Wrong }));
    std::fs::write(&key_file, &secret).unwrap();

    // A store of a newer version.
    let version: i64 = database(&folder).query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    database(&folder).execute_batch("PRAGMA user_version = 1000").unwrap();
    assert_eq!(open().await, Err(Error::UpdateRequired));
    database(&folder).execute_batch(&format!("PRAGMA user_version = {version}")).unwrap();
    let anne = world.open("Anne").await;
    online(&anne).await;
    assert_eq!(anne.me().await.unwrap().name, "Anne");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invitations_that_do_not_let_in_say_why() {
    use pli_core::error::InvitationProblem as Problem;
    let world = World::new().await;
    let address = world.address().to_string();
    let folder = world.device_folder("Anne");
    let join = async |link: &str| Client::join(world.env.clone(), &folder, keys(&folder), link).await.map(drop);
    assert!(matches!(join("hello").await, Err(Error::Invalid { .. })));
    let link = world.authority().invite(&address, Invite::person("Anne")).await.unwrap().remove(0);
    // Another root is pinned: this is not the organisation's server.
    let other = World::new().await;
    let theirs = other.authority().invite(&address, Invite::person("Anne")).await.unwrap().remove(0);
    assert_eq!(join(&theirs).await, Err(Error::InvitationRefused { why: Problem::WrongServer }));
    world.join("Bảo", &link).await.close().await;
    assert_eq!(join(&link).await, Err(Error::InvitationRefused { why: Problem::Used }));
    // Nobody listens there.
    let dead = link.replace(&address, "127.0.0.1:1");
    assert!(matches!(join(&dead).await, Err(Error::Unavailable { .. })));
    assert_eq!(
        Client::open(world.env.clone(), &folder, keys(&folder)).await.map(drop),
        Err(Error::NotEnrolled),
        "nothing of it is left"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thief_of_a_store_without_its_key_finds_no_text_no_name_and_no_key() {
    let world = World::new().await;
    let (anne, bao, id) = pair_of(&world).await;
    let text = "la digue de Wambrechies a cédé";
    let entry = anne.conversation(id).send(text, None, &[]).await.unwrap();
    done(&anne, id, entry).await;
    sees(&bao, id, text).await;
    anne.close().await;
    bao.close().await;
    let identity: Vec<u8> = database(&world.device_folder("Anne"))
        .query_row("SELECT value FROM meta WHERE key = 'identity'", [], |row| row.get(0))
        .unwrap();
    let identity: pli_core::identity::Identity = serde_json::from_slice(&identity).unwrap();
    let log_key: [u8; 32] =
        database(&world.device_folder("Anne")).query_row("SELECT log_key FROM logs", [], |row| row.get(0)).unwrap();
    let secrets: [&[u8]; 6] = [text.as_bytes(), b"Crue", "Bảo".as_bytes(), &identity.mls_seed, &log_key, &id.0];
    for folder in ["Anne", "Bảo"].map(|name| world.device_folder(name)) {
        for file in std::fs::read_dir(&folder).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            for secret in &secrets {
                assert!(!bytes.windows(secret.len()).any(|window| window == *secret));
            }
        }
    }
    // And the server's: neither texts, nor names of groups, nor the keys.
    for file in std::fs::read_dir(world.data()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [text.as_bytes(), b"Crue", &identity.mls_seed, &log_key] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_waits_can_be_taken_back() {
    let mut world = World::new().await;
    let (anne, bao, id) = pair_of(&world).await;
    world.stop_server().await;
    until("the connection is seen to be gone", async || (*anne.state().borrow() != ClientState::Online).then_some(()))
        .await;
    let regret = anne.conversation(id).send("regretted", None, &[]).await.unwrap();
    let keep = anne.conversation(id).send("kept", None, &[]).await.unwrap();
    anne.conversation(id).delete(regret).await.unwrap();
    world.start_server().await;
    done(&anne, id, keep).await;
    sees(&bao, id, "kept").await;
    assert_eq!(texts(&bao, id).await.len(), 1);
    assert_eq!(anne.conversation(id).settled(regret).await, Ok(DeliveryState::Sent), "nothing waits");
    assert_eq!(anne.conversation(id).info().await.unwrap().membership, Membership::Member);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_goes_on_where_it_stopped() {
    use futures_util::StreamExt as _;
    let world = World::new().await;
    let (anne, bot, id) = pair_of(&world).await;
    for n in 0..4 {
        let entry = anne.conversation(id).send(&format!("!level {n}"), None, &[]).await.unwrap();
        done(&anne, id, entry).await;
    }
    sees(&bot, id, "!level 3").await;
    let text = |message: pli_core::model::Message| match message.content {
        pli_core::model::Content::Text { body, .. } => body,
        other => format!("{other:?}"),
    };
    {
        let mut messages = Box::pin(bot.messages());
        for n in 0..2 {
            assert_eq!(text(messages.next().await.unwrap()), format!("!level {n}"));
        }
        // The second was taken, and the third never asked for.
    }
    bot.close().await;
    let bot = world.open("Bảo").await;
    let mut messages = Box::pin(bot.messages());
    for n in 1..4 {
        assert_eq!(text(messages.next().await.unwrap()), format!("!level {n}"), "one is repeated, none is lost");
    }
    anne.conversation(id).send("!level live", None, &[]).await.unwrap();
    assert_eq!(text(messages.next().await.unwrap()), "!level live");
    bot.close().await;
    assert!(messages.next().await.is_none(), "it ends with the client");
}
