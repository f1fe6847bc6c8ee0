//! Whoever guesses at keys is not heard for ever, and who has one is.

use ains_testkit::TestDb;

use crate::servers::{Connection, OPERATOR, run, serve};

/// Guesses at most, until one is refused: more than the limit of two minutes.
const MOST: usize = 100;

#[test]
fn guesses_are_refused_and_a_good_key_beside_them_passes() {
    let db = TestDb::sqlite();
    let limits = [
        ("AINS_GUESS_LIMIT_PER_MINUTE", "5"),
        ("AINS_ADDRESS_LIMIT_PER_MINUTE", "1000"),
    ];
    let mut server = serve(&db, &limits);
    run(async {
        let key = Connection::new(&server, OPERATOR).make_key(1000).await;
        let good = Connection::new(&server, &key);
        assert_eq!(good.get("/ains/tasks").await.status, 200);
        let mut refused = 0;
        for number in 0..MOST {
            let guess = Connection::new(&server, &format!("ains_{number:043}"));
            match guess.get("/ains/tasks").await.status {
                401 => {}
                429 => refused += 1,
                other => panic!("{other}"),
            }
            assert_eq!(good.get("/ains/tasks").await.status, 200, "after guess {number}");
        }
        assert!(refused >= MOST - 15, "{refused} of {MOST} were refused");
    });
    assert!(server.terminate().expect("it ends").success());
    assert!(!server.output().contains("ains_0000"), "{}", server.output());
}
