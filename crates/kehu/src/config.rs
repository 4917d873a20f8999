//! Flags and environment.

mod commands;
mod org;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};
use kehu_http::address::{Forwarded, Network};
use kehu_http::server::ServerOptions;
use kehu_http::state::Limits;
use kehu_http::tls;
use kehu_jobs::JobOptions;
use kehu_store::journal::Keep;
use kehu_store::keys::SEAL_LIMIT;

use crate::Failed;
use crate::backup::Backup;
use crate::erasures::Erasures;
use crate::restore::Restore;

pub(crate) use commands::{Audit, AuditErase, AuditVerify, Keys, KeysOf, KeysStatus};
pub(crate) use org::{Org, OrgCreate, OrgLogin, OrgNamed};

/// Kehu keeps customers, contacts and follow-ups, and talks JSON over HTTP.
#[derive(Parser)]
#[command(name = "kehu", version, max_term_width = 100)]
pub(crate) struct Program {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Migrate the database and serve
    Serve(Box<Serve>),
    /// The same with an organisation of made-up customers, which are made at first start
    Demo(Box<Serve>),
    /// Run jobs without serving: beside servers that share a PostgreSQL
    Work(Box<Work>),
    /// Organisations of this installation
    #[command(subcommand)]
    Org(Org),
    /// Keys that seal the data
    #[command(subcommand)]
    Keys(Keys),
    /// The journal of changes
    #[command(subcommand)]
    Audit(Audit),
    /// Write a copy of the database (SQLite); a server may be running
    Backup(Backup),
    /// Put a backup in the place of the database (SQLite), without what was erased since; no server may be running
    Restore(Restore),
    /// The ledger of what was erased for good
    #[command(subcommand)]
    Erasures(Erasures),
    /// Write openapi.json and codes.json, the description of the API
    Openapi {
        /// Folder for the files
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
        /// Folder for codes.md and codes.zh-CN.md, the list of error codes for people; not written without it
        #[arg(long, value_name = "FOLDER")]
        docs: Option<PathBuf>,
    },
    /// Ask a server on this machine whether it is ready: exit code 0 if it is
    Healthcheck(Listen),
}

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) listen: Listen,
    #[command(flatten)]
    pub(crate) first: FirstStart,
    #[command(flatten)]
    limits: LimitFlags,
    #[command(flatten)]
    pub(crate) jobs: JobFlags,

    /// The proxy in front has TLS: listen in plain HTTP on any address
    #[arg(long, env = "KEHU_BEHIND_PROXY", value_parser = BoolishValueParser::new())]
    behind_proxy: bool,
    /// Proxies whose X-Forwarded-For is believed: addresses and networks, separated by commas. Without it, and with
    /// --behind-proxy, whoever connects is the proxy and the last entry is believed
    #[arg(long, env = "KEHU_TRUSTED_PROXIES", value_name = "NETWORKS")]
    trusted_proxies: Option<String>,
    /// Origins whose pages may call from a browser, separated by commas
    #[arg(long, env = "KEHU_CORS_ORIGINS", value_name = "ORIGINS")]
    cors_origins: Option<String>,
    /// Where /metrics is shown: a loopback address and a port
    #[arg(long, env = "KEHU_METRICS_LISTEN", value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Servers that are configured to be asked (identity providers) may stand in an intranet, and be plain HTTP on this
    /// machine
    #[arg(long, env = "KEHU_ALLOW_PRIVATE_TARGETS", value_parser = BoolishValueParser::new())]
    allow_private_targets: bool,
    /// What is logged: error, warn, info, debug, or by module (info,kehu::access=warn)
    #[arg(long, env = "KEHU_LOG", default_value = "info", value_name = "FILTER")]
    pub(crate) log: String,
    /// Milliseconds to go on serving after a stop signal, while /readyz says no
    #[arg(long, env = "KEHU_DRAIN", default_value_t = 200, value_name = "MS")]
    drain: u64,
}

/// A process that runs jobs and serves nobody.
#[derive(Args)]
pub(crate) struct Work {
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) jobs: JobFlags,
    /// What is logged: error, warn, info, debug, or by module
    #[arg(long, env = "KEHU_LOG", default_value = "info", value_name = "FILTER")]
    pub(crate) log: String,
}

/// How jobs are run.
#[derive(Args)]
pub(crate) struct JobFlags {
    /// Jobs that are run at once. 0 leaves them to other servers, or to `kehu work`
    #[arg(long, env = "KEHU_JOB_SLOTS", default_value_t = 4, value_name = "N")]
    pub(crate) job_slots: usize,
    /// Seconds after which another server takes the jobs of one that gives no sign of life
    #[arg(long, env = "KEHU_JOB_LEASE", default_value_t = 30, value_name = "S")]
    job_lease: u64,
    /// Days that entries of the journal are kept: 180 or more
    #[arg(long, env = "KEHU_JOURNAL_DAYS", default_value_t = 1096, value_name = "DAYS")]
    journal_days: u16,
}

impl JobFlags {
    /// How long the journal is kept.
    pub(crate) fn keep(&self) -> Result<Keep, Failed> {
        Keep::days(self.journal_days).map_err(|error| Failed::Configuration(format!("--journal-days: {error}")))
    }

    /// How jobs are run; `rest` is how long after the start schedules are looked at first.
    pub(crate) fn options(&self, rest: Duration) -> Result<JobOptions, Failed> {
        if !(1..=3600).contains(&self.job_lease) {
            return Err(Failed::Configuration("--job-lease: give 1 to 3600 seconds".to_owned()));
        }
        if self.job_slots > 64 {
            return Err(Failed::Configuration("--job-slots: give 64 at most".to_owned()));
        }
        let lease = Duration::from_secs(self.job_lease);
        Ok(JobOptions { slots: self.job_slots, lease, rest, ..JobOptions::default() })
    }
}

/// Where the data is and what opens it.
#[derive(Args)]
pub(crate) struct Data {
    /// Folder of the data: the SQLite file, attachments, work files
    #[arg(long, env = "KEHU_DATA", default_value = "./data", value_name = "FOLDER")]
    pub(crate) data: PathBuf,
    /// PostgreSQL (postgres://…) instead of SQLite in the data folder
    #[arg(long, env = "KEHU_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// File of the key-encryption key; KEHU_KEK=id:base64[,id:base64…] wins over it. Default: kehu.key beside the data
    /// folder, made at first start on SQLite
    #[arg(long, env = "KEHU_KEK_FILE", value_name = "FILE")]
    pub(crate) kek_file: Option<PathBuf>,
    #[arg(skip = secret("KEHU_KEK"))]
    pub(crate) kek: Option<String>,
    /// Answers an hour that may tell a user of records out of reach, and values an hour that a masked field may be
    /// compared with. 0 is any number
    #[arg(long, env = "KEHU_READ_LIMIT", default_value_t = 60, value_name = "N")]
    pub(crate) read_limit: u32,
    /// Values that an organisation's root may seal before another takes its place by itself
    #[arg(long, env = "KEHU_SEAL_LIMIT", default_value_t = SEAL_LIMIT, value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=SEAL_LIMIT))]
    pub(crate) seal_limit: u64,
    /// Sealed fields an hour that may be revealed to a user. 0 is any number
    #[arg(long, env = "KEHU_REVEAL_LIMIT", default_value_t = 30, value_name = "N")]
    pub(crate) reveal_limit: u32,
}

/// The first administrator and organisation, at first start only.
#[derive(Args)]
pub(crate) struct FirstStart {
    /// E-mail of the first administrator; without it the user name is admin (first start only)
    #[arg(long, env = "KEHU_ADMIN_EMAIL", value_name = "EMAIL")]
    pub(crate) admin_email: Option<String>,
    /// Without it a password is made and printed once.
    #[arg(skip = secret("KEHU_ADMIN_PASSWORD"))]
    pub(crate) admin_password: Option<String>,
    /// Name of the first organisation (first start only)
    #[arg(long, env = "KEHU_ORG_NAME", default_value = "我的公司", value_name = "NAME")]
    pub(crate) org_name: String,
}

/// Where a server listens.
#[derive(Args)]
pub(crate) struct Listen {
    /// Address and port; port 0 is any free one
    #[arg(long, env = "KEHU_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// TLS certificate chain, PEM
    #[arg(long, env = "KEHU_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, env = "KEHU_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
}

/// Limits of one server.
#[derive(Args)]
struct LimitFlags {
    /// Requests of one address per minute; an office behind one address is one. 0 is off
    #[arg(long, env = "KEHU_RATE_LIMIT", default_value_t = 6000, value_name = "N")]
    rate_limit: u32,
    /// Form submissions of one address per minute. 0 is off
    #[arg(long, env = "KEHU_FORM_RATE_LIMIT", default_value_t = 120, value_name = "N")]
    form_rate_limit: u32,
    /// Attempts to sign in of one address per minute. 0 is off
    #[arg(long, env = "KEHU_LOGIN_RATE_LIMIT", default_value_t = 300, value_name = "N")]
    login_rate_limit: u32,
    /// Requests that are answered at once; more are turned away with 503
    #[arg(long, env = "KEHU_MAX_IN_FLIGHT", default_value_t = 1024, value_name = "N")]
    max_in_flight: usize,
}

/// A secret, from the environment alone; blank is none, as container files like to set it. What is not UTF-8 stays
/// wrong, so that it is refused where it is used.
#[expect(
    clippy::disallowed_methods,
    reason = "arguments are seen by everybody on the machine: clap must not take these"
)]
fn secret(name: &str) -> Option<String> {
    said(Some(&std::env::var_os(name)?.to_string_lossy().into_owned()))
}

/// A text that says something.
pub(crate) fn said(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty()).cloned()
}

impl Serve {
    /// What the server is started with.
    pub(crate) fn server(&self) -> Result<ServerOptions, Failed> {
        let listen = self.listen.listen;
        let tls = self.listen.tls()?.map(|(cert, key)| tls::server(cert, key)).transpose();
        let tls = tls.map_err(|error| Failed::Configuration(format!("TLS: {error}")))?;
        if tls.is_none() && !listen.ip().is_loopback() && !self.behind_proxy {
            return Err(Failed::Configuration(format!(
                "{listen} can be reached from other machines, and there is no TLS: give --tls-cert and --tls-key, or \
                 --behind-proxy if a proxy in front has it"
            )));
        }
        if let Some(metrics) = self.metrics_listen.filter(|metrics| !metrics.ip().is_loopback()) {
            return Err(Failed::Configuration(format!(
                "--metrics-listen {metrics} can be reached from other machines: give a loopback address"
            )));
        }
        let LimitFlags { rate_limit, form_rate_limit, login_rate_limit, max_in_flight } = self.limits;
        Ok(ServerOptions {
            listen,
            tls,
            metrics_listen: self.metrics_listen,
            cors_origins: list("--cors-origins", self.cors_origins.as_deref())?,
            forwarded: self.forwarded()?,
            private_targets: self.allow_private_targets,
            limits: Limits {
                requests: rate_limit,
                submissions: form_rate_limit,
                sign_ins: login_rate_limit,
                in_flight: max_in_flight,
            },
            drain: Duration::from_millis(self.drain),
        })
    }

    fn forwarded(&self) -> Result<Forwarded, Failed> {
        let proxies: Vec<Network> = list("--trusted-proxies", self.trusted_proxies.as_deref())?;
        Ok(match (proxies.is_empty(), self.behind_proxy) {
            (false, _) => Forwarded::Through(proxies),
            (true, true) => Forwarded::LastHop,
            (true, false) => Forwarded::Ignored,
        })
    }
}

impl Listen {
    /// Certificate and key, both or neither.
    pub(crate) fn tls(&self) -> Result<Option<(&Path, &Path)>, Failed> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Ok(Some((cert, key))),
            (None, None) => Ok(None),
            _ => Err(Failed::Configuration("--tls-cert and --tls-key go together: give both or neither".to_owned())),
        }
    }
}

/// The items of a list; nothing and blanks are an empty one, as container files like to set them.
fn list<T: FromStr<Err = String>>(flag: &str, text: Option<&str>) -> Result<Vec<T>, Failed> {
    let items = text.unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| item.parse().map_err(|error| Failed::Configuration(format!("{flag}: {error}")))).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn server(flags: &[&str]) -> Result<ServerOptions, String> {
        let program =
            Program::try_parse_from(["kehu", "serve"].iter().chain(flags)).map_err(|error| error.to_string())?;
        let Command::Serve(serve) = program.command else { return Err("another command".to_owned()) };
        serve.server().map_err(|failed| failed.to_string())
    }

    #[test]
    fn the_command_line_is_sound() {
        Program::command().debug_assert();
    }

    #[test]
    fn the_defaults_listen_on_loopback_and_believe_nobody() {
        let options = server(&[]).unwrap();
        assert_eq!(options.listen.to_string(), "127.0.0.1:8080");
        assert_eq!((options.forwarded, options.limits.requests), (Forwarded::Ignored, 6000));
        assert!(options.tls.is_none() && options.cors_origins.is_empty() && options.metrics_listen.is_none());
    }

    #[test]
    fn an_open_address_needs_tls_or_a_proxy() {
        let refused = server(&["--listen", "0.0.0.0:80"]).err().unwrap();
        assert!(refused.contains("--tls-cert") && refused.contains("--behind-proxy"), "{refused}");
        let open = server(&["--listen", "0.0.0.0:80", "--behind-proxy"]).unwrap();
        assert_eq!(open.forwarded, Forwarded::LastHop);
        assert!(server(&["--listen", "[::1]:0"]).is_ok());
        assert!(server(&["--metrics-listen", "10.0.0.1:9"]).err().unwrap().contains("loopback"));
        assert!(server(&["--tls-cert", "a.pem"]).err().unwrap().contains("go together"));
    }

    #[test]
    fn secrets_are_no_arguments() {
        for flag in ["--kek", "--admin-password"] {
            let refused = server(&[flag, "x"]).err().unwrap();
            assert!(refused.contains("unexpected argument"), "{refused}");
        }
    }

    #[test]
    fn lists_may_be_blank_and_name_what_is_wrong() {
        let options = server(&["--cors-origins", " ", "--trusted-proxies", "10.0.0.0/8, ::1,"]).unwrap();
        assert!(options.cors_origins.is_empty());
        assert!(matches!(options.forwarded, Forwarded::Through(proxies) if proxies.len() == 2));
        assert!(server(&["--cors-origins", "crm.example.com"]).err().unwrap().contains("--cors-origins: "));
    }
}
