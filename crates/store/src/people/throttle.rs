//! Failed sign-ins are counted per account and address, so that guessing is slow and nobody can lock out somebody else.
//! Rows in the database: every server counts the same.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::crypto::index::IndexClass;
use crate::dialect::statement;
use crate::engine;
use crate::entities::login_failure;
use crate::failure::{Failure, SignInFailure};
use crate::gate::Gate;

/// How long failures count together.
pub(super) const WINDOW: Duration = Duration::minutes(15);
/// Failures of one account from one address.
const OF_PAIR: i64 = 10;
/// Failures from one address, of whatever account: an office has many people behind one.
const OF_ADDRESS: i64 = 300;

/// Keeps the two hashes apart, though both go under one key.
const ADDRESS: Uuid = Uuid::from_u128(1);

/// An account and an address, as keyed hashes: the table names nobody.
#[derive(Clone)]
pub(super) struct Pair {
    account: Vec<u8>,
    address: Vec<u8>,
}

impl Pair {
    /// `account` is what was typed as a sign-in name, normalised.
    pub(super) fn new(gate: &Gate, account: &str, address: Option<&str>) -> Result<Self, Failure> {
        let ring = gate.installation_ring()?;
        let hash = |what, text: &str| ring.index_check(IndexClass::Login, ring.primary_index(), what, text);
        let address = address.map(network).unwrap_or_default();
        Ok(Self { account: hash(Uuid::nil(), account)?.to_vec(), address: hash(ADDRESS, &address)?.to_vec() })
    }
}

impl Pair {
    /// Both keyed hashes as one.
    pub(super) fn both(&self) -> Vec<u8> {
        [&*self.account, &*self.address].concat()
    }

    /// The keyed hash of the address.
    pub(super) fn address(&self) -> &[u8] {
        &self.address
    }
}

/// An IPv4 address, or the first half of an IPv6 one: the rest is the client's to choose.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(ip)) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).to_string(),
        _ => address.to_owned(),
    }
}

/// Too many failures.
pub(super) struct Closed {
    /// For how many seconds still.
    pub(super) seconds: u32,
    /// Which ones, as a key: those of a pair since they are counted, or those of an address.
    pub(super) failures: Vec<u8>,
}

/// Refuses where there were too many failures.
pub(super) async fn check(db: &impl ConnectionTrait, pair: &Pair, now: DateTime<Utc>) -> Result<(), Failure> {
    let refused = |closed: Closed| Err(Failure::SignIn(SignInFailure::Throttled(closed.seconds)));
    closed(db, pair, now).await?.map_or(Ok(()), refused)
}

/// Whether there were too many failures.
pub(super) async fn closed(
    db: &impl ConnectionTrait,
    pair: &Pair,
    now: DateTime<Utc>,
) -> Result<Option<Closed>, Failure> {
    let rows = login_failure::Entity::find()
        .filter(login_failure::Column::Address.eq(pair.address.clone()))
        .filter(login_failure::Column::Since.gt(now - WINDOW))
        .all(db)
        .await?;
    let own = rows.iter().find(|row| row.account == pair.account && row.failures >= OF_PAIR);
    let all: i64 = rows.iter().map(|row| row.failures).sum();
    let oldest = || rows.iter().map(|row| row.since).min();
    let Some(since) = own.map(|row| row.since).or_else(|| oldest().filter(|_| all >= OF_ADDRESS)) else {
        return Ok(None);
    };
    let left = (since + WINDOW - now).num_milliseconds().max(1);
    let seconds = u32::try_from((left + 999) / 1000).unwrap_or(u32::MAX);
    let failures = match own {
        Some(row) => [&*pair.account, &*pair.address, &row.since.timestamp_millis().to_be_bytes()].concat(),
        None => pair.address.clone(),
    };
    Ok(Some(Closed { seconds, failures }))
}

/// Counts a failure. What was counted before the window begins is forgotten.
pub(super) async fn count(db: &engine::Tx, pair: &Pair, now: DateTime<Utc>) -> Result<(), Failure> {
    let sql = "INSERT INTO login_failures (account, address, failures, since) VALUES (?, ?, 1, ?) \
               ON CONFLICT (account, address) DO UPDATE SET \
               failures = CASE WHEN login_failures.since > ? THEN login_failures.failures + 1 ELSE 1 END, \
               since = CASE WHEN login_failures.since > ? THEN login_failures.since ELSE excluded.since END";
    let begin = now - WINDOW;
    let values = [pair.account.clone().into(), pair.address.clone().into(), now.into(), begin.into(), begin.into()];
    db.execute_raw(statement(db, sql, values)).await?;
    Ok(())
}

/// Forgets the failures of a pair: it was somebody who knew the password.
pub(super) async fn clear(db: &engine::Tx, pair: &Pair) -> Result<(), Failure> {
    let key = (pair.account.clone(), pair.address.clone());
    login_failure::Entity::delete_by_id(key).exec(db).await?;
    Ok(())
}

/// Deletes what does not count any more.
pub(super) async fn sweep(db: &engine::Tx, now: DateTime<Utc>) -> Result<u64, Failure> {
    let old = login_failure::Column::Since.lte(now - WINDOW);
    Ok(login_failure::Entity::delete_many().filter(old).exec(db).await?.rows_affected)
}
