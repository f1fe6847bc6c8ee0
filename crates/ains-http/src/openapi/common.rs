//! What the document says of every operation alike: problems, names, idempotency keys.

use std::collections::BTreeMap;

use ains_api::Problem;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response,
    ResponseBuilder, Type,
};
use utoipa::{Modify, ToSchema};

use crate::auth::Need;
use crate::routes;

/// What a status means where nothing more is said.
const STATUSES: [(&str, &str); 13] = [
    ("400", "The request cannot be carried out as it is"),
    ("401", "No key, or a wrong one"),
    ("403", "Not allowed to this key or caller"),
    ("404", "There is no such thing"),
    ("408", "The body did not arrive in time"),
    ("409", "It does not fit the present state"),
    ("413", "The body is larger than 1 MiB"),
    ("415", "The body is not declared to be JSON"),
    ("422", "The input has faults, all of which are listed"),
    ("429", "Too many requests"),
    ("500", "A fault of the server"),
    ("503", "The server cannot do it now"),
    ("default", "Any other problem"),
];

/// The paths whose POST creates something, and so can be told to do it once.
const CREATING: [&str; 13] = [
    "/ains/agents",
    "/ains/agents/{id}/capabilities",
    "/ains/tasks",
    "/ains/tasks/batch",
    "/ains/tasks/graph",
    "/ains/task-chains",
    "/ains/scheduled-tasks",
    "/ains/scheduled-tasks/{id}/run-now",
    "/ains/scheduled-tasks/{id}/backfill",
    "/ains/webhooks",
    "/ains/webhooks/{id}/test",
    "/aitp/tasks",
    "/aitp/tasks/batch",
];

/// The paths whose body may have `LIMIT_MANY` bytes: it carries many tasks or results.
const LARGE: [&str; 5] = [
    "/ains/tasks/batch",
    "/ains/tasks/graph",
    "/ains/task-chains",
    "/aitp/tasks/batch",
    "/ains/agents/{id}/report",
];

/// What the headers about limits hold, where the key has any.
const RATE_LIMIT_POLICY: &str = "The limits of the key: of each, its name, how many requests pass (q), and in how many \
    seconds (w). Absent if it has none.";
const RATE_LIMIT: &str = "How the key stands: of each limit, how many more requests pass (r), and the seconds until it \
    begins anew (t). Absent if it has none.";

/// Adds all of it.
pub(super) struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut OpenApi) {
        let components = document
            .components
            .take()
            .map_or_else(ComponentsBuilder::new, Into::into);
        let mut components = components.schema_from::<Problem>();
        for (status, description) in STATUSES {
            components = components.response(name(status), problem(status, description));
        }
        document.components = Some(components.build());
        let needs: BTreeMap<(String, &str), Need> = needs();
        for (path, item) in &mut document.paths.paths {
            let operations = [
                ("get", &mut item.get),
                ("put", &mut item.put),
                ("post", &mut item.post),
                ("patch", &mut item.patch),
                ("delete", &mut item.delete),
            ];
            for (method, operation) in operations {
                if let Some(operation) = operation {
                    let need = needs.get(&(method.to_uppercase(), path)).copied();
                    complete(method, path, need.unwrap_or(Need::Key), operation);
                }
            }
        }
    }
}

/// What every route asks for, by its method and path.
fn needs() -> BTreeMap<(String, &'static str), Need> {
    let all = routes::all().flat_map(|route| {
        let rules = route.rules.into_iter();
        rules.map(move |rule| ((rule.method.to_string(), route.path), rule.need))
    });
    all.collect()
}

/// Says what a key must allow, in each of the ways to send one. The scopes that stand together are such that any of them
/// will do, so each stands alone.
fn require(need: Need, operation: &mut Operation) {
    if need == Need::Nothing {
        operation.security = Some(vec![SecurityRequirement::default()]);
        return;
    }
    let scopes = need.scopes();
    let mut each: Vec<Vec<String>> = scopes.iter().map(|scope| vec![scope.to_string()]).collect();
    if each.is_empty() {
        each.push(Vec::new());
    }
    let ways = each.iter().flat_map(|scopes| {
        ["api_key", "bearer", "basic"].map(|way| SecurityRequirement::new(way, scopes.clone()))
    });
    operation.security = Some(ways.collect());
    let about = match scopes.to_string() {
        none if none.is_empty() => return,
        names => format!("Scope: `{}`.", names.replace(',', "` or `")),
    };
    let description = operation.description.take();
    operation.description = Some(description.map_or(about.clone(), |text| format!("{text}\n\n{about}")));
}

/// Adds what it asks for, and the problems that a request of this form can meet.
fn complete(method: &str, path: &str, need: Need, operation: &mut Operation) {
    require(need, operation);
    operation.operation_id = Some(operation_id(method, path));
    // What a handler says in words of its own stays; it gets the form.
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(own) = response else { continue };
        if status.starts_with(['4', '5']) {
            *response = RefOr::T(problem(status, &own.description));
        } else if own.description.is_empty() {
            "Done".clone_into(&mut own.description);
        }
    }
    let mut statuses = vec!["429", "500", "503", "default"];
    if need != Need::Nothing {
        statuses.extend(["401", "403"]);
    }
    if path.contains('{') {
        statuses.push("404");
    }
    if operation.request_body.is_some() {
        statuses.extend(["400", "408", "413", "415", "422"]);
    }
    if method == "post" && LARGE.contains(&path) {
        let larger = problem(
            "413",
            "The body is larger than 16 MiB (a document in it, 1 MiB: 422)",
        );
        let responses = &mut operation.responses.responses;
        responses.insert("413".to_owned(), RefOr::T(larger));
    }
    if operation.parameters.is_some() {
        statuses.push("422");
    }
    if path.starts_with("/aitp") || path.ends_with("/cancel") {
        statuses.push("400");
    }
    if method == "post" && CREATING.contains(&path) {
        operation
            .parameters
            .get_or_insert_default()
            .push(idempotency_key().into());
        statuses.push("409");
    }
    for status in statuses {
        let reference = RefOr::Ref(Ref::from_response_name(name(status)));
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert(reference);
    }
}

/// `post_ains_tasks_id_cancel`: unique, and stable as long as the path is.
fn operation_id(method: &str, path: &str) -> String {
    let words = path
        .split(['/', '{', '}', '-', '.'])
        .filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

fn idempotency_key() -> Parameter {
    let about = "1 to 255 printable characters. The same key with the same request is carried out once within \
                 24 hours, and then answered as the first time.";
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(text.build()))
        .build()
}

fn name(status: &str) -> String {
    format!("Problem{status}")
}

fn problem(status: &str, description: &str) -> Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(Problem::name())))
        .build();
    let response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content);
    let text = |about: &str| {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        HeaderBuilder::new()
            .description(Some(about))
            .schema(Some(text))
            .build()
    };
    match status {
        "401" => response.header("WWW-Authenticate", text("How to send a key.")),
        "429" => response
            .header("Retry-After", text("Seconds to wait."))
            .header("RateLimit-Policy", text(RATE_LIMIT_POLICY))
            .header("RateLimit", text(RATE_LIMIT)),
        "503" => response.header("Retry-After", text("Seconds to wait.")),
        _ => response,
    }
    .build()
}
