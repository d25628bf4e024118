//! Associated data: what binds an MLS message to its place in the log, and names the group state on which it was made.
//!
//! MLS signs them, and an AEAD covers those of a message (RFC 9420 section 6), so that nobody moves either to another entry.
//! They stand in clear in the framing: whoever can't decrypt a message still reads what its sender says of it.

use openmls::prelude::GroupContext;
use pli_proto::id::{ConversationId, ItemId, LogId, PersonId};
use pli_proto::pb;
use pli_proto::signed::{self, Hash};
use sha2::{Digest, Sha256};
use tls_codec::Serialize as _;

use super::split_vector;

/// What names a group's state: the SHA-256 of its GroupContext (RFC 9420 section 8.1).
pub fn state(context: &GroupContext) -> Hash {
    Sha256::digest(context.tls_serialize_detached().expect("a context has fewer than 2^30 bytes")).into()
}

/// The associated data of a message in an entry whose clear part is set.
pub fn of_message(state: &Hash, log: LogId, entry: &pb::Entry, message: ItemId) -> Vec<u8> {
    [&state[..], &place(log, entry), &message.0].concat()
}

/// The associated data of a commit in an entry whose clear part is set, with its evidence.
pub fn of_commit(state_before: &Hash, log: LogId, entry: &pb::Entry, evidence: &[Vec<u8>]) -> Vec<u8> {
    let clear = signed::clear_part(log, entry);
    let parts: Vec<&[u8]> = std::iter::once(&clear).chain(evidence).map(Vec::as_slice).collect();
    [&state_before[..], &Sha256::digest(signed::join(&parts))].concat()
}

/// The id of a message: of what its author says in a conversation, an encoded [`pb::Said`]. A salt is in that: nobody else can
/// have the same id, and its author can't say two things under it.
pub fn message_id(conversation: ConversationId, author: PersonId, said: &[u8]) -> ItemId {
    let hash: Hash = Sha256::digest(signed::join(&[b"Pli 1.0 message", &conversation.0, &author.0, said])).into();
    ItemId::of_hash(&hash)
}

fn place(log: LogId, entry: &pb::Entry) -> Hash {
    Sha256::digest(signed::clear_part(log, entry)).into()
}

/// What the sender of a message or a commit claims. Until MLS accepted it, whoever knows the log key may have written it.
pub struct Claim {
    /// The group state on which it was made.
    pub state: Hash,
    /// The message's id; of none for a commit.
    pub message: Option<ItemId>,
}

impl Claim {
    /// Of an MLSMessage with a PrivateMessage that is bound to this entry.
    pub fn by_message(mls: &[u8], log: LogId, entry: &pb::Entry) -> Option<Self> {
        let (state, rest) = framed(mls)?.split_first_chunk()?;
        let (of, message) = rest.split_first_chunk()?;
        let message = Some(ItemId(message.try_into().ok()?));
        (*of == place(log, entry)).then_some(Self { state: *state, message })
    }

    /// Of an MLSMessage with a PublicMessage, and evidence, that are bound to this entry.
    pub fn by_commit(commit: &pb::Commit, log: LogId, entry: &pb::Entry) -> Option<Self> {
        let associated = framed(&commit.commit)?;
        let state = associated.first_chunk()?;
        let is_bound = of_commit(state, log, entry, &commit.evidence) == associated;
        is_bound.then_some(Self { state: *state, message: None })
    }
}

/// The authenticated_data of an MLSMessage (RFC 9420 sections 6.2 and 6.3).
fn framed(mls: &[u8]) -> Option<&[u8]> {
    const PUBLIC: u16 = 1;
    const PRIVATE: u16 = 2;
    let ([0, 1, high, low], rest) = mls.split_first_chunk()? else { return None };
    let (_group, rest) = split_vector(rest)?;
    let rest = rest.get(8..)?; // epoch
    let before = match (u16::from_be_bytes([*high, *low]), rest.first()?) {
        (PUBLIC, 1 | 2) => 5, // a member, an external sender: with their place
        (PUBLIC, _) | (PRIVATE, _) => 1,
        _ => return None,
    };
    split_vector(rest.get(before..)?).map(|(associated, _)| associated)
}
