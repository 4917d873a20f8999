//! Regions to choose from: what lies in one, what a few characters may mean.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::region::{Region, Row, rows};
use crate::text::normalise;

/// The most candidates that an error names.
const CANDIDATES: usize = 5;

/// The codes of regions that something lies in; built at first use.
static PARENTS: LazyLock<HashSet<String>> = LazyLock::new(|| rows().iter().filter_map(Row::parent).collect());

impl Region {
    /// The provinces, or what lies directly in a region: cities of a province with the counties that belong to none,
    /// districts of a city or of a municipality. In the order of their codes.
    #[must_use]
    pub fn children(parent: Option<&Self>) -> Vec<Self> {
        let mine = |row: &&'static Row| row.parent().as_deref() == parent.map(Self::code);
        rows().iter().filter(mine).map(Row::region).collect()
    }

    /// At most so many regions that a text may mean: what it reads as first, then those whose name begins with it, then
    /// those whose name holds it.
    #[must_use]
    pub fn search(text: &str, most: usize) -> Vec<Self> {
        let key: String = normalise(text).chars().filter(|c| c.is_alphanumeric()).collect();
        let mut found: Vec<Self> = Self::parse(text).ok().into_iter().collect();
        if key.is_empty() {
            return found;
        }
        let begins = rows().iter().filter(|row| row.name.starts_with(&key));
        let holds =
            rows().iter().filter(|row| row.name.contains(&key) || (row.code.starts_with(&key) && key.len() > 1));
        for region in begins.chain(holds).map(Row::region) {
            if found.len() >= most {
                break;
            }
            if !found.contains(&region) {
                found.push(region);
            }
        }
        found
    }

    /// Regions that a text which is none may mean: those of the name that it ends with, or that begin with it.
    pub(super) fn candidates(text: &str) -> Vec<Self> {
        let key: String = normalise(text).chars().filter(|c| c.is_alphanumeric()).collect();
        if key.chars().count() < 2 {
            return Vec::new();
        }
        let named = |row: &&'static Row| key.starts_with(row.name) || (!row.short.is_empty() && row.short == key);
        let exact: Vec<Self> = rows().iter().filter(named).map(Row::region).take(CANDIDATES).collect();
        if !exact.is_empty() {
            return exact;
        }
        rows().iter().filter(|row| row.name.contains(&key)).map(Row::region).take(CANDIDATES).collect()
    }

    /// `province`, `city` or `district`.
    #[must_use]
    pub fn level(&self) -> &'static str {
        match self.code() {
            code if code.ends_with("0000") => "province",
            code if code.ends_with("00") => "city",
            _ => "district",
        }
    }

    /// The code of the region that it lies directly in.
    #[must_use]
    pub fn parent(&self) -> Option<String> {
        rows().iter().find(|row| row.code == self.code()).and_then(Row::parent)
    }

    /// Whether anything lies in it.
    #[must_use]
    pub fn has_children(&self) -> bool {
        PARENTS.contains(self.code())
    }

    /// Its own name, without what it lies in: `浦东新区`.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        rows().iter().find(|row| row.code == self.code()).map(|row| row.name)
    }

    /// Its names from the province down, each once: `四川省成都市武侯区`.
    #[must_use]
    pub fn full_name(&self) -> String {
        let city = self.city().filter(|city| Some(*city) != self.province());
        [self.province(), city, self.district()].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Region;

    fn codes(regions: Vec<Region>) -> Vec<String> {
        regions.into_iter().map(|region| region.code().to_owned()).collect()
    }

    #[test]
    fn a_picker_goes_down() {
        assert_eq!(Region::children(None).len(), 34);
        let below = |code: &str| codes(Region::children(Region::from_code(code).as_ref()));
        let sichuan = below("510000");
        assert!(sichuan.len() == 21 && sichuan.contains(&"510100".to_owned()));
        assert!(below("510100").contains(&"510107".to_owned()));
        assert!(below("310000").contains(&"310115".to_owned()) && below("310115").is_empty());
        // A county that belongs to no city lies in its province.
        assert!(below("410000").contains(&"419001".to_owned()));
        let every: usize = Region::children(None)
            .iter()
            .map(|p| 1 + Region::children(Some(p)).iter().map(|c| 1 + Region::children(Some(c)).len()).sum::<usize>())
            .sum();
        assert_eq!(every, super::rows().len(), "everything is reached from above");
    }

    #[test]
    fn whatever_has_something_in_it_says_so() {
        let of = |code: &str| Region::from_code(code).unwrap();
        let every = super::rows().iter().map(super::Row::region).filter(|region| region.level() != "district");
        for region in every.chain(["310115", "419001"].map(of)) {
            assert_eq!(region.has_children(), !Region::children(Some(&region)).is_empty(), "{region:?}");
        }
        // A list of a whole level tells it of each.
        let begun = std::time::Instant::now();
        let many = super::rows().iter().filter(|row| row.region().has_children()).count();
        assert!(many > 300 && begun.elapsed() < std::time::Duration::from_millis(500), "{many}");
    }

    #[test]
    fn a_few_characters_are_enough() {
        let first = |text: &str| Region::search(text, 10).first().map(Region::full_name);
        assert_eq!(first("浦东").as_deref(), Some("上海市浦东新区"));
        assert_eq!(first("成都").as_deref(), Some("四川省成都市"));
        assert_eq!(first("四川成都武侯").as_deref(), Some("四川省成都市武侯区"));
        assert_eq!(first("310115").as_deref(), Some("上海市浦东新区"));
        assert!(Region::search("朝阳区", 10).len() >= 2);
        assert!(Region::search("", 10).is_empty() && Region::search("火星", 10).is_empty());
        assert_eq!(Region::search("区", 7).len(), 7);
    }

    #[test]
    fn what_is_no_region_names_those_it_may_be() {
        let flaw = Region::parse("朝阳区").unwrap_err();
        assert_eq!(flaw.code.key, "region_ambiguous");
        let candidates = &flaw.params.iter().find(|(name, _)| *name == "candidates").unwrap().1;
        assert!(
            candidates.contains("110105 北京市朝阳区") && candidates.contains("220104 吉林省长春市朝阳区"),
            "{candidates}"
        );
        assert_eq!(Region::parse("火星").unwrap_err().code.key, "region_unknown");
    }
}
