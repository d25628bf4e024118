//! A world for whole-system tests: one organisation with a real server, and people with real clients, all in a folder
//! of their own and on loopback.

#![allow(clippy::unwrap_used)] // in tests, a failed unwrap is a failed test

pub mod altered;
pub mod dice;
pub mod disk;
pub mod foreign;
pub mod insider;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pli_core::model::{ClientState, Content, ConversationId, DeliveryState, ItemId, Person, PersonId, TimelineItem};
use pli_core::store::key::KeyStore as _;
use pli_core::{Client, FileKeyStore};
use pli_env::Env;
use pli_env::real::Real;
use pli_server::{Authority, Config, Invite, Organisation, Running, Server};
use rusqlite::Connection;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Nothing in a test takes that long, on a busy machine too.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One organisation.
pub struct World {
    /// Holds everything.
    pub folder: tempfile::TempDir,
    /// The operating system.
    pub env: Arc<dyn Env>,
    /// The server's.
    server_env: Arc<dyn Env>,
    server: Option<Running>,
    address: std::net::SocketAddr,
}

impl World {
    /// Starts a server.
    pub async fn new() -> Self {
        Self::served_by(Real::current()).await
    }

    /// Starts a server in an environment of its own.
    pub async fn served_by(server_env: Arc<dyn Env>) -> Self {
        // Shown with `--nocapture`, and for tests that fail.
        let wanted = std::env::var("RUST_LOG").ok().and_then(|wanted| wanted.parse::<Targets>().ok());
        let wanted = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
        let log = tracing_subscriber::fmt::layer().with_test_writer().with_filter(wanted);
        let _ = tracing_subscriber::registry().with(log).try_init();
        let env: Arc<dyn Env> = Real::current();
        let folder = tempfile::tempdir().unwrap();
        let organisation = Organisation { name: "Mairie de Lille".into(), domain: "mairie.example".into() };
        let data = folder.path().join("server");
        Authority::create(&data, server_env.clone(), organisation).await.unwrap().close().await;
        let config = Config::new(&data, "127.0.0.1:0".parse().unwrap());
        let server = Server::start(server_env.clone(), config).await.unwrap();
        let address = server.address();
        Self { folder, env, server_env, server: Some(server), address }
    }

    /// The server's data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// The authority of the running server.
    pub fn authority(&self) -> &Authority {
        self.server.as_ref().expect("the server runs").authority()
    }

    /// Stops the server, gracefully.
    pub async fn stop_server(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    /// Kills the server: nothing is said to anybody.
    pub fn kill_server(&mut self) {
        drop(self.server.take());
    }

    /// Starts it again, where it was.
    pub async fn start_server(&mut self) {
        self.start_server_with(Config::new(self.data(), self.address)).await;
    }

    /// Starts it again with these settings.
    pub async fn start_server_with(&mut self, config: Config) {
        let start = async {
            loop {
                // The port may still be held by connections that are ending.
                match Server::start(self.server_env.clone(), config.clone()).await {
                    Ok(server) => return server,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        self.server = Some(tokio::time::timeout(PATIENCE, start).await.expect("the server starts again"));
    }

    /// The folder of a device.
    pub fn device_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Invites and enrols a person; the first device.
    pub async fn enrol(&self, name: &str) -> Client {
        let links = self.authority().invite(&self.address.to_string(), Invite::person(name)).await.unwrap();
        self.join(name, &links[0]).await
    }

    /// Invites and enrols a guest of the organisation, for a day.
    pub async fn enrol_guest(&self, name: &str) -> Client {
        let guest_until_ms = self.env.now_ms() + 24 * 60 * 60 * 1000;
        let invite = Invite { guest_until_ms, ..Invite::person(name) };
        let links = self.authority().invite(&self.address.to_string(), invite).await.unwrap();
        self.join(name, &links[0]).await
    }

    /// Enrols a further device of a person.
    pub async fn enrol_device(&self, person: PersonId, folder: &str) -> Client {
        let links = self.authority().invite(&self.address.to_string(), Invite::device_of(person)).await.unwrap();
        self.join(folder, &links[0]).await
    }

    /// Joins with a link, in a folder of this name.
    pub async fn join(&self, name: &str, link: &str) -> Client {
        let folder = self.device_folder(name);
        let client = Client::join(self.env.clone(), &folder, keys(&folder), link).await.unwrap();
        online(&client).await;
        client
    }

    /// Opens a device again.
    pub async fn open(&self, name: &str) -> Client {
        let folder = self.device_folder(name);
        let open = async {
            loop {
                match Client::open(self.env.clone(), &folder, keys(&folder)).await {
                    Ok(client) => return client,
                    // The one before has not let go yet.
                    Err(pli_core::Error::StoreInUse) => tokio::time::sleep(Duration::from_millis(10)).await,
                    Err(error) => panic!("{name} does not open: {error}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, open).await.expect("the store becomes free")
    }
}

/// Copies a folder without folders in it over another.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// The key store of a device.
pub fn keys(folder: &Path) -> Arc<FileKeyStore> {
    Arc::new(FileKeyStore::beside(folder))
}

/// Opens a closed store with its key, as its owner might.
pub fn database(folder: &Path) -> Connection {
    let secret = keys(folder).load().unwrap().unwrap();
    let db = Connection::open(folder.join("store.db")).unwrap();
    let hex: String = secret[..32].iter().map(|byte| format!("{byte:02x}")).collect();
    db.execute_batch(&format!("PRAGMA key = \"x'{hex}'\"")).unwrap();
    db
}

/// Waits until a client is online.
pub async fn online(client: &Client) {
    let mut state = client.state();
    let wait = state.wait_for(|state| *state == ClientState::Online);
    tokio::time::timeout(PATIENCE, wait).await.expect("online in time").unwrap();
}

/// Waits until the directory of `client` knows a person.
pub async fn find(client: &Client, name: &str) -> Person {
    until(&format!("{name} is in the directory"), async || {
        let found = client.people(name).await.unwrap();
        found.into_iter().find(|person| person.name == name)
    })
    .await
}

/// Asks again and again, until there is an answer.
pub async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(answer) => answer,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// The texts in a conversation, with the senders' names.
pub async fn texts(client: &Client, conversation: ConversationId) -> Vec<(String, String)> {
    let items = client.conversation(conversation).items(None, 1_000).await.unwrap_or_default();
    let text = |item: TimelineItem| match item {
        TimelineItem::Said(message) => match message.content {
            Content::Text { body, .. } => Some((message.sender.name, body)),
            other => Some((message.sender.name, format!("<{other:?}>"))),
        },
        TimelineItem::Changed(_) => None,
    };
    items.into_iter().filter_map(text).collect()
}

/// Waits until a conversation holds this text.
pub async fn sees(client: &Client, conversation: ConversationId, text: &str) {
    until(&format!("somebody sees {text:?}"), async || {
        texts(client, conversation).await.iter().any(|(_, body)| body == text).then_some(())
    })
    .await;
}

/// Waits until a conversation with this name is in the list.
pub async fn conversation(client: &Client, name: &str) -> ConversationId {
    until(&format!("the conversation {name} is listed"), async || {
        client.conversation_list().await.unwrap().into_iter().find(|info| info.name == name).map(|info| info.id)
    })
    .await
}

/// Waits until an action is in the log.
pub async fn done(client: &Client, conversation: ConversationId, entry: ItemId) {
    let handle = client.conversation(conversation);
    let settled = tokio::time::timeout(PATIENCE, handle.settled(entry)).await;
    assert_eq!(settled.expect("settled in time"), Ok(DeliveryState::Sent));
}

/// Waits until a conversation has these members, by name.
pub async fn members(client: &Client, conversation: ConversationId, names: &[&str]) {
    let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.sort();
    until(&format!("the members are {names:?}"), async || {
        let members = client.conversation(conversation).member_list().await.unwrap();
        let mut now: Vec<String> = members.into_iter().map(|member| member.person.name).collect();
        now.sort();
        (now == names).then_some(())
    })
    .await;
}
