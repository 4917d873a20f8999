//! The organisation's own rules at a write: they see the record as it would be, everything filled in that follows from
//! other fields.

use std::borrow::Cow;

use kehu_domain::custom::{CustomFields, CustomValues};
use kehu_domain::entry_rule::{Rule, judge};
use kehu_domain::field::Sight;
use kehu_domain::kinds::{Contact, Customer, Stage};
use kehu_domain::read::{Finding, Members};
use kehu_domain::record::{Record, Stored, Veiled, Weight};
use kehu_domain::rights::CUSTOM;
use kehu_domain::show::{Out, Plain};
use serde_json::Value;

use crate::failure::Failure;
use crate::org::Org;
use crate::rows::Rows;
use crate::tx::Tx;

use super::draft::{EntryRules, Said};

/// Codes of these rules among the flags of a record.
const FLAGS: &str = "rule_";

/// A record as rules see it: its fields, and the values of custom ones.
type Whole<'w, R> = (&'w R, &'w CustomValues);

/// Judges a new record and the contacts that come with it; gives what is only warned of.
pub(super) fn creation<R: Rows>(
    tx: &Tx<'_>,
    (data, values): (&mut R, &CustomValues),
    contacts: &[Said<Contact>],
    entry: EntryRules,
) -> Result<Vec<Finding>, Failure> {
    let org = tx.caller().org();
    if entry == EntryRules::None || !org.has_entry_rules() {
        return Ok(Vec::new());
    }
    let mut found = findings(org, (&*data, values), "", |_| true);
    for (at, contact) in contacts.iter().enumerate() {
        found.extend(findings(org, (&contact.data, &contact.custom), &format!("/contacts/{at}"), |_| true));
    }
    let (refused, warned) = apart(found);
    match (entry, data.flags_mut()) {
        (EntryRules::Flag, Some(flags)) => {
            for finding in refused {
                let code = finding.flaw.code.key;
                if !flags.0.iter().any(|known| known == code) {
                    flags.0.push(code.to_owned());
                }
            }
            Ok(warned)
        }
        _ if refused.is_empty() => Ok(warned),
        _ => Err(Failure::Refused(refused)),
    }
}

/// Judges a changed record: by the rules of the fields that changed, and by all of its stage where that changed. A value
/// that is brought as it was changes nothing: what was read may be sent back, masks too.
pub(super) fn change<R: Rows>(
    tx: &Tx<'_>,
    before: &Stored<R>,
    data: &mut R,
    values: &CustomValues,
) -> Result<Vec<Finding>, Failure> {
    let org = tx.caller().org();
    settle(org, data, values);
    if org.entry_rules(R::KIND.name).is_empty() {
        return Ok(Vec::new());
    }
    let changed = before.data.changed(data);
    let moved = R::KIND.name == Customer::KIND.name && changed.contains(&"stage");
    let fields = org.custom(R::KIND.name);
    let is_changed = |rule: &Rule| match rule.rule.field.custom() {
        Some(key) => {
            let no = fields.by_key(key).map(|field| field.no);
            no.is_some_and(|no| before.base.custom.0.get(&no) != values.0.get(&no))
        }
        None => changed.contains(&rule.rule.field.as_str()),
    };
    let found = findings(org, (&*data, values), "", |rule| moved || is_changed(rule));
    let (refused, warned) = apart(found);
    if refused.is_empty() { Ok(warned) } else { Err(Failure::Refused(refused)) }
}

/// Takes away the flags of rules that the record keeps by now.
fn settle<R: Rows>(org: &Org, data: &mut R, values: &CustomValues) {
    let is_rule = |flag: &String| flag.starts_with(FLAGS);
    if !data.flags_mut().is_some_and(|flags| flags.0.iter().any(is_rule)) {
        return;
    }
    let (refused, _) = apart(findings(org, (&*data, values), "", |_| true));
    let broken: Vec<&str> = refused.into_iter().map(|finding| finding.flaw.code.key).collect();
    if let Some(flags) = data.flags_mut() {
        flags.0.retain(|flag| !is_rule(flag) || broken.contains(&flag.as_str()));
    }
}

fn apart(found: Vec<(Weight, Finding)>) -> (Vec<Finding>, Vec<Finding>) {
    let (refused, warned): (Vec<_>, Vec<_>) = found.into_iter().partition(|(weight, _)| *weight == Weight::Refuses);
    let bare = |found: Vec<(Weight, Finding)>| found.into_iter().map(|(_, finding)| finding).collect();
    (bare(refused), bare(warned))
}

/// What those rules of a kind say that hold at the record's stage.
fn findings<R: Rows>(
    org: &Org,
    whole: Whole<'_, R>,
    under: &str,
    asked: impl Fn(&Rule) -> bool,
) -> Vec<(Weight, Finding)> {
    let rules = org.entry_rules(R::KIND.name);
    if rules.is_empty() {
        return Vec::new();
    }
    let members = members(org, whole);
    let stage = Some(R::KIND.name).filter(|kind| *kind == Customer::KIND.name);
    let stage = stage.and_then(|_| members.get("stage")?.as_str()).and_then(Stage::from_key);
    let asked = rules.iter().filter(|rule| rule.holds_at(stage) && asked(rule));
    let asked: Vec<Cow<'_, Rule>> = asked.filter_map(|rule| named(org.custom(R::KIND.name), rule)).collect();
    judge(asked.iter().map(AsRef::as_ref), &members, org.time_zone, under)
}

/// A rule with what its field is called now; nothing where the field is not in use any more.
fn named<'r>(fields: &CustomFields, rule: &'r Rule) -> Option<Cow<'r, Rule>> {
    let Some(key) = rule.rule.field.custom() else { return Some(Cow::Borrowed(rule)) };
    let field = fields.by_key(key)?;
    Some(Cow::Owned(Rule { zh: field.zh.clone(), en: field.en.clone(), ..rule.clone() }))
}

/// The members of a record, all in clear.
fn members<R: Rows>(org: &Org, (data, values): Whole<'_, R>) -> Members {
    let shown = |show: &mut dyn FnMut(&mut Out)| -> Value {
        let mut out = Out::new();
        show(&mut out);
        serde_json::from_str(&out.into_text()).unwrap_or_default()
    };
    let record = shown(&mut |out| out.object(|out| data.show(out, &Plain, &mut Veiled::default())));
    let Value::Object(mut members) = record else { return Members::new() };
    // Tags that are named and not made yet are tags all the same.
    if let (Some(tags), Some(Value::Array(shown))) = (data.tags(), members.get_mut("tags")) {
        shown.extend(tags.named.iter().map(|name| Value::from(name.as_str())));
    }
    let custom = org.custom(R::KIND.name).iter().filter_map(|field| {
        let kept = values.0.get(&field.no)?;
        Some((field.key.clone(), shown(&mut |out| field.show(kept, out, Sight::Full))))
    });
    let custom: Members = custom.collect();
    members.insert(CUSTOM.to_owned(), custom.into());
    members
}
