//! The two connections (section 1).

use std::sync::Arc;

use data_encoding::HEXLOWER;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName, TrustAnchor};
use rustls::{ClientConfig, RootCertStore, client::Resumption};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

use super::Result;

/// What a message may have at most.
pub(super) const MESSAGE_BYTES: usize = (8 << 20) + (64 << 10);
const NAME: &str = "pli.internal";
/// `CN = Pli root` without its outer SEQUENCE.
const ROOT_NAME: &[u8] = b"\x31\x11\x30\x0f\x06\x03\x55\x04\x03\x0c\x08Pli root";
const ED25519_KEY: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
const ED25519_SEED: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// Connects to a server of this root; with certificates and the seed of their key on the known connection.
pub(super) async fn connect(
    address: &str,
    root: &[u8; 32],
    certificates: Option<(Vec<Vec<u8>>, &[u8; 32])>,
) -> Result<Channel> {
    let anchor = TrustAnchor {
        subject: ROOT_NAME.into(),
        subject_public_key_info: [ED25519_KEY, root].concat().into(),
        name_constraints: None,
    };
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519MLKEM768];
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(RootCertStore { roots: vec![anchor] });
    let mut config = match certificates {
        Some((chain, seed)) => {
            let key = PrivatePkcs8KeyDer::from([ED25519_SEED, seed].concat());
            config.with_client_auth_cert(chain.into_iter().map(Into::into).collect(), key.into())?
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::disabled();
    let tls = tokio_rustls::TlsConnector::from(Arc::new(config));
    let address = address.to_owned();
    let connector = tower::service_fn(move |_| {
        let (tls, address) = (tls.clone(), address.clone());
        async move {
            let stream = TcpStream::connect(address).await?;
            let name = ServerName::try_from(NAME).map_err(std::io::Error::other)?;
            std::io::Result::Ok(TokioIo::new(tls.connect(name, stream).await?))
        }
    });
    Ok(Endpoint::try_from(format!("http://{NAME}"))?.connect_with_connector(connector).await?)
}

/// A request with its headers.
pub(super) fn request<T>(message: T, door: Option<&[u8]>) -> Result<tonic::Request<T>> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("pli-protocol", "1".parse()?);
    if let Some(door) = door {
        request.metadata_mut().insert("pli-door", HEXLOWER.encode(door).parse()?);
    }
    Ok(request)
}
