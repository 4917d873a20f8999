//! Both engines under the same tests. PostgreSQL runs if `KEHU_TEST_PG_URL` names a server where databases may be made.

#![expect(clippy::disallowed_methods, reason = "tests of the engine take ids and settings where they find them")]

mod bed;
mod checkpoints;
mod crash;
mod disk;
mod errors;
mod faults;
mod jobs;
mod limits;
mod reads;
mod schema;
mod server;
mod snapshots;
mod stage;
mod types;
