use serde_json::{Value as Json, json};

use super::*;

fn filled(template: &str, input: &Json) -> String {
    let mut context = Context::new();
    context.set_input(input);
    let template = Template::parse(template).unwrap();
    template.fill(&context).unwrap().into()
}

fn faults(template: &str) -> Vec<String> {
    let faults = Template::parse(template).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_string_that_is_one_expression_keeps_the_type() {
    let input = json!({"n": 7, "list": [1, 2.5, null], "text": "a\"b", "map": {"b": true, "a": "ä"}});
    let cases = [
        (r#""${{ input.n }}""#, "7"),
        (r#""${{input.n+1}}""#, "8"),
        (r#"{"a": "${{ input.list }}"}"#, r#"{"a": [1,2.5,null]}"#),
        (r#""${{ input.text }}""#, r#""a\"b""#),
        (r#""${{ input.map }}""#, r#"{"a":"ä","b":true}"#),
        (r#""${{ {'a': {'b': input.n}} }}""#, r#"{"a":{"b":7}}"#),
        (r#""${{ {1: [], true: {}} }}""#, r#"{"true":{},"1":[]}"#),
        (r#""${{ '}}' }}""#, r#""}}""#),
        (r#""${{ '${{' }}""#, r#""${{""#),
    ];
    for (template, expected) in cases {
        assert_eq!(filled(template, &input), expected, "{template}");
    }
}

#[test]
fn in_any_other_string_it_becomes_text() {
    let input = json!({"n": 7, "list": [1, "x"], "text": "a\"b\\", "none": null});
    let cases = [
        (r#"" ${{ input.n }}""#, r#"" 7""#),
        (r#""${{ input.n }}${{ input.n }}""#, r#""77""#),
        (r#""is \"${{ input.text }}\"!\n""#, r#""is \"a\"b\\\"!\n""#),
        (r#""<${{ input.list }}>""#, r#""<[1,\"x\"]>""#),
        (r#""<${{ input.none }}>""#, r#""<null>""#),
        (r#""$ {{ input.n }} {{ }} $""#, r#""$ {{ input.n }} {{ }} $""#),
    ];
    for (template, expected) in cases {
        assert_eq!(filled(template, &input), expected, "{template}");
    }
}

#[test]
fn everything_around_is_left_as_it_was_written() {
    let text = r#" { "big" : 123456789012345678901234567890 , "same":1.10,"same":2, "${{ key }}": ["${{ input }}", {"é": "\u00e9"}] } "#;
    assert_eq!(filled(text, &json!(0)), text.replace(r#""${{ input }}""#, "0"));
    assert!(
        Template::parse(r#"{"a": ["b", {"${{ no }}": 1}]}"#)
            .unwrap()
            .is_constant()
    );
}

#[test]
fn every_fault_is_told_with_its_place() {
    let cases: [(&str, &[&str]); 6] = [
        ("{", &[": at 1: not JSON"]),
        (r#""${{ input""#, &[": at 1: `${{` without `}}`"]),
        (
            r#"{"a": [1, "é${{ nix }} ${{ 1 + }}"]}"#,
            &[
                "a[1]: at 6: unknown name `nix`",
                "a[1]: at 20: mismatched input 'end' expecting expression",
            ],
        ),
        (
            r#"{"a": {"b": "${{ }}"}, "c": "${{ f() }}"}"#,
            &[
                "a.b: at 5: an expression that is empty",
                "c: at 5: unknown function `f`",
            ],
        ),
        (r#"[["${{ 'x }}"]]"#, &["[0][0]: at 1: `${{` without `}}`"]),
        (r#"["${{ 1 } }}"]"#, &["[0]: at 1: `${{` without `}}`"]),
    ];
    for (template, expected) in cases {
        assert_eq!(faults(template), expected, "{template}");
    }
}

#[test]
fn a_text_that_becomes_too_large_is_refused() {
    let input = json!("x".repeat(3 << 20));
    let mut context = Context::new();
    context.set_input(&input);
    let once = Template::parse(r#"["${{ input }}"]"#).unwrap();
    assert!(once.fill(&context).is_ok());
    let twice = Template::parse(r#"["${{ input }}", "${{ input }}"]"#).unwrap();
    let fault = twice.fill(&context).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "`input`: the input becomes larger than 4194304 bytes"
    );
    let many = format!("[{}]", vec!["\"${{ 1 }}\""; 1001].join(","));
    assert_eq!(
        faults(&many),
        ["[1000]: at 4: more than 1000 expressions in one input"]
    );
}
