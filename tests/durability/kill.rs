//! Killed with SIGKILL under sixteen writers, again and again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kehu_tests::own_postgres;
use kehu_tests::server::Home;

use crate::load::{Book, Chance, Senders, WRITERS, write};
use crate::rows::{count, sound};

/// Every kill comes at another moment, the same in every run.
const SEED: u64 = 20_261_126;

#[test]
fn sqlite() {
    nothing_is_lost(&Home::sqlite(), 12);
}

#[test]
fn postgres() {
    nothing_is_lost(&Home::postgres(own_postgres().url), 5);
}

fn nothing_is_lost(home: &Home, rounds: u64) {
    println!("seed {SEED}");
    let mut book = Book::default();
    let mut senders: Option<Senders> = None;
    for round in 0..=rounds {
        let server = home.start();
        // Before anything is sent again: what the kill left is whole.
        sound(home);
        let now = senders.as_ref().map_or_else(|| Senders::new(&server), |before| before.again(&server));
        let mut chance = Chance::new(SEED + round);
        book.settle(&now, &mut chance);
        book.look_at_fresh(&now.admin);
        let (customers, follow_ups, leads) = book.counts();
        for (table, expected) in
            [("customers", customers), ("contacts", customers), ("follow_ups", follow_ups), ("submissions", leads)]
        {
            assert_eq!(usize::try_from(count(home, table)), Ok(expected), "{table} after round {round}");
        }
        if round == rounds {
            book.look_at_all(&now.admin);
            sound(home);
            assert!(server.stop().success());
            break;
        }
        let shared = Mutex::new(std::mem::take(&mut book));
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (now, shared, done) = (&now, &shared, &done);
                let chance = Chance::new(SEED * 1000 + round * 100 + u64::try_from(writer).unwrap());
                scope.spawn(move || write(now, shared, done, chance));
            }
            let enough = 5 + chance.below(60);
            let begun = Instant::now();
            while done.load(Ordering::Relaxed) < enough && begun.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(u64::try_from(chance.below(20_000)).unwrap()));
            server.kill();
        });
        assert!(done.load(Ordering::Relaxed) > 0, "nothing was acknowledged in round {round}");
        book = shared.into_inner().unwrap();
        senders = Some(now);
    }
    let (customers, follow_ups, leads) = book.counts();
    println!("{customers} customers, {follow_ups} follow-ups, {leads} leads");
    assert!(customers > 100 && follow_ups > 5 && leads > 5);
}
