//! TLS 1.3 (rustls over aws-lc-rs, hybrid key exchange only), trusting one root by its public key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pli_env::{Env, TlsClock};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, Der, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, TrustAnchor, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::Error;
use crate::identity::TlsIdentity;
use crate::identity::ended::Ended;

use super::Address;

/// The subject of every root: CN = "Pli root". A link pins the key alone, and X.509 needs a name to chain to.
const ROOT_SUBJECT: &[u8] = b"\x31\x11\x30\x0f\x06\x03\x55\x04\x03\x0c\x08Pli root";
/// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 section 4), up to the key.
const ED25519_INFO: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// PKCS #8 of an Ed25519 key (RFC 8410 section 7), up to the seed.
const ED25519_PKCS8: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// What the dates of the server's certificate mean to whoever connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    /// It must be good now.
    Heeded,
    /// It may have been good at any time: to ask what time it is, and nothing else.
    Unheeded,
}

/// Whether a server showed a certificate of which the dates alone were wrong, by this device's clock. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Doubt(Arc<AtomicBool>);

impl Doubt {
    /// Whether one did since the last time that this was asked.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

/// A client's configuration: with the device's certificate, or anonymous.
///
/// # Errors
/// If the identity's key is none.
pub fn config(
    env: &Arc<dyn Env>,
    address: &Address,
    identity: Option<&TlsIdentity>,
    dates: Dates,
) -> Result<Arc<ClientConfig>, Error> {
    let root = &address.root;
    let anchor = TrustAnchor {
        subject: Der::from_slice(ROOT_SUBJECT),
        subject_public_key_info: Der::from([ED25519_INFO, root].concat()),
        name_constraints: None,
    };
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519MLKEM768];
    let provider = Arc::new(provider);
    let roots = Arc::new(RootCertStore { roots: vec![anchor] });
    let usual = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
    let usual = usual.map_err(|_| Error::internal("TLS"))?;
    let verifier = Verifier { usual, ended: address.ended.clone(), doubt: address.doubt.clone(), dates };
    let builder = ClientConfig::builder_with_details(provider, Arc::new(TlsClock(env.clone())))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| Error::internal("TLS"))?
        .dangerous() // Nothing is left out: the usual verification, and one thing more; but see `Dates`.
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
    doubt: Doubt,
    dates: Dates,
}

impl Verifier {
    /// Verifies as if it were a time at which the certificates were good, if nothing but the time was wrong with them.
    fn verify_sometime(
        &self,
        (server, issuers): (&CertificateDer<'_>, &[CertificateDer<'_>]),
        name: &ServerName<'_>,
        mut error: rustls::Error,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // Each turn goes to where one certificate of the chain is good, and there are three.
        for _ in 0..3 {
            let good_s = match &error {
                rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => {
                    not_before.as_secs() + 1
                }
                rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
                    not_after.as_secs().saturating_sub(1)
                }
                _ => break,
            };
            let then = UnixTime::since_unix_epoch(Duration::from_secs(good_s));
            match self.usual.verify_server_cert(server, issuers, name, &[], then) {
                Ok(verified) => return Ok(verified),
                Err(next) => error = next,
            }
        }
        Err(error)
    }
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
        let Err(error) = self.usual.verify_server_cert(server, issuers, name, ocsp, now) else {
            return Ok(ServerCertVerified::assertion());
        };
        let sometime = self.verify_sometime((server, issuers), name, error.clone());
        match self.dates {
            Dates::Unheeded => sometime,
            Dates::Heeded => {
                self.doubt.0.fetch_or(sometime.is_ok(), Ordering::SeqCst);
                Err(error)
            }
        }
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
