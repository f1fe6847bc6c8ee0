//! Single decisions of the agent pool, and the shares of the random strategy.

use ains_core::routing::{AgentPool, Ask, Door, Health, Profile, Strategy, WhyNot};
use ains_core::{ClientId, TrustScore};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

fn an_agent(name: &str) -> Profile {
    Profile {
        id: name.parse().expect("an agent id"),
        reserved_for: None,
        capabilities: vec!["count".to_owned()],
        trust: TrustScore::INITIAL,
        max_concurrency: 10,
        health: Health::Active,
        draining: false,
        average_seconds: None,
        active: 0,
        door: Door::Open,
        last_assigned: 0,
        registered: 0,
    }
}

fn an_ask(strategy: Strategy) -> Ask<'static> {
    Ask {
        client: None,
        capability: "count",
        tenth: 0,
        strategy,
        heartbeat_needed: false,
    }
}

#[test]
fn trust_weighted_draws_in_proportion_to_trust() {
    let scores = [0.05, 0.29, 0.3, 0.5, 0.5, 0.75, 1.0];
    for (floor, drawn) in [(0.0, &scores[2..]), (0.5, &scores[3..])] {
        let mut pool = AgentPool::new();
        for (number, score) in scores.into_iter().enumerate() {
            let trust = TrustScore::clamped(score);
            pool.put(Profile {
                trust,
                ..an_agent(&format!("agent-{number}"))
            });
        }
        let tenth = ains_core::trust::lane_tenth(TrustScore::clamped(floor));
        let ask = Ask {
            tenth,
            ..an_ask(Strategy::TrustWeighted)
        };
        assert_shares(&pool, &ask, drawn, scores.len() - drawn.len());
    }
}

#[test]
fn trust_weighted_takes_from_all_where_nobody_is_trusted() {
    let scores = [0.0, 0.05, 0.1, 0.2, 0.29];
    let mut pool = AgentPool::new();
    for (number, score) in scores.into_iter().enumerate() {
        pool.put(Profile {
            trust: TrustScore::clamped(score),
            ..an_agent(&format!("agent-{number}"))
        });
    }
    assert_shares(
        &pool,
        &an_ask(Strategy::TrustWeighted),
        &[0.1, 0.1, 0.1, 0.2, 0.29],
        0,
    );
}

/// Checks that the agents after the first `skipped` are drawn in these proportions and the first
/// ones never: every count within 4.5 standard deviations.
fn assert_shares(pool: &AgentPool, ask: &Ask<'_>, weights: &[f64], skipped: usize) {
    const DRAWS: u32 = 100_000;
    let mut rng = StdRng::seed_from_u64(42);
    let mut counts = vec![0_u32; pool.len()];
    let seats: Vec<_> = pool.iter().map(|(seat, _)| seat).collect();
    for _ in 0..DRAWS {
        let chosen = pool.choose(ask, &mut rng).expect("somebody is eligible");
        counts[seats
            .iter()
            .position(|seat| *seat == chosen)
            .expect("a seat of the pool")] += 1;
    }
    assert!(counts[..skipped].iter().all(|count| *count == 0), "{counts:?}");
    let total: f64 = weights.iter().sum();
    for (weight, count) in weights.iter().zip(&counts[skipped..]) {
        let share = weight / total;
        let mean = share * f64::from(DRAWS);
        let deviation = (mean * (1.0 - share)).sqrt();
        assert!(
            (f64::from(*count) - mean).abs() < 4.5 * deviation,
            "{weight} of {total}: {counts:?}"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_choices() {
    let choices = || {
        let mut pool = AgentPool::new();
        let mut rng = StdRng::seed_from_u64(11);
        for number in 0..50_u32 {
            let trust = TrustScore::clamped(f64::from(number) / 50.0);
            pool.put(Profile {
                trust,
                ..an_agent(&format!("agent-{number}"))
            });
        }
        let ask = an_ask(Strategy::TrustWeighted);
        (0..200)
            .map(|_| pool.take(&ask, &mut rng).map(|taken| taken.seat))
            .collect::<Vec<_>>()
    };
    assert_eq!(choices(), choices());
}

#[test]
fn an_agent_without_history_is_tried_once_in_twenty_choices() {
    let mut pool = AgentPool::new();
    pool.put(Profile {
        average_seconds: Some(1.0),
        max_concurrency: 100,
        ..an_agent("known")
    });
    let fresh = pool.put(Profile {
        max_concurrency: 100,
        ..an_agent("new")
    });
    let ask = an_ask(Strategy::FastestResponse);
    let mut rng = StdRng::seed_from_u64(1);
    let tried: Vec<_> = (1..=60)
        .filter(|_| pool.take(&ask, &mut rng).is_some_and(|taken| taken.seat == fresh))
        .collect();
    assert_eq!(tried, [20, 40, 60]);
}

#[test]
fn a_trial_undone_is_due_again() {
    let mut pool = AgentPool::new();
    pool.put(Profile {
        average_seconds: Some(1.0),
        max_concurrency: 100,
        ..an_agent("known")
    });
    let fresh = pool.put(Profile {
        max_concurrency: 100,
        ..an_agent("new")
    });
    let ask = an_ask(Strategy::FastestResponse);
    let mut rng = StdRng::seed_from_u64(1);
    let mut taken: Vec<_> = (0..20).filter_map(|_| pool.take(&ask, &mut rng)).collect();
    assert_ne!(pool.choose(&ask, &mut rng), Some(fresh), "the trial is over");
    pool.undo(taken.pop().expect("the trial"));
    assert_eq!(pool.choose(&ask, &mut rng), Some(fresh));
    pool.undo(taken.pop().expect("the choice before it"));
    assert_ne!(pool.choose(&ask, &mut rng), Some(fresh));
}

#[test]
fn load_is_compared_exactly() {
    let mut pool = AgentPool::new();
    let max = u32::MAX;
    let big = pool.put(Profile {
        active: max / 3 + 1,
        max_concurrency: max,
        ..an_agent("big")
    });
    let third = pool.put(Profile {
        active: 1,
        max_concurrency: 3,
        ..an_agent("third")
    });
    let mut rng = StdRng::seed_from_u64(1);
    let ask = an_ask(Strategy::LeastLoaded);
    assert_eq!(
        pool.choose(&ask, &mut rng),
        Some(third),
        "a third is less than a third and a bit"
    );
    pool.set_active(big, max / 3 - 1);
    assert_eq!(pool.choose(&ask, &mut rng), Some(big));
    pool.set_active(big, max / 3);
    assert_eq!(
        pool.choose(&ask, &mut rng),
        Some(big),
        "equal loads: the first in the round"
    );
}

#[test]
fn a_reservation_of_an_agent_that_left_does_not_touch_the_one_on_its_seat() {
    let mut pool = AgentPool::new();
    let seat = pool.put(an_agent("first"));
    let reservation = pool.reserve(seat);
    pool.remove(&"first".parse().expect("an agent id"));
    assert_eq!(
        pool.put(Profile {
            active: 3,
            ..an_agent("second")
        }),
        seat,
        "the seat is used again"
    );
    pool.undo(reservation);
    assert_eq!(pool.agent(seat).active, 3);
}

#[test]
fn an_older_reservation_undone_leaves_the_place_of_a_newer_one() {
    let mut pool = AgentPool::new();
    let seat = pool.put(an_agent("a"));
    let older = pool.reserve(seat);
    let newer = pool.reserve(seat);
    let place = pool.agent(seat).last_assigned;
    pool.undo(older);
    assert_eq!(
        (pool.agent(seat).active, pool.agent(seat).last_assigned),
        (1, place)
    );
    assert_eq!(newer.seat, seat);
}

#[test]
fn what_is_told_of_a_seat_that_nobody_holds_is_ignored() {
    let mut pool = AgentPool::new();
    let seat = pool.put(an_agent("a"));
    pool.remove(&"a".parse().expect("an agent id"));
    pool.release(seat);
    pool.set_draining(seat, true);
    let client = "c".parse().expect("a client id");
    pool.set_reserved_for(seat, Some(&client));
    let reservation = pool.reserve(seat);
    pool.undo(reservation);
    assert!(pool.is_empty() && pool.get(seat).is_none() && pool.room(seat) == 0);
    assert!(!pool.provides(&client, "count") && !pool.must_yield(seat, None, "count", 0));
}

#[test]
fn a_clients_own_agents_and_the_shared_ones_are_one_crowd_for_it() {
    let [x, y]: [ClientId; 2] = ["x", "y"].map(|name| name.parse().expect("a client id"));
    let mut pool = AgentPool::new();
    let mut put = |name: &str, trust: f64, reserved_for: Option<&ClientId>| {
        pool.put(Profile {
            trust: TrustScore::clamped(trust),
            reserved_for: reserved_for.cloned(),
            max_concurrency: 10_000,
            ..an_agent(name)
        })
    };
    let shared = put("shared", 0.3, None);
    let own = put("own", 0.9, Some(&x));
    put("foreign", 0.5, Some(&y));
    let (for_x, for_z) = (Some(&x), Some("z".parse().expect("a client id")));
    let mut rng = StdRng::seed_from_u64(1);
    let mut taken = |client: Option<&ClientId>, strategy| -> Vec<_> {
        let ask = Ask {
            client,
            ..an_ask(strategy)
        };
        let mut seats = (0..400).map(|_| pool.take(&ask, &mut rng).expect("there is room").seat);
        let counts = [shared, own].map(|_| 0);
        let counts = seats.try_fold(counts, |[shareds, owns], seat| match seat {
            seat if seat == shared => Ok([shareds + 1, owns]),
            seat if seat == own => Ok([shareds, owns + 1]),
            foreign => Err(foreign),
        });
        counts.expect("only those that serve the client").into()
    };
    assert_eq!(taken(for_x, Strategy::RoundRobin), [200, 200]);
    assert_eq!(taken(for_x, Strategy::LeastLoaded), [200, 200]);
    let drawn = taken(for_x, Strategy::TrustWeighted);
    assert!((70..=130).contains(&drawn[0]), "about a quarter: {drawn:?}");
    assert_eq!(taken(for_z.as_ref(), Strategy::TrustWeighted), [400, 0]);
    assert_eq!(taken(None, Strategy::RoundRobin), [400, 0]);
}

#[test]
fn a_client_counts_its_own_choices_until_a_newcomer_is_tried() {
    let x: ClientId = "x".parse().expect("a client id");
    let mut pool = AgentPool::new();
    pool.put(Profile {
        average_seconds: Some(1.0),
        max_concurrency: 1000,
        ..an_agent("shared")
    });
    let newcomer = pool.put(Profile {
        reserved_for: Some(x.clone()),
        max_concurrency: 1000,
        ..an_agent("newcomer")
    });
    let mut rng = StdRng::seed_from_u64(1);
    let mut trials = |client: Option<&ClientId>, choices: usize| {
        let ask = Ask {
            client,
            ..an_ask(Strategy::FastestResponse)
        };
        let mut seats = (0..choices).map(|_| pool.take(&ask, &mut rng).expect("there is room").seat);
        seats.by_ref().filter(|seat| *seat == newcomer).count()
    };
    assert_eq!(trials(None, 100), 0, "it does not serve others");
    assert_eq!(trials(Some(&x), 19), 0, "what others choose does not count");
    assert_eq!(trials(Some(&x), 1), 1);
    assert_eq!(trials(Some(&x), 40), 2);
}

#[test]
fn an_explanation_says_for_every_candidate_why_not() {
    let mut pool = AgentPool::new();
    let one = |name: &str| Profile {
        trust: TrustScore::clamped(0.9),
        ..an_agent(name)
    };
    pool.put(Profile {
        door: Door::Closed,
        ..one("waits-for-no-work")
    });
    pool.put(Profile {
        health: Health::Inactive,
        ..one("inactive")
    });
    pool.put(Profile {
        draining: true,
        ..one("draining")
    });
    pool.put(Profile {
        active: 3,
        max_concurrency: 2,
        ..one("full")
    });
    pool.put(Profile {
        trust: TrustScore::clamped(0.45),
        ..one("untrusted")
    });
    pool.put(Profile {
        door: Door::Unheard,
        ..one("unheard")
    });
    pool.put(Profile {
        health: Health::Degraded,
        ..one("degraded")
    });
    let best = pool.put(one("open"));
    let ask = Ask {
        tenth: 6,
        heartbeat_needed: true,
        ..an_ask(Strategy::RoundRobin)
    };
    let mut rng = StdRng::seed_from_u64(1);

    let told = pool.explain(&ask, 100, &mut rng);
    assert_eq!(told.chosen, Some(best));
    assert_eq!(told.reason, "`open` was never assigned yet (of 2 eligible)");
    let lines: Vec<_> = told
        .candidates
        .iter()
        .map(|candidate| {
            let why = candidate
                .why_not
                .map_or("eligible".to_owned(), |why: WhyNot| why.to_string());
            format!("{}: {why}", pool.agent(candidate.seat).id)
        })
        .collect();
    assert_eq!(
        lines,
        [
            "open: eligible",
            "waits-for-no-work: eligible",
            "inactive: inactive",
            "draining: draining",
            "full: full: holds 3 of at most 2",
            "untrusted: trust 0.45 is below 0.6",
            "unheard: has not sent a heartbeat yet",
            "degraded: degraded, and others can do the work",
        ]
    );
    assert_eq!(
        pool.explain(&ask, 3, &mut rng).candidates,
        told.candidates[..3],
        "at most so many"
    );

    pool.remove(&"open".parse().expect("an agent id"));
    pool.remove(&"degraded".parse().expect("an agent id"));
    let told = pool.explain(&ask, 0, &mut rng);
    assert_eq!(
        told.reason,
        "`waits-for-no-work` is the only one that can take it, and gets it with its next claim"
    );
    pool.remove(&"waits-for-no-work".parse().expect("an agent id"));
    let told = pool.explain(&ask, 0, &mut rng);
    assert_eq!(
        (told.chosen, told.reason.as_str()),
        (None, "none of the 5 that provide `count` can take it now")
    );
    let told = pool.explain(
        &Ask {
            capability: "knit",
            ..ask
        },
        0,
        &mut rng,
    );
    assert_eq!(
        (told.chosen, told.reason.as_str()),
        (None, "no agent provides `knit`")
    );
}
