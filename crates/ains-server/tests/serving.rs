//! A server from its start to its end, over the network.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use ains_testkit::{ServerProcess, SqliteFile};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_ains-server");
const KEY: &str = "key-of-the-tests";

fn start(args: &[&str]) -> ServerProcess {
    let args = ["--bind", "127.0.0.1:0"].iter().chain(args);
    ServerProcess::start(Path::new(BINARY), args, [("AINS_ADMIN_KEY", KEY)]).unwrap()
}

/// Sends a request on a connection of its own, which the answer ends.
fn send(server: &ServerProcess, method: &str, path: &str, body: &Value) -> TcpStream {
    let host = server.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nx-api-key: {KEY}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

/// The status and the body of an answer.
fn receive(mut stream: TcpStream) -> (u16, Value) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn call(server: &ServerProcess, method: &str, path: &str, body: &Value) -> (u16, Value) {
    receive(send(server, method, path, body))
}

fn agent(id: &str) -> Value {
    json!({"agent_id": id, "public_key": "aa".repeat(32), "display_name": id, "endpoint": "http://127.0.0.1:1",
           "signature": "bb".repeat(64), "tags": ["text:v1"]})
}

#[test]
fn the_identity_of_agents_is_verified_unless_told_otherwise() {
    let server = start(&["--database-url", "sqlite://:memory:"]);
    let (status, problem) = call(&server, "POST", "/ains/agents", &agent("a1"));
    assert_eq!(status, 400, "{problem}");
    let server = start(&[
        "--database-url",
        "sqlite://:memory:",
        "--agent-identity",
        "hex-only",
    ]);
    let (status, answer) = call(&server, "POST", "/ains/agents", &agent("a1"));
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn sigterm_ends_what_waits_and_keeps_what_was_acknowledged() {
    let file = SqliteFile::new();
    let args = ["--database-url", &file.url(), "--agent-identity", "hex-only"];
    let mut server = start(&args);
    assert_eq!(call(&server, "POST", "/ains/agents", &agent("a1")).0, 200);
    let task =
        json!({"client_id": "c", "task_type": "t", "capability_required": "other:v1", "input_data": {}});
    let (status, created) = call(&server, "POST", "/ains/tasks", &task);
    assert_eq!(status, 200, "{created}");
    let path = format!("/ains/tasks/{}", created["task_id"].as_str().unwrap());

    let claim = send(
        &server,
        "POST",
        "/ains/agents/a1/claim",
        &json!({"wait_seconds": 60}),
    );
    let reader = send(&server, "GET", &format!("{path}?wait_seconds=60"), &Value::Null);
    // Another request is answered, so these two have very likely arrived.
    assert_eq!(call(&server, "GET", &path, &Value::Null).0, 200);
    let asked = Instant::now();
    assert!(server.terminate().unwrap().success(), "{}", server.output());
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    assert_eq!(receive(claim), (200, json!({"tasks": []})));
    let (status, read) = receive(reader);
    assert_eq!((status, &read["status"]), (200, &json!("PENDING")));

    let server = start(&args);
    let (status, read) = call(&server, "GET", &path, &Value::Null);
    assert_eq!((status, &read["task_id"]), (200, &created["task_id"]));
}

#[test]
fn a_database_in_memory_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--bind", "127.0.0.1:0", "--database-url", "sqlite://:memory:"];
    let mut server = ServerProcess::start(Path::new(BINARY), args, [("TMPDIR", folder.path())]).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(server.terminate().unwrap().success(), "{}", server.output());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_log_is_json_where_there_is_no_terminal_and_says_no_secrets() {
    let mut server = start(&["--database-url", "sqlite://:memory:", "--log", "debug"]);
    assert_eq!(call(&server, "GET", "/ains/stats", &Value::Null).0, 200);
    assert!(server.terminate().unwrap().success());
    let lines = server.stderr_lines();
    for line in &lines {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(
            line["level"].is_string() && line["timestamp"].is_string(),
            "{line}"
        );
    }
    assert!(
        lines.iter().any(|line| line.contains("\"message\":\"started\"")),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.contains("\"message\":\"stopped\"")),
        "{lines:?}"
    );
    assert!(!server.output().contains(KEY));
}

#[test]
fn the_demo_ends_with_every_task_completed_and_goes_on_serving() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("README.md"), "one fish two fish\n").unwrap();
    std::fs::write(folder.path().join("main.rs"), "fn main() {}\n").unwrap();
    let mut server = start(&["--demo", folder.path().to_str().unwrap()]);
    let begun = Instant::now();
    while !server.stdout_lines().iter().any(|line| line.contains("/docs.")) {
        assert!(begun.elapsed() < Duration::from_mins(1), "{}", server.output());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        server
            .stdout_lines()
            .iter()
            .any(|line| line.starts_with("All 6 tasks are COMPLETED"))
    );
    let task = json!({"client_id": "me", "task_type": "word-statistics", "capability_required": "text:v1",
                      "input_data": {"path": "README.md"}});
    let (_, created) = call(&server, "POST", "/ains/tasks", &task);
    let path = format!(
        "/ains/tasks/{}?wait_seconds=30",
        created["task_id"].as_str().unwrap()
    );
    let (_, done) = call(&server, "GET", &path, &Value::Null);
    assert_eq!(
        (&done["status"], &done["result_data"]["words"]),
        (&json!("COMPLETED"), &json!(4)),
        "{done}"
    );
    let asked = Instant::now();
    assert!(server.terminate().unwrap().success(), "{}", server.output());
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
}
