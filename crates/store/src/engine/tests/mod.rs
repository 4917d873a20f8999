//! Both engines under the same tests. PostgreSQL runs if `KEHU_TEST_PG_URL` names a server where databases may be made.

mod bed;
mod crash;
mod errors;
mod jobs;
mod measure;
mod reads;
mod schema;
mod server;
mod types;
