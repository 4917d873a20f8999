//! Reviews of quarters, and duties that are kept apart.

use chrono::{DateTime, Utc};
use kehu_domain::rights::Rights;
use kehu_domain::settings::{AccessReviews, Settings};
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::json;
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine;
use crate::entities::{access_review, job};
use crate::failure::Failure;
use crate::gate::{Caller, Gate, Principal, RequestInfo};
use crate::queue::tests::bed::{Bed, on_both};

use super::schedule::{end_overdue, open_quarters};
use super::{Decision, NewReview, Word, decide, open};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

async fn lay_down(gate: &Gate, org: Uuid, settings: Settings) {
    let set = gate.write_raw(async move |db: &engine::Tx| {
        let sql = "UPDATE organisations SET settings = ?, state = state + 1 WHERE id = ?";
        db.execute_raw(statement(db, sql, [settings.to_stored().into(), org.into()])).await?;
        Ok(())
    });
    set.await.unwrap();
    gate.forget_org(org);
}

async fn reviews(gate: &Gate) -> Vec<access_review::Model> {
    access_review::Entity::find().all(gate.engine()).await.unwrap()
}

#[tokio::test]
async fn a_quarter_is_reviewed_once_where_the_organisation_wants_it() {
    on_both(2, async |bed: Bed| {
        let gate = &bed.gate;
        let quarterly = AccessReviews { quarterly: true, days: 10, revoke_unanswered: true };
        let org = bed.callers[1].org().id;
        lay_down(gate, org, Settings { access_reviews: quarterly, ..Settings::default() }).await;
        // In Shanghai the quarter begins eight hours earlier than in UTC.
        assert_eq!(open_quarters(gate, at("2026-12-31T15:59:59Z")).await.unwrap(), 0);
        let (one, other) = (gate.clone(), bed.second(crate::clock::Clock::system()).await);
        let begins = at("2026-12-31T16:00:00Z");
        let (one, other) = tokio::join!(open_quarters(&one, begins), open_quarters(&other, begins));
        assert_eq!(one.unwrap() + other.unwrap(), 1, "once, however many servers look");
        assert_eq!(open_quarters(gate, at("2027-01-03T00:00:00Z")).await.unwrap(), 0);
        let known = reviews(gate).await;
        assert_eq!((known.len(), known[0].org_id, known[0].period.as_deref()), (1, org, Some("2027-Q1")));
        assert_eq!((known[0].opened_by, (known[0].due_at - known[0].opened_at).num_days()), (None, 10));
        // Whoever wants it from the middle of a quarter on begins with the next one.
        lay_down(
            gate,
            bed.callers[0].org().id,
            Settings {
                access_reviews: AccessReviews { quarterly: true, ..AccessReviews::default() },
                ..Settings::default()
            },
        )
        .await;
        assert_eq!(open_quarters(gate, at("2027-02-10T00:00:00Z")).await.unwrap(), 0);
        assert_eq!(open_quarters(gate, at("2027-04-02T00:00:00Z")).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_review_whose_job_was_taken_back_is_ended_all_the_same() {
    on_both(1, async |bed: Bed| {
        let new = NewReview { revoke_unanswered: true, ..NewReview::default() };
        super::open::opened(&bed.callers[0], new, None).await.unwrap();
        let due = reviews(&bed.gate).await[0].due_at;
        let jobs = async || job::Entity::find().all(bed.gate.engine()).await.unwrap().len();
        assert_eq!(jobs().await, 1);
        assert_eq!(end_overdue(&bed.gate, due).await.unwrap(), 1);
        assert_eq!(jobs().await, 1, "the one that waits is enough");
        let gone = bed.gate.write_raw(async move |db: &engine::Tx| {
            db.execute_raw(statement(db, "UPDATE jobs SET state = 'cancelled'", [])).await?;
            Ok(())
        });
        gone.await.unwrap();
        assert_eq!(end_overdue(&bed.gate, due - chrono::Duration::seconds(1)).await.unwrap(), 0);
        assert_eq!(end_overdue(&bed.gate, due).await.unwrap(), 1);
        assert_eq!(jobs().await, 2);
    })
    .await;
}

/// A user who grants rights.
async fn granting(bed: &Bed, id: Uuid) -> Caller {
    let org = bed.gate.org(bed.callers[0].org().id).await.unwrap();
    let principal = Principal::User { id, session: Uuid::nil() };
    let rights = Rights::of("security_admin");
    bed.gate.caller(org, principal, rights, Vec::new(), RequestInfo::default()).await.unwrap()
}

#[tokio::test]
async fn nobody_decides_on_himself_where_duties_are_kept_apart() {
    on_both(1, async |bed: Bed| {
        let made = json!({"name": "安全员", "user_name": "guard", "role": "security_admin"});
        let options = crate::machine::WriteOptions::default();
        let made = crate::people::create_user(&bed.callers[0], made, &options);
        let id = made.await.unwrap().answer.id.unwrap();
        let own = granting(&bed, id).await;
        let review = open(&own, NewReview::default()).await.unwrap().id.unwrap();
        let confirm = || Decision { word: Word::Confirm, change: json!({}), reason: None };
        decide(&own, review, id, confirm()).await.unwrap();
        let apart = Settings { separation_of_duties: true, ..Settings::default() };
        lay_down(&bed.gate, bed.callers[0].org().id, apart).await;
        let refused = decide(&granting(&bed, id).await, review, id, confirm()).await.unwrap_err();
        let Failure::Refused(found) = refused else { panic!("{refused:?}") };
        assert_eq!((found[0].pointer.as_str(), found[0].flaw.code.key), ("/decision", "own_rights"));
    })
    .await;
}
