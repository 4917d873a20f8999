//! One server for each data folder.
//!
//! What a server keeps in memory for a second, and what it counts, is right for one server of a SQLite file. The lock
//! is the kernel's: it ends with the process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;

use crate::Failed;

/// Name of the file in the data folder that a server holds locked. It is empty, and is left there.
const LOCK: &str = "kehu.lock";

/// The right to serve a data folder, until it is dropped.
pub(crate) struct Alone(#[expect(dead_code, reason = "held for its lock")] File);

impl Alone {
    /// Takes it.
    pub(crate) fn in_folder(folder: &Path) -> Result<Self, Failed> {
        let path = folder.join(LOCK);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("{} cannot be opened", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Failed::Configuration(format!(
                "another server runs on the data folder {}: stop it first, or name another folder with --data",
                folder.display()
            ))),
            Err(TryLockError::Error(error)) => {
                Err(Failed::Other(anyhow::Error::new(error).context(format!("{} cannot be locked", path.display()))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_served_once_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Alone::in_folder(folder.path()).unwrap();
        let refused = Alone::in_folder(folder.path()).err().unwrap();
        assert_eq!(refused.code(), 2);
        assert!(refused.to_string().contains(&folder.path().display().to_string()), "{refused}");
    }
}
