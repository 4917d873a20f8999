//! `kehu serve`

use anyhow::Context;
use kehu_http::server::{Server, ServerOptions};
use kehu_store::Gate;
use kehu_store::people::{FirstAdmin, Founded, Password};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Failed;
use crate::banner::Banner;
use crate::config::{FirstStart, Serve};
use crate::logs;
use crate::open::{Opened, open};
use crate::org::explain;

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
    let first = first_start(&gate, &serve.first).await?;
    let jobs = kehu_jobs::start(&gate);
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let server = Server::bind(options, gate).map_err(anyhow::Error::from)?;
    let banner = Banner {
        base: format!("{scheme}://{}", server.address()),
        metrics: server.metrics_address().map(|address| format!("http://{address}")),
        new_key: new_key.as_deref(),
        first: first
            .as_ref()
            .map(|first| (first.login.as_str(), first.generated_password.as_ref().map(Password::reveal))),
    };
    banner.print();
    drop(first);
    let ended = server.run(stopped(stop)).await.context("the server ended");
    jobs.stop();
    Ok(ended?)
}

/// Makes the first organisation and its administrator where there is none.
async fn first_start(gate: &Gate, first: &FirstStart) -> Result<Option<Founded>, Failed> {
    let admin = FirstAdmin {
        org_name: Some(first.org_name.clone()),
        email: first.admin_email.clone(),
        password: first.admin_password.clone().map(Password::from),
    };
    gate.first_start(admin).await.map_err(|failure| explain(&failure, "the first start"))
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
