//! A conversation of a device: it joins by an invitation, follows the log and adds to it (sections 2, 5 and 6).

use std::collections::{BTreeMap, BTreeSet};

use mls_rs::MlsMessage;
use mls_rs::group::{ExportedTree, ReceivedMessage};
use pli_proto::pb;
use pli_proto::pb::said::Body;
use prost::Message as _;

use super::bytes::{now_ms, random};
use super::judge;
use super::mls::{Member, follow};
use super::state::{State, name};
use super::{
    Device, Error, Head, Result, access_key, content, conversation_id, ensure, join, message_id, of_message, rows_hash,
};

/// A conversation as a member sees it.
pub struct Group<'a> {
    pub(super) device: &'a Device,
    pub(super) head: Head,
    pub(super) state: State,
    pub(super) member: Option<Member>,
    /// What own external commits make of the member, by their bytes.
    pub(super) returned: BTreeMap<Vec<u8>, Member>,
    /// Own messages, as MLS encrypted them.
    own: BTreeSet<Vec<u8>>,
    /// Ids of the messages that were heard.
    heard: BTreeSet<[u8; 16]>,
    /// Who said what, in order.
    pub texts: Vec<([u8; 16], String)>,
    /// Words of who left.
    pub(super) words: Vec<pb::Evidence>,
    /// How many came back.
    pub returns: usize,
    /// Why commits did not count.
    pub refused: Vec<String>,
    /// The own rank, and the digest of all rows, as the server told them last.
    told: (u32, Vec<u8>),
}

impl<'a> Group<'a> {
    /// Joins by an invitation (section 6.3).
    ///
    /// # Errors
    /// The log or the Welcome is not as they should be.
    pub async fn join(device: &'a Device, invitation: &pb::Invitation) -> Result<Self> {
        let (log, key) = (invitation.log.as_slice().try_into()?, invitation.log_key.as_slice().try_into()?);
        let mut head = Head::start(log, key);
        let body = pb::GetSnapshotBody { at_most: invitation.number };
        let request = device.signed(&head, "GetSnapshot", body.encode_to_vec()).await?;
        let body = device.logs().get_snapshot(request).await?.into_inner();
        let number = body.number.to_be_bytes();
        let inside = head.open("snapshot", &join(&[&log, &number]), &body.sealed)?;
        let snapshot = pb::Snapshot::decode(&inside[..])?;
        if body.number == 0 {
            ensure(snapshot.hash == head.hash, "another founding hash")?;
        }
        head.number = body.number;
        head.hash = snapshot.hash.as_slice().try_into()?;
        head.last = (head.number, head.hash);
        let state =
            State::new(device.root, follow(device.root, &snapshot.group_info, &snapshot.tree)?, snapshot.group_info)?;
        let mut group = Self::start(device, head, state);

        while group.head.number < invitation.number {
            for entry in group.page().await?.entries {
                if entry.number > invitation.number {
                    break;
                }
                group.apply(&entry)?;
            }
        }
        ensure(group.head.hash[..] == invitation.hash, "another log than the invitation's")?;
        ensure(group.head.last.0 == invitation.number, "the entry named is no commit")?;

        let tree = ExportedTree::from_bytes(&group.state.follower.export_tree()?)?;
        let welcome = MlsMessage::from_bytes(&invitation.welcome)?;
        let (member, _) = device.mls.join_group(Some(tree), &welcome, None)?;
        ensure(member.context() == group.state.follower.group_context(), "another group than the log's")?;
        let settings = &group.state.settings;
        ensure(member.group_id() == log, "another group id")?;
        ensure(settings.log_key == key && settings.root == device.root, "other settings")?;
        group.member = Some(member);
        Ok(group)
    }

    /// At a state, without secrets yet.
    pub(super) fn start(device: &'a Device, head: Head, state: State) -> Self {
        Self {
            device,
            head,
            state,
            member: None,
            returned: BTreeMap::new(),
            own: BTreeSet::new(),
            heard: BTreeSet::new(),
            texts: Vec::new(),
            words: Vec::new(),
            returns: 0,
            refused: Vec::new(),
            told: Default::default(),
        }
    }

    /// The group's name.
    pub fn name(&self) -> &str {
        name(&self.state.settings)
    }

    /// The persons who have leaves, in the order of leaves.
    pub fn people(&self) -> Vec<[u8; 16]> {
        self.state.leaves.iter().map(|leaf| leaf.named.person).collect()
    }

    fn conversation(&self) -> [u8; 16] {
        conversation_id(&self.head.log, &self.state.settings.pair)
    }

    async fn page(&self) -> Result<pb::LogPage> {
        let body = pb::ReadBody { after: self.head.number, hash: Vec::new() }.encode_to_vec();
        Ok(self.device.logs().read(self.device.signed(&self.head, "Read", body).await?).await?.into_inner())
    }

    /// Reads all that is in the log.
    ///
    /// # Errors
    /// The server shows what can't be, or refuses.
    pub async fn read(&mut self) -> Result<()> {
        loop {
            let page = self.page().await?;
            for entry in &page.entries {
                self.apply(entry)?;
            }
            if page.caught_up {
                self.told = (page.rank, page.rows);
                return Ok(());
            }
        }
    }

    /// Whether the rows were those that the state asks for, when all was read last.
    ///
    /// # Errors
    /// There is no own row.
    pub fn rows_stand_as_asked(&self) -> Result<bool> {
        let asked = self.state.rows()?;
        let (own, _) = access_key(&self.device.key.public(), &self.head.key)?;
        let rank = asked.get(&own[..]).ok_or("no row of its own")?;
        Ok(self.told == (*rank, rows_hash(&asked).to_vec()))
    }

    fn apply(&mut self, entry: &pb::Entry) -> Result<()> {
        self.head.advance(entry)?;
        let clear = self.head.clear(entry);
        let opened = self.head.open("entry", &clear, &entry.sealed);
        let body = opened.and_then(|inside| Ok(pb::Opened::decode(&inside[..])?.body));
        match (entry.kind(), body) {
            (pb::EntryKind::Commit, Ok(Some(pb::opened::Body::Commit(commit)))) => {
                match judge::commit(&self.state, &self.head, entry, &commit) {
                    Ok((after, returns)) => {
                        self.state = after;
                        self.returns += usize::from(returns);
                        if let Some(member) = self.returned.remove(&commit.commit) {
                            self.member = Some(member);
                        } else if let Some(member) = &mut self.member {
                            // mls-rs knows an own commit by its hash, and merges it.
                            member.process_incoming_message(MlsMessage::from_bytes(&commit.commit)?)?;
                            ensure(member.context() == self.state.follower.group_context(), "parted ways")?;
                        }
                    }
                    Err(error) => self.refused.push(error.to_string()),
                }
            }
            (pb::EntryKind::Message, Ok(Some(pb::opened::Body::Message(message)))) => {
                if !self.own.contains(&message) {
                    self.hear(entry, &clear, &message)?;
                }
            }
            (pb::EntryKind::Commit, other) => self.refused.push(format!("no commit: {other:?}")),
            (_, other) => return Err(format!("no message: {other:?}").into()),
        }
        Ok(())
    }

    fn hear(&mut self, entry: &pb::Entry, clear: &[u8], message: &[u8]) -> Result<()> {
        let Some(member) = &mut self.member else { return Ok(()) };
        let received = member.process_incoming_message(MlsMessage::from_bytes(message)?)?;
        let ReceivedMessage::ApplicationMessage(message) = received else { return Err("no message".into()) };
        let content = pb::Content::decode(message.data())?;
        ensure(content.seen < entry.number, "a message that has seen itself")?;
        let sender = &self.state.leaf(message.sender_index)?.named;
        let id = message_id(&self.conversation(), &sender.person, &content.said);
        let bound = of_message(&self.state.hash()?, clear, &id);
        ensure(message.authenticated_data == bound, "a message for another place")?;
        if !self.heard.insert(id) {
            return Ok(());
        }
        match pb::Said::decode(&content.said[..])?.body {
            Some(Body::Text(text)) => self.texts.push((sender.person, text.body)),
            Some(Body::Leave(word)) if word.leaf_key == sender.key => {
                self.words.push(pb::Evidence { evidence: Some(pb::evidence::Evidence::Left(word)) });
            }
            _ => {}
        }
        Ok(())
    }

    /// Says a text.
    ///
    /// # Errors
    /// The server does not take it.
    pub async fn say(&mut self, text: &str) -> Result<()> {
        let text = pb::Text { body: text.into(), ..Default::default() };
        self.message(Body::Text(text), Vec::new()).await
    }

    /// Leaves: the word, and the own row.
    ///
    /// # Errors
    /// The server does not take it.
    pub async fn leave(mut self) -> Result<()> {
        let own = self.member.as_ref().ok_or("no member")?.current_member_index();
        let encryption_key = self.state.leaf(own)?.node.public_key.to_vec();
        let leave = pb::LeaveWord {
            leaf_key: self.device.key.public().to_vec(),
            signature: self.device.key.sign("Pli 1.0 Leave", &[&self.head.log, &encryption_key]),
            encryption_key,
        };
        let (key, _) = access_key(&self.device.key.public(), &self.head.key)?;
        self.message(Body::Leave(leave), vec![pb::Row { key: key.to_vec(), ..Default::default() }]).await
    }

    async fn message(&mut self, body: Body, rows: Vec<pb::Row>) -> Result<()> {
        let (salt, sent_ms, body) = (random::<16>().to_vec(), now_ms(), Some(body));
        let said = pb::Said { salt, sent_ms, body, ..Default::default() }.encode_to_vec();
        let id = message_id(&self.conversation(), &self.device.person, &said);
        loop {
            self.read().await?;
            let entry = self.entry(pb::EntryKind::Message, rows.clone());
            let content = pb::Content {
                seen: self.head.number,
                seen_hash: self.head.hash.to_vec(),
                revocations: self.device.revocations().await?,
                said: said.clone(),
            };
            let bound = of_message(&self.state.hash()?, &self.head.clear(&entry), &id);
            let member = self.member.as_mut().ok_or("no member")?;
            let message = member.encrypt_application_message(&content.encode_to_vec(), bound)?.to_bytes()?;
            self.own.insert(message.clone());
            match self.append(entry, pb::opened::Body::Message(message)).await {
                Err(error) if stale(&error) => {}
                other => return other.map(drop),
            }
        }
    }

    pub(super) fn entry(&self, kind: pb::EntryKind, rows: Vec<pb::Row>) -> pb::Entry {
        let (parent, parent_hash) = (self.head.last.0, self.head.last.1.to_vec());
        pb::Entry { kind: kind.into(), parent, parent_hash, rows, ..Default::default() }
    }

    pub(super) async fn append(&self, mut entry: pb::Entry, body: pb::opened::Body) -> Result<pb::AppendResponse> {
        let opened = pb::Opened { body: Some(body) }.encode_to_vec();
        entry.sealed = self.head.seal("entry", &self.head.clear(&entry), &opened)?;
        let request = self.device.signed(&self.head, "Append", entry.encode_to_vec()).await?;
        Ok(self.device.logs().append(request).await?.into_inner())
    }
}

/// Whether the server refused because another commit came.
pub(super) fn stale(error: &Error) -> bool {
    let refusal = error.downcast_ref::<tonic::Status>().map(|status| pb::Refusal::decode(status.details()));
    refusal.is_some_and(|refusal| refusal.is_ok_and(|refusal| refusal.reason() == pb::Reason::Stale))
}

impl Device {
    /// A request to a log, signed by this device's row.
    pub(super) async fn signed(
        &self,
        head: &Head,
        method: &str,
        request: Vec<u8>,
    ) -> Result<tonic::Request<pb::LogRequest>> {
        let (row_key, _) = access_key(&self.key.public(), &head.key)?;
        let time_ms = now_ms();
        let parts = [&row_key[..], &self.root, method.as_bytes(), &head.log, &time_ms.to_be_bytes(), &request];
        let signature = self.key.sign_access(&head.key, &content("Pli 1.0 Request", &parts))?;
        let (log, row_key) = (head.log.to_vec(), row_key.to_vec());
        self.at_door(pb::LogRequest { log, row_key, time_ms, request, signature, door: Vec::new() }).await
    }
}
