//! `kehu audit`

use std::io::{self, Write};

use anyhow::{Context as _, anyhow};
use kehu_domain::flaw::Lang;
use kehu_domain::reason;
use kehu_store::Gate;
use kehu_store::journal::{Broken, Flaw, Verdict};
use kehu_store::machine::resource;
use uuid::Uuid;

use crate::Failed;
use crate::config::{Audit, AuditErase, AuditVerify};
use crate::open::{Opened, open_existing};

/// Runs the command.
pub(crate) fn run(audit: &Audit) -> Result<(), Failed> {
    let system = actix_web::rt::System::new();
    match audit {
        Audit::Verify(verify) => system.block_on(verified(verify)),
        Audit::Erase(erase) => system.block_on(erased(erase)),
    }
}

async fn verified(verify: &AuditVerify) -> Result<(), Failed> {
    let Opened { gate, .. } = open_existing(&verify.data).await?;
    let checked = verify_each(&gate, verify).await;
    gate.close().await;
    checked
}

async fn verify_each(gate: &Gate, verify: &AuditVerify) -> Result<(), Failed> {
    let organisations = match &verify.org {
        Some(slug) => vec![(slug.clone(), organisation(gate, slug).await?)],
        None => gate.organisations().await.context("the organisations cannot be read")?,
    };
    let mut broken = 0;
    for (slug, org) in organisations {
        let verdict = gate.verify_journal(org, verify.head, &mut |_| ()).await;
        let verdict = verdict.with_context(|| format!("the journal of {slug} cannot be read"))?;
        broken += u32::from(!verdict.is_sound());
        tell(&mut io::stdout().lock(), &slug, &verdict).context("standard output is closed")?;
    }
    match broken {
        0 => Ok(()),
        1 => Err(anyhow!("the journal of an organisation is not as it was written").into()),
        more => Err(anyhow!("the journals of {more} organisations are not as they were written").into()),
    }
}

fn tell(out: &mut impl Write, slug: &str, verdict: &Verdict) -> io::Result<()> {
    let word = if verdict.is_sound() { "sound" } else { "BROKEN" };
    write!(out, "{slug}: {word}, {} entries in {} stretches", verdict.entries, verdict.stretches)?;
    for (many, what) in [
        (verdict.unclosed, "not closed yet"),
        (verdict.erased, "with erased values"),
        (verdict.before_chain, "older than the chain"),
    ] {
        if many > 0 {
            write!(out, ", {many} {what}")?;
        }
    }
    if verdict.expired > 0 {
        write!(out, ", {} stretches dropped for their age", verdict.expired)?;
    }
    writeln!(out)?;
    if let Some(broken) = &verdict.broken {
        writeln!(out, "  first: {}", first(broken))?;
    }
    if let Some(head) = verdict.head {
        writeln!(out, "  head {head}")?;
    }
    out.flush()
}

fn first(broken: &Broken) -> String {
    let place = broken.seq.map(|seq| format!("entry {seq}"));
    let id = broken.id.map(|id| format!(" ({id})")).unwrap_or_default();
    let stretch = broken.stretch.map(|number| format!("stretch {number}"));
    let what = match broken.flaw {
        Flaw::Changed => "is not as it was written, or was not written by Kehu",
        Flaw::Removed => "was removed",
        Flaw::Inserted => "was added, or is there twice",
        Flaw::Moved => "stands at another place than it was written at",
        Flaw::BodyChanged => "has other values than were written",
        Flaw::BodyRemoved => "has lost its values, and no erasure says so",
        Flaw::StretchChanged => "is not as it was closed",
        Flaw::StretchRemoved => "is not there",
        Flaw::Dropped => "has lost its entries, and no expiry says so",
        Flaw::HeadChanged => "is not as it was written, or is not there",
        Flaw::AnotherChain => "is not the one that was noted: the database is another one, or an older copy",
    };
    match (place, stretch) {
        (Some(place), Some(stretch)) => format!("{place}{id} in {stretch} {what}"),
        (Some(place), None) => format!("{place}{id}, not closed yet, {what}"),
        (None, Some(stretch)) => format!("{stretch} {what}"),
        (None, None) => format!("the record of where the chain begins and ends {what}"),
    }
}

async fn erased(erase: &AuditErase) -> Result<(), Failed> {
    let kind = resource(&erase.kind).ok_or_else(|| Failed::Configuration(format!("--kind: no kind {}", erase.kind)))?;
    let reason = reason::parse(&erase.reason);
    let reason = reason.map_err(|flaw| Failed::Configuration(format!("--reason: {}", flaw.message(Lang::En))))?;
    let Opened { gate, .. } = open_existing(&erase.data).await?;
    let done = async {
        let org = organisation(&gate, &erase.org).await?;
        let erased = gate.erase_history(org, kind.kind().name, erase.record, &reason).await;
        Ok::<u64, Failed>(erased.context("the history was not erased")?)
    };
    let done = done.await;
    gate.close().await;
    let erased = done?;
    Ok(writeln!(io::stdout(), "{erased} entries have no values any more").context("standard output is closed")?)
}

pub(crate) async fn organisation(gate: &Gate, slug: &str) -> Result<Uuid, Failed> {
    let organisations = gate.organisations().await.context("the organisations cannot be read")?;
    let found = organisations.into_iter().find(|(known, _)| known == slug).map(|(_, org)| org);
    found.ok_or_else(|| Failed::Configuration(format!("--org: there is no organisation {slug}")))
}
