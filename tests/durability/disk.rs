//! A small disk of a test's own: a tmpfs in a mount namespace, which a process holds.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kehu_tests::server::under;

/// The disk; gone with the process that holds it.
pub(crate) struct Disk {
    holder: Child,
    outside: PathBuf,
    enter: Vec<String>,
}

impl Disk {
    /// Mounts one of so many MiB at a folder, for those who are let in.
    pub(crate) fn mount(folder: &Path, size: usize) -> Self {
        std::fs::create_dir(folder).unwrap();
        let root = rights();
        let user: &[&str] = if root { &[] } else { &["--user", "--map-root-user"] };
        let script = "mount -t tmpfs -o size=$1m,mode=700 none \"$2\" && echo mounted && exec cat";
        let mut holder = Command::new("unshare");
        holder.args(user).args(["--mount", "sh", "-c", script, "sh"]).arg(size.to_string()).arg(folder);
        holder.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = holder.spawn().unwrap_or_else(|error| panic!("unshare (util-linux) is needed: {error}"));
        let mut line = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        // Without a disk of its own the test knows nothing, and says so.
        assert_eq!(line.trim(), "mounted", "a tmpfs cannot be mounted here: run as root, or allow user namespaces");
        let mut enter =
            vec!["nsenter".to_owned(), "--target".to_owned(), holder.id().to_string(), "--mount".to_owned()];
        if !root {
            enter.extend(["--user", "--preserve-credentials"].map(str::to_owned));
        }
        let inside = folder.strip_prefix("/").unwrap();
        let outside = Path::new("/proc").join(holder.id().to_string()).join("root").join(inside);
        Self { holder, outside, enter }
    }

    /// The same command, with this disk in its place.
    pub(crate) fn with(&self, command: &Command) -> Command {
        under(&self.enter, command)
    }

    /// A path on it, as it is reached from outside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.outside.join(name)
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.path("filler")).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let block = vec![0; size];
            loop {
                match file.write_all(&block) {
                    Ok(()) => {}
                    Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Gives it back.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.path("filler")).unwrap();
    }

    /// Copies a folder's files out.
    pub(crate) fn copy_out(&self, name: &str, to: &Path) {
        for entry in std::fs::read_dir(self.path(name)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Whether mounting needs no user namespace.
fn rights() -> bool {
    #[expect(unsafe_code, reason = "the standard library does not tell who runs")]
    // SAFETY: a plain system call without arguments.
    let user = unsafe { libc::geteuid() };
    user == 0
}
