//! Text on a grid of cells: clusters, widths, and breaking into lines.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// Cells that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// What a person sees as one character: a letter with its marks, an emoji with its modifiers, a flag.
pub(super) fn clusters(text: &str) -> Vec<&str> {
    let mut starts = Vec::new();
    let mut previous = None;
    let mut flags = 0;
    for (index, c) in text.char_indices() {
        let is_flag = ('\u{1f1e6}'..='\u{1f1ff}').contains(&c);
        let is_tone = ('\u{1f3fb}'..='\u{1f3ff}').contains(&c);
        flags = if is_flag { flags + 1 } else { 0 };
        let extends =
            c.width() == Some(0) || previous == Some(ZERO_WIDTH_JOINER) || is_tone || is_flag && flags % 2 == 0;
        if previous.is_none() || c == '\n' || previous == Some('\n') || !extends {
            starts.push(index);
        }
        previous = Some(c);
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

/// Breaks a text into lines of at most `limit` cells: at spaces where there are some, else between clusters.
pub(super) fn wrap(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(2);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in words(paragraph) {
            if width(&line) + width(word.trim_end()) > limit && !line.is_empty() {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
            }
            if width(word.trim_end()) <= limit {
                line.push_str(word);
                continue;
            }
            for cluster in clusters(word) {
                if width(&line) + width(cluster) > limit {
                    lines.push(std::mem::take(&mut line));
                }
                line.push_str(cluster);
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Words, each with the spaces after it.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut was_space) = (0, false);
    for (index, c) in text.char_indices() {
        // A no-break space stays with its words, as French punctuation wants.
        let is_space = c == ' ' || c == '\t';
        if was_space && !is_space {
            words.push(&text[start..index]);
            start = index;
        }
        was_space = is_space;
    }
    words.push(&text[start..]);
    words
}

/// The beginning of a text, in at most `limit` cells, with a mark if something was left out.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    let line = text.replace('\n', " ");
    if width(&line) <= limit {
        return line;
    }
    let mut short = String::new();
    for cluster in clusters(&line) {
        if width(&short) + width(cluster) + 1 > limit {
            break;
        }
        short.push_str(cluster);
    }
    if limit > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_keep_together_what_belongs_together() {
        assert_eq!(clusters("ae\u{301}b"), ["a", "e\u{301}", "b"]);
        assert_eq!(clusters("👩‍👧x"), ["👩‍👧", "x"]);
        assert_eq!(clusters("👍🏽❤️"), ["👍🏽", "❤️"]);
        assert_eq!(clusters("🇫🇷🇧🇪"), ["🇫🇷", "🇧🇪"]);
        assert_eq!(clusters("a\nb"), ["a", "\n", "b"]);
        assert!(clusters("").is_empty());
    }

    #[test]
    fn lines_break_at_spaces_and_fit() {
        assert_eq!(wrap("La Deûle monte encore", 10), ["La Deûle", "monte", "encore"]);
        assert_eq!(wrap("a\n\nb", 10), ["a", "", "b"]);
        assert_eq!(wrap("日本語テキスト", 6), ["日本語", "テキス", "ト"]);
        assert_eq!(wrap("", 10), [""]);
        let long = "🌊".repeat(50) + " anticonstitutionnellement e\u{301}te\u{301}";
        for limit in 2..40 {
            assert!(wrap(&long, limit).iter().all(|line| width(line) <= limit), "{limit}");
        }
    }

    #[test]
    fn a_text_is_shortened_by_cells() {
        assert_eq!(shorten("bonjour", 7), "bonjour");
        assert_eq!(shorten("bonjour", 4), "bon…");
        assert_eq!(shorten("🌊🌊🌊", 4), "🌊…");
        assert_eq!(shorten("a\nb", 9), "a b");
        assert_eq!(shorten("abc", 0), "");
    }
}
