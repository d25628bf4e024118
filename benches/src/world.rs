//! A server in this process on loopback, and clients with stores on disk, all in a folder of their own. The server's
//! bounds on rates are out of the way.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pli_core::model::{ClientState, ConversationId};
use pli_core::{Client, FileKeyStore};
use pli_env::Env;
use pli_env::real::Real;
use pli_server::{Authority, Config, Invite, Organisation, Rate, Running, Server};
use tempfile::TempDir;

use crate::Result;

/// More than a bench asks for.
const NO_BOUND: Rate = Rate::new(10_000_000, 10_000_000);

pub(crate) struct World {
    folder: TempDir,
    env: Arc<dyn Env>,
    server: Running,
}

impl World {
    pub(crate) async fn new() -> Result<Self> {
        let env: Arc<dyn Env> = Real::current();
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("server");
        let organisation = Organisation { name: "Mairie".into(), domain: "mairie.example".into() };
        Authority::create(&data, env.clone(), organisation).await?.close().await;
        let mut config = Config::new(&data, ([127, 0, 0, 1], 0).into());
        let limits = &mut config.limits;
        for rate in [
            &mut limits.row_rate,
            &mut limits.device_rate,
            &mut limits.address_rate,
            &mut limits.row_kib_rate,
            &mut limits.address_kib_rate,
        ] {
            *rate = NO_BOUND;
        }
        let server = Server::start(env.clone(), config).await?;
        Ok(Self { folder, env, server })
    }

    /// Two people in one group, and the group.
    pub(crate) async fn two(&self) -> Result<(Client, Client, ConversationId)> {
        let (anna, bernard) = (self.enrol("Anna").await?, self.enrol("Bernard").await?);
        let person = until(async || Ok(anna.people("Bernard").await?.into_iter().next())).await?;
        let group = anna.create_group("Digue", &[person.id]).await?;
        until(async || {
            let members = bernard.conversation(group).member_list().await.unwrap_or_default();
            Ok((members.len() == 2).then_some(()))
        })
        .await?;
        Ok((anna, bernard, group))
    }

    async fn enrol(&self, name: &str) -> Result<Client> {
        let host_port = self.server.address().to_string();
        let links = self.server.authority().invite(&host_port, Invite::person(name)).await?;
        let link = links.first().ok_or("no invitation")?;
        let folder = self.store(name);
        let client = Client::join(self.env.clone(), &folder, Arc::new(FileKeyStore::beside(&folder)), link).await?;
        online(&client).await?;
        Ok(client)
    }

    /// Opens a client that was closed.
    pub(crate) async fn open(&self, name: &str) -> Result<Client> {
        let folder = self.store(name);
        Ok(Client::open(self.env.clone(), &folder, Arc::new(FileKeyStore::beside(&folder))).await?)
    }

    /// Copies a closed client's folder and key. The copy can do what the client could; only one of them may.
    pub(crate) fn copy(&self, name: &str, to: &str) -> Result<()> {
        let (from, to) = (self.store(name), self.store(to));
        std::fs::create_dir_all(&to)?;
        std::fs::copy(database(&from), database(&to))?;
        std::fs::copy(from.with_extension("key"), to.with_extension("key"))?;
        Ok(())
    }

    /// The folder of a client.
    pub(crate) fn store(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn end(self) {
        self.server.shutdown().await;
    }
}

/// The database in a client's folder.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("store.db")
}

/// Waits until a client has all that the server had.
pub(crate) async fn online(client: &Client) -> Result<()> {
    client.state().wait_for(|state| *state == ClientState::Online).await?;
    Ok(())
}

/// Asks until there is an answer; the bench's own bound ends it.
async fn until<T>(ask: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
