mod allowances;
pub(crate) mod bed;
mod external;
mod orgs;
mod policies;
mod refresh;
mod sign_in;
mod users;
