//! Commits of our own: what a member asks for, made into an entry that every honest member will count.

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::{KeyPackage, LeafNodeIndex, MlsMessageOut};
use openmls_traits::OpenMlsProvider as _;
use pli_proto::id::PersonId;
use pli_proto::pb::opened::Body as Inside;
use pli_proto::{pb, rows};
use prost::Message;
use sha2::{Digest as _, Sha256};
use tls_codec::Serialize as _;

use crate::error::Error;
use crate::store::logs::Log;
use crate::store::outbox::{Sealed, Welcome};
use crate::store::{Loaded, Tx, people};

use super::join::{Keep, internal, judge};
use crate::store::groups::tree;
use pli_kernel::group::roster::{KeyDigest, Leaf, Roster};
use pli_kernel::group::rows as asked;
use pli_kernel::group::seal;
use pli_kernel::group::settings::Settings;
use pli_kernel::group::verdict::Public;
use pli_kernel::group::{associated, split_vector};

/// A device to add.
#[derive(Clone)]
pub(crate) struct Addition {
    pub(crate) device: [u8; 16],
    pub(crate) person: PersonId,
    pub(crate) package: KeyPackage,
    pub(crate) inbox_key: Vec<u8>,
}

/// What a commit is to do. None of it: an empty update.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    pub(crate) add: Vec<Addition>,
    /// Places in the tree.
    pub(crate) remove: BTreeSet<u32>,
    /// The settings after it, if they change.
    pub(crate) settings: Option<Settings>,
    pub(crate) evidence: Vec<pb::Evidence>,
}

/// A commit ready to be sent. It is pending in the group until the log shows what took its place.
pub(crate) struct Prepared {
    pub(crate) sealed: Sealed,
    pub(crate) welcomes: Vec<Welcome>,
}

/// Makes a commit on the group's present state. `Ok(None)`: the rules would not count it, so it is not sent.
pub(crate) fn commit(
    tx: &mut Tx<'_>,
    record: &Log,
    loaded: &mut Loaded,
    plan: &Plan,
) -> Result<Option<Prepared>, Error> {
    let roster = roster_after(plan, loaded)?;
    let settings = settings_after(plan, loaded, &roster);
    // One that is made anyway waits for no pause.
    let whole = record.rows_ms > 0;
    let rows = asked_rows(tx, plan, whole, &loaded.public, (&roster, &settings))?;
    let entry = pb::Entry { whole, ..placed(record, pb::EntryKind::Commit, rows) };
    let evidence: Vec<Vec<u8>> = plan.evidence.iter().map(Message::encode_to_vec).collect();
    let group = loaded.group.as_mut().ok_or(Error::internal("no secrets"))?;
    let me = &tx.context.me;
    let provider = tx.provider();
    let changed = (settings != loaded.public.settings).then_some(&settings);
    group.set_aad(associated::of_commit(&loaded.public.state, record.log, &entry, &evidence));
    let adds_alone = !plan.add.is_empty() && plan.remove.is_empty() && changed.is_none();
    let mut builder = group
        .commit_builder()
        .propose_adds(plan.add.iter().map(|addition| addition.package.clone()))
        .propose_removals(plan.remove.iter().map(|index| LeafNodeIndex::new(*index)))
        .force_self_update(!adds_alone);
    if let Some(settings) = changed {
        builder = builder
            .propose_group_context_extensions(pli_kernel::group::context_extensions(settings))
            .map_err(|error| internal("settings", &error))?;
    }
    let bundle = builder
        .load_psks(provider.storage())
        .map_err(|error| internal("commit", &error))?
        .create_group_info(true)
        .use_ratchet_tree_extension(false)
        .build(provider.rand(), provider.crypto(), &me.key, |_| true)
        .map_err(|error| internal("commit", &error))?
        .stage_commit(&provider)
        .map_err(|error| internal("commit", &error))?;
    let (commit, welcome, info) = bundle.into_messages();
    let commit = pb::Commit {
        commit: bytes(&commit)?,
        group_info: bytes(&info.ok_or(Error::internal("group info"))?)?,
        evidence,
    };
    if !counts(tx, record, &loaded.public, &entry, &commit)? {
        return Ok(None);
    }
    let sealed = sealed(tx, record, entry, Inside::Commit(commit));
    let welcomes = match welcome {
        Some(welcome) => welcomes(&bytes(&welcome)?, &plan.add, &tx.context.crypto)?,
        None => Vec::new(),
    };
    Ok(Some(Prepared { sealed, welcomes }))
}

fn bytes(message: &MlsMessageOut) -> Result<Vec<u8>, Error> {
    message.tls_serialize_detached().map_err(|_| Error::internal("size"))
}

/// Whoever commits, roles end with a removal, and somebody becomes owner where none is left.
fn settings_after(plan: &Plan, loaded: &Loaded, roster: &Roster) -> Settings {
    let mut settings = plan.settings.clone().unwrap_or_else(|| loaded.public.settings.clone());
    settings.settle(roster);
    settings
}

fn roster_after(plan: &Plan, loaded: &Loaded) -> Result<Roster, Error> {
    let mut roster = loaded.public.roster.clone();
    for index in &plan.remove {
        roster.remove(*index);
    }
    // Their places in the tree do not matter for rows.
    for (place, addition) in plan.add.iter().enumerate() {
        let leaf = addition.package.leaf_node();
        let certificate = pli_kernel::group::roster::verify_credential(leaf.credential(), &loaded.public.settings.root)
            .ok_or(Error::internal("certificate"))?;
        roster.insert(Leaf { index: u32::MAX - place as u32, certificate, encryption_key: KeyDigest::default() });
    }
    Ok(roster)
}

/// What a commit asks of the log's rows: what differs in the state after it, or all that this asks for where others stand.
/// A device that the server knows as revoked is shown to it: its row goes whatever this one's rank.
fn asked_rows(
    tx: &Tx<'_>,
    plan: &Plan,
    whole: bool,
    before: &Public,
    after: (&Roster, &Settings),
) -> Result<Vec<pb::Row>, Error> {
    let state = (&before.roster, &before.settings);
    let asked = if whole { asked::asked(after.0, after.1) } else { asked::changes(state, after) };
    let mut rows: BTreeMap<Vec<u8>, pb::Row> =
        asked.into_iter().map(|(key, rank)| (key.0.to_vec(), rows::set(key, rank))).collect();
    for leaf in plan.remove.iter().filter_map(|index| before.roster.get(*index)) {
        if people::is_listed(tx.db, &leaf.certificate.fingerprint)? {
            let shown = rows::cut_bad(after.1.log_key.as_bytes(), leaf.key());
            rows.extend(shown.map(|row| (row.key.clone(), row)));
        }
    }
    Ok(rows.into_values().collect())
}

/// An entry at the end of the log, with what it says in clear.
pub(crate) fn placed(record: &Log, kind: pb::EntryKind, rows: Vec<pb::Row>) -> pb::Entry {
    pb::Entry {
        kind: kind.into(),
        parent: record.commit_number,
        parent_hash: record.commit_hash.to_vec(),
        rows,
        ..pb::Entry::default()
    }
}

/// Seals what was made for an entry into it.
pub(crate) fn sealed(tx: &Tx<'_>, record: &Log, mut entry: pb::Entry, inside: Inside) -> Sealed {
    let made = match &inside {
        Inside::Commit(commit) => Sha256::digest(&commit.commit),
        Inside::Message(message) => Sha256::digest(message),
    }
    .into();
    let inside = pb::Opened { body: Some(inside) };
    seal::seal_entry(pli_env::random(&*tx.context.env), &record.key, record.log, &mut entry, &inside);
    Sealed { entry, made }
}

/// Judges an own commit as everybody else will.
fn counts(tx: &Tx<'_>, record: &Log, public: &Public, entry: &pb::Entry, commit: &pb::Commit) -> Result<bool, Error> {
    let mut group = tree(&tx.provider().storage, record.log)?;
    let verdict = judge(tx, &mut group, public, record.log, entry, commit, Keep::Nothing)?;
    if let Err(fault) = &verdict {
        tracing::info!(%fault, "an own commit would not count");
    }
    Ok(verdict.is_ok())
}

/// One welcome for each joiner: openmls makes one for all, in which each joiner's secrets are 1.3 KB for all others.
fn welcomes(all: &[u8], adds: &[Addition], crypto: &pli_kernel::crypto::Crypto) -> Result<Vec<Welcome>, Error> {
    let parts = split_welcome(all).ok_or(Error::internal("welcome"))?;
    let mut out = Vec::with_capacity(adds.len());
    for addition in adds {
        let reference = addition.package.hash_ref(crypto).map_err(|error| internal("key package", &error))?;
        let secrets = parts
            .secrets
            .iter()
            .find(|secrets| split_vector(secrets).is_some_and(|(name, _)| name == reference.as_slice()))
            .ok_or(Error::internal("welcome"))?;
        let mut welcome = parts.head.to_vec();
        let vector = tls_codec::VLByteSlice(secrets);
        welcome.extend(vector.tls_serialize_detached().map_err(|_| Error::internal("size"))?);
        welcome.extend_from_slice(parts.tail);
        out.push(Welcome { device: addition.device, inbox_key: addition.inbox_key.clone(), welcome });
    }
    Ok(out)
}

struct WelcomeParts<'a> {
    /// Version, wire format, suite.
    head: &'a [u8],
    secrets: Vec<&'a [u8]>,
    /// The encrypted GroupInfo.
    tail: &'a [u8],
}

/// MLSMessage with a Welcome (RFC 9420 section 12.4.3.1).
fn split_welcome(all: &[u8]) -> Option<WelcomeParts<'_>> {
    let (head, rest) = all.split_at_checked(6)?;
    let (mut list, tail) = split_vector(rest)?;
    let mut secrets = Vec::new();
    while !list.is_empty() {
        // EncryptedGroupSecrets: reference, KEM output, ciphertext.
        let mut rest = list;
        for _ in 0..3 {
            rest = split_vector(rest)?.1;
        }
        let (one, next) = list.split_at(list.len() - rest.len());
        secrets.push(one);
        list = next;
    }
    Some(WelcomeParts { head, secrets, tail })
}
