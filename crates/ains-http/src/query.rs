//! Query strings, read field by field so that every fault is named.

use std::fmt::Display;
use std::future::{Ready, ready};
use std::ops::RangeInclusive;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use crate::json::{self, Faults};
use crate::problem::Problem;

/// The fields of a query. A fault's pointer is the field's name.
#[derive(Debug, Default)]
pub(crate) struct Query {
    fields: Vec<(String, String)>,
    /// What was wrong so far.
    pub(crate) faults: Faults,
}

impl Query {
    fn of(text: &str) -> Self {
        let fields = if text.is_empty() {
            Vec::new()
        } else {
            web::Query::from_query(text)
                .map(web::Query::into_inner)
                .unwrap_or_default()
        };
        Self {
            fields,
            faults: Faults::default(),
        }
    }

    /// The text of a field; the last one if there are several.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .rev()
            .find(|(field, _)| field == name)
            .map(|(_, text)| &**text)
    }

    /// The text of a field, without NUL, which no database keeps.
    pub(crate) fn free_text(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?.to_owned();
        self.faults.text(name, text)
    }

    /// Every text of a field that may be repeated, or hold a list separated by commas.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<String>> {
        let mut found = self.fields.iter().filter(|(field, _)| field == name).peekable();
        found.peek()?;
        let texts = found
            .flat_map(|(_, text)| text.split(','))
            .map(str::trim)
            .filter(|text| !text.is_empty());
        Some(texts.map(str::to_owned).collect())
    }

    /// A whole number within `range`, `default` where there is none.
    pub(crate) fn within<N>(&mut self, name: &str, range: &RangeInclusive<N>, default: N) -> N
    where
        N: TryFrom<i64> + PartialOrd + Display + Copy,
    {
        match self.text(name).map(str::parse) {
            None => default,
            Some(Ok(number)) => self.faults.within(name, number, range).unwrap_or(default),
            Some(Err(_)) => {
                self.faults.add(name, "must be an integer");
                default
            }
        }
    }

    /// A whole number within `range`, which must be given.
    pub(crate) fn required_within<N>(&mut self, name: &str, range: &RangeInclusive<N>) -> Option<N>
    where
        N: TryFrom<i64> + PartialOrd + Display + Copy,
    {
        self.required(name)?;
        Some(self.within(name, range, *range.start()))
    }

    /// A number within `range`, if there is one.
    pub(crate) fn number(&mut self, name: &str, range: &RangeInclusive<f64>) -> Option<f64> {
        let number = self.float(name)?;
        self.faults.number(name, number, range)
    }

    /// A number that is not negative, if there is one.
    pub(crate) fn amount(&mut self, name: &str) -> Option<f64> {
        let number = self.float(name)?;
        self.faults.amount(name, number)
    }

    fn float(&mut self, name: &str) -> Option<f64> {
        let number = self.text(name)?.parse();
        if number.is_err() {
            self.faults.add(name, "must be a number");
        }
        number.ok()
    }

    /// `true` or `false`, the latter where there is none.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        self.flag_or(name, false)
    }

    /// `true` or `false`, `default` where there is none.
    pub(crate) fn flag_or(&mut self, name: &str, default: bool) -> bool {
        match self.text(name) {
            None => default,
            Some("false" | "0") => false,
            Some("true" | "1" | "") => true,
            Some(_) => {
                self.faults.add(name, "must be true or false");
                default
            }
        }
    }

    /// What one of these words stands for, the first of them where there is none.
    pub(crate) fn choice<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> T {
        let (_, default) = words[0];
        let text = self.text(name).map(str::to_owned);
        self.faults
            .choice(name, text.as_deref(), words)
            .unwrap_or(default)
    }

    /// An id, a name or a word, if there is one.
    pub(crate) fn parse<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match self.text(name)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.faults.add(name, error.to_string());
                None
            }
        }
    }

    /// An id, a name or a word, which must be given.
    pub(crate) fn required_parse<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        self.required(name)?;
        self.parse(name)
    }

    /// An instant, if there is one.
    pub(crate) fn instant(&mut self, name: &str) -> Option<ains_core::Timestamp> {
        let text = self.text(name)?;
        let instant = ains_api::Timestamp::parse(text);
        if instant.is_none() {
            self.faults
                .add(name, "is not an RFC 3339 instant such as 2026-01-02T03:04:05Z");
        }
        instant.map(|instant| ains_core::Timestamp::from_micros(instant.as_micros()))
    }

    fn required(&mut self, name: &str) -> Option<&str> {
        if self.text(name).is_none() {
            self.faults.add(name, "is missing");
        }
        self.text(name)
    }

    /// `value`, if nothing is wrong.
    ///
    /// # Errors
    /// 422 with every fault.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Problem> {
        self.faults.into_result(value)
    }
}

impl FromRequest for Query {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request.query_string())))
    }
}

/// Fields that the original takes in the query, and that are accepted in a body as well. A body that is a list
/// stands for `task_ids`.
#[derive(Debug)]
pub(crate) struct QueryOrBody(pub(crate) Query);

impl FromRequest for QueryOrBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let raw = json::read(&request, payload, json::LIMIT).await?;
            let mut query = Query::of(request.query_string());
            let (body, faults) = if raw.starts_with(b"[") {
                let wrapped = [&b"{\"task_ids\":"[..], &raw, b"}"].concat();
                json::parse_bytes::<Value>(&wrapped)?
            } else {
                json::parse_bytes::<Value>(&raw)?
            };
            query.faults.absorb(faults);
            query.add(body.unwrap_or_default());
            Ok(Self(query))
        }
        .boxed_local()
    }
}

impl Query {
    /// Adds the members of an object; what is neither text nor a number stays as JSON, to be refused where it is used.
    fn add(&mut self, body: Value) {
        let Value::Object(members) = body else { return };
        for (name, value) in members {
            match value {
                Value::Null => {}
                Value::String(text) => self.fields.push((name, text)),
                Value::Array(items) => self.fields.extend(items.into_iter().map(|item| match item {
                    Value::String(text) => (name.clone(), text),
                    other => (name.clone(), other.to_string()),
                })),
                other => self.fields.push((name, other.to_string())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded() {
        let query = Query::of("a=1&b=x%20y+z&a=2&empty");
        assert_eq!(
            (query.text("a"), query.text("b"), query.text("empty")),
            (Some("2"), Some("x y z"), Some(""))
        );
        assert_eq!(query.text("c"), None);
    }

    #[test]
    fn a_list_is_repeated_or_separated_by_commas() {
        assert_eq!(Query::of("id=a,b&id=c,").list("id").unwrap(), ["a", "b", "c"]);
        assert_eq!(Query::of("").list("id"), None);
    }

    #[test]
    fn a_flag_is_as_it_says_or_as_it_is_by_default() {
        let mut query = Query::of("a=true&b=0&c");
        let flags = ["a", "b", "c", "d"].map(|name| (query.flag(name), query.flag_or(name, true)));
        assert_eq!(flags, [(true, true), (false, false), (true, true), (false, true)]);
        query.finish(Some(())).unwrap();
    }

    #[test]
    fn every_fault_is_named() {
        let mut query = Query::of("limit=0&offset=x&force=maybe&format=c&after=yesterday&id=%00");
        query.within("limit", &(1..=200_i64), 50);
        query.within("offset", &(0..=i64::MAX), 0);
        query.flag("force");
        query.choice("format", &[("a", 1), ("b", 2)]);
        query.instant("after");
        query.free_text("id");
        query.required_parse::<ains_core::ClientId>("client_id");
        let problem = query.finish::<()>(None).unwrap_err().to_wire(None);
        let named: Vec<_> = problem.errors.iter().map(|fault| &*fault.pointer).collect();
        assert_eq!(
            named,
            ["limit", "offset", "force", "format", "after", "id", "client_id"]
        );
    }

    #[test]
    fn numbers_are_held_to_their_bounds() {
        let mut query = Query::of("a=0.25&b=1.5&c=x&d=-1&e=inf&f=NaN&g=1e3");
        let share = 0.0..=1.0;
        assert_eq!(
            (query.number("a", &share), query.amount("g")),
            (Some(0.25), Some(1000.0))
        );
        assert_eq!((query.number("none", &share), query.amount("none")), (None, None));
        query.number("b", &share);
        query.number("c", &share);
        for name in ["d", "e", "f"] {
            query.amount(name);
        }
        query.number("f", &share);
        let problem = query.finish::<()>(None).unwrap_err().to_wire(None);
        let named: Vec<_> = problem.errors.iter().map(|fault| &*fault.pointer).collect();
        assert_eq!(named, ["b", "c", "d", "e", "f"]);
    }

    #[test]
    fn odd_queries_are_no_harm() {
        for text in ["%", "%zz=1", "=", "&&&", "a=%ff%fe", "?", "a=b=c"] {
            Query::of(text).text("a");
        }
    }
}
