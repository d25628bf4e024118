//! The profile: a folder with an encrypted store. Where its key lies is said in [`crate::keys`].

use std::future::Future;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use pli_core::error::Advice;
use pli_core::model::{ClientState, ConversationId, DeliveryState, ItemId, Message, Person, PersonId, Warning};
use pli_core::{Client, Error, SyncResult};
use pli_env::real::Real;
use tokio::time::{Instant, timeout};

use crate::failure::{Code, Failure};
use crate::names;
use crate::words::errors as words;

/// How long a profile that another command just used is waited for.
const BUSY: Duration = Duration::from_secs(2);

/// An open profile.
pub(crate) struct Profile {
    pub(crate) client: Client,
    /// How long to wait for the server.
    pub(crate) wait: Duration,
}

/// The folder that was named, or the usual one. Without a trailing slash, so that what lies beside it does.
pub(crate) fn folder(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let env = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let usual = || {
        let data = env("XDG_DATA_HOME").or_else(|| env("HOME").map(|home| home.join(".local/share")));
        data.map(|data| data.join("pli/profile"))
    };
    let folder = named.map(Path::to_owned).or_else(|| env("PLI_PROFILE")).or_else(usual);
    let folder = folder.ok_or_else(|| Failure::usage(words::NO_HOME.text()))?;
    let absolute = std::path::absolute(&folder).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(absolute.components().filter(|part| *part != Component::CurDir).collect())
}

/// Where a profile's key lies.
pub(crate) fn key_path(folder: &Path) -> PathBuf {
    let mut path = folder.as_os_str().to_owned();
    path.push(".key");
    path.into()
}

impl Profile {
    /// Opens the profile in a folder.
    pub(crate) async fn open(folder: &Path, wait: Duration) -> Result<Self, Failure> {
        let keys = crate::keys::of(folder);
        let until = Instant::now() + BUSY;
        loop {
            match Client::open(Real::current(), folder, keys.clone()).await {
                Ok(client) => return Ok(Self { client, wait }),
                Err(Error::StoreInUse) if Instant::now() < until => tokio::time::sleep(BUSY / 40).await,
                Err(error) => return Err(Failure::of_profile(&error, folder)),
            }
        }
    }

    /// Runs a command on the profile in a folder, and closes it.
    pub(crate) async fn with<R>(
        folder: Option<&Path>,
        wait_s: u64,
        command: impl AsyncFnOnce(&Self) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let profile = Self::open(&self::folder(folder)?, Duration::from_secs(wait_s)).await?;
        let result = command(&profile).await;
        profile.tell_warnings();
        profile.client.close().await;
        result
    }

    /// Says what the person should know of.
    pub(crate) fn tell_warnings(&self) {
        for warning in &*self.client.warnings().borrow() {
            eprintln!("{}", crate::show::warning(*warning));
        }
    }

    /// Waits until everything at the server was fetched, or it is known not to be there, and says so; whether it was.
    pub(crate) async fn freshen(&self) -> Result<bool, Failure> {
        let mut state = self.client.state();
        let decided =
            state.wait_for(|state| !matches!(state, ClientState::Connecting | ClientState::CatchingUp { .. }));
        let decided = timeout(self.wait, decided).await.ok().and_then(Result::ok).map(|state| *state);
        match decided {
            Some(ClientState::Online) => Ok(true),
            Some(ClientState::Stopped(advice)) => Err(stopped(advice)),
            _ => {
                eprintln!("{}", crate::words::say::NOT_FRESH);
                Ok(false)
            }
        }
    }

    /// Why something still waits: for the server, or for somebody's first device.
    pub(crate) fn queued(&self) -> Failure {
        let is_wrong = |warning: &Warning| matches!(warning, Warning::ClockWrong { .. });
        let word = match *self.client.state().borrow() {
            ClientState::Online => words::WAITS,
            _ if self.client.warnings().borrow().iter().any(is_wrong) => words::QUEUED_CLOCK,
            _ => words::QUEUED,
        };
        Failure::new(Code::Unreachable, word.with(&[&self.wait.as_secs()]))
    }

    /// Fetches and sends what there is, within the time.
    pub(crate) async fn sync(&self) -> Result<SyncResult, Failure> {
        let result = self.waiting(self.client.sync(self.wait)).await?;
        let state = *self.client.state().borrow();
        match state {
            ClientState::Stopped(advice) if !result.complete => Err(stopped(advice)),
            _ => Ok(result),
        }
    }

    /// Waits until one action is in the log, and what follows from it at the server.
    pub(crate) async fn settle(&self, conversation: ConversationId, entry: ItemId) -> Result<(), Failure> {
        let handle = self.client.conversation(conversation);
        let settled = self
            .waiting(async { timeout(self.wait, handle.settled(entry)).await.unwrap_or(Ok(DeliveryState::Waiting)) });
        match settled.await? {
            // Its welcomes, too. What else waits in this profile is not this action's.
            DeliveryState::Sent => self.sync().await.map(drop),
            DeliveryState::Refused(why) => Err(why.into()),
            DeliveryState::Waiting => Err(self.queued()),
        }
    }

    /// Waits for `what`, unless the client stops for good.
    async fn waiting<R>(&self, what: impl Future<Output = Result<R, Error>>) -> Result<R, Failure> {
        let mut state = self.client.state();
        tokio::select! {
            result = what => Ok(result?),
            Ok(state) = state.wait_for(|state| matches!(state, ClientState::Stopped(_))) => {
                Err(match *state { ClientState::Stopped(advice) => stopped(advice), _ => Error::Closed.into() })
            }
        }
    }

    /// The person named, asking the server's directory if this device's copy does not know.
    pub(crate) async fn person(&self, name: &str) -> Result<Person, Failure> {
        self.asking(async || names::person(&self.client, name).await).await
    }

    /// Several people.
    pub(crate) async fn people(&self, names: &[String]) -> Result<Vec<PersonId>, Failure> {
        let mut people = Vec::with_capacity(names.len());
        for name in names {
            people.push(self.person(name).await?.id);
        }
        Ok(people)
    }

    /// The conversation named.
    pub(crate) async fn conversation(&self, name: &str) -> Result<ConversationId, Failure> {
        self.asking(async || names::conversation(&self.client, name).await).await
    }

    /// The message named.
    pub(crate) async fn message(&self, conversation: ConversationId, id: &str) -> Result<Message, Failure> {
        self.asking(async || names::message(&self.client, conversation, id).await).await
    }

    /// The message named so, or what was asked to be done to one and is not done.
    pub(crate) async fn entry(&self, conversation: ConversationId, id: &str) -> Result<ItemId, Failure> {
        self.asking(async || names::entry(&self.client, conversation, id).await).await
    }

    /// Asks what is on disk; if that does not know, asks again once everything was fetched.
    async fn asking<R>(&self, ask: impl AsyncFn() -> Result<R, Failure>) -> Result<R, Failure> {
        match ask().await {
            Err(failure) if failure.code == Code::Refused => {
                if self.freshen().await? {
                    ask().await
                } else {
                    Err(failure)
                }
            }
            answer => answer,
        }
    }
}

pub(crate) fn stopped(advice: Advice) -> Failure {
    match advice {
        Advice::ReEnrol => Error::Revoked.into(),
        Advice::Update => Error::UpdateRequired.into(),
        _ => Error::Closed.into(),
    }
}
