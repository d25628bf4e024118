//! A group's options: settings on which no verdict hangs. Their keys say who may change them, also those that this version
//! does not know, which are kept and passed on. A value that is not understood is as if it were absent.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use pli_proto::{limits, pb};

use super::settings::{BadSettings, Role};

/// How a group looks: whoever may change that may change these.
pub const LOOKS: RangeInclusive<u32> = 1..=99;
/// Owners' own.
pub const OWNERS: RangeInclusive<u32> = 200..=299;

/// UTF-8, 200 bytes at most.
pub const NAME: u32 = 1;
/// UTF-8, 800 bytes at most.
pub const TOPIC: u32 = 2;
/// Seconds, in four bytes, big-endian.
pub const LIFETIME: u32 = 100;
/// The number of a role, in one byte.
pub const MAY_POST: u32 = 101;

/// Values by their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<u32, Vec<u8>>);

impl Options {
    /// The options in a group context.
    pub(super) fn read(options: &[pb::GroupOption]) -> Result<Self, BadSettings> {
        let is_sound =
            |option: &pb::GroupOption| option.key > 0 && (1..=limits::OPTION_BYTES).contains(&option.value.len());
        // Whoever may change how a group looks leaves room for what its admins set.
        let looks: Vec<usize> =
            options.iter().filter(|option| LOOKS.contains(&option.key)).map(|option| option.value.len()).collect();
        let looks_are = looks.len() <= limits::LOOKS && looks.iter().sum::<usize>() <= limits::LOOKS_BYTES;
        if options.len() > limits::OPTIONS || !looks_are || !options.iter().all(is_sound) {
            return Err(BadSettings);
        }
        // Their order, and that none stands there twice, shows as they are written again.
        Ok(Self(options.iter().map(|option| (option.key, option.value.clone())).collect()))
    }

    pub(super) fn write(&self) -> Vec<pb::GroupOption> {
        self.0.iter().map(|(key, value)| pb::GroupOption { key: *key, value: value.clone() }).collect()
    }

    /// Whether there is any of how a group looks.
    pub(super) fn has_looks(&self) -> bool {
        self.0.range(LOOKS).next().is_some()
    }

    /// The keys whose values differ from those of others.
    pub(super) fn differing<'a>(&'a self, others: &'a Self) -> impl Iterator<Item = u32> + 'a {
        let keys = self.0.keys().chain(others.0.keys()).copied();
        keys.filter(|key| self.0.get(key) != others.0.get(key))
    }

    /// What the group is called; nothing if it has no name.
    pub fn name(&self) -> &str {
        self.text(NAME, limits::NAME_BYTES)
    }

    /// Calls it so; an empty name takes the old one away.
    pub fn set_name(&mut self, name: &str) {
        self.set(NAME, name.as_bytes());
    }

    /// What it is about; nothing if it does not say.
    pub fn topic(&self) -> &str {
        self.text(TOPIC, limits::TOPIC_BYTES)
    }

    /// Says what it is about.
    pub fn set_topic(&mut self, topic: &str) {
        self.set(TOPIC, topic.as_bytes());
    }

    /// How long messages are shown, in seconds; `None` for ever. It is within its bounds.
    pub fn lifetime_s(&self) -> Option<u64> {
        let bytes = <[u8; 4]>::try_from(self.0.get(&LIFETIME)?.as_slice()).ok()?;
        let bounds = limits::LIFETIME_LEAST_S..=limits::LIFETIME_MOST_S;
        Some(u32::from_be_bytes(bytes).into()).filter(|seconds| bounds.contains(seconds))
    }

    /// Sets how long messages are shown that come from now on; `None` for ever.
    pub fn set_lifetime_s(&mut self, seconds: Option<u32>) {
        self.set(LIFETIME, seconds.map(u32::to_be_bytes).as_ref().map_or(&[], |bytes| bytes));
    }

    /// The least role that may write; everybody's where it does not say.
    pub fn may_post(&self) -> Role {
        match self.0.get(&MAY_POST).map(Vec::as_slice) {
            Some([2]) => Role::Member,
            Some([3]) => Role::Admin,
            Some([4]) => Role::Owner,
            _ => Role::Guest,
        }
    }

    /// Sets the least role that may write.
    pub fn set_may_post(&mut self, role: Role) {
        let number = [role.rank() as u8];
        self.set(MAY_POST, if role == Role::Guest { &[] } else { &number });
    }

    fn text(&self, key: u32, most: usize) -> &str {
        let value = self.0.get(&key).filter(|value| value.len() <= most);
        value.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
    }

    /// Sets a value; an empty one takes the option away.
    fn set(&mut self, key: u32, value: &[u8]) {
        match value {
            [] => self.0.remove(&key),
            value => self.0.insert(key, value.to_vec()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(all: &[(u32, &[u8])]) -> Result<Options, BadSettings> {
        let option = |(key, value): &(u32, &[u8])| pb::GroupOption { key: *key, value: value.to_vec() };
        Options::read(&all.iter().map(option).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_understood_is_as_if_absent_and_kept() {
        let long = [b'a'; 801];
        let wild: [(u32, &[u8]); 6] = [
            (NAME, &[0xff]),
            (TOPIC, &long),
            (LIFETIME, &[0, 0, 0, 59]),
            (MAY_POST, &[5]),
            (222, b"owners'"),
            (4_000_000_000, b"unknown"),
        ];
        let options = read(&wild).unwrap();
        assert_eq!((options.name(), options.topic()), ("", ""));
        assert_eq!((options.lifetime_s(), options.may_post()), (None, Role::Guest));
        assert_eq!(options.write().len(), 6);
        for lifetime in [&[0, 0, 60][..], &[0, 0, 0, 60, 0], &[0xff; 4]] {
            assert_eq!(read(&[(LIFETIME, lifetime)]).unwrap().lifetime_s(), None);
        }
        assert_eq!(read(&[(LIFETIME, &[0, 0, 0, 60])]).unwrap().lifetime_s(), Some(60));
    }

    #[test]
    fn what_is_set_is_there_and_what_is_emptied_is_gone() {
        let mut options = Options::default();
        options.set_name("Crue");
        options.set_topic("Digue");
        options.set_lifetime_s(Some(3_600));
        options.set_may_post(Role::Admin);
        assert_eq!((options.name(), options.topic()), ("Crue", "Digue"));
        assert_eq!((options.lifetime_s(), options.may_post()), (Some(3_600), Role::Admin));
        let mut bare = options.clone();
        bare.set_topic("");
        bare.set_may_post(Role::Guest);
        bare.set_lifetime_s(None);
        assert_eq!(bare.differing(&options).collect::<Vec<_>>(), [TOPIC, LIFETIME, MAY_POST]);
        bare.set_name("");
        assert!(bare == Options::default());
    }

    #[test]
    fn keys_and_values_are_bounded() {
        assert!(read(&[(0, b"no key")]).is_err() && read(&[(1, b"")]).is_err());
        assert!(read(&[(7, &[1; limits::OPTION_BYTES + 1])]).is_err());
        let many: Vec<(u32, &[u8])> = (100..165).map(|key| (key, &b"v"[..])).collect();
        assert!(read(&many).is_err() && read(&many[1..]).is_ok());
        let looks: Vec<(u32, &[u8])> = (1..=17).map(|key| (key, &b"v"[..])).collect();
        assert!(read(&looks).is_err() && read(&looks[1..]).is_ok());
        let large: Vec<(u32, &[u8])> = (1..=5).map(|key| (key, &[1; limits::OPTION_BYTES][..])).collect();
        assert!(read(&large).is_err() && read(&large[1..]).is_ok());
    }
}
