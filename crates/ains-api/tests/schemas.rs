//! The schemas say what the types read and write.

use ains_api::{
    AgentReport, BatchSubmit, Calendar, ChainGraph, PatchCalendar, PatchSchedule, PreviewSchedule, Schedule,
    SlotList, SubmitCalendar, SubmitChain, SubmitGraph, SubmitSchedule, SubmitTask, Task, TaskChain,
    TaskGraph, Timestamp,
};
use serde_json::{Value, json};
use utoipa::openapi::{ComponentsBuilder, OpenApiBuilder};
use utoipa::{PartialSchema, ToSchema};

/// The schema of `T` and of everything it refers to, by name.
fn components<T: ToSchema>() -> Value {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    let components = schemas
        .into_iter()
        .fold(ComponentsBuilder::new(), |all, (name, schema)| {
            all.schema(name, schema)
        })
        .build();
    let document = OpenApiBuilder::new().components(Some(components)).build();
    serde_json::to_value(document).expect("a document is JSON")["components"]["schemas"].take()
}

/// Every `$ref` below `value`.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(target) if name == "$ref" => found.push(target.clone()),
                    field => references(field, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_has_a_target() {
    for all in [
        components::<Task>(),
        components::<AgentReport>(),
        components::<BatchSubmit>(),
        components::<SubmitGraph>(),
        components::<TaskGraph>(),
        components::<SubmitChain>(),
        components::<TaskChain>(),
        components::<ChainGraph>(),
        components::<SubmitSchedule>(),
        components::<PreviewSchedule>(),
        components::<PatchSchedule>(),
        components::<Schedule>(),
        components::<SlotList>(),
        components::<SubmitCalendar>(),
        components::<PatchCalendar>(),
        components::<Calendar>(),
    ] {
        let mut found = Vec::new();
        references(&all, &mut found);
        assert!(!found.is_empty());
        for target in found {
            let name = target.strip_prefix("#/components/schemas/").expect("a component");
            assert!(all.get(name).is_some(), "{target} has no target");
        }
    }
}

#[test]
fn a_submission_names_its_limits() {
    let schema = &components::<SubmitTask>()["SubmitTask"];
    // With a template, nothing else is.
    assert_eq!(schema["required"], json!(null));
    assert_eq!(schema["properties"]["priority"]["maximum"], json!(10));
    assert_eq!(
        schema["properties"]["input_data"]["type"],
        json!(["object", "null"])
    );
    assert_eq!(schema.get("additionalProperties"), None);
}

#[test]
fn a_report_refuses_other_fields() {
    assert_eq!(
        components::<AgentReport>()["AgentReport"]["additionalProperties"],
        json!(false)
    );
}

#[test]
fn of_a_task_in_a_graph_only_the_name_is_needed_and_other_fields_are_refused() {
    let all = components::<SubmitGraph>();
    assert_eq!(all["GraphTask"]["required"], json!(["name"]));
    assert_eq!(all["GraphTask"]["additionalProperties"], json!(false));
    assert_eq!(all["TaskDefaults"].get("required"), None);
    assert_eq!(
        all["TaskDefaults"]["properties"]["priority"]["maximum"],
        json!(10)
    );
}

#[test]
fn of_a_step_only_the_name_is_needed_and_other_fields_are_ignored() {
    let all = components::<SubmitChain>();
    let needed = |name: &str| all[name]["required"].clone();
    assert_eq!(needed("SubmitChain"), json!(["name", "steps"]));
    assert_eq!(needed("SubmitStep"), json!(["name"]));
    assert_eq!(needed("Compensation"), json!(null));
    assert_eq!(all["SubmitStep"].get("additionalProperties"), None);
    assert_eq!(
        all["SubmitStep"]["properties"]["max_iterations"]["maximum"],
        json!(1000)
    );
}

#[test]
fn of_a_schedule_only_the_name_is_needed_for_what_it_makes_is_one_of_two() {
    let all = components::<SubmitSchedule>();
    assert_eq!(all["SubmitSchedule"]["required"], json!(["name"]));
    assert_eq!(all["SubmitSchedule"].get("additionalProperties"), None);
    assert_eq!(all["ScheduledChain"]["required"], json!(["steps"]));
    assert_eq!(all["ScheduleCalendar"]["required"], json!(["calendar_id", "use"]));
    let preview = &components::<PreviewSchedule>()["PreviewSchedule"];
    assert_eq!(preview.get("required"), None);
    assert_eq!(preview["additionalProperties"], json!(false));
}

#[test]
fn a_change_of_a_schedule_takes_null_for_every_field_that_has_a_default() {
    let patch = components::<PatchSchedule>()["PatchSchedule"].take();
    assert_eq!(patch.get("required"), None);
    let properties = &patch["properties"];
    assert_eq!(properties["timezone"]["type"], json!(["string", "null"]));
    assert_eq!(properties["max_runs"]["type"], json!(["integer", "null"]));
    assert_eq!(
        properties["start_at"]["oneOf"][0]["$ref"],
        "#/components/schemas/Timestamp"
    );
    assert_eq!(properties["start_at"]["oneOf"][1], json!({"type": "null"}));
}

#[test]
fn an_instant_is_a_date_time() {
    let schema = serde_json::to_value(Timestamp::schema()).expect("JSON");
    assert_eq!(
        (&schema["type"], &schema["format"]),
        (&json!("string"), &json!("date-time"))
    );
}
