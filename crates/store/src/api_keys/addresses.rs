//! The addresses that a key may be used from.

use kehu_domain::address::Networks;
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::settings::AddressPolicy;

use crate::failure::Failure;

/// Reads a list. One without a network would let nobody in, and is refused.
pub(super) fn parse(texts: &[String]) -> Result<Networks, Failure> {
    if texts.is_empty() {
        return Err(Failure::refused("/addresses", Flaw::new(&codes::REQUIRED).with("field", "addresses")));
    }
    if texts.len() > AddressPolicy::MOST {
        let flaw = Flaw::new(&codes::LIST_TOO_LONG).with("max", AddressPolicy::MOST);
        return Err(Failure::refused("/addresses", flaw));
    }
    let networks = Networks::parse(texts.iter().map(String::as_str));
    networks.map_err(|(at, flaw)| Failure::refused(format!("/addresses/{at}"), flaw))
}

/// The list that a row holds. One that cannot be read lets nobody in.
pub(super) fn stored(text: Option<&str>) -> Option<Networks> {
    text.map(|text| serde_json::from_str(text).unwrap_or_default())
}

/// The list as texts.
pub(super) fn shown(networks: &Networks) -> Vec<String> {
    networks.as_slice().iter().map(ToString::to_string).collect()
}
