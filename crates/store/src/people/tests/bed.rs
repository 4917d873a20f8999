//! An installation with a database of its own, a clock that a test sets, and its end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::Clock;
use crate::crypto::kek::{LocalKeys, new_key_text};
use crate::engine::{EngineOptions, Place};
use crate::entities::journal;
use crate::failure::{Failure, SignInFailure};
use crate::gate::{Caller, Gate, GateOptions, HourlyLimits, RequestInfo, Verified};
use crate::machine::{WriteOptions, Written};
use crate::people::{Client, FirstAdmin, Founded, Password, SignIn, SignedIn, create_user};
use crate::test_databases;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// 2026-11-22T00:00:00Z.
const START: i64 = 1_795_305_600_000;

pub(crate) struct Bed {
    pub(crate) gate: Gate,
    clock: Arc<AtomicI64>,
    keys: Arc<LocalKeys>,
    options: EngineOptions,
}

/// Runs a test on SQLite and, if there is one, on PostgreSQL.
pub(crate) async fn on_both<F: Future<Output = ()>>(test: impl Fn(Bed) -> F) {
    for database in test_databases::each().await {
        test(Bed::open(database.options.clone()).await).await;
        database.end().await;
    }
}

impl Bed {
    async fn open(options: EngineOptions) -> Self {
        let clock = Arc::new(AtomicI64::new(START));
        let keys = Arc::new(LocalKeys::from_text(&new_key_text().unwrap()).unwrap());
        let gate = open(&options, &keys, &clock).await;
        Self { gate, clock, keys, options }
    }

    /// A second server on the same database.
    pub(crate) async fn second(&self) -> Gate {
        open(&self.options, &self.keys, &self.clock).await
    }

    /// Where its database is, if it is on PostgreSQL.
    pub(crate) fn postgres(&self) -> Option<sqlx::postgres::PgConnectOptions> {
        match &self.options.place {
            Place::Postgres(options) => Some((**options).clone()),
            Place::Sqlite(_) => None,
        }
    }

    /// The file of its database, if it is on SQLite.
    pub(crate) fn sqlite(&self) -> Option<&Path> {
        match &self.options.place {
            Place::Sqlite(file) => Some(file),
            Place::Postgres(_) => None,
        }
    }

    pub(crate) fn wait(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// The first organisation, with `admin@acme.test` and [`PASSWORD`].
    pub(crate) async fn first(&self) -> Founded {
        let email = Some("admin@acme.test".to_owned());
        let password = Some(Password::from(PASSWORD.to_owned()));
        self.gate.first_start(FirstAdmin { org_name: None, email, password }).await.unwrap().unwrap()
    }

    /// The administrator of the first organisation.
    pub(crate) async fn administrator(&self) -> Caller {
        self.first().await;
        let signed_in = self.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        self.caller(signed_in.verified).await.unwrap()
    }

    pub(crate) async fn caller(&self, verified: Verified) -> Result<Caller, Failure> {
        self.gate.user(verified, request("10.0.0.1")).await
    }

    pub(crate) async fn sign_in(&self, login: &str, password: &str) -> Result<SignedIn, Failure> {
        self.gate.sign_in(said(login, password), request("10.0.0.1")).await
    }

    /// How many entries of an event the journal has.
    pub(crate) async fn entries(&self, event: &str) -> usize {
        let rows = journal::Entity::find().all(self.gate.engine()).await.unwrap();
        rows.into_iter().filter(|row| row.event == event).count()
    }

    /// In whose journals an event stands, in order.
    pub(crate) async fn organisations_told(&self, event: &str) -> Vec<Uuid> {
        let rows = journal::Entity::find().order_by_asc(journal::Column::Seq).all(self.gate.engine()).await.unwrap();
        rows.into_iter().filter(|row| row.event == event).map(|row| row.org_id).collect()
    }
}

async fn open(options: &EngineOptions, keys: &Arc<LocalKeys>, clock: &Arc<AtomicI64>) -> Gate {
    let time = clock.clone();
    let clock = Clock::new(move || time.load(Ordering::Relaxed));
    Gate::open(GateOptions {
        files: crate::files::Files::of(std::path::Path::new("/nowhere")),
        place: options.clone(),
        keys: keys.clone(),
        clock,
        limits: HourlyLimits { reads: 2, reveals: 2 },
        seal_limit: crate::keys::SEAL_LIMIT,
    })
    .await
    .unwrap()
}

pub(crate) fn said(login: &str, password: &str) -> SignIn {
    SignIn {
        login: login.to_owned(),
        password: Password::from(password.to_owned()),
        new_password: None,
        organisation: None,
        otp: None,
        client: Client::Web,
        device_name: None,
        throttled: true,
    }
}

pub(crate) fn request(address: &str) -> RequestInfo {
    RequestInfo {
        request_id: "test".to_owned(),
        via: "api",
        address: Some(address.to_owned()),
        user_agent: Some("test".to_owned()),
        reason: None,
    }
}

pub(crate) fn sign_in_failure<T: std::fmt::Debug>(result: Result<T, Failure>) -> SignInFailure {
    match result.unwrap_err() {
        Failure::SignIn(failure) => failure,
        other => panic!("{other}"),
    }
}

/// The places and codes that a body was refused for.
pub(crate) fn findings<T: std::fmt::Debug>(result: Result<T, Failure>) -> Vec<(String, &'static str)> {
    match result.unwrap_err() {
        Failure::Refused(findings) => {
            findings.into_iter().map(|finding| (finding.pointer, finding.flaw.code.key)).collect()
        }
        other => panic!("{other}"),
    }
}

/// A user with [`PASSWORD`].
pub(crate) async fn make_user(caller: &Caller, email: &str, role: &str) -> Uuid {
    let body = json!({ "name": "王芳", "email": email, "role": role, "password": PASSWORD });
    let written = create_user(caller, body, &WriteOptions::default()).await.unwrap();
    assert!(json_of(&written).get("invitation").is_none());
    written.answer.id.unwrap()
}

pub(crate) fn json_of(written: &Written) -> Value {
    serde_json::from_str(&written.answer.body).unwrap()
}
