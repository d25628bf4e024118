//! More dialogue than the script has: chance chooses who says what where. The same seed chooses the same.

use super::script::{Deed, Line};

/// SplitMix64: small, and good enough to choose with.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }

    /// One of several.
    pub(crate) fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

/// The texts that the script says.
pub(crate) fn texts(script: &[Line]) -> Vec<&str> {
    let said = script.iter().filter_map(|line| match line {
        Line::Act { deed: Deed::Say { text, .. }, .. } => Some(text.as_str()),
        _ => None,
    });
    said.collect()
}

/// A text that was not said before: an old one with a number.
pub(crate) fn another(dice: &mut Dice, texts: &[&str], number: usize) -> String {
    format!("{} ({number})", dice.choose(texts).copied().unwrap_or("…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_chooses_the_same() {
        let rolls = |seed| {
            let mut dice = Dice::new(seed);
            (0..100).map(|_| dice.below(6)).collect::<Vec<_>>()
        };
        assert_eq!(rolls(1), rolls(1));
        assert_ne!(rolls(1), rolls(2));
        assert!((0..6).all(|face| rolls(1).contains(&face)));
        assert_eq!(Dice::new(1).below(0), 0);
    }
}
