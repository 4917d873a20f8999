//! That the log was read is itself journaled: by whom, and what was asked. Once for each question, user and hour on each
//! server: whoever follows the journal asks the same again and again, and would otherwise be told of nothing but itself.
//! Further pages are the same question.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::gate::Caller;
use crate::refusals;

use super::{Entry, Outcome};

/// Journals that an answer to a question was given, unless it was in this hour. Where that fails, the log has it and the
/// answer is given all the same: while the disk is full, reading goes on.
pub(super) async fn note(caller: &Caller, question: &Value) {
    let now = caller.gate().now();
    let asked = (caller.org().id, caller.principal().id(), Sha256::digest(question.to_string()).into());
    if caller.gate().readings().count(asked, now) > 1 {
        return;
    }
    let entry = Entry::access("audit.read", Outcome::Ok, None);
    refusals::write(caller, entry.saying(&json!({ "question": question }))).await;
}
