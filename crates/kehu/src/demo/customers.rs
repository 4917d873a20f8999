//! Made-up customers with their contacts, as a client would post them.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::made_up::{City, Company, Person, Random, credit_code, mobile};
use super::words::{POSITIONS, REMARKS, TAGS};

const SEED: u64 = 2026;
const COMPANIES: u64 = 190;
const PERSONS: u64 = 60;
const SIZES: &[&str] = &["1-9", "10-49", "50-249", "250-999", "1000+"];
const SOURCES: &[&str] =
    &["web_form", "survey", "email", "phone", "wechat", "referral", "expo", "ad", "import", "other"];
const MAILS: &[&str] = &["example.com", "example.net", "example.org"];

/// Companies and persons over all stages, grades, sources and sizes, shared out among the owners.
pub(super) fn all(owners: &[String]) -> Vec<Value> {
    let mut random = Random::new(SEED);
    let mut names = HashSet::new();
    let mut made = Vec::new();
    for number in 0..COMPANIES + PERSONS {
        let mut customer = if number < COMPANIES {
            company(&mut random, number, &mut names)
        } else {
            person(&mut random, number, &mut names)
        };
        let owner = owners.get(usize::try_from(random.below(1000)).unwrap_or(0) % owners.len().max(1));
        let common = json!({
            "stage": stage(&mut random), "grade": grade(&mut random), "source": random.pick(SOURCES),
            "tags": tags(&mut random), "owner_id": owner,
            "remark": random.percent(40).then(|| random.pick(REMARKS)),
        });
        if let (Value::Object(customer), Value::Object(common)) = (&mut customer, common) {
            customer.extend(common);
        }
        made.push(customer);
    }
    made
}

/// A stage as often as a sales department has it; every stage comes.
fn stage(random: &mut Random) -> &'static str {
    match random.below(100) {
        0..=41 => "potential",
        42..=69 => "active",
        70..=81 => "dormant",
        82..=91 => "lost",
        _ => "partner",
    }
}

fn grade(random: &mut Random) -> Option<&'static str> {
    match random.below(100) {
        0..=9 => Some("vip"),
        10..=29 => Some("a"),
        30..=59 => Some("b"),
        60..=84 => Some("c"),
        _ => None,
    }
}

fn tags(random: &mut Random) -> Vec<&'static str> {
    let mut tags: Vec<&str> = (0..random.below(4)).map(|_| random.pick(TAGS).0).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// Something whose name nobody has yet.
fn unlike<T>(names: &mut HashSet<String>, mut make: impl FnMut() -> T, name: impl Fn(&T) -> &str) -> T {
    loop {
        let made = make();
        if names.insert(name(&made).to_owned()) {
            return made;
        }
    }
}

fn company(random: &mut Random, number: u64, names: &mut HashSet<String>) -> Value {
    let city = City::any(random);
    let company = unlike(names, || Company::any(random, city), |company| &company.name);
    let phone = if random.percent(70) { city.landline(random) } else { mobile(number) };
    let contacts: Vec<Value> = (0..1 + random.below(3)).map(|at| contact(random, &company, number, at)).collect();
    json!({
        "name": company.name, "kind": "company", "industry": company.industry, "size": random.pick(SIZES),
        "credit_code": random.percent(60).then(|| credit_code(random)), "address": city.address(random),
        "phones": [phone], "emails": [format!("info{number}@{}", company.domain)], "contacts": contacts,
    })
}

fn contact(random: &mut Random, company: &Company, number: u64, at: u64) -> Value {
    let (person, (position, role)) = (Person::any(random), random.pick(POSITIONS));
    let place = 1_000 + number * 4 + at;
    let birthday = || format!("19{}-{:02}-{:02}", 65 + number % 33, 1 + place % 12, 1 + place % 28);
    json!({
        "name": person.name, "position": position, "role": role, "primary": at == 0, "phones": [mobile(place)],
        "emails": [format!("{}{number}@{}", person.pinyin, company.domain)],
        "wechat": random.percent(50).then(|| format!("{}_{number}", person.pinyin)),
        "birthday": random.percent(20).then(birthday),
    })
}

fn person(random: &mut Random, number: u64, names: &mut HashSet<String>) -> Value {
    let city = City::any(random);
    let person = unlike(names, || Person::any(random), |person| &person.name);
    json!({
        "name": person.name, "kind": "person", "address": city.address(random), "phones": [mobile(number)],
        "emails": [format!("{}{number}@{}", person.pinyin, random.pick(MAILS))],
        "wechat": random.percent(60).then(|| format!("{}{number}", person.pinyin)),
    })
}

#[cfg(test)]
mod tests {
    use kehu_domain::value::{Email, Industry, Phone};

    use super::*;

    #[test]
    fn numbers_addresses_and_industries_are_accepted() {
        let customers = all(&[]);
        let contacts = customers.iter().filter_map(|customer| customer["contacts"].as_array()).flatten();
        for record in customers.iter().chain(contacts) {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            assert!(Phone::parse(&text(&record["phones"][0]), "CN").is_ok(), "{record}");
            assert!(Email::parse(&text(&record["emails"][0])).is_ok(), "{record}");
            if let Some(industry) = record["industry"].as_str() {
                assert!(Industry::parse(industry).is_ok(), "{record}");
            }
        }
    }

    #[test]
    fn all_stages_grades_and_sources_come_and_no_number_twice() {
        let customers = all(&["a".to_owned(), "b".to_owned()]);
        assert!(customers.len() >= 200);
        let values = |member: &str| {
            let texts = customers.iter().filter_map(|customer| customer[member].as_str());
            texts.collect::<HashSet<_>>().len()
        };
        assert_eq!((values("stage"), values("grade"), values("source"), values("size")), (5, 4, 10, 5));
        assert_eq!(values("owner_id"), 2);
        assert!(values("industry") > 20);
        let phones = |record: &Value| record["phones"][0].as_str().unwrap().to_owned();
        let own = customers.iter().map(phones);
        let contacts = customers.iter().filter_map(|customer| customer["contacts"].as_array()).flatten();
        let all: Vec<String> = own.chain(contacts.map(phones)).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(customers, super::all(&["a".to_owned(), "b".to_owned()]));
    }
}
