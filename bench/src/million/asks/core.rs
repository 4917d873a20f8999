//! The operations of crm-core, one request after the other.

use serde_json::{Value, json};

use super::{Ask, Asker, TEXT, Weight, filter};
use crate::core::{OWNERS, Rows, STAGES, ours};
use crate::million::cast::Who;
use crate::million::items;
use crate::wire::Call;

const GROUP: &str = "crm-core";
const ADMIN: Who = Who::Administrator;
/// Customers of a batch.
const BATCH: usize = 1000;

pub(super) fn all() -> Vec<Ask> {
    let each = |name: &str, one: fn(&mut Asker<'_>) -> Call| Ask::each(GROUP, name, ADMIN, one);
    vec![
        each("get by id", get),
        each("list 50 by owner and stage", list),
        each("search by phone", phone),
        each("search by part of the name", name).aim(Some(TEXT)),
        each("update", update).writing(1),
        each("create with a contact", create).writing(1),
        each("mixed", |asker| {
            let number = asker.random.below(u64::MAX);
            mixed(asker, number)
        })
        .writing(1),
        Ask::new(GROUP, "batch of 1,000 customers", ADMIN, |asker, many| {
            Ok((0..many).map(|_| batch(asker, BATCH)).collect())
        })
        .weight(Weight::Few(1))
        .writing(BATCH),
    ]
}

/// Whether that one of the mixture makes a customer.
pub(in crate::million) fn creates(number: u64) -> bool {
    (80..90).contains(&(number % 100))
}

/// One of the mixture, as chance has it: 80 % read, 20 % write.
pub(in crate::million) fn mixed(asker: &mut Asker<'_>, number: u64) -> Call {
    match number % 100 {
        0..50 => get(asker),
        50..70 => list(asker),
        70..80 => phone(asker),
        _ if creates(number) => create(asker),
        _ => update(asker),
    }
}

pub(in crate::million) fn get(asker: &mut Asker<'_>) -> Call {
    let place = asker.random.place(asker.place.size);
    asker.get(format!("/v1/customers/{}", asker.place.ids.get(place)))
}

fn list(asker: &mut Asker<'_>) -> Call {
    let owner = asker.random.place(OWNERS);
    let owner = asker.place.cast.owners.get(owner).map(String::as_str).unwrap_or_default();
    let stage = ours(asker.random.pick(STAGES));
    let filters = format!("{}&{}", filter("owner_id", owner), filter("stage", stage));
    asker.get(format!("/v1/customers?{filters}&sort=-updated_at&limit=50"))
}

fn search(asker: &Asker<'_>, condition: &Value) -> Call {
    asker.send("POST", "/v1/customers/search", &json!({ "where": condition, "limit": 20 }))
}

fn phone(asker: &mut Asker<'_>) -> Call {
    let phone = Rows { set: 0 }.phone(asker.random.place(asker.place.size));
    search(asker, &json!({ "field": "phone", "op": "eq", "value": phone }))
}

/// From the third character on: the number at its end makes it one customer's, or a few customers'.
fn name(asker: &mut Asker<'_>) -> Call {
    let part: String = Rows { set: 0 }.row(asker.random.place(asker.place.size)).name.chars().skip(2).collect();
    search(asker, &json!({ "field": "name", "op": "contains", "value": part }))
}

fn update(asker: &mut Asker<'_>) -> Call {
    let remark = format!("更新 {}", asker.random.below(1_000_000_000));
    let place = asker.random.place(asker.place.size);
    asker.send("PATCH", &format!("/v1/customers/{}", asker.place.ids.get(place)), &json!({ "remark": remark }))
}

fn create(asker: &mut Asker<'_>) -> Call {
    let body = items::customer(&asker.place.cast, Rows { set: 1 }, asker.made, 1);
    asker.made += 1;
    asker.send("POST", "/v1/customers", &body)
}

/// Customers without contacts.
pub(in crate::million) fn batch(asker: &mut Asker<'_>, many: usize) -> Call {
    let places = asker.made..asker.made + many;
    asker.made = places.end;
    let items: Vec<Value> = places.map(|place| items::customer(&asker.place.cast, Rows { set: 1 }, place, 0)).collect();
    asker.send("POST", "/v1/customers/batch", &json!({ "atomic": false, "items": items }))
}
