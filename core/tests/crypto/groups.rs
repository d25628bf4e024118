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
        let crypto = Crypto::new(pli_env::draw(env.clone()));
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
