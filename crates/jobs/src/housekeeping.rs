//! Deleting what nobody needs any more.

use kehu_store::queue::{Priority, Run, Spec, Work};

pub(crate) static KIND: Spec = Spec::new("housekeeping", 1).priority(Priority::Low);

/// Every hour, away from the full one.
pub(crate) const EVERY: &str = "17 * * * *";

pub(crate) async fn run(work: Work) -> Run {
    let swept = work.caller().gate().sweep().await?;
    tracing::debug!(?swept, "swept");
    Ok(None)
}
