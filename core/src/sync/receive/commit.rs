//! Commits: the follower's verdict decides, then the member's own group follows, or comes back.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use openmls::prelude::{MlsGroup, ProcessedMessageContent};
use openmls_traits::OpenMlsProvider as _;
use pli_proto::id::{DeviceId, ItemId, LogId, PersonId};
use pli_proto::pb;
use pli_proto::pb::evidence::Evidence as Kind;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::membership::join::{self, Keep};
use crate::membership::schedule;
use crate::model::What;
use crate::store::groups::{self, group_id};
use crate::store::items;
use crate::store::logs::{self, LogState};
use crate::store::outbox::{self, Welcome};
use crate::store::summary;
use crate::store::{Notice, Tx, deliveries};
use pli_kernel::crypto;
use pli_kernel::group::associated::{self, Claim};
use pli_kernel::group::protocol_message;
use pli_kernel::group::roster::Leaf;
use pli_kernel::group::settings::Settings;
use pli_kernel::group::verdict::Counted;
use pli_kernel::group::{group_info, rules};

use super::{Page, derived, shown};

impl Page {
    pub(super) fn commit(
        &mut self,
        tx: &mut Tx<'_>,
        entry: &pb::Entry,
        id: ItemId,
        commit: Option<&pb::Commit>,
    ) -> Result<(), Error> {
        // An own one is known by what MLS made: whoever knows the log key could seal it anew.
        let own = match commit {
            Some(commit) => outbox::take_attempt(tx.db, self.record.log, &Sha256::digest(&commit.commit).into())?,
            None => None,
        };
        // A change that waited in the outbox keeps its id.
        let id = own.as_ref().map_or(id, |own| own.id);
        if let Some(own) = &own {
            self.compare_answer(tx, entry, id, own.answer)?;
        }
        if let Some(commit) = commit {
            self.compare_states(tx, entry, Claim::by_commit(commit, self.record.log, entry).as_ref())?;
        }
        // What was sealed on the commit before can't come any more. Its intents stay, and are sealed anew.
        outbox::drop_attempts(tx.db, self.record.log)?;
        self.record.commit_number = self.record.number;
        self.record.commit_hash = self.record.hash;
        self.record.commit_bytes += entry.sealed.len() as u64;
        let counted = match commit {
            Some(commit) => self.judge(tx, entry, commit)?.map(|counted| (counted, commit)),
            None => None,
        };
        match counted {
            Some((counted, commit)) => {
                let welcomes = own.map(|own| own.welcomes);
                self.apply(tx, entry, id, commit, counted, welcomes)
            }
            None => self.clear_pending(tx),
        }
    }

    /// The verdict.
    fn judge(&self, tx: &Tx<'_>, entry: &pb::Entry, commit: &pb::Commit) -> Result<Option<Counted>, Error> {
        let before = self.public.as_ref().ok_or(Error::internal("no public state"))?;
        // A follower's state goes on in the store; a member's own group will.
        let (store, keep) = match self.group {
            Some(_) => (tx.provider().storage, Keep::Nothing),
            None => (tx.follower_store(), Keep::Counted),
        };
        let mut group = groups::tree(&store, self.record.log)?;
        match join::judge(tx, &mut group, before, self.record.log, entry, commit, keep)? {
            Ok(counted) => Ok(Some(counted)),
            Err(fault) => {
                tracing::info!(%fault, number = entry.number, "a commit does not count");
                Ok(None)
            }
        }
    }

    fn apply(
        &mut self,
        tx: &mut Tx<'_>,
        entry: &pb::Entry,
        id: ItemId,
        commit: &pb::Commit,
        counted: Counted,
        own: Option<Vec<Welcome>>,
    ) -> Result<(), Error> {
        logs::put_group_info(tx.db, self.record.log, &commit.group_info)?;
        // Whoever committed named an external_pub of their own.
        self.record.mend_ms = 0;
        let role = |person| self.public.as_ref().map(|public| public.role(person));
        if entry.whole && role(counted.by.person()) >= role(tx.context.me.person) {
            // What is told otherwise after it no rank like one's own changes.
            schedule::rows_stated(&mut self.record, tx.now_ms());
            self.record.rows_told = Some(super::rows::STATED);
        }
        self.show(tx, entry, id, commit, &counted)?;
        summary::put(tx, self.record.log, &counted.after)?;
        tx.notice(Notice::Group(self.record.conversation));
        for leaf in &counted.removed {
            logs::remove_leaver(tx.db, self.record.log, leaf.key())?;
        }
        let me = tx.context.me.device;
        // Added again in the same commit, the device enters by its new invitation.
        if counted.removed.iter().any(|leaf| leaf.device() == me) {
            // Without a reason one removes one's own further devices only to leave.
            let leaves = counted.by.person() == tx.context.me.person && commit.evidence.is_empty();
            if leaves {
                let left = shown(&self.record, entry, derived(id, b"left"), counted.by.person(), &What::Left)?;
                items::put(tx.db, &left)?;
            }
            return self.end(tx, if leaves { LogState::Left } else { LogState::Removed });
        }
        tx.db.execute_batch("SAVEPOINT follow")?;
        let follows = match own {
            Some(_) => self.follow_own(tx, &counted)?,
            // Made by this device, and not by this store: a copy of an earlier day has not the secrets of it.
            None if counted.by.device() == me => self.group.is_none(),
            // A panic of the library is no reason to stay behind for ever.
            None => catch_unwind(AssertUnwindSafe(|| self.follow(tx, commit))).unwrap_or(Ok(false))?,
        };
        // Whatever led here, a state that is not everybody's is lost.
        let state = self.group.as_ref().map(|group| associated::state(group.public_group().group_context()));
        let follows = follows && state.is_none_or(|own| own == counted.after.state);
        let undo = if follows { "" } else { "ROLLBACK TO follow;" };
        tx.db.execute_batch(&format!("{undo} RELEASE follow"))?;
        if !follows && own.is_some() && counted.is_return {
            self.group = None; // It was only hoped for; the follower's state is what there is.
        }
        let by = counted.by.person();
        if self.record.snapshot_is_due() && counted.by.device() != me {
            (self.record.snapshot_number, self.record.commit_bytes) = (self.record.number, 0);
        }
        if !follows {
            self.lose(tx, entry, id, commit, by)?;
        }
        if counted.after.settings.pair.is_some() {
            // What was said while the other had no device goes in the order in which it was said.
            outbox::wait_no_more(tx.db, self.record.conversation)?;
        }
        self.public = Some(counted.after);
        if let Some(welcomes) = own {
            outbox::remove(tx.db, self.record.conversation, id)?;
            self.deliver(tx, entry, welcomes)?;
            self.record.update_ms = schedule::next_update(tx, self.size());
        }
        Ok(())
    }

    /// An own commit is in the log: what was pending, or hoped for, is the state.
    fn follow_own(&mut self, tx: &mut Tx<'_>, counted: &Counted) -> Result<bool, Error> {
        if counted.is_return && self.group.is_none() {
            let id = group_id(self.record.log);
            tx.follower_store().delete_group(&id)?;
            (self.record.state, self.record.return_ms) = (LogState::Active, 0);
            self.group = MlsGroup::load(&tx.provider().storage, &id)?;
            return Ok(self.group.is_some());
        }
        let Some(group) = &mut self.group else { return Ok(false) };
        Ok(group.pending_commit().is_some() && group.merge_pending_commit(&tx.provider()).is_ok())
    }

    /// Another's commit. False: it counts, and this device can't follow it.
    fn follow(&mut self, tx: &mut Tx<'_>, commit: &pb::Commit) -> Result<bool, Error> {
        self.clear_pending(tx)?;
        let Some(group) = &mut self.group else { return Ok(true) };
        let provider = tx.provider();
        let Some(message) = protocol_message(&commit.commit) else { return Ok(false) };
        let staged = match group.process_message(&provider, message).map(|processed| processed.into_content()) {
            Ok(ProcessedMessageContent::StagedCommitMessage(staged)) => staged,
            Ok(_) => return Ok(false),
            Err(error) => {
                tracing::warn!(%error, "a commit counts, and can't be followed");
                return Ok(false);
            }
        };
        if let Err(error) = group.merge_staged_commit(&provider, *staged) {
            tracing::warn!(%error, "a commit counts, and can't be merged");
            return Ok(false);
        }
        self.check_external_pub(tx, commit)
    }

    /// A false external_pub would stop those who come back: whoever sees one commits soon.
    fn check_external_pub(&mut self, tx: &Tx<'_>, commit: &pb::Commit) -> Result<bool, Error> {
        let Some(group) = &self.group else { return Ok(true) };
        let provider = tx.provider();
        let own = group
            .export_group_info(provider.crypto(), &tx.context.me.key, false)
            .ok()
            .and_then(|info| tls_codec::Serialize::tls_serialize_detached(&info).ok())
            .and_then(|info| group_info::external_pub_of(&info));
        if own.is_none() || own != group_info::external_pub_of(&commit.group_info) {
            tracing::warn!("a commit brought a false external_pub");
            self.record.mend_ms = schedule::soon(tx, self.size());
        }
        Ok(true)
    }

    /// The secrets are lost: from here on this device follows without them, until it has come back.
    fn lose(
        &mut self,
        tx: &mut Tx<'_>,
        entry: &pb::Entry,
        id: ItemId,
        commit: &pb::Commit,
        by: PersonId,
    ) -> Result<(), Error> {
        if self.group.take().is_some() {
            join::lose_secrets(tx, self.record.log)?;
            // Again, this time in the follower's space: what the member's space holds is of no more use.
            self.judge(tx, entry, commit)?.ok_or(Error::internal("verdict changed"))?;
        }
        self.record.state = LogState::Broken;
        self.record.return_ms = schedule::soon(tx, self.size());
        items::put(tx.db, &shown(&self.record, entry, derived(id, b"lost"), by, &What::LostSecrets)?)
    }

    /// Undoes a commit of our own that will never be in the log.
    pub(super) fn clear_pending(&mut self, tx: &Tx<'_>) -> Result<(), Error> {
        if let Some(group) = self.group.as_mut().filter(|group| group.pending_commit().is_some()) {
            group.clear_pending_commit(&tx.provider().storage)?;
        }
        Ok(())
    }

    /// Welcomes go out only now: the rows of those they welcome are in the log.
    fn deliver(&self, tx: &mut Tx<'_>, entry: &pb::Entry, welcomes: Vec<Welcome>) -> Result<(), Error> {
        let env = &*tx.context.env;
        for welcome in welcomes {
            let invitation = pb::Invitation {
                log: self.record.log.to_vec(),
                log_key: self.record.key.as_bytes().to_vec(),
                number: entry.number,
                hash: self.record.hash.to_vec(),
                welcome: welcome.welcome,
            };
            let delivered = pb::Delivered { what: Some(pb::delivered::What::Invitation(invitation)) };
            let sealed = crypto::seal_to(
                &tx.context.crypto,
                &welcome.inbox_key,
                b"Pli 1.0 inbox",
                &welcome.device,
                &delivered.encode_to_vec(),
            );
            match sealed {
                Ok(sealed) => {
                    deliveries::put(tx.db, pli_env::random(env), DeviceId(welcome.device), &sealed)?;
                }
                Err(error) => tracing::warn!(%error, "an inbox key is not usable"),
            }
        }
        tx.notice(Notice::Deliveries);
        Ok(())
    }

    pub(super) fn size(&self) -> usize {
        self.public.as_ref().map_or(2, |public| public.roster.len())
    }

    /// What a commit changed, as items of the timeline.
    fn show(
        &mut self,
        tx: &mut Tx<'_>,
        entry: &pb::Entry,
        id: ItemId,
        commit: &pb::Commit,
        counted: &Counted,
    ) -> Result<(), Error> {
        let after = counted.after.roster.persons();
        let public = self.public.as_ref().ok_or(Error::internal("no public state"))?;
        let before = public.roster.persons();
        let mut changes = Vec::new();
        if counted.is_return {
            changes.push(What::Returned);
        }
        let came = persons(&counted.added);
        let went = persons(&counted.removed);
        let list = |people: Vec<&PersonId>| people.into_iter().copied().collect::<Vec<_>>();
        let added = list(came.difference(&before).collect());
        if !added.is_empty() {
            changes.push(What::Added(added));
        }
        changes.extend(came.intersection(&before).map(|person| What::DeviceAdded(*person)));
        let left = leavers(self.record.log, commit, &counted.removed);
        let has_left = |person: &PersonId| left.contains(person);
        let removed = list(went.difference(&after).filter(|person| !has_left(person)).collect());
        if !removed.is_empty() {
            changes.push(What::Removed(removed));
        }
        changes.extend(went.intersection(&after).filter(|p| !came.contains(p)).map(|p| What::DeviceRemoved(*p)));
        let (old, new) = (&public.settings, &counted.after.settings);
        for person in old.roles.keys().chain(new.roles.keys()).collect::<BTreeSet<_>>() {
            if old.listed(*person) != new.listed(*person) && after.contains(person) {
                changes.push(What::RoleSet(*person, new.listed(*person)));
            }
        }
        let (old_look, new_look) = (&old.options, &new.options);
        if old_look.name() != new_look.name() {
            changes.push(What::Renamed(new_look.name().to_owned()));
            items::set_name(tx.db, self.record.conversation, new_look.name())?;
        }
        if old_look.topic() != new_look.topic() {
            changes.push(What::TopicSet(new_look.topic().to_owned()));
        }
        let rights = |s: &Settings| (s.may_add, s.may_remove, s.may_look, s.options.may_post(), s.options.lifetime_s());
        if rights(old) != rights(new) {
            changes.push(What::SettingsChanged);
        }
        for (place, what) in changes.iter().enumerate() {
            let id = if place == 0 { id } else { derived(id, &(place as u32).to_be_bytes()) };
            items::put(tx.db, &shown(&self.record, entry, id, counted.by.person(), what)?)?;
        }
        Ok(())
    }
}

fn persons(leaves: &[Leaf]) -> BTreeSet<PersonId> {
    leaves.iter().map(Leaf::person).collect()
}

/// The persons of removed leaves who left by their own word. A word that nobody signed hides no removal.
fn leavers(log: LogId, commit: &pb::Commit, removed: &[Leaf]) -> BTreeSet<PersonId> {
    let words = rules::evidence(&commit.evidence).into_iter().filter_map(|evidence| match evidence.evidence {
        Some(Kind::Left(word)) => Some(word),
        _ => None,
    });
    let leaver =
        |word: pb::LeaveWord| removed.iter().find(|leaf| rules::is_word_of(&word, log, leaf)).map(Leaf::person);
    words.filter_map(leaver).collect()
}
