//! A group's settings, as they stand in its group context: founding facts, roles, permissions, and options.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::GroupContext;
use pli_proto::id::PersonId;
use pli_proto::{limits, pb};
use prost::Message;
use serde::{Deserialize, Serialize};

use super::SETTINGS_EXTENSION;
use super::options::{self, Options};
use super::roster::{Leaf, Roster};
use super::seal::LogKey;

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
    /// The rank of the rows of a person who has this role.
    pub fn rank(self) -> u32 {
        self.number() as u32
    }

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

/// Settings of a group.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Founding: the log key.
    pub log_key: LogKey,
    /// Founding: the root's public key.
    pub root: [u8; 32],
    /// Founding: a pair's persons, ascending: two, or in one's own group one. None in a group.
    pub pair: Option<Vec<PersonId>>,
    /// Founding: of a pair's logs the one with the highest is written.
    pub generation: u32,
    /// A group's admins and owners.
    pub roles: BTreeMap<PersonId, Role>,
    /// Who becomes owner first where none is left.
    pub heirs: Vec<PersonId>,
    /// The least role that may add persons.
    pub may_add: Role,
    /// The least role that may remove others.
    pub may_remove: Role,
    /// The least role that may change how the group looks: name, topic, picture.
    pub may_look: Role,
    /// What no verdict hangs on.
    pub options: Options,
}

impl Settings {
    /// Of a new group with one owner.
    pub fn group(log_key: LogKey, root: [u8; 32], owner: PersonId, name: &str) -> Self {
        let mut options = Options::default();
        options.set_name(name);
        Self {
            log_key,
            root,
            pair: None,
            generation: 0,
            roles: BTreeMap::from([(owner, Role::Owner)]),
            heirs: Vec::new(),
            may_add: Role::Admin,
            may_remove: Role::Admin,
            may_look: Role::Admin,
            options,
        }
    }

    /// Of a new pair, or, of one person, of their own group.
    pub fn pair(log_key: LogKey, root: [u8; 32], persons: &[PersonId], generation: u32) -> Self {
        let persons: BTreeSet<PersonId> = persons.iter().copied().collect();
        Self {
            pair: Some(persons.into_iter().collect()),
            generation,
            roles: BTreeMap::new(),
            ..Self::group(log_key, root, PersonId([0; 16]), "")
        }
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
        let persons = |all: &[Vec<u8>]| all.iter().map(|bytes| person(bytes)).collect::<Result<Vec<_>, _>>();
        let roles = group.roles.iter().map(|entry| Ok((person(&entry.person)?, Role::of(entry.role())?)));
        let mut settings = Self {
            log_key: group.log_key.as_slice().try_into().map_err(|_| BadSettings)?,
            root: group.root.as_slice().try_into().map_err(|_| BadSettings)?,
            pair: Some(persons(&group.pair)?).filter(|pair| !pair.is_empty()),
            generation: group.generation,
            roles: roles.collect::<Result<_, _>>()?,
            heirs: persons(&group.heirs)?,
            options: Options::read(&group.options)?,
            ..Self::group(LogKey::from([0; 32]), [0; 32], PersonId([0; 16]), "")
        };
        if settings.pair.is_none() {
            settings.may_add = Role::of(group.may_add())?;
            settings.may_remove = Role::of(group.may_remove())?;
            settings.may_look = Role::of(group.may_look())?;
        }
        // Bytes that this version would write otherwise hold something that it does not know.
        if settings.is_sound() && settings.encode() == bytes { Ok(settings) } else { Err(BadSettings) }
    }

    /// Whether all is within its bounds. Whoever removes must be able to cut the row, and guests change nothing.
    fn is_sound(&self) -> bool {
        match &self.pair {
            Some(persons) => {
                let persons_are = persons.len() <= 2 && persons.is_sorted_by(|a, b| a < b);
                persons_are && self.roles.is_empty() && self.heirs.is_empty() && !self.options.has_looks()
            }
            None => {
                let heirs: BTreeSet<&PersonId> = self.heirs.iter().collect();
                self.generation == 0
                    && self.roles.len() <= limits::ROLES
                    && self.roles.values().all(|role| *role >= Role::Admin)
                    && heirs.len() == self.heirs.len()
                    && heirs.len() <= limits::HEIRS
                    && self.may_add >= Role::Member
                    && self.may_look >= Role::Member
                    && self.may_remove >= Role::Admin
            }
        }
    }

    /// The bytes of the extension.
    pub fn encode(&self) -> Vec<u8> {
        let role = |(person, role): (&PersonId, &Role)| pb::RoleOf { person: person.to_vec(), role: role.number() };
        let least = |role: Role| if self.pair.is_some() { 0 } else { role.number() };
        pb::Group {
            log_key: self.log_key.as_bytes().to_vec(),
            root: self.root.to_vec(),
            pair: self.pair.iter().flatten().map(|person| person.to_vec()).collect(),
            generation: self.generation,
            roles: self.roles.iter().map(role).collect(),
            heirs: self.heirs.iter().map(|heir| heir.to_vec()).collect(),
            may_add: least(self.may_add),
            may_remove: least(self.may_remove),
            may_look: least(self.may_look),
            options: self.options.write(),
        }
        .encode_to_vec()
    }

    /// The role of a person among these leaves: in a pair an owner's; a guest's, whose certificate says so; else as listed, or
    /// a member's.
    pub fn role(&self, leaves: &Roster, person: PersonId) -> Role {
        let absent = if self.pair.is_some() { Role::Owner } else { self.listed(person) };
        leaves.of(person).map(|leaf| self.role_of(leaf)).min().unwrap_or(absent)
    }

    /// The roles of all persons who have leaves.
    pub fn roles(&self, leaves: &Roster) -> BTreeMap<PersonId, Role> {
        let mut roles: BTreeMap<PersonId, Role> = BTreeMap::new();
        for leaf in leaves.leaves() {
            let role = roles.entry(leaf.person()).or_insert_with(|| self.role_of(leaf));
            *role = self.role_of(leaf).min(*role);
        }
        roles
    }

    /// The role that one leaf gives its person.
    fn role_of(&self, leaf: &Leaf) -> Role {
        match (&self.pair, leaf.certificate.is_guest) {
            (Some(_), _) => Role::Owner,
            (None, true) => Role::Guest,
            (None, false) => self.listed(leaf.person()),
        }
    }

    /// The role that is listed for a person; a member's, where none is.
    pub fn listed(&self, person: PersonId) -> Role {
        self.roles.get(&person).copied().unwrap_or(Role::Member)
    }

    /// The least role that may change an option.
    pub fn may_set(&self, option: u32) -> Role {
        if self.pair.is_some() || options::OWNERS.contains(&option) {
            Role::Owner
        } else if options::LOOKS.contains(&option) {
            self.may_look
        } else {
            Role::Admin
        }
    }

    /// Nobody is owner of the group, for nobody is left who could be: nothing is said or changed in it any more.
    pub fn is_closed(&self) -> bool {
        self.pair.is_none() && !self.roles.values().any(|role| *role == Role::Owner)
    }

    /// What must be true of a group's settings where these leaves are, whoever commits: the role of a person ends with their
    /// last leaf, and a group has an owner. If none is left, the first heir becomes owner; or else the admin whose oldest
    /// certificate is the oldest, or the member: leaves say it and issuers signed it, so that nobody moves themselves ahead.
    /// Guests have no part in it.
    pub fn settle(&mut self, leaves: &Roster) {
        if self.pair.is_some() {
            return;
        }
        let mut seniority: BTreeMap<PersonId, i64> = BTreeMap::new();
        for leaf in leaves.leaves() {
            let oldest = seniority.entry(leaf.person()).or_insert(i64::MAX);
            *oldest = leaf.certificate.not_before_s.min(*oldest);
        }
        for guest in leaves.leaves().filter(|leaf| leaf.certificate.is_guest) {
            seniority.remove(&guest.person());
        }
        self.roles.retain(|person, _| seniority.contains_key(person));
        self.heirs.retain(|person| seniority.contains_key(person));
        if self.is_closed() {
            let of_all = || {
                let order = |(person, oldest): &(&PersonId, &i64)| (Reverse(self.listed(**person)), **oldest, **person);
                seniority.iter().min_by_key(order).map(|(person, _)| *person)
            };
            if let Some(next) = self.heirs.first().copied().or_else(of_all) {
                self.roles.insert(next, Role::Owner);
                self.heirs.retain(|heir| *heir != next);
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

    use super::super::roster::KeyDigest;
    use super::*;

    const DAY_S: i64 = 86_400;

    fn person(n: u8) -> PersonId {
        PersonId([n; 16])
    }

    const GUEST: u8 = 6;

    /// A group in which each person has one device, enrolled on a day.
    fn roster(people: &[(u8, i64)]) -> Roster {
        let mut roster = Roster::default();
        for (index, (n, day)) in (0..).zip(people) {
            let certificate = DeviceCertificate {
                person: person(*n),
                device: DeviceId([*n; 16]),
                is_guest: *n == GUEST,
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
        let mut settings = Settings::group(LogKey::from([0; 32]), [0; 32], person(0), "");
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

    /// Whoever of an owner, two admins, two members and a guest is there: there is exactly one outcome.
    #[test]
    fn somebody_is_owner_unless_all_are_guests() {
        let roles = [(OWNER, Role::Owner), (ADMINS[0], Role::Admin), (ADMINS[1], Role::Admin)];
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
        let mut settings = Settings::group(LogKey::from([0; 32]), [0; 32], person(0), "");
        settings.settle(&with_old_device);
        assert_eq!(settings.listed(person(5)), Role::Owner);
    }

    #[test]
    fn whoever_has_a_guests_leaf_is_a_guest_whatever_is_listed() {
        let mut leaves = roster(&[(1, 1), (2, 2), (GUEST, 3)]);
        let mut settings = Settings::group(LogKey::from([0; 32]), [0; 32], person(1), "");
        settings.roles.insert(person(GUEST), Role::Owner);
        assert_eq!(settings.role(&leaves, person(GUEST)), Role::Guest);
        settings.settle(&leaves);
        assert_eq!(settings.roles, BTreeMap::from([(person(1), Role::Owner)]));
        // An owner with a further device of a guest's is one from then on.
        let mut further = leaves.get(2).unwrap().clone();
        (further.index, further.certificate.person) = (3, person(1));
        leaves.insert(further);
        assert_eq!(settings.role(&leaves, person(1)), Role::Guest);
        settings.settle(&leaves);
        assert_eq!(settings.roles, BTreeMap::from([(person(2), Role::Owner)]));
        // In a pair that makes no difference.
        let pair = Settings::pair(LogKey::from([0; 32]), [0; 32], &[person(1), person(GUEST)], 1);
        assert_eq!(pair.role(&leaves, person(GUEST)), Role::Owner);
    }

    #[test]
    fn a_pairs_persons_stay_what_they_are() {
        let mut pair = Settings::pair(LogKey::from([0; 32]), [0; 32], &[person(1), person(2)], 1);
        let before = pair.clone();
        pair.settle(&roster(&[(1, 1)]));
        assert!(pair == before);
    }

    #[test]
    fn heirs_come_first_in_their_order_if_they_are_there_and_no_guests() {
        let leaves = roster(&[(2, 1), (4, 2), (5, 3), (GUEST, 4)]);
        let mut settings = Settings::group(LogKey::from([0; 32]), [0; 32], person(1), "");
        settings.roles.insert(person(2), Role::Admin);
        settings.heirs = vec![person(9), person(GUEST), person(5), person(4)];
        settings.settle(&leaves);
        let roles = BTreeMap::from([(person(2), Role::Admin), (person(5), Role::Owner)]);
        assert_eq!((settings.roles.clone(), settings.heirs.clone()), (roles, vec![person(4)]));
        let once = settings.clone();
        settings.settle(&leaves);
        assert!(settings == once);
    }

    /// Settings that are not sound, each for one reason.
    fn unsound() -> Vec<Settings> {
        let new = |change: &dyn Fn(&mut Settings)| {
            let mut settings = Settings::group(LogKey::from([7; 32]), [8; 32], person(1), "Crue");
            change(&mut settings);
            settings
        };
        let pair = |persons: &[u8], change: &dyn Fn(&mut Settings)| {
            let mut pair = Settings::pair(LogKey::from([7; 32]), [8; 32], &[], 1);
            pair.pair = Some(persons.iter().map(|n| person(*n)).collect());
            change(&mut pair);
            pair
        };
        let many = |count: u8| (0..count).map(|n| (PersonId([n; 16]), Role::Admin)).collect();
        vec![
            new(&|s| s.generation = 1),
            new(&|s| s.roles = many(101)),
            new(&|s| s.roles = BTreeMap::from([(person(1), Role::Owner), (person(2), Role::Member)])),
            new(&|s| s.roles = BTreeMap::from([(person(1), Role::Owner), (person(2), Role::Guest)])),
            new(&|s| s.heirs = vec![person(2), person(2)]),
            new(&|s| s.heirs = (0..9).map(person).collect()),
            new(&|s| s.may_add = Role::Guest),
            new(&|s| s.may_look = Role::Guest),
            new(&|s| s.may_remove = Role::Member),
            pair(&[1, 2, 3], &|_| ()),
            pair(&[2, 1], &|_| ()),
            pair(&[1, 1], &|_| ()),
            pair(&[1, 2], &|s| s.roles = BTreeMap::from([(person(1), Role::Owner)])),
            pair(&[1, 2], &|s| s.heirs = vec![person(1)]),
            pair(&[1, 2], &|s| s.options.set_name("of a pair")),
        ]
    }

    #[test]
    fn settings_are_read_in_the_one_form_that_is_written() {
        let mut group = Settings::group(LogKey::from([7; 32]), [8; 32], person(1), "Crue");
        group.options.set_topic("topic");
        group.options.set_may_post(Role::Admin);
        group.heirs = vec![person(3), person(2)];
        let own = Settings::pair(LogKey::from([7; 32]), [8; 32], &[person(1)], 3);
        for settings in [group.clone(), own] {
            assert!(Settings::decode(&settings.encode()) == Ok(settings));
        }
        for (n, settings) in unsound().iter().enumerate() {
            assert!(Settings::decode(&settings.encode()).is_err(), "{n}");
        }
        // Something behind that this version does not know; a default that is written; roles out of order.
        let bytes = group.encode();
        assert!(Settings::decode(&[bytes.as_slice(), &[0xf8, 1, 1]].concat()).is_err());
        assert!(Settings::decode(&[bytes.as_slice(), &[0x20, 0]].concat()).is_err());
        assert!(Settings::decode(&[bytes.as_slice(), &bytes].concat()).is_err());
        assert!(Settings::decode(&[]).is_err());
    }
}
