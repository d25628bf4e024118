//! The server's end of TLS: 1.3 only, hybrid key exchange only, nothing resumed. What X25519 alone hides is read once there
//! are quantum computers; resumption would tie a device's known connection to its sealed one.

use std::sync::{Arc, RwLock};

use pli_env::TlsClock;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;

use crate::authority::{Authority, AuthorityError, Secret};
use crate::error::ServerError;

/// The certificate that is shown, renewed while the server runs. Its key never leaves memory.
#[derive(Debug)]
pub(crate) struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    /// Has the issuer certify a fresh key for this name.
    pub(crate) async fn new(authority: &Authority, name: &str) -> Result<Arc<Self>, ServerError> {
        Ok(Arc::new(Self(RwLock::new(certify(authority, name).await?))))
    }

    /// Shows a fresh certificate from now on.
    pub(crate) async fn renew(&self, authority: &Authority, name: &str) -> Result<(), ServerError> {
        let fresh = certify(authority, name).await?;
        *self.0.write().expect("no panic while held") = fresh;
        Ok(())
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().expect("no panic while held").clone())
    }
}

async fn certify(authority: &Authority, name: &str) -> Result<Arc<CertifiedKey>, ServerError> {
    let key = Secret::generate(&**authority.env());
    let issuer = authority.issuer();
    let der = issuer.server(name.into(), key.public()).await?;
    let signing = aws_lc_rs::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(key.pkcs8().to_vec()))?;
    let chain = vec![CertificateDer::from(der), CertificateDer::from(issuer.certificate())];
    Ok(Arc::new(CertifiedKey::new(chain, signing)))
}

/// The configuration of the listener, which serves both kinds of connection.
pub(crate) fn config(authority: &Authority, shown: Arc<Shown>) -> Result<ServerConfig, ServerError> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![X25519MLKEM768];
    let provider = Arc::new(provider);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.root().to_vec()))?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(|error| AuthorityError::Certificate(error.to_string()))?;
    let verifier: Arc<dyn ClientCertVerifier> = verifier;
    let clock = Arc::new(TlsClock(authority.env().clone()));
    let mut config = ServerConfig::builder_with_details(provider, clock)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}
