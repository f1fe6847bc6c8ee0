//! Expressions that were written to do harm: each is refused, or comes to a value or a fault at once, on a thread
//! with 2 MiB of stack.

use std::time::{Duration, Instant};

use ains_core::expression::{Context, Expression, MAX_SOURCE, Template, TemplateFault};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// Much more than any of it takes: the tests run unoptimised, many at once.
const AT_ONCE: Duration = Duration::from_secs(10);

fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread.spawn(work).unwrap().join().unwrap();
}

fn at_once<T>(work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let value = work();
    assert!(started.elapsed() < AT_ONCE, "it took {:?}", started.elapsed());
    value
}

/// Tries an expression: `Err` says why it was refused or what went wrong.
fn tried(source: &str, input: &Json) -> Result<Json, String> {
    at_once(|| {
        let expression = Expression::parse(source).map_err(|fault| fault.to_string())?;
        let mut context = Context::new();
        context.set_input(input);
        expression.evaluate(&context).map_err(|fault| fault.reason)
    })
}

fn parsed(template: &str) -> Result<Template, Vec<TemplateFault>> {
    at_once(|| Template::parse(template))
}

fn nested(open: &str, core: &str, close: &str, bytes: usize) -> String {
    let levels = bytes.saturating_sub(core.len()) / (open.len() + close.len());
    format!("{}{core}{}", open.repeat(levels), close.repeat(levels))
}

const NESTS: [(&str, &str, &str); 24] = [
    ("(", "1", ")"),
    ("[", "1", "]"),
    ("{1:", "1", "}"),
    ("size(", "[]", ")"),
    ("string(", "1", ")"),
    ("has(", "input.a", ")"),
    ("a{b:", "1", "}"),
    ("input[", "1", "]"),
    ("[1].map(x,", "1", ")"),
    ("true?", "1", ":1"),
    ("", "1", "+1"),
    ("", "1", "-1"),
    ("", "1", "==1"),
    ("", "1", " in[1]"),
    ("", "true", "&&true"),
    ("", "true", "||true&&true"),
    ("", "true", "?true:true"),
    ("", "input", ".a"),
    ("", "input", "[0]"),
    ("", "input", ".size()"),
    ("", "[1]", ".map(x,x)"),
    ("!", "true", ""),
    ("-", "1", ""),
    ("!-", "1", ""),
];

#[test]
fn what_is_deep_or_long_is_refused_or_quick() {
    on_a_small_stack(|| {
        let input = json!({"a": 1});
        for (open, core, close) in NESTS {
            for bytes in [100, 300, 600, MAX_SOURCE] {
                let source = nested(open, core, close, bytes);
                drop(tried(&source, &input));
                // Without its end, or its beginning.
                drop(tried(&source[..source.len() / 2], &input));
                drop(tried(&source[source.len() / 2..], &input));
            }
            let long = nested(open, core, close, 1 << 20);
            assert!(tried(&long, &input).unwrap_err().ends_with("at most 1024"));
        }
    });
}

fn large() -> Json {
    let list: Vec<Json> = (0..10_000).map(|number| json!(number)).collect();
    let texts: Vec<Json> = (0..10_000)
        .map(|number| json!(format!("(a{{0,{}}}|{number})*b", number % 50)))
        .collect();
    json!({
        "list": list,
        "texts": texts,
        "maps": vec![json!({"a": {"b": [1, 2, 3]}}); 10_000],
        "text": "a".repeat(1 << 20),
        "accents": "abé b".repeat(14_000),
        "mixed": "aA0 é-".repeat(20_000),
        "long": vec![0; 10_001],
        "m": list_as_map(),
    })
}

fn list_as_map() -> Json {
    (0..9_000)
        .map(|number| (number.to_string(), json!(number)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn what_is_much_work_is_stopped() {
    let too_much = [
        "input.list.all(x, x in input.list)",
        "input.list.filter(x, input.list == input.list)",
        "input.list.map(x, input.list + input.list)",
        "input.list.map(x, input.list + [x])",
        "input.list.map(x, input.text + input.text)",
        "input.list.map(x, input.text.contains('b'))",
        "input.list.map(x, input.text < input.text)",
        "input.list.map(x, size(input.text))",
        "input.list.map(x, input.text.matches('b'))",
        "input.list.filter(x, input.maps == input.maps)",
        "input.texts.filter(x, x.matches(x))",
        "input.list.map(x, input.list)",
        "input.list.map(x, [input.m, input.m, input.m])",
        "input.mixed.matches('(a*)*(b*)*(\\\\w{1,9}){1,9}x$')",
        "input.text.matches('(a?){10}(a){10}b')",
        "[[input.maps, input.maps], [input.maps, input.maps], [input.maps, input.maps]].map(x, [x, x, x, x, x, x, x, x])",
    ];
    let fine = [
        "size(input.list.map(x, input.list)) == 10000",
        "size(input.list.map(x, [x, x * 2, x * x, string(x), {'a': x}])) == 10000",
        "input.list.all(x, x + 1 > x && x * 2 >= x && string(x) != '' && !(x < 0) && x / 1 == x)",
        "input.maps.all(x, x.a.b[0] + x.a.b[1] == x.a.b[2] && has(x.a.b) && size(x.a) == 1)",
        "size(input.m.filter(key, int(key) % 2 == 0)) == 4500",
        "!input.accents.matches(r'.*\\b.*\\b.*\\b.*\\b.*\\b.*\\b.*\\b.*\\b.*\\b.*\\b.*\\b.*\\bc')",
        "input.texts.exists(x, x.endsWith('9999)*b'))",
        "input.maps == input.maps",
        "size(input.text + input.text) == 2097152",
    ];
    on_a_small_stack(move || {
        let input = large();
        for source in too_much {
            let reason = tried(source, &input).unwrap_err();
            let is_bounded = [
                "too much work",
                "it comes to too much",
                "at most 10000",
                "is too large",
            ];
            assert!(
                is_bounded.iter().any(|bound| reason.contains(bound)),
                "{source}: {reason}"
            );
        }
        for source in fine {
            assert_eq!(tried(source, &input), Ok(json!(true)), "{source}");
        }
        for source in [
            "input.long",
            "input.long.all(x, true)",
            "0 in input.long",
            "input.list + [1]",
            "[input.long]",
        ] {
            let reason = tried(source, &input).unwrap_err();
            assert!(reason.ends_with("items; at most 10000"), "{source}: {reason}");
        }
    });
}

#[test]
fn values_that_are_deep_are_no_danger() {
    on_a_small_stack(|| {
        // As deep as serde_json reads, and as an expression can make it.
        let text = format!("{}1{}", "[".repeat(120), "]".repeat(120));
        let input: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(tried("input == input", &input), Ok(json!(true)));
        let deep = nested("[", "input", "]", 180);
        assert!(tried(&deep, &input).is_ok());
        assert_eq!(tried(&format!("{deep} == {deep}"), &input), Ok(json!(true)));
        let template = parsed(&format!(r#"["${{{{ {deep} }}}}", "is ${{{{ {deep} }}}}"]"#)).unwrap();
        let mut context = Context::new();
        context.set_input(&input);
        assert!(template.fill(&context).is_ok());
    });
}

#[test]
fn a_template_as_a_whole_costs_no_more_than_an_expression() {
    on_a_small_stack(|| {
        let input = large();
        let mut context = Context::new();
        context.set_input(&input);
        let one = "\"${{ input.list.all(x, x * 2 >= x && x * 3 >= x) }}\"";
        let many = format!("[{}]", vec![one; 1_000].join(","));
        let fault = at_once(|| parsed(&many).unwrap().fill(&context).unwrap_err());
        assert_eq!(fault.reason, "too much work");
        let copies = format!("[{}]", vec!["\"${{ input.maps }}\""; 1_000].join(","));
        assert!(at_once(|| parsed(&copies).unwrap().fill(&context).is_err()));
        // Patterns that take long to compile, and those of them that are refused.
        for pattern in ["(?i)[^\\\\p{L}]".repeat(18), "(?i)\\\\w".repeat(35)] {
            let many = format!(
                "[{}]",
                vec![format!("\"${{{{ input.text.matches(r'{pattern}') }}}}\""); 1_000].join(",")
            );
            assert!(parsed(&many).is_err());
        }
        // A text that only looks like many expressions.
        let open = format!("[\"{}\"]", "${{ ".repeat(250_000));
        assert_eq!(parsed(&open).unwrap_err().len(), 1);
        let closed = format!("[\"{}\"]", "${{ }}".repeat(100_000));
        assert_eq!(parsed(&closed).unwrap_err().len(), 100);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    #[test]
    fn no_text_is_a_danger_to_the_parser(source in any_text()) {
        drop(tried(&source, &json!({"a": [1, {"b": "é"}]})));
        drop(parsed(&source));
        drop(parsed(&serde_json::to_string(&format!("${{{{{source}}}}}")).unwrap()));
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "input",
        ".a",
        "[0]",
        ".b",
        "'é",
        "'",
        "\"",
        "'''",
        "\\",
        "\\u12",
        "\\x",
        "r'",
        "b'",
        "`",
        "é",
        "\u{1F600}",
        "\0",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ":",
        ",",
        "?",
        ".?",
        "+",
        "-",
        "!",
        "&",
        "&&",
        "|",
        "||",
        "=",
        "==",
        "in",
        " ",
        "\n",
        "//",
        "1",
        "1.",
        ".5",
        "0x",
        "1e",
        "1e999",
        "9999999999999999999",
        "1u",
        ".map(x,",
        ".all(x,x",
        "has(",
        "size(",
        "steps",
        ".s",
        "${{",
        "}}",
        "for",
        "null",
    ]);
    prop_oneof![
        3 => prop::collection::vec(words, 0..40).prop_map(|words| words.concat()),
        1 => any::<String>(),
        1 => "\\PC{0,60}",
    ]
}
