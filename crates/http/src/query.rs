//! The parameters of an address, taken by name; what nobody took is refused.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use kehu_domain::codes::{PARAMETER_INVALID, PARAMETER_UNKNOWN};
use kehu_domain::flaw::Flaw;

use crate::problem::Problem;
use crate::problem_codes::{PARAMETER_ENCODING, PARAMETER_TWICE};

/// The decoded parameters in their order. Handlers take it as an argument, take what they know, and [`finish`].
///
/// [`finish`]: Query::finish
#[derive(Debug, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
    known: Vec<String>,
}

impl Query {
    /// Reads a query string: `application/x-www-form-urlencoded`, UTF-8.
    ///
    /// # Errors
    /// 400 for a parameter that stands there twice or is not percent-encoded UTF-8.
    pub fn parse(raw: &str) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let wrong = || Problem::parameter(name, Flaw::new(&PARAMETER_ENCODING).with("value", name));
            let (name, value) = (decoded(name).ok_or_else(wrong)?, decoded(value).ok_or_else(wrong)?);
            if pairs.iter().any(|(known, _)| *known == name) {
                let flaw = Flaw::new(&PARAMETER_TWICE).with("value", &name);
                return Err(Problem::parameter(name, flaw));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs, known: Vec::new() })
    }

    /// Takes a parameter; what is asked for here is what [`finish`](Self::finish) calls known.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.known.push(name.to_owned());
        let at = self.pairs.iter().position(|(known, _)| known == name)?;
        Some(self.pairs.remove(at).1)
    }

    /// Takes a parameter that is true or false; false where it is not there.
    ///
    /// # Errors
    /// 400 that names it, where it is neither.
    pub fn take_flag(&mut self, name: &str) -> Result<bool, Problem> {
        match self.take(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                let flaw = Flaw::new(&PARAMETER_INVALID).with("value", other);
                let flaw = flaw.with("expected_en", "true or false").with("expected_zh", "true 或 false");
                Err(Problem::parameter(name, flaw))
            }
        }
    }

    /// Takes the parameters of one `deepObject`, in their order: `filter[stage]=a` gives `("stage", "a")`.
    pub fn take_object(&mut self, name: &str) -> Vec<(String, String)> {
        self.known.push(format!("{name}[…]"));
        let (mut taken, mut rest) = (Vec::new(), Vec::new());
        for (key, value) in std::mem::take(&mut self.pairs) {
            let member = key.strip_prefix(name).and_then(|key| key.strip_prefix('[')?.strip_suffix(']'));
            match member.filter(|member| !member.is_empty()) {
                Some(member) => taken.push((member.to_owned(), value)),
                None => rest.push((key, value)),
            }
        }
        self.pairs = rest;
        taken
    }

    /// Everything that nobody took, decoded, in order.
    #[must_use]
    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.pairs
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 that names a parameter that nobody took, and the known ones.
    pub fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.pairs.into_iter().next() else { return Ok(()) };
        let flaw = Flaw::new(&PARAMETER_UNKNOWN).with("value", &name).with("known", self.known.join(", "));
        Err(Problem::parameter(name, flaw))
    }
}

impl FromRequest for Query {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::parse(request.query_string()))
    }
}

/// Percent-decoding with `+` as a blank; nothing for a broken escape, what is not UTF-8, or U+0000.
fn decoded(text: &str) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    percent_decoded(&text.replace('+', " "))
}

/// Percent-decoding; nothing for a broken escape, what is not UTF-8, or U+0000.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    // PostgreSQL takes no text with U+0000.
    String::from_utf8(out).ok().filter(|text| !text.contains('\0'))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use kehu_domain::flaw::Lang;

    use super::*;

    #[test]
    fn names_and_values_are_decoded() {
        let mut query = Query::parse("q=%E7%A7%91+%2B&filter%5Bstage%5D=a%2Cb&&flag&filter[owner_id.in]=x=y").unwrap();
        assert_eq!(query.take("q").as_deref(), Some("科 +"));
        assert_eq!(
            query.take_object("filter"),
            [("stage".to_owned(), "a,b".to_owned()), ("owner_id.in".to_owned(), "x=y".to_owned())]
        );
        assert_eq!(query.take("flag").as_deref(), Some(""));
        assert_eq!(query.take("limit"), None);
        query.finish().unwrap();
    }

    #[test]
    fn what_nobody_took_is_refused_with_the_known_names() {
        let mut query = Query::parse("limit=5&lmit=6").unwrap();
        query.take("limit");
        query.take_object("filter");
        let body = query.finish().unwrap_err().body(Lang::En, "r");
        assert_eq!((&body["code"], &body["status"]), (&"parameter_unknown".into(), &400.into()));
        assert_eq!(body["errors"][0]["parameter"], "lmit");
        assert_eq!(body["errors"][0]["hint"], "Known parameters: limit, filter[…].");
    }

    #[test]
    fn a_parameter_stands_there_once() {
        for raw in ["a=1&a=1", "a=1&b=2&%61=3", "filter[x]=1&filter%5Bx%5D=2"] {
            assert_eq!(Query::parse(raw).unwrap_err().key(), "parameter_twice", "{raw}");
        }
    }

    #[test]
    fn broken_escapes_are_refused() {
        for raw in ["a=%", "a=%4", "a=%zz", "a=%+1", "%ff=1", "a=%C3%28"] {
            assert_eq!(Query::parse(raw).unwrap_err().key(), "parameter_encoding", "{raw}");
        }
    }

    #[test]
    fn an_object_needs_a_member() {
        let mut query = Query::parse("filter=1&filter[]=2&filters[x]=3").unwrap();
        assert_eq!(query.take_object("filter"), []);
        assert_eq!(query.finish().unwrap_err().key(), "parameter_unknown");
    }
}
