//! The root: it signs issuers, and nothing else. Its secret is written once, to a file that the operator takes away.

use std::path::Path;
use std::sync::Arc;

use pli_env::Env;

use super::keys::{self, Secret};
use super::{AuthorityError, certificates, files};

/// Makes root and issuer, and writes their files. The root's certificate comes last: where it stands, all stands.
pub(super) fn found(folder: &Path, env: &Arc<dyn Env>) -> Result<(), AuthorityError> {
    let (root, issuer) = (Secret::generate(&**env), Secret::generate(&**env));
    let root_der = certificates::root(&**env, &root).map_err(AuthorityError::certificate)?;
    let issuer_der = certificates::issuer(&**env, &root, &issuer).map_err(AuthorityError::certificate)?;
    let write = |name: &str, write: &dyn Fn(&Path) -> std::io::Result<()>| {
        let path = folder.join(name);
        write(&path).map_err(|source| AuthorityError::File { path, source })
    };
    let certificate = |der: &[u8]| keys::pem("CERTIFICATE", der);
    write(files::ROOT_KEY, &|path| root.write(path))?;
    write(files::ISSUER_KEY, &|path| issuer.write(path))?;
    write(files::ISSUER, &|path| keys::write_public(path, certificate(&issuer_der).as_bytes()))?;
    let door: [u8; 32] = pli_env::random(&**env);
    write(files::DOOR, &|path| keys::write_secret(path, &door))?;
    write(files::ROOT, &|path| keys::write_public(path, certificate(&root_der).as_bytes()))
}
