//! Writing a sealed file, a piece at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::file::{CHUNK, FileCipher, HEADER, SEALED_CHUNK, wide};

use super::{Files, make_folder, sync_folder};

/// A file that is being written. Dropped before its end, it leaves nothing.
pub(crate) struct Writer {
    files: Files,
    org: Uuid,
    id: Uuid,
    file: File,
    partial: PathBuf,
    cipher: FileCipher,
    /// What is not sealed yet: a whole chunk waits for more, because the last one is sealed as such.
    waiting: Zeroizing<Vec<u8>>,
    chunk: u64,
    size: u64,
}

impl Writer {
    /// Begins a file.
    pub(crate) fn begin(files: &Files, org: Uuid, id: Uuid, key: &[u8; 32]) -> io::Result<Self> {
        let folder = files.incoming();
        make_folder(&folder)?;
        let partial = folder.join(id.to_string());
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        let header = file.write_all(&HEADER);
        let writer = Self {
            files: files.clone(),
            org,
            id,
            file,
            partial,
            cipher: FileCipher::new(key, org, id),
            waiting: Zeroizing::new(Vec::with_capacity(SEALED_CHUNK)),
            chunk: 0,
            size: 0,
        };
        header.map(|()| writer)
    }

    /// How much was written.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Writes more.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.waiting.len() == CHUNK {
                self.seal(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            self.size += wide(now.len());
            bytes = later;
        }
        Ok(())
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let sealed = self.cipher.seal(self.chunk, last, &mut self.waiting);
        sealed.ok_or_else(|| io::Error::other("a chunk could not be sealed"))?;
        self.file.write_all(&self.waiting)?;
        self.waiting.clear();
        self.chunk += 1;
        Ok(())
    }

    /// Ends the file: it is whole, on the disk, and has its name.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.seal(true)?;
        self.file.sync_all()?;
        let path = self.files.path(self.org, self.id);
        let folder = path.parent().map(std::path::Path::to_owned).unwrap_or_default();
        let made = !self.files.of_org(self.org).exists();
        make_folder(&folder)?;
        fs::rename(&self.partial, &path)?;
        sync_folder(&folder)?;
        // The name of the folder itself: whoever made it may not have got as far as this.
        sync_folder(&self.files.of_org(self.org))?;
        if made {
            sync_folder(&self.files.folder)?;
            if let Some(data) = self.files.folder.parent() {
                sync_folder(data)?;
            }
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It has another name by now where it was finished.
        let _ = fs::remove_file(&self.partial);
    }
}
