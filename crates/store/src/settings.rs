//! The organisation as its people see it, and what it lays down for itself: one row, changed like a record, with a
//! version of its own.

use std::net::IpAddr;

use kehu_domain::codes;
use kehu_domain::fields::format_time;
use kehu_domain::flaw::Flaw;
use kehu_domain::organisation::{Organisation, part_of};
use kehu_domain::read::{Finding, Members};
use kehu_domain::record::FieldName;
use kehu_domain::rights::{BUILT_IN, Right};
use kehu_domain::settings::Preset;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Map, Value, json};

use crate::engine::EngineError;
use crate::entities::organisation;
use crate::failure::{Failure, FieldConflict};
use crate::gate::{Caller, Gate, RequestInfo};
use crate::journal::{self, Entry};
use crate::machine::Answer;
use crate::ops::roles;
use crate::org::{INSTALLATION, settings_of, touched_of};
use crate::people::{history, locks, presence};
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

/// What changes of the organisation are called in the journal.
const CHANGED: &str = "organisation.settings_changed";
/// Members of an answer that nobody writes.
const READ_ONLY: [&str; 4] = ["id", "slug", "created_at", "hidden"];
/// Where the settings of sessions begin among the parts of an organisation.
const SESSIONS: &str = "settings.sessions";

/// How an organisation is to be changed.
enum Asked {
    /// By a merge patch (RFC 7396).
    Patch(Members),
    /// To at least what a preset says.
    Preset(Preset),
}

/// The caller's organisation. What it lays down for itself is hidden from who may not change it.
///
/// # Errors
/// The database is away, or the stored settings cannot be read.
pub async fn show(caller: &Caller) -> Result<Answer, Failure> {
    let row = organisation::Entity::find_by_id(caller.org().id).one(caller.db()).await?;
    answer(caller, &row.ok_or(Failure::NotFound)?)
}

/// Changes the caller's organisation by a merge patch. `expected` is the version that `If-Match` names; `version` in
/// the body counts before it.
///
/// # Errors
/// [`Failure::Forbidden`] without the right to; [`Failure::Refused`] with every pointer, also for addresses that would
/// shut the caller out; [`Failure::Conflict`] where somebody else changed the same parts since.
pub async fn change(caller: &Caller, body: Value, expected: Option<i64>) -> Result<Answer, Failure> {
    let work = async {
        let Value::Object(mut members) = body else {
            let flaw = Flaw::new(&codes::TYPE_WRONG).with("expected_en", "an object").with("expected_zh", "对象");
            return Err(Failure::refused("", flaw));
        };
        let expected = match members.remove("version") {
            None | Some(Value::Null) => expected,
            Some(version) => Some(version.as_i64().ok_or_else(|| {
                let flaw = Flaw::new(&codes::TYPE_WRONG).with("expected_en", "a whole number");
                Failure::refused("/version", flaw.with("expected_zh", "整数"))
            })?),
        };
        carry_out(caller, Asked::Patch(members), expected).await
    };
    noting(caller, Refusal::to("organisation", "change"), work).await
}

/// Makes the caller's organisation at least as strict as a preset.
///
/// # Errors
/// As [`change`].
pub async fn apply_preset(caller: &Caller, preset: Preset) -> Result<Answer, Failure> {
    let work = carry_out(caller, Asked::Preset(preset), None);
    noting(caller, Refusal::to("organisation", "change"), work).await
}

impl Gate {
    /// Takes every list of addresses away from the organisation of that short name: the way back, from the command
    /// line, for one that shuts its own administrators out. Whether there was any.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there is no such organisation.
    pub async fn clear_addresses(&self, slug: &str) -> Result<bool, Failure> {
        let named = organisation::Entity::find().filter(organisation::Column::Slug.eq(slug)).one(self.engine()).await?;
        let org = named.filter(|row| row.id != INSTALLATION).ok_or(Failure::NotFound)?;
        let caller = self.system(org.id, RequestInfo::of_program("command", self.now())).await?;
        let patch = Members::from_iter([("settings".to_owned(), json!({ "addresses": null }))]);
        let before = org.version;
        let row = caller.write(async move |tx: &Tx<'_>| written(tx, Asked::Patch(patch), None).await).await?;
        Ok(row.version > before)
    }
}

async fn carry_out(caller: &Caller, asked: Asked, expected: Option<i64>) -> Result<Answer, Failure> {
    caller.may(Right::SettingsManage)?;
    let row = caller.write(async move |tx: &Tx<'_>| written(tx, asked, expected).await).await?;
    answer(caller, &row)
}

async fn written(tx: &Tx<'_>, asked: Asked, expected: Option<i64>) -> Result<organisation::Model, Failure> {
    let row = organisation::Entity::find_by_id(tx.org_id()).lock_exclusive().one(tx.db()).await?;
    let row = row.ok_or(Failure::NotFound)?;
    let before = of_row(&row)?;
    if expected.is_some_and(|expected| expected > row.version) {
        return Err(Failure::Conflict(vec![conflict("version", expected.into(), row.version.into())]));
    }
    let preset = matches!(asked, Asked::Preset(_));
    let (after, brought) = match asked {
        Asked::Preset(preset) => {
            let after = Organisation { settings: before.settings.tightened(preset), ..before.clone() };
            let brought = after.to_json();
            (after, brought)
        }
        Asked::Patch(mut members) => {
            drop_unchanged(tx.caller(), &row, &mut members)?;
            let brought = Value::Object(members.clone());
            (before.patched(members, &role_keys(tx.caller())).map_err(Failure::Refused)?, brought)
        }
    };
    let changed = before.changed(&after);
    if changed.is_empty() {
        return Ok(row);
    }
    refuse_conflicts(tx, &row, &before, &changed, expected, &brought).await?;
    if changed.contains(&"settings.separation_of_duties") && after.settings.separation_of_duties {
        roles::check_apart(tx, if preset { "/preset" } else { "/settings/separation_of_duties" }).await?;
    }
    if changed.contains(&"settings.addresses") {
        refuse_shutting_out(tx.caller(), &after)?;
    }
    store(tx, row, (&before, &after), &changed).await
}

/// Keys of the roles that settings may name.
fn role_keys(caller: &Caller) -> Vec<String> {
    BUILT_IN.iter().map(|role| role.key).chain(caller.org().role_keys()).map(str::to_owned).collect()
}

fn of_row(row: &organisation::Model) -> Result<Organisation, Failure> {
    let wrong = || Failure::Internal(format!("the time zone of the organisation {} is none", row.id));
    Ok(Organisation {
        name: row.name.clone(),
        locale: row.locale.clone(),
        time_zone: row.time_zone.parse().map_err(|_| wrong())?,
        currency: row.currency.clone(),
        region: row.region.clone(),
        settings: settings_of(row)?,
    })
}

/// The organisation as the caller sees it.
fn shown(caller: &Caller, row: &organisation::Model) -> Result<Value, Failure> {
    let mut whole = of_row(row)?.to_json();
    let may = caller.rights().grants(Right::SettingsManage);
    if let Some(members) = whole.as_object_mut() {
        if !may {
            members.insert("settings".into(), Value::Null);
        }
        members.insert("id".into(), json!(row.id));
        members.insert("slug".into(), json!(row.slug));
        members.insert("version".into(), json!(row.version));
        members.insert("created_at".into(), json!(format_time(row.created_at)));
        members.insert("hidden".into(), if may { json!([]) } else { json!(["settings"]) });
    }
    Ok(whole)
}

fn answer(caller: &Caller, row: &organisation::Model) -> Result<Answer, Failure> {
    Ok(Answer::of_record(row.id, row.version, shown(caller, row)?.to_string()))
}

/// Takes out the members that nobody writes and that say what the answer says: what GET gave may be sent back whole.
fn drop_unchanged(caller: &Caller, row: &organisation::Model, members: &mut Members) -> Result<(), Failure> {
    let shown = shown(caller, row)?;
    let mut findings = Vec::new();
    for name in READ_ONLY {
        let Some(value) = members.remove(name) else { continue };
        if shown.get(name) != Some(&value) {
            let flaw = Flaw::new(&codes::READ_ONLY).with("field", name);
            findings.push(Finding { pointer: format!("/{name}"), flaw });
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(Failure::Refused(findings)) }
}

fn conflict(field: &str, yours: Value, theirs: Value) -> FieldConflict {
    FieldConflict { field: field.to_owned(), yours, theirs, changed_by: None, changed_at: None }
}

/// Refuses a change of parts that somebody else changed since the version that the client saw.
async fn refuse_conflicts(
    tx: &Tx<'_>,
    row: &organisation::Model,
    before: &Organisation,
    changed: &[&'static str],
    expected: Option<i64>,
    brought: &Value,
) -> Result<(), Failure> {
    let Some(expected) = expected.filter(|expected| *expected < row.version) else { return Ok(()) };
    let touched = touched_of(row);
    let before = before.to_json();
    let value = |whole: &Value, part| part_of(whole, part).cloned().unwrap_or_default();
    let mut conflicts = Vec::new();
    for part in changed {
        let Some(version) = touched.get(*part).copied().filter(|version| *version > expected) else { continue };
        let change = journal::change_of(tx, row.id, version).await?;
        conflicts.push(FieldConflict {
            changed_by: change.as_ref().and_then(|change| change.actor_id),
            changed_at: change.map(|change| change.at),
            ..conflict(part, value(brought, part), value(&before, part))
        });
    }
    if conflicts.is_empty() { Ok(()) } else { Err(Failure::Conflict(conflicts)) }
}

/// Whoever saves a list of addresses must be on it: nobody shuts himself out by a slip.
fn refuse_shutting_out(caller: &Caller, after: &Organisation) -> Result<(), Failure> {
    let Some(user) = caller.principal().user() else { return Ok(()) };
    let roles = presence::roles_of(caller.org(), user);
    let address = caller.request().address.as_deref();
    let known: Option<IpAddr> = address.and_then(|address| address.parse().ok());
    if after.settings.addresses.admits(roles.iter().map(String::as_str), known) {
        return Ok(());
    }
    let flaw = Flaw::new(&codes::ADDRESS_SHUTS_OUT).with("value", address.unwrap_or("?"));
    Err(Failure::refused("/settings/addresses", flaw))
}

async fn store(
    tx: &Tx<'_>,
    row: organisation::Model,
    (before, after): (&Organisation, &Organisation),
    changed: &[&'static str],
) -> Result<organisation::Model, Failure> {
    let version = row.version + 1;
    let mut touched = touched_of(&row);
    touched.extend(changed.iter().map(|part| ((*part).to_owned(), version)));
    let of_sessions = changed.iter().any(|part| part.starts_with(SESSIONS));
    if of_sessions {
        presence::end_outlived(tx, &before.settings.sessions, row.settings_at).await?;
    }
    let begins = presence::idleness_begins(&before.settings.sessions, &after.settings.sessions);
    let after_row = organisation::Model {
        name: after.name.clone(),
        locale: after.locale.clone(),
        time_zone: after.time_zone.name().to_owned(),
        currency: after.currency.clone(),
        region: after.region.clone(),
        settings: after.settings.to_stored(),
        version,
        touched: serde_json::to_string(&touched).unwrap_or_default(),
        settings_at: if begins { Some(tx.now()) } else { row.settings_at },
        ..row
    };
    let columns = organisation::ActiveModel {
        name: Set(after_row.name.clone()),
        locale: Set(after_row.locale.clone()),
        time_zone: Set(after_row.time_zone.clone()),
        currency: Set(after_row.currency.clone()),
        region: Set(after_row.region.clone()),
        settings: Set(after_row.settings.clone()),
        version: Set(version),
        touched: Set(after_row.touched.clone()),
        settings_at: Set(after_row.settings_at),
        ..Default::default()
    };
    let done = organisation::Entity::update_many()
        .set(columns)
        .filter(organisation::Column::Id.eq(tx.org_id()))
        .filter(organisation::Column::Version.eq(version - 1))
        .exec(tx.db())
        .await?;
    if done.rows_affected == 0 {
        return Err(EngineError::Busy.into());
    }
    let (old, new) = (&before.settings.passwords, &after.settings.passwords);
    if old.history > 0 && new.history == 0 {
        history::drop_all(tx).await?;
    }
    if old.lock.is_some() && new.lock.is_none() {
        locks::lift_all(tx).await?;
    }
    tx.log(told(tx, (before, after), changed, version));
    tx.people_changed();
    Ok(after_row)
}

/// The entry with the parts that changed, as they were and as they are.
fn told(tx: &Tx<'_>, (before, after): (&Organisation, &Organisation), changed: &[&'static str], version: i64) -> Entry {
    let parts = |one: &Organisation| -> Map<String, Value> {
        let whole = one.to_json();
        let part = |part: &&str| ((*part).to_owned(), part_of(&whole, part).cloned().unwrap_or_default());
        changed.iter().map(part).collect()
    };
    let body = json!({ "before": parts(before), "after": parts(after) });
    let entry = Entry::admin(CHANGED, Some(("organisation", tx.org_id()))).saying(&body);
    Entry { version, changed: changed.iter().map(|part| FieldName::Borrowed(part)).collect(), ..entry }
}
