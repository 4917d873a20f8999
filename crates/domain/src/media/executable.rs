//! What runs: programs, scripts, and pages that a browser would run.

use super::{contains, text};

const PROGRAM: &str = "application/x-executable";
const SCRIPT: &str = "application/x-script";

/// Endings of what a click runs.
const ENDINGS: &[&str] = &[
    "apk", "app", "appx", "bat", "cmd", "com", "cpl", "dll", "dmg", "exe", "gadget", "hta", "htm", "html", "iso",
    "jar", "js", "jse", "jsp", "lnk", "mjs", "mht", "mhtml", "msi", "msix", "msp", "php", "pif", "pkg", "ps1", "psm1",
    "py", "reg", "scf", "scr", "sh", "svg", "svgz", "sys", "url", "vb", "vbe", "vbs", "ws", "wsf", "wsh", "xhtml",
    "xll", "docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppam", "ppsm", "sldm",
];

/// First bytes of programs and of what points to one.
const SIGNATURES: &[&[u8]] = &[
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\0asm",
    b"dex\n",
    b"L\0\0\0\x01\x14\x02\0",
];

/// What runs by its first bytes.
pub(super) fn of_bytes(head: &[u8]) -> Option<&'static str> {
    if SIGNATURES.iter().any(|signature| head.starts_with(signature)) || is_dos(head) {
        return Some(PROGRAM);
    }
    // A recording may begin with the same two characters.
    if head.starts_with(b"#!") && !head.starts_with(b"#!AMR") {
        return Some(SCRIPT);
    }
    if head.starts_with(b"PK\x03\x04") {
        let runs = [&b"META-INF/MANIFEST.MF"[..], b"AndroidManifest.xml", b"vbaProject.bin"];
        return runs.iter().any(|part| contains(head, part)).then_some(PROGRAM);
    }
    markup(head)
}

/// A program of DOS or Windows. Its header, 64 bytes long, is full of numbers; text begins with its two letters too.
fn is_dos(head: &[u8]) -> bool {
    head.starts_with(b"MZ") && !text::is_text(head.get(..64).unwrap_or(head))
}

/// What runs by the end of its name.
pub(super) fn of_ending(end: &str) -> Option<&'static str> {
    ENDINGS.contains(&end).then_some(SCRIPT)
}

/// Pages and drawings that a browser would run.
fn markup(head: &[u8]) -> Option<&'static str> {
    let start = head.get(..1024).unwrap_or(head);
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if !text.starts_with('<') {
        return None;
    }
    if text.contains("<svg") {
        return Some("image/svg+xml");
    }
    let tags =
        ["<!doctype html", "<html", "<head", "<body", "<script", "<iframe", "<meta", "<title", "<h1", "<div", "<a "];
    tags.iter().any(|tag| text.contains(tag)).then_some("text/html")
}
