//! Which commits count (section 4).

use std::collections::{BTreeMap, BTreeSet};

use mls_rs::group::proposal::Proposal;
use mls_rs::group::{ContentType, Sender};
use mls_rs::mls_rs_codec::MlsEncode as _;
use mls_rs::{MlsMessage, MlsMessageDescription};
use pli_proto::pb::{self, Role};
use prost::Message as _;

use super::bytes::{sign_content, vector};
use super::keys::verify;
use super::mls::{LAST_RESORT, certificates, named};
use super::state::{Leaf, State, changed, role_of, settled};
use super::{Head, Result, ensure, evidence, hpke, of_commit, path};

/// MLSMessage, version 1, GroupInfo.
const GROUP_INFO: [u8; 4] = [0, 1, 0, 4];
/// A SHA-384 tag as a vector.
const TAG_BYTES: usize = 49;

/// The state after a commit, if it counts; and whether somebody came back with it.
pub(super) fn commit(before: &State, log: &Head, entry: &pb::Entry, commit: &pb::Commit) -> Result<(State, bool)> {
    ensure(commit.evidence.len() <= 1_000, "too much evidence")?;
    let ciphertexts = path::ciphertexts(&commit.commit)?;
    let message = MlsMessage::from_bytes(&commit.commit)?;
    let MlsMessageDescription::PublicProtocolMessage { content_type, sender, authenticated_data, .. } =
        message.description()
    else {
        return Err("not public".into());
    };
    ensure(content_type == ContentType::Commit, "no commit")?;
    let bound = of_commit(&before.hash()?, &log.clear(entry), &commit.evidence);
    ensure(authenticated_data == bound, "a commit for another place")?;
    let returns = sender == Sender::NewMemberCommit;
    let path = message.commit_path_leaf_node();
    let named = match sender {
        Sender::Member(index) => before.leaf(index)?.named.clone(),
        Sender::NewMemberCommit => named(&before.root, &path.ok_or("no path")?.signing_identity)?,
        _ => return Err("another kind of sender".into()),
    };

    ensure(message.proposals_by_reference().is_empty(), "a proposal by reference")?;
    let (mut added, mut init_keys, mut removed, mut others) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for proposal in message.proposals_by_value() {
        match proposal {
            Proposal::Add(add) => {
                let package = add.key_package();
                let mut extensions = package.extensions.iter();
                let marked = extensions.next().is_none_or(|first| first.extension_type == LAST_RESORT);
                ensure(marked && extensions.next().is_none(), "a key package with other extensions")?;
                added.push(package.signing_identity().signature_key.to_vec());
                init_keys.push(package.hpke_init_key.to_vec());
            }
            Proposal::Remove(remove) => removed.push(before.leaf(remove.to_remove())?),
            Proposal::GroupContextExtensions(_) => others += 1,
            Proposal::ExternalInit(_) if returns => others += 1,
            _ => return Err("another kind of proposal".into()),
        }
    }
    let adds_alone = !added.is_empty() && removed.is_empty() && others == 0;
    if returns {
        let [old] = removed[..] else { return Err("not one that returns".into()) };
        ensure(message.proposals_by_value().len() == 2 && others == 1, "more than a return")?;
        let new = certificates(&path.ok_or("no path")?.signing_identity)?;
        ensure(new == certificates(&old.node.signing_identity)?, "somebody else returns")?;
    }
    ensure(path.is_none() == adds_alone && added.len() <= 250, "a path too many or none")?;

    let mut follower = before.follower.clone();
    follower.process_incoming_message(message)?;
    let after = State::new(before.root, follower, commit.group_info.clone())?;
    let committer = after.leaves.iter().find(|leaf| leaf.named == named).ok_or("no committer")?;
    let added = after.leaves.iter().filter(|leaf| added.contains(&leaf.named.key.to_vec()));
    let added: Vec<&Leaf> = added.collect();
    ensure(added.iter().all(|leaf| leaf.fresh()), "a leaf of another form")?;
    let places: Vec<u32> = added.iter().map(|leaf| leaf.index).collect();
    let wanted = path::wanted(after.follower.exported_tree().nodes(), committer.index, &places);
    ensure(ciphertexts.is_none_or(|ciphertexts| ciphertexts == wanted), "not a ciphertext for each node")?;
    let external = group_info(&after, committer, commit, returns)?;
    let keys: Vec<Vec<u8>> = after.keys().into_iter().chain(init_keys).chain([external]).collect();
    ensure(keys.iter().collect::<BTreeSet<_>>().len() == keys.len(), "a key twice")?;
    for key in &keys {
        hpke::check(key)?;
    }
    ensure(!returns || entry.rows.is_empty() && !entry.whole, "a return with rows")?;
    ensure(returns || asks_rightly(before, &after, entry)?, "rows that the tree does not ask for")?;
    let evidence: Vec<_> = commit.evidence.iter().filter_map(|piece| pb::Evidence::decode(&piece[..]).ok()).collect();
    removed.retain(|leaf| !evidence.iter().any(|piece| evidence::covers(before, log, leaf, piece)));
    allowed(before, &after, committer, &added, &removed)?;
    Ok((after, returns))
}

/// Whether the entry's rows are those of rule 8. That no key is weak follows: those with a rank are leaves'.
fn asks_rightly(before: &State, after: &State, entry: &pb::Entry) -> Result<bool> {
    let (was, is) = (before.rows()?, after.rows()?);
    let wanted = if entry.whole { is.clone() } else { changed(&was, &is) };
    let is_formed = entry.rows.len() <= 2_000
        && entry.rows.is_sorted_by(|a, b| a.key < b.key)
        && entry.rows.iter().all(|row| row.key.len() == 32);
    let asked: BTreeMap<&[u8], u32> = entry.rows.iter().map(|row| (&row.key[..], row.rank)).collect();
    let all = wanted.iter().all(|(key, rank)| asked.get(&key[..]) == Some(rank));
    let cuts = |key: &[u8], rank| rank == 0 && !is.contains_key(key);
    let alone = asked.into_iter().all(|(key, rank)| wanted.get(key) == Some(&rank) || cuts(key, rank));
    Ok(is_formed && all && alone)
}

/// Whether the GroupInfo is the one beside this commit; its external key.
fn group_info(after: &State, committer: &Leaf, commit: &pb::Commit, returns: bool) -> Result<Vec<u8>> {
    let parsed = MlsMessage::from_bytes(&commit.group_info)?;
    let parsed = parsed.as_group_info().ok_or("no GroupInfo")?;
    let [extension] = &parsed.extensions()[..] else { return Err("other extensions".into()) };
    // A vector alone: its two bytes of length are followed by the key.
    let external = extension.extension_data.get(2..).ok_or("no key")?.to_vec();
    let context = after.follower.group_context().mls_encode_to_vec()?;
    let extensions = vector(&[&[0, 4], &vector(&vector(&external))[..]].concat());
    // A commit ends with its confirmation tag; a member's with a membership tag after it.
    let from_end = if returns { TAG_BYTES } else { 2 * TAG_BYTES };
    let tag = commit.commit.len().checked_sub(from_end).ok_or("no tag")?;
    let tag = &commit.commit[tag..tag + TAG_BYTES];
    let signed = [&context, &extensions, tag, &committer.index.to_be_bytes()].concat();
    let (rest, signature) = commit.group_info.split_last_chunk::<64>().ok_or("no signature")?;
    ensure(rest == [&GROUP_INFO, &signed[..], &[0x40, 0x40]].concat(), "another GroupInfo")?;
    verify(&committer.named.key, &sign_content("GroupInfoTBS", &signed), signature)?;
    Ok(external)
}

/// Sections 4.2, rule 10, and 4.4; `removed` are those without evidence.
fn allowed(before: &State, after: &State, committer: &Leaf, added: &[&Leaf], removed: &[&Leaf]) -> Result<()> {
    let (was, is) = (&before.settings, &after.settings);
    let own = committer.named.person;
    let role = before.role(&own);
    let closed = before.is_closed();
    let pair = !was.pair.is_empty();
    let founding =
        |group: &pb::Group| (group.log_key.clone(), group.root.clone(), group.pair.clone(), group.generation);
    ensure(founding(was) == founding(is), "another founding")?;
    for leaf in added {
        let person = leaf.named.person;
        let may = if pair { was.pair.iter().any(|one| *one == person) } else { role as i32 >= was.may_add };
        ensure(!closed && (may || (!pair && person == own)), "may not add")?;
    }
    for leaf in removed {
        let theirs = before.role(&leaf.named.person);
        let may = !pair && role as i32 >= was.may_remove && role >= theirs;
        ensure(may || leaf.named.person == own, "may not remove")?;
    }
    // What differs from what comes by itself is what the committer set.
    let was = &settled(was, &after.leaves)?;
    let least = |group: &pb::Group| (group.may_add, group.may_remove, group.may_look);
    ensure(least(was) == least(is) || role >= Role::Admin, "may not set")?;
    ensure(was.heirs == is.heirs || role == Role::Owner, "may not name heirs")?;
    let value = |group: &pb::Group, key| group.options.iter().find(|one| one.key == key).map(|one| one.value.clone());
    for key in was.options.iter().chain(&is.options).map(|one| one.key) {
        let least = match key {
            1..=99 => before.settings.may_look,
            200..=299 => Role::Owner.into(),
            _ => Role::Admin.into(),
        };
        ensure(value(was, key) == value(is, key) || pair || role as i32 >= least, "may not set an option")?;
    }
    let listed: BTreeSet<&[u8]> = was.roles.iter().chain(&is.roles).map(|one| &one.person[..]).collect();
    for person in listed {
        let (old, new) = (role_of(was, person), role_of(is, person));
        let may = role >= Role::Admin && old <= role && new <= role;
        ensure(old == new || may, "may not change roles")?;
    }
    Ok(())
}
