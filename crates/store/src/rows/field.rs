//! Rows of fields that an organisation adds.

use kehu_domain::custom::{ChoiceList, CurrencyCode, CustomType, FieldKey, KindName, Labels, PatternText, Said};
use kehu_domain::fields::Line;
use kehu_domain::kinds::{FieldDefinition, said_to_stored};
use kehu_domain::record::Stored;
use kehu_domain::show::Name;

use crate::crypto::cell::FieldPath;
use crate::entities::field;
use crate::failure::Failure;
use crate::ops::fields;
use crate::sealed;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::{Ownership, RowBase, Rows, base, known, row};

impl Rows for FieldDefinition {
    const CUSTOM: FieldPath = sealed::field::CUSTOM;
    const LOCK: Option<&'static str> = Some(fields::LOCK);
    type Entity = field::Entity;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<field::ActiveModel, Failure> {
        let Self {
            kind,
            key,
            r#type,
            label,
            help,
            group,
            order,
            required,
            unique,
            default,
            sensitive,
            filterable,
            searchable,
            choices,
            min,
            max,
            pattern,
            currency,
            target,
            retired,
            no,
            slot,
            indexed,
        } = &stored.data;
        Ok(row!(field::ActiveModel, stored, row, {
            kind: Set(kind.as_str().to_owned()),
            key: Set(key.as_str().to_owned()),
            r#type: Set(r#type.key().to_owned()),
            label: Set(label.to_stored()),
            help: Set(help.as_ref().map(Labels::to_stored)),
            group: Set(group.as_ref().map(|group| group.as_str().to_owned())),
            order: Set(*order),
            required: Set(*required),
            unique: Set(*unique),
            default: Set(said_to_stored(default.as_ref())),
            sensitive: Set(*sensitive),
            filterable: Set(*filterable),
            searchable: Set(*searchable),
            choices: Set(choices.to_stored()),
            min: Set(said_to_stored(min.as_ref())),
            max: Set(said_to_stored(max.as_ref())),
            pattern: Set(pattern.as_ref().map(|pattern| pattern.as_str().to_owned())),
            currency: Set(currency.as_ref().map(|currency| currency.as_str().to_owned())),
            target: Set(target.as_ref().map(|target| target.as_str().to_owned())),
            retired: Set(*retired),
            no: Set(*no),
            slot: Set(slot.as_ref().map(|slot| slot.as_str().to_owned())),
            indexed: Set(*indexed),
            // Written with the job that is asked for.
            filling: sea_orm::ActiveValue::NotSet,
            linked: sea_orm::ActiveValue::NotSet,
        }))
    }

    fn from_row(row: field::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let base = base!(row, opener, Self::CUSTOM);
        let touched = row.touched.clone();
        Ok((Stored { base, data: definition(row)? }, touched))
    }

    fn ownership(&self) -> Ownership {
        Ownership::Shared
    }

    fn columns(_: &'static str) -> &'static [&'static str] {
        &[]
    }

    fn name(&self) -> Option<&str> {
        Some(&self.label.zh)
    }

    async fn prepare(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        fields::prepare(tx, self, before).await
    }

    async fn follow(tx: &Tx<'_>, before: Option<&Stored<Self>>, after: Option<&Stored<Self>>) -> Result<(), Failure> {
        // Every server reads definitions anew.
        tx.people_changed();
        if let Some(field) = after {
            tx.remember_name(field.base.id, Name { name: field.data.label.zh.clone(), color: None });
        }
        fields::follow(tx, before, after).await
    }
}

/// The definition that a row holds.
pub(crate) fn definition(row: field::Model) -> Result<FieldDefinition, Failure> {
    let id = row.id;
    Ok(FieldDefinition {
        kind: KindName::from_stored(row.kind),
        key: FieldKey::from_stored(row.key),
        r#type: known(CustomType::from_key(&row.r#type), "type", id)?,
        label: known(Labels::from_stored(&row.label), "label", id)?,
        help: row.help.as_deref().and_then(Labels::from_stored),
        group: row.group.map(Line::from_stored),
        order: row.order,
        required: row.required,
        unique: row.unique,
        default: row.default.as_deref().and_then(Said::from_stored),
        sensitive: row.sensitive,
        filterable: row.filterable,
        searchable: row.searchable,
        choices: known(ChoiceList::from_stored(&row.choices), "list of choices", id)?,
        min: row.min.as_deref().and_then(Said::from_stored),
        max: row.max.as_deref().and_then(Said::from_stored),
        pattern: row.pattern.map(PatternText::from_stored),
        currency: row.currency.map(CurrencyCode::from_stored),
        target: row.target.map(KindName::from_stored),
        retired: row.retired,
        no: row.no,
        slot: row.slot.map(Line::from_stored),
        indexed: row.indexed,
    })
}
