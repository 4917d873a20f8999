//! Through which campaign, advertisement and page a submission came.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::given::Given;

/// The longest address that is kept, in characters.
const MAX_URL: usize = 2000;
/// The longest other text, in characters.
const MAX_TEXT: usize = 300;

/// Names under which advertising platforms put the id of a click.
const CLICK_IDS: [&str; 14] = [
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "fbclid",
    "msclkid",
    "ttclid",
    "twclid",
    "li_fat_id",
    "yclid",
    "bd_vid",
    "qz_gdt",
    "gdt_vid",
    "clickid",
];

/// Through which campaign, advertisement and page a submission came; every member is always there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// The channel, as the sender calls it.
    pub channel: Option<String>,
    /// Where the visitor came from: `baidu`.
    pub utm_source: Option<String>,
    /// By which means: `cpc`.
    pub utm_medium: Option<String>,
    /// The campaign.
    pub utm_campaign: Option<String>,
    /// The words that were searched for.
    pub utm_term: Option<String>,
    /// Which of several advertisements.
    pub utm_content: Option<String>,
    /// Ids of clicks, by the name under which the platform gives them: `{"gclid": "…"}`.
    pub click_ids: BTreeMap<String, String>,
    /// The advertisement.
    pub ad: Ad,
    /// The page that the visitor came to.
    pub landing_url: Option<String>,
    /// The page before.
    pub referrer: Option<String>,
}

/// An advertisement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ad {
    /// The platform.
    pub platform: Option<String>,
    /// The account there.
    pub account_id: Option<String>,
    /// The campaign there.
    pub campaign_id: Option<String>,
    /// The creative there.
    pub creative_id: Option<String>,
}

impl Attribution {
    /// Names of the values that are about attribution.
    pub(super) const NAMES: [&'static str; 13] = [
        "attribution",
        "channel",
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "utm_term",
        "utm_content",
        "click_ids",
        "ad",
        "landing_url",
        "page_url",
        "referrer",
        "referer",
    ];

    /// Reads it out of a submission; what is missing is taken from the landing page's address.
    #[must_use]
    pub fn read(given: &Given) -> Self {
        let landing_url = said(given, &["landing_url", "page_url"], MAX_URL);
        let page = landing_url.as_deref().map(address_parameters).unwrap_or_default();
        let word =
            |name: &str| said(given, &[name], MAX_TEXT).or_else(|| page.get(name).map(|value| cut(value, MAX_TEXT)));
        let click = |name: &'static str| {
            let value = said(given, &[&format!("/click_ids/{name}")], MAX_TEXT).or_else(|| word(name))?;
            Some((name.to_owned(), value))
        };
        let ad = |name: &str| said(given, &[&format!("/ad/{name}")], MAX_TEXT);
        Self {
            channel: word("channel"),
            utm_source: word("utm_source"),
            utm_medium: word("utm_medium"),
            utm_campaign: word("utm_campaign"),
            utm_term: word("utm_term"),
            utm_content: word("utm_content"),
            click_ids: CLICK_IDS.into_iter().filter_map(click).collect(),
            ad: Ad {
                platform: ad("platform"),
                account_id: ad("account_id"),
                campaign_id: ad("campaign_id"),
                creative_id: ad("creative_id"),
            },
            referrer: said(given, &["referrer", "referer"], MAX_URL),
            landing_url,
        }
    }

    /// Whether a value of that name is about attribution.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().chain(CLICK_IDS)
    }
}

/// The first of the names that has a text, at the top or inside `attribution`.
fn said(given: &Given, names: &[&str], max: usize) -> Option<String> {
    names.iter().find_map(|name| {
        let inside = format!("/attribution/{}", name.trim_start_matches('/'));
        given.word(name).or_else(|| given.word(&inside)).map(|text| cut(text, max))
    })
}

fn cut(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}

/// Parameters of an address, percent-decoded where that gives text.
fn address_parameters(url: &str) -> BTreeMap<String, String> {
    let query = url.split_once('?').map(|(_, rest)| rest.split('#').next().unwrap_or_default()).unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'+', ..) => out.push(b' '),
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_from_members_and_from_the_landing_page() {
        let given = Given::json(
            r#"{"values": {"utm_source": "baidu", "gclid": 123}, "attribution": {"utm_medium": "cpc", "ad": {"platform": "juliang"}},
                "landing_url": "https://a.cn/?utm_source=x&utm_term=%E5%AE%A2%E6%88%B7+a&bd_vid=7%zz#y", "referrer": "https://b.cn"}"#,
        )
        .unwrap();
        let read = Attribution::read(&given);
        assert_eq!(read.utm_source.as_deref(), Some("baidu"));
        assert_eq!(read.utm_medium.as_deref(), Some("cpc"));
        assert_eq!(read.utm_term.as_deref(), Some("客户 a"));
        assert_eq!(read.click_ids.get("gclid").map(String::as_str), Some("123"));
        assert_eq!(read.click_ids.get("bd_vid").map(String::as_str), Some("7%zz"));
        assert_eq!(read.ad.platform.as_deref(), Some("juliang"));
        assert_eq!(read.referrer.as_deref(), Some("https://b.cn"));
        assert_eq!(read.channel, None);
        let text = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Attribution>(&text).unwrap(), read);
    }
}
