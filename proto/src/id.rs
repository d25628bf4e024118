//! Ids: 16 bytes each, shown in hexadecimal, of types that can't be mistaken for one another.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;

/// The bytes are not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: 16 bytes, or 32 hexadecimal digits")]
pub struct NotAnId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// The bytes, for the wire.
            pub fn to_vec(self) -> Vec<u8> {
                self.0.to_vec()
            }

            /// The id that is the beginning of a hash.
            pub fn of_hash(hash: &[u8; 32]) -> Self {
                Self(*hash.first_chunk().expect("32 bytes begin with 16"))
            }
        }
        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        impl TryFrom<&[u8]> for $name {
            type Error = NotAnId;
            fn try_from(bytes: &[u8]) -> Result<Self, NotAnId> {
                bytes.try_into().map(Self).map_err(|_| NotAnId)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER_PERMISSIVE.encode(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| NotAnId)?;
                Self::try_from(bytes.as_slice())
            }
        }
    )+};
}

ids! {
    /// A human being known to the organisation.
    PersonId,
    /// One installation of a client.
    DeviceId,
    /// The server's append-only sequence of entries of one group. Also the MLS group id, which no server sees.
    LogId,
    /// One item of a timeline. A message's is a hash of who says what in which conversation; what waits in the outbox and is
    /// no message has one that is random, and keeps it in the timeline.
    ItemId,
    /// What a person sees as one conversation. A group's is its log id; a pair's is the same for both persons.
    ConversationId,
}
