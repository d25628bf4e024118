//! The bodies of answers. They are handed over in slices, each once the transport took the one before, so that the server
//! knows what was taken: room for the rest is kept until then, and a connection on which nothing is taken is cut.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::Frame;
use pli_env::{Env, Task};
use prost::Message;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::{Response, Status};

use super::Pages;
use super::room::Share;
use crate::admission::connection::Cut;
use crate::engine::SMALL_BYTES;

/// gRPC's header of a message: a flag, and the length.
const HEADER_BYTES: usize = 5;

/// What is held for one answer until it is taken: an extension of the request.
#[derive(Clone)]
pub(crate) struct Held {
    share: Arc<Mutex<Option<Share>>>,
    pages: mpsc::Sender<Sent>,
    cut: Cut,
}

/// A page of a stream, encoded.
pub(crate) struct Sent(Vec<u8>, Option<Share>);

impl Held {
    /// With where the pages of a stream come out.
    pub(crate) fn new(cut: Cut) -> (Self, mpsc::Receiver<Sent>) {
        let (pages, sent) = mpsc::channel(1);
        (Self { share: Arc::default(), pages, cut }, sent)
    }

    /// Keeps room until the answer is taken.
    pub(crate) fn keep(&self, share: Option<Share>) {
        let mut kept = self.share.lock().expect("no panic while held");
        match (&mut *kept, share) {
            (Some(kept), Some(share)) => kept.merge(share),
            (none, Some(share)) => *none = Some(share),
            (_, None) => {}
        }
    }

    fn take(&self) -> Option<Share> {
        self.share.lock().expect("no panic while held").take()
    }
}

/// Where the task behind a stream sends its pages. They are encoded here and not in tonic's buffer, which would stay as
/// large as the largest of them for as long as the stream lasts.
pub(crate) struct Outgoing<T> {
    held: Held,
    end: mpsc::Sender<Result<T, Status>>,
    patience: Duration,
    pages: PhantomData<fn(T)>,
}

impl<T: Message + 'static> Outgoing<T> {
    /// With the stream, which ends with the task that it is told of then.
    pub(crate) fn new(held: Held, patience: Duration) -> (Self, impl FnOnce(Task) -> Response<Pages<T>>) {
        let (end, ended) = mpsc::channel(1);
        let respond = move |task: Task| {
            let mut ended = ReceiverStream::new(ended);
            let stream = futures_util::stream::poll_fn(move |cx| {
                let _until_dropped = &task;
                futures_util::Stream::poll_next(Pin::new(&mut ended), cx)
            });
            Response::new(Box::pin(stream) as Pages<T>)
        };
        (Self { held, end, patience, pages: PhantomData }, respond)
    }

    /// Sends a page, and waits until its turn has come: so one is held at most. Where it does not come, the connection is
    /// cut.
    pub(crate) async fn send(&self, page: T, share: Option<Share>) {
        let mut encoded = Vec::with_capacity(HEADER_BYTES + page.encoded_len());
        encoded.push(0);
        encoded.extend_from_slice(&u32::try_from(page.encoded_len()).unwrap_or(u32::MAX).to_be_bytes());
        page.encode_raw(&mut encoded);
        drop(page);
        // Errors mean that the client is gone, which the task sees.
        let _ = self.held.pages.send(Sent(encoded, share)).await;
        if tokio::time::timeout(self.patience, self.held.pages.reserve()).await.is_err() {
            self.held.cut.now();
        }
    }

    /// Says why the stream ends.
    pub(crate) async fn end(&self, status: Status) {
        let _ = self.end.send(Err(status)).await;
    }

    /// Completes once nobody listens any more.
    pub(crate) async fn closed(&self) {
        self.end.closed().await;
    }
}

/// A body, in slices.
pub(crate) struct Paced {
    inner: Body,
    pages: mpsc::Receiver<Sent>,
    /// What the inner body says after the page that is under way.
    next: Option<Option<Result<Frame<Bytes>, Status>>>,
    under_way: Option<UnderWay>,
    held: Held,
    env: Arc<dyn Env>,
    patience: Duration,
}

/// The rest of a page.
struct UnderWay {
    rest: Bytes,
    taken: watch::Sender<Instant>,
    _held: (Option<Share>, Option<Task>),
}

impl Paced {
    /// `patience` is how long the transport may take nothing of what is there.
    pub(crate) fn new(
        inner: Body,
        (held, pages): (Held, mpsc::Receiver<Sent>),
        env: Arc<dyn Env>,
        patience: Duration,
    ) -> Self {
        Self { inner, pages, next: None, under_way: None, held, env, patience }
    }

    fn begin(&mut self, data: Bytes, mut share: Option<Share>) {
        if let Some(share) = &mut share {
            share.shrink(data.len());
        }
        let (taken, watched) = watch::channel(Instant::now());
        // What fits into one slice is handed over at once.
        let watch = (data.len() > SMALL_BYTES)
            .then(|| self.env.spawn(Box::pin(cut_if_not_taken(watched, self.patience, self.held.cut.clone()))));
        self.under_way = Some(UnderWay { rest: data, taken, _held: (share, watch) });
    }

    /// A copy: a part of the whole would keep all of it in memory.
    fn slice(&mut self) -> Option<Bytes> {
        let under_way = self.under_way.as_mut()?;
        under_way.taken.send_replace(Instant::now());
        let slice = under_way.rest.split_to(SMALL_BYTES.min(under_way.rest.len()));
        let slice = Bytes::copy_from_slice(&slice);
        self.under_way.take_if(|under_way| under_way.rest.is_empty());
        Some(slice)
    }
}

async fn cut_if_not_taken(mut taken: watch::Receiver<Instant>, patience: Duration, cut: Cut) {
    loop {
        let last = *taken.borrow_and_update();
        tokio::time::sleep_until(last + patience).await;
        match taken.has_changed() {
            Ok(true) => {}
            Ok(false) => return cut.now(),
            // All was handed over.
            Err(_) => return,
        }
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            if let Some(slice) = self.slice() {
                return Poll::Ready(Some(Ok(Frame::data(slice))));
            }
            if let Poll::Ready(Some(Sent(page, share))) = self.pages.poll_recv(cx) {
                self.begin(page.into(), share);
                continue;
            }
            let next = match self.next.take() {
                Some(next) => next,
                None => ready!(Pin::new(&mut self.inner).poll_frame(cx)),
            };
            // Sent before what comes next, while that was looked for.
            if let Poll::Ready(Some(Sent(page, share))) = self.pages.poll_recv(cx) {
                self.next = Some(next);
                self.begin(page.into(), share);
                continue;
            }
            match next.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) if !data.is_empty() => {
                    let share = self.held.take();
                    self.begin(data, share);
                }
                Some(Ok(Ok(empty))) => return Poll::Ready(Some(Ok(Frame::data(empty)))),
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.under_way.is_none() && self.next.is_none() && self.inner.is_end_stream()
    }
}
