//! How often each root has sealed: counted in memory, added to its row now and then. A nonce of 96 random bits is good
//! for 2^32 cells under one key; at half of that a root is replaced, so a count that a crash took with it does no harm.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Cells under one root at which it is replaced.
pub const SEAL_LIMIT: u64 = 1 << 31;

/// At the latest after so many milliseconds, counts are added to the rows.
const OFTEN: i64 = 60_000;
/// And as soon as this part of the limit was sealed.
const PART: u64 = 16;

/// Counts that are not in the rows yet.
pub(crate) struct SealCounts {
    limit: u64,
    counts: Mutex<HashMap<(Uuid, u32), Arc<AtomicU64>>>,
    noted: AtomicI64,
    noting: AtomicBool,
}

impl SealCounts {
    pub(crate) fn new(limit: u64) -> Self {
        let (noted, noting) = (AtomicI64::new(i64::MIN), AtomicBool::new(false));
        Self { limit: limit.max(1), counts: Mutex::default(), noted, noting }
    }

    /// The limit.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// The count of a root, for its ring.
    pub(crate) fn of(&self, org: Uuid, root: u32) -> Arc<AtomicU64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.entry((org, root)).or_default().clone()
    }

    /// Whether it is time to add the counts to the rows, after a write under that root: for one of those who ask.
    pub(crate) fn is_time(&self, sealed: u64, now: DateTime<Utc>) -> bool {
        let now = now.timestamp_millis();
        let first = self.noted.compare_exchange(i64::MIN, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        let long_ago = !first && now.saturating_sub(self.noted.load(Ordering::Relaxed)).abs() >= OFTEN;
        let due = long_ago || sealed >= (self.limit / PART).max(1);
        if !due || self.noting.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.noted.store(now, Ordering::Relaxed);
        true
    }

    /// The counts are in the rows, or will be the next time.
    pub(crate) fn done(&self) {
        self.noting.store(false, Ordering::Relaxed);
    }

    /// Takes what is not in the rows yet.
    pub(crate) fn take(&self) -> Vec<((Uuid, u32), u64)> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = counts.iter().map(|(root, count)| (*root, count.swap(0, Ordering::Relaxed)));
        let taken: Vec<_> = taken.filter(|(_, many)| *many > 0).collect();
        // Nobody's ring counts there any more.
        counts.retain(|_, count| Arc::strong_count(count) > 1);
        taken
    }

    /// Gives back what could not be added.
    pub(crate) fn give_back(&self, (org, root): (Uuid, u32), many: u64) {
        self.of(org, root).fetch_add(many, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: Uuid = Uuid::from_u128(1);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn counts_are_noted_each_minute_and_near_the_limit_by_one_of_those_who_ask() {
        let counts = SealCounts::new(1600);
        assert!(!counts.is_time(1, at(0)));
        assert!(!counts.is_time(99, at(59)));
        assert!(counts.is_time(1, at(60)));
        assert!(!counts.is_time(1, at(120)), "another one is at it");
        counts.done();
        assert!(!counts.is_time(1, at(119)));
        assert!(counts.is_time(100, at(119)));
    }

    #[test]
    fn what_is_taken_is_counted_once_and_may_be_given_back() {
        let counts = SealCounts::new(SEAL_LIMIT);
        let ring = counts.of(ORG, 1);
        ring.fetch_add(5, Ordering::Relaxed);
        assert!(Arc::ptr_eq(&ring, &counts.of(ORG, 1)));
        assert_eq!(counts.take(), [((ORG, 1), 5)]);
        assert_eq!(counts.take(), []);
        counts.give_back((ORG, 1), 5);
        drop(ring);
        assert_eq!(counts.take(), [((ORG, 1), 5)]);
        assert!(counts.counts.lock().unwrap().is_empty());
    }
}
