//! Ed25519 keys of the authority and their files. Secrets come from [`Env`], so that one seed gives one authority.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use data_encoding::BASE64;
use ed25519_dalek::{Signer, SigningKey};
use pli_env::Env;
use zeroize::Zeroizing;

/// PKCS#8 (RFC 8410 section 7) up to the 32 bytes of the secret.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// Characters in one line of a PEM file (RFC 7468 section 2).
const PEM_LINE: usize = 64;

/// A key pair that signs.
pub(crate) struct Secret {
    key: SigningKey,
    public: [u8; 32],
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    pub(crate) fn generate(env: &dyn Env) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        env.fill(&mut *seed);
        Self::from_seed(&seed)
    }

    fn from_seed(seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let public = key.verifying_key().to_bytes();
        Self { key, public }
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).to_bytes().to_vec()
    }

    /// The secret as PKCS#8, DER.
    pub(crate) fn pkcs8(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([PKCS8_PREFIX.as_slice(), self.key.as_bytes()].concat())
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        write_secret(path, Zeroizing::new(pem("PRIVATE KEY", &self.pkcs8())).as_bytes())
    }

    /// Reads what [`Secret::write`] wrote.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let der = Zeroizing::new(unpem("PRIVATE KEY", &Zeroizing::new(fs::read_to_string(path)?))?);
        let seed = der.strip_prefix(&PKCS8_PREFIX).and_then(|seed| seed.try_into().ok());
        seed.map(Self::from_seed).ok_or_else(|| malformed("not an Ed25519 key in PKCS#8"))
    }
}

impl rcgen::PublicKeyData for Secret {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }
    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::SigningKey for Secret {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.sign(message))
    }
}

/// Another's public key, to be certified.
pub(crate) struct Public(pub(crate) [u8; 32]);

impl rcgen::PublicKeyData for Public {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }
    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

/// Writes a file that only its owner reads, whole or not at all.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    write_whole(path, bytes, &options)
}

/// Writes a file that anyone may read, whole or not at all.
pub(crate) fn write_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole(path, bytes, OpenOptions::new().write(true).create(true).truncate(true))
}

fn write_whole(path: &Path, bytes: &[u8], options: &OpenOptions) -> io::Result<()> {
    let beside = path.with_extension("new");
    // A leftover of a crash may have other permissions.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The rename lasts once the folder is on disk.
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = Zeroizing::new(BASE64.encode(der));
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

pub(crate) fn unpem(label: &str, text: &str) -> io::Result<Vec<u8>> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let body = text.trim().strip_prefix(&begin).and_then(|rest| rest.strip_suffix(&end));
    let body: String = body.ok_or_else(|| malformed("not PEM"))?.split_whitespace().collect();
    BASE64.decode(body.as_bytes()).map_err(|_| malformed("not PEM"))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
