//! What a verification of the journal found.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::hex;

use super::header::Hash;

/// The end of an organisation's chain: whoever noted it elsewhere can tell later that nothing before it was changed,
/// not even by somebody who put an old copy of the whole database in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the stretch, from 1.
    pub number: i64,
    /// Its hash.
    pub hash: Hash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, hex::encode(&self.hash))
    }
}

impl FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a head is a number, a colon and 64 hexadecimal digits, as a verification prints it";
        let (number, hash) = text.split_once(':').ok_or(wrong)?;
        let number = number.parse().ok().filter(|number| *number > 0).ok_or(wrong)?;
        let hash = hex::decode(hash).and_then(|hash| Hash::try_from(hash).ok()).ok_or(wrong)?;
        Ok(Self { number, hash })
    }
}

/// What is wrong at the first place that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The entry is not as it was written, or Kehu did not write it.
    Changed,
    /// The entry is not there any more.
    Removed,
    /// The entry was not there when its stretch was closed, or is there twice.
    Inserted,
    /// The entry is genuine and stands at another place.
    Moved,
    /// The entry's values are not those that were written.
    BodyChanged,
    /// The entry's values are gone, and no erasure says so.
    BodyRemoved,
    /// The record of a stretch is not as it was closed.
    StretchChanged,
    /// The record of a stretch is not there.
    StretchRemoved,
    /// The entries of a stretch were dropped, and no expiry says so.
    Dropped,
    /// The record of where the chain begins and ends is not as it was written, or is not there.
    HeadChanged,
    /// The chain does not go through the head that was noted elsewhere.
    AnotherChain,
}

impl Flaw {
    /// A stable word for it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Inserted => "inserted",
            Self::Moved => "moved",
            Self::BodyChanged => "body_changed",
            Self::BodyRemoved => "body_removed",
            Self::StretchChanged => "stretch_changed",
            Self::StretchRemoved => "stretch_removed",
            Self::Dropped => "dropped",
            Self::HeadChanged => "head_changed",
            Self::AnotherChain => "another_chain",
        }
    }
}

/// The first thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What is wrong.
    pub flaw: Flaw,
    /// The entry's place in the order.
    pub seq: Option<i64>,
    /// The entry's id, where there is an entry.
    pub id: Option<Uuid>,
    /// The stretch, where it is closed.
    pub stretch: Option<i64>,
}

/// What was looked at, and whether all of it is as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Stretches whose entries were compared.
    pub stretches: u64,
    /// Entries in them.
    pub entries: u64,
    /// Entries that no stretch holds yet: their own codes were checked.
    pub unclosed: u64,
    /// Entries without values, erased by somebody who was allowed to.
    pub erased: u64,
    /// Stretches whose entries were dropped because of their age.
    pub expired: u64,
    /// Entries older than the chain, which nothing can tell about.
    pub before_chain: u64,
    /// The end of the chain.
    pub head: Option<Head>,
    /// The first thing that is wrong.
    pub broken: Option<Broken>,
}

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.broken.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_back() {
        let head = Head { number: 12, hash: std::array::from_fn(|at| u8::try_from(at * 7).unwrap()) };
        assert_eq!(head.to_string().parse(), Ok(head));
        for wrong in ["", "12", "0:00", "x:aa", "12:zz", &head.to_string()[..66], &format!("{head}0")] {
            assert!(wrong.parse::<Head>().is_err(), "{wrong}");
        }
    }
}
