//! Who this device is.
//!
//! - [`link`]: invitation links.
//! - [`Identity`]: what enrolment gave, as it is stored; [`Me`]: the same, ready to sign.
//! - [`ended`]: the issuers that ended.

pub mod ended;
pub mod link;

use openmls::prelude::CredentialWithKey;
use pli_proto::id::{DeviceId, PersonId};
use pli_proto::pb;
use pli_proto::row::AccessSigner;
use pli_proto::signed::{self, Label};
use prost::Message;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use pli_kernel::crypto::DeviceKey;
use pli_kernel::group::seal::LogKey;

/// What enrolment gave, as the encrypted store keeps it.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Identity {
    /// Whose device it is.
    pub person: [u8; 16],
    /// Which device.
    pub device: [u8; 16],
    /// The secret of the MLS key.
    pub mls_seed: [u8; 32],
    /// The MLS certificate and the issuer's, DER.
    pub chain: Vec<Vec<u8>>,
    /// The root's public key, pinned.
    pub root: [u8; 32],
    /// Where the server is.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
}

/// The TLS key and its certificate, renewed every few weeks.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct TlsIdentity {
    /// The secret of the TLS key.
    pub seed: [u8; 32],
    /// The TLS certificate and the issuer's, DER.
    pub chain: Vec<Vec<u8>>,
    /// When the certificate ends, in milliseconds since 1970.
    pub until_ms: u64,
}

/// This device, ready to sign.
pub struct Me {
    /// Whose device it is.
    pub person: PersonId,
    /// Which device.
    pub device: DeviceId,
    /// Signs as a leaf.
    pub key: DeviceKey,
    /// The root's public key, which every certificate must chain to.
    pub root: [u8; 32],
    seed: Zeroizing<[u8; 32]>,
    chain: Vec<Vec<u8>>,
}

impl Me {
    /// Of a stored identity.
    pub fn new(identity: &Identity) -> Self {
        Self {
            person: PersonId(identity.person),
            device: DeviceId(identity.device),
            key: DeviceKey::from_seed(&identity.mls_seed),
            root: identity.root,
            seed: Zeroizing::new(identity.mls_seed),
            chain: identity.chain.clone(),
        }
    }

    /// The credential of this device's leaves.
    pub fn credential(&self) -> CredentialWithKey {
        pli_kernel::group::credential_with_key(&self.chain, &self.key.public())
    }

    /// A request that this device signs with its MLS key.
    pub fn request(&self, label: Label, time_ms: u64, body: &impl Message) -> pb::DeviceRequest {
        let mut request = pb::DeviceRequest { time_ms, request: body.encode_to_vec(), signature: Vec::new() };
        let signed = signed::device_request(&self.root, label, self.device, &request);
        request.signature = self.key.sign_raw(&signed).to_vec();
        request
    }

    /// Signs requests on the log with this key.
    pub fn access(&self, log_key: &LogKey) -> AccessSigner {
        AccessSigner::new(log_key.as_bytes(), &self.seed)
    }
}

impl Identity {
    /// The address of the server, as links show it.
    pub fn server(&self) -> String {
        link::host_port(&self.host, self.port)
    }
}
