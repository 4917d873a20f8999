//! `kehu keys`

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use kehu_http::signing;
use kehu_store::Gate;
use kehu_store::crypto::kek::new_key_text;
use kehu_store::keys::{KeyStatus, Rotating};
use uuid::Uuid;

use crate::Failed;
use crate::config::{Data, Keys, KeysOf, KeysStatus};
use crate::open::{Opened, open_existing};

/// How often a command that waits looks.
const LOOK: Duration = Duration::from_millis(500);

/// After so many looks a command says what it waits for.
const PATIENCE: u32 = 20;

/// Runs the command.
pub(crate) fn run(keys: &Keys) -> Result<(), Failed> {
    match keys {
        Keys::New => {
            let text = new_key_text().context("no key could be made")?;
            writeln!(io::stdout(), "{}", text.as_str()).context("the key could not be printed")?;
            Ok(())
        }
        Keys::Status(asked) => opened(&asked.data, async |gate| status(gate, asked).await),
        Keys::Rotate(asked) => opened(&asked.data, async |gate| begin(gate, asked, Purpose::Seal).await),
        Keys::Reindex(asked) => opened(&asked.data, async |gate| begin(gate, asked, Purpose::Index).await),
        Keys::Rewrap(asked) => opened(&asked.data, async |gate| rewrap(gate).await),
        Keys::RotateSigning(asked) => opened(&asked.data, async |gate| rotate_signing(gate, asked.at_once).await),
    }
}

/// Runs a command on data that is there, and closes it.
fn opened(data: &Data, command: impl AsyncFnOnce(&Gate) -> Result<(), Failed>) -> Result<(), Failed> {
    actix_web::rt::System::new().block_on(async {
        let Opened { gate, .. } = open_existing(data).await?;
        let done = command(&gate).await;
        gate.close().await;
        done
    })
}

/// The organisations that are meant, by their short names.
async fn organisations(gate: &Gate, slug: Option<&str>) -> Result<Vec<(String, Uuid)>, Failed> {
    let all = gate.organisations().await.context("the organisations cannot be read")?;
    let Some(slug) = slug else { return Ok(all) };
    let found: Vec<_> = all.into_iter().filter(|(known, _)| known == slug).collect();
    if found.is_empty() {
        return Err(Failed::Configuration(format!("--org: there is no organisation {slug}")));
    }
    Ok(found)
}

async fn status(gate: &Gate, asked: &KeysStatus) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    let closed = "standard output is closed";
    writeln!(out, "the current key is {}", gate.current_kek()).context(closed)?;
    for key in signing::status(gate).await.context("the signing keys cannot be read")? {
        let made = key.created_at.format("%Y-%m-%d %H:%M");
        writeln!(out, "signing key {} {:<9} made {made}", key.kid, key.state).context(closed)?;
    }
    for (slug, org) in organisations(gate, asked.org.as_deref()).await? {
        let status = gate.key_status(org).await.with_context(|| format!("the roots of {slug} cannot be read"))?;
        tell(&mut out, &slug, &status).context(closed)?;
        if asked.cells {
            let cells = gate.count_cells(org).await.with_context(|| format!("the cells of {slug} cannot be read"))?;
            let by_root = cells.by_root.iter().map(|(root, many)| format!("{many} under root {root}"));
            let mut told: Vec<String> = by_root.collect();
            if cells.damaged > 0 {
                told.push(format!("{} DAMAGED", cells.damaged));
            }
            let told = if told.is_empty() { "none".to_owned() } else { told.join(", ") };
            writeln!(out, "  cells: {told}").context(closed)?;
        }
    }
    Ok(())
}

fn tell(out: &mut impl Write, slug: &str, status: &KeyStatus) -> io::Result<()> {
    writeln!(out, "{slug}:")?;
    for root in &status.roots {
        let made = root.created_at.format("%Y-%m-%d");
        write!(
            out,
            "  {:<5} root {} {:<8} made {made}, wrapped by {}",
            root.purpose, root.key_id, root.state, root.kek_id
        )?;
        if root.purpose == "enc" {
            write!(out, ", sealed {}", root.sealed)?;
        }
        writeln!(out)?;
    }
    for rotating in &status.rotating {
        writeln!(out, "  {}", line(rotating))?;
    }
    Ok(())
}

/// A rotation in a line.
fn line(rotating: &Rotating) -> String {
    let Rotating { job, kind, state, done, total, failure } = rotating;
    let far = match (done, total) {
        (Some(done), Some(total)) => format!(", {done} of {total}"),
        (Some(done), None) => format!(", {done}"),
        _ => String::new(),
    };
    let failed = failure.as_ref().map(|code| format!(", failed: {code}")).unwrap_or_default();
    format!("{kind} {state}{far}{failed} (job {job})")
}

/// What gets another root.
#[derive(Clone, Copy)]
enum Purpose {
    Seal,
    Index,
}

async fn begin(gate: &Gate, asked: &KeysOf, purpose: Purpose) -> Result<(), Failed> {
    let mut failed = 0;
    for (slug, org) in organisations(gate, asked.org.as_deref().filter(|_| !asked.all)).await? {
        let begun = match purpose {
            Purpose::Seal => gate.rotate_keys(org).await,
            Purpose::Index => gate.reindex_keys(org).await,
        };
        let job = begun.with_context(|| format!("the rotation of {slug} was not begun"))?;
        say(&format!("{slug}: job {job}"))?;
        if asked.wait && !done(gate, &slug, org, job).await? {
            failed += 1;
        }
    }
    if failed > 0 {
        return Err(anyhow!("not every rotation was done: the log of the server says why").into());
    }
    if !asked.wait {
        say("a running server does it; `kehu keys status` tells how far it is")?;
    }
    Ok(())
}

/// Waits until a rotation has ended, and says how far it is; whether it was done.
async fn done(gate: &Gate, slug: &str, org: Uuid, job: Uuid) -> Result<bool, Failed> {
    let mut told = String::new();
    for look in 0_u32.. {
        let rotating = gate.rotation(org, job).await.with_context(|| format!("the jobs of {slug} cannot be read"))?;
        let Some(rotating) = rotating else { return Ok(false) };
        let now = line(&rotating);
        if now != told {
            say(&format!("{slug}: {now}"))?;
            told = now;
        }
        match rotating.state.as_str() {
            "done" => {
                say(&format!("{slug}: done"))?;
                return Ok(true);
            }
            "queued" if look == PATIENCE => say("it waits for a server that runs jobs: `kehu serve` or `kehu work`")?,
            "queued" | "running" => {}
            _ => return Ok(false),
        }
        actix_web::rt::time::sleep(LOOK).await;
    }
    Ok(false)
}

async fn rewrap(gate: &Gate) -> Result<(), Failed> {
    let done = gate.rewrap_roots().await.context("not every root was wrapped anew")?;
    say(&format!("{} roots were wrapped anew; {} wraps all of them", done.rewrapped, done.kek_id))
}

async fn rotate_signing(gate: &Gate, at_once: bool) -> Result<(), Failed> {
    signing::rotate(gate, at_once).await.context("no signing key was made")?;
    say(if at_once {
        "the new key signs, and no other is believed: within a minute on servers that run"
    } else {
        "the new key is published; in two and a half minutes it signs, and the one before is believed for as long as its \
         tokens are good"
    })
}

fn say(text: &str) -> Result<(), Failed> {
    Ok(writeln!(io::stdout(), "{text}").context("standard output is closed")?)
}
