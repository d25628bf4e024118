//! Commits of a member's own (sections 4, 5 and 6.3).

use mls_rs::group::ExportedTree;
use mls_rs::time::MlsTime;
use mls_rs::{Extension, MlsMessage};
use pli_proto::pb;
use prost::Message as _;

use super::bytes::random;
use super::group::stale;
use super::mls::{Member, SETTINGS, named};
use super::state::{Leaf, changed, rows, set_name, settled};
use super::{Group, Result, evidence, hpke, of_commit};

/// What a commit does besides giving new keys.
#[derive(Clone, Default)]
struct Changes {
    name: Option<String>,
    /// A key package.
    add: Option<MlsMessage>,
}

impl Group<'_> {
    /// Commits nothing but new keys.
    ///
    /// # Errors
    /// The server does not take it.
    pub async fn update(&mut self) -> Result<()> {
        self.commit(Changes::default()).await.map(drop)
    }

    /// Commits another name.
    ///
    /// # Errors
    /// The server does not take it.
    pub async fn rename(&mut self, name: &str) -> Result<()> {
        self.commit(Changes { name: Some(name.into()), add: None }).await.map(drop)
    }

    /// Adds a person's one device, and invites it once the log shows the commit.
    ///
    /// # Errors
    /// The device has no good package, or the server does not take it.
    pub async fn add(&mut self, name: &str) -> Result<()> {
        let (person, device) = self.device.find(name).await?;
        let package = self.device.take(&person, &device).await?;
        let add = Some(MlsMessage::from_bytes(&package.package)?);
        let (taken, welcome) = self.commit(Changes { name: None, add }).await?;
        let invitation = pb::Invitation {
            log: self.head.log.to_vec(),
            log_key: self.head.key.to_vec(),
            number: taken.number,
            hash: taken.hash,
            welcome: welcome.ok_or("no Welcome")?,
        };
        let plain = pb::Delivered { what: Some(pb::delivered::What::Invitation(invitation)) }.encode_to_vec();
        let (kem_output, sealed) = hpke::seal(&package.inbox_key, b"Pli 1.0 inbox", &device.id, &plain)?;
        let sealed = [kem_output, sealed].concat();
        self.device.deliver(pb::DeliverRequest { device: device.id, id: random::<16>().to_vec(), sealed }).await
    }

    /// Commits, and reads until the log shows it: where it is, and a Welcome if somebody was added.
    async fn commit(&mut self, changes: Changes) -> Result<(pb::AppendResponse, Option<Vec<u8>>)> {
        loop {
            self.read().await?;
            match self.attempt(&changes).await {
                Err(error) if stale(&error) => self.member.as_mut().ok_or("no member")?.clear_pending_commit(),
                other => return other,
            }
        }
    }

    /// The leaves of who left, and the words (section 5.2).
    fn leavers(&self) -> (Vec<Leaf>, Vec<pb::Evidence>) {
        let mut evidence = self.words.clone();
        let covers = |leaf: &Leaf, word: &pb::Evidence| evidence::covers(&self.state, &self.head, leaf, word);
        evidence.retain(|word| self.state.leaves.iter().any(|leaf| covers(leaf, word)));
        let left = |leaf: &&Leaf| evidence.iter().any(|word| covers(leaf, word));
        (self.state.leaves.iter().filter(left).cloned().collect(), evidence)
    }

    async fn attempt(&mut self, changes: &Changes) -> Result<(pb::AppendResponse, Option<Vec<u8>>)> {
        let (leavers, evidence) = self.leavers();
        let evidence: Vec<Vec<u8>> = evidence.iter().map(pb::Evidence::encode_to_vec).collect();
        let mut stay = self.state.leaves.clone();
        stay.retain(|leaf| !leavers.iter().any(|leaver| leaver.index == leaf.index));
        let mut settings = settled(&self.state.settings, &stay)?;
        if let Some(name) = &changes.name {
            set_name(&mut settings, name);
        }
        let mut present: Vec<_> = stay.into_iter().map(|leaf| leaf.named).collect();
        if let Some(package) = &changes.add {
            let package = package.as_key_package().ok_or("no key package")?;
            present.push(named(&self.device.root, package.signing_identity())?);
        }
        let changed = changed(&self.state.rows()?, &rows(&settings, &present)?);
        let rows = changed.into_iter().map(|(key, rank)| pb::Row { key, rank, ..Default::default() });
        let entry = self.entry(pb::EntryKind::Commit, rows.collect());
        let bound = of_commit(&self.state.hash()?, &self.head.clear(&entry), &evidence);
        let member = self.member.as_mut().ok_or("no member")?;
        let mut extensions = member.context().extensions.clone();
        let mut builder = member.commit_builder().authenticated_data(bound);
        for leaf in &leavers {
            builder = builder.remove_member(leaf.index)?;
        }
        if settings != self.state.settings {
            extensions.set(Extension::new(SETTINGS, settings.encode_to_vec()));
            builder = builder.set_group_context_ext(extensions)?;
        }
        if let Some(package) = &changes.add {
            builder = builder.add_member(package.clone())?;
        }
        let made = builder.build()?;
        let group_info = made.external_commit_group_info.ok_or("no GroupInfo")?.to_bytes()?;
        let commit = pb::Commit { commit: made.commit_message.to_bytes()?, group_info, evidence };
        let taken = self.send(entry, commit, None).await?;
        let welcome = made.welcome_messages.first().map(MlsMessage::to_bytes).transpose()?;
        Ok((taken, welcome))
    }

    /// Comes back without secrets (section 6.4).
    ///
    /// # Errors
    /// The server does not take it.
    pub async fn come_back(&mut self) -> Result<()> {
        self.member = None;
        self.read().await?;
        let own = self.state.leaves.iter().find(|leaf| leaf.named.device == self.device.device).ok_or("no leaf")?;
        let tree = ExportedTree::from_bytes(&self.state.follower.export_tree()?)?;
        // mls-rs reckons a lifetime from then, though the leaf will have none.
        let builder = self.device.mls.external_commit_builder()?.commit_time(MlsTime::from(0));
        let entry = self.entry(pb::EntryKind::Commit, Vec::new());
        let builder = builder.with_authenticated_data(of_commit(&self.state.hash()?, &self.head.clear(&entry), &[]));
        let group_info = MlsMessage::from_bytes(&self.state.group_info)?;
        let (member, commit) = builder.with_tree_data(tree).with_removal(own.index).build(group_info)?;
        let group_info = member.group_info_message_allowing_ext_commit(false)?.to_bytes()?;
        let commit = pb::Commit { commit: commit.to_bytes()?, group_info, ..Default::default() };
        self.send(entry, commit, Some(member)).await.map(drop)
    }

    /// Appends a commit, and reads until the log shows it: where it is.
    async fn send(
        &mut self,
        entry: pb::Entry,
        commit: pb::Commit,
        returned: Option<Member>,
    ) -> Result<pb::AppendResponse> {
        if let Some(member) = returned {
            self.returned.insert(commit.commit.clone(), member);
        }
        let refused = self.refused.len();
        let taken = self.append(entry, pb::opened::Body::Commit(commit)).await?;
        self.read().await?;
        if let Some(why) = self.refused.get(refused) {
            if let Some(member) = &mut self.member {
                member.clear_pending_commit();
            }
            return Err(format!("the commit does not count: {why}").into());
        }
        Ok(taken)
    }
}
