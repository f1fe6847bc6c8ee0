//! Calls to a receiver made by hand, over real connections.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "calls/receiver.rs"]
mod receiver;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ains_core::Timestamp;
use ains_core::webhook::{Attempt, Outcome};
use ains_webhook::{Caller, Lookup, Names, Options, Refused, Rules};

use receiver::Receiver;

/// The instant of the attempts, in seconds; the reference library compares it with its clock.
fn now() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the reference library looks at the real clock"
    )]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.unwrap().as_secs()).unwrap()
}

fn an_attempt(url: &str, secrets: &[&str]) -> Attempt {
    Attempt {
        url: url.into(),
        id: "delivery_019b76da7800700080000000000000aa".parse().unwrap(),
        at: Timestamp::from_micros(now() * 1_000_000 + 999_999),
        body: r#"{"type":"task.completed","ü":1}"#.into(),
        secrets: secrets.iter().map(|secret| secret.parse().unwrap()).collect(),
    }
}

const ALL: Rules = Rules { allow_private: true };

fn caller(rules: Rules) -> Caller {
    let timeout = Duration::from_millis(300);
    Caller::new(Options {
        rules,
        timeout,
        ..Options::default()
    })
    .unwrap()
}

/// What becomes of an attempt that is answered with `answer`.
async fn answered(answer: impl Into<Vec<u8>>) -> Outcome {
    let receiver = Receiver::answering(answer).await;
    caller(ALL).call(&an_attempt(&receiver.url("/"), &["s"])).await
}

fn failure(outcome: Outcome) -> (Option<u16>, String, Option<Duration>) {
    match outcome {
        Outcome::Failed {
            code,
            error,
            retry_after,
        } => (code, error, retry_after),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_reference_library_verifies_what_is_sent_with_either_secret() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "an older one, as it is"];
    let attempt = an_attempt(&receiver.url("/hook?a=b#c"), &secrets);
    assert_eq!(caller(ALL).call(&attempt).await, Outcome::Delivered(200));
    let seen = receiver.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].line, "POST /hook?a=b HTTP/1.1");
    assert_eq!(seen[0].body, attempt.body.as_bytes());
    assert_eq!(seen[0].header("content-type"), "application/json");
    assert!(seen[0].header("user-agent").starts_with("AINS-Webhook/"));
    assert_eq!(seen[0].header("webhook-id"), attempt.id.to_string());
    let stamp: i64 = seen[0].header("webhook-timestamp").parse().unwrap();
    assert_eq!(stamp, attempt.at.as_micros() / 1_000_000);
    let marked = standardwebhooks::Webhook::new(secrets[0]).unwrap();
    let plain = standardwebhooks::Webhook::from_bytes(secrets[1].as_bytes().to_vec()).unwrap();
    let wrong = standardwebhooks::Webhook::from_bytes(b"another".to_vec()).unwrap();
    for verifier in [&marked, &plain] {
        verifier.verify(&seen[0].body, &seen[0].headers()).unwrap();
    }
    assert!(wrong.verify(&seen[0].body, &seen[0].headers()).is_err());
    assert!(marked.verify(b"{}", &seen[0].headers()).is_err());
    let hex = seen[0]
        .header("x-webhook-signature")
        .strip_prefix("sha256=")
        .unwrap();
    assert!(hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[tokio::test]
async fn every_status_code_means_what_the_contract_says() {
    for code in [200, 201, 202, 204, 206, 299] {
        let outcome = answered(format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!(outcome, Outcome::Delivered(code));
    }
    for code in [
        300, 301, 302, 304, 307, 308, 400, 401, 404, 408, 429, 500, 502, 503, 599,
    ] {
        let outcome = answered(format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!(failure(outcome).0, Some(code));
    }
    let gone = answered("HTTP/1.1 410 Gone\r\nretry-after: 5\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(gone, Outcome::Gone);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let other = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    for code in [301, 302, 303, 307, 308] {
        let place = other.url("/");
        let answer = format!("HTTP/1.1 {code} X\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n");
        let (found, error, _) = failure(answered(answer).await);
        assert_eq!(found, Some(code));
        assert_eq!(error, format!("answered with {code}; redirects are not followed"));
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_receiver_says_how_long_it_wants_to_be_left_alone() {
    let asked = async |value: &str| {
        let answer = format!("HTTP/1.1 503 X\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n");
        failure(answered(answer).await).2
    };
    assert_eq!(asked("120").await, Some(Duration::from_secs(120)));
    assert_eq!(asked("999999999").await, Some(Duration::from_secs(86_400)));
    assert_eq!(
        asked("Fri, 31 Dec 9999 23:59:59 GMT").await,
        Some(Duration::from_secs(86_400))
    );
    assert_eq!(asked("Thu, 01 Jan 1970 00:00:00 GMT").await, Some(Duration::ZERO));
    assert_eq!(asked("\u{ff}soon").await, None);
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure_within_the_time_out() {
    let broken = "the connection broke, or the answer was not HTTP";
    for answer in [
        "",
        "garbage\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ] {
        let (code, error, _) = failure(answered(answer).await);
        assert_eq!((code, error.as_str()), (None, broken), "{answer:?}");
    }
    let silent = Receiver::silent().await;
    let (code, error, _) = failure(caller(ALL).call(&an_attempt(&silent.url("/"), &["s"])).await);
    assert_eq!((code, error.as_str()), (None, "no answer within 0.3 s"));
    let gone = Receiver::silent().await.url("/");
    let (code, error, _) = failure(caller(ALL).call(&an_attempt(&gone, &["s"])).await);
    assert_eq!(code, None);
    assert!(error.starts_with("could not connect: "), "{error}");
}

#[tokio::test]
async fn a_head_that_comes_slowly_is_a_failure_and_a_body_that_comes_slowly_is_none() {
    let slow = Receiver::dripping("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 0).await;
    let (_, error, _) = failure(caller(ALL).call(&an_attempt(&slow.url("/"), &["s"])).await);
    assert_eq!(error, "no answer within 0.3 s");
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
    let slow = Receiver::dripping(&format!("{head}{}", "x".repeat(100_000)), head.len()).await;
    let outcome = caller(ALL).call(&an_attempt(&slow.url("/"), &["s"])).await;
    assert_eq!(outcome, Outcome::Delivered(200));
}

#[tokio::test]
async fn an_endless_answer_is_not_read() {
    let receiver = Receiver::endless().await;
    let outcome = caller(ALL).call(&an_attempt(&receiver.url("/"), &["s"])).await;
    assert_eq!(outcome, Outcome::Delivered(200));
    // The connection is closed under it; what it got rid of is what the system's buffers took.
    assert!(receiver.endless_ended().await < 64 * 1024 * 1024);
}

#[tokio::test]
async fn a_connection_is_used_again_unless_more_came_over_it_than_is_read() {
    for (length, again) in [(0, true), (2, true), (16_384, true), (1_000_000, false)] {
        let body = "x".repeat(length);
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
        let receiver = Receiver::keeping(answer).await;
        let caller = caller(ALL);
        for _ in 0..20 {
            let outcome = caller.call(&an_attempt(&receiver.url("/"), &["s"])).await;
            assert_eq!(outcome, Outcome::Delivered(200));
        }
        assert_eq!(receiver.seen().len(), 20);
        // It may be a moment before a connection is known to be free.
        assert_eq!(
            receiver.connections() < 20,
            again,
            "{length}: {}",
            receiver.connections()
        );
    }
}

#[tokio::test]
async fn an_address_that_may_not_be_called_is_judged_before_each_attempt() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let port = receiver.port();
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "localhost",
        "0",
    ] {
        let attempt = an_attempt(&format!("http://{host}:{port}/"), &["s"]);
        let (code, error, _) = failure(caller(Rules::default()).call(&attempt).await);
        assert_eq!(code, None);
        assert_eq!(error, format!("the address {}", Refused::Private), "{host}");
    }
    assert_eq!(receiver.connections(), 0);
}

/// Answers with the next list of addresses each time; with the last one from then on.
#[derive(Debug)]
struct Rebinding {
    answers: Vec<Vec<&'static str>>,
    asked: AtomicUsize,
}

impl Rebinding {
    fn new(answers: &[&[&'static str]]) -> Arc<Self> {
        Arc::new(Self {
            answers: answers.iter().map(|answer| answer.to_vec()).collect(),
            asked: AtomicUsize::new(0),
        })
    }

    fn caller(self: &Arc<Self>, rules: Rules) -> Caller {
        let timeout = Duration::from_millis(300);
        let names = Arc::clone(self) as Arc<dyn Names>;
        Caller::new(Options {
            rules,
            names,
            timeout,
        })
        .unwrap()
    }
}

impl Names for Rebinding {
    fn lookup(&self, _name: &str) -> Lookup {
        let turn = self
            .asked
            .fetch_add(1, Ordering::Relaxed)
            .min(self.answers.len() - 1);
        let found: Vec<IpAddr> = self.answers[turn].iter().map(|ip| ip.parse().unwrap()).collect();
        let found = if found.is_empty() {
            Err(io::Error::other("no such name"))
        } else {
            Ok(found)
        };
        Box::pin(async move { found })
    }
}

#[tokio::test]
async fn a_name_is_judged_by_all_its_addresses_when_it_is_registered() {
    for (addresses, expected) in [
        (&["8.8.8.8"][..], Ok(())),
        (&["8.8.8.8", "2606:4700:4700::1111"], Ok(())),
        (&["127.0.0.1"], Err(Refused::Private)),
        (&["8.8.8.8", "10.0.0.1"], Err(Refused::Private)),
        (&["8.8.8.8", "::ffff:169.254.169.254"], Err(Refused::Private)),
        (&["fd00:ec2::254"], Err(Refused::Private)),
        (&[], Ok(())),
    ] {
        let caller = Rebinding::new(&[addresses]).caller(Rules::default());
        assert_eq!(
            caller.judge("https://hook.example/").await,
            expected,
            "{addresses:?}"
        );
    }
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_by_the_time_it_is_called_is_not_followed_there() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("http://hook.example:{}/", receiver.port());
    let names = Rebinding::new(&[&["8.8.8.8"], &["127.0.0.1"]]);
    let caller = names.caller(Rules::default());
    assert_eq!(caller.judge(&url).await, Ok(()));
    let (_, error, _) = failure(caller.call(&an_attempt(&url, &["s"])).await);
    assert_eq!(error, format!("the address {}", Refused::Private));
    assert_eq!(receiver.connections(), 0);
    assert_eq!(
        names.asked.load(Ordering::Relaxed),
        2,
        "what was checked is what is called"
    );
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_the_check_and_the_connection() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("http://hook.example:{}/", receiver.port());
    // Were it asked again to connect, it would lead nowhere.
    let names = Rebinding::new(&[&["127.0.0.1"], &[]]);
    let outcome = names.caller(ALL).call(&an_attempt(&url, &["s"])).await;
    assert_eq!(outcome, Outcome::Delivered(200));
    assert_eq!(names.asked.load(Ordering::Relaxed), 1);
    assert_eq!(
        receiver.seen()[0].header("host"),
        format!("hook.example:{}", receiver.port())
    );
}

#[tokio::test]
async fn a_name_without_addresses_fails_to_connect() {
    let caller = Rebinding::new(&[&[]]).caller(Rules::default());
    let (code, error, _) = failure(caller.call(&an_attempt("http://hook.example/", &["s"])).await);
    assert_eq!(code, None);
    assert_eq!(error, "could not connect: no such name");
}

#[tokio::test]
async fn a_https_address_is_called_by_tls() {
    // It does not speak TLS, so the attempt fails; but what came is the beginning of a handshake.
    let receiver = Receiver::answering("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let url = receiver.url("/").replace("http://", "https://");
    let (code, error, _) = failure(caller(ALL).call(&an_attempt(&url, &["s"])).await);
    assert_eq!(code, None);
    assert!(error.starts_with("could not connect: "), "{error}");
    assert_eq!(receiver.first_bytes()[..2], [0x16, 0x03]);
}
