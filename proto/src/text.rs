//! Which texts and names are one: what a person writes and another reads, the same for whoever sends and whoever receives.

use crate::limits::{NAME_BYTES, TEXT_BYTES};

/// Whether a text is one that may be said: something to be seen, and not too long.
pub fn is_text(text: &str) -> bool {
    text.len() <= TEXT_BYTES && !is_blank(text)
}

/// Whether a name is one: a line with something to be seen, and not too long.
pub fn is_name(name: &str) -> bool {
    name.len() <= NAME_BYTES && !name.contains(char::is_control) && !is_blank(name)
}

/// Whether nothing of a text can be seen. A name like that could be told from no other, and from none at all.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Whether a character shows nothing by itself: Unicode's Default_Ignorable_Code_Point, and three more that are blank.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        // Braille without a dot, and the anchors of notes between lines.
        | '\u{2800}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_neither_a_text_nor_a_name() {
        for blank in
            ["", " ", "\u{a0}", "\u{200b}", "\u{2060}\u{feff}", "\u{3164}", "\u{2800} \u{ad}", "\u{202e}", "\u{fe0f}"]
        {
            assert!(is_blank(blank) && !is_text(blank) && !is_name(blank), "{blank:?}");
        }
        for seen in ["a", "\u{200b}a", "❤\u{fe0f}", "👩\u{200d}👧", "नि", "טקסט\u{200f}", "."] {
            assert!(is_text(seen) && is_name(seen), "{seen:?}");
        }
    }

    #[test]
    fn names_are_a_line_and_bounded() {
        assert!(is_name(&"x".repeat(NAME_BYTES)) && !is_name(&"x".repeat(NAME_BYTES + 1)) && !is_name("a\nb"));
        assert!(is_text(&"x".repeat(TEXT_BYTES)) && !is_text(&"x".repeat(TEXT_BYTES + 1)) && is_text("a\nb"));
    }
}
