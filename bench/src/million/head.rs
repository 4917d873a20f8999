//! Head of the line: what get by id waits while others ask for much.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::asks::get;
use super::cast::Who;
use super::crowd::{Crowd, Stop};
use super::kept::Kept;
use super::measure::within;
use super::mixture::Mixture;
use super::operations::short;
use super::options::Options;
use super::place::Place;
use crate::client::{Session, text};
use crate::core::{STAGES, ours};
use crate::progress;
use crate::random::Random;
use crate::report::{Report, Table, number};
use crate::wire::Call;

/// How long each is measured.
const TIME: Duration = Duration::from_secs(5);
/// What others have begun by the time that is measured.
const BEGIN: Duration = Duration::from_millis(500);
/// How much longer a get may take.
const AIM: f64 = 3.0;
const BATCH: usize = 1000;

/// What others do meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Counts,
    Previews,
    Job,
    Batches,
    Searches,
}

const LOADS: [(&str, &[(Load, usize)]); 7] = [
    ("alone", &[]),
    ("4 exact counts at once", &[(Load::Counts, 4)]),
    ("a preview of a bulk change after the other", &[(Load::Previews, 1)]),
    ("a job that changes customers", &[(Load::Job, 0)]),
    ("2 batches of 1,000 at once", &[(Load::Batches, 2)]),
    ("20 slow searches at once", &[(Load::Searches, 20)]),
    (
        "all of these at once",
        &[(Load::Counts, 4), (Load::Previews, 1), (Load::Job, 0), (Load::Batches, 2), (Load::Searches, 20)],
    ),
];

/// Measures the largest size and tells.
///
/// # Errors
/// A server does not start, or a connection breaks.
pub(super) fn run(options: &Options, kept: &[Kept], report: &mut Report) -> Result<()> {
    let kept = kept.last().context("no size")?;
    report.say(&format!(
        "{}, {} customers. One connection gets customers by id, one after the other, for {} s; beside it others ask for \
         much. The aim is a p99 within {AIM} times of that alone.",
        options.engine.name(),
        short(kept.size),
        TIME.as_secs()
    ));
    let mut table =
        Table::new(["beside it", "requests/s", "p50 ms", "p99 ms", "longest ms", "times", "missed", "others/s"]);
    let place = Place::open(kept)?;
    let mut alone = None;
    for (what, loads) in LOADS {
        progress(&format!("get by id beside: {what}"));
        let (took, others) = beside(&place, loads).with_context(|| what.to_owned())?;
        let p99 = within(&took, 990);
        let times = p99 / *alone.get_or_insert(p99);
        let rate = |many: usize| number(crate::load::float(many) / TIME.as_secs_f64());
        table.row(vec![
            what.to_owned(),
            rate(took.len()),
            number(within(&took, 500)),
            number(p99),
            number(within(&took, 1000)),
            number(times),
            (if times > AIM { "missed" } else { "" }).to_owned(),
            rate(others),
        ]);
    }
    place.close()?;
    report.table(&table);
    Ok(())
}

/// One request of a load, by its number.
type Ask<'a> = Box<dyn Fn(usize) -> Result<Call> + Sync + 'a>;

/// What gets took, and how many requests of the others were answered.
fn beside(place: &Place<'_>, loads: &[(Load, usize)]) -> Result<(Vec<Duration>, usize)> {
    let mixture = Mixture::new(place)?;
    let mut admin = place.session(Who::Administrator)?;
    let job = loads.iter().any(|(load, _)| *load == Load::Job).then(|| begin_job(&mut admin, place)).transpose()?;
    let gets = |number| Ok(get(&mut mixture.asker(number)?));
    let calls: Vec<(usize, Ask<'_>)> = loads
        .iter()
        .filter(|(_, lanes)| *lanes > 0)
        .map(|(load, lanes)| {
            let (load, mixture) = (*load, &mixture);
            let ask: Ask<'_> = Box::new(move |number| request(load, mixture, number));
            (*lanes, ask)
        })
        .collect();
    let stop = Stop::default();
    let told = std::thread::scope(|scope| {
        let crowds: Vec<_> = calls
            .iter()
            .map(|(lanes, call)| {
                let crowd = Crowd::new(&place.server.base, *lanes, &**call);
                let until = |crowd: &Crowd<'_>| {
                    while !stop.is_asked() && !crowd.stop.is_asked() {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    Ok(())
                };
                scope.spawn(move || crowd.during(until).map(|()| crowd.took.take().len()))
            })
            .collect();
        std::thread::sleep(BEGIN);
        let alone = Crowd::new(&place.server.base, 1, &gets);
        let watched = alone.during(|_| {
            std::thread::sleep(TIME);
            Ok(())
        });
        stop.now();
        let mut others = 0;
        for crowd in crowds {
            others += crowd.join().map_err(|_| anyhow::anyhow!("a crowd broke off"))??;
        }
        watched?;
        Ok::<_, anyhow::Error>((alone.took.take(), others))
    });
    if let Some(job) = job {
        // It may have ended by itself.
        let _ = admin.post(&format!("/v1/jobs/{job}/cancel"), &json!({}));
    }
    told
}

fn request(load: Load, mixture: &Mixture<'_>, number: usize) -> Result<Call> {
    let mut asker = mixture.asker(number)?;
    Ok(match load {
        Load::Counts => asker.get("/v1/customers?sort=-updated_at&limit=1&count=exact".to_owned()),
        Load::Previews => {
            let stage = ours(asker.random.pick(STAGES));
            let body = json!({ "where": equal("stage", stage), "change": { "grade": "b" }, "preview": true });
            asker.send("POST", "/v1/customers/bulk", &body)
        }
        Load::Batches => mixture.batch(number, BATCH)?,
        Load::Job | Load::Searches => {
            let question = slow(&mut asker.random, number);
            asker.send("POST", "/v1/customers/search", &question)
        }
    })
}

/// Every other one looks for a character that nearly every name has, in their order; the others for something that
/// hardly any has and no index leads to.
fn slow(random: &mut Random, number: usize) -> Value {
    if number.is_multiple_of(2) {
        let common = random.pick(&["公", "有", "司", "e", "a"]);
        return json!({ "where": { "field": "name", "op": "contains", "value": common }, "limit": 50, "sort": "name" });
    }
    let none = json!({ "field": "remark", "op": "contains", "value": format!("无此内容{number}") });
    json!({ "where": { "and": [equal("size", "1-9"), none] }, "limit": 50, "sort": "-updated_at" })
}

fn equal(field: &str, value: &str) -> Value {
    json!({ "field": field, "op": "eq", "value": value })
}

/// Begins a change of many customers, another one each time.
fn begin_job(admin: &mut Session, place: &Place<'_>) -> Result<String> {
    let number = place.reserve(1)?;
    let condition = json!({ "and": [equal("stage", "lost"), equal("source", "expo")] });
    let change = json!({ "remark": format!("批量更新 {number}") });
    text(&admin.post("/v1/customers/bulk", &json!({ "where": condition, "change": change }))?, "id")
}
