//! How a run ends, and what becomes of the job.

use std::fmt;
use std::time::Duration;

use kehu_domain::flaw::Lang;
use serde_json::Value;

use crate::failure::Failure;

/// First pause after a failure; it doubles with every attempt.
const PAUSE: Duration = Duration::from_secs(2);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(3600);

/// Why a run ended before the job was done.
#[derive(Clone, PartialEq, Eq)]
pub enum Ended {
    /// It failed, and may work another time: it is tried again after a pause, as often as its kind allows.
    Failed {
        /// What programs compare; no personal data.
        code: &'static str,
        /// What people read; it is sealed.
        detail: String,
    },
    /// It failed, and would fail again.
    Final {
        /// What programs compare; no personal data.
        code: &'static str,
        /// What people read; it is sealed.
        detail: String,
    },
    /// Somebody took it back.
    Cancelled,
    /// The server is about to end; another one goes on.
    Stopped,
    /// Another server has it now.
    Lost,
}

impl fmt::Debug for Ended {
    /// Without the detail, which may hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { code, .. } => write!(f, "Failed({code})"),
            Self::Final { code, .. } => write!(f, "Final({code})"),
            Self::Cancelled => f.write_str("Cancelled"),
            Self::Stopped => f.write_str("Stopped"),
            Self::Lost => f.write_str("Lost"),
        }
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        let detail = failure.to_string();
        let failed = |code| Self::Failed { code, detail: detail.clone() };
        match failure {
            Failure::LeaseLost => Self::Lost,
            Failure::Refused(findings) => {
                let found = findings.iter().map(|found| format!("{}: {}", found.pointer, found.flaw.message(Lang::En)));
                Self::Final { code: "refused", detail: found.collect::<Vec<_>>().join(" ") }
            }
            Failure::BadQuestion(found) => {
                Self::Final { code: "refused", detail: format!("{}: {}", found.pointer, found.flaw.message(Lang::En)) }
            }
            // Another time it may be otherwise.
            Failure::Conflict(_) | Failure::KeyBusy => failed("conflict"),
            Failure::Limited(_) | Failure::RevealLimited(_) | Failure::CompareLimited(_) => failed("limited"),
            Failure::Overloaded(_) => failed("overloaded"),
            Failure::FormPaused => failed("form_paused"),
            Failure::TooLarge(_) => Self::Final { code: "too_large", detail },
            Failure::FileAway(_) => failed("file_away"),
            Failure::TooExpensive { .. }
            | Failure::FileTooLarge(_)
            | Failure::FileTypeRefused { .. }
            | Failure::NotFound
            | Failure::Forbidden
            | Failure::RightMissing(_)
            | Failure::Duplicate(_)
            | Failure::Exists(_)
            | Failure::KeyReused
            | Failure::RefusedBefore
            | Failure::ReferenceFailed(_)
            | Failure::NotUndoable
            | Failure::IdTaken
            | Failure::MadeBefore(_)
            | Failure::MatchesSeveral(_)
            | Failure::Rehearsed(_)
            | Failure::SignIn(_)
            | Failure::SecondFactor(_)
            | Failure::JobEnded
            | Failure::JobNotDead
            | Failure::MergingElsewhere(_)
            | Failure::SegmentUsed(_)
            | Failure::ReviewClosed => Self::Final { code: "refused", detail },
            Failure::Engine(_) => inside("database", &detail),
            Failure::Unreadable(_) | Failure::Sealing(_) | Failure::Internal(_) => inside("internal", &detail),
        }
    }
}

/// What went wrong inside is for operators: whoever asked for the job is not shown it.
fn inside(code: &'static str, cause: &str) -> Ended {
    tracing::error!(code, cause, "the store failed a job");
    Ended::Failed { code, detail: "Something went wrong inside. The log has the cause.".to_owned() }
}

/// What is written of a job that a server lets go of.
#[derive(Clone, PartialEq)]
pub(crate) enum End {
    /// Done, with what came out of it.
    Done(Option<Value>),
    /// Taken back.
    Cancelled,
    /// Failed for good.
    Dead { code: &'static str, detail: String },
    /// Failed; once more after a pause.
    Again { pause: Duration, code: &'static str, detail: String },
    /// Given back as if it had not been begun.
    Back,
}

/// The pause after so many attempts: 2 s, 4 s, 8 s … an hour, half of it more or less by chance, so that what failed
/// together does not come back together.
pub(super) fn pause(attempts: i64, chance: u16) -> Duration {
    let doubled = u32::try_from(attempts.saturating_sub(1).clamp(0, 20)).unwrap_or_default();
    let pause = PAUSE.saturating_mul(1 << doubled).min(LONGEST);
    pause / 2 + pause.mul_f64(f64::from(chance) / f64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_scatter_by_half() {
        let seconds = |attempts, chance| pause(attempts, chance).as_secs_f64().round();
        assert_eq!((seconds(1, 0), seconds(1, u16::MAX)), (1.0, 3.0));
        assert_eq!((seconds(4, 0), seconds(4, u16::MAX)), (8.0, 24.0));
        assert_eq!((seconds(99, 0), seconds(99, u16::MAX)), (1800.0, 5400.0));
    }

    #[test]
    fn what_went_wrong_inside_is_not_told_and_what_may_go_another_time_is_tried_again() {
        let ended = Ended::from(Failure::Sealing("13800138000".to_owned()));
        let Ended::Failed { code: "internal", detail } = &ended else { panic!("{ended:?}") };
        assert!(!detail.contains("138"), "{detail}");
        let again = [Failure::Conflict(Vec::new()), Failure::Limited(9), Failure::FormPaused];
        assert!(again.map(Ended::from).iter().all(|ended| matches!(ended, Ended::Failed { .. })));
        assert!(matches!(Ended::from(Failure::NotFound), Ended::Final { code: "refused", .. }));
        let told = Ended::Final { code: "wrong", detail: "13800138000".to_owned() };
        assert_eq!(format!("{told:?}"), "Final(wrong)");
    }
}
