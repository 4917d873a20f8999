//! What was said to made-up customers, and what is due: some of it in the past.

use chrono::{DateTime, Duration, DurationRound, Utc};
use kehu_domain::fields::format_time;
use serde_json::{Value, json};

use super::made_up::Random;
use super::words::{ACTIVE, DORMANT, LOST, PARTNER, POTENTIAL, Talk};

/// A customer that was made.
pub(super) struct Known {
    /// Its id.
    pub(super) id: String,
    /// Its stage.
    pub(super) stage: String,
    /// The first of its contacts.
    pub(super) contact: Option<String>,
}

/// Follow-ups of every customer, the oldest of each first, as a client would post them at that time.
pub(super) fn all(customers: &[Known], now: DateTime<Utc>) -> Vec<Value> {
    let mut random = Random::new(1949);
    customers.iter().flat_map(|customer| of_one(&mut random, customer, now)).collect()
}

/// What is said in a stage, how often, and how many days ago the last time was.
fn habits(random: &mut Random, stage: &str) -> (&'static [Talk], u64, u64) {
    match stage {
        "active" => (ACTIVE, 2 + random.below(4), 1 + random.below(45)),
        "dormant" => (DORMANT, 1 + random.below(3), 90 + random.below(110)),
        "lost" => (LOST, 1 + random.below(3), 60 + random.below(180)),
        "partner" => (PARTNER, 2 + random.below(2), 1 + random.below(40)),
        _ => (POTENTIAL, random.below(4), 1 + random.below(30)),
    }
}

fn of_one(random: &mut Random, customer: &Known, now: DateTime<Utc>) -> Vec<Value> {
    let (talks, count, last) = habits(random, &customer.stage);
    let count = usize::try_from(count).unwrap_or(0).min(talks.len());
    let mut days = i64::try_from(last).unwrap_or(1);
    let mut times = vec![];
    for _ in 0..count {
        times.push(working_hour(random, now, -days));
        days += 7 + i64::try_from(random.below(18)).unwrap_or(0);
    }
    times.reverse();
    let mut made = Vec::with_capacity(count);
    for (at, (happened, (kind, summary, next))) in times.iter().zip(talks).enumerate() {
        // What came next was due when it happened; the last one is due around now.
        let due = times.get(at + 1).copied().unwrap_or_else(|| {
            let days = i64::try_from(random.below(36)).unwrap_or(0) - 8;
            working_hour(random, now, days).max(*happened + Duration::days(1))
        });
        let open = !next.is_empty();
        made.push(json!({
            "customer_id": customer.id, "contact_id": customer.contact, "kind": kind, "summary": summary,
            "happened_at": format_time(*happened), "next_step": open.then_some(next),
            "next_due_at": open.then(|| format_time(due)),
        }));
    }
    made
}

/// Some time between nine and six in China, so many days from now.
fn working_hour(random: &mut Random, now: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    let midnight = now.duration_trunc(Duration::days(1)).unwrap_or(now);
    let minutes = 60 + i64::try_from(random.below(18)).unwrap_or(0) * 30;
    midnight + Duration::days(days) + Duration::minutes(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_is_never_in_the_future_and_some_are_overdue() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_000).unwrap();
        let stages = ["potential", "active", "dormant", "lost", "partner"];
        let known = |at: usize| Known { id: at.to_string(), stage: stages[at % 5].to_owned(), contact: None };
        let customers: Vec<Known> = (0..250).map(known).collect();
        let made = all(&customers, now);
        assert!(made.len() > 300, "{}", made.len());
        let now = format_time(now);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        assert!(made.iter().all(|one| text(&one["happened_at"]).unwrap() < now));
        let due: Vec<String> = made.iter().filter_map(|one| text(&one["next_due_at"])).collect();
        assert!(due.iter().any(|due| *due < now) && due.iter().any(|due| *due > now));
        let in_order =
            |one: &Value| text(&one["next_due_at"]).is_none_or(|due| due > text(&one["happened_at"]).unwrap());
        assert!(made.iter().all(in_order));
    }
}
