//! The crypto provider and the store of openmls' state: against published vectors, against openmls' own providers,
//! and under damage.
//!
//! `vectors/xwing.json` is draft-connolly-cfrg-xwing-kem's (as the crate x-wing 0.1.1 carries it), `hpke.json` is
//! RFC 9180's A.1.1 without its intermediate values, `crypto-basics.json` is openmls' file of that name for suite 1.

#![allow(clippy::unwrap_used, reason = "the helpers' too are a test's")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use data_encoding::HEXLOWER as HEX;
use openmls::prelude::*;
use openmls_libcrux_crypto::Provider as Libcrux;
use openmls_rust_crypto::OpenMlsRustCrypto as RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::signatures::Signer as _;
use pli_core::store::mls::{Deferred, FOLLOWER, MEMBER, MlsStore, MlsStoreError, SCHEMA};
use pli_env::{BoxFuture, Dial, Env, Incoming, Listen, Stream, Task};
use pli_kernel::crypto::{
    CLASSIC_SUITE, Crypto, CryptoError, DeviceKey, HPKE_CONFIG, Provider, SUITE, generate_kem_pair, open_with, seal_to,
    verify, well_formed,
};
use rusqlite::{Connection, params};
use serde_json::Value;
use tls_codec::Serialize as _;

mod agreement;
mod groups;
mod signatures;
mod store;
mod vectors;

/// A member of a group, with any provider.
struct Member<P> {
    provider: P,
    key: DeviceKey,
    group: Option<MlsGroup>,
}

/// What a member makes of a message.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Text(String),
    Commit,
    Proposal,
}

fn heard(text: &str) -> Result<Heard, String> {
    Ok(Heard::Text(text.into()))
}

fn committed() -> Result<Heard, String> {
    Ok(Heard::Commit)
}

impl<P: OpenMlsProvider> Member<P> {
    fn new(provider: P, seed: u8) -> Self {
        Self { provider, key: DeviceKey::from_seed(&[seed; 32]), group: None }
    }

    fn credential(&self) -> CredentialWithKey {
        let name = self.key.public().to_vec();
        CredentialWithKey { credential: BasicCredential::new(name.clone()).into(), signature_key: name.into() }
    }

    fn key_package(&self, suite: Ciphersuite) -> KeyPackage {
        let builder = KeyPackage::builder()
            .key_package_lifetime(for_ever())
            .leaf_node_capabilities(Capabilities::builder().ciphersuites(vec![suite]).build());
        builder.build(suite, &self.provider, &self.key, self.credential()).unwrap().into_key_package()
    }

    /// Founds a group with these members: commit, welcome.
    fn found(&mut self, suite: Ciphersuite, packages: &[KeyPackage]) -> (Vec<u8>, Vec<u8>) {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(suite)
            .capabilities(Capabilities::builder().ciphersuites(vec![suite]).build())
            .lifetime(for_ever())
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .build();
        self.group = Some(MlsGroup::new(&self.provider, &self.key, &config, self.credential()).unwrap());
        self.add(packages)
    }

    fn add(&mut self, packages: &[KeyPackage]) -> (Vec<u8>, Vec<u8>) {
        let group = self.group.as_mut().unwrap();
        let (commit, welcome, _) = group.add_members(&self.provider, &self.key, packages).unwrap();
        group.merge_pending_commit(&self.provider).unwrap();
        (commit.tls_serialize_detached().unwrap(), welcome.tls_serialize_detached().unwrap())
    }

    fn join(&mut self, welcome: &[u8]) {
        let MlsMessageBodyIn::Welcome(welcome) = parsed(welcome).extract() else { panic!() };
        let config = MlsGroupJoinConfig::builder().wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY).build();
        let staged = StagedWelcome::new_from_welcome(&self.provider, &config, welcome, None).unwrap();
        self.group = Some(staged.into_group(&self.provider).unwrap());
    }

    fn group(&self) -> &MlsGroup {
        self.group.as_ref().unwrap()
    }

    fn load(&mut self, id: &GroupId) {
        self.group = Some(MlsGroup::load(self.provider.storage(), id).unwrap().unwrap());
    }

    fn reload(&mut self) {
        let id = self.group().group_id().clone();
        self.load(&id);
    }

    fn say(&mut self, text: &str) -> Vec<u8> {
        let group = self.group.as_mut().unwrap();
        let message = group.create_message(&self.provider, &self.key, text.as_bytes()).unwrap();
        message.tls_serialize_detached().unwrap()
    }

    fn update(&mut self) -> Vec<u8> {
        let group = self.group.as_mut().unwrap();
        let bundle = group.self_update(&self.provider, &self.key, LeafNodeParameters::default()).unwrap();
        let commit = bundle.commit().tls_serialize_detached().unwrap();
        self.reload(); // together with its pending commit
        self.group.as_mut().unwrap().merge_pending_commit(&self.provider).unwrap();
        commit
    }

    fn propose_update(&mut self) -> Vec<u8> {
        let group = self.group.as_mut().unwrap();
        let (proposal, _) =
            group.propose_self_update(&self.provider, &self.key, LeafNodeParameters::default()).unwrap();
        self.reload();
        proposal.tls_serialize_detached().unwrap()
    }

    fn commit_pending(&mut self) -> Vec<u8> {
        let group = self.group.as_mut().unwrap();
        let (commit, _, _) = group.commit_to_pending_proposals(&self.provider, &self.key).unwrap();
        group.merge_pending_commit(&self.provider).unwrap();
        commit.tls_serialize_detached().unwrap()
    }

    fn remove(&mut self, leaf: u32) -> Vec<u8> {
        let group = self.group.as_mut().unwrap();
        let (commit, _, _) = group.remove_members(&self.provider, &self.key, &[LeafNodeIndex::new(leaf)]).unwrap();
        group.merge_pending_commit(&self.provider).unwrap();
        commit.tls_serialize_detached().unwrap()
    }

    fn hear(&mut self, wire: &[u8]) -> Result<Heard, String> {
        let message = parsed(wire).try_into_protocol_message().unwrap();
        let group = self.group.as_mut().unwrap();
        let processed = group.process_message(&self.provider, message).map_err(|e| e.to_string())?;
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(m) => {
                Ok(Heard::Text(String::from_utf8(m.into_bytes()).unwrap()))
            }
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                group.merge_staged_commit(&self.provider, *staged).unwrap();
                Ok(Heard::Commit)
            }
            ProcessedMessageContent::ProposalMessage(proposal) => {
                group.store_pending_proposal(self.provider.storage(), *proposal).unwrap();
                Ok(Heard::Proposal)
            }
            _ => panic!(),
        }
    }
}

fn parsed(wire: &[u8]) -> MlsMessageIn {
    MlsMessageIn::tls_deserialize_exact_bytes(wire).unwrap()
}

/// openmls' own default reads the clock.
fn for_ever() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

fn memory() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    db
}

fn over<'a>(crypto: &'a Crypto, db: &'a Connection, deferred: &'a Deferred) -> Provider<'a, MlsStore<'a>> {
    Provider { crypto, storage: MlsStore::new(db, MEMBER, deferred) }
}

/// A provider with a database of its own in memory, which lasts as long as the test.
fn leaked(crypto: &Crypto) -> Provider<'static, MlsStore<'static>> {
    over(Box::leak(Box::new(crypto.clone())), Box::leak(Box::new(memory())), Box::leak(Box::default()))
}

/// openmls' own providers.
fn others() -> [Box<dyn OpenMlsCrypto>; 2] {
    [
        Box::new(openmls_rust_crypto::RustCrypto::default()),
        Box::new(openmls_libcrux_crypto::CryptoProvider::new().unwrap()),
    ]
}

fn random(seed: u64) -> Crypto {
    Crypto::new(pli_env::draw(Arc::new(Seeded::new(seed))))
}

/// Cryptography whose randomness is these, one after another, and no more.
fn told(draws: &[&[u8]]) -> Crypto {
    Crypto::new(pli_env::draw(Arc::new(Told(Mutex::new(draws.iter().rev().map(|draw| draw.to_vec()).collect())))))
}

/// Up to `most` random bytes.
fn some(crypto: &Crypto, most: usize) -> Vec<u8> {
    let len = u16::from_le_bytes(crypto.random_array().unwrap());
    crypto.random_vec(usize::from(len) % (most + 1)).unwrap()
}

const ED25519: SignatureScheme = SignatureScheme::ED25519;

/// Randomness from a seed.
struct Seeded {
    seed: u64,
    drawn: Mutex<u64>,
}

impl Seeded {
    fn new(seed: u64) -> Self {
        Self { seed, drawn: Mutex::new(0) }
    }

    /// How many blocks were drawn.
    fn drawn(&self) -> u64 {
        *self.drawn.lock().unwrap()
    }
}

impl Randomness for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut drawn = self.drawn.lock().unwrap();
        for block in bytes.chunks_mut(32) {
            let hash = digest::digest(&digest::SHA256, &[self.seed.to_le_bytes(), drawn.to_le_bytes()].concat());
            block.copy_from_slice(&hash.as_ref()[..block.len()]);
            *drawn += 1;
        }
    }
}

struct Told(Mutex<Vec<Vec<u8>>>);

impl Randomness for Told {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0.lock().unwrap().pop().expect("no more was foreseen"));
    }
}

trait Randomness: Send + Sync + 'static {
    fn fill(&self, bytes: &mut [u8]);
}

/// Only randomness is used here.
macro_rules! env {
    ($($of:ty),*) => {$(
        impl Env for $of {
            fn fill(&self, bytes: &mut [u8]) {
                Randomness::fill(self, bytes);
            }
            fn now_ms(&self) -> u64 {
                unreachable!()
            }
            fn open_database(&self, _: &Path) -> rusqlite::Result<Connection> {
                unreachable!()
            }
            fn run_database(&self, _: &str, _: BoxFuture<()>) {
                unreachable!()
            }
            fn spawn(&self, _: BoxFuture<()>) -> Task {
                unreachable!()
            }
            fn step(&self, _: &'static str) -> BoxFuture<()> {
                unreachable!()
            }
            fn dial(&self, _: Dial) -> BoxFuture<std::io::Result<Stream>> {
                unreachable!()
            }
            fn listen(&self, _: Listen) -> BoxFuture<std::io::Result<(SocketAddr, Incoming)>> {
                unreachable!()
            }
        }
    )*};
}

env!(Seeded, Told);
