//! Customers as a sales department has them, the same for every system that is measured.

use crate::made_up::{mobile, person};
use crate::random::Random;

/// Salespeople who own them.
pub(crate) const OWNERS: usize = 20;
/// Stages, all as often.
pub(crate) const STAGES: &[&str] = &["lead", "contacted", "qualified", "proposal", "won", "lost"];
const SEED: u64 = 20_250_601;
const INDUSTRIES: &[&str] = &["IT", "MFG", "FIN", "EDU", "MED", "RET", "LOG", "ENE"];
/// Where they came from, all as often.
pub(crate) const SOURCES: &[&str] = &["web_form", "survey", "email", "phone", "referral", "expo"];
/// None to three of each customer.
pub(crate) const TAGS: &[&str] = &["重点", "老客户", "华东", "高价值", "待回访", "VIP", "trial", "partner"];
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
/// Days that times lie in: 29 months of 28 days from 2023-01-01.
const DAYS: u64 = 29 * 28;
/// Numbers of one set; its contacts' numbers follow after the first ten million.
const NUMBERS: u64 = 40_000_000;

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Number that a system gives it which does not number by itself.
    pub(crate) no: String,
    pub(crate) name: String,
    pub(crate) industry: &'static str,
    pub(crate) stage: &'static str,
    /// Which of the salespeople.
    pub(crate) owner: usize,
    pub(crate) source: &'static str,
    pub(crate) phone: String,
    pub(crate) email: String,
    pub(crate) address: String,
    pub(crate) remark: &'static str,
    pub(crate) tags: Vec<&'static str>,
    pub(crate) created: String,
    pub(crate) updated: String,
    /// One to three.
    pub(crate) contacts: Vec<Contact>,
    /// Five.
    pub(crate) follow_ups: Vec<FollowUp>,
}

/// A person at a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) email: String,
    pub(crate) title: &'static str,
}

/// What happened once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FollowUp {
    pub(crate) kind: &'static str,
    pub(crate) note: &'static str,
    pub(crate) at: String,
    /// Which of the salespeople.
    pub(crate) by: usize,
}

/// Rows of one set; sets share no name, no number and no address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    /// Which set; 0 is the one that is loaded.
    pub(crate) set: u64,
}

impl Rows {
    fn number(self, place: usize) -> u64 {
        self.set * NUMBERS + u64::try_from(place).unwrap_or(u64::MAX)
    }

    /// The phone number of a customer.
    pub(crate) fn phone(self, place: usize) -> String {
        mobile(self.number(place))
    }

    /// The customer at that place.
    pub(crate) fn row(self, place: usize) -> Row {
        let number = self.number(place);
        let random = &mut Random::new(SEED.wrapping_mul(1_000_003).wrapping_add(number));
        let name = name(random, number);
        let industry = random.pick(INDUSTRIES);
        let day = random.below(DAYS);
        let (created, later) = (time(random, day), day + random.below(DAYS - day));
        let contacts = (0..=random.below(3)).map(|at| contact(random, number, at)).collect();
        Row {
            no: format!("{}-{industry}-{}{place:07}", created.get(..4).unwrap_or_default(), self.set),
            name,
            industry,
            stage: random.pick(STAGES),
            owner: random.place(OWNERS),
            source: random.pick(SOURCES),
            phone: mobile(number),
            email: format!("b{number}@example.com"),
            address: format!("{}市中山路{}号", random.pick(PLACES), random.below(998) + 1),
            remark: random.pick(NOTES),
            tags: tags(random),
            updated: time(random, later),
            created,
            contacts,
            follow_ups: (0..5).map(|_| follow_up(random)).collect(),
        }
    }
}

/// Seven in ten Chinese, the number at its end so that no two are alike.
fn name(random: &mut Random, number: u64) -> String {
    if random.percent(70) {
        let core: String = (0..3).map(|_| random.letter(CORES)).collect();
        return format!("{}{core}{} {number}", random.pick(PLACES), random.pick(ENDS));
    }
    format!("{} {} {} {number}", random.pick(WORDS), random.pick(WORDS), random.pick(FORMS))
}

/// A moment of that day, UTC.
fn time(random: &mut Random, day: u64) -> String {
    let (month, day) = (day / 28, day % 28 + 1);
    let (year, month) = (2023 + month / 12, month % 12 + 1);
    let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", random.below(1000))
}

fn contact(random: &mut Random, number: u64, at: u64) -> Contact {
    let place = number % NUMBERS;
    Contact {
        name: person(random),
        phone: mobile(number - place + 10_000_000 + place * 3 + at),
        email: format!("c{number}.{at}@example.cn"),
        title: random.pick(&["经理", "采购", "CEO", "财务", "Engineer"]),
    }
}

fn follow_up(random: &mut Random) -> FollowUp {
    let day = random.below(DAYS);
    FollowUp {
        kind: random.pick(&["call", "visit", "email", "wechat"]),
        note: random.pick(NOTES),
        at: time(random, day),
        by: random.place(OWNERS),
    }
}

/// None to three, no two alike.
fn tags(random: &mut Random) -> Vec<&'static str> {
    let mut left = TAGS.to_vec();
    (0..random.below(4)).map(|_| left.swap_remove(random.place(left.len()))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn sets_share_no_number_and_a_row_is_always_the_same() {
        let mut seen = HashSet::new();
        for set in [0, 1, 2, 59] {
            let rows = Rows { set };
            assert_eq!(rows.row(4), rows.row(4));
            for row in (0..2000).map(|place| rows.row(place)) {
                let mine = [row.phone, row.no, row.name, row.email];
                let theirs = row.contacts.into_iter().flat_map(|contact| [contact.phone, contact.email]);
                for value in mine.into_iter().chain(theirs) {
                    assert!(seen.insert(value.clone()), "{value} twice");
                }
            }
        }
    }

    #[test]
    fn a_row_has_what_it_should_have() {
        let row = Rows { set: 0 }.row(5);
        assert_eq!((row.follow_ups.len(), row.phone.clone()), (5, Rows { set: 0 }.phone(5)));
        assert!(row.name.ends_with(" 5") && row.created <= row.updated, "{row:?}");
        let contacts: HashSet<usize> = (0..50).map(|place| Rows { set: 0 }.row(place).contacts.len()).collect();
        assert_eq!(contacts, HashSet::from([1, 2, 3]));
    }
}
