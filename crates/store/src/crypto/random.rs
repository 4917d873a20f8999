//! Randomness of the operating system, and nothing else: keys directly, nonces from a small buffer per thread.

use std::cell::RefCell;
use std::mem;

/// The operating system gave no random bytes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness;

/// Fills `bytes` from the operating system.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(bytes).map_err(|_| NoRandomness)
}

/// `N` random bytes.
pub(crate) fn array<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Length of an AES-GCM nonce in bytes.
pub(crate) const NONCE: usize = 12;

/// How many nonces one call to the operating system brings: enough that the call no longer counts (a call each nearly
/// doubles the cost of sealing), few enough that a machine copied while it runs repeats next to nothing.
const BATCH: usize = 32;

/// Nonces waiting to be used by this thread. Each is taken once and leaves zeros behind.
///
/// A process that forks without starting another program would hand the same nonces to its child; this program never
/// does (threads only, and `std::process::Command` replaces the child at once).
struct Waiting {
    nonces: [[u8; NONCE]; BATCH],
    left: usize,
}

impl Waiting {
    const fn new() -> Self {
        Self { nonces: [[0; NONCE]; BATCH], left: 0 }
    }

    fn take(&mut self) -> Result<[u8; NONCE], NoRandomness> {
        if self.left == 0 {
            fill(self.nonces.as_flattened_mut())?;
            self.left = BATCH;
        }
        self.left -= 1;
        self.nonces.get_mut(self.left).map(mem::take).ok_or(NoRandomness)
    }
}

thread_local! {
    static WAITING: RefCell<Waiting> = const { RefCell::new(Waiting::new()) };
}

/// A fresh 96-bit nonce.
pub(crate) fn nonce() -> Result<[u8; NONCE], NoRandomness> {
    // A thread that is being torn down has no buffer any more and asks the system itself.
    WAITING.try_with(|waiting| waiting.borrow_mut().take()).unwrap_or_else(|_| array())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nonces_never_repeat_within_and_across_threads() {
        let draw = || (0..10 * BATCH + 3).map(|_| nonce().unwrap()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
        let mut seen: HashSet<_> = draw().into_iter().collect();
        for thread in threads {
            seen.extend(thread.join().unwrap());
        }
        assert_eq!(seen.len(), 5 * (10 * BATCH + 3));
        assert!(!seen.contains(&[0; NONCE]));
    }

    #[test]
    fn a_used_nonce_leaves_zeros_behind() {
        let mut waiting = Waiting::new();
        let first = waiting.take().unwrap();
        assert_ne!(first, [0; NONCE]);
        assert_eq!(waiting.nonces[BATCH - 1], [0; NONCE]);
        assert_ne!(waiting.nonces[BATCH - 2], [0; NONCE]);
    }
}
