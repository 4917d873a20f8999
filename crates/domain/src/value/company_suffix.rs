//! What the registered name of a company ends with: its legal form.

use super::quoted;
use crate::codes::{COMPANY_SUFFIX_MISSING, COMPANY_SUFFIX_UNUSUAL};
use crate::flaw::Flaw;
use crate::text::normalise;

/// Forms that a registered name ends with, simplified: companies, partnerships, sole proprietors, cooperatives, banks,
/// and bodies that are no companies.
const FORMS: &[&str] = &[
    "有限公司",
    "有限责任公司",
    "分公司",
    "子公司",
    "合伙",
    "合伙企业",
    "独资企业",
    "企业",
    "工厂",
    "厂",
    "合作社",
    "联社",
    "供销社",
    "工作室",
    "事务所",
    "经营部",
    "服务部",
    "门市部",
    "销售部",
    "商店",
    "店",
    "商行",
    "行",
    "超市",
    "市场",
    "商场",
    "商城",
    "中心",
    "酒店",
    "宾馆",
    "饭店",
    "餐厅",
    "酒楼",
    "农场",
    "林场",
    "牧场",
    "矿",
    "社",
    "馆",
    "院",
    "所",
    "站",
    "局",
    "厅",
    "委",
    "委员会",
    "办公室",
    "协会",
    "学会",
    "商会",
    "联合会",
    "基金会",
    "促进会",
    "大学",
    "学校",
    "中学",
    "小学",
    "幼儿园",
    "政府",
    "法院",
    "检察院",
    "银行",
    "出版社",
    "报社",
    "电视台",
    "医院",
    "诊所",
    "药房",
    "代表处",
    "园",
    "城",
    "庄",
    "坊",
    "铺",
    "队",
    "部",
];
/// Forms abroad: lower case, without points, as the last word.
const FORMS_ABROAD: &[&str] = &[
    "ltd",
    "limited",
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "co",
    "company",
    "llc",
    "llp",
    "lp",
    "plc",
    "gmbh",
    "ag",
    "kg",
    "se",
    "sa",
    "sas",
    "sarl",
    "srl",
    "spa",
    "bv",
    "nv",
    "ab",
    "as",
    "asa",
    "oy",
    "oyj",
    "aps",
    "kft",
    "pte",
    "pty",
    "kk",
    "bhd",
    "jsc",
    "ooo",
    "ao",
    "foundation",
    "university",
    "institute",
    "bank",
    "group",
    "holdings",
    "lda",
    "株式会社",
    "有限会社",
];

/// A flaw where a name has no legal form, or has it in an unusual place.
pub(super) fn finding(name: &str) -> Option<Flaw> {
    let text = normalise(name);
    let told = |code| Some(Flaw::new(code).with("value", quoted(name)));
    // Of brackets at the end only those of partnerships belong to the form: （有限合伙）.
    let (body, bracket) = match text.strip_suffix(')').and_then(|text| text.rsplit_once('(')) {
        Some((body, inner)) => (body.trim_end(), Some(inner)),
        None => (text.as_str(), None),
    };
    let is_partnership = bracket.is_some_and(|inner| inner.ends_with("合伙"));
    if is_partnership || is_abroad(&text) {
        return None;
    }
    let has_form = FORMS.iter().any(|form| body.ends_with(form));
    let is_limited = body.ends_with("有限公司") || body.ends_with("责任公司");
    if bracket.is_none() && has_form {
        // The same form twice is a slip of whoever typed it.
        let twice = body.matches("有限公司").count() > 1 && !body.ends_with("分公司");
        return if twice { told(&COMPANY_SUFFIX_UNUSUAL) } else { None };
    }
    // What stands behind a form: a branch, a department, a sign; or a company that is not said to be limited.
    let has_company =
        text.contains("公司") || (bracket.is_some() && (has_form || is_limited)) || body.ends_with("集团");
    told(if has_company { &COMPANY_SUFFIX_UNUSUAL } else { &COMPANY_SUFFIX_MISSING })
}

fn is_abroad(text: &str) -> bool {
    let last = text.trim_end_matches(['.', ',', ' ']).rsplit([' ', ',']).next().unwrap_or_default();
    let word: String = last.chars().filter(|c| *c != '.').collect();
    FORMS_ABROAD.contains(&word.as_str()) || text.starts_with("株式会社") || text.ends_with("株式会社")
}

#[cfg(test)]
mod tests {
    use super::finding;

    fn key(name: &str) -> Option<&'static str> {
        finding(name).map(|flaw| flaw.code.key)
    }

    #[test]
    fn registered_names_pass() {
        for name in [
            "上海汇卓信息技术有限公司",
            "上海汇卓信息技术有限责任公司",
            "汇卓（上海）股份有限公司",
            "卓宏信息技術有限公司",
            "ＡＢＣ（西安）有限公司",
            "中国工商银行股份有限公司上海市分行",
            "汇卓信息技术有限公司北京分公司",
            "上海汇卓投资管理中心（有限合伙）",
            "立信会计师事务所(特殊普通合伙)",
            "老王五金店",
            "恒方服装厂",
            "青云设计工作室",
            "复旦大学附属中山医院",
            "Acme Ltd.",
            "Acme Co., Ltd",
            "Siemens AG",
            "Example S.A.",
            "トヨタ自動車株式会社",
        ] {
            assert_eq!(key(name), None, "{name}");
        }
    }

    #[test]
    fn short_names_and_odd_ends_are_told() {
        for (name, expected) in [
            ("阿里巴巴", "company_suffix_missing"),
            ("智飞服装", "company_suffix_missing"),
            ("Acme", "company_suffix_missing"),
            ("3M", "company_suffix_missing"),
            ("海信（深圳）", "company_suffix_missing"),
            ("上海汇卓贸易公司", "company_suffix_unusual"),
            ("汇卓科技有限公司-采购", "company_suffix_unusual"),
            ("汇卓科技有限公司（北京办）", "company_suffix_unusual"),
            ("汇卓科技有限公司.", "company_suffix_unusual"),
            ("汇卓科技有限公司有限公司", "company_suffix_unusual"),
            ("海信电子集团", "company_suffix_unusual"),
        ] {
            assert_eq!(key(name), Some(expected), "{name}");
        }
    }
}
