//! The root: it signs issuers and their ends, and nothing else. Its secret is written once, to a file that the operator
//! takes away, and brings back only to replace the issuer.

use std::io;
use std::path::Path;
use std::sync::Arc;

use pli_env::Env;
use pli_proto::signed::{self, Hash};
use pli_proto::{certificate, issuers, pb};

use super::issuer::read_certificate;
use super::keys::{self, Secret};
use super::{Authority, AuthorityError, certificates, files, open_engine};
use crate::engine::{Engine, EngineError};

/// Devices enrol beside; so often is tried again.
const ATTEMPTS: u32 = 16;

/// The root's certificate in an authority's folder, and its key.
pub(super) fn read(folder: &Path) -> Result<(Vec<u8>, [u8; 32]), AuthorityError> {
    let path = folder.join(files::ROOT);
    let root = match std::fs::read_to_string(&path).and_then(|pem| keys::unpem("CERTIFICATE", &pem)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(AuthorityError::Missing(folder.into())),
        read => read.map_err(|source| AuthorityError::File { path, source })?,
    };
    let key = certificate::root_key(&root).map_err(|_| AuthorityError::Mismatch)?;
    Ok((root, key))
}

fn write(folder: &Path, name: &str, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), AuthorityError> {
    let path = folder.join(name);
    write(&path).map_err(|source| AuthorityError::File { path, source })
}

fn write_certificate(folder: &Path, name: &str, der: &[u8]) -> Result<(), AuthorityError> {
    write(folder, name, |path| keys::write_public(path, keys::pem("CERTIFICATE", der).as_bytes()))
}

/// Makes an issuer, and writes its files. A crash between the two leaves a pair that does not match, which is noticed.
fn make_issuer(folder: &Path, env: &dyn Env, root: &Secret) -> Result<Vec<u8>, AuthorityError> {
    let issuer = Secret::generate(env);
    let der = certificates::issuer(env, root, &issuer).map_err(AuthorityError::certificate)?;
    write(folder, files::ISSUER_KEY, |path| issuer.write(path))?;
    write_certificate(folder, files::ISSUER, &der)?;
    Ok(der.to_vec())
}

fn make_secret(folder: &Path, env: &dyn Env, name: &str) -> Result<(), AuthorityError> {
    let secret: [u8; 32] = pli_env::random(env);
    write(folder, name, |path| keys::write_secret(path, &secret))
}

/// Makes root and issuer, and writes their files. The root's certificate comes last: where it stands, all stands.
pub(super) fn found(folder: &Path, env: &Arc<dyn Env>) -> Result<(), AuthorityError> {
    let root = Secret::generate(&**env);
    let der = certificates::root(&**env, &root).map_err(AuthorityError::certificate)?;
    write(folder, files::ROOT_KEY, |path| root.write(path))?;
    make_issuer(folder, &**env, &root)?;
    make_secret(folder, &**env, files::DOOR)?;
    make_secret(folder, &**env, files::ROWS)?;
    write_certificate(folder, files::ROOT, &der)
}

/// An issuer that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The number of its end.
    pub number: u64,
    /// SHA-256 of its certificate.
    pub issuer: Hash,
    /// How many devices stay.
    pub kept: usize,
}

/// What [`replace_issuer`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The old issuer. `None` if an earlier call had ended it and was interrupted.
    pub ended: Option<Ended>,
    /// SHA-256 of the certificate of the issuer that signs from now on.
    pub issuer: Hash,
}

/// Ends the issuer of the authority in `folder`, and makes another, with the root's key in `root`. The devices that
/// stand in the directory stay; whatever else the old issuer signed, or its thief will sign, is worth nothing. A running
/// server takes the new one within a second. If it was interrupted, it may be repeated.
///
/// # Errors
/// [`AuthorityError::Missing`], [`AuthorityError::OtherRoot`]; others if files or database can't be used.
pub async fn replace_issuer(folder: &Path, env: Arc<dyn Env>, root: &Path) -> Result<Replaced, AuthorityError> {
    let (_, root_key) = read(folder)?;
    let secret = Secret::read(root).map_err(|source| AuthorityError::File { path: root.into(), source })?;
    if secret.public() != root_key {
        return Err(AuthorityError::OtherRoot(root.into()));
    }
    let engine = open_engine(&env, folder)?;
    // The old one's certificate alone: its key may be lost.
    let ended = end_issuer(&*engine, &secret, certificate::fingerprint(&read_certificate(folder)?)).await;
    engine.close().await;
    let ended = ended?;
    let issuer = certificate::fingerprint(&make_issuer(folder, &*env, &secret)?);
    // Who had the issuer's key may have had this too.
    make_secret(folder, &*env, files::DOOR)?;
    let authority = Authority::open(folder, env)?;
    let signed = authority.sign_list().await;
    authority.close().await;
    signed.map(|()| Replaced { ended, issuer })
}

/// Ends an issuer, unless it has ended.
async fn end_issuer(engine: &dyn Engine, root: &Secret, issuer: Hash) -> Result<Option<Ended>, AuthorityError> {
    for _ in 0..ATTEMPTS {
        let before = all(engine).await?;
        if before.iter().any(|ended| ended.issuer == issuer) {
            return Ok(None);
        }
        let (kept, list) = (engine.certificates().await?, engine.revocations(u64::MAX).await?);
        let mut end = pb::IssuerEnd {
            number: before.last().map_or(0, |last| last.number) + 1,
            issuer: issuer.to_vec(),
            kept: issuers::digest(&kept).to_vec(),
            revocations: list.number,
            revocations_hash: list.hash,
            signature: Vec::new(),
        };
        end.signature = root.sign(&signed::issuer_end(&end));
        let ended = Ended { number: end.number, issuer, kept: kept.len() };
        if engine.end_issuer(end, kept).await? {
            return Ok(Some(ended));
        }
    }
    Err(EngineError::Failed("others keep changing the directory".into()).into())
}

async fn all(engine: &dyn Engine) -> Result<Vec<Ended>, AuthorityError> {
    let mut all: Vec<Ended> = Vec::new();
    while let Some((end, kept)) = engine.issuer_end(all.last().map_or(0, |last| last.number)).await? {
        let issuer = end.issuer.try_into().map_err(|_| AuthorityError::Mismatch)?;
        all.push(Ended { number: end.number, issuer, kept: kept.len() });
    }
    Ok(all)
}

/// The issuer in use by the authority in `folder`, and those that ended. Needs no key.
///
/// # Errors
/// [`AuthorityError::Missing`]; others if files or database can't be used.
pub async fn ended_issuers(folder: &Path, env: Arc<dyn Env>) -> Result<(Hash, Vec<Ended>), AuthorityError> {
    read(folder)?;
    let now = certificate::fingerprint(&read_certificate(folder)?);
    let engine = open_engine(&env, folder)?;
    let ended = all(&*engine).await;
    engine.close().await;
    Ok((now, ended?))
}
