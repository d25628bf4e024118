//! What every fan-out must do. Run by tests against each implementation.

use std::sync::Arc;
use std::time::Duration;

use pli_proto::id::{DeviceId, LogId};

use super::{Fanout, Listener, Topic};

/// A hint may take a network's time.
const SOON: Duration = Duration::from_secs(5);
/// What has not come by then was not told.
const NOTHING: Duration = Duration::from_millis(200);

const ONE: Topic = Topic::Log(LogId([1; 16]));
const TWO: Topic = Topic::Log(LogId([2; 16]));
const INBOX: Topic = Topic::Inbox(DeviceId([1; 16]));

/// Runs the whole suite; `make` gives a fresh fan-out each time.
///
/// # Panics
/// Where the implementation does not conform.
pub async fn conformance<F: Future<Output = Arc<dyn Fanout>>>(make: impl Fn() -> F) {
    hints_reach_those_who_watch(&*make().await).await;
    a_hint_before_the_wait_is_kept(&*make().await).await;
    repeated_hints_are_one(&*make().await).await;
    what_is_forgotten_is_not_told(&*make().await).await;
    a_dropped_wait_loses_nothing(&*make().await).await;
    listeners_do_not_disturb_each_other(&*make().await).await;
}

async fn hints_reach_those_who_watch(fanout: &dyn Fanout) {
    let (one, all) = (fanout.listen(), fanout.listen());
    one.watch(ONE);
    for topic in [ONE, TWO, INBOX, Topic::Directory] {
        all.watch(topic);
    }
    fanout.publish(TWO);
    assert_eq!(next(&*all).await, TWO);
    assert!(is_quiet(&*one).await, "told of a log that it does not watch");
    for topic in [ONE, INBOX, Topic::Directory] {
        fanout.publish(topic);
        assert_eq!(next(&*all).await, topic);
    }
    assert_eq!(next(&*one).await, ONE);
}

async fn a_hint_before_the_wait_is_kept(fanout: &dyn Fanout) {
    let listener = fanout.listen();
    listener.watch(ONE);
    fanout.publish(ONE);
    tokio::task::yield_now().await;
    assert_eq!(next(&*listener).await, ONE);
}

async fn repeated_hints_are_one(fanout: &dyn Fanout) {
    let listener = fanout.listen();
    listener.watch(ONE);
    listener.watch(TWO);
    for _ in 0..10_000 {
        fanout.publish(ONE);
    }
    fanout.publish(TWO);
    let mut told = vec![next(&*listener).await, next(&*listener).await];
    // Over a network the first may be told once more, after it was asked for.
    while !is_quiet(&*listener).await {
        told.push(ONE);
        assert!(told.len() < 100, "hints pile up");
    }
    assert!(told.contains(&ONE) && told.contains(&TWO));
}

async fn what_is_forgotten_is_not_told(fanout: &dyn Fanout) {
    let listener = fanout.listen();
    listener.watch(ONE);
    fanout.publish(ONE);
    assert_eq!(next(&*listener).await, ONE);
    listener.forget(ONE);
    fanout.publish(ONE);
    assert!(is_quiet(&*listener).await, "told of a log that it forgot");
    listener.watch(ONE);
    fanout.publish(ONE);
    assert_eq!(next(&*listener).await, ONE);
}

async fn a_dropped_wait_loses_nothing(fanout: &dyn Fanout) {
    let listener = fanout.listen();
    listener.watch(ONE);
    assert!(is_quiet(&*listener).await);
    fanout.publish(ONE);
    assert_eq!(next(&*listener).await, ONE);
}

async fn listeners_do_not_disturb_each_other(fanout: &dyn Fanout) {
    let (stays, goes) = (fanout.listen(), fanout.listen());
    stays.watch(ONE);
    goes.watch(ONE);
    drop(goes);
    // Nobody listens to this one: it must not matter.
    fanout.publish(TWO);
    fanout.publish(ONE);
    assert_eq!(next(&*stays).await, ONE);
}

async fn next(listener: &dyn Listener) -> Topic {
    tokio::time::timeout(SOON, listener.next()).await.expect("a hint should have come")
}

async fn is_quiet(listener: &dyn Listener) -> bool {
    tokio::time::timeout(NOTHING, listener.next()).await.is_err()
}
