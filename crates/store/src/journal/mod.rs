//! The journal: one append-only entry per change, written in the change's own transaction. A clear header, one sealed
//! body with the values, and a commitment to the body that stays when the body is erased.

pub(crate) mod anchor;
mod asked;
mod audit;
mod budget;
mod chain;
mod header;
mod history;
mod keep;
mod known;
mod mark;
mod months;
mod opened;
mod question;
mod reader;
mod reading;
mod show;
#[cfg(test)]
mod tests;
mod verdict;
mod verify;
mod verify_record;
mod walk;

use kehu_domain::custom::CustomFields;
use kehu_domain::record::{FieldName, Record, Stored, Veiled};
use kehu_domain::show::{Out, Plain, View};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock::new_id;
use crate::entities::journal;
use crate::failure::Failure;
use crate::machine::custom;
use crate::sealed::journal::{BODY, ORIGIN};
use crate::tx::Tx;

pub use asked::{ToVerify, VERIFICATION, ask_to_verify, last_verification, verify_asked};
pub use audit::{audit, audit_entry};
pub use history::history;
pub(crate) use keep::forget_values;
pub use keep::{Keep, Kept};
pub use mark::JournalLag;
pub(crate) use mark::Mark;
pub use verdict::{Broken, Flaw, Head, Verdict};
pub use verify::Progress;

/// How many bytes of a body are its salt.
const SALT: usize = 32;
/// The member of a body that says why.
const REASON: &str = "reason";

/// Says that the values of a record's entries before this one were erased.
pub(crate) const ERASED: &str = "journal.erased";
/// Entries that say so: of a record that is still there, and of one that was erased itself.
pub(crate) const ERASURES: [&str; 7] = [
    ERASED,
    "customer.erased",
    "contact.erased",
    "follow_up.erased",
    "note.erased",
    "attachment.erased",
    "submission.erased",
];
/// Says that the entries of stretches up to the one in `version` were dropped for their age.
pub(crate) const EXPIRED: &str = "journal.expired";

/// What an entry is about. Only changes reach feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A record was made, changed, deleted.
    Change,
    /// Somebody was told of what is out of reach.
    Access,
    /// Somebody signed in, or was not let in.
    Security,
    /// Rights, keys, jobs or the journal itself were seen to.
    Admin,
}

impl Class {
    /// Every class.
    pub(crate) const ALL: [Self; 4] = [Self::Change, Self::Access, Self::Security, Self::Admin];

    /// As stored.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Access => "access",
            Self::Security => "security",
            Self::Admin => "admin",
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Ok,
    /// Not allowed.
    Denied,
    /// Tried, and it did not work.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub(crate) const ALL: [Self; 3] = [Self::Ok, Self::Denied, Self::Failed];

    /// As stored.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

/// An entry before it is sealed.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) class: Class,
    pub(crate) outcome: Outcome,
    /// `customer.updated`.
    pub(crate) event: String,
    pub(crate) kind: Option<&'static str>,
    pub(crate) record_id: Option<Uuid>,
    pub(crate) version: i64,
    pub(crate) changed: Vec<FieldName>,
    pub(crate) owner: (Option<Uuid>, Option<Uuid>),
    pub(crate) team: (Option<Uuid>, Option<Uuid>),
    /// JSON with old and new values; sealed as one.
    pub(crate) body: String,
}

/// The header of the entry that brought a record to a version.
pub(crate) async fn change_of(tx: &Tx<'_>, record: Uuid, version: i64) -> Result<Option<journal::Model>, Failure> {
    Ok(journal::Entity::find()
        .filter(journal::Column::OrgId.eq(tx.org_id()))
        .filter(journal::Column::RecordId.eq(record))
        .filter(journal::Column::Version.eq(version))
        .one(tx.db())
        .await?)
}

/// The values that a change took from a record, by the version that it brought; nothing where they are gone.
pub(crate) async fn before(tx: &Tx<'_>, record: Uuid, version: i64) -> Result<Option<Map<String, Value>>, Failure> {
    let Some(row) = change_of(tx, record, version).await? else { return Ok(None) };
    let body = opened::Body::open(tx.caller().ring(), &row);
    Ok(body.json().and_then(|body| body.get("before")?.as_object().cloned()))
}

/// Names of the fields in which two states of a record differ.
pub(crate) fn names_of_changed<R: Record>(
    fields: &CustomFields,
    before: &Stored<R>,
    after: &Stored<R>,
) -> Vec<FieldName> {
    let own = before.data.changed(&after.data).into_iter().map(FieldName::Borrowed);
    own.chain(custom::changed(fields, &before.base.custom, &after.base.custom)).collect()
}

/// Shows the named members only.
struct Only<'a>(&'a [FieldName]);

impl View for Only<'_> {
    fn sight(&self, field: &kehu_domain::field::Field) -> kehu_domain::field::Sight {
        Plain.sight(field)
    }
    fn name(&self, id: Uuid) -> Option<&kehu_domain::show::Name> {
        Plain.name(id)
    }
    fn names_ids(&self) -> bool {
        Plain.names_ids()
    }
    fn wants(&self, member: &str) -> bool {
        self.0.iter().any(|name| *name == member)
    }
}

/// The body with one more member: why it was done, where somebody said so.
fn with_reason(mut body: String, reason: Option<&str>) -> String {
    let Some(reason) = reason else { return body };
    if body.ends_with('}') {
        body.pop();
        let comma = if body.ends_with('{') { "" } else { "," };
        body.push_str(&format!("{comma}\"{REASON}\":{}}}", serde_json::Value::from(reason)));
    }
    body
}

fn values<R: Record>(record: &Stored<R>, (only, fields): (&[FieldName], &CustomFields), out: &mut Out) {
    out.object(|out| {
        record.data.show(out, &Only(only), &mut Veiled::default());
        custom::tell(fields, &record.base.custom, only, out);
    });
}

impl Entry {
    /// The first entry of an organisation.
    pub(crate) const FOUNDED: &'static str = "organisation.created";

    /// The entry of a change of a record: from one state to another, either of which may be absent.
    pub(crate) fn change<R: Record>(
        tx: &Tx<'_>,
        verb: &str,
        before: Option<&Stored<R>>,
        after: Option<&Stored<R>>,
    ) -> Option<Self> {
        let one = after.or(before)?;
        let fields = tx.caller().org().custom(R::KIND.name);
        let changed = match (before, after) {
            (Some(before), Some(after)) => names_of_changed(fields, before, after),
            _ => {
                let own = R::KIND.fields.iter().map(|field| FieldName::Borrowed(field.name));
                own.chain(custom::said(fields, &one.base.custom)).collect()
            }
        };
        let mut out = Out::new();
        out.object(|out| {
            for (name, state) in [("before", before), ("after", after)] {
                if let Some(state) = state {
                    out.key(name);
                    values(state, (&changed, fields), out);
                }
            }
        });
        let owner = |state: Option<&Stored<R>>| state.and_then(|state| state.base.owner_id);
        let team = |state: Option<&Stored<R>>| state.and_then(|state| state.base.team_id);
        Some(Self {
            class: Class::Change,
            outcome: Outcome::Ok,
            event: format!("{}.{verb}", R::KIND.name),
            kind: Some(R::KIND.name),
            record_id: Some(one.base.id),
            version: one.base.version,
            changed,
            owner: (owner(before), owner(after)),
            team: (team(before), team(after)),
            body: out.into_text(),
        })
    }

    /// An entry that is no change of a record, about a record or about none.
    pub(crate) fn event(class: Class, outcome: Outcome, event: &str, about: Option<(&'static str, Uuid)>) -> Self {
        Self {
            class,
            outcome,
            event: event.to_owned(),
            kind: about.map(|(kind, _)| kind),
            record_id: about.map(|(_, id)| id),
            version: 0,
            changed: Vec::new(),
            owner: (None, None),
            team: (None, None),
            body: "{}".to_owned(),
        }
    }

    /// The same entry with what it tells; nothing in it may be sealed elsewhere, but for ids.
    pub(crate) fn saying(self, body: &serde_json::Value) -> Self {
        Self { body: body.to_string(), ..self }
    }

    /// An entry about signing in.
    pub(crate) fn security(event: &str, outcome: Outcome, user: Option<Uuid>) -> Self {
        Self::event(Class::Security, outcome, event, user.map(|user| ("user", user)))
    }

    /// An entry about rights, keys, or the organisation itself.
    pub(crate) fn admin(event: &str, about: Option<(&'static str, Uuid)>) -> Self {
        Self::event(Class::Admin, Outcome::Ok, event, about)
    }

    /// An entry about what somebody was told, or was not let see or do.
    pub(crate) fn access(event: &str, outcome: Outcome, about: Option<(&'static str, Uuid)>) -> Self {
        Self::event(Class::Access, outcome, event, about)
    }

    /// The row, with its body sealed and committed to.
    pub(crate) fn into_row(self, tx: &Tx<'_>) -> Result<journal::ActiveModel, Failure> {
        let caller = tx.caller();
        let id = new_id(tx.now());
        let mut salt = [0_u8; SALT];
        getrandom::fill(&mut salt).map_err(|error| Failure::Internal(error.to_string()))?;
        // What is sealed is salt ‖ body: the commitment can be checked by whoever may open it, and says nothing to
        // others, nor to anybody once the body is erased.
        let body = with_reason(self.body, caller.request().reason.as_deref());
        let salted = [salt.as_slice(), body.as_bytes()].concat();
        let commitment = Sha256::digest(&salted).to_vec();
        let ring = caller.ring();
        let body = ring.seal(BODY, id, &salted)?;
        let origin = caller.request().origin().map(|origin| ring.seal(ORIGIN, id, origin.as_bytes())).transpose()?;
        let row = journal::Model {
            seq: 0,
            org_id: caller.org().id,
            id,
            at: tx.now(),
            class: self.class.key().to_owned(),
            outcome: self.outcome.key().to_owned(),
            event: self.event,
            actor_kind: caller.principal().kind().to_owned(),
            actor_id: caller.principal().id(),
            via: caller.request().via.to_owned(),
            session_id: caller.principal().credential(),
            request_id: caller.request().request_id.clone(),
            kind: self.kind.map(str::to_owned),
            record_id: self.record_id,
            version: self.version,
            changed: self.changed.join(","),
            owner_before: self.owner.0,
            owner_after: self.owner.1,
            team_before: self.team.0,
            team_after: self.team.1,
            commitment,
            body: Some(body),
            origin,
            mac: Vec::new(),
        };
        Ok(row.into_row(ring))
    }
}
