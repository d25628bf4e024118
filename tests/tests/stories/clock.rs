//! A device whose clock is wrong by days is told that, and not that its server is another, or away.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pli_core::error::InvitationProblem;
use pli_core::model::Warning;
use pli_core::{Client, Error};
use pli_env::Env;
use pli_server::Invite;
use pli_tests::altered::Altered;
use pli_tests::{PATIENCE, World, keys, online};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

async fn joins(world: &World, env: &Arc<dyn Env>, link: &str) -> Result<(), Error> {
    let folder = world.device_folder("p");
    Client::join(env.clone(), &folder, keys(&folder), link).await.map(drop)
}

async fn link(world: &World, address: &str) -> String {
    world.authority().invite(address, Invite::person("P")).await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_days_behind_is_told_when_joining_and_the_invitation_serves_afterwards() {
    let world = World::new().await;
    let altered = Altered::current();
    altered.clock_ms.store(-3 * DAY_MS as i64, Ordering::SeqCst);
    let env: Arc<dyn Env> = altered.clone();
    let good = link(&world, &world.address().to_string()).await;
    assert_eq!(joins(&world, &env, &good).await, Err(Error::ClockWrong { days: 3, ahead: false }));
    // Another organisation's server stays another's, whatever the clock says.
    let other = World::new().await;
    let theirs = link(&other, &world.address().to_string()).await;
    let wrong = Error::InvitationRefused { why: InvitationProblem::WrongServer };
    assert_eq!(joins(&world, &env, &theirs).await, Err(wrong));
    altered.clock_ms.store(0, Ordering::SeqCst);
    assert_eq!(joins(&world, &env, &good).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_months_ahead_is_told_when_joining() {
    let server = Altered::current();
    server.clock_ms.store(-120 * DAY_MS as i64, Ordering::SeqCst);
    let world = World::served_by(server).await;
    let link = link(&world, &world.address().to_string()).await;
    assert_eq!(joins(&world, &world.env, &link).await, Err(Error::ClockWrong { days: 120, ahead: true }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolled_device_is_told_until_its_clock_is_right() {
    let mut world = World::new().await;
    let altered = Altered::current();
    world.env = altered.clone();
    world.enrol("Anne").await.close().await;
    altered.clock_ms.store(-3 * DAY_MS as i64, Ordering::SeqCst);
    let anne = world.open("Anne").await;
    let mut warnings = anne.warnings();
    let told = warnings.wait_for(|warnings| *warnings == [Warning::ClockWrong { days: 3, ahead: false }]);
    tokio::time::timeout(PATIENCE, told).await.expect("it is told").unwrap();
    altered.clock_ms.store(0, Ordering::SeqCst);
    anne.network_changed();
    online(&anne).await;
    assert!(anne.warnings().borrow().is_empty());
}
