//! `tests/crash`: real processes, real `kill -9`. This program starts itself as server and clients, kills them at random,
//! and counts: what was acknowledged must be at everyone, once.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use pli_core::model::{ClientState, Content, ConversationId, DeliveryState, TimelineItem};
use pli_core::{Client, Error, FileKeyStore};
use pli_env::real::Real;
use pli_env::{Env, random_below};
use pli_server::{Authority, Config, Invite, Organisation, Server};
use tokio::time::{sleep, timeout};

const CLIENTS: usize = 3;
const GROUP: &str = "Crue";
/// Until everything has arrived, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(120);

/// Kills real processes of a server and its clients, and counts what was lost.
#[derive(Parser)]
struct Args {
    /// How many rounds; each begins with an empty organisation.
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// Seconds of killing in a round.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// A last line in JSON.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What a child process is.
#[derive(Subcommand)]
#[command(hide = true)]
enum Role {
    Server { folder: PathBuf, port: u16 },
    Client { folder: PathBuf, number: usize },
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match args.role {
        Some(Role::Server { folder, port }) => runtime.block_on(server(&folder, port)),
        Some(Role::Client { folder, number }) => runtime.block_on(client(&folder, number)),
        None => runtime.block_on(rounds(&args)),
    }
}

#[derive(Clone, Copy, Default)]
#[rustfmt::skip]
struct Counts { sent: u64, acknowledged: u64, lost: u64, duplicated: u64, kills: u64 }

async fn rounds(args: &Args) -> ExitCode {
    let (mut sum, mut failed) = (Counts::default(), 0);
    for round in 1..=args.rounds {
        let folder = tempfile::tempdir().expect("a folder");
        let ended = self::round(folder.path(), Duration::from_secs(args.seconds)).await;
        let c = ended.as_ref().copied().unwrap_or_default();
        let passed = ended.is_ok() && c.lost + c.duplicated == 0;
        println!(
            "round {round}: {}: {} kills, {} sent, {} acknowledged, {} lost, {} duplicated",
            ended.err().unwrap_or_else(|| if passed { "passed".into() } else { "FAILED".into() }),
            c.kills,
            c.sent,
            c.acknowledged,
            c.lost,
            c.duplicated
        );
        failed += u64::from(!passed);
        for (sum, count) in [
            (&mut sum.sent, c.sent),
            (&mut sum.acknowledged, c.acknowledged),
            (&mut sum.lost, c.lost),
            (&mut sum.duplicated, c.duplicated),
            (&mut sum.kills, c.kills),
        ] {
            *sum += count;
        }
    }
    println!("{} passed, {failed} failed, 0 skipped", args.rounds - failed);
    if args.json {
        println!(
            "{{\"rounds\":{},\"kills\":{},\"sent\":{},\"acknowledged\":{},\"lost\":{},\"duplicated\":{}}}",
            args.rounds, sum.kills, sum.sent, sum.acknowledged, sum.lost, sum.duplicated
        );
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A child that is killed when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the server, number 0, or a client.
fn start(folder: &Path, port: u16, number: usize) -> Process {
    let mut program = Command::new(std::env::current_exe().expect("this program"));
    match number {
        0 => program.arg("server").arg(folder).arg(port.to_string()),
        _ => program.arg("client").arg(folder).arg(number.to_string()),
    };
    Process(program.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("this program starts"))
}

async fn round(folder: &Path, killing: Duration) -> Result<Counts, String> {
    let env: Arc<dyn Env> = Real::current();
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(|e| e.to_string())?.port();
    let organisation = Organisation { name: "Mairie".into(), domain: "mairie.example".into() };
    let authority =
        Authority::create(folder.join("server"), env.clone(), organisation).await.map_err(|e| e.to_string())?;
    for number in 1..=CLIENTS {
        let invite = Invite::person(&format!("Client {number}"));
        let links = authority.invite(&format!("127.0.0.1:{port}"), invite).await.map_err(|e| e.to_string())?;
        std::fs::write(folder.join(format!("link{number}")), &links[0]).map_err(|e| e.to_string())?;
    }
    authority.close().await;

    let mut processes: Vec<Process> = (0..=CLIENTS).map(|number| start(folder, port, number)).collect();
    // The first must have made the group, and all be in it, before there is much to lose.
    let ready = |number| folder.join(format!("ready{number}")).exists();
    let began = Instant::now();
    while !(1..=CLIENTS).all(ready) {
        if began.elapsed() > PATIENCE {
            return Err("the clients do not get into the group".into());
        }
        sleep(Duration::from_millis(20)).await;
    }
    let (began, mut kills) = (Instant::now(), 0);
    while began.elapsed() < killing {
        sleep(Duration::from_millis(random_below(&*env, 400))).await;
        let number = random_below(&*env, CLIENTS as u64 + 1) as usize;
        processes[number].0.kill().map_err(|e| e.to_string())?;
        processes[number].0.wait().map_err(|e| e.to_string())?;
        sleep(Duration::from_millis(random_below(&*env, 300))).await;
        processes[number] = start(folder, port, number);
        kills += 1;
    }
    std::fs::write(folder.join("stop"), "").map_err(|e| e.to_string())?;
    let began = Instant::now();
    for number in 1..=CLIENTS {
        while !folder.join(format!("end{number}")).exists() {
            if began.elapsed() > PATIENCE {
                return Err(format!("client {number} does not come to rest"));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
    drop(processes);
    count(folder, kills)
}

/// Compares what was acknowledged with what everybody shows.
fn count(folder: &Path, kills: u64) -> Result<Counts, String> {
    let lines = |name: String| -> Vec<String> {
        let text = std::fs::read(folder.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    };
    let mut counts = Counts { kills, ..Counts::default() };
    for author in 1..=CLIENTS {
        counts.sent += lines(format!("sent{author}")).len() as u64;
        let acknowledged: Vec<String> = lines(format!("acked{author}"));
        counts.acknowledged += acknowledged.len() as u64;
        for reader in 1..=CLIENTS {
            let mut times: BTreeMap<String, u64> = BTreeMap::new();
            lines(format!("end{reader}")).into_iter().for_each(|text| *times.entry(text).or_default() += 1);
            let lost = acknowledged.iter().filter(|text| !times.contains_key(*text));
            lost.for_each(|text| {
                println!("  client {reader} does not show {text}");
                counts.lost += 1;
            });
            if author == 1 {
                times.iter().filter(|(_, times)| **times > 1).for_each(|(text, times)| {
                    println!("  client {reader} shows {text} {times} times");
                    counts.duplicated += 1;
                });
            }
        }
    }
    if counts.acknowledged == 0 { Err("nothing was acknowledged".into()) } else { Ok(counts) }
}

async fn server(folder: &Path, port: u16) -> ExitCode {
    let config = Config::new(folder.join("server"), ([127, 0, 0, 1], port).into());
    loop {
        match Server::start(Real::current(), config.clone()).await {
            Ok(running) => {
                let _ = running.stopped().await;
            }
            // The port may still be held by connections of the one before.
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn client(folder: &Path, number: usize) -> ExitCode {
    let store = folder.join(format!("client{number}"));
    let keys = Arc::new(FileKeyStore::beside(&store));
    let link = std::fs::read_to_string(folder.join(format!("link{number}"))).expect("a link");
    let env: Arc<dyn Env> = Real::current();
    let client = loop {
        let opened = match Client::open(env.clone(), &store, keys.clone()).await {
            Err(Error::NotEnrolled | Error::KeyUnavailable { .. }) => {
                Client::join(env.clone(), &store, keys.clone(), &link).await
            }
            opened => opened,
        };
        match opened {
            Ok(client) => break client,
            Err(Error::Unavailable { .. } | Error::StoreInUse) => sleep(Duration::from_millis(50)).await,
            Err(error) => {
                eprintln!("client {number} does not open: {error:?}");
                sleep(Duration::from_millis(500)).await;
            }
        }
    };
    let id = group(&client, number).await;
    let _ = std::fs::write(folder.join(format!("ready{number}")), "");
    talk(folder, number, &env, &client, id).await;
    rest(folder, number, &client, id).await
}

/// The group that the first client makes.
async fn group(client: &Client, number: usize) -> ConversationId {
    loop {
        let list = client.conversation_list().await.unwrap_or_default();
        let found = list.iter().find(|info| info.name == GROUP && info.member_count >= CLIENTS);
        if let Some(info) = found {
            return info.id;
        }
        let people = client.people("").await.unwrap_or_default();
        if number == 1 && list.is_empty() && people.len() == CLIENTS {
            let ids: Vec<_> = people.iter().map(|person| person.id).collect();
            let _ = client.create_group(GROUP, &ids).await;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Sends numbered texts, and notes those that the server has.
async fn talk(folder: &Path, number: usize, env: &Arc<dyn Env>, client: &Client, id: ConversationId) {
    let append = |name: &str, text: &str| {
        let path = folder.join(format!("{name}{number}"));
        let file = OpenOptions::new().append(true).create(true).open(path);
        // One write: a kill leaves the line whole or not at all.
        let _ = file.and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()));
    };
    let mut serial = 0;
    while !folder.join("stop").exists() {
        serial += 1;
        let text = format!("{number}.{}.{serial}", std::process::id());
        let conversation = client.conversation(id);
        append("sent", &text);
        let Ok(entry) = conversation.send(&text, None, &[]).await else { continue };
        let wait = Duration::from_millis(random_below(&**env, 300));
        if let Ok(Ok(DeliveryState::Sent)) = timeout(wait, conversation.settled(entry)).await {
            append("acked", &text);
        }
    }
}

/// Waits until all is sent and received, and writes down what is shown.
async fn rest(folder: &Path, number: usize, client: &Client, id: ConversationId) -> ExitCode {
    let mut quiet = 0;
    while quiet < 4 {
        let synced = client.sync(Duration::from_secs(5)).await;
        let online = *client.state().borrow() == ClientState::Online;
        quiet = if online && synced.is_ok_and(|synced| synced.complete && synced.waiting == 0) { quiet + 1 } else { 0 };
        sleep(Duration::from_millis(250)).await;
    }
    let items = client.conversation(id).items(None, 1_000_000).await.unwrap_or_default();
    let shown = items.into_iter().filter_map(|item| match item {
        TimelineItem::Said(message) => match message.content {
            Content::Text { body, .. } => Some(format!("{body}\n")),
            other => Some(format!("<{other:?}>\n")),
        },
        TimelineItem::Changed(_) => None,
    });
    let text: String = shown.collect();
    let end = folder.join(format!("end{number}"));
    let _ = std::fs::write(folder.join(format!("{number}.part")), text);
    let _ = std::fs::rename(folder.join(format!("{number}.part")), end);
    // The others may still need the server's patience: the parent ends this process.
    std::future::pending().await
}
