//! Adding devices, once the network brought their key packages.

use openmls::prelude::{KeyPackage, MlsMessageBodyIn, MlsMessageIn, ProtocolVersion};
use pli_proto::id::{DeviceId, ItemId, LogId, PersonId};
use pli_proto::{pb, signed};
use tls_codec::DeserializeBytes as _;

use crate::error::Error;
use crate::membership::change::{Addition, Plan};
use crate::model::Refusal;
use crate::store::logs::{self, LogState};
use crate::store::outbox::{self, Intent, Queued};
use crate::store::{Loaded, Notice, Tx, issuers, people};
use pli_kernel::crypto;
use pli_kernel::group::{SUITE, roster, verdict};

use super::plan::{Planned, absent_peer, plan};
use super::prepare::{expelled, seal_commit};

/// The first wait for key packages of somebody who has none; it doubles each time.
const RETRY_MS: u64 = 500;
/// After that the person has no device that can be added.
const GIVE_UP_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// Key packages came: adds their devices, on the state as it is by now.
pub(crate) fn add(tx: &mut Tx<'_>, log: LogId, entry: ItemId, taken: &[pb::DevicePackage]) -> Result<(), Error> {
    let Some(record) = logs::find(tx.db, log)? else { return Ok(()) };
    let Some(queued) = outbox::find(tx.db, record.conversation, entry)? else { return Ok(()) };
    let is_ready = record.state == LogState::Active && tx.is_caught_up(log);
    if !is_ready || outbox::attempts(tx.db, log)?.are_enough() {
        return Ok(());
    }
    let mut loaded = tx.take_group(log)?;
    // Nothing is encrypted to those who have to go, of whom this device may have heard meanwhile.
    if expelled(tx, &record, &mut loaded)?.remove.is_empty()
        && let Planned::Take(wanted) = plan(tx, &record, &loaded, &queued)?
    {
        let additions: Vec<Addition> =
            taken.iter().filter_map(|package| check_package(tx, &loaded, package, &wanted, &queued.intent)).collect();
        let came = |person: &PersonId| additions.iter().any(|addition| addition.person == *person);
        let missing: Vec<PersonId> = match &queued.intent {
            Intent::Add(persons) => {
                let in_group = |person: &&PersonId| loaded.public.roster.of(**person).next().is_none();
                persons.iter().filter(in_group).filter(|person| !came(person)).copied().collect()
            }
            _ => Vec::new(),
        };
        if additions.is_empty() {
            wait_for_devices(tx, &queued)?;
        } else {
            if !missing.is_empty() {
                // Those without key packages yet come later, as soon as they have some.
                let later = ItemId(pli_env::random(&*tx.context.env));
                outbox::push(tx.db, queued.conversation, later, Intent::Add(missing), queued.created_ms)?;
                outbox::postpone(tx.db, queued.conversation, later, tx.now_ms() + RETRY_MS)?;
            }
            let plan = Plan { add: additions, ..Plan::default() };
            let id = match queued.intent {
                Intent::Say(_) => ItemId(pli_env::random(&*tx.context.env)), // The message has its own.
                _ => entry,
            };
            seal_commit(tx, &record, &mut loaded, id, &plan)?;
        }
    }
    tx.keep_group(log, loaded);
    tx.notice(Notice::Outbox(log));
    Ok(())
}

/// Nobody of those to be added has a device that can be: an intent waits a while, and is then given up.
pub(super) fn wait_for_devices(tx: &mut Tx<'_>, queued: &Queued) -> Result<(), Error> {
    let now_ms = tx.now_ms();
    if now_ms > queued.created_ms + GIVE_UP_MS {
        outbox::refuse(tx.db, queued.conversation, queued.entry, Refusal::NoDevice)?;
    } else {
        outbox::postpone(tx.db, queued.conversation, queued.entry, now_ms + (RETRY_MS << queued.tries.min(10)))?;
    }
    tx.notice(Notice::Items(queued.conversation));
    Ok(())
}

/// A key package that the server gave for a device: genuine, of that device, and of a person who was to be added.
fn check_package(
    tx: &Tx<'_>,
    loaded: &Loaded,
    taken: &pb::DevicePackage,
    wanted: &[DeviceId],
    intent: &Intent,
) -> Option<Addition> {
    let device = DeviceId::try_from(taken.device.as_slice()).ok().filter(|device| wanted.contains(device))?;
    let message = MlsMessageIn::tls_deserialize_exact_bytes(&taken.package).ok()?;
    let MlsMessageBodyIn::KeyPackage(package) = message.extract() else { return None };
    let package: KeyPackage = package.validate(&tx.context.crypto, ProtocolVersion::Mls10).ok()?;
    let certificate = roster::verify_credential(package.leaf_node().credential(), &tx.context.me.root)?;
    let right_person = match intent {
        Intent::Add(persons) => persons.contains(&certificate.person),
        Intent::Approve(_, key) => certificate.person == tx.context.me.person && certificate.key == *key,
        // What is said in a pair brings the other person in.
        Intent::Say(_) => absent_peer(tx, loaded) == Some(certificate.person),
        _ => false,
    };
    // The directory, which people compare, and the package must name the same key.
    let listed = people::devices(tx.db, certificate.person).ok()?;
    let listed = listed.iter().any(|known| known.id == device && known.mls_key == certificate.key);
    let sound = verdict::check_package(&tx.context.crypto, &package).is_ok()
        && crypto::well_formed(&tx.context.crypto, SUITE, &taken.inbox_key);
    let genuine =
        certificate.device == device && certificate.key.as_slice() == package.leaf_node().signature_key().as_slice();
    let inbox = signed::content(signed::Label::InboxKey, &[&device.0, &taken.inbox_key]);
    let inbox_genuine = crypto::verify(&certificate.key, &inbox, &taken.inbox_key_signature);
    let revoked = people::revocation_of(tx.db, &certificate.fingerprint).ok()?.is_some();
    let ended = issuers::has_ended(tx.db, &issuers::ends(tx.db).ok()?, &certificate).ok()?;
    let suite = package.ciphersuite() == SUITE;
    (right_person && listed && sound && genuine && inbox_genuine && !revoked && !ended && suite).then(|| Addition {
        device: device.0,
        person: certificate.person,
        package,
        inbox_key: taken.inbox_key.clone(),
    })
}
