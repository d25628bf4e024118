//! People and conversations.

use crate::failure::Failure;
use crate::show;

use super::Shared;

pub(super) async fn people(query: &str, shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            profile.freshen().await?;
            for person in profile.client.people(query).await? {
                shared.print(|| show::person_line(&person), || show::person_json(&person))?;
            }
            Ok(())
        })
        .await
}

pub(super) async fn conversations(shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            profile.freshen().await?;
            for info in profile.client.conversation_list().await? {
                shared.print(|| show::conversation_line(&info), || show::conversation_json(&info))?;
            }
            Ok(())
        })
        .await
}

pub(super) async fn pair(person: &str, shared: &Shared) -> Result<(), Failure> {
    shared
        .with(async |profile| {
            let person = profile.person(person).await?;
            let id = profile.client.pair(person.id).await?;
            let info = profile.client.conversation(id).info().await?;
            shared.print(|| show::conversation_line(&info), || show::conversation_json(&info))
        })
        .await
}
