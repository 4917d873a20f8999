//! What the black-box tests are made of: the servers that the test script started, an organisation of its own for
//! every test, and people in it who talk HTTP.

#![expect(clippy::expect_used, clippy::panic, reason = "test support: whatever goes wrong ends the test")]

mod client;
pub mod cluster;
mod fixture;
pub mod idp;
mod jobs;
mod load;
mod organisation;
mod postgres;
mod relay;
pub mod server;
mod totp;

pub use client::{Form, Reply, Session, encoded};
pub use fixture::same_as_written;
pub use load::Load;
pub use organisation::{Org, PASSWORD, User, company, mobile};
pub use postgres::{Database, own_postgres};
pub use relay::{Cut, Relay, Traffic};
pub use totp::Authenticator;

use std::sync::atomic::{AtomicU64, Ordering};

/// A database engine with a server of the test run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLITE",
            Self::Postgres => "POSTGRES",
        }
    }

    /// Where its server listens: `http://127.0.0.1:port`.
    #[must_use]
    pub fn base(self) -> String {
        env(&format!("KEHU_TEST_{}", self.word()))
    }

    /// The key file of its server.
    #[must_use]
    pub fn key_file(self) -> String {
        env(&format!("KEHU_TEST_{}_KEK", self.word()))
    }

    /// The log of its server.
    #[must_use]
    pub fn log(self) -> String {
        env(&format!("KEHU_TEST_{}_LOG", self.word()))
    }

    /// The flags by which a command finds its database.
    #[must_use]
    pub fn database_flags(self) -> Vec<String> {
        match self {
            Self::Sqlite => vec!["--data".into(), env("KEHU_TEST_SQLITE_DATA")],
            Self::Postgres => vec!["--database-url".into(), env("KEHU_TEST_POSTGRES_DB")],
        }
    }
}

/// What the test script says.
///
/// # Panics
/// Outside `make test`.
#[must_use]
pub fn env(name: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the test script hands its settings over in the environment")]
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`"))
}

/// A number that no other test of the run has.
#[must_use]
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Makes a test of a function that takes an [`Engine`], once for each engine.
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        $(
            mod $name {
                #[test]
                fn sqlite() {
                    super::tests::$name($crate::Engine::Sqlite);
                }
                #[test]
                fn postgres() {
                    super::tests::$name($crate::Engine::Postgres);
                }
            }
        )*
    };
}

/// An id that no record has.
#[must_use]
pub fn new_id() -> String {
    uuid::Uuid::from_u128(0x0190_a3c4_7e1b_7c3d_8f00_0000_0000_0000 | u128::from(unique())).to_string()
}
