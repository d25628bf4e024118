//! Rows: what an insider asks of them, and what a server says of them.

use pli_core::model::Membership;
use pli_kernel::group::settings::Role;
use pli_proto::row::AccessKey;
use pli_proto::rows::{self, rank};
use rusqlite::Connection;

use super::{NAMES, Scene, place_of, scene};
use pli_tests::insider::{Insider, Lie, Plan};
use pli_tests::{members, until};

/// The ranks of the rows that stand in the group's log, ascending.
fn ranks(scene: &Scene) -> Vec<u32> {
    let db = Connection::open(scene.world.data().join("pli.db")).unwrap();
    let mut query = db.prepare("SELECT rank FROM rows WHERE log = ? AND cut_at IS NULL ORDER BY rank").unwrap();
    query.query_map([scene.insider.log.0], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Those of Anne, the owner, of eight members, and of Mallory.
fn honest(mallory: u32) -> Vec<u32> {
    let mut ranks = [vec![rank::OWNER, mallory], vec![rank::MEMBER; 8]].concat();
    ranks.sort_unstable();
    ranks
}

/// Appends a commit that counts for nobody, for its rows are not those of an update.
async fn append_rows(insider: &mut Insider, rows: Vec<pli_proto::pb::Row>) {
    let entry = insider.update_with(rows);
    insider.append(&entry).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_a_false_commit_cuts_come_back() {
    let mut scene = scene(Role::Admin).await;
    let (roster, _) = scene.insider.state();
    let cuts = roster.leaves().filter(|leaf| leaf.device() != scene.insider.me.device);
    let cuts = cuts.map(|leaf| scene.insider.cut(leaf.key())).collect();
    append_rows(&mut scene.insider, cuts).await;
    // An owner's is above an admin. She states what the group asks for, unasked, and all are in again.
    until("the rows stand again", async || (ranks(&scene) == honest(rank::ADMIN)).then_some(())).await;
    for client in &scene.online {
        let member = async || {
            let info = client.conversation(scene.id).info().await.unwrap();
            (info.membership == Membership::Member).then_some(())
        };
        until("everybody is in", member).await;
    }
    scene.lives(&NAMES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_members_commit_takes_no_row_and_gives_no_rank() {
    let mut scene = scene(Role::Member).await;
    let own = scene.insider.row_of(&scene.insider.me.key.public());
    let (roster, _) = scene.insider.state();
    let mut asked = vec![rows::set(own, rank::OWNER)];
    asked.extend(roster.leaves().map(|leaf| scene.insider.cut(leaf.key())).filter(|row| row.key != own.0));
    append_rows(&mut scene.insider, asked).await;
    assert_eq!(ranks(&scene), honest(rank::MEMBER));
    // Nor by a list of all that are to stand.
    scene.insider.whole = true;
    append_rows(&mut scene.insider, vec![rows::set(own, rank::OWNER)]).await;
    scene.insider.whole = false;
    assert_eq!(ranks(&scene), honest(rank::MEMBER));
    // A row of nobody's is one of the lowest rank that brought it, and goes as soon as the owner's device hears of it.
    let stranger = AccessKey::of(b"another log", &scene.insider.me.key.public()).unwrap();
    append_rows(&mut scene.insider, vec![rows::set(stranger, rank::OWNER)]).await;
    until("it is gone", async || (ranks(&scene) == honest(rank::MEMBER)).then_some(())).await;
    scene.lives(&NAMES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_counts_with_its_rows_alone() {
    let mut scene = scene(Role::Admin).await;
    let plan = || Plan { remove: vec![place_of(&scene.insider, 1)], ..Plan::default() };
    let (plans, right) = ([plan(), plan()], scene.insider.planned(plan(), &[]));
    // Without the row that goes; and with another's.
    let another = place_of(&scene.insider, 2);
    let cut = scene.insider.state().0.get(another).map(|leaf| scene.insider.cut(leaf.key())).unwrap();
    for (plan, rows) in plans.into_iter().zip([vec![], vec![cut]]) {
        let commit = scene.insider.commit_with(Lie::None, &rows, &[], |insider, liar, group| {
            pli_tests::insider::build(insider, liar, group, |_| plan)
        });
        let entry = scene.insider.entry(commit, rows);
        scene.insider.append(&entry).await.unwrap();
        assert_ne!(entry.rows, right.rows);
    }
    until("the rows stand again", async || (ranks(&scene) == honest(rank::ADMIN)).then_some(())).await;
    for client in &scene.online {
        members(client, scene.id, &NAMES).await;
    }
    scene.lives(&NAMES).await;
}
