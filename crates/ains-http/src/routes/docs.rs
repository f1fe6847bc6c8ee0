//! The contract, a page to try it on, and a page for every kind of problem. All of it is in the binary.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::Config;

use crate::openapi;
use crate::problem::{Kind, Problem};
use crate::reply;

/// The document, written once.
static DOCUMENT: LazyLock<web::Bytes> =
    LazyLock::new(|| web::Bytes::from(reply::to_text(&openapi::document())));

/// How the page finds the document.
static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(
        Config::from("/openapi.json")
            .use_base_layout()
            .display_request_duration(true)
            .persist_authorization(true)
            .try_it_out_enabled(true),
    )
});

/// Sends a browser on to the page.
pub(crate) async fn root() -> HttpResponse {
    HttpResponse::TemporaryRedirect()
        .insert_header((header::LOCATION, "/docs/"))
        .finish()
}

/// A file of the page.
pub(crate) async fn file(file: web::Path<String>) -> Result<HttpResponse, Problem> {
    let found = utoipa_swagger_ui::serve(&file, Arc::clone(&PAGE)).map_err(|error| {
        tracing::error!(%error, "the documentation cannot be served");
        Problem::internal()
    })?;
    let found = found.ok_or_else(|| Problem::not_found("Page"))?;
    let mut answer = HttpResponse::Ok();
    answer.content_type(found.content_type);
    if found.gzpipped {
        answer.insert_header((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    }
    Ok(answer.body(found.bytes.into_owned()))
}

/// The contract, made from the code.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "Documentation",
    responses((status = OK, description = "The `OpenAPI` document", content_type = "application/json"))
)]
pub(crate) async fn openapi() -> HttpResponse {
    reply::json(DOCUMENT.clone())
}

/// What a kind of problem means.
#[utoipa::path(
    get,
    path = "/problems/{slug}",
    tag = "Documentation",
    params(("slug" = String, Path, description = "The last part of a problem's `type`.")),
    responses((status = OK, description = "A page for people", content_type = "text/html"))
)]
pub(crate) async fn problem(slug: web::Path<String>) -> Result<HttpResponse, Problem> {
    let kind = Kind::of_slug(&slug).ok_or_else(|| Problem::not_found("Problem"))?;
    let (status, title) = (kind.status().as_u16(), kind.title());
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1><p>Status {status}, type <code>{}</code></p><p>{}</p>\
         <p><a href=\"/docs/\">Documentation</a></p></body></html>\n",
        kind.uri(),
        kind.explanation(),
    );
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(page))
}
