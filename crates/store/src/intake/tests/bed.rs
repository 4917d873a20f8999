//! An organisation with a team, two salespeople and a form, on a database of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use kehu_domain::intake::Given;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::Clock;
use crate::crypto::kek::LocalKeys;
use crate::engine;
use crate::gate::{Caller, Gate, GateOptions, HourlyLimits, RequestInfo};
use crate::intake::{OpenForm, Received, Sent, by_public_key, submit};
use crate::machine::{self, Idempotency, WriteOptions, resource};
use crate::ops::installation;
use crate::test_databases::{self, Database};

const START: i64 = 1_795_000_000_000;
/// From where what comes in through a form is sent.
pub(crate) const ADDRESS: &str = "203.0.113.77";

const HOUR: i64 = 3_600_000;

pub(crate) struct Bed {
    pub(crate) gate: Gate,
    pub(crate) caller: Caller,
    pub(crate) team: Uuid,
    pub(crate) people: [Uuid; 2],
    pub(crate) form: Value,
    pub(crate) database: Database,
    clock: Arc<AtomicI64>,
}

/// The fields of the form.
pub(crate) fn fields() -> Value {
    json!([
        {"key": "company", "maps_to": "customer.name", "required": true, "label": "公司"},
        {"key": "name", "maps_to": "contact.name", "label": "姓名"},
        {"key": "mobile", "maps_to": "contact.phone", "label": "手机"},
        {"key": "email", "maps_to": "contact.email", "label": "邮箱"},
        {"key": "wechat", "maps_to": "contact.wechat"},
        {"key": "uscc", "maps_to": "customer.credit_code"},
        {"key": "address", "maps_to": "customer.address"},
        {"key": "message", "maps_to": "customer.remark", "label": "留言"},
    ])
}

impl Bed {
    /// One on SQLite and, where there is a server, one on PostgreSQL; `more` are further members of the form.
    pub(crate) async fn each(more: &Value) -> Vec<Self> {
        let mut beds = Vec::new();
        for database in test_databases::each().await {
            beds.push(Self::on(database, more).await);
        }
        beds
    }

    /// One on SQLite.
    pub(crate) async fn sqlite(more: &Value) -> Self {
        Self::on(test_databases::sqlite(), more).await
    }

    /// Its end.
    pub(crate) async fn end(self) {
        self.gate.close().await;
        self.database.end().await;
    }

    async fn on(database: Database, more: &Value) -> Self {
        let clock = Arc::new(AtomicI64::new(START));
        let time = clock.clone();
        let gate = Gate::open(GateOptions {
            files: crate::files::Files::of(std::path::Path::new("/nowhere")),
            place: database.options.clone(),
            keys: Arc::new(LocalKeys::from_text("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()),
            clock: Clock::new(move || time.load(Ordering::Relaxed)),
            limits: HourlyLimits::default(),
            seal_limit: crate::keys::SEAL_LIMIT,
        })
        .await
        .unwrap();
        let caller = organisation(&gate).await;
        let mut bed =
            Self { caller, gate, team: Uuid::nil(), people: [Uuid::nil(); 2], form: Value::Null, database, clock };
        bed.team = id(&bed.make("team", json!({"name": "华东"})).await);
        let below = id(&bed.make("team", json!({"name": "苏州", "parent_id": bed.team})).await);
        let user = |name: &str, team: Uuid, disabled: bool| json!({"name": name, "user_name": name, "role": "salesperson", "team_id": team, "disabled": disabled});
        bed.people[0] = id(&bed.make("user", user("wang", bed.team, false)).await);
        bed.make("user", user("gone", bed.team, true)).await;
        bed.make("user", user("boss", bed.team, true)).await;
        bed.tick(1);
        bed.people[1] = id(&bed.make("user", user("li", below, false)).await);
        let mut form = json!({"name": "官网", "fields": fields(), "assign": {"team_id": bed.team}});
        form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        bed.form = bed.make("form", form).await;
        bed
    }

    /// Lets so many hours go by.
    pub(crate) fn tick(&self, hours: i64) {
        self.clock.fetch_add(hours * HOUR, Ordering::Relaxed);
    }

    /// Makes a record.
    pub(crate) async fn make(&mut self, kind: &str, body: Value) -> Value {
        let written = machine::create(&self.caller, resource(kind).unwrap(), body, &WriteOptions::default()).await;
        self.refresh().await;
        serde_json::from_str(&written.unwrap().answer.body).unwrap()
    }

    /// Changes a record.
    pub(crate) async fn change(&mut self, kind: &str, id: Uuid, body: Value) {
        let options = WriteOptions::default();
        machine::update(&self.caller, resource(kind).unwrap(), id, body, &options).await.unwrap();
        self.refresh().await;
    }

    async fn refresh(&mut self) {
        self.caller = self.gate.system(self.caller.org().id, RequestInfo::default()).await.unwrap();
    }

    /// Every record of a kind, the oldest first.
    pub(crate) async fn all(&self, kind: &str) -> Vec<Value> {
        let parameters = [("sort", "created_at"), ("limit", "500")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        let answer = machine::list(&self.caller, resource(kind).unwrap(), parameters.to_vec()).await.unwrap();
        let page: Value = serde_json::from_str(&answer.body).unwrap();
        page["data"].as_array().unwrap().clone()
    }

    pub(crate) async fn open(&self) -> OpenForm {
        by_public_key(&self.gate, id(&self.form), self.form["public_key"].as_str().unwrap()).await.unwrap()
    }

    /// Submits values; the submission as the list shows it.
    pub(crate) async fn send(&self, body: Value) -> Value {
        let received = self.try_send(body, None).await.unwrap();
        self.submission(received.id).await
    }

    pub(crate) async fn try_send(
        &self,
        body: Value,
        idempotency: Option<Idempotency>,
    ) -> Result<Received, crate::failure::Failure> {
        let body = body.to_string();
        let given = Given::json(&body).unwrap();
        let sent = Sent { given, content_type: "application/json".to_owned(), body, query: Vec::new(), idempotency };
        let request = RequestInfo { address: Some(ADDRESS.to_owned()), ..RequestInfo::default() };
        Box::pin(submit(&self.gate, self.open().await, sent, request)).await
    }

    pub(crate) async fn submission(&self, wanted: Uuid) -> Value {
        let listed = self.listed(&[("limit", "500")]).await;
        let rows = listed["data"].as_array().unwrap().clone();
        rows.into_iter().find(|row| id(row) == wanted).unwrap()
    }

    pub(crate) async fn listed(&self, parameters: &[(&str, &str)]) -> Value {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let answer = crate::intake::list(&self.caller, id(&self.form), parameters).await.unwrap();
        serde_json::from_str(&answer.body).unwrap()
    }
}

pub(crate) fn id(record: &Value) -> Uuid {
    record["id"].as_str().unwrap().parse().unwrap()
}

async fn organisation(gate: &Gate) -> Caller {
    let org = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001);
    let row = installation::row(org, "acme", "Acme", gate.now());
    let roots = installation::roots(gate, org).unwrap();
    let ring = gate.unlock(org, &roots).unwrap();
    gate.write_raw(async move |db: &engine::Tx| installation::insert(db, row, roots, &ring).await).await.unwrap();
    gate.system(org, RequestInfo::default()).await.unwrap()
}
