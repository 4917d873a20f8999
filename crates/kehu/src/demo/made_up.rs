//! People, companies, numbers and addresses that a seed decides.

use super::words::{BACK, CITIES, FORMS, FRONT, GIVEN, STREETS, SURNAMES, TRADES};

/// Numbers that a seed decides (SplitMix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`; 0 where that is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(end).unwrap_or(0)
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of a list; the default of an empty one.
    pub(super) fn pick<T: Copy + Default>(&mut self, list: &[T]) -> T {
        let length = u64::try_from(list.len()).unwrap_or(u64::MAX);
        let place = usize::try_from(self.below(length)).unwrap_or(0);
        list.get(place).copied().unwrap_or_default()
    }

    fn digits(&mut self, length: usize) -> String {
        (0..length).map(|_| self.pick(&['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])).collect()
    }
}

/// A person.
pub(super) struct Person {
    /// 王芳
    pub(super) name: String,
    /// wangfang
    pub(super) pinyin: String,
}

impl Person {
    pub(super) fn any(random: &mut Random) -> Self {
        let ((surname, first), (given, second)) = (random.pick(SURNAMES), random.pick(GIVEN));
        Self { name: format!("{surname}{given}"), pinyin: format!("{first}{second}") }
    }
}

/// Where somebody is.
#[derive(Clone, Copy)]
pub(super) struct City {
    name: &'static str,
    short: &'static str,
    area_code: &'static str,
    districts: &'static [&'static str],
}

impl City {
    pub(super) fn any(random: &mut Random) -> Self {
        let (name, short, area_code, districts) = random.pick(CITIES);
        Self { name, short, area_code, districts }
    }

    /// A street address.
    pub(super) fn address(self, random: &mut Random) -> String {
        let (district, street) = (random.pick(self.districts), random.pick(STREETS));
        let (number, floor) = (random.below(900) + 1, random.below(30) + 2);
        format!("{}{district}{street}{number}号{floor}层", self.name)
    }

    /// A landline number.
    pub(super) fn landline(self, random: &mut Random) -> String {
        format!("{}-{}{}", self.area_code, random.pick(&['2', '5', '6', '8']), random.digits(7))
    }
}

/// A company.
pub(super) struct Company {
    /// 杭州云达软件有限公司
    pub(super) name: String,
    /// Its own mail domain, below example.com: nobody's mail goes there (RFC 2606).
    pub(super) domain: String,
    /// Code of its industry.
    pub(super) industry: &'static str,
}

impl Company {
    pub(super) fn any(random: &mut Random, city: City) -> Self {
        let ((front, first), (back, second)) = (random.pick(FRONT), random.pick(BACK));
        let ((trade, industry), form) = (random.pick(TRADES), random.pick(FORMS));
        let name = match random.below(4) {
            0 => format!("{front}{back}{trade}（{}）{form}", city.short),
            _ => format!("{}{front}{back}{trade}{form}", city.short),
        };
        Self { name, domain: format!("{first}{second}.example.com"), industry }
    }
}

/// A mobile number; each place has another.
pub(super) fn mobile(place: u64) -> String {
    const PREFIXES: [&str; 8] = ["133", "135", "138", "150", "156", "177", "186", "199"];
    let prefix = usize::try_from(place % 8).ok().and_then(|at| PREFIXES.get(at)).copied().unwrap_or("138");
    format!("{prefix}{:08}", (place * 48_271 + 26_041_757) % 100_000_000)
}

/// A unified social credit code with its check character (GB 32100-2015).
pub(super) fn credit_code(random: &mut Random) -> String {
    const LETTERS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let letters: Vec<char> = LETTERS.chars().collect();
    let region = random.pick(&["110108", "310104", "440305", "330106", "510107", "420111"]);
    let mut code: String = format!("91{region}MA");
    code.extend((0..7).map(|_| random.pick(&letters)));
    let (mut sum, mut weight) = (0, 1);
    for letter in code.chars() {
        sum += LETTERS.find(letter).unwrap_or(0) * weight;
        weight = weight * 3 % 31;
    }
    code.extend(letters.get((31 - sum % 31) % 31));
    code
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use kehu_domain::value::CreditCode;

    use super::*;

    #[test]
    fn the_seed_decides_and_numbers_differ() {
        let names = |seed| {
            let mut random = Random::new(seed);
            (0..20).map(|_| Person::any(&mut random).name).collect::<Vec<_>>()
        };
        assert_eq!(names(1), names(1));
        assert_ne!(names(1), names(2));
        assert_eq!((0..10_000).map(mobile).collect::<HashSet<_>>().len(), 10_000);
    }

    #[test]
    fn credit_codes_are_accepted() {
        let mut random = Random::new(1);
        for _ in 0..100 {
            let code = credit_code(&mut random);
            assert!(CreditCode::parse(&code).is_ok(), "{code}");
        }
    }
}
