//! Whoever connects while the server ends. The framework closes its listener with connections in the queue, which the
//! other side takes for a lost request. So the socket is kept open beside it: who comes late is told so, until
//! everything else is done, and the queue is emptied before the socket closes.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use actix_web::rt::net::TcpStream;
use actix_web::web;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::door;
use crate::headers::lang;
use crate::problem::{PROBLEM_JSON, Problem};
use crate::problem_codes as codes;
use crate::state::State;

/// Connections that may wait to be accepted.
const QUEUE: u32 = 1024;
/// Longest head of a request that is read.
const HEAD_MAX: usize = 16 * 1024;
/// How long the head may take to arrive, and the other side to close.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many are told at once; more are cut off.
const AT_ONCE: usize = 512;
/// Seconds after which the same address is asked again.
const RETRY: u32 = 1;

/// Opens a socket that listens. Needs a runtime.
pub(crate) fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that is started again does not wait for the last connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)?.into_std()
}

/// Answers those who come late.
pub(crate) struct Late {
    end: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Late {
    /// Begins; over TLS nobody has sent a request before there is a handshake, so that closing is answer enough.
    pub(crate) fn begin(listener: std::net::TcpListener, tls: bool, state: web::Data<State>) -> Self {
        let (end, ended) = oneshot::channel();
        Self { end, task: actix_web::rt::spawn(turn_away(listener, tls, state, ended)) }
    }

    /// Tells those who are in the queue, and closes it.
    pub(crate) async fn end(self) -> io::Result<()> {
        // An error means that it has ended already.
        let _ = self.end.send(());
        self.task.await.map_err(io::Error::other)?
    }
}

async fn turn_away(
    listener: std::net::TcpListener,
    tls: bool,
    state: web::Data<State>,
    mut ended: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut told = JoinSet::new();
    let mut tell = |stream: TcpStream| {
        while told.try_join_next().is_some() {}
        if !tls && told.len() < AT_ONCE {
            told.spawn_local(tell(stream, state.clone()));
        }
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => tell(stream),
                // Out of descriptors, perhaps: those of connections that end are free in a moment.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            _ = &mut ended => break,
        }
    }
    // Asked of the system itself: the runtime may not have heard yet of who has just come.
    let listener = listener.into_std()?;
    while let Ok((stream, _)) = listener.accept() {
        stream.set_nonblocking(true)?;
        tell(TcpStream::from_std(stream)?);
    }
    drop(listener);
    told.join_all().await;
    Ok(())
}

/// One answer: 503 once the head of a request is there.
async fn tell(mut stream: TcpStream, state: web::Data<State>) {
    let begun = Instant::now();
    let Ok(Some(head)) = timeout(PATIENCE, head(&mut stream)).await else { return };
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let accepted = fields.find(|(name, _)| name.eq_ignore_ascii_case("accept-language"));
    let lang = lang(accepted.map_or("", |(_, value)| value));
    let id = kehu_store::clock::new_id(state.gate.now()).simple().to_string();
    let body = Problem::new(&codes::SHUTTING_DOWN).body(lang, &id).to_string();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {}\r\nretry-after: {RETRY}\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\nx-request-id: {id}\r\nconnection: close\r\n\r\n\
         {body}",
        body.len(),
    );
    door::note(&state, None, "other", codes::SHUTTING_DOWN.status, begun.elapsed());
    if stream.write_all(answer.as_bytes()).await.is_ok() && stream.shutdown().await.is_ok() {
        // A socket that is closed with something unread takes the answer back.
        let _ = timeout(PATIENCE, tokio::io::copy(&mut stream, &mut tokio::io::sink())).await;
    }
}

/// The head of a request; `None` if none came.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut part = [0; 2048];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut part).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(part.get(..read)?);
        if head.len() > HEAD_MAX {
            return None;
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}
