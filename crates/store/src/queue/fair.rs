//! Whose turn it is.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A job that could be claimed: one of the first of its organisation and priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) org: Uuid,
    pub(super) id: Uuid,
    pub(super) priority: i64,
    pub(super) run_at: DateTime<Utc>,
    /// Whether it has waited for so long that every few turns are of its like.
    pub(super) waited: bool,
}

/// What organisations hold already.
pub(super) struct Held<'a> {
    /// Jobs that run anywhere.
    pub(super) anywhere: HashMap<Uuid, usize>,
    /// Jobs that run on this server.
    pub(super) here: &'a HashMap<Uuid, usize>,
    /// How many jobs this server runs at once.
    pub(super) slots: usize,
    /// When this server last claimed a job of each, counted in claims.
    pub(super) turns: &'a Turns,
}

/// Whose turn was when. A server remembers it for itself: short jobs would otherwise always be those of whoever has
/// waited longest, however many that one has.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    last: HashMap<Uuid, u64>,
    claims: u64,
}

impl Turns {
    /// Organisations that are remembered.
    const MANY: usize = 10_000;
    /// Every turn of so many is of those that have waited long. It is not their priority that rises: a thousand of them
    /// would keep what somebody waits for waiting.
    const OLD: u64 = 4;

    pub(super) fn take(&mut self, org: Uuid) {
        if self.last.len() >= Self::MANY {
            self.last.clear();
        }
        self.claims += 1;
        self.last.insert(org, self.claims);
    }

    /// Whether the next claim is of those that have waited long.
    fn is_of_old(&self) -> bool {
        self.claims % Self::OLD == Self::OLD - 1
    }

    fn of(&self, org: Uuid) -> u64 {
        self.last.get(&org).copied().unwrap_or_default()
    }
}

/// The heads in the order in which they are claimed: by priority (every fourth turn those first that have waited long,
/// whatever their priority), then those of the organisation that has the fewest
/// running, whose last turn was longest ago, then the one that waits longest. An organisation with a thousand jobs takes
/// turns with one that has three.
///
/// No organisation takes the last free slot of a server for itself: with all the others in its hands, whoever comes next
/// finds one at once instead of waiting for a job to end. A server with one slot has none to keep.
pub(super) fn order(mut heads: Vec<Head>, held: Held<'_>) -> Vec<Head> {
    let Held { mut anywhere, here, slots, turns } = held;
    let most = slots.saturating_sub(1).max(1);
    let (mut here, mut turns) = (here.clone(), turns.clone());
    let mut order = Vec::with_capacity(heads.len());
    loop {
        heads.retain(|head| here.get(&head.org).copied().unwrap_or_default() < most);
        let is_of_old = turns.is_of_old();
        let rank = |head: &Head| {
            let running = anywhere.get(&head.org).copied().unwrap_or_default();
            let priority = if is_of_old && head.waited { -1 } else { head.priority };
            (priority, running, turns.of(head.org), head.run_at, head.id)
        };
        let Some((at, next)) = heads.iter().copied().enumerate().min_by_key(|(_, head)| rank(head)) else {
            return order;
        };
        heads.swap_remove(at);
        *anywhere.entry(next.org).or_default() += 1;
        *here.entry(next.org).or_default() += 1;
        turns.take(next.org);
        order.push(next);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(org: u128, at: i64, priority: i64) -> Head {
        let run_at = DateTime::from_timestamp_millis(at).unwrap();
        let id = Uuid::from_u128(org << 64 | u128::from(at.unsigned_abs()));
        Head { org: Uuid::from_u128(org), id, priority, run_at, waited: false }
    }

    fn orgs(heads: &[Head]) -> Vec<u128> {
        heads.iter().map(|head| head.org.as_u128()).collect()
    }

    fn ordered(heads: Vec<Head>, slots: usize) -> Vec<u128> {
        let (here, turns) = (HashMap::new(), Turns::default());
        orgs(&order(heads, Held { anywhere: HashMap::new(), here: &here, slots, turns: &turns }))
    }

    #[test]
    fn organisations_take_turns_although_one_was_there_before() {
        let heads = vec![head(1, 1, 1), head(1, 2, 1), head(1, 3, 1), head(2, 8, 1), head(3, 9, 1)];
        assert_eq!(ordered(heads, 9), [1, 2, 3, 1, 1]);
    }

    #[test]
    fn priority_goes_before_turns_and_every_fourth_turn_is_of_those_that_waited() {
        let old = |waited| (0..3).map(move |at| Head { waited, ..head(1, at, 2) });
        let high = || (5..11).map(|at| head(2, at, 0));
        assert_eq!(ordered(old(false).chain(high()).collect(), 20), [2, 2, 2, 2, 2, 2, 1, 1, 1]);
        assert_eq!(ordered(old(true).chain(high()).collect(), 20), [2, 2, 2, 1, 2, 2, 2, 1, 1]);
    }

    #[test]
    fn what_somebody_waits_for_does_not_wait_for_thousands_that_are_old() {
        let old = (0..40).map(|at| Head { waited: true, ..head(1, at, 2) });
        let heads: Vec<Head> = old.chain([head(1, 20_000, 0)]).collect();
        for claims in 0..4 {
            let (here, mut turns) = (HashMap::new(), Turns::default());
            (0..claims).for_each(|_| turns.take(Uuid::from_u128(9)));
            let held = Held { anywhere: HashMap::new(), here: &here, slots: 99, turns: &turns };
            let order = order(heads.clone(), held);
            assert!(order.iter().position(|head| head.priority == 0).unwrap() <= 1);
        }
    }

    #[test]
    fn what_runs_elsewhere_counts() {
        let (org, here, turns) = (Uuid::from_u128(1), HashMap::new(), Turns::default());
        let held = Held { anywhere: HashMap::from([(org, 2)]), here: &here, slots: 9, turns: &turns };
        assert_eq!(orgs(&order(vec![head(1, 1, 1), head(2, 5, 1), head(2, 6, 1)], held)), [2, 2, 1]);
    }

    #[test]
    fn whose_turn_was_longest_ago_goes_first_although_others_wait_longer() {
        let (here, mut turns) = (HashMap::new(), Turns::default());
        turns.take(Uuid::from_u128(1));
        let held = Held { anywhere: HashMap::new(), here: &here, slots: 9, turns: &turns };
        assert_eq!(orgs(&order(vec![head(1, 1, 1), head(1, 2, 1), head(2, 9, 1)], held)), [2, 1, 1]);
    }

    #[test]
    fn the_last_slot_is_kept_for_others_where_there_are_several() {
        let heads: Vec<Head> = (0..9).map(|at| head(1, at, 1)).collect();
        assert_eq!(ordered(heads.clone(), 4).len(), 3);
        assert_eq!(ordered(heads.clone(), 1).len(), 1);
        let (here, turns) = (HashMap::from([(Uuid::from_u128(1), 2)]), Turns::default());
        let held = Held { anywhere: here.clone(), here: &here, slots: 4, turns: &turns };
        assert_eq!(order(heads, held).len(), 1);
    }

    proptest! {
        /// Among jobs of one priority no organisation is ever two turns ahead of another that still waits.
        #[test]
        fn nobody_is_two_turns_ahead(many in proptest::collection::vec(1_i64..20, 1..8)) {
            let heads: Vec<Head> =
                (1..).zip(&many).flat_map(|(org, many)| (0..*many).map(move |at| head(org, at, 1))).collect();
            let mut left = many.clone();
            let mut given = vec![0; many.len()];
            for org in ordered(heads, 1000) {
                let org = usize::try_from(org).unwrap() - 1;
                given[org] += 1;
                left[org] -= 1;
                for other in (0..many.len()).filter(|other| left[*other] > 0) {
                    prop_assert!(given[org] <= given[other] + 1);
                }
            }
            prop_assert!(left.iter().all(|left| *left == 0));
        }
    }
}
