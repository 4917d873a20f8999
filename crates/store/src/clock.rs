//! Time and chance, passed in.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Where the time comes from: milliseconds since 1970.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// A clock over a function that gives milliseconds since 1970.
    #[must_use]
    pub fn new(millis: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(millis))
    }

    /// The machine's own clock.
    #[must_use]
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
        Self::new(|| Utc::now().timestamp_millis())
    }

    /// Now, in whole milliseconds.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis((self.0)()).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// A fresh id: UUIDv7 (RFC 9562) of that moment, random otherwise.
///
/// # Panics
/// Never: without random bytes the operating system gives an error, and the id is made of the time alone.
#[must_use]
pub fn new_id(now: DateTime<Utc>) -> Uuid {
    let mut random = [0_u8; 10];
    // A failing source of randomness shows at once in sealing, which every write does.
    let _ = getrandom::fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(now.timestamp_millis()).unwrap_or(0), &random).into_uuid()
}
