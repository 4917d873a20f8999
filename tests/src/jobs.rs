//! Waiting for jobs.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::Session;

impl Session {
    /// The job at an address once it has ended, however it did.
    ///
    /// # Panics
    /// When it has not after so many seconds.
    #[must_use]
    #[track_caller]
    pub fn ended(&self, path: &str, seconds: u64) -> Value {
        let begun = Instant::now();
        loop {
            let job = self.get(path).expect(200).json();
            if !matches!(state_of(&job), "queued" | "running") {
                return job;
            }
            assert!(begun.elapsed() < Duration::from_secs(seconds), "{path} has not ended: {job}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The job at an address once it is done.
    ///
    /// # Panics
    /// When it is not after so many seconds, or ended otherwise.
    #[must_use]
    #[track_caller]
    pub fn done(&self, path: &str, seconds: u64) -> Value {
        let job = self.ended(path, seconds);
        assert_eq!(state_of(&job), "done", "{job}");
        job
    }
}

fn state_of(job: &Value) -> &str {
    job.get("state").and_then(Value::as_str).unwrap_or_default()
}
