//! Setting and changing passwords.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::password::check_new_password;
use kehu_domain::rights::{Action, RIGHTS};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::api_keys;
use crate::engine;
use crate::entities::{invitation, user};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::ops::roles;
use crate::rows::Rows;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::hashing::Password;
use super::history;
use super::locks;
use super::sessions;
use super::throttle::{self, Pair};

/// What somebody says who changes the own password.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The present one.
    pub old: Password,
    /// The one to come.
    pub new: Password,
    /// Whether failures are counted and slow down who guesses.
    pub throttled: bool,
}

/// Refuses a password that is too short, too long, common, one of the names, or not what the organisation asks for;
/// `names` are the person's own.
pub(super) fn check(caller: &Caller, password: &Password, names: &[String], pointer: &str) -> Result<(), Failure> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let policy = &caller.org().settings.passwords;
    check_new_password(password.reveal(), &names, policy).map_err(|flaw| Failure::refused(pointer, flaw))
}

/// Refuses to take over what the caller has no right to: whoever sets or resets the password of somebody, takes the
/// second factor away, or changes the names that a link is sent to, could sign in as that one.
///
/// Nobody comes at a right about no record so that he lacks, nor at duties that are kept apart from his. Whoever looks
/// after some users only comes at no record that he could not come at himself; whoever looks after everybody's account
/// must be able to help those who see more.
pub(crate) fn refuse_over(caller: &Caller, user: Uuid, pointer: &str) -> Result<(), Failure> {
    let Some(person) = caller.org().users.get(&user) else { return Ok(()) };
    let (own, theirs) = (caller.rights(), &person.rights);
    if let Some((_, right)) = RIGHTS.iter().find(|(right, _)| theirs.grants(*right) && !own.grants(*right)) {
        return Err(Failure::refused(pointer, Flaw::new(&codes::RIGHT_MISSING).with("right", *right)));
    }
    if !own.reach(Action::Update, "user").all && !theirs.within(own) {
        return Err(Failure::refused(pointer, Flaw::new(&codes::RIGHTS_BEYOND)));
    }
    roles::refuse_together(caller, theirs, person.roles.iter().map(String::as_str), pointer)
}

/// Has the user change the password at the next sign-in, where the organisation asks for it: somebody else set it.
pub(super) async fn must_change(tx: &Tx<'_>, user: Uuid) -> Result<(), Failure> {
    use user::Column as C;
    if !tx.caller().org().settings.passwords.change_after_reset {
        return Ok(());
    }
    user::Entity::update_many()
        .col_expr(C::MustChangePassword, Expr::value(true))
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::Id.eq(user))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// The sign-in names of a row.
pub(super) fn names_of(caller: &Caller, row: user::Model) -> Result<Vec<String>, Failure> {
    let (stored, _) = kehu_domain::kinds::User::from_row(row, &Opener(caller.ring()))?;
    Ok(kehu_domain::kinds::login_names(&stored.data).into_iter().map(|(_, name)| name).collect())
}

/// Writes a hash, ends the user's other sessions, and takes an open invitation back; where somebody else sets it, the
/// user's personal tokens are revoked too. With `over` only if that is the
/// hash that the row still has; gives whether it was written.
pub(super) async fn set(tx: &Tx<'_>, user: Uuid, hash: String, over: Option<&str>) -> Result<bool, Failure> {
    use user::Column as C;
    history::keep(tx, user).await?;
    let mut update = user::Entity::update_many()
        .col_expr(C::PasswordHash, Expr::value(Some(hash)))
        .col_expr(C::PasswordChangedAt, Expr::value(Some(tx.now())))
        .col_expr(C::MustChangePassword, Expr::value(false))
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::Id.eq(user));
    if let Some(over) = over {
        update = update.filter(C::PasswordHash.eq(over));
    }
    if update.exec(tx.db()).await?.rows_affected == 0 {
        return Ok(false);
    }
    invitation::Entity::delete_by_id((tx.org_id(), user)).exec(tx.db()).await?;
    locks::forget(tx, user).await?;
    sessions::end_all(tx, user).await?;
    if tx.caller().principal().user() != Some(user) {
        // Somebody else set it: the old one is not to be trusted, nor what was made with it.
        api_keys::revoke_personal(tx, user).await?;
    }
    tx.log(Entry::security("password.changed", Outcome::Ok, Some(user)));
    Ok(true)
}

/// Changes the caller's own password, and ends the caller's other sessions.
///
/// # Errors
/// [`Failure::Refused`] with `/old_password` or `/new_password`; too many failures before; [`Failure::Forbidden`] for
/// who is not signed in.
pub async fn change_password(caller: &Caller, said: ChangePassword) -> Result<(), Failure> {
    let (id, _) = caller.signed_in()?;
    let gate = caller.gate();
    let row = user::Entity::find_by_id((caller.org().id, id)).one(caller.db()).await?.ok_or(Failure::Forbidden)?;
    let stored = row.password_hash.clone();
    check(caller, &said.new, &names_of(caller, row)?, "/new_password")?;

    let pair = Pair::new(gate, &id.to_string(), caller.request().address.as_deref())?;
    let turn = gate.hashing().turn().await?;
    if said.throttled {
        throttle::check(gate.engine(), &pair, gate.now()).await?;
    }
    let fits = gate.hashing().verify(turn, &said.old, vec![stored.clone()]).await?;
    let Some(stored) = stored.filter(|_| fits.contains(&true)) else {
        return Err(refused(caller, id, pair, said.throttled).await?);
    };
    // Asked after the present one was right: whoever has nothing but a token learns no earlier password.
    history::refuse_reuse(caller, id, &said.new, "/new_password").await?;
    let hash = gate.hashing().hash(&said.new).await?;
    caller
        .write(async move |tx: &Tx<'_>| {
            throttle::clear(tx.db(), &pair).await?;
            // Somebody else may have set another one meanwhile: then the old one is not the present one any more.
            if set(tx, id, hash, Some(&stored)).await? { Ok(()) } else { Err(wrong()) }
        })
        .await
}

fn wrong() -> Failure {
    Failure::refused("/old_password", Flaw::new(&codes::PASSWORD_WRONG))
}

/// Counts and tells the journal; gives what to answer.
async fn refused(caller: &Caller, user: Uuid, pair: Pair, counted: bool) -> Result<Failure, Failure> {
    let (told, now) = (caller.clone(), caller.gate().now());
    let job = async move |db: &engine::Tx| -> Result<(), Failure> {
        if counted {
            throttle::count(db, &pair, now).await?;
        }
        let tx = Tx::begin(db, told, now).await?;
        tx.log(Entry::security("password.refused", Outcome::Failed, Some(user)));
        tx.finish().await.map(drop)
    };
    caller.gate().write_raw(job).await.map(|()| wrong())
}
