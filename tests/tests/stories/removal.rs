//! Who removes those who must go: one member, and not all at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt as _;
use pli_core::Client;
use pli_core::model::{ClientState, ConversationId, DeliveryState, TimelineItem, What};
use pli_tests::altered::Altered;
use pli_tests::{PATIENCE, World, conversation, done, find, members, sees};

const NAMES: [&str; 4] = ["Anne", "Bảo", "Chloé", "Dalia"];

/// Four people in a group, whose clocks stand still: a time that one has drawn does not come.
async fn stopped(world: &mut World) -> (Vec<(Client, Arc<Altered>)>, ConversationId) {
    let mut people = Vec::new();
    for name in NAMES {
        let altered = Altered::current();
        world.env = altered.clone();
        people.push((world.enrol(name).await, altered));
    }
    let anne = &people[0].0;
    let mut others = Vec::new();
    for name in &NAMES[1..] {
        others.push(find(anne, name).await.id);
    }
    let id = anne.create_group("Crue", &others).await.unwrap();
    for (client, altered) in &people {
        assert_eq!(conversation(client, "Crue").await, id);
        members(client, id, &NAMES).await;
        altered.stop_clock();
        commits(altered);
    }
    (people, id)
}

/// Commits that a device has sealed since this was last asked. Their welcomes are kept in the same statement as they are.
fn commits(altered: &Altered) -> usize {
    altered.statements.take("pli-writer", ["INSERT INTO attempts"])[0]
}

/// Revokes Dalia's device; those who are online know of it afterwards.
async fn revoke(world: &World, people: &[(Client, Arc<Altered>)]) {
    let dalia = find(&people[0].0, "Dalia").await.id;
    world.authority().revoke(people[3].0.device_list().await.unwrap()[0].id).await.unwrap();
    for (client, _) in people[..3].iter().filter(|(client, _)| *client.state().borrow() != ClientState::Suspended) {
        let mut infos = Box::pin(client.person_info(dalia));
        let knows = async { while infos.next().await.unwrap().device_count > 0 {} };
        tokio::time::timeout(PATIENCE, knows).await.expect("everybody knows of the revocation");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_member_removes_who_is_revoked_and_the_others_need_not() {
    let mut world = World::new().await;
    let (mut people, id) = stopped(&mut world).await;
    people[1].0.close().await;
    revoke(&world, &people).await;
    // Nobody's time came, the owner's neither. Bảo's does.
    people[1].1.stopped_ms.store(0, Ordering::SeqCst);
    world.env = people[1].1.clone();
    people[1].0 = world.open("Bảo").await;
    for (client, _) in &people[..3] {
        members(client, id, &NAMES[..3]).await;
        let items = client.conversation(id).items(None, 100).await.unwrap();
        let removal = items.into_iter().find_map(|item| match item {
            TimelineItem::Changed(change) if matches!(change.what, What::Removed(_)) => Some(change),
            _ => None,
        });
        assert_eq!(removal.unwrap().by.name, "Bảo");
    }
    assert_eq!([0, 1, 2].map(|n| commits(&people[n].1)), [0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_waits_for_the_removal_and_not_for_long() {
    let mut world = World::new().await;
    let (people, id) = stopped(&mut world).await;
    revoke(&world, &people).await;
    let (chloe, altered) = &people[2];
    let entry = chloe.conversation(id).send("sans Dalia", None, &[]).await.unwrap();
    // Whatever its turn is, the time of five seconds has come.
    altered.stopped_ms.fetch_add(5_000, Ordering::SeqCst);
    done(chloe, id, entry).await;
    members(chloe, id, &NAMES[..3]).await;
    // First the commit, then the message on it.
    assert_eq!(commits(altered), 2);
    sees(&people[0].0, id, "sans Dalia").await;
    assert_eq!(commits(&people[0].1), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_said_to_who_is_revoked() {
    let mut world = World::new().await;
    let (people, id) = stopped(&mut world).await;
    revoke(&world, &people).await;
    let chloe = people[2].0.conversation(id);
    let entry = chloe.send("sans Dalia", None, &[]).await.unwrap();
    // What has its own turn in the meantime goes on the removal of another.
    people[0].1.stopped_ms.store(0, Ordering::SeqCst);
    done(&people[2].0, id, entry).await;
    let settled = tokio::time::timeout(PATIENCE, chloe.settled(entry)).await.unwrap();
    assert_eq!(settled, Ok(DeliveryState::Sent));
    assert_eq!(commits(&people[2].1), 1, "the message alone");
    sees(&people[1].0, id, "sans Dalia").await;
}
