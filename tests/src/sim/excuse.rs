//! What a device may fail to show or to know, and why: as little as can be. All else is told.

use pli_proto::rows::rank;

use super::book::Copied;
use super::truth::Truth;
use super::view::{Case, Id, Item, Store, UNREADABLE};

type Span = (u64, u64);

/// Whether a device has not entered a log for this span, though it was added.
fn has_not_joined(store: &Store, log: Id, span: Span) -> bool {
    let came = |item: &Item| item.log == log && span.0 <= item.number && item.number < span.1;
    match span.0 {
        0 => !store.items.iter().any(came),
        _ => !store.items.iter().any(|item| came(item) && item.change() == "Joined"),
    }
}

/// An invitation serves once. Where the life of before the store was copied back used it, the copy stays out until its
/// device is removed and added anew (docs/protocol.md, section 11); likewise where it was added with a key package that
/// only that life knew, before the copy replaced them; and nobody invites it to what it founded itself. Nor does anybody
/// where whoever added it was copied back before it had invited.
fn is_stranded(case: &Case, truth: &Truth, store: &Store, log: Id, span: Span) -> bool {
    let entered_ms = case.server.entry(log, span.0).map_or(0, |entry| entry.received_ms);
    let lost_its_own = store.copies.iter().any(|copied| entered_ms < copied.replaced_ms);
    let forgot = |other: &Store| {
        let was_in = truth.span(log, other.host, span.0).is_some();
        let since = |copied: &Copied| copied.made_ms <= entered_ms && entered_ms < copied.back_ms;
        was_in && other.copies.iter().any(since)
    };
    (lost_its_own || case.stores.iter().any(forgot)) && has_not_joined(store, log, span)
}

/// Stranded as things are at the end.
pub(crate) fn is_stranded_now(case: &Case, truth: &Truth, store: &Store, log: Id) -> bool {
    truth
        .spans(log, store.host)
        .last()
        .is_some_and(|span| span.1 == u64::MAX && is_stranded(case, truth, store, log, *span))
}

/// Whether nobody is left in a log who could cut a row of this rank. That of a further device that its person took out to
/// leave stays where the person's own row could not cut it and no admin or owner ever comes back (docs/protocol.md, section
/// 6.5).
pub(crate) fn nobody_cuts(case: &Case, truth: &Truth, log: Id, rank: u32) -> bool {
    let may = |store: &Store| truth.rank(log, store.host).is_some_and(|own| own >= rank.max(rank::ADMIN));
    let is_there = |store: &Store| !store.revoked && truth.is_in(log, store.host);
    !case.stores.iter().any(|store| is_there(store) && !is_stranded_now(case, truth, store, log) && may(store))
}

/// The spans of a log that a device read, or should have: not that where it is stranded, nor one where it was added, and
/// was out again before it fetched its invitation.
pub(crate) fn spans(case: &Case, truth: &Truth, store: &Store, log: Id) -> Vec<Span> {
    let was_out = |span: Span| span.0 > 0 && span.1 < u64::MAX && has_not_joined(store, log, span);
    let spans = truth.spans(log, store.host).iter().copied();
    spans.filter(|span| !was_out(*span) && !is_stranded(case, truth, store, log, *span)).collect()
}

/// Whether a store is a copy of before an entry came.
pub(crate) fn is_copy_at(case: &Case, store: &Store, log: Id, number: u64) -> bool {
    let received_ms = case.server.entry(log, number).map_or(0, |entry| entry.received_ms);
    store.copies.iter().any(|copied| copied.made_ms <= received_ms)
}

/// Whether a device had not the secrets to read an entry: an insider's commit took them, or its store is a copy that its
/// later life had outrun; and it came back after that, or never had to.
pub(crate) fn had_no_secrets(case: &Case, truth: &Truth, store: &Store, log: Id, number: u64) -> bool {
    let of_log = |change: &str| {
        let items = store.items.iter().filter(move |item| item.log == log);
        items.filter(move |item| item.change() == change).collect::<Vec<_>>()
    };
    let lost = of_log("LostSecrets").iter().any(|item| item.number < number) || is_copy_at(case, store, log, number);
    let came_back = of_log("Returned").iter().any(|item| item.number > number && item.by == store.person);
    lost && (came_back || truth.span(log, store.host, number).is_none_or(|span| span.1 != u64::MAX))
}

/// Whether an insider wrote an entry.
pub(crate) fn is_lie(case: &Case, log: Id, number: u64) -> bool {
    case.server.entry(log, number).is_some_and(|entry| case.lies.contains(&entry.digest))
}

/// Whether what was done to an item later may be among what this device could not read.
pub(crate) fn may_have_missed_a_change(store: &Store, item: &Item) -> bool {
    let conversation = |log: Id| store.logs.iter().find(|known| known.log == log).map(|known| known.conversation);
    let here = conversation(item.log);
    let unreadable = store.items.iter().filter(|other| other.kind == UNREADABLE);
    let mut unreadable = unreadable.filter(|other| conversation(other.log) == here);
    unreadable.any(|other| other.log != item.log || other.number > item.number)
}
