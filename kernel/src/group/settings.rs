//! A group's settings, as they stand in its group context: founding facts, roles, name, permissions.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use openmls::prelude::GroupContext;
use pli_proto::id::PersonId;
use pli_proto::rows::rank;
use pli_proto::{limits, pb};
use prost::Message;
use serde::{Deserialize, Serialize};

use super::roster::Roster;
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

    /// Nobody is owner of the group, for nobody is left who could be: nothing is said or changed in it any more.
    pub fn is_closed(&self) -> bool {
        !self.roles.values().any(|role| *role == Role::Owner)
    }

    /// What must be true of the settings where these leaves are, whoever commits: the role of a person ends with their last
    /// leaf, and a group has an owner. If none is left, the admin becomes owner whose oldest certificate is the oldest, or
    /// else the member: leaves say it and issuers signed it, so that nobody moves themselves ahead. A pair's persons stay.
    pub fn settle(&mut self, leaves: &Roster) {
        if self.pair.is_some() {
            return;
        }
        let mut seniority: BTreeMap<PersonId, i64> = BTreeMap::new();
        for leaf in leaves.leaves() {
            let oldest = seniority.entry(leaf.person()).or_insert(i64::MAX);
            *oldest = leaf.certificate.not_before_s.min(*oldest);
        }
        self.roles.retain(|person, _| seniority.contains_key(person));
        if self.is_closed() {
            let may_be = seniority.iter().filter(|(person, _)| self.named(**person) > Role::Guest);
            let heir = may_be.min_by_key(|(person, oldest)| (Reverse(self.named(**person)), **oldest, **person));
            if let Some((heir, _)) = heir {
                self.roles.insert(*heir, Role::Owner);
            }
        }
    }
}

fn person(bytes: &[u8]) -> Result<PersonId, BadSettings> {
    PersonId::try_from(bytes).map_err(|_| BadSettings)
}

#[cfg(test)]
mod tests {
    use pli_proto::certificate::DeviceCertificate;
    use pli_proto::id::DeviceId;

    use super::super::roster::{KeyDigest, Leaf};
    use super::*;

    const DAY_S: i64 = 86_400;

    fn person(n: u8) -> PersonId {
        PersonId([n; 16])
    }

    /// A group in which each person has one device, enrolled on a day.
    fn roster(people: &[(u8, i64)]) -> Roster {
        let mut roster = Roster::default();
        for (index, (n, day)) in (0..).zip(people) {
            let certificate = DeviceCertificate {
                person: person(*n),
                device: DeviceId([*n; 16]),
                key: [*n; 32],
                not_before_s: day * DAY_S,
                not_after_s: i64::MAX,
                fingerprint: [*n; 32],
                issuer: [0; 32],
            };
            roster.insert(Leaf { index, certificate, encryption_key: KeyDigest::default() });
        }
        roster
    }

    fn settled(roles: &[(u8, Role)], people: &[(u8, i64)]) -> Vec<(u8, Role)> {
        let mut settings = Settings::group(LogKey::from([0; 32]), [0; 32], person(0), String::new());
        settings.roles = roles.iter().map(|(n, role)| (person(*n), *role)).collect();
        settings.settle(&roster(people));
        let once = settings.clone();
        settings.settle(&roster(people));
        assert!(settings == once, "what is settled stays");
        settings.roles.iter().map(|(person, role)| (person.0[0], *role)).collect()
    }

    const OWNER: u8 = 1;
    const ADMINS: [u8; 2] = [2, 3];
    const MEMBERS: [u8; 2] = [4, 5];
    const GUEST: u8 = 6;

    /// Whoever of an owner, two admins, two members and a guest is there: there is exactly one outcome.
    #[test]
    fn somebody_is_owner_unless_all_are_guests() {
        let roles = [(OWNER, Role::Owner), (ADMINS[0], Role::Admin), (ADMINS[1], Role::Admin), (GUEST, Role::Guest)];
        for present in 0..64_u8 {
            // Of two of a kind the second was enrolled first.
            let people: Vec<_> =
                (1..=6).filter(|n| present >> (n - 1) & 1 == 1).map(|n| (n, 10 - i64::from(n))).collect();
            let is_there = |n: &u8| people.iter().any(|(there, _)| there == n);
            let after = settled(&roles, &people);
            let order = [OWNER, ADMINS[1], ADMINS[0], MEMBERS[1], MEMBERS[0]];
            let owner = order.into_iter().find(is_there);
            let owners: Vec<u8> = after.iter().filter(|(_, role)| *role == Role::Owner).map(|(n, _)| *n).collect();
            assert_eq!(owners, owner.into_iter().collect::<Vec<_>>(), "{people:?}");
            let rest: Vec<_> = after.iter().filter(|(n, _)| Some(*n) != owner).copied().collect();
            let kept: Vec<_> = roles.into_iter().filter(|(n, _)| is_there(n) && Some(*n) != owner).collect();
            assert_eq!(rest, kept, "nobody else's role changes: {people:?}");
        }
    }

    #[test]
    fn of_those_enrolled_on_one_day_the_lower_id_is_senior_and_an_old_device_counts() {
        assert_eq!(settled(&[], &[(5, 3), (4, 3)]), [(4, Role::Owner)]);
        let mut with_old_device = roster(&[(5, 9), (4, 3)]);
        let mut old = with_old_device.get(0).unwrap().clone();
        (old.index, old.certificate.not_before_s) = (7, DAY_S);
        with_old_device.insert(old);
        let mut settings = Settings::group(LogKey::from([0; 32]), [0; 32], person(0), String::new());
        settings.settle(&with_old_device);
        assert_eq!(settings.named(person(5)), Role::Owner);
    }

    #[test]
    fn a_pairs_persons_stay_what_they_are() {
        let mut pair = Settings::pair(LogKey::from([0; 32]), [0; 32], [person(1), person(2)]);
        let before = pair.clone();
        pair.settle(&roster(&[(1, 1)]));
        assert!(pair == before);
    }
}
