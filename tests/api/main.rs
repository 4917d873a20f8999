//! Black-box tests: over HTTP, against the real program, on both engines; every test has an organisation of its own.

mod accounts;
mod another_language;
mod api_keys;
mod at_once;
mod audit;
mod children;
mod compared;
mod cookies;
mod customers;
mod edges;
mod erasure;
mod external;
mod forged;
mod guards;
mod history;
mod identity;
mod intake;
mod jobs;
mod leavers;
mod lifecycle;
mod lists;
mod openapi;
mod organisation;
mod personal_tokens;
mod pgbouncer;
#[cfg(test)]
mod planted;
mod policies;
mod policy;
mod postgres_commits;
mod postgres_faults;
mod real_provider;
mod reveal;
mod reviews;
mod rights;
mod roles;
mod round_trips;
mod second_factor;
mod secrets;
mod sets;
mod sharing;
mod sign_in;
#[cfg(test)]
mod stored;
mod tickets;
mod unreadable;
