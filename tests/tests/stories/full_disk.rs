//! A disk that is really full, under clients and server: a small file system, and a bound on the size of files, each in
//! a process of its own.

use std::time::Duration;

use pli_core::Error;
use pli_core::model::ClientState;
use pli_tests::disk::Disk;
use pli_tests::{World, conversation, done, find, sees, texts, until};

const DISK: Disk = Disk { story: "full_disk::on_a_full_disk", size: "64m", short: "3145728", left: 2 << 20 };

#[test]
fn on_a_full_disk_nothing_accepted_is_lost_and_all_goes_on_once_there_is_room() {
    DISK.mounted();
}

#[test]
fn a_bound_on_files_is_no_worse_than_a_full_disk() {
    DISK.bounded();
}

/// Not a story by itself: on whatever disk the process was started with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by another test"]
async fn on_a_full_disk() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let id = anne.create_group("Crue", &[find(&anne, "Bảo").await.id]).await.unwrap();
    conversation(&bao, "Crue").await;
    let mut accepted = Vec::new();
    for round in 0..2 {
        DISK.room(world.folder.path(), false);
        let refused = loop {
            let text = format!("{round} {} {}", accepted.len(), "x".repeat(20_000));
            match anne.conversation(id).send(&text, None, &[]).await {
                Ok(_) => accepted.push(text),
                Err(error) => break error,
            }
            assert!(accepted.len() < 2_000, "the disk never fills");
        };
        assert_eq!(refused, Error::StorageFull);
        // It lasts a while: nobody stops for it, and reading goes on.
        tokio::time::sleep(Duration::from_secs(2)).await;
        for client in [&anne, &bao] {
            assert!(!matches!(*client.state().borrow(), ClientState::Stopped(_)), "{:?}", *client.state().borrow());
            client.conversation(id).items(None, 10).await.unwrap();
        }
        DISK.room(world.folder.path(), true);
        let last = format!("there is room again {round}");
        let said = until("there is room", async || anne.conversation(id).send(&last, None, &[]).await.ok()).await;
        accepted.push(last.clone());
        until("Bảo sees it", async || {
            // The server asked for a minute.
            for client in [&anne, &bao] {
                client.network_changed();
            }
            tokio::time::timeout(Duration::from_secs(1), sees(&bao, id, &last)).await.ok()
        })
        .await;
        done(&anne, id, said).await;
        for client in [&anne, &bao] {
            let seen: Vec<String> = texts(client, id).await.into_iter().map(|(_, text)| text).collect();
            assert!(seen == accepted, "{} of {}", seen.len(), accepted.len());
        }
    }
}
