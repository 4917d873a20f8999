//! Bodies of submissions: JSON, forms of both encodings, text, in whatever character set the sender names. What is not
//! said right is read as well as it can be: a lead is worth more than a rule.

use encoding_rs::{Encoding, UTF_8};
use kehu_domain::intake::Given;

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";
/// The field by which a page names the character set of its form.
const CHARSET_FIELD: &str = "_charset_";
/// The most parts of a form.
const MAX_PARTS: usize = 500;

/// A body that was read.
#[derive(Debug)]
pub(crate) struct Submitted {
    pub(crate) given: Given,
    /// The body as text.
    pub(crate) text: String,
}

/// Reads a body by its content type; without a telling one, and where it is not what it is called, by its looks.
pub(crate) fn read(content_type: &str, body: &[u8]) -> Submitted {
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let kind = kind.trim().to_ascii_lowercase();
    let charset = parameter(parameters, "charset").and_then(|label| Encoding::for_label(label.as_bytes()));
    let encoding = charset.unwrap_or(UTF_8);
    if kind == FORM {
        let text = String::from_utf8_lossy(body).into_owned();
        // What `curl -d '{…}'` sends is called a form, and is none.
        let given = json(&text).unwrap_or_else(|| Given::pairs(pairs(body, charset)));
        return Submitted { given, text };
    }
    if let Some(boundary) = parameter(parameters, "boundary").filter(|_| kind == MULTIPART) {
        let pairs = parts(body, &boundary, encoding);
        return Submitted { given: Given::pairs(pairs), text: encoding.decode(body).0.into_owned() };
    }
    let is_json = kind == "application/json" || kind.ends_with("+json");
    let text = encoding.decode(body).0.into_owned();
    let given = match json(&text).or_else(|| Given::json(&text).ok().filter(|_| is_json)) {
        Some(given) => given,
        None if text.trim().is_empty() => Given::pairs([]),
        None if is_json && text.contains('=') && !looks_like_json(&text) => Given::pairs(pairs(text.as_bytes(), None)),
        None => Given::text(text.clone()),
    };
    Submitted { given, text }
}

fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// A body that looks like JSON and is.
fn json(text: &str) -> Option<Given> {
    Given::json(text).ok().filter(|_| looks_like_json(text))
}

/// A parameter of a content type, without its quotes.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    parameters.split(';').filter_map(|pair| pair.split_once('=')).find_map(|(known, value)| {
        known.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// Names and values of an urlencoded form or of an address. The character set is the one that was named, by the sender
/// or by a field of the form; what does not fit it is replaced.
pub(crate) fn pairs(body: &[u8], charset: Option<&'static Encoding>) -> Vec<(String, String)> {
    let raw: Vec<(Vec<u8>, Vec<u8>)> = body
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .take(MAX_PARTS)
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(at);
            (decoded(name), decoded(value.get(1..).unwrap_or_default()))
        })
        .collect();
    let field = raw.iter().find(|(name, _)| name == CHARSET_FIELD.as_bytes());
    let named = field.and_then(|(_, label)| Encoding::for_label(label));
    let encoding = charset.or(named).unwrap_or(UTF_8);
    let text = |bytes: Vec<u8>| encoding.decode_without_bom_handling(&bytes).0.into_owned();
    raw.into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// Percent-decoding with `+` as a blank; what is no escape stays.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (*first, tail) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(b'%'),
            },
            (other, _) => out.push(other),
        }
    }
    out
}

/// Names and values of a form in parts (RFC 7578). Of a file only its name is taken.
fn parts(body: &[u8], boundary: &str, encoding: &'static Encoding) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| encoding.decode_without_bom_handling(bytes).0.into_owned();
    let line = format!("\r\n--{boundary}");
    let mut pairs = Vec::new();
    // The first boundary may have no line before it.
    let mut rest =
        body.strip_prefix(line.trim_start().as_bytes()).or_else(|| cut(body, line.as_bytes()).map(|(_, r)| r));
    while let Some(part) = rest.filter(|_| pairs.len() < MAX_PARTS) {
        let next = cut(part, line.as_bytes());
        let (whole, after) = next.map_or((part, None), |(whole, after)| (whole, Some(after)));
        rest = after;
        let Some((head, content)) = cut(whole, b"\r\n\r\n") else { continue };
        let head = text(head);
        let is_disposition = |line: &&str| line.to_ascii_lowercase().starts_with("content-disposition:");
        let parameters = head.lines().find(is_disposition).and_then(|line| line.split_once(';')).map(|(_, rest)| rest);
        let parameters = parameters.unwrap_or_default();
        if let Some(name) = parameter(parameters, "name") {
            pairs.push((name, parameter(parameters, "filename").unwrap_or_else(|| text(content))));
        }
    }
    pairs
}

/// What stands before and behind a mark.
fn cut<'b>(bytes: &'b [u8], mark: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    let (before, rest) = bytes.split_at(at);
    Some((before, rest.get(mark.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(content_type: &str, body: &[u8], key: &str) -> Option<String> {
        read(content_type, body).given.word(key).map(str::to_owned)
    }

    #[test]
    fn forms_are_read_in_the_character_set_that_is_named() {
        assert_eq!(word(FORM, "name=王芳&x=a%20b+c%2".as_bytes(), "name").unwrap(), "王芳");
        assert_eq!(word(FORM, b"x=a%20b+c%2", "x").unwrap(), "a b c%2");
        assert_eq!(word(FORM, b"name=%E7%8E%8B%E8%8A%B3", "name").unwrap(), "王芳");
        assert_eq!(word(FORM, b"name=%CD%F5%B7%BC&_charset_=GB18030", "name").unwrap(), "王芳");
        let typed = "application/x-www-form-urlencoded; charset=gbk";
        assert_eq!(word(typed, b"name=\xcd\xf5%B7%BC", "name").unwrap(), "王芳");
        assert_eq!(word(FORM, b"=&&a&b=1", "b").unwrap(), "1");
    }

    #[test]
    fn forms_in_parts_are_read() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n王\r\n\r\n芳\r\n\
                    --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\
                    Content-Type: application/pdf\r\n\r\n%PDF\r\n--x--\r\n";
        let kind = "multipart/form-data; boundary=\"x\"";
        assert_eq!(word(kind, body.as_bytes(), "name").unwrap(), "王\r\n\r\n芳");
        assert_eq!(word(kind, body.as_bytes(), "file").unwrap(), "a.pdf");
        for odd in ["", "--x", "--x--", "--x\r\n\r\n", "--x\r\nname\r\n\r\n1"] {
            assert_eq!(word(kind, odd.as_bytes(), "name"), None, "{odd}");
        }
    }

    #[test]
    fn json_is_told_by_its_type_or_its_looks() {
        for kind in ["application/json", "application/json; charset=utf-8", "text/plain;charset=UTF-8", "", "a/b+json"]
        {
            assert_eq!(word(kind, br#"{"tel": 13800138000}"#, "tel").unwrap(), "13800138000", "{kind}");
        }
        assert_eq!(word("text/plain", b"tel 1", "text").unwrap(), "tel 1");
        assert_eq!(word("text/plain", b"", "text"), None);
        assert_eq!(word("application/json; charset=gb18030", b"{\"n\": \"\xcd\xf5\"}", "n").unwrap(), "王");
        assert_eq!(word("application/json", b"{\"a\": 1", "text").unwrap(), "{\"a\": 1");
        assert_eq!(word("application/json", b"tel=13800138000&a=1", "tel").unwrap(), "13800138000");
        assert_eq!(word("application/json", br#"{"n": "x\ud83d"}"#, "n").unwrap(), "x\u{fffd}");
        assert_eq!(word(FORM, b" {\"tel\": \"a=b&c\"}", "tel").unwrap(), "a=b&c");
        assert_eq!(word(FORM, b"{=1", "{").unwrap(), "1");
    }
}
