//! The key that secrets are kept with, seen from outside: the file beside the database, and the setting.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ains_testkit::{ServerProcess, SqliteFile, TestDb};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_ains-server");
const ONE: &str = "0101010101010101010101010101010101010101010101010101010101010101";
const TWO: &str = "0202020202020202020202020202020202020202020202020202020202020202";

fn start(url: &str, envs: &[(&str, &str)]) -> ServerProcess {
    let args = [
        "--bind",
        "127.0.0.1:0",
        "--auth",
        "off",
        "--webhook-allow-private",
        "on",
        "--database-url",
        url,
    ];
    ServerProcess::start(Path::new(BINARY), args, envs.iter().copied()).unwrap()
}

fn end(server: &mut ServerProcess) {
    assert!(server.terminate().unwrap().success(), "{}", server.output());
}

/// What a start says that fails.
fn refusal(url: &str, envs: &[(&str, &str)], status: i32) -> String {
    let output = Command::new(BINARY)
        .args(["--bind", "127.0.0.1:0", "--database-url", url])
        .envs(envs.iter().copied())
        .env("AINS_LOG", "off")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

fn key_file(file: &SqliteFile) -> PathBuf {
    PathBuf::from(format!("{}.key", file.path().display()))
}

#[tokio::main(flavor = "current_thread")]
async fn register(server: &ServerProcess) -> (u16, Value) {
    let hook = json!({"agent_id": "c", "url": "http://127.0.0.1:1/hook", "events": ["task.*"]});
    let url = format!("{}/ains/webhooks", server.url());
    let answer = reqwest::Client::new().post(url).json(&hook).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[test]
fn a_key_is_made_on_the_first_start_for_its_owner_alone() {
    let file = SqliteFile::new();
    end(&mut start(&file.url(), &[]));
    let path = key_file(&file);
    let key = fs::read_to_string(&path).unwrap();
    assert_eq!(key.trim_end().len(), 64);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut again = start(&file.url(), &[]);
    end(&mut again);
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        key,
        "it is the same ever after"
    );
    assert!(!again.output().contains(key.trim_end()));
}

#[test]
fn a_key_file_that_others_may_read_ends_the_start() {
    let file = SqliteFile::new();
    let path = key_file(&file);
    fs::write(&path, ONE).unwrap();
    for mode in [0o644, 0o640, 0o602] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let said = refusal(&file.url(), &[], 1);
        assert!(
            said.contains("others than its owner may read the key file"),
            "{said}"
        );
        assert!(said.contains("chmod 600") && !said.contains(ONE), "{said}");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    end(&mut start(&file.url(), &[]));
}

#[test]
fn what_is_no_key_ends_the_start_without_being_repeated() {
    let file = SqliteFile::new();
    let said = refusal(&file.url(), &[("AINS_SECRET_KEY", "hunter2")], 2);
    assert!(
        said.contains("AINS_SECRET_KEY must be 1 to 16 keys of 64 hexadecimal digits"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
    let path = key_file(&file);
    fs::write(&path, "hunter2").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let said = refusal(&file.url(), &[], 1);
    assert!(said.contains("cannot be used: it: is not 1 to 16 keys"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_key_that_is_given_needs_no_file() {
    let file = SqliteFile::new();
    let server = start(&file.url(), &[("AINS_SECRET_KEY", ONE)]);
    assert_eq!(register(&server).0, 200);
    assert!(!key_file(&file).exists());
}

#[test]
fn another_key_than_before_is_told_of_and_stops_nothing_else() {
    let file = SqliteFile::new();
    let mut server = start(&file.url(), &[("AINS_SECRET_KEY", ONE)]);
    assert_eq!(register(&server).0, 200);
    end(&mut server);
    let locked = "cannot be opened with the keys that were given";
    let mut server = start(&file.url(), &[("AINS_SECRET_KEY", TWO)]);
    end(&mut server);
    assert!(server.output().contains(locked), "{}", server.output());
    for keys in [&*format!("{TWO},{ONE}"), TWO] {
        let mut server = start(&file.url(), &[("AINS_SECRET_KEY", keys)]);
        end(&mut server);
        assert!(!server.output().contains(locked), "{}", server.output());
    }
}

#[test]
fn on_postgres_a_server_without_a_key_registers_no_webhook_and_says_so() {
    let Some(db) = TestDb::postgres() else { return };
    let mut server = start(&db.url(), &[]);
    let (status, problem) = register(&server);
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("/problems/unavailable")),
        "{problem}"
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("AINS_SECRET_KEY"),
        "{problem}"
    );
    end(&mut server);
    assert!(
        server
            .output()
            .contains("no key was given to keep the secrets of webhooks with")
    );
    let server = start(&db.url(), &[("AINS_SECRET_KEY", ONE)]);
    assert_eq!(register(&server).0, 200);
}
