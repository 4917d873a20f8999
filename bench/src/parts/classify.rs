//! Which part of a server a stack belongs to.

/// Parts, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Network,
    Http,
    Authentication,
    Rights,
    Records,
    Text,
    Sealing,
    Sql,
    Files,
    Json,
    Log,
    Allocation,
    Threads,
    Rest,
}

/// All of them.
pub(crate) const PARTS: [Part; 14] = [
    Part::Network,
    Part::Http,
    Part::Authentication,
    Part::Rights,
    Part::Records,
    Part::Text,
    Part::Sealing,
    Part::Sql,
    Part::Files,
    Part::Json,
    Part::Log,
    Part::Allocation,
    Part::Threads,
    Part::Rest,
];

impl Part {
    /// What it is, for readers.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Network => "kernel: network",
            Self::Http => "HTTP (actix, tokio, the door)",
            Self::Authentication => "authentication (token, session)",
            Self::Rights => "rights",
            Self::Records => "rules, duplicates, journal",
            Self::Text => "reading texts, numbers and addresses",
            Self::Sealing => "sealing, opening, index values",
            Self::Sql => "SQL (statements, rows, SQLite)",
            Self::Files => "kernel: files and synchronisation",
            Self::Json => "JSON and rendering",
            Self::Log => "log and metrics",
            Self::Allocation => "memory (allocator, page faults)",
            Self::Threads => "waking and switching threads",
            Self::Rest => "rest",
        }
    }
}

/// Names of functions, by a piece of them; `^` stands for the beginning. The first line that fits a frame decides, so
/// that what is special stands before what is general. Of the kernel, the call that the program made counts, and not
/// what the kernel did for it.
const NAMES: &[(Part, &[&str])] = &[
    (Part::Network, &["sock_write_iter", "sock_read_iter", "_sys_send", "_sys_recv", "_sys_epoll", "_sys_accept"]),
    (Part::Threads, &["eventfd_", "_sys_futex", "_sys_sched_yield", "_nanosleep"]),
    (Part::Files, &["_sys_pread", "_sys_pwrite", "_sys_read", "_sys_write", "_sys_fsync", "_sys_fdatasync"]),
    (Part::Files, &["_sys_fcntl", "_sys_open", "_sys_newfstat", "_sys_ftruncate", "_sys_fallocate", "_sys_unlink"]),
    (Part::Allocation, &["exc_page_fault", "_sys_madvise", "_sys_mmap", "_sys_munmap", "_sys_brk", "_sys_mremap"]),
    (Part::Allocation, &["^malloc", "^_int_malloc", "^_int_free", "^_int_realloc", "^cfree", "^free", "^realloc"]),
    (Part::Allocation, &["^calloc", "^__libc_calloc", "^unlink_chunk", "^sysmalloc", "^systrim", "^__rust_alloc"]),
    (
        Part::Sealing,
        &["aes_gcm::", "aes::", "ghash::", "polyval::", "ctr::", "hmac::", "sha2::", "hkdf::", "getrandom"],
    ),
    (Part::Sealing, &["kehu_store::crypto", "kehu_store::sealer"]),
    (Part::Authentication, &["jsonwebtoken::", "ring_core", "ring::", "argon2::", "blake2::", "kehu_http::auth"]),
    (Part::Authentication, &["kehu_http::jwt", "kehu_store::people", "kehu_store::gate::Gate"]),
    (
        Part::Rights,
        &["kehu_domain::rights", "kehu_store::disclosure", "RecordView as", "Caller::reach", "Caller::sees"],
    ),
    (Part::Rights, &["Caller::relation"]),
    (Part::Text, &["kehu_domain::text", "kehu_domain::value", "kehu_domain::codes", "kehu_store::search", "pinyin::"]),
    (Part::Text, &["unicode_normalization::", "rlibphonenumber::", "regex_lite::", "idna::", "email_address::"]),
    (Part::Json, &["serde_json::", "serde_core::", "serde::", "itoa::", "kehu_store::machine::answer"]),
    (Part::Json, &["kehu_domain::show"]),
    (Part::Log, &["tracing", "prometheus::", "kehu_http::metrics"]),
    (Part::Sql, &["sqlite3", "rusqlite::", "sea_orm::", "sea_query::", "sqlx", "kehu_store::engine"]),
    (Part::Sql, &["kehu_store::entities", "kehu_store::query", "kehu_store::dialect"]),
    (Part::Http, &["kehu_http", "actix", "tokio::", "mio::", "httparse::", "bytes::", "governor::"]),
    (Part::Records, &["kehu_store", "kehu_domain"]),
];

/// The part that the innermost frame belongs to which belongs to one; frames are names of functions, innermost first.
pub(crate) fn part<'a>(frames: impl IntoIterator<Item = &'a str>) -> Part {
    frames.into_iter().find_map(of_frame).unwrap_or(Part::Rest)
}

fn of_frame(name: &str) -> Option<Part> {
    let fits = |piece: &&str| match piece.strip_prefix('^') {
        Some(beginning) => name.starts_with(beginning),
        None => name.contains(*piece),
    };
    NAMES.iter().find(|(_, pieces)| pieces.iter().any(fits)).map(|(part, _)| *part)
}

/// Counts the stacks of `perf script -F ip,sym`: a line for each frame, an empty one after each stack.
pub(crate) fn count(script: &str) -> Vec<(Part, usize)> {
    let mut counts = PARTS.map(|part| (part, 0)).to_vec();
    for stack in script.split("\n\n").filter(|stack| !stack.trim().is_empty()) {
        let frames = stack.lines().filter_map(|line| line.trim().split_once(' ').map(|(_, name)| name.trim()));
        let part = part(frames);
        for (_, count) in counts.iter_mut().filter(|(known, _)| *known == part) {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_frame_that_belongs_somewhere_decides() {
        let outer = ["kehu_store::tx::Tx::finish::{{closure}}", "actix_web::service", "clone3"];
        let with = |inner: &[&'static str]| part(inner.iter().copied().chain(outer));
        assert_eq!(with(&["__memcmp_evex_movbe"]), Part::Records);
        assert_eq!(with(&["pcache1Fetch", "sqlite3_step"]), Part::Sql);
        assert_eq!(with(&["malloc", "sqlite3Malloc"]), Part::Allocation);
        assert_eq!(with(&["<kehu_domain::text::Words as core::iter::Iterator>::next"]), Part::Text);
        assert_eq!(
            with(&["<kehu_store::machine::answer::RecordView as kehu_domain::show::View>::sight"]),
            Part::Rights
        );
        assert_eq!(part(["clone3"]), Part::Rest);
    }

    #[test]
    fn of_the_kernel_the_call_counts() {
        let waking = ["try_to_wake_up", "sock_def_readable", "tcp_rcv_established", "sock_write_iter", "vfs_writev"];
        assert_eq!(part(waking), Part::Network);
        assert_eq!(part(["iowrite16", "ext4_writepages", "__x64_sys_fdatasync", "sqlite3_step"]), Part::Files);
        assert_eq!(part(["__schedule", "__x64_sys_futex", "kehu_store::tx"]), Part::Threads);
        // An interrupt belongs to whom it interrupts.
        assert_eq!(part(["__schedule", "asm_sysvec_apic_timer_interrupt", "serde_json::ser::to_vec"]), Part::Json);
    }

    #[test]
    fn a_script_is_counted() {
        let script = "\t   1c7 sqlite3_step\n\t  2 clone3\n\n\t 3 [unknown]\n\n\n";
        let counts: Vec<(Part, usize)> = count(script).into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counts, [(Part::Sql, 1), (Part::Rest, 1)]);
    }
}
