//! Customers as a sales department has them: the rows that single operations are measured with.

use serde_json::{Value, json};

use crate::made_up::{City, mobile, person};
use crate::random::Random;

/// Salespeople who own them.
pub(crate) const OWNERS: usize = 20;
/// Stages, all as often.
pub(crate) const STAGES: [&str; 6] = ["potential", "potential", "dormant", "partner", "active", "lost"];
const SEED: u64 = 20_250_601;
const INDUSTRIES: &[&str] = &["IT", "MFG", "FIN", "EDU", "MED", "TRD", "LOG", "UTL"];
const SOURCES: &[&str] = &["web_form", "survey", "email", "phone", "referral", "expo"];
const TAGS: &[&str] = &["重点", "老客户", "华东", "高价值", "待回访", "VIP", "trial", "partner"];
const CORES: &str = "智云华信恒泰远通鼎盛宏图瑞丰天成博雅卓越金诚海纳科创新联合众力达";
const ENDS: &[&str] =
    &["科技有限公司", "贸易有限公司", "实业集团", "信息技术有限公司", "教育咨询有限公司", "医疗器械有限公司"];
const PLACES: &[&str] =
    &["北京", "上海", "广州", "深圳", "杭州", "成都", "武汉", "西安", "南京", "苏州", "青岛", "厦门"];
const WORDS: &[&str] =
    &["Acme", "Blue", "Delta", "Evergreen", "Falcon", "Global", "Harbor", "Iris", "Jade", "Kite", "Lunar", "Maple"];
const FORMS: &[&str] = &["Trading Ltd", "Technologies Inc", "Logistics LLC", "Partners", "Foods Co", "Systems GmbH"];
const NOTES: &[&str] = &[
    "已电话沟通,客户希望下周安排产品演示。",
    "发送报价单,等待采购部回复。",
    "Called, asked for a revised quote.",
    "客户反馈交付及时,考虑续约。",
    "上门拜访,确认需求清单。",
    "Sent brochure by email.",
];

/// Rows of one set; sets share no name, no number and no address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    /// Which set.
    pub(crate) set: u64,
}

impl Rows {
    fn random(self, place: usize) -> Random {
        let place = u64::try_from(place).unwrap_or(u64::MAX);
        Random::new(SEED.wrapping_mul(1_000_003).wrapping_add(self.set * 7_919_000_000).wrapping_add(place))
    }

    fn number(self, place: usize) -> u64 {
        self.set * 40_000_000 + u64::try_from(place).unwrap_or(u64::MAX)
    }

    /// The phone number of a customer.
    pub(crate) fn phone(self, place: usize) -> String {
        mobile(self.number(place))
    }

    /// The name of a customer: seven in ten Chinese, the number at its end.
    pub(crate) fn name(self, place: usize) -> String {
        let mut random = self.random(place);
        let number = self.number(place);
        if random.percent(70) {
            let core: String = (0..3).map(|_| random.letter(CORES)).collect();
            format!("{}{core}{} {number}", random.pick(PLACES), random.pick(ENDS))
        } else {
            format!("{} {} {} {number}", random.pick(WORDS), random.pick(WORDS), random.pick(FORMS))
        }
    }

    /// A customer as a client posts it, with at most so many contacts; one to three are there.
    pub(crate) fn customer(self, place: usize, owners: &[String], contacts: usize) -> Value {
        let number = self.number(place);
        let mut random = self.random(place);
        random.below(7);
        let tags: Vec<&str> = (0..random.below(4)).map(|_| random.pick(TAGS)).collect();
        let stage = STAGES.get(random.place(STAGES.len())).copied();
        let owner = owners.get(random.place(owners.len()));
        let there = 1 + random.place(3);
        let mut customer = json!({
            "name": self.name(place), "kind": "company", "industry": random.pick(INDUSTRIES), "stage": stage,
            "owner_id": owner, "source": random.pick(SOURCES), "phones": [self.phone(place)],
            "emails": [format!("b{number}@example.com")], "address": City::any(&mut random).address(&mut random),
            "remark": random.pick(NOTES), "tags": distinct(tags),
        });
        if contacts > 0 {
            let people: Vec<Value> =
                (0_u64..).take(there.min(contacts)).map(|at| contact(&mut random, number, at)).collect();
            if let Some(members) = customer.as_object_mut() {
                members.insert("contacts".to_owned(), people.into());
            }
        }
        customer
    }

    /// Follow-ups of a customer, five.
    pub(crate) fn follow_ups(self, place: usize, customer: &str) -> Vec<Value> {
        let mut random = self.random(place);
        let mut one = |_| {
            let (year, month, day) = (2023 + random.below(2), random.below(12) + 1, random.below(28) + 1);
            json!({
                "customer_id": customer, "kind": random.pick(&["call", "visit", "email", "message"]),
                "summary": random.pick(NOTES), "happened_at": format!("{year}-{month:02}-{day:02}T09:30:00.000Z"),
            })
        };
        (0..5).map(&mut one).collect()
    }
}

fn contact(random: &mut Random, number: u64, at: u64) -> Value {
    json!({
        "name": person(random), "position": random.pick(&["经理", "采购", "CEO", "财务", "Engineer"]),
        "phones": [mobile(20_000_000_000 + number * 3 + at)], "emails": [format!("c{number}.{at}@example.cn")],
    })
}

fn distinct(mut words: Vec<&str>) -> Vec<&str> {
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn sets_share_no_phone_and_a_row_is_always_the_same() {
        let owners = ["o".to_owned()];
        let mut seen = HashSet::new();
        for set in 0..3 {
            let rows = Rows { set };
            assert_eq!(rows.customer(4, &owners, 3), rows.customer(4, &owners, 3));
            for place in 0..2000 {
                let customer = rows.customer(place, &owners, 3);
                let contacts = customer["contacts"].as_array().unwrap();
                let phones = contacts.iter().map(|contact| contact["phones"][0].as_str().unwrap());
                for phone in phones.chain([customer["phones"][0].as_str().unwrap()]) {
                    assert!(seen.insert(phone.to_owned()), "{phone}");
                }
            }
        }
    }

    #[test]
    fn a_row_has_what_was_asked_for() {
        let rows = Rows { set: 0 };
        assert_eq!(rows.follow_ups(0, "c").len(), 5);
        assert!(rows.customer(0, &[], 0).get("contacts").is_none());
        assert_eq!(rows.customer(7, &[], 1)["contacts"].as_array().unwrap().len(), 1);
        assert!(rows.name(5).ends_with(" 5"));
    }
}
