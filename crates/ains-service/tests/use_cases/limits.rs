//! Limits of keys: exactly as many requests pass as may, on any number of servers; and what keys are used for.

use std::net::IpAddr;
use std::sync::mpsc;
use std::time::Duration;

use ains_core::rate::{Period, Quota};
use ains_core::{KeyId, Mint, Scopes, Timestamp};
use ains_service::{Actor, Ains, Error, NewKey, Passage, Settings};
use ains_testkit::{Backend, TestDb};
use rand::SeedableRng as _;

use crate::metrics::figures;
use crate::world::tell;

ains_testkit::contract!(
    exactly_the_limit_passes_in_each_minute,
    exactly_the_limit_passes_over_two_servers,
    a_request_that_one_limit_refuses_uses_up_nothing_of_the_other,
    the_standing_says_what_is_left,
    a_clock_that_goes_back_is_no_second_quota,
    a_restart_is_no_second_quota,
    a_changed_limit_takes_effect,
    without_limits_everything_passes_and_is_counted,
    who_waits_when_too_much_waits_to_be_written_is_told_so,
    usage_is_kept_by_the_hour_and_for_thirty_days,
    the_last_use_is_stored_with_the_usage,
    addresses_have_limits_of_their_own,
);

const WAIT: Duration = Duration::from_secs(60);

fn some_keys() -> impl Iterator<Item = KeyId> {
    let (mut mint, mut rng) = (Mint::default(), rand::rngs::StdRng::seed_from_u64(1));
    std::iter::repeat_with(move || KeyId::mint(&mut mint, Timestamp::from_micros(0), &mut rng))
}

fn a_key() -> KeyId {
    some_keys().next().unwrap()
}

fn quota(per_minute: impl Into<Option<u32>>, per_hour: impl Into<Option<u32>>) -> Quota {
    Quota {
        per_minute: per_minute.into(),
        per_hour: per_hour.into(),
    }
}

async fn passes(ains: &Ains, quota: Quota) -> bool {
    let passage = tokio::time::timeout(WAIT, ains.pass(a_key(), quota)).await;
    matches!(passage.unwrap().unwrap(), Passage::Passed(_))
}

/// So many requests at each of `servers` at once; how many pass in all.
async fn passed(servers: &[Ains], quota: Quota, each: usize) -> usize {
    let mut asking = Vec::new();
    for ains in servers {
        for _ in 0..each {
            let ains = ains.clone();
            asking.push(tokio::spawn(async move { passes(&ains, quota).await }));
        }
    }
    let mut passed = 0;
    for asked in asking {
        passed += usize::from(asked.await.unwrap());
    }
    passed
}

fn exactly_the_limit_passes_in_each_minute(db: &TestDb) {
    tell(db, async |world| {
        let servers = [world.ains.clone()];
        for limit in [1, 19, 60, 100, 333] {
            assert_eq!(passed(&servers, quota(limit, None), 400).await, limit as usize);
            assert_eq!(passed(&servers, quota(limit, None), 10).await, 0);
            world.wait(60);
        }
    });
}

fn exactly_the_limit_passes_over_two_servers(db: &TestDb) {
    tell(db, async |world| {
        let Some(second) = world.another().await else {
            return;
        };
        let servers = [world.ains.clone(), second.clone()];
        for minute in 0..3 {
            assert_eq!(
                passed(&servers, quota(100, None), 200).await,
                100,
                "in minute {minute}"
            );
            world.wait(60);
        }
        world.wait(3600);
        assert_eq!(passed(&servers, quota(None, 1000), 800).await, 1000);
        world.wait(60);
        assert_eq!(
            passed(&servers, quota(None, 1000), 100).await,
            0,
            "it is the same hour"
        );
        second.stop().await;
    });
}

fn a_request_that_one_limit_refuses_uses_up_nothing_of_the_other(db: &TestDb) {
    tell(db, async |world| {
        let servers = [world.ains.clone()];
        let quota = quota(10, 25);
        for expected in [10, 10, 5, 0] {
            assert_eq!(passed(&servers, quota, 50).await, expected);
            world.wait(60);
        }
        world.wait(3600);
        assert_eq!(passed(&servers, quota, 50).await, 10);
        let figures = figures(&world).await;
        let limited = |limit| figures[&format!("ains_rate_limited_requests_total{{limit=\"{limit}\"}}")];
        assert_eq!(
            (limited("minute"), limited("hour")),
            (120.0, 95.0),
            "the hour ends later"
        );
    });
}

fn the_standing_says_what_is_left(db: &TestDb) {
    tell(db, async |world| {
        let quota = quota(2, 1000);
        world.wait(15);
        for left in [1, 0] {
            let Passage::Passed(standing) = world.ains.pass(a_key(), quota).await.unwrap() else {
                panic!("{left} are left")
            };
            let minute = standing.minute.unwrap();
            assert_eq!((minute.limit, minute.remaining, minute.resets_in), (2, left, 45));
            let hour = standing.hour.unwrap();
            assert_eq!((hour.remaining, hour.resets_in), (998 + left, 3585));
        }
        let Passage::Refused(standing) = world.ains.pass(a_key(), quota).await.unwrap() else {
            panic!("nothing is left")
        };
        assert_eq!(standing.exhausted(), Some((Period::Minute, 45)));
        assert_eq!(standing.hour.unwrap().remaining, 998);
    });
}

fn a_clock_that_goes_back_is_no_second_quota(db: &TestDb) {
    tell(db, async |world| {
        let servers = [world.ains.clone()];
        world.wait(7200);
        let now = world.clock.now_micros();
        assert_eq!(passed(&servers, quota(30, None), 50).await, 30);
        for seconds in [1, 60, 3600, 7200] {
            world.clock.set(now - seconds * 1_000_000);
            assert_eq!(passed(&servers, quota(30, None), 10).await, 0, "{seconds} s back");
        }
        world.clock.set(now - 60_000_000);
        let world = world.restarted().await;
        let servers = [world.ains.clone()];
        assert_eq!(passed(&servers, quota(30, None), 10).await, 0, "after a restart");
        world.clock.set(now + 60_000_000);
        assert_eq!(passed(&servers, quota(30, None), 50).await, 30);
        world.ains.stop().await;
    });
}

fn a_restart_is_no_second_quota(db: &TestDb) {
    tell(db, async |world| {
        assert_eq!(passed(&[world.ains.clone()], quota(100, None), 50).await, 50);
        let world = world.restarted().await;
        assert_eq!(passed(&[world.ains.clone()], quota(100, None), 100).await, 50);
        world.ains.stop().await;
    });
}

fn a_changed_limit_takes_effect(db: &TestDb) {
    tell(db, async |world| {
        let servers = [world.ains.clone()];
        assert_eq!(passed(&servers, quota(100, None), 60).await, 60);
        assert_eq!(passed(&servers, quota(50, None), 10).await, 0, "lowered");
        assert_eq!(passed(&servers, quota(None, None), 10).await, 10, "lifted");
        assert_eq!(passed(&servers, quota(200, None), 300).await, 140, "raised");
    });
}

fn without_limits_everything_passes_and_is_counted(db: &TestDb) {
    tell(db, async |world| {
        assert_eq!(passed(&[world.ains.clone()], Quota::UNLIMITED, 500).await, 500);
        let passage = world.ains.pass(a_key(), Quota::UNLIMITED).await.unwrap();
        let Passage::Passed(standing) = passage else {
            panic!("{passage:?}")
        };
        assert_eq!(standing.figures().count(), 0);
        assert_eq!(world.ains.usage(a_key(), 1).await.unwrap().total(), 501);
    });
}

fn who_waits_when_too_much_waits_to_be_written_is_told_so(db: &TestDb) {
    // On PostgreSQL draws do not wait in this queue.
    if db.backend() == Backend::Postgres {
        return;
    }
    tell(db, async |world| {
        let world = world
            .restarted_as(Settings {
                write_queue: 1,
                ..Settings::default()
            })
            .await;
        let (begun, begins) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let holding = world.store(move |_| {
            begun.send(()).unwrap();
            ends.recv().unwrap();
            Ok(())
        });
        let ains = world.ains.clone();
        let limited = async move {
            tokio::task::spawn_blocking(move || begins.recv().unwrap())
                .await
                .unwrap();
            // Of these, one draws for each key: some with the writer, one in the queue, and then there is no place.
            let (answered, mut answers) = tokio::sync::mpsc::unbounded_channel();
            let first = async {
                for key in some_keys() {
                    let (ains, answered) = (ains.clone(), answered.clone());
                    tokio::spawn(
                        async move { answered.send(ains.pass(key, quota(100, None)).await).unwrap() },
                    );
                    tokio::select! {
                        answer = answers.recv() => return answer.unwrap(),
                        () = tokio::task::yield_now() => {}
                    }
                }
                unreachable!()
            };
            let first = tokio::time::timeout(WAIT, first).await.unwrap();
            assert!(matches!(first, Err(Error::Overloaded)), "{first:?}");
            end.send(()).unwrap();
            drop(answered);
            while let Some(answer) = answers.recv().await {
                let passed = matches!(answer, Ok(Passage::Passed(_)));
                assert!(passed || matches!(answer, Err(Error::Overloaded)), "{answer:?}");
            }
            // Those that were refused may have found the one place taken by what the server writes for itself.
            let again = async {
                for key in some_keys() {
                    if ains.pass(key, quota(100, None)).await.is_ok() {
                        return;
                    }
                }
            };
            tokio::time::timeout(WAIT, again).await.unwrap();
        };
        tokio::join!(holding, limited);
        world.ains.stop().await;
    });
}

fn admin() -> NewKey {
    NewKey {
        name: "admin".to_owned(),
        description: None,
        client: None,
        agent: None,
        scopes: Scopes::ADMIN,
        per_minute: Some(60),
        per_hour: None,
        expires_in: None,
    }
}

fn the_last_use_is_stored_with_the_usage(db: &TestDb) {
    tell(db, async |world| {
        let made = world
            .ains
            .create_key(&Actor::NOBODY, admin(), None)
            .await
            .unwrap();
        let (id, quota) = (made.key.id, quota(60, None));
        assert!(matches!(world.ains.pass(id, quota).await, Ok(Passage::Passed(_))));
        world.wait(90);
        let last = world.ains.now();
        assert!(matches!(world.ains.pass(id, quota).await, Ok(Passage::Passed(_))));
        assert_eq!(world.ains.usage(id, 1).await.unwrap().seen_at, Some(last));
        let world = world.restarted().await;
        assert_eq!(world.ains.key(id).await.unwrap().last_used_at, Some(last));
        assert_eq!(world.ains.usage(id, 1).await.unwrap().seen_at, None);
        world.ains.stop().await;
    });
}

fn usage_is_kept_by_the_hour_and_for_thirty_days(db: &TestDb) {
    tell(db, async |world| {
        let begun = world.ains.now();
        assert_eq!(passed(&[world.ains.clone()], quota(5, None), 8).await, 5);
        world.wait(3600);
        assert_eq!(passed(&[world.ains.clone()], Quota::UNLIMITED, 3).await, 3);
        let hours = [(begun, 5), (begun + Duration::from_hours(1), 3)].into();
        assert_eq!(
            world.ains.usage(a_key(), 24).await.unwrap().hours,
            hours,
            "not stored yet"
        );
        let world = world.restarted().await;
        let usage = world.ains.usage(a_key(), 24).await.unwrap();
        assert_eq!((&usage.hours, usage.total()), (&hours, 8), "stored at the stop");
        assert_eq!(world.ains.usage(a_key(), 1).await.unwrap().total(), 3);
        assert_eq!(passed(&[world.ains.clone()], Quota::UNLIMITED, 1).await, 1);
        assert_eq!(world.ains.usage(a_key(), 24).await.unwrap().total(), 9);
        world.wait(30 * 24 * 3600 - 1800);
        // The first housekeeping is at the start.
        let world = world.restarted().await;
        let kept = async {
            loop {
                let usage = world.ains.usage(a_key(), 24 * 365).await.unwrap();
                if usage.hours.len() == 1 {
                    return usage.total();
                }
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(tokio::time::timeout(WAIT, kept).await.unwrap(), 4);
        world.ains.stop().await;
    });
}

fn addresses_have_limits_of_their_own(db: &TestDb) {
    tell(db, async |world| {
        let world = world
            .restarted_as(Settings {
                address_limit: 3,
                guess_limit: 2,
                ..Settings::default()
            })
            .await;
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse::<IpAddr>().unwrap());
        let ains = &world.ains;
        let stranger = |address| match ains.pass_stranger(address) {
            Ok(()) => 0,
            Err(Error::TooManyRequests { retry_after }) => retry_after,
            Err(other) => panic!("{other}"),
        };
        assert_eq!([a, a, a, a, b].map(stranger), [0, 0, 0, 60, 0]);
        let made = ains.create_key(&Actor::NOBODY, admin(), None).await.unwrap();
        let guess = async |secret: &str, address| match ains.authenticate(secret, Some(address)).await {
            Ok(None) => 401,
            Ok(Some(_)) => 200,
            Err(Error::TooManyRequests { retry_after: 60 }) => 429,
            Err(other) => panic!("{other}"),
        };
        for expected in [401, 401, 429, 429] {
            assert_eq!(guess("wrong", a).await, expected);
        }
        assert_eq!(guess(&made.secret, a).await, 429, "it is not known to be good");
        assert_eq!(guess(&made.secret, b).await, 200);
        assert_eq!(guess(&made.secret, a).await, 200, "it is known now");
        ains.revoke_key(&Actor::NOBODY, made.key.id, None).await.unwrap();
        for expected in [401, 429] {
            assert_eq!(guess(&made.secret, a).await, expected, "it was known to be good");
        }
        let figures = figures(&world).await;
        let limited = |limit| figures[&format!("ains_rate_limited_requests_total{{limit=\"{limit}\"}}")];
        assert_eq!((limited("address"), limited("guess")), (1.0, 4.0));
        world.wait(60);
        assert_eq!((stranger(a), guess("wrong", a).await), (0, 401));
        world.ains.stop().await;
    });
}
