//! What screens read, and that nothing waits for them.

use futures_util::{Stream, StreamExt as _};
use imbl::Vector;
use pli_core::model::{ConversationInfo, Member, TimelineItem};
use pli_core::{Error, VectorDiff};
use pli_tests::altered::Altered;
use pli_tests::{PATIENCE, World, conversation, database, done, find, sees, texts, until};

/// The first look of a list.
async fn first<T: Clone>(list: &mut (impl Stream<Item = Vec<VectorDiff<T>>> + Unpin)) -> Vector<T> {
    let mut shown = Vector::new();
    let steps = tokio::time::timeout(PATIENCE, list.next()).await.expect("a first look").unwrap();
    steps.into_iter().for_each(|step| step.apply(&mut shown));
    shown
}

/// The next that is so.
async fn sees_info(
    infos: &mut (impl Stream<Item = ConversationInfo> + Unpin),
    is_it: impl Fn(&ConversationInfo) -> bool,
) {
    let wait = async { while !is_it(&infos.next().await.unwrap()) {} };
    tokio::time::timeout(PATIENCE, wait).await.expect("the list follows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_list_reads_only_what_it_shows() {
    const TIMES: usize = 20;
    let mut world = World::new().await;
    let altered = Altered::current();
    world.env = altered.clone();
    let (anne, _bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let others = [find(&anne, "Bảo").await.id];
    let id = anne.create_group("Crue", &others).await.unwrap();
    let crue = anne.conversation(id);
    let entry = crue.send("hello", None, &[]).await.unwrap();
    done(&anne, id, entry).await;
    let timeline = crue.timeline(None);
    let (mut members, mut items) = (Box::pin(crue.members()), Box::pin(timeline.items()));
    let mut infos = Box::pin(crue.infos());
    let _: (Vector<Member>, Vector<TimelineItem>) = (first(&mut members).await, first(&mut items).await);
    // They read on, whether somebody takes what they give or not.
    let reading =
        tokio::spawn(async move { tokio::join!(members.for_each(async |_| {}), items.for_each(async |_| {})) });
    let reads = || altered.statements.take("pli-reader", ["SELECT members", "pos <= ? ORDER BY pos DESC LIMIT"]);
    reads();
    for n in 0..TIMES {
        let draft = format!("draft {n}");
        crue.set_draft(&draft).await.unwrap();
        crue.mark_read(entry).await.unwrap();
        sees_info(&mut infos, |info| info.draft == draft).await;
    }
    let [of_members, of_items] = reads();
    // Something of the directory may come in between.
    assert!(of_members < TIMES / 4 && of_items < TIMES / 4, "{of_members} and {of_items} reads for drafts");
    for n in 0..TIMES {
        let text = format!("text {n}");
        let entry = crue.send(&text, None, &[]).await.unwrap();
        done(&anne, id, entry).await;
        sees_info(&mut infos, |info| info.last.as_ref().is_some_and(|last| last.id == entry)).await;
    }
    let [of_members, of_items] = reads();
    assert!(of_members < TIMES / 4, "{of_members} reads for messages");
    assert!(of_items >= TIMES, "{of_items}: the timeline follows");
    reading.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_screen_keeps_nothing_from_coming_in() {
    let mut world = World::new().await;
    let bao = world.enrol("Bảo").await;
    let altered = Altered::current();
    world.env = altered.clone();
    let anne = world.enrol("Anne").await;
    let others = [find(&bao, "Anne").await.id];
    altered.screens_are_slow.send_replace(true);
    let id = bao.create_group("Crue", &others).await.unwrap();
    let entry = bao.conversation(id).send("hello", None, &[]).await.unwrap();
    done(&bao, id, entry).await;
    let beside = database(&world.device_folder("Anne"));
    until("it is in Anne's store", async || {
        let count: i64 = beside.query_row("SELECT count(*) FROM items WHERE kind = 1", [], |row| row.get(0)).unwrap();
        (count == 1).then_some(())
    })
    .await;
    altered.screens_are_slow.send_replace(false);
    assert_eq!(conversation(&anne, "Crue").await, id);
    assert_eq!(texts(&anne, id).await, [("Bảo".to_owned(), "hello".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_goes_with_what_is_sent() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let id = anne.pair(find(&anne, "Bảo").await.id).await.unwrap();
    let pair = anne.conversation(id);
    pair.set_draft("La Deûle monte").await.unwrap();
    let long = "x".repeat(pli_proto::limits::TEXT_BYTES + 1);
    assert!(matches!(pair.send(&long, None, &[]).await, Err(Error::Invalid { .. })));
    assert_eq!(pair.info().await.unwrap().draft, "La Deûle monte");
    pair.send("La Deûle monte", None, &[]).await.unwrap();
    assert_eq!(pair.info().await.unwrap().draft, "");
    sees(&bao, id, "La Deûle monte").await;
}
