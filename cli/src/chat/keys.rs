//! What keys do: a state becomes another, and something may be asked of the client.

use pli_core::model::{ConversationId, ItemId, PersonId};
use pli_proto::limits;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::words::screen as words;

use super::command::{self, Command};
use super::state::State;
use super::view;

/// What the client is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    Quit,
    /// The selection changed: follow the other conversation, keep the draft of the one that was left.
    Follow,
    LoadOlder,
    Send {
        to: ConversationId,
        text: String,
        reply_to: Option<ItemId>,
        mentions: Vec<PersonId>,
    },
    /// A command, in the selected conversation if there is one, about this message if there is one.
    Run {
        command: Command,
        at: Option<ConversationId>,
        about: Option<ItemId>,
    },
}

/// Presses a key.
pub(super) fn press(state: &mut State, key: KeyEvent) -> Effect {
    if key.kind == KeyEventKind::Release {
        return Effect::Nothing;
    }
    state.notice = None;
    let (control, alt) = (key.modifiers.contains(KeyModifiers::CONTROL), key.modifiers.contains(KeyModifiers::ALT));
    let shift = key.modifiers.contains(KeyModifiers::SHIFT);
    let page = usize::from(state.size.1).saturating_sub(8).max(1);
    match key.code {
        KeyCode::Char('q' | 'c') if control => return Effect::Quit,
        KeyCode::Char('n') if control => return step(state, 1),
        KeyCode::Char('p') if control => return step(state, -1),
        KeyCode::Down if alt => return step(state, 1),
        KeyCode::Up if alt => return step(state, -1),
        KeyCode::Up if shift => pick(state, -1),
        KeyCode::Down if shift => pick(state, 1),
        KeyCode::F(1) => (state.shows_help, state.passed) = (!state.shows_help, 0),
        KeyCode::F(2) => (state.shows_members, state.passed) = (!state.shows_members, 0),
        KeyCode::PageUp if view::is_covered(state) => state.passed = state.passed.saturating_sub(page),
        KeyCode::PageDown if view::is_covered(state) => pass(state, page),
        KeyCode::Up if view::is_covered(state) => state.passed = state.passed.saturating_sub(1),
        KeyCode::Down if view::is_covered(state) => pass(state, 1),
        KeyCode::Esc if view::is_covered(state) => close(state),
        KeyCode::Esc => state.picked = None,
        KeyCode::PageUp => return scroll_up(state, page),
        KeyCode::PageDown => state.scroll = state.scroll.saturating_sub(page),
        KeyCode::Up if !state.composer.before().contains('\n') => return scroll_up(state, 1),
        KeyCode::Down if !state.composer.text().contains('\n') => state.scroll = state.scroll.saturating_sub(1),
        KeyCode::Enter if alt || shift => write(state, "\n"),
        KeyCode::Char('j') if control => write(state, "\n"),
        KeyCode::Enter => return enter(state),
        KeyCode::Tab => {
            let names: Vec<String> = state.members.iter().map(|member| member.person.name.clone()).collect();
            state.composer.complete(names.iter().map(String::as_str));
        }
        KeyCode::Backspace if alt || control => state.composer.delete_word(),
        KeyCode::Char('w') if control => state.composer.delete_word(),
        KeyCode::Char('a') if control => state.composer.home(),
        KeyCode::Char('e') if control => state.composer.end(),
        KeyCode::Backspace => state.composer.backspace(),
        KeyCode::Delete => state.composer.delete(),
        KeyCode::Left => state.composer.left(),
        KeyCode::Right => state.composer.right(),
        KeyCode::Home => state.composer.home(),
        KeyCode::End => state.composer.end(),
        KeyCode::Char(c) if !control => write(state, c.encode_utf8(&mut [0; 4])),
        _ => {}
    }
    Effect::Nothing
}

/// Pastes a text, line ends and all.
pub(super) fn paste(state: &mut State, text: &str) {
    write(state, &text.replace("\r\n", "\n").replace('\r', "\n"));
}

/// Writes into the composer what fits in a text: more could be neither sent nor kept.
fn write(state: &mut State, text: &str) {
    if state.composer.text().len() + text.len() > limits::TEXT_BYTES {
        state.notice = Some(words::TOO_LONG.with(&[&limits::TEXT_BYTES]));
        return;
    }
    state.composer.insert(text);
}

/// Goes on in what covers the timeline.
fn pass(state: &mut State, by: usize) {
    state.passed = (state.passed + by).min(view::most_passed(state));
}

/// Closes what covers the timeline: help first, for it covers members too.
fn close(state: &mut State) {
    state.passed = 0;
    if state.shows_help {
        state.shows_help = false;
    } else {
        state.shows_members = false;
    }
}

fn step(state: &mut State, by: isize) -> Effect {
    let count = state.conversations.len();
    let now = state.conversations.iter().position(|info| Some(info.id) == state.selected);
    let next = match now {
        Some(now) => now.checked_add_signed(by).filter(|next| *next < count),
        None => (count > 0).then_some(0),
    };
    let Some(id) = next.and_then(|next| state.conversations.get(next)).map(|info| info.id) else {
        return Effect::Nothing;
    };
    state.select(id);
    Effect::Follow
}

fn pick(state: &mut State, by: isize) {
    let ids: Vec<ItemId> = state.messages().map(|message| message.id).collect();
    let now = ids.iter().position(|id| Some(*id) == state.picked);
    let next = match now {
        Some(now) => now.checked_add_signed(by),
        None if by < 0 => ids.len().checked_sub(1),
        None => None,
    };
    if let Some(next) = next {
        state.picked = ids.get(next).copied();
    }
    if let Some(picked) = state.picked {
        state.scroll = view::scroll_to(state, picked);
    }
}

fn scroll_up(state: &mut State, by: usize) -> Effect {
    let most = view::most_scroll(state);
    state.scroll = (state.scroll + by).min(most);
    if state.scroll == most { Effect::LoadOlder } else { Effect::Nothing }
}

fn enter(state: &mut State) -> Effect {
    let text = state.composer.text().trim().to_owned();
    if text.is_empty() {
        return Effect::Nothing;
    }
    if !text.starts_with('/') {
        let Some(to) = state.selected else {
            state.notice = Some(words::NO_CONVERSATION.text().into());
            return Effect::Nothing;
        };
        let (mentions, reply_to) = (state.mentioned(&text), state.picked);
        return Effect::Send { to, text, reply_to, mentions };
    }
    let command = match command::parse(&text) {
        Ok(command) => command,
        Err(why) => {
            state.notice = Some(why);
            return Effect::Nothing;
        }
    };
    run(state, command)
}

fn run(state: &mut State, command: Command) -> Effect {
    let about = match &command {
        Command::Edit(_) | Command::Delete => state.target(|message| message.mine),
        Command::React(_) | Command::Reply(_) => state.target(|message| !message.mine),
        _ => None,
    };
    let about = about.map(|message| message.id);
    let needs_message = matches!(command, Command::Edit(_) | Command::Delete | Command::React(_) | Command::Reply(_))
        && about.is_none();
    let needs_conversation =
        !matches!(command, Command::Pair(_) | Command::Group { .. } | Command::Quit | Command::Help)
            && state.selected.is_none();
    if needs_message || needs_conversation {
        let word = if needs_conversation { words::NO_CONVERSATION } else { words::NO_MESSAGE };
        state.notice = Some(word.text().into());
        return Effect::Nothing;
    }
    match (command, state.selected) {
        (Command::Quit, _) => {
            state.composer.take();
            Effect::Quit
        }
        (Command::Help, _) => {
            state.composer.take();
            (state.shows_help, state.passed) = (true, 0);
            Effect::Nothing
        }
        (Command::Reply(text), Some(to)) => {
            let mentions = state.mentioned(&text);
            Effect::Send { to, text, reply_to: about, mentions }
        }
        (command, at) => Effect::Run { command, at, about },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use pli_core::model::{ConversationInfo, ConversationKind, LeastRoles, Membership, Role, time};

    use super::*;

    fn conversation(n: u8, draft: &str) -> ConversationInfo {
        ConversationInfo {
            id: ConversationId([n; 16]),
            kind: ConversationKind::Group,
            peer: None,
            name: format!("c{n}"),
            initials: String::new(),
            colour: 0,
            topic: String::new(),
            last: None,
            unread: 0,
            muted_until: None,
            draft: draft.into(),
            my_role: Role::Owner,
            may: HashSet::new(),
            least: LeastRoles { add: Role::Admin, remove: Role::Admin, post: Role::Member, rename: Role::Admin },
            member_count: 1,
            guest_count: 0,
            sole_owner: false,
            membership: Membership::Member,
            lifetime: None,
            active_at: time(0),
        }
    }

    fn state() -> State {
        let mut state = State::new(PersonId([1; 16]), (80, 24));
        state.conversations = vec![conversation(1, ""), conversation(2, "kept")];
        state
    }

    fn key(state: &mut State, code: KeyCode, modifiers: KeyModifiers) -> Effect {
        press(state, KeyEvent::new(code, modifiers))
    }

    fn enter_after(state: &mut State, text: &str) -> Effect {
        paste(state, text);
        key(state, KeyCode::Enter, KeyModifiers::NONE)
    }

    #[test]
    fn each_conversation_keeps_its_draft() {
        let mut state = state();
        assert_eq!(key(&mut state, KeyCode::Down, KeyModifiers::ALT), Effect::Follow);
        paste(&mut state, "un");
        assert_eq!(key(&mut state, KeyCode::Char('n'), KeyModifiers::CONTROL), Effect::Follow);
        assert_eq!(state.composer.text(), "kept");
        key(&mut state, KeyCode::Up, KeyModifiers::ALT);
        assert_eq!(state.composer.text(), "un");
        assert_eq!(key(&mut state, KeyCode::Up, KeyModifiers::ALT), Effect::Nothing, "there is none above");
    }

    #[test]
    fn enter_sends_and_alt_enter_does_not() {
        let mut state = state();
        state.select(ConversationId([1; 16]));
        paste(&mut state, "un");
        assert_eq!(key(&mut state, KeyCode::Enter, KeyModifiers::ALT), Effect::Nothing);
        let to = ConversationId([1; 16]);
        let sent = Effect::Send { to, text: "un\ndeux".into(), reply_to: None, mentions: vec![] };
        assert_eq!(enter_after(&mut state, "deux"), sent);
        assert_eq!(state.composer.text(), "un\ndeux", "until it was accepted");
        state.accepted();
        assert_eq!(state.composer.text(), "");
        assert_eq!(enter_after(&mut state, "  "), Effect::Nothing);
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut state = state();
        state.select(ConversationId([1; 16]));
        paste(&mut state, &"é".repeat(limits::TEXT_BYTES / 2));
        key(&mut state, KeyCode::Char('x'), KeyModifiers::NONE);
        assert_eq!(state.composer.text().len(), limits::TEXT_BYTES);
        assert!(state.notice.is_some());
    }

    #[test]
    fn a_wrong_command_stays_to_be_corrected() {
        let mut state = state();
        state.select(ConversationId([1; 16]));
        assert_eq!(enter_after(&mut state, "/nonsense"), Effect::Nothing);
        assert_eq!(state.composer.text(), "/nonsense");
        assert!(state.notice.is_some());
        state.composer.take();
        assert_eq!(enter_after(&mut state, "/edit x"), Effect::Nothing, "there is no message to edit");
        assert_eq!(state.composer.text(), "/edit x");
    }

    #[test]
    fn without_a_conversation_only_some_things_can_be_done() {
        let mut state = state();
        assert_eq!(enter_after(&mut state, "un"), Effect::Nothing);
        assert!(state.notice.is_some());
        let mut later = state.clone();
        later.select(ConversationId([2; 16]));
        assert_eq!(later.composer.text(), "keptun", "what was typed is not lost");
        state.composer.take();
        let command = Command::Pair("Anne".into());
        assert_eq!(enter_after(&mut state, "/pair Anne"), Effect::Run { command, at: None, about: None });
        state.accepted();
        assert_eq!(enter_after(&mut state, "/quit"), Effect::Quit);
        assert_eq!(key(&mut state, KeyCode::Char('q'), KeyModifiers::CONTROL), Effect::Quit);
    }
}
