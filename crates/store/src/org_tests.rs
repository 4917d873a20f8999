//! What an organisation is loaded from may be broken.

use kehu_domain::kinds::Severity;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::dialect::statement;
use crate::engine;
use crate::intake::tests::bed::{Bed, id};

use super::*;

async fn spoil(bed: &Bed, rule: &Value, column: &'static str) {
    let (sql, rule) = (format!("UPDATE entry_rules SET {column} = ? WHERE id = ?"), id(rule));
    let values: [sea_orm::Value; 2] = [r#"{"type": "naming", "min_length": null}"#.into(), rule.into()];
    let write = async move |tx: &engine::Tx| Ok(tx.execute_raw(statement(tx, &sql, values)).await?.rows_affected());
    assert_eq!(bed.gate.write_raw(write).await.unwrap(), 1);
}

#[tokio::test]
async fn a_rule_that_cannot_be_read_leaves_the_organisation_and_the_other_rules_alone() {
    for mut bed in Bed::each(&json!({})).await {
        let rule = |field: &str| json!({"kind": "customer", "field": field, "check": {"type": "required"}, "severity": "warn"});
        let (broken, other) =
            (bed.make("entry_rule", rule("remark")).await, bed.make("entry_rule", rule("address")).await);
        let third = bed.make("entry_rule", rule("grade")).await;
        spoil(&bed, &broken, "check_body").await;
        spoil(&bed, &third, "severity").await;
        // As another server would.
        let orgs = Orgs::new(Clock::system());
        let org = orgs.get(bed.gate.engine(), bed.caller.org().id).await.unwrap();
        let rules: Vec<Uuid> = org.entry_rules["customer"].iter().map(|rule| rule.id).collect();
        assert_eq!(rules, [id(&other)]);
        assert_eq!(org.entry_rules["customer"][0].rule.severity, Severity::Warn);
        bed.end().await;
    }
}
