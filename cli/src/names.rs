//! Finding what a person named: by id, by the beginning of an id (four digits at least), by name, or by the beginning
//! of words of a name. Case and accents do not matter. What may mean several is an error that lists them.

use pli_core::text::fold;

use crate::failure::Failure;
use crate::words::{Word, errors};

/// Digits of an id that may stand for it.
const PREFIX_DIGITS: usize = 4;
/// Candidates that an error lists.
const LISTED: usize = 10;

/// Something that can be named.
#[derive(Clone, Debug)]
pub(crate) struct Candidate<T> {
    /// What it is.
    pub(crate) value: T,
    /// In hexadecimal.
    pub(crate) id: String,
    /// As people read it; empty if it has none.
    pub(crate) name: String,
}

/// The one that `text` names.
///
/// # Errors
/// `unknown`, or the list of those that it may mean.
pub(crate) fn find<T: Clone>(candidates: &[Candidate<T>], text: &str, unknown: &Word) -> Result<T, Failure> {
    let wanted = fold(text.trim());
    let named: Vec<_> = candidates.iter().filter(|one| !wanted.is_empty() && fold(&one.name) == wanted).collect();
    let by_id = |one: &&Candidate<T>| is_prefix(&wanted) && one.id.starts_with(&wanted);
    let identified: Vec<_> = candidates.iter().filter(by_id).collect();
    let begun: Vec<_> = candidates.iter().filter(|one| begins(&fold(&one.name), &wanted)).collect();
    for found in [named, identified, begun] {
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one.value.clone()),
            several => return Err(ambiguous(text, several)),
        }
    }
    Err(Failure::refused(unknown.with(&[&text])))
}

fn is_prefix(text: &str) -> bool {
    (PREFIX_DIGITS..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether each word of `wanted` begins a word of `name`.
fn begins(name: &str, wanted: &str) -> bool {
    let mut words = wanted.split_whitespace().peekable();
    words.peek().is_some() && words.all(|word| name.split_whitespace().any(|part| part.starts_with(word)))
}

fn ambiguous<T>(text: &str, several: &[&Candidate<T>]) -> Failure {
    let mut message = errors::AMBIGUOUS.with(&[&text]);
    for one in several.iter().take(LISTED) {
        message.push_str(&format!("\n  {}  {}", one.id, one.name));
    }
    if several.len() > LISTED {
        message.push_str("\n  …");
    }
    Failure::refused(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Code;

    fn people() -> Vec<Candidate<u8>> {
        let one = |value, id: &str, name: &str| Candidate { value, id: format!("{id:0<32}"), name: name.into() };
        vec![
            one(1, "abcd1", "Anne Lefèvre"),
            one(2, "abcd2", "Bảo Nguyễn"),
            one(3, "beef", "Anne Dupont"),
            one(4, "0123", "anne lefevre"),
            one(5, "fade", "Face"),
        ]
    }

    fn found(text: &str) -> Result<u8, Failure> {
        find(&people(), text, &errors::UNKNOWN_PERSON)
    }

    #[test]
    fn names_are_found_without_case_and_accents() {
        assert_eq!(found("bao nguyen"), Ok(2));
        assert_eq!(found("BA\u{309}O NGUYỄN"), Ok(2), "combining marks too");
        assert_eq!(found("dupont"), Ok(3));
        assert_eq!(found("an dup"), Ok(3));
    }

    #[test]
    fn ids_are_found_by_four_digits() {
        assert_eq!(found("beef"), Ok(3));
        assert_eq!(found("abcd2"), Ok(2));
        assert_eq!(found(&format!("{:0<32}", "abcd1")), Ok(1));
        assert_eq!(found("bee").unwrap_err().code, Code::Refused);
        assert_eq!(found("face"), Ok(5), "a name comes before an id");
    }

    #[test]
    fn what_may_mean_several_lists_them() {
        for text in ["Anne Lefèvre", "abcd", "anne"] {
            let failure = found(text).unwrap_err();
            assert!(failure.message.lines().count() >= 3, "{text}: {}", failure.message);
        }
        assert!(found("Anne Lefevre").unwrap_err().message.contains("abcd1"));
    }

    #[test]
    fn nothing_finds_nothing() {
        for text in ["", " ", "nobody", "\u{301}"] {
            assert_eq!(found(text).unwrap_err().code, Code::Refused);
        }
    }
}
