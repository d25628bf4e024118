//! The crypto provider and the store of openmls' state: against published vectors, against openmls' own providers,
//! and under damage.
//!
//! `vectors/xwing.json` is draft-connolly-cfrg-xwing-kem's (as the crate x-wing 0.1.1 carries it), `hpke.json` is
//! RFC 9180's A.1.1 without its intermediate values, `crypto-basics.json` is openmls' file of that name for suite 1.

#![allow(clippy::unwrap_used, reason = "the helpers' too are a test's")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use data_encoding::HEXLOWER as HEX;
use openmls::prelude::*;
use openmls_libcrux_crypto::Provider as Libcrux;
use openmls_rust_crypto::OpenMlsRustCrypto as RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::signatures::Signer as _;
use pli_core::crypto::{
    CLASSIC_SUITE, Crypto, CryptoError, DeviceKey, HPKE_CONFIG, Provider, SUITE, generate_kem_pair, open_with, seal_to,
    verify, well_formed,
};
use pli_core::store::mls::{Deferred, FOLLOWER, MEMBER, MlsStore, MlsStoreError, SCHEMA};
use pli_env::{BoxFuture, Dial, Env, Incoming, Stream, Task};
use rusqlite::{Connection, params};
use serde_json::Value;
use tls_codec::Serialize as _;

mod vectors {
    use super::*;

    #[test]
    fn xwing_keys_ciphertexts_and_secrets_are_the_drafts() {
        for v in json(include_str!("vectors/xwing.json")).as_array().unwrap() {
            let crypto = told(&[&[0; 32], &bytes(v, "seed"), &bytes(v, "eseed")]);
            let (private, public) = generate_kem_pair(&crypto);
            assert_eq!((&*private, &public), (&bytes(v, "sk"), &bytes(v, "pk")));

            let sealed = seal_to(&crypto, &public, b"info", b"aad", b"plain").unwrap();
            let (kem_output, ciphertext) = sealed.split_at(1120);
            assert_eq!(kem_output, bytes(v, "ct"));
            // The shared secret shows in the keys that RFC 9180's key schedule makes of it.
            let (key, nonce) = key_schedule(&bytes(v, "ss"), b"info");
            let plain = crypto.aead_decrypt(AeadType::Aes256Gcm, &key, ciphertext, &nonce, b"aad").unwrap();
            assert_eq!(plain, b"plain");
            assert_eq!(*open_with(&crypto, &private, b"info", b"aad", &sealed).unwrap(), b"plain");
        }
    }

    /// RFC 9180, 5.1, for X-Wing, HKDF-SHA384 and AES-256-GCM in base mode: key and nonce.
    fn key_schedule(shared_secret: &[u8], info: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let crypto = RustCrypto::default();
        let suite = b"HPKE\x64\x7a\x00\x02\x00\x02";
        let extract = |salt: &[u8], label: &[u8], ikm: &[u8]| {
            let ikm = [b"HPKE-v1", &suite[..], label, ikm].concat();
            crypto.crypto().hkdf_extract(HashType::Sha2_384, salt, &ikm).unwrap().as_slice().to_vec()
        };
        let context = [&[0][..], &extract(&[], b"psk_id_hash", &[]), &extract(&[], b"info_hash", info)].concat();
        let secret = extract(shared_secret, b"secret", &[]);
        let expand = |label: &[u8], len: u8| {
            let info = [&[0, len][..], b"HPKE-v1", suite, label, &context].concat();
            let okm = crypto.crypto().hkdf_expand(HashType::Sha2_384, &secret, &info, len.into()).unwrap();
            okm.as_slice().to_vec()
        };
        (expand(b"key", 32), expand(b"base_nonce", 12))
    }

    #[test]
    fn hpke_with_x25519_is_rfc_9180s() {
        let v = json(include_str!("vectors/hpke.json"));
        let config = || CLASSIC_SUITE.hpke_config();
        for (ikm, private, public) in [("ikmE", "skEm", "pkEm"), ("ikmR", "skRm", "pkRm")] {
            let pair = random(0).derive_hpke_keypair(config(), &bytes(&v, ikm)).unwrap();
            assert_eq!((&*pair.private, pair.public), (&bytes(&v, private)[..], bytes(&v, public)));
        }
        let (info, kem_output, private) = (bytes(&v, "info"), bytes(&v, "pkEm"), bytes(&v, "skRm"));
        for e in v["encryptions"].as_array().unwrap() {
            let sealed = HpkeCiphertext { kem_output: kem_output.clone().into(), ciphertext: bytes(e, "ct").into() };
            let plain = random(0).hpke_open(config(), &sealed, &private, &info, &bytes(e, "aad")).unwrap();
            assert_eq!(plain, bytes(e, "pt"));
        }
        for e in v["exports"].as_array().unwrap() {
            let (context, value) = (bytes(e, "context"), bytes(e, "value"));
            let crypto = told(&[&[0; 32], &bytes(&v, "ikmE")]);
            let (sent, secret) =
                crypto.hpke_setup_sender_and_export(config(), &bytes(&v, "pkRm"), &info, &context, 32).unwrap();
            assert_eq!((sent, &*secret), (kem_output.clone(), &value[..]));
            let received =
                crypto.hpke_setup_receiver_and_export(config(), &kem_output, &private, &info, &context, 32).unwrap();
            assert_eq!(*received, value);
        }
    }

    #[test]
    fn the_basics_are_rfc_9420s() {
        let v = json(include_str!("vectors/crypto-basics.json"));
        let (crypto, sha256) = (random(0), HashType::Sha2_256);
        let labelled = |label: &str, content: &[u8]| {
            let label = VLBytes::new([b"MLS 1.0 ", label.as_bytes()].concat()).tls_serialize_detached().unwrap();
            [label, VLBytes::new(content.to_vec()).tls_serialize_detached().unwrap()].concat()
        };
        let expand = |v: &Value, context: &[u8], len: u16| {
            let info = [&len.to_be_bytes()[..], &labelled(v["label"].as_str().unwrap(), context)].concat();
            crypto.hkdf_expand(sha256, &bytes(v, "secret"), &info, len.into()).unwrap().as_slice().to_vec()
        };

        let e = &v["ref_hash"];
        let label = VLBytes::new(e["label"].as_str().unwrap().into()).tls_serialize_detached().unwrap();
        let value = VLBytes::new(bytes(e, "value")).tls_serialize_detached().unwrap();
        assert_eq!(crypto.hash(sha256, &[label, value].concat()).unwrap(), bytes(e, "out"));

        let e = &v["expand_with_label"];
        assert_eq!(expand(e, &bytes(e, "context"), 16), bytes(e, "out"));
        let e = &v["derive_secret"];
        assert_eq!(expand(e, &[], 32), bytes(e, "out"));
        let e = &v["derive_tree_secret"];
        let generation = u32::try_from(e["generation"].as_u64().unwrap()).unwrap();
        assert_eq!(expand(e, &generation.to_be_bytes(), 32), bytes(e, "out"));

        let e = &v["sign_with_label"];
        let signed = labelled(e["label"].as_str().unwrap(), &bytes(e, "content"));
        let key = DeviceKey::from_seed(&bytes(e, "priv").try_into().unwrap());
        assert_eq!(key.public(), *bytes(e, "pub"));
        assert_eq!(key.sign_raw(&signed), *bytes(e, "signature"));
        assert!(verify(&key.public(), &signed, &bytes(e, "signature")));

        let e = &v["encrypt_with_label"];
        let info = labelled(e["label"].as_str().unwrap(), &bytes(e, "context"));
        let sealed =
            HpkeCiphertext { kem_output: bytes(e, "kem_output").into(), ciphertext: bytes(e, "ciphertext").into() };
        let plain = crypto.hpke_open(CLASSIC_SUITE.hpke_config(), &sealed, &bytes(e, "priv"), &info, &[]).unwrap();
        assert_eq!(plain, bytes(e, "plaintext"));
    }

    fn json(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn bytes(value: &Value, name: &str) -> Vec<u8> {
        HEX.decode(value[name].as_str().unwrap().as_bytes()).unwrap()
    }
}

mod signatures {
    use super::*;

    #[test]
    fn honest_ones_are_equal_and_valid_everywhere_and_changed_ones_nowhere() {
        let crypto = random(1);
        for round in 0..100 {
            let (seed, public) = crypto.signature_key_gen(ED25519).unwrap();
            let message = some(&crypto, 300);
            let signature = crypto.sign(ED25519, &message, &seed).unwrap();
            let key = DeviceKey::from_seed(seed[..].try_into().unwrap());
            assert_eq!((key.public().to_vec(), key.sign(&message).unwrap()), (public.clone(), signature.clone()));
            assert_eq!(key.signature_scheme(), ED25519);
            let mut changed = signature.clone();
            changed[round % 64] ^= 1 << (round % 8);
            for other in others() {
                assert_eq!(other.sign(ED25519, &message, &seed).unwrap(), signature);
                assert!(other.verify_signature(ED25519, &message, &public, &signature).is_ok());
                assert!(other.verify_signature(ED25519, &message, &public, &changed).is_err());
            }
            assert!(crypto.verify_signature(ED25519, &message, &public, &signature).is_ok());
            assert_eq!(
                crypto.verify_signature(ED25519, &message, &public, &changed),
                Err(CryptoError::InvalidSignature)
            );
            assert!(!verify(&public[1..], &message, &signature) && !verify(&public, &message, &signature[1..]));
        }
        assert!(crypto.sign(ED25519, b"", &[0; 31]).is_err() && crypto.sign(ED25519, b"", &[0; 33]).is_err());
    }

    /// Under such a key, or with such an R, one signature fits many messages, and libraries disagree about it.
    #[test]
    fn keys_and_nonces_of_small_order_are_refused() {
        let strict = RustCrypto::default();
        let honest = DeviceKey::from_seed(&[7; 32]).public();
        for point in small_order() {
            let fits_all = [&[1], &[0; 63][..]].concat(); // R is the identity, S is zero
            let with_such_r = [&point[..], &[0; 32]].concat();
            for (key, signature) in [(&point, &fits_all), (&point, &with_such_r), (&honest, &with_such_r)] {
                for message in [&b"one"[..], b"another"] {
                    assert!(!verify(key, message, signature));
                    assert!(strict.crypto().verify_signature(ED25519, message, key, signature).is_err());
                }
            }
        }
    }

    #[test]
    fn a_signature_has_one_form() {
        // The order of the group, little-endian: S + L verifies in an equation, but is no signature.
        let order = HEX.decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
        let key = DeviceKey::from_seed(&[9; 32]);
        let mut signature = key.sign_raw(b"message");
        assert!(verify(&key.public(), b"message", &signature));
        let mut carry = 0u16;
        for (s, l) in signature[32..].iter_mut().zip(order) {
            carry += u16::from(*s) + u16::from(l);
            *s = carry as u8;
            carry >>= 8;
        }
        assert!(!verify(&key.public(), b"message", &signature));
    }

    fn small_order() -> Vec<[u8; 32]> {
        let mut points: Vec<[u8; 32]> = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ]
        .map(|hex| HEX.decode(hex.as_bytes()).unwrap().try_into().unwrap())
        .to_vec();
        for i in 0..points.len() {
            let mut negated = points[i];
            negated[31] |= 0x80;
            points.push(negated);
        }
        points
    }
}

mod agreement {
    use super::*;

    #[test]
    fn hashes_and_derivations_are_equal() {
        let crypto = random(2);
        for hash in [HashType::Sha2_256, HashType::Sha2_384] {
            for round in 0..200 {
                let (key, data) = (some(&crypto, 200), some(&crypto, 1000));
                let prk = crypto.random_vec(hash.size()).unwrap();
                for other in others() {
                    assert_eq!(crypto.hash(hash, &data), other.hash(hash, &data));
                    let secrets = |c: &dyn OpenMlsCrypto| {
                        [
                            c.hmac(hash, &key, &data).unwrap(),
                            c.hkdf_extract(hash, &key, &data).unwrap(),
                            c.hkdf_expand(hash, &prk, &data, 1 + round).unwrap(),
                        ]
                        .map(|secret| secret.as_slice().to_vec())
                    };
                    assert_eq!(secrets(&crypto), secrets(&*other));
                }
                assert!(crypto.hkdf_expand(hash, &prk[..hash.size() - 1], &data, 32).is_err());
            }
            // With a longer one libcrux goes its own way.
            let (long, strict) = (crypto.random_vec(60).unwrap(), RustCrypto::default());
            assert_eq!(
                crypto.hkdf_expand(hash, &long, b"info", 99).unwrap().as_slice(),
                strict.crypto().hkdf_expand(hash, &long, b"info", 99).unwrap().as_slice()
            );
            let prk = vec![1; hash.size()];
            let longest = 255 * hash.size();
            assert_eq!(crypto.hkdf_expand(hash, &prk, b"", longest).unwrap().as_slice().len(), longest);
            assert_eq!(crypto.hkdf_expand(hash, &prk, b"", 0).unwrap().as_slice().len(), 0);
            assert!(crypto.hkdf_expand(hash, &prk, b"", longest + 1).is_err());
            assert!(crypto.hkdf_expand(hash, &[1; 65], b"", 32).is_err());
        }
    }

    #[test]
    fn ciphertexts_are_equal_and_changed_ones_refused() {
        let crypto = random(3);
        for alg in [AeadType::Aes128Gcm, AeadType::Aes256Gcm] {
            for round in 0..100 {
                let (key, nonce) = (crypto.random_vec(alg.key_size()).unwrap(), crypto.random_vec(12).unwrap());
                let (aad, plain) = (some(&crypto, 100), some(&crypto, 2000));
                let sealed = crypto.aead_encrypt(alg, &key, &plain, &nonce, &aad).unwrap();
                assert_eq!(crypto.aead_decrypt(alg, &key, &sealed, &nonce, &aad).unwrap(), plain);
                for other in others() {
                    assert_eq!(other.aead_encrypt(alg, &key, &plain, &nonce, &aad).unwrap(), sealed);
                    assert_eq!(other.aead_decrypt(alg, &key, &sealed, &nonce, &aad).unwrap(), plain);
                }
                let mut changed = sealed.clone();
                let place = round * 31 % changed.len();
                changed[place] ^= 1;
                for sealed in [&changed[..], &sealed[..sealed.len() - 1], &sealed[..15], &[]] {
                    let opened = crypto.aead_decrypt(alg, &key, sealed, &nonce, &aad);
                    assert_eq!(opened, Err(CryptoError::AeadDecryptionError));
                }
                assert!(crypto.aead_encrypt(alg, &key[1..], &plain, &nonce, &aad).is_err());
                assert!(crypto.aead_encrypt(alg, &key, &plain, &nonce[1..], &aad).is_err());
            }
        }
    }

    #[test]
    fn derived_key_pairs_are_equal() {
        let crypto = random(4);
        for suite in [SUITE, CLASSIC_SUITE] {
            // SHAKE256 takes blocks of 136 bytes: lengths around them, and what MLS uses.
            for len in [0, 1, 31, 32, 48, 135, 136, 137, 271, 272, 273, 1000] {
                let ikm = crypto.random_vec(len).unwrap();
                let ours = crypto.derive_hpke_keypair(suite.hpke_config(), &ikm).unwrap();
                for other in others() {
                    let theirs = other.derive_hpke_keypair(suite.hpke_config(), &ikm).unwrap();
                    assert_eq!((&*ours.private, &ours.public), (&*theirs.private, &theirs.public));
                }
            }
        }
    }

    #[test]
    fn each_opens_what_the_other_sealed() {
        let crypto = random(5);
        for suite in [SUITE, CLASSIC_SUITE] {
            for _ in 0..10 {
                let ikm = crypto.random_vec(suite.hash_length()).unwrap();
                let pair = crypto.derive_hpke_keypair(suite.hpke_config(), &ikm).unwrap();
                for other in others() {
                    crosswise(&crypto, &*other, suite, &pair);
                    crosswise(&*other, &crypto, suite, &pair);
                }
            }
        }
    }

    fn crosswise(from: &dyn OpenMlsCrypto, to: &dyn OpenMlsCrypto, suite: Ciphersuite, pair: &HpkeKeyPair) {
        let (info, aad, plain) = (b"some info", b"some aad", vec![0x17; 321]);
        let config = || suite.hpke_config();
        let sealed = from.hpke_seal(config(), &pair.public, info, aad, &plain).unwrap();
        assert_eq!(to.hpke_open(config(), &sealed, &pair.private, info, aad).unwrap(), plain);
        assert!(to.hpke_open(config(), &sealed, &pair.private, b"other info", aad).is_err());
        assert!(to.hpke_open(config(), &sealed, &pair.private, info, b"other aad").is_err());
        let mut changed = sealed.clone();
        changed.kem_output =
            [&[sealed.kem_output.as_slice()[0] ^ 1], &sealed.kem_output.as_slice()[1..]].concat().into();
        assert!(to.hpke_open(config(), &changed, &pair.private, info, aad).is_err());

        let (kem_output, sent) = from.hpke_setup_sender_and_export(config(), &pair.public, info, b"ctx", 48).unwrap();
        let received =
            to.hpke_setup_receiver_and_export(config(), &kem_output, &pair.private, info, b"ctx", 48).unwrap();
        assert_eq!(*sent, *received);
    }

    #[test]
    fn what_is_sealed_to_a_key_opens_with_it_alone() {
        let crypto = random(6);
        let (private, public) = generate_kem_pair(&crypto);
        let sealed = seal_to(&crypto, &public, b"info", b"aad", b"plain").unwrap();
        assert_eq!(*open_with(&crypto, &private, b"info", b"aad", &sealed).unwrap(), b"plain");
        assert_ne!(seal_to(&crypto, &public, b"info", b"aad", b"plain").unwrap(), sealed);

        let (other, _) = generate_kem_pair(&crypto);
        assert!(open_with(&crypto, &other, b"info", b"aad", &sealed).is_err());
        assert!(open_with(&crypto, &private[1..], b"info", b"aad", &sealed).is_err());
        for len in [0, 1, 1119, 1120, 1121, sealed.len() - 1] {
            assert!(open_with(&crypto, &private, b"info", b"aad", &sealed[..len]).is_err());
        }
        let (kem_output, ciphertext) = sealed.split_at(1120);
        let sealed = HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() };
        for provider in others() {
            assert_eq!(provider.hpke_open(HPKE_CONFIG, &sealed, &private, b"info", b"aad").unwrap(), b"plain");
        }
    }

    #[test]
    fn whether_a_key_is_well_formed_costs_no_randomness() {
        let env = Arc::new(Seeded::new(7));
        let crypto = Crypto::new(env.clone());
        let (_, hybrid) = generate_kem_pair(&crypto);
        let classic = crypto.derive_hpke_keypair(CLASSIC_SUITE.hpke_config(), b"some key material").unwrap().public;
        let drawn = env.drawn();
        assert!(well_formed(&crypto, SUITE, &hybrid) && well_formed(&crypto, CLASSIC_SUITE, &classic));
        assert!(!well_formed(&crypto, SUITE, &classic) && !well_formed(&crypto, CLASSIC_SUITE, &hybrid));
        let other_suite = Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519;
        assert!(!well_formed(&crypto, other_suite, &hybrid));
        for bad in [&hybrid[1..], &[], &[&hybrid[..], &[0]].concat()] {
            assert!(!well_formed(&crypto, SUITE, bad));
        }
        // A coefficient that isn't reduced.
        let unreduced = [&[0xff, 0xff, 0xff], &hybrid[3..]].concat();
        assert!(!well_formed(&crypto, SUITE, &unreduced));
        // An X25519 key that sends every scalar to zero.
        for low in [[0; 32], HEX.decode(LOW_ORDER_X25519.as_bytes()).unwrap().try_into().unwrap()] {
            assert!(!well_formed(&crypto, CLASSIC_SUITE, &low));
            assert!(!well_formed(&crypto, SUITE, &[&hybrid[..1184], &low].concat()));
            assert!(crypto.hpke_seal(CLASSIC_SUITE.hpke_config(), &low, b"", b"", b"").is_err());
        }
        assert_eq!(env.drawn(), drawn);
    }

    #[test]
    fn nothing_but_the_two_suites_is_offered() {
        let crypto = random(8);
        assert_eq!(crypto.supported_ciphersuites(), [SUITE, CLASSIC_SUITE]);
        for suite in [
            Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519,
            Ciphersuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519,
            Ciphersuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
        ] {
            assert_eq!(crypto.supports(suite), Err(CryptoError::UnsupportedCiphersuite));
            assert!(crypto.hpke_seal(suite.hpke_config(), &[9; 32], b"", b"", b"").is_err());
        }
        assert!(crypto.hash(HashType::Sha2_512, b"").is_err() && crypto.hmac(HashType::Sha2_512, b"", b"").is_err());
        assert!(crypto.hkdf_expand(HashType::Sha2_512, &[0; 64], b"", 1).is_err());
        assert!(crypto.aead_encrypt(AeadType::ChaCha20Poly1305, &[0; 32], b"", &[0; 12], b"").is_err());
        assert!(crypto.signature_key_gen(SignatureScheme::ECDSA_SECP256R1_SHA256).is_err());
        assert!(crypto.verify_signature(SignatureScheme::ED448, b"", &[0; 32], &[0; 64]).is_err());
    }

    const LOW_ORDER_X25519: &str = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
}

mod groups {
    use super::*;

    #[test]
    fn three_providers_share_a_group() {
        for suite in [SUITE, CLASSIC_SUITE] {
            let mut a = Member::new(leaked(&random(10)), 1);
            let mut b = Member::new(RustCrypto::default(), 2);
            let mut c = Member::new(Libcrux::default(), 3);
            let (_, welcome) = a.found(suite, &[b.key_package(suite), c.key_package(suite)]);
            b.join(&welcome);
            c.join(&welcome);
            for _ in 0..3 {
                let commit = a.update();
                assert_eq!((b.hear(&commit), c.hear(&commit)), (committed(), committed()));
                let commit = b.update();
                assert_eq!((a.hear(&commit), c.hear(&commit)), (committed(), committed()));
                let commit = c.update();
                assert_eq!((a.hear(&commit), b.hear(&commit)), (committed(), committed()));
                for text in ["one", "two"] {
                    let m = a.say(text);
                    assert_eq!((b.hear(&m), c.hear(&m)), (heard(text), heard(text)));
                    let m = b.say(text);
                    assert_eq!((a.hear(&m), c.hear(&m)), (heard(text), heard(text)));
                    let m = c.say(text);
                    assert_eq!((a.hear(&m), b.hear(&m)), (heard(text), heard(text)));
                    assert!(a.hear(&m).is_err(), "a message key serves once");
                    a.reload();
                    assert!(a.hear(&m).is_err(), "also after the group was read again");
                }
                // A proposal by one, kept by another across a reload, who commits it.
                let proposal = b.propose_update();
                assert_eq!((a.hear(&proposal), c.hear(&proposal)), (Ok(Heard::Proposal), Ok(Heard::Proposal)));
                a.reload();
                assert_eq!(a.group().pending_proposals().count(), 1);
                let commit = a.commit_pending();
                assert_eq!((b.hear(&commit), c.hear(&commit)), (committed(), committed()));
                a.reload();
            }
            let authenticator = a.group().epoch_authenticator().as_slice().to_vec();
            assert_eq!(authenticator, b.group().epoch_authenticator().as_slice());
            assert_eq!(authenticator, c.group().epoch_authenticator().as_slice());
        }
    }

    /// openmls encrypts a commit's path on several threads: with seven members, in an order that differs each time.
    #[test]
    fn one_seed_makes_the_same_bytes() {
        let story = |seed: u64| {
            let env = Arc::new(Seeded::new(seed));
            let crypto = Crypto::new(env.clone());
            let mut members: Vec<_> = (0..7).map(|i| Member::new(leaked(&crypto), i)).collect();
            let mut wires = Vec::new();
            let packages: Vec<_> = members[1..].iter().map(|member| member.key_package(SUITE)).collect();
            wires.extend(packages.iter().map(|package| package.tls_serialize_detached().unwrap()));
            let (commit, welcome) = members[0].found(SUITE, &packages);
            members[1..].iter_mut().for_each(|member| member.join(&welcome));
            wires.extend([commit, welcome]);
            for i in 0..7 {
                wires.push(members[i].update());
                let wire = wires.last().unwrap();
                members.iter_mut().enumerate().filter(|(j, _)| *j != i).for_each(|(_, m)| drop(m.hear(wire).unwrap()));
                wires.push(members[i].say("text"));
            }
            wires.push(members[3].remove(5));
            (wires, env.drawn())
        };
        let first = story(20);
        for _ in 0..3 {
            assert!(story(20) == first);
        }
        let different = story(21);
        assert!(different.0.iter().zip(&first.0).all(|(a, b)| a != b));
        let all: BTreeSet<_> = first.0.iter().collect();
        assert_eq!(all.len(), first.0.len());
    }
}

mod store {
    use super::*;

    #[test]
    fn a_group_outlives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let crypto = random(30);
        let (mut a, mut b) = pair(&crypto);
        let key = DeviceKey::from_seed(&[40; 32]);

        // A third member whose every step is a process of its own.
        let deferred = Deferred::default();
        let id = {
            let db = open(&path);
            let mut c = Member { provider: over(&crypto, &db, &deferred), key, group: None };
            let (commit, welcome) = a.add(&[c.key_package(SUITE)]);
            b.hear(&commit).unwrap();
            c.join(&welcome);
            c.group().group_id().clone()
        };
        let mut last: Option<Vec<u8>> = None;
        for round in 0..20 {
            let db = open(&path);
            let mut c =
                Member { provider: over(&crypto, &db, &deferred), key: DeviceKey::from_seed(&[40; 32]), group: None };
            c.load(&id);
            if let Some(last) = &last {
                assert!(c.hear(last).is_err(), "the key of the last message is spent");
            }
            for _ in 0..10 {
                let (m, n) = (a.say("m"), b.say("n"));
                assert_eq!((c.hear(&n), c.hear(&m)), (heard("n"), heard("m")));
                last = Some(m);
            }
            let said = c.say("c");
            assert_eq!((a.hear(&said), b.hear(&said)), (heard("c"), heard("c")));
            match round % 3 {
                0 => {
                    let commit = a.update();
                    assert_eq!((b.hear(&commit), c.hear(&commit)), (committed(), committed()));
                }
                1 => {
                    let commit = c.update();
                    assert_eq!((a.hear(&commit), b.hear(&commit)), (committed(), committed()));
                }
                _ => {}
            }
        }
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.starts_with(b"SQLite format 3"), "the file is encrypted");
    }

    #[test]
    fn rows_are_updated_in_place() {
        let crypto = random(31);
        let (db, deferred) = (memory(), Deferred::default());
        let (mut a, mut b) = pair_over(&crypto, &db, &deferred);
        let rows = || -> Vec<(i64, i64)> {
            let mut select = db.prepare("select id, length(value) from mls where kind = 7").unwrap();
            select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
        };
        // At first it grows: openmls keeps five generations of a sender, used or not.
        (0..5).for_each(|_| drop(b.hear(&a.say("first")).unwrap()));
        let before = rows();
        (0..30).for_each(|_| drop(b.hear(&a.say("next")).unwrap()));
        assert_eq!((before.len(), rows()), (1, before));
    }

    #[test]
    fn a_deferred_batch_is_whole_or_nothing() {
        let crypto = random(32);
        let (db, deferred) = (memory(), Deferred::default());
        let (mut a, mut b) = pair_over(&crypto, &db, &deferred);
        let id = b.group().group_id().clone();
        let messages: Vec<_> = (0..20).map(|_| a.say("x")).collect();
        let secrets =
            || -> Vec<u8> { db.query_row("select value from mls where kind = 7", [], |row| row.get(0)).unwrap() };
        let before = secrets();

        // A batch that fails: nothing of it stays, and the group in memory is dropped.
        db.execute_batch("begin").unwrap();
        deferred.defer(true);
        assert!(deferred.is_deferring() && !deferred.owes());
        messages.iter().for_each(|m| assert_eq!(b.hear(m), heard("x")));
        assert_eq!((secrets() == before, deferred.owed()), (true, vec![(MEMBER, id.clone())]));
        // What is stored would let keys serve twice, so nobody gets it.
        let loaded = MlsGroup::load(b.provider.storage(), &id);
        assert!(matches!(loaded, Err(MlsStoreError::Owed)));
        db.execute_batch("rollback").unwrap();
        deferred.forget();
        assert!(!deferred.is_deferring() && !deferred.owes() && secrets() == before);
        b.load(&id);

        // The same batch again, which now counts.
        db.execute_batch("begin").unwrap();
        deferred.defer(true);
        messages.iter().for_each(|m| assert_eq!(b.hear(m), heard("x")));
        deferred.defer(false);
        assert!(deferred.owes());
        for (space, owed) in deferred.owed() {
            assert_eq!((space, &owed), (MEMBER, &id));
            let provider = over(&crypto, &db, &deferred);
            b.group.as_mut().unwrap().delete_past_epoch_secrets(&provider, PastEpochDeletion::delete_all()).unwrap();
        }
        assert!(!deferred.owes() && secrets() != before);
        db.execute_batch("commit").unwrap();
        b.load(&id);
        messages.iter().for_each(|m| assert!(b.hear(m).is_err()));
        assert_eq!(b.hear(&a.say("y")), heard("y"));

        // A commit within a batch, and a group that is deleted within one.
        deferred.defer(true);
        assert_eq!(b.hear(&a.update()), committed());
        assert_eq!(b.hear(&a.say("z")), heard("z"));
        assert!(deferred.owes());
        b.provider.storage().delete_group(&id).unwrap();
        assert!(!deferred.owes());
        let left: u32 = db.query_row("select count(*) from mls where kind < 15", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0);
    }

    #[test]
    fn deferral_can_move_between_threads() {
        fn send<T: Send>() {}
        fn sync<T: Send + Sync>() {}
        send::<Deferred>();
        sync::<Crypto>();
        sync::<DeviceKey>();
    }

    #[test]
    fn spaces_do_not_touch() {
        let crypto = random(33);
        let (db, deferred) = (memory(), Deferred::default());
        let (mut a, mut b) = pair_over(&crypto, &db, &deferred);
        let id = b.group().group_id().clone();
        let follower = MlsStore::new(&db, FOLLOWER, &deferred);
        let rows = |space: u8| -> Vec<(u8, Vec<u8>)> {
            let mut select = db.prepare("select kind, value from mls where space = ? order by id").unwrap();
            select.query_map([space], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
        };

        let members_own = rows(MEMBER);
        let info = a.group().export_group_info(a.provider.crypto(), &a.key, false).unwrap();
        let MlsMessageBodyIn::GroupInfo(info) = parsed(&info.tls_serialize_detached().unwrap()).extract() else {
            panic!()
        };
        let tree = a.group().export_ratchet_tree().into();
        PublicGroup::from_external(&crypto, &follower, tree, info, ProposalStore::new()).unwrap();
        assert_eq!(rows(MEMBER), members_own);

        for _ in 0..3 {
            let commit = a.update();
            let before = rows(FOLLOWER);
            assert_eq!(b.hear(&commit), committed());
            assert_eq!(rows(FOLLOWER), before);

            let before = rows(MEMBER);
            let mut public = PublicGroup::load(&follower, &id).unwrap().unwrap();
            let message = parsed(&commit).try_into_protocol_message().unwrap();
            let ProcessedMessageContent::StagedCommitMessage(staged) =
                public.process_message(&crypto, message).unwrap().into_content()
            else {
                panic!()
            };
            public.merge_commit(&follower, *staged).unwrap();
            assert_eq!(rows(MEMBER), before);
            b.reload();
            let public = PublicGroup::load(&follower, &id).unwrap().unwrap();
            assert_eq!(public.group_context(), b.group().public_group().group_context());
        }

        let before = rows(MEMBER);
        follower.delete_group(&id).unwrap();
        assert_eq!((rows(MEMBER), rows(FOLLOWER)), (before, vec![]));
        assert!(PublicGroup::load(&follower, &id).unwrap().is_none());
        assert!(MlsGroup::load(b.provider.storage(), &id).unwrap().is_some());
    }

    #[test]
    fn deleting_a_group_leaves_other_groups_and_own_keys() {
        let crypto = random(34);
        let (db, deferred) = (memory(), Deferred::default());
        let (mut a, mut b) = pair_over(&crypto, &db, &deferred);
        let waiting = b.key_package(SUITE);
        let (_, welcome) = a.found(SUITE, &[b.key_package(SUITE)]);
        let first = b.group().group_id().clone();
        b.join(&welcome);
        let second = b.group().group_id().clone();
        b.hear(&a.update()).unwrap();

        // A group whose id is, as bytes, the name of a key package of ours.
        let reference = waiting.hash_ref(&crypto).unwrap();
        b.provider.storage().delete_group(&GroupId::from_slice(reference.as_slice())).unwrap();
        b.provider.storage().delete_group(&first).unwrap();
        assert!(MlsGroup::load(b.provider.storage(), &first).unwrap().is_none());
        b.load(&second);
        assert_eq!(b.hear(&a.say("still here")), heard("still here"));
        let (_, welcome) = a.found(SUITE, &[waiting]);
        b.join(&welcome);
    }

    /// Damage beneath SQLCipher's own check: a bug, or memory.
    #[test]
    fn damaged_values_are_errors() {
        let crypto = random(35);
        let (db, deferred) = (memory(), Deferred::default());
        let (mut a, mut b) = pair_over(&crypto, &db, &deferred);
        b.hear(&a.say("x")).unwrap();
        let proposal = a.propose_update();
        b.hear(&proposal).unwrap();
        let id = b.group().group_id().clone();
        let values: Vec<(i64, u8, Vec<u8>)> = {
            let mut select = db.prepare("select id, kind, value from mls where kind < 14").unwrap();
            let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
            rows.map(Result::unwrap).collect()
        };
        assert_eq!(values.len(), 12, "all kinds of a group but own leaf nodes, which appear with own proposals");
        let set =
            |row: i64, value: &[u8]| db.execute("update mls set value = ? where id = ?", params![value, row]).unwrap();
        let load = || MlsGroup::load(b.provider.storage(), &id);
        for (row, kind, value) in &values {
            let step = value.len().div_ceil(97);
            for i in (0..value.len()).step_by(step) {
                let mut flipped = value.clone();
                flipped[i] ^= 1 << (i % 8);
                // Each as it is, and with the check made to fit, when it may also load as something else.
                for damaged in [&flipped, &value[..i].to_vec(), &[value, &[0; 3][..]].concat()] {
                    set(*row, damaged);
                    assert!(matches!(load(), Err(MlsStoreError::Form(_))), "kind {kind}, byte {i}");
                    if let Some(refitted) = refit(damaged) {
                        set(*row, &refitted);
                        let _ = load();
                    }
                }
            }
            set(*row, &[]);
            assert!(load().is_err());
            set(*row, value);
        }
        assert!(load().unwrap().is_some());
    }

    /// The form's check over what follows it: SHA-256's first eight bytes.
    fn refit(value: &[u8]) -> Option<Vec<u8>> {
        let (form, rest) = value.split_first()?;
        let (_, body) = rest.split_at_checked(8)?;
        let check = digest::digest(&digest::SHA256, &[&[*form], body].concat());
        Some([&[*form], &check.as_ref()[..8], body].concat())
    }

    fn open(path: &Path) -> Connection {
        let db = Connection::open(path).unwrap();
        db.pragma_update(None, "key", "x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'").unwrap();
        db.execute_batch(SCHEMA).unwrap();
        db
    }

    fn pair(crypto: &Crypto) -> (Member<Provider<'static>>, Member<Provider<'static>>) {
        let (mut a, mut b) = (Member::new(leaked(crypto), 1), Member::new(leaked(crypto), 2));
        let (_, welcome) = a.found(SUITE, &[b.key_package(SUITE)]);
        b.join(&welcome);
        (a, b)
    }

    /// As [`pair`], with the second's state in `db`.
    fn pair_over<'a>(
        crypto: &'a Crypto,
        db: &'a Connection,
        deferred: &'a Deferred,
    ) -> (Member<Provider<'static>>, Member<Provider<'a>>) {
        let (mut a, mut b) = (Member::new(leaked(crypto), 1), Member::new(over(crypto, db, deferred), 2));
        let (_, welcome) = a.found(SUITE, &[b.key_package(SUITE)]);
        b.join(&welcome);
        (a, b)
    }
}

/// A member of a group, with any provider.
struct Member<P> {
    provider: P,
    key: DeviceKey,
    group: Option<MlsGroup>,
}

/// What a member makes of a message.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Text(String),
    Commit,
    Proposal,
}

fn heard(text: &str) -> Result<Heard, String> {
    Ok(Heard::Text(text.into()))
}

fn committed() -> Result<Heard, String> {
    Ok(Heard::Commit)
}

impl<P: OpenMlsProvider> Member<P> {
    fn new(provider: P, seed: u8) -> Self {
        Self { provider, key: DeviceKey::from_seed(&[seed; 32]), group: None }
    }

    fn credential(&self) -> CredentialWithKey {
        let name = self.key.public().to_vec();
        CredentialWithKey { credential: BasicCredential::new(name.clone()).into(), signature_key: name.into() }
    }

    fn key_package(&self, suite: Ciphersuite) -> KeyPackage {
        let builder = KeyPackage::builder()
            .key_package_lifetime(for_ever())
            .leaf_node_capabilities(Capabilities::builder().ciphersuites(vec![suite]).build());
        builder.build(suite, &self.provider, &self.key, self.credential()).unwrap().into_key_package()
    }

    /// Founds a group with these members: commit, welcome.
    fn found(&mut self, suite: Ciphersuite, packages: &[KeyPackage]) -> (Vec<u8>, Vec<u8>) {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(suite)
            .capabilities(Capabilities::builder().ciphersuites(vec![suite]).build())
            .lifetime(for_ever())
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .build();
        self.group = Some(MlsGroup::new(&self.provider, &self.key, &config, self.credential()).unwrap());
        self.add(packages)
    }

    fn add(&mut self, packages: &[KeyPackage]) -> (Vec<u8>, Vec<u8>) {
        let group = self.group.as_mut().unwrap();
        let (commit, welcome, _) = group.add_members(&self.provider, &self.key, packages).unwrap();
        group.merge_pending_commit(&self.provider).unwrap();
        (commit.tls_serialize_detached().unwrap(), welcome.tls_serialize_detached().unwrap())
    }

    fn join(&mut self, welcome: &[u8]) {
        let MlsMessageBodyIn::Welcome(welcome) = parsed(welcome).extract() else { panic!() };
        let config = MlsGroupJoinConfig::builder().wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY).build();
        let staged = StagedWelcome::new_from_welcome(&self.provider, &config, welcome, None).unwrap();
        self.group = Some(staged.into_group(&self.provider).unwrap());
    }

    fn group(&self) -> &MlsGroup {
        self.group.as_ref().unwrap()
    }

    fn load(&mut self, id: &GroupId) {
        self.group = Some(MlsGroup::load(self.provider.storage(), id).unwrap().unwrap());
    }

    fn reload(&mut self) {
        let id = self.group().group_id().clone();
        self.load(&id);
    }

    fn say(&mut self, text: &str) -> Vec<u8> {
        let group = self.group.as_mut().unwrap();
        let message = group.create_message(&self.provider, &self.key, text.as_bytes()).unwrap();
        message.tls_serialize_detached().unwrap()
    }

    fn update(&mut self) -> Vec<u8> {
        let group = self.group.as_mut().unwrap();
        let bundle = group.self_update(&self.provider, &self.key, LeafNodeParameters::default()).unwrap();
        let commit = bundle.commit().tls_serialize_detached().unwrap();
        self.reload(); // together with its pending commit
        self.group.as_mut().unwrap().merge_pending_commit(&self.provider).unwrap();
        commit
    }

    fn propose_update(&mut self) -> Vec<u8> {
        let group = self.group.as_mut().unwrap();
        let (proposal, _) =
            group.propose_self_update(&self.provider, &self.key, LeafNodeParameters::default()).unwrap();
        self.reload();
        proposal.tls_serialize_detached().unwrap()
    }

    fn commit_pending(&mut self) -> Vec<u8> {
        let group = self.group.as_mut().unwrap();
        let (commit, _, _) = group.commit_to_pending_proposals(&self.provider, &self.key).unwrap();
        group.merge_pending_commit(&self.provider).unwrap();
        commit.tls_serialize_detached().unwrap()
    }

    fn remove(&mut self, leaf: u32) -> Vec<u8> {
        let group = self.group.as_mut().unwrap();
        let (commit, _, _) = group.remove_members(&self.provider, &self.key, &[LeafNodeIndex::new(leaf)]).unwrap();
        group.merge_pending_commit(&self.provider).unwrap();
        commit.tls_serialize_detached().unwrap()
    }

    fn hear(&mut self, wire: &[u8]) -> Result<Heard, String> {
        let message = parsed(wire).try_into_protocol_message().unwrap();
        let group = self.group.as_mut().unwrap();
        let processed = group.process_message(&self.provider, message).map_err(|e| e.to_string())?;
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(m) => {
                Ok(Heard::Text(String::from_utf8(m.into_bytes()).unwrap()))
            }
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                group.merge_staged_commit(&self.provider, *staged).unwrap();
                Ok(Heard::Commit)
            }
            ProcessedMessageContent::ProposalMessage(proposal) => {
                group.store_pending_proposal(self.provider.storage(), *proposal).unwrap();
                Ok(Heard::Proposal)
            }
            _ => panic!(),
        }
    }
}

fn parsed(wire: &[u8]) -> MlsMessageIn {
    MlsMessageIn::tls_deserialize_exact_bytes(wire).unwrap()
}

/// openmls' own default reads the clock.
fn for_ever() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

fn memory() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    db
}

fn over<'a>(crypto: &'a Crypto, db: &'a Connection, deferred: &'a Deferred) -> Provider<'a> {
    Provider { crypto, storage: MlsStore::new(db, MEMBER, deferred) }
}

/// A provider with a database of its own in memory, which lasts as long as the test.
fn leaked(crypto: &Crypto) -> Provider<'static> {
    over(Box::leak(Box::new(crypto.clone())), Box::leak(Box::new(memory())), Box::leak(Box::default()))
}

/// openmls' own providers.
fn others() -> [Box<dyn OpenMlsCrypto>; 2] {
    [
        Box::new(openmls_rust_crypto::RustCrypto::default()),
        Box::new(openmls_libcrux_crypto::CryptoProvider::new().unwrap()),
    ]
}

fn random(seed: u64) -> Crypto {
    Crypto::new(Arc::new(Seeded::new(seed)))
}

/// Cryptography whose randomness is these, one after another, and no more.
fn told(draws: &[&[u8]]) -> Crypto {
    Crypto::new(Arc::new(Told(Mutex::new(draws.iter().rev().map(|draw| draw.to_vec()).collect()))))
}

/// Up to `most` random bytes.
fn some(crypto: &Crypto, most: usize) -> Vec<u8> {
    let len = u16::from_le_bytes(crypto.random_array().unwrap());
    crypto.random_vec(usize::from(len) % (most + 1)).unwrap()
}

const ED25519: SignatureScheme = SignatureScheme::ED25519;

/// Randomness from a seed.
struct Seeded {
    seed: u64,
    drawn: Mutex<u64>,
}

impl Seeded {
    fn new(seed: u64) -> Self {
        Self { seed, drawn: Mutex::new(0) }
    }

    /// How many blocks were drawn.
    fn drawn(&self) -> u64 {
        *self.drawn.lock().unwrap()
    }
}

impl Randomness for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut drawn = self.drawn.lock().unwrap();
        for block in bytes.chunks_mut(32) {
            let hash = digest::digest(&digest::SHA256, &[self.seed.to_le_bytes(), drawn.to_le_bytes()].concat());
            block.copy_from_slice(&hash.as_ref()[..block.len()]);
            *drawn += 1;
        }
    }
}

struct Told(Mutex<Vec<Vec<u8>>>);

impl Randomness for Told {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0.lock().unwrap().pop().expect("no more was foreseen"));
    }
}

trait Randomness: Send + Sync + 'static {
    fn fill(&self, bytes: &mut [u8]);
}

/// Only randomness is used here.
macro_rules! env {
    ($($of:ty),*) => {$(
        impl Env for $of {
            fn fill(&self, bytes: &mut [u8]) {
                Randomness::fill(self, bytes);
            }
            fn now_ms(&self) -> u64 {
                unreachable!()
            }
            fn open_database(&self, _: &Path) -> rusqlite::Result<Connection> {
                unreachable!()
            }
            fn run_database(&self, _: &str, _: BoxFuture<()>) {
                unreachable!()
            }
            fn spawn(&self, _: BoxFuture<()>) -> Task {
                unreachable!()
            }
            fn step(&self, _: &'static str) -> BoxFuture<()> {
                unreachable!()
            }
            fn dial(&self, _: Dial) -> BoxFuture<std::io::Result<Stream>> {
                unreachable!()
            }
            fn listen(
                &self,
                _: SocketAddr,
                _: Arc<rustls::ServerConfig>,
            ) -> BoxFuture<std::io::Result<(SocketAddr, Incoming)>> {
                unreachable!()
            }
        }
    )*};
}

env!(Seeded, Told);
