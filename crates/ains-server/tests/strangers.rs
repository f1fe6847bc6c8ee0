//! Clients that mean no good, and pages of other sites: the real program against slow connections, preflights, forged
//! requests, and what a browser would do with an answer.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ains_testkit::ServerProcess;

const BINARY: &str = env!("CARGO_BIN_EXE_ains-server");
const KEY: &str = "key-of-the-tests";

/// Slow clients: more than a server without a high limit of open files could have.
const SLOW: usize = 1500;

fn start(args: &[&str]) -> ServerProcess {
    let common = ["--bind", "127.0.0.1:0", "--database-url", "sqlite://:memory:"];
    let args = common.iter().chain(args);
    ServerProcess::start(Path::new(BINARY), args, [("AINS_ADMIN_KEY", KEY)]).unwrap()
}

fn connect(server: &ServerProcess) -> TcpStream {
    let stream = TcpStream::connect(server.url().strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The head of the answer to a request, in lower case, and its body.
fn ask(server: &ServerProcess, request: &str, headers: &str) -> (String, String) {
    let mut stream = connect(server);
    write!(
        stream,
        "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

fn with_key(headers: &str) -> String {
    format!("x-api-key: {KEY}\r\n{headers}")
}

#[test]
fn slow_clients_keep_nobody_else_out() {
    let server = start(&[]);
    let heads = [
        "",
        "GET /ains/tasks HTTP/1.1\r\nhost: x\r\n",
        "POST /ains/tasks HTTP/1.1\r\nhost: x\r\n",
    ];
    let slow: Vec<TcpStream> = (0..SLOW)
        .map(|number| {
            let mut stream = connect(&server);
            let begun = match number % 4 {
                3 => format!("{}{}content-length: 1000\r\n\r\n{{", heads[2], with_key("")),
                other => heads[other].to_owned(),
            };
            stream.write_all(begun.as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..200 {
        let (head, _) = ask(&server, "GET /ains/stats", &with_key(""));
        assert!(head.starts_with("http/1.1 200 ok"), "{head}");
    }
    // They are let go: the first of each kind is answered with 408, or closed.
    for mut stream in slow.into_iter().take(3) {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
            "{answer}"
        );
    }
}

#[test]
fn more_connections_than_files_may_be_open_are_refused() {
    let output = Command::new("/bin/sh")
        .args(["-c", "ulimit -n 400 && exec \"$0\" \"$@\"", BINARY])
        .args(["--bind", "127.0.0.1:0", "--database-url", "sqlite://:memory:"])
        .args(["--max-connections", "1000"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("`max_connections` is 1000, but"), "{said}");
    assert!(said.contains("there are 144 at most"), "{said}");
}

#[test]
fn an_answer_is_safe_in_a_browser() {
    let server = start(&[]);
    let (head, _) = ask(&server, "GET /ains/stats", &with_key(""));
    for header in [
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
    ] {
        assert!(head.contains(header), "{header}: {head}");
    }
    assert!(
        !head.contains("strict-transport-security") && !head.contains("access-control"),
        "{head}"
    );
    // Refusals too.
    let (head, _) = ask(&server, "GET /ains/stats", "");
    assert!(
        head.starts_with("http/1.1 401") && head.contains("nosniff"),
        "{head}"
    );
    for page in ["/docs/", "/problems/not-found"] {
        let (head, body) = ask(&server, &format!("GET {page}"), &with_key(""));
        assert!(
            head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
            "{head}"
        );
        assert!(head.contains("x-frame-options: deny"), "{head}");
        // What the policy would keep from running is not there.
        let inline = body
            .split("<script")
            .skip(1)
            .filter(|script| !script.contains("src="));
        assert_eq!(inline.count(), 0, "{body}");
        assert!(!body.contains(" onload=") && !body.contains("https://"), "{body}");
    }
}

#[test]
fn pages_of_other_sites_ask_only_if_they_were_named() {
    const PREFLIGHT: &str =
        "access-control-request-method: POST\r\naccess-control-request-headers: x-api-key\r\n";
    let server = start(&["--cors-origins", "https://app.example"]);
    let preflight = |origin| {
        ask(
            &server,
            "OPTIONS /ains/tasks",
            &format!("origin: {origin}\r\n{PREFLIGHT}"),
        )
        .0
    };
    let head = preflight("https://app.example");
    assert!(head.starts_with("http/1.1 204"), "{head}");
    assert!(
        head.contains("access-control-allow-origin: https://app.example"),
        "{head}"
    );
    assert!(
        head.contains("access-control-allow-headers: authorization,") && head.contains("x-api-key"),
        "{head}"
    );
    assert!(
        head.contains("vary: origin") && !head.contains("allow-credentials"),
        "{head}"
    );
    let head = preflight("https://other.example");
    assert!(
        !head.contains("access-control") && !head.starts_with("http/1.1 2"),
        "{head}"
    );

    let asked = |origin| {
        ask(
            &server,
            "GET /ains/stats",
            &with_key(&format!("origin: {origin}\r\n")),
        )
        .0
    };
    assert!(asked("https://app.example").contains("access-control-allow-origin: https://app.example"));
    let head = asked("https://other.example");
    assert!(
        head.contains("vary: origin") && !head.contains("access-control"),
        "{head}"
    );
    // What was refused can be read as well.
    let (head, _) = ask(&server, "GET /ains/stats", "origin: https://app.example\r\n");
    assert!(
        head.starts_with("http/1.1 401") && head.contains("access-control-allow-origin"),
        "{head}"
    );

    // Unless origins are named there is nothing of all this.
    let closed = start(&[]);
    let (head, _) = ask(
        &closed,
        "OPTIONS /ains/tasks",
        &format!("origin: https://app.example\r\n{PREFLIGHT}"),
    );
    assert!(
        !head.contains("access-control") && !head.contains("vary"),
        "{head}"
    );
}

#[test]
fn a_page_of_another_site_changes_nothing_with_the_key_that_the_browser_knows() {
    let server = start(&["--cors-origins", "https://app.example"]);
    let from = |request: &str, headers: &str| {
        let (head, body) = ask(&server, request, &with_key(headers));
        (head.split(' ').nth(1).unwrap().to_owned(), body)
    };
    let post = "POST /ains/tasks/task_00000000000000000000000000000000/retry";
    for site in ["cross-site", "same-site"] {
        let (status, body) = from(post, &format!("sec-fetch-site: {site}\r\n"));
        assert_eq!(status, "403", "{body}");
        assert!(
            body.contains("A page of another site may not ask for this"),
            "{body}"
        );
    }
    for own in [
        "",
        "sec-fetch-site: same-origin\r\n",
        "sec-fetch-site: none\r\n",
        "sec-fetch-site: cross-site\r\norigin: https://app.example\r\n",
    ] {
        let (status, body) = from(post, own);
        assert_eq!(status, "404", "{own}: {body}");
    }
    let (status, _) = from("GET /ains/stats", "sec-fetch-site: cross-site\r\n");
    assert_eq!(status, "200", "a link may lead here");
}
