//! CPU time and memory of processes, from /proc. Where there is none, the numbers are missing.

use std::fs;
use std::ops::Sub;
use std::path::Path;
use std::time::Duration;

/// Ticks of a second in /proc/<pid>/stat: `USER_HZ`, 100 on Linux whatever the kernel's own.
const MILLIS_OF_TICK: u64 = 10;

/// The processes of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processes {
    /// The program.
    pub(crate) server: u32,
    /// The postmaster of its database, where that runs on this machine.
    pub(crate) database: Option<u32>,
}

/// CPU time used so far, user and system.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    /// The program.
    pub(crate) server: Duration,
    /// The whole process tree of the database, ended processes included.
    pub(crate) database: Duration,
}

impl Cpu {
    /// All of it.
    pub(crate) fn all(self) -> Duration {
        self.server + self.database
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            database: self.database.saturating_sub(before.database),
        }
    }
}

/// Memory, bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Resident.
    pub(crate) rss: Option<u64>,
    /// Resident, shared pages divided among those who share them. Only root may ask it of a program that lets nobody
    /// look into its memory.
    pub(crate) pss: Option<u64>,
}

impl Processes {
    /// CPU time so far.
    pub(crate) fn cpu(&self) -> Cpu {
        let own = stat(self.server).map(|stat| stat.own).unwrap_or_default();
        let database = self.database.map(|postmaster| {
            let ended = stat(postmaster).map(|stat| stat.of_ended_children).unwrap_or_default();
            tree(postmaster).into_iter().filter_map(stat).map(|stat| stat.own).sum::<Duration>() + ended
        });
        Cpu { server: own, database: database.unwrap_or_default() }
    }

    /// Memory of the program.
    pub(crate) fn memory(&self) -> Memory {
        memory(self.server)
    }

    /// Memory of the database's processes: their PSS added up, because most of it is shared.
    pub(crate) fn database_pss(&self) -> Option<u64> {
        self.database.and_then(|postmaster| tree(postmaster).into_iter().map(|pid| memory(pid).pss).sum())
    }
}

fn memory(pid: u32) -> Memory {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?.trim();
        Some(line.strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    Memory { rss: field("status", "VmRSS:"), pss: field("smaps_rollup", "Pss:") }
}

struct Stat {
    parent: u32,
    own: Duration,
    of_ended_children: Duration,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// proc_pid_stat(5). The name in parentheses may hold anything, so that fields are counted from the last one.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
    let time = |ticks: u64| Duration::from_millis(ticks * MILLIS_OF_TICK);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: time(ticks(11)? + ticks(12)?),
        of_ended_children: time(ticks(13)? + ticks(14)?),
    })
}

/// A process and its children.
fn tree(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid == parent || stat(*pid).is_some_and(|stat| stat.parent == parent)).collect()
}

/// The postmaster behind a URL that names the folder of a Unix socket (`?host=/folder`), from its lock file there.
pub(crate) fn postmaster(url: &str) -> Option<u32> {
    let folder = url.split_once('?')?.1.split('&').find_map(|pair| pair.strip_prefix("host=/"))?;
    let entries = fs::read_dir(Path::new("/").join(folder)).ok()?.flatten();
    let lock = entries.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "lock"))?;
    fs::read_to_string(lock).ok()?.lines().next()?.trim().parse().ok()
}

/// How many cores there are.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, std::num::NonZero::get)
}

/// Cores, memory and kernel, in a sentence.
pub(crate) fn machine() -> String {
    let cores = cores();
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let find = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
        line.map(|(_, value)| value.trim().to_owned()).unwrap_or_else(|| "?".to_owned())
    };
    let kib: u64 = find(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0);
    let model = find(&read("/proc/cpuinfo"), "model name");
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} cores ({model}), {} MiB of memory, Linux {}", kib / 1024, kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_with_an_odd_name_is_read() {
        let line = "42 (a) b (c)) S 7 1 1 0 -1 4194304 500 0 3 0 120 30 5 6 20 0 9 0 100 0 0";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.parent, stat.own.as_millis(), stat.of_ended_children.as_millis()), (7, 1500, 110));
        assert!(parse_stat("42 (a) S 7").is_none());
    }

    #[test]
    fn the_postmaster_is_found_by_its_lock_file() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("postgres://kehu@localhost/postgres?host={}", folder.path().display());
        assert_eq!(postmaster(&url), None);
        std::fs::write(folder.path().join(".s.PGSQL.5432.lock"), "4711\n/data\n").unwrap();
        assert_eq!(postmaster(&url), Some(4711));
        assert_eq!(postmaster("postgres://db.example.com/kehu"), None);
    }
}
