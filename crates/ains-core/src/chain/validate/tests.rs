use super::super::definition::Compensation;
use super::*;

fn task() -> StepTask {
    StepTask::new("work".parse().unwrap(), "worker".parse().unwrap())
}

fn step(name: &str) -> StepDefinition {
    StepDefinition::new(name, task())
}

fn after(name: &str, before: &[&str]) -> StepDefinition {
    StepDefinition {
        depends_on: Some(before.iter().map(ToString::to_string).collect()),
        ..step(name)
    }
}

fn told(steps: Vec<StepDefinition>) -> Vec<String> {
    let faults = Definition { steps }.check().unwrap_err();
    let told = |fault: &Fault| match fault.step {
        Some(step) => format!("{step} {fault}"),
        None => fault.to_string(),
    };
    faults.iter().map(told).collect()
}

fn planned(steps: Vec<StepDefinition>) -> Plan {
    Definition { steps }
        .check()
        .unwrap_or_else(|faults| panic!("{faults:?}"))
}

#[test]
fn steps_follow_each_other_unless_they_say_otherwise() {
    let plan = planned(vec![
        step("a"),
        step("b"),
        after("c", &[]),
        after("d", &["c", "a", "c"]),
        step("e"),
    ]);
    let predecessors: Vec<&[u32]> = (0..5).map(|step| plan.predecessors(step)).collect();
    assert_eq!(predecessors, [&[][..], &[0], &[], &[2, 0], &[3]]);
    let successors: Vec<&[u32]> = (0..5).map(|step| plan.successors(step)).collect();
    assert_eq!(successors, [&[1, 3][..], &[], &[3], &[4], &[]]);
    assert_eq!(plan.index("d"), Some(3));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_fault_is_told_with_its_step_and_field() {
    let cases: [(StepDefinition, &[&str]); 17] = [
        (
            step(""),
            &["1 name: a name has 1 to 255 characters, none of them a control character"],
        ),
        (step("first"), &["1 name: `first` is the name of step 0, too"]),
        (
            after("x", &["nix", "nada"]),
            &[
                "1 depends_on: there is no step `nix`",
                "1 depends_on: there is no step `nada`",
            ],
        ),
        (after("x", &["x"]), &["1 depends_on: a cycle: x -> x"]),
        (
            StepDefinition {
                max_parallel: Some(0),
                for_each: Some("[1]".into()),
                ..step("x")
            },
            &["1 max_parallel: at least 1"],
        ),
        (
            StepDefinition {
                max_parallel: Some(1),
                ..step("x")
            },
            &["1 max_parallel: only with `for_each`"],
        ),
        (
            StepDefinition {
                tolerate_failures: Tolerance::Count(1),
                ..step("x")
            },
            &["1 tolerate_failures: only with `for_each`"],
        ),
        (
            StepDefinition {
                tolerate_failures: Tolerance::Percent(100.5),
                for_each: Some("[1]".into()),
                ..step("x")
            },
            &["1 tolerate_failures: 0 to 100 per cent"],
        ),
        (
            StepDefinition {
                tolerate_failures: Tolerance::Percent(f64::NAN),
                for_each: Some("[1]".into()),
                ..step("x")
            },
            &["1 tolerate_failures: 0 to 100 per cent"],
        ),
        (
            StepDefinition {
                repeat_until: Some("true".into()),
                max_iterations: Some(1),
                for_each: Some("[1]".into()),
                ..step("x")
            },
            &["1 repeat_until: not together with `for_each`"],
        ),
        (
            StepDefinition {
                repeat_until: Some("true".into()),
                ..step("x")
            },
            &["1 max_iterations: wanted with `repeat_until`"],
        ),
        (
            StepDefinition {
                max_iterations: Some(3),
                ..step("x")
            },
            &["1 max_iterations: only with `repeat_until`"],
        ),
        (
            StepDefinition {
                repeat_until: Some("true".into()),
                max_iterations: Some(1_001),
                ..step("x")
            },
            &["1 max_iterations: 1 to 1000"],
        ),
        (
            StepDefinition {
                task: StepTask {
                    priority: Some(11),
                    timeout_seconds: Some(0),
                    max_retries: Some(11),
                    heartbeat_timeout_seconds: Some(0),
                    ..task()
                },
                ..step("x")
            },
            &[
                "1 priority: 11 is not within 1 to 10",
                "1 timeout_seconds: 0 is not within 1 to 86400",
                "1 max_retries: 11 is not within 0 to 10",
                "1 heartbeat_timeout_seconds: 0 is not within 1 to 86400",
            ],
        ),
        (
            StepDefinition {
                input: "[1]".into(),
                ..step("x")
            },
            &["1 input_data: a JSON object is wanted"],
        ),
        (
            StepDefinition {
                input: "{1}".into(),
                ..step("x")
            },
            &["1 input_data: at 2: not JSON"],
        ),
        (
            StepDefinition {
                compensate_with: Some(Compensation {
                    task: StepTask {
                        priority: Some(0),
                        ..task()
                    },
                    input: "7".into(),
                }),
                ..step("x")
            },
            &[
                "1 compensate_with.priority: 0 is not within 1 to 10",
                "1 compensate_with.input_data: a JSON object is wanted",
            ],
        ),
    ];
    for (second, expected) in cases {
        assert_eq!(told(vec![step("first"), second]), expected);
    }
    assert_eq!(told(Vec::new()), ["steps: 0 steps; 1 to 1000 are wanted"]);
    assert_eq!(
        told(vec![step("a"); 1_001]),
        ["steps: 1001 steps; 1 to 1000 are wanted"]
    );
}

#[test]
fn a_cycle_is_named_in_order() {
    let steps = vec![after("a", &["c"]), step("b"), step("c"), after("d", &["d", "a"])];
    assert_eq!(
        told(steps),
        [
            "2 depends_on: a cycle: c -> a -> b -> c",
            "3 depends_on: a cycle: d -> d"
        ]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn an_expression_may_use_what_is_known_where_it_stands() {
    let each = || StepDefinition {
        for_each: Some("input.list".into()),
        ..step("x")
    };
    let until = || StepDefinition {
        repeat_until: Some("output.ok && iteration > 1".into()),
        max_iterations: Some(2),
        ..step("x")
    };
    let undo = |input: &str| {
        Some(Compensation {
            task: task(),
            input: input.into(),
        })
    };
    for good in [
        StepDefinition {
            when: Some("steps.a.output.n > input.n".into()),
            ..step("x")
        },
        StepDefinition {
            when: Some("steps['b c'].status == 'FAILED'".into()),
            ..step("x")
        },
        StepDefinition {
            input: r#"{"i": "${{ index }}", "x": ["${{ item }}", "${{ steps.a.error }}"]}"#.into(),
            ..each()
        },
        StepDefinition {
            input: r#"{"i": "${{ iteration }}", "x": "${{ output }}"}"#.into(),
            ..until()
        },
        StepDefinition {
            compensate_with: undo(r#"{"a": "${{ output }} ${{ steps.x.output }}"}"#),
            ..each()
        },
    ] {
        planned(vec![step("a"), step("b c"), good]);
    }
    let cases = [
        (
            StepDefinition {
                when: Some("1 +".into()),
                ..step("x")
            },
            "when: at 4: mismatched input 'end' expecting expression",
        ),
        (
            StepDefinition {
                when: Some("item > 1".into()),
                ..each()
            },
            "when: at 1: `item` means nothing here, in `item > 1`",
        ),
        (
            StepDefinition {
                for_each: Some("[index]".into()),
                ..step("x")
            },
            "for_each: at 2: `index` means nothing here, in `[index]`",
        ),
        (
            StepDefinition {
                when: Some("1 < iteration".into()),
                ..until()
            },
            "when: at 5: `iteration` means nothing here, in `1 < iteration`",
        ),
        (
            StepDefinition {
                input: r#"{"a": "${{ output }}"}"#.into(),
                ..step("x")
            },
            "input_data: at 1: `output` means nothing here, in `output`",
        ),
        (
            StepDefinition {
                when: Some("steps.nix.output".into()),
                ..step("x")
            },
            "when: at 7: there is no step `nix`, in `steps.nix.output`",
        ),
        (
            StepDefinition {
                when: Some("1 == steps.x.output".into()),
                ..step("x")
            },
            "when: at 12: step `x` does not come before this one, in `1 == steps.x.output`",
        ),
        (
            StepDefinition {
                when: Some("steps.side.output".into()),
                ..step("x")
            },
            "when: at 7: step `side` does not come before this one, in `steps.side.output`",
        ),
        (
            StepDefinition {
                input: r#"{"a": {"b": [1, "${{ nix }}"]}}"#.into(),
                ..step("x")
            },
            "input_data.a.b[1]: at 5: unknown name `nix`",
        ),
        (
            StepDefinition {
                compensate_with: undo(r#"{"a": "${{ item }}"}"#),
                ..each()
            },
            "compensate_with.input_data: at 1: `item` means nothing here, in `item`",
        ),
    ];
    for (bad, expected) in cases {
        let steps = vec![
            step("a"),
            after("side", &["a"]),
            StepDefinition {
                depends_on: Some(vec!["a".into()]),
                ..bad
            },
        ];
        assert_eq!(told(steps), [format!("2 {expected}")]);
    }
}

#[test]
fn what_stands_at_a_default_is_not_stored() {
    let definition = Definition {
        steps: vec![step("a")],
    };
    let text = serde_json::to_string(&definition).unwrap();
    assert_eq!(
        text,
        r#"{"steps":[{"name":"a","task":{"task_type":"work","capability":"worker"}}]}"#
    );
    assert_eq!(serde_json::from_str::<Definition>(&text).unwrap(), definition);
}
