//! Pli's protocol: the gRPC types, and what client and server must compute alike.
//!
//! - [`pb`]: the messages and services of `pli.v1`, generated from `pli/v1/*.proto`.
//! - [`id`]: ids that can't be mistaken for one another.
//! - [`limits`]: the bounds that both sides keep, each with its reason.
//! - [`signed`]: the exact bytes under each signature and each running hash.
//! - [`row`]: access keys, MLS keys blinded per log, and their signatures.
//! - [`rows`]: what row changes do to a log's rows.
//! - [`certificate`]: the profile of the organisation's certificates.
//! - [`issuers`]: the end of an issuer, and which of its certificates stay good.
//! - [`refusal`]: the machine-readable reason in a gRPC status.
//! - [`text`]: which texts and names are one.

pub mod certificate;
pub mod id;
pub mod issuers;
pub mod limits;
#[cfg(feature = "grpc")]
pub mod refusal;
pub mod row;
pub mod rows;
pub mod signed;
pub mod text;

/// The generated messages and services of `pli.v1`.
#[allow(missing_docs, unreachable_pub, clippy::pedantic)]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/pli.v1.rs"));

    /// The compiled descriptors of all files, for gRPC reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}

/// The version of the wire protocol that this crate speaks.
pub const PROTOCOL: u32 = 1;
/// The oldest version that it still understands.
pub const OLDEST_PROTOCOL: u32 = 1;
/// The request header with the client's protocol version.
pub const PROTOCOL_HEADER: &str = "pli-protocol";
/// The request header with the door key, in hexadecimal.
pub const DOOR_HEADER: &str = "pli-door";
