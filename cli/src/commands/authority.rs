//! `pli invite` and `pli admin`: the authority, also beside a running server.

use std::path::Path;
use std::time::Duration;

use pli_core::model::{DeviceId, PersonId, time};
use pli_core::text::fold;
use pli_env::real::Real;
use pli_proto::pb;
use pli_server::Authority;
use serde_json::json;
use time::{Date, Month};

use crate::args;
use crate::failure::Failure;
use crate::names::{self, Candidate, Kind};
use crate::show;
use crate::words::{errors, say};

use super::{Shared, serve};

pub(super) async fn invite(args: args::Invite, shared: &Shared) -> Result<(), Failure> {
    let guest_until_ms = args.guest_until.as_deref().map(end_of_day).transpose()?.unwrap_or(0);
    if let Some(day) = args.guest_until.as_ref().filter(|_| guest_until_ms < show::now_ms()) {
        return Err(Failure::usage(errors::DAY_IS_OVER.with(&[day])));
    }
    let address = match &args.advertise {
        Some(given) => serve::check_address(given)?,
        None => serve::advertised(&args.data).unwrap_or_default(),
    };
    with(&args.data, async |authority| {
        if address.is_empty() {
            return Err(Failure::usage(errors::NO_ADDRESS.text()));
        }
        let device_of = match &args.device_of {
            Some(person) => Some(person_id(&find_person(authority, person).await?)?),
            None => None,
        };
        let invite = pli_server::Invite {
            name: args.name.unwrap_or_default(),
            department: args.department,
            guest_until_ms,
            count: args.count,
            device_of,
            valid_for: Duration::from_secs(args.valid_for * 3600),
        };
        for link in authority.invite(&address, invite).await? {
            shared.print(|| link.clone(), || json!({ "link": link }))?;
        }
        Ok(())
    })
    .await
}

pub(super) async fn admin(data: &Path, command: args::Admin, shared: &Shared) -> Result<(), Failure> {
    with(data, async |authority| match command {
        args::Admin::People => people(authority, shared).await,
        args::Admin::Devices => devices(authority, shared).await,
        args::Admin::Rename { person, name } => {
            let person = person_id(&find_person(authority, &person).await?)?;
            authority.rename(person, &name).await?;
            let id = person.to_string();
            shared.print(|| say::RENAMED.text().into(), || json!({ "id": id, "name": name, "state": "done" }))
        }
        args::Admin::Revoke { device } => {
            let device = find_device(authority, &device).await?;
            authority.revoke(device).await?;
            let id = device.to_string();
            shared.print(|| say::REVOKED.text().into(), || json!({ "id": id, "revoked": true, "state": "done" }))
        }
        args::Admin::Depart { person } => {
            let person = person_id(&find_person(authority, &person).await?)?;
            authority.depart(person).await?;
            let id = person.to_string();
            shared.print(|| say::DEPARTED.text().into(), || json!({ "id": id, "departed": true, "state": "done" }))
        }
    })
    .await
}

async fn with<R>(data: &Path, command: impl AsyncFnOnce(&Authority) -> Result<R, Failure>) -> Result<R, Failure> {
    let authority = Authority::open(data, Real::current())?;
    let result = command(&authority).await;
    authority.close().await;
    result
}

async fn people(authority: &Authority, shared: &Shared) -> Result<(), Failure> {
    let mut people = authority.people().await?;
    people.sort_by_key(|person| (fold(&person.name), person.id.clone()));
    for person in &people {
        let id = person_id(person)?;
        let devices = person.devices.iter().filter(|device| !device.revoked).count();
        let known = pli_core::model::Person {
            department: Some(person.department.clone()).filter(|department| !department.is_empty()),
            guest_until: (person.guest_until_ms > 0).then(|| time(person.guest_until_ms)),
            departed: person.departed,
            ..pli_core::model::Person::new(id, person.name.clone())
        };
        shared.print(
            || format!("{}  {}", show::person_line(&known), say::DEVICES.with(&[&devices])),
            || {
                let mut value = show::person_json(&known);
                value["devices"] = devices.into();
                value
            },
        )?;
    }
    Ok(())
}

async fn devices(authority: &Authority, shared: &Shared) -> Result<(), Failure> {
    for person in authority.people().await? {
        let owner = person_id(&person)?;
        for device in &person.devices {
            let id = device_id(device)?;
            let revoked = if device.revoked { format!("  {}", say::IS_REVOKED) } else { String::new() };
            let name = show::safe(&person.name);
            shared.print(
                || format!("{}  {}  {name}{revoked}", show::short(id), show::day(device.enrolled_ms)),
                || {
                    json!({
                        "id": id.to_string(), "person": owner.to_string(), "name": person.name,
                        "enrolled_ms": device.enrolled_ms, "revoked": device.revoked,
                    })
                },
            )?;
        }
    }
    Ok(())
}

async fn find_person(authority: &Authority, text: &str) -> Result<pb::Person, Failure> {
    let mut candidates = Vec::new();
    for person in authority.people().await? {
        candidates.push(Candidate {
            kind: Kind::Person,
            id: person_id(&person)?.to_string(),
            name: person.name.clone(),
            value: person,
        });
    }
    names::find(&candidates, text, &errors::UNKNOWN_PERSON)
}

async fn find_device(authority: &Authority, text: &str) -> Result<DeviceId, Failure> {
    let mut candidates = Vec::new();
    for person in authority.people().await? {
        for device in &person.devices {
            let id = device_id(device)?;
            // Nothing else names a device: a person may have several, and one must not revoke the wrong one.
            candidates.push(Candidate { value: id, kind: Kind::Device, id: id.to_string(), name: String::new() });
        }
    }
    names::find(&candidates, text, &errors::UNKNOWN_DEVICE)
}

fn person_id(person: &pb::Person) -> Result<PersonId, Failure> {
    PersonId::try_from(person.id.as_slice()).map_err(|error| Failure::usage(error.to_string()))
}

fn device_id(device: &pb::Device) -> Result<DeviceId, Failure> {
    DeviceId::try_from(device.id.as_slice()).map_err(|error| Failure::usage(error.to_string()))
}

/// The last second of a day here, in milliseconds since 1970.
fn end_of_day(text: &str) -> Result<u64, Failure> {
    let parse = || {
        let mut parts = text.split('-');
        let year: i32 = parts.next()?.parse().ok()?;
        let month = Month::try_from(parts.next()?.parse::<u8>().ok()?).ok()?;
        let day = Date::from_calendar_date(year, month, parts.next()?.parse().ok()?).ok()?;
        let end = day.with_hms(23, 59, 59).ok()?.assume_offset(show::local(0).offset());
        let ms = u64::try_from(end.unix_timestamp()).ok()?.checked_mul(1000)?;
        parts.next().is_none().then_some(ms)
    };
    parse().ok_or_else(|| Failure::usage(errors::BAD_DATE.with(&[&text])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_may_stay_to_the_end_of_the_day() {
        assert_eq!(end_of_day("1970-01-01").unwrap(), 24 * 60 * 60 * 1000 - 1000);
        assert!(end_of_day("9999-12-31").is_ok());
        for bad in ["", "2027", "2027-02-29", "2027-13-01", "2027-01-01-01", "tomorrow", "1960-01-01", "99999-01-01"] {
            assert!(end_of_day(bad).is_err(), "{bad}");
        }
    }
}
