//! The index by which sealed values are found.
//!
//! A value's bucket is the high bits of its HMAC. A bucket of 8 bits fills up to [`BUCKET`] entries; what comes after
//! goes to the bucket of 12 bits of the same value, then 16, and so on: every bucket holds several values, so that it
//! tells little, and a look-up reads at most six short buckets at any number of entries, with no rebuilding.

use std::collections::HashMap;

use kehu_domain::field::Find;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

use crate::crypto::index::{IndexClass, IndexVersion, Width};
use crate::crypto::roots::{KeyRing, NoRoot};
use crate::engine::rows::{Reads, row};
use crate::entities::pii_index;
use crate::failure::Failure;

/// Widths of buckets in bits, from the first to be filled to the widest that there is.
const WIDTHS: [u8; 6] = [8, 12, 16, 20, 24, Width::MAX.bits()];

/// How many entries a bucket takes before the next width is used.
const BUCKET: usize = 4;

/// A value to be found under.
#[derive(Clone)]
pub(crate) struct Entry {
    /// Its class.
    pub(crate) class: IndexClass,
    /// The normalised value.
    pub(crate) value: String,
    /// Whether it names one person or company.
    pub(crate) strong: bool,
    /// The field it stands in, for pointers.
    pub(crate) pointer: String,
}

/// A record that holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Which of the values.
    pub(crate) entry: usize,
    /// The record's kind.
    pub(crate) kind: String,
    /// The record.
    pub(crate) record_id: Uuid,
    /// The customer it belongs to; the record itself where it belongs to none.
    pub(crate) parent_id: Uuid,
    /// Whether it is a strong key there.
    pub(crate) strong: bool,
}

/// The index class of a sealed field.
pub(crate) fn class_of(find: Find) -> IndexClass {
    match find {
        Find::Phone => IndexClass::Phone,
        Find::Email => IndexClass::Email,
        Find::Wechat => IndexClass::Wechat,
        Find::IdNumber => IndexClass::IdNumber,
        Find::BankAccount => IndexClass::BankAccount,
        Find::Birthday => IndexClass::Birthday,
        Find::ExternalId => IndexClass::ExternalId,
    }
}

fn class_number(class: IndexClass) -> i64 {
    match class {
        IndexClass::Phone => 1,
        IndexClass::Email => 2,
        IndexClass::IdNumber => 3,
        IndexClass::BankAccount => 4,
        IndexClass::Wechat => 5,
        IndexClass::Birthday => 6,
        IndexClass::Login => 7,
        IndexClass::Custom => 8,
        IndexClass::ExternalId => 9,
    }
}

/// Widths of a class. There are 366 birthdays, however many people: they stay in the first buckets, where wider ones
/// would give each day away, and where a new one goes need not be asked.
fn widths(class: IndexClass) -> &'static [u8] {
    if class == IndexClass::Birthday { &WIDTHS[..1] } else { &WIDTHS }
}

/// The buckets of a value under a root, one per width: class and width in the high bits, the hash below.
fn buckets(ring: &KeyRing, key_id: u32, class: IndexClass, value: &str) -> Result<Vec<i64>, Failure> {
    // The bucket of fewer bits is the beginning of the one of more.
    let widest = ring.index_value(class, IndexVersion { key_id, width: Width::MAX }, value)?;
    let bucket = |bits: u8| {
        let hash = widest.0 >> (Width::MAX.bits() - bits);
        (class_number(class) << 40) | (i64::from(bits) << 32) | hash
    };
    Ok(widths(class).iter().copied().map(bucket).collect())
}

/// Whether the value's first bucket is the same under both roots, as it is for one of 256.
#[cfg(test)]
pub(crate) fn meets(ring: &KeyRing, roots: [u32; 2], class: IndexClass, value: &str) -> bool {
    let [one, other] = roots.map(|root| buckets(ring, root, class, value).unwrap().first().copied());
    one == other
}

/// What a look-up found, and where a new entry of each value would go.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) hits: Vec<Hit>,
    places: Vec<i64>,
}

/// Looks values up, in one statement.
pub(crate) async fn find(db: &impl Reads, ring: &KeyRing, org: Uuid, entries: &[Entry]) -> Result<Found, Failure> {
    look(db, ring, org, entries, |_| true).await
}

/// The same for values that are to be written: what has one place alone is not asked for.
pub(crate) async fn find_places(
    db: &impl Reads,
    ring: &KeyRing,
    org: Uuid,
    entries: &[Entry],
) -> Result<Found, Failure> {
    look(db, ring, org, entries, |entry| widths(entry.class).len() > 1).await
}

async fn look(
    db: &impl Reads,
    ring: &KeyRing,
    org: Uuid,
    entries: &[Entry],
    asks: impl Fn(&Entry) -> bool,
) -> Result<Found, Failure> {
    if entries.is_empty() {
        return Ok(Found::default());
    }
    // New entries go where the primary root says. While the index gets another root, some are still where the one before
    // says, or already where the next one does.
    let (primary, others) = (ring.primary_index(), ring.index_roots().skip(1));
    let keys_of = |key_id: u32| {
        let keys = entries.iter().map(|entry| buckets(ring, key_id, entry.class, &entry.value));
        keys.collect::<Result<Vec<Vec<i64>>, Failure>>()
    };
    let keys = keys_of(primary)?;
    let elsewhere = others.map(keys_of).collect::<Result<Vec<_>, Failure>>()?;
    let asked = std::iter::once(&keys).chain(&elsewhere).flat_map(|keys| entries.iter().zip(keys));
    let asked = asked.filter(|(entry, _)| asks(entry)).flat_map(|(_, keys)| keys.iter().copied());
    let rows = rows_of(db, org, asked.collect()).await?;
    let mut found = Found::default();
    // Places that are given away here, by bucket: the values of a set may meet in one.
    let mut given: HashMap<i64, usize> = HashMap::new();
    for (at, (entry, keys)) in entries.iter().zip(&keys).enumerate() {
        let bucket = |key: &i64| rows.get(key).map(Vec::as_slice).unwrap_or_default();
        let full = |key: &i64| bucket(key).len() + given.get(key).copied().unwrap_or_default() >= BUCKET;
        let place = keys.iter().find(|key| !full(key)).or(keys.last()).copied().unwrap_or_default();
        *given.entry(place).or_default() += 1;
        found.places.push(place);
        // A value's bucket may be the same under two roots: what is in it counts once.
        let elsewhere = elsewhere.iter().filter_map(|keys| keys.get(at)).flatten();
        let mut places: Vec<i64> = keys.iter().chain(elsewhere).copied().collect();
        places.sort_unstable();
        places.dedup();
        for row in places.iter().flat_map(bucket) {
            let key_id = u32::try_from(row.key_id).unwrap_or(0);
            let check = match ring.index_check(entry.class, key_id, row.record_id, &entry.value) {
                Ok(check) => check,
                // Nothing is to be left under a root that retired; who looks for another value need not suffer for it.
                Err(NoRoot::Retired(root)) => {
                    tracing::error!(%org, root, record = %row.record_id, "an entry of the index is under a retired root");
                    continue;
                }
                Err(stale) => return Err(stale.into()),
            };
            if check.as_slice() == row.check {
                found.hits.push(Hit {
                    entry: at,
                    kind: row.kind.clone(),
                    record_id: row.record_id,
                    parent_id: row.parent_id,
                    strong: row.strong,
                });
            }
        }
    }
    Ok(found)
}

/// An entry of a bucket: whether it holds the value that is looked for, its check tells.
#[derive(FromQueryResult)]
struct Candidate {
    bucket: i64,
    key_id: i64,
    check: Vec<u8>,
    kind: String,
    record_id: Uuid,
    parent_id: Uuid,
    strong: bool,
}

row!(Candidate { bucket, key_id, check, kind, record_id, parent_id, strong });

/// The most buckets that one statement asks for: far below the engines' limits of placeholders.
const ASKED: usize = 4096;

/// The rows of those buckets, by bucket.
async fn rows_of(db: &impl Reads, org: Uuid, mut keys: Vec<i64>) -> Result<HashMap<i64, Vec<Candidate>>, Failure> {
    keys.sort_unstable();
    keys.dedup();
    let mut rows: HashMap<i64, Vec<Candidate>> = HashMap::new();
    for part in keys.chunks(ASKED) {
        use pii_index::Column as C;
        let query = pii_index::Entity::find()
            .select_only()
            .columns([C::Bucket, C::KeyId, C::Check, C::Kind, C::RecordId, C::ParentId, C::Strong])
            .filter(C::OrgId.eq(org))
            .filter(C::Bucket.is_in(padded(part.to_vec())));
        for row in db.rows::<Candidate>(query.build(db.get_database_backend())).await? {
            rows.entry(row.bucket).or_default().push(row);
        }
    }
    Ok(rows)
}

/// A list of a few standard lengths, so that a few prepared statements serve every call.
pub(crate) fn padded<T: Clone>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().cloned() {
        values.resize(padded_length(values.len()), last);
    }
    values
}

/// How long a list of so many values is made.
pub(crate) fn padded_length(values: usize) -> usize {
    values.next_power_of_two().max(4)
}

/// The row of a new entry, at the place that [`find`] saw.
pub(crate) fn row(
    ring: &KeyRing,
    org: Uuid,
    found: &Found,
    at: usize,
    entry: &Entry,
    record: (&str, Uuid, Uuid),
) -> Result<pii_index::Model, Failure> {
    let (kind, record_id, parent_id) = record;
    let key_id = ring.primary_index();
    let bucket = match found.places.get(at) {
        Some(place) => *place,
        None => buckets(ring, key_id, entry.class, &entry.value)?.first().copied().unwrap_or_default(),
    };
    Ok(pii_index::Model {
        org_id: org,
        key_id: i64::from(key_id),
        class: entry.class.as_str().to_owned(),
        bucket,
        check: ring.index_check(entry.class, key_id, record_id, &entry.value)?.to_vec(),
        kind: kind.to_owned(),
        record_id,
        parent_id,
        strong: entry.strong,
    })
}

impl Found {
    /// What was found of lists of values that were looked up as one.
    pub(crate) fn split(self, lengths: impl Iterator<Item = usize>) -> Vec<Self> {
        let mut hits = self.hits.into_iter().peekable();
        let mut places = self.places.into_iter();
        let mut from = 0;
        let part = |length: usize| {
            let mut part = Self { hits: Vec::new(), places: places.by_ref().take(length).collect() };
            // Hits are in the order of the values.
            while let Some(hit) = hits.next_if(|hit| hit.entry < from + length) {
                part.hits.push(Hit { entry: hit.entry - from, ..hit });
            }
            from += length;
            part
        };
        lengths.map(part).collect()
    }

    /// What was found and where it goes, for the values from there on.
    pub(crate) fn from(&self, at: usize) -> Self {
        Self { hits: Vec::new(), places: self.places.get(at..).unwrap_or_default().to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(entry: usize) -> Hit {
        Hit { entry, kind: "customer".into(), record_id: Uuid::nil(), parent_id: Uuid::nil(), strong: true }
    }

    #[test]
    fn what_was_found_of_several_lists_is_told_apart() {
        let found = Found { hits: [0, 0, 2, 4].map(hit).into(), places: vec![10, 11, 12, 13, 14] };
        let parts = found.split([2, 0, 1, 2].into_iter());
        let told: Vec<(Vec<usize>, Vec<i64>)> =
            parts.into_iter().map(|part| (part.hits.iter().map(|hit| hit.entry).collect(), part.places)).collect();
        assert_eq!(told, [(vec![0, 0], vec![10, 11]), (vec![], vec![]), (vec![0], vec![12]), (vec![1], vec![13, 14])]);
    }

    #[test]
    fn lists_are_padded_to_a_few_lengths() {
        assert_eq!(padded(Vec::<i64>::new()), Vec::<i64>::new());
        assert_eq!(padded(vec![7]), [7; 4]);
        assert_eq!(padded(vec![1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
    }
}
