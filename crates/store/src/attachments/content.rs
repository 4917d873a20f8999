//! Giving a file: opened a chunk at a time, told to the journal before the first.

use std::sync::Arc;

use kehu_domain::kinds::Attachment;
use kehu_domain::record::Stored;
use sea_orm::ConnectionTrait;
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::cell::CellError;
use crate::crypto::file::wide;
use crate::dialect::statement;
use crate::failure::Failure;
use crate::files::{Reader, Unread, apart, failure};
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::machine::read;
use crate::refusals::{Refusal, noting};
use crate::sealed::attachment::FILE_KEY;
use crate::tx::Tx;

const KIND: &str = "attachment";

/// The content of an attachment that the caller may read.
pub struct Content {
    caller: Caller,
    record: Stored<Attachment>,
    reader: Arc<Reader>,
}

/// A part of a content that is read piece by piece.
pub struct Piece {
    reader: Arc<Reader>,
    id: Uuid,
    at: u64,
    end: u64,
}

impl Content {
    /// Opens the content of an attachment; its beginning is looked at.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there is none within reach, [`Failure::FileAway`] where its file is not here,
    /// [`Failure::Unreadable`] where it is not what was written.
    pub async fn open(caller: &Caller, id: Uuid) -> Result<Self, Failure> {
        noting(caller, Refusal::of(KIND, "read", Some(id)), async {
            let record = read::within_reach::<Attachment>(caller, vec![id]).await?;
            let record = record.into_iter().next().ok_or(Failure::NotFound)?;
            let key = key(caller, id).await?;
            let (files, org, size) = (caller.gate().files().clone(), caller.org().id, record.data.size);
            let size = u64::try_from(size).map_err(|_| altered(id))?;
            let reader = apart(move || {
                let reader = Reader::open(&files, org, id, &key, size)?;
                reader.from(0).map(|_| reader)
            });
            let reader = reader.await?.map_err(|unread| unreadable(&unread, id))?;
            Ok(Self { caller: caller.clone(), record, reader: Arc::new(reader) })
        })
        .await
    }

    /// The name that it has.
    #[must_use]
    pub fn name(&self) -> &str {
        self.record.data.name.as_str()
    }

    /// Its media type, by its first bytes.
    #[must_use]
    pub fn media_type(&self) -> &str {
        self.record.data.media_type.as_ref().map_or(kehu_domain::media::UNKNOWN, |line| line.as_str())
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::try_from(self.record.data.size).unwrap_or_default()
    }

    /// Gives the bytes from a place up to another one. That somebody was given them is told to the journal first: where
    /// it cannot be written nothing is given.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn give(&self, from: u64, end: u64) -> Result<Piece, Failure> {
        let base = self.record.base.clone();
        let whole = from == 0 && end == self.size();
        let entry = Entry::access("attachment.content_read", Outcome::Ok, Some((KIND, base.id)));
        let entry = Entry {
            owner: (base.owner_id, base.owner_id),
            team: (base.team_id, base.team_id),
            ..entry.saying(&if whole { json!({}) } else { json!({ "from": from, "end": end }) })
        };
        let tell = async move |tx: &Tx<'_>| {
            tx.log(entry);
            Ok(())
        };
        self.caller.write(tell).await?;
        Ok(Piece { reader: self.reader.clone(), id: base.id, at: from, end: end.min(self.size()) })
    }
}

impl Piece {
    /// The next bytes; nothing at the end.
    ///
    /// # Errors
    /// As [`Content::open`].
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        if self.at >= self.end {
            return Ok(None);
        }
        let (reader, at) = (self.reader.clone(), self.at);
        let mut bytes = apart(move || reader.from(at)).await?.map_err(|unread| unreadable(&unread, self.id))?;
        if let Ok(left) = usize::try_from(self.end - self.at) {
            bytes.truncate(left);
        }
        if bytes.is_empty() {
            return Err(altered(self.id));
        }
        self.at += wide(bytes.len());
        Ok(Some(bytes))
    }
}

/// The key of a file, from its row.
async fn key(caller: &Caller, id: Uuid) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let sql = "SELECT file_key FROM attachments WHERE org_id = ? AND id = ?";
    let row = caller.db().query_one_raw(statement(caller.db(), sql, [caller.org().id.into(), id.into()])).await?;
    let cell: Option<Vec<u8>> = row.map(|row| row.try_get("", "file_key")).transpose()?.flatten();
    let bytes = caller.ring().open(FILE_KEY, id, &cell.ok_or_else(|| altered(id))?)?;
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return Err(altered(id));
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

fn altered(row: Uuid) -> Failure {
    Failure::Unreadable(CellError::Tampered { path: FILE_KEY, row })
}

fn unreadable(unread: &Unread, id: Uuid) -> Failure {
    match unread {
        Unread::Altered => altered(id),
        Unread::Io(error) => match failure(error) {
            Failure::FileAway(why) => Failure::FileAway(format!("the file of attachment {id}: {why}")),
            other => other,
        },
    }
}
