//! Rows of entry rules.

use kehu_domain::codes;
use kehu_domain::custom::CustomField;
use kehu_domain::entry_rule::{Check, MAX_RULES, Message, On, RuleField, Stages, of_custom, unfit};
use kehu_domain::field::Shape;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{EntryRule, RuleKind, Severity, kind_named};
use kehu_domain::read::Finding;
use kehu_domain::record::Stored;
use kehu_domain::value::{Industry, Region};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::crypto::cell::FieldPath;
use crate::entities::entry_rule;
use crate::failure::Failure;
use crate::org::Org;
use crate::sealed;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::{Ownership, RowBase, Rows, base, known, row};

impl Rows for EntryRule {
    type Entity = entry_rule::Entity;
    const CUSTOM: FieldPath = sealed::entry_rule::CUSTOM;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<entry_rule::ActiveModel, Failure> {
        let Self { kind, field, stages, check, severity, message, active, order } = &stored.data;
        Ok(row!(entry_rule::ActiveModel, stored, row, {
            kind: Set(kind.key().to_owned()),
            field: Set(field.as_str().to_owned()),
            stages: Set(stages.as_ref().map(Stages::to_stored)),
            check_body: Set(check.to_stored()),
            severity: Set(severity.key().to_owned()),
            message: Set(message.as_ref().map(Message::to_stored)),
            active: Set(active.0),
            order: Set(*order),
        }))
    }

    fn from_row(row: entry_rule::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let data = of_row(&row)?;
        Ok((Stored { base: base!(row, opener, Self::CUSTOM), data }, row.touched))
    }

    fn ownership(&self) -> Ownership {
        Ownership::Shared
    }

    fn columns(field: &'static str) -> &'static [&'static str] {
        match field {
            "check" => &["check_body"],
            _ => &[],
        }
    }

    async fn prepare(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        // One that comes back is one more.
        if before.is_none_or(|before| before.base.deleted_at.is_some()) {
            // Two that are made at once are counted one after the other.
            tx.lock("entry_rules").await?;
            let rules = entry_rule::Entity::find()
                .filter(entry_rule::Column::OrgId.eq(tx.org_id()))
                .filter(entry_rule::Column::DeletedAt.is_null())
                .count(tx.db())
                .await?;
            if rules >= MAX_RULES {
                return Err(Failure::refused("", Flaw::new(&codes::RULE_LIMIT).with("max", MAX_RULES)));
            }
        }
        // A rule whose field was retired since can still be switched off, or said otherwise.
        let same = |before: &Stored<Self>| before.data.field == self.field && before.data.check == self.check;
        if before.is_some_and(same) {
            return Ok(());
        }
        check_custom(tx.caller().org(), self)?;
        bring_to_keys(tx.caller().org(), self)
    }

    async fn follow(tx: &Tx<'_>, _: Option<&Stored<Self>>, _: Option<&Stored<Self>>) -> Result<(), Failure> {
        tx.people_changed();
        Ok(())
    }
}

/// Refuses a rule about a custom field that is not there, or a check that makes no sense of it.
fn check_custom(org: &Org, rule: &EntryRule) -> Result<(), Failure> {
    let Some(key) = rule.field.custom() else { return Ok(()) };
    let fields = org.custom(rule.kind.key());
    let Some(field) = fields.by_key(key) else {
        let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let shown: String = rule.field.as_str().chars().take(100).collect();
        let flaw = Flaw::new(&codes::RULE_FIELD_UNKNOWN).with("value", shown).with("known", known.join(", "));
        return Err(Failure::refused("/field", flaw));
    };
    let flaws = unfit(&rule.check, &field.name, &of_custom(field.holds));
    let found: Vec<Finding> = flaws.into_iter().map(|flaw| Finding { pointer: "/check".to_owned(), flaw }).collect();
    if found.is_empty() { Ok(()) } else { Err(Failure::Refused(found)) }
}

/// Brings choices to the keys that records keep: a rule that names a label, `软件` for an industry, would refuse what it
/// means to allow.
fn bring_to_keys(org: &Org, rule: &mut EntryRule) -> Result<(), Failure> {
    let Check::Choices(choices) = &mut rule.check else { return Ok(()) };
    let unknown = |value: &str, field: &CustomField| {
        let known: Vec<&str> = field.choices.iter().map(|item| item.key.as_str()).collect();
        let flaw = Flaw::new(&codes::RULE_CHOICE_UNKNOWN).with("value", value).with("field", &field.name);
        flaw.with("known", known.join(", "))
    };
    let custom = rule.field.custom().and_then(|key| org.custom(rule.kind.key()).by_key(key));
    let built_in = kind_named(rule.kind.key()).and_then(|kind| kind.field(rule.field.as_str()));
    let key_of = |said: &str| match (custom, built_in.map(|field| field.shape)) {
        (Some(field), _) => field.choice(said).map(|item| item.key.clone()).ok_or_else(|| unknown(said, field)),
        (None, Some(Shape::Industry)) => Industry::parse(said).map(|industry| industry.code().to_owned()),
        (None, Some(Shape::Region)) => Region::parse(said).map(|region| region.code().to_owned()),
        (None, _) => Ok(said.to_owned()),
    };
    let mut keys: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for (at, said) in choices.iter().enumerate() {
        match key_of(said) {
            Ok(key) => keys.extend(Some(key).filter(|key| !keys.contains(key))),
            Err(flaw) => found.push(Finding { pointer: format!("/check/choices/{at}"), flaw }),
        }
    }
    *choices = keys;
    if found.is_empty() { Ok(()) } else { Err(Failure::Refused(found)) }
}

/// The rule of a row. One that cannot be read is not taken for none.
pub(crate) fn of_row(row: &entry_rule::Model) -> Result<EntryRule, Failure> {
    let id = row.id;
    Ok(EntryRule {
        kind: known(RuleKind::from_key(&row.kind), "kind", id)?,
        field: RuleField::from_stored(row.field.clone()),
        stages: row.stages.as_deref().map(|text| known(Stages::from_stored(text), "stage", id)).transpose()?,
        check: known(Check::from_stored(&row.check_body), "check", id)?,
        severity: known(Severity::from_key(&row.severity), "severity", id)?,
        message: row.message.as_deref().map(|text| known(Message::from_stored(text), "message", id)).transpose()?,
        active: On(row.active),
        order: row.order,
    })
}
