//! `kehu serve`

use anyhow::Context;
use kehu_http::server::{Server, ServerOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Failed;
use crate::banner::Banner;
use crate::config::Serve;
use crate::logs;
use crate::open::{Opened, open};

/// Serves until a signal says stop.
pub(crate) fn run(serve: &Serve) -> Result<(), Failed> {
    logs::start(&serve.log)?;
    let options = serve.server()?;
    actix_web::rt::System::new().block_on(until_stopped(serve, options))
}

async fn until_stopped(serve: &Serve, options: ServerOptions) -> Result<(), Failed> {
    // From here on a signal ends the program in order.
    let stop = (listen_to(SignalKind::terminate())?, listen_to(SignalKind::interrupt())?);
    let Opened { gate, new_key } = open(&serve.data).await?;
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let server = Server::bind(options, gate).map_err(anyhow::Error::from)?;
    let banner = Banner {
        base: format!("{scheme}://{}", server.address()),
        metrics: server.metrics_address().map(|address| format!("http://{address}")),
        new_key: new_key.as_deref(),
        first: None,
    };
    banner.print();
    Ok(server.run(stopped(stop)).await.context("the server ended")?)
}

fn listen_to(kind: SignalKind) -> Result<Signal, Failed> {
    Ok(signal(kind).context("signals cannot be heard")?)
}

async fn stopped((mut terminate, mut interrupt): (Signal, Signal)) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
