//! A limit is neither overshot nor left unused, whatever comes at once.

use std::collections::BTreeMap;

use ains_testkit::{ServerProcess, TestDb};
use tokio::task::JoinSet;

use crate::servers::{Connection, OPERATOR, run, serve};

/// Requests a minute.
const LIMIT: u32 = 100;

/// Connections at once.
const CONNECTIONS: usize = 8;

/// Requests that a connection makes at most: in two minutes, all that may pass and some that may not.
const MOST: usize = 1000;

#[test]
fn exactly_a_hundred_pass_in_a_minute_on_sqlite() {
    exactly_a_hundred_pass(&TestDb::sqlite(), 1);
}

#[test]
fn exactly_a_hundred_pass_in_a_minute_on_postgres() {
    if let Some(db) = TestDb::postgres() {
        exactly_a_hundred_pass(&db, 1);
    }
}

#[test]
fn exactly_a_hundred_pass_in_a_minute_over_two_servers() {
    if let Some(db) = TestDb::postgres() {
        exactly_a_hundred_pass(&db, 2);
    }
}

/// Every connection asks until it is refused. In the last minute in which one is, all servers have used up what they drew:
/// those that were refused earlier have been asked nothing since.
fn exactly_a_hundred_pass(db: &TestDb, servers: usize) {
    let mut servers: Vec<ServerProcess> = (0..servers).map(|_| serve(db, &[])).collect();
    run(async {
        let key = Connection::new(&servers[0], OPERATOR).make_key(LIMIT).await;
        let mut asking = JoinSet::new();
        for number in 0..CONNECTIONS {
            let connection = Connection::new(&servers[number % servers.len()], &key);
            asking.spawn(async move { until_refused(&connection).await });
        }
        let (mut passed, mut last) = (BTreeMap::<u64, u32>::new(), 0);
        while let Some(asked) = asking.join_next().await {
            let (passes, refused_in) = asked.expect("every connection is refused in the end");
            for minute in passes {
                *passed.entry(minute).or_default() += 1;
            }
            last = last.max(refused_in);
        }
        assert!(passed.values().all(|count| *count <= LIMIT), "{passed:?}");
        assert_eq!(passed.get(&last), Some(&LIMIT), "in minute {last} of {passed:?}");
    });
    for server in &mut servers {
        assert!(server.terminate().expect("it ends").success());
    }
}

/// The minutes of the requests that passed, and the one of that which did not.
async fn until_refused(connection: &Connection) -> (Vec<u64>, u64) {
    let mut passed = Vec::new();
    for _ in 0..MOST {
        let answer = connection.get("/ains/tasks").await;
        let (left, minute) = answer.minute.expect("every answer says how the key stands");
        match answer.status {
            200 => passed.push(minute),
            429 => {
                assert_eq!(left, 0);
                assert!(
                    answer
                        .retry_after
                        .is_some_and(|seconds| (1..=60).contains(&seconds))
                );
                assert_eq!(answer.body["detail"], "Rate limit exceeded");
                return (passed, minute);
            }
            other => panic!("{other}: {answer:?}"),
        }
    }
    panic!("{MOST} requests passed: {passed:?}");
}
