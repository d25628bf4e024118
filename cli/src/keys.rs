//! Where a profile's key lies: in the desktop's secret service, where there is one, else in a file beside the profile.
//!
//! The service is asked by `secret-tool` of libsecret, which desktops bring along: the D-Bus interface takes a crypto
//! exchange and prompts of its own. Secrets go through pipes, never on a command line.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use pli_core::error::KeyProblem;
use pli_core::{Error, FileKeyStore, KeyStore};
use zeroize::Zeroizing;

use crate::profile::key_path;

/// How long a person has to unlock the desktop's keys.
const UNLOCK: Duration = Duration::from_secs(60);

/// The place of a profile's key. It stays where it was when the profile was made. `PLI_KEYS=file` asks for a file.
pub(crate) fn of(folder: &Path) -> Arc<dyn KeyStore> {
    let asked = std::env::var_os("PLI_KEYS").is_some_and(|place| place == "file");
    let service = SecretService { profile: folder.to_string_lossy().into_owned() };
    let has_desktop = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some();
    let is_made = folder.join("store.db").exists();
    if !asked && !key_path(folder).exists() && has_desktop && (is_made || service.load().is_ok()) {
        Arc::new(service)
    } else {
        Arc::new(FileKeyStore::beside(folder))
    }
}

struct SecretService {
    /// The folder, which tells one profile's key from another's.
    profile: String,
}

impl SecretService {
    /// Runs `secret-tool`: its status, what it said, and whether it complained.
    fn run(&self, verb: &[&str], secret: Option<&[u8]>) -> std::io::Result<(ExitStatus, Zeroizing<Vec<u8>>, bool)> {
        let mut tool = Command::new("secret-tool");
        tool.args(verb).args(["application", "pli", "profile", &self.profile]);
        let pipe = || Stdio::piped();
        let mut child = tool.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(secret.unwrap_or_default())?;
        }
        let until = Instant::now() + UNLOCK;
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                None => {
                    child.kill()?;
                    break child.wait()?;
                }
            }
        };
        let mut said = Zeroizing::new(Vec::with_capacity(512));
        let mut complaint = String::new();
        if let (Some(output), Some(errors)) = (&mut child.stdout, &mut child.stderr) {
            output.read_to_end(&mut said)?;
            errors.read_to_string(&mut complaint)?;
        }
        Ok((status, said, !complaint.trim().is_empty()))
    }

    fn locked<T>(_: T) -> Error {
        Error::KeyUnavailable { why: KeyProblem::Locked }
    }
}

impl KeyStore for SecretService {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let (status, said, complained) = self.run(&["lookup"], None).map_err(Self::locked)?;
        match status.code() {
            Some(0) => {
                let secret = HEXLOWER.decode(said.trim_ascii());
                Ok(Some(Zeroizing::new(secret.map_err(|_| Error::KeyUnavailable { why: KeyProblem::Wrong })?)))
            }
            // There is none.
            Some(1) if !complained => Ok(None),
            _ => Err(Self::locked(())),
        }
    }

    fn save(&self, secret: &[u8]) -> Result<(), Error> {
        let hex = Zeroizing::new(HEXLOWER.encode(secret));
        let label = format!("--label=Pli: {}", self.profile);
        let (status, _, _) = self.run(&["store", &label], Some(hex.as_bytes())).map_err(Self::locked)?;
        if status.success() { Ok(()) } else { Err(Self::locked(())) }
    }

    fn erase(&self) -> Result<(), Error> {
        let (status, _, complained) = self.run(&["clear"], None).map_err(Self::locked)?;
        if status.success() || !complained { Ok(()) } else { Err(Self::locked(())) }
    }
}
