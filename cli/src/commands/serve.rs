//! `pli serve`.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use pli_env::real::Real;
use pli_server::authority::files;
use pli_server::{Authority, AuthorityError, Config, Invite, Organisation, Running, Server};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::signal::unix::SignalKind;

use crate::args::Serve;
use crate::failure::{Code, Failure};
use crate::words::{errors, say};

use super::{Shared, listen_for, print};

/// The file that keeps the address that links name, for commands beside the server.
const ADVERTISED: &str = "address";
/// The file that keeps what was told of addresses, for the next start.
const TOLD: &str = "serve.json";
/// What takes `--advertise` back.
const GUESS: &str = "auto";
/// Where a server listens that was never told.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4433);

/// What was told of addresses, and holds until something else is. What was guessed is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    listen: Option<SocketAddr>,
    advertise: Option<String>,
}

impl Told {
    /// What was told before, and what is told now.
    fn now(args: &Serve) -> Result<Self, Failure> {
        let before = Self::before(&args.data)?;
        let advertise = match args.advertise.as_deref() {
            Some(GUESS) => None,
            Some(given) => Some(check_address(given)?),
            None => before.advertise,
        };
        Ok(Self { listen: args.listen.or(before.listen), advertise })
    }

    fn before(data: &Path) -> Result<Self, Failure> {
        let unusable = |error: &dyn std::fmt::Display| Failure::new(Code::Store, errors::DATA.with(&[&error]));
        match fs::read(data.join(TOLD)) {
            Ok(told) => serde_json::from_slice(&told).map_err(|error| unusable(&format!("{TOLD}: {error}"))),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Self::default()),
            Err(error) => Err(unusable(&error)),
        }
    }

    /// The address that links name, where the server listens on `address`.
    fn advertised(&self, address: SocketAddr) -> String {
        self.advertise.clone().unwrap_or_else(|| usual(address))
    }
}

pub(super) async fn run(args: Serve, shared: &Shared) -> Result<(), Failure> {
    let told = Told::now(&args)?;
    let is_new = found(&args).await?;
    let listen = told.listen.unwrap_or(LISTEN);
    let config = Config { reflection: args.reflection, ..Config::new(&args.data, listen) };
    let running = Server::start(Real::current(), config).await?;
    let served = serve(&args, &told, is_new, &running, shared).await;
    if served.is_ok() {
        eprintln!("{}", say::STOPPING);
    }
    running.shutdown().await;
    served
}

async fn serve(args: &Serve, told: &Told, is_new: bool, running: &Running, shared: &Shared) -> Result<(), Failure> {
    let (mut interrupt, mut terminate) = (listen_for(SignalKind::interrupt())?, listen_for(SignalKind::terminate())?);
    let address = running.address();
    let advertised = told.advertised(address);
    let kept = serde_json::to_string(told).map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
    keep(&args.data, TOLD, &kept)?;
    keep(&args.data, ADVERTISED, &advertised)?;
    match (&told.advertise, &args.advertise) {
        (Some(told), None) => eprintln!("{}", say::ADVERTISED_BEFORE.with(&[told])),
        (None, _) if is_any(address) => eprintln!("{}", say::LOOPBACK.with(&[&advertised])),
        _ => {}
    }
    shared.print(
        || say::LISTENING.with(&[&address, &advertised]),
        || json!({ "event": "listening", "address": address.to_string(), "advertised": advertised }),
    )?;
    // Also if the first start did not come so far.
    if is_new || running.authority().people().await?.is_empty() {
        let links = running.authority().invite(&advertised, Invite::person(&args.administrator)).await?;
        if !shared.json {
            print(say::FIRST_INVITATION.text())?;
        }
        for link in &links {
            shared.print(|| link.clone(), || json!({ "event": "invitation", "link": link }))?;
        }
    }
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        why = running.stopped() => Err(Failure::new(Code::Failed, errors::SERVER.with(&[&why]))),
    }
}

/// Founds the authority, if there is none; whether it did.
async fn found(args: &Serve) -> Result<bool, Failure> {
    let organisation = Organisation { name: args.organisation.clone(), domain: args.domain.clone() };
    match Authority::create(&args.data, Real::current(), organisation).await {
        Ok(authority) => {
            authority.close().await;
            let root_key = args.data.join(files::ROOT_KEY);
            let values: [&dyn std::fmt::Display; 3] = [&args.organisation, &args.data.display(), &root_key.display()];
            eprintln!("{}", say::FOUNDED.with(&values));
            Ok(true)
        }
        Err(AuthorityError::Exists(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn is_any(address: SocketAddr) -> bool {
    address.ip().is_unspecified()
}

fn usual(address: SocketAddr) -> String {
    if !is_any(address) {
        return address.to_string();
    }
    let loopback = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
    format!("{loopback}:{}", address.port())
}

/// Checks a host and port.
pub(super) fn check_address(text: &str) -> Result<String, Failure> {
    let host_and_port = text.rsplit_once(':').filter(|(host, port)| {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let plausible = host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/#@[]".contains(&byte));
        !host.is_empty() && host.len() <= 253 && plausible && port.parse::<u16>().is_ok_and(|port| port != 0)
    });
    host_and_port.map(|_| text.to_owned()).ok_or_else(|| Failure::usage(errors::BAD_ADDRESS.with(&[&text])))
}

/// The address that the server beside was last told to name.
pub(super) fn advertised(data: &Path) -> Option<String> {
    fs::read_to_string(data.join(ADVERTISED)).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn keep(data: &Path, file: &str, line: &str) -> Result<(), Failure> {
    // Whole or not at all: a command beside may read it now.
    let temporary = data.join(format!("{file}.new"));
    let written = fs::write(&temporary, format!("{line}\n")).and_then(|()| fs::rename(&temporary, data.join(file)));
    written.map_err(|error| Failure::new(Code::Store, errors::DATA.with(&[&error])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_with_ports() {
        for good in ["chat.example.org:443", "127.0.0.1:1", "[::1]:65535"] {
            assert_eq!(check_address(good).unwrap(), good);
        }
        for bad in ["", "host", "host:", ":1", "host:0", "host:70000", "a b:1", "a/b:1", "[]:1"] {
            assert_eq!(check_address(bad).unwrap_err().code, Code::Usage, "{bad}");
        }
    }

    #[test]
    fn links_name_a_loopback_address_if_nothing_better_is_known() {
        assert_eq!(usual("0.0.0.0:7".parse().unwrap()), "127.0.0.1:7");
        assert_eq!(usual("[::]:7".parse().unwrap()), "[::1]:7");
        assert_eq!(usual("10.0.0.1:7".parse().unwrap()), "10.0.0.1:7");
    }
}
