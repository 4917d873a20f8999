//! What a start says on standard output: where to go, who may sign in, and a first request to paste.

use std::io::{self, Write};
use std::path::Path;

/// What there is to say.
pub(crate) struct Banner<'a> {
    /// `http://127.0.0.1:8080`
    pub(crate) base: String,
    /// Where figures are shown.
    pub(crate) metrics: Option<String>,
    /// The key file, if it was made just now.
    pub(crate) new_key: Option<&'a Path>,
    /// The first administrator's sign-in name and, if it was made up just now, password; at first start.
    pub(crate) first: Option<(&'a str, Option<&'a str>)>,
}

impl Banner<'_> {
    /// Prints it, the address first, on a line of its own: programs wait for it.
    pub(crate) fn print(&self) {
        // Serving goes on when nobody listens to it.
        let _ = self.write(&mut io::stdout().lock());
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let base = &self.base;
        writeln!(out, "listening on {base}\n")?;
        writeln!(out, "  API            {base}/v1")?;
        writeln!(out, "  documentation  {base}/docs")?;
        if let Some(metrics) = &self.metrics {
            writeln!(out, "  metrics        {metrics}/metrics")?;
        }
        if let Some(key) = self.new_key {
            let key = key.display();
            writeln!(out, "\nA key was made: {key}. Without it nobody can read the data, not even you.")?;
            writeln!(out, "Keep a copy of it in another place than the data and its backups.")?;
        }
        if let Some((login, password)) = self.first {
            writeln!(out, "\nThe first administrator signs in as {login}")?;
            if let Some(password) = password {
                writeln!(out, "with the password {password}, which is shown this once.")?;
            }
        }
        writeln!(out, "\nTo try it, paste:\n\n{}", self.trial())?;
        out.flush()
    }

    /// Signs in and makes a customer, with curl and sh alone. One command, so that a shell that asks for the password
    /// does not take the next line for it.
    fn trial(&self) -> String {
        let base = &self.base;
        let (login, password) = self.first.unwrap_or(("admin", None));
        let ask = match password {
            Some(password) => format!("password={password}"),
            None => format!("printf 'Password of {login}: ' && read -r password"),
        };
        let json = "-H 'Content-Type: application/json'";
        [
            format!("{ask} &&"),
            format!("token=$(curl -s {base}/v1/auth/login {json} \\"),
            format!("  -d '{{\"login\": \"{login}\", \"password\": \"'\"$password\"'\"}}' |"),
            "  sed -n 's/.*\"access_token\": *\"\\([^\"]*\\)\".*/\\1/p') &&".to_owned(),
            format!("curl -s {base}/v1/customers -H \"Authorization: Bearer $token\" {json} \\"),
            "  -d '{\"name\": \"北京示例科技有限公司\", \"kind\": \"company\", \"industry\": \"软件和信息技术服务业\"}'\n".to_owned(),
        ]
        .join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(first: Option<(&str, Option<&str>)>) -> String {
        let banner = Banner { base: "http://127.0.0.1:8080".to_owned(), metrics: None, new_key: None, first };
        let mut out = Vec::new();
        banner.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_address_stands_alone_in_the_first_line() {
        assert_eq!(text(None).lines().next(), Some("listening on http://127.0.0.1:8080"));
    }

    #[test]
    fn a_made_password_is_shown_and_a_given_one_asked_for() {
        let made = text(Some(("admin", Some("s3cret-made"))));
        assert!(made.contains("signs in as admin") && made.contains("password=s3cret-made &&"));
        for asked in [text(None), text(Some(("a@b.test", None)))] {
            assert!(asked.contains("read -r password") && !asked.contains("shown this once"));
        }
    }

    #[test]
    fn the_trial_is_one_command_that_sh_understands() {
        let banner =
            Banner { base: "http://x".to_owned(), metrics: None, new_key: None, first: Some(("a", Some("p\u{e4}"))) };
        let script = format!(
            "curl() {{ for arg; do last=$arg; done; printf '%s\\n' \"{{\\\"access_token\\\":\\\"$last\\\"}}\"; }}\n{}",
            banner.trial()
        );
        let shell = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        assert!(shell.status.success(), "{shell:?}");
        assert!(shell.stderr.is_empty(), "{shell:?}");
        assert!(String::from_utf8(shell.stdout).unwrap().contains("北京示例科技有限公司"));
    }
}
