//! Networks of addresses, as lists of who is let in hold them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::codes::NETWORK_INVALID;
use crate::flaw::{Flaw, Lang};

/// A network in CIDR notation (RFC 4632, RFC 4291): `10.0.0.0/8`, `fd00::/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Parses a network or a single address. IPv4 addresses that are written as IPv6 ones are IPv4 addresses.
    ///
    /// # Errors
    /// `network_invalid`.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let wrong = || Flaw::new(&NETWORK_INVALID).with("value", text.chars().take(50).collect::<String>());
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text.trim(), None),
        };
        let address = plain(address.parse().map_err(|_| wrong())?);
        let longest = longest(address);
        let prefix = prefix.unwrap_or(longest);
        if prefix <= longest { Ok(Self { address, prefix }) } else { Err(wrong()) }
    }

    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, plain(address)) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                net.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                net.to_bits() & mask == ip.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// An address as a dual-stack socket may show it: IPv4 addresses inside IPv6 are IPv4 addresses.
#[must_use]
pub fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn longest(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == longest(self.address) {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|flaw| flaw.message(Lang::En))
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A list of networks that somebody may come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Parses a list. An empty one lets nobody in: whoever wants no limit leaves the list out.
    ///
    /// # Errors
    /// `network_invalid`, with the place in the list.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, (usize, Flaw)> {
        let parse = |(at, text)| Network::parse(text).map_err(|flaw| (at, flaw));
        texts.into_iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// Whether the list has no network.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the address lies in one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The networks.
    #[must_use]
    pub fn as_slice(&self) -> &[Network] {
        &self.0
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_hold_what_their_prefix_says() {
        let net: Network = "10.1.0.0/16".parse().unwrap();
        assert!(net.contains(ip("10.1.255.1")) && !net.contains(ip("10.2.0.1")) && !net.contains(ip("::1")));
        assert!(net.contains(ip("::ffff:10.1.2.3")));
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(ip("1.2.3.4")) && !all.contains(ip("fd00::1")));
        let one: Network = "fd00::1".parse().unwrap();
        assert!(one.contains(ip("fd00::1")) && !one.contains(ip("fd00::2")));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "proxy.local", "10.0.0.1-10.0.0.9", "10.0.0.0/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_says_which_of_its_networks_is_none() {
        let networks = Networks::parse(["10.0.0.0/8", "fd00::/8"]).unwrap();
        assert!(
            networks.contains(ip("10.9.9.9")) && networks.contains(ip("fd12::1")) && !networks.contains(ip("11.0.0.1"))
        );
        assert!(!Networks::default().contains(ip("10.0.0.1")));
        assert_eq!(Networks::parse(["10.0.0.0/8", "here"]).unwrap_err().0, 1);
        let text = serde_json::to_string(&networks).unwrap();
        assert_eq!((text.as_str(), serde_json::from_str(&text).ok()), (r#"["10.0.0.0/8","fd00::/8"]"#, Some(networks)));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = Network::parse(&text);
        }

        #[test]
        fn every_network_holds_its_own_address(bits: u128, prefix in 0_u8..=128) {
            let address = IpAddr::from(std::net::Ipv6Addr::from_bits(bits));
            let prefix = if plain(address).is_ipv4() { prefix.min(32) } else { prefix };
            let network = Network::parse(&format!("{address}/{prefix}")).unwrap();
            prop_assert!(network.contains(address));
            prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
        }
    }
}
