//! What the demo tells in the end.

use std::path::Path;
use std::time::Duration;

use pli_core::FileKeyStore;
use pli_core::KeyStore as _;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::commands::print;
use crate::failure::{Code, Failure};
use crate::show;
use crate::words::demo as words;

use super::ledger::percentile;
use super::official::Order;
use super::stage::Stage;
use super::thief::{self, Needles};
use super::verdict::{Facts, Verdict};

/// The whole of a timeline.
const ALL: usize = 1_000_000;

/// Figures and verdict.
pub(crate) struct Report {
    officials: usize,
    pub(crate) verdict: Verdict,
    p50: Duration,
    p99: Duration,
    bytes_per_message: u64,
    elapsed: Duration,
}

impl Report {
    pub(crate) fn of(stage: &Stage, officials: usize, verdict: Verdict, elapsed: Duration) -> Self {
        let latencies = stage.world.ledger.latencies(&stage.world.sightings);
        let bytes_per_message = bytes_per_message(&stage.data().join(pli_server::authority::files::DATABASE));
        Self {
            officials,
            verdict,
            p50: percentile(&latencies, 50),
            p99: percentile(&latencies, 99),
            bytes_per_message: bytes_per_message.unwrap_or_default(),
            elapsed,
        }
    }

    fn json(&self) -> Value {
        let ms = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
        json!({
            "officials": self.officials, "sent": self.verdict.sent, "delivered": self.verdict.delivered,
            "lost": self.verdict.lost, "duplicated": self.verdict.duplicated, "diverged": self.verdict.diverged,
            "leaked": self.verdict.leaked, "latency_ms": { "p50": ms(self.p50), "p99": ms(self.p99) },
            "bytes_per_message": self.bytes_per_message, "elapsed_ms": self.elapsed.as_millis() as u64,
        })
    }

    /// Prints a transcript and the verdict; with `json`, the last line alone is on standard output.
    pub(crate) async fn print(&self, stage: &Stage, json: bool, kept: Option<&Path>) -> Result<(), Failure> {
        let Verdict { sent, delivered, lost, duplicated, diverged, leaked, problems } = &self.verdict;
        if json {
            for problem in problems {
                stage.progress.say(problem);
            }
            return print(&show::json_line(&self.json()));
        }
        transcript(stage).await?;
        print(&words::VERDICT.with(&[&self.officials, sent, delivered, lost, duplicated, diverged, leaked]))?;
        let ms = |time: Duration| format!("{:.0}", time.as_secs_f64() * 1000.0);
        let seconds = format!("{:.1}", self.elapsed.as_secs_f64());
        print(&words::LATENCY.with(&[&ms(self.p50), &ms(self.p99), &self.bytes_per_message, &seconds]))?;
        print(if self.verdict.is_green() { words::GREEN } else { words::RED }.text())?;
        for problem in problems {
            print(&format!("  {problem}"))?;
        }
        if let Some(kept) = kept {
            let one = stage.officials.first().map(|official| official.folder.display().to_string()).unwrap_or_default();
            print(&words::KEPT.with(&[&kept.display(), &one]))?;
        }
        Ok(())
    }
}

/// Prints everything that the first official sees.
async fn transcript(stage: &Stage) -> Result<(), Failure> {
    let Some(official) = stage.officials.first() else { return Ok(()) };
    let Some(client) = official.ask(|answer| Order::Borrow { answer }).await.flatten() else { return Ok(()) };
    print(&format!("\n{}\n", words::TRANSCRIPT.with(&[&official.name])))?;
    let names = client.people("").await?.into_iter().map(|person| (person.id, person.name)).collect();
    for info in client.conversation_list().await?.iter().rev() {
        print(&format!("=== {}", show::conversation_line(info)))?;
        for item in client.conversation(info.id).items(None, ALL).await? {
            print(&show::item_lines(&item, &names))?;
        }
        print("")?;
    }
    Ok(())
}

/// What a sealed text costs at the server, on average, without SQLite's own overhead.
fn bytes_per_message(database: &Path) -> rusqlite::Result<u64> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let size = "length(digest) + length(hash) + length(parent_hash) + iif(sealed IS NULL, 0, sealed_bytes)";
    let sql = format!("SELECT coalesce(avg({size}), 0) FROM entries WHERE kind = ?");
    let average: f64 = connection.query_row(&sql, [pli_proto::pb::EntryKind::Message as i32], |row| row.get(0))?;
    Ok(average.round() as u64)
}

/// Plays the thief in every folder while it is in use: what is found in plain, by bytes.
pub(crate) async fn search(stage: &Stage, facts: &Facts) -> Result<Vec<String>, Failure> {
    let named = |text: &str| (text.as_bytes().to_vec(), format!("{text:?}"));
    let texts = facts.told.iter().flat_map(|told| &told.bodies).map(|(body, _)| named(body));
    let groups = stage.places.values().map(|place| named(&place.name));
    // Who is in which group, and what is said there, is nobody's business; who works here, the server must know.
    let secret: Vec<_> = texts.chain(groups).collect();
    let people = stage.officials.iter().map(|official| named(&official.name));
    let at_clients: Vec<_> = secret.iter().cloned().chain(people).collect();
    let folders: Vec<_> = stage.officials.iter().map(|official| official.folder.clone()).collect();
    let data = stage.data();
    let searched = tokio::task::spawn_blocking(move || {
        let (mut found, mut bytes) = thief::search(&data, &Needles::new(secret))?;
        for folder in &folders {
            let key = FileKeyStore::beside(folder).load().ok().flatten();
            let key = key.map(|key| (key[..32].to_vec(), "the store's key".to_owned()));
            let needles = Needles::new(at_clients.iter().cloned().chain(key));
            let (more, size) = thief::search(folder, &needles)?;
            found.extend(more);
            bytes += size;
        }
        Ok::<_, std::io::Error>((found, bytes))
    });
    let (found, bytes) = searched
        .await
        .map_err(std::io::Error::other)
        .and_then(|searched| searched)
        .map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
    stage.progress.say(&words::SCANNING.with(&[&format!("{:.1} MB", bytes as f64 / 1e6)]));
    Ok(found)
}
