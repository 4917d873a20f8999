//! What is asked: each operation with the requests that one of the people sends.

mod core;
mod counts;
mod lists;
mod shapes;
mod text;

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::cast::Who;
use super::place::Place;
use crate::client::Connection;
use crate::core::{OWNERS, Rows};
use crate::random::Random;
use crate::wire::Call;

/// How much longer a p99 may be at the largest size than at the smallest.
pub(super) const LISTED: f64 = 1.5;
/// The same for text search.
pub(super) const TEXT: f64 = 2.0;
/// Pages that are read on from the first to have different requests.
const PAGES: usize = 10;
/// Different pages of a list.
const DIFFERENT: usize = 60;

/// How many requests are worth waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Requests for all of the time.
    Whole,
    /// Of one of many that are alike.
    Short,
    /// So many in each round.
    Few(usize),
}

type Make = Box<dyn Fn(&mut Asker<'_>, usize) -> Result<Vec<Call>>>;

/// An operation.
pub(super) struct Ask {
    /// Under which heading.
    pub(super) group: &'static str,
    pub(super) name: String,
    pub(super) who: Who,
    /// How much longer it may take; none where nothing is aimed at.
    pub(super) aim: Option<f64>,
    pub(super) weight: Weight,
    /// It changes something, so that the server has something left to do when it has answered.
    pub(super) writes: bool,
    /// How many customers a request makes at the most.
    makes: usize,
    make: Make,
}

impl Ask {
    fn new(
        group: &'static str,
        name: impl Into<String>,
        who: Who,
        make: impl Fn(&mut Asker<'_>, usize) -> Result<Vec<Call>> + 'static,
    ) -> Self {
        let (name, make) = (name.into(), Box::new(make));
        Self { group, name, who, aim: Some(LISTED), weight: Weight::Whole, writes: false, makes: 0, make }
    }

    /// Requests that differ by chance alone.
    fn each(
        group: &'static str,
        name: impl Into<String>,
        who: Who,
        one: impl Fn(&mut Asker<'_>) -> Call + 'static,
    ) -> Self {
        Self::new(group, name, who, move |asker, many| Ok((0..many).map(|_| one(asker)).collect()))
    }

    fn aim(self, aim: Option<f64>) -> Self {
        Self { aim, ..self }
    }

    fn weight(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }

    fn writing(self, makes: usize) -> Self {
        Self { writes: true, makes, ..self }
    }

    /// So many requests to that place; fewer where there are no more different ones.
    ///
    /// # Errors
    /// What they are made of cannot be read.
    pub(super) fn calls(&self, place: &mut Place<'_>, many: usize) -> Result<Vec<Call>> {
        let made = if self.makes > 0 { place.reserve(many * self.makes)? } else { 0 };
        let token = place.token(self.who)?;
        // The same chance at every size.
        let random = Random::new(self.name.bytes().fold(7, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte)));
        let mut asker = Asker { place, who: self.who, token, random, made };
        (self.make)(&mut asker, many).with_context(|| self.name.clone())
    }
}

/// All operations, in the order of the tables.
///
/// # Errors
/// The server does not tell its shapes.
pub(super) fn all(place: &mut Place<'_>) -> Result<Vec<Ask>> {
    let token = place.token(Who::Administrator)?;
    let mut asks = core::all();
    asks.extend(lists::all());
    asks.extend(text::all());
    asks.extend(counts::all());
    asks.extend(shapes::all(&place.server.base, &token)?);
    Ok(asks)
}

/// The mixture of crm-core, by number: half get, a fifth list, a tenth each of phone, create and update.
pub(super) use self::core::{batch, creates, get, mixed};

/// Somebody at a place, with a stream of chance.
pub(super) struct Asker<'a> {
    pub(super) place: &'a Place<'a>,
    pub(super) who: Who,
    pub(super) token: String,
    pub(super) random: Random,
    /// The place in set 1 of the next new customer.
    pub(super) made: usize,
}

impl Asker<'_> {
    pub(super) fn get(&self, path: String) -> Call {
        Call { method: "GET", path, token: self.token.clone(), ..Call::default() }
    }

    pub(super) fn send(&self, method: &'static str, path: &str, body: &Value) -> Call {
        let (path, token) = (path.to_owned(), self.token.clone());
        Call { method, path, token, key: String::new(), body: body.to_string() }
    }

    /// The place of a customer within reach.
    pub(super) fn customer(&mut self) -> usize {
        let rows = Rows { set: 0 };
        let mut tries = (0..1000).map(|_| self.random.place(self.place.size));
        tries.find(|place| self.who.sees(rows.row(*place).owner)).unwrap_or_default()
    }

    /// The id of a customer within reach.
    pub(super) fn id(&mut self) -> String {
        let place = self.customer();
        self.place.ids.get(place).to_owned()
    }

    /// Salespeople whose customers are within reach.
    pub(super) fn owners(&self) -> Vec<String> {
        let seen = (0..OWNERS).filter(|owner| self.who.sees(*owner));
        seen.filter_map(|owner| self.place.cast.owners.get(owner).cloned()).collect()
    }

    /// Different pages of lists: the first of each, and those behind it until there are enough.
    pub(super) fn pages(&self, paths: &[String]) -> Result<Vec<Call>> {
        let wanted = (DIFFERENT / paths.len().max(1)).clamp(1, PAGES);
        let mut connection = Connection::open(&self.place.server.base)?;
        let mut calls = Vec::new();
        for path in paths.iter().take(DIFFERENT) {
            let mut call = self.get(path.clone());
            for _ in 1..wanted {
                let Some(next) = next(&mut connection, &call)? else { break };
                calls.push(call);
                call = self.get(format!("{path}&after={next}"));
            }
            calls.push(call);
        }
        Ok(calls)
    }
}

/// The cursor behind a page; none where it is the last, or was refused.
fn next(connection: &mut Connection, call: &Call) -> Result<Option<String>> {
    let answer = connection.send(call)?;
    let page: Value = serde_json::from_slice(&answer.body()?).unwrap_or_default();
    Ok(page.pointer("/page/next").and_then(Value::as_str).map(str::to_owned))
}

/// A text as it stands in an address.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A condition of a list in its address.
fn filter(member: &str, value: &str) -> String {
    format!("filter%5B{member}%5D={}", encoded(value))
}

/// The time that a round may take.
pub(super) fn time_of(weight: Weight, whole: Duration, rounds: u32) -> (Duration, usize) {
    match weight {
        Weight::Whole => (whole / rounds, 2000),
        Weight::Short => (whole / rounds / 3, 1000),
        Weight::Few(many) => (whole, many),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_an_address_is_encoded() {
        assert_eq!(filter("tags", "重点 a"), "filter%5Btags%5D=%E9%87%8D%E7%82%B9%20a");
        assert_eq!(encoded("2026-01-01_~"), "2026-01-01_~");
    }
}
