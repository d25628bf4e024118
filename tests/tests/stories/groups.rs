//! The life of a group: adding, removing, roles, races, leaving, revoking, coming back.

use pli_core::Client;
use pli_core::Error;
use pli_core::error::Advice;
use pli_core::model::{ClientState, Content, DeviceInfo, Membership, Role, Setting, TimelineItem};
use pli_tests::{PATIENCE, World, conversation, done, find, members, sees, texts, until};

/// People, and a group that the first of them made with all.
async fn group(world: &World, names: &[&str]) -> (Vec<Client>, pli_core::model::ConversationId) {
    let mut clients = Vec::new();
    for name in names {
        clients.push(world.enrol(name).await);
    }
    let mut others = Vec::new();
    for name in &names[1..] {
        others.push(find(&clients[0], name).await.id);
    }
    let id = clients[0].create_group("Crue", &others).await.unwrap();
    for client in &clients {
        assert_eq!(conversation(client, "Crue").await, id);
        members(client, id, names).await;
    }
    (clients, id)
}

/// The other device of a client's person, once it knows it.
async fn other_device(client: &Client) -> DeviceInfo {
    until("the other device is known", async || {
        client.device_list().await.unwrap().into_iter().find(|device| !device.this)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_in_a_group_sees_the_same() {
    let world = World::new().await;
    let (clients, id) = group(&world, &["Anne", "Bảo", "Chloé", "Dalia"]).await;
    let mut sent = Vec::new();
    for (n, client) in clients.iter().enumerate() {
        sent.push(client.conversation(id).send(&format!("message {n}"), None, &[]).await.unwrap());
    }
    for client in &clients {
        for n in 0..clients.len() {
            sees(client, id, &format!("message {n}")).await;
        }
    }
    for (client, entry) in clients.iter().zip(&sent) {
        done(client, id, *entry).await;
    }
    let first = texts(&clients[0], id).await;
    assert_eq!(first.len(), 4);
    for client in &clients {
        assert_eq!(texts(client, id).await, first);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_sees_nothing_of_what_follows() {
    let world = World::new().await;
    let (clients, id) = group(&world, &["Anne", "Bảo", "Chloé"]).await;
    clients[1].conversation(id).send("before", None, &[]).await.unwrap();
    sees(&clients[0], id, "before").await;
    let bao = find(&clients[0], "Bảo").await.id;
    let entry = clients[0].conversation(id).remove(&[bao]).await.unwrap();
    done(&clients[0], id, entry).await;
    clients[0].conversation(id).send("after", None, &[]).await.unwrap();
    sees(&clients[2], id, "after").await;
    until("Bảo is out", async || {
        (clients[1].conversation(id).info().await.unwrap().membership == Membership::Removed).then_some(())
    })
    .await;
    assert_eq!(clients[1].conversation(id).send("me too", None, &[]).await, Err(Error::NotAllowed));
    assert!(!texts(&clients[1], id).await.iter().any(|(_, text)| text == "after"));
    // Added again, there is a gap, and what follows.
    clients[0].conversation(id).add(&[bao]).await.unwrap();
    members(&clients[1], id, &["Anne", "Bảo", "Chloé"]).await;
    clients[2].conversation(id).send("welcome back", None, &[]).await.unwrap();
    sees(&clients[1], id, "welcome back").await;
    assert!(!texts(&clients[1], id).await.iter().any(|(_, text)| text == "after"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_decide_who_may_do_what() {
    let world = World::new().await;
    let (clients, id) = group(&world, &["Anne", "Bảo", "Chloé"]).await;
    let (anne, bao, chloe) = (&clients[0], &clients[1], &clients[2]);
    let bao_id = find(anne, "Bảo").await.id;
    let chloe_id = find(anne, "Chloé").await.id;
    assert_eq!(bao.conversation(id).remove(&[chloe_id]).await, Err(Error::NotAllowed));
    assert_eq!(bao.conversation(id).rename("Mine").await, Err(Error::NotAllowed));
    assert_eq!(bao.conversation(id).set_role(bao_id, Role::Owner).await, Err(Error::NotAllowed));
    let entry = anne.conversation(id).set_role(bao_id, Role::Admin).await.unwrap();
    done(anne, id, entry).await;
    until("Bảo is an admin", async || {
        (bao.conversation(id).info().await.unwrap().my_role == Role::Admin).then_some(())
    })
    .await;
    let entry = bao.conversation(id).rename("Crue de la Deûle").await.unwrap();
    done(bao, id, entry).await;
    assert_eq!(conversation(chloe, "Crue de la Deûle").await, id);
    // Only admins write from now on.
    let entry = bao.conversation(id).set(Setting::MayPost(Role::Admin)).await.unwrap();
    done(bao, id, entry).await;
    until("Chloé may not write", async || {
        (chloe.conversation(id).send("no", None, &[]).await == Err(Error::NotAllowed)).then_some(())
    })
    .await;
    // An admin can't remove an owner, nor make one.
    let anne_id = find(bao, "Anne").await.id;
    let entry = bao.conversation(id).remove(&[anne_id]).await.unwrap();
    let end = tokio::time::timeout(PATIENCE, bao.conversation(id).settled(entry)).await.unwrap().unwrap();
    assert!(matches!(end, pli_core::model::DeliveryState::Refused(_)), "{end:?}");
}

/// Who of two members becomes owner, first: of those who were enrolled on one day, the one with the lower id.
async fn successor<'a>(one: &'a Client, other: &'a Client) -> (&'a Client, &'a Client) {
    let (first, second) = (one.me().await.unwrap().id, other.me().await.unwrap().id);
    if first < second { (one, other) } else { (other, one) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_is_out_and_the_others_go_on() {
    let world = World::new().await;
    let (clients, id) = group(&world, &["Anne", "Bảo", "Chloé"]).await;
    let entry = clients[0].conversation(id).leave().await.unwrap();
    done(&clients[0], id, entry).await;
    members(&clients[1], id, &["Bảo", "Chloé"]).await;
    members(&clients[2], id, &["Bảo", "Chloé"]).await;
    assert_eq!(clients[0].conversation(id).info().await.unwrap().membership, Membership::Left);
    assert!(clients[0].conversation(id).send("ghost", None, &[]).await.is_err());
    let (next, other) = successor(&clients[1], &clients[2]).await;
    let role = async |client: &Client| client.conversation(id).info().await.unwrap().my_role;
    until("somebody is owner", async || (role(next).await == Role::Owner).then_some(())).await;
    assert_eq!(role(other).await, Role::Member);
    let entry = next.conversation(id).rename("Sans Anne").await.unwrap();
    done(next, id, entry).await;
    assert_eq!(conversation(other, "Sans Anne").await, id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_is_removed_everywhere_and_shut_out() {
    let world = World::new().await;
    let (clients, id) = group(&world, &["Anne", "Bảo", "Chloé"]).await;
    let lost = clients[1].device_list().await.unwrap()[0].id;
    world.authority().revoke(lost).await.unwrap();
    members(&clients[0], id, &["Anne", "Chloé"]).await;
    members(&clients[2], id, &["Anne", "Chloé"]).await;
    clients[0].conversation(id).send("without Bảo", None, &[]).await.unwrap();
    sees(&clients[2], id, "without Bảo").await;
    assert!(!texts(&clients[1], id).await.iter().any(|(_, text)| text == "without Bảo"));
    let mut state = clients[1].state();
    let stopped = state.wait_for(|state| matches!(state, pli_core::model::ClientState::Stopped(_)));
    tokio::time::timeout(PATIENCE, stopped).await.expect("the revoked client stops").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_changes_at_once_converge_and_each_is_done_once() {
    let world = World::new().await;
    let names: Vec<String> = (0..20).map(|n| format!("Person {n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (clients, id) = group(&world, &names).await;
    let owner = clients[0].conversation(id);
    for name in &names[1..] {
        let person = find(&clients[0], name).await.id;
        let entry = owner.set_role(person, Role::Owner).await.unwrap();
        done(&clients[0], id, entry).await;
    }
    for client in &clients {
        until("everyone is an owner", async || {
            (client.conversation(id).info().await.unwrap().my_role == Role::Owner).then_some(())
        })
        .await;
    }
    let mut waiting = Vec::new();
    for (n, client) in clients.iter().enumerate() {
        let handle = client.conversation(id);
        let entry = handle.set(Setting::Topic(format!("topic {n}"))).await.unwrap();
        waiting.push((client, entry));
        handle.send(&format!("text {n}"), None, &[]).await.unwrap();
    }
    for (client, entry) in waiting {
        done(client, id, entry).await;
    }
    let all = clients.len();
    for client in &clients {
        until("every text is there", async || (texts(client, id).await.len() == all).then_some(())).await;
    }
    let topics = async |client: &Client| {
        let items = client.conversation(id).items(None, 1_000).await.unwrap();
        items
            .into_iter()
            .filter_map(|item| match item {
                TimelineItem::Changed(change) => match change.what {
                    pli_core::model::What::TopicSet(topic) => Some(topic),
                    _ => None,
                },
                TimelineItem::Said(_) => None,
            })
            .collect::<Vec<_>>()
    };
    let (first, said) = (topics(&clients[0]).await, texts(&clients[0], id).await);
    for client in &clients {
        until("all changes are there", async || (topics(client).await.len() == all).then_some(())).await;
        assert_eq!(topics(client).await, first);
        assert_eq!(texts(client, id).await, said);
    }
    let mut unique = first.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), all, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_open_a_pair_at_once_end_up_in_one_conversation() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let (a, b) = (find(&anne, "Bảo").await.id, find(&bao, "Anne").await.id);
    let (at_anne, at_bao) = (anne.pair(a).await.unwrap(), bao.pair(b).await.unwrap());
    assert_eq!(at_anne, at_bao);
    let (one, two) =
        tokio::join!(async { anne.conversation(at_anne).send("first", None, &[]).await.unwrap() }, async {
            bao.conversation(at_bao).send("second", None, &[]).await.unwrap()
        },);
    done(&anne, at_anne, one).await;
    done(&bao, at_bao, two).await;
    sees(&anne, at_anne, "second").await;
    sees(&bao, at_bao, "first").await;
    for n in 0..4 {
        let (from, to) = if n % 2 == 0 { (&anne, &bao) } else { (&bao, &anne) };
        from.conversation(at_anne).send(&format!("then {n}"), None, &[]).await.unwrap();
        sees(to, at_anne, &format!("then {n}")).await;
    }
    assert_eq!(texts(&anne, at_anne).await.len(), 6);
    assert_eq!(texts(&bao, at_bao).await.len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_edited_deleted_and_reacted_to() {
    let world = World::new().await;
    let (clients, id) = group(&world, &["Anne", "Bảo"]).await;
    let (anne, bao) = (&clients[0], &clients[1]);
    let entry = bao.conversation(id).send("helo", None, &[]).await.unwrap();
    sees(anne, id, "helo").await;
    assert_eq!(anne.conversation(id).edit(entry, "mine", &[]).await, Err(Error::NotAllowed));
    until("it is in Bảo's timeline", async || bao.conversation(id).edit(entry, "hello", &[]).await.ok()).await;
    sees(anne, id, "hello").await;
    anne.conversation(id).react(entry, Some("👍")).await.unwrap();
    until("the reaction shows", async || {
        let items = bao.conversation(id).items(None, 10).await.unwrap();
        items
            .iter()
            .any(|item| matches!(item, TimelineItem::Said(m) if m.id == entry && m.reactions.len() == 1 && m.edited_at.is_some()))
            .then_some(())
    })
    .await;
    // An owner may delete what others wrote.
    anne.conversation(id).delete(entry).await.unwrap();
    until("it is deleted", async || {
        let items = bao.conversation(id).items(None, 10).await.unwrap();
        items
            .iter()
            .any(|item| matches!(item, TimelineItem::Said(m) if m.id == entry && matches!(m.content, Content::Deleted { .. })))
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_further_device_enters_by_the_persons_own_device() {
    let world = World::new().await;
    let (clients, id) = group(&world, &["Anne", "Bảo"]).await;
    let (anne, bao) = (&clients[0], &clients[1]);
    let tablet = world.enrol_device(bao.me().await.unwrap().id, "Bảo's tablet").await;
    let device = other_device(bao).await;
    let own = other_device(&tablet).await;
    assert_eq!(own.number, device.number);
    assert!(bao.approve(device.id, "12345").await.is_err());
    bao.approve(device.id, &own.number).await.unwrap();
    assert_eq!(conversation(&tablet, "Crue").await, id);
    anne.conversation(id).send("to both", None, &[]).await.unwrap();
    sees(bao, id, "to both").await;
    sees(&tablet, id, "to both").await;
    tablet.conversation(id).send("from the tablet", None, &[]).await.unwrap();
    sees(anne, id, "from the tablet").await;
    sees(bao, id, "from the tablet").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_revokes_a_lost_phone_and_nobody_elses() {
    let world = World::new().await;
    let (clients, id) = group(&world, &["Anne", "Bảo"]).await;
    let (anne, bao) = (&clients[0], &clients[1]);
    let tablet = world.enrol_device(bao.me().await.unwrap().id, "Bảo's tablet").await;
    let device = other_device(bao).await;
    bao.approve(device.id, &device.number).await.unwrap();
    assert_eq!(conversation(&tablet, "Crue").await, id);
    assert_eq!(anne.revoke(device.id).await, Err(Error::NotAllowed));
    bao.revoke(device.id).await.unwrap();
    until("the tablet is out", async || {
        (*tablet.state().borrow() == ClientState::Stopped(Advice::ReEnrol)).then_some(())
    })
    .await;
    until("no device of the tablet's is in the group", async || {
        let list = anne.conversation(id).member_list().await.unwrap();
        list.iter().all(|member| member.device_count == 1).then_some(())
    })
    .await;
    bao.conversation(id).send("found it", None, &[]).await.unwrap();
    sees(anne, id, "found it").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_takes_every_device_and_every_row_along() {
    let world = World::new().await;
    let (clients, id) = group(&world, &["Anne", "Bảo", "Chloé"]).await;
    let tablet = world.enrol_device(clients[0].me().await.unwrap().id, "Anne's tablet").await;
    let device = other_device(&clients[0]).await;
    clients[0].approve(device.id, &device.number).await.unwrap();
    assert_eq!(conversation(&tablet, "Crue").await, id);
    // It lies in a drawer: nothing that follows waits for it.
    tablet.close().await;
    let entry = clients[0].conversation(id).leave().await.unwrap();
    done(&clients[0], id, entry).await;
    for client in &clients[1..] {
        members(client, id, &["Bảo", "Chloé"]).await;
    }
    // Owner by the group's rules, and at the server: no row of a higher rank is left.
    let (next, other) = successor(&clients[1], &clients[2]).await;
    let entry = next.conversation(id).remove(&[other.me().await.unwrap().id]).await.unwrap();
    done(next, id, entry).await;
    until("the other is out, row and all", async || {
        (other.conversation(id).info().await.unwrap().membership == Membership::Removed).then_some(())
    })
    .await;
    let name = other.me().await.unwrap().name;
    let insider = pli_tests::insider::Insider::of_closed(&world, &name, other, id).await;
    next.conversation(id).send("alone", None, &[]).await.unwrap();
    sees(next, id, "alone").await;
    let seen = insider.read().await.unwrap();
    assert!(seen.last().unwrap().kind() == pli_proto::pb::EntryKind::Commit, "nothing after the removal");
    assert!(!texts(next, id).await.iter().any(|(_, text)| text.starts_with('<')));
    let tablet = world.open("Anne's tablet").await;
    until("the tablet has left too", async || {
        (tablet.conversation(id).info().await.unwrap().membership == Membership::Left).then_some(())
    })
    .await;
}
