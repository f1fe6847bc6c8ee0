//! Merging with a template, held against values that are merged one by one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ains_core::chain::StepTask;
use ains_core::routing::Strategy as Routing;
use ains_core::task::RetryPolicy;
use ains_core::template::{Defaults, Template, merged};
use ains_core::{Name, Timestamp};
use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Any JSON, with numbers that fit into 64 bits.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// An object; few names, so that objects have some in common.
fn object() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof!["[a-d]", any::<String>()];
    btree_map(name, value(), 0..6).prop_map(|members| members.into_iter().collect())
}

fn name() -> impl Strategy<Value = Name> {
    "[a-z]{1,8}".prop_map(|name| name.parse().unwrap())
}

fn routing() -> impl Strategy<Value = Routing> {
    prop_oneof![
        Just(Routing::RoundRobin),
        Just(Routing::LeastLoaded),
        Just(Routing::TrustWeighted),
    ]
}

fn retry_policy() -> impl Strategy<Value = RetryPolicy> {
    prop_oneof![
        Just(RetryPolicy::Exponential),
        Just(RetryPolicy::Linear),
        Just(RetryPolicy::Fixed)
    ]
}

prop_compose! {
    fn defaults()(
        task_type in name(), capability in name(), input in object(), priority in 1..=10u8,
        timeout_seconds in 1..=86_400u32, max_retries in 0..=10u32, strategy in routing(),
        retry_policy in retry_policy(),
    ) -> Defaults {
        Defaults {
            task_type, capability, input: Value::Object(input).to_string().into(), priority, timeout_seconds,
            max_retries, strategy, retry_policy,
        }
    }
}

prop_compose! {
    fn own()(
        task_type in option::of(name()), capability in option::of(name()), priority in option::of(1..=10u8),
        timeout_seconds in option::of(1..=86_400u32), max_retries in option::of(0..=10u32),
        strategy in option::of(routing()), retry_policy in option::of(retry_policy()),
    ) -> StepTask {
        StepTask {
            task_type, capability, priority, timeout_seconds, max_retries, strategy, retry_policy,
            ..StepTask::of("tmpl_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().unwrap())
        }
    }
}

proptest! {
    #[test]
    fn a_member_that_is_given_takes_the_place_of_the_default(default in object(), own in object()) {
        let mut expected = default.clone();
        expected.extend(own.clone());
        let text = merged(&Value::Object(default).to_string(), &Value::Object(own).to_string());
        let read: Map<String, Value> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn merging_again_changes_nothing(default in object(), own in object()) {
        let (default, own) = (Value::Object(default).to_string(), Value::Object(own).to_string());
        let once = merged(&default, &own);
        prop_assert_eq!(merged(&once, &own).len(), once.len());
        prop_assert_eq!(&*merged(&default, "{}"), &*default);
    }

    #[test]
    fn a_field_is_the_own_one_or_else_the_default(defaults in defaults(), own in own(), input in object()) {
        let at = Timestamp::from_micros(0);
        let template = Template {
            id: own.template.unwrap(), client: "c".parse().unwrap(), name: "t".parse().unwrap(), description: None,
            defaults: defaults.clone(), input_schema: None, created_at: at, updated_at: at,
        };
        let (spec, _) = template.merge(&own, "me".parse().unwrap(), &Value::Object(input).to_string());
        prop_assert_eq!(spec.client.as_str(), "me");
        prop_assert_eq!(spec.template, own.template);
        prop_assert_eq!(spec.task_type, own.task_type.unwrap_or(defaults.task_type));
        prop_assert_eq!(spec.capability, own.capability.unwrap_or(defaults.capability));
        prop_assert_eq!(spec.priority, own.priority.unwrap_or(defaults.priority));
        let seconds = own.timeout_seconds.unwrap_or(defaults.timeout_seconds);
        prop_assert_eq!(spec.timeout.as_secs(), u64::from(seconds));
        prop_assert_eq!(spec.max_retries, own.max_retries.unwrap_or(defaults.max_retries));
        prop_assert_eq!(spec.strategy, own.strategy.unwrap_or(defaults.strategy));
        prop_assert_eq!(spec.retry_policy, own.retry_policy.unwrap_or(defaults.retry_policy));
    }

    #[test]
    fn what_a_step_says_reads_back_from_its_text(own in own()) {
        let text = serde_json::to_string(&own).unwrap();
        let read: StepTask = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read, own);
    }
}
