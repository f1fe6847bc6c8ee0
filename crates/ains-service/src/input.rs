//! Putting members into JSON objects that are kept as text.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// JSON that is passed on as it is.
pub(crate) type Raw = Box<RawValue>;

/// `text` as it is, if it is JSON.
pub(crate) fn raw(text: &str) -> Option<Raw> {
    RawValue::from_string(text.to_owned()).ok()
}

/// `value` as text.
pub(crate) fn to_raw(value: &impl serde::Serialize) -> Option<Raw> {
    serde_json::value::to_raw_value(value).ok()
}

/// The object `text` with `members`, which take the place of those of the same name.
pub(crate) fn with(text: &str, members: impl IntoIterator<Item = (&'static str, Option<Raw>)>) -> Box<str> {
    let mut object: BTreeMap<String, Raw> = serde_json::from_str(text).unwrap_or_default();
    let members = members.into_iter();
    object.extend(members.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    serde_json::to_string(&object).unwrap_or_default().into()
}
