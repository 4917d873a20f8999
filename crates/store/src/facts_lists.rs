//! Lists of what filters select: page by page each record once, in order, however they are cut into parts.

use std::collections::BTreeSet;

use kehu_domain::filter::sorts;
use kehu_domain::record::Kind;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::gate::Caller;
use crate::machine::Asked;
use crate::policy;
use crate::registry::machine;

/// Records of a page: few, so that a list has several.
const LIMIT: usize = 7;

/// A list has each of those records once, its pages go back as they went on, and its count says how many there are.
pub(super) async fn compare(caller: &Caller, kind: &'static Kind, asked: &Value, held: &BTreeSet<Uuid>) {
    let hidden = policy::hidden(caller, kind);
    let orders: Vec<&str> = sorts(kind).filter(|sort| !hidden.contains(sort)).collect();
    let order = orders[held.len() % orders.len()];
    let (up, down) = (walk(caller, kind, asked, order).await, walk(caller, kind, asked, &format!("-{order}")).await);
    let told = || format!("{:?}, {} by {order}: {asked}", caller.db().get_database_backend(), kind.path);
    assert_eq!(up.iter().copied().collect::<BTreeSet<Uuid>>(), *held, "{}", told());
    assert_eq!(up.len(), held.len(), "{}", told());
    assert_eq!(up, down.into_iter().rev().collect::<Vec<_>>(), "{}", told());
}

/// The ids of all pages.
async fn walk(caller: &Caller, kind: &'static Kind, asked: &Value, order: &str) -> Vec<Uuid> {
    let mut all: Vec<Uuid> = Vec::new();
    let mut body = json!({"where": asked, "sort": order, "limit": LIMIT, "count": "exact"});
    loop {
        let question = Asked::from_body(caller, kind, &body).unwrap();
        let page = machine(kind.name).unwrap().page(caller, &question).await.unwrap();
        let ids: Vec<Uuid> = page.records.iter().map(|record| record.base().id).collect();
        if order.ends_with("updated_at") {
            let at: Vec<_> = page.records.iter().map(|record| (record.base().updated_at, record.base().id)).collect();
            let is_sorted = if order.starts_with('-') { at.is_sorted_by(|a, b| a > b) } else { at.is_sorted() };
            assert!(is_sorted, "{} by {order}: {asked}", kind.path);
        }
        all.extend(ids);
        let count = page.count.unwrap().n;
        match page.next {
            Some(next) => body["after"] = next.into(),
            None => {
                assert_eq!(count, u64::try_from(all.len()).unwrap(), "{} by {order}: {asked}", kind.path);
                return all;
            }
        }
    }
}
