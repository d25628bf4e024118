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
        assert_eq!(crypto.verify_signature(ED25519, &message, &public, &changed), Err(CryptoError::InvalidSignature));
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
