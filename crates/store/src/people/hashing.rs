//! Passwords in clear, and their hashing: away from the threads that answer requests, a few at a time.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::crypto::password;
use crate::failure::Failure;

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

/// Lets as many hashes run at once as there are cores: each takes tens of milliseconds and 19 MiB.
pub(crate) struct Hashing(Arc<Semaphore>);

impl Default for Hashing {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(available_parallelism().map_or(2, usize::from))))
    }
}

impl Hashing {
    /// Waits for one's turn.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let turn = self.0.clone().acquire_owned().await;
        turn.map_err(|_| Failure::Internal("hashing of passwords was closed".into()))
    }

    /// Hashes a password, as a PHC string to store.
    pub(crate) async fn hash(&self, password: &Password) -> Result<String, Failure> {
        let (turn, password) = (self.turn().await?, password.clone());
        off_thread(turn, move || password::hash(password.reveal())).await
    }

    /// Whether the password fits each of the stored hashes, one after the other. `None` is a user without one, and no
    /// hash at all is nobody: both take as long as somebody.
    pub(crate) async fn verify(
        &self,
        turn: OwnedSemaphorePermit,
        password: &Password,
        stored: Vec<Option<String>>,
    ) -> Result<Vec<bool>, Failure> {
        let password = password.clone();
        off_thread(turn, move || {
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
}

/// The turn is given back when the work is done, even if nobody waits for it any more.
async fn off_thread<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    work: impl FnOnce() -> Result<T, password::PasswordError> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    let done = done.await.map_err(|_| Failure::Internal("hashing a password did not end".into()))?;
    done.map_err(|error| Failure::Internal(error.to_string()))
}
