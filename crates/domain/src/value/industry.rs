//! Industries of the national classification (GB/T 4754-2017): 20 sections and 97 divisions.

use std::sync::LazyLock;

use super::quoted;
use crate::{
    codes::{INDUSTRY_AMBIGUOUS, INDUSTRY_UNKNOWN},
    flaw::Flaw,
    text::normalise,
};

/// Short code in the number of a customer whose industry is not known.
const NO_SHORT_CODE: &str = "OTH";

/// The most candidates that an error names.
const CANDIDATES: usize = 5;

/// What people call an industry, where its official name does not contain the word.
const ALIASES: &[(&str, &str)] = &[
    ("it", "I"),
    ("计算机", "I"),
    ("信息技术", "I"),
    ("人工智能", "65"),
    ("大数据", "65"),
    ("云计算", "65"),
    ("网络", "64"),
    ("电商", "52"),
    ("电子商务", "52"),
    ("贸易", "F"),
    ("商贸", "F"),
    ("外贸", "51"),
    ("物流", "G"),
    ("交通", "G"),
    ("运输", "G"),
    ("快递", "60"),
    ("酒店", "61"),
    ("旅游", "72"),
    ("餐厅", "62"),
    ("银行", "66"),
    ("证券", "67"),
    ("基金", "67"),
    ("投资", "67"),
    ("物业", "70"),
    ("地产", "K"),
    ("咨询", "72"),
    ("法律", "72"),
    ("广告", "72"),
    ("会展", "72"),
    ("人力资源", "72"),
    ("检测", "74"),
    ("设计", "74"),
    ("科研", "73"),
    ("环保", "77"),
    ("家政", "80"),
    ("培训", "83"),
    ("学校", "83"),
    ("医疗", "84"),
    ("医院", "84"),
    ("制药", "27"),
    ("传媒", "87"),
    ("影视", "87"),
    ("体育", "89"),
    ("政府", "92"),
    ("装修", "50"),
    ("装饰", "50"),
    ("能源", "D"),
    ("电力", "44"),
    ("机械", "34"),
    ("电子", "39"),
    ("服装", "18"),
    ("农林牧渔", "A"),
    ("养殖", "03"),
    ("矿业", "B"),
    ("化工", "26"),
    ("制造", "C"),
];

struct Entry {
    code: &'static str,
    section: &'static str,
    name: &'static str,
    short: &'static str,
    /// The name normalised, without signs and without the words that say nothing.
    key: String,
}

static TABLE: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let lines = include_str!("../../data/industries.tsv").lines().skip(1);
    lines
        .filter_map(|line| {
            let mut cells = line.split('\t');
            let (code, _, parent) = (cells.next()?, cells.next()?, cells.next()?);
            let (name, short) = (cells.next()?, cells.next()?);
            let section = if parent.is_empty() { code } else { parent };
            Some(Entry { code, section, name, short, key: search_key(name) })
        })
        .collect()
});

/// One section (`I`) or division (`65`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Industry(String);

impl Industry {
    /// Finds an industry by section letter (`I`), division (`65`, and classes below it such as `6510`), short code
    /// (`IT`), name (`软件和信息技术服务业`) or what people write for it (`软件`; `制造业-计算机设备制造`, where the last part
    /// that says something counts and the parts before it narrow).
    ///
    /// # Errors
    /// `industry_unknown`; `industry_ambiguous` with the parameter `candidates`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let text = normalise(raw);
        if let Some(entry) = by_code(&text) {
            return Ok(Self(entry.code.to_owned()));
        }
        let parts: Vec<&str> =
            text.split(['-', '/', '>', '—', '–', '|', '\\', ':']).filter(|part| !part.trim().is_empty()).collect();
        let section = parts.iter().rev().skip(1).find_map(|part| best(part, None).ok()).map(|entry| entry.section);
        let mut ambiguous = None;
        for part in parts.iter().rev() {
            match best(part, section).or_else(|_| best(part, None)) {
                Ok(entry) => return Ok(Self(entry.code.to_owned())),
                Err(candidates) if !candidates.is_empty() => ambiguous = ambiguous.or(Some(candidates)),
                Err(_) => {}
            }
        }
        let Some(candidates) = ambiguous else { return Err(Flaw::new(&INDUSTRY_UNKNOWN).with("value", quoted(raw))) };
        let shown = candidates.iter().take(CANDIDATES).map(|entry| format!("{} {}", entry.code, entry.name));
        let shown: Vec<String> = shown.collect();
        let more = candidates.len().saturating_sub(CANDIDATES);
        let (more_en, more_zh) = match more {
            0 => (String::new(), String::new()),
            more => (format!(" and {more} more"), format!("，还有 {more} 个")),
        };
        let flaw = Flaw::new(&INDUSTRY_AMBIGUOUS).with("value", quoted(raw)).with("candidates", shown.join(", "));
        Err(flaw.with("more", more).with("more_en", more_en).with("more_zh", more_zh))
    }

    /// An industry as it was stored, by its code; no rule is applied.
    #[must_use]
    pub fn from_stored(code: String) -> Self {
        Self(code)
    }

    /// All sections and divisions in the standard's order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|entry| Self(entry.code.to_owned()))
    }

    /// Industries to choose from: those of a section, or all; those whose name, code or common word holds a text, what
    /// it reads as first.
    #[must_use]
    pub fn search(text: &str, section: Option<&str>) -> Vec<Self> {
        let key = search_key(text);
        let upper = normalise(text).to_uppercase();
        let named = |entry: &Entry| {
            key.is_empty() && upper.is_empty()
                || (!key.is_empty() && entry.key.contains(&key))
                || (!upper.is_empty() && (entry.code.starts_with(&upper) || entry.short == upper))
                || ALIASES.iter().any(|(alias, code)| *code == entry.code && !key.is_empty() && alias.contains(&key))
        };
        let within = |entry: &&Entry| section.is_none_or(|section| entry.section == section && entry.code != section);
        let read = Self::parse(text).ok().filter(|industry| industry.entry().as_ref().is_some_and(within));
        let found = TABLE.iter().filter(within).filter(|entry| named(entry)).map(|entry| Self(entry.code.to_owned()));
        let rest = found.filter(|industry| Some(industry) != read.as_ref()).collect::<Vec<_>>();
        read.iter().cloned().chain(rest).collect()
    }

    /// `I` or `65`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0
    }

    /// The same as [`Self::code`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in the standard; the code itself where it is not in the table.
    #[must_use]
    pub fn name_zh(&self) -> &str {
        self.entry().map_or(&self.0, |entry| entry.name)
    }

    /// The section it belongs to: `I` for `65`.
    #[must_use]
    pub fn section(&self) -> Option<&'static str> {
        self.entry().map(|entry| entry.section)
    }

    /// The divisions that belong to a section: `63`, `64` and `65` of `I`; to a division none does.
    pub fn divisions(&self) -> impl Iterator<Item = Self> {
        let beneath = TABLE.iter().filter(|entry| entry.section == self.0 && entry.code != self.0);
        beneath.map(|entry| Self(entry.code.to_owned()))
    }

    /// The codes of what it belongs to, its own first.
    #[must_use]
    pub fn and_above(&self) -> Vec<String> {
        let mut codes = vec![self.0.clone()];
        codes.extend(self.section().map(str::to_owned));
        codes.dedup();
        codes
    }

    /// The short code in customer numbers: `IT`; `OTH` where it is not in the table.
    #[must_use]
    pub fn short_code(&self) -> &'static str {
        self.entry().map_or(NO_SHORT_CODE, |entry| entry.short)
    }

    /// The short code for an industry that may be missing.
    #[must_use]
    pub fn short_code_of(industry: Option<&Self>) -> &'static str {
        industry.map_or(NO_SHORT_CODE, Self::short_code)
    }

    fn entry(&self) -> Option<&'static Entry> {
        TABLE.iter().find(|entry| entry.code == self.0)
    }
}

/// By letter, number, letter and number (`I65`, `I6510`), or short code (its section).
fn by_code(text: &str) -> Option<&'static Entry> {
    let upper = text.to_uppercase();
    if let Some(entry) = TABLE.iter().find(|entry| entry.code == upper || entry.short == upper) {
        return Some(entry);
    }
    let digits = upper.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or(&upper);
    let is_class = (2..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let entry =
        digits.get(..2).filter(|_| is_class).and_then(|division| TABLE.iter().find(|entry| entry.code == division))?;
    (digits.len() == upper.len() || upper.starts_with(entry.section)).then_some(entry)
}

/// Signs, conjunctions and the ending 业 say nothing.
fn search_key(name: &str) -> String {
    let kept: String =
        normalise(name).chars().filter(|c| c.is_alphanumeric() && !matches!(c, '和' | '及' | '与')).collect();
    let kept = kept.strip_suffix("行业").or_else(|| kept.strip_suffix('业')).unwrap_or(&kept);
    kept.to_owned()
}

/// The entry that a word fits best, within a section if one is given; else the candidates, if there are several.
fn best(word: &str, section: Option<&str>) -> Result<&'static Entry, Vec<&'static Entry>> {
    if let Some(entry) = by_code(word.trim()) {
        return Ok(entry);
    }
    let key = search_key(word);
    let within = |entry: &&'static Entry| section.is_none_or(|section| entry.section == section);
    if let Some(entry) = TABLE.iter().filter(within).find(|entry| entry.key == key) {
        return Ok(entry);
    }
    if let Some((_, code)) = ALIASES.iter().find(|(alias, _)| *alias == key || search_key(alias) == key) {
        return TABLE.iter().filter(within).find(|entry| entry.code == *code).ok_or_else(Vec::new);
    }
    let wanted = key.chars().count();
    if wanted < 2 {
        return Err(Vec::new());
    }
    // Every character in order, or nearly: a name that holds the whole word beats one that holds its characters apart.
    let score = |entry: &Entry| (entry.key.contains(&key), common_length(&key, &entry.key));
    let fitting = TABLE.iter().filter(within).filter(|entry| common_length(&key, &entry.key) * 5 >= wanted * 4);
    let top = fitting.clone().map(score).max();
    let mut candidates: Vec<&'static Entry> = fitting.filter(|entry| Some(score(entry)) == top).collect();
    // A section and one of its divisions: the division says more.
    if candidates.iter().any(|entry| entry.code != entry.section) {
        candidates.retain(|entry| entry.code != entry.section);
    }
    match candidates.as_slice() {
        [only] => Ok(only),
        // Several divisions of one section: the section is true, and as near as the word goes.
        [first, rest @ ..] if rest.iter().all(|entry| entry.section == first.section) => {
            TABLE.iter().find(|entry| entry.code == first.section).ok_or_else(Vec::new)
        }
        _ => Err(candidates),
    }
}

/// Length of the longest common subsequence, in characters.
fn common_length(a: &str, b: &str) -> usize {
    let mut row = vec![0; b.chars().count()];
    for x in a.chars() {
        let mut diagonal = 0;
        let mut left = 0;
        for (cell, y) in row.iter_mut().zip(b.chars()) {
            let above = *cell;
            *cell = if x == y { diagonal + 1 } else { above.max(left) };
            diagonal = above;
            left = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{ALIASES, Industry};
    use crate::flaw::Lang;
    use proptest::prelude::*;

    fn code(raw: &str) -> String {
        Industry::parse(raw).map_or_else(|flaw| flaw.code.key.to_owned(), |industry| industry.0)
    }

    #[test]
    fn what_fits_many_says_how_many_more_there_are() {
        let flaw = Industry::parse("服务").unwrap_err();
        let param =
            |wanted: &str| flaw.params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
        assert_eq!(param("candidates").map(|list| list.split(", ").count()), Some(5));
        let more = param("more").unwrap();
        assert!(more.parse::<usize>().unwrap() > 0, "{flaw:?}");
        assert!(flaw.message(Lang::Zh).ends_with(&format!("，还有 {more} 个。")), "{flaw:?}");
        assert!(flaw.message(Lang::En).ends_with(&format!(" and {more} more.")), "{flaw:?}");
    }

    #[test]
    fn finds_what_people_write() {
        for (raw, expected) in [
            ("I", "I"),
            ("i", "I"),
            ("IT", "I"),
            ("65", "65"),
            ("I65", "65"),
            ("6510", "65"),
            ("软件和信息技术服务业", "65"),
            ("軟件和信息技術服務業", "65"),
            ("软件", "65"),
            ("制造业-计算机设备制造", "39"),
            ("制造业", "C"),
            ("制造", "C"),
            ("制造业/通用设备", "34"),
            ("金融", "J"),
            ("金融业", "J"),
            ("教育", "P"),
            ("房地产", "K"),
            ("餐饮", "62"),
            ("互联网", "64"),
            ("医疗", "84"),
            ("保险", "68"),
            ("建筑业", "E"),
            ("汽车制造", "36"),
            ("农业", "01"),
            ("FIN", "J"),
            ("制造业-不知道", "C"),
            ("信息传输、软件和信息技术服务业", "I"),
            ("MFG", "C"),
            ("批发", "51"),
            ("物流行业", "G"),
            ("采选", "B"),
            ("运输", "G"),
            ("文化", "88"),
        ] {
            assert_eq!(code(raw), expected, "{raw}");
        }
    }

    #[test]
    fn refuses_with_a_reason() {
        for (raw, key) in [
            ("", "industry_unknown"),
            ("99", "industry_unknown"),
            ("Z", "industry_unknown"),
            ("魔法", "industry_unknown"),
            ("业", "industry_unknown"),
            ("J65", "industry_unknown"),
            ("专用和通用", "industry_unknown"),
            ("服务", "industry_ambiguous"),
        ] {
            assert_eq!(code(raw), key, "{raw}");
        }
        let flaw = Industry::parse("服务").unwrap_err();
        assert!(
            flaw.params.iter().any(|(name, list)| *name == "candidates" && list.contains("65 软件和信息技术服务业"))
        );
    }

    #[test]
    fn tells_name_section_and_short_code() {
        let industry = Industry::from_stored("65".into());
        assert_eq!(
            (industry.name_zh(), industry.section(), industry.short_code()),
            ("软件和信息技术服务业", Some("I"), "IT")
        );
        let gone = Industry::from_stored("9Z".into());
        assert_eq!((gone.name_zh(), gone.section(), gone.short_code()), ("9Z", None, "OTH"));
        assert_eq!(Industry::short_code_of(None), "OTH");
    }

    #[test]
    fn a_section_has_its_divisions() {
        let of = |code: &str| Industry::from_stored(code.into());
        let codes = |code: &str| of(code).divisions().map(|one| one.0).collect::<Vec<_>>();
        assert_eq!(codes("I"), ["63", "64", "65"]);
        assert_eq!((codes("65").len(), codes("9Z").len(), codes("").len()), (0, 0, 0));
        let above = |code: &str| of(code).and_above().join(" ");
        assert_eq!([above("65"), above("I"), above("9Z")], ["65 I", "I", "9Z"]);
        let all: usize = Industry::all().map(|one| one.divisions().count()).sum();
        assert_eq!(all + 20, Industry::all().count(), "each division belongs to one of the twenty sections");
    }

    #[test]
    fn every_code_and_name_finds_itself() {
        assert_eq!(Industry::all().count(), 117);
        for industry in Industry::all() {
            assert_eq!(code(industry.code()), industry.code());
            let found = Industry::parse(industry.name_zh()).unwrap();
            assert_eq!(found.name_zh(), industry.name_zh());
        }
        for (_, target) in ALIASES {
            assert_eq!(code(target), *target);
        }
    }

    #[test]
    fn a_picker_finds_them() {
        let codes = |text: &str, section| {
            Industry::search(text, section).iter().map(|industry| industry.code().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(codes("", None).len(), 117);
        assert_eq!(codes("", Some("I")), ["63", "64", "65"]);
        assert_eq!(codes("软件", None), ["65", "I"]);
        assert_eq!(codes("制造业-计算机设备制造", None), ["39"]);
        assert!(codes("制造", None).len() > 10 && codes("计算机", None).contains(&"39".to_owned()));
        assert_eq!(codes("火星", None), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,30}|[制造业软件服务和-]{0,10}|[A-Z]{0,2}[0-9]{0,4}") {
            if let Ok(industry) = Industry::parse(&raw) {
                prop_assert_eq!(Industry::parse(industry.as_str()), Ok(industry));
            }
        }
    }
}
