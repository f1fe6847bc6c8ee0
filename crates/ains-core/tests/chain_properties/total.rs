//! No event surprises a chain, in whatever state it is.

use ains_core::Timestamp;
use ains_core::chain::{Answer, Chain, Event, Place, Plan, Question};
use ains_core::dependency::Ending;
use proptest::prelude::*;

use crate::shape::{a_chain, plan};

fn a_place() -> impl Strategy<Value = Place> {
    let item = prop_oneof![Just(None), (0..4_u32).prop_map(Some), Just(Some(u32::MAX))];
    (0..6_u32, 0..3_u32, 0..3_u32, item, prop::bool::weighted(0.2)).prop_map(
        |(step, run, iteration, item, compensation)| Place {
            step,
            run,
            iteration,
            item,
            compensation,
        },
    )
}

fn a_question() -> impl Strategy<Value = Question> {
    (a_place(), 0..5_u8).prop_map(|(place, kind)| {
        let (step, run, iteration) = (place.step, place.run, place.iteration);
        match kind {
            0 => Question::When { step, run },
            1 => Question::ForEach { step, run },
            2 => Question::RepeatUntil { step, run, iteration },
            3 => Question::Output {
                step,
                run,
                total: iteration,
            },
            _ => Question::Input { place },
        }
    })
}

fn an_answer() -> impl Strategy<Value = Result<Answer, String>> {
    prop_oneof![
        any::<bool>().prop_map(|truth| Ok(Answer::Truth(truth))),
        prop_oneof![0..4_u32, Just(10_001), Just(u32::MAX)].prop_map(|items| Ok(Answer::Items(items))),
        Just(Ok(Answer::Input("{}".into()))),
        Just(Ok(Answer::Output)),
        Just(Err("x".repeat(10_000))),
    ]
}

fn an_event() -> impl Strategy<Value = Event> {
    let ending = prop::sample::select(vec![
        Ending::Completed,
        Ending::Completed,
        Ending::Failed,
        Ending::Cancelled,
        Ending::NotNeeded,
    ]);
    prop_oneof![
        2 => Just(Event::Begin),
        1 => Just(Event::Pause),
        2 => Just(Event::Resume),
        2 => Just(Event::Retry),
        1 => Just(Event::Cancel { reason: "ä".repeat(5_000) }),
        30 => (a_place(), ending).prop_map(|(place, ending)| Event::TaskEnded { place, ending, error: None }),
        30 => prop::collection::vec((a_question(), an_answer()), 0..6).prop_map(Event::Evaluated),
    ]
}

fn goes_through(plan: &Plan, events: Vec<Event>) {
    let mut chain = Chain::new();
    for (now, event) in (0..).zip(events) {
        let before = chain.clone();
        match chain.on(plan, event, Timestamp::from_micros(now)) {
            Ok(decision) => assert_eq!(decision.changed, chain != before),
            Err(_) => assert_eq!(chain, before),
        }
        let text = serde_json::to_string(&chain).unwrap();
        assert_eq!(serde_json::from_str::<Chain>(&text).unwrap(), chain);
        chain.questions(plan);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn every_event_can_come_in_every_state(
        shapes in a_chain(6),
        events in prop::collection::vec(an_event(), 1..80),
    ) {
        goes_through(&plan(&shapes), events);
    }
}

/// A chain that was stored with another definition, or by another program, is at least no reason to die.
#[test]
fn a_state_that_does_not_fit_the_plan_is_no_surprise() {
    let one = plan(&[crate::shape::Shape::plain()]);
    let stored = r#"{"status":"RUNNING","undoing":true,"steps":{
        "0":{"s":"COMPLETED","z":1,"u":"PENDING"},"7":{"s":"RUNNING","w":"t","q":"0:B","o":"1:z"},
        "8":{"w":"u"},"9":{"s":"COMPLETED","z":9}}}"#;
    let chain: Chain = serde_json::from_str(stored).unwrap();
    assert_eq!(chain.questions(&one).len(), 1);
    let undo = Place {
        step: 0,
        run: 1,
        iteration: 1,
        item: None,
        compensation: true,
    };
    let mut chain = chain;
    for event in [
        Event::Evaluated(vec![(
            Question::Input { place: undo },
            Ok(Answer::Input("{}".into())),
        )]),
        Event::TaskEnded {
            place: undo,
            ending: Ending::Completed,
            error: None,
        },
        Event::Retry,
        Event::Cancel {
            reason: String::new(),
        },
    ] {
        chain.on(&one, event, Timestamp::from_micros(1)).unwrap();
    }
    for bad in ["\"0\"", "\":?\"", "\"99999999999:A\"", "\"-1:A\"", "7"] {
        assert!(
            serde_json::from_str::<Chain>(&format!(
                r#"{{"status":"RUNNING","steps":{{"0":{{"q":{bad}}}}}}}"#
            ))
            .is_err()
        );
    }
}
