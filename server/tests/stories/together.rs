//! What all devices do at once, they do not all do in the same instant. The times are those of a world of its own.

use std::time::Duration;

use pli_proto::pb;
use pli_proto::refusal::{Reason, Refusal};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::virtual_time::{Phone, Scene, run};

const DEVICES: usize = 100;

/// A device on both of its streams.
struct Online {
    phone: Phone,
    inbox: Streaming<pb::InboxPage>,
    logs: Streaming<pb::LogPage>,
    requests: Sender<pb::LogRequest>,
}

impl Online {
    async fn new(scene: &Scene, name: &str) -> Self {
        let phone = scene.hire(name).await;
        let inbox = phone.inbox().await;
        let (requests, incoming) = tokio::sync::mpsc::channel(4);
        let logs = phone.sealed().await.subscribe(ReceiverStream::new(incoming)).await.unwrap().into_inner();
        Self { phone, inbox, logs, requests }
    }

    /// When the stream of the inbox says that there is a revocation.
    async fn hears(&mut self) -> Result<Instant, Status> {
        loop {
            let page = self.inbox.message().await?.expect("it goes on");
            if page.revocations > 0 {
                return Ok(Instant::now());
            }
        }
    }
}

/// Asserts that they are spread: no tenth of their time has more than three tenths of them.
fn are_spread(times: &[Instant]) {
    let first = times.iter().min().unwrap();
    let whole = times.iter().max().unwrap().duration_since(*first);
    assert!(whole >= Duration::from_millis(50), "{whole:?} for {DEVICES} devices");
    let mut tenths = [0; 10];
    for time in times {
        let tenth = time.duration_since(*first).as_secs_f64() / whole.as_secs_f64() * 9.999;
        tenths[tenth as usize] += 1;
    }
    assert!(tenths.iter().all(|count| *count * 10 <= times.len() * 3), "{tenths:?}");
}

#[test]
fn a_revoked_device_is_out_within_seconds_and_the_others_stay() {
    run(async {
        let scene = Scene::open(7).await;
        let mut thief = Online::new(&scene, "Thief").await;
        let mut others = Vec::new();
        for number in 0..DEVICES {
            others.push(Online::new(&scene, &format!("Agent {number}")).await);
        }
        let revoked = Instant::now();
        scene.running.authority().revoke(thief.phone.id()).await.unwrap();
        let hearing = others.iter_mut().map(async |device| {
            let heard = device.hears().await.unwrap();
            let door = device.phone.door().await.key;
            device.requests.send(pb::LogRequest { door, ..pb::LogRequest::default() }).await.unwrap();
            heard
        });
        let times = futures_util::future::join_all(hearing).await;
        are_spread(&times);

        let status = thief.logs.message().await.unwrap_err();
        assert_eq!(Refusal::of(&status).unwrap().reason(), Reason::Door);
        let status = thief.hears().await.unwrap_err();
        assert_eq!(Refusal::of(&status).unwrap().reason(), Reason::Revoked);
        assert!(revoked.elapsed() < Duration::from_secs(12), "{:?}", revoked.elapsed());

        // Nobody else's ended.
        tokio::time::sleep(Duration::from_secs(60)).await;
        for device in &mut others {
            let next = tokio::time::timeout(Duration::from_millis(1), device.logs.message()).await;
            assert!(next.is_err(), "{next:?}");
        }
    });
}

#[test]
fn a_stopping_server_says_so_and_sends_its_devices_away_one_by_one() {
    run(async {
        let scene = Scene::open(8).await;
        let mut devices = Vec::new();
        for number in 0..DEVICES {
            devices.push(Online::new(&scene, &format!("Agent {number}")).await);
        }
        let mut health = HealthClient::new(scene.anonymous().await);
        let asked = HealthCheckRequest { service: "pli.v1.Log".into() };
        let mut watch = health.watch(asked).await.unwrap().into_inner();
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
        let stopping = tokio::spawn(scene.running.shutdown());
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        drop(watch);
        let ending = devices.iter_mut().map(async |device| {
            let status = loop {
                if let Err(status) = device.inbox.message().await {
                    break status;
                }
            };
            (Instant::now(), Refusal::of(&status).expect("it says why").retry_after_ms)
        });
        let (times, mut away): (Vec<_>, Vec<_>) = futures_util::future::join_all(ending).await.into_iter().unzip();
        are_spread(&times);
        away.sort_unstable();
        away.dedup();
        assert!(away.len() > DEVICES / 3, "they come back at times of their own: {away:?}");
        drop(devices);
        stopping.await.unwrap();
    });
}
