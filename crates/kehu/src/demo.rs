//! `kehu demo`: an organisation to look at. Everything in it is written by its administrator, through the same doors as
//! any request; the same every time, but for the password and the days.

mod customers;
mod follow_ups;
mod made_up;
mod words;

use std::collections::HashMap;
use std::io::{self, Write};

use kehu_store::failure::Failure;
use kehu_store::machine::{self, BatchItem, Resource, WriteOptions, Written};
use kehu_store::people::{Client, Password, SignIn, create_user};
use kehu_store::{Caller, Gate, RequestInfo, Verified};
use serde_json::{Value, json};

use follow_ups::Known;

/// Who works there: user name, name, role, and whether in the second team.
const PEOPLE: &[(&str, &str, &str, bool)] = &[
    ("chenjing", "陈静", "manager", false),
    ("wangfang", "王芳", "salesperson", false),
    ("liqiang", "李强", "salesperson", false),
    ("zhangmin", "张敏", "salesperson", true),
];

/// The teams. Neither stands above the other: what the manager of the first cannot see is there, too.
const TEAMS: [&str; 2] = ["华东销售部", "华南销售部"];

/// What was made.
#[derive(Debug)]
pub(crate) struct Filled {
    customers: usize,
    follow_ups: usize,
    form: Form,
}

/// A form that takes leads.
#[derive(Debug)]
struct Form {
    id: String,
    key: String,
}

/// Fills the organisation of an administrator who has just been made. All its people get the administrator's password.
///
/// # Errors
/// The database is away, or what is made up does not keep the rules.
pub(crate) async fn fill(gate: &Gate, login: &str, password: &Password) -> Result<Filled, Failure> {
    let request = RequestInfo::of_program("command", gate.now());
    let said = SignIn {
        login: login.to_owned(),
        password: password.clone(),
        new_password: None,
        organisation: None,
        otp: None,
        client: Client::Server,
        device_name: None,
        throttled: false,
    };
    let verified = gate.sign_in(said, request.clone()).await?.verified;
    let demo = Demo { gate, verified, request };
    let people = demo.people(password).await?;
    demo.tags().await?;
    let customers = demo.customers(&people.salespeople).await?;
    let follow_ups = demo.follow_ups(&customers).await?;
    let form = demo.form(&people.first_team).await?;
    gate.sign_out(verified, demo.request).await?;
    Ok(Filled { customers: customers.len(), follow_ups, form })
}

impl Filled {
    /// Tells what there is to look at, who may sign in, and how a lead comes in at `base`.
    pub(crate) fn tell(&self, base: &str, out: &mut impl Write) -> io::Result<()> {
        let Self { customers, follow_ups, form } = self;
        writeln!(
            out,
            "\nThere are {customers} made-up customers with {follow_ups} follow-ups to look at. Besides the"
        )?;
        writeln!(out, "administrator, with the same password, these people sign in:\n")?;
        for (login, name, role, second) in PEOPLE {
            let [first_team, second_team] = TEAMS;
            writeln!(out, "  {login:<10} {role:<12} {name}, {}", if *second { second_team } else { first_team })?;
        }
        writeln!(out, "\nA lead through the form, as a web page sends it:\n")?;
        writeln!(out, "curl {base}/v1/forms/{}/submissions \\\n  -H 'Authorization: Bearer {}' \\", form.id, form.key)?;
        writeln!(out, "  -H 'Content-Type: application/json' \\\n  -d '{}'\n", lead())?;
        out.flush()
    }
}

fn lead() -> Value {
    json!({ "values": { "company": "苏州新航软件有限公司", "name": "周慧", "mobile": "13912345670", "remark": "想了解报价" } })
}

/// The people who were made.
struct People {
    first_team: String,
    salespeople: Vec<String>,
}

/// The administrator at work.
struct Demo<'a> {
    gate: &'a Gate,
    verified: Verified,
    request: RequestInfo,
}

impl Demo<'_> {
    /// The administrator, who knows of everything that was made until now.
    async fn admin(&self) -> Result<Caller, Failure> {
        self.gate.user(self.verified, self.request.clone()).await
    }

    async fn make(&self, kind: &str, body: Value) -> Result<Written, Failure> {
        machine::create(&self.admin().await?, resource(kind)?, body, &WriteOptions::default()).await
    }

    /// Makes all of them, or says which could not be made.
    async fn make_all(&self, kind: &str, bodies: Vec<Value>) -> Result<Vec<String>, Failure> {
        let admin = self.admin().await?;
        let done = machine::batch(&admin, resource(kind)?, bodies, false, &WriteOptions::default()).await?;
        done.into_iter().map(|BatchItem { outcome, .. }| outcome.map(|id| id.to_string())).collect()
    }

    /// Two teams and their people.
    async fn people(&self, password: &Password) -> Result<People, Failure> {
        let [first, second] = TEAMS;
        let first_team = id_of(&self.make("team", json!({ "name": first })).await?)?;
        let second_team = id_of(&self.make("team", json!({ "name": second })).await?)?;
        let mut salespeople = Vec::new();
        for (login, name, role, in_second) in PEOPLE {
            let body = json!({
                "user_name": login, "name": name, "role": role, "password": password.reveal(),
                "team_id": if *in_second { &second_team } else { &first_team },
            });
            let made = create_user(&self.admin().await?, body, &WriteOptions::default()).await?;
            if *role == "salesperson" {
                salespeople.push(id_of(&made)?);
            }
        }
        Ok(People { first_team, salespeople })
    }

    async fn tags(&self) -> Result<(), Failure> {
        let tag = |(name, group, color): &(&str, &str, &str)| json!({ "name": name, "group": group, "color": color });
        self.make_all("tag", words::TAGS.iter().map(tag).collect()).await.map(drop)
    }

    async fn customers(&self, owners: &[String]) -> Result<Vec<Known>, Failure> {
        let bodies = customers::all(owners);
        let stage = |body: &Value| body.get("stage").and_then(Value::as_str).unwrap_or_default().to_owned();
        let stages: Vec<String> = bodies.iter().map(stage).collect();
        let ids = self.make_all("customer", bodies).await?;
        let mut contacts = self.primary_contacts().await?;
        let known = |(id, stage): (String, String)| Known { contact: contacts.remove(&id), id, stage };
        Ok(ids.into_iter().zip(stages).map(known).collect())
    }

    /// The first person to talk to, by customer.
    async fn primary_contacts(&self) -> Result<HashMap<String, String>, Failure> {
        let admin = self.admin().await?;
        let mut found = HashMap::new();
        let mut after = None;
        loop {
            let question = json!({ "fields": ["id", "customer_id", "primary"], "limit": 500, "after": after });
            let page = machine::search(&admin, resource("contact")?, &question).await?;
            let page: Value = serde_json::from_str(&page.body).unwrap_or_default();
            let text = |record: &Value, member: &str| record.get(member).and_then(Value::as_str).map(str::to_owned);
            for record in page.get("data").and_then(Value::as_array).into_iter().flatten() {
                if record.get("primary").and_then(Value::as_bool) == Some(true) {
                    found.extend(text(record, "customer_id").zip(text(record, "id")));
                }
            }
            after = page.pointer("/page/next").and_then(Value::as_str).map(str::to_owned);
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// A form whose customers the people of a team get in turn.
    async fn form(&self, team: &str) -> Result<Form, Failure> {
        let field = |(key, maps_to): (&str, &str)| json!({ "key": key, "maps_to": maps_to });
        let body = json!({
            "name": "官网在线咨询", "source": "web_form", "assign": { "team_id": team },
            "consent_text": "我同意贵公司为回复咨询而保存和使用以上信息。", "honeypot": "website",
            "fields": words::FORM_FIELDS.iter().copied().map(field).collect::<Vec<_>>(),
        });
        let made = self.make("form", body).await?;
        let record: Value = serde_json::from_str(&made.answer.body).unwrap_or_default();
        let key = record.get("public_key").and_then(Value::as_str).map(str::to_owned);
        let key = key.ok_or_else(|| Failure::Internal("a form without a public key".into()))?;
        Ok(Form { id: id_of(&made)?, key })
    }

    async fn follow_ups(&self, customers: &[Known]) -> Result<usize, Failure> {
        let bodies = follow_ups::all(customers, self.gate.now());
        Ok(self.make_all("follow_up", bodies).await?.len())
    }
}

fn resource(kind: &str) -> Result<Resource, Failure> {
    machine::resource(kind).ok_or_else(|| Failure::Internal(format!("there is no kind {kind}")))
}

fn id_of(made: &Written) -> Result<String, Failure> {
    made.answer.id.map(|id| id.to_string()).ok_or_else(|| Failure::Internal("a record without an id".into()))
}
