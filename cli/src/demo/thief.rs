//! The thief: has folders without their keys, and looks for texts and names byte by byte.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

/// Shorter ones occur by chance.
const SHORTEST: usize = 8;
/// Bits of the filter before the table: most places are ruled out by it.
const FILTER_BITS: u32 = 18;

/// What is looked for.
pub(crate) struct Needles {
    filter: Vec<u64>,
    by_beginning: HashMap<u64, Vec<(Vec<u8>, String)>>,
}

impl Needles {
    /// Looks for these bytes, each with what to call them. What is shorter than eight bytes is left out.
    pub(crate) fn new(wanted: impl IntoIterator<Item = (Vec<u8>, String)>) -> Self {
        let mut needles = Self { filter: vec![0; 1 << (FILTER_BITS - 6)], by_beginning: HashMap::new() };
        for (bytes, name) in wanted {
            let Some(beginning) = bytes.first_chunk::<SHORTEST>().map(|first| u64::from_be_bytes(*first)) else {
                continue;
            };
            let bit = place(beginning);
            needles.filter[bit / 64] |= 1 << (bit % 64);
            needles.by_beginning.entry(beginning).or_default().push((bytes, name));
        }
        needles
    }

    /// What occurs in `bytes`, each once.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        let mut window = 0u64;
        for (end, byte) in (1..).zip(bytes) {
            window = window << 8 | u64::from(*byte);
            let bit = place(window);
            if end < SHORTEST || self.filter[bit / 64] >> (bit % 64) & 1 == 0 {
                continue;
            }
            for (needle, name) in self.by_beginning.get(&window).into_iter().flatten() {
                if bytes[end - SHORTEST..].starts_with(needle) && !found.contains(&name.as_str()) {
                    found.push(name.as_str());
                }
            }
        }
        found
    }
}

fn place(beginning: u64) -> usize {
    (beginning.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS)) as usize
}

/// Looks through all files of a folder; gives what was found where, and how many bytes were looked through.
pub(crate) fn search(folder: &Path, needles: &Needles) -> io::Result<(Vec<String>, u64)> {
    let (mut found, mut looked_through) = (Vec::new(), 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                // SQLite removes its files when it is done with them.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            looked_through += bytes.len() as u64;
            found.extend(needles.find(&bytes).into_iter().map(|name| format!("{name} in {}", path.display())));
        }
    }
    Ok((found, looked_through))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles(texts: &[&str]) -> Needles {
        Needles::new(texts.iter().map(|text| (text.as_bytes().to_vec(), (*text).to_owned())))
    }

    #[test]
    fn the_thief_finds_what_is_in_plain() {
        let needles = needles(&["La Deûle déborde", "La Deûle monte", "short"]);
        let mut bytes = vec![7; 10_000];
        assert!(needles.find(&bytes).is_empty());
        bytes.splice(5_000..5_000, "La Deûle monte".bytes());
        bytes.extend(b"short");
        assert_eq!(needles.find(&bytes), ["La Deûle monte"]);
        bytes.extend("La Deûle débord".bytes());
        assert_eq!(needles.find(&bytes), ["La Deûle monte"], "not half of one");
        bytes.push(b'e');
        assert_eq!(needles.find(&bytes), ["La Deûle monte", "La Deûle déborde"]);
        assert_eq!(needles.find("La Deûle monte".as_bytes()), ["La Deûle monte"]);
        assert!(needles.find(b"").is_empty());
    }

    #[test]
    fn folders_are_searched_to_the_bottom() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), "xx Tout va bien ici yy").unwrap();
        let (found, looked_through) = search(folder.path(), &needles(&["Tout va bien ici"])).unwrap();
        assert_eq!((found.len(), looked_through), (1, 22));
        assert!(found[0].contains("Tout va bien ici in ") && found[0].ends_with("a/b/file"), "{found:?}");
    }
}
