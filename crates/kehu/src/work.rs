//! `kehu work`

use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::SignalKind;

use crate::Failed;
use crate::config::Work;
use crate::logs;
use crate::open::{Opened, is_embedded, open_existing};
use crate::serve::{listen_to, stopped};

/// Runs jobs until a signal says stop.
pub(crate) fn run(work: &Work) -> Result<(), Failed> {
    logs::start(&work.log)?;
    if is_embedded(&work.data) {
        return Err(Failed::Configuration(
            "on SQLite the data folder belongs to one process: let `kehu serve` run the jobs (--job-slots), or use \
             PostgreSQL (--database-url)"
                .to_owned(),
        ));
    }
    if work.jobs.job_slots == 0 {
        return Err(Failed::Configuration(
            "--job-slots 0 leaves nothing to do for `kehu work`: give 1 or more".to_owned(),
        ));
    }
    actix_web::rt::System::new().block_on(until_stopped(work))
}

async fn until_stopped(work: &Work) -> Result<(), Failed> {
    let stop = (listen_to(SignalKind::terminate())?, listen_to(SignalKind::interrupt())?);
    let Opened { gate, .. } = open_existing(&work.data).await?;
    let kinds = kehu_jobs::built_in().context("schedules")?;
    // It serves nobody, so there is nothing to wait for.
    let jobs = kehu_jobs::start(&gate, kinds, work.jobs.options(Duration::ZERO)?);
    tracing::info!(slots = work.jobs.job_slots, "working");
    stopped(stop).await;
    tracing::info!("shutting down");
    jobs.end().await;
    gate.close().await;
    tracing::info!("stopped");
    Ok(())
}
