//! The transport.

use std::sync::Arc;

use pli_proto::pb;
use rustls::NamedGroup;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic_health::pb::health_client::HealthClient;

use crate::common::*;

async fn shake(
    office: &Office,
    tls: rustls::ClientConfig,
    name: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(office.running().address()).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(tls)).connect(name, tcp).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_1_3_with_hybrid_key_exchange_alone_and_nothing_is_resumed() {
    let office = Office::open().await;
    let tls = client_tls(&office, None);
    for _ in 0..2 {
        let mut stream = shake(&office, tls.clone(), "pli.internal").await.unwrap();
        // A ticket, were there one, would come before the first bytes of HTTP/2.
        soon(stream.read_u8()).await.unwrap();
        let connection = stream.get_ref().1;
        assert_eq!(connection.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        let group = connection.negotiated_key_exchange_group().unwrap().name();
        assert_eq!(group, NamedGroup::X25519MLKEM768);
        assert_eq!(connection.alpn_protocol(), Some(b"h2".as_slice()));
        assert_eq!(connection.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::X25519];
    let mut old = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore { roots: vec![anchor(&office.root)] })
        .with_no_client_auth();
    old.alpn_protocols = tls.alpn_protocols.clone();
    let refused = shake(&office, old, "pli.internal").await.expect_err("recorded now, it would be read later");
    assert!(format!("{refused:?}").contains("HandshakeFailure"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_tls_1_2_is_refused() {
    let office = Office::open().await;
    // rustls is built without TLS 1.2 here: a hand-made hello of it, without supported_versions.
    let mut hello = vec![0x03, 0x03];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]);
    let mut handshake = vec![1, 0, 0, hello.len() as u8];
    handshake.extend(&hello);
    let mut record = vec![0x16, 0x03, 0x01, 0, handshake.len() as u8];
    record.extend(&handshake);
    let mut tcp = TcpStream::connect(office.running().address()).await.unwrap();
    tcp.write_all(&record).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon(tcp.read_to_end(&mut answer)).await;
    assert_eq!(answer.first(), Some(&0x15), "an alert: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_proves_its_name_under_the_pinned_root() {
    let office = Office::open().await;
    let other = Office::open().await;
    assert!(shake(&office, client_tls(&office, None), "other.internal").await.is_err());
    assert!(shake(&office, client_tls(&other, None), "pli.internal").await.is_err());
    let spy = other.hire("Spy").await;
    let foreign = match office.channel(Some(&spy)).await {
        Ok(channel) => {
            let mut client = pb::enrolment_client::EnrolmentClient::with_interceptor(channel, Headers::default());
            client.door(pb::DoorRequest {}).await.is_err()
        }
        Err(_) => true,
    };
    assert!(foreign, "another organisation's device is no device of this one");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_without_a_protocol_version() {
    let office = Office::open().await;
    let mut health = HealthClient::new(office.anonymous().await);
    let answer = health.check(tonic_health::pb::HealthCheckRequest { service: "pli.v1.Log".into() }).await.unwrap();
    assert_eq!(answer.into_inner().status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_response_tells_the_operating_systems_clock() {
    let office = Office::open().await;
    let answer = office.enrolment(None).await.hello(pb::HelloRequest {}).await.unwrap();
    assert_eq!(answer.metadata().get("date").unwrap(), "-");
}
