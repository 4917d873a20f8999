//! Jobs that do what somebody asked for as that one: with the rights of the moment, under the job's own claim.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::failure::{Failure, SignInFailure};

use super::{Caller, Gate, Principal, RequestInfo};

/// Who asked, as the payload of a job keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Acting {
    by: By,
    /// Why, as the request said.
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    User { id: Uuid, session: Uuid },
    Personal { id: Uuid, key: Uuid },
    Key(Uuid),
}

impl Acting {
    /// The caller of a request.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] for whoever is neither a user nor a program with a key.
    pub(crate) fn of(caller: &Caller) -> Result<Self, Failure> {
        let by = match caller.principal() {
            Principal::User { id, session } => By::User { id, session },
            Principal::Personal { id, key, .. } => By::Personal { id, key },
            Principal::Key(id) => By::Key(id),
            Principal::Form(_) | Principal::Job { .. } | Principal::System => return Err(Failure::Forbidden),
        };
        Ok(Self { by, reason: caller.request().reason.clone() })
    }

    fn principal(&self) -> Principal {
        match self.by {
            By::User { id, session } => Principal::User { id, session },
            By::Personal { id, key } => Principal::Personal { id, key, reads: false },
            By::Key(id) => Principal::Key(id),
        }
    }
}

impl Gate {
    /// Whoever asked for a job, as it stands now, at most a second ago: a role that was taken away is gone here too. The
    /// end of the session does not end what was begun in it.
    ///
    /// # Errors
    /// The account is disabled or gone, the key is no longer good, or the database is away.
    pub(crate) async fn on_behalf(&self, job: &Caller, acting: &Acting) -> Result<Caller, Failure> {
        let org = self.org(job.org.id).await?;
        let (rights, teams) = match acting.by {
            By::User { id, .. } | By::Personal { id, .. } => {
                if let By::Personal { key, .. } = acting.by
                    && !self.is_good_personal(org.id, key).await?
                {
                    return Err(Failure::SignIn(SignInFailure::KeyRevoked));
                }
                let person = org.users.get(&id).filter(|person| !person.disabled);
                let person = person.ok_or(Failure::SignIn(SignInFailure::AccountDisabled))?;
                let teams = person.team_id.map(|team| org.team_and_below(team)).unwrap_or_default();
                (person.rights.clone(), teams)
            }
            By::Key(id) => {
                let rights = self.rights_of_key(&org, id).await?;
                (rights.ok_or(Failure::SignIn(SignInFailure::KeyRevoked))?, Vec::new())
            }
        };
        let request = RequestInfo {
            request_id: job.request.request_id.clone(),
            via: "bulk",
            reason: acting.reason.clone(),
            ..RequestInfo::default()
        };
        let caller = self.caller(org, acting.principal(), rights, teams, request).await?;
        Ok(Caller { fence: job.fence(), ..caller })
    }
}
