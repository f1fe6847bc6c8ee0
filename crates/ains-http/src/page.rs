//! Lists in pages: the cursor, and the `Link` to the next page.

use std::ops::RangeInclusive;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::reply;

/// Elements of a page (api.md, Conventions).
pub(crate) const LIMIT: RangeInclusive<i64> = 1..=200;

/// Elements of a page where the caller does not say (api.md, Conventions).
pub(crate) const DEFAULT_LIMIT: i64 = 50;

/// Cuts a list that was asked for one element more than a page has: whether there is a next page.
pub(crate) fn cut<T>(list: &mut Vec<T>, limit: i64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = list.len() > limit;
    list.truncate(limit);
    more
}

/// The answer with `list`, and the link to the next page if there is one, which begins at `cursor`.
pub(crate) fn answer<T: Serialize>(request: &HttpRequest, list: &T, cursor: Option<&str>) -> HttpResponse {
    let mut answer = reply::json(reply::to_text(list));
    if let Some(link) = cursor.and_then(|cursor| link(request, cursor)) {
        answer.headers_mut().insert(header::LINK, link);
    }
    answer
}

/// The `Link` header that names the next page: this request's URI, with another cursor.
fn link(request: &HttpRequest, cursor: &str) -> Option<HeaderValue> {
    let mut target = format!("<{}?", request.path());
    for field in request
        .query_string()
        .split('&')
        .filter(|field| !field.is_empty())
    {
        if field.split('=').next() != Some("cursor") {
            target.push_str(field);
            target.push('&');
        }
    }
    target.push_str("cursor=");
    target.push_str(cursor);
    target.push_str(">; rel=\"next\"");
    HeaderValue::from_str(&target).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn the_link_keeps_the_other_fields() {
        let request =
            TestRequest::with_uri("/ains/tasks?status=PENDING&cursor=old&limit=2").to_http_request();
        let link = link(&request, "task_1").unwrap();
        assert_eq!(
            link,
            "</ains/tasks?status=PENDING&limit=2&cursor=task_1>; rel=\"next\""
        );
    }

    #[test]
    fn a_list_that_fits_has_no_next_page() {
        let mut list = vec![1, 2, 3];
        assert!(!cut(&mut list, 3));
        assert!(cut(&mut list, 2));
        assert_eq!(list, [1, 2]);
    }
}
