//! Answers: always 200, always JSON, written straight from their structs.

use actix_web::body::BoxBody;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;

use crate::problem::Problem;

/// Bytes that the answer to a submission or a report fits in, so that it is written without growing.
const USUAL: usize = 512;

/// What a handler gives back.
pub(crate) type Answer<T> = Result<Reply<T>, Problem>;

/// A successful answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply<T>(pub(crate) T);

impl<T: Serialize> Responder for Reply<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        json(to_text(&self.0))
    }
}

/// The JSON form of an answer.
pub(crate) fn to_text<T: Serialize>(answer: &T) -> String {
    let mut text = Vec::with_capacity(USUAL);
    serde_json::to_writer(&mut text, answer).expect("answers have text keys and so a JSON form");
    String::from_utf8(text).expect("JSON is text")
}

/// 200 with JSON that is written already.
pub(crate) fn json(text: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .body(text.into())
}

/// 200 with text of another type.
pub(crate) fn text(content_type: &'static str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static(content_type)))
        .body(text)
}
