//! openmls as Pli runs it.

use std::sync::Arc;

use openmls::group::PastEpochDeletion;
use openmls::prelude::{
    BasicCredential, CredentialWithKey, KeyPackage, MlsGroup, MlsGroupCreateConfig, MlsMessageBodyIn, MlsMessageIn,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProcessedMessageContent, StagedWelcome,
};
use pli_core::store::mls::{Deferred, MEMBER, MlsStore, SCHEMA};
use pli_env::Env;
use pli_env::real::Real;
use pli_kernel::crypto::{Crypto, DeviceKey, Provider, SUITE};
use pli_kernel::group::join_config;
use rusqlite::Connection;
use tls_codec::{DeserializeBytes as _, Serialize as _};

use crate::Result;

use super::{BODY, BOUND, Pair};

/// One device: its key, its cryptography, its database.
struct Device {
    key: DeviceKey,
    crypto: Crypto,
    database: Connection,
    deferred: Deferred,
}

impl Device {
    fn new() -> Result<Self> {
        let env: Arc<dyn Env> = Real::current();
        let database = Connection::open_in_memory()?;
        database.execute_batch(SCHEMA)?;
        database.set_prepared_statement_cache_capacity(128);
        let key = DeviceKey::from_seed(&pli_env::random(&*env));
        Ok(Self { key, crypto: Crypto::new(pli_env::draw(env)), database, deferred: Deferred::default() })
    }

    fn provider(&self) -> Provider<'_, MlsStore<'_>> {
        Provider { crypto: &self.crypto, storage: MlsStore::new(&self.database, MEMBER, &self.deferred) }
    }

    fn credential(&self) -> CredentialWithKey {
        let public = self.key.public().to_vec();
        CredentialWithKey { credential: BasicCredential::new(public.clone()).into(), signature_key: public.into() }
    }

    fn key_package(&self) -> Result<KeyPackage> {
        let package = KeyPackage::builder().build(SUITE, &self.provider(), &self.key, self.credential())?;
        Ok(package.key_package().clone())
    }
}

/// Key packages of so many other members.
pub(super) fn key_packages(count: usize) -> Result<Vec<KeyPackage>> {
    let mut device = Device::new()?;
    let mut packages = Vec::with_capacity(count);
    for _ in 0..count {
        device.key = DeviceKey::from_seed(&pli_env::random(&*Real::current()));
        packages.push(device.key_package()?);
    }
    Ok(packages)
}

/// A device and its group.
struct Member {
    device: Device,
    group: MlsGroup,
}

impl Member {
    /// As `Tx::settle` does.
    fn settle(&mut self) -> Result<()> {
        self.device.deferred.defer(false);
        if self.device.deferred.owes() {
            self.group.delete_past_epoch_secrets(&self.device.provider(), PastEpochDeletion::delete_all())?;
        }
        Ok(())
    }
}

pub(super) struct Pli {
    sender: Member,
    receiver: Member,
    /// Secrets are written once for a page.
    defers: bool,
}

impl Pli {
    pub(super) fn new(others: &[KeyPackage], defers: bool) -> Result<Self> {
        let (sender, receiver) = (Device::new()?, Device::new()?);
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .build();
        let mut group = MlsGroup::new(&sender.provider(), &sender.key, &config, sender.credential())?;
        let mut packages = vec![receiver.key_package()?];
        packages.extend_from_slice(others);
        let (_, welcome, _) = group.add_members(&sender.provider(), &sender.key, &packages)?;
        group.merge_pending_commit(&sender.provider())?;
        let welcome = MlsMessageIn::tls_deserialize_exact_bytes(&welcome.tls_serialize_detached()?)?;
        let MlsMessageBodyIn::Welcome(welcome) = welcome.extract() else { return Err("not a welcome".into()) };
        let tree = Some(group.export_ratchet_tree().into());
        let joined = StagedWelcome::new_from_welcome(&receiver.provider(), &join_config(), welcome, tree)?
            .into_group(&receiver.provider())?;
        let sender = Member { device: sender, group };
        Ok(Self { sender, receiver: Member { device: receiver, group: joined }, defers })
    }
}

impl Pair for Pli {
    fn begin(&mut self) -> Result<()> {
        for member in [&self.sender, &self.receiver] {
            member.device.database.execute_batch("BEGIN IMMEDIATE")?;
            member.device.deferred.defer(self.defers);
        }
        Ok(())
    }
    fn encrypt(&mut self) -> Result<Vec<u8>> {
        let Member { device, group } = &mut self.sender;
        group.set_aad(BOUND.to_vec());
        Ok(group.create_message(&device.provider(), &device.key, &BODY)?.to_bytes()?)
    }
    fn decrypt(&mut self, wire: &[u8]) -> Result<()> {
        let Member { device, group } = &mut self.receiver;
        let message = MlsMessageIn::tls_deserialize_exact_bytes(wire)?.try_into_protocol_message()?;
        let processed = group.process_message(&device.provider(), message)?;
        if processed.aad() != BOUND {
            return Err("another message".into());
        }
        let ProcessedMessageContent::ApplicationMessage(message) = processed.into_content() else {
            return Err("no message".into());
        };
        if message.into_bytes() == BODY { Ok(()) } else { Err("another message".into()) }
    }
    fn end(&mut self) -> Result<()> {
        for member in [&mut self.sender, &mut self.receiver] {
            member.settle()?;
            member.device.database.execute_batch("COMMIT")?;
        }
        Ok(())
    }
}
