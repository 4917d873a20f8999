//! Files with a signature of their own: pictures, recordings, archives.

/// First bytes, and what they begin.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"ID3", "audio/mpeg"),
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
    // Readers of PDF look for it among the first thousand bytes.
    if super::contains(head.get(..1024).unwrap_or(head), b"%PDF-") {
        return Some("application/pdf");
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
