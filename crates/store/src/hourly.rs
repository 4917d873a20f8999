//! Counts that begin anew every hour, of one server, in memory. They keep what is written down from growing with what
//! somebody tries: a count in the database would itself be a write for every try. Several servers each count for
//! themselves.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;

/// The most counts at once.
const MOST: u64 = 100_000;
/// How long one is kept: an hour that is over asks for nothing.
const KEPT: Duration = Duration::from_secs(3600);

/// Counts by key.
pub(crate) struct Hourly<K>(Cache<(K, i64), Arc<AtomicU32>>);

impl<K: Hash + Eq + Send + Sync + 'static> Default for Hourly<K> {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(KEPT).build())
    }
}

impl<K: Hash + Eq + Send + Sync + 'static> Hourly<K> {
    /// Counts one more; how many there were in this hour, with it.
    pub(crate) fn count(&self, key: K, now: DateTime<Utc>) -> u32 {
        let hour = now.timestamp().div_euclid(3600);
        let count = self.0.get_with((key, hour), Arc::default);
        count.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_every_hour_counts_by_itself() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let counts = Hourly::default();
        assert_eq!((counts.count("a", at(0)), counts.count("a", at(3599))), (1, 2));
        assert_eq!(counts.count("b", at(10)), 1);
        assert_eq!(counts.count("a", at(3600)), 1);
    }
}
