//! Holds a payload as text, so that the server neither parses nor rewrites what it only passes on.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Any JSON value, kept as the text it arrived in (without the space around it).
///
/// The text is well-formed JSON in UTF-8, and nothing more is known of it: how deep it nests, whether an object
/// repeats a key, or whether an escape names half of a surrogate pair is for the reader to check. Equality
/// is that of the text, so `{"a":1}` and `{ "a": 1 }` differ. It cannot be read from a buffered value: no
/// `#[serde(flatten)]` or untagged enum around it.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The JSON form of `value`.
    ///
    /// # Errors
    ///
    /// If `value` has no JSON form (a map with keys that are not text, or a failing `Serialize`).
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    /// Takes text that is already JSON.
    ///
    /// # Errors
    ///
    /// If the text is not exactly one JSON value.
    pub fn from_text(text: String) -> serde_json::Result<Self> {
        RawValue::from_string(text).map(Self)
    }

    /// The empty object, `{}`.
    pub fn empty_object() -> Self {
        Self::from(serde_json::Value::Object(serde_json::Map::new()))
    }

    /// Reads the payload as a `T`.
    ///
    /// # Errors
    ///
    /// If the payload has another shape than `T`.
    pub fn to<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.get())
    }

    /// The text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The text, given up.
    pub fn into_text(self) -> String {
        Box::<str>::from(self.0).into_string()
    }

    /// Whether the payload is an object, by its first character.
    pub fn is_object(&self) -> bool {
        self.get().trim_ascii_start().starts_with('{')
    }
}

impl Default for Json {
    /// The empty object.
    fn default() -> Self {
        Self::empty_object()
    }
}

impl Clone for Json {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Json {}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self(RawValue::from_string(value.to_string()).expect("a value writes itself as JSON"))
    }
}

impl PartialSchema for Json {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .description(Some(
                "Any JSON value, usually an object; passed on as it was sent.",
            ))
            .into()
    }
}

impl ToSchema for Json {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_survives_as_it_was_sent() {
        let text = r#"{"b": 1.50,  "a": [null]}"#;
        let json: Json = serde_json::from_str(&format!("  {text} ")).expect("JSON");
        assert_eq!(json.get(), text);
        assert_eq!(serde_json::to_string(&json).expect("JSON"), text);
        assert_eq!(json.to::<serde_json::Value>().expect("JSON")["b"], 1.5);
    }

    #[test]
    fn null_is_no_payload_where_one_is_optional() {
        assert_eq!(serde_json::from_str::<Option<Json>>("null").expect("JSON"), None);
    }

    #[test]
    fn an_object_is_told_from_the_rest() {
        for (text, object) in [
            ("{}", true),
            (" {\"a\":1}", true),
            ("[]", false),
            ("\"{\"", false),
        ] {
            assert_eq!(
                Json::from_text(text.to_owned()).expect("JSON").is_object(),
                object,
                "{text}"
            );
        }
    }
}
