//! The bytes that stand for a stored value of openmls.
//!
//! openmls stores whole values: the secrets of all senders after each message, the whole tree after each commit. So
//! that this stays cheap, a value seldom changes its size or its layout, and takes no room for what is empty: it is
//! postcard, in which a key has its own length whatever its bytes, without the blocks that hold only zeros. SQLite
//! then overwrites a row in place, and writes only the pages that differ.
//!
//! The join configuration is JSON, because its serde form is "untagged", which postcard can't read. The first byte
//! says which of the two, since postcard can't read a struct that has grown: a new openmls may need a new form, and a
//! migration to it. There is no check over the bytes: SQLCipher has one over each page.
//!
//! [`store::mls`](crate::store::mls) calls this; it knows no types.

use std::error::Error;

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Form {
    /// For values that describe themselves.
    Json = 0,
    /// For all others.
    Postcard = 1,
}

/// Why a value can't be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// The value takes more than [`MAX_VALUE_BYTES`].
    #[error("the value is too large to be stored")]
    TooLarge,
    /// serde can't write the value.
    #[error("the value can't be written")]
    Write(#[source] Box<dyn Error + Send + Sync>),
    /// The bytes are not those that were written.
    #[error("the stored value is damaged")]
    Damaged,
    /// The first byte names no form, or one of a later version.
    #[error("the stored value has the unknown form {0}")]
    UnknownForm(u8),
    /// The bytes are whole, but are no value of the type asked for.
    #[error("the stored value is of another type")]
    Read(#[source] Box<dyn Error + Send + Sync>),
}

/// The bytes that stand for `value`.
///
/// # Errors
/// [`FormError::TooLarge`], [`FormError::Write`].
pub fn encode(form: Form, value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, FormError> {
    let plain = match form {
        Form::Json => vec![Zeroizing::new(serde_json::to_vec(value).map_err(write)?)],
        Form::Postcard => postcard::serialize_with_flavor(value, Pieces::new()).map_err(write)?,
    };
    let len: usize = plain.iter().map(|piece| piece.len()).sum();
    if len > MAX_VALUE_BYTES {
        return Err(FormError::TooLarge);
    }
    match form {
        Form::Json => Ok(Zeroizing::new([&[form as u8], plain[0].as_slice()].concat())),
        Form::Postcard => Ok(fold(&plain, len)),
    }
}

/// The value for which `bytes` stand. Whatever the bytes, this neither panics nor asks for more memory than
/// [`MAX_VALUE_BYTES`] and what serde makes of as many.
///
/// # Errors
/// [`FormError::Damaged`], [`FormError::UnknownForm`], [`FormError::Read`], [`FormError::TooLarge`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FormError> {
    Unread::of(bytes)?.value()
}

/// A value in memory of its own, not read yet: those bytes that it was made of may be freed first.
pub struct Unread(Form, Zeroizing<Vec<u8>>);

impl Unread {
    /// Unfolds.
    ///
    /// # Errors
    /// [`FormError::Damaged`], [`FormError::UnknownForm`], [`FormError::TooLarge`].
    pub fn of(bytes: &[u8]) -> Result<Self, FormError> {
        let (form, body) = bytes.split_first().ok_or(FormError::Damaged)?;
        if *form == Form::Json as u8 {
            Ok(Self(Form::Json, body.to_vec().into()))
        } else if *form == Form::Postcard as u8 {
            Ok(Self(Form::Postcard, unfold(body)?))
        } else {
            Err(FormError::UnknownForm(*form))
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`FormError::Read`], [`FormError::Damaged`].
    pub fn value<T: DeserializeOwned>(self) -> Result<T, FormError> {
        match self.0 {
            Form::Json => serde_json::from_slice(&self.1).map_err(read),
            Form::Postcard => whole(&self.1),
        }
    }
}

/// The bytes that stand for a key under which values are found: plain postcard, equal for equal keys.
///
/// # Errors
/// [`FormError::Write`].
pub fn encode_key(key: &impl Serialize) -> Result<Vec<u8>, FormError> {
    postcard::to_allocvec(key).map_err(write)
}

/// The key for which `bytes` stand.
///
/// # Errors
/// [`FormError::Read`], [`FormError::Damaged`].
pub fn decode_key<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FormError> {
    whole(bytes)
}

/// The value that takes all of these bytes. postcard and serde reserve no more for a sequence than what is left of
/// the bytes, or a mebibyte, whatever length the bytes claim.
fn whole<T: DeserializeOwned>(plain: &[u8]) -> Result<T, FormError> {
    let (value, rest) = postcard::take_from_bytes(plain).map_err(read)?;
    if rest.is_empty() { Ok(value) } else { Err(FormError::Damaged) }
}

/// The first byte, the length, a bit per block that isn't all zeros, and those blocks. Every piece but the last is of whole
/// blocks.
fn fold(plain: &[Zeroizing<Vec<u8>>], len: usize) -> Zeroizing<Vec<u8>> {
    let blocks = || plain.iter().flat_map(|piece| piece.chunks(BLOCK_BYTES));
    let is_kept = |block: &&[u8]| block.iter().fold(0, |all, byte| all | byte) != 0;
    let kept: usize = blocks().filter(is_kept).map(<[u8]>::len).sum();
    let bits = 1 + size_of::<u32>();
    let first = bits + len.div_ceil(BLOCK_BYTES).div_ceil(8);
    let mut out = Zeroizing::new(Vec::with_capacity(first + kept));
    out.push(Form::Postcard as u8);
    out.extend_from_slice(&u32::try_from(len).expect("at most MAX_VALUE_BYTES").to_be_bytes());
    out.resize(first, 0);
    for (i, block) in blocks().enumerate().filter(|(_, block)| is_kept(block)) {
        out[bits + i / 8] |= 1 << (i % 8);
        out.extend_from_slice(block);
    }
    out
}

/// The inverse of [`fold`]; it accepts nothing else.
fn unfold(folded: &[u8]) -> Result<Zeroizing<Vec<u8>>, FormError> {
    let (len, rest) = folded.split_first_chunk().ok_or(FormError::Damaged)?;
    let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| FormError::TooLarge)?;
    if len > MAX_VALUE_BYTES {
        return Err(FormError::TooLarge);
    }
    // Before anything of the claimed length is reserved, its bits must be there: one byte for 512 of the value.
    let blocks = len.div_ceil(BLOCK_BYTES);
    let (bits, mut rest) = rest.split_at_checked(blocks.div_ceil(8)).ok_or(FormError::Damaged)?;
    let mut plain = Zeroizing::new(vec![0; len]);
    for (i, to) in plain.chunks_mut(BLOCK_BYTES).enumerate() {
        if bits[i / 8] >> (i % 8) & 1 == 1 {
            let block;
            (block, rest) = rest.split_at_checked(to.len()).ok_or(FormError::Damaged)?;
            to.copy_from_slice(block);
        }
    }
    if rest.is_empty() { Ok(plain) } else { Err(FormError::Damaged) }
}

fn write(error: impl Error + Send + Sync + 'static) -> FormError {
    FormError::Write(Box::new(error))
}

fn read(error: impl Error + Send + Sync + 'static) -> FormError {
    FormError::Read(Box::new(error))
}

/// Collects postcard's output in pieces, which never move: nothing is copied, and no copy is left behind, when it grows. It
/// is also faster than postcard's own collectors at single bytes, in which openmls' keys come: one comparison for each.
struct Pieces {
    full: Vec<Zeroizing<Vec<u8>>>,
    last: Zeroizing<Vec<u8>>,
    /// How many bytes of the last are written.
    len: usize,
}

impl Pieces {
    fn new() -> Self {
        Self { full: Vec::new(), last: Zeroizing::new(vec![0; FIRST_BYTES]), len: 0 }
    }

    #[cold]
    fn more(&mut self) {
        let next = Zeroizing::new(vec![0; (2 * self.last.len()).min(PIECE_BYTES)]);
        self.full.push(std::mem::replace(&mut self.last, next));
        self.len = 0;
    }
}

impl Flavor for Pieces {
    type Output = Vec<Zeroizing<Vec<u8>>>;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        if self.len == self.last.len() {
            self.more();
        }
        self.last[self.len] = byte;
        self.len += 1;
        Ok(())
    }
    #[inline]
    fn try_extend(&mut self, mut bytes: &[u8]) -> postcard::Result<()> {
        while !bytes.is_empty() {
            if self.len == self.last.len() {
                self.more();
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.last.len() - self.len));
            self.last[self.len..self.len + now.len()].copy_from_slice(now);
            (self.len, bytes) = (self.len + now.len(), later);
        }
        Ok(())
    }
    fn finalize(mut self) -> postcard::Result<Self::Output> {
        self.last.truncate(self.len);
        self.full.push(self.last);
        Ok(self.full)
    }
}

/// The largest value, before folding. The tree of 20,000 members with hybrid keys takes about 50 MB.
pub const MAX_VALUE_BYTES: usize = 64 << 20;

/// Small enough that an unused ratchet's secret is left out, large enough that the bits cost little.
const BLOCK_BYTES: usize = 64;
/// Most values fit. Like the pieces that follow, of whole blocks.
const FIRST_BYTES: usize = 2048;
/// The largest piece.
const PIECE_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    type Value = (u64, Vec<Vec<u8>>, Option<String>);

    fn value() -> Value {
        (7, vec![vec![0; 1000], vec![0xa5; 100], vec![], vec![0; 77]], Some("x".into()))
    }

    #[test]
    fn values_come_back_and_zeros_take_no_room() {
        for form in [Form::Json, Form::Postcard] {
            assert_eq!(decode::<Value>(&encode(form, &value()).unwrap()).unwrap(), value());
        }
        let bytes = encode(Form::Postcard, &vec![0u8; 100_000]).unwrap();
        assert!(bytes.len() < 100_000 / 512 + 100);
        assert_eq!(decode::<Vec<u8>>(&bytes).unwrap(), vec![0; 100_000]);
        for len in (0..300).chain([FIRST_BYTES - 2, FIRST_BYTES, 3 * FIRST_BYTES]) {
            let plain: Vec<u8> = (0..len).map(|i| (i % 191 / 128 * i) as u8).collect();
            assert_eq!(decode::<Vec<u8>>(&encode(Form::Postcard, &plain).unwrap()).unwrap(), plain);
        }
    }

    #[test]
    fn hostile_bodies_are_errors_within_bounds() {
        let hostile = |body: &[u8]| decode::<Value>(&[&[Form::Postcard as u8], body].concat()).unwrap_err();
        assert!(matches!(hostile(&[]), FormError::Damaged));
        assert!(matches!(hostile(&[0xff; 4]), FormError::TooLarge));
        assert!(matches!(hostile(&[3, 0xff, 0xff, 0xff, 1, 2, 3]), FormError::Damaged));
        assert!(matches!(decode::<Value>(b"\x02{}"), Err(FormError::UnknownForm(2))));
        // Claims of 2^63 elements, of four gigabytes, in each place where postcard expects a length.
        for claim in [&b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"[..], b"\xff\xff\xff\xff\x0f"] {
            for before in [&b""[..], b"\x07", b"\x07\x01", b"\x07\x00\x01"] {
                let mut body = Vec::new();
                body.extend_from_slice(&fold(&[[before, claim].concat().into()], before.len() + claim.len())[1..]);
                assert!(matches!(hostile(&body), FormError::Read(_) | FormError::Damaged));
            }
        }
    }

    #[test]
    fn changed_bytes_never_panic() {
        for form in [Form::Json, Form::Postcard] {
            let bytes = encode(form, &value()).unwrap();
            for i in 0..bytes.len() {
                for bit in 0..8 {
                    let mut changed = bytes.to_vec();
                    changed[i] ^= 1 << bit;
                    let _ = decode::<Value>(&changed);
                }
                assert!(decode::<Value>(&bytes[..i]).is_err());
            }
            assert!(decode::<Value>(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn values_over_the_limit_are_not_written() {
        let most = "\0".repeat(MAX_VALUE_BYTES - 4); // postcard's length takes four bytes
        assert!(decode::<String>(&encode(Form::Postcard, &most).unwrap()).unwrap() == most);
        assert!(matches!(encode(Form::Postcard, &(most + "\0")), Err(FormError::TooLarge)));
    }
}
