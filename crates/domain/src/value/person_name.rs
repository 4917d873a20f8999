//! The name of a person.

use super::{placeholder, quoted};
use crate::{
    codes::{
        PERSON_NAME_CHARACTERS, PERSON_NAME_COMPANY, PERSON_NAME_DIGITS, PERSON_NAME_INCOMPLETE, PERSON_NAME_LONG,
        PERSON_NAME_TITLE,
    },
    flaw::Flaw,
    text::{clean_line, is_han},
};

/// Most characters of a name.
const MAX_CHARS: usize = 200;
/// The most characters that names in Han characters have.
const MOST_HAN: usize = 4;
/// Forms of address that stand after a Chinese surname.
const TITLES: &[&str] = &[
    "先生",
    "女士",
    "小姐",
    "太太",
    "夫人",
    "师傅",
    "老师",
    "经理",
    "总经理",
    "总监",
    "主任",
    "主管",
    "老板",
    "老板娘",
    "阿姨",
    "同学",
    "医生",
    "律师",
    "部长",
    "科长",
    "处长",
    "局长",
    "厂长",
    "店长",
    "董事长",
    "会计",
    "采购",
    "总",
    "董",
    "工",
    "哥",
    "姐",
];
/// Forms of address in front of a Latin name.
const LATIN_TITLES: &[&str] = &["mr", "mrs", "ms", "miss", "mister", "madam", "sir"];
/// Ends of company names.
const COMPANY_ENDS: &[&str] =
    &["公司", "集团", "企业", "工厂", "事务所", "研究院", "研究所", "合作社", "经营部", "商行", "银行", "委员会"];

/// A person's name: width folded, one separating dot `·` whatever dot was written, no spaces between Han characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonName(String);

impl PersonName {
    /// Parses a name; refuses only what cannot be stored.
    ///
    /// # Errors
    /// `text_empty`, `text_too_long` (200 characters), `text_control_characters`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let line = clean_line(raw, MAX_CHARS)?;
        let chars: Vec<char> = line.chars().collect();
        let mut name = String::with_capacity(line.len());
        for (at, c) in chars.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|before| chars.get(before));
            let after = chars.get(at + 1);
            let between_han =
                before.is_some_and(|c| is_han(*c) || is_dot(*c)) && after.is_some_and(|c| is_han(*c) || is_dot(*c));
            match c {
                ' ' if between_han => {}
                dot if is_dot(*dot) => name.push('·'),
                '.' if between_han => name.push('·'),
                other => name.push(*other),
            }
        }
        Ok(Self(name))
    }

    /// A name as it was stored; no rule is applied.
    #[must_use]
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the rules say: `name_placeholder`, `name_no_letters`, `person_name_title` (某先生, 王女士),
    /// `person_name_digits`, `person_name_characters`, `person_name_incomplete` (a surname alone),
    /// `person_name_company`. Any script is a name; minority and foreign names have `·`.
    #[must_use]
    pub fn findings(&self) -> Vec<Flaw> {
        let value = quoted(&self.0);
        if let Some(flaw) = placeholder::finding(&self.0) {
            return vec![flaw];
        }
        let mut findings = Vec::new();
        if has_title(&self.0) {
            findings.push(Flaw::new(&PERSON_NAME_TITLE).with("value", &value));
        }
        if self.0.chars().any(|c| c.is_numeric() && !is_han(c)) {
            findings.push(Flaw::new(&PERSON_NAME_DIGITS).with("value", &value));
        }
        if let Some(bad) = self.0.chars().find(|c| !fits_in_name(*c)) {
            findings.push(Flaw::new(&PERSON_NAME_CHARACTERS).with("value", &value).with("character", bad));
        }
        let mut chars = self.0.chars();
        if chars.next().is_some_and(is_han) && chars.next().is_none() {
            findings.push(Flaw::new(&PERSON_NAME_INCOMPLETE).with("value", &value));
        }
        if self.0.chars().count() > 4 && COMPANY_ENDS.iter().any(|end| self.0.ends_with(end)) {
            findings.push(Flaw::new(&PERSON_NAME_COMPANY).with("value", &value));
        }
        findings
    }

    /// What is told and refused nowhere: `person_name_long`, more than four Han characters without a dot, which hardly
    /// any name has.
    #[must_use]
    pub fn warning(&self) -> Option<Flaw> {
        let han = self.0.chars().all(is_han);
        (han && self.0.chars().count() > MOST_HAN).then(|| Flaw::new(&PERSON_NAME_LONG).with("value", quoted(&self.0)))
    }
}

/// The dots that people write between the parts of a transcribed name; GB/T 15834 has U+00B7.
fn is_dot(c: char) -> bool {
    matches!(c, '·' | '•' | '‧' | '∙' | '⋅' | '・' | '･' | '\u{2e31}')
}

/// Letters and their marks, digits (which have a rule of their own), and the signs that names have.
fn fits_in_name(c: char) -> bool {
    c.is_alphanumeric()
        || unicode_normalization::char::is_combining_mark(c)
        || matches!(c, ' ' | '·' | '-' | '\'' | '’' | '.' | ',' | '(' | ')' | '（' | '）' | '‐' | '`')
}

/// A surname (or 某) and a form of address, and nothing else: 王女士, 某先生, 欧阳老师, 李总, Mr. Smith.
fn has_title(name: &str) -> bool {
    let after_surname = TITLES.iter().any(|title| {
        name.strip_suffix(title).is_some_and(|rest| {
            // 工, 哥, 姐, 董 and 总 end given names too; alone after one character they are titles.
            let most = if title.chars().count() == 1 { 1 } else { 3 };
            rest.chars().count() <= most && rest.chars().all(is_han)
        })
    });
    let first = name.split([' ', '.']).next().unwrap_or_default();
    let latin = name.len() > first.len() && LATIN_TITLES.iter().any(|title| first.eq_ignore_ascii_case(title));
    after_surname || latin
}

#[cfg(test)]
mod tests {
    use super::PersonName;
    use proptest::prelude::*;

    fn keys(raw: &str) -> Vec<&'static str> {
        PersonName::parse(raw).unwrap().findings().iter().map(|flaw| flaw.code.key).collect()
    }

    #[test]
    fn real_names_pass() {
        for raw in [
            "王芳",
            "欧阳娜娜",
            "阿卜杜拉·买买提",
            "迪丽热巴·迪力木拉提",
            "Jun Zhang",
            "O'Hara",
            "Jean-Luc Picard",
            "José Ñuñez",
            "张三",
            "司马相如",
            "Smith, John",
            "王芳（Fiona）",
            "Анна",
            "田中さくら",
            "김철수",
            "郑师",
            "王建工",
            "Sirius Black",
        ] {
            assert_eq!(keys(raw), Vec::<&str>::new(), "{raw}");
        }
    }

    #[test]
    fn what_is_not_a_name_is_found() {
        for (raw, key) in [
            ("某先生", "person_name_title"),
            ("王女士", "person_name_title"),
            ("李总", "person_name_title"),
            ("张经理", "person_name_title"),
            ("欧阳老师", "person_name_title"),
            ("先生", "person_name_title"),
            ("Mr. Smith", "person_name_title"),
            ("测试", "name_placeholder"),
            ("test", "name_placeholder"),
            ("某某", "name_placeholder"),
            ("13800138000", "name_no_letters"),
            ("王芳2", "person_name_digits"),
            ("王@芳", "person_name_characters"),
            ("王", "person_name_incomplete"),
            ("上海航源辰服装集团有限公司", "person_name_company"),
        ] {
            assert_eq!(keys(raw), [key], "{raw}");
        }
    }

    #[test]
    fn a_long_name_is_told_and_not_refused() {
        let told = |raw| PersonName::parse(raw).unwrap().warning().map(|flaw| flaw.code.key);
        assert_eq!(told("王芳李娜张"), Some("person_name_long"));
        for raw in ["王芳", "欧阳娜娜", "迪丽热巴·迪力木拉提", "Jun Zhang", "田中さくら子", "王芳（Fiona）"]
        {
            assert_eq!(told(raw), None, "{raw}");
        }
    }

    #[test]
    fn spaces_and_dots_are_made_one() {
        let name = |raw| PersonName::parse(raw).unwrap().as_str().to_owned();
        assert_eq!(name("王　芳"), "王芳");
        assert_eq!(name("迪丽热巴 • 迪力木拉提"), "迪丽热巴·迪力木拉提");
        assert_eq!(name("阿卜杜拉．买买提"), "阿卜杜拉·买买提");
        assert_eq!(name(" Jun  Zhang "), "Jun Zhang");
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,40}|.{0,40}|[王芳 ·•.a-c]{0,12}") {
            if let Ok(name) = PersonName::parse(&raw) {
                let _ = name.findings();
                prop_assert_eq!(PersonName::parse(name.as_str()), Ok(name));
            }
        }
    }
}
