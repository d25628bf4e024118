//! The ids of messages, and the associated data that bind messages and commits to their places (sections 4.1, 6.1 and 8.1).

use super::bytes::{join, sha256};

/// The id of a log's conversation; `pair` are its two persons, the lower first, or nobody.
pub fn conversation_id(log: &[u8; 16], pair: &[Vec<u8>]) -> [u8; 16] {
    first_half(&match pair {
        [lower, higher] => join(&[b"Pli 1.0 pair", lower, higher]),
        _ => join(&[b"Pli 1.0 group", log]),
    })
}

/// The id of what a person says in a conversation.
pub fn message_id(conversation: &[u8; 16], person: &[u8; 16], said: &[u8]) -> [u8; 16] {
    first_half(&join(&[b"Pli 1.0 message", conversation, person, said]))
}

/// What binds a message to the entry that says `clear`.
pub fn of_message(state: &[u8; 32], clear: &[u8], id: &[u8; 16]) -> Vec<u8> {
    [&state[..], &sha256(clear), id].concat()
}

/// What binds a commit to the entry that says `clear`, and to its evidence.
pub fn of_commit(state: &[u8; 32], clear: &[u8], evidence: &[Vec<u8>]) -> Vec<u8> {
    let parts: Vec<&[u8]> = [clear].into_iter().chain(evidence.iter().map(Vec::as_slice)).collect();
    [*state, sha256(&join(&parts))].concat()
}

fn first_half(bytes: &[u8]) -> [u8; 16] {
    let hash = sha256(bytes);
    std::array::from_fn(|place| hash[place])
}
