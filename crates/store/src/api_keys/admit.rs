//! Who comes with a key: found by its hash, looked at with every request, at most a second old.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use kehu_domain::rights::Rights;
use moka::sync::Cache;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::crypto::token::{Token, TokenKind};
use crate::engine;
use crate::entities::api_key;
use crate::failure::{Failure, SignInFailure};
use crate::gate::{Caller, Gate, Principal, RequestInfo};
use crate::org::{FRESH, Org, rights_of};
use crate::people::presence::{self, Through};

use super::{KeyKind, Scope, addresses, fields};

/// How many keys are remembered.
const REMEMBERED: u64 = 20_000;
/// How often at most it is written when a key was last used; milliseconds. A read must not become a write each time.
const NOTED: i64 = 60_000;

const UNKNOWN: Failure = Failure::SignIn(SignInFailure::KeyInvalid);

/// Keys that are in use, by their hashes.
pub(crate) struct InUse(Cache<[u8; 32], Arc<Known>>);

struct Known {
    row: api_key::Model,
    checked: AtomicI64,
    /// When its use was noted.
    noted: AtomicI64,
    limited: Mutex<Option<Limited>>,
}

/// The rights of a role, and what of them is left over the fields of a key.
struct Limited {
    whole: Arc<Rights>,
    left: Arc<Rights>,
}

impl Known {
    /// What is left of the rights of its role, worked out again when those are other ones.
    fn limited(&self, whole: Arc<Rights>) -> Arc<Rights> {
        let Some(allowed) = fields::stored(self.row.fields.as_deref()) else { return whole };
        let mut known = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limited) = known.as_ref().filter(|limited| Arc::ptr_eq(&limited.whole, &whole)) {
            return limited.left.clone();
        }
        let left = Arc::new(fields::limited(&whole, &allowed));
        *known = Some(Limited { whole, left: left.clone() });
        left
    }
}

impl Default for InUse {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl InUse {
    /// Asks again at the next request: the key was changed here.
    pub(crate) fn forget(&self, hash: &[u8]) {
        if let Ok(hash) = <[u8; 32]>::try_from(hash) {
            self.0.invalidate(&hash);
        }
    }
}

impl Gate {
    /// Whether a text has the form of a key or a personal token, whatever it is worth.
    #[must_use]
    pub fn is_key(text: &str) -> bool {
        [TokenKind::Server, TokenKind::Personal].iter().any(|kind| text.starts_with(kind.prefix()))
    }

    /// What a program may do now with the key of that id; nothing where the key is no longer good.
    pub(crate) async fn rights_of_key(&self, org: &Org, id: Uuid) -> Result<Option<Arc<Rights>>, Failure> {
        let row = api_key::Entity::find_by_id((org.id, id)).one(self.engine()).await?;
        let Some(row) = row.filter(|row| self.is_good(row)) else { return Ok(None) };
        let rights = row.role.as_deref().and_then(|role| rights_of(org, role));
        Ok(rights.map(|rights| match fields::stored(row.fields.as_deref()) {
            Some(allowed) => Arc::new(fields::limited(&rights, &allowed)),
            None => rights,
        }))
    }

    /// Whether a personal token is still good.
    pub(crate) async fn is_good_personal(&self, org: Uuid, id: Uuid) -> Result<bool, Failure> {
        let row = api_key::Entity::find_by_id((org, id)).one(self.engine()).await?;
        Ok(row.is_some_and(|row| self.is_good(&row)))
    }

    fn is_good(&self, row: &api_key::Model) -> bool {
        row.revoked_at.is_none() && row.expires_at.is_none_or(|expires| expires > self.now())
    }

    /// Who comes with a key or a personal token.
    ///
    /// # Errors
    /// [`Failure::SignIn`]: unknown (malformed ones are), revoked, expired, or the user of a personal token is disabled.
    pub async fn key(&self, text: &str, request: RequestInfo) -> Result<Caller, Failure> {
        let kind = |kind| matches!(kind, TokenKind::Server | TokenKind::Personal);
        let token = Token::parse(text).filter(|token| kind(token.kind())).ok_or(UNKNOWN)?;
        let known = self.known_key(&token).await?;
        let row = &known.row;
        if row.revoked_at.is_some() {
            return Err(Failure::SignIn(SignInFailure::KeyRevoked));
        }
        if row.expires_at.is_some_and(|expires| expires <= self.now()) {
            return Err(Failure::SignIn(SignInFailure::KeyExpired));
        }
        let org = self.org(row.org_id).await.map_err(|failure| match failure {
            Failure::NotFound => UNKNOWN,
            other => other,
        })?;
        let caller = match (row.kind == KeyKind::Personal.key(), row.user_id, &row.role) {
            (true, Some(id), _) => {
                let reads = row.scope.as_deref() != Some(Scope::Full.key());
                if org.must_enrol(id) {
                    return Err(Failure::SignIn(SignInFailure::EnrolmentRequired));
                }
                self.acting_for(org, id, Principal::Personal { id, key: row.id, reads }, request).await?
            }
            (false, _, Some(role)) => {
                // A role that this program does not know gives no rights.
                let rights = known.limited(rights_of(&org, role).unwrap_or_default());
                let caller = self.caller(org, Principal::Key(row.id), rights, Vec::new(), request).await?;
                presence::check_roles(&caller, None, std::slice::from_ref(role), Through::Token(row.id)).await?;
                caller
            }
            _ => return Err(UNKNOWN),
        };
        if let Some(own) = addresses::stored(row.addresses.as_deref()) {
            presence::check_own_list(&caller, &own, row.id).await?;
        }
        self.note_use(&known).await;
        Ok(caller)
    }

    async fn known_key(&self, token: &Token) -> Result<Arc<Known>, Failure> {
        let (hash, now) = (token.hash(), self.now().timestamp_millis());
        let before = self.keys_in_use().0.get(&hash);
        if let Some(known) = &before
            && (now - known.checked.load(Ordering::Relaxed)).abs() < FRESH
        {
            return Ok(known.clone());
        }
        let row = api_key::Entity::find()
            .filter(api_key::Column::OrgId.eq(token.org()))
            .filter(api_key::Column::TokenHash.eq(hash.to_vec()))
            .one(self.engine())
            .await?;
        let row = row.filter(|row| token.matches(&row.token_hash)).ok_or(UNKNOWN)?;
        let stored = row.last_used_at.map_or(0, |used| used.timestamp_millis());
        let noted = before.map_or(0, |known| known.noted.load(Ordering::Relaxed)).max(stored);
        let known = Arc::new(Known {
            row,
            checked: AtomicI64::new(now),
            noted: AtomicI64::new(noted),
            limited: Mutex::default(),
        });
        self.keys_in_use().0.insert(hash, known.clone());
        Ok(known)
    }

    /// Writes when a key was last used, at most once a minute. Where that cannot be written, the request is answered all
    /// the same.
    async fn note_use(&self, known: &Known) {
        let now = self.now();
        let noted = known.noted.load(Ordering::Relaxed);
        let due = now.timestamp_millis() - noted >= NOTED;
        let mine = || known.noted.compare_exchange(noted, now.timestamp_millis(), Ordering::Relaxed, Ordering::Relaxed);
        if !due || mine().is_err() {
            return;
        }
        let (org, id) = (known.row.org_id, known.row.id);
        if let Err(failure) = self.write_raw(async move |db: &engine::Tx| used(db, (org, id), now).await).await {
            tracing::warn!(cause = %failure, "the use of a key was not noted");
        }
    }
}

async fn used(db: &engine::Tx, (org, id): (uuid::Uuid, uuid::Uuid), now: DateTime<Utc>) -> Result<(), Failure> {
    use api_key::Column as C;
    api_key::Entity::update_many()
        .col_expr(C::LastUsedAt, Expr::value(Some(now)))
        .filter(C::OrgId.eq(org))
        .filter(C::Id.eq(id))
        .filter(Condition::any().add(C::LastUsedAt.is_null()).add(C::LastUsedAt.lt(now)))
        .exec(db)
        .await?;
    Ok(())
}
