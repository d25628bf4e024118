//! Replacing an issuer, beside a running server.

use std::path::PathBuf;

use pli_env::Env;
use pli_proto::certificate::{self, Usage};
use pli_proto::refusal::Reason;
use pli_proto::{issuers, pb, signed};
use pli_server::authority::{files, replace_issuer};
use pli_server::{Authority, AuthorityError, Invite, Server, ServerError};

use crate::common::*;

/// The operator took the root's key away, and brings it back.
fn root_key(office: &Office) -> (tempfile::TempDir, PathBuf) {
    let stick = tempfile::tempdir().unwrap();
    let key = stick.path().join("root.pem");
    std::fs::copy(office.folder.path().join(files::ROOT_KEY), &key).unwrap();
    std::fs::remove_file(office.folder.path().join(files::ROOT_KEY)).unwrap();
    (stick, key)
}

async fn issuer(office: &Office) -> Vec<u8> {
    office.enrolment(None).await.hello(pb::HelloRequest {}).await.unwrap().into_inner().issuer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_takes_the_new_issuer_and_nothing_of_the_old() {
    let office = Office::open().await;
    let (mut anne, bob) = (office.hire("Anne").await, office.hire("Bob").await);
    let open = office.invite(Invite::person("Carl")).await;
    office.authority().revoke(bob.id).await.unwrap();
    let old = issuer(&office).await;
    let mut sealed = office.sealed(&anne).await;
    let known = office.channel(Some(&anne)).await.unwrap();
    let mut inbox = pb::inbox_client::InboxClient::with_interceptor(known, Headers::default());
    let mut news = inbox.follow(pb::FollowRequest {}).await.unwrap().into_inner();
    assert_eq!(soon(news.message()).await.unwrap().unwrap().issuers, 0);

    let (_stick, key) = root_key(&office);
    let done = replace_issuer(office.folder.path(), office.world.clone(), &key).await.unwrap();
    let ended = done.ended.unwrap();
    assert_eq!((ended.number, ended.issuer, ended.kept), (1, certificate::fingerprint(&old), 1), "Anne, and not Bob");
    assert!(!office.folder.path().join(files::ROOT_KEY).exists());
    until(async || certificate::fingerprint(&issuer(&office).await) == done.issuer).await;

    // What came in by the old issuer's certificates ends, and so does the door key, whose secret lay beside.
    let end = soon(async {
        loop {
            if let Err(end) = news.message().await {
                return end;
            }
        }
    });
    assert_eq!(reason(Err::<(), _>(end.await)), Reason::NotEnrolled);
    until(async || reason(office.enrolment(Some(&anne)).await.door(pb::DoorRequest {}).await) == Reason::NotEnrolled)
        .await;
    assert_eq!(reason(sealed.key_packages.take(pb::TakeRequest::default()).await), Reason::Door);
    // The MLS key, which stays good, fetches another.
    let tls = Device::new(&office).tls;
    let request = anne.renew_request(&tls, office.world.now_ms());
    let renewed = office.enrolment(None).await.renew(request).await.unwrap().into_inner();
    assert_eq!(certificate::fingerprint(&renewed.issuer), done.issuer);
    anne.tls = tls;
    anne.chain = vec![renewed.tls_certificate.into(), renewed.issuer.into()];
    assert!(office.sealed(&anne).await.key_packages.take(pb::TakeRequest::default()).await.is_ok());

    // Everybody can check what the root said.
    let mut directory = office.directory(&anne).await;
    let answer = directory.issuers(pb::IssuersRequest { since: 0 }).await.unwrap().into_inner();
    let (end, kept) = (answer.end.unwrap(), issuers::split(&answer.kept).unwrap().to_vec());
    assert!(issuers::is_genuine(&end, &office.root));
    assert_eq!(end.kept, issuers::digest(&kept));
    assert_eq!(kept, [certificate::fingerprint(&anne.mls_certificate)]);
    let list = directory.revocations(pb::RevocationsRequest { since: 0 }).await.unwrap().into_inner();
    assert_eq!((end.revocations, &end.revocations_hash), (1, &list.hash));
    let by = certificate::verify_issuer(&office.root, &list.issuer).unwrap();
    assert!(pli_proto::row::verify(&by, &signed::revocation_list(&list), &list.signature));
    assert_eq!(certificate::fingerprint(&list.issuer), done.issuer, "the list is the new issuer's already");
    let none = directory.issuers(pb::IssuersRequest { since: 1 }).await.unwrap().into_inner();
    assert_eq!(none, pb::IssuersResponse::default());

    // Ways in and out go on.
    let mut carl = Device::new(&office);
    let carls = carl.enrol(&office, &open).await.unwrap();
    assert_eq!(certificate::fingerprint(&carls.issuer), done.issuer);
    office.authority().revoke(carl.id).await.unwrap();
    let list = directory.revocations(pb::RevocationsRequest { since: 1 }).await.unwrap().into_inner();
    assert_eq!((list.number, certificate::fingerprint(&list.lines[0].issuer)), (2, done.issuer));
}

/// Its revocation would name one of two certificates, and the other would stay in groups.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_second_certificate_after_the_replacement() {
    let office = Office::open().await;
    let token = office.invite(Invite::person("Anne")).await;
    let mut anne = Device::new(&office);
    anne.enrol(&office, &token).await.unwrap();
    let (_stick, key) = root_key(&office);
    let done = replace_issuer(office.folder.path(), office.world.clone(), &key).await.unwrap();
    until(async || certificate::fingerprint(&issuer(&office).await) == done.issuer).await;
    assert_eq!(reason(anne.enrol(&office, &token).await), Reason::InvitationUsed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_replacement_is_repeated() {
    let mut office = Office::open().await;
    let anne = office.hire("Anne").await;
    let (_stick, key) = root_key(&office);
    let folder = office.folder.path().to_owned();
    let path = |name: &str| folder.join(name);
    let before = [files::ISSUER, files::ISSUER_KEY].map(|name| std::fs::read(path(name)).unwrap());
    replace_issuer(office.folder.path(), office.world.clone(), &key).await.unwrap();
    let after = std::fs::read(path(files::ISSUER_KEY)).unwrap();
    office.shut().await;
    let (world, config) = (office.world.clone(), office.config());
    let start = async || Server::start(world.clone(), config.clone()).await.err().unwrap();
    // It came no further than the end of the old issuer; or than the new one's key.
    std::fs::write(path(files::ISSUER), &before[0]).unwrap();
    std::fs::write(path(files::ISSUER_KEY), &before[1]).unwrap();
    assert!(matches!(start().await, ServerError::Authority(AuthorityError::NoIssuer)));
    std::fs::write(path(files::ISSUER_KEY), &after).unwrap();
    assert!(matches!(start().await, ServerError::Authority(AuthorityError::Mismatch)));
    let done = replace_issuer(office.folder.path(), office.world.clone(), &key).await.unwrap();
    assert_eq!(done.ended, None, "it had ended");
    office.start().await;
    assert_eq!(certificate::fingerprint(&issuer(&office).await), done.issuer);
    let devices = office.authority().devices(anne.person).await.unwrap();
    assert!(!devices[0].revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_root_replaces_an_issuer() {
    let (office, other) = (Office::open().await, Office::open().await);
    let (_stick, key) = root_key(&other);
    let refused = replace_issuer(office.folder.path(), office.world.clone(), &key).await;
    assert!(matches!(refused, Err(AuthorityError::OtherRoot(_))));
    let issuers = office.folder.path().join(files::ISSUER_KEY);
    let refused = replace_issuer(office.folder.path(), office.world.clone(), &issuers).await;
    assert!(matches!(refused, Err(AuthorityError::OtherRoot(_))));
    let here = Authority::open(office.folder.path(), office.world.clone()).unwrap();
    assert_eq!(here.engine().versions().await.unwrap().issuers, 0);
    here.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_has_one_encoding() {
    let office = Office::open().await;
    let token = office.invite(Invite::person("Anne")).await;
    let answer = Device::new(&office).enrol(&office, &token).await.unwrap();
    let good = answer.mls_certificate;
    let holds = |der: &[u8]| certificate::verify_device(&office.root, &[der, &answer.issuer], Usage::Mls).is_ok();
    assert!(holds(&good));
    // The signature's bits are the last 65 bytes: how many are unused, and the signature.
    let unused = good.len() - 65;
    assert_eq!(good[unused - 2..=unused], [3, 65, 0]);
    let mut spare = good.clone();
    spare[unused] = 1;
    assert!(!holds(&spare), "the last byte's lowest bit is said to be none");
    // The length of the whole in three bytes where two do.
    assert_eq!(good[..2], [0x30, 0x82]);
    let long = [&[0x30, 0x83, 0], &good[2..]].concat();
    assert!(!holds(&long));
    assert!(!holds(&[good, vec![0]].concat()));
}
