//! mls-rs, set up for the groups of section 4.1.

use std::time::Duration;

use mls_rs::client_builder::{BaseConfig, PaddingMode, WithCryptoProvider, WithIdentityProvider};
use mls_rs::extension::ExtensionType;
use mls_rs::external_client::builder as external;
use mls_rs::external_client::{ExternalClient, ExternalGroup};
use mls_rs::identity::{Credential, CredentialType, SigningIdentity};
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions};
use mls_rs::time::MlsTime;
use mls_rs::{Extension, ExtensionList, IdentityProvider};

use mls_rs_core::identity::{CertificateChain, MemberValidationContext};

use super::certificate::{Named, Usage, chain};
use super::keys::DeviceKey;
use super::provider::{Awslc, Failed, SUITE};
use super::{Error, Result, ensure};

/// The extension that marks a last resort.
pub(super) const LAST_RESORT: ExtensionType = ExtensionType::new(10);
/// The extension that holds the settings.
pub(super) const SETTINGS: ExtensionType = ExtensionType::new(0xf0a1);
pub(super) const X509: CredentialType = CredentialType::new(2);

type Config = WithCryptoProvider<Awslc, WithIdentityProvider<Chains, BaseConfig>>;
pub(super) type Client = mls_rs::Client<Config>;
pub(super) type Member = mls_rs::Group<Config>;
/// Follows without secrets.
pub(super) type Follower = ExternalGroup<
    external::WithCryptoProvider<Awslc, external::WithIdentityProvider<Chains, external::ExternalBaseConfig>>,
>;

/// mls-rs for a device.
pub(super) fn client(root: [u8; 32], key: &DeviceKey, certificates: &[Vec<u8>]) -> Client {
    // A path wherever the RFC asks for one is what section 4.2, rule 3, asks for.
    let commits = CommitOptions::new().with_ratchet_tree_extension(false).with_allow_external_commit(true);
    let rules = DefaultMlsRules::new()
        .with_commit_options(commits)
        .with_encryption_options(EncryptionOptions::new(false, PaddingMode::None));
    let credential = CertificateChain::from(certificates.to_vec()).into_credential();
    let identity = SigningIdentity::new(credential, key.public().to_vec().into());
    mls_rs::Client::builder()
        .identity_provider(Chains { root })
        .crypto_provider(Awslc::default())
        .mls_rules(rules)
        .extension_types([LAST_RESORT, SETTINGS])
        .key_package_lifetime(Duration::from_secs(u64::MAX))
        .signing_identity(identity, key.seed().to_vec().into(), SUITE)
        .build()
}

/// A key package from the time 0 to the end of time; the last resort says so.
pub(super) fn key_package(client: &Client, last_resort: bool) -> Result<Vec<u8>> {
    let mark = Extension::new(LAST_RESORT, Vec::new());
    let extensions: ExtensionList = last_resort.then_some(mark).into_iter().collect();
    let begin = Some(MlsTime::from(0));
    Ok(client.generate_key_package_message(extensions, ExtensionList::new(), begin)?.to_bytes()?)
}

/// Follows a group from a GroupInfo and a tree.
pub(super) fn follow(root: [u8; 32], group_info: &[u8], tree: &[u8]) -> Result<Follower> {
    let client = ExternalClient::builder()
        .identity_provider(Chains { root })
        .crypto_provider(Awslc::default())
        .extension_types([LAST_RESORT, SETTINGS])
        .build();
    let group_info = mls_rs::MlsMessage::from_bytes(group_info)?;
    Ok(client.observe_group(group_info, Some(mls_rs::group::ExportedTree::from_bytes(tree)?), None)?)
}

/// The certificates in a leaf's credential: device and issuer.
pub(super) fn certificates(identity: &SigningIdentity) -> Result<Vec<&[u8]>> {
    let Credential::X509(chain) = &identity.credential else { return Err("no certificates".into()) };
    Ok(chain.iter().map(|certificate| certificate.as_ref()).collect())
}

/// Whom a leaf's credential names, by its chain to this root.
pub(super) fn named(root: &[u8; 32], identity: &SigningIdentity) -> Result<Named> {
    let named = chain(&certificates(identity)?, root, Usage::Mls)?;
    ensure(identity.signature_key.as_bytes() == named.key, "another key than the certificate's")?;
    Ok(named)
}

/// Members are who their chains say; dates are not asked.
#[derive(Clone)]
pub(super) struct Chains {
    root: [u8; 32],
}

impl Chains {
    fn named(&self, identity: &SigningIdentity) -> Result<Named, Failed> {
        named(&self.root, identity).map_err(|_: Error| Failed)
    }
}

impl IdentityProvider for Chains {
    type Error = Failed;

    fn validate_member(
        &self,
        identity: &SigningIdentity,
        _: Option<MlsTime>,
        _: MemberValidationContext<'_>,
    ) -> Result<(), Failed> {
        self.named(identity).map(drop)
    }
    fn validate_external_sender(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: Option<&ExtensionList>,
    ) -> Result<(), Failed> {
        Err(Failed)
    }
    /// Unlike for all leaves.
    fn identity(&self, identity: &SigningIdentity, _: &ExtensionList) -> Result<Vec<u8>, Failed> {
        Ok(self.named(identity)?.device.to_vec())
    }
    fn valid_successor(
        &self,
        before: &SigningIdentity,
        after: &SigningIdentity,
        _: &ExtensionList,
    ) -> Result<bool, Failed> {
        Ok(certificates(before).ok() == certificates(after).ok())
    }
    fn supported_types(&self) -> Vec<CredentialType> {
        vec![X509]
    }
}
