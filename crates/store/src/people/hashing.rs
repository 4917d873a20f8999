//! Passwords in clear, and their hashing: on threads of its own that give way to those that answer requests, a few at a
//! time, with a queue that has an end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, available_parallelism};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use zeroize::Zeroizing;

use crate::crypto::password;
use crate::failure::Failure;
use crate::threads::{Gives, give_way};

/// How many wait for each thread at the most: some seconds of work. Whoever comes after them is asked to come again.
const WAITING: usize = 128;
/// Seconds after which that is.
const COME_AGAIN: u32 = 2;

/// A password in clear. Never prints, and leaves no copy in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Arc<Zeroizing<String>>);

impl Password {
    /// The password itself: to be checked, hashed, or shown once to whom it was made for.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// Lets as many hashes run at once as there are cores: each takes tens of milliseconds and 19 MiB.
pub(crate) struct Hashing {
    jobs: Sender<Job>,
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    most: usize,
}

/// One's turn; it is over when the work is done, even if nobody waits for it any more.
pub(crate) struct Turn(OwnedSemaphorePermit);

/// Somebody who waits for a turn.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hashing {
    /// Starts the threads. They end when this is dropped.
    ///
    /// # Errors
    /// The system gives no threads.
    pub(crate) fn start() -> Result<Self, Failure> {
        let threads = available_parallelism().map_or(2, usize::from);
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = queue.clone();
            let started = thread::Builder::new().name("kehu-hashing".into()).spawn(move || work_off(&queue));
            started.map_err(|error| Failure::Internal(format!("no thread for hashing passwords: {error}")))?;
        }
        let turns = Arc::new(Semaphore::new(threads));
        Ok(Self { jobs, turns, waiting: Arc::default(), most: threads.saturating_mul(WAITING) })
    }

    /// Waits for one's turn.
    ///
    /// # Errors
    /// [`Failure::Overloaded`] where too many wait already.
    pub(crate) async fn turn(&self) -> Result<Turn, Failure> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        // Gives the place back however the waiting ends.
        let _place = Place(self.waiting.clone());
        if before >= self.most {
            return Err(Failure::Overloaded(COME_AGAIN));
        }
        let turn = self.turns.clone().acquire_owned().await;
        turn.map(Turn).map_err(|_| Failure::Internal("hashing of passwords was closed".into()))
    }

    /// Hashes a password, as a PHC string to store.
    pub(crate) async fn hash(&self, password: &Password) -> Result<String, Failure> {
        let (turn, password) = (self.turn().await?, password.clone());
        self.away(turn, move || password::hash(password.reveal())).await
    }

    /// Whether the password fits each of the stored hashes, one after the other. `None` is a user without one, and no
    /// hash at all is nobody: both take as long as somebody.
    pub(crate) async fn verify(
        &self,
        turn: Turn,
        password: &Password,
        stored: Vec<Option<String>>,
    ) -> Result<Vec<bool>, Failure> {
        let password = password.clone();
        self.away(turn, move || {
            let text = password.reveal();
            if stored.is_empty() {
                password::verify_nobody(text)?;
            }
            let fits = |hash: Option<String>| match hash {
                Some(hash) => password::verify(text, &hash),
                None => password::verify_nobody(text).map(|()| false),
            };
            stored.into_iter().map(fits).collect()
        })
        .await
    }

    /// Does the work on one of the threads.
    async fn away<T: Send + 'static>(
        &self,
        Turn(turn): Turn,
        work: impl FnOnce() -> Result<T, password::PasswordError> + Send + 'static,
    ) -> Result<T, Failure> {
        let (tell, told) = oneshot::channel();
        let job = Box::new(move || {
            let done = work();
            drop(turn);
            // Nobody may wait any more.
            let _ = tell.send(done);
        });
        let ended = || Failure::Internal("hashing a password did not end".into());
        self.jobs.send(job).map_err(|_| ended())?;
        let done = told.await.map_err(|_| ended())?;
        done.map_err(|error| Failure::Internal(error.to_string()))
    }
}

/// What each thread does.
fn work_off(queue: &Mutex<Receiver<Job>>) {
    give_way(Gives::Most);
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // Whoever waits is told by the end of the channel; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_queue_has_an_end_and_places_are_given_back() {
        let hashing = Hashing { most: 1, turns: Arc::new(Semaphore::new(1)), ..Hashing::start().unwrap() };
        let turn = hashing.turn().await.unwrap();
        {
            let mut waits = Box::pin(hashing.turn());
            let pending = std::future::poll_fn(|cx| std::task::Poll::Ready(waits.as_mut().poll(cx).is_pending()));
            assert!(pending.await);
            assert!(matches!(hashing.turn().await, Err(Failure::Overloaded(_))));
            // Somebody who does not wait any more takes no place.
        }
        let password = Password::from("correct horse battery".to_owned());
        let fits = hashing.verify(turn, &password, vec![None]).await.unwrap();
        assert_eq!((fits, hashing.waiting.load(Ordering::Relaxed)), (vec![false], 0));
        assert!(hashing.hash(&password).await.unwrap().starts_with("$argon2id$"));
    }

    #[tokio::test]
    async fn a_panic_costs_its_own_work_alone() {
        let hashing = Hashing::start().unwrap();
        for _ in 0..8 {
            let turn = hashing.turn().await.unwrap();
            let broken = hashing.away(turn, || -> Result<(), _> { std::panic::resume_unwind(Box::new(())) }).await;
            assert!(matches!(broken, Err(Failure::Internal(_))));
        }
        hashing.hash(&Password::from("correct horse battery".to_owned())).await.unwrap();
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_gives_way_and_nothing_else_does() {
        use crate::threads::tests::{gave_way, nice};
        let hashing = Hashing::start().unwrap();
        let turn = hashing.turn().await.unwrap();
        assert_eq!(hashing.away(turn, || Ok(nice())).await.unwrap(), gave_way(Gives::Most));
    }
}
