//! What is asked of every system: the operations, and the requests of one.

use crate::core::rows::{OWNERS, Row, Rows, STAGES};
use crate::random::Random;

/// Requests come again from the beginning after so many: more than a round asks of what changes something.
const REPEATED: usize = 20_000;
/// Customers that are at hand for each second of creating.
const CREATED_PER_SECOND: usize = 5000;

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Get,
    List,
    Phone,
    Name,
    Update,
    Create,
    Mixed,
}

/// All of them, in the order in which they are measured.
pub(crate) const OPERATIONS: [Operation; 7] = [
    Operation::Get,
    Operation::List,
    Operation::Phone,
    Operation::Name,
    Operation::Update,
    Operation::Create,
    Operation::Mixed,
];

impl Operation {
    /// What it is called on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Phone => "phone",
            Self::Name => "name",
            Self::Update => "update",
            Self::Create => "create",
            Self::Mixed => "mixed",
        }
    }

    /// What it does, for readers.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Get => "get by id",
            Self::List => "list 50 by owner and stage",
            Self::Phone => "search by phone",
            Self::Name => "search by part of the name",
            Self::Update => "update",
            Self::Create => "create with a contact",
            Self::Mixed => "mixed",
        }
    }
}

/// A request, in no system's words.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// The loaded customer at that place.
    Get(usize),
    /// The first fifty of that salesperson at that stage, the last changed first.
    List(usize, &'static str),
    /// By the whole number.
    Phone(String),
    /// By a part of the name.
    Name(String),
    /// Another remark for the customer at that place.
    Update(usize, String),
}

impl Asked {
    /// Whether something must be found.
    pub(crate) fn is_search(&self) -> bool {
        matches!(self, Self::List(..) | Self::Phone(_) | Self::Name(_))
    }
}

/// The requests of one operation.
pub(crate) struct Plan {
    /// In order, and from the beginning again; `None` creates the next of `rows`.
    pub(crate) turns: Vec<Option<Asked>>,
    /// Customers that are created, each once. When there are no more, the load ends.
    pub(crate) rows: Vec<Row>,
}

impl Plan {
    /// The plan of an operation in one of the rounds, over so many loaded customers and for so many seconds.
    pub(crate) fn new(operation: Operation, round: u64, loaded: usize, seconds: usize) -> Self {
        let random = &mut Random::new(round * 7919 + u64::try_from(operation.word().len()).unwrap_or(0));
        // Two sets a round: what creating and the mixture write must not meet.
        let set = Rows { set: 1 + 2 * round + u64::from(operation == Operation::Mixed) };
        let rows = match operation {
            Operation::Create => CREATED_PER_SECOND * seconds,
            Operation::Mixed => CREATED_PER_SECOND / 2 * seconds,
            _ => 0,
        };
        let turn = |number| match operation {
            Operation::Mixed => turn(mixed(random), random, number, loaded),
            other => turn(other, random, number, loaded),
        };
        Self { turns: (0..REPEATED).map(turn).collect(), rows: (0..rows).map(|place| set.row(place)).collect() }
    }
}

/// One of the mixture: 80 % read, 20 % write.
fn mixed(random: &mut Random) -> Operation {
    match random.below(100) {
        0..50 => Operation::Get,
        50..70 => Operation::List,
        70..80 => Operation::Phone,
        80..90 => Operation::Create,
        _ => Operation::Update,
    }
}

fn turn(operation: Operation, random: &mut Random, number: usize, loaded: usize) -> Option<Asked> {
    let place = random.place(loaded);
    Some(match operation {
        Operation::Get => Asked::Get(place),
        Operation::List => Asked::List(random.place(OWNERS), random.pick(STAGES)),
        Operation::Phone => Asked::Phone(Rows { set: 0 }.phone(place)),
        // From the third character on: the number at its end makes it one customer's, or a few customers'.
        Operation::Name => Asked::Name(Rows { set: 0 }.row(place).name.chars().skip(2).collect()),
        Operation::Update => Asked::Update(place, format!("更新 {number}")),
        Operation::Create | Operation::Mixed => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixture_has_its_shares_and_only_creating_needs_rows() {
        let plan = Plan::new(Operation::Mixed, 0, 100, 1);
        let share = |wanted: fn(&Option<Asked>) -> bool| plan.turns.iter().filter(|turn| wanted(turn)).count() * 100;
        for (count, percent) in [
            (share(|turn| matches!(turn, Some(Asked::Get(_)))), 50),
            (share(|turn| matches!(turn, Some(Asked::List(..)))), 20),
            (share(|turn| matches!(turn, Some(Asked::Phone(_)))), 10),
            (share(|turn| matches!(turn, Some(Asked::Update(..)))), 10),
            (share(Option::is_none), 10),
        ] {
            assert!(count.abs_diff(percent * REPEATED) < 2 * REPEATED, "{count} of {percent} %");
        }
        assert_eq!(plan.rows.len(), CREATED_PER_SECOND / 2);
        assert!(Plan::new(Operation::Get, 0, 100, 1).rows.is_empty());
    }

    #[test]
    fn rounds_create_different_customers() {
        let names = |operation, round| Plan::new(operation, round, 1, 1).rows.first().map(|row| row.name.clone());
        assert_ne!(names(Operation::Create, 0), names(Operation::Create, 1));
        assert_ne!(names(Operation::Create, 0), names(Operation::Mixed, 0));
    }
}
