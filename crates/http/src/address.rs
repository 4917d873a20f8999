//! Which address a request comes from, with and without proxies in front.

use std::net::IpAddr;

use kehu_domain::address::plain;

pub use kehu_domain::address::Network;

/// Whom to believe about the client's address: the header `X-Forwarded-For` can be written by anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Forwarded {
    /// Nobody: the address of the connection counts.
    #[default]
    Ignored,
    /// Whoever connects is the proxy: the last entry, which it has added itself.
    LastHop,
    /// These proxies: the last entry that none of them is.
    Through(Vec<Network>),
}

impl Forwarded {
    /// The client's address, from the connection's and the values of `X-Forwarded-For` in their order.
    pub fn client<'a>(&self, peer: IpAddr, values: impl Iterator<Item = &'a str>) -> IpAddr {
        let peer = plain(peer);
        let hops: Vec<&str> = match self {
            Self::Ignored => return peer,
            Self::LastHop => values.collect(),
            Self::Through(proxies) if proxies.iter().any(|proxy| proxy.contains(peer)) => values.collect(),
            Self::Through(_) => return peer,
        };
        let mut client = peer;
        for hop in hops.iter().flat_map(|value| value.split(',')).rev() {
            // What cannot be read was not written by a proxy we know: the one before it is as far as we believe.
            let Some(hop) = address(hop) else { return client };
            client = hop;
            match self {
                Self::Through(proxies) if proxies.iter().any(|proxy| proxy.contains(hop)) => {}
                _ => return client,
            }
        }
        client
    }
}

/// An entry of `X-Forwarded-For`; some proxies add the port.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let parsed = entry.parse::<IpAddr>().ok();
    let parsed = parsed.or_else(|| entry.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()));
    parsed.map(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn through(networks: &[&str]) -> Forwarded {
        Forwarded::Through(networks.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn by_default_nobody_is_believed() {
        let client = Forwarded::Ignored.client(ip("127.0.0.1"), ["1.2.3.4"].into_iter());
        assert_eq!(client, ip("127.0.0.1"));
    }

    #[test]
    fn behind_one_proxy_the_last_entry_counts() {
        let client = |values: &[&str]| Forwarded::LastHop.client(ip("127.0.0.1"), values.iter().copied());
        assert_eq!(client(&["6.6.6.6, 1.2.3.4"]), ip("1.2.3.4"));
        assert_eq!(client(&["6.6.6.6", "1.2.3.4:5678"]), ip("1.2.3.4"));
        assert_eq!(client(&[]), ip("127.0.0.1"));
        assert_eq!(client(&["1.2.3.4, nonsense"]), ip("127.0.0.1"));
    }

    #[test]
    fn named_proxies_are_walked_through_and_others_not_believed() {
        let trusted = through(&["10.0.0.0/8"]);
        let client = |peer: &str, value: &str| trusted.client(ip(peer), [value].into_iter());
        assert_eq!(client("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2"), ip("1.2.3.4"));
        assert_eq!(client("9.9.9.9", "1.2.3.4"), ip("9.9.9.9"));
        assert_eq!(client("10.0.0.1", "10.0.0.7"), ip("10.0.0.7"));
    }
}
