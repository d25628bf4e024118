//! Receiving a request as a whole, before anything of the server is taken for it.

use std::time::Duration;

use http_body_util::BodyExt;
use tokio::time::Instant;
use tonic::body::Body;

use super::pool::Place;
use crate::config::Limits;

/// What gRPC puts before a message: a flag and its length.
const PREFIX_BYTES: usize = 5;

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

/// The body of a request of one message of `most` bytes; `room` grows with it.
pub(crate) async fn receive(mut body: Body, most: usize, pace: Pace, room: &mut Place) -> Result<Vec<u8>, Unreceived> {
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
        room.take_more(data.len()).map_err(|_| Unreceived::Full)?;
        received.extend_from_slice(&data);
        // It need not come, to be known as too long.
        if announced(&received).is_some_and(|length| length > most || received.len() > PREFIX_BYTES + length) {
            return Err(Unreceived::TooLong);
        }
    }
}

/// The length that the message's prefix says.
fn announced(received: &[u8]) -> Option<usize> {
    let (_, rest) = received.split_first()?;
    rest.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use http_body_util::{Full, StreamBody};
    use pli_env::Bound;
    use pli_proto::id::DeviceId;
    use tonic::Status;

    use super::*;
    use crate::admission::Who;
    use crate::admission::pool::Pool;

    /// Bytes that come one by one, so long after one another; whether they ever end.
    fn body(bytes: Vec<u8>, apart: Duration, ends: bool) -> Body {
        let frames = futures_util::stream::iter(bytes).then(move |byte| async move {
            tokio::time::sleep(apart).await;
            let frame = Full::from(vec![byte]).frame().await.expect("there is one");
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
        let mut room = Pool::new(Bound::new(room, room)).take(Who::Known(DeviceId([1; 16])), 0).ok().unwrap();
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
}
