//! Contents by chance: with fields beyond their bounds, of kinds that nobody knows, cut off. The same in each run.

use pli_proto::pb;
use prost::Message as _;

/// Small random numbers that are the same in each run.
pub struct Dice(u64);

impl Dice {
    /// Numbers that begin with a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.below(256) as u8).collect()
    }

    fn number(&mut self) -> u64 {
        [0, 1, 5, 1 << 32, 1 << 62, 1 << 63, u64::MAX][self.below(7) as usize]
    }

    fn text(&mut self) -> String {
        let texts = ["", "fine", "\u{202e}\u{0}\u{2028}", "👍\u{fe0f}", &"x".repeat(70_000)];
        texts[self.below(5) as usize].into()
    }

    /// An id, or what is none.
    fn id(&mut self) -> Vec<u8> {
        let len = [0, 15, 16, 17, 5_000][self.below(5) as usize];
        vec![self.below(4) as u8; len]
    }

    /// The bytes of a content, with whatever may be in one, or of none.
    pub fn content(&mut self) -> Vec<u8> {
        use pb::said::Body;
        let mentions = (0..self.below(3) * 700).map(|_| self.id()).collect();
        let body = match self.below(8) {
            0 => Some(Body::Text(pb::Text { body: self.text(), mentions, reply_to: self.id() })),
            1 => Some(Body::Edit(pb::Edit { target: self.id(), body: self.text(), mentions })),
            2 => Some(Body::Delete(pb::Delete { target: self.id() })),
            3 => Some(Body::React(pb::React { target: self.id(), emoji: self.text() })),
            4 => Some(Body::Leave(pb::LeaveWord {
                leaf_key: self.id(),
                encryption_key: self.bytes(2_000),
                signature: self.bytes(70),
            })),
            5 => return self.bytes(300),
            _ => None,
        };
        let said = pb::Said { salt: self.bytes(40), sent_ms: self.number(), if_unknown: self.below(3) as i32, body };
        let mut said = said.encode_to_vec();
        self.spoil(&mut said);
        let (seen, revocations) = (self.number(), self.number());
        let mut content = pb::Content { seen, seen_hash: self.bytes(40), revocations, said }.encode_to_vec();
        self.spoil(&mut content);
        content
    }

    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        match self.below(4) {
            // A kind to come, or a field.
            0 => bytes.extend([[0xa2, 0x38, 0x05].as_slice(), b"a poll"[..5].as_ref()].concat()),
            1 => bytes.truncate(self.below(bytes.len() as u64 + 1) as usize),
            _ => {}
        }
    }
}
