//! HTTP/1.1 as bytes: a request written whole, and an answer found in what has arrived so far.

use std::borrow::Cow;

use anyhow::{Context as _, Result, ensure};

/// A request. The body, where there is one, is JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// GET, POST, PATCH.
    pub(crate) method: &'static str,
    /// Path and query.
    pub(crate) path: String,
    /// Bearer token; none for public addresses.
    pub(crate) token: String,
    /// `Idempotency-Key`; empty: without.
    pub(crate) key: String,
    /// The body; empty: without.
    pub(crate) body: String,
}

impl Call {
    /// The request as it goes over the connection to the server at `http://host:port`.
    pub(crate) fn bytes(&self, base: &str) -> Vec<u8> {
        let Self { method, path, token, key, body } = self;
        let host = base.strip_prefix("http://").unwrap_or(base);
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n");
        if !token.is_empty() {
            text.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        if !key.is_empty() {
            text.push_str(&format!("idempotency-key: {key}\r\n"));
        }
        if !body.is_empty() {
            text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(body);
        text.into_bytes()
    }
}

/// A whole answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    /// The status.
    pub(crate) status: u16,
    chunked: bool,
    framed: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The answer that those bytes are; `None` until all of them are there. One request at a time is under way on a
    /// connection, so that nothing follows the answer.
    ///
    /// # Errors
    /// It is not HTTP/1.1.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Option<Self>> {
        let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
        let (head, framed) = (bytes.get(..end).unwrap_or_default(), bytes.get(end + 4..).unwrap_or_default());
        let mut lines = std::str::from_utf8(head).context("not an HTTP answer")?.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let status = status.context("not an HTTP answer")?;
        let (mut length, mut chunked) = (0, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.trim().eq_ignore_ascii_case("chunked");
            }
        }
        // JSON holds no line end that is not escaped, so that this one is the last chunk's.
        let whole =
            if chunked { framed == b"0\r\n\r\n" || framed.ends_with(b"\r\n0\r\n\r\n") } else { framed.len() >= length };
        Ok(whole.then_some(Self { status, chunked, framed }))
    }

    /// The body.
    ///
    /// # Errors
    /// Its chunks are broken.
    pub(crate) fn body(&self) -> Result<Cow<'a, [u8]>> {
        if !self.chunked {
            return Ok(Cow::Borrowed(self.framed));
        }
        let (mut body, mut rest) = (Vec::with_capacity(self.framed.len()), self.framed);
        loop {
            let end = find(rest, b"\r\n").context("a chunk has no length")?;
            let length = std::str::from_utf8(rest.get(..end).unwrap_or_default())?;
            let length = usize::from_str_radix(length.trim(), 16).context("not the length of a chunk")?;
            if length == 0 {
                return Ok(Cow::Owned(body));
            }
            let start = end + 2;
            body.extend(rest.get(start..start + length).context("a chunk is cut off")?);
            rest = rest.get(start + length + 2..).context("a chunk is cut off")?;
        }
    }

    /// How long the body is, as it came.
    pub(crate) fn length(&self) -> usize {
        self.framed.len()
    }

    /// Whether the bytes stand somewhere in the body, chunks not put together.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        find(self.framed, bytes).is_some()
    }

    /// Says what it is, where it is not a success.
    ///
    /// # Errors
    /// The status and the beginning of the body.
    pub(crate) fn succeeded(&self) -> Result<()> {
        let shown: String = String::from_utf8_lossy(self.framed).chars().take(500).collect();
        ensure!((200..300).contains(&self.status), "answered {}: {shown}", self.status);
        Ok(())
    }
}

/// Where bytes first stand in others.
pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &str) -> Option<(u16, String)> {
        let answer = Answer::read(bytes.as_bytes()).unwrap()?;
        Some((answer.status, String::from_utf8(answer.body().unwrap().into_owned()).unwrap()))
    }

    #[test]
    fn an_answer_is_whole_when_its_last_byte_is_there() {
        for (text, body) in [
            ("HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\n{\"a\": 1}", "{\"a\": 1}"),
            ("HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n4\r\n[1,2\r\n1\r\n]\r\n0\r\n\r\n", "[1,2]"),
            ("HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", ""),
            ("HTTP/1.1 202 Accepted\r\n\r\n", ""),
        ] {
            for cut in 0..text.len() {
                assert_eq!(whole(&text[..cut]), None, "{cut} bytes of {text}");
            }
            assert_eq!(whole(text), Some((202, body.to_owned())));
        }
        assert!(Answer::read(b"SSH-2.0\r\n\r\n").is_err());
    }

    #[test]
    fn a_request_carries_what_it_has_and_no_more() {
        let get = Call { method: "GET", path: "/x".to_owned(), ..Call::default() };
        assert_eq!(get.bytes("http://a:1"), b"GET /x HTTP/1.1\r\nhost: a:1\r\n\r\n");
        let post = Call { method: "POST", token: "t".to_owned(), key: "k".to_owned(), body: "{}".to_owned(), ..get };
        let text = String::from_utf8(post.bytes("http://a:1")).unwrap();
        assert!(text.contains("authorization: Bearer t\r\nidempotency-key: k\r\n"), "{text}");
        assert!(text.ends_with("content-length: 2\r\n\r\n{}"), "{text}");
    }

    #[test]
    fn refusals_tell_status_and_body() {
        let refused = Answer::read(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno").unwrap().unwrap();
        let told = refused.succeeded().unwrap_err().to_string();
        assert!(told.contains("404") && told.ends_with("no"), "{told}");
        assert!(refused.holds(b"no") && !refused.holds(b"yes"));
    }
}
