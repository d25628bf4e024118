//! What an intent comes to on the group's present state. Nothing is changed here.

use std::collections::BTreeSet;

use openmls::group::MlsGroup;
use pli_proto::id::{DeviceId, LogId, PersonId};
use pli_proto::pb::said::Body;
use pli_proto::{limits, pb, rows, signed};

use crate::content::Said;
use crate::error::Error;
use crate::membership::change::Plan;
use crate::model::{Refusal, Setting};
use crate::store::logs::{self, Log, LogState};
use crate::store::outbox::{self, Intent, Queued};
use crate::store::{Loaded, Tx, items, people, unsettled};
use pli_kernel::group::roster::{Leaf, leaf_encryption_key};
use pli_kernel::group::settings::{Role, Settings};
use pli_kernel::group::verdict::Public;

/// What is to be done for an intent.
pub(super) enum Planned {
    /// What is said, and the rows that change with it.
    Say(Vec<u8>, Vec<pb::Row>),
    /// It goes to another log of the conversation: what it is about stands there.
    Elsewhere(LogId),
    Commit(Plan),
    /// A commit that has to be before the intent can be carried out.
    First(Plan),
    Take(Vec<DeviceId>),
    Done,
    /// For devices of those to be added.
    Wait,
    Refused(Refusal),
}

/// What an intent comes to on the group's present state: it may be done already, or no longer allowed.
pub(super) fn plan(tx: &Tx<'_>, record: &Log, loaded: &Loaded, queued: &Queued) -> Result<Planned, Error> {
    let (roster, settings) = (&loaded.public.roster, &loaded.public.settings);
    let me = tx.context.me.person;
    let role = loaded.public.role(me);
    let place = |leaves: Vec<&Leaf>| leaves.into_iter().map(|leaf| leaf.index).collect::<BTreeSet<_>>();
    Ok(match &queued.intent {
        Intent::Say(_) if !loaded.public.may_post(me) => Planned::Refused(Refusal::NotAllowed),
        Intent::Say(_) if let Some(log) = log_of_target(tx, record, queued)? => Planned::Elsewhere(log),
        Intent::Say(said) => match absent_peer(tx, loaded) {
            // Nobody would ever read it: what is said before somebody is in is not shown to them.
            Some(peer) if people::get(tx.db, peer)?.departed => Planned::Refused(Refusal::NoDevice),
            Some(peer) => add_devices(tx, loaded, &[peer], role)?,
            None => Planned::Say(said.clone(), Vec::new()),
        },
        Intent::Add(persons) => add_devices(tx, loaded, persons, role)?,
        Intent::Approve(device, key) => {
            let device = DeviceId(*device);
            let is_it = |known: &people::Device| known.id == device && known.mls_key == *key && !known.revoked;
            let known = people::devices(tx.db, me)?.iter().any(is_it);
            match (roster.device(device), known) {
                (Some(_), _) => Planned::Done,
                (None, true) => Planned::Take(vec![device]),
                (None, false) => Planned::Refused(Refusal::NoDevice),
            }
        }
        Intent::Remove(persons) => {
            let remove = place(persons.iter().flat_map(|person| roster.of(*person)).collect());
            let allowed = settings.pair.is_none()
                && role >= settings.may_remove
                && persons.iter().all(|person| loaded.public.role(*person) <= role);
            match (remove.is_empty(), allowed && !persons.contains(&me)) {
                (true, _) => Planned::Done,
                (false, true) => Planned::Commit(Plan { remove, ..Plan::default() }),
                (false, false) => Planned::Refused(Refusal::NotAllowed),
            }
        }
        Intent::SetRole(person, to) => set_role(&loaded.public, role, *person, *to),
        Intent::Set(setting) => set(settings, role, setting),
        Intent::Leave => {
            let own = roster.device(tx.context.me.device).ok_or(Error::internal("own leaf"))?;
            let further = place(roster.of(me).filter(|leaf| leaf.index != own.index).collect());
            if !further.is_empty() {
                // They may be off for ever, and only a commit takes their rows away.
                return Ok(Planned::First(Plan { remove: further, ..Plan::default() }));
            }
            let node = loaded.group.as_ref().and_then(MlsGroup::own_leaf_node);
            let encryption_key = node.and_then(leaf_encryption_key).ok_or(Error::internal("own leaf"))?;
            let signature = tx.context.me.key.sign_raw(&signed::leave(record.log, &encryption_key)).to_vec();
            let word = pb::LeaveWord { leaf_key: own.key().to_vec(), encryption_key, signature };
            let row = rows::set(tx.context.me.access(&record.key).key(), rows::rank::NONE);
            let salt = pli_env::random(&*tx.context.env);
            Planned::Say(Said::seal(salt, queued.created_ms, Body::Leave(word)), vec![row])
        }
    })
}

/// The log in which the message stands to which an intent does something, if that is another one to which this device writes.
fn log_of_target(tx: &Tx<'_>, record: &Log, queued: &Queued) -> Result<Option<LogId>, Error> {
    let Some(target) = unsettled::about(&queued.intent)? else { return Ok(None) };
    let log = match items::log_of(tx.db, record.conversation, target)? {
        Some(log) => Some(log),
        // On its way there.
        None => outbox::log_of_attempt(tx.db, record.conversation, target)?,
    };
    let Some(log) = log.filter(|log| *log != record.log) else { return Ok(None) };
    let writes = |other: Log| matches!(other.state, LogState::Active | LogState::Broken | LogState::Founding);
    Ok(logs::find(tx.db, log)?.is_some_and(writes).then_some(log))
}

/// The other person of a pair, if no device of theirs is in it: none could be added so far, or all of them are revoked.
pub(super) fn absent_peer(tx: &Tx<'_>, loaded: &Loaded) -> Option<PersonId> {
    let pair = loaded.public.settings.pair.as_ref()?;
    let peer = pair.iter().find(|person| **person != tx.context.me.person)?;
    loaded.public.roster.of(*peer).next().is_none().then_some(*peer)
}

fn add_devices(tx: &Tx<'_>, loaded: &Loaded, persons: &[PersonId], role: Role) -> Result<Planned, Error> {
    let (roster, settings) = (&loaded.public.roster, &loaded.public.settings);
    let mut wanted = Vec::new();
    let mut without_device = false;
    for person in persons {
        let devices = people::devices(tx.db, *person)?;
        without_device |= devices.iter().all(|device| device.revoked);
        let usable = devices.into_iter().filter(|device| !device.revoked && roster.device(device.id).is_none());
        wanted.extend(usable.map(|device| device.id));
    }
    let present = |person: &PersonId| roster.of(*person).next().is_some();
    let allowed = match &settings.pair {
        Some(pair) => persons.iter().all(|person| pair.contains(person)),
        None => role >= settings.may_add,
    };
    Ok(if wanted.is_empty() && persons.iter().all(present) {
        Planned::Done
    } else if !allowed {
        Planned::Refused(Refusal::NotAllowed)
    } else if wanted.is_empty() && without_device {
        Planned::Wait
    } else if roster.len() + wanted.len() > limits::GROUP_DEVICES {
        Planned::Refused(Refusal::TooMany)
    } else {
        wanted.truncate(limits::ADDS_PER_COMMIT);
        Planned::Take(wanted)
    })
}

fn set_role(public: &Public, own: Role, person: PersonId, to: Role) -> Planned {
    let Public { settings, roster, .. } = public;
    let from = public.role(person);
    if roster.of(person).next().is_none() {
        return Planned::Refused(Refusal::NotAMember);
    }
    if from == to {
        return Planned::Done;
    }
    // That somebody is a guest stands in their certificate.
    let is_fixed = settings.pair.is_some() || from == Role::Guest || to == Role::Guest;
    if is_fixed || own < Role::Admin || from > own || to > own {
        return Planned::Refused(Refusal::NotAllowed);
    }
    let mut settings = settings.clone();
    match to {
        Role::Member => settings.roles.remove(&person),
        role => settings.roles.insert(person, role),
    };
    settings.settle(roster);
    if settings.listed(person) != to {
        // The only one who can be owner stays it.
        return Planned::Refused(Refusal::NotAllowed);
    }
    Planned::Commit(Plan { settings: Some(settings), ..Plan::default() })
}

fn set(settings: &Settings, own: Role, setting: &Setting) -> Planned {
    let mut after = settings.clone();
    let needs = match setting {
        Setting::Name(_) | Setting::Topic(_) => settings.may_look,
        _ => Role::Admin,
    };
    match setting {
        Setting::Name(name) => after.options.set_name(name),
        Setting::Topic(topic) => after.options.set_topic(topic),
        Setting::LifetimeS(seconds) => {
            after.options.set_lifetime_s(u32::try_from(*seconds).ok().filter(|seconds| *seconds > 0));
        }
        Setting::MayAdd(role) => after.may_add = *role,
        Setting::MayRemove(role) => after.may_remove = *role,
        Setting::MayPost(role) => after.options.set_may_post(*role),
        Setting::MayRename(role) => after.may_look = *role,
    }
    if after == *settings {
        Planned::Done
    } else if own < needs {
        Planned::Refused(Refusal::NotAllowed)
    } else {
        Planned::Commit(Plan { settings: Some(after), ..Plan::default() })
    }
}
