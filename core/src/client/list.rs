//! The conversation list, and making conversations.

use std::collections::{BTreeMap, BTreeSet};

use eyeball_im::VectorDiff;
use futures_util::Stream;
use pli_proto::id::{ConversationId, LogId, PersonId};
use rusqlite::Connection;

use crate::conversations::founding::{add_intents, found, has_other_devices};
use crate::conversations::standing::info;
use crate::conversations::{group_id, pair_id};
use crate::error::{Error, What};
use crate::model::ConversationInfo;
use crate::store::people::{self, People};
use crate::store::{Notice, items};
use pli_kernel::group::seal::LogKey;
use pli_kernel::group::settings::Settings;

use super::observe::{Changed, observe_parts};
use super::{Client, check_name};

/// People in one call to make a group or add to one.
const PEOPLE: usize = 1_000;

impl Client {
    /// The conversation list, the last active first.
    pub fn conversations(&self) -> impl Stream<Item = Vec<VectorDiff<ConversationInfo>>> + Send + use<> {
        observe_parts(
            self,
            |notice| *notice == Notice::People || notice.conversation().is_some(),
            |db, changed| match changed {
                Changed { all: true, .. } => list(db).map(Found::All),
                Changed { conversations, .. } => some(db, conversations).map(Found::Some),
            },
            |shown, found| match found {
                Found::All(list) => list,
                Found::Some(fresh) => merge(shown, fresh),
            },
            |info: &ConversationInfo| info.id,
        )
    }

    /// The conversation list as it is now.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn conversation_list(&self) -> Result<Vec<ConversationInfo>, Error> {
        self.store()?.read(list).await
    }

    /// Makes a group with these people, of which the own person is the owner. It is there at once, and reaches the
    /// others when it can.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the name or too many people; [`Error::NotFound`] for a person.
    pub async fn create_group(&self, name: &str, people: &[PersonId]) -> Result<ConversationId, Error> {
        check_name(name)?;
        let (name, people) = (name.to_owned(), people.to_vec());
        self.store()?
            .write(move |tx| {
                let me = tx.context.me.person;
                let key = LogKey::from(pli_env::random(&*tx.context.env));
                let log = LogId(pli_env::random(&*tx.context.env));
                let conversation = group_id(log);
                items::put_conversation(tx.db, conversation, None, tx.now_ms())?;
                items::set_name(tx.db, conversation, &name)?;
                let settings = Settings::group(key.clone(), tx.context.me.root, me, &name);
                found(tx, log, conversation, key, &settings)?;
                let mut others = check_people(tx.db, &people)?;
                others.retain(|person| *person != me);
                add_intents(tx, conversation, &others, has_other_devices(tx, me)?.then_some(me))?;
                Ok(conversation)
            })
            .await
    }

    /// The conversation with one other person. Nothing is sent before something is said.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the directory does not know the person; [`Error::Invalid`] for oneself.
    pub async fn pair(&self, person: PersonId) -> Result<ConversationId, Error> {
        self.store()?
            .write(move |tx| {
                let me = tx.context.me.person;
                if person == me {
                    return Err(Error::Invalid { what: What::Person, limit: 0 });
                }
                people::find(tx.db, person)?.ok_or(Error::NotFound { what: What::Person })?;
                let id = pair_id(me, person);
                items::put_conversation(tx.db, id, Some(person), tx.now_ms())?;
                tx.notice(Notice::Group(id));
                Ok(id)
            })
            .await
    }
}

/// Checks that the directory knows them.
pub(super) fn check_people(db: &Connection, people: &[PersonId]) -> Result<Vec<PersonId>, Error> {
    if people.len() > PEOPLE {
        return Err(Error::Invalid { what: What::People, limit: PEOPLE });
    }
    let unique: BTreeSet<PersonId> = people.iter().copied().collect();
    for person in &unique {
        people::find(db, *person)?.filter(|person| !person.departed).ok_or(Error::NotFound { what: What::Person })?;
    }
    Ok(unique.into_iter().collect())
}

fn list(db: &Connection) -> Result<Vec<ConversationInfo>, Error> {
    let mut people = People::new(db);
    items::conversations(db)?.into_iter().map(|conversation| info(&mut people, &conversation)).collect()
}

/// These conversations; nothing of one that is not there.
fn some(db: &Connection, ids: BTreeSet<ConversationId>) -> Result<Fresh, Error> {
    let mut people = People::new(db);
    let mut info = |id| items::conversation(db, id)?.map(|one| info(&mut people, &one)).transpose();
    ids.into_iter().map(|id| Ok((id, info(id)?))).collect()
}

type Fresh = BTreeMap<ConversationId, Option<ConversationInfo>>;

enum Found {
    All(Vec<ConversationInfo>),
    Some(Fresh),
}

/// The list, with these conversations as they are now, in its order.
fn merge(shown: &[ConversationInfo], fresh: Fresh) -> Vec<ConversationInfo> {
    let others = shown.iter().filter(|info| !fresh.contains_key(&info.id)).cloned();
    let mut now: Vec<_> = others.collect();
    now.extend(fresh.into_values().flatten());
    now.sort_by(|a, b| (b.active_at, a.id).cmp(&(a.active_at, b.id)));
    now
}
