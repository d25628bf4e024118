//! Receiving a request as a whole, before anything of the server is taken for it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;

use super::Who;
use super::pool::{Full, Place, Pool};
use crate::config::Limits;

/// What is said of a request that is.
pub(crate) const TOO_LONG: &str = "the request is too long";
/// What gRPC puts before a message: a flag and its length.
const PREFIX_BYTES: usize = 5;

/// Longer than any message that a person writes by hand is, sealed and padded.
const SHORT_BYTES: usize = 64 << 10;

/// How fast a request has to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Whatever is small has that long.
    grace: Duration,
    /// And a second more for so many bytes that came.
    bytes_per_second: u32,
    /// But never longer.
    until: Instant,
}

impl Pace {
    pub(crate) fn new(limits: &Limits, until: Instant) -> Self {
        Self { grace: limits.upload_grace, bytes_per_second: limits.upload_rate.max(1), until }
    }

    /// Until when the next bytes have to come.
    fn due(&self, began: Instant, bytes: usize) -> Instant {
        let earned = Duration::from_secs_f64(bytes as f64 / f64::from(self.bytes_per_second));
        (began + self.grace + earned).min(self.until)
    }
}

/// Why a request was not received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreceived {
    /// It is longer than its method allows, or than it says itself.
    TooLong,
    TooSlow,
    /// There is no room for it.
    Full,
    /// The caller gave it up.
    Broken,
}

/// Room for a request, which grows with it.
pub(crate) struct Growing {
    room: Place,
    /// What is long takes of a part only, so that what is short always finds room.
    of_long: Place,
    bytes: usize,
}

impl Growing {
    /// With nothing in it; of the bytes of a class, and the part for what is long.
    pub(crate) fn new(who: Who, bytes: &Arc<Pool>, of_long: &Arc<Pool>) -> Result<Self, Full> {
        Ok(Self { room: bytes.take(who, 0)?, of_long: of_long.take(who, 0)?, bytes: 0 })
    }

    pub(crate) fn grow(&mut self, by: usize) -> Result<(), Full> {
        self.room.take_more(by)?;
        let was_long = self.bytes > SHORT_BYTES;
        self.bytes += by;
        match self.bytes > SHORT_BYTES {
            true if was_long => self.of_long.take_more(by),
            true => self.of_long.take_more(self.bytes),
            false => Ok(()),
        }
    }
}

/// The body of a request of one message of `most` bytes; `room` grows with it.
pub(crate) async fn receive(
    mut body: Body,
    most: usize,
    pace: Pace,
    room: &mut Growing,
) -> Result<Vec<u8>, Unreceived> {
    let began = Instant::now();
    let mut received = Vec::new();
    loop {
        let frame = match tokio::time::timeout_at(pace.due(began, received.len()), body.frame()).await {
            Err(_) => return Err(Unreceived::TooSlow),
            Ok(None) => return Ok(received),
            Ok(Some(Err(_))) => return Err(Unreceived::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        if received.len() + data.len() > PREFIX_BYTES + most {
            return Err(Unreceived::TooLong);
        }
        room.grow(data.len()).map_err(|_| Unreceived::Full)?;
        if received.capacity() < received.len() + data.len() {
            // A vector would double: what is held would be twice what is counted.
            received.reserve_exact(data.len().max(received.len() / 4));
        }
        received.extend_from_slice(&data);
        // It need not come, to be known as too long.
        if announced(&received).is_some_and(|length| length > most || received.len() > PREFIX_BYTES + length) {
            return Err(Unreceived::TooLong);
        }
    }
}

/// A stream of requests, which ends at one that is longer than `most`: what of it is received is not counted.
pub(crate) fn short_messages(body: Body, most: usize) -> Body {
    let (mut prefix, mut rest) = (Vec::with_capacity(PREFIX_BYTES), 0);
    let checked = BodyStream::new(body).map(move |frame| {
        let frame = frame?;
        let mut data = frame.data_ref().map_or(&[][..], |data| data);
        while !data.is_empty() {
            let (of_message, after) = data.split_at(data.len().min(rest));
            rest -= of_message.len();
            let (of_prefix, after) = after.split_at(after.len().min(PREFIX_BYTES - prefix.len()));
            prefix.extend_from_slice(of_prefix);
            data = after;
            if let Some(length) = announced(&prefix) {
                if length > most {
                    return Err(Status::invalid_argument(TOO_LONG));
                }
                rest = length;
                prefix.clear();
            }
        }
        Ok(frame)
    });
    Body::new(StreamBody::new(checked))
}

/// The length that the message's prefix says.
fn announced(received: &[u8]) -> Option<usize> {
    let (_, rest) = received.split_first()?;
    rest.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use http_body::Frame;
    use http_body_util::Full as Whole;
    use pli_env::Bound;
    use pli_proto::id::DeviceId;
    use tonic::codegen::Bytes;

    use super::*;

    /// Bytes that come one by one, so long after one another; whether they ever end.
    fn body(bytes: Vec<u8>, apart: Duration, ends: bool) -> Body {
        let frames = futures_util::stream::iter(bytes).then(move |byte| async move {
            tokio::time::sleep(apart).await;
            let frame = Whole::from(vec![byte]).frame().await.expect("there is one");
            frame.map_err(|never| -> Status { match never {} })
        });
        let rest = futures_util::stream::iter((!ends).then_some(())).then(|()| std::future::pending());
        Body::new(StreamBody::new(frames.chain(rest)))
    }

    fn message(announced: u32, bytes: usize) -> Vec<u8> {
        [[0].as_slice(), &announced.to_be_bytes(), &vec![7; bytes]].concat()
    }

    /// Receives with five seconds of grace, 100 bytes a second, 30 seconds at most; and how long it took.
    async fn received(body: Body, most: usize, room: usize) -> (Result<usize, Unreceived>, Duration) {
        let began = Instant::now();
        let limits = Limits { upload_grace: Duration::from_secs(5), upload_rate: 100, ..Limits::default() };
        let pace = Pace::new(&limits, began + Duration::from_secs(30));
        let room = Pool::new(Bound::new(room, room));
        let mut room = Growing::new(Who::Known(DeviceId([1; 16])), &room, &room).ok().unwrap();
        let received = receive(body, most, pace, &mut room).await;
        (received.map(|received| received.len()), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_small_has_seconds_and_what_is_longer_a_least_rate() {
        let seconds = Duration::from_secs;
        let ms = Duration::from_millis;
        let whole = received(body(message(400, 400), ms(1), true), 1_000, 1_000).await;
        assert_eq!(whole, (Ok(405), ms(405)));
        assert_eq!(received(body(vec![], ms(1), false), 1_000, 1_000).await, (Err(Unreceived::TooSlow), seconds(5)));
        // Five bytes earn a twentieth of a second.
        let (slow, after) = received(body(message(400, 0), ms(1), false), 1_000, 1_000).await;
        assert_eq!((slow, after), (Err(Unreceived::TooSlow), ms(5_050)));
        // Slower than the rate, but not by more than the grace.
        assert_eq!(received(body(message(240, 240), ms(30), true), 1_000, 1_000).await, (Ok(245), ms(7_350)));
        assert_eq!(received(body(message(800, 800), ms(30), true), 1_000, 1_000).await.0, Err(Unreceived::TooSlow));
        let (late, after) = received(body(message(9_000, 9_000), ms(9), true), 10_000, 10_000).await;
        assert_eq!((late, after), (Err(Unreceived::TooSlow), seconds(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_long_is_known_by_its_beginning_and_bytes_count_as_they_come() {
        let ms = Duration::from_millis;
        assert_eq!(
            received(body(message(1_001, 0), ms(1), false), 1_000, 9_999).await,
            (Err(Unreceived::TooLong), ms(5))
        );
        assert_eq!(received(body(message(3, 4), ms(1), false), 1_000, 9_999).await.0, Err(Unreceived::TooLong));
        assert_eq!(received(body(message(1_000, 100), ms(1), true), 1_000, 105).await.0, Ok(105));
        assert_eq!(received(body(message(1_000, 101), ms(1), true), 1_000, 105).await.0, Err(Unreceived::Full));
    }

    #[tokio::test]
    async fn what_is_long_leaves_room_for_what_is_short() {
        let (bytes, long) = (Pool::new(Bound::new(1 << 20, 1 << 20)), Pool::new(Bound::new(768 << 10, 768 << 10)));
        let growing = || Growing::new(Who::Known(DeviceId([1; 16])), &bytes, &long).ok().unwrap();
        let mut first = growing();
        first.grow(SHORT_BYTES).unwrap();
        first.grow((768 << 10) - SHORT_BYTES).unwrap();
        let (mut second, mut third) = (growing(), growing());
        second.grow(SHORT_BYTES).unwrap();
        assert_eq!(second.grow(1), Err(Full::Each));
        third.grow(SHORT_BYTES).unwrap();
        drop((first, second));
        third.grow(SHORT_BYTES).unwrap();
    }

    #[tokio::test]
    async fn a_stream_ends_at_a_message_that_is_too_long() {
        let frames = async |bytes: Vec<u8>, apart: usize| {
            let frames: Vec<_> =
                bytes.chunks(apart).map(|chunk| Ok::<_, Status>(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
            let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
            short_messages(body, 10).collect().await.map(|all| all.to_bytes().len())
        };
        let (short, long) = (message(10, 10), message(11, 11));
        for apart in [1, 4, 5, 7, 100] {
            assert_eq!(frames([&short[..], &short, &message(0, 0)].concat(), apart).await.unwrap(), 35);
            assert_eq!(frames([&short[..], &long].concat(), apart).await.unwrap_err().message(), TOO_LONG);
        }
    }
}
