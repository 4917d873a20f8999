//! Numbers over a real database, where time goes by and customers are erased.

use kehu_domain::fields::Line;
use kehu_domain::read::Reader;
use kehu_domain::record::Record as _;
use serde_json::{Value, json};

use super::*;
use crate::engine;
use crate::erasure::tests::bed::{ask, work};
use crate::gate::RequestInfo;
use crate::intake::tests::bed::{Bed, id};
use crate::settings;

async fn made(bed: &mut Bed, industry: &str) -> Value {
    let body = json!({"name": "编号科技有限公司", "kind": "company", "industry": industry});
    bed.make("customer", body).await
}

async fn number(bed: &mut Bed, industry: &str) -> String {
    made(bed, industry).await["number"].as_str().unwrap().to_owned()
}

async fn lay_down(bed: &mut Bed, body: Value) {
    settings::change(&bed.caller, body, None).await.unwrap();
    bed.caller = bed.gate.system(bed.caller.org().id, RequestInfo::default()).await.unwrap();
}

#[tokio::test]
async fn the_number_of_an_erased_customer_is_never_given_again() {
    for mut bed in Bed::each(&json!({})).await {
        lay_down(&mut bed, json!({"settings": {"numbers": {"template": "K{seq:3}", "reset": "never"}}})).await;
        let first = made(&mut bed, "I").await;
        assert_eq!(first["number"], "K001");
        let erasure = ask(&bed.caller, "customer", id(&first)).await;
        work(&bed.gate).await;
        assert!(bed.all("customer").await.is_empty(), "{erasure}");
        // Another counter, of the same numbers.
        lay_down(&mut bed, json!({"settings": {"numbers": {"scope": "organisation"}}})).await;
        assert_eq!(number(&mut bed, "I").await, "K002");
        bed.end().await;
    }
}

fn customer(industry: &str) -> Customer {
    let mut members = json!({"name": "同批有限公司", "kind": "company", "industry": industry});
    let mut no_ids = Uuid::nil;
    let mut reader = Reader::new("CN", &mut no_ids);
    Customer::create(members.as_object_mut().unwrap(), &mut reader).unwrap()
}

#[tokio::test]
async fn a_batch_gives_no_number_twice_where_two_counters_come_to_the_same() {
    for mut bed in Bed::each(&json!({})).await {
        let codes = json!({"I": "X", "J": "X1"});
        let numbers = json!({"template": "{industry}{seq:1}", "reset": "never", "industry_codes": codes});
        lay_down(&mut bed, json!({"settings": {"numbers": numbers}})).await;
        let mut together: Vec<Customer> = (0..11).map(|_| customer("I")).chain([customer("J")]).collect();
        let given = bed.caller.write(async move |tx: &Tx<'_>| {
            give(tx, together.iter_mut().collect()).await?;
            Ok(together.into_iter().filter_map(|one| one.number).map(Line::into_string).collect::<Vec<_>>())
        });
        let given: Vec<String> = given.await.unwrap();
        let once: HashSet<&String> = given.iter().collect();
        assert_eq!((given.len(), once.len()), (12, 12), "{given:?}");
        assert!(given.contains(&"X11".to_owned()) && given.contains(&"X12".to_owned()), "{given:?}");
        bed.end().await;
    }
}

#[tokio::test]
async fn a_counter_goes_beyond_its_digits() {
    for mut bed in Bed::each(&json!({})).await {
        assert_eq!(number(&mut bed, "I").await, "2026-IT-001");
        let write = async |tx: &engine::Tx| {
            let many = tx.execute_unprepared("UPDATE counters SET last = 998 WHERE name LIKE 'customer:%'").await?;
            Ok(many.rows_affected())
        };
        assert_eq!(bed.gate.write_raw(write).await.unwrap(), 1);
        let given = [number(&mut bed, "I").await, number(&mut bed, "I").await, number(&mut bed, "I").await];
        assert_eq!(given, ["2026-IT-999", "2026-IT-1000", "2026-IT-1001"]);
        bed.end().await;
    }
}

#[tokio::test]
async fn the_year_of_a_number_is_the_organisations() {
    for mut bed in Bed::each(&json!({})).await {
        // The bed is at 20:06 of 18 November 2026 in Shanghai: this is New Year's Day there, six minutes past midnight,
        // and still the old year in London.
        let to_midnight = 4 + 43 * 24;
        bed.tick(to_midnight - 1);
        assert_eq!(number(&mut bed, "I").await, "2026-IT-001");
        bed.tick(1);
        assert_eq!(bed.gate.now().format("%Y").to_string(), "2026");
        assert_eq!(number(&mut bed, "I").await, "2027-IT-001", "a new year, a new counter");
        lay_down(&mut bed, json!({"time_zone": "Europe/London"})).await;
        assert_eq!(number(&mut bed, "I").await, "2026-IT-002", "the year of its own zone");
        bed.tick(8);
        assert_eq!(number(&mut bed, "I").await, "2027-IT-002");
        bed.end().await;
    }
}
