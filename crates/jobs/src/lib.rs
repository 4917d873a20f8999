//! What runs by itself: housekeeping now, and whatever acts later without being asked. Jobs act through the same gate as
//! a handler.

use std::time::Duration;

use kehu_store::Gate;
use tokio::task::JoinHandle;

/// How often what nobody needs any more is deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// How long after a start the first time is: starting is for serving.
const SWEEP_FIRST: Duration = Duration::from_secs(60);

/// The jobs of one server.
pub struct Jobs {
    sweeping: JoinHandle<()>,
}

/// Starts the jobs on the current runtime's thread.
#[must_use]
pub fn start(gate: &Gate) -> Jobs {
    let gate = gate.clone();
    Jobs { sweeping: tokio::task::spawn_local(sweep(gate)) }
}

impl Jobs {
    /// Ends the jobs where they wait; a transaction that runs is the database's to finish or undo.
    pub fn stop(self) {
        self.sweeping.abort();
    }
}

async fn sweep(gate: Gate) {
    tokio::time::sleep(SWEEP_FIRST).await;
    loop {
        match gate.sweep().await {
            Ok(swept) => tracing::debug!(?swept, "swept"),
            Err(failure) => tracing::warn!(cause = %failure, "sweeping failed; it is tried again in an hour"),
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}
