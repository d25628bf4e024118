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
        Form::Json => Zeroizing::new(serde_json::to_vec(value).map_err(write)?),
        Form::Postcard => postcard::serialize_with_flavor(value, Plain::new()).map_err(write)?,
    };
    if plain.len() > MAX_VALUE_BYTES {
        return Err(FormError::TooLarge);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(1 + folded_bytes(plain.len())));
    bytes.push(form as u8);
    match form {
        Form::Json => bytes.extend_from_slice(&plain),
        Form::Postcard => fold(&plain, &mut bytes),
    }
    Ok(bytes)
}

/// The value for which `bytes` stand. Whatever the bytes, this neither panics nor asks for more memory than
/// [`MAX_VALUE_BYTES`] and what serde makes of as many.
///
/// # Errors
/// [`FormError::Damaged`], [`FormError::UnknownForm`], [`FormError::Read`], [`FormError::TooLarge`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FormError> {
    let (form, body) = bytes.split_first().ok_or(FormError::Damaged)?;
    if *form == Form::Json as u8 {
        serde_json::from_slice(body).map_err(read)
    } else if *form == Form::Postcard as u8 {
        whole(&unfold(body)?)
    } else {
        Err(FormError::UnknownForm(*form))
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

/// Appends to `out`: the length, a bit per block that isn't all zeros, and those blocks.
fn fold(plain: &[u8], out: &mut Vec<u8>) {
    let len = u32::try_from(plain.len()).expect("at most MAX_VALUE_BYTES");
    out.extend_from_slice(&len.to_be_bytes());
    let bits = out.len();
    out.resize(bits + plain.len().div_ceil(BLOCK_BYTES).div_ceil(8), 0);
    for (i, block) in plain.chunks(BLOCK_BYTES).enumerate() {
        if block.iter().fold(0, |all, byte| all | byte) != 0 {
            out[bits + i / 8] |= 1 << (i % 8);
            out.extend_from_slice(block);
        }
    }
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

/// How many bytes [`fold`] may append at most.
fn folded_bytes(plain_len: usize) -> usize {
    size_of::<u32>() + plain_len.div_ceil(BLOCK_BYTES).div_ceil(8) + plain_len
}

fn write(error: impl Error + Send + Sync + 'static) -> FormError {
    FormError::Write(Box::new(error))
}

fn read(error: impl Error + Send + Sync + 'static) -> FormError {
    FormError::Read(Box::new(error))
}

/// Collects postcard's output and leaves no copy behind when it grows. It is also faster than postcard's own
/// collectors at single bytes, in which openmls' keys come: one comparison for each.
struct Plain {
    bytes: Zeroizing<Vec<u8>>,
    /// How many of them are written.
    len: usize,
}

impl Plain {
    fn new() -> Self {
        Self { bytes: Zeroizing::new(vec![0; FIRST_BYTES]), len: 0 }
    }

    /// The next bytes to write.
    #[inline]
    fn next(&mut self, count: usize) -> &mut [u8] {
        let (from, to) = (self.len, self.len + count);
        if to > self.bytes.len() {
            self.grow(to);
        }
        self.len = to;
        &mut self.bytes[from..to]
    }

    #[cold]
    fn grow(&mut self, to: usize) {
        let mut larger = Zeroizing::new(vec![0; to.max(2 * self.bytes.len())]);
        larger[..self.len].copy_from_slice(&self.bytes[..self.len]);
        self.bytes = larger;
    }
}

impl Flavor for Plain {
    type Output = Zeroizing<Vec<u8>>;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        } else {
            self.next(1)[0] = byte;
        }
        Ok(())
    }
    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.next(bytes.len()).copy_from_slice(bytes);
        Ok(())
    }
    fn finalize(mut self) -> postcard::Result<Self::Output> {
        self.bytes.truncate(self.len);
        Ok(self.bytes)
    }
}

/// The largest value, before folding. The tree of 20,000 members with hybrid keys takes about 50 MB.
pub const MAX_VALUE_BYTES: usize = 64 << 20;

/// Small enough that an unused ratchet's secret is left out, large enough that the bits cost little.
const BLOCK_BYTES: usize = 64;
/// Most values fit.
const FIRST_BYTES: usize = 2048;

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
                fold(&[before, claim].concat(), &mut body);
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
