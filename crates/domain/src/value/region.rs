//! Provinces, cities and districts of China (codes of GB/T 2260).

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{quoted, region_search};
use crate::{
    codes::{REGION_AMBIGUOUS, REGION_UNKNOWN},
    flaw::Flaw,
    text::normalise,
};

/// One row of the table. Codes end in `0000` for a province and in `00` for a city.
pub(super) struct Row {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    /// What people write for it (成都, 凉山); empty where there is none.
    pub(super) short: &'static str,
}

impl Row {
    /// The region.
    pub(super) fn region(&self) -> Region {
        Region(self.code.to_owned())
    }

    /// The code of what it lies directly in: a district in its city, where there is one.
    pub(super) fn parent(&self) -> Option<String> {
        let up = |digits: usize| self.code.get(..digits).map(|head| format!("{head:0<6}"));
        if self.code.ends_with("0000") {
            return None;
        }
        let city = up(4).filter(|city| *city != self.code && find(city).is_some());
        city.or_else(|| up(2))
    }
}

/// Every row, by code.
pub(super) fn rows() -> &'static [Row] {
    &TABLE
}

/// All rows by code; 160 kB, built at first use.
static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let lines = include_str!("../../data/regions.txt").lines();
    lines
        .filter_map(|line| {
            let mut cells = line.split('\t');
            Some(Row { code: cells.next()?, name: cells.next()?, short: cells.next()? })
        })
        .collect()
});

/// The provinces that are cities and have districts without a city between.
const MUNICIPALITIES: &[&str] = &["11", "12", "31", "50"];

/// A province, city or district, by its six-digit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// The region of a six-digit code; `None` where no such region is known.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        find(code).map(|row| Self(row.code.to_owned()))
    }

    /// The region that an address begins with: province, city, district, as far as they are named. `省` and `市` may be
    /// left out; a place that several provinces have is not guessed.
    #[must_use]
    pub fn find_in_address(address: &str) -> Option<Self> {
        region_search::find(address).map(|code| Self(code.to_owned()))
    }

    /// A six-digit code or the text of an address.
    ///
    /// # Errors
    /// `region_ambiguous` with the parameter `candidates`; `region_unknown`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let text = normalise(raw);
        Self::from_code(&text).or_else(|| Self::find_in_address(raw)).ok_or_else(|| {
            let candidates = Self::candidates(raw);
            if candidates.is_empty() {
                return Flaw::new(&REGION_UNKNOWN).with("value", quoted(raw));
            }
            let told: Vec<String> =
                candidates.iter().map(|region| format!("{} {}", region.code(), region.full_name())).collect();
            Flaw::new(&REGION_AMBIGUOUS).with("value", quoted(raw)).with("candidates", told.join(", "))
        })
    }

    /// A region as it was stored, by its code; no rule is applied.
    #[must_use]
    pub fn from_stored(code: String) -> Self {
        Self(code)
    }

    /// Six digits.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0
    }

    /// The same as [`Self::code`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `上海市`, `四川省`.
    #[must_use]
    pub fn province(&self) -> Option<&'static str> {
        self.above(2).map(|row| row.name)
    }

    /// `成都市`. A municipality is its own city; `None` for a province, and for a county without a city above it.
    #[must_use]
    pub fn city(&self) -> Option<&'static str> {
        if self.0.get(..2).is_some_and(|province| MUNICIPALITIES.contains(&province)) {
            return self.province();
        }
        self.above(4).filter(|row| !row.code.ends_with("0000")).map(|row| row.name)
    }

    /// `浦东新区`; `None` where the code stops at the city.
    #[must_use]
    pub fn district(&self) -> Option<&'static str> {
        self.above(6).filter(|row| !row.code.ends_with("00")).map(|row| row.name)
    }

    /// The codes of what lies in it, its own among them: from the first up to, and without, the last. `None` for a
    /// district, in which nothing lies.
    #[must_use]
    pub fn span(&self) -> Option<(String, String)> {
        let digits = match &self.0 {
            code if code.ends_with("0000") => 2,
            code if code.ends_with("00") => 4,
            _ => return None,
        };
        let head: u32 = self.0.get(..digits)?.parse().ok()?;
        Some((self.0.clone(), format!("{:0<6}", format!("{:0digits$}", head + 1))))
    }

    /// The codes in whose [`Self::span`] it lies, its own first.
    #[must_use]
    pub fn and_above(&self) -> Vec<String> {
        let up = |digits: usize| self.0.get(..digits).filter(|_| self.0.len() == 6).map(|head| format!("{head:0<6}"));
        let mut codes = vec![self.0.clone()];
        codes.extend([4, 2].into_iter().filter_map(up));
        codes.dedup();
        codes
    }

    fn above(&self, digits: usize) -> Option<&'static Row> {
        find(&format!("{:0<6}", self.0.get(..digits)?))
    }
}

fn find(code: &str) -> Option<&'static Row> {
    TABLE.binary_search_by_key(&code, |row| row.code).ok().and_then(|at| TABLE.get(at))
}

/// The rows of each level by code, and districts by the first character of their names; 60 kB, built at first use.
struct Levels {
    provinces: Vec<&'static Row>,
    cities: Vec<&'static Row>,
    districts: Vec<&'static Row>,
    districts_by_head: HashMap<char, Vec<&'static Row>>,
}

static LEVELS: LazyLock<Levels> = LazyLock::new(|| {
    let (above, districts): (Vec<&Row>, Vec<&Row>) = TABLE.iter().partition(|row| row.code.ends_with("00"));
    let (provinces, cities) = above.into_iter().partition(|row| row.code.ends_with("0000"));
    let mut districts_by_head: HashMap<char, Vec<&Row>> = HashMap::new();
    for row in &districts {
        if let Some(head) = row.name.chars().next() {
            districts_by_head.entry(head).or_default().push(row);
        }
    }
    Levels { provinces, cities, districts, districts_by_head }
});

/// All provinces.
pub(super) fn provinces() -> impl Iterator<Item = &'static Row> {
    LEVELS.provinces.iter().copied()
}

/// All cities whose code begins so.
pub(super) fn cities(prefix: &str) -> impl Iterator<Item = &'static Row> {
    below(&LEVELS.cities, prefix)
}

/// All districts whose code begins so.
pub(super) fn districts(prefix: &str) -> impl Iterator<Item = &'static Row> {
    below(&LEVELS.districts, prefix)
}

/// All districts whose name stands at the head of a text.
pub(super) fn districts_at_head(text: &str) -> impl Iterator<Item = &'static Row> {
    let rows = text.chars().next().and_then(|head| LEVELS.districts_by_head.get(&head));
    rows.into_iter().flatten().copied().filter(move |row| text.starts_with(row.name))
}

fn below(rows: &'static [&'static Row], prefix: &str) -> impl Iterator<Item = &'static Row> {
    let start = rows.partition_point(|row| row.code < prefix);
    let rows = rows.get(start..).unwrap_or_default();
    let length = rows.partition_point(|row| row.code.starts_with(prefix));
    rows.iter().copied().take(length)
}

#[cfg(test)]
mod tests {
    use super::{Region, TABLE};
    use proptest::prelude::*;

    fn names(region: &Region) -> (Option<&str>, Option<&str>, Option<&str>) {
        (region.province(), region.city(), region.district())
    }

    #[test]
    fn codes_tell_names() {
        let names_of = |code: &str| {
            let region = Region::from_code(code).unwrap();
            (region.province(), region.city(), region.district())
        };
        assert_eq!(names_of("310115"), (Some("上海市"), Some("上海市"), Some("浦东新区")));
        assert_eq!(names_of("510107"), (Some("四川省"), Some("成都市"), Some("武侯区")));
        assert_eq!(names_of("510100"), (Some("四川省"), Some("成都市"), None));
        assert_eq!(names_of("510000"), (Some("四川省"), None, None));
        assert_eq!(names_of("419001"), (Some("河南省"), None, Some("济源市")));
        assert_eq!(names_of("500230"), (Some("重庆市"), Some("重庆市"), Some("丰都县")));
        assert_eq!(Region::from_code("999999"), None);
        assert_eq!(Region::from_code("31"), None);
    }

    #[test]
    fn a_stored_code_is_read_as_far_as_it_is_known() {
        assert_eq!(names(&Region::from_stored("510199".into())), (Some("四川省"), Some("成都市"), None));
        assert_eq!(names(&Region::from_stored("x".into())), (None, None, None));
    }

    #[test]
    fn what_lies_in_a_region_has_its_beginning() {
        let region = |code: &str| Region::from_stored(code.into());
        let span = |code: &str| region(code).span();
        assert_eq!(span("440000"), Some(("440000".into(), "450000".into())));
        assert_eq!(span("440300"), Some(("440300".into(), "440400".into())));
        assert_eq!(span("449900"), Some(("449900".into(), "450000".into())));
        assert_eq!((span("440305"), span("x"), span("00"), span("äö00")), (None, None, None, None));
        for row in TABLE.iter() {
            let (own, length) = (row.region(), if row.code.ends_with("0000") { 2 } else { 4 });
            let is_whole = row.code.ends_with("00");
            for other in TABLE.iter().filter(|other| other.code[..2] == row.code[..2]) {
                let within = if is_whole { other.code[..length] == row.code[..length] } else { other.code == row.code };
                let lies = own.span().is_some_and(|(from, to)| (from.as_str()..to.as_str()).contains(&other.code));
                assert_eq!(lies || other.code == row.code, within, "{} in {}", other.code, row.code);
                let above = other.region().and_above();
                assert_eq!(above.iter().any(|code| code == row.code), within, "{} in {}", other.code, row.code);
            }
        }
        assert_eq!(region("440305").and_above(), ["440305", "440300", "440000"]);
        assert_eq!((region("440000").and_above(), region("x").and_above()), (vec!["440000".into()], vec!["x".into()]));
    }

    #[test]
    fn the_table_is_whole_and_sorted() {
        assert!(TABLE.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert_eq!(super::provinces().count(), 34);
        assert!(super::cities("").count() > 330 && super::districts("").count() > 2_900);
        assert!(TABLE.iter().all(|row| row.code.len() == 6 && !row.name.is_empty()));
    }

    #[test]
    fn parse_takes_code_or_text() {
        assert_eq!(Region::parse("３１０１１５").unwrap().code(), "310115");
        assert_eq!(Region::parse("四川 成都 武侯区").unwrap().code(), "510107");
        assert_eq!(Region::parse("火星").unwrap_err().code.key, "region_unknown");
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,30}|[0-9]{6}|[四川成都武侯区上海市浦东新吉林省]{0,12}") {
            if let Ok(region) = Region::parse(&raw) {
                prop_assert_eq!(Region::parse(region.as_str()), Ok(region.clone()));
                prop_assert!(region.province().is_some());
            }
        }
    }
}
