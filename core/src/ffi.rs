//! How values of the core cross to Kotlin, Swift and Python. The values themselves derive it where they are defined.
//!
//! - ids and counts as types of their own.
//! - [`KeyStore`]: the one thing that an app implements.

use std::sync::Arc;

use pli_kernel::group::settings::Role;
use pli_proto::id::{ConversationId, DeviceId, ItemId, PersonId};
use zeroize::Zeroizing;

use crate::error::{Error, KeyProblem, Place};
use crate::store;

/// A number of things.
pub type Count = usize;

uniffi::custom_type!(Count, i32, {
    remote,
    lower: |count| i32::try_from(count).unwrap_or(i32::MAX),
    try_lift: |count| Ok(usize::try_from(count)?),
});
uniffi::custom_type!(Place, String, {
    lower: |place| place.0.to_owned(),
    // Only a key store of the app's can throw it.
    try_lift: |_text| Ok(Place("key store")),
});

/// What a person may do in a group, the least first.
#[uniffi::remote(Enum)]
pub enum Role {
    /// From outside the organisation, for a time.
    Guest,
    /// As everybody who is not said to be something else.
    Member,
    /// Adds and removes people, and sets what members may do.
    Admin,
    /// An admin whom no admin can remove.
    Owner,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+) => {$(
        uniffi::custom_type!($(#[$doc])* $name, String, {
            remote,
            lower: |id| id.to_string(),
            try_lift: |text| Ok(text.parse()?),
        });
    )+};
}
ids!(
    /// Which person: 32 hexadecimal digits.
    PersonId,
    /// Which device: 32 hexadecimal digits.
    DeviceId,
    /// Which conversation: 32 hexadecimal digits.
    ConversationId,
    /// Which entry of a conversation, a message or a change: 32 hexadecimal digits.
    ItemId
);

impl From<uniffi::UnexpectedUniFFICallbackError> for Error {
    /// The app's key store threw something else than an error of ours: its key can't be had now.
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::KeyUnavailable { why: KeyProblem::Locked }
    }
}

/// Where the key of the encrypted store is kept: a hardware key store, a keychain, a file. Called on one of Pli's
/// threads, when a device is opened or joins.
#[uniffi::export(with_foreign)]
pub trait KeyStore: Send + Sync {
    /// What was saved last, or nothing if nothing was.
    fn load(&self) -> Result<Option<Vec<u8>>, Error>;
    /// Replaces what was saved, durably: either the old or the new is there after a crash.
    fn save(&self, secret: Vec<u8>) -> Result<(), Error>;
    /// Forgets it: the store can never be read again.
    fn erase(&self) -> Result<(), Error>;
}

/// Keeps the key in a file that its owner alone may read. For servers and tests: on phones, use the hardware.
#[derive(uniffi::Object)]
pub struct FileKeyStore(store::key::FileKeyStore);

#[uniffi::export]
impl FileKeyStore {
    /// Keeps it at `path`, which must not be inside the device's folder.
    #[uniffi::constructor]
    pub fn new(path: String) -> Self {
        Self(store::key::FileKeyStore::new(path))
    }
}

#[uniffi::export]
impl KeyStore for FileKeyStore {
    fn load(&self) -> Result<Option<Vec<u8>>, Error> {
        Ok(store::key::KeyStore::load(&self.0)?.map(|mut secret| std::mem::take(&mut *secret)))
    }

    fn save(&self, secret: Vec<u8>) -> Result<(), Error> {
        store::key::KeyStore::save(&self.0, &Zeroizing::new(secret))
    }

    fn erase(&self) -> Result<(), Error> {
        store::key::KeyStore::erase(&self.0)
    }
}

/// An app's key store, as the core asks it.
pub struct Foreign(pub Arc<dyn KeyStore>);

impl store::key::KeyStore for Foreign {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        Ok(self.0.load()?.map(Zeroizing::new))
    }

    fn save(&self, secret: &[u8]) -> Result<(), Error> {
        self.0.save(secret.to_vec())
    }

    fn erase(&self) -> Result<(), Error> {
        self.0.erase()
    }
}
