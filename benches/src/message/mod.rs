//! One message of 256 bytes: encrypted by one member, decrypted by another, in groups of 2 and of 1,000.
//!
//! Pli's openmls runs over its own provider and storage provider, on an SQLite database in memory, in one transaction
//! for each round. As in the product, the sender's secrets are written with each message, and the reader's once for a
//! page. mls-rs writes nothing unless asked, and is measured both ways; so is Pli.

mod megolm;
mod mls_rs;
mod pli;
pub(crate) mod primitives;

use std::hint::black_box;

use crate::Result;
use crate::measure::{Deadline, median, thread_us};
use crate::report::{Line, Unit};

/// What is said.
pub(crate) const BODY: [u8; 256] = [b'7'; 256];
/// What is bound to it: in Pli, the group's state, its place, its id.
const BOUND: [u8; 80] = [9; 80];

/// A sender and a receiver.
trait Pair {
    /// Begins a page of messages.
    fn begin(&mut self) -> Result<()> {
        Ok(())
    }
    fn encrypt(&mut self) -> Result<Vec<u8>>;
    fn decrypt(&mut self, wire: &[u8]) -> Result<()>;
    /// Ends it: what it owes is written.
    fn end(&mut self) -> Result<()> {
        Ok(())
    }
    /// How many of a round's messages are enough, if each takes long.
    fn share(&self) -> usize {
        1
    }
}

/// Measures groups of 2 and of 1,000.
pub(crate) fn run(quick: bool) -> Result<Vec<Line>> {
    let (rounds, messages) = if quick { (7, 100) } else { (25, 256) };
    let mut lines = group(2, rounds, messages)?;
    lines.extend(group(1_000, rounds, messages)?);
    Ok(lines)
}

fn group(members: usize, rounds: usize, messages: usize) -> Result<Vec<Line>> {
    let others = pli::key_packages(members - 2)?;
    let mut pairs: [Box<dyn Pair>; 6] = [
        Box::new(pli::Pli::new(&others, false)?),
        Box::new(pli::Pli::new(&others, true)?),
        mls_rs::pair(members, false)?,
        mls_rs::pair(members, true)?,
        Box::new(megolm::Megolm::new()),
        Box::new(primitives::Primitives::new()?),
    ];
    let mut times = [const { (Vec::new(), Vec::new()) }; 6];
    let deadline = Deadline::within(60);
    for round in 0..=rounds {
        for (pair, (encrypt, decrypt)) in pairs.iter_mut().zip(&mut times) {
            let (sent, read) = page(&mut **pair, messages)?;
            // The first round only warms up.
            if round > 0 {
                encrypt.push(sent);
                decrypt.push(read);
            }
        }
        if deadline.is_over() && round > 2 {
            break;
        }
    }
    let [kept, deferred, mls_rs, mls_rs_kept, megolm, bare] = times.map(|(sent, read)| (median(sent), median(read)));
    let line = |what: &str, value, against, other, target: Option<f64>| Line {
        name: format!("{what} group of {members}"),
        value,
        unit: Unit::Us,
        against,
        other,
        // Set for a group of 2.
        target: target.filter(|_| members == 2),
    };
    // The targets set like beside like: who writes its secrets at each message, and who does not.
    Ok(vec![
        line("encrypt", kept.0, "mls-rs, written", mls_rs_kept.0, Some(1.1)),
        line("encrypt", kept.0, "mls-rs", mls_rs.0, None),
        line("encrypt", kept.0, "megolm", megolm.0, None),
        line("encrypt", kept.0, "primitives", bare.0, None),
        line("encrypt page", deferred.0, "mls-rs", mls_rs.0, Some(1.1)),
        line("encrypt page", deferred.0, "primitives", bare.0, Some(1.2)),
        line("decrypt", deferred.1, "mls-rs", mls_rs.1, Some(1.1)),
        line("decrypt", deferred.1, "mls-rs, written", mls_rs_kept.1, None),
        line("decrypt", deferred.1, "megolm", megolm.1, None),
        line("decrypt", deferred.1, "primitives", bare.1, Some(1.2)),
        line("decrypt each", kept.1, "mls-rs", mls_rs.1, None),
    ])
}

/// Processor time for each message, in microseconds: to encrypt, to decrypt.
fn page(pair: &mut dyn Pair, messages: usize) -> Result<(f64, f64)> {
    let messages = messages.div_ceil(pair.share());
    let mut wires = Vec::with_capacity(messages);
    let start = thread_us();
    pair.begin()?;
    for _ in 0..messages {
        wires.push(pair.encrypt()?);
    }
    pair.end()?;
    let encrypted = thread_us() - start;
    let start = thread_us();
    pair.begin()?;
    for wire in &wires {
        pair.decrypt(black_box(wire))?;
    }
    pair.end()?;
    let decrypted = thread_us() - start;
    Ok((encrypted / messages as f64, decrypted / messages as f64))
}
