//! Files with a signature of their own: pictures, recordings, archives.

/// First bytes, and what they begin.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"#!AMR", "audio/amr"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
];

/// Brands of the ISO base media file format.
const BRANDS: &[(&[u8], &str)] = &[
    (b"heic", "image/heic"),
    (b"heix", "image/heic"),
    (b"mif1", "image/heic"),
    (b"msf1", "image/heic"),
    (b"avif", "image/avif"),
    (b"M4A ", "audio/mp4"),
    (b"qt  ", "video/quicktime"),
    (b"3gp", "video/3gpp"),
];

/// What a signature says.
pub(super) fn of(head: &[u8]) -> Option<&'static str> {
    // Readers of PDF look for it among the first thousand bytes; further in, text may speak of it.
    let may_lead = super::contains(head.get(..1024).unwrap_or(head), b"%PDF-");
    if head.starts_with(b"%PDF-") || may_lead && !super::text::is_text(head) {
        return Some("application/pdf");
    }
    if is_bmp(head) {
        return Some("image/bmp");
    }
    if is_id3(head) {
        return Some("audio/mpeg");
    }
    if let Some((_, kind)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return Some(kind);
    }
    if head.get(4..8) == Some(b"ftyp") {
        let brand = head.get(8..12).unwrap_or_default();
        let known = BRANDS.iter().find(|(known, _)| brand.starts_with(known));
        return Some(known.map_or("video/mp4", |(_, kind)| kind));
    }
    if head.starts_with(b"RIFF") {
        return match head.get(8..12) {
            Some(b"WEBP") => Some("image/webp"),
            Some(b"WAVE") => Some("audio/wav"),
            Some(b"AVI ") => Some("video/x-msvideo"),
            _ => None,
        };
    }
    if head.starts_with(b"\x1a\x45\xdf\xa3") {
        let webm = super::contains(head.get(..64).unwrap_or(head), b"webm");
        return Some(if webm { "video/webm" } else { "video/x-matroska" });
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some("application/x-tar");
    }
    frame_sync(head)
}

/// A bitmap: two letters that text may begin with, so its header is looked at: the reserved bytes, and the size of the
/// one that follows.
fn is_bmp(head: &[u8]) -> bool {
    let known = |size: &[u8; 4]| matches!(u32::from_le_bytes(*size), 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124);
    head.starts_with(b"BM")
        && head.get(6..10) == Some(&[0; 4])
        && head.get(14..18).and_then(|size| size.first_chunk()).is_some_and(known)
}

/// A tag of a recording: a version that there is, and a size in four times seven bits.
fn is_id3(head: &[u8]) -> bool {
    let header: Option<&[u8; 10]> = head.first_chunk();
    header.is_some_and(|[i, d, three, version, _, _, size @ ..]| {
        [*i, *d, *three] == *b"ID3" && (2..=4).contains(version) && size.iter().all(|byte| *byte < 0x80)
    })
}

/// A frame of MPEG audio or of AAC: eleven or twelve bits of synchronisation, and a layer that there is.
fn frame_sync(head: &[u8]) -> Option<&'static str> {
    match head {
        [0xff, second, ..] if second & 0xf6 == 0xf0 => Some("audio/aac"),
        // A layer of 00 and a version of 01 are reserved.
        [0xff, second, third, ..]
            if second & 0xe0 == 0xe0 && second & 0x06 != 0 && second & 0x18 != 0x08 && third & 0xf0 != 0xf0 =>
        {
            Some("audio/mpeg")
        }
        _ => None,
    }
}
