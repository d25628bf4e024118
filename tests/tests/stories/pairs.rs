//! A pair is of its two persons, whatever a third one founds in their names.

use std::sync::atomic::Ordering;
use std::time::Duration;

use openmls::prelude::{MlsGroup, MlsMessageBodyIn, MlsMessageIn, ProtocolVersion};
use openmls_traits::OpenMlsProvider as _;
use pli_core::Client;
use pli_core::model::{Content, ConversationId, ItemId, Membership, PersonId, TimelineItem};
use pli_core::store::groups::group_id;
use pli_kernel::crypto::Crypto;
use pli_kernel::group::seal::{self, LogKey};
use pli_kernel::group::settings::Settings;
use pli_kernel::group::{SUITE, create_config};
use pli_proto::id::LogId;
use pli_proto::pb;
use pli_proto::rows::{self, rank};
use pli_proto::signed::{self, Method};
use pli_tests::altered::Altered;
use pli_tests::insider::{Insider, Lie, bytes, finish};
use pli_tests::{World, conversation, database, done, find, keys, members, online, sees, texts, until};
use prost::Message as _;
use tls_codec::Deserialize as _;

/// Mallory founds a pair "of Anne and Bảo", sits in it, and invites Bảo.
async fn found_in_others_names(world: &World, mallory: &mut Insider, settings: &Settings, bao: &Client) {
    let liar = mallory.liar(Lie::None);
    let crypto = Crypto::new(pli_env::draw(world.env.clone()));
    mallory.parent = (0, signed::hash_start(mallory.log).to_vec());
    let provider = mallory.provider(&liar);
    let config = create_config(settings);
    let mut group = MlsGroup::new_with_group_id(
        &provider,
        &mallory.me.key,
        &config,
        group_id(mallory.log),
        mallory.me.credential(),
    )
    .unwrap();
    let info = group.export_group_info(provider.crypto(), &mallory.me.key, false).unwrap();
    let snapshot = pb::Snapshot {
        group_info: bytes(&info),
        tree: bytes(&group.export_ratchet_tree()),
        hash: signed::hash_start(mallory.log).to_vec(),
    };
    let snapshot = seal::seal_snapshot(pli_env::random(&*world.env), &mallory.key, mallory.log, 0, &snapshot);
    let request = mallory.request(Method::Create, &pb::CreateBody { snapshot });
    mallory.sealed().log().create(request).await.unwrap();

    let device = bao.device_list().await.unwrap()[0].id;
    let taken = mallory
        .sealed()
        .key_packages()
        .take(pb::TakeRequest { devices: vec![device.to_vec()], last_resort: false })
        .await
        .unwrap();
    let taken = taken.into_inner().packages.remove(0);
    let message = MlsMessageIn::tls_deserialize_exact(taken.package.as_slice()).unwrap();
    let MlsMessageBodyIn::KeyPackage(package) = message.extract() else { panic!("a key package") };
    let package = package.validate(&crypto, ProtocolVersion::Mls10).unwrap();
    let leaf: [u8; 32] = package.leaf_node().signature_key().as_slice().try_into().unwrap();
    let rank = if settings.pair.is_some() { rank::OWNER } else { rank::MEMBER };
    let rows = vec![rows::set(mallory.row_of(&leaf), rank)];
    group.set_aad(mallory.bound(group.public_group().group_context(), &rows, &[]));
    let builder = group.commit_builder().propose_adds([package]).force_self_update(false);
    let (commit, welcome, info) = finish(mallory, &liar, builder);
    let commit = pb::Commit { commit: bytes(&commit), group_info: bytes(&info), ..pb::Commit::default() };
    let entry = mallory.entry(commit, rows);
    let number = mallory.append(&entry).await.unwrap();
    let invitation = pb::Invitation {
        log: mallory.log.to_vec(),
        log_key: mallory.key.as_bytes().to_vec(),
        number,
        hash: mallory.parent.1.clone(),
        welcome: bytes(&welcome.unwrap()),
    };
    let sealed = pli_kernel::crypto::seal_to(
        &crypto,
        &taken.inbox_key,
        b"Pli 1.0 inbox",
        &device.0,
        &pb::Delivered { what: Some(pb::delivered::What::Invitation(invitation)) }.encode_to_vec(),
    )
    .unwrap();
    let delivery = pb::DeliverRequest { device: device.to_vec(), id: mallory.id().to_vec(), sealed };
    mallory.sealed().inbox().deliver(delivery).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sits_in_the_pair_of_two_others() {
    let world = World::new().await;
    let (anne, bao, mallory) = (world.enrol("Anne").await, world.enrol("Bảo").await, world.enrol("Mallory").await);
    let shared = mallory.create_group("Crue", &[find(&mallory, "Bảo").await.id]).await.unwrap();
    members(&bao, shared, &["Bảo", "Mallory"]).await;
    members(&mallory, shared, &["Bảo", "Mallory"]).await;
    let mut pair = [find(&anne, "Anne").await.id, find(&anne, "Bảo").await.id];
    pair.sort();
    mallory.close().await;
    let mut mallory = Insider::of(world.env.clone(), &world.device_folder("Mallory"), shared).await;

    // As a pair, with the lowest of log ids; and as a group whose log id is what the pair's conversation is called.
    let at_anne = anne.pair(pair[1]).await.or(anne.pair(pair[0]).await).unwrap();
    let root = mallory.me.root;
    for (id, as_pair) in [(LogId([0; 16]), true), (LogId(at_anne.0), false)] {
        mallory.log = id;
        mallory.key = LogKey::from(pli_env::random(&*world.env));
        let settings = if as_pair {
            Settings::pair(mallory.key.clone(), root, &pair, 1)
        } else {
            Settings::group(mallory.key.clone(), root, mallory.me.person, "Anne")
        };
        assert_eq!(SUITE, create_config(&settings).ciphersuite());
        found_in_others_names(&world, &mut mallory, &settings, &bao).await;
        if as_pair {
            continue;
        }
        // The group is entered, as one that Mallory made; it has nothing to do with Anne's and Bảo's pair.
        until("the group named Anne is listed", async || {
            let list = bao.conversation_list().await.unwrap();
            list.iter().any(|info| info.name == "Anne" && info.id != at_anne).then_some(())
        })
        .await;
    }

    let at_bao = bao.pair(find(&bao, "Anne").await.id).await.unwrap();
    assert_eq!(at_bao, at_anne);
    let entry = bao.conversation(at_bao).send("for Anne only", None, &[]).await.unwrap();
    done(&bao, at_bao, entry).await;
    sees(&anne, at_anne, "for Anne only").await;
    let back = anne.conversation(at_anne).send("for Bảo only", None, &[]).await.unwrap();
    done(&anne, at_anne, back).await;
    sees(&bao, at_bao, "for Bảo only").await;
    assert_ne!(conversation(&bao, "Crue").await, at_bao);
    assert_eq!(mallory.read().await.unwrap().len(), 1, "nothing was said in Mallory's log");
}

/// Anne and Bảo, who have talked.
async fn talked(world: &World) -> (Client, Client, ConversationId) {
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let pair = anne.pair(find(&anne, "Bảo").await.id).await.unwrap();
    anne.conversation(pair).send("before", None, &[]).await.unwrap();
    sees(&bao, pair, "before").await;
    (anne, bao, pair)
}

/// Bảo loses the phone, and Anne's client has heard of it; gives who gets another.
async fn loses_the_phone(world: &World, bao: &Client, anne: &Client, pair: ConversationId) -> PersonId {
    world.authority().revoke(bao.device_list().await.unwrap()[0].id).await.unwrap();
    members(anne, pair, &["Anne"]).await;
    bao.me().await.unwrap().id
}

/// Says something that is tried, in vain, and not given up.
async fn waits(anne: &Client, pair: ConversationId, text: &str) {
    let entry = anne.conversation(pair).send(text, None, &[]).await.unwrap();
    let settled = tokio::time::timeout(Duration::from_millis(600), anne.conversation(pair).settled(entry)).await;
    assert!(settled.is_err(), "{settled:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pair_goes_on_with_the_others_new_phone() {
    let world = World::new().await;
    let (anne, bao, pair) = talked(&world).await;
    let person = loses_the_phone(&world, &bao, &anne, pair).await;
    let bao = world.enrol_device(person, "Bảo's new phone").await;
    anne.conversation(pair).send("to the new phone", None, &[]).await.unwrap();
    sees(&bao, pair, "to the new phone").await;
    bao.conversation(pair).send("from the new phone", None, &[]).await.unwrap();
    sees(&anne, pair, "from the new phone").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_a_new_phone_may_write_first() {
    let world = World::new().await;
    let (anne, bao, pair) = talked(&world).await;
    let person = loses_the_phone(&world, &bao, &anne, pair).await;
    let bao = world.enrol_device(person, "Bảo's new phone").await;
    assert_eq!(bao.pair(find(&bao, "Anne").await.id).await.unwrap(), pair);
    bao.conversation(pair).send("from the new phone", None, &[]).await.unwrap();
    sees(&anne, pair, "from the new phone").await;
    anne.conversation(pair).send("to the new phone", None, &[]).await.unwrap();
    sees(&bao, pair, "to the new phone").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_while_the_other_has_no_phone_waits_for_it() {
    let world = World::new().await;
    let (anne, bao, pair) = talked(&world).await;
    let person = loses_the_phone(&world, &bao, &anne, pair).await;
    for text in ["one", "two", "three"] {
        waits(&anne, pair, text).await;
    }
    let bao = world.enrol_device(person, "Bảo's new phone").await;
    sees(&bao, pair, "three").await;
    let texts: Vec<String> = texts(&bao, pair).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_goes_when_the_other_has_a_phone_not_when_its_next_try_is_due() {
    let world = World::new().await;
    let (anne, bao, pair) = talked(&world).await;
    let person = loses_the_phone(&world, &bao, &anne, pair).await;
    anne.close().await;
    let (env, folder) = (Altered::current(), world.device_folder("Anne"));
    let anne = Client::open(env.clone(), &folder, keys(&folder)).await.unwrap();
    online(&anne).await;
    waits(&anne, pair, "at last").await;
    // By a clock that was put back, the next try is far away, as it is after many.
    env.clock_ms.store(-10 * 60 * 1000, Ordering::SeqCst);
    let bao = world.enrol_device(person, "Bảo's new phone").await;
    sees(&bao, pair, "at last").await;
}

/// A pair with a message in each of two logs: what Anne said without the server waits until somebody has said something in
/// the log that he founded. Hers goes into her own where that has the lower id: by chance, so that some are tried.
async fn two_logs(world: &mut World) -> (Client, String, ConversationId, [ItemId; 2]) {
    let mut anne = world.enrol("Anne").await;
    for name in (0..40).map(|n| format!("Bảo {n}")) {
        let bao = world.enrol(&name).await;
        let pair = anne.pair(find(&anne, &name).await.id).await.unwrap();
        world.stop_server().await;
        let hers = anne.conversation(pair).send("of Anne", None, &[]).await.unwrap();
        anne.close().await;
        world.start_server().await;
        assert_eq!(bao.pair(find(&bao, "Anne").await.id).await.unwrap(), pair);
        let his = bao.conversation(pair).send("of Bảo", None, &[]).await.unwrap();
        done(&bao, pair, his).await;
        anne = world.open("Anne").await;
        for client in [&anne, &bao] {
            sees(client, pair, "of Anne").await;
            sees(client, pair, "of Bảo").await;
        }
        bao.close().await;
        let logs = "SELECT count(DISTINCT log) FROM items WHERE kind = 1";
        if database(&world.device_folder(&name)).query_row(logs, [], |row| row.get::<_, u32>(0)).unwrap() == 2 {
            return (anne, name, pair, [hers, his]);
        }
    }
    panic!("forty times the other log had the lower id")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_to_a_message_goes_into_its_log() {
    let mut world = World::new().await;
    let (anne, name, pair, said) = two_logs(&mut world).await;
    let bao = world.open(&name).await;
    for (client, own) in [(&anne, said[0]), (&bao, said[1])] {
        let edited = client.conversation(pair).edit(own, "edited", &[]).await.unwrap();
        done(client, pair, edited).await;
        for message in &said {
            let reacted = client.conversation(pair).react(*message, Some("👍")).await.unwrap();
            done(client, pair, reacted).await;
        }
    }
    for client in [&anne, &bao] {
        until("all of it is there", async || {
            let items = client.conversation(pair).items(None, 10).await.unwrap();
            let both = items.iter().filter(|item| match item {
                TimelineItem::Said(message) => {
                    let edited = matches!(&message.content, Content::Text { body, .. } if body == "edited");
                    edited && message.reactions.iter().map(|one| one.people.len()).sum::<usize>() == 2
                }
                TimelineItem::Changed(_) => false,
            });
            (both.count() == 2).then_some(())
        })
        .await;
    }
    bao.close().await;
    let db = database(&world.device_folder(&name));
    // Where it was done is kept as the precedence of a log, which ends with its id, each bit turned.
    let in_its_log = |sql: &str| {
        let mut query = db.prepare(sql).unwrap();
        let rows = query.query_map([], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, [u8; 20]>(1)?))).unwrap();
        rows.map(Result::unwrap).filter(|(log, within)| within[4..] == log.map(|byte| !byte)).count()
    };
    assert_eq!(in_its_log("SELECT log, edited_in FROM items WHERE edited_ms > 0"), 2);
    assert_eq!(in_its_log("SELECT log, within FROM reactions JOIN items USING(conversation, entry)"), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pair_goes_on_where_access_to_its_log_was_taken_away() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let pair = anne.pair(find(&anne, "Bảo").await.id).await.unwrap();
    anne.conversation(pair).send("before", None, &[]).await.unwrap();
    sees(&bao, pair, "before").await;
    // Bảo's phone is stolen, and cuts Anne's row by a commit that counts for nobody.
    let mut thief = Insider::of_closed(&world, "Bảo", &bao, pair).await;
    let (roster, _) = thief.state();
    let hers = roster.leaves().find(|leaf| leaf.person() != thief.me.person).unwrap();
    let entry = thief.update_with(vec![thief.cut(hers.key())]);
    thief.append(&entry).await.unwrap();
    let membership = async || anne.conversation(pair).info().await.unwrap().membership;
    until("Anne has no access", async || (membership().await == Membership::AccessLost).then_some(())).await;
    anne.conversation(pair).send("elsewhere", None, &[]).await.unwrap();
    until("the pair goes on", async || (membership().await == Membership::Member).then_some(())).await;
    let bao = world.open("Bảo").await;
    sees(&bao, pair, "elsewhere").await;
    bao.conversation(pair).send("there too", None, &[]).await.unwrap();
    sees(&anne, pair, "there too").await;
}
