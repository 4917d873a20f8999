//! Which terms of a query few texts have.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::{QueryTerm, index_tokens, runs};
use crate::text::normalise;

/// Words that so many names of companies have that their tokens narrow nothing.
const COMMON: &[&str] = &[
    "科技有限公司",
    "技术有限公司",
    "贸易有限公司",
    "商贸有限公司",
    "实业有限公司",
    "集团有限公司",
    "股份有限公司",
    "咨询有限公司",
    "教育咨询",
    "器械有限公司",
    "医疗器械",
    "设备有限公司",
    "服务有限公司",
    "信息技术",
    "信息科技",
    "网络科技",
    "电子科技",
    "实业集团",
    "有限责任公司",
    "控股",
    "分公司",
    "中心",
    "工厂",
    "传媒",
    "管理",
    "投资",
    "发展",
    "工程",
    "建设",
    "材料",
    "食品",
    "物流",
    "电子商务",
    "ltd",
    "inc",
    "llc",
    "limited",
    "company",
    "corp",
    "corporation",
    "group",
    "holdings",
    "partners",
    "trading",
    "technologies",
    "technology",
    "systems",
    "services",
    "international",
    "industries",
    "logistics",
    "gmbh",
];

static COMMON_TOKENS: LazyLock<HashSet<String>> =
    LazyLock::new(|| COMMON.iter().flat_map(|word| index_tokens(word)).collect());

/// At most so many terms of a query, those that few texts are likely to have: a text that matches the query has them
/// all. Each further term is a list of texts to walk, and a common one is long. Terms of different words come before
/// further ones of the same word, which much the same texts have.
#[must_use]
pub fn rare_terms(query: &str, most: usize) -> Vec<QueryTerm> {
    let mut terms = Vec::new();
    for (script, run) in runs(&normalise(query)) {
        let width = script.width();
        if run.len() < width {
            terms.push((2, 0, QueryTerm::Prefix(script.encode(&run))));
        }
        let mut rare = 0;
        for window in run.windows(width) {
            let token = script.encode(window);
            let common = COMMON_TOKENS.contains(&token);
            terms.push((usize::from(common), rare, QueryTerm::Exact(token)));
            rare += usize::from(!common);
        }
    }
    // Stable: what is left equal stays in the order of the query.
    terms.sort_by_key(|(class, place, _)| (*class, *place));
    let mut chosen: Vec<QueryTerm> = Vec::new();
    for (_, _, term) in terms {
        if chosen.len() < most && !chosen.contains(&term) {
            chosen.push(term);
        }
    }
    chosen
}
