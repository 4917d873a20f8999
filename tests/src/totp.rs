//! An authenticator app, as people have one on their telephone: codes by time (RFC 6238) of a seed that they typed in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::hmac;

/// The length of a step in seconds.
const PERIOD: u64 = 30;

/// An app that holds one seed.
pub struct Authenticator {
    seed: Vec<u8>,
    last: u64,
}

impl Authenticator {
    /// An app that was told a seed in Base32.
    ///
    /// # Panics
    /// On what is no Base32.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let (mut seed, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
        for digit in secret.bytes() {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'2'..=b'7' => digit - b'2' + 26,
                other => panic!("{other} is no digit of Base32"),
            };
            (bits, held) = (bits << 5 | u32::from(value), held + 5);
            if held >= 8 {
                held -= 8;
                seed.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
            }
        }
        Self { seed, last: 0 }
    }

    #[expect(clippy::disallowed_methods, reason = "a telephone has a clock of its own")]
    fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
    }

    /// The code of a step.
    fn at(&self, step: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.seed);
        let mac = hmac::sign(&key, &step.to_be_bytes());
        let mac = mac.as_ref();
        let offset = usize::from(mac.last().expect("twenty bytes") & 0x0f);
        let four = mac.get(offset..offset + 4).expect("four bytes").try_into().expect("four bytes");
        format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
    }

    /// A code that was not given yet: of the step before, this one or the next, whose clock may be fast; it waits where
    /// all three were given.
    #[must_use]
    pub fn code(&mut self) -> String {
        loop {
            // One that is about to end is not begun: it would be too old when it arrives.
            let (now, soon) = (Self::now() / PERIOD, (Self::now() + 10) / PERIOD);
            let next = (self.last + 1).max(soon - 1);
            if next <= now + 1 {
                self.last = next;
                return self.at(next);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// A code that is none of now.
    #[must_use]
    pub fn wrong(&self) -> String {
        let now = Self::now() / PERIOD;
        let near: Vec<String> = (now - 3..=now + 3).map(|step| self.at(step)).collect();
        (0..).map(|number| format!("{number:06}")).find(|code| !near.contains(code)).expect("a code")
    }

    /// A code of this seed that is too old.
    #[must_use]
    pub fn old(&self) -> String {
        self.at(Self::now() / PERIOD - 3)
    }
}
