//! Documents of offices, which lie in archives or in compound files that look alike.

use super::contains;

const WORD: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const EXCEL: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const SLIDES: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// The document that the bytes begin.
pub(super) fn of(head: &[u8], end: &str) -> Option<&'static str> {
    if head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return match end {
            "doc" | "dot" | "wps" => Some("application/msword"),
            "xls" | "xlt" | "et" => Some("application/vnd.ms-excel"),
            "ppt" | "pps" | "dps" => Some("application/vnd.ms-powerpoint"),
            "msg" => Some("application/vnd.ms-outlook"),
            _ => Some(super::UNKNOWN),
        };
    }
    if !head.starts_with(b"PK\x03\x04") {
        return None;
    }
    for (mark, kind) in [
        (&b"mimetypeapplication/vnd.oasis.opendocument.text"[..], "application/vnd.oasis.opendocument.text"),
        (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "application/vnd.oasis.opendocument.spreadsheet"),
        (b"mimetypeapplication/vnd.oasis.opendocument.presentation", "application/vnd.oasis.opendocument.presentation"),
        (b"OFD.xml", "application/ofd"),
    ] {
        if contains(head, mark) {
            return Some(kind);
        }
    }
    if contains(head, b"[Content_Types].xml") || contains(head, b"_rels/.rels") {
        return open_xml(head, end);
    }
    Some("application/zip")
}

/// By the folder of its parts, or by the end of its name where they lie further behind.
fn open_xml(head: &[u8], end: &str) -> Option<&'static str> {
    let by_part = [(&b"word/"[..], WORD), (b"xl/", EXCEL), (b"ppt/", SLIDES)];
    let found = by_part.iter().find(|(part, _)| contains(head, part)).map(|(_, kind)| *kind);
    found.or(match end {
        "docx" => Some(WORD),
        "xlsx" => Some(EXCEL),
        "pptx" => Some(SLIDES),
        _ => Some("application/zip"),
    })
}
