//! An insider: a device whose software now and then does what ours never would, with a copy of its own store. The checks
//! hold for everybody all the same.

use std::time::Duration;

use pli_core::model::{ConversationInfo, ConversationKind, Membership};
use pli_kernel::group::roster::Roster;
use pli_kernel::group::rows::asked;
use pli_proto::rows::set;
use pli_proto::{pb, signed};
use pli_tests::insider::{Insider, Lie, update};
use tokio::time::sleep;

use super::host::copy;
use super::people::Acting;

/// Tries to get through a bad network.
const TRIES: usize = 20;

impl Acting {
    /// Makes a false entry in a group.
    pub(crate) async fn lie(&self, info: &ConversationInfo) -> &'static str {
        if info.kind != ConversationKind::Group || info.membership != Membership::Member {
            return "tells no lie";
        }
        let folder = self.w.dir.join(format!("h{}.insider", self.host));
        self.client.suspend().await;
        copy(&self.w.folder(self.host), &folder);
        self.wake().await;
        let mut insider = Insider::in_store(self.env.clone(), &folder.join("store"), info.id);
        for _ in 0..TRIES {
            if insider.knock().await.is_ok() {
                let entry = self.false_entry(&mut insider);
                // Whether it is in the log, the log says.
                self.w.book().lies.insert(signed::entry_digest(insider.log, &entry));
                let told = insider.append(&entry).await;
                self.w.event(self.host, &format!("lies: {told:?}"));
                return "lies";
            }
            sleep(Duration::from_secs(1)).await;
        }
        "gets no lie through"
    }

    fn false_entry(&self, insider: &mut Insider) -> pb::Entry {
        let n = self.w.below(3) as usize;
        let kind = self.w.below(8);
        let lie = match kind {
            0 | 1 => Lie::HpkeSeal(n),
            2 => Lie::Hmac(n),
            _ => Lie::None,
        };
        // Rows that the tree does not ask for: a member is kept out, until somebody states them anew.
        let group = insider.group();
        let others = Roster::read(group.public_group()).expect("a group that we are in");
        let victim = others.leaves().filter(|leaf| leaf.device() != insider.me.device).nth(n);
        let cut: Vec<_> = victim.filter(|_| kind > 5).map(|leaf| insider.cut(leaf.key())).into_iter().collect();
        insider.whole = kind == 7 && self.w.once_in(2);
        let rows = if insider.whole {
            // All rows but the victim's.
            let (roster, settings) = insider.state();
            let all = asked(&roster, &settings).into_iter().map(|(key, rank)| set(key, rank));
            all.filter(|row| cut.iter().all(|cut| cut.key != row.key)).collect()
        } else {
            cut
        };
        let mut commit = insider.commit_with(lie, &rows, &[], update);
        match kind {
            // What its members are told of the group's state is that of before, or nothing.
            3 => commit.group_info.clone_from(&insider.group_info),
            4 => commit.commit.truncate(100 * n),
            _ => {}
        }
        let mut entry = insider.entry(commit, rows);
        if kind == 5 {
            // Sealed bytes that nobody can open, as a commit or as a message.
            entry.kind = if n == 0 { pb::EntryKind::Message } else { pb::EntryKind::Commit }.into();
            entry.sealed.reverse();
        }
        entry
    }
}
