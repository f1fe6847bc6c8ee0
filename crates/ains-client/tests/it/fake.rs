//! A server that hands every request to the test.

use std::collections::VecDeque;
use std::convert::Infallible;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// One request, waiting for the test's answer.
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    /// The body; null if there is none.
    pub(crate) body: Value,
    head: String,
    answer: oneshot::Sender<Answer>,
}

/// Status, further header lines, body.
type Answer = (u16, &'static str, Value);

impl Request {
    pub(crate) fn reply(self, status: u16, body: Value) {
        self.reply_with(status, "", body);
    }

    /// Replies with further header lines.
    pub(crate) fn reply_with(self, status: u16, headers: &'static str, body: Value) {
        // A caller that has gone away does not want the answer.
        let _ = self.answer.send((status, headers, body));
    }

    /// Closes the connection without an answer.
    pub(crate) fn hang_up(self) {
        drop(self.answer);
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// The server.
pub(crate) struct Fake {
    pub(crate) url: String,
    requests: mpsc::UnboundedReceiver<Request>,
    aside: VecDeque<Request>,
    registers: bool,
}

impl Fake {
    /// A server that takes registrations and heartbeats by itself, unless the test asks for them.
    pub(crate) async fn start() -> Self {
        Self {
            registers: true,
            ..Self::start_without_registration().await
        }
    }

    /// A server that takes only heartbeats by itself.
    pub(crate) async fn start_without_registration() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, sender.clone()));
            }
        });
        Self {
            url,
            requests,
            aside: VecDeque::new(),
            registers: false,
        }
    }

    /// The next request of this line.
    pub(crate) async fn next(&mut self, line: &str) -> Request {
        if let Some(index) = self.aside.iter().position(|request| request.line == line) {
            return self.aside.remove(index).expect("just found");
        }
        loop {
            let request = self
                .requests
                .recv()
                .await
                .expect("the server runs as long as the test");
            if request.line == line {
                return request;
            }
            self.set_aside(request);
        }
    }

    /// Answers the next request of this line with 200.
    pub(crate) async fn answer(&mut self, line: &str, body: Value) {
        self.next(line).await.reply(200, body);
    }

    /// Answers every request of this line with 200.
    pub(crate) async fn serve(&mut self, line: &str, body: Value) -> Infallible {
        loop {
            self.answer(line, body.clone()).await;
        }
    }

    fn set_aside(&mut self, request: Request) {
        match &*request.line {
            line if line.ends_with("/heartbeat") => request.reply(200, acknowledged(&[])),
            "POST /ains/agents" if self.registers => request.reply(200, agent("AVAILABLE")),
            line if line.ends_with("/capabilities") && self.registers => {
                request.reply(200, json!({"capability_id": "cap_1", "status": "published"}));
            }
            _ => self.aside.push_back(request),
        }
    }
}

/// Reads requests and writes answers, one after the other.
async fn converse(mut stream: TcpStream, requests: mpsc::UnboundedSender<Request>) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            match bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None if stream.read_buf(&mut bytes).await.ok()? == 0 => return None,
                None => {}
            }
        };
        let head = String::from_utf8(bytes.drain(..end).collect()).expect("a head is text");
        let (answer, answered) = oneshot::channel();
        let mut words = head.split(' ');
        let line = format!("{} {}", words.next()?, words.next()?);
        let mut request = Request {
            line,
            head,
            body: Value::Null,
            answer,
        };
        let length = request
            .header("content-length")
            .map_or(0, |length| length.parse().expect("a length"));
        while bytes.len() < length {
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
        let body: Vec<_> = bytes.drain(..length).collect();
        if length > 0 {
            request.body = serde_json::from_slice(&body).expect("a body is JSON");
        }
        requests.send(request).ok()?;
        let (status, headers, body) = answered.await.ok()?;
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.ok()?;
    }
}

/// The whole of agent a1, which is also a good answer to a registration.
pub(crate) fn agent(availability: &str) -> Value {
    json!({
        "agent_id": "a1", "public_key": "00", "display_name": "a1", "description": null, "endpoint": "http://a1",
        "status": "ACTIVE", "availability": availability, "created_at": "2026-01-02T03:04:05.000000Z",
        "updated_at": "2026-01-02T03:04:05.000000Z", "trust_score": 0.5, "tags": ["text:v1"], "labels": {}, "shared": true,
        "total_tasks_completed": 0, "total_tasks_failed": 0, "avg_completion_time_seconds": null, "active_tasks": 0,
        "max_concurrency": 1, "heartbeat_interval_seconds": 15, "last_heartbeat": null, "capabilities": [],
    })
}

/// The answer to a heartbeat.
pub(crate) fn acknowledged(cancelled: &[&str]) -> Value {
    json!({
        "acknowledged": true, "next_heartbeat_in": 15, "agent_health_status": "ACTIVE", "agent_status": "AVAILABLE",
        "last_heartbeat": "2026-01-02T03:04:05.000000Z", "cancelled": cancelled,
    })
}

/// The answer to a report on one task.
pub(crate) fn report_answer(task_id: &str, status: &str) -> Value {
    json!({"task_id": task_id, "status": status, "retry_count": 0, "updated_at": "2026-01-02T03:04:05.000000Z", "next": []})
}
