//! The organisation's certificate issuer and directory.
//!
//! - `root`: the root's key, which leaves the server once it has signed the issuer, and comes back to replace it.
//! - [`issuer`]: signs certificates and revocations; can run apart.
//! - [`invitations`]: ways in: invitations, enrolment, renewal.
//! - [`revocation`]: ways out: devices revoked, persons departed, guests whose time is over.
//! - `keys`, `certificates`: key files, and certificates of the profile.
//!
//! An administrator's command may open an authority beside a running server: both write to the same database, and the
//! server notices within a second.

mod certificates;
pub mod invitations;
pub mod issuer;
mod keys;
pub mod revocation;
mod root;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use pli_env::Env;
use pli_proto::certificate;
use pli_proto::id::PersonId;
use pli_proto::limits::PEOPLE_PAGE;
use pli_proto::pb;
use pli_proto::signed::Hash;
use pli_proto::text;

pub use invitations::{Invite, invitation_link};
pub use issuer::Issuer;
pub(crate) use keys::Secret;
pub use root::{Ended, Replaced, ended_issuers, replace_issuer};

use crate::engine::{Device, Engine, EngineError, OpenError, Sqlite};
use issuer::LocalIssuer;

/// The files of an authority's folder.
pub mod files {
    /// The root's secret: take it away, keep it offline. The server runs without it.
    pub const ROOT_KEY: &str = "root-key.pem";
    /// The root's certificate.
    pub const ROOT: &str = "root.pem";
    /// The issuer's secret.
    pub const ISSUER_KEY: &str = "issuer-key.pem";
    /// The issuer's certificate.
    pub const ISSUER: &str = "issuer.pem";
    /// The secret that door keys come from. It is no part of the database, so that a thief of that gets none.
    pub const DOOR: &str = "door-key";
    /// The secret that hides in the database whose budget a row spends.
    pub const ROWS: &str = "rows-key";
    /// Locked by the server that runs.
    pub const LOCK: &str = "lock";
    /// The organisation's name and domain, a line each.
    pub const ORGANISATION: &str = "organisation";
    /// The database.
    pub const DATABASE: &str = "pli.db";
}

/// Whose server it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// As people read it.
    pub name: String,
    /// Its domain, which stands in certificates.
    pub domain: String,
}

/// Why the authority did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// `create`, where there is one.
    #[error("there is an authority in {0} already")]
    Exists(PathBuf),
    /// `open`, where there is none.
    #[error("there is no authority in {0}")]
    Missing(PathBuf),
    /// A file can't be read or written, or is not what it should be.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Issuer and root do not belong together.
    #[error("the issuer's certificate is not of this root, or not of its key")]
    Mismatch,
    /// The issuer has ended, and was not replaced to the end.
    #[error("the issuer has ended, and there is no other yet: replace it again")]
    NoIssuer,
    /// The root's key is another root's.
    #[error("{0} is not the key of this authority's root")]
    OtherRoot(PathBuf),
    /// The database can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database refused or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A certificate could not be made.
    #[error("no certificate could be made: {0}")]
    Certificate(String),
    /// A name is empty or too long, a domain not one.
    #[error("{0}")]
    Invalid(&'static str),
    /// There is no such person.
    #[error("there is no such person")]
    UnknownPerson,
    /// There is no such device.
    #[error("there is no such device")]
    UnknownDevice,
}

impl AuthorityError {
    fn certificate(error: rcgen::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}

struct Issuing {
    issuer: Arc<dyn Issuer>,
    ended: BTreeSet<Hash>,
}

/// The organisation's authority. Clones are the same one.
#[derive(Clone)]
pub struct Authority {
    env: Arc<dyn Env>,
    engine: Arc<dyn Engine>,
    /// The issuer in use, and the fingerprints of those that ended.
    issuing: Arc<RwLock<Issuing>>,
    organisation: Organisation,
    root: Arc<[u8]>,
    root_key: [u8; 32],
    folder: PathBuf,
}

impl Authority {
    /// Founds an authority in `folder`: root, issuer, an empty directory. The operator then takes
    /// [`files::ROOT_KEY`] away.
    ///
    /// # Errors
    /// [`AuthorityError::Exists`] if there is one; nothing is overwritten.
    pub async fn create(
        folder: impl AsRef<Path>,
        env: Arc<dyn Env>,
        organisation: Organisation,
    ) -> Result<Self, AuthorityError> {
        let folder = folder.as_ref();
        if folder.join(files::ROOT).exists() {
            return Err(AuthorityError::Exists(folder.into()));
        }
        check_name(&organisation.name)?;
        check_domain(&organisation.domain)?;
        let failed = |source| AuthorityError::File { path: folder.into(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        #[cfg(unix)]
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).map_err(failed)?;
        let text = format!("{}\n{}\n", organisation.name, organisation.domain);
        let path = folder.join(files::ORGANISATION);
        keys::write_public(&path, text.as_bytes()).map_err(|source| AuthorityError::File { path, source })?;
        root::found(folder, &env)?;
        let authority = Self::open(folder, env)?;
        authority.sign_list().await?;
        Ok(authority)
    }

    /// Opens the authority in `folder`, beside a running server or for one.
    ///
    /// # Errors
    /// [`AuthorityError::Missing`] if there is none; others if its files or database can't be used.
    pub fn open(folder: impl AsRef<Path>, env: Arc<dyn Env>) -> Result<Self, AuthorityError> {
        let folder = folder.as_ref();
        let (root, root_key) = root::read(folder)?;
        let path = folder.join(files::ORGANISATION);
        let text = std::fs::read_to_string(&path).map_err(|source| AuthorityError::File { path, source })?;
        let mut lines = text.lines().map(str::to_owned);
        let organisation =
            Organisation { name: lines.next().unwrap_or_default(), domain: lines.next().unwrap_or_default() };
        check_domain(&organisation.domain)?;
        let issuer = LocalIssuer::open(folder, env.clone(), &organisation.domain, &root_key)?;
        let engine = open_engine(&env, folder)?;
        let issuing = Arc::new(RwLock::new(Issuing { issuer: Arc::new(issuer), ended: BTreeSet::new() }));
        Ok(Self { env, engine, issuing, organisation, root: root.into(), root_key, folder: folder.into() })
    }

    /// Whose authority it is.
    pub fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// The root's public key, which clients pin and row signatures cover.
    pub fn root_key(&self) -> [u8; 32] {
        self.root_key
    }

    /// The root's certificate, DER.
    pub fn root(&self) -> &[u8] {
        &self.root
    }

    /// The issuer in use.
    pub fn issuer(&self) -> Arc<dyn Issuer> {
        self.issuing.read().expect("no panic while held").issuer.clone()
    }

    /// Whether this issuer has ended, as far as this process has looked.
    pub(crate) fn has_ended(&self, issuer: &Hash) -> bool {
        self.issuing.read().expect("no panic while held").ended.contains(issuer)
    }

    /// Looks which issuers have ended, and if the one in use has, takes the new one from the folder.
    pub(crate) async fn look_at_issuers(&self) -> Result<(), AuthorityError> {
        let (mut ended, mut since) = (BTreeSet::new(), 0);
        while let Some((end, _)) = self.engine.issuer_end(since).await? {
            since = end.number;
            ended.extend(<Hash>::try_from(end.issuer));
        }
        let now = certificate::fingerprint(&self.issuer().certificate());
        self.issuing.write().expect("no panic while held").ended = ended;
        if self.has_ended(&now) {
            let issuer = LocalIssuer::open(&self.folder, self.env.clone(), &self.organisation.domain, &self.root_key)?;
            if self.has_ended(&certificate::fingerprint(&issuer.certificate())) {
                return Err(AuthorityError::NoIssuer);
            }
            self.issuing.write().expect("no panic while held").issuer = Arc::new(issuer);
            self.sign_list().await?;
        }
        Ok(())
    }

    /// Where it keeps what lasts.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Everybody, with their devices, in the order of their last change.
    ///
    /// # Errors
    /// If the database can't be read.
    pub async fn people(&self) -> Result<Vec<pb::Person>, AuthorityError> {
        let (mut all, mut since) = (Vec::new(), 0);
        loop {
            let page = self.engine.people(since, PEOPLE_PAGE).await?;
            all.extend(page.people);
            if !page.more {
                return Ok(all);
            }
            since = page.version;
        }
    }

    /// A person's devices, the revoked ones too.
    ///
    /// # Errors
    /// [`AuthorityError::UnknownPerson`], or the database's.
    pub async fn devices(&self, person: PersonId) -> Result<Vec<Device>, AuthorityError> {
        self.engine.devices_of(person).await?.ok_or(AuthorityError::UnknownPerson)
    }

    /// Changes a person's name in the directory.
    ///
    /// # Errors
    /// [`AuthorityError::UnknownPerson`], [`AuthorityError::Invalid`], or the database's.
    pub async fn rename(&self, person: PersonId, name: &str) -> Result<(), AuthorityError> {
        check_name(name)?;
        let renamed = self.engine.rename(person, name.into()).await;
        renamed.map_err(|error| match error.reason() {
            Some(pb::Reason::NotEnrolled) => AuthorityError::UnknownPerson,
            _ => error.into(),
        })
    }

    /// Finishes what was asked, and closes the database.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    pub(crate) fn env(&self) -> &Arc<dyn Env> {
        &self.env
    }

    /// The secret that door keys come from.
    pub(crate) fn door_secret(&self) -> Result<[u8; 32], AuthorityError> {
        read_secret(&self.folder, files::DOOR)
    }
}

fn read_secret(folder: &Path, name: &str) -> Result<[u8; 32], AuthorityError> {
    let path = folder.join(name);
    let read = std::fs::read(&path).and_then(|bytes| {
        bytes.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not 32 bytes long"))
    });
    read.map_err(|source| AuthorityError::File { path, source })
}

/// Opens the database in an authority's folder.
fn open_engine(env: &Arc<dyn Env>, folder: &Path) -> Result<Arc<dyn Engine>, AuthorityError> {
    let secret = read_secret(folder, files::ROWS)?;
    Ok(Arc::new(Sqlite::open(env, &folder.join(files::DATABASE), &secret)?))
}

fn check_name(name: &str) -> Result<(), AuthorityError> {
    let why = "a name is empty or invisible, longer than 200 bytes, or not one line";
    if text::is_name(name) { Ok(()) } else { Err(AuthorityError::Invalid(why)) }
}

fn check_domain(domain: &str) -> Result<(), AuthorityError> {
    let label = |label: &str| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty() && label.len() <= 63 && label.chars().all(allowed) && !label.starts_with('-')
    };
    let fits = domain.len() <= 253 && domain.split('.').all(label);
    if fits { Ok(()) } else { Err(AuthorityError::Invalid("the domain is not one, in small ASCII letters")) }
}
