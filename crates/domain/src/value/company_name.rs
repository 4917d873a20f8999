//! The registered name of a company.

use super::{company_suffix, placeholder};
use crate::{flaw::Flaw, text::clean_line};

/// Most characters of a name.
const MAX_CHARS: usize = 200;

/// A company's name: full-width letters and digits folded, Chinese brackets kept as registered, spaces single.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyName(String);

impl CompanyName {
    /// Parses a name; refuses only what cannot be stored.
    ///
    /// # Errors
    /// `text_empty`, `text_too_long` (200 characters), `text_control_characters`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        clean_line(raw, MAX_CHARS).map(Self)
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

    /// What the rules say: `name_placeholder` (某公司, 测试, as the whole name only), `name_no_letters`.
    #[must_use]
    pub fn findings(&self) -> Vec<Flaw> {
        placeholder::finding(&self.0).into_iter().collect()
    }

    /// What is told and refused nowhere: `company_suffix_missing` (阿里巴巴), `company_suffix_unusual` (上海某贸易公司,
    /// 汇卓科技有限公司-采购部). A short name is what people say, and not what is registered.
    #[must_use]
    pub fn warning(&self) -> Option<Flaw> {
        placeholder::finding(&self.0).is_none().then(|| company_suffix::finding(&self.0)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::CompanyName;
    use proptest::prelude::*;

    fn keys(raw: &str) -> Vec<&'static str> {
        CompanyName::parse(raw).unwrap().findings().iter().map(|flaw| flaw.code.key).collect()
    }

    #[test]
    fn folds_letters_and_keeps_brackets() {
        let name = |raw| CompanyName::parse(raw).unwrap().as_str().to_owned();
        assert_eq!(name("　ＡＢＣ汇卓（西安）有限公司 "), "ABC汇卓（西安）有限公司");
        assert_eq!(name("Acme   Ltd."), "Acme Ltd.");
        assert_eq!(CompanyName::parse("").unwrap_err().code.key, "text_empty");
    }

    #[test]
    fn placeholders_only_as_the_whole_name() {
        for raw in [
            "某公司",
            " 某某有限公司 ",
            "测试",
            "測試",
            "测试公司1",
            "TEST",
            "test-01",
            "n/a",
            "xxx",
            "啊啊啊",
            "【测试】",
        ] {
            assert_eq!(keys(raw), ["name_placeholder"], "{raw}");
        }
        for raw in ["123456", "---", "１２３"] {
            assert_eq!(keys(raw), ["name_no_letters"], "{raw}");
        }
        for raw in [
            "上海测试仪器有限公司",
            "某某某食品（北京）有限公司",
            "TestEquity GmbH",
            "无印良品",
            "58同城",
            "小米",
            "3M",
            "Acme",
        ] {
            assert_eq!(keys(raw), Vec::<&str>::new(), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,60}|.{0,60}") {
            if let Ok(name) = CompanyName::parse(&raw) {
                let _ = name.findings();
                prop_assert_eq!(CompanyName::parse(name.as_str()), Ok(name));
            }
        }
    }
}
