//! What the settings do, seen from outside: the real program, its exit code and what it prints.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ains_testkit::{ServerProcess, SqliteFile};

const BINARY: &str = env!("CARGO_BIN_EXE_ains-server");

/// Runs the program to its end; for starts that fail.
fn run<K: AsRef<OsStr>>(args: &[&str], envs: &[(K, &str)]) -> Output {
    Command::new(BINARY)
        .args(args)
        .envs(envs.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What a failed start says: one line on standard error and nothing on standard output.
fn refusal(args: &[&str], envs: &[(&str, &str)], status: i32) -> String {
    let output = run(args, envs);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{args:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    assert!(
        said.starts_with("ains-server: ") && said.ends_with(".\n"),
        "{said}"
    );
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{args:?}");
    said
}

/// A server that has started, on a port of its own.
fn start(args: &[&str], envs: &[(&str, &str)]) -> ServerProcess {
    let args = ["--bind", "127.0.0.1:0"].iter().chain(args);
    ServerProcess::start(Path::new(BINARY), args, envs.iter().copied()).unwrap()
}

fn printed(server: &ServerProcess, text: &str) -> bool {
    server.stdout_lines().iter().any(|line| line.contains(text))
}

/// The admin key that it made.
fn made_key(server: &ServerProcess) -> Option<String> {
    let lines = server.stdout_lines();
    let key = lines.iter().find_map(|line| line.strip_prefix("  admin key  "))?;
    key.starts_with("ains_").then(|| key.to_owned())
}

/// Ends it in the way of an operator; everything it printed is there afterwards.
fn end(server: &mut ServerProcess) {
    assert!(server.terminate().unwrap().success(), "{}", server.output());
}

#[test]
fn a_wrong_value_ends_the_start_from_whatever_source_it_comes() {
    let said = refusal(&["--auth", "maybe"], &[], 2);
    assert_eq!(said, "ains-server: --auth must be `on` or `off`, not `maybe`.\n");
    let said = refusal(&[], &[("AINS_PG_WRITERS", "none")], 2);
    assert_eq!(
        said,
        "ains-server: AINS_PG_WRITERS must be a whole number from 1 to 64, not `none`.\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ains.toml");
    std::fs::write(&file, "agent_identity = true\n").unwrap();
    let file = file.to_str().unwrap();
    let said = refusal(&["--config", file], &[], 2);
    assert!(
        said.contains("`agent_identity` in `") && said.contains("`verify` or `hex-only`, not `true`"),
        "{said}"
    );
}

#[test]
fn a_file_with_an_unknown_setting_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ains.toml");
    std::fs::write(&file, "bind = \"127.0.0.1:0\"\ndatabase = \"sqlite://x.db\"\n").unwrap();
    let said = refusal(&[], &[("AINS_CONFIG", file.to_str().unwrap())], 2);
    assert!(
        said.contains("`database` in") && said.contains("the settings are database_url, bind,"),
        "{said}"
    );
    std::fs::write(&file, "bind = \"127.0.0.1:0\"\nseed = \n").unwrap();
    let said = refusal(&["--config", file.to_str().unwrap()], &[], 2);
    assert!(said.contains("is not a TOML file: line 2"), "{said}");
}

#[test]
fn authentication_is_not_off_where_others_can_reach_the_server() {
    let said = refusal(&["--bind", "0.0.0.0:0"], &[("AINS_AUTH", "off")], 2);
    assert!(
        said.contains("only on a loopback address") && said.contains("0.0.0.0:0"),
        "{said}"
    );
}

#[test]
fn a_database_that_cannot_be_reached_ends_the_start_without_its_password() {
    let url = "postgres://me:secret@127.0.0.1:1/ains";
    let said = refusal(&["--bind", "127.0.0.1:0", "--database-url", url], &[], 1);
    assert!(
        said.contains("could not open the database postgres://me@127.0.0.1:1/ains: "),
        "{said}"
    );
    assert!(!said.contains("secret"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/none/ains.db", folder.path().display());
    refusal(&["--bind", "127.0.0.1:0", "--database-url", &url], &[], 1);
}

#[test]
fn an_address_in_use_ends_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refusal(
        &["--bind", &address, "--database-url", "sqlite://:memory:"],
        &[],
        1,
    );
    assert!(said.contains(&format!("could not listen on {address}")), "{said}");
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let (first, second, third) = (SqliteFile::new(), SqliteFile::new(), SqliteFile::new());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ains.toml");
    std::fs::write(&file, format!("database_url = \"{}\"\nseed = 7\n", third.url())).unwrap();
    let file = file.to_str().unwrap();

    let mut by_file = start(&["--config", file], &[]);
    end(&mut by_file);
    assert!(
        third.path().exists() && printed(&by_file, &third.url()),
        "{}",
        by_file.output()
    );

    let mut by_environment = start(&["--config", file], &[("AINS_DATABASE_URL", &second.url())]);
    end(&mut by_environment);
    assert!(second.path().exists() && printed(&by_environment, &second.url()));

    let args = ["--config", file, "--database-url", &first.url()];
    let mut by_flag = start(&args, &[("AINS_DATABASE_URL", "nonsense")]);
    end(&mut by_flag);
    assert!(first.path().exists() && printed(&by_flag, &first.url()));
}

#[test]
fn a_variable_that_is_empty_is_as_good_as_unset() {
    let file = SqliteFile::new();
    let mut server = start(
        &["--database-url", &file.url()],
        &[("AINS_AUTH", ""), ("AINS_CONFIG", ""), ("AINS_SEED", "")],
    );
    end(&mut server);
    assert!(made_key(&server).is_some(), "{}", server.output());
}

#[test]
fn the_admin_key_is_made_once_and_shown_once() {
    let file = SqliteFile::new();
    let args = ["--database-url", &file.url()];
    let mut first = start(&args, &[]);
    end(&mut first);
    let key = made_key(&first).expect("the first start shows the key");
    assert_eq!(key.len(), "ains_".len() + 43);
    let mut second = start(&args, &[]);
    end(&mut second);
    assert!(
        !printed(&second, &key) && !printed(&second, "  ains_"),
        "{}",
        second.output()
    );
}

#[test]
fn no_key_is_made_where_one_was_given_or_none_is_needed() {
    for (args, envs) in [
        (&["--auth", "off"][..], &[][..]),
        (&[], &[("AINS_ADMIN_KEY", "given-by-a-script")]),
    ] {
        let file = SqliteFile::new();
        let mut server = start(&[args, &["--database-url", &file.url()]].concat(), envs);
        end(&mut server);
        assert_eq!(made_key(&server), None);
        assert!(!server.output().contains("given-by-a-script"));
        // It is made on the first start that needs it.
        let mut later = start(&["--database-url", &file.url()], &[]);
        end(&mut later);
        assert!(made_key(&later).is_some(), "{}", later.output());
    }
}

#[test]
fn the_help_names_every_setting() {
    let output = run::<&str>(&["--help"], &[("AINS_ADMIN_KEY", "hidden")]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for flag in [
        "--database-url",
        "--bind",
        "--auth",
        "--agent-identity",
        "--assignment-timeout-seconds",
        "--demo",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
    assert!(
        help.contains("AINS_WRITE_QUEUE") && !help.contains("hidden"),
        "{help}"
    );
    let output = run::<&str>(&["--version"], &[]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("ains-server {}\n", env!("CARGO_PKG_VERSION"))
    );
}
