use super::*;

fn told(source: &str) -> String {
    Expression::parse(source).unwrap_err().to_string()
}

#[test]
fn what_is_no_expression_is_refused_with_its_position() {
    let cases = [
        ("", "at 1: an expression that is empty"),
        ("  // nothing", "at 1: an expression that is empty"),
        ("1 +", "at 4: mismatched input 'end' expecting expression"),
        ("1 2", "at 3: mismatched input '2' expecting end"),
        ("(1", "at 3: expected ')'"),
        ("a\n  b", "at 5: mismatched input 'b' expecting end"),
        ("'x", "at 1: a text that does not end"),
        ("1 + é", "at 5: unexpected `é`"),
        ("'é' + nix", "at 7: unknown name `nix`"),
        ("input.nix + nix", "at 13: unknown name `nix`"),
        ("input.`a-b`", "at 7: unexpected ```"),
        ("input.a & 1", "at 9: unexpected single '&', expected '&&'"),
        ("99999999999999999999", "at 1: invalid int literal"),
        ("now()", "at 1: unknown function `now`"),
        ("input.now() > now(1)", "at 7: unknown function `now`"),
        ("size(1, 2)", "at 1: `size` is called as `value.size()`"),
        (
            "contains('a', 'b')",
            "at 1: `contains` is called as `text.contains(text)`",
        ),
        ("input.int()", "at 7: `int` is called as `int(value)`"),
        ("input.matches('(')", "at 7: not a regular expression"),
        (
            "input.matches('[a-z]{1000}{1000}')",
            "at 7: a regular expression that is too large",
        ),
        ("b'x' == b'x'", "at 1: bytes are not supported"),
        ("a.B{c: 1}", "at 4: there are no types to make values of"),
        ("input.?a", "at 6: unsupported syntax '.?'"),
        (
            "input.all(x, input.all(y, x == y))",
            "at 20: a macro within a macro",
        ),
        (
            "input.map(x, x).map(x, x.filter(y, y))",
            "at 26: a macro within a macro",
        ),
        ("input.map(x.y, 1)", "at 12: argument must be a simple name"),
        ("x + input.map(x, x)", "at 1: unknown name `x`"),
        ("has(input)", "at 5: invalid argument to has() macro"),
        ("steps", "at 1: `steps` must be followed by the name of a step"),
        (
            "size(steps) == 1",
            "at 6: `steps` must be followed by the name of a step",
        ),
        (
            "steps[input.a].output",
            "at 1: a step must be named: `steps.<name>` or `steps[\"<name>\"]`",
        ),
        (
            "steps.a.result",
            "at 7: a step has an output, a status and an error, no `result`",
        ),
        (
            "has(steps.a)",
            "at 1: whether there is a step is known: `has` is for its output or its error",
        ),
        ("for", "at 1: reserved identifier: for"),
        (".input", "at 1: unknown name `.input`"),
    ];
    for (source, expected) in cases {
        assert_eq!(told(source), expected, "{source}");
    }
}

#[test]
fn the_names_in_an_expression_are_known() {
    let source =
        "steps.b.status == 'x' && input.map(index, steps['a c'].output + item)[iteration] == steps.b.error";
    let expression = Expression::parse(source).unwrap();
    assert_eq!(
        expression.roots(),
        [Root::Input, Root::Steps, Root::Item, Root::Iteration]
    );
    let named: Vec<_> = expression
        .steps()
        .iter()
        .map(|step| (step.name.as_str(), step.output, step.position))
        .collect();
    assert_eq!(named, [("a c", true, 49), ("b", false, 7)]);
    assert_eq!(expression.position_of(Root::Iteration), 71);
    let shadowed = Expression::parse("input.all(steps, steps.x.y)").unwrap();
    assert_eq!(shadowed.roots(), [Root::Input]);
}

#[test]
fn depth_and_length_are_bounded() {
    let sum = |terms: usize| vec!["1"; terms].join("+");
    assert!(Expression::parse(&sum(96)).is_ok());
    assert_eq!(told(&sum(97)), "at 1: deeper than 96 levels");
    let list = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Expression::parse(&list(95)).is_ok());
    assert_eq!(told(&list(96)), "at 1: deeper than 96 levels");
    assert_eq!(told(&list(97)), "at 97: deeper than 96 levels");
    // What does not make the tree deeper is only a matter of length.
    assert!(Expression::parse(&vec!["true"; 120].join("&&")).is_ok());
    assert!(Expression::parse(&format!("'{}'", "x".repeat(MAX_SOURCE - 2))).is_ok());
    assert_eq!(
        told(&"x".repeat(MAX_SOURCE + 1)),
        "at 1: an expression of 1025 bytes; at most 1024"
    );
}
