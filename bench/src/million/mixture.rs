//! The mixture of crm-core for a crowd: requests are made when they are sent, because nobody knows how many there will be.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::asks::{Asker, mixed};
use super::cast::Who;
use super::place::Place;
use crate::client::Session;
use crate::random::Random;
use crate::wire::Call;

/// How long an access token is used: it lasts for fifteen minutes.
const TOKEN: Duration = Duration::from_secs(8 * 60);

/// Makes requests of an administrator.
pub(super) struct Mixture<'a> {
    place: &'a Place<'a>,
    /// The place of the first customer that is created.
    first: usize,
    token: Mutex<(Session, String, Instant)>,
}

impl<'a> Mixture<'a> {
    /// One whose new customers begin at that place.
    ///
    /// # Errors
    /// The administrator cannot sign in.
    pub(super) fn new(place: &'a Place<'a>, first: usize) -> Result<Self> {
        let mut session = place.session(Who::Administrator)?;
        let token = session.renew()?;
        Ok(Self { place, first, token: Mutex::new((session, token, Instant::now())) })
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
        let seed = u64::try_from(self.first + number)?;
        let (place, token, random) = (self.place, self.token()?, Random::new(seed));
        Ok(Asker { place, who: Who::Administrator, token, random, made: self.first + number })
    }

    /// The request of that number.
    ///
    /// # Errors
    /// As [`Self::asker`].
    pub(super) fn call(&self, number: usize) -> Result<Call> {
        let mut asker = self.asker(number)?;
        let chance = asker.random.below(100);
        Ok(mixed(&mut asker, chance))
    }
}
