//! Sealed files beside the database: `attachments/{organisation}/{two digits}/{file}` in the data folder. A file is
//! written under another name, brought onto the disk and renamed before the row that names it commits, and never changed
//! again. What a row names is there whole; what no row names is set aside after a day, and swept away a month later.

pub(crate) mod copy;
mod read;
pub(crate) mod sweep;
mod unnamed;
mod write;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::engine::EngineError;
use crate::failure::Failure;

pub(crate) use read::{Reader, Unread};
pub(crate) use write::Writer;

/// The folder in the data folder.
pub(crate) const FOLDER: &str = "attachments";
/// Where files are written that are not whole yet.
const INCOMING: &str = "incoming";

/// Where the files are.
#[derive(Clone, Debug)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// Those of a data folder. Nothing is made before there is a file.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        Self { folder: data.join(FOLDER) }
    }

    /// Those that lie in a folder of their own, such as a backup's.
    pub(crate) fn within(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where a file lies.
    pub(crate) fn path(&self, org: Uuid, file: Uuid) -> PathBuf {
        // The last digits are random; the first are the time.
        let spread = format!("{:02x}", file.as_bytes().last().copied().unwrap_or_default());
        self.of_org(org).join(spread).join(file.to_string())
    }

    fn of_org(&self, org: Uuid) -> PathBuf {
        self.folder.join(org.to_string())
    }

    fn incoming(&self) -> PathBuf {
        self.folder.join(INCOMING)
    }

    /// Deletes a file, wherever it lies; it need not be there. What cannot be deleted now is swept away later.
    pub(crate) fn remove(&self, org: Uuid, file: Uuid) {
        let places = [Some(self.path(org, file)), self.found_aside(org, file)];
        for path in places.into_iter().flatten() {
            if let Err(error) = fs::remove_file(path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%file, %error, "a file that nobody names was not deleted");
            }
        }
    }
}

/// Makes a folder and those around it, for their owner only.
fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Brings the names in a folder onto the disk.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// What the file system's refusal is to a caller.
pub(crate) fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Failure::Engine(EngineError::Full)
        }
        _ => Failure::FileAway(error.to_string()),
    }
}

/// Runs what waits for the disk away from the threads that answer.
pub(crate) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::Internal(format!("work on a file ended: {error}")))
}
