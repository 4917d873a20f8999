//! The list of every error code, with its status and its words in both languages: for programs, and for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kehu_domain::codes as flaws;
use kehu_domain::flaw::{Code, Lang};
use serde_json::{Value, json};

use super::operations;
use crate::problem_codes::{
    NOT_JSON, PROBLEM_CODES, QUESTION_CODES, QUESTION_INVALID, READING_CODES, VALIDATION, entries,
};

/// How many operations are named one by one.
const NAMED: usize = 4;

/// All codes, for `codes.json`: `[{"code", "status", "zh-CN", "en"}]`. `{name}` in a text stands for a parameter.
#[must_use]
pub fn codes() -> Value {
    entries()
        .iter()
        .map(|entry| json!({ "code": entry.code, "status": entry.status, "zh-CN": entry.zh, "en": entry.en }))
        .collect()
}

/// The words of a page in its language.
struct Words {
    lang: Lang,
    title: &'static str,
    intro: &'static str,
    whole: (&'static str, &'static str),
    questions: (&'static str, &'static str),
    reading: (&'static str, &'static str),
    values: (&'static str, &'static str),
    warnings: (&'static str, &'static str),
    head: &'static str,
    anywhere: &'static str,
    several: &'static str,
}

const EN: Words = Words {
    lang: Lang::En,
    title: "Codes of errors",
    intro: "Generated from the program: every code that an answer can carry. Programs compare the code; people read the \
            text, in the language that `Accept-Language` asks for. `{name}` stands for a value of the request, which \
            `params` holds too. The list for programs is [codes.json](../openapi/codes.json); this page in \
            [Chinese](codes.zh-CN.md).",
    whole: ("Whole answers", "`code` at the top of the answer: the situation."),
    questions: ("Lists and searches", "At the top of an answer with status 400, and in `errors` with the parameter."),
    reading: ("Reading a body", "In `errors`: a body that is no JSON."),
    values: (
        "Values",
        "In `errors` with the `pointer` to the member, under `validation` or, in a search, `question_invalid`.",
    ),
    warnings: (
        "Warnings",
        "In `warnings` of the answer to a write that was done, with the `pointer` to the member. They refuse nothing. \
         Rules of the organisation warn with codes of values above, where their `severity` is `warn`; so does \
         `email_disposable`, unless the organisation refuses such addresses.",
    ),
    head: "| code | status | where | text | mend |\n|---|---|---|---|---|\n",
    anywhere: "any operation",
    several: "operations",
};

const ZH: Words = Words {
    lang: Lang::Zh,
    title: "错误代码",
    intro: "由程序生成：响应中可能出现的全部代码。程序请比较代码；文字供人阅读，语言由 `Accept-Language` 决定。`{name}` 代表请求中的值，\
            同时也在 `params` 中给出。供程序使用的列表见 [codes.json](../openapi/codes.json)；本页有[英文版](codes.md)。",
    whole: ("整个响应", "响应顶层的 `code`：发生了什么。"),
    questions: ("列表与搜索", "位于状态码 400 的响应顶层，并在 `errors` 中指明参数。"),
    reading: ("读取请求体", "位于 `errors`：请求体不是有效的 JSON。"),
    values: (
        "字段的值",
        "位于 `errors`，由 `pointer` 指明字段；顶层代码为 `validation`，搜索时为 `question_invalid`。",
    ),
    warnings: (
        "提醒",
        "位于写入成功的响应的 `warnings`，由 `pointer` 指明字段，不会拒绝任何内容。录入规则的 `severity` 为 `warn` 时，以及本组织未设为拒绝\
         一次性邮箱时的 `email_disposable`，也以上文“字段的值”中的代码提醒。",
    ),
    head: "| 代码 | 状态码 | 出现位置 | 说明 | 处理方法 |\n|---|---|---|---|---|\n",
    anywhere: "任何操作",
    several: "个操作",
};

/// The pages for people, by their file names.
#[must_use]
pub fn pages() -> [(&'static str, String); 2] {
    [("codes.md", page(&EN)), ("codes.zh-CN.md", page(&ZH))]
}

fn page(words: &Words) -> String {
    let mut text = format!("# {}\n\n{}\n", words.title, words.intro);
    let by_problem = operations_by_problem();
    section(&mut text, words, words.whole);
    for problem in PROBLEM_CODES {
        let (title, detail) = match words.lang {
            Lang::Zh => (problem.title_zh, problem.detail_zh),
            Lang::En => (problem.title_en, problem.detail_en),
        };
        let place = match by_problem.get(problem.key).map(Vec::as_slice) {
            None => words.anywhere.to_owned(),
            Some(ids) if ids.len() <= NAMED => ids.join(", "),
            Some(ids) => format!("{} {}", ids.len(), words.several),
        };
        line(&mut text, [problem.key, &problem.status.to_string(), &place, title, detail]);
    }
    section(&mut text, words, words.questions);
    QUESTION_CODES
        .iter()
        .for_each(|code| of_flaw(&mut text, words, code, &QUESTION_INVALID.status.to_string(), "errors"));
    section(&mut text, words, words.reading);
    let reading = READING_CODES.iter().filter(|code| !QUESTION_CODES.contains(code));
    reading.for_each(|code| of_flaw(&mut text, words, code, &NOT_JSON.status.to_string(), "errors"));
    section(&mut text, words, words.values);
    let is_warning = |code: &&Code| flaws::WARNING_CODES.contains(code);
    let values = flaws::all().filter(|code| !QUESTION_CODES.contains(code) && !is_warning(code));
    values.for_each(|code| of_flaw(&mut text, words, code, &VALIDATION.status.to_string(), "errors"));
    section(&mut text, words, words.warnings);
    flaws::WARNING_CODES.iter().for_each(|code| of_flaw(&mut text, words, code, "–", "warnings"));
    text
}

/// Which operations say that they can end so; none is named for what every one can end with.
fn operations_by_problem() -> BTreeMap<&'static str, Vec<String>> {
    let mut all: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let operations = operations();
    for operation in &operations {
        for key in operation.codes().into_values().flatten() {
            all.entry(key).or_default().push(format!("`{}`", operation.id));
        }
    }
    all.retain(|_, ids| ids.len() < operations.len());
    all
}

fn section(text: &mut String, words: &Words, (title, about): (&str, &str)) {
    let _ = write!(text, "\n## {title}\n\n{about}\n\n{}", words.head);
}

fn of_flaw(text: &mut String, words: &Words, code: &Code, status: &str, place: &str) {
    let (message, hint) = match words.lang {
        Lang::Zh => (code.zh, code.hint_zh),
        Lang::En => (code.en, code.hint_en),
    };
    line(text, [code.key, status, place, message, hint]);
}

fn line(text: &mut String, [code, status, place, message, mend]: [&str; 5]) {
    let cell = |text: &str| text.replace('|', "\\|");
    let _ = writeln!(text, "| `{code}` | {status} | {place} | {} | {} |", cell(message), cell(mend));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_on_both_pages_once() {
        for (name, text) in pages() {
            for entry in entries() {
                let row = format!("| `{}` |", entry.code);
                assert_eq!(text.matches(&row).count(), 1, "{name}: {}", entry.code);
            }
            let of_warnings = text.rsplit("\n## ").next().unwrap();
            for code in flaws::WARNING_CODES {
                assert!(of_warnings.contains(&format!("| `{}` | – | warnings |", code.key)), "{name}: {}", code.key);
            }
        }
    }
}
