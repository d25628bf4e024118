//! Every rule of docs/protocol.md, sections 2 to 6, with an insider who breaks it. Each attack is made on the attacker's
//! side alone, and meets members who are online, two who are offline, one who is coming back after losing the group's
//! secrets, and one who joins later. None of it stops, forks or enters the group.

#![allow(clippy::unwrap_used)] // in tests, a failed unwrap is a failed test

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openmls::prelude::{KeyPackage, LeafNodeIndex, MlsGroup, PublicGroup};
use pli_core::Client;
use pli_core::model::{Content, ConversationId, Membership, TimelineItem, What};
use pli_core::store::groups::read_public;
use pli_kernel::group::roster::Roster;
use pli_kernel::group::settings::Role;
use pli_kernel::group::verdict::{Fault, judge};
use pli_kernel::group::{capabilities, credential_with_key, lifetime};
use pli_proto::pb;
use pli_proto::refusal::Reason;
use pli_proto::signed;
use pli_tests::dice::Dice;
use pli_tests::insider::{Insider, Liar, Lie, Plan, build, bytes, update, vector};
use pli_tests::{World, conversation, done, find, members, sees, texts, until};
use prost::Message as _;
use tls_codec::Deserialize as _;

struct Scene {
    world: World,
    /// Anne, Bảo, Chloé, Émile, Fatou, Hélène: online.
    online: Vec<Client>,
    id: ConversationId,
    insider: Insider,
}

const NAMES: [&str; 10] = ["Anne", "Bảo", "Chloé", "Émile", "Fatou", "Hélène", "Ivo", "Dalia", "Goran", "Mallory"];
/// Members whose phones are off; Ivo's has lost the group's secrets.
const OFF: [&str; 3] = ["Dalia", "Goran", "Ivo"];

/// A group of ten: six online, two phones off, Ivo's store copied back, and Mallory, whose device the attacker has.
async fn scene(mallory: Role) -> Scene {
    let world = World::new().await;
    let mut clients = Vec::new();
    for name in NAMES {
        clients.push(world.enrol(name).await);
    }
    let mut others = Vec::new();
    for name in &NAMES[1..] {
        others.push(find(&clients[0], name).await.id);
    }
    let id = clients[0].create_group("Crue", &others).await.unwrap();
    for client in &clients {
        conversation(client, "Crue").await;
        members(client, id, &NAMES).await;
    }
    if mallory != Role::Member {
        let entry = clients[0].conversation(id).set_role(others[8], mallory).await.unwrap();
        done(&clients[0], id, entry).await;
        for client in &clients {
            until("Mallory has the role", async || {
                let members = client.conversation(id).member_list().await.unwrap();
                members.iter().any(|m| m.person.name == "Mallory" && m.role == mallory).then_some(())
            })
            .await;
        }
    }
    for client in clients.drain(6..) {
        client.close().await;
    }
    copy_back(&world, "Ivo").await;
    let insider = Insider::of(world.env.clone(), &world.device_folder("Mallory"), id).await;
    Scene { world, online: clients, id, insider }
}

/// Puts a device's store back to how it was before it was opened last: it has to come back to its groups.
async fn copy_back(world: &World, name: &str) {
    let store = world.device_folder(name).join("store.db");
    let yesterday = std::fs::read(&store).unwrap();
    world.open(name).await.close().await;
    std::fs::write(&store, yesterday).unwrap();
}

/// The HPKE key of the leaf at a place.
fn encryption_key(group: &MlsGroup, place: u32) -> Vec<u8> {
    group.members().find(|member| member.index.u32() == place).unwrap().encryption_key
}

impl Scene {
    /// The group lives: all talk, those who were offline and one who joins now included, and all agree.
    async fn lives(&self, present: &[&str]) {
        let mut off = Vec::new();
        for name in OFF {
            off.push(self.world.open(name).await);
        }
        let all: Vec<&Client> = self.online.iter().chain(&off).collect();
        let returned = async || {
            let items = off[2].conversation(self.id).items(None, 100).await.unwrap();
            let is_return = |item: &TimelineItem| matches!(item, TimelineItem::Changed(c) if c.what == What::Returned);
            items.iter().any(is_return).then_some(())
        };
        until("Ivo came back", returned).await;
        self.converge(&all).await;
        for (n, client) in all.iter().enumerate() {
            let text = format!("after {n}");
            until("it may be said", async || client.conversation(self.id).send(&text, None, &[]).await.ok()).await;
            for other in &all {
                sees(other, self.id, &text).await;
            }
        }
        for client in &all {
            members(client, self.id, present).await;
        }
        let edith = self.world.enrol("Édith").await;
        let person = find(&self.online[0], "Édith").await.id;
        self.online[0].conversation(self.id).add(&[person]).await.unwrap();
        let mut now: Vec<&str> = present.to_vec();
        now.push("Édith");
        members(&edith, self.id, &now).await;
        edith.conversation(self.id).send("hello from Édith", None, &[]).await.unwrap();
        for client in &all {
            sees(client, self.id, "hello from Édith").await;
            members(client, self.id, &now).await;
        }
        let first = texts(all[0], self.id).await;
        let readable = |texts: &[(String, String)]| {
            texts.iter().filter(|(_, text)| !text.starts_with(['<', '…'])).cloned().collect::<Vec<_>>()
        };
        for client in &all {
            assert_eq!(readable(&texts(client, self.id).await), readable(&first));
        }
    }

    /// While some are still coming back, what others say is unreadable to them, and shown as such. Soon enough everybody
    /// reads everybody.
    async fn converge(&self, all: &[&Client]) {
        let tries = AtomicUsize::new(0);
        until("everybody reads everybody", async || {
            for client in all {
                let text = format!("… {}", tries.fetch_add(1, Ordering::SeqCst));
                let said = client.conversation(self.id).send(&text, None, &[]).await.ok()?;
                done(client, self.id, said).await;
                for other in all {
                    let number = |texts: Vec<(String, String)>| texts.iter().filter(|(_, seen)| *seen == text).count();
                    let seen = async || (number(texts(other, self.id).await) == 1).then_some(());
                    tokio::time::timeout(Duration::from_secs(2), until("it is seen", seen)).await.ok()?;
                }
            }
            Some(())
        })
        .await;
    }

    /// The roles and the name are as they were.
    async fn nothing_changed(&self) {
        let info = self.online[0].conversation(self.id).info().await.unwrap();
        assert_eq!((info.name.as_str(), info.my_role), ("Crue", Role::Owner));
    }
}

macro_rules! attack {
    ($(#[$doc:meta])* $name:ident, $role:expr, |$scene:ident| $body:expr) => {
        $(#[$doc])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let mut $scene = scene($role).await;
            $body;
            $scene.lives(&NAMES).await;
            $scene.nothing_changed().await;
        }
    };
}

mod rows;

fn place_of(insider: &Insider, nth_other: usize) -> u32 {
    let (roster, _) = insider.state();
    roster.leaves().filter(|leaf| leaf.device() != insider.me.device).nth(nth_other).unwrap().index
}

attack!(an_honest_update_of_an_insider_counts, Role::Member, |scene| {
    let commit = scene.insider.commit(Lie::None, update);
    let entry = scene.insider.entry(commit, vec![]);
    scene.insider.append(&entry).await.unwrap();
});

attack!(garbage_in_the_log_stops_nobody, Role::Member, |scene| {
    // Not sealed at all; sealed nonsense; a commit that is none; a message that is none.
    let mut entry = scene.insider.entry(pb::Commit::default(), vec![]);
    entry.sealed = vec![7; 500];
    scene.insider.append(&entry).await.unwrap();
    let entry = scene.insider.entry(pb::Commit { commit: vec![1, 2, 3], ..pb::Commit::default() }, vec![]);
    scene.insider.append(&entry).await.unwrap();
    for kind in [pb::EntryKind::Commit, pb::EntryKind::Message] {
        let mut entry = scene.insider.entry(pb::Commit::default(), vec![]);
        entry.kind = kind.into();
        scene.insider.seal(&mut entry, pb::opened::Body::Message(vec![9; 40]));
        scene.insider.append(&entry).await.unwrap();
    }
});

attack!(a_member_removes_nobody, Role::Member, |scene| {
    let remove = vec![place_of(&scene.insider, 1)];
    let entry = scene.insider.planned(Plan { remove, ..Plan::default() }, &[]);
    scene.insider.append(&entry).await.unwrap();
});

attack!(a_member_makes_nobody_owner_and_renames_nothing, Role::Member, |scene| {
    let mut settings = scene.insider.state().1;
    settings.roles.insert(scene.insider.me.person, Role::Owner);
    settings.options.set_name("Mallory's");
    let entry = scene.insider.planned(Plan { settings: Some(settings), ..Plan::default() }, &[]);
    scene.insider.append(&entry).await.unwrap();
});

attack!(an_admin_makes_nobody_owner_and_removes_no_owner, Role::Admin, |scene| {
    for owner in [true, false] {
        let mut settings = scene.insider.state().1;
        settings.roles.insert(scene.insider.me.person, Role::Owner);
        let remove = if owner { vec![] } else { vec![place_of(&scene.insider, 0)] };
        let plan = Plan { settings: owner.then_some(settings), remove, ..Plan::default() };
        let entry = scene.insider.planned(plan, &[]);
        scene.insider.append(&entry).await.unwrap();
    }
});

attack!(an_owner_leaves_no_group_without_an_owner, Role::Owner, |scene| for all_are_guests in [false, true] {
    let (roster, mut settings) = scene.insider.state();
    settings.roles.clear();
    if all_are_guests {
        settings.roles.extend(roster.persons().into_iter().map(|person| (person, Role::Guest)));
    }
    let entry = scene.insider.planned(Plan { settings: Some(settings), ..Plan::default() }, &[]);
    scene.insider.append(&entry).await.unwrap();
});

attack!(founding_settings_never_change, Role::Owner, |scene| {
    for what in 0..3 {
        let mut settings = scene.insider.state().1;
        match what {
            0 => settings.log_key = pli_kernel::group::seal::LogKey::try_from(&[7u8; 32][..]).unwrap(),
            1 => settings.root = [7; 32],
            _ => settings.generation += 1,
        }
        let entry = scene.insider.planned(Plan { settings: Some(settings), ..Plan::default() }, &[]);
        scene.insider.append(&entry).await.unwrap();
    }
});

/// A commit that counts and that somebody can't follow: they come back by themselves, and there is no more to it.
async fn forces_a_rejoin_and_no_more(lie: Lie) {
    let mut scene = scene(Role::Member).await;
    let commit = scene.insider.commit(lie, |insider, liar, group| {
        // openmls may notice its own lie; then there is no commit, and nothing to attack with.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| update(insider, liar, group))).unwrap_or_default()
    });
    let entry = scene.insider.entry(commit, vec![]);
    scene.insider.append(&entry).await.unwrap();
    scene.lives(&NAMES).await;
    scene.nothing_changed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_broken_for_some_forces_a_rejoin_and_no_more() {
    for n in 0..3 {
        forces_a_rejoin_and_no_more(Lie::HpkeSeal(n)).await;
    }
}

/// Of the MACs in a commit one is the membership tag and one the confirmation tag; no follower can check either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn false_tags_force_rejoins_and_no_more() {
    for n in 0..3 {
        forces_a_rejoin_and_no_more(Lie::Hmac(n)).await;
    }
}

attack!(
    /// Nobody could follow such a commit, and it is far smaller than one that breaks everybody's ciphertext.
    a_path_without_a_ciphertext_for_everybody_does_not_count,
    Role::Member,
    |scene| for what in 0..4 {
        let commit = scene.insider.commit(Lie::None, |insider, liar, group| {
            let made = update(insider, liar, group);
            insider.with_path(made, |path| match what {
                0 => path.iter_mut().for_each(|(_, ciphertexts)| ciphertexts.clear()),
                1 => drop(path.last_mut().unwrap().1.pop()),
                2 => {
                    let another = path[0].1[0].clone();
                    path[0].1.push(another);
                }
                _ => {
                    // A ciphertext of half its length.
                    let whole = path[0].1[0].clone();
                    path[0].1[0] = [&whole[..1122], &vector(&whole[1124..1156])].concat();
                }
            })
        });
        let entry = scene.insider.entry(commit, vec![]);
        scene.insider.append(&entry).await.unwrap();
        for client in &scene.online {
            let text = format!("still here {what}");
            client.conversation(scene.id).send(&text, None, &[]).await.unwrap();
            for other in &scene.online {
                sees(other, scene.id, &text).await;
            }
            let items = client.conversation(scene.id).items(None, 100).await.unwrap();
            let lost = |item: &TimelineItem| matches!(item, TimelineItem::Changed(c) if c.what == What::LostSecrets && c.by.name == "Mallory");
            assert!(!items.iter().any(lost), "nobody lost the group's secrets by it");
        }
    }
);

attack!(
    /// What is wrong in a message spoils that message alone.
    numbers_beyond_the_database_stop_nobody,
    Role::Member,
    |scene| {
        let said = |text: &str, sent_ms| {
            let body = pb::said::Body::Text(pb::Text { body: text.into(), ..pb::Text::default() });
            pb::Said { sent_ms, body: Some(body), ..pb::Said::default() }.encode_to_vec()
        };
        for number in [1 << 63, u64::MAX] {
            for content in [
                pb::Content { seen: number, said: said("seen", number), ..pb::Content::default() },
                pb::Content { said: said("sent", number), ..pb::Content::default() },
                pb::Content { revocations: number, said: said("revocations", number), ..pb::Content::default() },
            ] {
                let entry = scene.insider.message(&content.encode_to_vec());
                scene.insider.append(&entry).await.unwrap();
            }
        }
        for client in &scene.online {
            for said in ["seen", "sent", "revocations"] {
                until("it is shown all the same", async || {
                    texts(client, scene.id).await.iter().any(|(_, text)| text == said).then_some(())
                })
                .await;
            }
        }
    }
);

attack!(
    /// Bytes that are no content, contents with any field beyond its bounds, kinds that nobody knows: all are received.
    any_content_is_received,
    Role::Member,
    |scene| {
        let mut dice = Dice::new(7);
        for _ in 0..150 {
            let entry = scene.insider.message(&dice.content());
            scene.insider.append(&entry).await.unwrap();
        }
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_shows_whatever_evidence_stands_beside_it() {
    let mut scene = scene(Role::Admin).await;
    let group = scene.insider.group();
    let roster = Roster::read(group.public_group()).unwrap();
    let goran = find(&scene.online[0], "Goran").await.id;
    let leaf = roster.of(goran).next().unwrap().clone();
    let word = pb::LeaveWord { leaf_key: leaf.key().to_vec(), signature: vec![7; 64], ..pb::LeaveWord::default() };
    let evidence = vec![pb::Evidence { evidence: Some(pb::evidence::Evidence::Left(word)) }];
    let entry = scene.insider.planned(Plan { remove: vec![leaf.index], ..Plan::default() }, &evidence);
    scene.insider.append(&entry).await.unwrap();
    for client in &scene.online {
        until("the removal is shown", async || {
            let items = client.conversation(scene.id).items(None, 100).await.unwrap();
            let removed =
                |item: &TimelineItem| matches!(item, TimelineItem::Changed(c) if c.what == What::Removed(vec![goran]));
            items.iter().any(removed).then_some(())
        })
        .await;
    }
}

attack!(a_malformed_hpke_key_does_not_count, Role::Member, |scene| for n in 0..2 {
    let commit = scene.insider.commit(Lie::MalformedKey(n), |insider, liar, group| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| update(insider, liar, group))).unwrap_or_default()
    });
    let entry = scene.insider.entry(commit, vec![]);
    scene.insider.append(&entry).await.unwrap();
});

attack!(a_copied_hpke_key_does_not_count, Role::Member, |scene| for n in 0..2 {
    let commit = scene.insider.commit(Lie::CopiedKey(n), |insider, liar, group| {
        let victim = Roster::read(group.public_group()).unwrap();
        let victim = victim.leaves().find(|leaf| leaf.device() != insider.me.device).unwrap();
        let mut copying = insider.liar(Lie::CopiedKey(n));
        copying.copied = encryption_key(group, victim.index);
        let _ = liar;
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| update(insider, &copying, group))).unwrap_or_default()
    });
    let entry = scene.insider.entry(commit, vec![]);
    scene.insider.append(&entry).await.unwrap();
});

attack!(a_false_group_info_does_not_count, Role::Member, |scene| {
    for what in 0..3 {
        let commit = scene.insider.commit(Lie::None, |insider, liar, group| {
            let old = insider.group_info.clone();
            let (commit, mut info) = update(insider, liar, group);
            match what {
                0 => info = old,
                1 => *info.last_mut().unwrap() ^= 1,
                _ => info.clear(),
            }
            (commit, info)
        });
        let entry = scene.insider.entry(commit, vec![]);
        scene.insider.append(&entry).await.unwrap();
    }
});

attack!(
    /// It counts, for nobody without secrets can tell; members see it, and commit soon.
    a_false_external_pub_is_mended,
    Role::Member,
    |scene| {
        let commit = scene.insider.commit(Lie::None, |insider, liar, group| {
            let (commit, info) = update(insider, liar, group);
            (commit, with_external_pub(insider, liar, &info))
        });
        let entry = scene.insider.entry(commit, vec![]);
        scene.insider.append(&entry).await.unwrap();
    }
);

/// The GroupInfo with another external_pub, well formed and signed.
fn with_external_pub(insider: &Insider, liar: &Liar, info: &[u8]) -> Vec<u8> {
    let old = pli_kernel::group::group_info::external_pub_of(info).unwrap();
    let (_, other) = pli_kernel::crypto::generate_kem_pair(&pli_kernel::crypto::Crypto::new(pli_env::draw(
        pli_env::real::Real::current(),
    )));
    let _ = liar;
    let place = info.windows(old.len()).position(|window| window == old).unwrap();
    let mut info = [&info[..place], &other, &info[place + old.len()..]].concat();
    // The signature stands last: 2 bytes of length, 64 of signature.
    let signed_until = info.len() - 66;
    let signature = insider.me.key.sign_raw(&signed::with_label("GroupInfoTBS", &info[4..signed_until]));
    info.truncate(signed_until + 2);
    info.extend_from_slice(&signature);
    info
}

attack!(standalone_proposals_do_not_count, Role::Admin, |scene| {
    let commit = scene.insider.commit(Lie::None, |insider, liar, group| {
        let provider = insider.provider(liar);
        let victim = LeafNodeIndex::new(place_of(insider, 1));
        let (proposal, _) = group.propose_remove_member(&provider, &insider.me.key, victim).unwrap();
        (bytes(&proposal), insider.group_info.clone())
    });
    let entry = scene.insider.entry(commit, vec![]);
    scene.insider.append(&entry).await.unwrap();
});

attack!(nobody_enters_with_anothers_certificate, Role::Admin, |scene| {
    let commit = scene.insider.commit(Lie::None, |insider, liar, group| {
        // A leaf of a key of the attacker's own, with the chain of Anne's leaf.
        let roster = group.public_group().members().collect::<Vec<_>>();
        let anne = roster.iter().find(|member| member.signature_key != insider.me.key.public()).unwrap();
        let chain = pli_kernel::group::chain(&anne.credential).unwrap();
        let key = pli_kernel::crypto::DeviceKey::from_seed(&[42; 32]);
        let package = KeyPackage::builder()
            .leaf_node_capabilities(capabilities())
            .key_package_lifetime(lifetime())
            .build(pli_kernel::group::SUITE, &insider.provider(liar), &key, credential_with_key(&chain, &key.public()))
            .unwrap();
        build(insider, liar, group, |_| Plan { add: vec![package.into_key_package()], ..Plan::default() })
    });
    let entry = scene.insider.entry(commit, vec![]);
    scene.insider.append(&entry).await.unwrap();
});

attack!(
    /// Genuine commits, which are put where they were not made for: beside other evidence, on another parent, on a state of
    /// the group that nobody is at. Of the last all are told that somebody stands elsewhere.
    a_commit_counts_where_it_was_made_for_alone,
    Role::Member,
    |scene| {
        let commit = scene.insider.commit(Lie::None, update);
        let entry = scene.insider.entry(pb::Commit { evidence: vec![vec![8, 1]], ..commit.clone() }, vec![]);
        scene.insider.append(&entry).await.unwrap();
        let entry = scene.insider.entry(commit, vec![]);
        scene.insider.append(&entry).await.unwrap();
        let commit = scene.insider.commit(Lie::None, |insider, liar, group| {
            let mut elsewhere = insider.bound(group.public_group().group_context(), &[], &[]);
            elsewhere[0] ^= 1;
            group.set_aad(elsewhere);
            update(insider, liar, group)
        });
        let entry = scene.insider.entry(commit, vec![]);
        scene.insider.append(&entry).await.unwrap();
        for client in &scene.online {
            until("somebody stands elsewhere", async || {
                let items = client.conversation(scene.id).items(None, 100).await.unwrap();
                let forks = |item: &&TimelineItem| matches!(item, TimelineItem::Changed(c) if c.what == What::Fork);
                (items.iter().filter(forks).count() == 1).then_some(())
            })
            .await;
        }
    }
);

attack!(a_leavers_old_word_is_void, Role::Member, |scene| {
    // Bảo's word of before an update: here one that names an encryption key that the leaf does not have.
    let group = scene.insider.group();
    let place = place_of(&scene.insider, 1);
    let leaf = Roster::read(group.public_group()).unwrap().get(place).unwrap().clone();
    let word = pb::LeaveWord {
        leaf_key: leaf.key().to_vec(),
        encryption_key: encryption_key(&group, place),
        signature: scene.insider.me.key.sign_raw(b"not theirs").to_vec(),
    };
    let evidence = vec![pb::Evidence { evidence: Some(pb::evidence::Evidence::Left(word)) }];
    let entry = scene.insider.planned(Plan { remove: vec![place], ..Plan::default() }, &evidence);
    scene.insider.append(&entry).await.unwrap();
});

attack!(an_entry_stands_in_one_place_only, Role::Member, |scene| {
    let commit = scene.insider.commit(Lie::None, update);
    let entry = scene.insider.entry(commit, vec![]);
    let number = scene.insider.append(&entry).await.unwrap();
    // Again: the same place. Other bytes are another entry, under a stale parent now.
    assert_eq!(scene.insider.append(&entry).await, Ok(number));
    let mut other = entry.clone();
    other.sealed.push(0);
    assert_eq!(scene.insider.append(&other).await, Err(Reason::Stale));
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_neither_reads_nor_appends_nor_comes_back() {
    let mut scene = scene(Role::Member).await;
    let mallory = find(&scene.online[0], "Mallory").await.id;
    let entry = scene.online[0].conversation(scene.id).remove(&[mallory]).await.unwrap();
    done(&scene.online[0], scene.id, entry).await;
    scene.online[0].conversation(scene.id).send("secret", None, &[]).await.unwrap();
    sees(&scene.online[1], scene.id, "secret").await;

    // The server refuses: reading ends at the removal, nothing is appended.
    let seen = scene.insider.read().await.unwrap();
    let last = seen.iter().map(|entry| entry.number).max().unwrap();
    assert_eq!(seen.iter().find(|entry| entry.number == last).unwrap().kind(), pb::EntryKind::Commit);
    let commit = scene.insider.commit(Lie::None, update);
    let entry = scene.insider.entry(commit, vec![]);
    assert_eq!(scene.insider.append(&entry).await, Err(Reason::NoAccess));

    // With the server's help: an accomplice appends Mallory's external commit, made on the newest public state.
    let removal = seen.iter().find(|entry| entry.number == last).unwrap();
    let log = scene.insider.log;
    let opened = pli_kernel::group::seal::open_entry(&scene.insider.key, log, removal).unwrap();
    let Some(pb::opened::Body::Commit(removal_commit)) = opened.body else { panic!("a commit") };
    let info = pli_kernel::group::group_info::parse(&removal_commit.group_info).unwrap();
    scene.insider.parent = (last, removal.hash.clone());
    let before = scene.insider.group();
    let liar = scene.insider.liar(Lie::None);
    let provider = scene.insider.provider(&liar);
    let mut follower = openmls::prelude::PublicGroup::load(&provider.storage, before.group_id()).unwrap().unwrap();
    let message = openmls::prelude::MlsMessageIn::tls_deserialize_exact(removal_commit.commit.as_slice());
    let message = message.unwrap().try_into_protocol_message().unwrap();
    let processed = follower.process_message(provider.crypto, message).unwrap();
    let openmls::prelude::ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
        panic!("a commit")
    };
    // The message of the removed one: it can be followed in public, never read.
    let scratch = pli_core::store::mls::Deferred::default();
    let memory = rusqlite::Connection::open_in_memory().unwrap();
    memory.execute_batch(pli_core::store::mls::SCHEMA).unwrap();
    let memory = pli_core::store::mls::MlsStore::new(&memory, 1, &scratch);
    follower.merge_commit(&memory, *staged).unwrap();
    let external = MlsGroup::external_commit_builder()
        .with_ratchet_tree(follower.export_ratchet_tree().into())
        .with_aad(scene.insider.bound(follower.group_context(), &[], &[]))
        .build_group(&provider, info, scene.insider.me.credential())
        .unwrap()
        .leaf_node_parameters(openmls::prelude::LeafNodeParameters::builder().with_capabilities(capabilities()).build())
        .load_psks(&provider.storage)
        .unwrap()
        .create_group_info(true)
        .use_ratchet_tree_extension(false)
        .build(&liar, &liar, &scene.insider.me.key, |_| true)
        .unwrap()
        .finalize(&provider)
        .unwrap();
    let (commit, _, info) = external.1.into_messages();
    let commit = pb::Commit { commit: bytes(&commit), group_info: bytes(&info.unwrap()), ..pb::Commit::default() };
    let entry = scene.insider.entry(commit, vec![]);
    scene.online[2].close().await;
    let mut accomplice = Insider::of(scene.world.env.clone(), &scene.world.device_folder("Chloé"), scene.id).await;
    accomplice.append(&entry).await.unwrap();
    scene.online[2] = scene.world.open("Chloé").await;
    scene.lives(&NAMES[..9]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_false_snapshot_does_not_keep_joiners_out() {
    let scene = scene(Role::Member).await;
    let sealed = pli_kernel::group::seal::seal_snapshot(
        pli_env::random(&*scene.world.env),
        &scene.insider.key,
        scene.insider.log,
        scene.insider.parent.0,
        &pb::Snapshot { tree: vec![1, 2, 3], ..pb::Snapshot::default() },
    );
    let body = pb::SnapshotBody { number: scene.insider.parent.0, sealed };
    let request = scene.insider.request(signed::Method::PutSnapshot, &body);
    scene.insider.sealed().log().put_snapshot(request).await.unwrap();
    scene.lives(&NAMES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_squatted_id_loses_nothing() {
    let mut scene = scene(Role::Member).await;
    // Anne is offline with a message in the outbox, whose id the insider has learnt: something unreadable is there first.
    scene.world.stop_server().await;
    let anne = scene.online[0].conversation(scene.id);
    let id = anne.send("mine", None, &[]).await.unwrap();
    scene.online[0].close().await;
    scene.world.start_server().await;
    scene.insider = Insider::of(scene.world.env.clone(), &scene.world.device_folder("Mallory"), scene.id).await;
    let mut entry = scene.insider.placed(pb::EntryKind::Message, vec![]);
    let mut message = scene.insider.private_message(&entry, id, b"");
    *message.last_mut().unwrap() ^= 1;
    scene.insider.seal(&mut entry, pb::opened::Body::Message(message));
    scene.insider.append(&entry).await.unwrap();
    for client in &scene.online[1..] {
        until("something unreadable is there", async || {
            let found = client.conversation(scene.id).with_id(&id.to_string()).await.unwrap();
            found.first().filter(|message| matches!(message.content, Content::Unreadable)).map(|_| ())
        })
        .await;
    }
    scene.online[0] = scene.world.open("Anne").await;
    for client in &scene.online {
        sees(client, scene.id, "mine").await;
    }
    // The same message, sealed anew and appended by whoever knows the log key.
    let seen = scene.insider.read().await.unwrap();
    let mut entry = seen.iter().rev().find(|entry| entry.kind() == pb::EntryKind::Message).unwrap().clone();
    let opened = pli_kernel::group::seal::open_entry(&scene.insider.key, scene.insider.log, &entry).unwrap();
    scene.insider.seal(&mut entry, opened.body.unwrap());
    scene.insider.append(&entry).await.unwrap();
    scene.lives(&NAMES).await;
    for client in &scene.online {
        assert_eq!(texts(client, scene.id).await.iter().filter(|(_, text)| text == "mine").count(), 1);
        let found = client.conversation(scene.id).with_id(&id.to_string()).await.unwrap();
        assert!(matches!(&found[..], [mine] if matches!(mine.content, Content::Text { .. })), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_pairs_an_entry_with_other_rows_only_spoils_it() {
    let scene = scene(Role::Admin).await;
    let commit = scene.insider.commit(Lie::None, update);
    let honest = scene.insider.entry(commit, vec![]);
    let log = scene.insider.log;
    assert!(pli_kernel::group::seal::open_entry(&scene.insider.key, log, &honest).is_some());
    for change in 0..3 {
        let mut entry = honest.clone();
        match change {
            0 => entry.rows.push(scene.insider.cut(&scene.insider.me.key.public())),
            1 => entry.parent += 1,
            _ => entry.kind = pb::EntryKind::Message.into(),
        }
        assert!(pli_kernel::group::seal::open_entry(&scene.insider.key, log, &entry).is_none());
    }
    assert_eq!(scene.online[0].conversation(scene.id).info().await.unwrap().membership, Membership::Member);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_a_library_panic_does_not_count() {
    let world = World::new().await;
    let (anne, mallory) = (world.enrol("Anne").await, world.enrol("Mallory").await);
    let id = anne.create_group("Crue", &[find(&anne, "Mallory").await.id]).await.unwrap();
    members(&mallory, id, &["Anne", "Mallory"]).await;
    mallory.close().await;
    let insider = Insider::of(world.env.clone(), &world.device_folder("Mallory"), id).await;
    let commit = insider.commit(Lie::None, update);
    let entry = insider.entry(commit, vec![]);
    let opened = pli_kernel::group::seal::open_entry(&insider.key, insider.log, &entry).unwrap();
    let Some(pb::opened::Body::Commit(commit)) = opened.body else { panic!("a commit") };
    let verdict = |lie| {
        let liar = insider.liar(lie);
        let provider = insider.provider(&liar);
        let mut follower = PublicGroup::load(&provider.storage, insider.group().group_id()).unwrap().unwrap();
        let before = read_public(&follower).unwrap();
        let memory = rusqlite::Connection::open_in_memory().unwrap();
        memory.execute_batch(pli_core::store::mls::SCHEMA).unwrap();
        let deferred = pli_core::store::mls::Deferred::default();
        let memory = pli_core::store::mls::MlsStore::new(&memory, 1, &deferred);
        judge(&liar, &memory, &mut follower, &before, insider.log, &entry, &commit).map(|_| ())
    };
    assert_eq!(verdict(Lie::Panics), Err(Fault::Mls));
    assert_eq!(verdict(Lie::None), Ok(()));
}
