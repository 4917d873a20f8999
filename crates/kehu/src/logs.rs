//! JSON lines on standard error. JSON escapes line breaks, so nobody can forge a line.

use std::io;
use std::panic;

use tracing_subscriber::EnvFilter;

use crate::Failed;

/// What libraries say about themselves is for whoever asks for it.
const QUIET: &str = "actix_server=warn,actix_http=warn,sqlx=warn,sea_orm_migration=warn";

/// Starts logging, by a filter such as `info` or `info,kehu::access=warn`.
pub(crate) fn start(filter: &str) -> Result<(), Failed> {
    let wrong = |error| Failed::Configuration(format!("--log “{filter}” is no filter: {error}"));
    let filter = EnvFilter::builder().parse(format!("{QUIET},{filter}")).map_err(wrong)?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(io::stderr)
        // A line that cannot be written is lost. Told about on standard error, which is what cannot be written, it
        // would end in a panic: on a full disk every request would.
        .log_internal_errors(false)
        .with_env_filter(filter)
        .init();
    panic::set_hook(Box::new(panicked));
    Ok(())
}

/// Where it happened. The words only if they were written in the source: put together, they may hold a value.
fn panicked(info: &panic::PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let words = info.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not shown)");
    tracing::error!(place, words, "panic");
}
