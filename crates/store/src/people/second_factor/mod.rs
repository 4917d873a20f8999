//! The second factor: a code by time from an app, or one of ten recovery codes, beside the password.
//!
//! A factor is pending until a code of it was shown to work. Its seed is sealed, a code of it is good once (the last step
//! that was used stands in the row, and only a later one takes its place), and recovery codes are kept as hashes and
//! deleted by their use.

mod codes;
mod enrol;
mod proof;
mod reset;

use chrono::Duration;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use uuid::Uuid;

use crate::entities::{recovery_code, second_factor};
use crate::failure::Failure;
use crate::gate::Caller;

pub use enrol::{Enrolling, confirm_second_factor, enrol_second_factor, remove_second_factor, renew_recovery_codes};
pub use proof::Proof;
pub use reset::reset_second_factor;

pub(super) use codes::{check, pass};
pub(super) use proof::not_shown;

/// How long a factor that was not confirmed can be.
const PENDING: Duration = Duration::minutes(15);

/// How it stands with a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorState {
    /// There is none.
    None,
    /// One was begun and waits for its first code.
    Pending,
    /// Signing in asks for it.
    Active,
}

impl FactorState {
    /// Its key, as shown.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Active => "active",
        }
    }
}

/// What a user is told of the own second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactorInfo {
    /// How it stands.
    pub state: FactorState,
    /// Whether the role needs one.
    pub required: bool,
    /// How many recovery codes were not used yet.
    pub recovery_codes_left: u64,
}

/// How it stands with the caller's own second factor.
///
/// # Errors
/// [`Failure::Forbidden`] for who is no user.
pub async fn second_factor(caller: &Caller) -> Result<FactorInfo, Failure> {
    let id = caller.principal().user().ok_or(Failure::Forbidden)?;
    let row = row_of(caller, id).await?;
    let state = match &row {
        Some(row) if row.confirmed_at.is_some() => FactorState::Active,
        Some(row) if caller.gate().now() < row.created_at + PENDING => FactorState::Pending,
        _ => FactorState::None,
    };
    let left = recovery_code::Entity::find()
        .filter(recovery_code::Column::OrgId.eq(caller.org().id))
        .filter(recovery_code::Column::UserId.eq(id));
    let recovery_codes_left = left.count(caller.db()).await?;
    Ok(FactorInfo { state, required: caller.org().requires_second_factor(id), recovery_codes_left })
}

async fn row_of(caller: &Caller, user: Uuid) -> Result<Option<second_factor::Model>, Failure> {
    Ok(second_factor::Entity::find_by_id((caller.org().id, user)).one(caller.db()).await?)
}
