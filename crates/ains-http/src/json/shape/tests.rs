use super::*;
use ains_api::{AgentReport, Json, SubmitTemplate, Timestamp};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its form matters")]
struct Outer {
    name: String,
    count: Option<i64>,
    rate: f64,
    flag: bool,
    inner: Option<Inner>,
    many: Vec<Inner>,
    any: Json,
    at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its form matters")]
struct Inner {
    n: i64,
    tags: Option<Vec<String>>,
}

fn faults<T: DeserializeOwned>(text: &str) -> Vec<(String, String)> {
    let (_, faults) = parse::<T>(text, &mut Effort::default()).expect("JSON");
    let wire = faults.into_problem().to_wire(None);
    let mut list: Vec<_> = wire
        .errors
        .into_iter()
        .map(|fault| (fault.pointer, fault.message))
        .collect();
    list.sort();
    list
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(pointer, message)| ((*pointer).to_owned(), (*message).to_owned()))
        .collect()
}

#[test]
fn every_missing_field_is_named() {
    assert_eq!(
        faults::<SubmitTemplate>("{}"),
        pairs(&[
            ("/capability_required", "is missing"),
            ("/default_input_data", "is missing"),
            ("/name", "is missing"),
            ("/task_type", "is missing"),
        ])
    );
}

#[test]
fn wrong_types_unknown_and_missing_fields_are_named_together() {
    let text = r#"{"name": 7, "count": "x", "rate": [], "color": 1, "flag": "yes",
        "inner": {"n": 1.5, "tags": ["a", 3]}, "many": [{"n": 1}, {"m": 2}, 5], "at": "tomorrow"}"#;
    assert_eq!(
        faults::<Outer>(text),
        pairs(&[
            ("/any", "is missing"),
            (
                "/at",
                "`tomorrow` is not an RFC 3339 instant such as 2026-01-02T03:04:05Z"
            ),
            ("/color", "is not a known field"),
            ("/count", "must be an integer"),
            ("/flag", "must be a boolean"),
            ("/inner/n", "must be an integer"),
            ("/inner/tags/1", "must be a string"),
            ("/many/1/m", "is not a known field"),
            ("/many/1/n", "is missing"),
            ("/many/2", "must be an object"),
            ("/name", "must be a string"),
            ("/rate", "must be a number"),
        ])
    );
}

#[test]
fn a_field_given_twice_is_named() {
    let text = r#"{"n": 1, "n": 2}"#;
    assert_eq!(faults::<Inner>(text), pairs(&[("/n", "is given twice")]));
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for text in ["[]", "1", "null", "\"x\"", "[1,2,3]"] {
        assert_eq!(
            faults::<Inner>(text),
            pairs(&[("", "must be an object")]),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_json_is_another_kind_of_problem() {
    for text in [
        "{",
        "{\"n\":1",
        "{\"n\":1,}",
        "{\"n\":01}",
        "nul",
        "{\"n\":\"\u{1}\"}",
        "{}x",
        "{\"n\":\"x\",}",
    ] {
        let problem = parse::<Inner>(text, &mut Effort::default()).expect_err(text);
        assert_eq!(problem.kind(), Kind::MalformedJson, "{text}");
    }
}

#[test]
fn a_number_beyond_every_range_is_a_fault_of_its_field() {
    let list = faults::<Inner>(r#"{"n": 1e999}"#);
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!(list[0].0, "/n");
    assert_eq!(
        faults::<Inner>(r#"{"n": 99999999999999999999}"#),
        pairs(&[("/n", "must be an integer")])
    );
}

#[test]
fn a_large_body_full_of_faults_is_given_up_on_in_time() {
    let text = format!(r#"{{"n": [{}]}}"#, "\"x\",".repeat(200_000) + "1");
    assert_eq!(faults::<Inner>(&text), pairs(&[("/n", "must be an integer")]));
}

#[test]
fn a_body_full_of_faults_is_left_off_which_is_said() {
    let text = format!(r#"{{"results": [{}0]}}"#, "0,".repeat(999));
    let (value, faults) = parse::<AgentReport>(&text, &mut Effort::default()).expect("JSON");
    let problem = faults.into_problem();
    assert!(value.is_none());
    assert_eq!(
        problem.detail(),
        "20 fields are wrong; further faults were not looked for"
    );
    let wire = problem.to_wire(None);
    assert_eq!(wire.errors[19].pointer, "/results/19");
}

#[test]
fn texts_that_share_their_effort_get_only_the_first_fault_once_it_is_spent() {
    let text = format!(r#"{{"n": "x", "tags": {{"a": "{}"}}}}"#, "x".repeat(BYTES / 10));
    let mut effort = Effort::default();
    let mut several = 0;
    for _ in 0..20 {
        let (_, faults) = parse::<Inner>(&text, &mut effort).expect("JSON");
        assert!(!faults.is_empty());
        several += usize::from(faults.len() == 2);
    }
    assert!((1..20).contains(&several), "{several}");
}
