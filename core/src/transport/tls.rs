//! TLS 1.3 (rustls over aws-lc-rs, hybrid key exchange first), trusting one root by its public key.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, Der, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, TrustAnchor, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::Error;
use crate::identity::TlsIdentity;
use crate::identity::trust::Ended;

/// The subject of every root: CN = "Pli root". A link pins the key alone, and X.509 needs a name to chain to.
const ROOT_SUBJECT: &[u8] = b"\x31\x11\x30\x0f\x06\x03\x55\x04\x03\x0c\x08Pli root";
/// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 section 4), up to the key.
const ED25519_INFO: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// PKCS #8 of an Ed25519 key (RFC 8410 section 7), up to the seed.
const ED25519_PKCS8: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// A client's configuration: with the device's certificate, or anonymous.
///
/// # Errors
/// If the identity's key is none.
pub fn config(root: &[u8; 32], ended: &Ended, identity: Option<&TlsIdentity>) -> Result<Arc<ClientConfig>, Error> {
    let anchor = TrustAnchor {
        subject: Der::from_slice(ROOT_SUBJECT),
        subject_public_key_info: Der::from([ED25519_INFO, root].concat()),
        name_constraints: None,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = Arc::new(RootCertStore { roots: vec![anchor] });
    let usual = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
    let verifier = Verifier { usual: usual.map_err(|_| Error::internal("TLS"))?, ended: ended.clone() };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| Error::internal("TLS"))?
        .dangerous() // Nothing is left out: the usual verification, and one thing more.
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = identity.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
            let key = PrivatePkcs8KeyDer::from([ED25519_PKCS8, &identity.seed].concat());
            builder.with_client_auth_cert(chain, PrivateKeyDer::from(key)).map_err(|_| Error::internal("TLS"))?
        }
    };
    // A resumed session would tie the sealed connection to the known one.
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

/// Verifies as usual, and refuses what an issuer signed that has ended.
#[derive(Debug)]
struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    ended: Ended,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // Any of them might be the one that the chain goes through.
        if issuers.iter().any(|issuer| self.ended.contains(issuer)) {
            return Err(CertificateError::Revoked.into());
        }
        self.usual.verify_server_cert(server, issuers, name, ocsp, now)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
