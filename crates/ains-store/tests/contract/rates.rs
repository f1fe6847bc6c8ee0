//! Limits of keys, and what they used.

use std::sync::{Arc, Barrier};

use ains_core::rate::{Draw, Drawn, Period};
use ains_core::{KeyId, Mint};
use ains_store::usage::{self, Uses};
use ains_store::{Backend, Conn, rates};
use ains_testkit::TestDb;
use rand::SeedableRng as _;

use crate::support::{at, open};

ains_testkit::contract!(
    a_window_gives_its_limit_and_no_more,
    the_next_window_takes_the_row_over,
    an_earlier_window_is_over,
    a_changed_limit_counts_from_the_next_draw_on,
    both_periods_are_drawn_of_at_once,
    many_that_draw_at_once_get_the_limit_in_all,
    uses_add_up_by_key_and_hour,
);

fn keys<const N: usize>() -> [KeyId; N] {
    let mut mint = Mint::default();
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    [(); N].map(|()| KeyId::mint(&mut mint, at(1), &mut rng))
}

fn a_draw(seconds: i64, block: u32, limit: u32) -> Draw {
    Draw {
        period: Period::Minute,
        window: at(seconds),
        block,
        limit,
    }
}

/// Draws, and returns what was given and what was given in all.
fn draw(conn: &mut Conn, key: KeyId, draw: Draw) -> Option<(u32, u32)> {
    let drawn = rates::draw(conn, key, &[draw]).unwrap().remove(0)?;
    Some((drawn.granted, drawn.used))
}

fn a_window_gives_its_limit_and_no_more(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let [key, other] = keys();
    let given = [(); 5].map(|()| draw(&mut conn, key, a_draw(60, 3, 10)));
    assert_eq!(
        given,
        [Some((3, 3)), Some((3, 6)), Some((3, 9)), Some((1, 10)), None]
    );
    assert_eq!(draw(&mut conn, other, a_draw(60, 3, 10)), Some((3, 3)));
    assert_eq!(draw(&mut conn, key, a_draw(60, 5, 0)), None);
}

fn the_next_window_takes_the_row_over(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let [key] = keys();
    for minute in 1..4 {
        let given = [(); 3].map(|()| draw(&mut conn, key, a_draw(60 * minute, 4, 7)));
        assert_eq!(given, [Some((4, 4)), Some((3, 7)), None]);
    }
}

fn an_earlier_window_is_over(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let [key] = keys();
    draw(&mut conn, key, a_draw(120, 4, 7));
    let late = rates::draw(&mut conn, key, &[a_draw(60, 4, 7)]).unwrap();
    let drawn = Drawn {
        window: at(120),
        granted: 3,
        used: 7,
    };
    assert_eq!(late, [Some(drawn)], "it is drawn of the later one");
    assert_eq!(draw(&mut conn, key, a_draw(60, 4, 7)), None);
    assert_eq!(draw(&mut conn, key, a_draw(120, 4, 7)), None);
}

fn a_changed_limit_counts_from_the_next_draw_on(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let [key] = keys();
    assert_eq!(draw(&mut conn, key, a_draw(60, 8, 10)), Some((8, 8)));
    assert_eq!(draw(&mut conn, key, a_draw(60, 1, 5)), None);
    assert_eq!(draw(&mut conn, key, a_draw(60, 8, 20)), Some((8, 16)));
    assert_eq!(draw(&mut conn, key, a_draw(60, 8, 20)), Some((4, 20)));
}

fn both_periods_are_drawn_of_at_once(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let [key] = keys();
    let minute = a_draw(3600, 4, 4);
    let hour = Draw {
        period: Period::Hour,
        limit: 6,
        ..minute
    };
    let given = |drawn: Vec<Option<Drawn>>| {
        drawn
            .iter()
            .map(|drawn| drawn.map(|drawn| drawn.granted))
            .collect::<Vec<_>>()
    };
    let both = [minute, hour];
    assert_eq!(
        given(rates::draw(&mut conn, key, &both).unwrap()),
        [Some(4), Some(4)]
    );
    assert_eq!(
        given(rates::draw(&mut conn, key, &both).unwrap()),
        [None, Some(2)]
    );
    assert_eq!(given(rates::draw(&mut conn, key, &both).unwrap()), [None, None]);
    assert_eq!(rates::draw(&mut conn, key, &[]).unwrap(), []);
}

fn many_that_draw_at_once_get_the_limit_in_all(db: &TestDb) {
    const THREADS: usize = 8;
    let store = open(db);
    // On SQLite one writer draws for all.
    let threads = if store.backend() == Backend::Sqlite {
        1
    } else {
        THREADS
    };
    let [key] = keys();
    let begin = Arc::new(Barrier::new(threads));
    let drawers: Vec<_> = (0..threads)
        .map(|_| {
            let (store, begin) = (store.clone(), Arc::clone(&begin));
            std::thread::spawn(move || {
                let mut conn = store.connect().unwrap();
                begin.wait();
                let mut given = 0;
                while let Some((granted, _)) = draw(&mut conn, key, a_draw(60, 7, 1000)) {
                    given += granted;
                }
                given
            })
        })
        .collect();
    let given: Vec<u32> = drawers.into_iter().map(|drawer| drawer.join().unwrap()).collect();
    assert_eq!(given.iter().sum::<u32>(), 1000, "{given:?}");
}

fn uses_add_up_by_key_and_hour(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let [a, b] = keys();
    let uses = |key, hour: i64, requests| Uses {
        key,
        hour: at(3600 * hour),
        requests,
    };
    usage::add(&mut conn, &[]).unwrap();
    usage::add(&mut conn, &[uses(a, 1, 5), uses(a, 2, 1), uses(b, 1, 9)]).unwrap();
    usage::add(&mut conn, &[uses(a, 2, 7)]).unwrap();
    assert_eq!(
        usage::of(&mut conn, a, at(0)).unwrap(),
        [(at(3600), 5), (at(7200), 8)]
    );
    assert_eq!(usage::of(&mut conn, a, at(7200)).unwrap(), [(at(7200), 8)]);
    assert_eq!(usage::remove_before(&mut conn, at(7200), 1).unwrap(), 1);
    assert_eq!(usage::remove_before(&mut conn, at(7200), 10).unwrap(), 1);
    assert_eq!(usage::remove_before(&mut conn, at(7200), 10).unwrap(), 0);
    assert_eq!(usage::of(&mut conn, a, at(0)).unwrap(), [(at(7200), 8)]);
    assert_eq!(usage::of(&mut conn, b, at(0)).unwrap(), []);
}
