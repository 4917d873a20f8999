//! An organisation of its own for every test, and its people.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::client::Session;
use crate::{Engine, env, unique};

/// The password of everybody in the tests.
pub const PASSWORD: &str = "Kehu-Test-Horse-2026";

/// An organisation.
pub struct Org {
    /// On which engine it lives.
    pub engine: Engine,
    /// Its short name.
    pub slug: String,
    /// Its first administrator.
    pub admin: Session,
}

/// Somebody in an organisation.
pub struct User {
    /// The id.
    pub id: String,
    /// The sign-in name.
    pub login: String,
    /// Signed in.
    pub session: Session,
}

impl Org {
    /// Makes an organisation by the program's own command and signs its administrator in.
    ///
    /// # Panics
    /// When the command fails.
    #[must_use]
    #[track_caller]
    pub fn new(engine: Engine) -> Self {
        let slug = format!("t{}-{}", std::process::id(), unique());
        let email = format!("admin@{slug}.test");
        let mut command = Command::new(env("KEHU_TEST_BIN"));
        command.args(["org", "create", "--slug", &slug, "--name", "测试组织", "--admin-email", &email]);
        command.arg("--admin-password-stdin").args(engine.database_flags()).args(["--kek-file", &engine.key_file()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kehu org create");
        let mut stdin = child.stdin.take().expect("a pipe");
        writeln!(stdin, "{PASSWORD}").expect("the password is read");
        drop(stdin);
        let output = child.wait_with_output().expect("kehu org create");
        assert!(output.status.success(), "kehu org create: {}", String::from_utf8_lossy(&output.stderr));
        let admin = Session::login(&engine.base(), &email, PASSWORD, None);
        Self { engine, slug, admin }
    }

    /// Makes a user and signs in.
    #[must_use]
    #[track_caller]
    pub fn user(&self, role: &str, team: Option<&str>) -> User {
        let login = format!("{role}{}@{}.test", unique(), self.slug);
        let body = json!({
            "name": format!("测试{role}"), "email": login, "role": role, "team_id": team, "password": PASSWORD,
        });
        let id = self.admin.post("/v1/users", &body).expect(201).id();
        let session = Session::login(self.admin.base(), &login, PASSWORD, None);
        User { id, login, session }
    }

    /// Makes a team.
    #[must_use]
    #[track_caller]
    pub fn team(&self, parent: Option<&str>) -> String {
        let body = json!({ "name": format!("团队{}", unique()), "parent_id": parent });
        self.admin.post("/v1/teams", &body).expect(201).id()
    }
}

/// A mobile number that no other test uses.
#[must_use]
pub fn mobile() -> String {
    format!("139{:08}", 10_000_000 + unique())
}

/// The body of an ordinary new customer: a company with a phone.
#[must_use]
pub fn company(name: &str) -> Value {
    json!({ "name": name, "kind": "company", "phones": [mobile()] })
}
