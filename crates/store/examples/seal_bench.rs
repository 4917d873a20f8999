//! Prints what sealing costs with a warm key: `cargo run --release -p kehu-store --example seal_bench`.

#![expect(clippy::print_stdout, reason = "a program that prints its measurements")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use kehu_store::crypto::cell::FieldPath;
use kehu_store::crypto::chain::Signed;
use kehu_store::crypto::index::{IndexClass, IndexVersion, Width};
use kehu_store::crypto::kek::{LocalKeys, new_key_text};
use kehu_store::crypto::password;
use kehu_store::crypto::roots::{KeyRing, Purpose, new_root};
use kehu_store::crypto::token::{Token, TokenKind};
use uuid::Uuid;

const PHONES: FieldPath = FieldPath::new("contact.phones", "contacts", "phones");
const JOURNAL: FieldPath = FieldPath::new("journal.body", "journal", "body");
const VALUE: &str = r#"[{"kind":"mobile","value":"+8613800138000"}]"#;
const PHONE: &str = "+8613800138000";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let keys = LocalKeys::from_text(&new_key_text()?)?;
    let org = Uuid::from_u128(1);
    let rows: Vec<_> =
        Purpose::ALL.into_iter().map(|purpose| new_root(&keys, org, 1, purpose)).collect::<Result<_, _>>()?;
    let ring = KeyRing::unlock(&keys, org, &rows)?;
    let row = Uuid::from_u128(2);
    let cell = ring.seal(PHONES, row, VALUE.as_bytes())?;
    let version = IndexVersion { key_id: ring.primary_index(), width: Width::MAX };

    println!("{} bytes of plaintext, cell of {} bytes", VALUE.len(), cell.len());
    measure("seal", 200_000, || Ok(ring.seal(PHONES, row, VALUE.as_bytes())?))?;
    measure("open", 200_000, || Ok(ring.open(PHONES, row, &cell)?))?;
    measure("index value", 200_000, || Ok(ring.index_value(IndexClass::Phone, version, PHONE)?))?;
    measure("index check", 200_000, || Ok(ring.index_check(IndexClass::Phone, 1, row, PHONE)?))?;
    // A header and the values of an ordinary change.
    let (header, body) = (vec![7; 400], vec![7; 700]);
    let sealed_body = ring.seal(JOURNAL, row, &body)?;
    measure("code of a journal entry", 200_000, || Ok(ring.sign(Signed::Entry, &header)))?;
    measure("seal a journal body", 200_000, || Ok(ring.seal(JOURNAL, row, &body)?))?;
    measure("open a journal body", 200_000, || Ok(ring.open(JOURNAL, row, &sealed_body)?))?;
    measure("make and wrap a root", 20_000, || Ok(new_root(&keys, org, 2, Purpose::Enc)?))?;
    measure("unlock a ring", 2_000, || Ok(KeyRing::unlock(&keys, org, &rows)?))?;
    let token = Token::generate(TokenKind::Server, org)?;
    measure("read and hash a token", 200_000, || Ok(Token::parse(token.reveal()).map(|token| token.hash())))?;
    measure("hash a password", 5, || Ok(password::hash("correct horse")?))?;
    several_threads(&ring, row, &cell)
}

/// Calls `run` so often and prints the mean in microseconds.
fn measure<T>(name: &str, times: u32, run: impl Fn() -> Outcome<T>) -> Outcome<()> {
    black_box(run()?);
    let start = Instant::now();
    for _ in 0..times {
        black_box(run()?);
    }
    println!("{name:24} {:10.3} µs", start.elapsed().as_secs_f64() * 1e6 / f64::from(times));
    Ok(())
}

/// The same ring from two threads at once: the counter and the key table are shared.
fn several_threads(ring: &KeyRing, row: Uuid, cell: &[u8]) -> Outcome<()> {
    std::thread::scope(|scope| {
        let work = |name| {
            move || measure(name, 200_000, || Ok((ring.open(PHONES, row, cell)?, ring.seal(PHONES, row, b"x")?)))
        };
        let threads = [scope.spawn(work("seal + open, thread 1")), scope.spawn(work("seal + open, thread 2"))];
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })
}
