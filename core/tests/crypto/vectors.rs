use super::*;

#[test]
fn xwing_keys_ciphertexts_and_secrets_are_the_drafts() {
    for v in json(include_str!("../vectors/xwing.json")).as_array().unwrap() {
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

/// docs/protocol.md, section 10; computed by a client that knew that page alone.
#[test]
fn derived_keys_are_those_of_the_protocol() {
    let crypto = random(9);
    let pair = crypto.derive_hpke_keypair(SUITE.hpke_config(), &[8; 48]).unwrap();
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    assert_eq!(hex(&pair.private), "f44e72ce2008890583d33f3ee73f79111545ec2a0b8401376849abe272556b62");
    let public = crypto.hash(HashType::Sha2_256, &pair.public).unwrap();
    assert_eq!(hex(&public), "24c97b24d3b527b12040eff542f02f888c3e230df8b6107e5c97e06b5b95078d");
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
    let v = json(include_str!("../vectors/hpke.json"));
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
    let v = json(include_str!("../vectors/crypto-basics.json"));
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
