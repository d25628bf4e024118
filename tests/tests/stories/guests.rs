//! Guests of the organisation: that somebody is one stands in their certificates, and no group gives or takes it.

use pli_core::Client;
use pli_core::Error;
use pli_core::model::{ConversationId, Membership, Role, Setting};
use pli_kernel::group::settings::Settings;
use pli_proto::certificate::{Usage, read_device};
use pli_tests::insider::{Insider, Plan};
use pli_tests::{World, done, find, members, sees, until};

async fn role_of(client: &Client, id: ConversationId, name: &str) -> Option<Role> {
    let members = client.conversation(id).member_list().await.unwrap();
    members.into_iter().find(|member| member.person.name == name).map(|member| member.role)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_one_on_each_device_and_by_nobodys_word() {
    let world = World::new().await;
    let (anne, gil) = (world.enrol("Anne").await, world.enrol_guest("Gil").await);
    let gil_id = find(&anne, "Gil").await.id;
    world.enrol_device(gil_id, "Gil's tablet").await.close().await;
    for device in world.authority().devices(gil_id).await.unwrap() {
        assert!(read_device(&[&device.mls_certificate, &[]], Usage::Mls).unwrap().is_guest);
    }
    let id = anne.create_group("Crue", &[gil_id]).await.unwrap();
    for client in [&anne, &gil] {
        members(client, id, &["Anne", "Gil"]).await;
        assert_eq!(role_of(client, id, "Gil").await, Some(Role::Guest));
        assert_eq!(client.conversation(id).info().await.unwrap().guest_count, 1);
    }
    for role in [Role::Guest, Role::Member, Role::Owner] {
        assert_eq!(anne.conversation(id).set_role(gil_id, role).await, Err(Error::NotAllowed));
    }
    // An owner's device that lists him all the same.
    let mut insider = Insider::of_closed(&world, "Anne", &anne, id).await;
    let (_, before) = insider.state();
    for role in [Role::Admin, Role::Owner] {
        let mut settings: Settings = before.clone();
        settings.roles.insert(gil_id, role);
        let entry = insider.planned(Plan { settings: Some(settings), ..Plan::default() }, &[]);
        insider.append(&entry).await.unwrap();
    }
    let anne = world.open("Anne").await;
    let back = async || {
        let membership = anne.conversation(id).info().await.unwrap().membership;
        (membership == Membership::Member).then_some(())
    };
    until("Anne is there", back).await;
    anne.conversation(id).send("still a guest", None, &[]).await.unwrap();
    sees(&gil, id, "still a guest").await;
    assert_eq!(role_of(&gil, id, "Gil").await, Some(Role::Guest));
    assert_eq!(gil.conversation(id).info().await.unwrap().my_role, Role::Guest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_guest_becomes_owner_and_guests_alone_are_a_closed_group() {
    let world = World::new().await;
    // He is the one who was enrolled first.
    let gil = world.enrol_guest("Gil").await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let people = [find(&anne, "Gil").await.id, find(&anne, "Bảo").await.id];
    let id = anne.create_group("Crue", &people).await.unwrap();
    for client in [&anne, &bao, &gil] {
        members(client, id, &["Anne", "Bảo", "Gil"]).await;
    }
    let entry = anne.conversation(id).leave().await.unwrap();
    done(&anne, id, entry).await;
    until("Bảo is owner", async || (role_of(&gil, id, "Bảo").await == Some(Role::Owner)).then_some(())).await;
    let entry = bao.conversation(id).set(Setting::Topic("without Anne".into())).await.unwrap();
    done(&bao, id, entry).await;
    let entry = bao.conversation(id).leave().await.unwrap();
    done(&bao, id, entry).await;
    members(&gil, id, &["Gil"]).await;
    assert_eq!(gil.conversation(id).info().await.unwrap().my_role, Role::Guest);
    assert_eq!(gil.conversation(id).send("alone", None, &[]).await, Err(Error::NotAllowed));
}
