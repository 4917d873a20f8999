//! Chance that comes out the same every time (SplitMix64).

/// A stream of numbers that a seed decides.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of that seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where that is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// A place in a list of that length.
    pub(crate) fn place(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(length)).unwrap_or(0)
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of a list; the empty text of an empty one.
    pub(crate) fn pick(&mut self, list: &[&'static str]) -> &'static str {
        let place = self.place(list.len());
        list.get(place).copied().unwrap_or_default()
    }

    /// One character of a text.
    pub(crate) fn letter(&mut self, text: &str) -> char {
        let place = self.place(text.chars().count());
        text.chars().nth(place).unwrap_or(' ')
    }

    /// So many digits.
    pub(crate) fn digits(&mut self, length: usize) -> String {
        (0..length).map(|_| self.letter("0123456789")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_everything_and_another_gives_another_stream() {
        let ten = |seed| {
            let mut random = Random::new(seed);
            (0..10).map(|_| random.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(ten(7), ten(7));
        assert_ne!(ten(7), ten(8));
        assert!(ten(7).iter().all(|number| *number < 1000));
    }
}
