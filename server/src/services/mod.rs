//! The services of `pli.v1`, over the engine and the fan-out.
//!
//! - [`gate`]: what every call passes first: protocol version, who calls, door key, rates, places, time.
//! - [`rates`]: token buckets.
//! - [`room`], [`paced`]: how much is held of what is on its way to clients, and for how long.
//! - [`enrolment`], [`directory`], [`key_packages`], [`inbox`], [`log`]: one service each.
//! - [`follow`]: the task behind each stream of logs.

pub(crate) mod directory;
pub(crate) mod enrolment;
pub(crate) mod follow;
pub(crate) mod gate;
pub(crate) mod inbox;
pub(crate) mod key_packages;
pub(crate) mod log;
pub(crate) mod paced;
pub(crate) mod rates;
pub(crate) mod room;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::Stream;
use pli_env::Env;
use pli_proto::refusal::{Reason, Refusal};
use tokio::sync::watch;
use tonic::Status;

use crate::admission::Admission;
use crate::authority::{Authority, AuthorityError};
use crate::config::Limits;
use crate::door::Door;
use crate::engine::{Engine, EngineError, Refused};
use crate::fanout::{Fanout, Topic};
use rates::Rates;
use room::Room;

/// Asking again helps once the operator made room.
const FULL_RETRY_MS: u64 = 60_000;
/// The server is stopping, or stumbled: another, or itself again, will answer.
const STOPPED_RETRY_MS: u64 = 2_000;

/// What a device takes of the server's time that is told something, and asks for it.
pub(crate) const IS_TOLD: Duration = Duration::from_millis(1);
/// And one that comes back: two handshakes, and a dozen requests.
const COMES_BACK: Duration = Duration::from_millis(4);
/// The longest that one is asked to stay away for that.
const LONGEST_AWAY: Duration = Duration::from_secs(60);
/// What the services share.
pub(crate) struct Shared {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) authority: Authority,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) fanout: Arc<dyn Fanout>,
    pub(crate) door: Door,
    pub(crate) limits: Limits,
    pub(crate) rates: Rates,
    pub(crate) admission: Admission,
    /// Room for what is on its way to clients.
    pub(crate) room: Room,
    /// The minute in which an error of the storage was told last.
    pub(crate) complained: AtomicU64,
    /// True once the server stops.
    pub(crate) ending: watch::Receiver<bool>,
}

impl Shared {
    /// A refusal with the server's time.
    pub(crate) fn refuse(&self, reason: Reason, message: &str) -> Status {
        self.refuse_until(reason, message, 0)
    }

    /// A refusal that asking again after some time may change.
    pub(crate) fn refuse_until(&self, reason: Reason, message: &str, retry_after_ms: u64) -> Status {
        self.refusal(reason, retry_after_ms).into_status(message)
    }

    pub(crate) fn refusal(&self, reason: Reason, retry_after_ms: u64) -> Refusal {
        Refusal { retry_after_ms, server_time_ms: self.env.now_ms(), ..Refusal::new(reason) }
    }

    /// What the engine's error means for the client, and the words for it.
    pub(crate) fn engine_refusal(&self, error: EngineError) -> (Refusal, &'static str) {
        match error {
            EngineError::Refused(Refused { reason, message, last_commit, retry_after_ms }) => {
                let mut refusal = self.refusal(reason, retry_after_ms);
                if let Some((number, hash)) = last_commit {
                    refusal.last_commit = number;
                    refusal.last_commit_hash = hash.to_vec();
                }
                (refusal, message)
            }
            EngineError::Full => {
                if self.may_complain() {
                    tracing::error!("the disk is full");
                }
                (self.refusal(Reason::Unavailable, FULL_RETRY_MS), "the server's disk is full")
            }
            EngineError::Closed => (self.refusal(Reason::Unavailable, STOPPED_RETRY_MS), "the server is stopping"),
            EngineError::Failed(error) => {
                if self.may_complain() {
                    tracing::error!(error, "the storage failed");
                }
                (self.refusal(Reason::Unavailable, STOPPED_RETRY_MS), "the server's storage failed")
            }
        }
    }

    /// Such an error comes with each request: it is told once a minute.
    fn may_complain(&self) -> bool {
        let minute = self.env.now_ms() / 60_000;
        self.complained.swap(minute, Ordering::Relaxed) != minute
    }

    pub(crate) fn engine_error(&self, error: EngineError) -> Status {
        let (refusal, message) = self.engine_refusal(error);
        refusal.into_status(message)
    }

    pub(crate) fn authority_error(&self, error: AuthorityError) -> Status {
        match error {
            AuthorityError::Engine(error) => self.engine_error(error),
            other => {
                tracing::error!(error = %other, "the authority failed");
                self.refuse_until(Reason::Unavailable, "the authority failed", STOPPED_RETRY_MS)
            }
        }
    }

    /// Looks what is newest in directory and revocation list, and tells those who wait.
    pub(crate) async fn refresh(&self) -> Result<(), EngineError> {
        let versions = self.engine.versions().await?;
        if self.door.note(versions) {
            self.fanout.publish(Topic::Directory);
        }
        Ok(())
    }

    /// Told to clients whose stream ends because the server does.
    pub(crate) fn stopping(&self) -> Status {
        let away = self.moment(COMES_BACK, LONGEST_AWAY).as_millis();
        let retry_after_ms = STOPPED_RETRY_MS + u64::try_from(away).unwrap_or_default();
        self.refuse_until(Reason::Unavailable, "the server is stopping", retry_after_ms)
    }

    /// How long all connected devices are given for what they would else do at once, of which one takes `each`; `most` at
    /// most.
    pub(crate) fn crowd(&self, each: Duration, most: Duration) -> Duration {
        let devices = u32::try_from(self.admission.devices()).unwrap_or(u32::MAX);
        each.saturating_mul(devices).min(most)
    }

    /// A random moment of that time.
    pub(crate) fn moment(&self, each: Duration, most: Duration) -> Duration {
        let crowd_us = u64::try_from(self.crowd(each, most).as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(pli_env::random_below(&*self.env, crowd_us))
    }

    /// Completes when a stream has to end because the server stops: not all in the same instant.
    pub(crate) async fn stops(&self, ending: &mut watch::Receiver<bool>) {
        ended(ending).await;
        tokio::time::sleep(self.moment(IS_TOLD, self.limits.grace / 2)).await;
    }
}

/// Completes when the server stops.
pub(crate) async fn ended(ending: &mut watch::Receiver<bool>) {
    // An error means that the server is gone altogether.
    let _ = ending.wait_for(|ending| *ending).await;
}

/// A response stream.
pub(crate) type Pages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
