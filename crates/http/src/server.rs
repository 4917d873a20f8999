//! The server: its layers, its listeners, and its end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::{Server as Running, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::{App, Error, HttpServer, web};
use futures_util::future::{Either, select};
use kehu_outgoing::Outgoing;
use kehu_store::Gate;
use rustls::ServerConfig;

use crate::address::Forwarded;
use crate::cors::{self, Origin};
use crate::late::{self, Late};
use crate::state::{Limits, State};
use crate::{door, health, metrics, routes};

/// How long a connection may be idle before it is closed.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the head of a request may take to arrive.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How long a closing connection may take.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);
/// How long running requests may take to finish at the end, in seconds.
const FINISH_SECONDS: u64 = 30;
/// How often it is written which rights were used: so much of it is lost with a server that is killed.
const USES: Duration = Duration::from_secs(30);

/// What a server is started with.
pub struct ServerOptions {
    /// Where it listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// Certificate and key; plain HTTP without.
    pub tls: Option<ServerConfig>,
    /// Where figures are shown, plain HTTP.
    pub metrics_listen: Option<SocketAddr>,
    /// Origins whose pages may call.
    pub cors_origins: Vec<Origin>,
    /// Whom to believe about the client's address.
    pub forwarded: Forwarded,
    /// Whether it may ask servers that are not public, and by plain HTTP on this machine.
    pub private_targets: bool,
    /// How much it takes.
    pub limits: Limits,
    /// How long it goes on serving after it said that it is not ready any more.
    pub drain: Duration,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The figures cannot be set up.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// A server that listens.
pub struct Server {
    state: web::Data<State>,
    main: Running,
    listener: std::net::TcpListener,
    tls: bool,
    address: SocketAddr,
    figures: Option<(Running, SocketAddr)>,
    drain: Duration,
}

impl Server {
    /// Listens; requests are answered by [`run`](Self::run). Needs an actix runtime.
    ///
    /// # Errors
    /// An address that cannot be had.
    pub fn bind(options: ServerOptions, gate: Gate) -> Result<Self, StartError> {
        let ServerOptions { listen, tls, metrics_listen, cors_origins, forwarded, private_targets, limits, drain } =
            options;
        let state = State::new(gate, limits, forwarded, cors_origins.clone())?;
        let state = web::Data::new(state.asking(Outgoing::new(private_targets)));

        let shared = state.clone();
        let ending = state.ending.clone();
        let worker = move || {
            shared.ending.worker();
            app(shared.clone(), &cors_origins, routes)
        };
        let server = HttpServer::new(worker)
            .on_connect(move |_, data| drop(data.insert(ending.connection())))
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_DEADLINE)
            .client_disconnect_timeout(CLOSE_DEADLINE)
            .shutdown_timeout(FINISH_SECONDS)
            .disable_signals();
        let unheard = |source| StartError::Listen { address: listen, source };
        let listener = late::listen(listen).map_err(unheard)?;
        let (address, shared) = (listener.local_addr().map_err(unheard)?, listener.try_clone().map_err(unheard)?);
        let is_tls = tls.is_some();
        let server = match tls {
            Some(tls) => server.listen_rustls_0_23(shared, tls),
            None => server.listen(shared),
        };
        let server = server.map_err(unheard)?;

        let figures = metrics_listen.map(|listen| figures(state.clone(), listen)).transpose()?;
        Ok(Self { state, main: server.run(), listener, tls: is_tls, address, figures, drain })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where figures are shown.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.figures.as_ref().map(|(_, address)| *address)
    }

    /// Answers requests until `stop`, then ends. Readiness goes at once; requests are served a little longer, so that a
    /// load balancer notices, and each answer ends its connection. Then whoever connects is turned away with 503, idle
    /// connections are closed, running requests finish (30 s at most), the listener is closed; after `last`, which ends
    /// what else needs it, the database is closed.
    ///
    /// # Errors
    /// The server ended by itself.
    pub async fn run(self, stop: impl Future<Output = ()>, last: impl Future<Output = ()>) -> io::Result<()> {
        let Self { state, main, listener, tls, drain, figures, .. } = self;
        let handle = main.handle();
        let mut main = actix_web::rt::spawn(main);
        let figures = figures.map(|(server, _)| {
            let handle = server.handle();
            drop(actix_web::rt::spawn(server));
            handle
        });
        let uses = actix_web::rt::spawn(keep_uses(state.gate.clone()));
        let ended = match select(Box::pin(stop), &mut main).await {
            Either::Left(_) => {
                tracing::info!("shutting down");
                state.drain();
                tokio::time::sleep(drain).await;
                handle.pause().await;
                let late = Late::begin(listener, tls, state.clone());
                state.ending.settle().await;
                handle.stop(true).await;
                let ended = main.await;
                if let Err(error) = late.end().await {
                    tracing::warn!(%error, "not everybody was told of the end");
                }
                ended
            }
            Either::Right((ended, _)) => ended,
        };
        if let Some(figures) = figures {
            figures.stop(false).await;
        }
        last.await;
        uses.abort();
        state.gate.close().await;
        tracing::info!("stopped");
        ended.map_err(io::Error::other)?
    }
}

/// The layers, the outermost last: name and log, compress, CORS, limits; then the handlers.
fn app(
    state: web::Data<State>,
    cors_origins: &[Origin],
    routes: fn(&mut web::ServiceConfig),
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>,
> {
    App::new()
        .app_data(state)
        .configure(routes)
        .wrap(from_fn(door::admit))
        .wrap(Condition::new(!cors_origins.is_empty(), cors::configured(cors_origins)))
        .wrap(from_fn(cors::form_preflight))
        .wrap(Compress::default())
        .wrap(from_fn(door::outer))
}

/// Writes which rights were used, from time to time.
async fn keep_uses(gate: Gate) {
    loop {
        tokio::time::sleep(USES).await;
        if let Err(failure) = gate.keep_uses().await {
            tracing::warn!(cause = %failure, "which rights were used is not written; it is tried again");
        }
    }
}

/// Every address of the server.
fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/healthz").route(web::get().to(health::alive)).route(web::head().to(health::alive)))
        .service(web::resource("/readyz").route(web::get().to(health::ready)).route(web::head().to(health::ready)))
        .configure(routes::configure)
        .default_service(web::to(door::unknown));
}

/// The listener for figures: one thread, its own addresses, no limits.
fn figures(state: web::Data<State>, listen: SocketAddr) -> Result<(Running, SocketAddr), StartError> {
    let app = move || App::new().app_data(state.clone()).route("/metrics", web::get().to(metrics::show));
    let server = HttpServer::new(app).workers(1).disable_signals().bind(listen);
    let server = server.map_err(|source| StartError::Listen { address: listen, source })?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    Ok((server.run(), address))
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
