//! Founding a group (section 6.1).

use mls_rs::time::MlsTime;
use mls_rs::{Extension, ExtensionList};
use pli_proto::pb::{self, Role};
use prost::Message as _;

use super::bytes::random;
use super::mls::{SETTINGS, follow};
use super::state::{State, required, set_name};
use super::{Device, Group, Head, Result, join};

impl Group<'_> {
    /// Founds a group with nobody else in it yet.
    ///
    /// # Errors
    /// The server does not take it.
    pub async fn found<'a>(device: &'a Device, name: &str) -> Result<Group<'a>> {
        let head = Head::start(random(), random());
        let mut settings = pb::Group {
            log_key: head.key.to_vec(),
            root: device.root.to_vec(),
            roles: vec![pb::RoleOf { person: device.person.to_vec(), role: Role::Owner.into() }],
            may_add: Role::Admin.into(),
            may_remove: Role::Admin.into(),
            may_look: Role::Admin.into(),
            ..Default::default()
        };
        set_name(&mut settings, name);
        let settings = Extension::new(SETTINGS, settings.encode_to_vec());
        let context: ExtensionList = [required(), settings].into_iter().collect();
        let (id, begin) = (head.log.to_vec(), Some(MlsTime::from(0)));
        let member = device.mls.create_group_with_id(id, context, ExtensionList::new(), begin)?;
        let group_info = member.group_info_message_allowing_ext_commit(false)?.to_bytes()?;
        let tree = member.export_tree().to_bytes()?;
        let state = State::new(device.root, follow(device.root, &group_info, &tree)?, group_info.clone())?;
        let snapshot = pb::Snapshot { group_info, tree, hash: head.hash.to_vec() };
        let number = 0_u64.to_be_bytes();
        let aad = join(&[&head.log, &number]);
        let snapshot = head.seal("snapshot", &aad, &snapshot.encode_to_vec())?;
        let request = device.signed(&head, "Create", pb::CreateBody { snapshot }.encode_to_vec()).await?;
        device.logs().create(request).await?;
        let mut group = Group::start(device, head, state);
        group.member = Some(member);
        Ok(group)
    }
}
