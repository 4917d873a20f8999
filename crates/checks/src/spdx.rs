//! SPDX licence expressions (SPDX 2.3, annex D), as far as deciding needs them: can the expression be satisfied with
//! licences that we accept?

use std::iter::Peekable;
use std::vec::IntoIter;

/// Whether `expression` can be satisfied by terms that `accepts` says yes to.
///
/// A term is a licence id with its exception, if any, exactly as written: `MIT`, `Apache-2.0 WITH LLVM-exception`.
/// `AND` binds tighter than `OR`; `/` is the old way to write `OR`.
///
/// # Errors
/// A text when the expression is not well-formed.
pub(crate) fn satisfied(expression: &str, accepts: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
    let mut reader = Reader { words: words.into_iter().peekable(), accepts };
    let answer = reader.any()?;
    match reader.words.next() {
        None => Ok(answer),
        Some(word) => Err(format!("`{word}` is left over in `{expression}`")),
    }
}

struct Reader<'a> {
    words: Peekable<IntoIter<String>>,
    accepts: &'a dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    fn take(&mut self, keyword: &str) -> bool {
        self.words.next_if(|word| word == keyword).is_some()
    }

    fn any(&mut self) -> Result<bool, String> {
        let mut answer = self.all()?;
        while self.take("OR") {
            answer |= self.all()?;
        }
        Ok(answer)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut answer = self.term()?;
        while self.take("AND") {
            answer &= self.term()?;
        }
        Ok(answer)
    }

    fn term(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let answer = self.any()?;
            return if self.take(")") { Ok(answer) } else { Err("a parenthesis is not closed".to_owned()) };
        }
        let id = self.id()?;
        if self.take("WITH") {
            let exception = self.id()?;
            return Ok((self.accepts)(&format!("{id} WITH {exception}")));
        }
        Ok((self.accepts)(&id))
    }

    fn id(&mut self) -> Result<String, String> {
        match self.words.next() {
            Some(word) if !["AND", "OR", "WITH", "(", ")"].contains(&word.as_str()) => Ok(word),
            Some(word) => Err(format!("`{word}` stands where a licence should")),
            None => Err("a licence is missing at the end".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::satisfied;

    fn with_mit_and_isc(expression: &str) -> Result<bool, String> {
        satisfied(expression, &|term| term == "MIT" || term == "ISC")
    }

    #[test]
    fn expressions_are_decided_by_the_accepted_terms() {
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("MIT OR GPL-3.0-only", true),
            ("GPL-3.0-only/MIT", true),
            ("Apache-2.0 / MIT", true),
            ("MIT AND GPL-3.0-only", false),
            ("MIT AND ISC", true),
            ("GPL-3.0-only OR MIT AND ISC", true),
            ("(GPL-3.0-only OR MIT) AND GPL-2.0-only", false),
            ("GPL-3.0-only AND MIT OR ISC", true),
            ("GPL-3.0-only AND (MIT OR ISC)", false),
            ("((MIT))", true),
            ("MIT WITH Some-exception", false),
            ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", true),
        ] {
            assert_eq!(with_mit_and_isc(expression), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn what_is_not_an_expression_is_an_error() {
        for expression in ["", "MIT OR", "OR MIT", "MIT ISC", "(MIT", "MIT)", "MIT WITH", "MIT AND AND ISC"] {
            assert!(with_mit_and_isc(expression).is_err(), "{expression}");
        }
    }
}
