//! What the program says to people, in English and French. Logic names a [`Word`]; which language it comes in is chosen
//! once, by `LC_ALL`, `LC_MESSAGES` or `LANG`. JSON field names and clap's own usage texts are not translated.
//!
//! - [`errors`]: what went wrong. [`say`]: what commands answer. [`demo`]: the demo. [`screen`]: the chat.

use std::sync::OnceLock;

pub(crate) mod demo;
pub(crate) mod errors;
pub(crate) mod say;
pub(crate) mod screen;

/// One text in each language; `{0}`, `{1}`… stand for values.
#[derive(Debug)]
pub(crate) struct Word {
    en: &'static str,
    fr: &'static str,
}

impl Word {
    /// In the person's language.
    pub(crate) fn text(&self) -> &'static str {
        match language() {
            Language::English => self.en,
            Language::French => self.fr,
        }
    }

    /// In the person's language, with values.
    pub(crate) fn with(&self, values: &[&dyn std::fmt::Display]) -> String {
        let mut text = self.text().to_owned();
        for (index, value) in values.iter().enumerate() {
            text = text.replace(&format!("{{{index}}}"), &value.to_string());
        }
        text
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

/// Declares words, and the list of them that tests walk.
macro_rules! words {
    ($($name:ident: $en:expr, $fr:expr;)+) => {
        $(#[doc = $en] pub(crate) const $name: $crate::words::Word = $crate::words::Word { en: $en, fr: $fr };)+
        #[cfg(test)]
        pub(super) const ALL: &[(&str, $crate::words::Word)] = &[$((stringify!($name), $name)),+];
    };
}
use words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    English,
    French,
}

fn language() -> Language {
    static LANGUAGE: OnceLock<Language> = OnceLock::new();
    *LANGUAGE.get_or_init(|| {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        language_of(set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG")).as_deref())
    })
}

fn language_of(locale: Option<&str>) -> Language {
    match locale {
        Some(locale) if locale.to_ascii_lowercase().starts_with("fr") => Language::French,
        _ => Language::English,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_chooses_the_language() {
        assert_eq!(language_of(None), Language::English);
        assert_eq!(language_of(Some("C.UTF-8")), Language::English);
        assert_eq!(language_of(Some("fr_FR.UTF-8")), Language::French);
    }

    #[test]
    fn both_languages_name_the_same_values() {
        let values = |text: &str| {
            let mut found: Vec<String> = (0..9).map(|n| format!("{{{n}}}")).filter(|v| text.contains(v)).collect();
            found.sort();
            found
        };
        for (name, word) in [errors::ALL, say::ALL, demo::ALL, screen::ALL].into_iter().flatten() {
            assert!(!word.en.is_empty() && !word.fr.is_empty(), "{name}");
            assert_eq!(values(word.en), values(word.fr), "{name}");
        }
    }
}
