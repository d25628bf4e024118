//! Notable states, drawn on a terminal of cells.

use std::collections::HashSet;

use pli_core::model::{
    Change, Content, ConversationId, ConversationInfo, ConversationKind, Deed, DeedKind, DeliveryState, ItemId,
    LeastRoles, Member, Membership, Message, Person, PersonId, Quote, Reaction, Refusal, Role, TimelineItem, What,
    time,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::chat::composer::Composer;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn person(n: u8, name: &str) -> Person {
    Person::new(PersonId([n; 16]), name.into())
}

fn conversation(n: u8, name: &str, unread: usize) -> ConversationInfo {
    ConversationInfo {
        id: ConversationId([n; 16]),
        kind: ConversationKind::Group,
        peer: None,
        name: name.into(),
        initials: String::new(),
        colour: 0,
        topic: String::new(),
        last: None,
        unread,
        muted_until: None,
        draft: String::new(),
        my_role: Role::Owner,
        may: HashSet::new(),
        least: LeastRoles { add: Role::Admin, remove: Role::Admin, post: Role::Member, rename: Role::Admin },
        member_count: 3,
        guest_count: 0,
        sole_owner: false,
        membership: Membership::Member,
        lifetime: None,
        active_at: time(0),
    }
}

fn message(n: u8, sender: &Person, body: &str) -> Message {
    Message {
        id: ItemId([n; 16]),
        conversation: ConversationId([1; 16]),
        number: u64::from(n),
        sender: sender.clone(),
        mine: sender.id.0[0] == 1,
        content: Content::Text { body: body.into(), mentions: vec![] },
        sent_at: time(DAY_MS * 400 + u64::from(n) * 60_000),
        edited_at: None,
        emoji_only: false,
        reply_to: None,
        reactions: vec![],
        delivery: (sender.id.0[0] == 1).then_some(DeliveryState::Sent),
        unsettled: vec![],
    }
}

fn state() -> State {
    let (anne, bao) = (person(1, "Anne"), person(2, "Bảo 🌊"));
    let mut state = State::new(anne.id, (100, 24));
    state.conversations = vec![conversation(1, "Crue", 0), conversation(2, "Digues et pompes", 12)];
    state.selected = Some(ConversationId([1; 16]));
    state.connection = ClientState::Online;
    state.members = [(&anne, Role::Owner), (&bao, Role::Member)]
        .map(|(person, role)| Member { person: person.clone(), role, device_count: 1 })
        .to_vec();
    state.names = [anne.clone(), bao.clone()].into_iter().map(|person| (person.id, person.name)).collect();
    let added = Change {
        id: ItemId([90; 16]),
        by: anne.clone(),
        at: time(DAY_MS * 399),
        what: What::Added(vec![bao.id]),
        people: vec![],
        delivery: None,
    };
    let quote = Quote { entry: ItemId([1; 16]), sender: Some(bao.clone()), text: "La Deûle monte".into() };
    state.items = vec![
        TimelineItem::Changed(added),
        TimelineItem::Said(message(1, &bao, "La Deûle monte")),
        TimelineItem::Said(Message { reply_to: Some(quote), ..message(2, &anne, "Combien ?") }),
    ];
    state
}

/// The rows of the screen as they would be read.
fn drawn(state: &State) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(state.size.0, state.size.1)).unwrap();
    terminal.draw(|frame| draw(frame, state)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y: u16| {
        let (mut text, mut x) = (String::new(), 0);
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            text.push_str(symbol);
            // A wide character takes the cell after it, too.
            x += width(symbol).max(1) as u16;
        }
        text
    };
    (0..buffer.area.height).map(row).collect()
}

fn shows(state: &State, text: &str) -> bool {
    let rows = drawn(state);
    let found = rows.iter().any(|row| row.contains(text));
    if !found {
        eprintln!("{}", rows.join("\n"));
    }
    found
}

#[test]
fn a_conversation_with_all_there_is() {
    let state = state();
    for text in
        ["Conversations", "▸ Crue", "Digues et pompes", "12", "Bảo 🌊", "  La Deûle monte", "│ Bảo 🌊: La Deûle monte"]
    {
        assert!(shows(&state, text), "{text}");
    }
    for text in [
        "— Anne added Bảo 🌊",
        "  Combien ?",
        "✓",
        "● online",
        "> Write, or /help",
        "Enter send",
        " 1971-02-05 ",
        " 1971-02-04 ",
    ] {
        assert!(shows(&state, text), "{text}");
    }
}

#[test]
fn every_row_is_as_wide_as_the_screen() {
    let mut state = state();
    let texts =
        ["👩‍👧‍👦🇫🇷 e\u{301}te\u{301}", "طريق الكورنيش مغلق من الجسر", "日本語のとても長い文章です", "a\u{202e}b\u{7}c"];
    for (n, text) in (10..).zip(texts) {
        state.items.push(TimelineItem::Said(message(n, &person(3, "نועה לוי"), &text.repeat(9))));
    }
    state.conversations.push(conversation(9, "🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊🌊", 3));
    state.shows_members = true;
    for size in [(100, 24), (61, 9), (59, 12), (20, 5), (3, 3), (1, 1), (200, 60)] {
        state.size = size;
        let rows = drawn(&state);
        assert_eq!(rows.len(), usize::from(size.1));
        assert!(rows.iter().all(|row| !row.contains('\u{202e}') && !row.contains('\u{7}')));
    }
}

#[test]
fn how_far_own_messages_came_is_shown() {
    let mut state = state();
    let anne = person(1, "Anne");
    let with = |n, delivery| TimelineItem::Said(Message { delivery: Some(delivery), ..message(n, &anne, "x") });
    state.items = vec![with(1, DeliveryState::Waiting)];
    assert!(shows(&state, "00:01 …"));
    state.items = vec![with(1, DeliveryState::Refused(Refusal::NotAllowed))];
    assert!(shows(&state, "✗ refused"));
    // And what was to be done to one.
    let deed = |kind, delivery| Deed { id: ItemId([7; 16]), kind, delivery };
    let edit = deed(DeedKind::Edit { text: "y".into() }, DeliveryState::Waiting);
    let delete = deed(DeedKind::Delete, DeliveryState::Refused(Refusal::NotAMember));
    state.items = vec![TimelineItem::Said(Message { unsettled: vec![edit, delete], ..message(1, &anne, "x") })];
    assert!(shows(&state, "to be edited: y …") && shows(&state, "not deleted ✗ refused"));
}

#[test]
fn edits_deletions_and_reactions_are_shown() {
    let mut state = state();
    let bao = person(2, "Bảo");
    let me = PersonId([1; 16]);
    state.items = vec![
        TimelineItem::Said(Message {
            edited_at: Some(time(1)),
            reactions: vec![Reaction { emoji: "👍".into(), people: vec![me, bao.id] }],
            ..message(1, &bao, "deux")
        }),
        TimelineItem::Said(Message { content: Content::Deleted { by: me }, ..message(2, &bao, "") }),
        TimelineItem::Said(Message { content: Content::Unreadable, ..message(3, &bao, "") }),
    ];
    for text in ["00:01 (edited)", "👍 2", "(deleted by Anne)", "(could not be read)"] {
        assert!(shows(&state, text), "{text}");
    }
}

#[test]
fn lists_show_mutes_and_drafts() {
    let mut state = state();
    state.now_ms = 5;
    state.conversations[1].muted_until = Some(time(6));
    state.drafts.insert(ConversationId([2; 16]), "à finir".into());
    assert!(shows(&state, "✎ 🔕 12"));
    state.now_ms = 7;
    assert!(!drawn(&state).iter().any(|row| row.contains("🔕")));
}

#[test]
fn members_help_and_notices_come_and_go() {
    let mut state = state();
    assert!(!drawn(&state).iter().any(|row| row.contains("Members (2)")));
    state.shows_members = true;
    state.shows_help = true;
    state.notice = Some("nobody is known as “x”".into());
    for text in ["Members (2)", "Anne • owner", "Help (Esc closes)", "/mute HOURS", "nobody is known"] {
        assert!(shows(&state, text), "{text}");
    }
    state.notice = None;
    state.warnings = vec![pli_core::model::Warning::RevocationsOld { signed: None }];
    assert!(shows(&state, "list of revoked devices is days old"));
    state.connection = ClientState::Offline { retry_at: time(0) };
    assert!(shows(&state, "○ offline"));
    state.warnings.insert(0, pli_core::model::Warning::ClockWrong { days: 3, ahead: false });
    assert!(shows(&state, "your clock is wrong by about 3 days"));
    state.connection = ClientState::Stopped(pli_core::Advice::ReEnrol);
    assert!(shows(&state, "revoked"));
}

#[test]
fn a_long_timeline_scrolls() {
    let mut state = state();
    let bao = person(2, "Bảo");
    state.items = (1..=100).map(|n| TimelineItem::Said(message(n, &bao, &format!("texte {n}.")))).collect();
    assert!(shows(&state, "texte 100."));
    assert!(shows(&state, "↑ more above"));
    assert!(!drawn(&state).iter().any(|row| row.contains("texte 1.")));
    state.scroll = most_scroll(&state);
    assert!(shows(&state, "texte 1."));
    assert!(shows(&state, "↓ more below"));
    state.scroll = scroll_to(&state, ItemId([50; 16]));
    assert!(shows(&state, "texte 50."));
    state.scroll = usize::MAX;
    assert!(shows(&state, "texte 1."), "too far is as far as it goes");
}

#[test]
fn several_lines_are_being_written() {
    let mut state = state();
    state.composer = Composer::new("un\ndeux\ntrois");
    assert!(shows(&state, "> un"));
    assert!(shows(&state, "  trois"));
    state.composer = Composer::new(&"ligne\n".repeat(40));
    assert!(shows(&state, "  ligne"));
}

#[test]
fn there_is_a_hint_where_nothing_is() {
    let state = State::new(PersonId([1; 16]), (80, 20));
    assert!(shows(&state, "No conversation yet."));
    assert!(shows(&state, "○ connecting…"));
}

#[test]
fn help_and_members_are_read_to_the_end_on_a_small_screen() {
    let mut state = state();
    state.size = (40, 10);
    state.shows_help = true;
    assert!(shows(&state, "/add A, B") && shows(&state, "↓ more"));
    state.passed = most_passed(&state);
    assert!(shows(&state, "completes a mention") && !drawn(&state).iter().any(|row| row.contains("↓ more")));
    (state.shows_help, state.shows_members, state.passed) = (false, true, 0);
    assert!(shows(&state, "Members (2)") && shows(&state, "Anne • owner") && shows(&state, "Bảo 🌊"));
    let everybody =
        (0..30).map(|n| Member { person: person(n, &format!("P{n}.")), role: Role::Member, device_count: 1 });
    state.members = everybody.collect();
    assert!(shows(&state, "P0.") && !drawn(&state).iter().any(|row| row.contains("P29.")));
    state.passed = most_passed(&state);
    assert!(shows(&state, "P29."));
    // Where there is room, they stand beside.
    state.size = (100, 24);
    assert!(!is_covered(&state) && shows(&state, "Members (30)"));
}
