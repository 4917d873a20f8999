//! The ledger: which records were erased, by keyed hashes of their ids, so that they are erased again where an older copy
//! of the data comes back. As text it has a signed line for each record, and a signed end of each organisation.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use kehu_domain::fields::format_time;
use kehu_domain::filter::{Fact, Scalar, members};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::crypto::chain::Signed;
use crate::crypto::roots::KeyRing;
use crate::engine;
use crate::entities::erasure;
use crate::failure::Failure;
use crate::gate::{Caller, Gate};
use crate::hex;
use crate::inserts::{self, Insert};
use crate::machine::Shown;
use crate::org::INSTALLATION;
use crate::pii::padded;
use crate::registry;
use crate::tx::Tx;

/// The word that every line begins with.
const VERSION: &str = "kehu-erasure/v1";
/// What stands in the place of a time in the last line of an organisation.
const END: &str = "end";
/// Rows that are read or written together.
const TOGETHER: u64 = 500;

/// A ledger as text that is not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    /// A line is not what `kehu erasures export` writes.
    #[error("line {0} is not one of a ledger of erasures")]
    Unreadable(usize),
    /// A line was not written with the key of its organisation, or was changed.
    #[error("line {0} was changed, or was not written by this installation")]
    Forged(usize),
    /// Lines of an organisation are missing, or stand in another order.
    #[error("the lines of organisation {0} are not complete: its end is missing or does not fit")]
    Incomplete(Uuid),
    /// An organisation of the database has no lines: not even its end.
    #[error("it has nothing of organisation {0}, not even its end: it was cut short, or is not of every organisation")]
    Lacking(String),
    /// The database could not.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// How many lines were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Records in the ledger, known before or not.
    pub records: usize,
    /// Records of organisations that this database does not have.
    pub strangers: usize,
}

/// A row of the ledger of another copy of this database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldRow {
    /// The organisation.
    pub org: Uuid,
    /// The keyed hash.
    pub mac: Vec<u8>,
    /// The kind.
    pub kind: String,
    /// When it was erased.
    pub at: DateTime<Utc>,
}

fn message(kind: &str, id: Uuid) -> Vec<u8> {
    [b"kehu-erasure/v1/record\0".as_slice(), kind.as_bytes(), b"\0", id.as_bytes()].concat()
}

/// What the ledger may have a record under.
pub(super) fn macs(ring: &KeyRing, kind: &str, id: Uuid) -> Vec<Vec<u8>> {
    ring.signatures(Signed::Erasure, &message(kind, id))
}

/// The unique key of the job that erases a record: its id would be one more trace.
pub(super) fn job_key(ring: &KeyRing, kind: &str, id: Uuid) -> String {
    format!("erase:{}", hex::encode(&ring.sign(Signed::Erasure, &message(kind, id))))
}

/// Whether a record was erased, or is about to be.
pub(crate) async fn knows(tx: &Tx<'_>, kind: &str, id: Uuid) -> Result<bool, Failure> {
    let macs = macs(tx.caller().ring(), kind, id);
    let row = erasure::Entity::find().filter(erasure::Column::OrgId.eq(tx.org_id()));
    Ok(row.filter(erasure::Column::Mac.is_in(padded(macs))).one(tx.db()).await?.is_some())
}

/// Leaves deleted records out that were erased, or are about to be, or hang on such: nobody sees them any more.
pub(crate) async fn without_erased(
    caller: &Caller,
    mut records: Vec<Box<dyn Shown>>,
) -> Result<Vec<Box<dyn Shown>>, Failure> {
    let deleted = records.iter().filter(|record| record.base().deleted_at.is_some());
    let marks: HashMap<Uuid, Vec<Vec<u8>>> =
        deleted.map(|record| (record.base().id, marks_of(caller, &**record))).collect();
    if marks.is_empty() {
        return Ok(records);
    }
    let all: Vec<Vec<u8>> = marks.values().flatten().cloned().collect();
    let rows = erasure::Entity::find().filter(erasure::Column::OrgId.eq(caller.org().id));
    let rows = rows.filter(erasure::Column::Mac.is_in(padded(all))).all(caller.db()).await?;
    let known: HashSet<Vec<u8>> = rows.into_iter().map(|row| row.mac).collect();
    let is_known = |marks: &Vec<Vec<u8>>| marks.iter().any(|mark| known.contains(mark));
    records.retain(|record| !marks.get(&record.base().id).is_some_and(is_known));
    Ok(records)
}

/// What the ledger may have a record under, or one that it goes with: its customer, or the contact that it is about.
fn marks_of(caller: &Caller, record: &dyn Shown) -> Vec<Vec<u8>> {
    let about = members(record.kind()).find(|member| member.name == "record_id").map(|member| record.fact(member));
    let about = match about {
        Some(Fact::One(Scalar::Id(id))) => Some(id),
        _ => None,
    };
    let ids = [Some(record.base().id), Some(record.customer()), about];
    let of = |id: Uuid| {
        let kinds = registry::machines().filter(|machine| machine.erasable());
        kinds.flat_map(move |machine| macs(caller.ring(), machine.kind().name, id))
    };
    ids.into_iter().flatten().flat_map(of).collect()
}

/// Notes records; those that are known stay as they are.
pub(super) async fn note(tx: &Tx<'_>, kind: &str, ids: &[Uuid]) -> Result<(), Failure> {
    let row = |id: &Uuid| erasure::Model {
        org_id: tx.org_id(),
        mac: tx.caller().ring().sign(Signed::Erasure, &message(kind, *id)),
        kind: kind.to_owned(),
        at: tx.now(),
    };
    insert(tx.db(), ids.iter().map(row).collect()).await
}

async fn insert(db: &engine::Tx, rows: Vec<erasure::Model>) -> Result<(), Failure> {
    let rows = Insert::of(rows.into_iter().map(IntoActiveModel::into_active_model).collect());
    inserts::write(db, vec![rows.on_conflict("ON CONFLICT DO NOTHING")]).await
}

impl Gate {
    /// The ledger of an organisation as text, a line for each record and one for the end.
    ///
    /// # Errors
    /// There is no such organisation, or the database is away.
    pub async fn erasures(&self, org: Uuid) -> Result<Vec<String>, Failure> {
        let ring = self.fresh_ring(org).await?;
        let mut lines = Vec::new();
        for row in self.ledger_of(org).await? {
            let said = format!("{VERSION} {org} {} {} {}", format_time(row.at), row.kind, hex::encode(&row.mac));
            lines.push(format!("{said} {}", hex::encode(&ring.sign(Signed::Erasure, &line_message(&said)))));
        }
        let said = format!("{VERSION} {org} {END} {}", lines.len());
        lines.push(format!("{said} {}", hex::encode(&ring.sign(Signed::Erasure, &end_message(&said, &lines)))));
        Ok(lines)
    }

    /// Puts a ledger that was written as text beside this database's own: whole, or not at all. It has the end of every
    /// organisation of this database: one that is cut between two organisations looks whole otherwise.
    ///
    /// # Errors
    /// A line is not as it was written, some are missing, or the database is away.
    pub async fn take_erasures(&self, text: &str) -> Result<Taken, LedgerError> {
        let organisations = self.organisations().await?;
        let known: HashSet<Uuid> = organisations.iter().map(|(_, org)| *org).collect();
        let mut of: BTreeMap<Uuid, Vec<(usize, &str)>> = BTreeMap::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let org = line.split(' ').nth(1).and_then(|org| Uuid::parse_str(org).ok());
            let org = org.filter(|_| line.starts_with(VERSION)).ok_or(LedgerError::Unreadable(at + 1))?;
            of.entry(org).or_default().push((at + 1, line));
        }
        if let Some((slug, _)) =
            organisations.into_iter().find(|(_, org)| *org != INSTALLATION && !of.contains_key(org))
        {
            return Err(LedgerError::Lacking(slug));
        }
        let (mut taken, mut rows) = (Taken::default(), Vec::new());
        for (org, lines) in of {
            if !known.contains(&org) {
                taken.strangers += lines.len().saturating_sub(1);
                continue;
            }
            let ring = self.fresh_ring(org).await?;
            rows.extend(read(&ring, org, &lines)?);
        }
        taken.records = rows.len();
        self.take_rows(rows).await?;
        Ok(taken)
    }

    /// Puts the ledger of another copy of this database beside its own.
    ///
    /// # Errors
    /// The database is away.
    pub async fn take_old_erasures(&self, rows: Vec<OldRow>) -> Result<(), Failure> {
        let row = |OldRow { org, mac, kind, at }| erasure::Model { org_id: org, mac, kind, at };
        self.take_rows(rows.into_iter().map(row).collect()).await
    }

    async fn take_rows(&self, rows: Vec<erasure::Model>) -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        self.write_raw(async move |db: &engine::Tx| insert(db, rows).await).await
    }

    /// The ledger of an organisation, in the order of its hashes, which is none.
    pub(super) async fn ledger_of(&self, org: Uuid) -> Result<Vec<erasure::Model>, Failure> {
        use erasure::Column as C;
        let mut all: Vec<erasure::Model> = Vec::new();
        loop {
            let rest = erasure::Entity::find().filter(C::OrgId.eq(org));
            let rest = match all.last() {
                Some(last) => rest.filter(C::Mac.gt(last.mac.clone())),
                None => rest,
            };
            let rows = rest.order_by_asc(C::Mac).limit(TOGETHER).all(self.engine()).await?;
            if rows.is_empty() {
                return Ok(all);
            }
            all.extend(rows);
        }
    }
}

/// The rows of an organisation's lines.
fn read(ring: &KeyRing, org: Uuid, lines: &[(usize, &str)]) -> Result<Vec<erasure::Model>, LedgerError> {
    let Some(((end_at, end), lines)) = lines.split_last() else { return Ok(Vec::new()) };
    let rows = lines.iter().map(|(at, line)| row(ring, org, *at, line)).collect::<Result<Vec<_>, _>>()?;
    let (said, signature) = signed(end, *end_at)?;
    if said != format!("{VERSION} {org} {END} {}", rows.len()) {
        return Err(LedgerError::Incomplete(org));
    }
    let lines: Vec<String> = lines.iter().map(|(_, line)| (*line).to_owned()).collect();
    match fits(ring, &end_message(said, &lines), &signature) {
        true => Ok(rows),
        false => Err(LedgerError::Incomplete(org)),
    }
}

fn row(ring: &KeyRing, org: Uuid, at: usize, line: &str) -> Result<erasure::Model, LedgerError> {
    let unreadable = || LedgerError::Unreadable(at);
    let (said, signature) = signed(line, at)?;
    if !fits(ring, &line_message(said), &signature) {
        // An end in front of others is one of another ledger behind it.
        let is_end = said.split(' ').nth(2) == Some(END);
        return Err(if is_end { LedgerError::Incomplete(org) } else { LedgerError::Forged(at) });
    }
    let mut words = said.split(' ').skip(2);
    let (Some(time), Some(kind), Some(mac), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(unreadable());
    };
    let time = DateTime::parse_from_rfc3339(time).map_err(|_| unreadable())?;
    let mac = hex::decode(mac).ok_or_else(unreadable)?;
    Ok(erasure::Model { org_id: org, mac, kind: kind.to_owned(), at: time.with_timezone(&Utc) })
}

/// What a line says, and its signature.
fn signed(line: &str, at: usize) -> Result<(&str, Vec<u8>), LedgerError> {
    let (said, signature) = line.rsplit_once(' ').ok_or(LedgerError::Unreadable(at))?;
    Ok((said, hex::decode(signature).ok_or(LedgerError::Unreadable(at))?))
}

fn fits(ring: &KeyRing, message: &[u8], signature: &[u8]) -> bool {
    ring.signature_fits(Signed::Erasure, message, signature).unwrap_or(false)
}

fn line_message(said: &str) -> Vec<u8> {
    [b"kehu-erasure/v1/line\0".as_slice(), said.as_bytes()].concat()
}

fn end_message(said: &str, lines: &[String]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    [b"kehu-erasure/v1/end\0".as_slice(), said.as_bytes(), b"\0", hash.finalize().as_slice()].concat()
}
