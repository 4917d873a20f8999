//! What holds the chain at both ends, so that nobody without the key can cut it and have it go on from there: for each
//! organisation where its chain begins and which stretch is the last, and for all of them the place up to which entries
//! are closed. Each is signed; what is missing or not genuine is not closed any further, and a verification says so.

use std::sync::atomic::Ordering;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::crypto::chain::Signed;
use crate::crypto::roots::KeyRing;
use crate::engine;
use crate::entities::journal_head::{self, Model as Head};
use crate::entities::journal_reader;
use crate::failure::Failure;
use crate::gate::Gate;

use super::chain::NOTHING;
use super::header::{Hash, Message};

/// How often the place is read before it counts as set back: another task may have read a further one meanwhile.
const LOOKS: usize = 3;

/// The name of the place of the chain among those of readers.
const CHAIN: &str = "chain";

/// The chain of an organisation, nothing closed yet: entries up to the place `begins` are older than it.
pub(crate) fn first(ring: &KeyRing, begins: i64) -> Head {
    signed(ring, Head { org_id: ring.org(), begins, number: 0, hash: NOTHING.to_vec(), mac: Vec::new() })
}

/// The same chain with another last stretch.
pub(super) fn next(ring: &KeyRing, head: &Head, number: i64, hash: &[u8]) -> Head {
    signed(ring, Head { number, hash: hash.to_vec(), ..head.clone() })
}

fn signed(ring: &KeyRing, mut head: Head) -> Head {
    head.mac = ring.sign(Signed::Stretch, &message(&head));
    head
}

fn message(head: &Head) -> Hash {
    let message = Message::of("kehu-journal/v1/head").id(head.org_id).number(head.begins).number(head.number);
    message.bytes(&head.hash).hash()
}

/// The head of an organisation's chain; nothing where there is none, or another one than Kehu wrote.
pub(crate) async fn head(db: &impl ConnectionTrait, ring: &KeyRing) -> Result<Option<Head>, Failure> {
    let head = journal_head::Entity::find_by_id(ring.org()).one(db).await?;
    Ok(head.filter(|head| ring.signature_fits(Signed::Stretch, &message(head), &head.mac).unwrap_or(false)))
}

/// Moves the head of a chain on.
pub(super) async fn move_head(db: &engine::Tx, before: &Head, after: Head) -> Result<(), Failure> {
    use journal_head::Column as C;
    let moved = journal_head::Entity::update_many()
        .col_expr(C::Number, after.number.into())
        .col_expr(C::Hash, after.hash.into())
        .col_expr(C::Mac, after.mac.into())
        .filter(C::OrgId.eq(before.org_id))
        .filter(C::Number.eq(before.number));
    match moved.exec(db).await?.rows_affected {
        1 => Ok(()),
        _ => Err(Failure::Internal("the head of a chain moved by itself".into())),
    }
}

pub(super) fn place_mac(installation: &KeyRing, seq: i64) -> Vec<u8> {
    let message = Message::of("kehu-journal/v1/place").bytes(CHAIN.as_bytes()).number(seq).hash();
    installation.sign(Signed::Stretch, &message)
}

/// The place up to which entries are closed; nothing where it is not as Kehu wrote it, or was set back.
pub(super) async fn place(gate: &Gate) -> Result<Option<i64>, Failure> {
    for _ in 0..LOOKS {
        let found = look(gate).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

async fn look(gate: &Gate) -> Result<Option<i64>, Failure> {
    let row = journal_reader::Entity::find_by_id(CHAIN.to_owned()).one(gate.engine()).await?;
    let Some(row) = row else { return Ok(None) };
    let ring = gate.installation_ring()?;
    let message = Message::of("kehu-journal/v1/place").bytes(CHAIN.as_bytes()).number(row.seq).hash();
    let genuine = ring.signature_fits(Signed::Stretch, &message, &row.mac.unwrap_or_default()).unwrap_or(false);
    let furthest = gate.mark().closed().fetch_max(if genuine { row.seq } else { 0 }, Ordering::Relaxed);
    Ok(Some(row.seq).filter(|seq| genuine && *seq >= furthest))
}

/// Moves the place on. Not, if somebody else has.
pub(super) async fn move_place(db: &engine::Tx, installation: &KeyRing, from: i64, to: i64) -> Result<bool, Failure> {
    use journal_reader::Column as C;
    let moved = journal_reader::Entity::update_many()
        .col_expr(C::Seq, to.into())
        .col_expr(C::Mac, Some(place_mac(installation, to)).into())
        .filter(C::Name.eq(CHAIN))
        .filter(C::Seq.eq(from));
    Ok(moved.exec(db).await?.rows_affected == 1)
}

/// Signs the place as the migration left it: once, with the first roots that the installation has.
pub(crate) async fn sign_place(db: &engine::Tx, installation: &KeyRing) -> Result<i64, Failure> {
    let row = journal_reader::Entity::find_by_id(CHAIN.to_owned()).one(db).await?;
    let seq = row.map(|row| row.seq).ok_or_else(|| Failure::Internal("the chain has no place".into()))?;
    move_place(db, installation, seq, seq).await?;
    Ok(seq)
}

/// The place at which the chain of an organisation begins, as its row says.
pub(crate) async fn begins(db: &impl ConnectionTrait, org: Uuid) -> Result<i64, Failure> {
    Ok(journal_head::Entity::find_by_id(org).one(db).await?.map_or(0, |head| head.begins))
}
