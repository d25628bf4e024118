//! Whether the rows stand that the group's state asks for. The server tells a digest of them; an admin's or owner's device
//! states them all where others stand: a false commit changed some, a low rank could not, or the server chose an owner.

use pli_kernel::group::rows;
use pli_proto::pb;
use pli_proto::rows::rank;
use pli_proto::signed::{self, Hash};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::membership::schedule;
use crate::store::logs::LogState;
use crate::store::{Notice, Tx};

use super::Page;

/// In place of a digest: all rows were stated just now, and what is told next is what came of it.
pub(super) const STATED: Hash = [0; 32];

impl Page {
    /// The log was read to its end: this device has access, and hears which rows stand.
    pub(super) fn compare_rows(&mut self, tx: &mut Tx<'_>, page: &pb::LogPage) -> Result<(), Error> {
        if self.record.state == LogState::AccessLost {
            self.record.state = LogState::Active;
        }
        let (Some(public), Ok(told)) = (&self.public, Hash::try_from(page.rows.as_slice())) else { return Ok(()) };
        if page.rank < rank::ADMIN {
            (self.record.rows_ms, self.record.rows_told, self.record.rows_compared) = (0, None, None);
            return Ok(());
        }
        // What a state asks for is dear to compute in a large group, and a page comes with each message.
        let compared: Hash = Sha256::digest(signed::join(&[&public.state, &told])).into();
        if self.record.rows_compared.replace(compared) == Some(compared) {
            return Ok(());
        }
        if rows::digest(&public.roster, &public.settings) == told {
            (self.record.rows_ms, self.record.rows_told) = (0, None);
        } else if let before = self.record.rows_told.replace(told)
            && ![Some(told), Some(STATED)].contains(&before)
        {
            tracing::info!("other rows stand than the group asks for");
            self.record.rows_ms = schedule::state_rows(tx, &self.record, public.roster.len());
            tx.notice(Notice::Outbox(self.record.log));
        }
        Ok(())
    }
}
