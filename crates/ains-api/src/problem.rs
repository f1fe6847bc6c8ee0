//! Holds the form of every error: RFC 9457, `application/problem+json`.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was not done, for a program (`type`, `status`) and for a person (`title`, `detail`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable reference to the kind of problem, `/problems/<slug>`; it resolves to a page that explains it.
    #[serde(rename = "type", default)]
    #[schema(value_type = String, example = "/problems/not-found")]
    pub kind: Cow<'static, str>,
    /// The kind of problem in a few words; the same for every occurrence.
    #[serde(default)]
    #[schema(value_type = String, example = "Not found")]
    pub title: Cow<'static, str>,
    /// The HTTP status code.
    #[serde(default)]
    #[schema(example = 404)]
    pub status: u16,
    /// What went wrong this time, in one sentence.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "Task not found")]
    pub detail: Option<Cow<'static, str>>,
    /// The id of the request, as in `X-Request-Id`.
    #[serde(default)]
    pub instance: Option<String>,
    /// With 422, every fault of the input; with 400 those fields that are its reason, if it is some; else absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldFault>,
}

/// One fault of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldFault {
    /// Where: a JSON pointer into the body (`/priority`, `/tasks/3/input_data`), or the name of a query parameter.
    #[schema(example = "/priority")]
    pub pointer: String,
    /// What is wrong with it, in a few words.
    #[schema(example = "must be between 1 and 10")]
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.title)?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        for (index, fault) in self.errors.iter().enumerate() {
            let mark = if index == 0 { " (" } else { "; " };
            write!(f, "{mark}{} {}", fault.pointer, fault.message)?;
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            f.write_str(")")
        }
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_one_sentence() {
        let fault = |pointer: &str, message: &str| FieldFault {
            pointer: pointer.into(),
            message: message.into(),
        };
        let problem = Problem {
            title: "Invalid input".into(),
            status: 422,
            detail: Some("2 fields are wrong".into()),
            errors: vec![
                fault("/priority", "must be at most 10"),
                fault("/task_type", "is missing"),
            ],
            ..Problem::default()
        };
        assert_eq!(
            problem.to_string(),
            "422 Invalid input: 2 fields are wrong (/priority must be at most 10; /task_type is missing)"
        );
    }
}
