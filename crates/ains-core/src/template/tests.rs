use super::*;
use crate::trust::TrustScore;

fn template() -> Template {
    let at = Timestamp::from_micros(0);
    Template {
        id: "tmpl_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().unwrap(),
        client: "c1".parse().unwrap(),
        name: "a report".parse().unwrap(),
        description: None,
        defaults: Defaults {
            input: r#"{"rows": 10, "format": {"type": "pdf"}}"#.into(),
            priority: 7,
            timeout_seconds: 60,
            max_retries: 0,
            strategy: Strategy::LeastLoaded,
            retry_policy: RetryPolicy::Fixed,
            ..Defaults::new("report".parse().unwrap(), "report:v1".parse().unwrap())
        },
        input_schema: None,
        created_at: at,
        updated_at: at,
    }
}

#[test]
fn what_nobody_says_is_as_the_template_says() {
    let template = template();
    let (spec, input) = template.merge(&StepTask::of(template.id), "c2".parse().unwrap(), "{}");
    assert_eq!((spec.client.as_str(), spec.task_type.as_str()), ("c2", "report"));
    assert_eq!((spec.capability.as_str(), spec.priority), ("report:v1", 7));
    assert_eq!((spec.timeout.as_secs(), spec.max_retries), (60, 0));
    assert_eq!(spec.strategy, Strategy::LeastLoaded);
    assert_eq!(spec.retry_policy, RetryPolicy::Fixed);
    assert_eq!(spec.template, Some(template.id));
    assert_eq!(input, template.defaults.input);
}

#[test]
fn what_is_said_stands_even_if_it_is_what_every_task_has() {
    let own = StepTask {
        task_type: Some("other".parse().unwrap()),
        capability: Some("other:v1".parse().unwrap()),
        priority: Some(limits::DEFAULT_PRIORITY),
        strategy: Some(Strategy::default()),
        min_trust: TrustScore::clamped(0.5),
        timeout_seconds: Some(limits::DEFAULT_TIMEOUT_SECONDS),
        max_retries: Some(limits::DEFAULT_MAX_RETRIES),
        retry_policy: Some(RetryPolicy::default()),
        ..StepTask::of(template().id)
    };
    let (spec, input) = template().merge(&own, "c1".parse().unwrap(), r#"{"format": null, "x": 1.0}"#);
    let plain = TaskSpec {
        min_trust: TrustScore::clamped(0.5),
        template: Some(template().id),
        ..TaskSpec::new(
            "c1".parse().unwrap(),
            "other".parse().unwrap(),
            "other:v1".parse().unwrap(),
        )
    };
    assert_eq!(spec, plain);
    assert_eq!(&*input, r#"{"format":null,"rows":10,"x":1.0}"#);
}

#[test]
fn a_step_without_a_template_must_say_what_it_is() {
    let mut own = StepTask::of(template().id);
    assert_eq!(own.spec("c1".parse().unwrap()), None);
    own.task_type = Some("report".parse().unwrap());
    assert_eq!(own.spec("c1".parse().unwrap()), None);
    own.capability = Some("report:v1".parse().unwrap());
    let spec = own.spec("c1".parse().unwrap()).unwrap();
    assert_eq!((spec.priority, spec.template), (limits::DEFAULT_PRIORITY, None));
}

#[test]
fn numbers_too_large_for_any_type_pass_through_a_merge() {
    let merged = merged(r#"{"big": 123456789012345678901234567890.50}"#, r#"{"a": 1e400}"#);
    assert_eq!(&*merged, r#"{"a":1e400,"big":123456789012345678901234567890.50}"#);
}
