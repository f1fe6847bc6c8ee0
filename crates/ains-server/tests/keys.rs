//! `ains-server key …` beside a server that runs: what it makes opens, what it revokes does not.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use ains_testkit::{ServerProcess, SqliteFile};

const BINARY: &str = env!("CARGO_BIN_EXE_ains-server");

/// Within this every server has heard of a change of a key; what is waited for at most is much longer.
const PATIENCE: Duration = Duration::from_secs(20);

fn key(url: &str, args: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.arg("key").args(args).args(["--database-url", url]);
    command.output().unwrap()
}

/// What is printed on standard output, which is all that a script takes.
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim_end()
        .to_owned()
}

async fn status(server: &ServerProcess, secret: &str) -> u16 {
    let url = format!("{}/ains/tasks", server.url());
    let answer = reqwest::Client::new().get(url).header("x-api-key", secret).send();
    answer.await.unwrap().status().as_u16()
}

#[tokio::test]
async fn keys_are_made_rotated_and_revoked_beside_a_running_server() {
    let file = SqliteFile::new();
    let url = file.url();
    let before = printed(&key(&url, &["create", "--name", "ops", "--scope", "admin"]));
    let args = ["--bind", "127.0.0.1:0", "--database-url", &url];
    let server = ServerProcess::start(Path::new(BINARY), args, [("AINS_ADMIN_KEY", "")]).unwrap();
    assert!(
        !server.output().contains("shown only this once"),
        "there is an admin key"
    );
    assert_eq!(status(&server, &before).await, 200);

    let made = printed(&key(
        &url,
        &[
            "create",
            "--name",
            "c's",
            "--client",
            "c",
            "--scope",
            "task:*,chain:read",
            "--per-minute",
            "none",
            "--per-hour",
            "none",
        ],
    ));
    assert!(made.starts_with("ains_") && made.len() == 48, "{made}");
    assert_eq!(status(&server, &made).await, 200);
    let listed = printed(&key(&url, &["list", "--client", "c"]));
    assert!(
        listed.contains("`c's` of client c [task:read,task:write,chain:read], good"),
        "{listed}"
    );
    assert!(!listed.contains("ops") && !listed.contains(&made), "{listed}");
    let id = listed.split(' ').next().unwrap();

    let rotated = printed(&key(&url, &["rotate", id, "--grace-seconds", "0"]));
    assert_eq!(status(&server, &rotated).await, 200);
    turns_away(&server, &made).await;
    assert!(key(&url, &["revoke", id]).status.success());
    turns_away(&server, &rotated).await;
    assert_eq!(printed(&key(&url, &["list", "--client", "c"])), "");
    let all = printed(&key(&url, &["list", "--client", "c", "--all"]));
    assert!(all.contains("revoked"), "{all}");
    assert_eq!(status(&server, &before).await, 200);
    assert!(!server.output().contains(&made) && !server.output().contains(&rotated));
}

/// A claim that waits a minute for work, of which there is none, and a stream of what happens: both end with their key.
#[tokio::test]
async fn what_lasts_ends_with_its_key() {
    let file = SqliteFile::new();
    let url = file.url();
    let args = [
        "--bind",
        "127.0.0.1:0",
        "--database-url",
        &url,
        "--agent-identity",
        "hex-only",
    ];
    let server =
        ServerProcess::start(Path::new(BINARY), args, [("AINS_ADMIN_KEY", "key-of-the-tests")]).unwrap();
    let agent = serde_json::json!({
        "agent_id": "a1", "public_key": "aa".repeat(32), "display_name": "a1", "endpoint": "http://127.0.0.1:1",
        "signature": "bb".repeat(64), "tags": ["text:v1"], "shared": true,
    });
    let client = reqwest::Client::new();
    let registered = client.post(format!("{}/ains/agents", server.url()));
    let registered = registered
        .header("x-api-key", "key-of-the-tests")
        .json(&agent)
        .send()
        .await
        .unwrap();
    assert_eq!(registered.status(), 200);
    let scopes = ["create", "--name", "k", "--scope", "admin"];
    let secret = printed(&key(&url, &scopes));
    let listed = printed(&key(&url, &["list"]));
    let id = listed.split(' ').next().unwrap();

    let mut stream = client
        .get(format!("{}/ains/events", server.url()))
        .header("x-api-key", &secret)
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), 200);
    let first = stream.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"retry:"), "{first:?}");
    let claim = client.post(format!("{}/ains/agents/a1/claim", server.url()));
    let claim = claim
        .header("x-api-key", &secret)
        .json(&serde_json::json!({"wait_seconds": 60}));
    let claim = tokio::spawn(claim.send());

    assert!(key(&url, &["revoke", id]).status.success());
    let refused = tokio::time::timeout(PATIENCE, claim)
        .await
        .expect("the claim ends")
        .unwrap()
        .unwrap();
    assert_eq!(refused.status(), 401);
    let ended = tokio::time::timeout(PATIENCE, async {
        while stream.chunk().await.unwrap().is_some() {}
    });
    ended.await.expect("the stream ends");
}

/// Asks until the key is refused.
async fn turns_away(server: &ServerProcess, secret: &str) {
    let begun = Instant::now();
    loop {
        match status(server, secret).await {
            401 => return,
            other => assert!(begun.elapsed() < PATIENCE, "still {other}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn what_cannot_be_is_refused_in_a_sentence() {
    let file = SqliteFile::new();
    for (args, status, sentence) in [
        (
            &["create", "--name", "x", "--scope", "task:read"][..],
            1,
            "ains-server: a key that is not an admin's is bound to a client or an agent.\n",
        ),
        (
            &[
                "create",
                "--name",
                "x",
                "--client",
                "c",
                "--scope",
                "task:read",
                "--per-minute",
                "0",
            ],
            2,
            "ains-server: --per-minute must be 1 to 10000000, or `none`, not `0`.\n",
        ),
        (
            &["revoke", "key_00000000000000000000000000000000"],
            1,
            "ains-server: API key `key_00000000000000000000000000000000` does not exist.\n",
        ),
    ] {
        let output = key(&file.url(), args);
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), sentence);
        assert!(output.stdout.is_empty(), "{output:?}");
    }
    let unknown = key(&file.url(), &["create", "--name", "x", "--scope", "tasks"]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("`tasks` is no scope"));
}
