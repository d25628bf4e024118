//! The timeline, as rows of a given width.

use pli_core::model::{DeliveryState, ItemId, Message, TimelineItem, ms};
use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::chat::state::State;
use crate::chat::text::{shorten, width, wrap};
use crate::show;
use crate::words::{say, screen as words};

/// Colours of names, chosen by the person's id.
const COLOURS: [Color; 6] = [Color::Cyan, Color::Magenta, Color::Blue, Color::Yellow, Color::Green, Color::LightRed];

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The message that it is part of.
    pub(super) of: Option<ItemId>,
    line: Line<'static>,
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let rows = lines(state, usize::from(area.width));
    let height = usize::from(area.height);
    if rows.is_empty() || area.is_empty() {
        let word = if state.selected.is_none() { words::NOBODY } else { words::EMPTY };
        let hint: Vec<Line<'_>> = wrap(word.text(), usize::from(area.width)).into_iter().map(Line::from).collect();
        frame.render_widget(Paragraph::new(hint).style(Style::new().fg(Color::DarkGray)), area);
        return;
    }
    let scroll = state.scroll.min(rows.len().saturating_sub(height));
    let end = rows.len() - scroll;
    let start = end.saturating_sub(height);
    let shown: Vec<Line<'_>> = rows[start..end].iter().map(|row| row.line.clone()).collect();
    // What there is of a short conversation stands at the bottom, where it goes on.
    let top = area.y + area.height.saturating_sub(shown.len() as u16);
    frame.render_widget(Paragraph::new(shown), Rect { y: top, height: area.bottom() - top, ..area });
    let hint = |word: &str, y: u16, frame: &mut Frame<'_>| {
        let line = Line::styled(word.to_owned(), Style::new().fg(Color::DarkGray));
        frame.render_widget(Paragraph::new(line).alignment(Alignment::Right), Rect { y, height: 1, ..area });
    };
    if start > 0 && area.height > 3 {
        hint(words::OLDER.text(), area.y, frame);
    }
    if scroll > 0 && area.height > 3 {
        hint(words::NEWER.text(), area.bottom() - 1, frame);
    }
}

/// All rows, oldest first.
pub(super) fn lines(state: &State, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut day = String::new();
    for item in &state.items {
        let at_ms = match item {
            TimelineItem::Said(message) => ms(message.sent_at),
            TimelineItem::Changed(change) => ms(change.at),
        };
        let today = show::day(at_ms);
        if today != day {
            let text = format!(" {today} ");
            let side = "─".repeat(columns.saturating_sub(width(&text)) / 2);
            rows.push(plain(format!("{side}{text}{side}"), Style::new().fg(Color::DarkGray)));
            day = today;
        }
        match item {
            TimelineItem::Said(message) => said(&mut rows, message, state, columns),
            TimelineItem::Changed(change) => {
                let style = Style::new().fg(Color::DarkGray).add_modifier(Modifier::ITALIC);
                let text = format!(
                    "{} — {}{}",
                    show::clock(at_ms),
                    show::change_words(change, &state.names),
                    mark(change.delivery)
                );
                rows.extend(wrap(&text, columns).into_iter().map(|line| plain(line, style)));
            }
        }
    }
    rows
}

fn plain(text: String, style: Style) -> Row {
    Row { of: None, line: Line::styled(text, style) }
}

fn said(rows: &mut Vec<Row>, message: &Message, state: &State, columns: usize) {
    let is_picked = state.picked == Some(message.id);
    let base = if is_picked { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
    let faint = base.fg(Color::DarkGray);
    let mut push = |spans: Vec<Span<'static>>| rows.push(Row { of: Some(message.id), line: Line::from(spans) });
    let colour = COLOURS[usize::from(message.sender.id.0[0]) % COLOURS.len()];
    let edited = if message.edited_at.is_some() { format!(" ({})", say::EDITED) } else { String::new() };
    let after = format!(" {}{edited}", show::clock(ms(message.sent_at)));
    let came = mark(message.delivery);
    let room = columns.saturating_sub(width(&after) + width(&came));
    let name = shorten(&show::safe(&message.sender.name), room);
    let name_style = base.fg(colour).add_modifier(Modifier::BOLD);
    push(vec![
        Span::styled(name, name_style),
        Span::styled(after, faint),
        Span::styled(came, mark_style(message.delivery, base)),
    ]);
    if let Some(quote) = &message.reply_to {
        // Only what was said can be answered: a text that is no more was deleted.
        let text = if quote.text.is_empty() { say::DELETED.to_string() } else { show::safe(&quote.text) };
        let quoted =
            quote.sender.as_ref().map_or("…".into(), |sender| format!("{}: {text}", show::safe(&sender.name)));
        push(vec![Span::styled(format!("  │ {}", shorten(&quoted, columns.saturating_sub(4))), faint)]);
    }
    let is_text = matches!(message.content, pli_core::model::Content::Text { .. });
    let body = if is_text { base } else { faint.add_modifier(Modifier::ITALIC) };
    for line in wrap(&show::content_words(message, &state.names), columns.saturating_sub(2)) {
        push(vec![Span::styled(format!("  {line}"), body)]);
    }
    if !message.reactions.is_empty() {
        let all = message
            .reactions
            .iter()
            .map(|reaction| format!("{} {}", show::safe(&reaction.emoji), reaction.people.len()));
        let all = all.collect::<Vec<_>>().join("  ");
        push(vec![Span::styled(format!("  {}", shorten(&all, columns.saturating_sub(2))), faint)]);
    }
    for deed in &message.unsettled {
        let words = format!("{}{}", show::deed_words(deed), mark(Some(deed.delivery)));
        for line in wrap(&words, columns.saturating_sub(2)) {
            push(vec![Span::styled(format!("  {line}"), mark_style(Some(deed.delivery), base))]);
        }
    }
}

/// How far an own message came.
fn mark(delivery: Option<DeliveryState>) -> String {
    match delivery {
        None => String::new(),
        Some(DeliveryState::Waiting) => " …".into(),
        Some(DeliveryState::Sent) => " ✓".into(),
        Some(DeliveryState::Refused(_)) => format!(" ✗ {}", say::REFUSED),
    }
}

fn mark_style(delivery: Option<DeliveryState>, base: Style) -> Style {
    match delivery {
        Some(DeliveryState::Refused(_)) => base.fg(Color::Red),
        Some(DeliveryState::Waiting) => base.fg(Color::Yellow),
        _ => base.fg(Color::Green),
    }
}
