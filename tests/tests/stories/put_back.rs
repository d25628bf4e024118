//! A server that was put back to an older copy: what came after it is lost, and everybody goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pli_core::model::{Change, ClientState, ConversationId, Membership, PersonId, TimelineItem, What as Changed};
use pli_core::{Advice, Client, Error};
use pli_tests::altered::Altered;
use pli_tests::{PATIENCE, World, conversation, copy_folder, done, find, members, online, sees, texts, until};

const HOUR_MS: u64 = 60 * 60 * 1000;

/// A server whose clock is as it was some hours ago.
async fn earlier() -> (World, Arc<Altered>) {
    let env = Altered::current();
    env.clock_ms.store(-3 * HOUR_MS as i64, Ordering::SeqCst);
    (World::served_by(env.clone()).await, env)
}

async fn copy(world: &mut World, name: &str) {
    world.stop_server().await;
    copy_folder(&world.data(), &world.folder.path().join(name));
    world.start_server().await;
}

async fn put_back(world: &mut World, name: &str) {
    world.stop_server().await;
    std::fs::remove_dir_all(world.data()).unwrap();
    copy_folder(&world.folder.path().join(name), &world.data());
    world.start_server().await;
}

async fn membership(client: &Client, id: ConversationId, membership: Membership) {
    until(&format!("{membership:?}"), async || {
        (client.conversation(id).info().await.unwrap().membership == membership).then_some(())
    })
    .await;
}

async fn is_told(client: &Client, id: ConversationId) -> bool {
    let items = client.conversation(id).items(None, 1_000).await.unwrap();
    let told = |item: &TimelineItem| matches!(item, TimelineItem::Changed(Change { what: Changed::PutBack, .. }));
    items.iter().filter(|item| told(item)).count() == 1
}

async fn say(client: &Client, id: ConversationId, text: &str) {
    let entry = client.conversation(id).send(text, None, &[]).await.unwrap();
    done(client, id, entry).await;
}

async fn revoke(world: &World, client: &Client) {
    let devices = client.device_list().await.unwrap();
    world.authority().revoke(devices[0].id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_after_the_copy_is_lost_and_everybody_goes_on() {
    let (mut world, env) = earlier().await;
    let (anne, bao, chloe) = (world.enrol("Anne").await, world.enrol("Bảo").await, world.enrol("Chloé").await);
    let (emile, hugo) = (world.enrol("Émile").await, world.enrol("Hugo").await);
    let mut people: Vec<PersonId> = Vec::new();
    for name in ["Bảo", "Émile", "Hugo"] {
        people.push(find(&anne, name).await.id);
    }
    let group = anne.create_group("Crue", &people).await.unwrap();
    let pair = anne.pair(people[0]).await.unwrap();
    say(&anne, pair, "before").await;
    sees(&bao, pair, "before").await;
    members(&bao, group, &["Anne", "Bảo", "Hugo", "Émile"]).await;
    copy(&mut world, "copy").await;

    online(&anne).await;
    // What he is added with here, the server will give out again.
    let lost = anne.create_group("Lost", &people[..1]).await.unwrap();
    members(&bao, lost, &["Anne", "Bảo"]).await;
    say(&anne, group, "lost by the server").await;
    sees(&bao, group, "lost by the server").await;
    bao.close().await;
    say(&anne, pair, "read by nobody").await;
    let dora = world.enrol("Dora").await;
    find(&chloe, "Dora").await;
    chloe.close().await;
    revoke(&world, &emile).await;
    members(&anne, group, &["Anne", "Bảo", "Hugo"]).await;

    env.clock_ms.store(0, Ordering::SeqCst);
    put_back(&mut world, "copy").await;

    // Who has read further is told, and nothing waits for ever.
    membership(&anne, group, Membership::Diverged).await;
    assert!(is_told(&anne, group).await);
    assert_eq!(anne.conversation(group).send("no", None, &[]).await, Err(Error::NotAllowed));
    let mut state = dora.state();
    let stopped = state.wait_for(|state| *state == ClientState::Stopped(Advice::ReEnrol));
    tokio::time::timeout(PATIENCE, stopped).await.expect("Dora has to be invited again").unwrap();
    // A pair goes on, and says that something may be missing.
    until("the pair's log is given up", async || is_told(&anne, pair).await.then_some(())).await;
    let bao = world.open("Bảo").await;
    say(&anne, pair, "after").await;
    sees(&bao, pair, "after").await;
    say(&bao, pair, "an answer").await;
    sees(&anne, pair, "an answer").await;
    assert!(texts(&bao, pair).await.iter().all(|(_, text)| text != "read by nobody"));
    membership(&bao, group, Membership::Diverged).await;
    // The directory goes on: also for one who was away while as much came anew as was lost.
    let _farid = world.enrol("Farid").await;
    let _gilles = world.enrol("Gilles").await;
    let chloe = world.open("Chloé").await;
    find(&chloe, "Farid").await;
    find(&chloe, "Gilles").await;
    // A new group, with people of before and after.
    let again = anne.create_group("Crue (2)", &[people[0], people[2], find(&anne, "Farid").await.id]).await.unwrap();
    members(&bao, again, &["Anne", "Bảo", "Farid", "Hugo"]).await;
    let of_two = anne.create_group("Hugo", &people[2..]).await.unwrap();
    members(&anne, of_two, &["Anne", "Hugo"]).await;
    // The new list is taken, though it is another; and who was on the lost one stays out.
    revoke(&world, &hugo).await;
    members(&anne, of_two, &["Anne"]).await;
    members(&bao, again, &["Anne", "Bảo", "Farid"]).await;
    let gilles = find(&anne, "Gilles").await.id;
    anne.conversation(again).add(&[people[1], gilles]).await.unwrap();
    members(&bao, again, &["Anne", "Bảo", "Farid", "Gilles"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_the_right_copy_is_there_everything_goes_on_where_it_was() {
    let (mut world, env) = earlier().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let group = anne.create_group("Crue", &[find(&anne, "Bảo").await.id]).await.unwrap();
    conversation(&bao, "Crue").await;
    copy(&mut world, "older").await;
    say(&anne, group, "between").await;
    sees(&bao, group, "between").await;
    copy(&mut world, "newer").await;
    env.clock_ms.store(0, Ordering::SeqCst);
    put_back(&mut world, "older").await;
    membership(&anne, group, Membership::Diverged).await;
    membership(&bao, group, Membership::Diverged).await;
    put_back(&mut world, "newer").await;
    membership(&anne, group, Membership::Member).await;
    say(&anne, group, "put right").await;
    sees(&bao, group, "put right").await;
    say(&bao, group, "indeed").await;
    sees(&anne, group, "indeed").await;
    assert!(is_told(&anne, group).await);
}
