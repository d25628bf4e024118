//! openmls' state in the device's database: one table, each value under (space, kind, owner, item).
//!
//! The owner is what openmls asks by: a group's id, or a key. [`form`](crate::store::form) makes the bytes. Everything
//! happens in whatever transaction the connection is in; the writer loop begins and commits it.

use pli_env::sql::Numbers as _;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use openmls::group::GroupId;
use openmls_traits::storage::{CURRENT_VERSION as V, StorageProvider, traits};
use rusqlite::blob::ZeroBlob;
use rusqlite::{Connection, MAIN_DB, OptionalExtension as _, Row, ToSql, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::store::form::{Form, FormError, Unread, decode, decode_key, encode, encode_key};

/// The table that [`MlsStore`] keeps.
pub const SCHEMA: &str = "create table if not exists mls(
    id integer primary key autoincrement,
    space integer not null,
    kind integer not null,
    owner blob not null,
    item blob not null,
    value blob not null,
    unique(space, kind, owner, item)
)";

/// The space of this device's own membership in groups, of its keys and key packages.
pub const MEMBER: u8 = 0;

/// The space of the public state of groups that this device follows without being, or before being, a member. A
/// group may be in both spaces, under one id.
pub const FOLLOWER: u8 = 1;

/// Values from here on are written part by part.
const LARGE_BYTES: usize = 128 << 10;
/// What is compared and written at once: a page, or what an encrypted page has room for.
const PART_BYTES: usize = 4000;

/// A space that keeps nothing: for a verdict after which the member's own space will hold the public state.
pub const NOWHERE: u8 = 2;

/// openmls' storage in one space of a database.
#[derive(Clone, Copy)]
pub struct MlsStore<'a> {
    connection: &'a Connection,
    space: u8,
    deferred: &'a Deferred,
}

/// Why openmls' state can't be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MlsStoreError {
    /// SQLite failed.
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    /// A value can't be written, or what is stored can't be read.
    #[error("a value of the group state is unreadable or unwritable")]
    Form(#[from] FormError),
    /// The stored message secrets are older than those in memory: whoever used them would use a key twice.
    #[error("the stored message secrets are not up to date")]
    Owed,
}

/// Which groups' message secrets are newer in memory than in the database. The writer loop owns one.
///
/// openmls writes a group's message secrets after each message. For a batch of messages in one transaction only the
/// last write counts, so while deferring, those writes are noted here and not made. Before the transaction commits,
/// the loop calls `defer(false)` and has each group of [`owed`](Self::owed) write its secrets, which
/// `MlsGroup::delete_past_epoch_secrets` does, until nothing is owed. If the transaction rolls back instead, the
/// groups in memory are dropped, and [`forget`](Self::forget) clears the notes. Committing while something is owed
/// would let a message key serve twice.
#[derive(Default)]
pub struct Deferred {
    on: Cell<bool>,
    owed: RefCell<BTreeSet<(u8, Vec<u8>)>>,
}

impl Deferred {
    /// Whether writes of message secrets are, from now on, only noted.
    pub fn defer(&self, on: bool) {
        self.on.set(on);
    }

    /// Whether writes of message secrets are only noted.
    pub fn is_deferring(&self) -> bool {
        self.on.get()
    }

    /// Whether a group still has to write its message secrets: the transaction must not commit.
    pub fn owes(&self) -> bool {
        !self.owed.borrow().is_empty()
    }

    /// The groups that still have to write their message secrets, with their spaces.
    pub fn owed(&self) -> Vec<(u8, GroupId)> {
        let owed = self.owed.borrow();
        owed.iter().map(|(space, owner)| (*space, decode_key(owner).expect("it was made from a group id"))).collect()
    }

    /// After a rollback: what was noted has no meaning any more. Ends deferring too.
    pub fn forget(&self) {
        self.on.set(false);
        self.owed.borrow_mut().clear();
    }
}

impl<'a> MlsStore<'a> {
    /// The store in `space` ([`MEMBER`], [`FOLLOWER`] or [`NOWHERE`]) of the database behind `connection`, which has [`SCHEMA`].
    pub fn new(connection: &'a Connection, space: u8, deferred: &'a Deferred) -> Self {
        Self { connection, space, deferred }
    }

    /// Deletes all of a group in this space: more than `MlsGroup::delete`, which leaves key pairs of other epochs, and
    /// without loading the group.
    ///
    /// # Errors
    /// [`MlsStoreError::Database`].
    pub fn delete_group(&self, group: &GroupId) -> Result<(), MlsStoreError> {
        for kind in GROUP_KINDS {
            self.remove(kind, group)?;
        }
        Ok(())
    }

    /// Copies a group's public state into another space, where a follower goes on from it.
    ///
    /// # Errors
    /// [`MlsStoreError::Database`].
    pub fn copy_public(&self, group: &GroupId, to: u8) -> Result<(), MlsStoreError> {
        let owner = encode_key(group)?;
        for kind in [Kind::Tree, Kind::InterimTranscriptHash, Kind::Context, Kind::ConfirmationTag] {
            self.connection
                .prepare_cached(
                    "insert or replace into mls(space, kind, owner, item, value)
                     select ?1, kind, owner, item, value from mls where space = ?2 and kind = ?3 and owner = ?4",
                )?
                .execute(params![to, self.space, kind as u8, owner])?;
        }
        Ok(())
    }

    /// How many key packages of this space are stored after a row.
    ///
    /// # Errors
    /// [`MlsStoreError::Database`].
    pub(crate) fn count_packages(&self, after: i64) -> Result<u32, MlsStoreError> {
        let sql = "select count(*) from mls where space = ? and kind = ? and id > ?";
        Ok(self.connection.query_row(sql, params![self.space, Kind::KeyPackage as u8, after], |row| row.get(0))?)
    }

    /// The last row so far: whatever is stored from now on comes after it.
    ///
    /// # Errors
    /// [`MlsStoreError::Database`].
    pub(crate) fn last_row(&self) -> Result<i64, MlsStoreError> {
        Ok(self.connection.query_row("select coalesce(max(id), 0) from mls", [], |row| row.get(0))?)
    }

    /// Deletes the key packages of this space in these rows, and the key pairs of their leaves.
    ///
    /// # Errors
    /// [`MlsStoreError::Database`].
    pub(crate) fn delete_packages(&self, rows: RangeInclusive<i64>) -> Result<(), MlsStoreError> {
        let sql = "delete from mls where space = ? and kind in (?, ?) and id between ? and ?";
        let kinds = (Kind::KeyPackage as u8, Kind::EncryptionKey as u8);
        self.connection.execute(sql, params![self.space, kinds.0, kinds.1, rows.start(), rows.end()])?;
        Ok(())
    }

    fn set(&self, kind: Kind, owner: &impl Serialize, value: &impl Serialize) -> Result<(), MlsStoreError> {
        let owner = encode_key(owner)?;
        if kind != Kind::MessageSecrets {
            return self.put(kind, &owner, &[], value);
        }
        let note = (self.space, owner);
        if self.deferred.on.get() {
            self.deferred.owed.borrow_mut().insert(note);
        } else {
            self.put(kind, &note.1, &[], value)?;
            self.deferred.owed.borrow_mut().remove(&note);
        }
        Ok(())
    }

    fn get<T: DeserializeOwned>(&self, kind: Kind, owner: &impl Serialize) -> Result<Option<T>, MlsStoreError> {
        let owner = encode_key(owner)?;
        if kind == Kind::MessageSecrets && self.deferred.owed.borrow().contains(&(self.space, owner.clone())) {
            return Err(MlsStoreError::Owed);
        }
        self.take(kind, &owner, &[])
    }

    fn remove(&self, kind: Kind, owner: &impl Serialize) -> Result<(), MlsStoreError> {
        let owner = encode_key(owner)?;
        let sql = "delete from mls where space = ? and kind = ? and owner = ?";
        self.connection.prepare_cached(sql)?.execute(params![self.space, kind as u8, owner])?;
        if kind == Kind::MessageSecrets {
            self.deferred.owed.borrow_mut().remove(&(self.space, owner));
        }
        Ok(())
    }

    fn put(&self, kind: Kind, owner: &[u8], item: &[u8], value: &impl Serialize) -> Result<(), MlsStoreError> {
        if self.space == NOWHERE {
            return Ok(());
        }
        let value = encode(kind.form(), value)?;
        if value.len() < LARGE_BYTES {
            self.write(kind, owner, item, &value.as_slice())
        } else {
            self.write_parts(kind, owner, item, &value)
        }
    }

    /// Updates a row that is there rather than replace it: a value of the same size then dirties only the pages that
    /// differ.
    fn write(&self, kind: Kind, owner: &[u8], item: &[u8], value: &dyn ToSql) -> Result<(), MlsStoreError> {
        let row = params![self.space, kind as u8, owner, item, value];
        let sql = "update mls set value = ?5 where space = ?1 and kind = ?2 and owner = ?3 and item = ?4";
        if self.connection.prepare_cached(sql)?.execute(row)? == 0 {
            let sql = "insert into mls(space, kind, owner, item, value) values(?1, ?2, ?3, ?4, ?5)";
            self.connection.prepare_cached(sql)?.execute(row)?;
        }
        Ok(())
    }

    /// Writes a large value where it lies, without the copies that SQLite makes of parameters and rows.
    fn write_parts(&self, kind: Kind, owner: &[u8], item: &[u8], value: &[u8]) -> Result<(), MlsStoreError> {
        let sql = "select id, length(value) from mls where space = ? and kind = ? and owner = ? and item = ?";
        let mut select = self.connection.prepare_cached(sql)?;
        let find = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.number(1)? as usize));
        let mut find = || select.query_row(params![self.space, kind as u8, owner, item], find).optional();
        let id = match find()? {
            Some((id, len)) if len == value.len() => id,
            _ => {
                self.write(kind, owner, item, &ZeroBlob(value.len() as u64))?;
                find()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?.0
            }
        };
        let mut row = self.connection.blob_open(MAIN_DB, "mls", "value", id, false)?;
        let mut before = Zeroizing::new(vec![0; PART_BYTES]);
        for (place, part) in value.chunks(PART_BYTES).enumerate() {
            let before = &mut before[..part.len()];
            row.read_at_exact(before, place * PART_BYTES)?;
            if before != part {
                row.write_at(part, place * PART_BYTES)?;
            }
        }
        Ok(())
    }

    fn take<T: DeserializeOwned>(&self, kind: Kind, owner: &[u8], item: &[u8]) -> Result<Option<T>, MlsStoreError> {
        let sql = "select value from mls where space = ? and kind = ? and owner = ? and item = ?";
        let mut select = self.connection.prepare_cached(sql)?;
        let mut rows = select.query(params![self.space, kind as u8, owner, item])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let unread = Unread::of(blob(row, 0)?)?;
        // SQLite frees its own copy before serde makes another.
        drop(rows);
        Ok(Some(unread.value()?))
    }

    /// Each row of (item, value) as `read` makes it, oldest first.
    fn list<T>(
        &self,
        kind: Kind,
        owner: &impl Serialize,
        read: impl Fn(&[u8], &[u8]) -> Result<T, FormError>,
    ) -> Result<Vec<T>, MlsStoreError> {
        let sql = "select item, value from mls where space = ? and kind = ? and owner = ? order by id";
        let mut select = self.connection.prepare_cached(sql)?;
        let mut rows = select.query(params![self.space, kind as u8, encode_key(owner)?])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            list.push(read(blob(row, 0)?, blob(row, 1)?)?);
        }
        Ok(list)
    }

    fn remove_item(&self, kind: Kind, owner: &impl Serialize, item: &[u8]) -> Result<(), MlsStoreError> {
        let sql = "delete from mls where space = ? and kind = ? and owner = ? and item = ?";
        self.connection.prepare_cached(sql)?.execute(params![self.space, kind as u8, encode_key(owner)?, item])?;
        Ok(())
    }
}

/// Values of which an owner has one. `O` is the owner's type and `T` the value's, in the order in which openmls' trait
/// names them, which differs from one method to another.
macro_rules! single_values {
    (
        write { $($write:ident<$wa:ident: $wat:ident, $wb:ident: $wbt:ident> $write_kind:ident,)* }
        read { $($read:ident<$ra:ident: $rat:ident, $rb:ident: $rbt:ident> $read_kind:ident,)* }
        delete { $($delete:ident<$($d:ident: $dt:ident),+> $delete_kind:ident,)* }
    ) => {
        $(fn $write<$wa: traits::$wat<V>, $wb: traits::$wbt<V>>(&self, owner: &O, value: &T) -> Result<(), MlsStoreError> {
            self.set(Kind::$write_kind, owner, value)
        })*
        $(fn $read<$ra: traits::$rat<V>, $rb: traits::$rbt<V>>(&self, owner: &O) -> Result<Option<T>, MlsStoreError> {
            self.get(Kind::$read_kind, owner)
        })*
        $(fn $delete<$($d: traits::$dt<V>),+>(&self, owner: &O) -> Result<(), MlsStoreError> {
            self.remove(Kind::$delete_kind, owner)
        })*
    };
}

impl StorageProvider<V> for MlsStore<'_> {
    type Error = MlsStoreError;

    single_values! {
        write {
            write_application_export_tree<O: GroupId, T: ApplicationExportTree> ApplicationExportTree,
            write_confirmation_tag<O: GroupId, T: ConfirmationTag> ConfirmationTag,
            write_context<O: GroupId, T: GroupContext> Context,
            write_encryption_key_pair<O: EncryptionKey, T: HpkeKeyPair> EncryptionKey,
            write_group_epoch_secrets<O: GroupId, T: GroupEpochSecrets> EpochSecrets,
            write_group_state<T: GroupState, O: GroupId> GroupState,
            write_interim_transcript_hash<O: GroupId, T: InterimTranscriptHash> InterimTranscriptHash,
            write_key_package<O: HashReference, T: KeyPackage> KeyPackage,
            write_message_secrets<O: GroupId, T: MessageSecrets> MessageSecrets,
            write_mls_join_config<O: GroupId, T: MlsGroupJoinConfig> JoinConfig,
            write_own_leaf_index<O: GroupId, T: LeafNodeIndex> OwnLeafIndex,
            write_psk<O: PskId, T: PskBundle> Psk,
            write_resumption_psk_store<O: GroupId, T: ResumptionPskStore> ResumptionPsks,
            write_signature_key_pair<O: SignaturePublicKey, T: SignatureKeyPair> SignatureKey,
            write_tree<O: GroupId, T: TreeSync> Tree,
        }
        read {
            application_export_tree<O: GroupId, T: ApplicationExportTree> ApplicationExportTree,
            confirmation_tag<O: GroupId, T: ConfirmationTag> ConfirmationTag,
            group_context<O: GroupId, T: GroupContext> Context,
            encryption_key_pair<T: HpkeKeyPair, O: EncryptionKey> EncryptionKey,
            group_epoch_secrets<O: GroupId, T: GroupEpochSecrets> EpochSecrets,
            group_state<T: GroupState, O: GroupId> GroupState,
            interim_transcript_hash<O: GroupId, T: InterimTranscriptHash> InterimTranscriptHash,
            key_package<O: HashReference, T: KeyPackage> KeyPackage,
            message_secrets<O: GroupId, T: MessageSecrets> MessageSecrets,
            mls_group_join_config<O: GroupId, T: MlsGroupJoinConfig> JoinConfig,
            own_leaf_index<O: GroupId, T: LeafNodeIndex> OwnLeafIndex,
            psk<T: PskBundle, O: PskId> Psk,
            resumption_psk_store<O: GroupId, T: ResumptionPskStore> ResumptionPsks,
            signature_key_pair<O: SignaturePublicKey, T: SignatureKeyPair> SignatureKey,
            tree<O: GroupId, T: TreeSync> Tree,
        }
        delete {
            delete_all_resumption_psk_secrets<O: GroupId> ResumptionPsks,
            delete_application_export_tree<O: GroupId, T: ApplicationExportTree> ApplicationExportTree,
            delete_confirmation_tag<O: GroupId> ConfirmationTag,
            delete_context<O: GroupId> Context,
            delete_encryption_key_pair<O: EncryptionKey> EncryptionKey,
            delete_group_config<O: GroupId> JoinConfig,
            delete_group_epoch_secrets<O: GroupId> EpochSecrets,
            delete_group_state<O: GroupId> GroupState,
            delete_interim_transcript_hash<O: GroupId> InterimTranscriptHash,
            delete_key_package<O: HashReference> KeyPackage,
            delete_message_secrets<O: GroupId> MessageSecrets,
            delete_own_leaf_index<O: GroupId> OwnLeafIndex,
            delete_own_leaf_nodes<O: GroupId> OwnLeafNode,
            delete_psk<O: PskId> Psk,
            delete_signature_key_pair<O: SignaturePublicKey> SignatureKey,
            delete_tree<O: GroupId> Tree,
        }
    }

    fn append_own_leaf_node<O: traits::GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        group: &O,
        node: &T,
    ) -> Result<(), MlsStoreError> {
        // openmls only ever deletes all of them, so their number is free.
        let next = self.list(Kind::OwnLeafNode, group, |_, _| Ok(()))?.len() as u64;
        self.put(Kind::OwnLeafNode, &encode_key(group)?, &next.to_be_bytes(), node)
    }
    fn own_leaf_nodes<O: traits::GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        group: &O,
    ) -> Result<Vec<T>, MlsStoreError> {
        self.list(Kind::OwnLeafNode, group, |_, value| decode(value))
    }

    fn queue_proposal<O: traits::GroupId<V>, R: traits::ProposalRef<V>, T: traits::QueuedProposal<V>>(
        &self,
        group: &O,
        reference: &R,
        proposal: &T,
    ) -> Result<(), MlsStoreError> {
        self.put(Kind::Proposal, &encode_key(group)?, &encode_key(reference)?, proposal)
    }
    fn queued_proposal_refs<O: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group: &O,
    ) -> Result<Vec<R>, MlsStoreError> {
        self.list(Kind::Proposal, group, |item, _| decode_key(item))
    }
    fn queued_proposals<O: traits::GroupId<V>, R: traits::ProposalRef<V>, T: traits::QueuedProposal<V>>(
        &self,
        group: &O,
    ) -> Result<Vec<(R, T)>, MlsStoreError> {
        self.list(Kind::Proposal, group, |item, value| Ok((decode_key(item)?, decode(value)?)))
    }
    fn remove_proposal<O: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group: &O,
        reference: &R,
    ) -> Result<(), MlsStoreError> {
        self.remove_item(Kind::Proposal, group, &encode_key(reference)?)
    }
    fn clear_proposal_queue<O: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group: &O,
    ) -> Result<(), MlsStoreError> {
        self.remove(Kind::Proposal, group)
    }

    fn write_encryption_epoch_key_pairs<O: traits::GroupId<V>, E: traits::EpochKey<V>, T: traits::HpkeKeyPair<V>>(
        &self,
        group: &O,
        epoch: &E,
        leaf: u32,
        pairs: &[T],
    ) -> Result<(), MlsStoreError> {
        self.put(Kind::EpochKeys, &encode_key(group)?, &encode_key(&(epoch, leaf))?, &pairs)
    }
    fn encryption_epoch_key_pairs<O: traits::GroupId<V>, E: traits::EpochKey<V>, T: traits::HpkeKeyPair<V>>(
        &self,
        group: &O,
        epoch: &E,
        leaf: u32,
    ) -> Result<Vec<T>, MlsStoreError> {
        let pairs = self.take(Kind::EpochKeys, &encode_key(group)?, &encode_key(&(epoch, leaf))?)?;
        Ok(pairs.unwrap_or_default())
    }
    fn delete_encryption_epoch_key_pairs<O: traits::GroupId<V>, E: traits::EpochKey<V>>(
        &self,
        group: &O,
        epoch: &E,
        leaf: u32,
    ) -> Result<(), MlsStoreError> {
        self.remove_item(Kind::EpochKeys, group, &encode_key(&(epoch, leaf))?)
    }
}

/// What a row holds. The numbers are stored: they are never given to another kind.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    JoinConfig = 1,
    Tree = 2,
    InterimTranscriptHash = 3,
    Context = 4,
    ConfirmationTag = 5,
    GroupState = 6,
    MessageSecrets = 7,
    ResumptionPsks = 8,
    OwnLeafIndex = 9,
    EpochSecrets = 10,
    ApplicationExportTree = 11,
    OwnLeafNode = 12,
    Proposal = 13,
    EpochKeys = 14,
    SignatureKey = 15,
    EncryptionKey = 16,
    KeyPackage = 17,
    Psk = 18,
}

impl Kind {
    fn form(self) -> Form {
        if self == Self::JoinConfig { Form::Json } else { Form::Postcard }
    }
}

/// The kinds whose owner is a group. Only these are a group's to delete: a group's id is chosen by whoever creates it,
/// and might equal the bytes that own a key of ours.
const GROUP_KINDS: [Kind; 14] = [
    Kind::JoinConfig,
    Kind::Tree,
    Kind::InterimTranscriptHash,
    Kind::Context,
    Kind::ConfirmationTag,
    Kind::GroupState,
    Kind::MessageSecrets,
    Kind::ResumptionPsks,
    Kind::OwnLeafIndex,
    Kind::EpochSecrets,
    Kind::ApplicationExportTree,
    Kind::OwnLeafNode,
    Kind::Proposal,
    Kind::EpochKeys,
];

fn blob<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(row.get_ref(column)?.as_blob()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_values_come_back_whatever_they_replace() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(SCHEMA).unwrap();
        let deferred = Deferred::default();
        let store = MlsStore::new(&db, MEMBER, &deferred);
        let same = |value: &Vec<u8>| {
            store.put(Kind::Tree, b"group", &[], value).unwrap();
            store.take::<Vec<u8>>(Kind::Tree, b"group", &[]).unwrap().as_ref() == Some(value)
        };
        let mut value: Vec<u8> = (0..3 * LARGE_BYTES).map(|place| (place % 251) as u8 + 1).collect();
        assert!(same(&vec![7; 100]) && same(&value));
        // Of the same size: a byte in one part, and across two.
        for place in [0, 2 * PART_BYTES + 5, 3 * PART_BYTES - 1, 3 * PART_BYTES, value.len() - 1] {
            value[place] ^= 0x55;
            assert!(same(&value), "{place}");
        }
        for len in [2 * LARGE_BYTES, 3 * LARGE_BYTES + 1, LARGE_BYTES / 2, LARGE_BYTES, 20] {
            value.resize(len, 9);
            assert!(same(&value), "{len}");
        }
        db.execute_batch("BEGIN").unwrap();
        assert!(same(&vec![3; 2 * LARGE_BYTES]));
        db.execute_batch("ROLLBACK").unwrap();
        assert!(store.take::<Vec<u8>>(Kind::Tree, b"group", &[]).unwrap().as_ref() == Some(&value));
        assert!(MlsStore::new(&db, NOWHERE, &deferred).put(Kind::Tree, b"group", &[], &value).is_ok());
        assert_eq!(db.query_row("select count(*) from mls", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }
}
