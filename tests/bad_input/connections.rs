//! Bytes on a connection that are no request, or not a whole one. They are answered below the application, if at all.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::ask::{Asker, Expect, Request, report};
use crate::world::{World, on_both};

on_both!(
    a_head_that_is_not_http_does_not_stop_the_server,
    a_body_that_breaks_off_does_not_stop_the_server,
    a_connection_that_is_given_up_does_not_stop_the_server,
);

/// How long the server may keep a connection on which nothing more comes.
const PATIENCE: Duration = Duration::from_secs(40);

/// Bytes, and the statuses they may be answered with: an empty one where the connection may just be closed.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    statuses: &'static [&'static str],
}

impl Case {
    fn new(name: &'static str, bytes: impl Into<Vec<u8>>, statuses: &'static [&'static str]) -> Self {
        Self {
            name,
            bytes: bytes.into(),
            statuses,
        }
    }
}

fn connect(world: &World) -> TcpStream {
    let address = world.url().trim_start_matches("http://");
    let stream = TcpStream::connect(address).expect("the server listens");
    let patience = Some(PATIENCE);
    stream
        .set_read_timeout(patience)
        .expect("a stream has a patience");
    stream
        .set_write_timeout(patience)
        .expect("a stream has a patience");
    stream
}

/// What the server sends back to these bytes, after which nothing more comes.
fn answer(world: &World, bytes: &[u8]) -> String {
    let mut stream = connect(world);
    // It may have closed before it has read all.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(failure) if failure.kind() == ErrorKind::WouldBlock => panic!("the server hangs"),
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}

/// Sends all of it, and then asks whether the server is well.
async fn send_all(world: &Arc<World>, cases: Vec<Case>) {
    let mut findings = Vec::new();
    for Case {
        name,
        bytes,
        statuses,
    } in cases
    {
        let answer = answer(world, &bytes);
        let status = answer.split(' ').nth(1).unwrap_or_default();
        if !statuses.contains(&status) {
            let shown: String = answer.chars().take(300).collect();
            findings.push(format!("{name}: not one of {statuses:?} but {shown:?}"));
        }
    }
    findings.extend(is_alive(world).await);
    report(&findings);
}

async fn is_alive(world: &Arc<World>) -> Option<String> {
    let health = Request::new("GET", "/health");
    Asker::new(world).finding(health, Expect::Status(&[200])).await
}

async fn a_head_that_is_not_http_does_not_stop_the_server(world: &Arc<World>) {
    let get = |rest: &str| format!("GET /health HTTP/1.1\r\n{rest}\r\n");
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(70_000));
    let long_header = get(&format!("Host: x\r\nA: {}\r\n", "x".repeat(300_000)));
    let many_headers = get(&format!("Host: x\r\n{}", "A: x\r\n".repeat(5_000)));
    let refused = &["", "400", "404", "413", "414", "431"];
    let cases = vec![
        Case::new("nothing", "", &[""]),
        Case::new("noise", b"\x16\x03\x01\x02\0\x01\0\xff\xfe\r\n\r\n", refused),
        Case::new("zeros", vec![0; 1_000_000], refused),
        Case::new("no version", "GET /health\r\n\r\n", refused),
        Case::new(
            "an odd version",
            "GET /health HTTP/9.9\r\n\r\n",
            &["", "400", "505"],
        ),
        Case::new("no host", get("Connection: close\r\n"), &["200", "400"]),
        Case::new(
            "half a head",
            "GET /health HTTP/1.1\r\nHost:",
            &["", "400", "408"],
        ),
        Case::new(
            "bare line feeds",
            "GET /health HTTP/1.1\nHost: x\nConnection: close\n\n",
            &["", "200", "400"],
        ),
        Case::new("a long path", long_path, refused),
        Case::new("a long header", long_header, refused),
        Case::new("many headers", many_headers, refused),
    ];
    send_all(world, cases).await;
}

async fn a_body_that_breaks_off_does_not_stop_the_server(world: &Arc<World>) {
    let post = |length: &str, body: &str| {
        format!(
            "POST /ains/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{length}\r\n\r\n{body}"
        )
    };
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    let chunks = format!("{}0\r\n\r\n", chunk.repeat(32));
    let chunked = "Transfer-Encoding: chunked";
    let both = "Content-Length: 2\r\nTransfer-Encoding: chunked";
    let cases = vec![
        Case::new("too short", post("Content-Length: 100", "{"), &["", "400"]),
        Case::new("a negative length", post("Content-Length: -1", ""), &["", "400"]),
        Case::new(
            "a huge length",
            post("Content-Length: 18446744073709551615", "{"),
            &["", "400", "413"],
        ),
        Case::new(
            "a length beyond all",
            post("Content-Length: 99999999999999999999", "{"),
            &["", "400", "413"],
        ),
        Case::new(
            "two lengths",
            post("Content-Length: 2\r\nContent-Length: 3", "{}"),
            &["", "400"],
        ),
        Case::new("two codings", post(both, "0\r\n\r\n"), &["", "400", "422"]),
        Case::new("an odd chunk", post(chunked, "zz\r\n"), &["", "400"]),
        Case::new("half a chunk", post(chunked, "ff\r\n{"), &["", "400"]),
        Case::new("two mebibytes in chunks", post(chunked, &chunks), &["413"]),
    ];
    send_all(world, cases).await;
}

/// As when an agent is killed while it waits for work, or before it has read the answer.
async fn a_connection_that_is_given_up_does_not_stop_the_server(world: &Arc<World>) {
    let agent = Asker::new(world).estate().await.agent;
    let body = "{\"wait_seconds\":60}";
    let claim = format!(
        "POST /ains/agents/{agent}/claim HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let list = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20);
    for bytes in [&claim, &list].repeat(20) {
        let mut stream = connect(world);
        let _ = stream.write_all(bytes.as_bytes());
        drop(stream);
    }
    report(&is_alive(world).await.into_iter().collect::<Vec<_>>());
}
