//! Sign-ins with a name that nobody has, or that several organisations have (the first administrator's): nobody knows
//! which one is meant. They belong to no organisation but to the installation, and anybody may make as many as the
//! throttle lets pass: its journal is told of every tenth, hundredth, thousandth … from one address in an hour, on each
//! server. The name is not kept, not even sealed: people type passwords where names go.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::gate::Gate;
use crate::journal::{Entry, Outcome};

use super::throttle::Pair;

/// Fewer are no news.
const FIRST_TOLD: u32 = 10;

/// The entry about one more, where the journal is told.
pub(super) fn entry(
    gate: &Gate,
    event: &'static str,
    outcome: Outcome,
    pair: &Pair,
    now: DateTime<Utc>,
) -> Option<Entry> {
    let attempts = gate.sign_ins().count((event, pair.address().to_vec()), now);
    let told = attempts >= FIRST_TOLD && attempts == 10_u32.pow(attempts.ilog10());
    let entry = || Entry::security(event, outcome, None);
    told.then(|| entry().saying(&json!({ "attempts": attempts })))
}
