//! Requests over several connections at once, each sending the next as soon as the last one is answered.
//!
//! Requests are made beforehand and one thread serves all connections: the generator shares the machine with the
//! servers, so it must cost little, and what it costs must not depend on who answers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::client::connect;
use crate::wire::Answer;

/// Connections at once, in every workload.
pub(crate) const CONNECTIONS: usize = 16;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a load took.
pub(crate) struct Load {
    /// From the first request to the last answer.
    pub(crate) wall: Duration,
    /// Of each request, the shortest first.
    took: Vec<Duration>,
}

impl Load {
    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.took.len()
    }

    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        float(self.requests()) / self.wall.as_secs_f64()
    }

    /// The time within which so many of a thousand requests were answered.
    pub(crate) fn within(&self, permille: usize) -> Duration {
        let place = (self.took.len() * permille / 1000).min(self.took.len().saturating_sub(1));
        self.took.get(place).copied().unwrap_or_default()
    }
}

/// A count as a number to divide by.
pub(crate) fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Sends what `next` gives for 0, 1, 2 … until it gives no more or the time is over, and hands every answer to `take`.
///
/// # Errors
/// A connection broke, or `take` did not like an answer.
pub(crate) fn drive<'a>(
    base: &str,
    time: Option<Duration>,
    mut next: impl FnMut(usize) -> Option<&'a [u8]>,
    mut take: impl FnMut(usize, &Answer<'_>) -> Result<()>,
) -> Result<Load> {
    let mut lanes = (0..CONNECTIONS).map(|_| Lane::open(base)).collect::<Result<Vec<_>>>()?;
    let mut took = Vec::with_capacity(1 << 16);
    let mut sent = 0;
    let begun = Instant::now();
    let mut send = |lane: &mut Lane, now: Instant| -> Result<()> {
        let over = time.is_some_and(|time| now.duration_since(begun) >= time);
        let request = if over { None } else { next(sent) };
        lane.send(sent, now, request)?;
        sent += usize::from(request.is_some());
        Ok(())
    };
    for lane in &mut lanes {
        send(lane, Instant::now())?;
    }
    while let Some(ready) = wait(&lanes)? {
        for (lane, _) in lanes.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            lane.receive()?;
            let Some(answer) = Answer::read(lane.arrived())? else { continue };
            let now = Instant::now();
            took.push(now.duration_since(lane.sent));
            take(lane.number, &answer).with_context(|| format!("request {}", lane.number))?;
            send(lane, now)?;
        }
    }
    let wall = begun.elapsed();
    took.sort_unstable();
    Ok(Load { wall, took })
}

/// A connection and the request that is under way on it.
struct Lane {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    number: usize,
    sent: Instant,
    busy: bool,
}

impl Lane {
    fn open(base: &str) -> Result<Self> {
        let stream = connect(base)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, buffer: vec![0; 64 << 10], filled: 0, number: 0, sent: Instant::now(), busy: false })
    }

    /// Sends a request, or rests.
    fn send(&mut self, number: usize, now: Instant, request: Option<&[u8]>) -> Result<()> {
        (self.number, self.sent, self.filled, self.busy) = (number, now, 0, request.is_some());
        // A request of a few kilobytes fits a connection that nothing else is under way on.
        Ok(self.stream.write_all(request.unwrap_or_default())?)
    }

    /// Takes what is there; it is called when something is.
    fn receive(&mut self) -> Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let length = self.stream.read(self.buffer.get_mut(self.filled..).unwrap_or_default())?;
        ensure!(length > 0, "the server closed the connection");
        self.filled += length;
        Ok(())
    }

    fn arrived(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }
}

/// Waits until something has arrived for one of them and says for which; `None` when none waits for anything.
fn wait(lanes: &[Lane]) -> Result<Option<[bool; CONNECTIONS]>> {
    if !lanes.iter().any(|lane| lane.busy) {
        return Ok(None);
    }
    let mut polled = [libc::pollfd { fd: -1, events: libc::POLLIN, revents: 0 }; CONNECTIONS];
    for (slot, lane) in polled.iter_mut().zip(lanes).filter(|(_, lane)| lane.busy) {
        slot.fd = lane.stream.as_raw_fd();
    }
    let (count, patience) = (libc::nfds_t::try_from(polled.len())?, i32::try_from(PATIENCE.as_millis())?);
    #[expect(unsafe_code, reason = "poll has no safe interface in the standard library")]
    // SAFETY: the pointer and the count are those of one array, and the call keeps neither.
    let ready = unsafe { libc::poll(polled.as_mut_ptr(), count, patience) };
    ensure!(ready > 0, "no answer within {} s", PATIENCE.as_secs());
    Ok(Some(polled.map(|slot| slot.revents != 0)))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn percentiles_come_from_the_sorted_times() {
        let took = (1..=200).map(Duration::from_millis).collect();
        let load = Load { wall: Duration::from_secs(2), took };
        assert_eq!(load.within(500), Duration::from_millis(101));
        assert_eq!(load.within(990), Duration::from_millis(199));
        assert!((load.rate() - 100.0).abs() < 1e-9);
        let none = Load { wall: Duration::from_secs(1), took: Vec::new() };
        assert_eq!(none.within(990), Duration::ZERO);
    }

    /// Answers every line of every connection with itself, in two parts, until the client goes away.
    fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let answer = |stream: &mut BufReader<TcpStream>| {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", line.trim().len());
            stream.get_mut().write_all(head.as_bytes())?;
            std::thread::sleep(Duration::from_millis(1));
            stream.get_mut().write_all(line.trim().as_bytes())
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().take(CONNECTIONS).map(Result::unwrap) {
                let mut stream = BufReader::new(stream);
                std::thread::spawn(move || while answer(&mut stream).is_ok() {});
            }
        });
        base
    }

    #[test]
    fn every_request_is_answered_once_and_with_its_own_answer() {
        let requests: Vec<String> = (0..100).map(|number| format!("<{number}>\n")).collect();
        let mut answered = vec![0; requests.len()];
        let load = drive(
            &echo(),
            None,
            |number| requests.get(number).map(String::as_bytes),
            |number, answer| {
                answered[number] += 1;
                assert!(answer.holds(format!("<{number}>").as_bytes()));
                Ok(())
            },
        );
        assert_eq!(load.unwrap().requests(), 100);
        assert_eq!(answered, vec![1; 100]);
    }

    #[test]
    fn the_time_and_a_refusal_end_it() {
        let over = drive(&echo(), Some(Duration::ZERO), |_| Some(b"x\n"), |_, _| Ok(())).unwrap();
        assert_eq!(over.requests(), 0);
        let refused = drive(&echo(), None, |_| Some(b"x\n"), |_, _| anyhow::bail!("no"));
        // Whichever was answered first.
        let told = format!("{:#}", refused.err().unwrap());
        assert!(told.starts_with("request ") && told.ends_with(": no"), "{told}");
    }
}
