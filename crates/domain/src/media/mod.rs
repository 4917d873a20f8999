//! What a file is, by its first bytes: what somebody says of it is not believed.

mod executable;
mod office;
mod signature;
mod text;

use std::collections::BTreeSet;

/// How many of the first bytes are looked at.
pub const HEAD: usize = 8192;

/// What is known by its bytes to be nothing that is named here.
pub const UNKNOWN: &str = "application/octet-stream";

/// Media types that a file may be known as, and how each is called in Chinese and English. What runs as a program, in a
/// browser or by itself, is not among them: nobody allows it.
pub const KNOWN: &[(&str, &str, &str)] = &[
    ("image/jpeg", "JPEG 图片", "JPEG image"),
    ("image/png", "PNG 图片", "PNG image"),
    ("image/gif", "GIF 图片", "GIF image"),
    ("image/webp", "WebP 图片", "WebP image"),
    ("image/bmp", "BMP 图片", "BMP image"),
    ("image/tiff", "TIFF 图片", "TIFF image"),
    ("image/heic", "HEIC 图片", "HEIC image"),
    ("image/avif", "AVIF 图片", "AVIF image"),
    ("application/pdf", "PDF", "PDF"),
    ("application/msword", "Word 97-2003 文档", "Word 97-2003 document"),
    ("application/vnd.ms-excel", "Excel 97-2003 工作簿", "Excel 97-2003 workbook"),
    ("application/vnd.ms-powerpoint", "PowerPoint 97-2003 演示文稿", "PowerPoint 97-2003 presentation"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "Word 文档", "Word document"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel 工作簿", "Excel workbook"),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "PowerPoint 演示文稿",
        "PowerPoint presentation",
    ),
    ("application/vnd.oasis.opendocument.text", "ODF 文档", "ODF text"),
    ("application/vnd.oasis.opendocument.spreadsheet", "ODF 电子表格", "ODF spreadsheet"),
    ("application/vnd.oasis.opendocument.presentation", "ODF 演示文稿", "ODF presentation"),
    ("application/rtf", "RTF 文档", "RTF document"),
    ("text/plain", "纯文本", "Plain text"),
    ("text/csv", "CSV", "CSV"),
    ("text/vcard", "电子名片", "vCard"),
    ("application/json", "JSON", "JSON"),
    ("application/xml", "XML", "XML"),
    ("application/zip", "ZIP 压缩包", "ZIP archive"),
    ("application/gzip", "GZIP 压缩包", "GZIP archive"),
    ("application/x-7z-compressed", "7z 压缩包", "7z archive"),
    ("application/vnd.rar", "RAR 压缩包", "RAR archive"),
    ("application/x-tar", "TAR 归档", "TAR archive"),
    ("message/rfc822", "电子邮件", "E-mail"),
    ("application/vnd.ms-outlook", "Outlook 邮件", "Outlook message"),
    ("application/ofd", "OFD 版式文档", "OFD document"),
    ("audio/mpeg", "MP3 音频", "MP3 audio"),
    ("audio/mp4", "M4A 音频", "M4A audio"),
    ("audio/aac", "AAC 音频", "AAC audio"),
    ("audio/amr", "AMR 音频", "AMR audio"),
    ("audio/wav", "WAV 音频", "WAV audio"),
    ("audio/ogg", "Ogg 音频", "Ogg audio"),
    ("audio/flac", "FLAC 音频", "FLAC audio"),
    ("video/mp4", "MP4 视频", "MP4 video"),
    ("video/quicktime", "QuickTime 视频", "QuickTime video"),
    ("video/webm", "WebM 视频", "WebM video"),
    ("video/x-matroska", "Matroska 视频", "Matroska video"),
    ("video/3gpp", "3GPP 视频", "3GPP video"),
    ("video/x-msvideo", "AVI 视频", "AVI video"),
    (UNKNOWN, "未识别的文件", "Not recognised"),
];

/// Those of them that an organisation does not take unless it says so: what hides what is inside, and what is nothing
/// that is known.
const NOT_BY_DEFAULT: [&str; 6] = [
    "application/gzip",
    "application/x-7z-compressed",
    "application/vnd.rar",
    "application/x-tar",
    "application/xml",
    UNKNOWN,
];

/// The known type of that name.
#[must_use]
pub fn known(name: &str) -> Option<&'static str> {
    KNOWN.iter().map(|(known, ..)| *known).find(|known| *known == name)
}

/// The types that an organisation takes where it says nothing.
#[must_use]
pub fn by_default() -> BTreeSet<String> {
    let taken = KNOWN.iter().map(|(known, ..)| *known).filter(|known| !NOT_BY_DEFAULT.contains(known));
    taken.map(str::to_owned).collect()
}

/// The type of a file of that name that begins with these bytes. It is one of [`KNOWN`], or of what nobody allows. The
/// name decides only between what looks alike, such as text and CSV.
#[must_use]
pub fn sniff(head: &[u8], name: &str) -> &'static str {
    let end = ending(name);
    executable::of_bytes(head)
        .or_else(|| executable::of_ending(&end))
        .or_else(|| office::of(head, &end))
        .or_else(|| signature::of(head))
        .or_else(|| text::of(head, &end))
        .unwrap_or(UNKNOWN)
}

/// Whether a file of that name runs as a program where it is opened, whatever is in it.
#[must_use]
pub fn runs(name: &str) -> bool {
    executable::of_ending(&ending(name)).is_some()
}

/// What stands behind the last dot, in lower case.
fn ending(name: &str) -> String {
    name.trim_end_matches([' ', '.']).rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default()
}

/// Whether some bytes lie anywhere among others.
fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zip(parts: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend_from_slice(b"PK\x03\x04\x14\0\0\0\x08\0");
            bytes.extend_from_slice(&[0; 20]);
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }

    #[test]
    fn files_are_known_by_what_they_begin_with() {
        let mp4 = b"\0\0\0\x18ftypisom\0\0\0\0";
        for (bytes, name, kind) in [
            (&b"%PDF-1.7\n"[..], "x.txt", "application/pdf"),
            (b"\x89PNG\r\n\x1a\n....", "photo.jpg", "image/png"),
            (b"\xff\xd8\xff\xe0", "", "image/jpeg"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "a.webp", "image/webp"),
            (mp4, "a.mp4", "video/mp4"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "a", "image/heic"),
            (b"ID3\x03\0\0\0\0\x0f\x76TSSE", "a.mp3", "audio/mpeg"),
            (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "a.bmp", "image/bmp"),
            (b"\0\x01scanned\r\n%PDF-1.4\n", "a.pdf", "application/pdf"),
            // Text that begins as one of them does.
            (b"BMW,\xe5\xae\x9d\xe9\xa9\xac\n", "a.csv", "text/csv"),
            (b"MZ-100 \xe6\x8a\xa5\xe4\xbb\xb7\n", "a.txt", "text/plain"),
            (b"ID3 tags\n", "a.txt", "text/plain"),
            (b"What begins with %PDF-1.7 is a PDF.\n", "a.txt", "text/plain"),
            (b"#!AMR\n\x3c", "a.amr", "audio/amr"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.XLS", "application/vnd.ms-excel"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a", UNKNOWN),
            (b"{\\rtf1\\ansi", "a.doc", "application/rtf"),
            (b"a,b\r\n1,2\r\n", "a.csv", "text/csv"),
            ("姓名,电话\n".as_bytes(), "名单.CSV", "text/csv"),
            // "姓名" in GB 18030, as spreadsheets write it.
            (b"\xd0\xd5\xc3\xfb,\xb5\xe7\xbb\xb0\r\n", "a.csv", "text/csv"),
            (b"hello\n", "a.bin", "text/plain"),
            (b"\0\x01\x02\x03", "a.txt", UNKNOWN),
            (b"", "empty.txt", "text/plain"),
        ] {
            assert_eq!(sniff(bytes, name), kind, "{name}: {bytes:?}");
        }
    }

    #[test]
    fn what_is_in_an_archive_says_what_it_is() {
        let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        assert_eq!(sniff(&zip(&["[Content_Types].xml", "word/document.xml"]), "a.zip"), word);
        assert_eq!(sniff(&zip(&["[Content_Types].xml", "_rels/.rels"]), "合同.docx"), word);
        assert_eq!(sniff(&zip(&["photo.png"]), "合同.docx"), "application/zip");
        assert_eq!(sniff(&zip(&["OFD.xml"]), "发票.ofd"), "application/ofd");
        let odt = zip(&["mimetypeapplication/vnd.oasis.opendocument.text"]);
        assert_eq!(sniff(&odt, "a.odt"), "application/vnd.oasis.opendocument.text");
    }

    #[test]
    fn what_runs_is_nothing_that_can_be_allowed() {
        for (bytes, name) in [
            (&b"MZ\x90\0"[..], "报价.pdf"),
            (b"\x7fELF\x02", "a"),
            (b"#!/bin/sh\n", "a.txt"),
            (b"<!DOCTYPE html><script>", "a.txt"),
            (b"\xef\xbb\xbf  <HTML>", "a.txt"),
            (b"<?xml version=\"1.0\"?><svg xmlns=", "a.png"),
            (b"<svg onload=", "a"),
            (b"echo off\r\n", "a.bat"),
            (b"alert(1)", "a.js"),
            (b"L\0\0\0\x01\x14\x02\0", "a.lnk"),
            (b"\0asm\x01\0\0\0", "a"),
        ] {
            assert_eq!(known(sniff(bytes, name)), None, "{name}");
        }
        assert_eq!(known(sniff(&zip(&["META-INF/MANIFEST.MF"]), "a.zip")), None, "a Java archive");
        assert_eq!(known(sniff(&zip(&["[Content_Types].xml", "word/vbaProject.bin"]), "a.docx")), None, "macros");
        assert_eq!(known(sniff(&zip(&["[Content_Types].xml"]), "a.xlsm")), None);
    }

    #[test]
    fn every_type_by_default_is_known() {
        assert!(by_default().iter().all(|name| known(name).is_some()));
        assert!(!by_default().contains(UNKNOWN) && by_default().contains("application/zip"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_something(bytes in proptest::collection::vec(0_u8.., 0..600), name in ".{0,12}") {
            let _ = sniff(&bytes, &name);
        }
    }
}
