//! How much one server takes: requests of one address per minute, and requests at once. Counted per process: with
//! several servers each has its own.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// After so many questions, keys that are back at their full quota are forgotten.
const SWEEP_EVERY: usize = 20_000;

/// So many per minute and key, all of them at once if need be (GCRA).
pub struct PerMinute<K: Hash + Eq + Clone> {
    limit: NonZeroU32,
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>,
    clock: DefaultClock,
    asked: AtomicUsize,
}

/// What a key has left, as the headers `RateLimit-*` say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether this request is within the limit.
    pub allowed: bool,
    /// Requests per minute.
    pub limit: u32,
    /// How many more may come at once.
    pub remaining: u32,
    /// Allowed: seconds until the whole limit is there again. Refused: seconds until the next one is allowed.
    pub reset: u32,
}

impl<K: Hash + Eq + Clone> PerMinute<K> {
    /// So many per minute; `None` for 0, which is off.
    #[must_use]
    pub fn new(limit: u32) -> Option<Self> {
        let limit = NonZeroU32::new(limit)?;
        let limiter = RateLimiter::keyed(Quota::per_minute(limit)).with_middleware();
        Some(Self { limit, limiter, clock: DefaultClock::default(), asked: AtomicUsize::new(0) })
    }

    /// Counts one request of this key.
    pub fn ask(&self, key: &K) -> Standing {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let limit = self.limit.get();
        match self.limiter.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity().min(limit);
                let missing = u64::from(limit - remaining) * 60;
                let reset = u32::try_from(missing.div_ceil(u64::from(limit))).unwrap_or(60);
                Standing { allowed: true, limit, remaining, reset }
            }
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                let reset = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(60).max(1);
                Standing { allowed: false, limit, remaining: 0, reset }
            }
        }
    }
}

/// What counts as one address: an IPv4 address, and of IPv6 the first 64 bits, for a client has the rest to choose from.
#[must_use]
pub fn flood_key(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Requests that are being answered.
#[derive(Debug)]
pub struct InFlight {
    now: AtomicUsize,
    max: usize,
}

/// One request that is being answered; dropped when it is.
#[derive(Debug)]
pub struct Place<'a>(&'a InFlight);

impl InFlight {
    /// At most so many at once.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { now: AtomicUsize::new(0), max }
    }

    /// A place for one more; `None` when all are taken.
    pub fn enter(&self) -> Option<Place<'_>> {
        let place = Place(self);
        (self.now.fetch_add(1, Ordering::Relaxed) < self.max).then_some(place)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_own_limit() {
        let limits = PerMinute::new(3).unwrap();
        let first = limits.ask(&"a");
        assert_eq!((first.allowed, first.limit, first.remaining, first.reset), (true, 3, 2, 20));
        assert!(limits.ask(&"a").allowed && limits.ask(&"a").allowed);
        let refused = limits.ask(&"a");
        assert!(!refused.allowed && refused.remaining == 0 && (1..=20).contains(&refused.reset), "{refused:?}");
        assert!(limits.ask(&"b").allowed);
        assert!(PerMinute::<u8>::new(0).is_none());
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        let key = |text: &str| flood_key(text.parse().unwrap()).to_string();
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(key("10.0.0.1"), "10.0.0.1");
    }

    #[test]
    fn places_are_given_back() {
        let flight = InFlight::new(2);
        let (one, two) = (flight.enter().unwrap(), flight.enter().unwrap());
        assert!(flight.enter().is_none());
        assert_eq!(flight.count(), 2);
        drop(one);
        let three = flight.enter().unwrap();
        drop((two, three));
        assert_eq!(flight.count(), 0);
    }
}
