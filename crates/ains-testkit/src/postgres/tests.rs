//! The cluster starts, hands out databases, survives a crash and goes with its process.

use super::*;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Told to the process that is started only to be killed.
const HELPER: &str = "AINS_TESTKIT_HELPER";

/// How long the watchdog may take to clean up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shared cluster, or `None` where a test may be skipped.
fn shared() -> Option<&'static Cluster> {
    crate::TestDb::postgres()?;
    Some(Cluster::shared().unwrap())
}

/// The shared cluster if it is ours: what is about its process has no meaning on a server that was given.
fn shared_and_own() -> Option<&'static Cluster> {
    shared().filter(|cluster| cluster.own.is_some())
}

#[test]
fn a_database_is_reachable_and_empty() {
    let Some(cluster) = shared() else { return };
    let database = cluster.database().unwrap();
    assert_eq!(database.psql("select 1").unwrap(), "1");
    assert_eq!(
        database.psql("select current_database()").unwrap(),
        database.name()
    );
    assert_eq!(
        database
            .psql("select count(*) from pg_tables where schemaname = 'public'")
            .unwrap(),
        "0"
    );
}

#[test]
fn databases_do_not_see_each_other() {
    let Some(cluster) = shared() else { return };
    let (one, other) = (cluster.database().unwrap(), cluster.database().unwrap());
    assert_ne!(one.name(), other.name());
    one.psql("create table mine (id bigint)").unwrap();
    let refusal = other.psql("select * from mine").unwrap_err().to_string();
    assert!(refusal.contains("does not exist"), "{refusal}");
}

#[test]
fn databases_can_be_made_at_the_same_time() {
    let Some(cluster) = shared() else { return };
    let names = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    cluster
                        .database()
                        .unwrap()
                        .psql("select current_database()")
                        .unwrap()
                })
            })
            .collect();
        makers
            .into_iter()
            .map(|maker| maker.join().unwrap())
            .collect::<std::collections::BTreeSet<_>>()
    });
    assert_eq!(names.len(), 4);
}

#[test]
fn a_copy_holds_what_the_original_holds() {
    let Some(cluster) = shared() else { return };
    let original = cluster.database().unwrap();
    original
        .psql("create table kept (id bigint); insert into kept values (7)")
        .unwrap();
    let copy = cluster.database_like(&original).unwrap();
    assert_eq!(copy.psql("select id from kept").unwrap(), "7");
}

#[test]
fn a_dropped_database_is_gone_from_the_server() {
    let Some(cluster) = shared() else { return };
    let database = cluster.database().unwrap();
    let name = database.name().to_owned();
    drop(database);
    let watcher = cluster.database().unwrap();
    let left = watcher
        .psql(&format!(
            "select count(*) from pg_database where datname = '{name}'"
        ))
        .unwrap();
    assert_eq!(left, "0");
}

#[test]
fn the_socket_leads_to_the_same_database() {
    let Some(cluster) = shared_and_own() else { return };
    let database = cluster.database().unwrap();
    let through_socket = cluster
        .programs
        .psql(
            database.socket_url().unwrap(),
            "select current_database(), inet_server_addr() is null",
        )
        .unwrap();
    assert_eq!(through_socket, format!("{}|t", database.name()));
}

#[test]
fn the_shared_cluster_is_fast_and_takes_many_connections() {
    let Some(cluster) = shared_and_own() else { return };
    let database = cluster.database().unwrap();
    assert_eq!(database.psql("show fsync").unwrap(), "off");
    assert_eq!(database.psql("show max_connections").unwrap(), "200");
}

#[test]
fn a_durable_cluster_keeps_what_was_committed_through_a_crash() {
    if shared_and_own().is_none() {
        return;
    }
    let cluster = Cluster::durable().unwrap();
    let folder = cluster.folder().unwrap().to_owned();
    let database = cluster.database().unwrap();
    assert_eq!(database.psql("show fsync").unwrap(), "on");
    database
        .psql("create table kept (id bigint); insert into kept values (7)")
        .unwrap();
    cluster.crash().unwrap();
    assert!(database.psql("select 1").is_err());
    cluster.restart().unwrap();
    assert_eq!(database.psql("select id from kept").unwrap(), "7");
    drop(database);
    drop(cluster);
    assert!(!folder.exists(), "the folder goes with the cluster");
}

/// Started by the test below, by its name, as a process of its own.
#[test]
fn the_helper_process_waits_for_its_end_with_a_cluster() {
    if environment::setting(HELPER).is_none() {
        return;
    }
    let cluster = Cluster::start(Durability::Fast).unwrap();
    println!(
        "\nhelper {} {}",
        cluster.port().unwrap(),
        cluster.folder().unwrap().display()
    );
    // The test never writes and never closes: only a kill ends this.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn the_watchdog_cleans_up_after_a_killed_process() {
    if shared_and_own().is_none() {
        return;
    }
    let mut helper = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "postgres::tests::the_helper_process_waits_for_its_end_with_a_cluster",
            "--nocapture",
        ])
        .env(HELPER, "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(helper.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let told = lines
        .into_iter()
        .find_map(|line| line.strip_prefix("helper ").map(str::to_owned));
    let told = told.expect("the helper starts a cluster");
    let (port, folder) = told.split_once(' ').unwrap();
    let (port, folder): (u16, &Path) = (port.parse().unwrap(), Path::new(folder));
    assert!(folder.exists());
    TcpStream::connect(("127.0.0.1", port)).unwrap();

    helper.kill().unwrap();
    helper.wait().unwrap();

    let killed = Instant::now();
    while folder.exists() && killed.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!folder.exists(), "the folder is gone {PATIENCE:?} after the kill");
    TcpStream::connect(("127.0.0.1", port)).expect_err("the server is gone before its folder");
}

#[test]
fn only_the_database_of_a_url_is_replaced() {
    let cases = [
        (
            "postgres://postgres@127.0.0.1:5432/postgres",
            "postgres://postgres@127.0.0.1:5432/new",
        ),
        ("postgres://host", "postgres://host/new"),
        (
            "postgres://u:p@host/db?sslmode=disable",
            "postgres://u:p@host/new?sslmode=disable",
        ),
        (
            "postgres:///db?host=/run/postgresql",
            "postgres:///new?host=/run/postgresql",
        ),
        (
            "postgresql://u@%2Frun%2Fpg:5433/db",
            "postgresql://u@%2Frun%2Fpg:5433/new",
        ),
    ];
    for (url, expected) in cases {
        assert_eq!(with_database(url, "new"), expected);
    }
}

#[test]
fn a_missing_postgres_says_how_to_get_it() {
    let text = Unavailable::NotInstalled.to_string();
    assert!(text.contains("apt-get install postgresql"), "{text}");
    assert!(text.contains(environment::POSTGRES_URL), "{text}");
}
