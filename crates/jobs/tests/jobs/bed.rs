//! A database with an organisation, and whoever asks for jobs there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kehu_jobs::JobOptions;
use kehu_store::clock::{Clock, new_id};
use kehu_store::crypto::kek::LocalKeys;
use kehu_store::engine::EngineOptions;
use kehu_store::keys::SEAL_LIMIT;
use kehu_store::machine::{self, Idempotency, WriteOptions, resource};
use kehu_store::people::{Client, NewOrg, Password, SignIn};
use kehu_store::queue::{self, Ended, Work};
use kehu_store::{Caller, Gate, GateOptions, HourlyLimits, RequestInfo};
use serde_json::{Value, json};
use uuid::Uuid;

/// The key of databases that a test makes.
pub(crate) const KEK: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PASSWORD: &str = "correct horse battery";

/// Quick in everything.
pub(crate) const OPTIONS: JobOptions = JobOptions {
    slots: 3,
    lease: Duration::from_secs(1),
    rest: Duration::ZERO,
    drain: Duration::from_millis(300),
    grace: Duration::from_millis(300),
};

pub(crate) async fn open(place: EngineOptions, kek: &str) -> Gate {
    let keys = Arc::new(LocalKeys::from_text(kek).unwrap());
    Gate::open(GateOptions {
        files: kehu_store::files::Files::of(std::path::Path::new("/nowhere")),
        place,
        keys,
        clock: Clock::system(),
        limits: HourlyLimits::default(),
        seal_limit: SEAL_LIMIT,
    })
    .await
    .unwrap()
}

pub(crate) async fn in_folder(folder: &Path) -> Gate {
    open(EngineOptions::sqlite(folder.join("test.db")), KEK).await
}

/// The administrator of a new organisation.
pub(crate) async fn administrator(gate: &Gate) -> Caller {
    let slug = format!("t{}", &new_id(Clock::system().now()).simple().to_string()[..30]);
    let email = format!("admin@{slug}.test");
    let password = || Password::from(PASSWORD.to_owned());
    let (admin_email, admin_password) = (email.clone(), Some(password()));
    let org = NewOrg { slug, name: "Acme".to_owned(), admin_email, admin_password };
    gate.create_org(org).await.unwrap();
    let said = SignIn {
        login: email,
        password: password(),
        organisation: None,
        otp: None,
        new_password: None,
        client: Client::Web,
        device_name: None,
        throttled: false,
    };
    let signed_in = gate.sign_in(said, RequestInfo::default()).await.unwrap();
    gate.user(signed_in.verified, RequestInfo::default()).await.unwrap()
}

/// An effect in the database that is no part of a step's transaction: the job's id and the step are its unique key.
pub(crate) async fn effect(work: &Work, name: &str, step: u64) -> Result<(), Ended> {
    let key = format!("{}-{step}", work.id());
    let idempotency = Some(Idempotency { key, fingerprint: [7; 32] });
    let options = WriteOptions { idempotency, ..WriteOptions::default() };
    let body = json!({ "name": format!("{name} {step}"), "kind": "company" });
    machine::create(work.caller(), resource("customer").unwrap(), body, &options).await?;
    Ok(())
}

/// The names of all customers of an organisation, sorted.
pub(crate) async fn effects(caller: &Caller) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), None::<String>);
    loop {
        let mut parameters = vec![("limit".to_owned(), "500".to_owned()), ("sort".to_owned(), "created_at".to_owned())];
        parameters.extend(after.map(|after| ("after".to_owned(), after)));
        let answer = machine::list(caller, resource("customer").unwrap(), parameters).await.unwrap();
        let page: Value = serde_json::from_str(&answer.body).unwrap();
        names.extend(page["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        after = page["page"]["next"].as_str().map(str::to_owned);
        if after.is_none() {
            names.sort_unstable();
            return names;
        }
    }
}

pub(crate) async fn job(caller: &Caller, id: Uuid) -> Value {
    serde_json::from_str(&queue::get(caller, id).await.unwrap().body).unwrap()
}

/// How many jobs of an organisation are in a state.
pub(crate) async fn many(caller: &Caller, state: &str) -> usize {
    let parameters = vec![("filter[state]".to_owned(), state.to_owned()), ("limit".to_owned(), "500".to_owned())];
    let page: Value = serde_json::from_str(&queue::list(caller, parameters).await.unwrap().body).unwrap();
    page["data"].as_array().unwrap().len()
}

/// Waits until something holds; half a minute at most.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within half a minute: {what}");
}
