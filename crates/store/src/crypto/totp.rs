//! Codes by time (TOTP, RFC 6238, over HOTP, RFC 4226): HMAC-SHA-1, six digits, steps of 30 seconds, as every
//! authenticator app makes them.
//!
//! Thirty lines over ring's HMAC, which is in the program for TLS anyway: a crate for it would bring an HMAC of its own,
//! QR codes or URL parsers, and would leave to us what matters, that a code is good once.

use ring::hmac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::random::{self, NoRandomness};

/// Length of a seed in bytes: that of the hash, as RFC 4226 recommends.
const SEED: usize = 20;
/// How long a code is shown, in seconds.
const PERIOD: i64 = 30;
/// Codes have six digits.
const MODULUS: u32 = 1_000_000;
/// How many steps the clock of a telephone may be away from ours, either way.
const DRIFT: i64 = 1;

/// A seed in clear; it goes into one answer, and sealed into its row.
pub struct Seed(Zeroizing<[u8; SEED]>);

impl Seed {
    /// A random one.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn generate() -> Result<Self, NoRandomness> {
        random::array().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// Reads an opened cell; `None` unless it has the length of a seed.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// As people type it and QR codes carry it: Base32 (RFC 4648) without padding.
    #[must_use]
    pub fn base32(&self) -> Zeroizing<String> {
        base32(self.as_bytes())
    }

    /// The step whose code this is, of those around `now` (seconds since 1970) and after `last`; each is compared in
    /// constant time.
    #[must_use]
    pub fn step_of(&self, code: &str, now: i64, last: i64) -> Option<i64> {
        let current = now.div_euclid(PERIOD);
        let mut near = (current - DRIFT..=current + DRIFT).filter(|step| *step > last);
        let fits = |step: &i64| bool::from(self.code(*step).as_bytes().ct_eq(code.as_bytes()));
        near.rfind(fits)
    }

    /// The code of a step, by dynamic truncation (RFC 4226, 5.3).
    fn code(&self, step: i64) -> Zeroizing<String> {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.as_bytes());
        let mac = hmac::sign(&key, &step.to_be_bytes());
        let mac = mac.as_ref();
        let offset = usize::from(mac.last().copied().unwrap_or_default() & 0x0f);
        let four = mac.get(offset..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
        Zeroizing::new(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % MODULUS))
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// Base32 (RFC 4648) without padding.
#[must_use]
pub(crate) fn base32(bytes: &[u8]) -> Zeroizing<String> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 8 / 5 + 1));
    for chunk in bytes.chunks(5) {
        let mut bits = [0; 8];
        bits.iter_mut().skip(3).zip(chunk).for_each(|(to, from)| *to = *from);
        let bits = u64::from_be_bytes(bits);
        let digits = (chunk.len() * 8).div_ceil(5);
        let digit = |at: usize| usize::try_from((bits >> (35 - 5 * at)) & 31).unwrap_or_default();
        text.extend((0..digits).filter_map(|at| ALPHABET.get(digit(at)).copied().map(char::from)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the rows of SHA-1: their last six digits.
    const VECTORS: [(i64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    fn seed() -> Seed {
        Seed::from_bytes(b"12345678901234567890").unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        for (time, code) in VECTORS {
            assert_eq!(*seed().code(time / PERIOD), code);
            assert_eq!(seed().step_of(code, time, 0), Some(time / PERIOD));
        }
        // RFC 4226, appendix D.
        let counted =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (count, code) in (0..).zip(counted) {
            assert_eq!(*seed().code(count), code);
        }
    }

    #[test]
    fn a_code_is_good_one_step_around_and_after_the_last_one() {
        let (now, step) = (59, 1);
        let code = seed().code(step);
        for (at, good) in [(now - 60, false), (now - 30, true), (now, true), (now + 30, true), (now + 60, false)] {
            assert_eq!(seed().step_of(&code, at, 0).is_some(), good, "{at}");
        }
        assert_eq!(seed().step_of(&code, now, step), None, "a code that was used");
        assert_eq!(seed().step_of(&code, now, step - 1), Some(step));
        for wrong in ["", "28708", "2870820", "287083", "２８７０８２"] {
            assert_eq!(seed().step_of(wrong, now, 0), None, "{wrong}");
        }
    }

    #[test]
    fn base32_is_that_of_the_standard() {
        // RFC 4648, section 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(*base32(bytes.as_bytes()), text);
        }
        assert_eq!(seed().base32().len(), 32);
        assert!(Seed::from_bytes(b"short").is_none());
        assert_ne!(*Seed::generate().unwrap().base32(), *Seed::generate().unwrap().base32());
    }
}
