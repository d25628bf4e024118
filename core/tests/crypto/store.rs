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
    let secrets = || -> Vec<u8> { db.query_row("select value from mls where kind = 7", [], |row| row.get(0)).unwrap() };
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
    let MlsMessageBodyIn::GroupInfo(info) = parsed(&info.tls_serialize_detached().unwrap()).extract() else { panic!() };
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
fn damaged_values_never_panic() {
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
            // It may load as something else; it may not panic.
            set(*row, &flipped);
            let _ = load();
            for damaged in [&value[..i], &[value, &[0; 3][..]].concat()] {
                set(*row, damaged);
                assert!(matches!(load(), Err(MlsStoreError::Form(_))), "kind {kind}, byte {i}");
            }
        }
        set(*row, &[]);
        assert!(load().is_err());
        set(*row, value);
    }
    assert!(load().unwrap().is_some());
}

fn open(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.pragma_update(None, "key", "x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'").unwrap();
    db.execute_batch(SCHEMA).unwrap();
    db
}

fn pair(
    crypto: &Crypto,
) -> (Member<Provider<'static, MlsStore<'static>>>, Member<Provider<'static, MlsStore<'static>>>) {
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
) -> (Member<Provider<'static, MlsStore<'static>>>, Member<Provider<'a, MlsStore<'a>>>) {
    let (mut a, mut b) = (Member::new(leaked(crypto), 1), Member::new(over(crypto, db, deferred), 2));
    let (_, welcome) = a.found(SUITE, &[b.key_package(SUITE)]);
    b.join(&welcome);
    (a, b)
}
