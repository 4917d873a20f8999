//! When users last used each of their rights, for reviews of them.
//!
//! A use is noted in memory where a right is asked for and given, and written from time to time, all of them in one
//! statement: a read must not become a write. An hour is told apart from the next and nothing finer, so that a right
//! that is in use all day costs a row 24 times. What was used since the last time is lost with a server that is killed.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use kehu_domain::rights::{ACTIONS, Action, RIGHTS, Right, kind_names};
use moka::sync::Cache;
use sea_orm::Value;
use uuid::Uuid;

use crate::engine;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::inserts::{self, Insert, PLAIN};

/// Users who are remembered at once.
const MOST: u64 = 100_000;
/// How long one is remembered who does nothing: by then all of it is written.
const IDLE: Duration = Duration::from_secs(2 * 3600);
/// Rows of one transaction.
const TOGETHER: usize = 1000;
const SECONDS: i64 = 3600;

/// A row is there already where the right was used before; on another server perhaps later.
const LATER: &str = "ON CONFLICT (org_id, user_id, used) DO UPDATE SET last_used_at = excluded.last_used_at \
     WHERE right_uses.last_used_at < excluded.last_used_at";

/// Every right by its place: `customer.update`, then those that are about no record.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let of_records = kind_names().flat_map(|kind| ACTIONS.map(|(_, action)| format!("{kind}.{action}")));
    of_records.chain(RIGHTS.iter().map(|(_, word)| (*word).to_owned())).collect()
});

/// What a right over records is called: `customer.update`.
pub(crate) fn name(kind: &str, action: Action) -> Option<&'static str> {
    NAMES.get(of_records(kind, action)?).map(String::as_str)
}

fn of_records(kind: &str, action: Action) -> Option<usize> {
    let kind = kind_names().position(|known| known == kind)?;
    let action = ACTIONS.iter().position(|(known, _)| *known == action)?;
    Some(kind * ACTIONS.len() + action)
}

fn besides(right: Right) -> Option<usize> {
    let right = RIGHTS.iter().position(|(known, _)| *known == right)?;
    Some(kind_names().count() * ACTIONS.len() + right)
}

/// A right of a user: the hours since 1970 in which it was last used, and in which that was last written.
#[derive(Default)]
struct Slot {
    used: AtomicU32,
    written: AtomicU32,
}

type Slots = Arc<[Slot]>;

/// Uses that are remembered, by organisation and user.
pub(crate) struct Uses(Cache<(Uuid, Uuid), Slots>);

impl Default for Uses {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_idle(IDLE).build())
    }
}

/// A use that is not written yet.
struct Due {
    org: Uuid,
    user: Uuid,
    place: usize,
    hour: u32,
    slots: Slots,
}

impl Due {
    fn row(&self) -> Vec<Value> {
        let at = DateTime::<Utc>::from_timestamp(i64::from(self.hour) * SECONDS, 0).unwrap_or_default();
        let name = NAMES.get(self.place).cloned().unwrap_or_default();
        vec![self.org.into(), self.user.into(), name.into(), at.into()]
    }

    fn is_written(&self) {
        if let Some(slot) = self.slots.get(self.place) {
            slot.written.fetch_max(self.hour, Ordering::Relaxed);
        }
    }
}

impl Uses {
    /// Notes that a user uses a right over records of a kind.
    pub(crate) fn of_records(&self, whose: (Uuid, Uuid), action: Action, kind: &str, now: DateTime<Utc>) {
        self.note(whose, of_records(kind, action), now);
    }

    /// Notes that a user uses a right that is about no record.
    pub(crate) fn besides(&self, whose: (Uuid, Uuid), right: Right, now: DateTime<Utc>) {
        self.note(whose, besides(right), now);
    }

    fn note(&self, whose: (Uuid, Uuid), place: Option<usize>, now: DateTime<Utc>) {
        let (Some(place), Ok(hour)) = (place, u32::try_from(now.timestamp().div_euclid(SECONDS))) else { return };
        let fresh = || NAMES.iter().map(|_| Slot::default()).collect();
        if let Some(slot) = self.0.get_with(whose, fresh).get(place) {
            slot.used.fetch_max(hour, Ordering::Relaxed);
        }
    }

    /// What is to be written, in the same order on every server: they never wait for each other in a circle.
    fn due(&self) -> Vec<Due> {
        let mut due = Vec::new();
        for (whose, slots) in &self.0 {
            let (org, user) = *whose;
            for (place, slot) in slots.iter().enumerate() {
                let hour = slot.used.load(Ordering::Relaxed);
                if hour > slot.written.load(Ordering::Relaxed) {
                    due.push(Due { org, user, place, hour, slots: slots.clone() });
                }
            }
        }
        due.sort_unstable_by_key(|due| (due.org, due.user, due.place));
        due
    }
}

impl Gate {
    /// Writes which rights were used since the last time. How many.
    ///
    /// # Errors
    /// The database is away; what was not written is tried again the next time.
    pub async fn keep_uses(&self) -> Result<usize, Failure> {
        let columns = [("org_id", PLAIN), ("user_id", PLAIN), ("used", PLAIN), ("last_used_at", PLAIN)];
        let due = self.uses().due();
        for part in due.chunks(TOGETHER) {
            let rows = part.iter().map(Due::row).collect();
            let rows = Insert::into("right_uses", &columns, rows).on_conflict(LATER);
            self.write_raw(async move |db: &engine::Tx| inserts::write(db, vec![rows]).await).await?;
            part.iter().for_each(Due::is_written);
        }
        Ok(due.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn every_right_has_a_name_and_a_place_of_its_own() {
        assert_eq!(name("customer", Action::Update), Some("customer.update"));
        assert_eq!(name("nothing", Action::Update), None);
        let named = |place: usize| NAMES[place].as_str();
        assert_eq!(named(besides(Right::RightsGrant).unwrap()), "rights.grant");
        let mut names = NAMES.clone();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), NAMES.len());
    }

    #[test]
    fn an_hour_of_uses_is_written_once() {
        let (uses, ann) = (Uses::default(), (Uuid::from_u128(1), Uuid::from_u128(2)));
        for second in [7200, 7201, 10_799] {
            uses.of_records(ann, Action::Read, "customer", at(second));
        }
        uses.besides(ann, Right::AuditRead, at(7200));
        let due = uses.due();
        assert_eq!(due.len(), 2);
        assert_eq!(due[0].row()[2..], ["customer.read".to_owned().into(), at(7200).into()]);
        due.iter().for_each(Due::is_written);
        uses.of_records(ann, Action::Read, "customer", at(10_799));
        assert!(uses.due().is_empty());
        uses.of_records(ann, Action::Read, "customer", at(10_800));
        assert_eq!(uses.due().len(), 1);
    }
}
