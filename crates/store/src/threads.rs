//! Threads for work that takes long, which give way to those that answer requests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// How much a thread gives way, where requests take all they can get.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gives {
    /// A quarter of what a thread for requests gets is left to it.
    Some,
    /// A tenth.
    Most,
}

/// There is nothing beyond it.
#[cfg(target_os = "linux")]
const NICEST: i32 = 19;

#[cfg(target_os = "linux")]
impl Gives {
    /// The difference in niceness (sched(7)).
    const fn nice(self) -> i32 {
        match self {
            Self::Some => 6,
            Self::Most => 10,
        }
    }
}

/// Lets the other threads of the process go first. Where the system does not do it for a single thread, the few at a time
/// alone keep such work from taking everything.
pub(crate) fn give_way(gives: Gives) {
    #[cfg(target_os = "linux")]
    {
        use std::sync::Once;

        use rustix::process::{getpriority_process, setpriority_process};
        static TOLD: Once = Once::new();
        // On Linux nobody in particular is the calling thread.
        let nice = getpriority_process(None).map(|own| own.saturating_add(gives.nice()).min(NICEST));
        if let Err(error) = nice.and_then(|nice| setpriority_process(None, nice)) {
            TOLD.call_once(|| tracing::warn!(cause = %error, "threads for long work do not give way to requests"));
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = gives;
}

/// Does work on a thread of its own that gives way a little; a panic of it is given back. None where the system gives no
/// thread. It is no thread of the runtime: those do other work afterwards, and nobody may raise their priority again.
pub(crate) async fn aside<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<thread::Result<T>> {
    let (tell, told) = oneshot::channel();
    let runtime = Handle::current();
    let started = thread::Builder::new().name(name.to_owned()).spawn(move || {
        give_way(Gives::Some);
        let _context = runtime.enter();
        // Nobody may wait any more.
        let _ = tell.send(catch_unwind(AssertUnwindSafe(work)));
    });
    if let Err(error) = started {
        tracing::warn!(cause = %error, "there is no thread for what takes long");
        return None;
    }
    told.await.ok()
}

/// What a thread whose work gives way shows of it.
#[cfg(test)]
#[cfg(target_os = "linux")]
pub(crate) mod tests {
    use super::*;

    /// How much the calling thread gives way.
    pub(crate) fn nice() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    /// What a thread that gives way has, where the calling one does not.
    pub(crate) fn gave_way(gives: Gives) -> i32 {
        (nice() + gives.nice()).min(NICEST)
    }

    #[tokio::test]
    async fn work_gives_way_and_its_panics_come_back() {
        assert_eq!(aside("aside", nice).await.unwrap().unwrap(), gave_way(Gives::Some));
        let own = nice();
        let panic = aside("aside", || -> () { std::panic::panic_any("lost") }).await.unwrap().unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"lost"));
        assert_eq!(nice(), own);
    }
}
