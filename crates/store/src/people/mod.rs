//! People: signing in, sessions, passwords, invitations, and the organisations they belong to.

mod external;
mod failures;
pub(crate) mod hashing;
pub(crate) mod history;
mod invitations;
pub(crate) mod locks;
mod me;
mod orgs;
mod passwords;
pub(crate) mod presence;
mod refresh;
mod renewal;
mod reset;
mod second_factor;
pub(crate) mod sessions;
mod sessions_of;
mod sign_in;
mod signing;
mod strangers;
mod sweep;
#[cfg(test)]
pub(crate) mod tests;
mod throttle;
mod told;
mod users;

pub(crate) use external::providers_that_give;
pub use external::{
    Begun, Connection, ExternalPerson, ProviderInfo, Taken, Wanted, create_identity_provider, delete_identity_provider,
    identity_provider, identity_providers, update_identity_provider,
};
pub use hashing::Password;
pub use invitations::accept_invitation;
pub use me::{Me, me};
pub use orgs::{FirstAdmin, Founded, NewOrg};
pub(crate) use passwords::refuse_over;
pub use passwords::{ChangePassword, change_password};
pub use reset::{ResetLink, reset_password};
pub use second_factor::{
    Enrolling, FactorInfo, FactorState, Proof, confirm_second_factor, enrol_second_factor, remove_second_factor,
    renew_recovery_codes, reset_second_factor, second_factor,
};
pub use sessions::{SessionInfo, end_other_sessions, end_session, sessions};
pub use sessions_of::{end_session_of, end_sessions_of, sessions_of};
pub use sign_in::{Client, SignIn, SignedIn};
pub use signing::{ACCESS_TOKEN_SECONDS, Replace, SigningKey, is_due, is_outlived, signer};
pub use sweep::Swept;
pub use told::Before;
pub use users::{create_user, update_user};
