//! The name a person signs in with: an e-mail address, a mobile number or a user name.

use unicode_normalization::UnicodeNormalization;

use super::{Phone, PhoneKind, email, quoted};
use crate::{codes::LOGIN_NAME_INVALID, flaw::Flaw, sensitive::Sensitive};

/// A sign-in name in the form in which it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginName {
    text: Sensitive<String>,
    kind: LoginKind,
}

/// What a sign-in name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginKind {
    /// An e-mail address; right by syntax alone, so that an intranet's `admin@acme.test` will do.
    Email,
    /// A mobile number in E.164.
    Mobile,
    /// A user name in lower case.
    UserName,
}

impl LoginName {
    fn new(text: String, kind: LoginKind) -> Self {
        Self { text: Sensitive::new(text), kind }
    }

    /// Parses a sign-in name; `default_region` is for mobile numbers without a country code.
    ///
    /// A user name has 2 to 64 letters of any script, digits and `. _ -`, begins with a letter, and is folded (NFKC,
    /// lower case).
    ///
    /// # Errors
    /// The flaw of an e-mail address or telephone number where it looks like one, else `login_name_invalid`.
    pub fn parse(raw: &str, default_region: &str) -> Result<Self, Flaw> {
        let invalid = || Flaw::new(&LOGIN_NAME_INVALID).with("value", quoted(raw));
        let folded: String = raw.nfkc().flat_map(char::to_lowercase).nfkc().collect();
        let folded = folded.trim();
        if folded.contains('@') {
            let text = email::parse_syntax(raw).map_err(|code| Flaw::new(code).with("value", quoted(raw)))?;
            return Ok(Self::new(text, LoginKind::Email));
        }
        if folded.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '(')) {
            let phone = Phone::parse(raw, default_region)?;
            if phone.kind() == PhoneKind::Landline || phone.e164() != phone.index_form() {
                return Err(invalid());
            }
            return Ok(Self::new(phone.e164().to_owned(), LoginKind::Mobile));
        }
        let length = folded.chars().count();
        let fits = folded.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if (2..=64).contains(&length) && fits && folded.starts_with(char::is_alphabetic) {
            Ok(Self::new(folded.to_owned(), LoginKind::UserName))
        } else {
            Err(invalid())
        }
    }

    /// A name as it was stored; no rule is applied. Its kind follows from its form.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        let kind = if text.contains('@') {
            LoginKind::Email
        } else if text.starts_with('+') {
            LoginKind::Mobile
        } else {
            LoginKind::UserName
        };
        Self::new(text, kind)
    }

    /// The name as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.expose()
    }

    /// What the name is.
    #[must_use]
    pub fn kind(&self) -> LoginKind {
        self.kind
    }

    /// What is indexed and compared: lower case.
    #[must_use]
    pub fn index_form(&self) -> String {
        self.as_str().to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::{LoginKind, LoginName};
    use proptest::prelude::*;

    fn parse(raw: &str) -> (String, Option<LoginKind>) {
        match LoginName::parse(raw, "CN") {
            Ok(name) => (name.index_form(), Some(name.kind())),
            Err(flaw) => (flaw.code.key.to_owned(), None),
        }
    }

    #[test]
    fn three_kinds() {
        for (raw, text, kind) in [
            ("Admin@ACME.test", "admin@acme.test", LoginKind::Email),
            ("138 0013 8000", "+8613800138000", LoginKind::Mobile),
            ("+14155552671", "+14155552671", LoginKind::Mobile),
            (" Wang.Fang ", "wang.fang", LoginKind::UserName),
            ("王芳", "王芳", LoginKind::UserName),
            ("ＬＩ_2", "li_2", LoginKind::UserName),
        ] {
            assert_eq!(parse(raw), (text.to_owned(), Some(kind)), "{raw}");
        }
    }

    #[test]
    fn refuses_with_a_reason() {
        for (raw, key) in [
            ("", "login_name_invalid"),
            ("a", "login_name_invalid"),
            ("_admin", "login_name_invalid"),
            ("wang fang", "login_name_invalid"),
            ("a/b", "login_name_invalid"),
            ("010-62345678", "login_name_invalid"),
            ("1380013800", "phone_invalid"),
            ("a@@b", "email_invalid"),
        ] {
            assert_eq!(parse(raw).0, key, "{raw}");
        }
        assert_eq!(parse(&"a".repeat(65)).0, "login_name_invalid");
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,30}|[a-zA-Z\u{4e00}-\u{4e20}][a-zA-Z0-9._-]{0,12}|1[3-9][0-9]{9}") {
            if let Ok(name) = LoginName::parse(&raw, "CN") {
                prop_assert_eq!(LoginName::parse(name.as_str(), "CN"), Ok(name.clone()));
                let stored = LoginName::from_stored(name.as_str().to_owned());
                prop_assert_eq!(stored, name);
            }
        }
    }
}
