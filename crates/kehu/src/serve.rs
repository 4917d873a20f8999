//! `kehu serve`

use std::time::Duration;

use anyhow::Context;
use kehu_http::server::{Server, ServerOptions};
use kehu_store::Gate;
use kehu_store::people::{FirstAdmin, Founded, Password};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Failed;
use crate::banner::Banner;
use crate::config::{FirstStart, Serve, said};
use crate::demo::{self, Filled};
use crate::logs;
use crate::open::{Opened, open_to_serve};
use crate::org::explain;

/// What the first organisation begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Its administrator.
    Empty,
    /// Made-up people and customers.
    Demo,
}

/// Serves until a signal says stop.
pub(crate) fn run(serve: &Serve, content: Content) -> Result<(), Failed> {
    logs::start(&serve.log)?;
    let options = serve.server()?;
    actix_web::rt::System::new().block_on(until_stopped(serve, options, content))
}

async fn until_stopped(serve: &Serve, options: ServerOptions, content: Content) -> Result<(), Failed> {
    // From here on a signal ends the program in order.
    let stop = (listen_to(SignalKind::terminate())?, listen_to(SignalKind::interrupt())?);
    let Opened { gate, new_key, alone: _alone } = open_to_serve(&serve.data).await?;
    let first = first_start(&gate, &serve.first).await?;
    let filled = match &first {
        Some(first) if content == Content::Demo => Some(fill(&gate, first, &serve.first).await?),
        _ => None,
    };
    let kinds = kehu_jobs::built_in().context("schedules")?;
    let jobs = kehu_jobs::start(&gate, kinds, serve.jobs.options(Duration::from_secs(60))?);
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
    if let Some(filled) = filled {
        // Serving goes on when nobody listens to it.
        let _ = filled.tell(&banner.base, &mut std::io::stdout().lock());
    }
    drop(first);
    let stopper = jobs.stopper();
    let stopped = async {
        stopped(stop).await;
        stopper.stop();
    };
    Ok(server.run(stopped, jobs.end()).await.context("the server ended")?)
}

/// Makes the first organisation and its administrator where there is none.
async fn first_start(gate: &Gate, first: &FirstStart) -> Result<Option<Founded>, Failed> {
    let admin = FirstAdmin {
        org_name: said(Some(&first.org_name)),
        email: said(first.admin_email.as_ref()),
        password: first.admin_password.clone().map(Password::from),
    };
    gate.first_start(admin).await.map_err(|failure| explain(&failure, "the first start"))
}

/// Fills the organisation that was made just now.
async fn fill(gate: &Gate, founded: &Founded, first: &FirstStart) -> Result<Filled, Failed> {
    let configured = || first.admin_password.clone().map(Password::from);
    let password = founded.generated_password.clone().or_else(configured).context("nobody knows the password")?;
    demo::fill(gate, &founded.login, &password).await.map_err(|failure| explain(&failure, "the demo"))
}

pub(crate) fn listen_to(kind: SignalKind) -> Result<Signal, Failed> {
    Ok(signal(kind).context("signals cannot be heard")?)
}

pub(crate) async fn stopped((mut terminate, mut interrupt): (Signal, Signal)) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
