use super::*;

fn read(args: &[&str]) -> Result<Config, Fault> {
    let args = ["ains-server"].iter().chain(args).map(OsString::from);
    Config::read(args)
}

fn refusal(args: &[&str]) -> String {
    read(args).expect_err("it cannot be right").to_string()
}

#[test]
fn the_defaults_are_as_documented() {
    let config = read(&[]).unwrap();
    assert_eq!(config.database, Location::SqliteFile("ains.db".into()));
    assert_eq!(config.bind, Bind::Exactly("127.0.0.1:8000".parse().unwrap()));
    assert_eq!(config.auth, Auth::On);
    assert!(config.service.verify_identity);
    assert_eq!(config.service.assignment_timeout, Duration::from_mins(1));
    assert!(!config.webhook_rules.allow_private);
    let plan = config.service.webhook_retries.to_string();
    assert_eq!(plan, "0,5,30,300,1800,7200,21600,43200,86400");
    assert_eq!(
        (config.service.address_limit, config.service.guess_limit),
        (6000, 600)
    );
    assert_eq!(config.proxies, TrustedProxies::default());
    assert!((1..=4).contains(&config.http_workers));
    assert_eq!(config.demo, None);
}

#[test]
fn the_demo_leaves_nothing_behind_and_finds_itself_a_port() {
    let config = read(&["--demo"]).unwrap();
    assert_eq!(config.database, Location::Temporary);
    assert_eq!(config.bind, Bind::Preferably(ADDRESS));
    assert!(config.demo.is_some());
    let config = read(&[
        "--demo",
        "--database-url",
        "sqlite://kept.db",
        "--bind",
        "127.0.0.1:0",
    ])
    .unwrap();
    assert_eq!(config.database, Location::SqliteFile("kept.db".into()));
    assert_eq!(config.bind, Bind::Exactly("127.0.0.1:0".parse().unwrap()));
}

#[test]
fn every_wrong_value_is_refused_in_one_sentence() {
    let cases = [
        (
            &["--auth", "maybe"][..],
            "--auth must be `on` or `off`, not `maybe`",
        ),
        (
            &["--agent-identity", "none"],
            "--agent-identity must be `verify` or `hex-only`, not `none`",
        ),
        (
            &["--webhook-allow-private", "perhaps"],
            "--webhook-allow-private must be `on` or `off`",
        ),
        (
            &["--webhook-retry-seconds", "5,soon"],
            "--webhook-retry-seconds must be at most 50 whole numbers of seconds up to 2592000 with commas between \
             them, not `5,soon`",
        ),
        (
            &["--address-limit-per-minute", "-1"],
            "--address-limit-per-minute must be a whole number from 0 to 4294967295, not `-1`",
        ),
        (
            &["--guess-limit-per-minute", "many"],
            "--guess-limit-per-minute must be a whole number from 0 to 4294967295, not `many`",
        ),
        (
            &["--trusted-proxies", "10.0.0.0/33"],
            "--trusted-proxies must be IP addresses and networks with commas between them, such as \
             10.0.0.7,192.168.0.0/16, not `10.0.0.0/33`",
        ),
        (
            &["--bind", "8000"],
            "--bind must be an IP address and a port, such as",
        ),
        (
            &["--bind", "localhost:70000"],
            "--bind must be an IP address and a port, such as",
        ),
        (
            &["--seed", "-1"],
            "--seed must be a whole number from 0 to 18446744073709551615, not `-1`",
        ),
        (
            &["--pg-writers", "0"],
            "--pg-writers must be a whole number from 1 to 64, not `0`",
        ),
        (
            &["--write-queue", "many"],
            "--write-queue must be a whole number from 1 to 1000000, not `many`",
        ),
        (
            &["--http-workers", "300"],
            "--http-workers must be a whole number from 1 to 256, not `300`",
        ),
        (
            &["--assignment-timeout-seconds", "86401"],
            "--assignment-timeout-seconds must be a whole number from 1 to 86400, not `86401`",
        ),
        (
            &["--log", "loud"],
            "--log must be `off`, `error`, `warn`, `info`, `debug` or `trace`",
        ),
        (&["--log", "info,=debug"], "--log must be `off`"),
        (&["--auth", ""], "--auth must be `on` or `off`, not ``"),
        (
            &["--admin-key", "two words"],
            "--admin-key must be one or more visible ASCII characters without spaces",
        ),
        (
            &["--demo", "no/such/folder"],
            "--demo must be a folder that can be read, not `no/such/folder`",
        ),
        (
            &["--tls-cert", "cert.pem"],
            "--tls-cert needs `tls_key` beside it",
        ),
        (&["--tls-key", "key.pem"], "--tls-key needs `tls_cert` beside it"),
        (
            &["--tls-cert", "no-such.pem", "--tls-key", "no-such.pem"],
            "--tls-cert must be a file with a certificate in PEM, not `no-such.pem`: No such file",
        ),
        (
            &["--config", "no-such.toml"],
            "the settings in `no-such.toml` could not be read",
        ),
    ];
    for (args, sentence) in cases {
        let refusal = refusal(args);
        assert!(
            refusal.starts_with(sentence) && !refusal.contains('\n'),
            "{args:?}: {refusal}"
        );
    }
}

#[test]
fn a_password_is_not_repeated() {
    let refusal = refusal(&["--database-url", "mysql://me:secret@host/db"]);
    assert_eq!(
        refusal,
        "--database-url cannot be used: the database address is none of sqlite://PATH, sqlite://:memory: and \
         postgres://USER@HOST/NAME"
    );
}

#[test]
fn authentication_is_off_only_where_nobody_else_can_reach() {
    for address in ["127.0.0.1:0", "127.1.2.3:8000", "[::1]:0", "localhost:8000"] {
        assert_eq!(
            read(&["--auth", "off", "--bind", address]).unwrap().auth,
            Auth::Off,
            "{address}"
        );
    }
    for address in ["0.0.0.0:8000", "[::]:8000", "192.0.2.1:8000"] {
        let refusal = refusal(&["--auth", "off", "--bind", address]);
        assert!(refusal.contains("only on a loopback address"), "{refusal}");
    }
}

#[test]
fn the_log_can_be_set_by_part() {
    let config = read(&["--log", "warn, ains_http=DEBUG"]).unwrap();
    let allowed = |target, level| config.log.would_enable(target, &level);
    assert!(allowed("ains_http::front", tracing::Level::DEBUG));
    assert!(!allowed("ains_store", tracing::Level::INFO));
}

#[test]
fn ended_tasks_are_kept_unless_a_time_is_named() {
    let retention = |args: &[&str]| read(args).unwrap().service.task_retention;
    assert_eq!(retention(&[]), None);
    assert_eq!(retention(&["--task-retention-seconds", "0"]), None);
    let day = std::time::Duration::from_secs(86_400);
    assert_eq!(retention(&["--task-retention-seconds", "86400"]), Some(day));
    let refusal = refusal(&["--task-retention-seconds", "-1"]);
    assert!(
        refusal.starts_with("--task-retention-seconds must be a whole number from 0 to 3162240000"),
        "{refusal}"
    );
}
