//! The store's key, and where an embedder keeps it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use pli_env::Env;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::{Error, KeyProblem};

/// Where the store's secret is kept: a hardware key store, a keychain, a file. Called within `open`, `join` and
/// `wake_up` only.
pub trait KeyStore: Send + Sync {
    /// What was saved last, or `None` if nothing was.
    ///
    /// # Errors
    /// [`Error::KeyUnavailable`].
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error>;
    /// Replaces what was saved, durably and atomically.
    ///
    /// # Errors
    /// [`Error::KeyUnavailable`] or [`Error::StorageFull`].
    fn save(&self, secret: &[u8]) -> Result<(), Error>;
    /// Forgets it: the store can never be read again.
    ///
    /// # Errors
    /// [`Error::KeyUnavailable`].
    fn erase(&self) -> Result<(), Error>;
}

/// What is in the key store: the database's key, and the number that the store bears too. A store copied back from an
/// earlier day bears another. While the number is renewed there are two, so that a crash is not taken for a copy.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct StoreSecret {
    pub(crate) key: [u8; 32],
    pub(crate) current: [u8; 16],
    pub(crate) next: [u8; 16],
}

impl StoreSecret {
    pub(crate) fn new(env: &dyn Env) -> Self {
        let number = pli_env::random(env);
        Self { key: pli_env::random(env), current: number, next: number }
    }

    pub(crate) fn load(keys: &dyn KeyStore) -> Result<Option<Self>, Error> {
        let Some(bytes) = keys.load()? else { return Ok(None) };
        let (Some(key), Some(current), Some(next)) = (bytes.get(..32), bytes.get(32..48), bytes.get(48..)) else {
            return Err(Error::KeyUnavailable { why: KeyProblem::Wrong });
        };
        let wrong = |_| Error::KeyUnavailable { why: KeyProblem::Wrong };
        Ok(Some(Self {
            key: key.try_into().map_err(wrong)?,
            current: current.try_into().map_err(wrong)?,
            next: next.try_into().map_err(wrong)?,
        }))
    }

    pub(crate) fn save(&self, keys: &dyn KeyStore) -> Result<(), Error> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64));
        bytes.extend_from_slice(&self.key);
        bytes.extend_from_slice(&self.current);
        bytes.extend_from_slice(&self.next);
        keys.save(&bytes)
    }
}

/// A key store in a file that its owner alone may read, beside the store's folder and never in it.
#[derive(Clone, Debug)]
pub struct FileKeyStore(PathBuf);

impl FileKeyStore {
    /// Keeps the secret at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Keeps it beside the folder, as `<folder>.key`.
    pub fn beside(folder: &Path) -> Self {
        // Without a trailing separator, which would put it inside.
        let mut path = folder.components().collect::<PathBuf>().into_os_string();
        path.push(".key");
        Self(path.into())
    }
}

impl KeyStore for FileKeyStore {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        match fs::read(&self.0) {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(_) => Err(Error::KeyUnavailable { why: KeyProblem::Locked }),
        }
    }

    fn save(&self, secret: &[u8]) -> Result<(), Error> {
        let temporary = self.0.with_extension("key.new");
        let write = || {
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&temporary)?;
            file.write_all(secret)?;
            file.sync_all()?;
            fs::rename(&temporary, &self.0)?;
            // The rename is durable once its folder is.
            let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            fs::File::open(folder)?.sync_all()
        };
        write().map_err(|error: std::io::Error| match error.kind() {
            std::io::ErrorKind::StorageFull => Error::StorageFull,
            _ => Error::KeyUnavailable { why: KeyProblem::Locked },
        })
    }

    fn erase(&self) -> Result<(), Error> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::KeyUnavailable { why: KeyProblem::Locked })
            }
            _ => Ok(()),
        }
    }
}
