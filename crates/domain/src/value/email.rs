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

/// Large providers whose names are long enough that nobody else's is one slip away.
const FUZZY: [&str; 9] = [
    "gmail.com",
    "hotmail.com",
    "outlook.com",
    "foxmail.com",
    "icloud.com",
    "aliyun.com",
    "yahoo.com",
    "yeah.net",
    "sina.com.cn",
];
/// Large providers that are no slip of another one.
const PROVIDERS: [&str; 16] = [
    "gmail.com",
    "hotmail.com",
    "outlook.com",
    "foxmail.com",
    "icloud.com",
    "aliyun.com",
    "yahoo.com",
    "yeah.net",
    "sina.com.cn",
    "sina.com",
    "sina.cn",
    "qq.com",
    "163.com",
    "126.com",
    "139.com",
    "sohu.com",
];
/// Domains that look like a slip and are somebody's.
const NO_SLIPS: [&str; 8] =
    ["ymail.com", "mail.com", "email.com", "cloud.com", "gmail.co", "yahoo.co", "outlook.co", "tmail.com"];
/// What people type for providers with short names.
const SLIPS: [(&str, &str); 12] = [
    ("qq.co", "qq.com"),
    ("qq.cm", "qq.com"),
    ("qq.cn", "qq.com"),
    ("qq.com.cn", "qq.com"),
    ("qqq.com", "qq.com"),
    ("163.co", "163.com"),
    ("163.cm", "163.com"),
    ("163.cn", "163.com"),
    ("126.co", "126.com"),
    ("126.cm", "126.com"),
    ("126.cn", "126.com"),
    ("gmail.cn", "gmail.com"),
];

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

    /// The domain of a large provider that its own is one slip of the fingers away from: `gmail.com` for `gmial.com`.
    #[must_use]
    pub fn likely_domain(&self) -> Option<&'static str> {
        let domain = self.domain();
        if NO_SLIPS.contains(&domain) || PROVIDERS.contains(&domain) {
            return None;
        }
        let slip = SLIPS.iter().find(|(slip, _)| *slip == domain).map(|(_, meant)| *meant);
        slip.or_else(|| FUZZY.iter().copied().find(|meant| is_one_slip(domain, meant)))
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

/// Whether one text becomes the other by one character more, less or another, or by two that change places.
fn is_one_slip(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(head..).unwrap_or_default(), b.get(head..).unwrap_or_default());
    match (a, b) {
        ([], []) => false,
        ([x, y, a @ ..], [p, q, b @ ..]) if (x, y) == (q, p) && a == b => true,
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([_, rest @ ..], b) if rest == b => true,
        (a, [_, rest @ ..]) => a == rest,
        _ => false,
    }
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
    fn slips_of_the_fingers_are_seen() {
        let meant = |domain: &str| Email::parse(&format!("a@{domain}")).unwrap().likely_domain();
        for (slip, domain) in [
            ("gmial.com", "gmail.com"),
            ("gamil.com", "gmail.com"),
            ("gmai.com", "gmail.com"),
            ("gmaill.com", "gmail.com"),
            ("hotmial.com", "hotmail.com"),
            ("outlok.com", "outlook.com"),
            ("outloook.com", "outlook.com"),
            ("foxmial.com", "foxmail.com"),
            ("yaho.com", "yahoo.com"),
            ("gmail.cn", "gmail.com"),
            ("qq.cn", "qq.com"),
            ("163.cn", "163.com"),
        ] {
            assert_eq!(meant(slip), Some(domain), "{slip}");
        }
        for right in [
            "gmail.com",
            "ymail.com",
            "mail.com",
            "email.com",
            "cloud.com",
            "qq.com",
            "126.com",
            "example.com",
            "bytedance.com",
        ] {
            assert_eq!(meant(right), None, "{right}");
        }
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
