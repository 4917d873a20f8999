//! Opaque tokens: keys for programs and forms, and refresh tokens.
//!
//! Each carries its organisation, so that it leads to the right rows before anything else is known.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::{Zeroize, Zeroizing};

use super::random::{self, NoRandomness};

/// What a token is for; the first characters of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `sk_`: a program, with a role.
    Server,
    /// `pat_`: a program, in a user's own name.
    Personal,
    /// `pk_`: a public key that submits to its form.
    Public,
    /// `hk_`: a secret intake address, bound to one form.
    Hook,
    /// `inv_`: lets a new user choose a password, once.
    Invitation,
    /// `ext_`: a sign-in by a provider that was begun, or the proof of who began it.
    External,
}

impl TokenKind {
    const ALL: [Self; 6] = [Self::Server, Self::Personal, Self::Public, Self::Hook, Self::Invitation, Self::External];

    /// The prefix with its underscore.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Server => "sk_",
            Self::Personal => "pat_",
            Self::Public => "pk_",
            Self::Hook => "hk_",
            Self::Invitation => "inv_",
            Self::External => "ext_",
        }
    }
}

/// Bytes behind the prefix: the organisation and 32 random ones.
const TOKEN: usize = 16 + 32;

/// A token in clear: shown once when it is made, read from a request, never stored. Rows keep [`Token::hash`] and are
/// found by it.
pub struct Token {
    kind: TokenKind,
    org: Uuid,
    text: Zeroizing<String>,
}

impl Token {
    /// A new token: prefix and base64url (RFC 4648, no padding) of `org 16 ‖ random 32`.
    pub fn generate(kind: TokenKind, org: Uuid) -> Result<Self, NoRandomness> {
        let random = Zeroizing::new(random::array::<32>()?);
        let bytes = Zeroizing::new([org.as_bytes().as_slice(), random.as_slice()].concat());
        let mut text = Zeroizing::new(String::with_capacity(80));
        text.push_str(kind.prefix());
        URL_SAFE_NO_PAD.encode_string(&*bytes, &mut text);
        Ok(Self { kind, org, text })
    }

    /// Reads a token; `None` if it has not exactly the form that [`generate`](Self::generate) gives.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) =
            TokenKind::ALL.into_iter().find_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)))?;
        let bytes = Zeroizing::new(decode::<TOKEN>(rest)?);
        let (org, _) = bytes.split_first_chunk::<16>()?;
        Some(Self { kind, org: Uuid::from_bytes(*org), text: Zeroizing::new(text.to_owned()) })
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The organisation it belongs to, as the token says; only a row with its hash proves it.
    #[must_use]
    pub fn org(&self) -> Uuid {
        self.org
    }

    /// The text, to show it once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is stored: SHA-256 of `"kehu-token/v1" ‖ 00 ‖ text`. The token is random, so a plain hash keeps it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::new().chain_update(b"kehu-token/v1\0").chain_update(self.text.as_bytes()).finalize().into()
    }

    /// Compares with a stored hash in constant time.
    #[must_use]
    pub fn matches(&self, stored: &[u8]) -> bool {
        self.hash().ct_eq(stored).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}…)", self.kind.prefix())
    }
}

/// The secret of a family of refresh tokens, one per session; sealed in the session's row. Every token of the family
/// can be computed from it, so that a lost answer can be given again.
#[derive(Zeroize, zeroize::ZeroizeOnDrop)]
pub struct FamilyKey([u8; 32]);

impl FamilyKey {
    /// A random one.
    pub fn generate() -> Result<Self, NoRandomness> {
        random::array().map(Self)
    }

    /// Reads an opened cell; `None` unless it has 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// `HMAC-SHA-256(family key, "kehu-refresh/v1" ‖ 00 ‖ org ‖ session ‖ counter u64be)`.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn mac(&self, org: Uuid, session: Uuid, counter: u64) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length");
        mac.update(b"kehu-refresh/v1\0");
        mac.update(org.as_bytes());
        mac.update(session.as_bytes());
        mac.update(&counter.to_be_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for FamilyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FamilyKey")
    }
}

/// Prefix of refresh tokens.
const REFRESH_PREFIX: &str = "rt_";
/// Bytes of a refresh token before its MAC.
const REFRESH_HEAD: usize = 16 + 16 + 8;
/// Bytes of a refresh token.
const REFRESH: usize = REFRESH_HEAD + 32;

/// The refresh token of a session with a counter: `rt_` and base64url of `org 16 ‖ session 16 ‖ counter u64be ‖ MAC 32`.
/// The same arguments give the same text.
#[must_use]
pub fn refresh_token(org: Uuid, session: Uuid, key: &FamilyKey, counter: u64) -> Zeroizing<String> {
    let mac = Zeroizing::new(key.mac(org, session, counter));
    let parts: [&[u8]; 4] = [org.as_bytes(), session.as_bytes(), &counter.to_be_bytes(), mac.as_slice()];
    let mut text = Zeroizing::new(String::with_capacity(112));
    text.push_str(REFRESH_PREFIX);
    URL_SAFE_NO_PAD.encode_string(&*Zeroizing::new(parts.concat()), &mut text);
    text
}

/// A refresh token that was read and not yet believed.
pub struct RefreshToken {
    /// Organisation it names.
    pub org: Uuid,
    /// Session it names.
    pub session: Uuid,
    /// Which of the family it is.
    pub counter: u64,
    mac: Zeroizing<[u8; 32]>,
}

impl RefreshToken {
    /// Reads the text; `None` if it has not exactly the form of [`refresh_token`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(decode::<REFRESH>(text.strip_prefix(REFRESH_PREFIX)?)?);
        let (org, rest) = bytes.split_first_chunk::<16>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (counter, mac) = rest.split_first_chunk::<8>()?;
        Some(Self {
            org: Uuid::from_bytes(*org),
            session: Uuid::from_bytes(*session),
            counter: u64::from_be_bytes(*counter),
            mac: Zeroizing::new(mac.try_into().ok()?),
        })
    }

    /// Whether this family's key made it, in constant time. Only then do the other members mean anything.
    #[must_use]
    pub fn verify(&self, key: &FamilyKey) -> bool {
        key.mac(self.org, self.session, self.counter).ct_eq(self.mac.as_slice()).into()
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").field("session", &self.session).finish_non_exhaustive()
    }
}

/// Exactly `N` bytes of base64url; both lengths in use fill whole characters, so one text stands for one value.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N / 3 * 4 {
        return None;
    }
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    bytes.as_slice().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: Uuid = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001);
    const SESSION: Uuid = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0055);

    #[test]
    fn a_token_is_read_back_with_its_organisation() {
        for kind in TokenKind::ALL {
            let token = Token::generate(kind, ORG).unwrap();
            let read = Token::parse(token.reveal()).unwrap();
            assert_eq!((read.kind(), read.org(), read.hash()), (kind, ORG, token.hash()));
            assert!(token.reveal().starts_with(kind.prefix()));
            assert_eq!(token.reveal().len(), kind.prefix().len() + 64);
            assert!(read.matches(&token.hash()));
            let other = Token::generate(kind, ORG).unwrap();
            assert!(!read.matches(&other.hash()) && !read.matches(&[]) && !read.matches(&token.hash()[..31]));
        }
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let good = Token::generate(TokenKind::Server, ORG).unwrap();
        let text = good.reveal();
        let body = &text[3..];
        for bad in [
            "",
            "sk_",
            body,
            &text[..66],
            &format!("{text}A"),
            &format!("{text}="),
            &format!(" {text}"),
            &format!("xx_{body}"),
            &format!("rt_{body}"),
            &format!("sk_{}+", &body[..63]),
            &format!("sk_{}é", &body[..62]),
        ] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
        assert_ne!(Token::parse(&format!("pk_{body}")).unwrap().hash(), good.hash());
    }

    #[test]
    fn secrets_never_print() {
        let token = Token::generate(TokenKind::Personal, ORG).unwrap();
        assert_eq!(format!("{token:?}"), "Token(pat_…)");
        let key = FamilyKey([7; 32]);
        assert_eq!(format!("{key:?}"), "FamilyKey");
        let refresh = RefreshToken::parse(&refresh_token(ORG, SESSION, &key, 3)).unwrap();
        assert_eq!(format!("{refresh:?}"), format!("RefreshToken {{ session: {SESSION}, .. }}"));
    }

    #[test]
    fn a_successor_can_be_computed_again() {
        let key = FamilyKey::generate().unwrap();
        let text = refresh_token(ORG, SESSION, &key, 4);
        assert_eq!(*text, *refresh_token(ORG, SESSION, &FamilyKey::from_bytes(key.as_bytes()).unwrap(), 4));
        assert_ne!(*text, *refresh_token(ORG, SESSION, &key, 5));
        let read = RefreshToken::parse(&text).unwrap();
        assert_eq!((read.org, read.session, read.counter), (ORG, SESSION, 4));
        assert!(read.verify(&key));
        assert!(!read.verify(&FamilyKey::generate().unwrap()));
        assert!(FamilyKey::from_bytes(&[0; 31]).is_none());
    }

    #[test]
    fn a_refresh_token_cannot_be_bent() {
        let key = FamilyKey([9; 32]);
        let text = refresh_token(ORG, SESSION, &key, 4);
        let bytes: [u8; REFRESH] = decode(&text[3..]).unwrap();
        for bit in 0..REFRESH * 8 {
            let mut bent = bytes;
            bent[bit / 8] ^= 1 << (bit % 8);
            let bent = format!("rt_{}", URL_SAFE_NO_PAD.encode(bent));
            assert!(!RefreshToken::parse(&bent).unwrap().verify(&key), "bit {bit}");
        }
        for length in 0..text.len() {
            assert!(RefreshToken::parse(&text[..length]).is_none());
        }
        assert!(RefreshToken::parse(&format!("{}A", *text)).is_none());
        assert!(RefreshToken::parse(&text.replace("rt_", "sk_")).is_none());
    }
}
