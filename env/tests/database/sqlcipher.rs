//! SQLCipher over our provider: it reads what SQLCipher over OpenSSL wrote, and nobody reads it without the key.

use std::path::Path;

use pli_env::Env as _;
use pli_env::real::Real;
use rusqlite::{Connection, ErrorCode};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

async fn open(path: &Path, key: &str) -> Connection {
    let db = Real::current().open_database(path).unwrap();
    db.execute_batch(&format!("PRAGMA cipher_log_level = NONE; PRAGMA key = \"x'{key}'\"")).unwrap();
    db
}

fn said(db: &Connection) -> rusqlite::Result<Vec<String>> {
    db.prepare("SELECT text FROM said ORDER BY id")?.query_map([], |row| row.get(0))?.collect()
}

#[tokio::test]
async fn aws_lc_serves_sqlcipher() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder.path().join("new.db"), KEY).await;
    let asked = |pragma: &str| db.query_row(pragma, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(asked("PRAGMA cipher_provider"), "aws-lc");
    assert_eq!(asked("PRAGMA cipher_hmac_algorithm"), "HMAC_SHA512");
}

/// `openssl.db` was written on 2026-11-30 by rusqlite 0.37, which brought SQLCipher 4.6 over OpenSSL 3.6, under [`KEY`].
#[tokio::test]
async fn what_openssl_wrote_is_read_and_written_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    std::fs::write(&path, include_bytes!("openssl.db")).unwrap();
    let db = open(&path, KEY).await;
    assert_eq!(said(&db).unwrap(), ["Bonjour", "Crue", "Digue"]);
    db.execute("INSERT INTO said(text) VALUES(?)", ["Pompe"]).unwrap();
    drop(db);
    assert_eq!(said(&open(&path, KEY).await).unwrap().len(), 4);
}

#[tokio::test]
async fn another_key_or_a_changed_byte_reads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    let mut bytes = include_bytes!("openssl.db").to_vec();
    std::fs::write(&path, &bytes).unwrap();
    let other = open(&path, &KEY.replace("1f", "1e")).await;
    assert_eq!(said(&other).unwrap_err().sqlite_error_code(), Some(ErrorCode::NotADatabase));
    // In the midst of the second page, where the texts are.
    bytes[4096 + 2000] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(said(&open(&path, KEY).await).is_err());
}

#[tokio::test]
async fn no_text_stands_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let db = open(&path, KEY).await;
    db.execute_batch(
        "CREATE TABLE said(id INTEGER PRIMARY KEY, text TEXT); INSERT INTO said(text) VALUES('rendez-vous')",
    )
    .unwrap();
    drop(db);
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() >= 8192 && !bytes.windows(5).any(|part| part == b"rende" || part == b"said("));
}
