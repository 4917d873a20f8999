//! What several kinds are told of their names and addresses. A warning quotes no more of a sealed value than its mask
//! shows.

use crate::codes;
use crate::fields::{ElementItem, Emails};
use crate::flaw::Flaw;
use crate::record::RuleFinding;
use crate::value::{Email, PersonName};

/// Labels of an address that is a person's own, where free mail is nothing to wonder at.
const PRIVATE: [&str; 6] = ["private", "personal", "home", "个人", "私人", "家庭"];

/// What is refused and what is wondered at in a person's name.
pub(super) fn person_name(name: &str, with: &'static [&'static str]) -> Vec<RuleFinding> {
    let parsed = match PersonName::parse(name) {
        Ok(name) => name,
        Err(flaw) => return vec![RuleFinding::refuses("name", with, flaw)],
    };
    let refused: Vec<RuleFinding> =
        parsed.findings().into_iter().map(|flaw| RuleFinding::refuses("name", with, flaw)).collect();
    if refused.is_empty() {
        return parsed.warning().map(|flaw| RuleFinding::warns("name", with, flaw)).into_iter().collect();
    }
    refused
}

/// Addresses that look mistyped, are thrown away soon, or, where a company's are expected, anybody could have.
pub(super) fn emails(emails: &Emails, at_work: bool) -> Vec<RuleFinding> {
    let mut flaws: Vec<Flaw> = Vec::new();
    for item in &emails.0 {
        // Each is told once, however many addresses there are.
        flaws.extend(email(item, at_work).filter(|flaw| !flaws.contains(flaw)));
    }
    flaws.into_iter().map(|flaw| RuleFinding::warns("emails", &[], flaw)).collect()
}

fn email(item: &ElementItem<Email>, at_work: bool) -> Option<Flaw> {
    let address = &item.value;
    let told = |code| Flaw::new(code).with("domain", address.domain());
    if address.is_disposable() {
        return Some(told(&codes::EMAIL_DISPOSABLE));
    }
    if let Some(meant) = address.likely_domain() {
        return Some(told(&codes::EMAIL_TYPO).with("meant", meant));
    }
    let label = item.label.as_ref().map(|label| label.as_str().to_lowercase()).unwrap_or_default();
    let is_private = PRIVATE.iter().any(|word| label.contains(word));
    (at_work && !is_private && address.is_free_mail()).then(|| told(&codes::EMAIL_FREE_MAIL))
}
