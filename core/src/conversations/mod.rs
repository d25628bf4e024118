//! Conversations: what persons see of groups and pairs, and which logs are beneath.
//!
//! - [`founding`]: a group's log, and a pair's when it is first needed.
//! - [`entering`]: a log that one was invited to, and the conversation that it belongs to.
//! - [`standing`]: where the own person stands in one, and what lists show of it.

pub(crate) mod entering;
pub(crate) mod founding;
pub(crate) mod standing;

use pli_proto::id::{ConversationId, LogId, PersonId};
use sha2::{Digest, Sha256};

/// A group's conversation. Not the log id itself, which its founder chooses, and might choose to be a pair's.
pub(crate) fn group_id(log: LogId) -> ConversationId {
    let hash: [u8; 32] = Sha256::digest(pli_proto::signed::join(&[b"Pli 1.0 group", &log.0])).into();
    ConversationId::of_hash(&hash)
}

/// A pair's conversation, the same for both.
pub(crate) fn pair_id(one: PersonId, other: PersonId) -> ConversationId {
    let (low, high) = if one < other { (one, other) } else { (other, one) };
    let hash: [u8; 32] = Sha256::digest(pli_proto::signed::join(&[b"Pli 1.0 pair", &low.0, &high.0])).into();
    ConversationId::of_hash(&hash)
}
