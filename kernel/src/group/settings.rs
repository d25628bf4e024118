//! A group's settings, as they stand in its group context: founding facts, roles, name, permissions.

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::GroupContext;
use pli_proto::id::PersonId;
use pli_proto::rows::rank;
use pli_proto::{limits, pb};
use prost::Message;
use serde::{Deserialize, Serialize};

use super::seal::LogKey;
use super::{RULES, SETTINGS_EXTENSION};

/// What a person may do in a group, the least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// From outside the organisation, for a time.
    #[default]
    Guest,
    /// As everybody who is not said to be something else.
    Member,
    /// Adds and removes people, and sets what members may do.
    Admin,
    /// An admin whom no admin can remove.
    Owner,
}

impl Role {
    fn of(role: pb::Role) -> Result<Self, BadSettings> {
        match role {
            pb::Role::Unspecified => Err(BadSettings),
            pb::Role::Guest => Ok(Self::Guest),
            pb::Role::Member => Ok(Self::Member),
            pb::Role::Admin => Ok(Self::Admin),
            pb::Role::Owner => Ok(Self::Owner),
        }
    }

    fn number(self) -> i32 {
        let role = match self {
            Self::Guest => pb::Role::Guest,
            Self::Member => pb::Role::Member,
            Self::Admin => pb::Role::Admin,
            Self::Owner => pb::Role::Owner,
        };
        role.into()
    }
}

/// The settings are missing, malformed or beyond limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSettings;

/// A group's settings.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// The rules that the group follows.
    pub rules: u32,
    /// Founding: the log key.
    pub log_key: LogKey,
    /// Founding: the root's public key.
    pub root: [u8; 32],
    /// Founding: a pair's two persons, in order.
    pub pair: Option<[PersonId; 2]>,
    /// The roles of persons that are not members' role.
    pub roles: BTreeMap<PersonId, Role>,
    /// What the group is called.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// A reference to its picture.
    pub avatar: Vec<u8>,
    /// The least role that may add persons.
    pub may_add: Role,
    /// The least role that may write.
    pub may_post: Role,
    /// The least role that may change name, topic and avatar.
    pub may_rename: Role,
    /// How long messages live that come from now on, in seconds, as it was set: see [`Self::lifetime_ms`].
    pub lifetime_s: u64,
}

impl Settings {
    /// Of a new group with one owner.
    pub fn group(log_key: LogKey, root: [u8; 32], owner: PersonId, name: String) -> Self {
        Self {
            rules: RULES,
            log_key,
            root,
            pair: None,
            roles: BTreeMap::from([(owner, Role::Owner)]),
            name,
            topic: String::new(),
            avatar: Vec::new(),
            may_add: Role::Admin,
            may_post: Role::Guest,
            may_rename: Role::Admin,
            lifetime_s: 0,
        }
    }

    /// Of a new pair: both are owners.
    pub fn pair(log_key: LogKey, root: [u8; 32], mut persons: [PersonId; 2]) -> Self {
        persons.sort();
        let roles = persons.iter().map(|person| (*person, Role::Owner)).collect();
        Self { pair: Some(persons), roles, ..Self::group(log_key, root, persons[0], String::new()) }
    }

    /// The settings in a group context that has the right extensions and no others.
    ///
    /// # Errors
    /// If it has not.
    pub fn of(context: &GroupContext) -> Result<Self, BadSettings> {
        let bytes = &context.extensions().unknown(SETTINGS_EXTENSION).ok_or(BadSettings)?.0;
        let settings = Self::decode(bytes)?;
        // One comparison covers form and order: a context is exactly what these settings make of it.
        if *context.extensions() == super::context_extensions(&settings) { Ok(settings) } else { Err(BadSettings) }
    }

    fn decode(bytes: &[u8]) -> Result<Self, BadSettings> {
        if bytes.len() > limits::SETTINGS_BYTES {
            return Err(BadSettings);
        }
        let group = pb::Group::decode(bytes).map_err(|_| BadSettings)?;
        let pair = match group.pair.as_slice() {
            [] => None,
            [a, b] if a < b => Some([person(a)?, person(b)?]),
            _ => return Err(BadSettings),
        };
        let mut roles = BTreeMap::new();
        for entry in &group.roles {
            let role = Role::of(entry.role())?;
            if role == Role::Member || roles.insert(person(&entry.person)?, role).is_some() {
                return Err(BadSettings);
            }
        }
        let settings = Self {
            rules: group.rules,
            log_key: group.log_key.as_slice().try_into().map_err(|_| BadSettings)?,
            root: group.root.as_slice().try_into().map_err(|_| BadSettings)?,
            pair,
            roles,
            may_add: Role::of(group.may_add())?,
            may_post: Role::of(group.may_post())?,
            may_rename: Role::of(group.may_rename())?,
            lifetime_s: group.lifetime_s,
            name: group.name,
            topic: group.topic,
            avatar: group.avatar,
        };
        let bounded = settings.name.len() <= limits::NAME_BYTES && settings.topic.len() <= 4 * limits::NAME_BYTES;
        // Bytes that this version would write otherwise hold something that it does not know.
        if bounded && settings.encode() == bytes { Ok(settings) } else { Err(BadSettings) }
    }

    /// The bytes of the extension.
    pub fn encode(&self) -> Vec<u8> {
        pb::Group {
            rules: self.rules,
            log_key: self.log_key.as_bytes().to_vec(),
            root: self.root.to_vec(),
            pair: self.pair.iter().flatten().map(|person| person.to_vec()).collect(),
            roles: self
                .roles
                .iter()
                .map(|(person, role)| pb::RoleOf { person: person.to_vec(), role: role.number() })
                .collect(),
            name: self.name.clone(),
            topic: self.topic.clone(),
            avatar: self.avatar.clone(),
            may_add: self.may_add.number(),
            may_post: self.may_post.number(),
            may_rename: self.may_rename.number(),
            lifetime_s: self.lifetime_s,
        }
        .encode_to_vec()
    }

    /// The role that `person` has where `present` have leaves: without an owner admins are owners; without admins
    /// everyone is.
    pub fn role(&self, person: PersonId, present: &BTreeSet<PersonId>) -> Role {
        self.role_under(self.highest(present), person)
    }

    /// The highest role that is named and present.
    pub fn highest(&self, present: &BTreeSet<PersonId>) -> Role {
        present.iter().map(|person| self.named(*person)).max().unwrap_or(Role::Member)
    }

    /// As [`Self::role`], where the highest role is known.
    pub fn role_under(&self, highest: Role, person: PersonId) -> Role {
        let own = self.named(person);
        match highest {
            Role::Owner => own,
            Role::Admin if own < Role::Admin => own,
            _ => Role::Owner,
        }
    }

    /// The role that is named for a person; a member's, where none is.
    pub fn named(&self, person: PersonId) -> Role {
        self.roles.get(&person).copied().unwrap_or(Role::Member)
    }

    /// The rank of a person's rows.
    pub fn rank(&self, person: PersonId) -> u32 {
        match self.roles.get(&person) {
            Some(Role::Owner) => rank::OWNER,
            Some(Role::Admin) => rank::ADMIN,
            _ => rank::OTHER,
        }
    }

    /// How long messages are shown, in milliseconds; `None` for ever. A lifetime that is out of bounds is read as none: it
    /// comes from whoever may set it, and is no reason for a verdict.
    pub fn lifetime_ms(&self) -> Option<u64> {
        let bounds = limits::LIFETIME_LEAST_S..=limits::LIFETIME_MOST_S;
        bounds.contains(&self.lifetime_s).then_some(self.lifetime_s * 1000)
    }

    /// Drops the roles of persons who are not present: they end with a removal.
    pub fn retain(&mut self, present: &BTreeSet<PersonId>) {
        // The founding persons of a pair stay owners; nobody else can enter it.
        if self.pair.is_none() {
            self.roles.retain(|person, _| present.contains(person));
        }
    }
}

fn person(bytes: &[u8]) -> Result<PersonId, BadSettings> {
    PersonId::try_from(bytes).map_err(|_| BadSettings)
}
