//! The clear part of an entry, and what is computed over it: its code, made when it is written, and its digest, which
//! a closed stretch keeps. Byte formats: docs/sealing.md.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::FromQueryResult;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::crypto::chain::Signed;
use crate::crypto::roots::KeyRing;
use crate::engine::rows;
use crate::entities::journal;

/// The header of an entry, with its place in the order.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(crate) struct Header {
    pub(crate) seq: i64,
    pub(crate) org_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) class: String,
    pub(crate) outcome: String,
    pub(crate) event: String,
    pub(crate) actor_kind: String,
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) via: String,
    pub(crate) session_id: Option<Uuid>,
    pub(crate) request_id: String,
    pub(crate) kind: Option<String>,
    pub(crate) record_id: Option<Uuid>,
    pub(crate) version: i64,
    pub(crate) changed: String,
    pub(crate) owner_before: Option<Uuid>,
    pub(crate) owner_after: Option<Uuid>,
    pub(crate) team_before: Option<Uuid>,
    pub(crate) team_after: Option<Uuid>,
    pub(crate) commitment: Vec<u8>,
    pub(crate) mac: Vec<u8>,
}

rows::row!(Header {
    seq,
    org_id,
    id,
    at,
    class,
    outcome,
    event,
    actor_kind,
    actor_id,
    via,
    session_id,
    request_id,
    kind,
    record_id,
    version,
    changed,
    owner_before,
    owner_after,
    team_before,
    team_after,
    commitment,
    mac,
});

/// An entry as it is verified.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Sealed {
    #[sea_orm(nested)]
    pub(crate) header: Header,
    pub(crate) body: Option<Vec<u8>>,
}

impl rows::Row for Sealed {
    const COLUMNS: &'static [&'static str] = &[
        "seq",
        "org_id",
        "id",
        "at",
        "class",
        "outcome",
        "event",
        "actor_kind",
        "actor_id",
        "via",
        "session_id",
        "request_id",
        "kind",
        "record_id",
        "version",
        "changed",
        "owner_before",
        "owner_after",
        "team_before",
        "team_after",
        "commitment",
        "mac",
        "body",
    ];

    fn read(cells: &mut rows::Cells<'_>) -> Result<Self, rows::RowFault> {
        Ok(Self { header: rows::Row::read(cells)?, body: cells.next()? })
    }
}

impl Sealed {
    /// The beginning of a query.
    pub(crate) fn select() -> String {
        format!("SELECT {} FROM journal", <Self as rows::Row>::COLUMNS.join(", "))
    }
}

/// SHA-256.
pub(crate) type Hash = [u8; 32];

/// Bytes whose parts cannot run into each other: every text has its length, every absent value is marked.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn of(name: &str) -> Self {
        Self([name.as_bytes(), &[0]].concat())
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend(bytes);
        self
    }

    pub(crate) fn number(mut self, number: i64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(crate) fn id(mut self, id: Uuid) -> Self {
        self.0.extend(id.as_bytes());
        self
    }

    fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    fn text_or_null(mut self, text: Option<&str>) -> Self {
        self.0.push(u8::from(text.is_some()));
        if let Some(text) = text { self.text(text) } else { self }
    }

    fn id_or_null(mut self, id: Option<Uuid>) -> Self {
        self.0.push(u8::from(id.is_some()));
        if let Some(id) = id { self.id(id) } else { self }
    }

    pub(crate) fn hash(&self) -> Hash {
        Sha256::digest(&self.0).into()
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&journal::Model> for Header {
    fn from(row: &journal::Model) -> Self {
        let row = row.clone();
        Self {
            seq: row.seq,
            org_id: row.org_id,
            id: row.id,
            at: row.at,
            class: row.class,
            outcome: row.outcome,
            event: row.event,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            via: row.via,
            session_id: row.session_id,
            request_id: row.request_id,
            kind: row.kind,
            record_id: row.record_id,
            version: row.version,
            changed: row.changed,
            owner_before: row.owner_before,
            owner_after: row.owner_after,
            team_before: row.team_before,
            team_after: row.team_after,
            commitment: row.commitment,
            mac: row.mac,
        }
    }
}

impl Header {
    /// What the code is made over: everything but the place in the order, which is given when the row is written.
    pub(crate) fn message(&self) -> Message {
        Message::of("kehu-journal/v1/entry")
            .id(self.org_id)
            .id(self.id)
            .number(self.at.timestamp_millis())
            .text(&self.class)
            .text(&self.outcome)
            .text(&self.event)
            .text(&self.actor_kind)
            .id_or_null(self.actor_id)
            .text(&self.via)
            .id_or_null(self.session_id)
            .text(&self.request_id)
            .text_or_null(self.kind.as_deref())
            .id_or_null(self.record_id)
            .number(self.version)
            .text(&self.changed)
            .id_or_null(self.owner_before)
            .id_or_null(self.owner_after)
            .id_or_null(self.team_before)
            .id_or_null(self.team_after)
            .bytes(&self.commitment)
    }

    /// Whether the code is this organisation's and belongs to this header. A key that is gone is no code.
    pub(crate) fn is_genuine(&self, ring: &KeyRing) -> bool {
        ring.signature_fits(Signed::Entry, self.message().as_ref(), &self.mac).unwrap_or(false)
    }

    /// What a stretch keeps of the entry: header, code and place.
    pub(crate) fn digest(&self) -> Hash {
        let message = self.message();
        Message::of("kehu-journal/v1/digest").number(self.seq).bytes(&self.mac).bytes(message.as_ref()).hash()
    }

    /// The row of a new entry, with its code.
    pub(crate) fn into_row(self, ring: &KeyRing, body: Vec<u8>, origin: Option<Vec<u8>>) -> journal::ActiveModel {
        let mac = ring.sign(Signed::Entry, self.message().as_ref());
        journal::ActiveModel {
            seq: NotSet,
            org_id: Set(self.org_id),
            id: Set(self.id),
            at: Set(self.at),
            class: Set(self.class),
            outcome: Set(self.outcome),
            event: Set(self.event),
            actor_kind: Set(self.actor_kind),
            actor_id: Set(self.actor_id),
            via: Set(self.via),
            session_id: Set(self.session_id),
            request_id: Set(self.request_id),
            kind: Set(self.kind),
            record_id: Set(self.record_id),
            version: Set(self.version),
            changed: Set(self.changed),
            owner_before: Set(self.owner_before),
            owner_after: Set(self.owner_after),
            team_before: Set(self.team_before),
            team_after: Set(self.team_after),
            commitment: Set(self.commitment),
            body: Set(Some(body)),
            origin: Set(origin),
            mac: Set(mac),
        }
    }
}
