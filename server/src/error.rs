//! Why a server does not start, or stopped.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::authority::AuthorityError;
use crate::engine::EngineError;

/// Why a server does not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The data folder has no authority, or one that can't be used: a missing file, a damaged or newer database.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Another server serves this data folder.
    #[error("another server uses {0}")]
    InUse(PathBuf),
    /// The address can't be listened on: in use by another program, or not of this machine.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Keys and certificates are not fit for TLS.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The transport failed.
    #[error("the transport failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// Nothing listens any more.
    #[error("the listener ended")]
    Ended,
}

impl From<EngineError> for ServerError {
    fn from(error: EngineError) -> Self {
        Self::Authority(error.into())
    }
}
