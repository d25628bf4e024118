//! An insider: a member whose software does what ours never would. It works on the closed store of a real device, with
//! openmls over a crypto provider that may lie, and talks to the real server.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use openmls::group::{CommitBuilder, Initial, MlsGroup};
use openmls::prelude::{
    GroupContext, KeyPackage, LeafNodeIndex, MlsMessageIn, MlsMessageOut, ProcessedMessageContent, PublicGroup,
};
use openmls_traits::OpenMlsProvider as _;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig, HpkeKeyPair, KemOutput,
    SignatureScheme,
};
use pli_core::identity::ended::Ended;
use pli_core::identity::{Identity, Me, TlsIdentity};
use pli_core::store::groups::group_id;
use pli_core::store::mls::{Deferred, MEMBER, MlsStore};
use pli_core::transport::tls::Doubt;
use pli_core::transport::{Address, Door, Known, Sealed};
use pli_env::Env;
use pli_env::sql::Numbers as _;
use pli_kernel::crypto::{Crypto, Provider};
use pli_kernel::group::roster::{self, KeyDigest, Leaf, Roster};
use pli_kernel::group::rows as asked;
use pli_kernel::group::seal::{self, LogKey};
use pli_kernel::group::settings::Settings;
use pli_kernel::group::{associated, context_extensions, group_info, split_vector};
use pli_proto::id::{ConversationId, ItemId, LogId};
use pli_proto::refusal::{Reason, Refusal};
use pli_proto::signed::{self, Method};
use pli_proto::{pb, rows};
use prost::Message;
use rusqlite::Connection;
use tls_codec::{Deserialize as _, SecretVLBytes};

/// Where the provider lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Nowhere.
    None,
    /// The n-th thing sealed to somebody does not open.
    HpkeSeal(usize),
    /// The n-th MAC is false.
    Hmac(usize),
    /// The n-th key pair derived has a public key that is nobody's and nothing's.
    MalformedKey(usize),
    /// The n-th key pair derived has this public key: [`Liar::copied`].
    CopiedKey(usize),
    /// It panics when it verifies a signature.
    Panics,
}

/// A crypto provider that lies in one place, once.
pub struct Liar {
    inner: Crypto,
    lie: Lie,
    /// The key that [`Lie::CopiedKey`] copies.
    pub copied: Vec<u8>,
    calls: AtomicUsize,
}

impl Liar {
    fn turn(&self, is: impl Fn(usize) -> Lie) -> bool {
        self.lie == is(self.calls.load(Ordering::SeqCst)) && {
            self.calls.fetch_add(1, Ordering::SeqCst);
            true
        }
    }
    fn counts(&self, is: impl Fn(usize) -> Lie) -> bool {
        std::mem::discriminant(&self.lie) == std::mem::discriminant(&is(0)) && {
            let hit = self.turn(&is);
            if !hit {
                self.calls.fetch_add(1, Ordering::SeqCst);
            }
            hit
        }
    }
}

impl OpenMlsRand for Liar {
    type Error = <Crypto as OpenMlsRand>::Error;
    fn random_array<const N: usize>(&self) -> Result<[u8; N], Self::Error> {
        self.inner.random_array()
    }
    fn random_vec(&self, len: usize) -> Result<Vec<u8>, Self::Error> {
        self.inner.random_vec(len)
    }
}

#[rustfmt::skip]
impl OpenMlsCrypto for Liar {
    fn supports(&self, suite: Ciphersuite) -> Result<(), CryptoError> { self.inner.supports(suite) }
    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> { self.inner.supported_ciphersuites() }
    fn hash(&self, h: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> { self.inner.hash(h, data) }
    fn hkdf_extract(&self, h: HashType, s: &[u8], i: &[u8]) -> Result<SecretVLBytes, CryptoError> { self.inner.hkdf_extract(h, s, i) }
    fn hkdf_expand(&self, h: HashType, p: &[u8], i: &[u8], n: usize) -> Result<SecretVLBytes, CryptoError> { self.inner.hkdf_expand(h, p, i, n) }
    fn aead_encrypt(&self, a: AeadType, k: &[u8], d: &[u8], n: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError> { self.inner.aead_encrypt(a, k, d, n, aad) }
    fn aead_decrypt(&self, a: AeadType, k: &[u8], d: &[u8], n: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError> { self.inner.aead_decrypt(a, k, d, n, aad) }
    fn signature_key_gen(&self, a: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> { self.inner.signature_key_gen(a) }
    fn sign(&self, a: SignatureScheme, d: &[u8], k: &[u8]) -> Result<Vec<u8>, CryptoError> { self.inner.sign(a, d, k) }
    fn verify_signature(&self, a: SignatureScheme, d: &[u8], k: &[u8], s: &[u8]) -> Result<(), CryptoError> { assert!(self.lie != Lie::Panics, "planted"); self.inner.verify_signature(a, d, k, s) }
    fn hpke_open(&self, c: HpkeConfig, i: &HpkeCiphertext, sk: &[u8], info: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError> { self.inner.hpke_open(c, i, sk, info, aad) }
    fn hpke_setup_sender_and_export(&self, c: HpkeConfig, pk: &[u8], i: &[u8], x: &[u8], n: usize) -> Result<(KemOutput, ExporterSecret), CryptoError> { self.inner.hpke_setup_sender_and_export(c, pk, i, x, n) }
    fn hpke_setup_receiver_and_export(&self, c: HpkeConfig, e: &[u8], sk: &[u8], i: &[u8], x: &[u8], n: usize) -> Result<ExporterSecret, CryptoError> { self.inner.hpke_setup_receiver_and_export(c, e, sk, i, x, n) }

    fn hpke_seal(&self, c: HpkeConfig, pk: &[u8], info: &[u8], aad: &[u8], data: &[u8]) -> Result<HpkeCiphertext, CryptoError> {
        let mut sealed = self.inner.hpke_seal(c, pk, info, aad, data)?;
        if self.counts(Lie::HpkeSeal) {
            let mut bytes = sealed.ciphertext.as_slice().to_vec();
            bytes[0] ^= 1;
            sealed.ciphertext = bytes.into();
        }
        Ok(sealed)
    }
    fn hmac(&self, h: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        let tag = self.inner.hmac(h, key, message)?;
        if self.counts(Lie::Hmac) {
            let mut bytes = tag.as_slice().to_vec();
            bytes[0] ^= 1;
            return Ok(bytes.into());
        }
        Ok(tag)
    }
    fn derive_hpke_keypair(&self, c: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        let mut pair = self.inner.derive_hpke_keypair(c, ikm)?;
        if self.counts(Lie::MalformedKey) {
            pair.public = vec![0xff; pair.public.len()];
        }
        if self.counts(Lie::CopiedKey) {
            pair.public.clone_from(&self.copied);
        }
        Ok(pair)
    }
}

/// A member gone bad.
pub struct Insider {
    env: Arc<dyn Env>,
    db: Connection,
    deferred: Deferred,
    /// Who it is.
    pub me: Me,
    address: Address,
    tls: TlsIdentity,
    door: Door,
    /// The conversation that it attacks.
    pub conversation: ConversationId,
    /// The log of its group, as it last knew it.
    pub log: LogId,
    /// Its key.
    pub key: LogKey,
    /// The log's last commit and the running hash there.
    pub parent: (u64, Vec<u8>),
    /// The GroupInfo beside the last commit that counts.
    pub group_info: Vec<u8>,
    /// Whether its commits state all rows.
    pub whole: bool,
}

impl Insider {
    /// Takes over the closed store of a device.
    pub async fn of(env: Arc<dyn Env>, folder: &Path, conversation: ConversationId) -> Self {
        let mut insider = Self::in_store(env, folder, conversation);
        insider.knock().await.unwrap();
        insider
    }

    /// The same, before it has the door key.
    pub fn in_store(env: Arc<dyn Env>, folder: &Path, conversation: ConversationId) -> Self {
        let mut key = folder.as_os_str().to_owned();
        key.push(".key");
        let secret = std::fs::read(key).unwrap();
        let db = Connection::open(folder.join("store.db")).unwrap();
        let hex: String = secret[..32].iter().map(|byte| format!("{byte:02x}")).collect();
        db.execute_batch(&format!("PRAGMA key = \"x'{hex}'\"")).unwrap();
        let meta = |key: &str| -> Vec<u8> {
            db.query_row("SELECT value FROM meta WHERE key = ?", [key], |row| row.get(0)).unwrap()
        };
        let identity: Identity = serde_json::from_slice(&meta("identity")).unwrap();
        let tls: TlsIdentity = serde_json::from_slice(&meta("tls")).unwrap();
        let address = Address {
            host: identity.host.clone(),
            port: identity.port,
            root: identity.root,
            ended: Ended::default(),
            doubt: Doubt::default(),
        };
        let sql = "SELECT log_key, commit_number, commit_hash, group_info, log FROM logs JOIN group_infos USING(log)
            WHERE conversation = ?";
        let (key, number, hash, group_info, log): ([u8; 32], u64, Vec<u8>, Vec<u8>, [u8; 16]) = db
            .query_row(sql, [conversation.0], |row| {
                Ok((row.get(0)?, row.number(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })
            .unwrap();
        let log = LogId(log);
        let me = Me::new(&identity);
        Self {
            env,
            db,
            deferred: Deferred::default(),
            me,
            address,
            tls,
            door: Door::default(),
            conversation,
            log,
            key: LogKey::try_from(key.as_slice()).unwrap(),
            whole: false,
            parent: (number, hash),
            group_info,
        }
    }

    /// Closes a client, and takes over its store.
    pub async fn of_closed(
        world: &crate::World,
        name: &str,
        client: &pli_core::Client,
        conversation: ConversationId,
    ) -> Self {
        client.close().await;
        Self::of(world.env.clone(), &world.device_folder(name), conversation).await
    }

    /// Gets the door key.
    pub async fn knock(&mut self) -> Result<(), tonic::Status> {
        let known = Known::new(&self.env, &self.address, Some(&self.tls)).unwrap();
        let door = known.enrolment().door(pb::DoorRequest {}).await?.into_inner();
        self.door.set(&door.key);
        Ok(())
    }

    /// A provider that lies there.
    pub fn liar(&self, lie: Lie) -> Liar {
        Liar {
            inner: Crypto::new(pli_env::draw(self.env.clone())),
            lie,
            copied: Vec::new(),
            calls: AtomicUsize::new(0),
        }
    }

    /// openmls' provider over the stolen store.
    pub fn provider<'a>(&'a self, liar: &'a Liar) -> Provider<'a, MlsStore<'a>, Liar> {
        Provider { crypto: liar, storage: MlsStore::new(&self.db, MEMBER, &self.deferred) }
    }

    /// The member's group.
    pub fn group(&self) -> MlsGroup {
        MlsGroup::load(&MlsStore::new(&self.db, MEMBER, &self.deferred), &group_id(self.log)).unwrap().unwrap()
    }

    /// What `build` makes: a commit for the present end of the log, without rows and evidence.
    pub fn commit(&self, lie: Lie, build: impl FnOnce(&Self, &Liar, &mut MlsGroup) -> Made) -> pb::Commit {
        self.commit_with(lie, &[], &[], build)
    }

    /// The same with row changes and evidence, to which the commit is bound.
    pub fn commit_with(
        &self,
        lie: Lie,
        rows: &[pb::Row],
        evidence: &[pb::Evidence],
        build: impl FnOnce(&Self, &Liar, &mut MlsGroup) -> Made,
    ) -> pb::Commit {
        let liar = self.liar(lie);
        let mut group = self.group();
        let evidence: Vec<Vec<u8>> = evidence.iter().map(Message::encode_to_vec).collect();
        group.set_aad(self.bound(group.public_group().group_context(), rows, &evidence));
        let (commit, group_info) = build(self, &liar, &mut group);
        pb::Commit { commit, group_info, evidence }
    }

    /// The associated data of a commit on a state, for the present end of the log.
    pub fn bound(&self, before: &GroupContext, rows: &[pb::Row], evidence: &[Vec<u8>]) -> Vec<u8> {
        let entry = self.placed(pb::EntryKind::Commit, rows.to_vec());
        associated::of_commit(&associated::state(before), self.log, &entry, evidence)
    }

    /// An entry for the present end of the log, not sealed yet.
    pub fn placed(&self, kind: pb::EntryKind, rows: Vec<pb::Row>) -> pb::Entry {
        let (parent, parent_hash) = self.parent.clone();
        let whole = self.whole && kind == pb::EntryKind::Commit;
        pb::Entry { kind: kind.into(), parent, parent_hash, rows, whole, ..pb::Entry::default() }
    }

    /// Seals a commit for the present end of the log.
    pub fn entry(&self, commit: pb::Commit, rows: Vec<pb::Row>) -> pb::Entry {
        let mut entry = self.placed(pb::EntryKind::Commit, rows);
        self.seal(&mut entry, pb::opened::Body::Commit(commit));
        entry
    }

    /// An update that asks for these rows, whether it should or not.
    pub fn update_with(&self, mut rows: Vec<pb::Row>) -> pb::Entry {
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        let commit = self.commit_with(Lie::None, &rows, &[], update);
        self.entry(commit, rows)
    }

    /// A message with this content, whatever that is, encrypted and sealed for the present end of the log. It bears the id of
    /// what it says, if it says something.
    pub fn message(&self, content: &[u8]) -> pb::Entry {
        let said = pb::Content::decode(content).map(|content| content.said).unwrap_or_default();
        let mut entry = self.placed(pb::EntryKind::Message, vec![]);
        let message = self.private_message(&entry, self.message_id(&said), content);
        self.seal(&mut entry, pb::opened::Body::Message(message));
        entry
    }

    /// A PrivateMessage for an entry that is not sealed yet, which claims to be the message with an id.
    pub fn private_message(&self, entry: &pb::Entry, id: ItemId, content: &[u8]) -> Vec<u8> {
        let liar = self.liar(Lie::None);
        let mut group = self.group();
        let state = associated::state(group.public_group().group_context());
        group.set_aad(associated::of_message(&state, self.log, entry, id));
        group.create_message(&self.provider(&liar), &self.me.key, content).unwrap().to_bytes().unwrap()
    }

    /// The id of what the insider says.
    pub fn message_id(&self, said: &[u8]) -> ItemId {
        associated::message_id(self.conversation, self.me.person, said)
    }

    /// A commit with its path's nodes changed, signed anew, and the GroupInfo that a follower expects beside it. What only
    /// members can check, its tags, is false.
    pub fn with_path(&self, (commit, info): Made, change: impl FnOnce(&mut Vec<PathNode>)) -> Made {
        // Behind the content stand signature, confirmation tag and membership tag (RFC 9420 section 6.1).
        const TAGS: usize = 49 + 49;
        let content = &commit[..commit.len() - 66 - TAGS];
        let start = (4..content.len()).find(|at| nodes(&content[*at..]).is_some()).expect("a path");
        let mut path = nodes(&content[start..]).unwrap();
        change(&mut path);
        let path: Vec<u8> =
            path.iter().flat_map(|(key, ciphertexts)| [vector(key), vector(&ciphertexts.concat())].concat()).collect();
        let content = [&content[..start], &vector(&path)].concat();
        let liar = self.liar(Lie::None);
        let provider = self.provider(&liar);
        let mut follower = PublicGroup::load(&provider.storage, self.group().group_id()).unwrap().unwrap();
        let to_be_signed = [content.as_slice(), &bytes(follower.group_context())].concat();
        let signature = self.me.key.sign_raw(&signed::with_label("FramedContentTBS", &to_be_signed));
        let commit = [&content, &vector(&signature)[..], &commit[commit.len() - TAGS..]].concat();

        let message =
            MlsMessageIn::tls_deserialize_exact(commit.as_slice()).unwrap().try_into_protocol_message().unwrap();
        let Ok(processed) = follower.process_message(provider.crypto(), message) else { return (commit, info) };
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else { panic!("a commit") };
        let scratch = Connection::open_in_memory().unwrap();
        scratch.execute_batch(pli_core::store::mls::SCHEMA).unwrap();
        let deferred = Deferred::default();
        follower.merge_commit(&MlsStore::new(&scratch, MEMBER, &deferred), *staged).unwrap();
        let extensions = [&[0, 4][..], &vector(&vector(&group_info::external_pub_of(&info).unwrap()))].concat();
        let me = self.group().own_leaf_index().u32();
        let info = [
            bytes(follower.group_context()),
            vector(&extensions),
            bytes(follower.confirmation_tag()),
            me.to_be_bytes().to_vec(),
        ]
        .concat();
        let signature = self.me.key.sign_raw(&signed::with_label("GroupInfoTBS", &info));
        (commit, [&[0, 1, 0, 4], info.as_slice(), &vector(&signature)].concat())
    }

    /// Seals whatever.
    pub fn seal(&self, entry: &mut pb::Entry, body: pb::opened::Body) {
        seal::seal_entry(pli_env::random(&*self.env), &self.key, self.log, entry, &pb::Opened { body: Some(body) });
    }

    /// Appends an entry; on success the insider's next one stands on it.
    pub async fn append(&mut self, entry: &pb::Entry) -> Result<u64, Reason> {
        let answer = self.call(Method::Append, entry).await?;
        if entry.kind() == pb::EntryKind::Commit {
            self.parent = (answer.number, answer.hash.clone());
        }
        Ok(answer.number)
    }

    /// Borrows nothing while it waits: a connection to a database does not go to another thread.
    fn call(
        &self,
        method: Method,
        entry: &pb::Entry,
    ) -> impl Future<Output = Result<pb::AppendResponse, Reason>> + use<> {
        let (sealed, request) = (self.sealed(), self.request(method, entry));
        async move {
            let answer = sealed.log().append(request).await;
            answer
                .map(tonic::Response::into_inner)
                .map_err(|status| Refusal::of(&status).map_or(Reason::Unspecified, |refusal| refusal.reason()))
        }
    }

    /// A signed request on the log.
    pub fn request(&self, method: Method, body: &impl Message) -> pb::LogRequest {
        let access = self.me.access(&self.key);
        let mut request = pb::LogRequest {
            log: self.log.to_vec(),
            row_key: access.key().0.to_vec(),
            time_ms: self.env.now_ms(),
            request: body.encode_to_vec(),
            ..pb::LogRequest::default()
        };
        request.signature = access.sign(&signed::request(&self.address.root, method, &request)).to_vec();
        request
    }

    /// The sealed connection, through the open door.
    pub fn sealed(&self) -> Sealed {
        Sealed::new(&self.env, &self.address, &self.door).unwrap()
    }

    /// Reads from the log's beginning on.
    pub async fn read(&self) -> Result<Vec<pb::Entry>, Reason> {
        let request = self.request(Method::Read, &pb::ReadBody::default());
        let page = self.sealed().log().read(request).await;
        page.map(|page| page.into_inner().entries)
            .map_err(|status| Refusal::of(&status).map_or(Reason::Unspecified, |refusal| refusal.reason()))
    }

    /// The row of the device with this leaf key.
    pub fn row_of(&self, leaf_key: &[u8; 32]) -> pli_proto::row::AccessKey {
        pli_proto::row::AccessKey::of(self.key.as_bytes(), leaf_key).unwrap()
    }

    /// What asks that this row is cut.
    pub fn cut(&self, leaf_key: &[u8; 32]) -> pb::Row {
        rows::set(self.row_of(leaf_key), rows::rank::NONE)
    }

    /// Leaves and settings as the insider knows them.
    pub fn state(&self) -> (Roster, Settings) {
        let group = self.group();
        let public = group.public_group();
        (Roster::read(public).unwrap(), Settings::of(public.group_context()).unwrap())
    }

    /// A commit as an honest member would make it, had it the right to: with the rows that it has to ask for.
    pub fn planned(&self, plan: Plan, evidence: &[pb::Evidence]) -> pb::Entry {
        let before = self.state();
        let mut after = before.clone();
        for index in &plan.remove {
            after.0.remove(*index);
        }
        for (place, package) in (0..).zip(&plan.add) {
            let leaf = package.leaf_node();
            let certificate = roster::verify_credential(leaf.credential(), &self.address.root).unwrap();
            after.0.insert(Leaf { index: u32::MAX - place, certificate, encryption_key: KeyDigest::default() });
        }
        after.1 = plan.settings.clone().unwrap_or(after.1);
        let rows = asked::changes((&before.0, &before.1), (&after.0, &after.1));
        let rows: Vec<pb::Row> = rows.into_iter().map(|(key, rank)| rows::set(key, rank)).collect();
        let commit =
            self.commit_with(Lie::None, &rows, evidence, |insider, liar, group| build(insider, liar, group, |_| plan));
        self.entry(commit, rows)
    }

    /// A random id.
    pub fn id(&self) -> ItemId {
        ItemId(pli_env::random(&*self.env))
    }
}

/// A node of an update path (RFC 9420 section 7.6): its key, and its ciphertexts as they are encoded.
pub type PathNode = (Vec<u8>, Vec<Vec<u8>>);

/// A vector with its length before it (RFC 9420 section 2.1.2).
pub fn vector(bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len() as u32;
    let head = match len {
        0..64 => vec![len as u8],
        64..16_384 => (len as u16 | 0x4000).to_be_bytes().to_vec(),
        _ => (len | 0x8000_0000).to_be_bytes().to_vec(),
    };
    [&head, bytes].concat()
}

/// The nodes of a path that fills the rest of some bytes, if it is one.
fn nodes(bytes: &[u8]) -> Option<Vec<PathNode>> {
    let (mut rest, []) = split_vector(bytes)? else { return None };
    let mut nodes = Vec::new();
    while !rest.is_empty() {
        let (key, after) = split_vector(rest)?;
        let (mut sealed, after) = split_vector(after)?;
        let mut ciphertexts = Vec::new();
        while !sealed.is_empty() {
            let (output, next) = split_vector(sealed)?;
            let (ciphertext, next) = split_vector(next)?;
            ciphertexts.push([vector(output), vector(ciphertext)].concat());
            sealed = next;
        }
        // The key of X-Wing.
        (key.len() == 1184 + 32).then(|| nodes.push((key.to_vec(), ciphertexts)))?;
        rest = after;
    }
    (!nodes.is_empty()).then_some(nodes)
}

/// What an insider made: the commit's bytes and the GroupInfo's.
pub type Made = (Vec<u8>, Vec<u8>);

/// What a commit proposes.
#[derive(Default)]
pub struct Plan {
    /// Who comes.
    pub add: Vec<KeyPackage>,
    /// The leaves that go.
    pub remove: Vec<u32>,
    /// Other settings.
    pub settings: Option<Settings>,
}

/// An honest commit of the insider's, but for its provider: an update, or what `plan` adds to it.
pub fn build(insider: &Insider, liar: &Liar, group: &mut MlsGroup, plan: impl FnOnce(&MlsGroup) -> Plan) -> Made {
    let plan = plan(group);
    let adds_alone = !plan.add.is_empty() && plan.remove.is_empty() && plan.settings.is_none();
    let mut builder = group
        .commit_builder()
        .propose_adds(plan.add)
        .propose_removals(plan.remove.into_iter().map(LeafNodeIndex::new))
        .force_self_update(!adds_alone);
    if let Some(settings) = plan.settings {
        builder = builder.propose_group_context_extensions(context_extensions(&settings)).unwrap();
    }
    let (commit, _, info) = finish(insider, liar, builder);
    group.clear_pending_commit(insider.provider(liar).storage()).unwrap();
    (bytes(&commit), bytes(&info))
}

/// Makes the commit that a builder was told of: commit, Welcome, GroupInfo. It stays pending.
pub fn finish(
    insider: &Insider,
    liar: &Liar,
    builder: CommitBuilder<'_, Initial>,
) -> (MlsMessageOut, Option<MlsMessageOut>, MlsMessageOut) {
    let provider = insider.provider(liar);
    let bundle = builder
        .load_psks(provider.storage())
        .unwrap()
        .create_group_info(true)
        .use_ratchet_tree_extension(false)
        .build(provider.rand(), provider.crypto(), &insider.me.key, |_| true)
        .unwrap()
        .stage_commit(&provider)
        .unwrap();
    let (commit, welcome, info) = bundle.into_messages();
    (commit, welcome, info.unwrap())
}

/// An empty commit.
pub fn update(insider: &Insider, liar: &Liar, group: &mut MlsGroup) -> Made {
    build(insider, liar, group, |_| Plan::default())
}

/// Serializes an MLS message.
pub fn bytes(message: &impl tls_codec::Serialize) -> Vec<u8> {
    message.tls_serialize_detached().unwrap()
}
