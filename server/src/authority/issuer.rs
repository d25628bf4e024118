//! The issuer: the one part that holds the issuing key, behind a trait, so that it can run on a machine of its own.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use pli_env::Env;
use pli_proto::certificate::{self, Subject, Usage};
use pli_proto::{pb, signed};

use super::keys::{self, Secret};
use super::{AuthorityError, certificates, files};

/// What an issuer answers, once it does.
pub type Issued<'a, T> = Pin<Box<dyn Future<Output = Result<T, AuthorityError>> + Send + 'a>>;

/// Signs in the organisation's name. It decides nothing: whoever may call it may add persons (docs/threat-model.md).
pub trait Issuer: Send + Sync + 'static {
    /// The issuer's certificate, DER.
    fn certificate(&self) -> Vec<u8>;

    /// Certifies a device's key.
    fn device(&self, of: Subject, key: [u8; 32], usage: Usage) -> Issued<'_, Vec<u8>>;

    /// Certifies the key of a server that is reached under `name`.
    fn server(&self, name: String, key: [u8; 32]) -> Issued<'_, Vec<u8>>;

    /// Signs a revocation line: sets its issuer and signature.
    fn line(&self, line: pb::RevocationLine) -> Issued<'_, pb::RevocationLine>;

    /// Signs a revocation list: sets its issuer and signature.
    fn list(&self, list: pb::RevocationList) -> Issued<'_, pb::RevocationList>;
}

/// The certificate of the issuer in use, from the authority's folder.
pub(super) fn read_certificate(folder: &Path) -> Result<Vec<u8>, AuthorityError> {
    let path = folder.join(files::ISSUER);
    let read = std::fs::read_to_string(&path).and_then(|pem| keys::unpem("CERTIFICATE", &pem));
    read.map_err(|source| AuthorityError::File { path, source })
}

/// The issuer in this process, with its key in a file.
pub(super) struct LocalIssuer {
    env: Arc<dyn Env>,
    key: Secret,
    certificate: Vec<u8>,
    organisation: String,
}

impl LocalIssuer {
    /// Reads key and certificate from the authority's folder.
    pub(super) fn open(
        folder: &Path,
        env: Arc<dyn Env>,
        organisation: &str,
        root: &[u8; 32],
    ) -> Result<Self, AuthorityError> {
        let der = read_certificate(folder)?;
        let key = folder.join(files::ISSUER_KEY);
        let secret = Secret::read(&key).map_err(|source| AuthorityError::File { path: key, source })?;
        if certificate::verify_issuer(root, &der) != Ok(secret.public()) {
            return Err(AuthorityError::Mismatch);
        }
        Ok(Self { env, key: secret, certificate: der, organisation: organisation.into() })
    }
}

impl Issuer for LocalIssuer {
    fn certificate(&self) -> Vec<u8> {
        self.certificate.clone()
    }

    fn device(&self, of: Subject, key: [u8; 32], usage: Usage) -> Issued<'_, Vec<u8>> {
        Box::pin(async move {
            let made = certificates::device(&*self.env, &self.key, &self.organisation, of, (key, usage));
            Ok(made.map_err(AuthorityError::certificate)?.to_vec())
        })
    }

    fn server(&self, name: String, key: [u8; 32]) -> Issued<'_, Vec<u8>> {
        Box::pin(async move {
            let made = certificates::server(&*self.env, &self.key, &name, key);
            Ok(made.map_err(AuthorityError::certificate)?.to_vec())
        })
    }

    fn line(&self, mut line: pb::RevocationLine) -> Issued<'_, pb::RevocationLine> {
        Box::pin(async move {
            line.issuer = self.certificate();
            line.signature = self.key.sign(&signed::revocation(&line));
            Ok(line)
        })
    }

    fn list(&self, mut list: pb::RevocationList) -> Issued<'_, pb::RevocationList> {
        Box::pin(async move {
            list.issuer = self.certificate();
            list.signature = self.key.sign(&signed::revocation_list(&list));
            Ok(list)
        })
    }
}
