//! System calls of a server, seen with strace.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Once;
use std::time::{Duration, Instant};

/// The words in front of a command whose process is to be traced for these calls, and perhaps tampered with: it keeps
/// its id and its parent.
pub(crate) fn strace(calls: &str, tamper: Option<&str>, out: &Path) -> Vec<String> {
    static LOOKED: Once = Once::new();
    LOOKED.call_once(|| {
        let tried = Command::new("strace").args(["-f", "-D", "-o", "/dev/null", "true"]).output();
        let tried = tried.unwrap_or_else(|error| panic!("strace is needed (scripts/strace.sh installs it): {error}"));
        let said = String::from_utf8_lossy(&tried.stderr).into_owned();
        assert!(tried.status.success(), "strace cannot trace here, so that nothing is known: {said}");
    });
    let mut words: Vec<String> = ["strace", "-f", "-D", "-q", "-ttt", "-T", "-s", "60"].map(str::to_owned).into();
    // The program forbids to look into its memory (PR_SET_DUMPABLE). Root may all the same; for others the call is left
    // out here.
    words.extend(["-e".into(), format!("trace={calls},prctl"), "-e".into(), "inject=prctl:retval=0".into()]);
    words.extend(tamper.iter().flat_map(|tamper| ["-e".to_owned(), format!("inject={tamper}")]));
    words.extend(["-o".into(), out.to_str().unwrap().to_owned()]);
    words
}

/// A system call from its beginning to its end, in seconds.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) thread: u32,
    pub(crate) name: String,
    /// Arguments and result, as strace writes them.
    pub(crate) text: String,
    pub(crate) begun: f64,
    pub(crate) ended: f64,
    /// Name of the file that it is about, as far as openat was traced.
    pub(crate) file: Option<String>,
}

/// The calls of a process that has ended, in the order of their beginning, from the file that strace wrote.
pub(crate) fn calls(file: &Path, process: u32) -> Vec<Call> {
    let text = whole(file, process);
    let mut all: Vec<Call> = Vec::new();
    for line in text.lines() {
        // Short ids are padded with spaces.
        let (thread, rest) = line.split_once(' ').unwrap_or_default();
        let (time, rest) = rest.trim_start().split_once(' ').unwrap_or_default();
        let (Ok(thread), Ok(time)) = (thread.parse(), time.parse::<f64>()) else { continue };
        if let Some(rest) = rest.strip_prefix("<... ") {
            let (name, rest) = rest.split_once(" resumed>").unwrap();
            let call = all.iter_mut().rev().find(|call| call.thread == thread && call.name == name);
            let call = call.unwrap_or_else(|| panic!("a call that did not begin: {line}"));
            call.text.push_str(rest);
            call.ended = time.max(call.begun + took(rest));
        } else if let Some((name, arguments)) = rest.split_once('(') {
            let begins = arguments.strip_suffix("<unfinished ...>").map(str::trim_end);
            let ended = if begins.is_some() { f64::INFINITY } else { time + took(arguments) };
            let text = begins.unwrap_or(arguments).to_owned();
            all.push(Call { thread, name: name.to_owned(), text, begun: time, ended, file: None });
        }
    }
    name_files(&mut all);
    all
}

/// What strace wrote once it has ended as well, just after its process.
fn whole(file: &Path, process: u32) -> String {
    let begun = Instant::now();
    loop {
        let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
        let end = |line: &str| line.starts_with(&format!("{process} ")) && line.ends_with(" +++");
        if text.lines().any(end) {
            return text;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "strace does not end: {}", text.len());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Descriptors are names only as long as nothing else is opened under them: the order of the calls tells.
fn name_files(all: &mut [Call]) {
    let mut open: HashMap<String, String> = HashMap::new();
    for call in all {
        let named = call.text.split('"').nth(1).and_then(|path| path.rsplit('/').next()).map(str::to_owned);
        if call.name == "openat" {
            let result = call.text.rsplit_once("= ").and_then(|(_, result)| result.split(' ').next());
            if let (Some(name), Some(descriptor)) = (&named, result) {
                open.insert(descriptor.to_owned(), name.clone());
            }
        }
        let descriptor = call.text.split([',', ')']).next().unwrap_or_default();
        let by_name = ["openat", "unlink", "mkdir", "linkat"].contains(&call.name.as_str());
        call.file = if by_name { named } else { open.get(descriptor).cloned() };
    }
}

/// How long it took: `<0.000123>` at the end of the line.
fn took(line: &str) -> f64 {
    let time = line.rsplit_once('<').and_then(|(_, time)| time.strip_suffix('>'));
    time.and_then(|time| time.parse().ok()).unwrap_or_default()
}
