//! MLS groups as Pli uses them: which commits count, and how entries are sealed. Public state and an entry in, a verdict
//! out.
//!
//! - [`settings`]: the group context extension: founding facts, roles, permissions.
//! - [`options`]: settings on which no verdict hangs.
//! - [`roster`]: the leaves of a group as persons and devices.
//! - [`seal`]: entries and snapshots under the log key.
//! - [`verdict`]: which commits count (docs/protocol.md, section 4), by public facts alone.
//! - [`rules`]: what roles and evidence allow.
//! - [`rows`]: the rows that a state asks for, and how those of two states differ.
//! - [`associated`]: what binds a message or a commit to its place in the log.
//! - [`path`]: the shape of a commit: bounds before it is parsed, and the ciphertexts of its path.
//! - [`group_info`]: the GroupInfo beside a commit.

pub mod associated;
pub mod group_info;
pub mod options;
pub mod path;
pub mod roster;
pub mod rows;
pub mod rules;
pub mod seal;
pub mod settings;
pub mod verdict;

use openmls::prelude::{
    Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, Extension, ExtensionType, Extensions,
    GroupContext, Lifetime, MlsGroupCreateConfig, MlsGroupJoinConfig, MlsMessageIn, PURE_PLAINTEXT_WIRE_FORMAT_POLICY,
    ProtocolMessage, RequiredCapabilitiesExtension, UnknownExtension,
};
use tls_codec::{DeserializeBytes as _, Serialize as _, VLByteSlice};

/// The version of the rules in this module; what they accept never changes under one number. A group's context says which it
/// follows by the type of its settings' extension, which MLS lets no group have that a member's client does not know (RFC
/// 9420 section 12.1.7): so nobody meets rules that they do not know.
pub const RULES: u16 = 1;

/// ML-KEM-768 with X25519, AES-256-GCM, SHA-384, Ed25519.
pub const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

/// The group context extension with the settings, under these rules (RFC 9420 section 17.3, private use).
pub const SETTINGS_EXTENSION: u16 = 0xF0A0 + RULES;
/// Of how many rules a leaf may say that its client knows them.
const MOST_RULES: u16 = 15;

/// What the leaves of this version say that they can do.
pub fn capabilities() -> Capabilities {
    capabilities_up_to(RULES)
}

/// What leaves say whose clients know these rules and all before them.
fn capabilities_up_to(newest: u16) -> Capabilities {
    let rules = (1..=newest).map(|rules| ExtensionType::Unknown(0xF0A0 + rules));
    // The mark of a last resort is refused in a key package whose leaf does not list it.
    let extensions: Vec<_> = std::iter::once(ExtensionType::LastResort).chain(rules).collect();
    Capabilities::new(None, Some(&[SUITE]), Some(&extensions), Some(&[]), Some(&[CredentialType::X509]))
}

/// Whether a leaf says that its client can do what this version's can, and knows these rules, perhaps with those that follow.
fn can_follow(leaf: &Capabilities) -> bool {
    let newest = leaf.extensions().len().saturating_sub(1).min(MOST_RULES.into()) as u16;
    newest >= RULES && *leaf == capabilities_up_to(newest)
}

/// The extensions of a group context: these two, and no others.
pub fn context_extensions(settings: &settings::Settings) -> Extensions<GroupContext> {
    let required =
        RequiredCapabilitiesExtension::new(&[ExtensionType::Unknown(SETTINGS_EXTENSION)], &[], &[CredentialType::X509]);
    Extensions::from_vec(vec![
        Extension::RequiredCapabilities(required),
        Extension::Unknown(SETTINGS_EXTENSION, UnknownExtension(settings.encode())),
    ])
    .expect("two extensions of a group context")
}

/// Leaves have no lifetime: openmls would judge it on receipt, at clocks that differ.
pub fn lifetime() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

/// How groups are founded.
pub fn create_config(settings: &settings::Settings) -> MlsGroupCreateConfig {
    MlsGroupCreateConfig::builder()
        .ciphersuite(SUITE)
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(0)
        .capabilities(capabilities())
        .lifetime(lifetime())
        .with_group_context_extensions(context_extensions(settings))
        .build()
}

/// How groups are joined. Handshakes are PublicMessages within the seal, so that followers need no secrets. No past
/// epochs are kept: the place of an entry in the log says its epoch.
pub fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder().wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY).max_past_epochs(0).build()
}

/// The `x509` credential of a chain (RFC 9420 section 5.3), the device's certificate first.
pub fn credential(chain: &[Vec<u8>]) -> Credential {
    // openmls puts the length of the whole around it.
    let vector = |der: &Vec<u8>| VLByteSlice(der).tls_serialize_detached().expect("a few kilobytes");
    Credential::new(CredentialType::X509, chain.iter().flat_map(vector).collect())
}

/// The chain in a credential; `None` if it is no `x509` credential.
pub fn chain(credential: &Credential) -> Option<Vec<Vec<u8>>> {
    if credential.credential_type() != CredentialType::X509 {
        return None;
    }
    let (mut certificates, mut rest) = (Vec::new(), credential.serialized_content());
    while !rest.is_empty() {
        let (der, after) = split_vector(rest)?;
        certificates.push(der.to_vec());
        rest = after;
    }
    Some(certificates)
}

/// A credential with its key.
pub fn credential_with_key(chain: &[Vec<u8>], key: &[u8; 32]) -> CredentialWithKey {
    CredentialWithKey { credential: credential(chain), signature_key: key.to_vec().into() }
}

/// Parses a PublicMessage or PrivateMessage.
pub fn protocol_message(bytes: &[u8]) -> Option<ProtocolMessage> {
    MlsMessageIn::tls_deserialize_exact_bytes(bytes).ok()?.try_into_protocol_message().ok()
}

/// Splits a vector with the variable-size length of RFC 9420 section 2.1.2 off the front of `bytes`.
pub fn split_vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = *bytes.first()?;
    let (head, len) = match first >> 6 {
        0 => (1, usize::from(first)),
        1 => (2, usize::from(u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?) & 0x3fff)),
        2 => (4, (u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?) & 0x3fff_ffff) as usize),
        _ => return None,
    };
    bytes.get(head..)?.split_at_checked(len)
}
