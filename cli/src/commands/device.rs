//! Enrolling this device, further own devices, and safety numbers.

use pli_core::error::What;
use pli_core::identity::link;
use pli_core::model::Verification;
use pli_core::{Client, Error};
use pli_env::real::Real;
use serde_json::json;

use crate::failure::Failure;
use crate::names::{self, Candidate, Kind};
use crate::profile::{self, Profile};
use crate::show;
use crate::words::{errors, say};

use super::{Shared, argument};

pub(super) async fn join(text: &str, shared: &Shared) -> Result<(), Failure> {
    let text = argument(text)?;
    let invitation = link::find(&text)?;
    let folder = profile::folder(shared.profile.as_deref())?;
    let is_new = !folder.exists() && !profile::key_path(&folder).exists();
    let wait = std::time::Duration::from_secs(shared.wait);
    let keys = crate::keys::of(&folder);
    let joined = Client::join(Real::current(), &folder, keys.clone(), &text).await;
    let client = match joined {
        Ok(client) => client,
        Err(error) => {
            // Nothing was here before, and nothing that could be repeated was begun. Only where the server could not
            // be reached may the seeds be needed again: the answer may have been lost on its way.
            if is_new && !matches!(error, Error::Unavailable { .. } | Error::StoreInUse | Error::AlreadyEnrolled) {
                let _ = std::fs::remove_dir_all(&folder);
                let _ = keys.erase();
            }
            return Err(match error {
                Error::Unavailable { .. } => {
                    let address = format!("{}:{}", invitation.host, invitation.port);
                    Failure::new(crate::failure::Code::Unreachable, errors::NO_SERVER.with(&[&address]))
                }
                error => Failure::of_profile(&error, &folder),
            });
        }
    };
    let profile = Profile { client, wait };
    // Others can add this device once its key packages are at the server.
    let online = profile.freshen().await;
    profile.tell_warnings();
    let (me, organisation) = (profile.client.me().await, profile.client.organisation().await);
    profile.client.close().await;
    online?;
    let (me, organisation) = (me?, organisation?);
    shared.print(
        || say::JOINED.with(&[&show::safe(&organisation), &show::safe(&me.name)]),
        || {
            let mut value = show::person_json(&me);
            value["organisation"] = organisation.clone().into();
            value
        },
    )
}

pub(super) async fn list(shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            profile.freshen().await?;
            for device in profile.client.device_list().await? {
                shared.print(|| show::device_line(&device), || show::device_json(&device))?;
            }
            Ok(())
        })
        .await
}

pub(super) async fn approve(device: &str, number: Option<String>, shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            profile.freshen().await?;
            let devices = profile.client.device_list().await?;
            let others = devices.into_iter().filter(|device| !device.this && !device.revoked);
            let candidates: Vec<_> = others
                .map(|device| Candidate {
                    kind: Kind::Device,
                    id: device.id.to_string(),
                    name: String::new(),
                    value: device,
                })
                .collect();
            let device = names::find(&candidates, device, &errors::UNKNOWN_DEVICE)?;
            let number = match number {
                Some(number) => argument(&number)?,
                None => {
                    eprintln!("{}", say::MISSING_FROM.with(&[&device.missing_from, &show::grouped(&device.number)]));
                    argument("-")?
                }
            };
            for (conversation, entry) in profile.client.approve(device.id, &number).await? {
                profile.settle(conversation, entry).await?;
            }
            let id = device.id.to_string();
            shared.print(|| say::DONE.text().into(), || json!({ "id": id, "state": "done" }))
        })
        .await
}

pub(super) async fn safety_number(person: &str, verified: bool, shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            let fresh = profile.freshen().await?;
            let person = profile.person(person).await?;
            let number = profile.client.safety_number(person.id).await.map_err(|error| match error {
                Error::NotFound { what: What::Person } if !fresh => {
                    Failure::from(Error::Unavailable { retry_after: None })
                }
                error => error.into(),
            })?;
            if verified {
                profile.client.verify(person.id).await?;
            }
            let verified = profile.client.verification(person.id).await? == Verification::Verified;
            let note = if verified { format!("\n({})", say::VERIFIED) } else { String::new() };
            shared.print(
                || format!("{}\n{}{note}", say::SAFETY.with(&[&show::safe(&person.name)]), show::grouped(&number)),
                || json!({ "id": person.id.to_string(), "name": person.name, "number": number, "verified": verified }),
            )
        })
        .await
}
