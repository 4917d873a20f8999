//! Random records: with values that are missing, of added fields, sealed, in Chinese, and the same in several.

use serde_json::{Value, json};
use uuid::Uuid;

/// SplitMix64.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n).unwrap()).unwrap()
    }
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    pub(super) fn pick<'v, T>(&mut self, of: &'v [T]) -> &'v T {
        &of[self.below(of.len())]
    }
    fn some(&mut self, of: &[&str], most: usize) -> Vec<String> {
        let n = self.below(most + 1);
        let mut picked: Vec<String> = (0..n).map(|_| (*self.pick(of)).to_owned()).collect();
        picked.sort();
        picked.dedup();
        picked
    }
}

const NAMES: &[&str] =
    &["远景", "蓝海", "Acme", "臺灣積體", "１２３数码", "山川", "ＡＣＭＥ", "远景蓝海", "单", "曾氏"];
const PEOPLE: &[&str] = &["张伟", "王芳", "李娜", "单雄信", "曾国藩", "Anna Schmidt", "欧阳修"];
const PHONES: &[&str] = &["13800138000", "13912345678", "+4930123456", "010-62345678"];
const EMAILS: &[&str] = &["li@acme.com", "wang@example.cn", "zhao@bluesea.com.cn"];
const TAGS: &[&str] = &["重点", "VIP", "华东", "已流失"];
const POSITIONS: &[&str] = &["总经理", "总监", "CEO", "采购"];
const DAYS: &[&str] = &["2024-02-29", "2025-12-31", "2026-01-01", "2026-11-26"];
const TIMES: &[&str] =
    &["2025-12-31T16:00:00Z", "2026-01-01T00:00:00Z", "2026-11-25T15:59:59.999Z", "2027-03-01T08:00:00Z"];
const BIRTHDAYS: &[&str] = &["1990-03-07", "2000-02-29", "lunar:1990-08-15", "lunar:2023-02L-01", "lunar:02-01"];

fn maybe(dice: &mut Dice, body: &mut Value, name: &str, value: impl FnOnce(&mut Dice) -> Value) {
    if !dice.one_in(3) {
        body[name] = value(dice);
    }
}

fn picked(of: &'static [&'static str]) -> impl FnOnce(&mut Dice) -> Value {
    |dice| json!(dice.pick(of))
}

fn listed(of: &'static [&'static str], most: usize) -> impl FnOnce(&mut Dice) -> Value {
    move |dice| json!(dice.some(of, most))
}

pub(super) fn custom(dice: &mut Dice) -> Value {
    let mut custom = json!({});
    maybe(dice, &mut custom, "motto", picked(&["诚信", "Quality", "質量 第一", "诚信为本"]));
    maybe(dice, &mut custom, "slogan", picked(&["诚信", "Quality", "質量 第一", "诚信为本"]));
    maybe(dice, &mut custom, "story", picked(&["诚信\n为本", "Quality 第一", "質量 第一", "尾"]));
    for key in ["motto", "slogan", "story"] {
        if dice.one_in(6) {
            // Longer than a place for filters takes whole.
            custom[key] = format!("{}{}", "诚".repeat(dice.below(3) * 120 + 190), "信为尾Quality").into();
        }
    }
    maybe(dice, &mut custom, "output", |dice| json!(dice.below(5)));
    maybe(dice, &mut custom, "founded", picked(DAYS));
    maybe(dice, &mut custom, "seen", picked(TIMES));
    maybe(dice, &mut custom, "listed", |dice| json!(dice.one_in(2)));
    maybe(dice, &mut custom, "level", picked(&["gold", "silver"]));
    maybe(dice, &mut custom, "medals", listed(&["gold", "silver"], 2));
    maybe(dice, &mut custom, "passport", picked(&["G1", "G2", "g1"]));
    custom
}

fn contact(dice: &mut Dice) -> Value {
    let mut body = json!({"name": dice.pick(PEOPLE), "custom": custom(dice)});
    maybe(dice, &mut body, "position", picked(POSITIONS));
    maybe(dice, &mut body, "role", picked(&["decision_maker", "user", "finance"]));
    maybe(dice, &mut body, "phones", listed(PHONES, 2));
    maybe(dice, &mut body, "emails", listed(EMAILS, 2));
    maybe(dice, &mut body, "birthday", picked(BIRTHDAYS));
    maybe(dice, &mut body, "tags", listed(TAGS, 2));
    body
}

pub(super) fn customer(dice: &mut Dice, at: usize) -> Value {
    let name = format!("{}{at}有限公司", dice.pick(NAMES));
    let mut body = json!({"name": name, "kind": "company", "custom": custom(dice)});
    maybe(dice, &mut body, "stage", picked(&["potential", "active", "lost"]));
    maybe(dice, &mut body, "grade", picked(&["vip", "a"]));
    maybe(dice, &mut body, "industry", picked(&["65", "26", "I", "63"]));
    maybe(dice, &mut body, "region", picked(&["310000", "310115", "110101", "440305", "440300", "441900"]));
    maybe(dice, &mut body, "phones", listed(PHONES, 2));
    maybe(dice, &mut body, "emails", listed(EMAILS, 1));
    maybe(dice, &mut body, "wechat", picked(&["wx_one", "WX_One", "wx_two"]));
    maybe(dice, &mut body, "bank_accounts", listed(&["6222026360837783531"], 1));
    maybe(dice, &mut body, "needs", listed(&["purchase", "partnership", "after_sales"], 3));
    maybe(dice, &mut body, "budget", picked(&["50-100", "20", "0.5-20"]));
    maybe(dice, &mut body, "purchase_window", picked(&["2026-Q1", "2026-Q4", "2027-Q1"]));
    maybe(dice, &mut body, "cooperation_since", picked(DAYS));
    maybe(dice, &mut body, "tags", listed(TAGS, 3));
    body["contacts"] = (0..dice.below(4)).map(|_| contact(dice)).collect();
    body
}

pub(super) fn follow_up(dice: &mut Dice, customer: Uuid, contacts: &[Uuid]) -> Value {
    let mut body = json!({"customer_id": customer, "summary": "问候", "happened_at": dice.pick(TIMES)});
    body["kind"] = json!(dice.pick(&["call", "visit"]));
    body["custom"] = custom(dice);
    maybe(dice, &mut body, "outcome", picked(&["agreed", "considering"]));
    maybe(dice, &mut body, "next_step", picked(&["报价", "回访"]));
    maybe(dice, &mut body, "duration_minutes", |dice| json!(dice.below(3) * 30));
    maybe(dice, &mut body, "next_due_at", picked(&["2027-03-01T08:00:00Z", "2028-01-01T00:00:00Z"]));
    if !contacts.is_empty() && dice.one_in(2) {
        body["contact_id"] = json!(dice.pick(contacts));
    }
    body
}
