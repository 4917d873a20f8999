//! Questions to the journal: which entries, in which order, from where on.

use chrono::{DateTime, Utc};
use kehu_domain::codes;
use kehu_domain::filter::time;
use kehu_domain::flaw::Flaw;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::paging;

use super::{Class, Outcome};

const KNOWN: &str = "filter[…], sort, limit, after";
/// Every condition, as `filter[…]` names it.
const CONDITIONS: &str = "class, outcome, event, actor_id, kind, record_id, via, session_id, request_id, at.gte, at.lt, \
                          changed";
/// Longest text of a condition, in characters.
const MAX_WORD: usize = 128;

/// In which order entries are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The newest first.
    Newest,
    /// As they became part of the journal, up to the settled mark: for whoever follows it.
    Written,
}

impl Order {
    /// As `sort` says it, and cursors name it.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Newest => "-at",
            Self::Written => "seq",
        }
    }
}

/// Behind which entry a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Id(Uuid),
    Seq(i64),
}

/// Which entries are asked for. What is not said does not matter.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) class: Option<Class>,
    pub(super) outcome: Option<Outcome>,
    /// `customer.updated`, or `customer.` for all that begin so.
    pub(super) event: Option<Event>,
    pub(super) actor_id: Option<Uuid>,
    pub(super) kind: Option<String>,
    pub(super) record_id: Option<Uuid>,
    pub(super) via: Option<String>,
    pub(super) session_id: Option<Uuid>,
    pub(super) request_id: Option<String>,
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
    pub(super) changed: Option<String>,
}

/// Which events.
#[derive(Debug)]
pub(super) enum Event {
    Is(String),
    /// Begins with it, the dot included.
    Of(String),
}

/// What was asked of the log.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) order: Order,
    pub(super) limit: u64,
    pub(super) after: Option<Place>,
    pub(super) filter: Filter,
    /// Conditions and order as they were said: pages of one question have the same.
    pub(super) said: Value,
}

impl Asked {
    /// Reads the parameters of an address, decoded.
    pub(super) fn read(caller: &Caller, parameters: Vec<(String, String)>) -> Result<Self, Failure> {
        let (mut order, mut limited, mut after) = (Order::Newest, paging::DEFAULT_LIMIT, None);
        let mut filter = Filter::default();
        let mut said = Map::new();
        for (name, value) in parameters {
            let condition = name.strip_prefix("filter[").and_then(|name| name.strip_suffix(']'));
            match (condition, name.as_str()) {
                (Some(condition), _) => {
                    filter.read(caller, condition, &value)?;
                    said.insert(condition.to_owned(), value.into());
                }
                (_, "sort") => order = sort(&value)?,
                (_, "limit") => limited = paging::limit(&value)?,
                (_, "after") => after = Some(value),
                _ => return Err(paging::unknown(&name, KNOWN)),
            }
        }
        said.sort_keys();
        let said = json!({ "sort": order.key(), "filter": said });
        let after = after.map(|text| read_place(order, &text)).transpose()?;
        Ok(Self { order, limit: limited, after, filter, said })
    }
}

impl Filter {
    fn read(&mut self, caller: &Caller, name: &str, value: &str) -> Result<(), Failure> {
        let wrong = |en: &str, zh: &str| {
            let flaw = Flaw::new(&codes::FILTER_VALUE).with("field", name).with("value", value);
            Failure::question(format!("filter[{name}]"), flaw.with("expected_en", en).with("expected_zh", zh))
        };
        let id = || Uuid::try_parse(value).map_err(|_| wrong("an id", "编号"));
        let moment = || {
            let zone = caller.org().time_zone;
            time(&value.into(), zone).ok_or_else(|| wrong("a time (RFC 3339) or a day", "时间（RFC 3339）或日期"))
        };
        let word = || match value.chars().count() {
            1..=MAX_WORD => Ok(value.to_owned()),
            _ => Err(wrong("1 to 128 characters", "1 至 128 个字符")),
        };
        match name {
            "class" => {
                let class = Class::ALL.into_iter().find(|class| class.key() == value);
                self.class = Some(class.ok_or_else(|| wrong(CLASSES, CLASSES))?);
            }
            "outcome" => {
                let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.key() == value);
                self.outcome = Some(outcome.ok_or_else(|| wrong(OUTCOMES, OUTCOMES))?);
            }
            "event" => self.event = Some(event(word()?)),
            "actor_id" => self.actor_id = Some(id()?),
            "kind" => self.kind = Some(word()?),
            "record_id" => self.record_id = Some(id()?),
            "via" => self.via = Some(word()?),
            "session_id" => self.session_id = Some(id()?),
            "request_id" => self.request_id = Some(word()?),
            "at.gte" => self.from = Some(moment()?),
            "at.lt" => self.to = Some(moment()?),
            "changed" => self.changed = Some(word()?),
            _ => {
                let flaw = Flaw::new(&codes::FILTER_FIELD).with("field", name).with("known", CONDITIONS);
                return Err(Failure::question(format!("filter[{name}]"), flaw));
            }
        }
        Ok(())
    }
}

const CLASSES: &str = "change, access, security, admin";
const OUTCOMES: &str = "ok, denied, failed";

fn event(text: String) -> Event {
    match text.strip_suffix('*') {
        Some(begin) if begin.ends_with('.') => Event::Of(begin.to_owned()),
        _ => Event::Is(text),
    }
}

fn sort(value: &str) -> Result<Order, Failure> {
    let known = [Order::Newest, Order::Written].into_iter().find(|order| order.key() == value);
    known.ok_or_else(|| {
        let flaw = Flaw::new(&codes::SORT_UNKNOWN).with("value", value).with("known", "-at, seq");
        Failure::question("sort", flaw)
    })
}

/// The text of a place in the log.
pub(super) fn behind(order: Order, place: Place) -> String {
    paging::cursor(&match place {
        Place::Id(id) => json!(["audit", order.key(), id]),
        Place::Seq(seq) => json!(["audit", order.key(), seq]),
    })
}

fn read_place(order: Order, text: &str) -> Result<Place, Failure> {
    let read = || {
        let (of, sort, key): (String, String, Value) = paging::place(text)?;
        if of != "audit" || sort != order.key() {
            return None;
        }
        match order {
            Order::Newest => serde_json::from_value(key).ok().map(Place::Id),
            Order::Written => key.as_i64().filter(|seq| *seq >= 0).map(Place::Seq),
        }
    };
    read().ok_or_else(paging::wrong_cursor)
}
