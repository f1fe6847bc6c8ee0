//! The server on a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{rt, web};
use ains_http::{Auth, HttpState, Serving};
use ains_service::{Ains, Settings, SystemClock};
use ains_store::{Options, Store};
use ains_testkit::TestDb;

/// Starts a server; the database goes with its value.
async fn start(db: &TestDb) -> (SocketAddr, ServerHandle) {
    let options = Options::new(db.url().parse().expect("a URL"));
    let store = web::block(move || Store::open(&options))
        .await
        .expect("a thread")
        .expect("a store");
    let ains = Ains::start(store, Settings::default(), Arc::new(SystemClock))
        .await
        .expect("a service");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let state = HttpState::new(ains, Auth::Off, "1.2.3", 1);
    let how = Serving {
        workers: 1,
        connections: 1000,
        tls: None,
    };
    let server = ains_http::serve(listener, state, how).expect("a server");
    let handle = server.handle();
    rt::spawn(server);
    (address, handle)
}

/// Sends the pieces one after the other over one connection, and reads until the server closes it.
async fn exchange(address: SocketAddr, pieces: Vec<Vec<u8>>) -> String {
    web::block(move || {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a time-out");
        for piece in pieces {
            stream.write_all(&piece).expect("the server reads");
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the server answers");
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
    .expect("a thread")
}

fn post(headers: &str) -> Vec<u8> {
    format!("POST /ains/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}\r\n")
        .into_bytes()
}

#[actix_web::test]
async fn a_task_is_taken_over_the_wire_however_it_is_cut() {
    let db = TestDb::sqlite();
    let (address, server) = start(&db).await;
    let body = r#"{"client_id":"c","task_type":"t","capability_required":"x","input_data":{}}"#;
    let whole = vec![
        [
            post(&format!("Content-Length: {}\r\n", body.len())),
            body.as_bytes().to_vec(),
        ]
        .concat(),
    ];
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len()).into_bytes();
    let (start, end) = body.split_at(20);
    let cut = vec![
        post("Transfer-Encoding: chunked\r\n"),
        chunk(start),
        chunk(end),
        b"0\r\n\r\n".to_vec(),
    ];
    for pieces in [whole, cut] {
        let answer = exchange(address, pieces).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\"status\":\"PENDING\""), "{answer}");
    }
    server.stop(true).await;
}

#[actix_web::test]
async fn who_sends_too_much_gets_to_see_the_answer() {
    let db = TestDb::sqlite();
    let (address, server) = start(&db).await;
    let size = 6 << 20;
    let answer = exchange(
        address,
        vec![post(&format!("Content-Length: {size}\r\n")), vec![b'x'; size]],
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("/problems/body-too-large"), "{answer}");
    let mut chunks = vec![post("Transfer-Encoding: chunked\r\n")];
    for _ in 0..100 {
        chunks.push([b"10000\r\n".to_vec(), vec![b'x'; 0x10000], b"\r\n".to_vec()].concat());
    }
    chunks.push(b"0\r\n\r\n".to_vec());
    let answer = exchange(address, chunks).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    server.stop(true).await;
}

#[actix_web::test]
async fn a_connection_serves_on_after_a_problem() {
    let db = TestDb::sqlite();
    let (address, server) = start(&db).await;
    let broken = b"POST /ains/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n{".to_vec();
    let last = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec();
    let answer = exchange(address, vec![broken, last]).await;
    let statuses: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|rest| &rest[..3]).collect();
    assert_eq!(statuses, ["400", "200"], "{answer}");
    server.stop(true).await;
}

/// Follows until `enough` of the stream has come.
fn follow(address: SocketAddr, last: &str, enough: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time-out");
    let request =
        format!("GET /ains/events?types=task.created HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {last}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut seen = String::new();
    while !seen.contains(enough) {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).expect("the server goes on");
        assert_ne!(length, 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    seen
}

#[actix_web::test]
async fn what_happens_is_followed_over_the_wire_and_again_from_the_last_id() {
    let db = TestDb::sqlite();
    let (address, server) = start(&db).await;
    let body = r#"{"client_id":"c","task_type":"t","capability_required":"x","input_data":{}}"#;
    for _ in 0..2 {
        let request = [
            post(&format!("Content-Length: {}\r\n", body.len())),
            body.as_bytes().to_vec(),
        ];
        exchange(address, vec![request.concat()]).await;
    }
    // From the beginning: nothing has been told before the first task.
    let seen = web::block(move || follow(address, "0-end", "id: 2-0\n"))
        .await
        .expect("a thread");
    let first = seen
        .find("id: 1-0\nevent: task.created\ndata: {\"specversion\":\"1.0\",\"id\":\"1-0\",")
        .expect("the first");
    assert!(
        seen.find(": following\nid: 0-end\n\n").expect("a sign") < first,
        "{seen}"
    );
    let again = web::block(move || follow(address, "1-0", "id: 2-0\n"))
        .await
        .expect("a thread");
    assert!(
        again.contains(": following\nid: 1-0\n\n")
            && !again.contains("event: task.created\ndata: {\"specversion\":\"1.0\",\"id\":\"1-0\""),
        "{again}"
    );
    server.stop(false).await;
}
