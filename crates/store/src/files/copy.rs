//! Copying the files that a database names, into a backup and out of one. They are sealed, and stay so.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{Files, make_folder, sync_folder};

/// How many files were copied, and which were not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// How many.
    pub files: u64,
    /// How large they are, sealed.
    pub bytes: u64,
    /// Those that are named and were nowhere.
    pub missing: Vec<Uuid>,
}

/// Copies files of organisations, each onto the disk. One that is there already under its name with the same length is
/// taken for it, unless all are to be replaced: files never change.
pub(crate) fn copy(
    from: &Files,
    to: &Files,
    named: impl Iterator<Item = (Uuid, Uuid)>,
    replace: bool,
) -> Result<Copied, (PathBuf, io::Error)> {
    let mut copied = Copied::default();
    let mut folders: Vec<PathBuf> = Vec::new();
    for (org, id) in named {
        let (mut source, target) = (from.path(org, id), to.path(org, id));
        if !source.exists()
            && let Some(aside) = from.found_aside(org, id)
        {
            source = aside;
        }
        match one(&source, &target, replace) {
            Ok(bytes) => {
                copied.files += 1;
                copied.bytes += bytes;
                // The file's own folder, and those around it that may have been made for it.
                folders.extend(target.ancestors().skip(1).take(3).map(Path::to_owned));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !source.exists() => {
                // Not among what is copied, and perhaps where it belongs all the same.
                if !target.exists() {
                    copied.missing.push(id);
                }
            }
            Err(error) => return Err((target, error)),
        }
    }
    folders.sort();
    folders.dedup();
    for folder in folders {
        sync_folder(&folder).map_err(|error| (folder, error))?;
    }
    Ok(copied)
}

fn one(source: &Path, target: &Path, replace: bool) -> io::Result<u64> {
    let mut file = File::open(source)?;
    let length = file.metadata()?.len();
    if !replace && fs::metadata(target).is_ok_and(|there| there.len() == length) {
        return Ok(length);
    }
    make_folder(target.parent().unwrap_or(Path::new(".")))?;
    let partial = target.with_extension("partial");
    let mut copy = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    let written = io::copy(&mut file, &mut copy).and_then(|_| copy.sync_all());
    let done = written.and_then(|()| fs::rename(&partial, target));
    if done.is_err() {
        let _ = fs::remove_file(&partial);
    }
    done.map(|()| length)
}
