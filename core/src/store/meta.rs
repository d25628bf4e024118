//! Single values of the store: who this device is, and how far it has read.

use rusqlite::{Connection, OptionalExtension as _};

use crate::error::Error;
use crate::identity::Identity;

/// The number that store and key store share.
pub(crate) const STORE_NUMBER: &str = "store number";
/// Set while a copied-back store has groups to rejoin.
pub(crate) const IS_COPY: &str = "is copy";
/// When this store was found to be a copy, by this device's clock and with a margin for the server's.
pub(crate) const COPIED_MS: &str = "copied";
/// [`crate::identity::Identity`], JSON.
pub(crate) const IDENTITY: &str = "identity";
/// The device's TLS key and certificate, JSON.
pub(crate) const TLS: &str = "tls";
/// The invitation and the seeds of an enrolment under way, JSON.
pub(crate) const ENROLLING: &str = "enrolling";
/// The keys of the inbox and where their key packages begin, JSON.
pub(crate) const STOCKS: &str = "stocks";
/// Set while the stock is to be replaced, whatever its age.
pub(crate) const RENEW_STOCK: &str = "renew stock";
/// What the server was asked to put into stock and has not answered, as it was sent: protobuf.
pub(crate) const PUBLISHING: &str = "publishing";
/// When the server was last seen to have been put back to an older copy.
pub(crate) const PUT_BACK_MS: &str = "put back";
/// When this device's clock was first looked at for what is over, without the server's word; see [`super::lifetime`].
pub(crate) const LOOKED_MS: &str = "looked";
/// The [`crate::content::VERSION`] that kept items as unknown.
pub(crate) const CONTENT_VERSION: &str = "content version";
/// The directory's version.
pub(crate) const DIRECTORY_VERSION: &str = "directory version";
/// The organisation's name.
pub(crate) const ORGANISATION: &str = "organisation";
/// The revocation list's running hash.
pub(crate) const REVOCATIONS_HASH: &str = "revocations hash";
/// When the last revocation list was signed.
pub(crate) const REVOCATIONS_SIGNED_MS: &str = "revocations signed";
/// The days on which the server saw the own person's devices last, JSON.
pub(crate) const SEEN: &str = "seen";
/// The last item that notices were given of, or not.
pub(crate) const NOTICED: &str = "noticed";
/// The last item that `messages` handled.
pub(crate) const BOOKMARK: &str = "bookmark";
/// The last item that `arrived` gave and that was handled.
pub(crate) const ARRIVED: &str = "arrived";

/// The value of `key`.
pub(crate) fn get<T: TryFrom<Vec<u8>>>(db: &Connection, key: &str) -> Result<Option<T>, Error> {
    let mut query = db.prepare_cached("SELECT value FROM meta WHERE key = ?")?;
    let value: Option<Vec<u8>> = query.query_row([key], |row| row.get(0)).optional()?;
    value.map(|value| T::try_from(value).map_err(|_| Error::Damaged)).transpose()
}

/// Sets it.
pub(crate) fn set(db: &Connection, key: &str, value: &[u8]) -> Result<(), Error> {
    db.prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)")?.execute((key, value))?;
    Ok(())
}

/// Removes it.
pub(crate) fn remove(db: &Connection, key: &str) -> Result<(), Error> {
    db.execute("DELETE FROM meta WHERE key = ?", [key])?;
    Ok(())
}

/// A number; zero if it was never set.
pub(crate) fn number(db: &Connection, key: &str) -> Result<u64, Error> {
    Ok(get::<[u8; 8]>(db, key)?.map_or(0, u64::from_be_bytes))
}

/// Sets a number.
pub(crate) fn set_number(db: &Connection, key: &str, number: u64) -> Result<(), Error> {
    set(db, key, &number.to_be_bytes())
}

/// A value in JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(db: &Connection, key: &str) -> Result<Option<T>, Error> {
    let bytes: Option<Vec<u8>> = get(db, key)?;
    bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(|_| Error::Damaged)).transpose()
}

/// Sets a value in JSON.
pub(crate) fn set_json(db: &Connection, key: &str, value: &impl serde::Serialize) -> Result<(), Error> {
    let bytes = zeroize::Zeroizing::new(serde_json::to_vec(value).map_err(|_| Error::internal("json"))?);
    set(db, key, &bytes)
}

/// Who this device is.
pub(crate) fn identity(db: &Connection) -> Result<Identity, Error> {
    json(db, IDENTITY)?.ok_or(Error::NotEnrolled)
}
