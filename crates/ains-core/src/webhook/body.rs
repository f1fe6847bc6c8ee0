//! What is sent to a webhook: the body of Standard Webhooks, with the fields of the original beside it.
//!
//! It is made once for an event and stored, so that every attempt sends the same bytes.

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::ids::{TaskId, WebhookId};
use crate::time::Timestamp;

/// Largest body, in bytes: larger than what receivers are known to take, and small enough to be stored for each of them.
pub const LIMIT: usize = 256 * 1024;

/// Where a message is cut that stands in the way of [`LIMIT`], in bytes: written as JSON they are six times as many at
/// most.
const LONGEST_MESSAGE: usize = 32 * 1024;

/// What the body of an event is made of.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The type of the event.
    pub kind: &'a str,
    /// When it happened.
    pub at: Timestamp,
    /// What it says: a JSON object. What is not JSON is sent as null.
    pub data: &'a str,
    /// The task that it is about, if it is about one.
    pub task: Option<ToldTask<'a>>,
}

/// A task as the original told of it.
#[derive(Debug, Clone, Copy)]
pub struct ToldTask<'a> {
    /// Its id.
    pub id: TaskId,
    /// Its status, in capitals.
    pub status: &'a str,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Its result: a JSON text.
    pub result_data: Option<&'a str>,
    /// Why it failed or was cancelled.
    pub error_message: Option<&'a str>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: String,
    data: &'a RawValue,
    event: &'a str,
    #[serde(flatten)]
    task: Option<Original<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    result_data_omitted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    data_omitted: bool,
}

#[derive(Serialize)]
struct Original<'a> {
    task_id: TaskId,
    status: &'a str,
    created_at: String,
    completed_at: Option<String>,
    result_data: Option<&'a RawValue>,
    error_message: Option<&'a str>,
}

/// The body of an event, at most [`LIMIT`] bytes.
///
/// A result that does not fit is left out, at the top and in `data`, and
/// `"result_data_omitted": true` says so; data that does not fit without it is left out whole, as `"data_omitted": true` says, and the message is cut.
pub fn of(told: &Told<'_>) -> String {
    let data: Option<&RawValue> = serde_json::from_str(told.data).ok();
    let data = data.unwrap_or(RawValue::NULL);
    let whole = text(told, data, true, false);
    if whole.len() <= LIMIT {
        return whole;
    }
    let without = without_result(data);
    let rest = text(told, without.as_deref().unwrap_or(data), false, false);
    if rest.len() <= LIMIT {
        return rest;
    }
    text(told, RawValue::NULL, false, true)
}

/// The data without a result in it.
fn without_result(data: &RawValue) -> Option<Box<RawValue>> {
    let mut members: Map<String, Value> = serde_json::from_str(data.get()).ok()?;
    members.remove("result_data")?;
    serde_json::value::to_raw_value(&members).ok()
}

fn text(told: &Told<'_>, data: &RawValue, with_result: bool, data_omitted: bool) -> String {
    let task = told.task.as_ref().map(|task| Original {
        task_id: task.id,
        status: task.status,
        created_at: task.created_at.to_string(),
        completed_at: task.completed_at.map(|at| at.to_string()),
        result_data: task
            .result_data
            .filter(|_| with_result)
            .and_then(|result| serde_json::from_str(result).ok()),
        error_message: task.error_message.map(|message| {
            if data_omitted {
                &message[..message.floor_char_boundary(LONGEST_MESSAGE)]
            } else {
                message
            }
        }),
    });
    let body = Body {
        r#type: told.kind,
        timestamp: told.at.to_string(),
        data,
        event: told.kind,
        task,
        result_data_omitted: !with_result,
        data_omitted,
    };
    serde_json::to_string(&body).expect("texts, numbers and checked JSON can be written")
}

/// The body of the event that is sent to a webhook on request.
pub fn of_test(webhook: WebhookId, at: Timestamp) -> String {
    let data = format!(r#"{{"webhook_id":"{webhook}"}}"#);
    of(&Told {
        kind: super::TEST,
        at,
        data: &data,
        task: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<'a>(data: &'a str, result: Option<&'a str>) -> Told<'a> {
        Told {
            kind: "task.completed",
            at: Timestamp::from_micros(1_767_225_600_000_000),
            data,
            task: Some(ToldTask {
                id: "task_019b76da7800700080000000000000aa".parse().unwrap(),
                status: "COMPLETED",
                created_at: Timestamp::from_micros(1_767_225_599_000_000),
                completed_at: Some(Timestamp::from_micros(1_767_225_600_000_000)),
                result_data: result,
                error_message: None,
            }),
        }
    }

    #[test]
    fn a_body_has_the_fields_of_standard_webhooks_and_of_the_original() {
        let body = of(&told(r#"{"a": 1}"#, Some(r#"{"b":  [1.50, 2]}"#)));
        let expected = r#"{"type":"task.completed","timestamp":"2026-01-01T00:00:00.000000Z","data":{"a": 1},"event":"task.completed","task_id":"task_019b76da7800700080000000000000aa","status":"COMPLETED","created_at":"2025-12-31T23:59:59.000000Z","completed_at":"2026-01-01T00:00:00.000000Z","result_data":{"b":  [1.50, 2]},"error_message":null}"#;
        assert_eq!(body, expected);
    }

    #[test]
    fn what_is_not_about_a_task_has_none_of_its_fields() {
        let webhook: WebhookId = "webhook_019b76da7800700080000000000000aa".parse().unwrap();
        let body = of_test(webhook, Timestamp::from_micros(0));
        let expected = r#"{"type":"webhook.test","timestamp":"1970-01-01T00:00:00.000000Z","data":{"webhook_id":"webhook_019b76da7800700080000000000000aa"},"event":"webhook.test"}"#;
        assert_eq!(body, expected);
    }

    #[test]
    fn a_result_that_does_not_fit_is_left_out_and_that_is_said() {
        let long = format!("\"{}\"", "x".repeat(LIMIT));
        let data = format!(r#"{{"keep": 1, "result_data": {long}}}"#);
        let body: Value = serde_json::from_str(&of(&told(&data, Some(&long)))).unwrap();
        assert_eq!(body["result_data"], Value::Null);
        assert_eq!(body["result_data_omitted"], true);
        assert_eq!(body["data"], serde_json::json!({"keep": 1}));
        assert!(body.get("data_omitted").is_none());
    }

    #[test]
    fn the_largest_body_that_fits_is_sent_whole() {
        let rest = of(&told("{}", Some(r#""""#))).len();
        for (more, fits) in [(0, true), (1, false)] {
            let result = format!("\"{}\"", "x".repeat(LIMIT - rest + more));
            let body = of(&told("{}", Some(&result)));
            assert_eq!(body.contains("result_data_omitted"), !fits);
            assert!(body.len() <= LIMIT);
        }
    }

    #[test]
    fn data_that_does_not_fit_is_left_out_whole() {
        let data = format!(r#"{{"x": "{}"}}"#, "x".repeat(LIMIT));
        let body = of(&told(&data, None));
        assert!(
            body.len() < 1000 && body.contains(r#""data":null"#) && body.contains(r#""data_omitted":true"#)
        );
    }

    #[test]
    fn a_message_that_does_not_fit_is_cut() {
        let message = "\u{1}".repeat(LIMIT);
        let mut told = told("{}", None);
        told.task.as_mut().unwrap().error_message = Some(&message);
        let body = of(&told);
        assert!(body.len() <= LIMIT && body.contains("\\u0001"), "{}", body.len());
    }

    #[test]
    fn data_that_is_not_json_is_null() {
        let body: Value = serde_json::from_str(&of(&told("{", Some("}")))).unwrap();
        assert_eq!(
            (&body["data"], &body["result_data"]),
            (&Value::Null, &Value::Null)
        );
    }
}
