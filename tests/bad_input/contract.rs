//! Reads the contract: which operations there are, and what each takes.

use serde_json::Value;

/// One method of one path.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// In capital letters.
    pub(crate) method: String,
    /// With its names in braces.
    pub(crate) path: String,
    /// What it takes in the query.
    pub(crate) query: Vec<Field>,
    /// What it takes in the body, if it takes one.
    pub(crate) body: Option<Body>,
}

/// The body of an operation.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// Whether there has to be one.
    pub(crate) required: bool,
    pub(crate) fields: Vec<Field>,
}

/// A member of a body, or a parameter of a query.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) kind: Kind,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Number,
    Flag,
    Object,
    List,
    /// Anything.
    Any,
}

impl Operation {
    /// Every operation of the document.
    pub(crate) fn all(document: &Value) -> Vec<Self> {
        let paths = document["paths"].as_object().expect("there are paths");
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("a path has methods");
            methods
                .iter()
                .map(move |(method, operation)| Self::read(document, method, path, operation))
        });
        operations.collect()
    }

    fn read(document: &Value, method: &str, path: &str, operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let query = parameters.filter(|parameter| parameter["in"] == "query");
        let query = query.map(|parameter| Field {
            name: parameter["name"].as_str().expect("a name").to_owned(),
            required: parameter["required"] == true,
            kind: kind(resolve(document, &parameter["schema"])),
        });
        let body = operation.get("requestBody").map(|body| {
            let schema = resolve(document, &body["content"]["application/json"]["schema"]);
            let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
            let properties = schema["properties"].as_object().into_iter().flatten();
            let fields = properties.map(|(name, property)| Field {
                name: name.clone(),
                required: required.iter().any(|required| **required == name.as_str()),
                kind: kind(resolve(document, property)),
            });
            Body {
                required: body["required"] == true,
                fields: fields.collect(),
            }
        });
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            query: query.collect(),
            body,
        }
    }

    /// Whether there has to be a body.
    pub(crate) fn needs_body(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body.required)
    }

    /// The fields of the body.
    pub(crate) fn fields(&self) -> &[Field] {
        self.body.as_ref().map_or(&[], |body| &body.fields)
    }

    /// Whether the body may be larger than others: it carries many tasks or results.
    pub(crate) fn is_bulky(&self) -> bool {
        let bulky = [
            "/ains/tasks/batch",
            "/ains/tasks/graph",
            "/ains/task-chains",
            "/aitp/tasks/batch",
            "/ains/agents/{id}/report",
        ];
        self.body.is_some() && bulky.contains(&&*self.path)
    }
}

/// The schema itself: what a reference leads to, and what may be there where nothing may be there too.
fn resolve<'document>(document: &'document Value, schema: &'document Value) -> &'document Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference
            .strip_prefix('#')
            .expect("references lead into the document");
        let target = document.pointer(pointer).expect("references lead somewhere");
        return resolve(document, target);
    }
    for of in ["oneOf", "anyOf", "allOf"] {
        let mut choices = schema[of].as_array().into_iter().flatten();
        if let Some(choice) = choices.find(|choice| choice["type"] != "null") {
            return resolve(document, choice);
        }
    }
    schema
}

fn kind(schema: &Value) -> Kind {
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().find(|name| **name != "null"),
        one => Some(one),
    };
    match types.and_then(Value::as_str) {
        Some("string") => Kind::Text,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Flag,
        Some("object") => Kind::Object,
        Some("array") => Kind::List,
        Some(other) => panic!("a field of an unknown type: {other}"),
        None => Kind::Any,
    }
}
