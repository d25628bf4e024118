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
    changed.kem_output = [&[sealed.kem_output.as_slice()[0] ^ 1], &sealed.kem_output.as_slice()[1..]].concat().into();
    assert!(to.hpke_open(config(), &changed, &pair.private, info, aad).is_err());

    let (kem_output, sent) = from.hpke_setup_sender_and_export(config(), &pair.public, info, b"ctx", 48).unwrap();
    let received = to.hpke_setup_receiver_and_export(config(), &kem_output, &pair.private, info, b"ctx", 48).unwrap();
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
    let crypto = Crypto::new(pli_env::draw(env.clone()));
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
