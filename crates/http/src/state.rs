//! What every handler of a server shares.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kehu_outgoing::Outgoing;
use kehu_store::Gate;
use uuid::Uuid;

use crate::address::Forwarded;
use crate::auth::Auth;
use crate::cors::Origin;
use crate::deprecated::{self, DEPRECATED, Deprecation};
use crate::ending::Ending;
use crate::limits::{InFlight, PerMinute};
use crate::metrics::Metrics;
use crate::oidc::Oidc;
use crate::openapi;

/// Limits that can be set. Those per minute are off at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one address per minute.
    pub requests: u32,
    /// Submissions of one address to one form per minute.
    pub submissions: u32,
    /// Attempts to sign in of one address per minute.
    pub sign_ins: u32,
    /// Requests that one server answers at once.
    pub in_flight: usize,
}

/// What every handler shares; `web::Data<State>` as an argument.
pub struct State {
    /// The door to data.
    pub gate: Gate,
    /// Limit on submissions, by [`flood_key`](crate::limits::flood_key) and form.
    pub submissions: Option<PerMinute<(IpAddr, Uuid)>>,
    /// Limit on attempts to sign in, by [`flood_key`](crate::limits::flood_key).
    pub sign_ins: Option<PerMinute<IpAddr>>,
    pub(crate) auth: Auth,
    /// Asks identity providers.
    pub(crate) oidc: Oidc,
    pub(crate) requests: Option<PerMinute<IpAddr>>,
    pub(crate) in_flight: InFlight,
    pub(crate) forwarded: Forwarded,
    /// Origins whose pages may call.
    pub(crate) origins: Vec<Origin>,
    pub(crate) metrics: Metrics,
    pub(crate) ending: Arc<Ending>,
    /// What answers of operations that will go say.
    pub(crate) deprecated: deprecated::Headers,
    draining: AtomicBool,
}

impl State {
    pub(crate) fn new(
        gate: Gate,
        limits: Limits,
        forwarded: Forwarded,
        origins: Vec<Origin>,
    ) -> Result<Self, prometheus::Error> {
        let Limits { requests, submissions, sign_ins, in_flight } = limits;
        let state = Self {
            gate,
            auth: Auth::new(),
            oidc: Oidc::new(Outgoing::new(false)),
            submissions: PerMinute::new(submissions),
            sign_ins: PerMinute::new(sign_ins),
            requests: PerMinute::new(requests),
            in_flight: InFlight::new(in_flight),
            forwarded,
            origins,
            metrics: Metrics::new()?,
            ending: Arc::new(Ending::new()),
            deprecated: deprecated::Headers::default(),
            draining: AtomicBool::new(false),
        };
        Ok(state.deprecating(DEPRECATED))
    }

    /// The same with these operations as those that will go.
    #[must_use]
    pub(crate) fn deprecating(self, list: &[Deprecation]) -> Self {
        Self { deprecated: deprecated::Headers::of(list, &openapi::operations()), ..self }
    }

    /// The same, which may ask targets that are not public.
    #[must_use]
    pub(crate) fn asking(self, outgoing: Outgoing) -> Self {
        Self { oidc: Oidc::new(outgoing), ..self }
    }

    /// Whether the server is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
