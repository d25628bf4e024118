//! The screen: a pure function of the [`State`].
//!
//! ```text
//!  Conversations │ name — topic          members │ Members
//!                │ timeline                      │
//!                │ composer                      │
//!  connection · keys
//! ```

mod list;
mod timeline;

use pli_core::model::{ClientState, ItemId, Warning};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph};

use crate::show;
use crate::words::screen as words;

use super::state::State;
use super::text::{shorten, width, wrap};

/// Columns of the conversation list.
const LIST: u16 = 28;
/// Columns of the members pane.
const MEMBERS: u16 = 26;
/// Below that, only the timeline is shown.
const NARROW: u16 = 60;
/// Lines of the composer, at most.
const COMPOSER: usize = 6;

/// Where things are.
struct Areas {
    list: Rect,
    title: Rect,
    timeline: Rect,
    composer: Rect,
    members: Rect,
    connection: Rect,
    footer: Rect,
}

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State) {
    let state = &State { size: (frame.area().width, frame.area().height), ..state.clone() };
    let areas = areas(state);
    list::conversations(frame, areas.list, state);
    list::members(frame, areas.members, state);
    title(frame, areas.title, state);
    timeline::draw(frame, areas.timeline, state);
    composer(frame, areas.composer, state);
    connection(frame, areas.connection, state);
    let footer = shorten(words::FOOTER.text(), usize::from(areas.footer.width));
    frame.render_widget(Paragraph::new(footer).style(Style::new().fg(Color::DarkGray)), areas.footer);
    if let Some(cover) = cover(state) {
        draw_cover(frame, state, cover);
    }
}

/// How far up one can scroll.
pub(super) fn most_scroll(state: &State) -> usize {
    let area = areas(state).timeline;
    timeline::lines(state, usize::from(area.width)).len().saturating_sub(usize::from(area.height))
}

/// The least scrolling that brings a message on the screen, from where it is scrolled to now.
pub(super) fn scroll_to(state: &State, message: ItemId) -> usize {
    let area = areas(state).timeline;
    let (lines, height) = (timeline::lines(state, usize::from(area.width)), usize::from(area.height));
    let is_it = |line: &timeline::Row| line.of == Some(message);
    let (Some(first), Some(last)) = (lines.iter().position(is_it), lines.iter().rposition(is_it)) else {
        return state.scroll;
    };
    let below = lines.len() - last - 1;
    let above = (lines.len() - first).saturating_sub(height);
    state.scroll.clamp(above.min(below), below)
}

fn areas(state: &State) -> Areas {
    let whole = Rect::new(0, 0, state.size.0, state.size.1);
    let [main, connection, footer] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(1), Constraint::Length(1)]).areas(whole);
    let is_narrow = whole.width < NARROW;
    let list = if is_narrow && state.selected.is_some() { 0 } else { LIST.min(whole.width) };
    let members = if state.shows_members && !is_narrow { MEMBERS } else { 0 };
    let columns = [Constraint::Length(list), Constraint::Min(1), Constraint::Length(members)];
    let [list, middle, members] = Layout::horizontal(columns).areas(main);
    let written = composer_lines(state, usize::from(middle.width)).len().clamp(1, COMPOSER) as u16 + 1;
    let rows = [Constraint::Length(2), Constraint::Min(1), Constraint::Length(written)];
    let [title, timeline, composer] = Layout::vertical(rows).areas(middle);
    Areas { list, title, timeline, composer, members, connection, footer }
}

fn title(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let Some(info) = state.current() else { return };
    let mut text = show::safe(&info.name);
    if !info.topic.is_empty() {
        text.push_str(&format!(" — {}", show::safe(&info.topic)));
    }
    let text = shorten(&text, usize::from(area.width));
    let style = Style::new().add_modifier(Modifier::BOLD);
    frame.render_widget(Paragraph::new(text).style(style).block(Block::new().borders(Borders::BOTTOM)), area);
}

/// What is being written, broken to the width, one cell kept for the cursor.
fn composer_lines(state: &State, columns: usize) -> Vec<String> {
    wrap(&show::safe_lines(state.composer.text()), columns.saturating_sub(3))
}

fn composer(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let block = Block::new().borders(Borders::TOP);
    let inner = block.inner(area);
    let columns = usize::from(inner.width);
    let mut lines = composer_lines(state, columns);
    // The end of what stands before the cursor is where the cursor is. A space at a line's end takes a cell, too.
    let before = wrap(&show::safe_lines(&format!("{}\u{2060}", state.composer.before())), columns.saturating_sub(3));
    let row = before.len().saturating_sub(1);
    let column = before.last().map_or(0, |line| width(line));
    let skipped = (row + 1).saturating_sub(usize::from(inner.height).max(1));
    let is_empty = state.composer.text().is_empty();
    if is_empty {
        lines = vec![words::WRITE.text().to_owned()];
    }
    let style = if is_empty { Style::new().fg(Color::DarkGray) } else { Style::new() };
    let shown = lines.iter().skip(skipped).enumerate().map(|(index, line)| {
        let prompt = if index + skipped == 0 { "> " } else { "  " };
        Line::from(vec![Span::raw(prompt), Span::styled(line.clone(), style)])
    });
    frame.render_widget(Paragraph::new(shown.collect::<Vec<_>>()).block(block), area);
    let column = (column + 2).min(columns.saturating_sub(1)) as u16;
    let row = (row - skipped.min(row)) as u16;
    if inner.height > 0 && inner.width > 0 {
        frame.set_cursor_position((inner.x + column, inner.y + row.min(inner.height - 1)));
    }
}

fn connection(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let is_online = state.connection == ClientState::Online;
    // A wrong clock may be why nothing is reached; what else there is to know counts while the server is heard.
    let is_told = |one: &&Warning| is_online || matches!(one, Warning::ClockWrong { .. });
    let told = state.warnings.iter().find(is_told).filter(|_| !matches!(state.connection, ClientState::Stopped(_)));
    if let (None, Some(warning)) = (&state.notice, told) {
        let text = format!("{} {}", if is_online { "●" } else { "○" }, show::warning(*warning));
        let text = shorten(&text, usize::from(area.width));
        return frame.render_widget(Paragraph::new(text).style(Style::new().fg(Color::Red)), area);
    }
    let (text, colour) = match (&state.notice, state.connection) {
        (Some(notice), _) => (notice.clone(), Color::Yellow),
        (None, ClientState::Online) => (format!("● {}", words::ONLINE), Color::Green),
        (None, ClientState::Connecting | ClientState::CatchingUp { .. }) => {
            (format!("○ {}", words::CONNECTING), Color::Yellow)
        }
        (None, ClientState::Offline { .. } | ClientState::Suspended) => {
            (format!("○ {}", words::OFFLINE), Color::Yellow)
        }
        (None, ClientState::Stopped(advice)) => {
            let failure = crate::profile::stopped(advice);
            (format!("✗ {}", words::STOPPED.with(&[&failure.message])), Color::Red)
        }
    };
    let text = shorten(&text, usize::from(area.width));
    frame.render_widget(Paragraph::new(text).style(Style::new().fg(colour)), area);
}

/// What covers the timeline: help, or the members where there is no room for them beside it.
struct Cover {
    title: String,
    lines: Vec<Line<'static>>,
    area: Rect,
}

impl Cover {
    /// Rows that are not on the screen at first.
    fn most_passed(&self) -> usize {
        self.lines.len().saturating_sub(usize::from(self.area.height.saturating_sub(2)))
    }
}

fn cover(state: &State) -> Option<Cover> {
    let whole = Rect::new(0, 0, state.size.0, state.size.1);
    let columns = 64.min(whole.width);
    let inner = usize::from(columns.saturating_sub(2));
    let (title, lines) = if state.shows_help {
        let lines = words::HELP.text().lines().flat_map(|line| wrap(line, inner)).map(Line::from);
        (words::HELP_TITLE.text().to_owned(), lines.collect::<Vec<_>>())
    } else if state.shows_members && whole.width < NARROW {
        (words::MEMBERS.with(&[&state.members.len()]), list::member_lines(state, inner))
    } else {
        return None;
    };
    let rows = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(whole.height);
    let area = Rect::new((whole.width - columns) / 2, (whole.height - rows) / 2, columns, rows);
    Some(Cover { title, lines, area })
}

fn draw_cover(frame: &mut Frame<'_>, state: &State, cover: Cover) {
    let most = cover.most_passed();
    let passed = state.passed.min(most);
    let mut block = Block::bordered().title(cover.title);
    if passed < most {
        block = block.title_bottom(words::MORE.text());
    }
    let lines: Vec<_> = cover.lines.into_iter().skip(passed).collect();
    frame.render_widget(Clear, cover.area);
    frame.render_widget(Paragraph::new(lines).block(block), cover.area);
}

/// Whether something covers the timeline, which keys then move.
pub(super) fn is_covered(state: &State) -> bool {
    cover(state).is_some()
}

/// How far down one can go in what covers the timeline.
pub(super) fn most_passed(state: &State) -> usize {
    cover(state).map_or(0, |cover| cover.most_passed())
}

#[cfg(test)]
mod tests;
