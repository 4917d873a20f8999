//! Taking a file: sealed as it comes, on the disk under its name before the row that names it commits.

use std::collections::BTreeMap;

use kehu_domain::codes;
use kehu_domain::fields::Line;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::Attachment;
use kehu_domain::media;
use kehu_domain::rights::Action;
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock::new_id;
use crate::crypto::file::{self, Key};
use crate::dialect::statement;
use crate::engine::EngineError;
use crate::failure::Failure;
use crate::files::{Writer, apart, failure};
use crate::gate::{Caller, worth_another_try};
use crate::kept::{self, Kept};
use crate::machine::draft::{self, New};
use crate::machine::warning;
use crate::machine::{Answer, TRIES, Verb, WriteOptions, Written, answer, create, pause, still_readable};
use crate::refusals::{Refusal, noting};
use crate::registry;
use crate::sealed::attachment::FILE_KEY;
use crate::tx::Tx;

const KIND: &str = "attachment";

/// A file that is being taken. Dropped before its end, it leaves nothing.
pub struct Upload {
    caller: Caller,
    id: Uuid,
    key: Key,
    writer: Option<Writer>,
    /// As it is called where it comes from; nothing before there is one.
    file_name: Option<String>,
    head: Vec<u8>,
    /// For the fingerprint of a request that is repeated; kept nowhere but sealed.
    hash: Sha256,
    max: u64,
}

/// What is said beside the file.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Members of the record, as a JSON body would have them.
    pub members: Map<String, Value>,
}

impl Upload {
    /// Begins one, before anything of the file is there.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] where the caller makes no attachments; the disk is full or away.
    pub async fn begin(caller: &Caller) -> Result<Self, Failure> {
        noting(caller, Refusal::of(KIND, "create", None), async {
            caller.reach(Action::Create, KIND)?;
            let id = new_id(caller.gate().now());
            let key = file::new_key().map_err(|error| Failure::Sealing(error.to_string()))?;
            let (files, org, own) = (caller.gate().files().clone(), caller.org().id, key.clone());
            let writer = apart(move || Writer::begin(&files, org, id, &own)).await?.map_err(|error| failure(&error))?;
            Ok(Self {
                caller: caller.clone(),
                id,
                key,
                writer: Some(writer),
                file_name: None,
                head: Vec::new(),
                hash: Sha256::new(),
                max: u64::from(caller.org().settings.attachments.max_bytes),
            })
        })
        .await
    }

    /// Who asks, as of now: where much time went by, what was taken away meanwhile counts.
    pub fn admit(&mut self, caller: Caller) {
        self.max = u64::from(caller.org().settings.attachments.max_bytes);
        self.caller = caller;
    }

    /// How many bytes the file may have.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max
    }

    /// The file begins, under that name.
    pub fn name_file(&mut self, name: &str) {
        self.file_name = Some(name.to_owned());
    }

    /// Whether the file has begun.
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.file_name.is_some()
    }

    /// Takes more of it.
    ///
    /// # Errors
    /// [`Failure::FileTooLarge`], [`Failure::FileTypeRefused`]; the disk is full or away.
    pub async fn take(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        let before = self.head.len();
        let more = bytes.get(..bytes.len().min(media::HEAD - before)).unwrap_or_default();
        self.head.extend_from_slice(more);
        if before < media::HEAD && self.head.len() == media::HEAD {
            self.media_type(self.file_name.as_deref().unwrap_or_default())?;
        }
        self.hash.update(&bytes);
        let Some(mut writer) = self.writer.take() else { return Err(ended()) };
        if writer.size() + file::wide(bytes.len()) > self.max {
            return Err(Failure::FileTooLarge(self.max));
        }
        let writer = apart(move || writer.write(&bytes).map(|()| writer)).await?.map_err(|error| failure(&error))?;
        self.writer = Some(writer);
        Ok(())
    }

    /// Its type, where the organisation takes that.
    fn media_type(&self, name: &str) -> Result<&'static str, Failure> {
        let found = media::sniff(&self.head, name);
        let types = &self.caller.org().settings.attachments.types;
        if media::known(found).is_some() && types.contains(found) {
            return Ok(found);
        }
        Err(Failure::FileTypeRefused { found, taken: types.iter().cloned().collect() })
    }

    /// Ends it: makes the record.
    ///
    /// # Errors
    /// What the members break, a type that is not taken, no right to do so. Nothing is kept of the file then.
    pub async fn finish(mut self, said: Said, options: &WriteOptions) -> Result<Written, Failure> {
        let caller = self.caller.clone();
        noting(&caller, Refusal::of(KIND, "create", None), async {
            caller.reach(Action::Create, KIND)?;
            let Some(writer) = self.writer.take() else { return Err(ended()) };
            if !self.has_file() {
                return Err(Failure::refused("/file", Flaw::new(&codes::REQUIRED).with("field", "file")));
            }
            if writer.size() > self.max {
                return Err(Failure::FileTooLarge(self.max));
            }
            let fingerprint = self.fingerprint(&said)?;
            let new = self.draft(said, writer.size())?;
            apart(move || writer.finish()).await?.map_err(|error| failure(&error))?;
            let done = self.write(new, options, &fingerprint).await;
            if !self.may_be_named(&done) {
                let (files, org, id) = (caller.gate().files().clone(), caller.org().id, self.id);
                apart(move || files.remove(org, id)).await?;
            }
            done
        })
        .await
    }

    /// Whether a row may name the file: where it is not known how a commit ended, a sweep looks later.
    fn may_be_named(&self, done: &Result<Written, Failure>) -> bool {
        match done {
            Ok(written) => written.answer.id == Some(self.id),
            Err(Failure::Engine(error)) => !matches!(error, EngineError::Full | EngineError::ReadOnly),
            Err(_) => false,
        }
    }

    fn draft(&self, said: Said, size: u64) -> Result<New<Attachment>, Failure> {
        let mut members = said.members;
        let file_name = self.file_name.as_deref().unwrap_or_default();
        self.media_type(file_name)?;
        members.entry("name").or_insert_with(|| file_name.into());
        let mut new = draft::parse::<Attachment>(&self.caller, Value::Object(members))?;
        let media_type = self.media_type(new.record.data.name.as_str())?;
        let size = i64::try_from(size).map_err(|_| Failure::FileTooLarge(self.max))?;
        new.record.data.media_type = Some(Line::from_stored(media_type.to_owned()));
        new.record.data.size = size;
        Ok(New { id: self.id, ..new })
    }

    /// A hash over the file, its name and what is said beside it, in whatever order that came.
    fn fingerprint(&self, said: &Said) -> Result<[u8; 32], Failure> {
        let members: BTreeMap<&String, &Value> = said.members.iter().collect();
        let beside = serde_json::to_vec(&(&self.file_name, members));
        let beside = beside.map_err(|error| Failure::Internal(format!("parts have no text: {error}")))?;
        Ok(Sha256::new().chain_update(self.hash.clone().finalize()).chain_update(beside).finalize().into())
    }

    async fn write(
        &self,
        new: New<Attachment>,
        options: &WriteOptions,
        fingerprint: &[u8; 32],
    ) -> Result<Written, Failure> {
        let mut options = options.clone();
        if let Some(idempotency) = &mut options.idempotency {
            let whole = [idempotency.fingerprint.as_slice(), fingerprint].concat();
            idempotency.fingerprint = Sha256::digest(whole).into();
        }
        let mut tries = 1;
        let written = loop {
            match self.once(new.clone(), options.clone()).await {
                Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                    pause(tries).await;
                    tries += 1;
                }
                done => break done?,
            }
        };
        let machine = registry::machine(KIND).ok_or_else(|| Failure::Internal("attachments are no kind".into()))?;
        still_readable(&self.caller, machine, written).await
    }

    async fn once(&self, new: New<Attachment>, options: WriteOptions) -> Result<Written, Failure> {
        let (id, key) = (self.id, self.key.clone());
        let write = async move |tx: &Tx<'_>| {
            if let Some(idempotency) = &options.idempotency
                && let Some(kept) = kept::find(tx, idempotency, 0, Vec::new()).await?
            {
                let (kept, warnings) = warning::apart(kept);
                let answer = Answer::of_kept(kept);
                return Ok(Written { verb: Verb::Created, answer, warnings, replayed: true });
            }
            let made = create::insert(tx, new, false).await?;
            let cell = tx.caller().ring().seal(FILE_KEY, id, key.as_slice())?;
            let sql = "UPDATE attachments SET file_key = ? WHERE org_id = ? AND id = ?";
            let values = [cell.into(), tx.org_id().into(), id.into()];
            tx.db().execute_raw(statement(tx.db(), sql, values)).await?;
            let warnings = tx.warnings_of(id);
            let body = answer::render(tx, &made).await?;
            if let Some(idempotency) = &options.idempotency {
                let location = Some(id.to_string());
                let body = warning::with(&body, &warnings);
                let kept = Kept { status: Verb::Created.status(), location, body };
                kept::keep(tx, idempotency, 0, &kept)?;
            }
            let answer = Answer::of_record(id, made.base.version, body);
            Ok(Written { verb: Verb::Created, answer, warnings, replayed: false })
        };
        self.caller.write(write).await
    }
}

fn ended() -> Failure {
    Failure::Internal("an upload goes on after its end".into())
}
