//! Entries of the journal as JSON, for one reader and in one language.

use kehu_domain::custom::{CustomField, CustomFields};
use kehu_domain::field::{Field, Sight};
use kehu_domain::fields::{Collaborators, format_time};
use kehu_domain::flaw::Lang;
use kehu_domain::history::States;
use kehu_domain::kinds::kind_named;
use kehu_domain::record::Kind;
use kehu_domain::rights::{Action, Relation, Standing};
use kehu_domain::show::{Name, Names, Out, View};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use crate::entities::{api_key, form, journal};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::names::names_of;
use crate::pii::padded;

use super::opened::{self, Body};
use super::{Class, REASON};

/// An entry that was read, its body opened.
pub(super) struct Told {
    pub(super) row: journal::Model,
    body: Body,
}

impl Told {
    pub(super) fn of(caller: &Caller, row: journal::Model) -> Self {
        // What somebody without the key wrote is told as what it is. Of what is older than the chain nobody can tell.
        let older = row.mac.is_empty() && row.seq <= caller.org().chain_begins;
        let genuine = older || row.is_genuine(caller.ring());
        let body = if genuine { Body::open(caller.ring(), &row) } else { Body::Broken };
        Self { row, body }
    }

    /// The kind of the record, where it still is one.
    fn kind(&self) -> Option<&'static Kind> {
        self.row.kind.as_deref().and_then(kind_named)
    }

    fn is_change(&self) -> bool {
        self.row.class == Class::Change.key()
    }

    /// The states of the record before and after.
    fn states(&self) -> States<'_> {
        self.body.json().filter(|_| self.is_change()).map(States::of).unwrap_or_default()
    }
}

#[derive(FromQueryResult)]
struct Named {
    id: Uuid,
    name: String,
}

impl Named {
    fn into_pair(self) -> (Uuid, Name) {
        (self.id, Name { name: self.name, color: None })
    }
}

/// Names of everything that the entries point to; those of people, teams and tags are at hand.
pub(super) async fn names(caller: &Caller, told: &[Told]) -> Result<Names, Failure> {
    let mut ids = Vec::new();
    for one in told {
        if let Some(kind) = one.kind() {
            one.states().refs(kind, caller.org().custom(kind.name), &mut ids);
        }
    }
    let mut names = names_of(caller.db(), caller, ids).await?.within_reach();
    let org = caller.org().id;
    let keys = actors(told, "api_key");
    if !keys.is_empty() {
        use api_key::Column as C;
        let query = api_key::Entity::find().select_only().columns([C::Id, C::Name]);
        let query = query.filter(C::OrgId.eq(org)).filter(C::Id.is_in(padded(keys)));
        names.extend(query.into_model::<Named>().all(caller.db()).await?.into_iter().map(Named::into_pair));
    }
    let forms = actors(told, "form");
    if !forms.is_empty() && !caller.rights().reach(Action::Read, "form").is_none() {
        use form::Column as C;
        let query = form::Entity::find().select_only().columns([C::Id, C::Name]);
        let query = query.filter(C::OrgId.eq(org)).filter(C::Id.is_in(padded(forms)));
        names.extend(query.into_model::<Named>().all(caller.db()).await?.into_iter().map(Named::into_pair));
    }
    Ok(names)
}

/// The actors of that kind, each once.
fn actors(told: &[Told], kind: &str) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> =
        told.iter().filter(|one| one.row.actor_kind == kind).filter_map(|one| one.row.actor_id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// How one reader sees the records that entries are about.
pub(super) struct Reader<'a> {
    pub(super) caller: &'a Caller,
    pub(super) names: &'a Names,
    pub(super) lang: Lang,
}

/// The same for one record.
struct RecordView<'a> {
    reader: &'a Reader<'a>,
    relation: Relation,
    /// The kind, where the reader may read records of it at all.
    kind: Option<&'static Kind>,
}

impl View for RecordView<'_> {
    fn sight(&self, field: &Field) -> Sight {
        self.kind.map_or(Sight::Hidden, |kind| self.reader.caller.sees(kind, field, self.relation))
    }
    fn custom_sight(&self, field: &CustomField) -> Sight {
        let sees = |kind: &Kind| self.reader.caller.rights().sees_custom(kind.name, field, self.relation);
        self.kind.map_or(Sight::Hidden, sees)
    }
    fn name(&self, id: Uuid) -> Option<&Name> {
        self.reader.name(id)
    }
    fn wants(&self, _: &str) -> bool {
        true
    }
}

impl Reader<'_> {
    fn name(&self, id: Uuid) -> Option<&Name> {
        self.names.get(&id).or_else(|| self.caller.org().name_of(id))
    }

    fn reference(&self, out: &mut Out, id: Option<Uuid>) {
        match id {
            Some(id) => out.object(|out| {
                out.key("id").id(id);
                out.key("name").text_or_null(self.name(id).map(|name| name.name.as_str()));
            }),
            None => out.null(),
        }
    }

    /// Writes an entry of a record's history, as the reader stands to that record.
    pub(super) fn change(&self, out: &mut Out, told: &Told, relation: Relation) {
        out.object(|out| {
            self.head(out, &told.row);
            self.changes(out, told, Some(relation));
        });
    }

    /// Writes an entry of the organisation's log.
    pub(super) fn entry(&self, out: &mut Out, told: &Told) {
        let row = &told.row;
        let standing = self.standing(row);
        // The log tells of every record that there was a change, and only of those within reach which.
        let covers = |kind: &str| self.caller.rights().reach(Action::Read, kind).covers(Action::Read, standing);
        let relation = row.kind.as_deref().filter(|kind| covers(kind)).map(|_| standing.relation());
        out.object(|out| {
            self.head(out, row);
            out.key("seq").number(row.seq);
            out.key("class").text(&row.class);
            out.key("outcome").text(&row.outcome);
            out.key("kind").text_or_null(row.kind.as_deref());
            out.key("record_id").id_or_null(row.record_id);
            out.key("session_id").id_or_null(row.session_id);
            for (name, before, after) in
                [("owner", row.owner_before, row.owner_after), ("team", row.team_before, row.team_after)]
            {
                out.key(name).object(|out| {
                    out.key("before");
                    self.reference(out, before);
                    out.key("after");
                    self.reference(out, after);
                });
            }
            let origin = opened::origin(self.caller.ring(), row);
            for name in ["address", "user_agent"] {
                let text = origin.as_ref().and_then(|origin| origin.get(name)).and_then(Value::as_str);
                out.key(name).text_or_null(text);
            }
            self.changes(out, told, relation);
            out.key("details");
            match details(told) {
                Some(details) => out.raw(&details.to_string()),
                None => out.null(),
            }
        });
    }

    /// What every entry says of itself.
    fn head(&self, out: &mut Out, row: &journal::Model) {
        out.key("id").id(row.id);
        out.key("at").plain(&format_time(row.at));
        out.key("type").text(&row.event);
        out.key("version");
        if row.version > 0 {
            out.number(row.version);
        } else {
            out.null();
        }
        out.key("actor").object(|out| {
            out.key("kind").text(&row.actor_kind);
            out.key("id").id_or_null(row.actor_id);
            let name = row.actor_id.and_then(|id| self.name(id));
            out.key("name").text_or_null(name.map(|name| name.name.as_str()));
        });
        out.key("via").text(&row.via);
        out.key("request_id").text(&row.request_id);
    }

    /// Why, and what was changed: by name alone, where the record does not stand so that the reader may read it.
    fn changes(&self, out: &mut Out, told: &Told, relation: Option<Relation>) {
        let reason = told.body.json().and_then(|body| body.get(REASON)).and_then(Value::as_str);
        out.key("reason").text_or_null(reason);
        let kind = told.kind();
        let readable = |kind: &&'static Kind| !self.caller.rights().reach(Action::Read, kind.name).is_none();
        let kind_shown = kind.filter(readable).filter(|_| relation.is_some());
        let view = RecordView { reader: self, relation: relation.unwrap_or(Relation::Other), kind: kind_shown };
        let named: Vec<&str> = told.row.changed.split(',').filter(|name| !name.is_empty()).collect();
        out.key("changes");
        let none = CustomFields::default();
        let custom = kind.map_or(&none, |kind| self.caller.org().custom(kind.name));
        let withheld = told.states().show(out, (kind, custom), &named, &view, self.lang);
        out.key("masked").texts(withheld.masked.iter().map(|name| &**name));
        out.key("hidden").texts(withheld.hidden.iter().map(String::as_str));
        out.key("erased").flag(told.body == Body::Erased);
        out.key("broken").flag(told.body == Body::Broken);
    }

    /// How the record of an entry stood to the reader when the entry was written.
    fn standing(&self, row: &journal::Model) -> Standing {
        let user = self.caller.principal().user();
        let (owner, team) = (row.owner_after.or(row.owner_before), row.team_after.or(row.team_before));
        let standing = self.caller.standing(owner, team, &Collaborators::default());
        Standing { own: standing.own || user.is_some() && row.record_id == user, ..standing }
    }
}

/// What an entry says that is no change of a record.
fn details(told: &Told) -> Option<Value> {
    let mut details = told.body.json().filter(|_| !told.is_change())?.clone();
    let members = details.as_object_mut()?;
    members.remove(REASON);
    (!members.is_empty()).then_some(details)
}
