//! What somebody is told of the sign-in before the present one: whether it was his own is for him to say.

use std::fmt;

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::entities::{session, user};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::sealed::session::PREVIOUS_ADDRESS;
use crate::sealed::user::LAST_LOGIN_ADDRESS;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::locks;

/// The sign-in before the present one. Its address never prints.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// When it was; none if there was none.
    pub at: Option<DateTime<Utc>>,
    /// From which address.
    pub address: Option<String>,
    /// How many attempts failed between the two.
    pub failures: i64,
}

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Before").field("at", &self.at).field("failures", &self.failures).finish_non_exhaustive()
    }
}

impl Before {
    /// What the row of a user says before it is told of the present sign-in.
    pub(in crate::people) async fn read(tx: &Tx<'_>, user: Uuid) -> Result<Self, Failure> {
        let Some(row) = user::Entity::find_by_id((tx.org_id(), user)).one(tx.db()).await? else {
            return Ok(Self::default());
        };
        let address = Opener(tx.caller().ring()).text(LAST_LOGIN_ADDRESS, user, row.last_login_address.as_deref())?;
        Ok(Self { at: row.last_login_at, address, failures: locks::failures(tx, user).await? })
    }

    /// What the row of a session says.
    pub(super) fn of(caller: &Caller, row: &session::Model) -> Result<Self, Failure> {
        let address = Opener(caller.ring()).text(PREVIOUS_ADDRESS, row.id, row.previous_address.as_deref())?;
        Ok(Self { at: row.previous_at, address, failures: row.failures_before })
    }

    /// The address, sealed for the row of a session.
    pub(super) fn sealed_address(&self, tx: &Tx<'_>, session: Uuid) -> Result<Option<Vec<u8>>, Failure> {
        let seal = |text: &String| tx.caller().ring().seal(PREVIOUS_ADDRESS, session, text.as_bytes());
        Ok(self.address.as_ref().map(seal).transpose()?)
    }
}
