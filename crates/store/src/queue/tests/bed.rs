//! An installation of several organisations, with a database of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::Clock;
use crate::crypto::kek::LocalKeys;
use crate::dialect::{after, statement};
use crate::engine::{self, EngineOptions};
use crate::entities::{job, journal};
use crate::gate::{Caller, Gate, GateOptions, HourlyLimits, RequestInfo};
use crate::ops::installation;
use crate::queue::{Claims, NewJob, Priority, Spec, Work, enqueue};
use crate::test_databases;

pub(super) static KIND: Spec = Spec::new("test", 1).attempts(3);
pub(super) static URGENT: Spec = Spec::new("test.urgent", 1).priority(Priority::High);
pub(super) static LATER: Spec = Spec::new("test.later", 1).priority(Priority::Low);
pub(super) static KINDS: [&Spec; 3] = [&KIND, &URGENT, &LATER];

pub(crate) struct Bed {
    pub(crate) gate: Gate,
    /// The system of each organisation.
    pub(crate) callers: Vec<Caller>,
    options: EngineOptions,
}

/// Runs a test on SQLite and, if there is one, on PostgreSQL.
pub(crate) async fn on_both<F: Future<Output = ()>>(organisations: u128, test: impl Fn(Bed) -> F) {
    for database in test_databases::each().await {
        test(Bed::open(database.options.clone(), organisations).await).await;
        database.end().await;
    }
}

impl Bed {
    pub(crate) async fn open(options: EngineOptions, organisations: u128) -> Self {
        let gate = gate(&options, Clock::system()).await;
        let mut callers = Vec::new();
        for at in 1..=organisations {
            callers.push(organisation(&gate, at).await);
        }
        Self { gate, callers, options }
    }

    /// A second server on the same database; its clock runs as it is told.
    pub(crate) async fn second(&self, clock: Clock) -> Gate {
        gate(&self.options, clock).await
    }

    /// Asks for a job of an organisation.
    pub(super) async fn ask(&self, at: usize, spec: &'static Spec, what: &str) -> Uuid {
        enqueue(&self.callers[at], NewJob::new(spec, json!({ "what": what }))).await.unwrap()
    }

    /// Claims on the first server, for an hour.
    pub(super) async fn claim(&self, slots: usize) -> Vec<Work> {
        claim(&self.gate, slots).await
    }

    pub(super) async fn row(&self, id: Uuid) -> job::Model {
        job::Entity::find().filter(job::Column::Id.eq(id)).one(self.gate.engine()).await.unwrap().unwrap()
    }

    pub(super) async fn states(&self) -> HashMap<String, usize> {
        let mut states = HashMap::new();
        for row in job::Entity::find().all(self.gate.engine()).await.unwrap() {
            *states.entry(row.state).or_default() += 1;
        }
        states
    }

    /// The entries of an event, the oldest first.
    pub(super) async fn entries(&self, event: &str) -> Vec<journal::Model> {
        let rows = journal::Entity::find().filter(journal::Column::Event.eq(event));
        rows.order_by_asc(journal::Column::Seq).all(self.gate.engine()).await.unwrap()
    }

    /// Puts a payload into a job that does not open.
    pub(super) async fn spoil(&self, id: Uuid) {
        let set = self.gate.write_raw(async move |db: &engine::Tx| {
            let sql = "UPDATE jobs SET payload = ? WHERE id = ?";
            db.execute_raw(statement(db, sql, [vec![0_u8; 64].into(), id.into()])).await?;
            Ok(())
        });
        set.await.unwrap();
    }

    /// Moves a time of a job so many seconds from now.
    pub(super) async fn set_time(&self, id: Uuid, column: &'static str, seconds: i64) {
        let set = self.gate.write_raw(async move |db: &engine::Tx| {
            let sql = format!("UPDATE jobs SET {column} = {} WHERE id = ?", after(db));
            db.execute_raw(statement(db, &sql, [(seconds * 1000).into(), id.into()])).await?;
            Ok(())
        });
        set.await.unwrap();
    }
}

pub(super) async fn claim(gate: &Gate, slots: usize) -> Vec<Work> {
    let mut claims = Claims::new(&KINDS, slots, Duration::from_secs(3600));
    claims.next(gate, &HashMap::new()).await.unwrap().0
}

/// What a job is asked.
pub(super) fn what(work: &Work) -> String {
    work.payload::<Value>().unwrap()["what"].as_str().unwrap().to_owned()
}

async fn gate(options: &EngineOptions, clock: Clock) -> Gate {
    let keys = Arc::new(LocalKeys::from_text("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap());
    Gate::open(GateOptions {
        files: crate::files::Files::of(std::path::Path::new("/nowhere")),
        place: options.clone(),
        keys,
        clock,
        limits: HourlyLimits::default(),
        seal_limit: crate::keys::SEAL_LIMIT,
    })
    .await
    .unwrap()
}

async fn organisation(gate: &Gate, at: u128) -> Caller {
    let org = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + at);
    let row = installation::row(org, &format!("acme{at}"), "Acme", gate.now());
    let roots = installation::roots(gate, org).unwrap();
    let ring = gate.unlock(org, &roots).unwrap();
    gate.write_raw(async move |db: &engine::Tx| installation::insert(db, row, roots, &ring).await).await.unwrap();
    gate.system(org, RequestInfo::default()).await.unwrap()
}
