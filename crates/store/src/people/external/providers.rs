//! The providers that an organisation trusts, as its administrators see and change them.

use chrono::{DateTime, Utc};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::identity_provider::IdentityProvider;
use kehu_domain::rights::{Action, Right};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::new_id;
use crate::engine::EngineError;
use crate::entities::{external_sign_in, identity, identity_provider, session};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::Entry;
use crate::ops::roles;
use crate::people::hashing::Password;
use crate::people::sessions;
use crate::refusals::{Refusal, noting};
use crate::sealed::identity_provider::{CLIENT_SECRET, SUBJECT_KEY};
use crate::tx::Tx;

use super::{Kept, kept};

/// The verb of what changes nothing.
const READ: &str = "read";
/// How many an organisation can have.
const MOST: u64 = 20;

/// A provider, without its secret.
#[derive(Clone, Debug)]
pub struct ProviderInfo {
    /// Its id.
    pub id: Uuid,
    /// Counts its changes.
    pub version: i64,
    /// What the organisation lays down.
    pub settings: IdentityProvider,
    /// Whether there is a secret.
    pub has_secret: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

fn info(row: &identity_provider::Model) -> Result<ProviderInfo, Failure> {
    Ok(ProviderInfo {
        id: row.id,
        version: row.version,
        settings: kept(row)?.settings,
        has_secret: row.client_secret.is_some(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Does it where the caller may lay down how people sign in. Whoever writes must be able to change every user: a provider
/// says who somebody is, which is as much as setting everybody's password. As with passwords, that is not enough for
/// people who have rights about no record: see [`Kept::vouched`].
async fn allowed<T>(
    caller: &Caller,
    verb: &'static str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let work = async {
        if verb != READ && !caller.reach(Action::Update, "user")?.all {
            return Err(Failure::Forbidden);
        }
        caller.may(Right::SettingsManage)?;
        work.await
    };
    noting(caller, Refusal::to("identity_provider", verb), work).await
}

/// Every provider of the organisation, the oldest first.
///
/// # Errors
/// [`Failure::Forbidden`] without the right over settings.
pub async fn identity_providers(caller: &Caller) -> Result<Vec<ProviderInfo>, Failure> {
    allowed(caller, READ, async {
        let rows = identity_provider::Entity::find()
            .filter(identity_provider::Column::OrgId.eq(caller.org().id))
            .order_by_asc(identity_provider::Column::Id);
        rows.all(caller.db()).await?.iter().map(info).collect()
    })
    .await
}

/// One of them.
///
/// # Errors
/// [`Failure::Forbidden`] without the right over settings; [`Failure::NotFound`].
pub async fn identity_provider(caller: &Caller, id: Uuid) -> Result<ProviderInfo, Failure> {
    allowed(caller, READ, async {
        let row = identity_provider::Entity::find_by_id((caller.org().id, id)).one(caller.db()).await?;
        info(&row.ok_or(Failure::NotFound)?)
    })
    .await
}

/// Makes one.
///
/// # Errors
/// [`Failure::Forbidden`] without the right over settings; [`Failure::Refused`] where there are too many.
pub async fn create_identity_provider(
    caller: &Caller,
    settings: IdentityProvider,
    secret: Option<Password>,
) -> Result<ProviderInfo, Failure> {
    let id = new_id(caller.gate().now());
    allowed(caller, "create", async {
        caller
            .write(async move |tx: &Tx<'_>| {
                check_roles(tx, &settings, None).await?;
                let all = identity_provider::Entity::find().filter(identity_provider::Column::OrgId.eq(tx.org_id()));
                if all.count(tx.db()).await? >= MOST {
                    return Err(Failure::refused("", Flaw::new(&codes::LIST_TOO_LONG).with("max", MOST)));
                }
                let ring = tx.caller().ring();
                let mut key = zeroize::Zeroizing::new([0_u8; 32]);
                getrandom::fill(key.as_mut_slice()).map_err(|error| Failure::Internal(error.to_string()))?;
                let secret = secret.map(|secret| ring.seal(CLIENT_SECRET, id, secret.reveal().as_bytes()));
                let after = Kept { settings, vouched: vouches(tx) };
                let row = identity_provider::Model {
                    org_id: tx.org_id(),
                    id,
                    version: 1,
                    settings: text_of(&after)?,
                    client_secret: secret.transpose()?,
                    subject_key: ring.seal(SUBJECT_KEY, id, key.as_slice())?,
                    created_at: tx.now(),
                    updated_at: tx.now(),
                };
                let made = info(&row)?;
                identity_provider::Entity::insert(active(row)).exec_without_returning(tx.db()).await?;
                tx.log(entry("created", id, None, Some(&after), false));
                Ok(made)
            })
            .await
    })
    .await
}

fn active(row: identity_provider::Model) -> identity_provider::ActiveModel {
    let identity_provider::Model { org_id, id, version, settings, client_secret, subject_key, created_at, updated_at } =
        row;
    identity_provider::ActiveModel {
        org_id: Set(org_id),
        id: Set(id),
        version: Set(version),
        settings: Set(settings),
        client_secret: Set(client_secret),
        subject_key: Set(subject_key),
        created_at: Set(created_at),
        updated_at: Set(updated_at),
    }
}

/// Changes one; the secret stays where nothing is said of it. Where it does not count any more, or is registered
/// elsewhere, the sessions that it began end.
///
/// # Errors
/// [`Failure::Forbidden`] without the right over settings; [`Failure::NotFound`]; somebody else changed it since
/// `version`.
pub async fn update_identity_provider(
    caller: &Caller,
    (id, version): (Uuid, i64),
    settings: IdentityProvider,
    secret: Option<Option<Password>>,
) -> Result<ProviderInfo, Failure> {
    use identity_provider::Column as C;
    allowed(caller, "update", async {
        caller
            .write(async move |tx: &Tx<'_>| {
                let row = identity_provider::Entity::find_by_id((tx.org_id(), id)).one(tx.db()).await?;
                let row = row.ok_or(Failure::NotFound)?;
                let before = kept(&row)?;
                check_roles(tx, &settings, Some(&before.settings)).await?;
                let same = secret.is_none() && only_renamed(&before.settings, &settings);
                let after = Kept { settings, vouched: if same { before.vouched } else { vouches(tx) } };
                let mut update = identity_provider::Entity::update_many()
                    .col_expr(C::Settings, Expr::value(text_of(&after)?))
                    .col_expr(C::Version, Expr::value(version + 1))
                    .col_expr(C::UpdatedAt, Expr::value(tx.now()))
                    .filter(C::OrgId.eq(tx.org_id()))
                    .filter(C::Id.eq(id))
                    .filter(C::Version.eq(version));
                let new_secret = secret.is_some();
                if let Some(secret) = secret {
                    let seal =
                        |secret: Password| tx.caller().ring().seal(CLIENT_SECRET, id, secret.reveal().as_bytes());
                    update = update.col_expr(C::ClientSecret, Expr::value(secret.map(seal).transpose()?));
                }
                if update.exec(tx.db()).await?.rows_affected == 0 {
                    return Err(EngineError::Busy.into());
                }
                let another = after.settings.issuer != before.settings.issuer;
                if (!after.settings.enabled && before.settings.enabled) || another {
                    end_sessions(tx, id).await?;
                }
                if another {
                    // Another issuer gives its own names: the same name is somebody else there.
                    forget_identities(tx, id).await?;
                }
                tx.log(entry("changed", id, Some(&before), Some(&after), new_secret));
                let row = identity_provider::Entity::find_by_id((tx.org_id(), id)).one(tx.db()).await?;
                info(&row.ok_or(Failure::NotFound)?)
            })
            .await
    })
    .await
}

/// Deletes one, with what is known of who is whom to it, and ends the sessions that it began.
///
/// # Errors
/// [`Failure::Forbidden`] without the right over settings; [`Failure::NotFound`].
pub async fn delete_identity_provider(caller: &Caller, id: Uuid) -> Result<(), Failure> {
    allowed(caller, "delete", async {
        caller
            .write(async move |tx: &Tx<'_>| {
                // Whoever is let in meanwhile holds the row: the session that begins is seen and ended here.
                let row = identity_provider::Entity::find_by_id((tx.org_id(), id)).lock_exclusive();
                let before = kept(&row.one(tx.db()).await?.ok_or(Failure::NotFound)?)?;
                end_sessions(tx, id).await?;
                forget_identities(tx, id).await?;
                external_sign_in::Entity::delete_many()
                    .filter(external_sign_in::Column::OrgId.eq(tx.org_id()))
                    .filter(external_sign_in::Column::ProviderId.eq(id))
                    .exec(tx.db())
                    .await?;
                identity_provider::Entity::delete_by_id((tx.org_id(), id)).exec(tx.db()).await?;
                tx.log(entry("deleted", id, Some(&before), None, false));
                Ok(())
            })
            .await
    })
    .await
}

/// Checks the roles that a provider's word gives or gave: each exists, and whoever changes such a provider may give
/// roles. Another issuer would give them to whom it likes.
async fn check_roles(
    tx: &Tx<'_>,
    settings: &IdentityProvider,
    before: Option<&IdentityProvider>,
) -> Result<(), Failure> {
    let gives = |settings: &IdentityProvider| settings.maps_roles() || settings.default_role.is_some();
    if !gives(settings) && !before.is_some_and(gives) {
        return Ok(());
    }
    if tx.caller().may(Right::RightsGrant).is_err() {
        let flaw = Flaw::new(&codes::RIGHT_MISSING).with("right", "rights.grant");
        return Err(Failure::refused("/role_mapping", flaw));
    }
    let mapped = settings.role_mapping.iter().enumerate();
    let mapped = mapped.map(|(at, mapping)| (format!("/role_mapping/{at}/role"), &mapping.role));
    let default = settings.default_role.iter().map(|role| ("/default_role".to_owned(), role));
    for (pointer, role) in mapped.chain(default) {
        if roles::find(tx, role).await?.is_none() {
            return Err(Failure::refused(pointer, roles::unknown(tx, role)));
        }
    }
    Ok(())
}

async fn end_sessions(tx: &Tx<'_>, provider: Uuid) -> Result<(), Failure> {
    let rows = session::Entity::find()
        .filter(session::Column::OrgId.eq(tx.org_id()))
        .filter(session::Column::ProviderId.eq(provider))
        .filter(session::Column::EndedAt.is_null())
        .all(tx.db())
        .await?;
    let ids: Vec<Uuid> = rows.into_iter().map(|row| row.id).collect();
    for part in ids.chunks(100) {
        sessions::end(tx, part).await?;
    }
    Ok(())
}

async fn forget_identities(tx: &Tx<'_>, provider: Uuid) -> Result<(), Failure> {
    identity::Entity::delete_many()
        .filter(identity::Column::OrgId.eq(tx.org_id()))
        .filter(identity::Column::ProviderId.eq(provider))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Whether a provider that the caller lays down is good for everybody: he could give those rights himself.
fn vouches(tx: &Tx<'_>) -> bool {
    tx.caller().rights().grants(Right::RightsGrant)
}

/// Whether nothing changes but what people call it.
fn only_renamed(before: &IdentityProvider, after: &IdentityProvider) -> bool {
    IdentityProvider { name: after.name.clone(), ..before.clone() } == *after
}

fn text_of(settings: &Kept) -> Result<String, Failure> {
    serde_json::to_string(settings).map_err(|error| Failure::Internal(error.to_string()))
}

fn entry(what: &str, id: Uuid, before: Option<&Kept>, after: Option<&Kept>, new_secret: bool) -> Entry {
    let shown = |kept: Option<&Kept>| kept.map_or(Value::Null, |kept| json!(kept));
    let entry = Entry::admin(&format!("identity_provider.{what}"), None);
    entry.saying(&json!({
        "provider": id, "before": shown(before), "after": shown(after), "secret_changed": new_secret,
    }))
}
