//! What changes, pulled batch by batch. Nothing is computed or kept for a reader that does not ask: it gets the
//! difference to what is when it asks, or the whole list if that is shorter.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use pli_core::MessageNotice;
use pli_core::VectorDiff;
use pli_core::model::{
    ClientState, ConversationInfo, DeviceInfo, Member, Message, Person, PersonInfo, TimelineItem, Warning,
};
use tokio::sync::{Mutex, watch};

use crate::client::Shared;

/// A stream that is pulled. A batch is given again until it was taken: a caller that stopped waiting for one loses
/// nothing.
pub(crate) struct Pull<T> {
    shared: Arc<Shared>,
    stream: Arc<Mutex<Given<T>>>,
    stopped: watch::Sender<bool>,
}

struct Given<T> {
    stream: BoxStream<'static, T>,
    /// How many batches were given, and the last of them.
    count: i64,
    last: Option<T>,
}

impl<T: Clone + Send + 'static> Pull<T> {
    pub(crate) fn new(shared: Arc<Shared>, stream: impl Stream<Item = T> + Send + 'static) -> Self {
        let given = Given { stream: stream.fuse().boxed(), count: 0, last: None };
        Self { shared, stream: Arc::new(Mutex::new(given)), stopped: watch::Sender::new(false) }
    }

    /// The batch after the first `taken` ones; `None` at the end: the client was closed, or this was stopped.
    pub(crate) async fn next(&self, taken: i64) -> Option<T> {
        let (stream, mut stopped) = (self.stream.clone(), self.stopped.subscribe());
        let next = async move {
            tokio::select! { biased;
                _ = stopped.wait_for(|stopped| *stopped) => Ok(None),
                next = async {
                    let mut given = stream.lock().await;
                    if taken >= given.count {
                        // From here on the last batch is known to be taken.
                        given.last = None;
                        given.last = given.stream.next().await;
                        given.count += 1;
                    }
                    given.last.clone()
                } => Ok(next),
            }
        };
        self.shared.wait(None, next).await.ok().flatten()
    }

    /// Ends the stream, for those who wait too.
    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }
}

/// A step as one replacement: from where, how many go, what comes. `len` is the list's length before, and then after.
fn splice<T: Clone>(step: VectorDiff<T>, len: &mut usize) -> (usize, usize, Vec<T>) {
    let (at, removed, inserted): (usize, usize, Vec<T>) = match step {
        VectorDiff::Append { values } => (*len, 0, values.into_iter().collect()),
        VectorDiff::Clear => (0, *len, Vec::new()),
        VectorDiff::PushFront { value } => (0, 0, vec![value]),
        VectorDiff::PushBack { value } => (*len, 0, vec![value]),
        VectorDiff::PopFront => (0, 1, Vec::new()),
        VectorDiff::PopBack => (*len - 1, 1, Vec::new()),
        VectorDiff::Insert { index, value } => (index, 0, vec![value]),
        VectorDiff::Set { index, value } => (index, 1, vec![value]),
        VectorDiff::Remove { index } => (index, 1, Vec::new()),
        VectorDiff::Truncate { length } => (length, *len - length, Vec::new()),
        VectorDiff::Reset { values } => (0, *len, values.into_iter().collect()),
    };
    *len = *len - removed + inserted.len();
    (at, removed, inserted)
}

/// A client's state, now and after every change, until it is closed.
pub(crate) fn states(client: &pli_core::Client) -> impl Stream<Item = ClientState> + Send + 'static {
    watched(client, client.state())
}

/// What the person should know of, now and after every change, until the client is closed.
pub(crate) fn warnings(client: &pli_core::Client) -> impl Stream<Item = Vec<Warning>> + Send + 'static {
    watched(client, client.warnings())
}

fn watched<T: Clone + Send + Sync + 'static>(
    client: &pli_core::Client,
    mut value: watch::Receiver<T>,
) -> impl Stream<Item = T> + Send + 'static {
    value.mark_changed();
    stream::unfold((value, client.clone()), async |(mut value, client)| {
        tokio::select! { biased;
            () = client.closed() => None,
            changed = value.changed() => {
                changed.ok()?;
                let now = value.borrow_and_update().clone();
                Some((now, (value, client)))
            }
        }
    })
}

macro_rules! streams {
    ($($(#[$doc:meta])* $name:ident: $batch:ty;)+) => {$(
        $(#[$doc])*
        #[derive(uniffi::Object)]
        pub struct $name(pub(crate) Pull<$batch>);

        #[uniffi::export]
        impl $name {
            /// What came after the first `taken` answers; nothing at the end.
            pub async fn next(&self, taken: i64) -> Option<$batch> {
                self.0.next(taken).await
            }

            /// Ends the stream.
            pub fn stop(&self) {
                self.0.stop();
            }
        }
    )+};
}

macro_rules! lists {
    ($($splice:ident, $name:ident: $element:ty;)+) => {$(
        /// One step of a list: from `at` on, `removed` elements are replaced by others.
        #[derive(Clone, Debug, uniffi::Record)]
        pub struct $splice {
            /// Where.
            pub at: i32,
            /// How many elements go.
            pub removed: i32,
            /// What comes in their place.
            pub inserted: Vec<$element>,
        }

        streams! {
            /// The steps of a list from one answer to the next.
            $name: Vec<$splice>;
        }

        impl $name {
            pub(crate) fn of(
                shared: Arc<Shared>,
                steps: impl Stream<Item = Vec<VectorDiff<$element>>> + Send + 'static,
            ) -> Arc<Self> {
                let mut len = 0;
                let batches = steps.map(move |batch| {
                    let step = |step| {
                        let (at, removed, inserted) = splice(step, &mut len);
                        $splice { at: at as i32, removed: removed as i32, inserted }
                    };
                    batch.into_iter().map(step).collect()
                });
                Arc::new(Self(Pull::new(shared, batches)))
            }
        }
    )+};
}

streams! {
    /// What a client is doing.
    StateStream: ClientState;
    /// What lists show of a conversation.
    InfoStream: ConversationInfo;
    /// Messages, each given once it was asked for the next.
    MessageStream: Message;
    /// Messages to tell of, each given once it was asked for the next.
    NoticeStream: MessageNotice;
    /// What the person should know of.
    WarningStream: Vec<Warning>;
    /// What a screen shows of a person.
    PersonStream: PersonInfo;
}
lists! {
    ItemSplice, ItemStream: TimelineItem;
    ConversationSplice, ConversationStream: ConversationInfo;
    MemberSplice, MemberStream: Member;
    DeviceSplice, DeviceStream: DeviceInfo;
    PeopleSplice, PeopleStream: Person;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splices_do_what_steps_do() {
        let steps = || {
            [
                VectorDiff::Append { values: [1, 2, 3].into_iter().collect() },
                VectorDiff::PushFront { value: 0 },
                VectorDiff::PushBack { value: 4 },
                VectorDiff::Insert { index: 2, value: 9 },
                VectorDiff::Set { index: 0, value: 7 },
                VectorDiff::Remove { index: 1 },
                VectorDiff::PopBack,
                VectorDiff::PopFront,
                VectorDiff::Truncate { length: 2 },
                VectorDiff::Reset { values: [5, 6].into_iter().collect() },
                VectorDiff::Clear,
            ]
        };
        let (mut shown, mut len) = (Vec::new(), 0);
        let mut expected = imbl::Vector::new();
        for step in steps() {
            step.clone().apply(&mut expected);
            let (at, removed, inserted) = splice(step, &mut len);
            shown.splice(at..at + removed, inserted);
            assert!(shown.iter().eq(expected.iter()), "{shown:?} {expected:?}");
            assert_eq!(len, shown.len());
        }
    }
}
