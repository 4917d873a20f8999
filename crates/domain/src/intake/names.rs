//! Who it is: the names of company and person, cleaned and put where they belong.

use crate::flaw::Flaw;
use crate::kinds::CustomerKind;
use crate::text::is_forbidden;
use crate::value::{CompanyName, PersonName};

use super::flags::{NAMES_SWAPPED, NUMBER_IN_NAME};
use super::reach::{Holder, Reach};
use super::scan::Scan;

/// The longest name of a customer, in characters.
const MAX_COMPANY: usize = 200;
/// The longest name of a contact, in characters.
const MAX_PERSON: usize = 100;

/// The names of a lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// The customer's.
    pub(super) customer: Option<String>,
    /// That of the person beside a company.
    pub(super) person: Option<String>,
    /// What the customer is, where a name tells.
    pub(super) kind: Option<CustomerKind>,
}

/// A text without characters that no line can hold.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_forbidden(c) { ' ' } else { c }).collect()
}

/// A name without what is no part of it; numbers and addresses in it are ways to reach the person.
pub(super) fn clean(
    text: &str,
    holder: Holder,
    region: &str,
    reach: &mut Reach,
    flags: &mut Vec<String>,
) -> Option<String> {
    let line = printable(text);
    let scan = Scan::of(&line, region);
    let name = if scan.hides() {
        flags.push(NUMBER_IN_NAME.to_owned());
        scan.without()
    } else {
        line
    };
    reach.found(scan, holder);
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Cuts a text to its longest length.
pub(super) fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect::<String>().trim_end().to_owned()
}

fn is_company(name: &str) -> bool {
    PersonName::parse(name).is_ok_and(|name| has(&name.findings(), "person_name_company"))
}

fn is_person(name: &str) -> bool {
    PersonName::parse(name).is_ok_and(|name| name.findings().is_empty())
}

/// Whether it can stand where a person's name should: 曹总 can, although it is none.
fn could_be_person(name: &str) -> bool {
    let loose = |flaw: &Flaw| matches!(flaw.code.key, "person_name_title" | "person_name_incomplete");
    PersonName::parse(name).is_ok_and(|name| name.findings().iter().all(loose))
}

fn is_placeholder(name: &str) -> bool {
    CompanyName::parse(name).map_or(true, |name| !name.findings().is_empty())
}

fn has(findings: &[Flaw], key: &str) -> bool {
    findings.iter().any(|flaw| flaw.code.key == key)
}

/// Puts names where they belong. `said` is what the sender calls the customer.
pub(super) fn settle(
    mut company: Option<String>,
    mut person: Option<String>,
    said: Option<CustomerKind>,
    flags: &mut Vec<String>,
) -> Names {
    if let (Some(one), Some(other)) = (&company, &person)
        && is_company(other)
        && could_be_person(one)
    {
        std::mem::swap(&mut company, &mut person);
        flags.push(NAMES_SWAPPED.to_owned());
    }
    // Somebody without a company writes "none" there.
    if let (Some(name), Some(other)) = (&company, &person)
        && is_placeholder(name)
        && is_person(other)
    {
        flags.push("name_placeholder".to_owned());
        company = None;
    }
    let told = match (&company, &person) {
        (Some(_), _) => Some(CustomerKind::Company),
        (None, Some(name)) if is_company(name) => Some(CustomerKind::Company),
        (None, Some(_)) => Some(CustomerKind::Person),
        (None, None) => None,
    };
    let kind = said.or(told);
    let customer = company.or_else(|| person.take());
    let tidy = |name: String| match kind {
        Some(CustomerKind::Company) => {
            CompanyName::parse(&cut(&name, MAX_COMPANY)).map(|name| name.as_str().to_owned())
        }
        _ => PersonName::parse(&cut(&name, MAX_COMPANY)).map(|name| name.as_str().to_owned()),
    };
    let customer = customer.and_then(|name| tidy(name).ok());
    let person = person
        .and_then(|name| PersonName::parse(&cut(&name, MAX_PERSON)).ok())
        .map(|name| cut(name.as_str(), MAX_PERSON))
        .filter(|name| !name.is_empty() && Some(name) != customer.as_ref());
    Names { customer: customer.map(|name| cut(&name, MAX_COMPANY)), person, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(company: &str, person: &str, said: Option<CustomerKind>) -> (Names, Vec<String>) {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let mut flags = Vec::new();
        let names = settle(some(company), some(person), said, &mut flags);
        (names, flags)
    }

    fn names(customer: &str, person: &str, kind: CustomerKind) -> Names {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Names { customer: some(customer), person: some(person), kind: Some(kind) }
    }

    #[test]
    fn each_name_is_put_where_it_belongs() {
        use CustomerKind::{Company, Person};
        let of = |company, person, said| settled(company, person, said).0;
        let company = "上海航源辰服装集团有限公司";
        assert_eq!(of(company, "林晨玲", None), names(company, "林晨玲", Company));
        assert_eq!(
            settled("林晨玲", company, None),
            (names(company, "林晨玲", Company), vec!["names_swapped".to_owned()])
        );
        assert_eq!(of("曹总", company, None), names(company, "曹总", Company));
        assert_eq!(of("", "林晨玲", None), names("林晨玲", "", Person));
        assert_eq!(of("", company, None), names(company, "", Company));
        assert_eq!(of("刘伟", "", Some(Person)), names("刘伟", "", Person));
        assert_eq!(of("刘伟", "刘 伟", Some(Person)), names("刘伟", "", Person));
        assert_eq!(of("某公司", "", None), names("某公司", "", Company));
        assert_eq!(settled("无", "林晨玲", None), (names("林晨玲", "", Person), vec!["name_placeholder".to_owned()]));
        assert_eq!(of("", "", None), Names::default());
    }

    #[test]
    fn a_name_is_clean_and_short_enough() {
        let (mut reach, mut flags) = (Reach::default(), Vec::new());
        let name = clean("张\u{0}三\u{202e} 13800138000", Holder::Person, "CN", &mut reach, &mut flags);
        assert_eq!(name.as_deref(), Some("张 三"));
        assert_eq!((reach.phones.len(), flags.as_slice()), (1, &["number_in_name".to_owned()][..]));
        let long = "汉".repeat(300);
        let (settled, _) = settled(&long, &long[3..], None);
        assert_eq!(settled.customer.unwrap().chars().count(), 200);
        assert_eq!(settled.person.unwrap().chars().count(), 100);
    }
}
