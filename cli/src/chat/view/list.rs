//! The conversation list and the members pane.

use pli_core::model::{ConversationInfo, Membership, ms};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use crate::chat::state::State;
use crate::chat::text::{shorten, width};
use crate::show;
use crate::words::screen as words;

pub(super) fn conversations(frame: &mut Frame<'_>, area: Rect, state: &State) {
    if area.is_empty() {
        return;
    }
    let block = Block::new().borders(Borders::RIGHT).title(words::CONVERSATIONS.text());
    let inner = block.inner(area);
    let selected = state.conversations.iter().position(|info| Some(info.id) == state.selected).unwrap_or(0);
    let skipped = (selected + 1).saturating_sub(usize::from(inner.height));
    let columns = usize::from(inner.width);
    let shown = state.conversations.iter().skip(skipped).take(usize::from(inner.height));
    let lines: Vec<Line<'_>> = shown.map(|info| conversation(info, state, columns)).collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn conversation(info: &ConversationInfo, state: &State, columns: usize) -> Line<'static> {
    let is_selected = Some(info.id) == state.selected;
    let unread = if info.unread > 0 { format!(" {}", info.unread) } else { String::new() };
    let muted = if info.muted_until.is_some_and(|until| ms(until) > state.now_ms) { " 🔕" } else { "" };
    let has_draft = match state.drafts.get(&info.id) {
        Some(draft) => !draft.is_empty(),
        None => !is_selected && !info.draft.is_empty(),
    };
    let draft = if has_draft { " ✎" } else { "" };
    let marks = format!("{draft}{muted}{unread}");
    let name = shorten(&show::safe(&info.name), columns.saturating_sub(width(&marks) + 2));
    let fill = " ".repeat(columns.saturating_sub(width(&name) + width(&marks) + 2));
    let is_out = !matches!(info.membership, Membership::Member | Membership::New);
    let mut style = Style::new();
    if is_selected {
        style = style.add_modifier(Modifier::REVERSED);
    } else if is_out {
        style = style.fg(Color::DarkGray);
    } else if info.unread > 0 {
        style = style.add_modifier(Modifier::BOLD);
    }
    let pointer = if is_selected { "▸ " } else { "  " };
    Line::from(vec![
        Span::styled(format!("{pointer}{name}{fill}"), style),
        Span::styled(marks, style.fg(if info.unread > 0 { Color::Cyan } else { Color::DarkGray })),
    ])
}

pub(super) fn members(frame: &mut Frame<'_>, area: Rect, state: &State) {
    if area.is_empty() {
        return;
    }
    let title = words::MEMBERS.with(&[&state.members.len()]);
    let block = Block::new().borders(Borders::LEFT).title(title);
    let lines = member_lines(state, usize::from(block.inner(area).width));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// The members, and the own standing if it is another than theirs.
pub(super) fn member_lines(state: &State, columns: usize) -> Vec<Line<'static>> {
    let lines = state.members.iter().map(|member| {
        let role = match member.role {
            pli_core::model::Role::Member => String::new(),
            role => format!(" {}", show::role(role).1),
        };
        let me = if member.person.id == state.me { " •" } else { "" };
        let room = columns.saturating_sub(width(&role) + width(me));
        let name = shorten(&show::safe(&member.person.name), room);
        Line::from(vec![Span::raw(name), Span::raw(me), Span::styled(role, Style::new().fg(Color::DarkGray))])
    });
    let mut lines: Vec<Line<'static>> = lines.collect();
    if let Some(info) = state.current().filter(|info| info.membership != Membership::Member) {
        let state = show::membership(info.membership).1;
        lines.push(Line::styled(format!("({})", state.text()), Style::new().fg(Color::Yellow)));
    }
    lines
}
