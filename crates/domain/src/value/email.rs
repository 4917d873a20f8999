//! E-mail addresses that can be written to.

use std::str::FromStr;

use email_address::EmailAddress;
use unicode_normalization::UnicodeNormalization;

use super::quoted;
use crate::{
    codes::{EMAIL_INVALID, EMAIL_IP_ADDRESS, EMAIL_NO_TOP_DOMAIN, EMAIL_QUOTED},
    flaw::{Code, Flaw},
    mask::STARS,
    sensitive::Sensitive,
    text::WordList,
};

const TOP_DOMAINS: WordList = WordList(include_str!("../../data/tlds.txt"));
const FREE_MAIL: WordList = WordList(include_str!("../../data/free_mail.txt"));
const DISPOSABLE: WordList = WordList(include_str!("../../data/disposable_mail.txt"));

/// An address (RFC 5321) with an ASCII local part, as given, and a domain in ASCII (IDNA), in lower case, that ends in
/// a top-level domain of the root zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(Sensitive<String>);

impl Email {
    /// Parses an address. `mailto:`, angle brackets and full-width characters are accepted.
    ///
    /// # Errors
    /// `email_invalid`, `email_quoted`, `email_ip_address`, `email_no_top_domain`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let refuse = |code: &'static Code| Flaw::new(code).with("value", quoted(raw));
        let address = parse_syntax(raw).map_err(refuse)?;
        let top = address.rsplit_once('.').map_or("", |(_, top)| top);
        if domain_of(&address).contains('.') && TOP_DOMAINS.contains(top) {
            Ok(Self(Sensitive::new(address)))
        } else {
            Err(refuse(&EMAIL_NO_TOP_DOMAIN))
        }
    }

    /// An address as it was stored; no rule is applied.
    #[must_use]
    pub fn from_stored(address: String) -> Self {
        Self(Sensitive::new(address))
    }

    /// The address: local part as given, domain in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }

    /// All lower case: what is indexed and compared. Standards let a local part tell cases apart; mail systems do not.
    #[must_use]
    pub fn index_form(&self) -> String {
        self.as_str().to_lowercase()
    }

    /// The part after the @.
    #[must_use]
    pub fn domain(&self) -> &str {
        domain_of(self.as_str())
    }

    /// `w***@example.com`; a local part of one character is hidden whole.
    #[must_use]
    pub fn mask(&self) -> String {
        let Some((local, domain)) = self.as_str().rsplit_once('@') else { return STARS.to_owned() };
        let mut chars = local.chars();
        let first = chars.next().filter(|_| chars.next().is_some()).map(String::from).unwrap_or_default();
        format!("{first}***@{domain}")
    }

    /// Whether anybody can have a mailbox at its domain: it says nothing about a company.
    #[must_use]
    pub fn is_free_mail(&self) -> bool {
        FREE_MAIL.contains(self.domain())
    }

    /// Whether its domain gives throw-away mailboxes.
    #[must_use]
    pub fn is_disposable(&self) -> bool {
        DISPOSABLE.contains_domain(self.domain())
    }
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// An address that is right by its syntax alone, domain in ASCII and lower case.
///
/// # Errors
/// `email_invalid`, `email_quoted`, `email_ip_address`, for the caller to quote the value.
pub(super) fn parse_syntax(raw: &str) -> Result<String, &'static Code> {
    let folded: String = raw.nfkc().collect();
    let mut text = folded.trim().trim_matches(['\u{200b}', '\u{feff}']);
    if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:")) {
        text = text.get(7..).unwrap_or_default();
    }
    text = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text).trim();
    let (local, domain) = text.rsplit_once('@').ok_or(&EMAIL_INVALID)?;
    // Lists and copied sentences leave a space before the @ and a sign after the end.
    let (local, domain) = (local.trim_end(), domain.trim_start().trim_end_matches(['.', '。', ',', ';', ' ']));
    if local.starts_with('"') {
        return Err(&EMAIL_QUOTED);
    }
    let is_address = domain.starts_with('[') || domain.parse::<std::net::IpAddr>().is_ok();
    if is_address {
        return Err(&EMAIL_IP_ADDRESS);
    }
    if !local.is_ascii() {
        return Err(&EMAIL_INVALID);
    }
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_| &EMAIL_INVALID)?;
    let address = format!("{local}@{domain}");
    EmailAddress::from_str(&address).map_err(|_| &EMAIL_INVALID)?;
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::{DISPOSABLE, Email, FREE_MAIL, TOP_DOMAINS};
    use proptest::prelude::*;

    fn parse(raw: &str) -> String {
        Email::parse(raw).map_or_else(|flaw| flaw.code.key.to_owned(), |email| email.as_str().to_owned())
    }

    #[test]
    fn accepts_what_can_be_written_to() {
        for (raw, expected) in [
            (" Wang.Fang@Example.COM ", "Wang.Fang@example.com"),
            ("ｗａｎｇ＠ｑｑ．ｃｏｍ", "wang@qq.com"),
            ("mailto:a+b@example.com.cn", "a+b@example.com.cn"),
            ("<1199032622@qq.com>", "1199032622@qq.com"),
            ("info@中文.中国", "info@xn--fiq228c.xn--fiqs8s"),
            ("a@qq。com", "a@qq.com"),
            ("han.hao @ example.net.", "han.hao@example.net"),
            ("o'hara@sub.example.org", "o'hara@sub.example.org"),
        ] {
            assert_eq!(parse(raw), expected, "{raw}");
        }
    }

    #[test]
    fn refuses_with_a_reason() {
        for (raw, key) in [
            ("", "email_invalid"),
            ("wang", "email_invalid"),
            ("wang@", "email_invalid"),
            ("@qq.com", "email_invalid"),
            ("张三@qq.com", "email_invalid"),
            ("a b@qq.com", "email_invalid"),
            ("a..b@qq.com", "email_invalid"),
            ("a@b@qq.com", "email_invalid"),
            ("a@-qq.com", "email_invalid"),
            ("a@qq..com", "email_invalid"),
            ("a@qq.com,b@qq.com", "email_invalid"),
            ("张三 <a@qq.com>", "email_invalid"),
            ("\"a b\"@qq.com", "email_quoted"),
            ("a@[127.0.0.1]", "email_ip_address"),
            ("a@127.0.0.1", "email_ip_address"),
            ("a@localhost", "email_no_top_domain"),
            ("a@com", "email_no_top_domain"),
            ("a@acme.test", "email_no_top_domain"),
            ("a@acme.example", "email_no_top_domain"),
            ("a@qq.con", "email_no_top_domain"),
        ] {
            assert_eq!(parse(raw), key, "{raw}");
        }
    }

    #[test]
    fn knows_free_and_disposable_mail() {
        let email = |raw: &str| Email::parse(raw).unwrap();
        for domain in ["qq.com", "163.com", "vip.163.com", "wo.cn", "139.com", "gmail.com", "foxmail.com"] {
            assert!(email(&format!("a@{domain}")).is_free_mail(), "{domain}");
            assert!(!email(&format!("a@{domain}")).is_disposable(), "{domain}");
        }
        assert!(!email("a@bytedance.com").is_free_mail());
        assert!(email("a@mailinator.com").is_disposable());
        assert!(email("a@mx.yopmail.com").is_disposable());
        assert!(!email("a@bytedance.com").is_disposable());
    }

    #[test]
    fn lists_are_sorted() {
        for list in [TOP_DOMAINS, FREE_MAIL, DISPOSABLE] {
            let lines: Vec<_> = list.0.lines().collect();
            assert!(lines.len() > 1_000 && lines.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(lines.iter().all(|line| list.contains(line)));
        }
    }

    #[test]
    fn mask_index_form_and_debug() {
        let email = Email::parse("Wang@Example.com").unwrap();
        assert_eq!(email.mask(), "W***@example.com");
        assert_eq!(email.index_form(), "wang@example.com");
        assert_eq!(format!("{email:?}"), "Email(…)");
        assert_eq!(Email::parse("w@example.com").unwrap().mask(), "***@example.com");
        assert_eq!(Email::from_stored("junk".into()).mask(), "****");
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,30}|[a-zA-Z0-9._+\"<> -]{0,12}@[a-z0-9.中国-]{0,16}|[a-z]{1,8}@[a-z0-9-]{1,8}\\.(com|cn|net)") {
            if let Ok(email) = Email::parse(&raw) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
                prop_assert!(email.as_str().is_ascii());
            }
        }
    }
}
