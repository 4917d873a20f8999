//! The key file: the text of [`LocalKeys`] in a file that only its owner can read, outside the data folder.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::hex;

use super::kek::{KeyError, LocalKeys, new_key_text};
use super::random;

/// Largest key file in bytes; a file beyond it is something else.
const SIZE_MAX: u64 = 64 * 1024;

impl LocalKeys {
    /// Reads a key file. `data` is the data folder, where there is one: the key must not lie in it. The file is 0600
    /// (or 0400), or, owned by root, 0444 (or 0440) as mounted secrets are; anything else is refused.
    pub fn from_file(path: &Path, data: Option<&Path>) -> Result<Self, KeyError> {
        refuse_inside(path, data)?;
        let text = read(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
        check_mode(path, text.mode, text.owner)?;
        let keys = Self::from_text(&text.text)?;
        if text.names > 1 {
            // What a start left that was killed when the file had both names.
            remove_left(path, |_, other| other.dev() == text.device && other.ino() == text.inode);
        }
        Ok(keys)
    }
}

/// Makes a key file with one new key: 0600, never over an existing file, on the disk when this returns. `data` as in
/// [`LocalKeys::from_file`].
pub fn create_key_file(path: &Path, data: Option<&Path>) -> Result<LocalKeys, KeyError> {
    refuse_inside(path, data)?;
    let mut text = new_key_text()?;
    let keys = LocalKeys::from_text(&text)?;
    text.push('\n');
    let mark = hex::encode(&random::array::<16>()?);
    write(path, &mark, text.as_bytes(), |fresh, path| fs::hard_link(fresh, path)).map_err(|source| {
        match source.kind() {
            io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.to_owned() },
            _ => KeyError::File { path: path.to_owned(), source },
        }
    })?;
    Ok(keys)
}

struct Contents {
    text: Zeroizing<String>,
    mode: u32,
    owner: u32,
    /// How many names the file has.
    names: u64,
    device: u64,
    inode: u64,
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
    Ok(Contents {
        text,
        mode: metadata.mode() & 0o7777,
        owner: metadata.uid(),
        names: metadata.nlink(),
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}

fn check_mode(path: &Path, mode: u32, owner: u32) -> Result<(), KeyError> {
    let private = matches!(mode, 0o600 | 0o400);
    let mounted = owner == 0 && matches!(mode, 0o444 | 0o440);
    if private || mounted { Ok(()) } else { Err(KeyError::Permissions { path: path.to_owned(), mode }) }
}

/// Written under another name first: killed in the middle, no half key stands in the way of the next attempt. `mark` is
/// in that name, and another one at each attempt: what an earlier one left is in nobody's way.
fn write(
    path: &Path,
    mark: &str,
    text: &[u8],
    // A link and no renaming, which would replace a file that is there.
    link: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{mark}.new"));
    let fresh = PathBuf::from(name);
    let written = write_new(&fresh, text).and_then(|()| match link(&fresh, path) {
        // Some file systems have no hard links; it is then the only name, and may be left half by a kill.
        Err(error) if no_links(&error) => write_new(path, text),
        // Another start made the key meanwhile, and removed this one as left by an earlier start.
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.exists() => {
            Err(io::ErrorKind::AlreadyExists.into())
        }
        linked => linked,
    });
    // The first error is the one to tell.
    let removed = match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    written.and(removed)?;
    remove_left(path, |mark, _| mark.len() == 32 && mark.bytes().all(|byte| byte.is_ascii_hexdigit()));
    File::open(folder_of(path))?.sync_all()
}

/// Whole and on the disk, or not there.
fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    if written.is_err() {
        // The error of the write is the one to tell.
        let _ = fs::remove_file(path);
    }
    written
}

fn no_links(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported)
}

/// Removes `<key file>.<mark>.new` beside the key file, where `of_ours` says so of the mark and the file: other keys of
/// somebody's may have such a name. What cannot be removed is in nobody's way.
fn remove_left(path: &Path, of_ours: impl Fn(&str, &Metadata) -> bool) {
    let Some(key) = path.file_name().and_then(OsStr::to_str) else { return };
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let mark = name.to_str().and_then(|name| name.strip_prefix(key)?.strip_prefix('.')?.strip_suffix(".new"));
        if let (Some(mark), Ok(metadata)) = (mark, entry.metadata())
            && metadata.is_file()
            && of_ours(mark, &metadata)
        {
            let _ = fs::remove_file(entry.path());
        }
    }
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

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// In a container every start has the same process id.
    #[test]
    fn what_a_killed_start_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kehu.key");
        let whole = new_key_text().unwrap();
        let ours = format!("kehu.key.{}.new", "0123456789abcdef".repeat(2));
        let foreign = [format!("kehu.key.{}.new", std::process::id()), "kehu.key.2027.new".into(), "a.key.new".into()];
        for name in foreign.iter().chain([&ours]) {
            fs::write(folder.path().join(name), whole.as_bytes()).unwrap();
        }
        let made = create_key_file(&path, None).unwrap();
        assert_eq!(LocalKeys::from_file(&path, None).unwrap().current_id(), made.current_id());
        // Only what is certainly no key that somebody keeps is removed.
        let mut left = Vec::from(foreign);
        left.push("kehu.key".into());
        left.sort();
        assert_eq!(names(folder.path()), left);
    }

    /// Killed when the file had both names.
    #[test]
    fn a_second_name_of_the_key_is_removed_when_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kehu.key");
        create_key_file(&path, None).unwrap();
        for name in ["kehu.key.7.new", "kehu.key.abc.new", "a_copy.key"] {
            fs::hard_link(&path, folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("kehu.key.2027.new"), "another key").unwrap();
        LocalKeys::from_file(&path, None).unwrap();
        assert_eq!(names(folder.path()), ["a_copy.key", "kehu.key", "kehu.key.2027.new"]);
    }

    #[test]
    fn where_there_are_no_hard_links_the_file_is_made_under_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kehu.key");
        // Linux' answers on FAT and on some network file systems.
        for error in [1, 95] {
            let link = |_: &Path, _: &Path| Err(io::Error::from_raw_os_error(error));
            write(&path, "a", b"one", link).unwrap();
            assert_eq!(names(folder.path()), ["kehu.key"]);
            assert_eq!(fs::read(&path).unwrap(), b"one");
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
            let again = write(&path, "b", b"two", link).unwrap_err();
            assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&path).unwrap(), b"one");
            assert_eq!(names(folder.path()), ["kehu.key"]);
            fs::remove_file(&path).unwrap();
        }
    }

    /// Two starts with other data and the same key file.
    #[test]
    fn the_slower_of_two_starts_hears_that_there_is_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kehu.key");
        let slow = write(&path, &"0".repeat(32), b"slow", |fresh, path| {
            create_key_file(path, None).unwrap();
            fs::hard_link(fresh, path)
        });
        assert_eq!(slow.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(LocalKeys::from_file(&path, None).is_ok());
        assert_eq!(names(folder.path()), ["kehu.key"]);
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
