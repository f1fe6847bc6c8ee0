//! Random expressions: the `cel` crate's own parser and interpreter come to the same. Left out is what we decide
//! otherwise on purpose: arithmetic on numbers of different kinds, and the order of maps.

use std::collections::HashMap;
use std::sync::Arc;

use ains_core::expression::{Context, Expression};
use cel::objects::{Key, Map};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value as Json, json};

/// What the expressions are about.
fn input() -> Json {
    json!({
        "i": 3, "j": -7, "d": 0.5, "e": 4.0, "s": "abc", "t": "", "y": true, "n": null,
        "li": [1, 2, 3, -7], "ls": ["a", "abc", ""], "le": [], "m": {"a": 1, "b": 2},
        "o": [{"k": 1, "s": "a"}, {"k": 2, "s": "b"}, {"k": 1}],
    })
}

/// Texts of expressions that come to a value of one kind, or fail.
#[derive(Clone)]
struct Kinds {
    truth: BoxedStrategy<String>,
    whole: BoxedStrategy<String>,
    double: BoxedStrategy<String>,
    text: BoxedStrategy<String>,
    list: BoxedStrategy<String>,
}

fn one_of(words: &[&str]) -> BoxedStrategy<String> {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    prop::sample::select(words).boxed()
}

fn leaves(variables: &[&str]) -> Kinds {
    Kinds {
        truth: one_of(&[
            "true",
            "false",
            "input.y",
            "has(input.m.a)",
            "has(input.m.z)",
            "'a' in input.m",
            "input.n == null",
        ]),
        whole: one_of(
            &[
                &[
                    "0",
                    "1",
                    "2",
                    "-3",
                    "9223372036854775807",
                    "input.i",
                    "input.j",
                    "input.m.a",
                    "input.m['b']",
                    "input.nix",
                ],
                variables,
            ]
            .concat(),
        ),
        double: one_of(&["0.0", "1.5", "-2.25", "1e300", "input.d", "input.e"]),
        text: one_of(&[
            "''",
            "'a'",
            "\"b\\n\"",
            "r'\\d'",
            "input.s",
            "input.t",
            "input.ls[1]",
            "string(input.i)",
            "string(true)",
        ]),
        list: one_of(&["[]", "[1]", "[2, 3]", "input.li", "input.le"]),
    }
}

fn joined(parts: impl Strategy<Value = (String, String, String)> + 'static) -> BoxedStrategy<String> {
    parts
        .prop_map(|(left, sign, right)| format!("({left} {sign} {right})"))
        .boxed()
}

/// Expressions one level deeper. A macro is used only where there is none around it.
#[expect(clippy::too_many_lines, reason = "a table")]
fn deeper(of: &Kinds, macros: Option<&Kinds>) -> Kinds {
    let Kinds {
        truth,
        whole,
        double,
        text,
        list,
    } = of.clone();
    let compare = one_of(&["<", "<=", ">", ">=", "==", "!="]);
    let same = one_of(&["==", "!="]);
    let number = prop_oneof![2 => whole.clone(), 1 => double.clone()];
    let any = prop_oneof![
        truth.clone(),
        whole.clone(),
        double.clone(),
        text.clone(),
        list.clone()
    ];
    let choice = |kind: &BoxedStrategy<String>| {
        let parts = (truth.clone(), kind.clone(), kind.clone());
        parts.prop_map(|(condition, yes, no)| format!("({condition} ? {yes} : {no})"))
    };
    let mut truths = vec![
        truth.clone(),
        joined((truth.clone(), one_of(&["&&", "||"]), truth.clone())),
        joined((number.clone(), compare.clone(), number)),
        joined((text.clone(), compare, text.clone())),
        joined((any.clone(), same, any.clone())),
        joined((whole.clone(), one_of(&["in"]), list.clone())),
        truth.clone().prop_map(|truth| format!("!{truth}")).boxed(),
        (
            text.clone(),
            one_of(&["contains", "startsWith", "endsWith"]),
            text.clone(),
        )
            .prop_map(|(text, function, part)| format!("{text}.{function}({part})"))
            .boxed(),
        choice(&truth).boxed(),
        // What is not of the kind that is wanted.
        any.clone().prop_map(|any| format!("({any} && true)")).boxed(),
    ];
    let mut wholes = vec![
        whole.clone(),
        joined((whole.clone(), one_of(&["+", "-", "*", "/", "%"]), whole.clone())),
        whole.clone().prop_map(|whole| format!("-({whole})")).boxed(),
        text.clone().prop_map(|text| format!("size({text})")).boxed(),
        list.clone().prop_map(|list| format!("{list}.size()")).boxed(),
        (list.clone(), whole.clone())
            .prop_map(|(list, index)| format!("{list}[{index}]"))
            .boxed(),
        text.clone().prop_map(|text| format!("int({text})")).boxed(),
        choice(&whole).boxed(),
        (text.clone(), whole.clone())
            .prop_map(|(text, whole)| format!("({text} + {whole})"))
            .boxed(),
    ];
    let doubles = vec![
        double.clone(),
        joined((double.clone(), one_of(&["+", "-", "*", "/"]), double.clone())),
        whole.clone().prop_map(|whole| format!("double({whole})")).boxed(),
        choice(&double).boxed(),
    ];
    let texts = vec![
        text.clone(),
        joined((text.clone(), one_of(&["+"]), text.clone())),
        whole.clone().prop_map(|whole| format!("string({whole})")).boxed(),
        choice(&text).boxed(),
    ];
    let mut lists = vec![
        list.clone(),
        joined((list.clone(), one_of(&["+"]), list.clone())),
        prop::collection::vec(whole, 0..3)
            .prop_map(|items| format!("[{}]", items.join(", ")))
            .boxed(),
        choice(&list).boxed(),
    ];
    if let Some(inside) = macros {
        let about = one_of(&["all", "exists", "exists_one"]);
        truths.push(
            (list.clone(), about, inside.truth.clone())
                .prop_map(|(list, about, body)| format!("{list}.{about}(x, {body})"))
                .boxed(),
        );
        lists.push(
            (list.clone(), inside.whole.clone())
                .prop_map(|(list, body)| format!("{list}.map(x, {body})"))
                .boxed(),
        );
        lists.push(
            (list.clone(), inside.truth.clone(), inside.whole.clone())
                .prop_map(|(list, condition, body)| format!("{list}.map(x, {condition}, {body})"))
                .boxed(),
        );
        lists.push(
            (list, inside.truth.clone())
                .prop_map(|(list, body)| format!("{list}.filter(x, {body})"))
                .boxed(),
        );
        wholes.push(one_of(&[
            "size(input.o.filter(o, has(o.s) && o.k == 1))",
            "input.o.map(o, o.k)[1]",
        ]));
    }
    Kinds {
        truth: prop::strategy::Union::new(truths).boxed(),
        whole: prop::strategy::Union::new(wholes).boxed(),
        double: prop::strategy::Union::new(doubles).boxed(),
        text: prop::strategy::Union::new(texts).boxed(),
        list: prop::strategy::Union::new(lists).boxed(),
    }
}

fn an_expression() -> impl Strategy<Value = String> {
    let inside = deeper(&deeper(&leaves(&["x", "x"]), None), None);
    let all = deeper(&deeper(&deeper(&leaves(&[]), None), Some(&inside)), Some(&inside));
    prop_oneof![2 => all.truth, 1 => all.whole, 1 => all.double, 1 => all.text, 1 => all.list]
}

fn to_cel(json: &Json) -> cel::Value {
    match json {
        Json::Null => cel::Value::Null,
        Json::Bool(value) => cel::Value::Bool(*value),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| cel::Value::Float(number.as_f64().unwrap()), cel::Value::Int),
        Json::String(text) => cel::Value::String(Arc::new(text.clone())),
        Json::Array(items) => cel::Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Json::Object(map) => {
            let entry = |(key, value): (&String, &Json)| (Key::String(Arc::new(key.clone())), to_cel(value));
            cel::Value::Map(Map {
                map: Arc::new(map.iter().map(entry).collect::<HashMap<_, _>>()),
            })
        }
    }
}

fn to_json(value: &cel::Value) -> Option<Json> {
    Some(match value {
        cel::Value::Null => Json::Null,
        cel::Value::Bool(value) => (*value).into(),
        cel::Value::Int(value) => (*value).into(),
        cel::Value::Float(value) => Json::Number(serde_json::Number::from_f64(*value)?),
        cel::Value::String(text) => text.as_str().into(),
        cel::Value::List(items) => items.iter().map(to_json).collect::<Option<_>>()?,
        other => panic!("{other:?}"),
    })
}

/// What the crate makes of it: its other parser, which needs more stack than we have, and its interpreter.
fn oracle(source: &str) -> Option<Json> {
    let program = cel::Program::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    let mut context = cel::Context::default();
    context.add_variable_from_value("input", to_cel(&input()));
    to_json(&program.execute(&context).ok()?)
}

fn ours(source: &str) -> Option<Json> {
    let input = input();
    let mut context = Context::new();
    context.set_input(&input);
    let expression = Expression::parse(source).unwrap_or_else(|fault| panic!("{source}: {fault}"));
    expression.evaluate(&context).ok()
}

#[test]
fn an_expression_comes_to_what_the_cel_crate_says() {
    let expressions = || an_expression().prop_filter("too long", |source| source.len() <= 1024);
    for_many(1_000, expressions, |source| {
        assert_eq!(ours(source), oracle(source), "{source}");
    });
}

#[test]
fn both_parsers_of_the_crate_read_the_same() {
    let words = || {
        one_of(&[
            "a", "b", "1", "2u", "1.5", "'s'", "null", "true", "+", "-", "*", "/", "%", "<", ">=", "==",
            "in", "&&", "||", "!", "?", ":", "(", ")", "[", "]", "{", "}", ",", ".", ".f(", ".all(x,",
            "has(a.b)", " ", "\n", "//c\n", "as", "0x1F",
        ])
    };
    let texts = move || prop::collection::vec(words(), 1..9).prop_map(|words| words.join(" "));
    for_many(2_000, texts, |source| {
        let one = cel::parser::Parser::new().parse(source).ok();
        let other = cel::parser::PrattParser::new().parse(source).ok();
        let shape = |tree: cel::IdedExpr| with_signs(&without_ids(&format!("{:?}", tree.expr)));
        assert_eq!(one.map(shape), other.map(shape), "{source}");
    });
}

/// A tree in which the negation of a number is a number: after some operators one of the parsers takes the
/// sign into the literal and the other does not, which comes to the same.
fn with_signs(tree: &str) -> String {
    let negation = r#"Call\(CallExpr \{ func_name: "-_", target: None, args: \[IdedExpr \{ , expr: Literal\((Int|Double)\((Int|Double)\((-?)([^()]*)\)\)\) \}\] \}\)"#;
    let negation = regex::Regex::new(negation).expect("a pattern");
    let mut tree = tree.to_owned();
    loop {
        let signed = negation.replace(&tree, |found: &regex::Captures<'_>| {
            let sign = if found[3].is_empty() { "-" } else { "" };
            format!("Literal({}({}({sign}{})))", &found[1], &found[2], &found[4])
        });
        if signed == tree {
            return tree;
        }
        tree = signed.into_owned();
    }
}

#[test]
fn the_negation_of_a_number_is_a_number_to_both_parsers() {
    for source in ["! - 1", "- 1", "-1", "a - 1", "! - 1.5", "- - 1", "[ - 2 ]"] {
        let one = cel::parser::Parser::new().parse(source).expect(source);
        let other = cel::parser::PrattParser::new().parse(source).expect(source);
        let shape = |tree: cel::IdedExpr| with_signs(&without_ids(&format!("{:?}", tree.expr)));
        assert_eq!(shape(one), shape(other), "{source}");
    }
}

/// Tests many texts, on a thread with as much stack as the crate's other parser needs.
fn for_many<S: Strategy<Value = String>>(
    cases: u32,
    texts: impl FnOnce() -> S + Send + 'static,
    test: impl Fn(&str) + Send + 'static,
) {
    let thread = std::thread::Builder::new().stack_size(256 << 20);
    let thread = thread.spawn(move || {
        let config = ProptestConfig {
            cases,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        // Always the same texts: the crate's parsers and its interpreter have corners of their own, and
        // what is compared here is ours with them where they agree with the language.
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let result = runner.run(&texts(), |text| {
            test(&text);
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{error}"));
    });
    thread.unwrap().join().unwrap();
}

/// The text of a tree without the numbers of its nodes.
fn without_ids(tree: &str) -> String {
    let mut parts = tree.split("id: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.trim_start_matches(|sign: char| sign.is_ascii_digit())
    })
}
