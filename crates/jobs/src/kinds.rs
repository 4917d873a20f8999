//! Which kinds of job a process knows, and when some of them run by themselves.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use kehu_store::custom_fields::{self, CHECKING, FILLING, run_check, run_fill, run_look};
use kehu_store::erasure::{self, ERASURE, TIDYING};
use kehu_store::journal::{Keep, VERIFICATION, verify_asked};
use kehu_store::keys::{RETIREMENT, ROTATION, retire_index, rotate};
use kehu_store::leaving::{HAND_OVER, hand_over};
use kehu_store::queue::{Run, Schedule, Spec, Work};
use kehu_store::{bulk, reviews, search, tagging};

use crate::{housekeeping, journal};

/// A schedule that cannot be: its pattern says no time, or nothing is done for its kind.
#[derive(Debug, thiserror::Error)]
#[error("the schedule of {name}: {reason}")]
pub struct PatternError {
    name: &'static str,
    reason: String,
}

/// Every hour: days begin at full and half hours, and quarters of some.
const REVIEWS_EVERY: &str = "1 * * * *";

/// Every hour: an older program that runs beside this one may leave documents as it knows them.
const SEARCH_EVERY: &str = "37 * * * *";

/// Every hour: a server of an older program beside this one may have made fields as it knows them.
const FIELDS_EVERY: &str = "41 * * * *";

type Running = Pin<Box<dyn Future<Output = Run>>>;
type Begin = Box<dyn Fn(Work) -> Running>;

/// Kinds of job, by name.
#[derive(Default)]
pub struct Kinds {
    /// For how long a run may last, and how it is begun.
    runs: HashMap<&'static str, (Duration, Begin)>,
    specs: Vec<&'static Spec>,
    schedules: Vec<Schedule>,
}

impl Kinds {
    /// One more kind, and what is done for a job of it. The future runs on the thread of all jobs: what computes for
    /// long belongs on a blocking thread. It asks `work.go_on()` between two steps, may be run again from the last
    /// checkpoint at any time, and may be dropped wherever it awaits.
    #[must_use]
    pub fn with<F, R>(mut self, spec: &'static Spec, run: F) -> Self
    where
        F: Fn(Work) -> R + 'static,
        R: Future<Output = Run> + 'static,
    {
        self.runs.insert(spec.name(), (spec.longest(), Box::new(move |work| Box::pin(run(work)))));
        self.specs.push(spec);
        self
    }

    /// A job of this kind whenever a pattern of five fields says so (minute, hour, day, month, weekday), in UTC: once
    /// for each period, however many servers there are.
    ///
    /// # Errors
    /// The pattern cannot be read, or nobody said what is done for the kind.
    pub fn every(mut self, spec: &'static Spec, pattern: &str) -> Result<Self, PatternError> {
        let wrong = |error: croner::errors::CronError| PatternError { name: spec.name(), reason: error.to_string() };
        if !self.runs.contains_key(spec.name()) {
            let reason = "nothing is done for this kind".to_owned();
            return Err(PatternError { name: spec.name(), reason });
        }
        let cron = Cron::from_str(pattern).map_err(wrong)?;
        let period = Box::new(move |now| cron.find_previous_occurrence(&now, true).ok());
        self.schedules.push(Schedule { spec, period });
        Ok(self)
    }

    pub(crate) fn specs(&self) -> &[&'static Spec] {
        &self.specs
    }

    pub(crate) fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    /// Begins a run, which may take so long.
    pub(crate) fn begin(&self, work: &Work) -> Option<(Running, Duration)> {
        self.runs.get(work.kind()).map(|(within, run)| (run(work.clone()), *within))
    }
}

/// The kinds of the program; the journal is kept for so long.
///
/// # Errors
/// A pattern cannot be read.
pub fn built_in(keep: Keep) -> Result<Kinds, PatternError> {
    Kinds::default()
        .with(&VERIFICATION, verify_asked)
        .with(&ROTATION, rotate)
        .with(&RETIREMENT, retire_index)
        .with(&ERASURE, erasure::run)
        .with(&TIDYING, erasure::tidy)
        .with(&HAND_OVER, hand_over)
        .with(&FILLING, run_fill)
        .with(&custom_fields::LOOK, run_look)
        .with(&CHECKING, run_check)
        .with(&tagging::MERGE, tagging::run)
        .with(&bulk::CHANGE, bulk::run)
        .with(&bulk::UNDO, bulk::run_undo)
        .with(&search::LOOK, search::look)
        .with(&search::FILLING, search::fill)
        .with(&reviews::END, reviews::end)
        .with(&reviews::LOOK, reviews::look)
        .with(&journal::CLOSE, journal::close)
        .with(&journal::KEEP, move |work| journal::keep(work, keep))
        .with(&housekeeping::KIND, housekeeping::run)
        .every(&journal::CLOSE, journal::CLOSE_EVERY)?
        .every(&journal::KEEP, journal::KEEP_EVERY)?
        .every(&housekeeping::KIND, housekeeping::EVERY)?
        .every(&search::LOOK, SEARCH_EVERY)?
        .every(&custom_fields::LOOK, FIELDS_EVERY)?
        .every(&reviews::LOOK, REVIEWS_EVERY)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    static KIND: Spec = Spec::new("test", 1);

    fn kinds() -> Kinds {
        Kinds::default().with(&KIND, async |_| Ok(None))
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_begins_at_its_minute_and_lasts_until_the_next() {
        let kinds = kinds().every(&KIND, "0 3 * * *").unwrap();
        let period = |now: &str| (kinds.schedules()[0].period)(at(now));
        assert_eq!(period("2026-11-26T03:00:00.000Z"), Some(at("2026-11-26T03:00:00Z")));
        assert_eq!(period("2026-11-26T23:59:59.999Z"), Some(at("2026-11-26T03:00:00Z")));
        assert_eq!(period("2026-11-27T02:59:59.999Z"), Some(at("2026-11-26T03:00:00Z")));
        let minutes = self::kinds().every(&KIND, "* * * * *").unwrap();
        assert_eq!((minutes.schedules()[0].period)(at("2026-11-26T03:07:59.900Z")), Some(at("2026-11-26T03:07:00Z")));
    }

    #[test]
    fn a_pattern_that_says_nothing_is_refused_with_its_kind() {
        let refused = kinds().every(&KIND, "61 * * * *").err().unwrap();
        assert!(refused.to_string().starts_with("the schedule of test: "), "{refused}");
        assert!(Kinds::default().every(&KIND, "0 3 * * *").is_err());
    }

    #[test]
    fn those_of_the_program_are_sound() {
        let kinds = built_in(Keep::days(1096).unwrap()).unwrap();
        assert_eq!((kinds.specs().len(), kinds.schedules().len()), (19, 6));
    }
}
