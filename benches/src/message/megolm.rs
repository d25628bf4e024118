//! Megolm, which Matrix uses: one ratchet for each sender, no group state. The same in a group of any size.

use vodozemac::megolm::{GroupSession, InboundGroupSession, MegolmMessage, SessionConfig};

use crate::Result;

use super::{BODY, Pair};

pub(super) struct Megolm {
    sender: GroupSession,
    receiver: InboundGroupSession,
}

impl Megolm {
    pub(super) fn new() -> Self {
        // Version 1 is what Matrix speaks.
        let config = SessionConfig::version_1();
        let sender = GroupSession::new(config);
        let receiver = InboundGroupSession::new(&sender.session_key(), config);
        Self { sender, receiver }
    }
}

impl Pair for Megolm {
    fn encrypt(&mut self) -> Result<Vec<u8>> {
        Ok(self.sender.encrypt(BODY).to_bytes())
    }
    fn decrypt(&mut self, wire: &[u8]) -> Result<()> {
        let decrypted = self.receiver.decrypt(&MegolmMessage::from_bytes(wire)?)?;
        if decrypted.plaintext == BODY { Ok(()) } else { Err("another message".into()) }
    }
}
