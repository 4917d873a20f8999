//! From which addresses an organisation lets people in.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::address::Networks;

/// From which addresses people may come. Forms are for everybody and know no such list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddressPolicy {
    /// Everybody of the organisation; an empty list is no limit.
    pub allow: Networks,
    /// Whoever has a role, by its key, beside that.
    pub roles: BTreeMap<String, Networks>,
}

impl AddressPolicy {
    /// The most networks of a list.
    pub const MOST: usize = 100;

    /// Whether there is a limit for somebody of these roles.
    #[must_use]
    pub fn limits<'a>(&self, roles: impl IntoIterator<Item = &'a str>) -> bool {
        !self.allow.is_empty() || roles.into_iter().any(|role| self.roles.contains_key(role))
    }

    /// Whether somebody of these roles may come from an address: it must be on the organisation's list and on that of
    /// every role that has one. An address that is not known is on none.
    #[must_use]
    pub fn admits<'a>(&self, roles: impl IntoIterator<Item = &'a str>, address: Option<IpAddr>) -> bool {
        let within = |networks: &Networks| address.is_some_and(|address| networks.contains(address));
        (self.allow.is_empty() || within(&self.allow))
            && roles.into_iter().filter_map(|role| self.roles.get(role)).all(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_on_every_list_that_counts() {
        let networks = |text: &str| Networks::parse([text]).unwrap();
        let policy = AddressPolicy {
            allow: networks("10.0.0.0/8"),
            roles: [("administrator".to_owned(), networks("10.1.0.0/16"))].into(),
        };
        let admits = |roles: &[&str], address: &str| policy.admits(roles.iter().copied(), address.parse().ok());
        assert!(admits(&["manager"], "10.2.0.1") && !admits(&["manager"], "11.0.0.1"));
        assert!(admits(&["manager", "administrator"], "10.1.0.1"));
        assert!(!admits(&["manager", "administrator"], "10.2.0.1"));
        assert!(!admits(&["manager"], "nowhere"), "an address that is not known");
        let free = AddressPolicy::default();
        assert!(free.admits(["manager"], None) && !free.limits(["manager"]));
    }
}
