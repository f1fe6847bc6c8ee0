use serde_json::json;

use super::bounds::{MAX_LEVELS, MAX_PARTS, MAX_PATTERNS};
use super::*;

fn faults(schema: &Value) -> Vec<String> {
    let read = InputSchema::read(&schema.to_string());
    shown(read.expect_err("it is refused"))
}

fn shown(faults: Vec<Fault>) -> Vec<String> {
    let faults = faults.into_iter();
    faults
        .map(|fault| format!("{}: {}", fault.pointer, fault.message))
        .collect()
}

#[test]
fn an_input_is_told_everything_that_is_wrong_with_it_and_where() {
    let schema = json!({
        "type": "object",
        "required": ["rows", "format"],
        "properties": {
            "rows": {"type": "integer", "minimum": 1},
            "names": {"type": "array", "items": {"$ref": "#/$defs/name"}}
        },
        "additionalProperties": false,
        "$defs": {"name": {"type": "string", "pattern": "^[a-z]+$"}}
    });
    let schema = InputSchema::read(&schema.to_string()).unwrap();
    assert_eq!(schema.check(r#"{"rows": 3, "format": null}"#).len(), 1);
    assert_eq!(
        shown(schema.check(r#"{"rows": 0, "names": ["a", "B", 7], "a/b": "secret"}"#)),
        [
            ": \"format\" is a required property",
            "/names/1: the value does not match \"^[a-z]+$\"",
            "/names/2: the value is not of type \"string\"",
            "/rows: the value is less than the minimum of 1",
            ": Additional properties are not allowed ('a/b' was unexpected)",
        ]
    );
    assert_eq!(
        shown(schema.check("[]")),
        [": the value is not of type \"object\""]
    );
    assert_eq!(schema.check(r#"{"rows": 1e999}"#).len(), 1);
    let many = InputSchema::read(r#"{"additionalProperties": {"type": "null"}}"#).unwrap();
    let input: serde_json::Map<_, _> = (0..100).map(|n| (n.to_string(), json!(n))).collect();
    assert_eq!(many.check(&json!(input).to_string()).len(), MAX_FAULTS);
    let input: serde_json::Map<_, _> = (0..60_000).map(|n| (n.to_string(), json!(n))).collect();
    assert_eq!(many.check(&json!(input).to_string()).len(), 1);
}

#[test]
fn a_schema_is_told_where_it_is_wrong() {
    for (schema, expected) in [
        (json!({"type": "objekt"}), "/type: "),
        (
            json!({"properties": {"a/b": {"minimum": "1"}}}),
            "/properties/a~1b/minimum: ",
        ),
        (
            json!({"properties": {"a": {"pattern": "("}}}),
            "/properties/a/pattern: ",
        ),
        (json!({"patternProperties": {"(?=a)": {}}}), "/patternProperties"),
        (json!({"pattern": "(a{1000}){1000}"}), "/pattern"),
        (
            json!({"$schema": "http://json-schema.org/draft-03/schema#"}),
            "/$schema: ",
        ),
        (json!({"$schema": 7}), "/$schema: "),
        (json!({"$ref": "http://169.254.169.254/x"}), "/$ref: must lead"),
        (json!({"$ref": "file:///etc/passwd"}), "/$ref: must lead"),
        (json!({"$ref": "#name"}), "/$ref: must lead"),
        (json!({"$ref": "#/$defs/none"}), "/$ref: leads to nothing"),
        (json!({"$ref": "#/%zz"}), "/$ref: leads to nothing"),
        (json!({"$ref": "#"}), "/$ref: leads back"),
        (
            json!({"$defs": {"x": {"$dynamicRef": "#x"}}}),
            "/$defs/x/$dynamicRef: is not",
        ),
        (
            json!({"properties": {"x": {"$id": "http://x"}}}),
            "/properties/x/$id: is supported",
        ),
    ] {
        let faults = faults(&schema);
        assert!(faults[0].starts_with(expected), "{schema}: {faults:?}");
    }
    for text in ["true", "[]", "7", "{", ""] {
        assert!(InputSchema::read(text).is_err(), "{text}");
    }
    let long = json!({"description": "x".repeat(MAX_SCHEMA)});
    assert_eq!(faults(&long), [": is larger than the limit of 65536 bytes"]);
}

#[test]
fn a_schema_that_contains_itself_is_refused() {
    let tree = json!({
        "$defs": {"tree": {"properties": {"left": {"$ref": "#/$defs/tree"}, "right": {"$ref": "#/$defs/tree"}}}},
        "$ref": "#/$defs/tree"
    });
    assert!(faults(&tree)[0].contains("may not contain itself"));
    let ring = json!({
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}},
    });
    assert!(faults(&ring)[0].contains("may not contain itself"));
}

#[test]
fn a_schema_that_doubles_with_each_reference_is_refused() {
    let mut defs = serde_json::Map::new();
    defs.insert("d0".into(), json!({"type": "object"}));
    for n in 1..12 {
        let below = json!({"$ref": format!("#/$defs/d{}", n - 1)});
        defs.insert(format!("d{n}"), json!({"allOf": [below, below]}));
    }
    let schema = json!({"$defs": defs, "$ref": "#/$defs/d11"});
    let expected = format!(": has more than {MAX_PARTS} parts, with all that it refers to written out");
    assert_eq!(faults(&schema), [expected]);
    let nested = (0..20).fold(
        json!({}),
        |inner, _| json!({"allOf": [inner], "unevaluatedProperties": false}),
    );
    assert!(faults(&nested)[0].contains("parts"));
}

#[test]
fn a_long_row_of_references_is_refused() {
    let row = |length: usize| {
        let mut defs = serde_json::Map::new();
        defs.insert("d0".into(), json!({}));
        for n in 1..length {
            defs.insert(format!("d{n}"), json!({"$ref": format!("#/$defs/d{}", n - 1)}));
        }
        json!({"$defs": defs})
    };
    assert!(InputSchema::read(&row(MAX_LEVELS - 1).to_string()).is_ok());
    assert!(faults(&row(MAX_LEVELS))[0].contains("levels"));
    assert!(faults(&row(1000))[0].contains("levels"));
}

#[test]
fn there_are_so_many_regular_expressions_and_not_more() {
    let with = |count: usize| {
        let each = (0..count).map(|n| json!({"pattern": format!("^{n}")}));
        json!({"anyOf": each.collect::<Vec<_>>()})
    };
    assert!(InputSchema::read(&with(MAX_PATTERNS).to_string()).is_ok());
    assert_eq!(
        faults(&with(MAX_PATTERNS + 1)),
        [format!(": has more than {MAX_PATTERNS} regular expressions")]
    );
}

#[test]
fn names_that_look_like_keywords_are_names() {
    let schema = json!({
        "properties": {"$ref": {"type": "string"}, "$id": {"type": "integer"}, "items": true},
        "required": ["$ref"],
        "const": {"$ref": "#/nowhere", "$id": 7, "items": []}
    });
    let schema = InputSchema::read(&schema.to_string()).unwrap();
    assert_eq!(
        schema.check(r##"{"$ref": "#/nowhere", "$id": 7, "items": []}"##),
        []
    );
}

#[test]
fn every_known_draft_is_taken_and_heeded() {
    for draft in [
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema#",
        "http://json-schema.org/draft-06/schema#",
    ] {
        let schema = json!({"$schema": draft, "$id": "urn:x", "properties": {"a": {"exclusiveMinimum": 1}}});
        let schema = InputSchema::read(&schema.to_string()).expect(draft);
        assert_eq!(schema.check(r#"{"a": 1}"#).len(), 1, "{draft}");
    }
}

#[test]
fn schemas_are_kept_by_revision_and_within_their_bound() {
    let schemas = Schemas::default();
    let id: TemplateId = "tmpl_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().unwrap();
    let first = schemas.of(id, 0, r#"{"type": "object"}"#).unwrap();
    let again = schemas.of(id, 0, "not read again").unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    let next = schemas.of(id, 1, r#"{"type": "array"}"#).unwrap();
    assert!(!Arc::ptr_eq(&first, &next));
    assert!(schemas.of(id, 2, "{").is_err());
    let large =
        json!({"anyOf": (0..MAX_PATTERNS).map(|n| json!({"pattern": n.to_string()})).collect::<Vec<_>>()});
    for revision in 3..20 {
        schemas.of(id, revision, &large.to_string()).unwrap();
    }
    let kept = schemas.lock();
    assert!(kept.size <= KEPT && kept.schemas.len() == kept.order.len());
    assert!(!kept.schemas.contains_key(&(id, 0)) && kept.schemas.contains_key(&(id, 19)));
}

#[test]
fn what_would_find_too_many_faults_finds_one_and_what_would_take_too_long_is_refused() {
    let nulls = vec![json!({"type": "null"}); 500];
    let zeros = |count: usize| json!({"a": vec![0; count]}).to_string();
    let all = json!({"type": "object", "additionalProperties": {"items": {"allOf": nulls}}});
    let all = InputSchema::read(&all.to_string()).unwrap();
    assert_eq!(all.check(&zeros(10)).len(), MAX_FAULTS);
    let faults = all.check(&zeros(1000));
    assert_eq!(faults.len(), 1);
    assert!(faults[0].pointer.starts_with("/a/"), "{faults:?}");
    // Alternatives are all looked at for the first fault; nobody asks for it.
    let any = json!({"additionalProperties": {"items": {"anyOf": nulls}}});
    let any = InputSchema::read(&any.to_string()).unwrap();
    assert_eq!(any.check(&zeros(1000))[0].pointer, "");
    let faults = any.check(&zeros(50_000));
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0].message.starts_with("is too large to be checked"),
        "{faults:?}"
    );
    // What is listed by value counts.
    let many: Vec<f64> = (0..3000).map(|number| f64::from(number) + 0.5).collect();
    assert!(InputSchema::read(&json!({"type": "object", "enum": many}).to_string()).is_err());
}
