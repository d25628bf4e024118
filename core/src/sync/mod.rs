//! Carrying things to and from the server, while the client is neither suspended nor closed.
//!
//! - [`known`]: door key, directory, inbox; [`revocations`]: the list; [`stock`]: key packages; on the known connection.
//! - [`follow`]: joining logs, and following them on one stream.
//! - [`receive`]: a page of a log in one transaction; [`diverge`]: a log that the server has lost the end of.
//! - [`prepare`]: what to send next; [`plan`]: what an intent comes to; [`add`]: adding devices; [`send`]: sending it.
//! - [`enrol`]: making a device of an invitation, and renewing its TLS certificate.
//!
//! Each loop ends a round at the first error, waits, and begins anew from what is in the store: there is no other state
//! to repair.

mod add;
mod diverge;
pub(crate) mod enrol;
mod follow;
mod known;
mod plan;
pub(crate) mod prepare;
pub(crate) mod receive;
mod revocations;
mod send;
mod stock;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use pli_env::Env;
use pli_proto::pb;
use pli_proto::refusal::Reason;
use pli_proto::signed::{self, Method};
use prost::Message;
use tokio::sync::{Notify, watch};

use crate::error::{Advice, Error};
use crate::model::{ClientState, Warning, some_time};
use crate::store::logs::Log;
use crate::store::{Context, Store, issuers};
use crate::transport::{Address, Door, Sealed};

/// The revocation list is signed each day; a server may be down for a weekend.
const REVOCATIONS_OLD_MS: u64 = 3 * 24 * 60 * 60 * 1000;

/// What the loops share.
pub(crate) struct Engine {
    store: Store,
    address: Address,
    door: Door,
    /// The door key is wanted, or revocations.
    wanted: Notify,
    /// Door key, directory and inbox are as they should be.
    known_ready: AtomicBool,
    /// Others can add this device, or it was tried at least.
    stock_ready: AtomicBool,
    /// Counts up when a page of the inbox begins to be kept, and again when it is: odd between.
    inbox: AtomicU64,
    /// The inbox may have brought logs to join.
    invited: Notify,
    /// Nothing that the logs held is missing.
    logs_ready: AtomicBool,
    /// Logs on the open stream of which something is still missing.
    behind: AtomicUsize,
    /// The server was seen to have been put back to an older copy.
    put_back: AtomicBool,
    /// The key packages that it has may have been taken before.
    renew_stock: AtomicBool,
    /// Key packages may have been taken.
    restock: Notify,
    publishing: Arc<watch::Sender<bool>>,
    asked: Asked,
    state: Arc<watch::Sender<ClientState>>,
    warnings: Arc<watch::Sender<Vec<Warning>>>,
}

/// What the app asks for.
#[derive(Clone, Default)]
pub(crate) struct Asked {
    /// Do not wait any longer: the network changed.
    pub(crate) hurry: Arc<Notify>,
    /// Somebody looks at the own devices: when were they seen?
    pub(crate) look: Arc<Notify>,
}

/// What the app is told.
pub(crate) struct Told {
    pub(crate) state: Arc<watch::Sender<ClientState>>,
    pub(crate) warnings: Arc<watch::Sender<Vec<Warning>>>,
    /// Key packages are being brought to the server, and no try has failed.
    pub(crate) publishing: Arc<watch::Sender<bool>>,
}

/// Runs until dropped, or until it can't go on by itself.
pub(crate) async fn run(store: Store, address: Address, asked: Asked, told: Told) {
    let Told { state, warnings, publishing } = told;
    let engine = Arc::new(Engine {
        store,
        address,
        door: Door::default(),
        wanted: Notify::new(),
        known_ready: AtomicBool::new(false),
        stock_ready: AtomicBool::new(false),
        inbox: AtomicU64::new(0),
        invited: Notify::new(),
        logs_ready: AtomicBool::new(false),
        behind: AtomicUsize::new(0),
        put_back: AtomicBool::new(false),
        renew_stock: AtomicBool::new(false),
        restock: Notify::new(),
        publishing,
        asked,
        state,
        warnings,
    });
    match engine.store.sync_read(issuers::ends).await {
        Ok(ends) => ends.into_keys().for_each(|issuer| engine.address.ended.insert(issuer)),
        Err(error) => {
            engine.state.send_replace(ClientState::Stopped(error.advice()));
            return;
        }
    }
    let error = tokio::select! { biased;
        error = known::run(&engine) => error,
        error = follow::run(&engine) => error,
        error = send::run(&engine) => error,
    };
    tracing::error!(%error, "the client stopped");
    engine.state.send_replace(ClientState::Stopped(error.advice()));
}

impl Engine {
    fn env(&self) -> &Arc<dyn Env> {
        &self.store.context().env
    }

    fn context(&self) -> &Arc<Context> {
        self.store.context()
    }

    fn sealed(&self) -> Result<Sealed, Error> {
        Sealed::new(self.env(), &self.address, &self.door)
    }

    /// Tells whether the client is online: connected, with nothing missing on either connection.
    fn tell(&self, part: &AtomicBool, ready: bool) {
        part.store(ready, Ordering::SeqCst);
        let parts = [&self.known_ready, &self.stock_ready, &self.logs_ready];
        let online = parts.iter().all(|part| part.load(Ordering::SeqCst));
        let behind = self.behind.load(Ordering::SeqCst);
        self.state.send_if_modified(|state| {
            let now = match behind {
                _ if online => ClientState::Online,
                0 => ClientState::Connecting,
                left => ClientState::CatchingUp { left },
            };
            // Offline says when the next try is; it lasts until something succeeds.
            let news = *state != now && (online || ready || behind > 0 || *state == ClientState::Online);
            if news {
                *state = now;
            }
            news
        });
    }

    /// Waits until there is a door key.
    async fn door(&self) {
        // An error can't be: the engine holds the other end.
        let _ = self.door.watch().wait_for(Option::is_some).await;
    }

    /// Signs a request on a log.
    fn request(&self, record: &Log, method: Method, body: &impl Message) -> pb::LogRequest {
        let access = self.context().me.access(&record.key);
        let mut request = pb::LogRequest {
            log: record.log.to_vec(),
            row_key: access.key().0.to_vec(),
            time_ms: self.context().clock.now_ms(),
            request: body.encode_to_vec(),
            ..pb::LogRequest::default()
        };
        let signed = signed::request(&self.address.root, method, &request);
        request.signature = access.sign(&signed).to_vec();
        request
    }

    /// The server said what time it is. A phone's clock may be wrong by hours, and its requests bear the server's time.
    fn set_clock(&self, server_time_ms: u64) {
        self.warn_of_clock(self.context().clock.hear(server_time_ms));
    }

    /// Tells the person if this device's clock is days ahead of the server's, or behind.
    fn warn_of_clock(&self, ahead_ms: i64) {
        let warning = enrol::days_wrong(ahead_ms).map(|(days, ahead)| Warning::ClockWrong { days, ahead });
        self.warn(|one| matches!(one, Warning::ClockWrong { .. }), warning);
    }

    /// Gives a warning of a kind, or takes it back.
    fn warn(&self, is_of_kind: impl Fn(&Warning) -> bool, warning: Option<Warning>) {
        self.warnings.send_if_modified(|now| {
            let others = now.iter().copied().filter(|one| !is_of_kind(one));
            let mut next: Vec<_> = others.chain(warning).collect();
            next.sort();
            std::mem::replace(now, next) != *now
        });
    }

    /// Warns if the revocation list is old. By the later of both clocks: a server that holds lists back may set its own
    /// back as well, and a device whose clock is wrong by days has to know that too.
    fn judge_age(&self, signed_ms: u64) {
        let here_ms = self.env().now_ms();
        let is_old = here_ms.max(self.context().clock.now_ms()).saturating_sub(signed_ms) > REVOCATIONS_OLD_MS;
        let warning = is_old.then_some(Warning::RevocationsOld { signed: some_time(signed_ms) });
        self.warn(|one| matches!(one, Warning::RevocationsOld { .. }), warning);
    }

    /// The server has less than this device had from it: it was put back to an older copy. Heeded once in a run, for it
    /// may as well lie.
    fn note_put_back(&self) {
        if !self.put_back.swap(true, Ordering::SeqCst) {
            tracing::warn!("the server was put back to an older copy");
            self.renew_stock.store(true, Ordering::SeqCst);
            self.wanted.notify_one();
            self.restock.notify_one();
        }
    }

    /// What a refusal asks of the other loops.
    fn heed(&self, status: &tonic::Status) {
        let Some(refusal) = pb::Refusal::of(status) else { return };
        match refusal.reason() {
            Reason::Door => self.wanted.notify_one(),
            Reason::Clock => self.set_clock(refusal.server_time_ms),
            _ => {}
        }
    }
}

/// Growing, random delays between tries.
struct Backoff {
    tries: u32,
    longest: Duration,
}

impl Backoff {
    fn new(longest: Duration) -> Self {
        Self { tries: 0, longest }
    }

    fn reset(&mut self) {
        self.tries = 0;
    }

    /// The next delay.
    fn delay(&mut self, env: &dyn Env, error: &Error) -> Duration {
        self.tries = (self.tries + 1).min(16);
        let most = Duration::from_millis(250 << self.tries.min(12)).min(self.longest);
        let random = Duration::from_millis(pli_env::random_below(env, most.as_millis() as u64));
        let asked = match error {
            Error::Unavailable { retry_after: Some(asked) } => (*asked).min(self.longest),
            _ => Duration::ZERO,
        };
        asked + most / 2 + random / 2
    }
}

/// Whether an error concerns one log alone: it is left aside for a while, and the others go on.
fn is_of_one_log(error: &Error) -> bool {
    matches!(
        error,
        Error::Internal { .. } | Error::Damaged | Error::NotFound { .. } | Error::Invalid { .. } | Error::NotAllowed
    )
}

/// Whether a loop may go on after this error.
fn is_passing(error: &Error) -> bool {
    matches!(error.advice(), Advice::Retry)
        || matches!(error, Error::NotFound { .. } | Error::NotAllowed | Error::StorageFull)
}
