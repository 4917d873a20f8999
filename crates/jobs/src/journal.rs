//! What the journal needs from time to time: closing what is new, dropping what is too old.

use std::time::Duration;

use kehu_store::journal::Keep;
use kehu_store::queue::{Priority, Run, Spec, Work};

pub(crate) static CLOSE: Spec = Spec::new("journal.close", 1);
/// Every minute: for so long the removal of an entry would not be seen.
pub(crate) const CLOSE_EVERY: &str = "* * * * *";

pub(crate) static KEEP: Spec =
    Spec::new("journal.keep", 1).priority(Priority::Low).within(Duration::from_secs(6 * 3600));
/// At night in most of Asia and Europe.
pub(crate) const KEEP_EVERY: &str = "43 19 * * *";

pub(crate) async fn close(work: Work) -> Run {
    let closed = work.caller().gate().close_journal().await?;
    tracing::debug!(closed, "closed the journal");
    Ok(None)
}

pub(crate) async fn keep(work: Work, keep: Keep) -> Run {
    let kept = work.caller().gate().keep_journal(keep).await?;
    tracing::debug!(?kept, "dropped what is too old of the journal");
    Ok(None)
}
