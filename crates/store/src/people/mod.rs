//! People: signing in, sessions, passwords, invitations, and the organisations they belong to.

mod failures;
pub(crate) mod hashing;
mod invitations;
mod me;
mod orgs;
mod passwords;
mod refresh;
pub(crate) mod sessions;
mod sessions_of;
mod sign_in;
mod signing;
mod strangers;
mod sweep;
#[cfg(test)]
pub(crate) mod tests;
mod throttle;
mod users;

pub use hashing::Password;
pub use invitations::accept_invitation;
pub use me::{Me, me};
pub use orgs::{FirstAdmin, Founded, NewOrg};
pub use passwords::{ChangePassword, change_password};
pub use sessions::{SessionInfo, end_other_sessions, end_session, sessions};
pub use sessions_of::{end_session_of, end_sessions_of, sessions_of};
pub use sign_in::{Client, SignIn, SignedIn};
pub use signing::{ACCESS_TOKEN_SECONDS, Replace, SigningKey, is_due, is_outlived, signer};
pub use sweep::Swept;
pub use users::{create_user, update_user};
