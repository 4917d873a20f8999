//! Files that no row names, set aside: `attachments/unnamed/{day}/{organisation}/{file}`. A database that is replaced by
//! an older one, or a trial beside it, does not name what the other one does: such a file is not lost, and comes back
//! where somebody asks for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use uuid::Uuid;

use super::{Files, make_folder, sync_folder};

/// The folder of what is set aside.
const FOLDER: &str = "unnamed";

impl Files {
    fn aside(&self) -> PathBuf {
        self.folder.join(FOLDER)
    }

    /// Sets a file aside, under the day on which it is done.
    pub(crate) fn set_aside(&self, org: Uuid, file: Uuid, day: NaiveDate) -> io::Result<()> {
        let to = self.aside().join(day.to_string()).join(org.to_string());
        make_folder(&to)?;
        moved(&self.path(org, file), &to.join(file.to_string()))
    }

    /// Where a file is that was set aside.
    pub(crate) fn found_aside(&self, org: Uuid, file: Uuid) -> Option<PathBuf> {
        let (org, file) = (org.to_string(), file.to_string());
        let days = fs::read_dir(self.aside()).ok()?.flatten();
        days.map(|day| day.path().join(&org).join(&file)).find(|path| path.exists())
    }

    /// Puts a file that was set aside back into its place; whether there was one.
    pub(crate) fn put_back(&self, org: Uuid, file: Uuid) -> io::Result<bool> {
        let Some(aside) = self.found_aside(org, file) else { return Ok(false) };
        let path = self.path(org, file);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        match moved(&aside, &path) {
            // Somebody else did, meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.exists()),
            done => done.map(|()| true),
        }
    }

    /// The days before one under which files lie, with their folders.
    pub(crate) fn days_aside(&self, before: NaiveDate) -> Vec<PathBuf> {
        let days = fs::read_dir(self.aside()).into_iter().flatten().flatten().map(|day| day.path());
        days.filter(|day| day_of(day).is_some_and(|day| day < before)).collect()
    }
}

fn day_of(folder: &Path) -> Option<NaiveDate> {
    folder.file_name()?.to_str()?.parse().ok()
}

/// Renames a file, and brings both names onto the disk: the new one first, so that a crash leaves it somewhere.
fn moved(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    for path in [to, from] {
        path.parent().map_or(Ok(()), sync_folder)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Reader, Writer};

    const ORG: Uuid = Uuid::from_u128(1);
    const ID: Uuid = Uuid::from_u128(2);

    fn set_aside(files: &Files) {
        let mut writer = Writer::begin(files, ORG, ID, &[3; 32]).unwrap();
        writer.write(b"said").unwrap();
        writer.finish().unwrap();
        files.set_aside(ORG, ID, NaiveDate::from_ymd_opt(2026, 11, 26).unwrap()).unwrap();
        assert!(!files.path(ORG, ID).exists() && files.found_aside(ORG, ID).is_some());
    }

    #[test]
    fn what_is_asked_for_comes_back() {
        let data = tempfile::tempdir().unwrap();
        let files = Files::of(data.path());
        set_aside(&files);
        let reader = Reader::open(&files, ORG, ID, &[3; 32], 4).unwrap();
        assert_eq!(reader.from(0).unwrap(), b"said");
        assert!(files.path(ORG, ID).exists() && files.found_aside(ORG, ID).is_none());
        assert!(!files.put_back(ORG, ID).unwrap());
    }

    #[test]
    fn what_is_erased_goes_from_there_too() {
        let data = tempfile::tempdir().unwrap();
        let files = Files::of(data.path());
        set_aside(&files);
        files.remove(ORG, ID);
        assert!(files.found_aside(ORG, ID).is_none() && !files.put_back(ORG, ID).unwrap());
    }

    #[test]
    fn what_is_set_aside_is_copied() {
        let data = tempfile::tempdir().unwrap();
        let files = Files::of(data.path());
        set_aside(&files);
        let to = Files::within(data.path().join("copy"));
        let copied = crate::files::copy::copy(&files, &to, std::iter::once((ORG, ID)), false).unwrap();
        assert!(copied.missing.is_empty() && to.path(ORG, ID).exists());
    }
}
