//! The key file: the text of [`LocalKeys`] in a file that only its owner can read, outside the data folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::kek::{KeyError, LocalKeys, new_key_text};

/// Largest key file in bytes; a file beyond it is something else.
const SIZE_MAX: u64 = 64 * 1024;

impl LocalKeys {
    /// Reads a key file. `data` is the data folder, where there is one: the key must not lie in it. The file is 0600
    /// (or 0400), or, owned by root, 0444 (or 0440) as mounted secrets are; anything else is refused.
    pub fn from_file(path: &Path, data: Option<&Path>) -> Result<Self, KeyError> {
        refuse_inside(path, data)?;
        let text = read(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        check_mode(path, text.mode, text.owner)?;
        Self::from_text(&text.text)
    }
}

/// Makes a key file with one new key: 0600, never over an existing file, on the disk when this returns. `data` as in
/// [`LocalKeys::from_file`].
pub fn create_key_file(path: &Path, data: Option<&Path>) -> Result<LocalKeys, KeyError> {
    refuse_inside(path, data)?;
    let mut text = new_key_text()?;
    let keys = LocalKeys::from_text(&text)?;
    text.push('\n');
    write(path, text.as_bytes()).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.to_owned() },
        _ => KeyError::File { path: path.to_owned(), source },
    })?;
    Ok(keys)
}

struct Contents {
    text: Zeroizing<String>,
    mode: u32,
    owner: u32,
}

/// Mode and owner are asked of the open file, so that they belong to what was read.
fn read(path: &Path) -> io::Result<Contents> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > SIZE_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no key file"));
    }
    // One allocation of the right size: a growing buffer would leave copies of the key behind.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1));
    file.take(SIZE_MAX).read_to_string(&mut text)?;
    Ok(Contents { text, mode: metadata.mode() & 0o7777, owner: metadata.uid() })
}

fn check_mode(path: &Path, mode: u32, owner: u32) -> Result<(), KeyError> {
    let private = matches!(mode, 0o600 | 0o400);
    let mounted = owner == 0 && matches!(mode, 0o444 | 0o440);
    if private || mounted { Ok(()) } else { Err(KeyError::Permissions { path: path.to_owned(), mode }) }
}

/// Written under another name first: killed in the middle, no half key stands in the way of the next attempt.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    // A link and no renaming, which would replace a file that is there.
    let written = file.write_all(text).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&fresh, path));
    // The first error is the one to tell.
    let removed = fs::remove_file(&fresh);
    written.and(removed)?;
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Compares real paths: a symbolic link into the data folder is inside it. A data folder that does not exist yet holds
/// nothing.
fn refuse_inside(path: &Path, data: Option<&Path>) -> Result<(), KeyError> {
    let Some(data) = data.and_then(|data| data.canonicalize().ok()) else { return Ok(()) };
    let real = real_path(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
    if real.starts_with(data) { Err(KeyError::InsideData { path: path.to_owned() }) } else { Ok(()) }
}

fn real_path(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => folder_of(path).canonicalize(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::kek::KeyProvider;
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_made_file_is_private_and_opens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kehu.key");
        let made = create_key_file(&path, None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let read = LocalKeys::from_file(&path, None).unwrap();
        assert_eq!(read.current_id(), made.current_id());
        let wrapped = made.wrap(b"", b"x").unwrap();
        assert_eq!(read.unwrap(&wrapped.kek_id, b"", &wrapped.bytes).unwrap().as_slice(), b"x");
        let before = fs::read(&path).unwrap();
        assert!(matches!(create_key_file(&path, None), Err(KeyError::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kehu.key");
        create_key_file(&path, None).unwrap();
        for mode in [0o640, 0o644, 0o660, 0o666, 0o604, 0o700] {
            chmod(&path, mode);
            let refused = LocalKeys::from_file(&path, None).unwrap_err();
            assert!(refused.to_string().contains("chmod 600"), "{mode:o}: {refused}");
        }
        chmod(&path, 0o600);
        assert!(LocalKeys::from_file(&path, None).is_ok());
    }

    #[test]
    fn only_root_may_own_a_file_that_all_can_read() {
        let path = Path::new("kehu.key");
        assert!(check_mode(path, 0o444, 0).is_ok());
        assert!(check_mode(path, 0o444, 1000).is_err());
        assert!(check_mode(path, 0o600, 1000).is_ok());
        assert!(check_mode(path, 0o644, 0).is_err());
    }

    #[test]
    fn the_key_is_never_inside_the_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir_all(data.join("deep")).unwrap();
        let inside = data.join("deep").join("kehu.key");
        assert!(matches!(create_key_file(&inside, Some(&data)), Err(KeyError::InsideData { .. })));
        assert!(!inside.exists());
        create_key_file(&inside, None).unwrap();
        assert!(matches!(LocalKeys::from_file(&inside, Some(&data)), Err(KeyError::InsideData { .. })));
        let link = folder.path().join("link.key");
        symlink(&inside, &link).unwrap();
        assert!(matches!(LocalKeys::from_file(&link, Some(&data)), Err(KeyError::InsideData { .. })));
        let beside = folder.path().join("data.key");
        create_key_file(&beside, Some(&data)).unwrap();
        assert!(LocalKeys::from_file(&beside, Some(&data)).is_ok());
    }

    #[test]
    fn what_is_no_key_file_is_told_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none.key");
        assert!(LocalKeys::from_file(&missing, None).unwrap_err().to_string().contains("none.key"));
        assert!(matches!(LocalKeys::from_file(folder.path(), None), Err(KeyError::File { .. })));
        assert!(matches!(create_key_file(&missing.join("x"), None), Err(KeyError::File { .. })));
    }
}
