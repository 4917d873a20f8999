//! Reading questions to a list: from an address, or from the body of a search.

use std::sync::Arc;

use kehu_domain::codes;
use kehu_domain::custom::CustomField;
use kehu_domain::filter::{Filter, FilterReader, Scope, relations, sorts};
use kehu_domain::flaw::Flaw;
use kehu_domain::record::Kind;
use kehu_domain::rights::Action;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::gate::Caller;
use crate::policy;
use crate::registry;

use super::answer::{Asked, is_member};
use super::counting::Count;
use super::deleted::{DELETED, known};
use super::expand;

/// The largest page.
pub(crate) const MAX_LIMIT: u64 = 500;
pub(crate) const DEFAULT_LIMIT: u64 = 50;
/// Longest text of `q`, in characters.
const MAX_Q: usize = 200;
/// Most words of `q`.
const MAX_WORDS: usize = 8;
/// How many rows are reached by the number of a page; what lies behind them, by a cursor.
pub(crate) const MAX_PAGED: u64 = 10_000;
/// The members of every search.
const MEMBERS: &[&str] = &["where", "sort", "limit", "after", "page", "fields", "expand", "q", "count", "can"];
/// The parameters of every list.
pub(crate) const KNOWN: &str = "filter[…], sort, limit, after, page, fields, expand, q, count, can";

pub(super) fn wrong(at: &str, flaw: Flaw) -> Failure {
    Failure::question(at, flaw)
}

pub(super) fn invalid(at: &str, value: &str, en: &str, zh: &str) -> Failure {
    let flaw = Flaw::new(&codes::PARAMETER_INVALID).with("value", value);
    wrong(at, flaw.with("expected_en", en).with("expected_zh", zh))
}

impl Asked {
    fn first_page(kind: &'static Kind, hidden: &[&'static str]) -> Self {
        let by_time = sorts(kind).any(|sort| sort == "happened_at" && !hidden.contains(&sort));
        let sort = if by_time { "happened_at" } else { "updated_at" };
        Self {
            filter: Filter::And(Vec::new()),
            sort: sort.to_owned(),
            custom_sort: None,
            desc: true,
            limit: DEFAULT_LIMIT,
            after: None,
            fields: None,
            expand: Vec::new(),
            q: None,
            sorted: false,
            count: Count::None,
            page: None,
            can: false,
            deleted: false,
        }
    }

    /// Reads a list's parameters, decoded, in order.
    pub(crate) fn from_parameters(
        caller: &Caller,
        kind: &'static Kind,
        parameters: Vec<(String, String)>,
    ) -> Result<Self, Failure> {
        let hidden = policy::hidden(caller, kind);
        let mut asked = Self::first_page(kind, &hidden);
        let mut reader = filters(caller, kind, hidden.clone());
        let mut conditions = Vec::new();
        for (name, value) in parameters {
            let filter = name.strip_prefix("filter[").and_then(|name| name.strip_suffix(']'));
            match (filter, name.as_str()) {
                (Some(filter), _) => {
                    conditions.push(reader.parameter(filter, &value).map_err(Failure::BadQuestion)?);
                }
                (_, "sort") => asked.set_sort((caller, kind), &hidden, "sort", &value)?,
                (_, "limit") => asked.set_limit("limit", value.parse().ok(), &value)?,
                (_, "after") => asked.after = Some(value),
                (_, "fields") => {
                    asked.set_fields((caller, kind), "fields", value.split(',').map(str::to_owned).collect())?;
                }
                (_, "expand") => asked.set_expand(kind, "expand", value.split(',').map(str::to_owned).collect())?,
                (_, "q") => asked.set_q(kind, "q", value)?,
                (_, "count") => asked.set_count("count", &value)?,
                (_, "page") => asked.set_page("page", value.parse().ok(), &value)?,
                (_, "can") => asked.set_can("can", value.parse().ok(), &value)?,
                (_, DELETED) if registry::is_removable(kind) => asked.set_deleted((caller, kind), DELETED, &value)?,
                _ => {
                    let known = known(kind, KNOWN);
                    let flaw = Flaw::new(&codes::PARAMETER_UNKNOWN).with("value", &name).with("known", known);
                    return Err(wrong(&name, flaw));
                }
            }
        }
        asked.filter = Filter::And(conditions);
        asked.check_page("page")?;
        asked.check_deleted(DELETED)?;
        Ok(asked)
    }

    /// Reads the parameters of one record: `fields`, `expand` and `deleted`.
    pub(crate) fn one(
        caller: &Caller,
        kind: &'static Kind,
        parameters: Vec<(String, String)>,
    ) -> Result<Self, Failure> {
        let mut asked = Self::first_page(kind, &[]);
        for (name, value) in parameters {
            match name.as_str() {
                "fields" => {
                    asked.set_fields((caller, kind), "fields", value.split(',').map(str::to_owned).collect())?;
                }
                "expand" => asked.set_expand(kind, "expand", value.split(',').map(str::to_owned).collect())?,
                DELETED if registry::is_removable(kind) => asked.set_deleted((caller, kind), DELETED, &value)?,
                _ => {
                    let known = known(kind, "fields, expand");
                    let flaw = Flaw::new(&codes::PARAMETER_UNKNOWN).with("value", &name).with("known", known);
                    return Err(wrong(&name, flaw));
                }
            }
        }
        Ok(asked)
    }

    /// Reads the body of a search.
    pub(crate) fn from_body(caller: &Caller, kind: &'static Kind, body: &Value) -> Result<Self, Failure> {
        let hidden = policy::hidden(caller, kind);
        let mut asked = Self::first_page(kind, &hidden);
        let members = body.as_object().ok_or_else(|| invalid("", "body", "an object", "对象"))?;
        for (name, value) in members {
            let at = format!("/{name}");
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match (name.as_str(), value) {
                (name, Value::Null) if is_said(kind, name) => {}
                ("where", filter) => {
                    let mut reader = filters(caller, kind, hidden.clone());
                    asked.filter = reader.body(filter, &at).map_err(Failure::BadQuestion)?;
                }
                ("sort", Value::String(sort)) => asked.set_sort((caller, kind), &hidden, &at, sort)?,
                ("sort", Value::Array(sorts)) => match sorts.as_slice() {
                    [Value::String(sort)] => asked.set_sort((caller, kind), &hidden, &at, sort)?,
                    _ => return Err(invalid(&at, &shown, "one sort", "一个排序字段")),
                },
                ("limit", limit) => asked.set_limit(&at, limit.as_u64(), &shown)?,
                ("after", Value::String(after)) => asked.after = Some(after.clone()),
                ("fields", list) => asked.set_fields((caller, kind), &at, texts(list, &at)?)?,
                ("expand", list) => asked.set_expand(kind, &at, texts(list, &at)?)?,
                ("q", Value::String(q)) => asked.set_q(kind, &at, q.clone())?,
                ("count", Value::String(count)) => asked.set_count(&at, count)?,
                ("page", page) => asked.set_page(&at, page.as_u64(), &shown)?,
                ("can", can) => asked.set_can(&at, can.as_bool(), &shown)?,
                (DELETED, said) if registry::is_removable(kind) => {
                    asked.set_deleted((caller, kind), &at, said.as_str().unwrap_or(&shown))?;
                }
                ("after" | "q" | "count" | "sort", _) => return Err(invalid(&at, &shown, "a text", "文本")),
                _ => {
                    let known = known(kind, &MEMBERS.join(", ")).into_owned();
                    let flaw = Flaw::new(&codes::PARAMETER_UNKNOWN).with("value", name).with("known", known);
                    return Err(wrong(&at, flaw));
                }
            }
        }
        asked.check_page("/page")?;
        asked.check_deleted("/deleted")?;
        Ok(asked)
    }

    /// The same question about records that fit one more condition.
    pub(crate) fn within(self, condition: Filter) -> Self {
        let filter = match self.filter {
            Filter::And(parts) => std::iter::once(condition).chain(parts).collect(),
            other => vec![condition, other],
        };
        Self { filter: Filter::And(filter), ..self }
    }

    /// The first page of all records of a kind, in an order where one is said.
    pub(crate) fn sorted(caller: &Caller, kind: &'static Kind, at: &str, sort: Option<&str>) -> Result<Self, Failure> {
        let hidden = policy::hidden(caller, kind);
        let mut asked = Self::first_page(kind, &hidden);
        if let Some(sort) = sort {
            asked.set_sort((caller, kind), &hidden, at, sort)?;
        }
        Ok(asked)
    }

    fn set_sort(
        &mut self,
        (caller, kind): (&Caller, &'static Kind),
        hidden: &[&'static str],
        at: &str,
        value: &str,
    ) -> Result<(), Failure> {
        let (desc, name) = value.strip_prefix('-').map_or((false, value), |name| (true, name));
        self.sorted = true;
        if name.starts_with("custom.") {
            self.custom_sort = Some(custom_sort(caller, kind, at, name)?);
            (self.desc, self.sort) = (desc, name.to_owned());
            return Ok(());
        }
        self.custom_sort = None;
        let known = || sorts(kind).filter(|sort| !hidden.contains(sort));
        if !known().any(|known| known == name) {
            let known: Vec<&str> = known().collect();
            let flaw = Flaw::new(&codes::SORT_UNKNOWN).with("value", value).with("known", known.join(", "));
            return Err(wrong(at, flaw));
        }
        (self.desc, self.sort) = (desc, name.to_owned());
        Ok(())
    }

    fn set_q(&mut self, kind: &'static Kind, at: &str, q: String) -> Result<(), Failure> {
        self.q = words(kind, at, q)?;
        Ok(())
    }

    fn set_limit(&mut self, at: &str, limit: Option<u64>, shown: &str) -> Result<(), Failure> {
        let limit = limit
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(|| wrong(at, Flaw::new(&codes::LIMIT_INVALID).with("value", shown).with("max", MAX_LIMIT)))?;
        self.limit = limit;
        Ok(())
    }

    fn set_fields(
        &mut self,
        (caller, kind): (&Caller, &'static Kind),
        at: &str,
        names: Vec<String>,
    ) -> Result<(), Failure> {
        let custom = caller.org().custom(kind.name);
        match names.iter().find(|name| !is_member(kind, name) && custom.by_name(name).is_none()) {
            Some(name) => {
                let known = kind.fields.iter().map(|field| field.name);
                let known: Vec<&str> = known.chain(custom.iter().map(|field| field.name.as_str())).collect();
                let flaw = Flaw::new(&codes::FILTER_FIELD).with("field", name).with("known", known.join(", "));
                Err(wrong(at, flaw))
            }
            None => {
                self.fields = Some(names);
                Ok(())
            }
        }
    }

    fn set_expand(&mut self, kind: &'static Kind, at: &str, names: Vec<String>) -> Result<(), Failure> {
        let known = expand::expansion_paths(kind.name);
        match names.iter().find(|name| !known.contains(name)) {
            Some(name) => Err(invalid(at, name, &known.join(", "), &known.join("、"))),
            None => {
                self.expand = names;
                Ok(())
            }
        }
    }

    fn set_count(&mut self, at: &str, value: &str) -> Result<(), Failure> {
        self.count = match value {
            "none" => Count::None,
            "estimate" => Count::Estimate,
            "exact" => Count::Exact,
            _ => return Err(invalid(at, value, "none, estimate or exact", "none、estimate 或 exact")),
        };
        Ok(())
    }

    fn set_page(&mut self, at: &str, page: Option<u64>, shown: &str) -> Result<(), Failure> {
        let page = page
            .filter(|page| *page > 0)
            .ok_or_else(|| invalid(at, shown, "the number of a page, from 1", "页码（从 1 开始）"))?;
        self.page = Some(page);
        Ok(())
    }

    /// A page by its number has a place already, and does not lie far behind.
    fn check_page(&self, at: &str) -> Result<(), Failure> {
        let Some(page) = self.page else { return Ok(()) };
        if self.after.is_some() {
            let (en, zh) = ("either `page` or `after`, not both", "page 与 after 二者之一，不能同时使用");
            return Err(invalid(at, &page.to_string(), en, zh));
        }
        if page.checked_mul(self.limit).is_none_or(|rows| rows > MAX_PAGED) {
            let flaw = Flaw::new(&codes::USE_CURSOR).with("value", page).with("max", MAX_PAGED);
            return Err(wrong(at, flaw));
        }
        Ok(())
    }

    fn set_can(&mut self, at: &str, can: Option<bool>, shown: &str) -> Result<(), Failure> {
        self.can = can.ok_or_else(|| invalid(at, shown, "true or false", "true 或 false"))?;
        Ok(())
    }
}

/// Words of a text; only kinds that have a name, or text that is searched.
fn words(kind: &'static Kind, at: &str, q: String) -> Result<Option<String>, Failure> {
    if !kind.takes_words() {
        let known = known(kind, KNOWN).replace(", q", "");
        return Err(wrong(at, Flaw::new(&codes::PARAMETER_UNKNOWN).with("value", "q").with("known", known)));
    }
    if q.chars().count() > MAX_Q || q.split_whitespace().count() > MAX_WORDS {
        let (en, zh) = ("at most 8 words in 200 characters", "最多 8 个词、200 个字符");
        return Err(invalid(at, &q.chars().take(50).collect::<String>(), en, zh));
    }
    Ok(Some(q).filter(|q| !q.trim().is_empty()))
}

/// Whether the body of a search has such a member.
fn is_said(kind: &Kind, name: &str) -> bool {
    MEMBERS.contains(&name) || name == DELETED && registry::is_removable(kind)
}

/// Members of a body that were not read.
pub(crate) type Rest<'b> = Vec<(&'b str, &'b Value)>;

/// Which records a body is about, where it asks for no list of them.
pub(crate) struct Question {
    pub(crate) filter: Filter,
    pub(crate) q: Option<String>,
}

impl Question {
    /// Reads `where` and `q` of a body at that place, and gives the other members.
    pub(crate) fn read<'b>(
        caller: &Caller,
        kind: &'static Kind,
        members: &'b Map<String, Value>,
        at: &str,
    ) -> Result<(Self, Rest<'b>), Failure> {
        let mut question = Self { filter: Filter::And(Vec::new()), q: None };
        let mut rest = Vec::new();
        for (name, value) in members {
            let at = format!("{at}/{name}");
            match (name.as_str(), value) {
                ("where" | "q", Value::Null) => {}
                ("where", filter) => {
                    let mut reader = filters(caller, kind, policy::hidden(caller, kind));
                    question.filter = reader.body(filter, &at).map_err(Failure::BadQuestion)?;
                }
                ("q", Value::String(q)) => question.q = words(kind, &at, q.clone())?,
                ("q", other) => return Err(invalid(&at, &other.to_string(), "a text", "文本")),
                (name, value) => rest.push((name, value)),
            }
        }
        Ok((question, rest))
    }
}

/// A field that the organisation added, to order a list by.
fn custom_sort(caller: &Caller, kind: &'static Kind, at: &str, name: &str) -> Result<Arc<CustomField>, Failure> {
    let known = policy::askable(caller, kind);
    let Some(field) = known.iter().find(|field| field.name == name && field.is_sortable()) else {
        let custom = known.iter().filter(|field| field.is_sortable() && field.filterable);
        let names: Vec<String> = sorts(kind).map(str::to_owned).chain(custom.map(|field| field.name.clone())).collect();
        let flaw = Flaw::new(&codes::SORT_UNKNOWN).with("value", name).with("known", names.join(", "));
        return Err(wrong(at, flaw));
    };
    let missing = match field {
        field if !field.filterable => &codes::CUSTOM_NOT_FILTERABLE,
        field if !field.is_indexed => &codes::CUSTOM_NOT_INDEXED,
        field => return Ok(field.clone()),
    };
    Err(wrong(at, Flaw::new(missing).with("field", name)))
}

/// A reader of filters over a kind, as the caller may ask for it.
pub(crate) fn filters<'a>(caller: &'a Caller, kind: &'static Kind, hidden: Vec<&'static str>) -> FilterReader<'a> {
    let org = caller.org();
    let reader = FilterReader::new(kind, &org.region, caller.gate().now(), org.time_zone).without(hidden);
    let reader = reader.with(policy::askable(caller, kind));
    // A relation to what the caller may not read is as if there were none.
    let readable = |kind: &Kind| !caller.rights().reach(Action::Read, kind.name).is_none();
    relations(kind).filter(|relation| readable(relation.to)).fold(reader, |reader, relation| {
        let (hidden, custom) = (policy::hidden(caller, relation.to), policy::askable(caller, relation.to));
        reader.along(relation, Scope { hidden, custom })
    })
}

fn texts(list: &Value, at: &str) -> Result<Vec<String>, Failure> {
    let items = list.as_array().map(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
    items.flatten().ok_or_else(|| invalid(at, &list.to_string(), "a list of texts", "文本列表"))
}
