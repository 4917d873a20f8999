//! The clear part of an entry, and what is computed over it: its code, made when it is written, and its digest, which
//! a closed stretch keeps. Byte formats: docs/sealing.md.

use sea_orm::ActiveValue::NotSet;
use sea_orm::IntoActiveModel as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::crypto::chain::Signed;
use crate::crypto::roots::KeyRing;
use crate::engine::rows::Row;
use crate::entities::journal;

/// The beginning of a query for entries without what is sealed in them: for whoever goes by their headers.
pub(crate) fn headers() -> String {
    let columns = <journal::Model as Row>::COLUMNS.iter().map(|column| match *column {
        "body" | "origin" => format!("NULL AS {column}"),
        column => column.to_owned(),
    });
    format!("SELECT {} FROM journal", columns.collect::<Vec<_>>().join(", "))
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

impl journal::Model {
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

    /// The row of a new entry, with its code; its place is given when it is written.
    pub(crate) fn into_row(mut self, ring: &KeyRing) -> journal::ActiveModel {
        self.mac = ring.sign(Signed::Entry, self.message().as_ref());
        journal::ActiveModel { seq: NotSet, ..self.into_active_model() }
    }
}
