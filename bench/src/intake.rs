//! Ten thousand leads through a form, and once more.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use crate::client::{Session, text};
use crate::leads::Lead;
use crate::load::{Load, drive};
use crate::report::{LOAD_COLUMNS, Report, Table, load_cells, mebibytes};
use crate::server::{Home, Key, Server, user};
use crate::settings::{Engine, Settings};
use crate::usage::Cpu;
use crate::wire::{Answer, Call};

/// Lines that are named of each reason; the others are in the file.
const NAMED: usize = 40;

/// What became of a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    /// `created`, `matched`, `quarantined`, or `refused`.
    status: String,
    /// Codes that say why.
    why: String,
    /// The customer.
    customer: String,
    /// The submission.
    submission: String,
}

/// What was measured on one engine.
struct Measured {
    outcomes: Vec<Outcome>,
    first: (Load, Cpu),
    again: (Load, Cpu),
    memory: [Option<u64>; 3],
    customers: u64,
    submissions: usize,
}

/// Measures on every engine and tells; what became of every lead goes to a file in `folder`.
///
/// # Errors
/// A server does not start, or posting again changed something.
pub(crate) fn run(settings: &Settings, key: &Key, leads: &[Lead], folder: &Path, report: &mut Report) -> Result<()> {
    report.heading("Intake");
    let file = settings.csv.as_deref().and_then(Path::file_name);
    report.say(&format!(
        "{} leads{} posted through a form with its public key, 16 at a time, each with an `Idempotency-Key`, then all of \
         them again with the same keys.",
        leads.len(),
        file.map(|name| format!(" of `{}`", name.to_string_lossy())).unwrap_or_default()
    ));
    let mut measured = Vec::new();
    for engine in &settings.engines {
        let one = measure(*engine, key, leads)?;
        write(&folder.join(format!("outcomes-{}.csv", engine.name().to_lowercase())), leads, &one.outcomes)?;
        measured.push((*engine, one));
    }
    tell(&measured, report);
    let all: Vec<(Engine, BTreeMap<Reason<'_>, Vec<u64>>)> =
        measured.iter().map(|(engine, one)| (*engine, reasons(leads, &one.outcomes))).collect();
    tell_reasons(&all, report);
    Ok(())
}

fn measure(engine: Engine, key: &Key, leads: &[Lead]) -> Result<Measured> {
    let home = Home::new(engine, key)?;
    let server = home.start()?;
    let mut admin = home.organisation(&server, "intake")?;
    let form = Form::make(&mut admin)?;
    let (first, ids) = form.post(&server, leads)?;
    let submissions = form.submissions(&mut admin)?;
    let customers = customers(&mut admin)?;
    let memory = server.processes.memory();
    let memory = [memory.rss, memory.pss, server.processes.database_pss()];

    let (again, repeated) = form.post(&server, leads)?;
    ensure!(repeated == ids, "posting again with the same keys gave other answers");
    let after = form.submissions(&mut admin)?;
    ensure!(after == submissions, "posting again with the same keys changed what became of leads");
    ensure!(self::customers(&mut admin)? == customers, "posting again with the same keys changed the customers");
    server.stop()?;
    let outcomes = ids.into_iter().map(|answer| outcome(answer, &submissions)).collect::<Result<_>>()?;
    Ok(Measured { outcomes, first, again, memory, customers, submissions: submissions.len() })
}

/// What a posted lead was answered: the id of its submission, or the code of the problem.
type Answered = std::result::Result<String, String>;

fn answered(answer: &Answer<'_>) -> Answered {
    let body: Value = answer.body().ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
    match text(&body, "id") {
        Ok(id) if answer.status == 202 => Ok(id),
        _ => Err(text(&body, "code").unwrap_or_else(|_| answer.status.to_string())),
    }
}

fn outcome(answer: Answered, submissions: &HashMap<String, Outcome>) -> Result<Outcome> {
    match answer {
        Ok(id) => submissions.get(&id).cloned().with_context(|| format!("submission {id} is not listed")),
        Err(code) => {
            let (customer, submission) = (String::new(), String::new());
            Ok(Outcome { status: "refused".to_owned(), why: code, customer, submission })
        }
    }
}

/// A form that takes leads.
struct Form {
    id: String,
    key: String,
}

impl Form {
    /// A team of three salespeople, and a form that gives them customers in turn.
    fn make(admin: &mut Session) -> Result<Self> {
        let team = text(&admin.post("/v1/teams", &json!({ "name": "电话销售" }))?, "id")?;
        for name in ["王芳", "李强", "张敏"] {
            let email =
                format!("{}@intake.test", name.chars().map(|c| format!("{:x}", u32::from(c))).collect::<String>());
            admin.post("/v1/users", &user(name, "salesperson", Some(&team), &email))?;
        }
        let field = |(key, maps_to): (&str, &str)| json!({ "key": key, "maps_to": maps_to });
        let fields: Vec<Value> = FIELDS.iter().copied().map(field).collect();
        let form = json!({
            "name": "官网咨询", "source": "web_form", "fields": fields, "source_id": "/source_id", "assign": { "team_id": team },
        });
        let made = admin.post("/v1/forms", &form)?;
        Ok(Self { id: text(&made, "id")?, key: text(&made, "public_key")? })
    }

    fn path(&self) -> String {
        format!("/v1/forms/{}/submissions", self.id)
    }

    /// Posts every lead; gives what each was answered.
    fn post(&self, server: &Server, leads: &[Lead]) -> Result<((Load, Cpu), Vec<Answered>)> {
        let requests: Vec<Vec<u8>> = leads.iter().map(|lead| self.call(lead).bytes(&server.base)).collect();
        let mut answers = vec![Err("not answered".to_owned()); leads.len()];
        let before = server.processes.cpu();
        let next = |number: usize| requests.get(number).map(Vec::as_slice);
        let load = drive(&server.base, None, next, |number, answer| {
            if let Some(slot) = answers.get_mut(number) {
                *slot = answered(answer);
            }
            Ok(())
        })?;
        Ok(((load, server.processes.cpu() - before), answers))
    }

    fn call(&self, lead: &Lead) -> Call {
        Call {
            method: "POST",
            path: self.path(),
            token: self.key.clone(),
            key: format!("bench-lead-{:08}-{}", lead.line, lead.id),
            body: json!({ "values": values(lead) }).to_string(),
        }
    }

    /// What became of all submissions, by id.
    fn submissions(&self, admin: &mut Session) -> Result<HashMap<String, Outcome>> {
        admin.renew()?;
        let mut found = HashMap::new();
        let mut after = String::new();
        loop {
            let page = admin.get(&format!("{}?limit=500{after}", self.path()))?;
            for item in page.get("data").and_then(Value::as_array).context("a page has data")? {
                let id = text(item, "id")?;
                found.insert(id.clone(), submission(id, item)?);
            }
            match page.pointer("/page/next").and_then(Value::as_str) {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(found),
            }
        }
    }
}

/// What a form calls its fields, and where they go.
const FIELDS: &[(&str, &str)] = &[
    ("kind", "customer.kind"),
    ("company", "customer.name"),
    ("contact", "contact.name"),
    ("mobile", "contact.phone"),
    ("email", "contact.email"),
    ("wechat", "contact.wechat"),
    ("address", "customer.address"),
    ("credit_code", "customer.credit_code"),
];

/// What a form sends for a lead: a person has no company, and its source and date are mapped to nothing.
fn values(lead: &Lead) -> Value {
    let is_company = lead.kind == "company";
    let (company, contact) = if is_company { (&lead.name, &lead.contact) } else { (&lead.contact, &lead.name) };
    let members = [
        ("source_id", &lead.id),
        ("kind", &lead.kind),
        ("company", company),
        ("contact", contact),
        ("mobile", &lead.phone),
        ("email", &lead.email),
        ("wechat", &lead.wechat),
        ("address", &lead.address),
        ("credit_code", &lead.uscc),
        ("heard_of_us", &lead.source),
        ("asked_on", &lead.created_at),
    ];
    let filled = members.into_iter().filter(|(_, value)| !value.is_empty());
    Value::Object(filled.map(|(name, value)| (name.to_owned(), json!(value))).collect::<Map<_, _>>())
}

fn submission(id: String, item: &Value) -> Result<Outcome> {
    let flags = item.get("flags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let customer = item.get("customer_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let why = flags.collect::<Vec<_>>().join(" ");
    Ok(Outcome { status: text(item, "status")?, why, customer, submission: id })
}

fn customers(admin: &mut Session) -> Result<u64> {
    let page = admin.get("/v1/customers?limit=1&count=exact")?;
    page.pointer("/page/count").and_then(Value::as_u64).context("a page says its count")
}

/// Counts of outcomes: `created`, `matched`, `refused: <code>`.
fn counts(outcomes: &[Outcome]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        let name = match outcome.status.as_str() {
            "refused" => format!("refused: {}", outcome.why),
            status => status.to_owned(),
        };
        *counts.entry(name).or_insert(0) += 1;
    }
    counts
}

fn tell(measured: &[(Engine, Measured)], report: &mut Report) {
    let mut table = Table::new(["what became of them", "SQLite", "PostgreSQL"]);
    let of = |engine| measured.iter().find(|(known, _)| *known == engine).map(|(_, measured)| measured);
    let both = [of(Engine::Sqlite), of(Engine::Postgres)];
    let counted = both.map(|measured| measured.map(|measured| counts(&measured.outcomes)));
    let names: std::collections::BTreeSet<&String> = counted.iter().flatten().flat_map(BTreeMap::keys).collect();
    for name in names {
        let cell = |counts: &Option<BTreeMap<String, usize>>| match counts {
            Some(counts) => counts.get(name).copied().unwrap_or(0).to_string(),
            None => "–".to_owned(),
        };
        table.row([vec![name.clone()], counted.iter().map(cell).collect()].concat());
    }
    let mut row = |what: &str, value: fn(&Measured) -> String| {
        let cell = |measured: &Option<&Measured>| measured.map_or_else(|| "–".to_owned(), value);
        table.row([vec![what.to_owned()], both.iter().map(cell).collect()].concat());
    };
    row("customers there are", |measured| measured.customers.to_string());
    row("submissions there are", |measured| measured.submissions.to_string());
    row("changed by posting all again", |_| "0".to_owned());
    report.table(&table);

    let [rate, cpu, database, p50, p99] = LOAD_COLUMNS;
    let mut table = Table::new(["posted", rate, cpu, database, p50, p99]);
    for (engine, measured) in measured {
        for (what, (load, cpu)) in [("first", &measured.first), ("again", &measured.again)] {
            table.row([vec![format!("{}, {what}", engine.name())], load_cells(load, *cpu)].concat());
        }
    }
    report.table(&table);
    for (engine, measured) in measured {
        let names = ["rate", "cpu", "database", "p50", "p99", "rss"];
        let cells = [load_cells(&measured.first.0, measured.first.1), measured.memory.map(mebibytes).to_vec()].concat();
        for (name, cell) in names.into_iter().zip(cells) {
            report.quote(&format!("intake.{}.{name}", engine.word()), cell);
        }
    }
    let mut table = Table::new(["after the first time", "RSS MiB", "PSS MiB", "database PSS MiB"]);
    for (engine, measured) in measured {
        table.row([vec![engine.name().to_owned()], measured.memory.map(mebibytes).to_vec()].concat());
    }
    report.table(&table);
}

/// Why a lead did not become a customer: outcome and flags.
type Reason<'a> = (&'a str, &'a str);

/// Lines of the leads that did not become new customers, by reason.
fn reasons<'a>(leads: &[Lead], outcomes: &'a [Outcome]) -> BTreeMap<Reason<'a>, Vec<u64>> {
    let mut reasons: BTreeMap<Reason<'_>, Vec<u64>> = BTreeMap::new();
    for (lead, outcome) in leads.iter().zip(outcomes).filter(|(_, outcome)| outcome.status != "created") {
        reasons.entry((&outcome.status, &outcome.why)).or_default().push(lead.line);
    }
    reasons
}

/// Tells them, once where the engines agree.
fn tell_reasons(all: &[(Engine, BTreeMap<Reason<'_>, Vec<u64>>)], report: &mut Report) {
    report.say(
        "Leads that did not become new customers, by outcome and flags. Lines are those of the file of leads; what became \
         of every line is in `bench/data/outcomes-*.csv` after a run.",
    );
    let agree = all.windows(2).all(|two| matches!(two, [(_, one), (_, other)] if one == other));
    for (engine, reasons) in all.iter().take(if agree { 1 } else { all.len() }) {
        let named = if agree { "On every engine that was measured".to_owned() } else { engine.name().to_owned() };
        let mut text = format!("{named}:\n");
        for ((status, why), lines) in reasons {
            let shown: Vec<String> = lines.iter().take(NAMED).map(u64::to_string).collect();
            let more = if lines.len() > NAMED { " …" } else { "" };
            let why = if why.is_empty() { String::new() } else { format!(" `{why}`") };
            text.push_str(&format!("\n- **{} {status}**{why}: lines {}{more}", lines.len(), shown.join(" ")));
        }
        report.say(&text);
    }
}

fn write(path: &Path, leads: &[Lead], outcomes: &[Outcome]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut writer = csv::Writer::from_path(path).with_context(|| path.display().to_string())?;
    writer.write_record(["line", "id", "status", "flags", "customer_id", "submission_id"])?;
    for (lead, outcome) in leads.iter().zip(outcomes) {
        let Outcome { status, why, customer, submission } = outcome;
        writer.write_record([&lead.line.to_string(), &lead.id, status, why, customer, submission])?;
    }
    Ok(writer.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(kind: &str) -> Lead {
        Lead { kind: kind.to_owned(), name: "甲".to_owned(), contact: "乙".to_owned(), ..Lead::default() }
    }

    #[test]
    fn a_persons_name_is_the_contacts_and_empty_columns_are_not_sent() {
        let company = values(&lead("company"));
        assert_eq!((&company["company"], &company["contact"]), (&json!("甲"), &json!("乙")));
        let person = values(&lead("person"));
        assert_eq!((&person["company"], &person["contact"]), (&json!("乙"), &json!("甲")));
        assert!(person.get("mobile").is_none());
    }

    #[test]
    fn refusals_are_counted_by_code() {
        let reply = |status: u16, body: &str| {
            let bytes = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            answered(&Answer::read(bytes.as_bytes()).unwrap().unwrap())
        };
        assert_eq!(reply(202, r#"{"id": "a"}"#), Ok("a".to_owned()));
        let refused = reply(422, r#"{"code": "validation"}"#);
        let outcomes = vec![outcome(refused, &HashMap::new()).unwrap(); 2];
        assert_eq!(counts(&outcomes), BTreeMap::from([("refused: validation".to_owned(), 2)]));
        assert_eq!(reply(503, ""), Err("503".to_owned()));
        assert!(outcome(Ok("a".to_owned()), &HashMap::new()).is_err());
    }
}
