//! Entering a group: by founding it, by a welcome, and by coming back after losing its secrets.

use openmls::group::{MlsGroup, PublicGroup, StagedWelcome};
use openmls::prelude::{LeafNodeParameters, MlsMessageBodyIn, MlsMessageIn, ProposalStore, RatchetTreeIn, Welcome};
use openmls_traits::OpenMlsProvider as _;
use pli_proto::id::LogId;
use pli_proto::signed::{self, Hash};
use pli_proto::{limits, pb};
use tls_codec::{DeserializeBytes as _, Serialize as _};

use crate::error::Error;
use crate::store::groups::{group_id, tree};
use crate::store::logs::{self, Log, LogState};
use crate::store::mls;
use crate::store::outbox::Sealed;
use crate::store::{Loaded, Tx, meta, outbox};

use pli_kernel::group::roster::Roster;
use pli_kernel::group::seal;
use pli_kernel::group::settings::Settings;
use pli_kernel::group::verdict::{self, Counted, Fault, Public};
use pli_kernel::group::{associated, capabilities, create_config, group_info, join_config};

/// What [`judge`] leaves in the follower's space of the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nothing: the member's own space holds the public state too.
    Nothing,
    /// The state after, if the commit counts.
    Counted,
}

/// The verdict on a commit. openmls stores what it makes of one: never in the member's own space.
pub(crate) fn judge(
    tx: &Tx<'_>,
    group: &mut PublicGroup,
    before: &Public,
    log: LogId,
    entry: &pb::Entry,
    commit: &pb::Commit,
    keep: Keep,
) -> Result<Result<Counted, Fault>, Error> {
    let crypto = &tx.context.crypto;
    if keep == Keep::Nothing {
        return Ok(verdict::judge(crypto, &tx.no_store(), group, before, log, entry, commit));
    }
    tx.db.execute_batch("SAVEPOINT verdict")?;
    let verdict = verdict::judge(crypto, &tx.follower_store(), group, before, log, entry, commit);
    let undo = if verdict.is_ok() { "" } else { "ROLLBACK TO verdict;" };
    tx.db.execute_batch(&format!("{undo} RELEASE verdict"))?;
    Ok(verdict)
}

/// Founds a group of this device alone; its log is to be created at the server.
pub(crate) fn found(tx: &mut Tx<'_>, record: &Log, settings: &Settings) -> Result<(), Error> {
    let provider = tx.provider();
    let me = &tx.context.me;
    let config = create_config(settings);
    let group = MlsGroup::new_with_group_id(&provider, &me.key, &config, group_id(record.log), me.credential())
        .map_err(|error| internal("founding", &error))?;
    let info = group
        .export_group_info(provider.crypto, &me.key, false)
        .map_err(|error| internal("group info", &error))?
        .tls_serialize_detached()
        .map_err(|_| Error::internal("size"))?;
    logs::put_group_info(tx.db, record.log, &info)
}

/// The snapshot of a member's log at its last commit.
pub(crate) fn snapshot(tx: &Tx<'_>, record: &Log) -> Result<Vec<u8>, Error> {
    let tree = tree(&tx.provider().storage, record.log)?
        .export_ratchet_tree()
        .tls_serialize_detached()
        .map_err(|_| Error::internal("tree"))?;
    let snapshot =
        pb::Snapshot { group_info: logs::group_info(tx.db, record.log)?, tree, hash: record.commit_hash.to_vec() };
    Ok(seal::seal_snapshot(pli_env::random(&*tx.context.env), &record.key, record.log, record.commit_number, &snapshot))
}

/// What a joiner was given: the welcome's envelope, a snapshot, and the log from there to the commit that added it.
pub(crate) struct Material {
    pub(crate) invitation: pb::Invitation,
    pub(crate) snapshot_number: u64,
    pub(crate) snapshot: Vec<u8>,
    pub(crate) entries: Vec<pb::Entry>,
}

/// Why a joiner can't enter with this material.
#[derive(Debug)]
pub(crate) enum CannotJoin {
    /// The snapshot is false or was not followed by these entries: an older one may do.
    Snapshot,
    /// The welcome itself is of no use.
    Welcome,
    /// The store failed.
    Store(Error),
}

impl From<Error> for CannotJoin {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// Enters by a welcome: replays the log from the snapshot to the commit that added this device, and opens the welcome
/// with the tree that stood then. The tree is one that the welcome's sender and every member agree on, or it fails.
pub(crate) fn enter(tx: &mut Tx<'_>, record: &Log, material: &Material) -> Result<Log, CannotJoin> {
    let replayed = replay(tx, record, material)?;
    let welcome =
        match MlsMessageIn::tls_deserialize_exact_bytes(&material.invitation.welcome).map(MlsMessageIn::extract) {
            Ok(MlsMessageBodyIn::Welcome(welcome)) => welcome,
            _ => return Err(CannotJoin::Welcome),
        };
    let group = open_welcome(tx, record.log, welcome, &replayed.group)?;
    let context = group.public_group().group_context() == replayed.group.group_context();
    if !context || replayed.public.settings.log_key != record.key || replayed.public.settings.root != tx.context.me.root
    {
        return Err(CannotJoin::Welcome);
    }
    let entered = Log {
        state: LogState::Active,
        number: material.invitation.number,
        hash: replayed.hash,
        commit_number: material.invitation.number,
        commit_hash: replayed.hash,
        snapshot_number: material.snapshot_number,
        commit_bytes: replayed.commit_bytes,
        ..record.clone()
    };
    logs::put(tx.db, &entered)?;
    logs::put_group_info(tx.db, record.log, &replayed.group_info)?;
    logs::forget_hashes(tx.db, record.log)?;
    logs::put_hash(tx.db, record.log, entered.number, &entered.hash)?;
    tx.keep_group(record.log, Loaded { group: Some(group), public: replayed.public });
    Ok(entered)
}

fn open_welcome(tx: &Tx<'_>, log: LogId, welcome: Welcome, public: &PublicGroup) -> Result<MlsGroup, CannotJoin> {
    let provider = tx.provider();
    provider.storage.delete_group(&group_id(log)).map_err(Error::from)?;
    tx.follower_store().delete_group(&group_id(log)).map_err(Error::from)?;
    let tree = RatchetTreeIn::from(public.export_ratchet_tree());
    let staged = StagedWelcome::new_from_welcome(&provider, &join_config(), welcome, Some(tree));
    let group = staged.and_then(|staged| staged.into_group(&provider)).map_err(|error| {
        tracing::warn!(%error, "a welcome did not open");
        CannotJoin::Welcome
    })?;
    if *group.group_id() == group_id(log) { Ok(group) } else { Err(CannotJoin::Welcome) }
}

struct Replayed {
    group: PublicGroup,
    public: Public,
    hash: Hash,
    group_info: Vec<u8>,
    commit_bytes: u64,
}

/// Follows a log from a snapshot, without secrets.
fn replay(tx: &Tx<'_>, record: &Log, material: &Material) -> Result<Replayed, CannotJoin> {
    let snapshot = seal::open_snapshot(&record.key, record.log, material.snapshot_number, &material.snapshot)
        .ok_or(CannotJoin::Snapshot)?;
    let nodes = RatchetTreeIn::tls_deserialize_exact_bytes(&snapshot.tree).map_err(|_| CannotJoin::Snapshot)?;
    let info = group_info::parse(&snapshot.group_info).ok_or(CannotJoin::Snapshot)?;
    let crypto = &tx.context.crypto;
    let (mut group, _) = PublicGroup::from_external(crypto, &tx.follower_store(), nodes, info, ProposalStore::new())
        .map_err(|_| CannotJoin::Snapshot)?;
    let settings = Settings::of(group.group_context()).map_err(|_| CannotJoin::Snapshot)?;
    let roster = Roster::verify(&group, &tx.context.me.root).ok_or(CannotJoin::Snapshot)?;
    let mut public = Public::new(&group, roster, settings);
    // What no commits under these rules led to would stop its members later.
    verdict::check_public(crypto, &group, &public).map_err(|_| CannotJoin::Snapshot)?;
    let mut hash: Hash = snapshot.hash.as_slice().try_into().map_err(|_| CannotJoin::Snapshot)?;
    let (mut group_info, mut number, mut commit_bytes) = (snapshot.group_info, material.snapshot_number, 0);
    // A snapshot stands at a commit.
    let mut last_commit = (number, hash);
    for entry in &material.entries {
        let follows = if entry.number == number + 1 {
            hash = signed::hash_next(&hash, entry.number, entry.received_ms, &signed::entry_digest(record.log, entry));
            entry.hash == hash
        } else {
            // Messages between are no longer at the server.
            hash = entry.hash.as_slice().try_into().map_err(|_| CannotJoin::Snapshot)?;
            entry.number > number
        };
        if !follows || entry.parent != last_commit.0 || entry.parent_hash != last_commit.1 {
            return Err(CannotJoin::Snapshot);
        }
        number = entry.number;
        if entry.kind() != pb::EntryKind::Commit {
            continue;
        }
        last_commit = (number, hash);
        commit_bytes += entry.sealed.len() as u64;
        let Some(pb::Opened { body: Some(pb::opened::Body::Commit(commit)) }) =
            seal::open_entry(&record.key, record.log, entry)
        else {
            continue;
        };
        match judge(tx, &mut group, &public, record.log, entry, &commit, Keep::Counted)? {
            Ok(counted) => {
                group_info = commit.group_info;
                public = counted.after;
            }
            Err(fault) => {
                tracing::debug!(%fault, number, "a commit does not count");
                group = tree(&tx.follower_store(), record.log)?;
            }
        }
    }
    if number != material.invitation.number || hash != *material.invitation.hash {
        return Err(CannotJoin::Snapshot);
    }
    Ok(Replayed { group, public, hash, group_info, commit_bytes })
}

/// An external commit by which this device comes back, on the public state that it followed. openmls merges it at once:
/// until the log shows it, the state in the member's space is a hope, and the follower's is what counts.
pub(crate) fn come_back(tx: &mut Tx<'_>, record: &Log, public: &Public) -> Result<Sealed, Error> {
    let entry = super::change::placed(record, pb::EntryKind::Commit, Vec::new());
    let me = &tx.context.me;
    let provider = tx.provider();
    provider.storage.delete_group(&group_id(record.log))?;
    let info = group_info::parse(&logs::group_info(tx.db, record.log)?).ok_or(Error::Damaged)?;
    let parameters = LeafNodeParameters::builder().with_capabilities(capabilities()).build();
    let bundle = MlsGroup::external_commit_builder()
        .with_ratchet_tree(tree(&tx.follower_store(), record.log)?.export_ratchet_tree().into())
        .with_config(join_config())
        .with_aad(associated::of_commit(&public.state, record.log, &entry, &[]))
        .build_group(&provider, info, me.credential())
        .map_err(|error| internal("external commit", &error))?
        .leaf_node_parameters(parameters)
        .load_psks(provider.storage())
        .map_err(|error| internal("external commit", &error))?
        .create_group_info(true)
        .use_ratchet_tree_extension(false)
        .build(provider.rand(), provider.crypto(), &me.key, |_| true)
        .map_err(|error| internal("external commit", &error))?
        .finalize(&provider)
        .map_err(|error| internal("external commit", &error))?;
    let (_, bundle) = bundle;
    let (commit, _, info) = bundle.into_messages();
    let serialize = |message: openmls::prelude::MlsMessageOut| {
        message.tls_serialize_detached().map_err(|_| Error::internal("size"))
    };
    let commit = pb::Commit {
        commit: serialize(commit)?,
        group_info: serialize(info.ok_or(Error::internal("group info"))?)?,
        ..pb::Commit::default()
    };
    Ok(super::change::sealed(tx, record, entry, pb::opened::Body::Commit(commit)))
}

pub(crate) fn internal(what: &'static str, error: &dyn std::fmt::Display) -> Error {
    tracing::error!(%error, what, "MLS");
    Error::internal(what)
}

/// If the store is a copy of an earlier day, its groups' secrets may have been used since: they still read what came,
/// and never write again. Each group is returned to once its log is read.
pub(crate) fn forsake_copies(env: &dyn pli_env::Env, db: &rusqlite::Connection) -> Result<(), Error> {
    if meta::get::<Vec<u8>>(db, meta::IS_COPY)?.is_none() {
        return Ok(());
    }
    tracing::warn!("the store is a copy of an earlier day: every group is returned to");
    db.execute_batch("BEGIN IMMEDIATE")?;
    // Those too whose access may come again, and those that may have been founded since.
    let writes =
        |state| matches!(state, LogState::Active | LogState::AccessLost | LogState::Diverged | LogState::Founding);
    for record in logs::all(db)?.into_iter().filter(|record| writes(record.state)) {
        logs::put(db, &Log { return_ms: env.now_ms(), ..record })?;
    }
    outbox::void_attempts(db)?;
    for record in logs::all(db)?.into_iter().filter(|record| record.state == LogState::Broken) {
        // What it would have come back by was made once already.
        outbox::drop_attempts(db, record.log)?;
    }
    // The private keys of its key packages may have been used too: new ones replace them.
    meta::set_number(db, meta::RENEW_STOCK, 1)?;
    meta::set_number(db, meta::COPIED_MS, env.now_ms() + limits::CLOCK_SKEW.as_millis() as u64)?;
    meta::remove(db, meta::IS_COPY)?;
    db.execute_batch("COMMIT")?;
    Ok(())
}

/// Gives up a group's secrets: from here on this device follows without them, until it has come back.
pub(crate) fn lose_secrets(tx: &Tx<'_>, log: LogId) -> Result<(), Error> {
    let store = tx.provider().storage;
    store.copy_public(&group_id(log), mls::FOLLOWER)?;
    store.delete_group(&group_id(log))?;
    Ok(())
}
