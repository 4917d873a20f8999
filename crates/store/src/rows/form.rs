//! Rows of forms.

use kehu_domain::fields::{Line, ShownOnce, Text};
use kehu_domain::intake::{Assign, FormFields, HookAnswer, Hours, Origins};
use kehu_domain::kinds::{Form, Source, unknown_reference};
use kehu_domain::record::Stored;
use kehu_domain::show::Name;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::crypto::cell::FieldPath;
use crate::crypto::token::{Token, TokenKind};
use crate::entities::form;
use crate::failure::Failure;
use crate::journal::Entry;
use crate::sealed;
use crate::sealed::form::{ID_SALT, PUBLIC_KEY};
use crate::sealer::Opener;
use crate::tx::Tx;

use super::{Ownership, RowBase, Rows, base, known, name_columns, row};

impl Rows for Form {
    type Entity = form::Entity;
    const CUSTOM: FieldPath = sealed::form::CUSTOM;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<form::ActiveModel, Failure> {
        let Self {
            name,
            fields,
            origins,
            consent_text,
            honeypot,
            repeat_window,
            source,
            assign,
            answer,
            source_id,
            paused,
            public_key,
            hook_key: ShownOnce,
        } = &stored.data;
        let (name_norm, name_sort) = name_columns(row, name.as_str());
        let public = public_key.as_ref().and_then(|key| Token::parse(key.as_str()));
        Ok(row!(form::ActiveModel, stored, row, {
            name: Set(name.as_str().to_owned()),
            name_norm: Set(name_norm),
            name_sort: Set(name_sort),
            fields: Set(fields.to_stored()),
            origins: Set(origins.0.join(" ")),
            consent_text: Set(consent_text.as_ref().map(|text| text.as_str().to_owned())),
            honeypot: Set(honeypot.as_ref().map(|key| key.as_str().to_owned())),
            repeat_window: Set(repeat_window.0),
            source: Set(source.key().to_owned()),
            assign_team_id: Set(assign.map(|assign| assign.team_id)),
            answer: Set(answer.as_ref().map(HookAnswer::to_stored)),
            source_id: Set(source_id.as_ref().map(|key| key.as_str().to_owned())),
            paused: Set(*paused),
            public_key: row.sealer.cell("public_key", PUBLIC_KEY, public_key.as_ref().map(Line::as_str))?,
            public_hash: Set(public.map(|key| key.hash().to_vec()).unwrap_or_default()),
            // Written once, when the form is made.
            hook_hash: sea_orm::ActiveValue::NotSet,
            id_salt: sea_orm::ActiveValue::NotSet,
        }))
    }

    fn from_row(row: form::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let id = row.id;
        let data = Self {
            name: Line::from_stored(row.name),
            fields: known(FormFields::from_stored(&row.fields), "list of fields", id)?,
            origins: Origins(row.origins.split_whitespace().map(str::to_owned).collect()),
            consent_text: row.consent_text.map(Text::from_stored),
            honeypot: row.honeypot.map(Line::from_stored),
            repeat_window: Hours(row.repeat_window),
            source: known(Source::from_key(&row.source), "source", id)?,
            assign: row.assign_team_id.map(|team_id| Assign { team_id }),
            answer: row.answer.as_deref().and_then(HookAnswer::from_stored),
            source_id: row.source_id.map(Line::from_stored),
            paused: row.paused,
            public_key: opener.text(PUBLIC_KEY, id, row.public_key.as_deref())?.map(Line::from_stored),
            hook_key: ShownOnce,
        };
        Ok((Stored { base: base!(row, opener, Self::CUSTOM), data }, row.touched))
    }

    fn ownership(&self) -> Ownership {
        Ownership::Shared
    }

    fn columns(field: &'static str) -> &'static [&'static str] {
        match field {
            "name" => &["name_norm", "name_sort"],
            "assign" => &["assign_team_id"],
            _ => &[],
        }
    }

    fn name(&self) -> Option<&str> {
        Some(self.name.as_str())
    }

    async fn prepare(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        let team = self.assign.map(|assign| assign.team_id);
        let is_known = |team| tx.caller().org().has_team(team) || tx.remembered_name(team).is_some();
        if let Some(team) = team.filter(|team| !is_known(*team)) {
            let flaw = unknown_reference("team", team);
            return Err(Failure::refused("/assign/team_id", flaw));
        }
        if before.is_none() {
            let key = new_key(tx, TokenKind::Public)?;
            self.public_key = Some(Line::from_stored(key.reveal().to_owned()));
        }
        Ok(())
    }

    async fn follow(tx: &Tx<'_>, before: Option<&Stored<Self>>, after: Option<&Stored<Self>>) -> Result<(), Failure> {
        let Some(after) = after else { return Ok(()) };
        tx.remember_name(after.base.id, Name { name: after.data.name.as_str().to_owned(), color: None });
        // A form that is taken back has its keys.
        if before.is_none() && after.base.version == 1 { make_secrets(tx, after).await } else { Ok(()) }
    }
}

fn new_key(tx: &Tx<'_>, kind: TokenKind) -> Result<Token, Failure> {
    Token::generate(kind, tx.org_id()).map_err(|error| Failure::Internal(error.to_string()))
}

/// The key of the secret address, of which only the hash is kept, and the salt of the sender's ids.
async fn make_secrets(tx: &Tx<'_>, form: &Stored<Form>) -> Result<(), Failure> {
    let id = form.base.id;
    let key = new_key(tx, TokenKind::Hook)?;
    let mut salt = [0_u8; 32];
    getrandom::fill(&mut salt).map_err(|error| Failure::Internal(error.to_string()))?;
    let secrets = form::ActiveModel {
        hook_hash: sea_orm::ActiveValue::Set(Some(key.hash().to_vec())),
        id_salt: sea_orm::ActiveValue::Set(Some(tx.caller().ring().seal(ID_SALT, id, &salt)?)),
        ..Default::default()
    };
    form::Entity::update_many()
        .set(secrets)
        .filter(form::Column::OrgId.eq(tx.org_id()))
        .filter(form::Column::Id.eq(id))
        .exec(tx.db())
        .await?;
    tx.show_once(id, key.reveal());
    tx.log(Entry::admin("form.keys_created", Some(("form", id))));
    Ok(())
}
