//! A thief has the issuer's key, and the root ends the issuer: whom it certified honestly stays, whom the thief certified
//! goes, and nobody believes a server, a list or a package that the old issuer signed.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pli_env::sql::Numbers as _;

use openmls::prelude::KeyPackage;
use pli_core::Client;
use pli_core::model::{ClientState, ConversationId, Permission, PersonId, Role, Setting};
use pli_kernel::group::roster::Roster;
use pli_kernel::group::{SUITE, capabilities, credential_with_key, lifetime};
use pli_proto::certificate::{Subject, Usage};
use pli_proto::id::DeviceId;
use pli_proto::{issuers, pb};
use pli_server::authority::{files, replace_issuer};
use pli_server::{Authority, Config, Running, Server};
use pli_tests::insider::{Insider, Lie, Plan};
use pli_tests::{World, conversation, done, find, members, online, sees, until};

/// The data folder as a thief copied it, with the issuer's key.
async fn stolen(world: &mut World) -> tempfile::TempDir {
    world.stop_server().await;
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(world.data()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    std::fs::remove_file(copy.path().join(files::ROOT_KEY)).unwrap();
    world.start_server().await;
    copy
}

async fn replace(world: &World) {
    replace_issuer(&world.data(), world.env.clone(), &world.data().join(files::ROOT_KEY)).await.unwrap();
}

/// A device that the thief certified for a person: never enrolled, unknown to the directory.
struct Ghost {
    key: pli_kernel::crypto::DeviceKey,
    chain: Vec<Vec<u8>>,
}

impl Ghost {
    async fn of(world: &World, copy: &Path, person: PersonId) -> Self {
        let thief = Authority::open(copy, world.env.clone()).unwrap();
        let key = pli_kernel::crypto::DeviceKey::from_seed(&pli_env::random(&*world.env));
        let issuer = thief.issuer();
        let subject = Subject { person, device: DeviceId(pli_env::random(&*world.env)), is_guest: false };
        let certificate = issuer.device(subject, key.public(), Usage::Mls);
        let chain = vec![certificate.await.unwrap(), issuer.certificate()];
        thief.close().await;
        Self { key, chain }
    }

    /// Mallory, a member, adds it to her group.
    async fn enters(&self, mallory: &mut Insider) {
        let honest = mallory.liar(Lie::None);
        let package = KeyPackage::builder()
            .leaf_node_capabilities(capabilities())
            .key_package_lifetime(lifetime())
            .build(SUITE, &mallory.provider(&honest), &self.key, credential_with_key(&self.chain, &self.key.public()))
            .unwrap();
        let entry = mallory.planned(Plan { add: vec![package.into_key_package()], ..Plan::default() }, &[]);
        mallory.append(&entry).await.unwrap();
    }
}

/// How many devices of a person are in a conversation.
async fn devices(client: &Client, id: ConversationId, name: &str, count: usize) {
    until(&format!("{name} has {count} devices"), async || {
        let members = client.conversation(id).member_list().await.unwrap();
        members.iter().any(|member| member.person.name == name && member.device_count == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_the_thief_of_an_issuers_key_certified_goes_and_all_others_stay() {
    let mut world = World::new().await;
    let (anne, bao, mallory) = (world.enrol("Anne").await, world.enrol("Bảo").await, world.enrol("Mallory").await);
    let (bao_id, mallory_id) = (find(&anne, "Bảo").await.id, find(&anne, "Mallory").await.id);
    let id = anne.create_group("Crue", &[bao_id, mallory_id]).await.unwrap();
    for client in [&bao, &mallory] {
        members(client, id, &["Anne", "Bảo", "Mallory"]).await;
    }
    // All may add: Mallory needs no office for what she does.
    let may_add = Setting::MayAdd(Role::Member);
    let entry = anne.conversation(id).set(may_add).await.unwrap();
    done(&anne, id, entry).await;
    until("Mallory may add", async || {
        let info = mallory.conversation(id).info().await.unwrap();
        info.may.contains(&Permission::Add).then_some(())
    })
    .await;
    let copy = stolen(&mut world).await;
    // A second device of Anne's, the owner: no role allows Bảo to remove it.
    let anne_id = find(&bao, "Anne").await.id;
    let ghost = Ghost::of(&world, copy.path(), anne_id).await;
    let mut insider = Insider::of_closed(&world, "Mallory", &mallory, id).await;
    ghost.enters(&mut insider).await;
    // Its chain holds, and members can't know better: this is why there are ends of issuers.
    for client in [&anne, &bao] {
        devices(client, id, "Anne", 2).await;
    }
    anne.close().await;

    replace(&world).await;
    // Bảo's device comes back with a new certificate, removes the ghost by the root's word, and nobody else.
    devices(&bao, id, "Anne", 1).await;
    let anne = world.open("Anne").await;
    for (client, text) in [(&anne, "who is still here?"), (&bao, "me, on one phone")] {
        let said = client.conversation(id).send(text, None, &[]).await.unwrap();
        done(client, id, said).await;
        for other in [&anne, &bao] {
            sees(other, id, text).await;
            members(other, id, &["Anne", "Bảo", "Mallory"]).await;
            devices(other, id, "Anne", 1).await;
        }
    }
    // Who enrols with the new issuer is added as ever, and adds.
    let chloe = world.enrol("Chloé").await;
    let entry = bao.conversation(id).add(&[find(&bao, "Chloé").await.id]).await.unwrap();
    done(&bao, id, entry).await;
    members(&chloe, id, &["Anne", "Bảo", "Chloé", "Mallory"]).await;
    chloe.conversation(id).send("hello", None, &[]).await.unwrap();
    sees(&anne, id, "hello").await;

    // Of what was kept nobody can show that it ended: Mallory removes nobody by the root's word.
    let mallory = world.open("Mallory").await;
    // Her own commit, of which her device knows nothing, made it come back.
    let back = AtomicUsize::new(0);
    until("she reads again", async || {
        let text = format!("back? {}", back.fetch_add(1, Ordering::SeqCst));
        bao.conversation(id).send(&text, None, &[]).await.unwrap();
        tokio::time::timeout(Duration::from_secs(2), sees(&mallory, id, &text)).await.ok()
    })
    .await;
    let mut insider = Insider::of_closed(&world, "Mallory", &mallory, id).await;
    let (end, kept) = world.authority().engine().issuer_end(0).await.unwrap().unwrap();
    let roster = Roster::read(insider.group().public_group()).unwrap();
    let victim = roster.leaves().find(|leaf| leaf.person() == bao_id).unwrap().clone();
    let without: Vec<_> = kept.iter().filter(|one| **one != victim.certificate.fingerprint).copied().collect();
    for kept in [kept, without] {
        let shown = issuers::not_kept(end.clone(), &kept, &[victim.certificate.fingerprint]);
        let evidence = vec![pb::Evidence { evidence: Some(pb::evidence::Evidence::NotKept(shown)) }];
        let entry = insider.planned(Plan { remove: vec![victim.index], ..Plan::default() }, &evidence);
        insider.append(&entry).await.unwrap();
    }
    bao.conversation(id).send("still here", None, &[]).await.unwrap();
    sees(&anne, id, "still here").await;
}

/// A server of the thief's, at the address of the true one.
async fn false_server(world: &World, copy: &Path) -> Running {
    until("the port is free", async || Server::start(world.env.clone(), Config::new(copy, world.address())).await.ok())
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_an_ended_issuer_is_not_believed_and_what_it_said_before_is_forgotten() {
    let mut world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let anne_id = find(&bao, "Anne").await.id;
    let annes_device = anne.device_list().await.unwrap()[0].id;
    let copy = stolen(&mut world).await;
    online(&anne).await;
    bao.close().await;
    replace(&world).await;
    until("Anne has heard of it", async || {
        let versions = world.authority().engine().versions().await.unwrap();
        let known = ends_known(&world, "Anne").await;
        (versions.issuers == 1 && known == 1).then_some(())
    })
    .await;
    online(&anne).await;

    // Bảo, who has not heard, believes the thief's server, and its list, which revokes Anne.
    world.stop_server().await;
    let fake = false_server(&world, copy.path()).await;
    fake.authority().revoke(annes_device).await.unwrap();
    let bao = world.open("Bảo").await;
    online(&bao).await;
    until("the false list has come", async || (revoked(&world, "Bảo").await == 1).then_some(())).await;
    // Anne, who has heard, does not speak with it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(matches!(*anne.state().borrow(), ClientState::Offline { .. } | ClientState::Connecting));
    fake.shutdown().await;

    world.start_server().await;
    online(&anne).await;
    until("Bảo has heard, and forgets the false line", async || {
        (ends_known(&world, "Bảo").await == 1 && revoked(&world, "Bảo").await == 0).then_some(())
    })
    .await;
    // The directory too is fetched anew.
    assert_eq!(find(&bao, "Anne").await.id, anne_id);
    let id = bao.create_group("Crue", &[anne_id]).await.unwrap();
    let at_anne = conversation(&anne, "Crue").await;
    assert_eq!(id, at_anne);
    members(&anne, id, &["Anne", "Bảo"]).await;
    // The list goes on: a true line comes through.
    let chloe = world.enrol("Chloé").await;
    let device = chloe.device_list().await.unwrap()[0].id;
    world.authority().revoke(device).await.unwrap();
    until("the true line comes", async || (revoked(&world, "Bảo").await == 1).then_some(())).await;
}

/// Reads a number from a device's store, while it is open.
async fn number(world: &World, name: &str, sql: &str) -> u64 {
    let folder = world.device_folder(name);
    let mut key = folder.as_os_str().to_owned();
    key.push(".key");
    let secret = std::fs::read(key).unwrap();
    let hex: String = secret[..32].iter().map(|byte| format!("{byte:02x}")).collect();
    let db = rusqlite::Connection::open(folder.join("store.db")).unwrap();
    db.execute_batch(&format!("PRAGMA key = \"x'{hex}'\"; PRAGMA busy_timeout = 5000")).unwrap();
    db.query_row(sql, [], |row| row.number(0)).unwrap()
}

async fn ends_known(world: &World, name: &str) -> u64 {
    number(world, name, "SELECT count(*) FROM issuers").await
}

async fn revoked(world: &World, name: &str) -> u64 {
    number(world, name, "SELECT count(*) FROM revocations").await
}
