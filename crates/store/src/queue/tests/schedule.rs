use chrono::{DateTime, Duration, DurationRound, Utc};

use crate::clock::Clock;
use crate::gate::Gate;
use crate::org::INSTALLATION;
use crate::queue::schedule::fire_at;
use crate::queue::{Schedule, Spec, fire};

use super::bed::{Bed, KIND, on_both};

/// Every hour.
fn hourly() -> [Schedule; 1] {
    let period = |now: DateTime<Utc>| now.duration_trunc(Duration::hours(1)).ok();
    [Schedule { spec: &KIND, period: Box::new(period) }]
}

async fn fired(gate: &Gate, now: DateTime<Utc>) -> usize {
    fire_at(gate, &hourly(), now).await.unwrap().len()
}

/// Runs what waits; how many there were.
async fn done(bed: &Bed) -> usize {
    let works = bed.claim(1).await;
    for work in &works {
        assert_eq!(work.org_id(), INSTALLATION);
        work.settle(Ok(None)).await.unwrap();
    }
    works.len()
}

#[tokio::test]
async fn a_period_fires_once_however_many_servers_look_and_however_time_jumps() {
    on_both(0, async |bed: Bed| {
        let second = bed.second(Clock::new(|| 0)).await;
        let start: DateTime<Utc> = "2026-11-26T03:10:00Z".parse().unwrap();
        // Seconds: to the hour and a little behind it, back before it, on; past two hours, and the same again.
        let looks = [0, 60, 3000, 3020, 2970, 2999, 3040, 2981, 10_200, 10_230, 10_180, 11_000];
        let mut runs = 0;
        let mut periods = 0;
        for seconds in looks {
            let now = start + Duration::seconds(seconds);
            let (one, two) = tokio::join!(fired(&bed.gate, now), fired(&second, now));
            periods += one + two;
            runs += done(&bed).await;
        }
        // 3:00 at first, 4:00 when it is there, 6:00 for itself and the one that was missed.
        assert_eq!((periods, runs), (3, 3));
    })
    .await;
}

#[tokio::test]
async fn a_job_that_still_waits_is_not_asked_for_again() {
    on_both(0, async |bed: Bed| {
        let start: DateTime<Utc> = "2026-11-26T03:10:00Z".parse().unwrap();
        assert_eq!(fired(&bed.gate, start).await, 1);
        let next = start + Duration::hours(1);
        assert_eq!(fired(&bed.gate, next).await, 0);
        assert_eq!((done(&bed).await, done(&bed).await), (1, 0));
        // Its period is made up for.
        assert_eq!((fired(&bed.gate, next).await, fired(&bed.gate, next).await), (1, 0));
        assert_eq!((done(&bed).await, done(&bed).await), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_period_of_a_clock_that_ran_ahead_does_not_stop_a_schedule() {
    on_both(0, async |bed: Bed| {
        let start: DateTime<Utc> = "2026-11-26T03:10:00Z".parse().unwrap();
        for ahead in [Duration::days(400), Duration::hours(2)] {
            assert_eq!(fired(&bed.gate, start + ahead).await, 1);
            assert_eq!(done(&bed).await, 1);
            assert_eq!(fired(&bed.gate, start).await, 1);
            assert_eq!(fired(&bed.gate, start).await, 0);
            assert_eq!(done(&bed).await, 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_job_of_a_newer_version_does_not_stop_the_schedule_of_an_older_server() {
    static NEWER: Spec = Spec::new("test", 2);
    on_both(0, async |bed: Bed| {
        let start: DateTime<Utc> = "2026-11-26T03:10:00Z".parse().unwrap();
        let [Schedule { period, .. }] = hourly();
        let newer = [Schedule { spec: &NEWER, period }];
        assert_eq!(fire_at(&bed.gate, &newer, start).await.unwrap(), ["test"]);
        assert_eq!(done(&bed).await, 0);
        assert_eq!(fired(&bed.gate, start + Duration::hours(1)).await, 1);
        assert_eq!(done(&bed).await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_time_is_the_databases() {
    on_both(0, async |bed: Bed| {
        let second = bed.second(Clock::new(|| 0)).await;
        assert_eq!(fire(&second, &hourly()).await.unwrap(), ["test"]);
        assert_eq!(fire(&bed.gate, &hourly()).await.unwrap().len(), 0);
        assert_eq!(done(&bed).await, 1);
    })
    .await;
}
