//! A disk that is really full: a small file system, and a bound on the size of files, each in a process of its own.

use pli_proto::refusal::Reason;

use crate::common::*;
use crate::small_disk::Disk;

const DISK: Disk = Disk { story: "disk::on_a_full_disk", size: "24m", short: "4194304", left: 1 << 20 };

#[test]
fn a_full_disk_refuses_loses_nothing_and_goes_on_once_there_is_room() {
    DISK.mounted();
}

#[test]
fn a_bound_on_files_is_no_worse_than_a_full_disk() {
    DISK.bounded();
}

/// Not a story by itself: on whatever disk the process was started with.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by another test"]
async fn on_a_full_disk() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut group = Group::found(&office, &anne).await;
    let owner = group.owner_row();
    let folder = office.folder.path().to_owned();
    for _ in 0..2 {
        DISK.room(&folder, false);
        let before = count(&mut group).await;
        let mut taken = Vec::new();
        let (entry, refused) = loop {
            let entry = group.pen.message(&fill(20_000));
            match group.append(&owner, &entry).await {
                Ok(appended) => taken.push(appended.number),
                Err(status) => break (entry, status),
            }
            assert!(taken.len() < 1_000, "the disk never fills");
        };
        let refused = refusal(Err::<(), _>(refused));
        assert_eq!(refused.reason(), Reason::Unavailable);
        assert!(refused.retry_after_ms >= 60_000, "said as what it is, and no other failure");
        let kept = count(&mut group).await;
        assert_eq!(kept, before + taken.len() as u64, "reading goes on");
        // The same server, without a restart; and what it refused was not half taken.
        DISK.room(&folder, true);
        assert_eq!(group.append(&owner, &entry).await.unwrap().number, kept + 1);
        // After one, all is there.
        office.shut().await;
        office.start().await;
        group.sealed = office.sealed(&anne).await;
        assert_eq!(group.append(&owner, &entry).await.unwrap().number, kept + 1);
        group.commit(vec![]).await;
    }
}

/// How many entries there are.
async fn count(group: &mut Group) -> u64 {
    let (owner, mut last) = (group.owner_row(), 0);
    while let Some(number) = numbers(&group.read(&owner, last).await.unwrap()).pop() {
        last = number;
    }
    last
}
