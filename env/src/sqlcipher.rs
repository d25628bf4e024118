//! What SQLCipher asks of a cryptographic library, answered by aws-lc, which TLS and MLS use anyway.
//!
//! SQLCipher encrypts each page with AES-256-CBC under a random IV and authenticates it with HMAC-SHA512. Which library
//! computes these is decided when its C code is compiled: `.cargo/config.toml` names [`pli_sqlcipher_provider`] there, so
//! that no OpenSSL is built beside aws-lc. So whatever links SQLite has to link this crate. Randomness (salts, IVs) is the
//! operating system's and not [`crate::Env`]'s: SQLCipher asks for it from within SQLite, where no `Env` is at hand.
//!
//! The `unsafe` of this crate is all here: SQLCipher hands over pointers with lengths, for which its header `sqlcipher.h`
//! (4.20) says what they point to. No function here may panic: a panic would abort the process.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int, c_uchar, c_void};
use std::num::NonZeroU32;
use std::ptr;

use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{hmac, pbkdf2};

const OK: c_int = 0;
const ERROR: c_int = 1;
/// AES-256's, in bytes.
const KEY: c_int = 32;
/// AES' block and CBC's IV, in bytes.
const BLOCK: c_int = 16;
/// The mode that asks to encrypt; the other, 0, asks to decrypt.
const ENCRYPT: c_int = 1;

/// `sqlcipher_provider` of `sqlcipher.h`, field by field.
#[repr(C)]
struct Provider {
    init: Option<extern "C" fn() -> c_int>,
    shutdown: Option<extern "C" fn()>,
    name: extern "C" fn(*mut c_void) -> *const c_char,
    add_random: extern "C" fn(*mut c_void, *const c_void, c_int) -> c_int,
    random: unsafe extern "C" fn(*mut c_void, *mut c_void, c_int) -> c_int,
    hmac: Hmac,
    kdf: Kdf,
    cipher: Cipher,
    cipher_name: extern "C" fn(*mut c_void) -> *const c_char,
    key_size: extern "C" fn(*mut c_void) -> c_int,
    iv_size: extern "C" fn(*mut c_void) -> c_int,
    block_size: extern "C" fn(*mut c_void) -> c_int,
    hmac_size: extern "C" fn(*mut c_void, c_int) -> c_int,
    context_init: unsafe extern "C" fn(*mut *mut c_void) -> c_int,
    context_free: unsafe extern "C" fn(*mut *mut c_void) -> c_int,
    fips_status: extern "C" fn(*mut c_void) -> c_int,
    version: extern "C" fn(*mut c_void) -> *const c_char,
    next: *mut c_void,
}

/// Context, algorithm, key, first input, second input or null, output.
type Hmac = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    *const c_uchar,
    c_int,
    *const c_uchar,
    c_int,
    *const c_uchar,
    c_int,
    *mut c_uchar,
) -> c_int;

/// Context, algorithm, password, salt, iterations, output with its size.
type Kdf = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    *const c_uchar,
    c_int,
    *const c_uchar,
    c_int,
    c_int,
    c_int,
    *mut c_uchar,
) -> c_int;

/// Context, mode, key, IV, input, output of the input's size.
type Cipher = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    *const c_uchar,
    c_int,
    *const c_uchar,
    *const c_uchar,
    c_int,
    *mut c_uchar,
) -> c_int;

/// Called by SQLCipher once, when SQLite initialises: fills in what it calls from then on.
#[unsafe(no_mangle)]
unsafe extern "C" fn pli_sqlcipher_provider(provider: *mut c_void) -> c_int {
    let ours = Provider {
        init: None,
        shutdown: None,
        name,
        add_random,
        random,
        hmac: authenticate,
        kdf: derive,
        cipher,
        cipher_name,
        key_size,
        iv_size: block_size,
        block_size,
        hmac_size,
        context_init,
        context_free,
        fips_status,
        version,
        next: ptr::null_mut(),
    };
    // SAFETY: SQLCipher gives room for its `sqlcipher_provider`, which `Provider` is.
    unsafe { provider.cast::<Provider>().write(ours) };
    OK
}

/// Called by SQLCipher in place of `atexit`, and forgets what it is to call: when a process ends, its memory goes anyway,
/// and threads of ours may still be at work.
#[unsafe(no_mangle)]
extern "C" fn pli_sqlcipher_atexit(_: Option<extern "C" fn()>) -> c_int {
    OK
}

extern "C" fn name(_: *mut c_void) -> *const c_char {
    c"aws-lc".as_ptr()
}

extern "C" fn version(_: *mut c_void) -> *const c_char {
    c"1".as_ptr()
}

extern "C" fn cipher_name(_: *mut c_void) -> *const c_char {
    c"aes-256-cbc".as_ptr()
}

extern "C" fn key_size(_: *mut c_void) -> c_int {
    KEY
}

extern "C" fn block_size(_: *mut c_void) -> c_int {
    BLOCK
}

extern "C" fn fips_status(_: *mut c_void) -> c_int {
    0
}

/// The operating system gathers its randomness by itself.
extern "C" fn add_random(_: *mut c_void, _: *const c_void, _: c_int) -> c_int {
    OK
}

unsafe extern "C" fn random(_: *mut c_void, buffer: *mut c_void, length: c_int) -> c_int {
    // SAFETY: `buffer` has `length` bytes.
    answer(unsafe { output(buffer.cast(), length) }.and_then(|bytes| getrandom::fill(bytes).map_err(|_| Unspecified)))
}

/// SQLCipher numbers hash functions: SHA-1, SHA-256, SHA-512.
fn hmac_of(algorithm: c_int) -> Option<hmac::Algorithm> {
    match algorithm {
        0 => Some(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        1 => Some(hmac::HMAC_SHA256),
        2 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

extern "C" fn hmac_size(_: *mut c_void, algorithm: c_int) -> c_int {
    hmac_of(algorithm).map_or(0, |algorithm| algorithm.tag_len() as c_int)
}

unsafe extern "C" fn authenticate(
    _: *mut c_void,
    algorithm: c_int,
    key: *const c_uchar,
    key_size: c_int,
    first: *const c_uchar,
    first_size: c_int,
    second: *const c_uchar,
    second_size: c_int,
    out: *mut c_uchar,
) -> c_int {
    let run = || {
        let algorithm = hmac_of(algorithm).ok_or(Unspecified)?;
        // SAFETY: each pointer has the bytes that its size says; `out` has a tag's, as `hmac_size` told.
        let (key, first, second, out) = unsafe {
            let second = if second.is_null() { &[] } else { input(second, second_size)? };
            (input(key, key_size)?, input(first, first_size)?, second, output(out, algorithm.tag_len() as c_int)?)
        };
        let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key));
        context.update(first);
        context.update(second);
        out.copy_from_slice(context.sign().as_ref());
        Ok(())
    };
    answer(run())
}

unsafe extern "C" fn derive(
    _: *mut c_void,
    algorithm: c_int,
    password: *const c_uchar,
    password_size: c_int,
    salt: *const c_uchar,
    salt_size: c_int,
    iterations: c_int,
    key_size: c_int,
    key: *mut c_uchar,
) -> c_int {
    let run = || {
        let algorithm = match algorithm {
            0 => pbkdf2::PBKDF2_HMAC_SHA1,
            1 => pbkdf2::PBKDF2_HMAC_SHA256,
            2 => pbkdf2::PBKDF2_HMAC_SHA512,
            _ => return Err(Unspecified),
        };
        let iterations = u32::try_from(iterations).ok().and_then(NonZeroU32::new).ok_or(Unspecified)?;
        // SAFETY: each pointer has the bytes that its size says.
        let (password, salt, key) =
            unsafe { (input(password, password_size)?, input(salt, salt_size)?, output(key, key_size)?) };
        pbkdf2::derive(algorithm, iterations, salt, password, key);
        Ok(())
    };
    answer(run())
}

unsafe extern "C" fn cipher(
    _: *mut c_void,
    mode: c_int,
    key: *const c_uchar,
    key_size: c_int,
    iv: *const c_uchar,
    text: *const c_uchar,
    size: c_int,
    out: *mut c_uchar,
) -> c_int {
    let run = || {
        // SAFETY: each pointer has the bytes that its size says, the IV a block's; SQLCipher may give the same place as
        // `text` and `out`, so both never live as slices at once: the bytes are moved first, and changed where they are.
        let (key, iv, page) = unsafe {
            if text.is_null() || out.is_null() {
                return Err(Unspecified);
            }
            ptr::copy(text, out, usize::try_from(size).map_err(|_| Unspecified)?);
            (input(key, key_size)?, input(iv, BLOCK)?, output(out, size)?)
        };
        let key = UnboundCipherKey::new(&AES_256, key)?;
        let iv = FixedLength::<{ BLOCK as usize }>::try_from(iv)?;
        if mode == ENCRYPT {
            EncryptingKey::cbc(key)?.less_safe_encrypt(page, EncryptionContext::Iv128(iv)).map(drop)
        } else {
            DecryptingKey::cbc(key)?.decrypt(page, DecryptionContext::Iv128(iv)).map(drop)
        }
    };
    answer(run())
}

/// SQLCipher wants to know a context from none; ours is empty, and never read.
unsafe extern "C" fn context_init(context: *mut *mut c_void) -> c_int {
    // SAFETY: `context` is where SQLCipher keeps the provider's context.
    unsafe { *context = ptr::dangling_mut::<c_uchar>().cast() };
    OK
}

unsafe extern "C" fn context_free(context: *mut *mut c_void) -> c_int {
    // SAFETY: as above.
    unsafe { *context = ptr::null_mut() };
    OK
}

fn answer(result: Result<(), Unspecified>) -> c_int {
    result.map_or(ERROR, |()| OK)
}

/// # Safety
/// `bytes` is null, or has `size` bytes that nobody writes meanwhile.
unsafe fn input<'a>(bytes: *const c_uchar, size: c_int) -> Result<&'a [u8], Unspecified> {
    let size = usize::try_from(size).map_err(|_| Unspecified)?;
    // SAFETY: the caller's word.
    if bytes.is_null() { Err(Unspecified) } else { Ok(unsafe { std::slice::from_raw_parts(bytes, size) }) }
}

/// # Safety
/// `bytes` is null, or has `size` bytes that nobody else reads or writes meanwhile.
unsafe fn output<'a>(bytes: *mut c_uchar, size: c_int) -> Result<&'a mut [u8], Unspecified> {
    let size = usize::try_from(size).map_err(|_| Unspecified)?;
    // SAFETY: the caller's word.
    if bytes.is_null() { Err(Unspecified) } else { Ok(unsafe { std::slice::from_raw_parts_mut(bytes, size) }) }
}
