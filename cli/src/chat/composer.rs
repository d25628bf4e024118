//! The text being written: lines, a cursor that moves by what a person sees as one character, completing mentions.

use pli_core::text::fold;

use super::text::clusters;

/// A text and a cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Composer {
    text: String,
    /// In bytes, at the beginning of a cluster.
    cursor: usize,
}

impl Composer {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the cursor.
    pub(super) fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    pub(super) fn insert(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    /// Takes the text, leaving nothing.
    pub(super) fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    pub(super) fn backspace(&mut self) {
        let end = self.cursor;
        self.left();
        self.text.replace_range(self.cursor..end, "");
    }

    pub(super) fn delete(&mut self) {
        let next = clusters(&self.text[self.cursor..]).first().map_or(0, |cluster| cluster.len());
        self.text.replace_range(self.cursor..self.cursor + next, "");
    }

    pub(super) fn delete_word(&mut self) {
        let before = self.before().trim_end();
        let start = before
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
    }

    pub(super) fn left(&mut self) {
        self.cursor -= clusters(self.before()).last().map_or(0, |cluster| cluster.len());
    }

    pub(super) fn right(&mut self) {
        self.cursor += clusters(&self.text[self.cursor..]).first().map_or(0, |cluster| cluster.len());
    }

    /// To the beginning of the line.
    pub(super) fn home(&mut self) {
        self.cursor = self.before().rfind('\n').map_or(0, |at| at + 1);
    }

    /// To the end of the line.
    pub(super) fn end(&mut self) {
        self.cursor += self.text[self.cursor..].find('\n').unwrap_or(self.text.len() - self.cursor);
    }

    /// Completes the mention that is being written, if just one of the names begins so, without case and accents.
    pub(super) fn complete<'a>(&mut self, candidates: impl IntoIterator<Item = &'a str>) -> bool {
        let Some(at) = self.before().rfind('@') else { return false };
        let begun = fold(&self.before()[at + 1..]);
        let mut fitting = candidates.into_iter().filter(|name| fold(name).starts_with(&begun));
        let (Some(name), None) = (fitting.next(), fitting.next()) else { return false };
        self.text.replace_range(at + 1..self.cursor, name);
        self.cursor = at + 1 + name.len();
        self.insert(" ");
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_moves_by_what_one_sees() {
        let mut composer = Composer::new("a👩‍👧e\u{301}");
        composer.backspace();
        assert_eq!(composer.text(), "a👩‍👧");
        composer.left();
        assert_eq!(composer.before(), "a");
        composer.delete();
        assert_eq!(composer.text(), "a");
        composer.left();
        composer.left();
        composer.backspace();
        composer.insert("é");
        composer.right();
        composer.right();
        assert_eq!((composer.text(), composer.before()), ("éa", "éa"));
    }

    #[test]
    fn lines_and_words() {
        let mut composer = Composer::new("un\ndeux trois");
        composer.home();
        assert_eq!(composer.before(), "un\n");
        composer.end();
        composer.delete_word();
        assert_eq!(composer.text(), "un\ndeux ");
        assert_eq!(composer.take(), "un\ndeux ");
        composer.delete_word();
        assert_eq!(composer.text(), "");
    }

    #[test]
    fn mentions_are_completed_when_there_is_no_doubt() {
        let names = ["Bảo Nguyễn", "Béatrice", "Anne"];
        let mut composer = Composer::new("merci @ba");
        assert!(composer.complete(names));
        assert_eq!(composer.text(), "merci @Bảo Nguyễn ");
        let mut composer = Composer::new("merci @b");
        assert!(!composer.complete(names));
        assert!(!Composer::new("merci").complete(names));
    }
}
