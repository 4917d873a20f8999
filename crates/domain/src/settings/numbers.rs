//! How an organisation numbers its customers: what a number says, and when its counter begins anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::NumberTemplate;
use super::read::{member, read_object};
use crate::codes;
use crate::flaw::Flaw;
use crate::organisation::merge_patch;
use crate::read::Reader;
use crate::value::Industry;

/// The most short codes that an organisation changes: there are 117 industries.
const MOST_CODES: usize = 200;

/// What is counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberScope {
    /// Numbers that say the same beside the sequence and the date: one counter for each industry, for instance.
    #[default]
    Template,
    /// All of the organisation's.
    Organisation,
}

/// When a counter begins anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberReset {
    /// With each year.
    #[default]
    Year,
    /// With each month.
    Month,
    /// Never.
    Never,
}

impl NumberScope {
    /// Every scope, by its key.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Template, "template"), (Self::Organisation, "organisation")];
}

impl NumberReset {
    /// Every one, by its key.
    pub const ALL: [(Self, &'static str); 3] = [(Self::Year, "year"), (Self::Month, "month"), (Self::Never, "never")];
}

/// How customers are numbered. A number that was given stays as it is, whatever is laid down later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NumberPolicy {
    /// What a number says.
    pub template: NumberTemplate,
    /// What is counted together.
    pub scope: NumberScope,
    /// When a counter begins anew.
    pub reset: NumberReset,
    /// Short codes of industries, by the code of GB/T 4754-2017, where they differ from the usual ones. The code of a
    /// section counts for its divisions too, as far as these have none of their own.
    pub industry_codes: BTreeMap<String, String>,
}

impl NumberPolicy {
    /// The longest short code of an industry.
    pub const MAX_CODE: usize = 6;
    /// The members, as they are read.
    pub const MEMBERS: [&'static str; 4] = ["template", "scope", "reset", "industry_codes"];

    /// The short code of an industry; `OTH` where it is not known.
    #[must_use]
    pub fn industry_code(&self, industry: Option<&Industry>) -> &str {
        let own = industry.and_then(|industry| {
            let of_section = || industry.section().and_then(|section| self.industry_codes.get(section));
            self.industry_codes.get(industry.code()).or_else(of_section)
        });
        own.map_or_else(|| Industry::short_code_of(industry), String::as_str)
    }

    /// The policy as JSON with a merge patch (RFC 7396) applied, to be read: what is null is as by default. Industries of
    /// the patch go by their codes, whatever it calls them: `金融业` changes what stands under `J`.
    #[must_use]
    pub fn patched(&self, mut patch: Value) -> Value {
        by_code(&mut patch);
        let mut whole = json!(self);
        merge_patch(&mut whole, &patch);
        if whole.is_null() { json!({}) } else { whole }
    }

    /// Reads a policy: what is absent or null is as by default. Means nothing where the reader found flaws.
    pub fn read(json: &Value, reader: &mut Reader<'_>) -> Self {
        let mut policy = Self::default();
        let mut readable = true;
        read_object(json, reader, |members, reader| {
            member(members, reader, "template", |json, reader| {
                let text = reader.text(json).map(str::to_owned);
                let template = text.and_then(|text| reader.keep(NumberTemplate::parse(&text)));
                readable = template.is_some();
                policy.template = template.unwrap_or_default();
            });
            member(members, reader, "scope", |json, reader| {
                policy.scope = choice(json, reader, &NumberScope::ALL).unwrap_or_default();
            });
            member(members, reader, "reset", |json, reader| {
                let reset = choice(json, reader, &NumberReset::ALL);
                readable &= reset.is_some();
                policy.reset = reset.unwrap_or_default();
            });
            member(members, reader, "industry_codes", |json, reader| policy.industry_codes = short_codes(json, reader));
            &Self::MEMBERS
        });
        if let Some(flaw) = policy.template.repeats(policy.reset).filter(|_| readable) {
            reader.inside("reset", |reader| reader.flaw(flaw));
        }
        policy
    }
}

fn choice<T: Copy>(json: &Value, reader: &mut Reader<'_>, choices: &[(T, &str)]) -> Option<T> {
    let text = reader.text(json)?.to_owned();
    let found = choices.iter().find(|(_, key)| *key == text).map(|(value, _)| *value);
    if found.is_none() {
        let known: Vec<&str> = choices.iter().map(|(_, key)| *key).collect();
        let value: String = text.chars().take(50).collect();
        reader.flaw(Flaw::new(&codes::CHOICE_UNKNOWN).with("value", value).with("choices", known.join(", ")));
    }
    found
}

/// Brings the industries of a patch to their codes. One whose short code is refused keeps its name: that is its place.
pub(crate) fn by_code(patch: &mut Value) {
    let Some(members) = patch.get_mut("industry_codes").and_then(Value::as_object_mut) else { return };
    for (name, json) in std::mem::take(members) {
        let fits = json.is_null() || json.as_str().is_some_and(is_short_code);
        let industry = Industry::parse(&name).ok().filter(|_| fits);
        let key = industry.map_or(name, |industry| industry.code().to_owned());
        members.insert(key, json);
    }
}

fn is_short_code(code: &str) -> bool {
    let plain = code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    plain && (1..=NumberPolicy::MAX_CODE).contains(&code.len())
}

fn short_codes(json: &Value, reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let Some(members) = reader.object(json).cloned() else { return all };
    if members.len() > MOST_CODES {
        reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MOST_CODES));
        return all;
    }
    for (name, json) in members.iter().filter(|(_, json)| !json.is_null()) {
        reader.inside(name, |reader| {
            let industry = reader.keep(Industry::parse(name));
            let code = reader.text(json).map(str::to_owned);
            let (Some(industry), Some(code)) = (industry, code) else { return };
            if !is_short_code(&code) {
                let value: String = code.chars().take(20).collect();
                let flaw = Flaw::new(&codes::INDUSTRY_SHORT_CODE_INVALID).with("value", value);
                return reader.flaw(flaw.with("max", NumberPolicy::MAX_CODE));
            }
            all.insert(industry.code().to_owned(), code);
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &Value) -> Result<NumberPolicy, Vec<(String, &'static str)>> {
        let mut no_ids = uuid::Uuid::nil;
        let mut reader = Reader::new("CN", &mut no_ids);
        let policy = NumberPolicy::read(json, &mut reader);
        let findings = reader.into_findings();
        if findings.is_empty() {
            return Ok(policy);
        }
        Err(findings.into_iter().map(|finding| (finding.pointer, finding.flaw.code.key)).collect())
    }

    #[test]
    fn what_is_stored_is_read_again() {
        assert_eq!(read(&json!({})), Ok(NumberPolicy::default()));
        let policy = read(&json!({
            "template": "KH-{yy}{mm}-{seq:5}", "scope": "organisation", "reset": "month",
            "industry_codes": {"I": "SOFT", "金融业": "BANK"},
        }))
        .unwrap();
        let stored = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<NumberPolicy>(&stored).unwrap(), policy);
        assert_eq!(read(&serde_json::from_str(&stored).unwrap()), Ok(policy.clone()));
        let code = |code: &str| policy.industry_code(Some(&Industry::from_stored(code.to_owned()))).to_owned();
        assert_eq!(["I", "65", "J", "C"].map(code), ["SOFT", "SOFT", "BANK", "MFG"]);
        assert_eq!(policy.industry_code(None), "OTH");
        assert!(serde_json::from_str::<NumberPolicy>(r#"{"template": "{seq}"}"#).is_err());
    }

    #[test]
    fn a_patch_goes_deep_and_by_codes() {
        let policy = NumberPolicy {
            industry_codes: [("J", "BANK"), ("I", "SOFT")].map(|(i, c)| (i.to_owned(), c.to_owned())).into(),
            scope: NumberScope::Organisation,
            ..NumberPolicy::default()
        };
        let codes = |patch: Value| read(&policy.patched(patch)).unwrap().industry_codes.into_iter().collect::<Vec<_>>();
        let own =
            |codes: &[(&str, &str)]| codes.iter().map(|(i, c)| ((*i).to_owned(), (*c).to_owned())).collect::<Vec<_>>();
        assert_eq!(codes(json!({"industry_codes": {"金融业": "FIN2"}})), own(&[("I", "SOFT"), ("J", "FIN2")]));
        assert_eq!(codes(json!({"industry_codes": {"金融业": null}})), own(&[("I", "SOFT")]));
        assert_eq!(codes(json!({"industry_codes": null})), own(&[]));
        assert_eq!(read(&policy.patched(json!({"scope": null}))).unwrap().scope, NumberScope::Template);
        assert_eq!(read(&policy.patched(Value::Null)), Ok(NumberPolicy::default()));
        let wrong = vec![("/industry_codes/金融业".to_owned(), "industry_short_code_invalid")];
        assert_eq!(
            read(&policy.patched(json!({"industry_codes": {"金融业": "fin"}}))),
            Err(wrong),
            "where it was said"
        );
    }

    #[test]
    fn a_counter_that_would_give_a_number_twice_is_refused() {
        let repeats = Err(vec![("/reset".to_owned(), "number_reset_repeats")]);
        assert_eq!(read(&json!({"template": "KH{seq:4}"})), repeats);
        assert_eq!(read(&json!({"template": "{yyyy}-{seq:4}", "reset": "month"})), repeats);
        assert_eq!(read(&json!({"template": "{mm}-{seq:4}", "reset": "year"})), repeats);
        for (template, reset) in [
            ("KH{seq:4}", "never"),
            ("{yy}-{seq:4}", "year"),
            ("{yyyy}{mm}-{seq:1}", "month"),
            ("{dd}{seq:4}", "never"),
        ] {
            assert!(read(&json!({"template": template, "reset": reset})).is_ok(), "{template} {reset}");
        }
    }

    #[test]
    fn everything_wrong_is_told_with_its_place() {
        let wrong = read(&json!({
            "template": "{stage}{seq:3}", "scope": "team", "reset": 1, "colour": 1,
            "industry_codes": {"99": "X", "I": "soft", "J": "TOOLONG", "K": 1},
        }));
        let mut wrong = wrong.unwrap_err();
        wrong.sort();
        let expected = [
            ("/colour", "field_unknown"),
            ("/industry_codes/99", "industry_unknown"),
            ("/industry_codes/I", "industry_short_code_invalid"),
            ("/industry_codes/J", "industry_short_code_invalid"),
            ("/industry_codes/K", "type_wrong"),
            ("/reset", "type_wrong"),
            ("/scope", "choice_unknown"),
            ("/template", "number_template_token"),
        ];
        assert_eq!(wrong, expected.map(|(place, code)| (place.to_owned(), code)));
    }
}
