//! What is wrong with a chain, told by its step and field.

use std::collections::BTreeMap;

use serde_json::json;

use crate::chains::{chain, step, step_with};
use crate::site::{Answer, Site};

/// The messages of a 422 by their places.
fn messages(refused: &Answer) -> BTreeMap<String, String> {
    refused.faults();
    let problem: ains_api::Problem = serde_json::from_value(refused.json()).unwrap();
    let faults = problem.errors.into_iter();
    faults.map(|fault| (fault.pointer, fault.message)).collect()
}

#[actix_web::test]
async fn every_fault_of_a_chain_is_named_with_its_step_and_field() {
    let site = Site::open().await;
    let steps = [
        step_with(
            "a",
            &json!({"priority": 0, "input_data": [], "join": "some", "on_failure": "hope", "when": 1}),
        ),
        step_with(
            "a",
            &json!({"depends_on": ["nobody"], "timeout_seconds": "1", "tolerate_failures": "5"}),
        ),
        step_with(
            "c",
            &json!({"task_type": "", "compensate_with": {"task_type": "t", "max_retries": 11}}),
        ),
        json!({"task_type": "t", "capability_required": "x"}),
        step_with(
            "e",
            &json!({"max_parallel": 0, "for_each": "input.x", "min_trust": 2, "routing_strategy": "luck"}),
        ),
    ];
    let mut body = chain(&steps);
    body["client_id"] = json!("");
    body["name"] = json!("");
    body["input"] = json!(1);
    let refused = site.submit_chain(&body).await;
    let messages = messages(&refused);
    assert_eq!(
        messages.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "/client_id",
            "/input",
            "/name",
            "/steps/0/input_data",
            "/steps/0/join",
            "/steps/0/on_failure",
            "/steps/0/priority",
            "/steps/0/when",
            "/steps/1/depends_on",
            "/steps/1/name",
            "/steps/1/timeout_seconds",
            "/steps/1/tolerate_failures",
            "/steps/2/compensate_with/capability_required",
            "/steps/2/compensate_with/max_retries",
            "/steps/2/task_type",
            "/steps/3/name",
            "/steps/4/max_parallel",
            "/steps/4/min_trust",
            "/steps/4/routing_strategy",
        ]
    );
    for (place, message) in [
        ("/steps/0/priority", "in step `a`: must be between 1 and 10"),
        ("/steps/0/join", "in step `a`: must be one of all, any, all_done"),
        ("/steps/0/when", "in step `a`: must be a string"),
        (
            "/steps/1/tolerate_failures",
            "in step `a`: must be a whole number, or a text such as `5%`",
        ),
        ("/steps/3/name", "is missing"),
    ] {
        assert_eq!(messages[place], message, "{place}");
    }
    assert_eq!(site.get("/ains/task-chains").await.ok(), json!([]));
    assert_eq!(site.get("/ains/tasks").await.ok()["tasks"], json!([]));
}

#[actix_web::test]
async fn what_is_wrong_between_steps_and_in_expressions_is_told_where_it_is() {
    let site = Site::open().await;
    let undo = json!({"task_type": "t", "capability_required": "x", "input_data": {"a": "${{ item }}"}});
    for (fields, place, message) in [
        (
            json!({"name": "a"}),
            "/steps/1/name",
            "in step `a`: `a` is the name of step 0, too",
        ),
        (
            json!({"depends_on": ["nobody"]}),
            "/steps/1/depends_on",
            "in step `b`: there is no step `nobody`",
        ),
        (
            json!({"depends_on": ["b"]}),
            "/steps/1/depends_on",
            "in step `b`: a cycle: b -> b",
        ),
        (
            json!({"depends_on": ["c"]}),
            "/steps/2/depends_on",
            "in step `c`: a cycle: c -> b -> c",
        ),
        (
            json!({"when": "input.x >"}),
            "/steps/1/when",
            "in step `b`: at 10: mismatched input 'end' expecting expression",
        ),
        (
            json!({"when": "input.x > steps.nobody.output"}),
            "/steps/1/when",
            "in step `b`: at 17: there is no step `nobody`, in `input.x > steps.nobody.output`",
        ),
        (
            json!({"when": "steps.c.output"}),
            "/steps/1/when",
            "in step `b`: at 7: step `c` does not come before this one, in `steps.c.output`",
        ),
        (
            json!({"for_each": "inputs"}),
            "/steps/1/for_each",
            "in step `b`: at 1: unknown name `inputs`",
        ),
        (
            json!({"when": "item > 1"}),
            "/steps/1/when",
            "in step `b`: at 1: `item` means nothing here, in `item > 1`",
        ),
        (
            json!({"repeat_until": "true"}),
            "/steps/1/max_iterations",
            "in step `b`: wanted with `repeat_until`",
        ),
        (
            json!({"repeat_until": "true", "max_iterations": 2, "for_each": "[1]"}),
            "/steps/1/repeat_until",
            "in step `b`: not together with `for_each`",
        ),
        (
            json!({"max_parallel": 2}),
            "/steps/1/max_parallel",
            "in step `b`: only with `for_each`",
        ),
        (
            json!({"input_data": {"rows": [{"query": "of ${{ 1 + }}"}]}}),
            "/steps/1/input_data/rows/0/query",
            "in step `b`: at 11: mismatched input 'end' expecting expression",
        ),
        (
            json!({"compensate_with": undo}),
            "/steps/1/compensate_with/input_data",
            "in step `b`: at 1: `item` means nothing here, in `item`",
        ),
    ] {
        let body = chain(&[step("a"), step_with("b", &fields), step("c")]);
        let messages = messages(&site.submit_chain(&body).await);
        assert_eq!(messages, BTreeMap::from([(place.to_owned(), message.to_owned())]));
    }
}

#[actix_web::test]
async fn a_chain_has_a_step_and_at_most_a_thousand() {
    let site = Site::open().await;
    let steps = |count: usize| {
        chain(
            &(0..count)
                .map(|index| step(&format!("s{index}")))
                .collect::<Vec<_>>(),
        )
    };
    for count in [0, 1001] {
        assert_eq!(site.submit_chain(&steps(count)).await.faults(), ["/steps"]);
    }
    assert_eq!(site.submit_chain(&steps(1000)).await.ok()["total_steps"], 1000);
    let missing = site.submit_chain(&json!({"client_id": "c1"})).await;
    assert_eq!(missing.faults(), ["/name", "/steps"]);
    let odd = site.submit_chain(&chain(&[json!("step"), json!(1)])).await;
    assert_eq!(odd.faults(), ["/steps/0", "/steps/1"]);
}
