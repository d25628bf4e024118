//! mls-rs, as it comes, over the same primitives.

use mls_rs::client_builder::{MlsConfig, PaddingMode};
use mls_rs::group::ReceivedMessage;
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions};
use mls_rs::{CipherSuiteProvider as _, Client, CryptoProvider as _, Group, MlsMessage};
use pli_tests::foreign::{Awslc, SUITE};

use crate::Result;

use super::{BODY, BOUND, Pair};

/// A pair in a group of so many. `written`: each writes its state to mls-rs' storage in memory after each message.
pub(super) fn pair(members: usize, written: bool) -> Result<Box<dyn Pair>> {
    let (one, other) = (client()?, client()?);
    let mut sender = one.create_group(Default::default(), Default::default(), None)?;
    let mut commit = sender.commit_builder();
    commit = commit.add_member(other.generate_key_package_message(Default::default(), Default::default(), None)?)?;
    for _ in 2..members {
        let package = client()?.generate_key_package_message(Default::default(), Default::default(), None)?;
        commit = commit.add_member(package)?;
    }
    let commit = commit.build()?;
    sender.apply_pending_commit()?;
    let tree = sender.export_tree();
    let welcome = commit.welcome_messages.first().ok_or("no welcome")?;
    let (receiver, _) = other.join_group(Some(tree), welcome, None)?;
    // In a large group it takes milliseconds, at each message alike.
    let share = if written { 20 } else { 1 };
    Ok(Box::new(MlsRs { sender, receiver, written, share }))
}

fn client() -> Result<Client<impl MlsConfig>> {
    let provider = Awslc::default();
    let suite = provider.cipher_suite_provider(SUITE).ok_or("no suite")?;
    let (secret, public) = suite.signature_key_generate()?;
    let options = CommitOptions::new().with_ratchet_tree_extension(false);
    let rules = DefaultMlsRules::new()
        .with_commit_options(options)
        .with_encryption_options(EncryptionOptions::new(false, PaddingMode::None));
    let identity = SigningIdentity::new(BasicCredential::new(public.to_vec()).into_credential(), public);
    Ok(Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(provider)
        .mls_rules(rules)
        .signing_identity(identity, secret, SUITE)
        .build())
}

struct MlsRs<C: MlsConfig> {
    sender: Group<C>,
    receiver: Group<C>,
    written: bool,
    share: usize,
}

impl<C: MlsConfig> Pair for MlsRs<C> {
    fn encrypt(&mut self) -> Result<Vec<u8>> {
        let wire = self.sender.encrypt_application_message(&BODY, BOUND.to_vec())?.to_bytes()?;
        if self.written {
            self.sender.write_to_storage()?;
        }
        Ok(wire)
    }
    fn decrypt(&mut self, wire: &[u8]) -> Result<()> {
        let received = self.receiver.process_incoming_message(MlsMessage::from_bytes(wire)?)?;
        if self.written {
            self.receiver.write_to_storage()?;
        }
        match received {
            ReceivedMessage::ApplicationMessage(message) if message.data() == BODY => Ok(()),
            _ => Err("another message".into()),
        }
    }
    fn share(&self) -> usize {
        self.share
    }
}
