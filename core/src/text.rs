//! What screens need to know of names and texts, by Unicode.

use pli_proto::limits;
use pli_proto::text::is_invisible;
use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{EmojiStatus, UnicodeEmoji};
use unicode_segmentation::UnicodeSegmentation as _;

/// The first letters of the first and the last word of a name, in capitals; one letter if there is one word.
pub(crate) fn initials(name: &str) -> String {
    let letter = |word: &str| word.nfc().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().to_string());
    let mut letters = name.split_whitespace().filter_map(letter);
    let first = letters.next().unwrap_or_default();
    first + &letters.next_back().unwrap_or_default()
}

/// One of twelve, the same everywhere.
pub(crate) fn colour(id: &[u8; 16]) -> usize {
    id.iter().map(|byte| usize::from(*byte)).sum::<usize>() % 12
}

/// Emoji that are shown large, at most.
const FEW_EMOJI: usize = 6;

/// Whether a text is a few emoji and nothing else.
pub(crate) fn is_emoji_only(text: &str) -> bool {
    // Joined persons, flags and skin tones: several characters each.
    const MOST_BYTES: usize = FEW_EMOJI * 40;
    text.len() <= MOST_BYTES
        && text.chars().any(|c| c.is_emoji_char() && !c.is_ascii())
        && text.chars().all(|c| c.is_emoji_char_or_emoji_component() && !c.is_ascii() || c == ' ')
        && text.graphemes(true).filter(|cluster| *cluster != " ").count() <= FEW_EMOJI
}

/// One emoji in its one form, if `text` is one in any form. U+FE0F asks for a picture where a character is a letter by
/// default, and stands nowhere else: so the same emoji typed on two keyboards counts as one.
pub(crate) fn emoji(text: &str) -> Option<String> {
    const PICTURE: char = '\u{fe0f}';
    const KEYCAP: char = '\u{20e3}';
    let text = text.trim();
    let part = |c: char| c.is_emoji_char_or_emoji_component() && (!c.is_ascii() || text.contains(KEYCAP));
    let is_one = text.len() <= limits::EMOJI_BYTES
        && text.graphemes(true).count() == 1
        && text.chars().next().is_some_and(UnicodeEmoji::is_emoji_char)
        && text.chars().all(part);
    if !is_one {
        return None;
    }
    let mut form = String::new();
    let mut characters = text.chars().filter(|c| *c != PICTURE).peekable();
    while let Some(c) = characters.next() {
        form.push(c);
        let is_letter = matches!(
            c.emoji_status(),
            EmojiStatus::EmojiOther | EmojiStatus::EmojiOtherAndEmojiComponent | EmojiStatus::EmojiModifierBase
        );
        // A skin tone makes a picture of what it follows.
        let toned = characters.peek().is_some_and(|next| ('\u{1f3fb}'..='\u{1f3ff}').contains(next));
        if is_letter && !toned {
            form.push(PICTURE);
        }
    }
    Some(form)
}

/// Bytes of a text that is quoted or told of.
const QUOTE_BYTES: usize = 256;

/// The beginning of a text.
pub(crate) fn beginning(text: &str) -> String {
    text[..text.floor_char_boundary(QUOTE_BYTES)].to_owned()
}

/// Text as searches compare it, which is as people type it: lower case, without accents, marks and what can't be seen, with
/// the keyboard's apostrophe and hyphen, ligatures as two letters.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.to_lowercase().nfkd() {
        match c {
            c if unicode_normalization::char::is_combining_mark(c) || is_invisible(c) => {}
            // None of these has a decomposition.
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            'þ' => folded.push_str("th"),
            'đ' | 'ð' => folded.push('d'),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            '\u{2bc}' | '‘' | '’' | '‛' | '′' | '´' | '`' => folded.push('\''),
            '‐'..='―' | '−' => folded.push('-'),
            c => folded.push(c),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::{emoji, fold, initials, is_emoji_only};

    #[test]
    fn initials_are_letters_of_any_script() {
        for (name, expected) in [
            ("Anne Lefèvre", "AL"),
            ("E\u{301}loïse  de la Tour", "ÉT"),
            ("يوسف الحسن", "يا"),
            ("Prince", "P"),
            ("(Cellule) de crue 🌊", "CC"),
            ("🌊", ""),
            ("", ""),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn a_few_emoji_stand_alone() {
        for text in ["🌊", "👍🏽", "👨‍👩‍👧 🇫🇷", "❤️", "🌊🌊🌊🌊🌊🌊"] {
            assert!(is_emoji_only(text), "{text}");
        }
        for text in ["", " ", "1", "ok 👍", "🌊🌊🌊🌊🌊🌊🌊", "#", "\u{200d}", "©a"] {
            assert!(!is_emoji_only(text), "{text}");
        }
    }

    #[test]
    fn an_emoji_has_one_form() {
        for (one, form) in [
            ("👍", "👍"),
            ("👍\u{fe0f}", "👍"),
            (" 👍🏽 ", "👍🏽"),
            ("❤", "❤\u{fe0f}"),
            ("❤\u{fe0f}", "❤\u{fe0f}"),
            ("☝🏽", "☝🏽"),
            ("👁\u{200d}🗨", "👁\u{fe0f}\u{200d}🗨\u{fe0f}"),
            ("1\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("🇫🇷", "🇫🇷"),
            ("👨‍👩‍👧", "👨‍👩‍👧"),
            (
                "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
                "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            ),
        ] {
            assert_eq!(emoji(one).as_deref(), Some(form), "{one:?}");
            assert_eq!(emoji(form).as_deref(), Some(form), "{form:?}");
        }
        for none in [
            "",
            "é",
            "très bien",
            "\u{202e}",
            "\u{200b}",
            "👍👍",
            "👍👍👍",
            "1",
            "#",
            "a\u{20e3}",
            "\u{200d}",
            "\u{fe0f}",
            "👍x",
        ] {
            assert_eq!(emoji(none), None, "{none:?}");
        }
    }

    #[test]
    fn searches_see_through_case_and_accents() {
        assert_eq!(fold("Bảo ĐỖ Éloïse Łukasz"), "bao do eloise lukasz");
        assert_eq!(fold("ΓΙΏΡΓΟΣ Γιώργος"), "γιωργοσ γιωργοσ");
    }

    #[test]
    fn searches_find_what_keyboards_lack() {
        for (written, typed) in [
            ("Lecœur", "lecoeur"),
            ("LECŒUR", "lecoeur"),
            ("Ægir", "aegir"),
            ("Straße", "strasse"),
            ("STRAẞE", "strasse"),
            ("d’Hérouville", "d'herouville"),
            ("dʼHérouville", "d'herouville"),
            ("Jean‐Luc", "jean-luc"),
            ("Jean\u{2011}Luc", "jean-luc"),
            ("Jean–Luc", "jean-luc"),
            ("Jean\u{ad}ne", "jeanne"),
            ("An\u{200b}ne", "anne"),
            ("Anne\u{a0}Lefèvre", "anne lefevre"),
            ("oﬃce", "office"),
        ] {
            assert_eq!(fold(written), typed, "{written}");
        }
    }
}
