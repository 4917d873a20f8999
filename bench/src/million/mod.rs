//! The same questions at 10,000, 100,000 and 1,000,000 customers: what they cost is to grow with the answer, not with the
//! data.

mod asks;
mod cast;
mod crowd;
mod disk;
mod head;
mod items;
mod kept;
mod measure;
mod memory;
mod mixture;
mod operations;
mod options;
mod place;
mod postgres;
mod sections;
mod seed;
mod soak;
mod start;

use anyhow::Result;

use self::kept::Kept;
use self::options::{HELP, Options, Part};
use crate::report::Report;
use crate::settings::Engine;
use crate::{print, progress, today, usage, versions};

/// Measures what the words ask for.
///
/// # Errors
/// A word is not understood, or a server does not do what it should.
pub(crate) fn run(words: impl Iterator<Item = String>) -> Result<()> {
    let Some(options) = Options::parse(words)? else { return print(HELP) };
    let kept = Kept::all(&options)?;
    for one in &kept {
        progress(&format!("{} customers", one.size));
        seed::fill(one)?;
    }
    for part in options.parts.iter().copied().filter(|part| *part != Part::Seed) {
        let mut report = Report::default();
        report.say(&format!("Written by `make bench-full`. {}. {}. {}", usage::machine(), today()?, versions()));
        measure(part, &options, &kept, &mut report)?;
        let heading = heading(part, options.engine);
        print(&format!("## {heading}\n\n{}\n", report.text()))?;
        if let Some(out) = &options.out {
            sections::put(out, &heading, report.text())?;
        }
    }
    Ok(())
}

fn measure(part: Part, options: &Options, kept: &[Kept], report: &mut Report) -> Result<()> {
    match part {
        Part::Seed => Ok(()),
        Part::Operations => operations::run(options, kept, report),
        Part::Start => start::run(options, kept, report),
        Part::Memory => memory::run(options, kept, report),
        Part::Disk => disk::run(options, kept, report),
        Part::Head => head::run(options, kept, report),
        Part::Soak => soak::run(options, kept, report),
    }
}

/// Each engine has sections of its own.
fn heading(part: Part, engine: Engine) -> String {
    let what = match part {
        Part::Seed | Part::Operations => "operations",
        Part::Start => "start",
        Part::Memory => "memory",
        Part::Disk => "disk",
        Part::Head => "head of the line",
        Part::Soak => "soak",
    };
    format!("A million: {what} on {}", engine.name())
}
