//! Text, told from what is none, in the encodings that are met: UTF-8, UTF-16 with a mark, GB 18030.

/// What kind of text the bytes begin; nothing where they are none.
pub(super) fn of(head: &[u8], end: &str) -> Option<&'static str> {
    let wide = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    if !wide && !is_text(head) {
        return None;
    }
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    Some(match end {
        "csv" => "text/csv",
        "vcf" => "text/vcard",
        "eml" => "message/rfc822",
        "json" => "application/json",
        _ if start.starts_with(b"<?xml") => "application/xml",
        _ if start.starts_with(b"BEGIN:VCARD") => "text/vcard",
        _ => "text/plain",
    })
}

/// Whether the bytes are text in one of the encodings without a mark.
pub(super) fn is_text(head: &[u8]) -> bool {
    let control = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    if head.iter().any(control) {
        return false;
    }
    match std::str::from_utf8(head) {
        Ok(_) => true,
        // The last character may have been cut.
        Err(error) if error.error_len().is_none() => true,
        Err(_) => is_gb18030(head),
    }
}

/// Whether the bytes beyond ASCII are characters of two or four bytes as GB 18030 has them.
fn is_gb18030(head: &[u8]) -> bool {
    let mut rest = head;
    loop {
        rest = match rest {
            [] | [0x81..=0xfe] => return true,
            [0..=0x7f, rest @ ..] => rest,
            [0x81..=0xfe, 0x40..=0x7e | 0x80..=0xfe, rest @ ..] => rest,
            [0x81..=0xfe, 0x30..=0x39, 0x81..=0xfe, 0x30..=0x39, rest @ ..] => rest,
            // Cut at the end.
            [0x81..=0xfe, 0x30..=0x39] | [0x81..=0xfe, 0x30..=0x39, 0x81..=0xfe] => return true,
            _ => return false,
        };
    }
}
