//! What screens show beside the messages themselves.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use futures_util::{Stream, StreamExt as _};
use imbl::Vector;
use pli_core::model::{Change, ClientState, DeviceInfo, Message, PersonInfo, Quote, TimelineItem, Verification, What};
use pli_core::{Client, Error, VectorDiff};
use pli_tests::{PATIENCE, World, conversation, done, find, keys, online, sees, until};

/// The message that says this.
async fn said(client: &Client, id: pli_core::model::ConversationId, text: &str) -> Message {
    sees(client, id, text).await;
    let items = client.conversation(id).items(None, 100).await.unwrap();
    let says = |item: TimelineItem| match item {
        TimelineItem::Said(message) => match &message.content {
            pli_core::model::Content::Text { body, .. } if body == text => Some(message),
            _ => None,
        },
        TimelineItem::Changed(_) => None,
    };
    items.into_iter().find_map(says).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_says_what_the_quoted_message_says_now() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne Lefèvre").await, world.enrol("Bảo").await);
    let pair = anne.pair(find(&anne, "Bảo").await.id).await.unwrap();
    let (here, there) = (anne.conversation(pair), bao.conversation(pair));
    let first = here.send("La Deûle monte", None, &[]).await.unwrap();
    let emoji = here.send("🌊🌊", None, &[]).await.unwrap();
    assert!(said(&bao, pair, "🌊🌊").await.emoji_only);
    there.send("De combien ?", Some(first), &[]).await.unwrap();
    there.send("Oh", Some(emoji), &[]).await.unwrap();
    let quote = said(&anne, pair, "De combien ?").await.reply_to.unwrap();
    assert_eq!((quote.entry, quote.text.as_str()), (first, "La Deûle monte"));
    let sender = quote.sender.unwrap();
    assert_eq!((sender.name.as_str(), sender.initials.as_str()), ("Anne Lefèvre", "AL"));
    here.edit(first, "La Deûle monte de 20 cm", &[]).await.unwrap();
    here.delete(emoji).await.unwrap();
    until("the quotes follow", async || {
        let quotes = [said(&bao, pair, "De combien ?").await.reply_to?, said(&bao, pair, "Oh").await.reply_to?];
        let gone = |quote: &Quote| quote.text.is_empty() && quote.sender.is_some();
        (quotes[0].text == "La Deûle monte de 20 cm" && gone(&quotes[1])).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_message_is_told_of_once() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let pair = anne.pair(find(&anne, "Bảo").await.id).await.unwrap();
    let mut notices = Box::pin(bao.notices());
    let mut next = async || tokio::time::timeout(PATIENCE, notices.next()).await.expect("a notice").unwrap();
    anne.conversation(pair).send("un", None, &[]).await.unwrap();
    let notice = next().await;
    assert_eq!((notice.preview.as_str(), notice.sender.name.as_str()), ("un", "Anne"));
    assert_eq!(bao.conversation(pair).first_unread().await.unwrap(), Some(notice.message));
    bao.conversation(pair).mark_read(notice.message).await.unwrap();
    assert_eq!(bao.conversation(pair).first_unread().await.unwrap(), None);
    // Not in a muted conversation, nor what one says oneself.
    bao.conversation(pair).mute(pli_core::model::ms(SystemTime::now()) + 60_000).await.unwrap();
    anne.conversation(pair).send("deux", None, &[]).await.unwrap();
    sees(&bao, pair, "deux").await;
    bao.conversation(pair).send("entendu", None, &[]).await.unwrap();
    sees(&anne, pair, "entendu").await;
    bao.conversation(pair).mute(0).await.unwrap();
    anne.conversation(pair).send("trois", None, &[]).await.unwrap();
    // What was said while it was muted may be told of when it no longer is, if nobody had asked before.
    let mut told = next().await;
    if told.preview == "deux" {
        told = next().await;
    }
    assert_eq!(told.preview, "trois");
    // The last is said to have been shown by asking for the next.
    assert!(tokio::time::timeout(Duration::from_millis(300), notices.next()).await.is_err());
    drop(notices);
    anne.conversation(pair).send("quatre", None, &[]).await.unwrap();
    sees(&bao, pair, "quatre").await;
    let synced = bao.sync(PATIENCE).await.unwrap();
    let previews: Vec<_> = synced.notifications.iter().map(|notice| notice.preview.as_str()).collect();
    assert_eq!(previews, ["quatre"], "what came while nobody listened, and no more");
    assert_eq!(bao.sync(PATIENCE).await.unwrap().notifications, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_further_phone_changes_the_number_and_is_seen() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let them = find(&anne, "Bảo").await.id;
    assert_eq!(anne.verification(them).await.unwrap(), Verification::NotVerified);
    anne.verify(them).await.unwrap();
    assert_eq!(anne.verification(them).await.unwrap(), Verification::Verified);
    let _other = world.enrol_device(them, "Bảo 2").await;
    until("the number changes", async || {
        (anne.verification(them).await.unwrap() == Verification::Changed).then_some(())
    })
    .await;
    for _ in 0..20 {
        bao.suspend().await;
        bao.resume().await.unwrap();
        // From here on calls are heard: whoever waits for the state to change must not see it asleep.
        assert_ne!(*bao.state().borrow(), ClientState::Suspended);
    }
    until("both phones were seen today", async || {
        let devices = bao.device_list().await.unwrap();
        let today = |seen: SystemTime| seen.elapsed().is_ok_and(|ago| ago < Duration::from_secs(2 * 24 * 60 * 60));
        (devices.len() == 2 && devices.iter().all(|device| device.seen_on.is_some_and(today))).then_some(())
    })
    .await;
    assert!(bao.storage_used().await.unwrap() > 4096);
}

/// Follows a list until it shows what is asked for.
async fn shows<T: Clone + Debug>(
    (steps, list): &mut (impl Stream<Item = Vec<VectorDiff<T>>> + Unpin, Vector<T>),
    is: impl Fn(&Vector<T>) -> bool,
) {
    let follow = async {
        while !is(list) {
            steps.next().await.expect("the client is open").into_iter().for_each(|step| step.apply(list));
        }
    };
    assert!(tokio::time::timeout(PATIENCE, follow).await.is_ok(), "waited in vain: {list:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_and_people_are_followed() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let (me, them) = (anne.me().await.unwrap().id, find(&anne, "Bảo").await.id);
    let pair = anne.pair(them).await.unwrap();
    anne.conversation(pair).send("un", None, &[]).await.unwrap();
    sees(&bao, pair, "un").await;
    let mut person = Box::pin(anne.person_info(them));
    let mut sees_in_person = async |is: &dyn Fn(&PersonInfo) -> bool| {
        let mut last = None;
        let follow = async {
            while !last.as_ref().is_some_and(is) {
                last = Some(person.next().await.expect("the client is open"));
            }
        };
        assert!(tokio::time::timeout(PATIENCE, follow).await.is_ok(), "waited in vain: {last:?}");
    };
    let number = anne.safety_number(them).await.unwrap();
    sees_in_person(&|info| (info.me, info.device_count) == (false, 1) && info.safety_number.as_ref() == Some(&number))
        .await;
    anne.verify(them).await.unwrap();
    sees_in_person(&|info| info.verification == Verification::Verified).await;
    let myself = anne.person_info(me).next().await.unwrap();
    assert_eq!((myself.me, myself.safety_number, myself.device_count), (true, None, 1));

    // By days of enrolment: of one day in any order.
    let second = |list: &Vector<DeviceInfo>| list.iter().find(|device| !device.this).cloned();
    let mut devices = (Box::pin(bao.devices()), Vector::new());
    shows(&mut devices, |list| list.len() == 1 && list[0].this && list[0].seen_on.is_some()).await;
    let _second = world.enrol_device(them, "Bảo 2").await;
    shows(&mut devices, |list| second(list).is_some_and(|device| device.missing_from == 1)).await;
    sees_in_person(&|info| info.verification == Verification::Changed && info.device_count == 2).await;
    let other = second(&devices.1).unwrap();
    bao.approve(other.id, &other.number).await.unwrap();
    shows(&mut devices, |list| second(list).is_some_and(|device| device.missing_from == 0)).await;
    // Its day is not told by itself: who looks at the list asks.
    drop(devices);
    let mut devices = (Box::pin(bao.devices()), Vector::new());
    shows(&mut devices, |list| list.len() == 2 && list.iter().all(|device| device.seen_on.is_some())).await;
    bao.revoke(other.id).await.unwrap();
    shows(&mut devices, |list| second(list).is_some_and(|device| device.revoked)).await;
    sees_in_person(&|info| info.verification == Verification::Verified && info.device_count == 1).await;

    let mut found = (Box::pin(anne.directory("chlo")), Vector::new());
    let _chloe = world.enrol("Chloé").await;
    shows(&mut found, |list| list.len() == 1 && list[0].name == "Chloé").await;
    anne.close().await;
    assert!(found.0.next().await.is_none() && person.next().await.is_none());
}

/// What a reader shows who follows a timeline.
async fn shown(
    items: &mut (impl Stream<Item = Vec<VectorDiff<TimelineItem>>> + Unpin),
    shown: &mut Vector<TimelineItem>,
    is_there: impl Fn(&Vector<TimelineItem>) -> bool,
) {
    while !is_there(shown) {
        let steps = tokio::time::timeout(PATIENCE, items.next()).await.expect("steps").unwrap();
        steps.into_iter().for_each(|step| step.apply(shown));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_grows_at_either_end_shows_what_is_there() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let pair = anne.pair(find(&anne, "Bảo").await.id).await.unwrap();
    let here = anne.conversation(pair);
    let mut last = here.send("0", None, &[]).await.unwrap();
    for number in 1..200 {
        last = here.send(&number.to_string(), None, &[]).await.unwrap();
    }
    done(&anne, pair, last).await;
    sees(&bao, pair, "199").await;
    let there = bao.conversation(pair);
    let all = there.items(None, 1_000).await.unwrap();
    let count = all.len();

    let newest = there.timeline(None);
    let (mut items, mut window) = (newest.items(), Vector::new());
    shown(&mut items, &mut window, |window| window.len() == 50).await;
    assert!(window.iter().eq(&all[count - 50..]));
    assert!(newest.load_older(30).await.unwrap());
    shown(&mut items, &mut window, |window| window.len() == 80).await;
    assert!(window.iter().eq(&all[count - 80..]));
    // While it grows, something comes.
    here.send("200", None, &[]).await.unwrap();
    assert!(newest.load_older(1_000).await.unwrap());
    sees(&bao, pair, "200").await;
    shown(&mut items, &mut window, |window| window.len() == count + 1).await;
    assert!(window.iter().eq(&there.items(None, 1_000).await.unwrap()));
    assert!(!newest.load_older(10).await.unwrap());

    let first = all.first().unwrap().id();
    let further = there.timeline(Some(first));
    let (mut items, mut window) = (further.items(), Vector::new());
    shown(&mut items, &mut window, |window| !window.is_empty()).await;
    let mut end = window.len();
    assert!(window.iter().eq(&all[..end]));
    while further.load_newer(40).await.unwrap() {
        end += 40;
        shown(&mut items, &mut window, |window| window.back().map(TimelineItem::id) == Some(all[end - 1].id())).await;
    }
    let whole = there.items(None, 1_000).await.unwrap();
    shown(&mut items, &mut window, |window| window.iter().eq(&whole)).await;
    // From here on it follows.
    here.send("201", None, &[]).await.unwrap();
    let says = |item: &TimelineItem| matches!(item, TimelineItem::Said(message) if message.number > 0 && !message.mine);
    shown(&mut items, &mut window, |window| window.len() == whole.len() + 1 && window.back().is_some_and(says)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_which_one_conversation_changes_is_the_list_as_it_is() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let them = find(&anne, "Bảo").await.id;
    let pair = anne.pair(them).await.unwrap();
    let groups =
        [anne.create_group("Crue", &[them]).await.unwrap(), anne.create_group("Digue", &[them]).await.unwrap()];
    until("all are there", async || (bao.conversation_list().await.ok()?.len() >= 2).then_some(())).await;
    let mut list = bao.conversations();
    let mut shown = Vector::new();
    for id in [groups[0], pair, groups[1], groups[0]] {
        let sent = anne.conversation(id).send("La Deûle monte", None, &[]).await.unwrap();
        done(&anne, id, sent).await;
        sees(&bao, id, "La Deûle monte").await;
        bao.conversation(id).mark_read(sent).await.unwrap();
        let whole = bao.conversation_list().await.unwrap();
        while !shown.iter().eq(&whole) {
            let steps = tokio::time::timeout(PATIENCE, list.next()).await.expect("steps").unwrap();
            steps.into_iter().for_each(|step: VectorDiff<_>| step.apply(&mut shown));
        }
        assert_eq!(shown.front().map(|info| (info.id, info.unread)), Some((id, 0)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_names_people_and_the_only_owner_knows() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let id = anne.create_group("Crue", &[find(&anne, "Bảo").await.id]).await.unwrap();
    assert_eq!(conversation(&bao, "Crue").await, id);
    let info = async || anne.conversation(id).info().await.unwrap();
    until("she is the only owner", async || info().await.sole_owner.then_some(())).await;
    assert_eq!((info().await.initials.as_str(), info().await.guest_count), ("C", 0));
    let items = anne.conversation(id).items(None, 50).await.unwrap();
    let added = |item: &TimelineItem| match item {
        TimelineItem::Changed(Change { what: What::Added(_), people, .. }) => Some(people[0].name.clone()),
        _ => None,
    };
    assert_eq!(items.iter().find_map(added).as_deref(), Some("Bảo"));
    let promoted = anne.conversation(id).set_role(find(&anne, "Bảo").await.id, pli_core::model::Role::Owner).await;
    done(&anne, id, promoted.unwrap()).await;
    until("there are two", async || (!info().await.sole_owner).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_device_leaves_nothing_and_another_may_join() {
    let world = World::new().await;
    let anne = world.enrol("Anne").await;
    let me = anne.me().await.unwrap().id;
    let folder = world.device_folder("Anne");
    assert_eq!(Client::forget(&folder, keys(&folder)).await, Err(Error::StoreInUse));
    anne.close().await;
    drop(anne);
    until("it is let go", async || match Client::forget(&folder, keys(&folder)).await {
        Ok(()) => Some(()),
        Err(Error::StoreInUse) => None,
        Err(error) => panic!("{error}"),
    })
    .await;
    let opened = Client::open(world.env.clone(), &folder, keys(&folder)).await.map(drop);
    assert_eq!(opened, Err(Error::NotEnrolled));
    assert!(!folder.join("store.db").exists());
    let again = world.enrol_device(me, "Anne").await;
    online(&again).await;
    assert_eq!(again.me().await.unwrap().id, me);
}
