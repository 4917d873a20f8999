//! `kehu org`

use std::io::{self, Write};

use anyhow::anyhow;
use kehu_domain::fields::format_time;
use kehu_domain::flaw::Lang;
use kehu_store::failure::Failure;
use kehu_store::people::{Founded, NewOrg, Password};

use crate::Failed;
use crate::config::{Org, OrgCreate, OrgLogin, OrgNamed};
use crate::open::{Opened, open_existing};

/// Runs a command about organisations.
pub(crate) fn run(org: &Org) -> Result<(), Failed> {
    match org {
        Org::Create(create) => run_create(create),
        Org::ClearAddresses(named) => run_clear_addresses(named),
        Org::ResetSecondFactor(reset) => actix_web::rt::System::new().block_on(reset_second_factor(reset)),
        Org::ResetPassword(reset) => actix_web::rt::System::new().block_on(reset_password(reset)),
    }
}

/// Takes the second factor of somebody who lost it.
async fn reset_second_factor(reset: &OrgLogin) -> Result<(), Failed> {
    let Opened { gate, .. } = open_existing(&reset.data).await?;
    let done = gate.reset_second_factor_of(&reset.slug, &reset.login).await;
    gate.close().await;
    done.map_err(|failure| match failure {
        Failure::NotFound => nobody(reset),
        Failure::SecondFactor(_) => Failed::Configuration(format!("{} has no second factor", reset.login)),
        other => explain(&other, "the second factor"),
    })?;
    let told = writeln!(io::stdout().lock(), "{} signs in without a second factor now, anew", reset.login);
    told.map_err(|error| anyhow!("it was reset, but standard output is closed: {error}").into())
}

fn nobody(named: &OrgLogin) -> Failed {
    Failed::Configuration(format!("nobody of {} signs in as {}", named.slug, named.login))
}

/// Takes the password of somebody who forgot it, and tells the token that lets him choose another one.
async fn reset_password(reset: &OrgLogin) -> Result<(), Failed> {
    let Opened { gate, .. } = open_existing(&reset.data).await?;
    let done = gate.reset_password_of(&reset.slug, &reset.login).await;
    gate.close().await;
    let link = done.map_err(|failure| match failure {
        Failure::NotFound => nobody(reset),
        other => explain(&other, "the password"),
    })?;
    let (mut out, until) = (io::stdout().lock(), format_time(link.expires_at));
    let told = writeln!(
        out,
        "{} has no password now; the token, which is shown this once and good until {until}:",
        reset.login
    )
    .and_then(|()| writeln!(out, "{}", link.token.reveal()))
    .and_then(|()| out.flush());
    told.map_err(|error| anyhow!("it was reset, but standard output is closed: {error}; reset it again").into())
}

/// The way back for an organisation whose list of addresses holds none that its administrators come from.
fn run_clear_addresses(named: &OrgNamed) -> Result<(), Failed> {
    let cleared = actix_web::rt::System::new().block_on(async {
        let Opened { gate, .. } = open_existing(&named.data).await?;
        let cleared = gate.clear_addresses(&named.slug).await;
        gate.close().await;
        cleared.map_err(|failure| match failure {
            Failure::NotFound => Failed::Configuration(format!("--slug: there is no organisation {}", named.slug)),
            other => explain(&other, "the change"),
        })
    })?;
    let told = if cleared { "people are let in from everywhere" } else { "there was no list of addresses" };
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {told}", named.slug).map_err(|error| anyhow!("standard output is closed: {error}").into())
}

fn run_create(create: &OrgCreate) -> Result<(), Failed> {
    let password = create.admin_password_stdin.then(read_password).transpose()?;
    let founded = actix_web::rt::System::new().block_on(make(create, password))?;
    let mut out = io::stdout().lock();
    let told = tell(&mut out, &founded);
    told.map_err(|error| anyhow!("the organisation was made, but standard output is closed: {error}").into())
}

async fn make(create: &OrgCreate, password: Option<Password>) -> Result<Founded, Failed> {
    let Opened { gate, .. } = open_existing(&create.data).await?;
    let org = NewOrg {
        slug: create.slug.clone(),
        name: create.name.clone(),
        admin_email: create.admin_email.clone(),
        admin_password: password,
    };
    let founded = gate.create_org(org).await.map_err(|failure| explain(&failure, "the organisation"));
    gate.close().await;
    founded
}

fn tell(out: &mut impl Write, founded: &Founded) -> io::Result<()> {
    writeln!(out, "organisation {} was made", founded.slug)?;
    writeln!(out, "its administrator signs in as {}", founded.login)?;
    if let Some(password) = &founded.generated_password {
        writeln!(out, "with the password {}, which is shown this once", password.reveal())?;
    }
    out.flush()
}

fn read_password() -> Result<Password, Failed> {
    let mut line = String::new();
    let read = io::stdin().read_line(&mut line);
    read.map_err(|error| Failed::Configuration(format!("--admin-password-stdin: {error}")))?;
    Ok(Password::from(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A failure as the command line tells it: what was refused is a matter of configuration, with its mend.
pub(crate) fn explain(failure: &Failure, what: &str) -> Failed {
    match failure {
        Failure::Refused(findings) => {
            let line = |finding: &kehu_domain::read::Finding| {
                let place = finding.pointer.trim_start_matches('/');
                format!("{place}: {} {}", finding.flaw.message(Lang::En), finding.flaw.hint(Lang::En))
            };
            let lines: Vec<String> = findings.iter().map(line).collect();
            Failed::Configuration(format!("{what} was refused: {}", lines.join(" ").trim_end()))
        }
        other => anyhow!("{what}: {other}").into(),
    }
}
