//! The mixture of crm-core for a crowd: requests are made when they are sent, because nobody knows how many there will be.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::asks::{Asker, batch, creates, mixed};
use super::cast::Who;
use super::place::Place;
use crate::client::Session;
use crate::random::Random;
use crate::wire::Call;

/// How long an access token is used: it lasts for fifteen minutes.
const TOKEN: Duration = Duration::from_secs(8 * 60);

/// Places that are noted at once.
const AT_ONCE: usize = 1000;

/// Makes requests of an administrator.
pub(super) struct Mixture<'a> {
    place: &'a Place<'a>,
    /// Another one for each mixture: what it reads was not read just before.
    salt: u64,
    /// Places of the next customers that are created.
    made: Mutex<Range<usize>>,
    token: Mutex<(Session, String, Instant)>,
}

impl<'a> Mixture<'a> {
    /// One at that place.
    ///
    /// # Errors
    /// The administrator cannot sign in.
    pub(super) fn new(place: &'a Place<'a>) -> Result<Self> {
        let mut session = place.session(Who::Administrator)?;
        let token = session.renew()?;
        let salt = u64::try_from(place.reserve(1)?)? << 32;
        Ok(Self { place, salt, made: Mutex::new(0..0), token: Mutex::new((session, token, Instant::now())) })
    }

    fn token(&self) -> Result<String> {
        let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.2.elapsed() > TOKEN {
            kept.1 = kept.0.renew()?;
            kept.2 = Instant::now();
        }
        Ok(kept.1.clone())
    }

    /// Somebody who makes the request of that number.
    ///
    /// # Errors
    /// The administrator cannot sign in again.
    pub(super) fn asker(&self, number: usize) -> Result<Asker<'a>> {
        let seed = self.salt + u64::try_from(number)?;
        let (place, token, random) = (self.place, self.token()?, Random::new(seed));
        Ok(Asker { place, who: Who::Administrator, token, random, made: 0 })
    }

    /// The request of that number.
    ///
    /// # Errors
    /// As [`Self::asker`].
    pub(super) fn call(&self, number: usize) -> Result<Call> {
        let mut asker = self.asker(number)?;
        let chance = asker.random.below(100);
        if creates(chance) {
            asker.made = self.next()?;
        }
        Ok(mixed(&mut asker, chance))
    }

    /// A batch of so many new customers.
    ///
    /// # Errors
    /// As [`Self::asker`].
    pub(super) fn batch(&self, number: usize, many: usize) -> Result<Call> {
        let mut asker = self.asker(number)?;
        asker.made = self.place.reserve(many)?;
        Ok(batch(&mut asker, many))
    }

    fn next(&self) -> Result<usize> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.is_empty() {
            let first = self.place.reserve(AT_ONCE)?;
            *made = first..first + AT_ONCE;
        }
        made.next().context("a place")
    }
}
