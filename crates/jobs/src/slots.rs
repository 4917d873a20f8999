//! The jobs that this process runs.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use kehu_store::queue::Work;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use uuid::Uuid;

/// They, shared by whoever looks after them.
#[derive(Clone, Default)]
pub(crate) struct Slots(Rc<Inner>);

#[derive(Default)]
struct Inner {
    /// By lease: a job that was lost and claimed again may have two runs for a moment.
    taken: RefCell<HashMap<Uuid, Slot>>,
    freed: Notify,
}

struct Slot {
    work: Work,
    run: AbortHandle,
    /// When it was told that somebody took the job back.
    told: Option<Instant>,
}

impl Slots {
    pub(crate) fn take(&self, work: Work, run: AbortHandle) {
        self.0.taken.borrow_mut().insert(work.lease(), Slot { work, run, told: None });
    }

    pub(crate) fn free(&self, lease: Uuid) {
        self.0.taken.borrow_mut().remove(&lease);
        self.0.freed.notify_one();
    }

    /// Waits until a job has ended, or did since the last time.
    pub(crate) async fn freed(&self) {
        self.0.freed.notified().await;
    }

    pub(crate) fn many(&self) -> usize {
        self.0.taken.borrow().len()
    }

    pub(crate) fn works(&self) -> Vec<Work> {
        self.0.taken.borrow().values().map(|slot| slot.work.clone()).collect()
    }

    /// How many run for each organisation.
    pub(crate) fn by_org(&self) -> HashMap<Uuid, usize> {
        let mut many = HashMap::new();
        for slot in self.0.taken.borrow().values() {
            *many.entry(slot.work.org_id()).or_default() += 1;
        }
        many
    }

    /// Tells runs that somebody took their job back; ends those where they wait that were told so long ago.
    pub(crate) fn cancel(&self, jobs: &HashSet<Uuid>, grace: Duration) {
        for slot in self.0.taken.borrow_mut().values_mut().filter(|slot| jobs.contains(&slot.work.id())) {
            slot.work.cancel();
            if slot.told.get_or_insert_with(Instant::now).elapsed() >= grace {
                slot.run.abort();
            }
        }
    }

    /// Ends a run where it waits.
    pub(crate) fn abort(&self, lease: Uuid) {
        if let Some(slot) = self.0.taken.borrow().get(&lease) {
            slot.run.abort();
        }
    }
}
