//! A write on its way through the writer's queue.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
};

use tokio::sync::oneshot;

use crate::engine::{
    EngineError,
    tx::{SUSPENDED, SWALLOWED, Tx},
};

/// How a job ended, once its group is committed or lost.
pub(super) enum Answer<T, E> {
    Done(Result<T, E>),
    Refused(EngineError),
    Panicked(Box<dyn Any + Send>),
}

/// A job of any type in the queue.
pub(super) trait Queued: Send {
    /// Whether nobody waits for the answer any more.
    fn gone(&self) -> bool;
    /// Runs it; the answer waits in what is returned until the group is decided.
    fn run(self: Box<Self>, tx: &Tx) -> Ran;
    fn refuse(self: Box<Self>, error: EngineError);
}

/// A job that ran.
pub(super) struct Ran {
    /// Keep its changes, or go back to its savepoint.
    pub(super) keep: bool,
    /// Sends the answer: the job's own, or the error that took the whole group.
    pub(super) answer: Box<dyn FnOnce(Option<EngineError>)>,
}

pub(super) struct Job<T, E, F> {
    pub(super) job: F,
    pub(super) answer: oneshot::Sender<Answer<T, E>>,
}

impl<T, E, F> Queued for Job<T, E, F>
where
    F: AsyncFnOnce(&Tx) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    fn gone(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>, tx: &Tx) -> Ran {
        let Self { job, answer } = *self;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            // Its only awaits are statements, which do not suspend: once is enough.
            pin!(job(tx)).poll(&mut Context::from_waker(Waker::noop()))
        }));
        let own = match polled {
            Ok(Poll::Ready(Ok(_))) if tx.is_spoiled() => Answer::Refused(SWALLOWED),
            Ok(Poll::Ready(result)) => Answer::Done(result),
            Ok(Poll::Pending) => Answer::Refused(SUSPENDED),
            Err(panic) => Answer::Panicked(panic),
        };
        let keep = matches!(own, Answer::Done(Ok(_)));
        let answer = Box::new(move |lost: Option<EngineError>| {
            // A caller that went away meanwhile has its write done and hears nothing.
            let _ = answer.send(match (lost, own) {
                (Some(error), Answer::Done(_)) => Answer::Refused(error),
                (_, own) => own,
            });
        });
        Ran { keep, answer }
    }

    fn refuse(self: Box<Self>, error: EngineError) {
        let _ = self.answer.send(Answer::Refused(error));
    }
}
