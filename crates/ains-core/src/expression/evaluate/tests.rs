use serde_json::{Value as Json, json};

use super::*;
use crate::chain::StepStatus;
use crate::expression::{Expression, StepValue};

fn context<'v>(input: &'v Json, output: &'v Json) -> Context<'v> {
    let mut context = Context::new();
    context.set_input(input);
    context.set_item(3, output);
    context.set_iteration(2);
    context.set_output(output);
    let (status, error) = (StepStatus::Completed, None);
    context.set_step(
        "a",
        StepValue {
            output: Some(output),
            status,
            error,
        },
    );
    let (status, error) = (StepStatus::Failed, Some("boom"));
    context.set_step(
        "b",
        StepValue {
            output: None,
            status,
            error,
        },
    );
    context
}

fn told(source: &str) -> String {
    let input = json!({"n": 7, "x": 0.5, "big": u64::MAX, "t": "añb", "list": [3, 1, 2], "map": {"k": null}});
    let output = json!({"ok": true});
    let expression = Expression::parse(source).unwrap_or_else(|fault| panic!("{source}: {fault}"));
    match expression.evaluate(&context(&input, &output)) {
        Ok(value) => value.to_string(),
        Err(fault) => fault.reason,
    }
}

#[test]
fn an_expression_comes_to_its_value() {
    let cases = [
        ("null", "null"),
        ("-5 + 2 * 3 - 7 / 2 - 7 % 4", "-5"),
        ("-7 / 2", "-3"),
        ("-7 % 2", "-1"),
        ("1.0 / 4.0", "0.25"),
        ("input.n * input.x", "3.5"),
        ("input.n / 2.0 > 3", "true"),
        ("7 == 7.0 && 7u == 7 && input.big > 9.0e18 && 1 != '1'", "true"),
        ("input.big - 1u", "18446744073709551614"),
        ("9007199254740993 == 9007199254740992.0", "false"),
        ("'a' + \"b\" + '\\n' + r'\\n'", r#""ab\n\\n""#),
        ("[1, 2] + [3]", "[1,2,3]"),
        ("{'b': 1, 'a': [2]}", r#"{"a":[2],"b":1}"#),
        ("{'a': 1} == {'a': 1.0} && [1, [2]] == [1u, [2.0]]", "true"),
        ("{1: 'x'}[1u] + {true: 'y'}[true]", "\"xy\""),
        ("input.list[1] + input.list[0.0]", "4"),
        ("input['n'] + input.map.size() + size(input.t)", "11"),
        (
            "2 in input.list && !(9 in input.list) && 'k' in input.map && !(1 in input.map)",
            "true",
        ),
        (
            "has(input.map.k) && !has(input.map.x) && input.map.k == null",
            "true",
        ),
        ("true ? 1 : input.nothing", "1"),
        ("false && input.nothing || true || input.nothing", "true"),
        ("input.nothing || true", "true"),
        ("'b' > 'a' && 'a' <= 'a' && false < true", "true"),
        ("input.list.all(x, x > 0)", "true"),
        ("input.list.all(x, x / (x - 1) > 0)", "a division by zero"),
        ("input.list.all(x, x / (x - 1) > 1 && x < 3)", "false"),
        ("input.list.exists(x, 1 / (x - 1) == 1)", "true"),
        ("input.list.exists_one(x, x == 2)", "true"),
        ("input.list.existsOne(x, x < 3)", "false"),
        ("input.list.filter(x, x > 1).map(x, x * 10)", "[30,20]"),
        ("input.list.map(x, x > 1, [x])", "[[3],[2]]"),
        ("input.map(key, key)", r#"["big","list","map","n","t","x"]"#),
        ("{'b': 1, 'a': 2}.map(key, key)", r#"["a","b"]"#),
        (
            "input.t.startsWith('añ') && input.t.endsWith('b') && input.t.contains('ñ')",
            "true",
        ),
        (
            "input.t.matches('^a.b$') && matches('x1', '[0-9]') && !input.t.matches('^b')",
            "true",
        ),
        ("input.t.matches('^' + 'a')", "true"),
        ("[int('5'), int(5.9), int(-5.9), int(5u)]", "[5,5,-5,5]"),
        ("[uint('5'), uint(5)]", "[5,5]"),
        ("[double('1.5'), double(2)]", "[1.5,2.0]"),
        (
            "[string(1), string(1.5), string(true), string('x')]",
            r#"["1","1.5","true","x"]"#,
        ),
        ("[bool('true'), bool(false)]", "[true,false]"),
        ("dyn(input.n) == 7", "true"),
        ("[item.ok, index, iteration, output.ok]", "[true,3,2,true]"),
        (
            "steps.a.output.ok && steps.a.error == null && steps.a.status == 'COMPLETED'",
            "true",
        ),
        (
            "[steps.b.status, steps.b.error, steps.b.output]",
            r#"["FAILED","boom",null]"#,
        ),
        (
            "has(steps.a.output) && !has(steps.b.output) && has(steps.b.error)",
            "true",
        ),
        ("steps.b", r#"{"error":"boom","output":null,"status":"FAILED"}"#),
        ("steps['a'].output", r#"{"ok":true}"#),
        ("steps.unset.output", "null"),
        ("--5 - -5", "10"),
        ("!!true", "true"),
    ];
    for (source, expected) in cases {
        assert_eq!(told(source), expected, "{source}");
    }
}

#[test]
fn what_has_no_value_has_a_reason() {
    let cases = [
        ("1 / 0", "a division by zero"),
        ("1 % 0", "a division by zero"),
        ("9223372036854775807 + 1", "a number that 64 bits cannot hold"),
        ("-9223372036854775808 - 1", "a number that 64 bits cannot hold"),
        ("input.big + 1", "a number that 64 bits cannot hold"),
        ("0u - 1u", "a number that 64 bits cannot hold"),
        ("-(-9223372036854775808)", "a number that 64 bits cannot hold"),
        ("int('99999999999999999999')", "a number that 64 bits cannot hold"),
        ("int(1e300)", "`int` of a double"),
        ("uint(-1)", "a number that 64 bits cannot hold"),
        ("int('x')", "`int` of a string that says `x`"),
        ("int(0.0 / 0.0)", "`int` of a double"),
        ("1.0 / 0.0", "it comes to a number that JSON cannot hold"),
        ("[0.0 / 0.0]", "it comes to a number that JSON cannot hold"),
        ("'a' + 1", "a string + an int"),
        ("null + 1", "null + an int"),
        ("1.5 % 1.0", "a double % a double"),
        ("'a' < 1", "a string < an int"),
        ("[1] < [2]", "a list < a list"),
        ("null < null", "null < null"),
        ("1 in 'abc'", "an int in a string"),
        ("input.nothing", "there is no `nothing`"),
        ("input.n.x", "`x` of an int"),
        ("has(input.n.x)", "`x` of an int"),
        ("steps.b.output.x", "`x` of null"),
        ("input.list[3]", "an index beyond a list of 3 items"),
        ("input.list[-1]", "an index beyond a list of 3 items"),
        ("input.list['a']", "a string as an index"),
        ("input.list[0.5]", "a double as an index"),
        ("input[1.5]", "a double as a key"),
        ("input[1]", "there is no `1`"),
        ("{'a': 1, 'a': 2}", "a map with the key `a` twice"),
        ("{1.5: 1}", "a double as a key"),
        ("1 ? 2 : 3", "an int where true or false is wanted"),
        ("!1", "an int where true or false is wanted"),
        ("-'a'", "- a string"),
        ("1 && true", "an int where true or false is wanted"),
        ("input.n.all(x, x)", "an int where a list is wanted"),
        ("input.list.filter(x, x)", "an int where true or false is wanted"),
        ("input.t.matches(input.t + '(')", "not a regular expression"),
        ("input.n.matches('a')", "`matches` of an int"),
        ("input.t.contains(1)", "`contains` of a string and an int"),
        ("size(1)", "`size` of an int"),
        ("string([1])", "`string` of a list"),
        ("bool('maybe')", "`bool` of a string that says `maybe`"),
    ];
    for (source, expected) in cases {
        assert_eq!(told(source), expected, "{source}");
    }
}
