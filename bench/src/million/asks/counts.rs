//! How many: facets, the numbers of a home screen, lists that are counted.

use serde_json::{Value, json};

use super::{Ask, Asker, Weight, filter};
use crate::core::{STAGES, ours};
use crate::million::cast::EVERYBODY;
use crate::wire::Call;

const GROUP: &str = "How many";
/// Requests of each round: some take long.
const FEW: usize = 40;

pub(super) fn all() -> Vec<Ask> {
    let mut asks = Vec::new();
    for who in EVERYBODY {
        let mut add = |name: &str, one: fn(&mut Asker<'_>) -> Call| {
            asks.push(Ask::each(GROUP, name, who, one).weight(Weight::Few(FEW)));
        };
        add("facets: stage, owner, source", |asker| facets(asker, &["stage", "owner_id", "source"]));
        add("facets of a stage: tags, month", |asker| {
            let stage = ours(asker.random.pick(STAGES));
            let condition = json!({ "field": "stage", "op": "eq", "value": stage });
            let body = json!({ "where": condition, "by": ["tags", "created_at.month"] });
            asker.send("POST", "/v1/customers/facets", &body)
        });
        add("counts: numbers of a home screen", |asker| asker.send("POST", "/v1/counts", &home_screen()));
        add("list with count=estimate", |asker| counted(asker, "estimate"));
        add("list with count=exact", |asker| counted(asker, "exact"));
    }
    asks
}

fn facets(asker: &Asker<'_>, by: &[&str]) -> Call {
    asker.send("POST", "/v1/customers/facets", &json!({ "by": by }))
}

fn counted(asker: &mut Asker<'_>, count: &str) -> Call {
    let stage = ours(asker.random.pick(STAGES));
    asker.get(format!("/v1/customers?{}&sort=-updated_at&limit=50&count={count}", filter("stage", stage)))
}

/// What somebody sees in the morning.
fn home_screen() -> Value {
    let customers = |condition: Value| json!({ "kind": "customer", "where": condition });
    let stage = |stage: &str| customers(json!({ "field": "stage", "op": "eq", "value": stage }));
    json!({
        "potential": stage("potential"), "active": stage("active"), "dormant": stage("dormant"),
        "lost": stage("lost"), "partner": stage("partner"),
        "overdue": customers(json!({ "field": "next_follow_up_at", "op": "lt", "value": "today" })),
        "due_today": customers(json!({ "field": "next_follow_up_at", "op": "eq", "value": "today" })),
        "due_this_week": customers(json!({ "field": "next_follow_up_at", "op": "eq", "value": "this_week" })),
        "new": customers(json!({ "field": "created_at", "op": "within_last", "value": 7 })),
        "silent": customers(json!({ "field": "last_follow_up_at", "op": "not_within_last", "value": 30 })),
        "follow_ups": { "kind": "follow_up", "where": { "field": "happened_at", "op": "eq", "value": "this_month" } },
    })
}
