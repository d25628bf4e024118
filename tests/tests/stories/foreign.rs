//! A second client, written from docs/protocol.md alone, beside Pli's own.

use pli_core::model::Role;
use pli_proto::pb;
use pli_server::Invite;
use pli_tests::foreign::{
    Device, DeviceKey, Group, Head, access_key, bucket, content, conversation_id, message_id, of_commit, of_message,
    rows_digest, rows_hash,
};
use pli_tests::insider::{Insider, Lie, update};
use pli_tests::{World, conversation, done, find, members, sees, texts, until};
use prost::Message as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_client_is_understood() {
    let world = World::new().await;
    let links = world.authority().invite(&world.address().to_string(), Invite::person("Zoé")).await.unwrap();
    let zoe = Device::enrol(&links[0]).await.unwrap();
    assert_eq!(zoe.publish(3).await.unwrap(), 3);

    let anne = world.enrol("Anne").await;
    let crue = anne.create_group("Crue", &[find(&anne, "Zoé").await.id]).await.unwrap();
    let mut at_zoe = Group::join(&zoe, &zoe.invitation().await.unwrap()).await.unwrap();
    assert_eq!(at_zoe.name(), "Crue");
    members(&anne, crue, &["Anne", "Zoé"]).await;

    let entry = anne.conversation(crue).send("L'eau monte 🌊", None, &[]).await.unwrap();
    done(&anne, crue, entry).await;
    at_zoe.read().await.unwrap();
    assert_eq!(heard(&at_zoe), ["L'eau monte 🌊"]);
    at_zoe.say("J'arrive").await.unwrap();
    sees(&anne, crue, "J'arrive").await;
    assert_eq!(texts(&anne, crue).await.pop().unwrap(), ("Zoé".into(), "J'arrive".into()));

    let entry = anne.conversation(crue).rename("Crue de la Deûle").await.unwrap();
    done(&anne, crue, entry).await;
    at_zoe.read().await.unwrap();
    assert_eq!(at_zoe.name(), "Crue de la Deûle");
    // It is in the log, and counts for neither.
    assert!(at_zoe.rename("À moi").await.unwrap_err().to_string().contains("may not set an option"));
    at_zoe.update().await.unwrap();
    let entry = anne.conversation(crue).send("Et maintenant ?", None, &[]).await.unwrap();
    done(&anne, crue, entry).await;
    at_zoe.read().await.unwrap();
    assert_eq!(heard(&at_zoe), ["L'eau monte 🌊", "Et maintenant ?"]);
    at_zoe.say("Encore là").await.unwrap();
    sees(&anne, crue, "Encore là").await;

    let zoe_id = find(&anne, "Zoé").await.id;
    let entry = anne.conversation(crue).set_role(zoe_id, Role::Admin).await.unwrap();
    done(&anne, crue, entry).await;
    assert_eq!(anne.conversation(crue).info().await.unwrap().name, "Crue de la Deûle");
    at_zoe.rename("Décrue").await.unwrap();
    until("Anne sees the name", async || {
        (anne.conversation(crue).info().await.unwrap().name == "Décrue").then_some(())
    })
    .await;
    let bao = world.enrol("Bảo").await;
    at_zoe.add("Bảo").await.unwrap();
    assert_eq!(conversation(&bao, "Décrue").await, crue);
    members(&anne, crue, &["Anne", "Bảo", "Zoé"]).await;
    at_zoe.say("Bienvenue").await.unwrap();
    sees(&bao, crue, "Bienvenue").await;
    let entry = bao.conversation(crue).send("Merci", None, &[]).await.unwrap();
    done(&bao, crue, entry).await;
    at_zoe.read().await.unwrap();
    assert_eq!(heard(&at_zoe).pop().unwrap(), "Merci");

    let entry = bao.conversation(crue).leave().await.unwrap();
    done(&bao, crue, entry).await;
    members(&anne, crue, &["Anne", "Zoé"]).await;
    // Whose commit comes first removes Bảo's leaf, with his word as evidence.
    at_zoe.update().await.unwrap();
    assert_eq!(at_zoe.people(), [anne.me().await.unwrap().id.0, zoe.person]);
    at_zoe.say("Au revoir").await.unwrap();
    sees(&anne, crue, "Au revoir").await;

    assert_eq!(at_zoe.refused, ["may not set an option"]);
    let chloe = world.enrol("Chloé").await;
    at_zoe.add("Chloé").await.unwrap();
    members(&anne, crue, &["Anne", "Chloé", "Zoé"]).await;
    let entry = chloe.conversation(conversation(&chloe, "Décrue").await).leave().await.unwrap();
    done(&chloe, crue, entry).await;
    let entry = anne.conversation(crue).rename("Fin").await.unwrap();
    done(&anne, crue, entry).await;
    at_zoe.read().await.unwrap();
    assert_eq!((at_zoe.people().len(), at_zoe.name()), (2, "Fin"));
    at_zoe.leave().await.unwrap();
    members(&anne, crue, &["Anne"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_client_founds_a_group() {
    let world = World::new().await;
    let links = world.authority().invite(&world.address().to_string(), Invite::person("Zoé")).await.unwrap();
    let zoe = Device::enrol(&links[0]).await.unwrap();
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let mut at_zoe = Group::found(&zoe, "Crue").await.unwrap();
    at_zoe.update().await.unwrap();
    at_zoe.add("Anne").await.unwrap();
    at_zoe.add("Bảo").await.unwrap();
    let crue = conversation(&anne, "Crue").await;
    members(&anne, crue, &["Anne", "Bảo", "Zoé"]).await;
    assert_eq!(conversation(&bao, "Crue").await, crue);
    at_zoe.say("Bonjour").await.unwrap();
    sees(&anne, crue, "Bonjour").await;
    sees(&bao, crue, "Bonjour").await;
    let entry = bao.conversation(crue).send("Salut", None, &[]).await.unwrap();
    done(&bao, crue, entry).await;
    at_zoe.read().await.unwrap();
    assert_eq!(heard(&at_zoe), ["Salut"]);
    at_zoe.come_back().await.unwrap();
    at_zoe.say("Me revoilà").await.unwrap();
    sees(&anne, crue, "Me revoilà").await;
    let entry = anne.conversation(crue).send("Enfin", None, &[]).await.unwrap();
    done(&anne, crue, entry).await;
    at_zoe.read().await.unwrap();
    assert_eq!(heard(&at_zoe), ["Salut", "Enfin"]);

    // Bảo's store is one of yesterday: he comes back too.
    bao.close().await;
    let store = world.device_folder("Bảo").join("store.db");
    let yesterday = std::fs::read(&store).unwrap();
    world.open("Bảo").await.close().await;
    std::fs::write(&store, yesterday).unwrap();
    let bao = world.open("Bảo").await;
    let entry = until("Bảo may write", async || bao.conversation(crue).send("Moi aussi", None, &[]).await.ok()).await;
    done(&bao, crue, entry).await;
    let commits = at_zoe.returns;
    at_zoe.read().await.unwrap();
    assert_eq!(at_zoe.returns, commits + 1);
    assert_eq!(heard(&at_zoe).pop().unwrap(), "Moi aussi");
    at_zoe.say("Te revoilà").await.unwrap();
    sees(&bao, crue, "Te revoilà").await;

    // His device is revoked: Anne's removes it, with the line as evidence.
    let device = world.authority().devices(find(&anne, "Bảo").await.id).await.unwrap()[0].id;
    world.authority().revoke(device).await.unwrap();
    members(&anne, crue, &["Anne", "Zoé"]).await;
    at_zoe.read().await.unwrap();
    assert_eq!(at_zoe.people(), [zoe.person, anne.me().await.unwrap().id.0]);
    at_zoe.say("Nous deux").await.unwrap();
    sees(&anne, crue, "Nous deux").await;
    assert!(at_zoe.refused.is_empty(), "{:?}", at_zoe.refused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_client_is_one_of_a_pair() {
    let world = World::new().await;
    let links = world.authority().invite(&world.address().to_string(), Invite::person("Zoé")).await.unwrap();
    let zoe = Device::enrol(&links[0]).await.unwrap();
    zoe.publish(1).await.unwrap();
    let anne = world.enrol("Anne").await;
    let pair = anne.pair(find(&anne, "Zoé").await.id).await.unwrap();
    let entry = anne.conversation(pair).send("Bonjour", None, &[]).await.unwrap();
    done(&anne, pair, entry).await;
    let mut at_zoe = Group::join(&zoe, &zoe.invitation().await.unwrap()).await.unwrap();
    at_zoe.read().await.unwrap();
    assert_eq!(heard(&at_zoe), ["Bonjour"]);
    at_zoe.update().await.unwrap();
    at_zoe.say("Salut").await.unwrap();
    sees(&anne, pair, "Salut").await;
    assert!(at_zoe.rename("Nous").await.is_err());
    at_zoe.say("Bon").await.unwrap();
    sees(&anne, pair, "Bon").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_refuse_a_path_without_a_ciphertext_for_everybody() {
    let world = World::new().await;
    let links = world.authority().invite(&world.address().to_string(), Invite::person("Zoé")).await.unwrap();
    let zoe = Device::enrol(&links[0]).await.unwrap();
    zoe.publish(1).await.unwrap();
    let (anne, mallory) = (world.enrol("Anne").await, world.enrol("Mallory").await);
    let others = [find(&anne, "Mallory").await.id, find(&anne, "Zoé").await.id];
    let crue = anne.create_group("Crue", &others).await.unwrap();
    members(&mallory, crue, &["Anne", "Mallory", "Zoé"]).await;
    let mut at_zoe = Group::join(&zoe, &zoe.invitation().await.unwrap()).await.unwrap();
    let mut insider = Insider::of_closed(&world, "Mallory", &mallory, crue).await;
    for ciphertexts in [0, 2] {
        let commit = insider.commit(Lie::None, |insider, liar, group| {
            let made = update(insider, liar, group);
            insider.with_path(made, |path| {
                let (_, list) = path.last_mut().unwrap();
                *list = vec![list[0].clone(); ciphertexts * list.len()];
            })
        });
        let entry = insider.entry(commit, vec![]);
        insider.append(&entry).await.unwrap();
        at_zoe.say("Toujours là").await.unwrap();
        assert_eq!(at_zoe.refused.pop().as_deref(), Some("not a ciphertext for each node"));
        let entry = anne.conversation(crue).send("Moi aussi", None, &[]).await.unwrap();
        done(&anne, crue, entry).await;
        at_zoe.read().await.unwrap();
        assert_eq!(heard(&at_zoe).pop().as_deref(), Some("Moi aussi"));
    }
    assert_eq!(texts(&anne, crue).await.len(), 4);
    // One that is whole counts for both.
    let commit = insider.commit(Lie::None, update);
    let entry = insider.entry(commit, vec![]);
    insider.append(&entry).await.unwrap();
    at_zoe.say("Encore").await.unwrap();
    sees(&anne, crue, "Encore").await;
    assert!(at_zoe.refused.is_empty(), "{:?}", at_zoe.refused);
}

/// What was said by others.
fn heard(group: &Group<'_>) -> Vec<String> {
    group.texts.iter().map(|(_, text)| text.clone()).collect()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: String = hexadecimal.split_whitespace().collect();
    data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap()
}

#[test]
fn it_computes_what_the_page_does() {
    let (mls, tls) = (DeviceKey::from_seed([7; 32]), DeviceKey::from_seed([8; 32]));
    let root = DeviceKey::from_seed([5; 32]).public();
    let (log_key, log) = ([9; 32], [0x11; 16]);
    let (access, factor) = access_key(&mls.public(), &log_key).unwrap();
    assert_eq!(access[..], bytes("080d466856acad44e5c3e190725a1a454c5dcbac0faa2c0d3db9a729c10bb754"));
    assert!(factor[..].starts_with(&bytes("ac3684f4a648fe32")));
    let signature = mls.sign_access(&log_key, b"Pli").unwrap();
    assert!(signature.starts_with(&bytes("24ecdbd448a418fafbd118a15f93706e")));
    let token: Vec<u8> = (0..16).collect();
    let enrol = mls.sign("Pli 1.0 Enrol", &[&token, &mls.public(), &tls.public()]);
    assert!(enrol.starts_with(&bytes("2d872b0e672b2f73c7eea1089c25ec70")));
    let time = 1_700_000_000_000_u64.to_be_bytes();
    let read = content("Pli 1.0 Request", &[&access, &root, b"Read", &log, &time, &[8, 5]]);
    assert!(mls.sign_access(&log_key, &read).unwrap().starts_with(&bytes("2fb607068a0b692ee40094f57049c844")));

    let row = |key: &[u8], rank| pb::Row { key: key.to_vec(), rank, ..Default::default() };
    let asked = |first, second, whole| pb::Entry {
        rows: vec![row(&access, first), row(&[0x33; 32], second)],
        whole,
        ..Default::default()
    };
    let digest = bytes("1ce86a11c8b342f6565b9f6d33d6d1e34f0f813d3fc3302573097e04fb74165a");
    assert_eq!(rows_digest(&asked(0, 1, false))[..], digest);
    let digest = bytes("8a9859afddd4cf6bd3a77abe19ea4f66823f332f52dce3a5af36dcdf44ab26e9");
    assert_eq!(rows_digest(&asked(4, 2, true))[..], digest);
    let standing = [(access.to_vec(), 4), (vec![0x33; 32], 2)].into();
    let digest = bytes("579a657bf2ef3d7a77d5de088e2851108c96d4b73cded8eba0bca2340d9c95a1");
    assert_eq!(rows_hash(&standing)[..], digest);

    let mut head = Head::start(log, log_key);
    assert_eq!(head.hash[..], bytes("fc0a51bedafd0bd29b8133c150aaf59af583c6dc7b89ff59afe6242796959a9b"));
    let entry = pb::Entry {
        kind: pb::EntryKind::Message.into(),
        parent_hash: head.hash.to_vec(),
        number: 1,
        ..Default::default()
    };
    let clear = head.clear(&entry);
    let sealed = head.seal_with([0x44; 32], "entry", &clear, &bytes("1203616263")).unwrap();
    assert_eq!(sealed.len(), 1_072);
    assert!(sealed[32..].starts_with(&bytes("7664b2bdfe1fbea16a22fd792b0b5c03")));
    assert!(sealed.ends_with(&bytes("4a35b40ac9aab665c1a8a172fae88afe")));
    assert_eq!(head.open("entry", &clear, &sealed).unwrap(), bytes("1203616263"));
    let hash = bytes("d8e36ce1cbcf150f27cd4f434643ca5a62c6ca5780dce6d7452d7553a009ce0f");
    head.advance(&pb::Entry { sealed, hash, received_ms: 1_700_000_000_000, ..entry }).unwrap();

    let text = pb::Text { body: "abc".into(), ..Default::default() };
    let (sent_ms, body) = (1_700_000_000_000, Some(pb::said::Body::Text(text)));
    let said = pb::Said { salt: vec![0x77; 16], sent_ms, body, ..Default::default() }.encode_to_vec();
    assert_eq!(said, [&bytes("0a10")[..], &[0x77; 16], &bytes("1080d095ffbc31 a20105 0a03616263")].concat());
    let conversation = conversation_id(&log, &[]);
    assert_eq!(conversation[..], bytes("845a32ed0b0eb4a40abc8eda80250046"));
    let pair = conversation_id(&log, &[vec![0xaa; 16], vec![0xbb; 16]]);
    assert_eq!(pair[..], bytes("fa618c9be5b8c2ef0c0f91aaf19134b7"));
    let id = message_id(&conversation, &[0xaa; 16], &said);
    assert_eq!(id[..], bytes("d3501aabe1e724c1eae7a05d5e500cce"));
    let place = bytes("951fa1b754ad2c594537ed127fef3385437a247691acca1f2eac8b9792fc5dc2");
    assert_eq!(of_message(&[0x88; 32], &clear, &id), [&[0x88; 32][..], &place, &id].concat());
    let place = bytes("841643cd8835ed64589f9d038f78070ecb3a426b57163fb017fe3a9bb9d3643c");
    let evidence = [vec![1, 2], vec![3]];
    assert_eq!(of_commit(&[0x88; 32], &clear, &evidence), [&[0x88; 32][..], &place].concat());

    assert_eq!([5, 1025, 2049, 5000, 70_000, 1_000_000].map(bucket), [1024, 1152, 2304, 5120, 73_728, 1_048_576]);
}
