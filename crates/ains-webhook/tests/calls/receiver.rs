//! A receiver made by hand: what it gets is noted, and what it answers need not be HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use hyper::HeaderMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    fields: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Noted {
    connections: usize,
    first_bytes: Vec<u8>,
    requests: Vec<Request>,
}

/// Listens on this machine until it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    port: u16,
    noted: Arc<Mutex<Noted>>,
    /// What an endless answer got rid of, once it has ended.
    sent: watch::Receiver<Option<usize>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Clone)]
enum Way {
    Answer(Vec<u8>),
    /// All that come over a connection.
    Keep(Vec<u8>),
    Silent,
    /// A byte from time to time, after so many at once.
    Drip(Vec<u8>, usize),
    Endless(watch::Sender<Option<usize>>),
}

impl Receiver {
    /// Answers every request so, and closes the connection.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let (_, sent) = watch::channel(None);
        Self::start(Way::Answer(answer.into()), sent).await
    }

    /// Answers every request so, and leaves closing to the client.
    pub(crate) async fn keeping(answer: impl Into<Vec<u8>>) -> Self {
        let (_, sent) = watch::channel(None);
        Self::start(Way::Keep(answer.into()), sent).await
    }

    /// Takes every request and says nothing.
    pub(crate) async fn silent() -> Self {
        let (_, sent) = watch::channel(None);
        Self::start(Way::Silent, sent).await
    }

    pub(crate) async fn dripping(answer: &str, at_once: usize) -> Self {
        let (_, sent) = watch::channel(None);
        Self::start(Way::Drip(answer.into(), at_once), sent).await
    }

    /// Answers with 200 and a body without end.
    pub(crate) async fn endless() -> Self {
        let (sender, sent) = watch::channel(None);
        Self::start(Way::Endless(sender), sent).await
    }

    async fn start(way: Way, sent: watch::Receiver<Option<usize>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let noted = Arc::new(Mutex::new(Noted::default()));
        let notes = Arc::clone(&noted);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                notes.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, way.clone(), Arc::clone(&notes)));
            }
        });
        Self {
            port,
            noted,
            sent,
            task,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn connections(&self) -> usize {
        self.noted.lock().unwrap().connections
    }

    pub(crate) fn first_bytes(&self) -> Vec<u8> {
        self.noted.lock().unwrap().first_bytes.clone()
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.noted.lock().unwrap().requests.clone()
    }

    /// Waits until the connection of an endless answer is closed; bytes that were sent.
    pub(crate) async fn endless_ended(&self) -> usize {
        let mut sent = self.sent.clone();
        let ended = sent.wait_for(Option::is_some).await.unwrap();
        (*ended).unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Request {
    /// A header that must be there.
    pub(crate) fn header(&self, name: &str) -> &str {
        &self.fields[name]
    }

    /// As the reference library takes them.
    pub(crate) fn headers(&self) -> HeaderMap {
        HeaderMap::try_from(&self.fields).unwrap()
    }
}

/// Reads a request; `None` if it is none.
async fn read(stream: &mut TcpStream, notes: &Mutex<Noted>) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        notes.lock().unwrap().first_bytes.clone_from(&bytes);
        if bytes[0] == 0x16 {
            return None;
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.split("\r\n");
    let line = lines.next()?.to_owned();
    let fields: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = fields.get("content-length")?.parse().ok()?;
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        body.extend_from_slice(&part[..count]);
    }
    Some(Request { line, fields, body })
}

async fn serve(mut stream: TcpStream, way: Way, notes: Arc<Mutex<Noted>>) {
    if let Some(request) = read(&mut stream, &notes).await {
        notes.lock().unwrap().requests.push(request);
    }
    match way {
        Way::Answer(answer) => {
            let _ = stream.write_all(&answer).await;
        }
        Way::Keep(answer) => {
            while stream.write_all(&answer).await.is_ok() {
                let Some(request) = read(&mut stream, &notes).await else {
                    return;
                };
                notes.lock().unwrap().requests.push(request);
            }
        }
        Way::Silent => std::future::pending().await,
        Way::Drip(answer, at_once) => {
            let _ = stream.write_all(&answer[..at_once]).await;
            for byte in &answer[at_once..] {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
            }
        }
        Way::Endless(sent) => {
            let mut count = 0;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&vec![b'x'; 65_536]).await.is_ok() {
                count += 65_536;
            }
            sent.send_replace(Some(count));
        }
    }
}
