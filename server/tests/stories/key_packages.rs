//! Key packages: published by a device, taken by anyone.

use pli_proto::limits;
use pli_proto::pb;
use pli_proto::pb::key_packages_client::KeyPackagesClient;
use pli_proto::refusal::Reason;
use pli_proto::signed::Label;

use crate::common::*;

struct Publisher<'o> {
    office: &'o Office,
    device: Device,
    client: KeyPackagesClient<Versioned>,
}

impl Publisher<'_> {
    async fn publish(&mut self, body: pb::PublishBody) -> Result<tonic::Response<pb::PublishResponse>, tonic::Status> {
        self.client.publish(self.device.signs(self.office, Label::Publish, &body)).await
    }
}

async fn publisher<'o>(office: &'o Office, device: &Device) -> Publisher<'o> {
    let channel = office.channel(Some(device)).await.unwrap();
    let client = KeyPackagesClient::with_interceptor(channel, Headers::default());
    Publisher { office, device: device.clone(), client }
}

async fn take(sealed: &mut SealedClient, devices: &[&Device]) -> Vec<pb::DevicePackage> {
    let devices = devices.iter().map(|device| device.id.to_vec()).collect();
    sealed.key_packages.take(pb::TakeRequest { devices, last_resort: false }).await.unwrap().into_inner().packages
}

#[tokio::test(flavor = "multi_thread")]
async fn single_use_packages_go_first_and_the_last_resort_stays() {
    let office = Office::open().await;
    let (anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let mut publish = publisher(&office, &anne).await;
    let publication = pb::PublishBody { last_resort: b"last".to_vec(), ..anne.publication(&[b"one", b"two"]) };
    let stock = publish.publish(publication).await.unwrap().into_inner();
    assert!(stock.stock == 2 && stock.has_last_resort);
    let mut sealed = office.sealed(&bob).await;
    let mut taken = Vec::new();
    for _ in 0..4 {
        let packages = take(&mut sealed, &[&anne]).await;
        assert_eq!((packages[0].device.clone(), packages[0].inbox_key.clone()), (anne.id.to_vec(), vec![7; 1216]));
        assert_eq!(packages[0].inbox_key_signature, anne.publication(&[]).inbox_key_signature);
        taken.push(packages[0].package.clone());
    }
    taken[..2].sort();
    assert_eq!(taken, [b"one".to_vec(), b"two".to_vec(), b"last".to_vec(), b"last".to_vec()]);
    // Published again after a lost answer: what was taken is not given twice.
    let stock = publish.publish(anne.publication(&[b"one", b"two", b"three"])).await.unwrap().into_inner();
    assert_eq!(stock.stock, 1);
    // A device that lost its private keys drops what is in stock.
    let publication = pb::PublishBody { replace: true, ..anne.publication(&[b"four"]) };
    let stock = publish.publish(publication).await.unwrap().into_inner();
    assert!(stock.stock == 1 && !stock.has_last_resort);
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_come_in_the_order_asked_without_those_who_have_none() {
    let office = Office::open().await;
    let (anne, bob, carl) = (office.hire("Anne").await, office.hire("Bob").await, office.hire("Carl").await);
    let keyless = pb::PublishBody { inbox_key: vec![], ..anne.publication(&[b"never given"]) };
    publisher(&office, &carl).await.publish(keyless).await.unwrap();
    publisher(&office, &anne).await.publish(anne.publication(&[b"a1", b"a2"])).await.unwrap();
    publisher(&office, &bob).await.publish(bob.publication(&[b"b1"])).await.unwrap();
    let mut sealed = office.sealed(&anne).await;
    let ghost = Device::new(&office);
    let packages = take(&mut sealed, &[&bob, &ghost, &carl, &anne, &bob]).await;
    let devices: Vec<&[u8]> = packages.iter().map(|package| package.device.as_slice()).collect();
    assert_eq!(devices, [bob.id.0.as_slice(), &anne.id.0]);
    office.authority().revoke(anne.id).await.unwrap();
    until(async || !take(&mut office.sealed(&bob).await, &[&bob, &anne]).await.iter().any(|p| p.device == anne.id.0))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_or_not_signed_is_refused() {
    let office = Office::open().await;
    let anne = office.hire("Anne").await;
    let mut publish = publisher(&office, &anne).await;
    let forged = pb::PublishBody { inbox_key_signature: vec![0; 64], ..anne.publication(&[]) };
    assert_eq!(reason(publish.publish(forged).await), Reason::Signature);
    let long = vec![0; limits::KEY_PACKAGE_BYTES + 1];
    assert_eq!(reason(publish.publish(anne.publication(&[&long])).await), Reason::Invalid);
    assert_eq!(reason(publish.publish(anne.publication(&[b""])).await), Reason::Invalid);
    let many: Vec<[u8; 1]> = (0..51).map(|n| [n]).collect();
    let many: Vec<&[u8]> = many.iter().map(<[u8; 1]>::as_slice).collect();
    assert_eq!(reason(publish.publish(anne.publication(&many)).await), Reason::Invalid);
    assert_eq!(publish.publish(anne.publication(&many[..50])).await.unwrap().into_inner().stock, 50);
    let more = publish.publish(anne.publication(&[b"no room"])).await.unwrap().into_inner();
    assert_eq!(more.stock, limits::KEY_PACKAGES);
    let mut sealed = office.sealed(&anne).await;
    let devices = vec![vec![1; 16]; limits::TAKE_DEVICES + 1];
    assert_eq!(
        reason(sealed.key_packages.take(pb::TakeRequest { devices, last_resort: false }).await),
        Reason::Invalid
    );
    let devices = vec![vec![1; 15]];
    assert_eq!(
        reason(sealed.key_packages.take(pb::TakeRequest { devices, last_resort: false }).await),
        Reason::Invalid
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_takes_no_more_than_its_rate() {
    let office = Office::with(|limits| limits.take_rate = pli_server::Rate::new(1, 3)).await;
    let anne = office.hire("Anne").await;
    let mut sealed = office.sealed(&anne).await;
    let ask = |n: u8| pb::TakeRequest { devices: (0..n).map(|n| vec![n; 16]).collect(), last_resort: false };
    assert!(sealed.key_packages.take(ask(3)).await.is_ok());
    let refused = refusal(sealed.key_packages.take(ask(3)).await);
    assert_eq!(refused.reason(), Reason::Limit);
    assert!((1..=3_000).contains(&refused.retry_after_ms));
}
