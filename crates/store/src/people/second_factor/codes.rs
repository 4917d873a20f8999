//! Using a code: each is good once, on whichever server.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::totp::{Seed, base32};
use crate::entities::{recovery_code, second_factor};
use crate::failure::{Failure, SignInFailure};
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::people::hashing::Password;
use crate::sealed::second_factor::SEED;
use crate::tx::Tx;

/// How many recovery codes there are.
const RECOVERY_CODES: usize = 10;
/// How many characters a recovery code has: 80 random bits in Base32.
const RECOVERY_LENGTH: usize = 16;

/// Lets a sign-in pass whose password was right: at once where the user has no second factor, by its code otherwise.
pub(in crate::people) async fn pass(tx: &Tx<'_>, user: Uuid, otp: Option<&Password>) -> Result<(), Failure> {
    let row = second_factor::Entity::find_by_id((tx.org_id(), user)).one(tx.db()).await?;
    let Some(row) = row.filter(|row| row.confirmed_at.is_some()) else { return Ok(()) };
    let otp = otp.ok_or(Failure::SignIn(SignInFailure::OtpRequired))?;
    if spend(tx, &row, otp).await? { Ok(()) } else { Err(Failure::SignIn(SignInFailure::OtpWrong)) }
}

/// Looks whether [`pass`] would let a sign-in pass, and uses nothing up.
pub(in crate::people) async fn check(caller: &Caller, user: Uuid, otp: Option<&Password>) -> Result<(), Failure> {
    let row = super::row_of(caller, user).await?;
    let Some(row) = row.filter(|row| row.confirmed_at.is_some()) else { return Ok(()) };
    let said = plain(otp.ok_or(Failure::SignIn(SignInFailure::OtpRequired))?);
    let right = if said.len() == RECOVERY_LENGTH {
        let key = (row.org_id, user, hash(row.org_id, user, &said));
        recovery_code::Entity::find_by_id(key).one(caller.db()).await?.is_some()
    } else {
        seed_of(caller, &row)?.step_of(&said, caller.gate().now().timestamp(), row.last_step).is_some()
    };
    if right { Ok(()) } else { Err(Failure::SignIn(SignInFailure::OtpWrong)) }
}

/// A code without what people put between its digits.
fn plain(otp: &Password) -> Zeroizing<String> {
    Zeroizing::new(otp.reveal().chars().filter(|c| !c.is_whitespace() && *c != '-').collect())
}

/// Uses a code up, of either sort; whether it was one.
pub(super) async fn spend(tx: &Tx<'_>, row: &second_factor::Model, otp: &Password) -> Result<bool, Failure> {
    let said = plain(otp);
    if said.len() == RECOVERY_LENGTH { recover(tx, row.user_id, &said).await } else { step(tx, row, &said).await }
}

/// Uses a code by time up.
pub(super) async fn step(tx: &Tx<'_>, row: &second_factor::Model, code: &str) -> Result<bool, Failure> {
    let seed = seed_of(tx.caller(), row)?;
    let Some(step) = seed.step_of(code, tx.now().timestamp(), row.last_step) else { return Ok(false) };
    // Whoever comes first with a step has it.
    let done = second_factor::Entity::update_many()
        .col_expr(second_factor::Column::LastStep, Expr::value(step))
        .filter(second_factor::Column::OrgId.eq(tx.org_id()))
        .filter(second_factor::Column::UserId.eq(row.user_id))
        .filter(second_factor::Column::Seed.eq(row.seed.clone()))
        .filter(second_factor::Column::LastStep.lt(step))
        .exec(tx.db())
        .await?;
    Ok(done.rows_affected == 1)
}

/// Uses a recovery code up.
async fn recover(tx: &Tx<'_>, user: Uuid, said: &str) -> Result<bool, Failure> {
    let hash = hash(tx.org_id(), user, said);
    let used = recovery_code::Entity::delete_by_id((tx.org_id(), user, hash)).exec(tx.db()).await?;
    let known = used.rows_affected == 1;
    if known {
        tx.log(Entry::security("second_factor.recovery_code_used", Outcome::Ok, Some(user)));
    }
    Ok(known)
}

pub(super) fn seed_of(caller: &Caller, row: &second_factor::Model) -> Result<Seed, Failure> {
    let bytes = Zeroizing::new(caller.ring().open(SEED, row.user_id, &row.seed)?);
    let none = || Failure::Internal(format!("the seed of user {} is none", row.user_id));
    Seed::from_bytes(&bytes).ok_or_else(none)
}

/// Puts new recovery codes in the place of all that there were; they are shown this once.
pub(super) async fn renew(tx: &Tx<'_>, user: Uuid) -> Result<Vec<Zeroizing<String>>, Failure> {
    forget(tx, user).await?;
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    let mut rows = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let mut random = Zeroizing::new([0_u8; RECOVERY_LENGTH * 5 / 8]);
        getrandom::fill(random.as_mut_slice()).map_err(|error| Failure::Internal(error.to_string()))?;
        let code = base32(random.as_slice());
        rows.push(recovery_code::ActiveModel {
            org_id: Set(tx.org_id()),
            user_id: Set(user),
            code_hash: Set(hash(tx.org_id(), user, &code)),
            created_at: Set(tx.now()),
        });
        codes.push(in_groups(&code));
    }
    recovery_code::Entity::insert_many(rows).exec_without_returning(tx.db()).await?;
    Ok(codes)
}

/// Deletes the recovery codes of a user.
pub(super) async fn forget(tx: &Tx<'_>, user: Uuid) -> Result<(), Failure> {
    recovery_code::Entity::delete_many()
        .filter(recovery_code::Column::OrgId.eq(tx.org_id()))
        .filter(recovery_code::Column::UserId.eq(user))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Four and four characters, as people copy them.
fn in_groups(code: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(code.len() + code.len() / 4));
    for (at, digit) in code.char_indices() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// What is stored of a recovery code. It has 80 random bits, so that a plain hash keeps it; the user in it keeps one
/// guess from counting against everybody.
fn hash(org: Uuid, user: Uuid, code: &str) -> Vec<u8> {
    let code = Zeroizing::new(code.to_ascii_uppercase());
    let hash = Sha256::new().chain_update(b"kehu-recovery/v1\0").chain_update(org.as_bytes());
    hash.chain_update(user.as_bytes()).chain_update(code.as_bytes()).finalize().to_vec()
}
