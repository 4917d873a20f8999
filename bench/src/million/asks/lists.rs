//! Lists of screens: deep pages, a field that the organisation added, what belongs to a customer.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{Ask, Asker, filter, next};
use crate::client::Connection;
use crate::core::Rows;
use crate::million::cast::{EVERYBODY, Who};
use crate::million::items::{CHANNELS, FIELD};
use crate::wire::Call;

const GROUP: &str = "Lists and single records";
/// How many pages of 500 lie before the deep ones.
const DEEP: usize = 10;
/// Pages of 50 from there, either way.
const THERE: usize = 40;

pub(super) fn all() -> Vec<Ask> {
    let mut asks = vec![
        Ask::new(GROUP, "page 5,000 rows deep", Who::Administrator, |asker, _| deep(asker, "next")),
        Ask::new(GROUP, "page back from there", Who::Administrator, |asker, _| deep(asker, "prev")),
        Ask::new(GROUP, "the last pages, from the end", Who::Administrator, |asker, _| {
            asker.pages(&["/v1/customers?sort=updated_at&limit=50".to_owned()])
        }),
    ];
    for who in EVERYBODY {
        asks.push(Ask::new(GROUP, "filter on an added field", who, |asker, _| {
            let member = format!("custom.{FIELD}");
            let path = |value: &str| format!("/v1/customers?{}&sort=-updated_at&limit=50", filter(&member, value));
            asker.pages(&CHANNELS.map(path))
        }));
    }
    asks.push(Ask::each(GROUP, "history of a customer", Who::Administrator, |asker| {
        let id = asker.id();
        asker.get(format!("/v1/customers/{id}/history?limit=20"))
    }));
    for who in [Who::Administrator, Who::Salesperson] {
        asks.push(Ask::each(GROUP, "contacts of a customer", who, |asker| {
            of_a_customer(asker, "contacts", "created_at")
        }));
        asks.push(Ask::each(GROUP, "follow-ups of a customer", who, |asker| {
            of_a_customer(asker, "follow_ups", "-happened_at")
        }));
        asks.push(Ask::each(GROUP, "who is calling", who, |asker| {
            let phone = Rows { set: 0 }.phone(asker.random.place(asker.place.size));
            asker.send("POST", "/v1/lookup", &json!({ "phone": phone }))
        }));
    }
    asks
}

fn of_a_customer(asker: &mut Asker<'_>, path: &str, sort: &str) -> Call {
    let id = asker.id();
    asker.get(format!("/v1/{path}?{}&sort={sort}&limit=50", filter("customer_id", &id)))
}

/// Pages far behind the first one, by their cursors.
fn deep(asker: &mut Asker<'_>, way: &str) -> Result<Vec<Call>> {
    let path = "/v1/customers?sort=-updated_at&limit=";
    let mut connection = Connection::open(&asker.place.server.base)?;
    let mut call = asker.get(format!("{path}500"));
    for _ in 0..DEEP {
        // Small sizes end before.
        let Some(after) = next(&mut connection, &call)? else { break };
        call = asker.get(format!("{path}500&after={after}"));
    }
    let page = connection.ask(&call)?;
    let cursor = page.pointer("/page/prev").or_else(|| page.pointer("/page/next"));
    let mut cursor = cursor.and_then(Value::as_str).context("a cursor")?.to_owned();
    if way == "next" {
        cursor = call.path.rsplit_once("&after=").map_or(cursor, |(_, after)| after.to_owned());
    }
    let mut calls = Vec::new();
    for _ in 0..THERE {
        let call = asker.get(format!("{path}50&after={cursor}"));
        let page = connection.ask(&call)?;
        calls.push(call);
        match page.pointer(&format!("/page/{way}")).and_then(Value::as_str) {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    Ok(calls)
}
