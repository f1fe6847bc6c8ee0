//! The members of an object, unread: for bodies of which the parts are read one by one.

use std::collections::BTreeMap;
use std::fmt;

use ains_api::Json;
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Effort, Faults, parse};

/// The members of an object, by their names.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Members(BTreeMap<String, Json>);

impl Members {
    /// The members that the JSON form of `value` has.
    pub(crate) fn of<T: Serialize>(value: &T) -> Self {
        let json = Json::from_value(value).and_then(|json| json.to());
        json.expect("wire types are objects")
    }

    /// Whether there is one of this name, and it says more than null.
    pub(crate) fn gives(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|json| !is_null(json))
    }

    /// Whether there is one of this name, if only to say null.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The member of this name, taken out; nothing if it is null.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json> {
        self.0.remove(name).filter(|json| !is_null(json))
    }

    /// Puts those of `others` in place of its own; one that is null leaves nothing there.
    pub(crate) fn overlay(&mut self, others: Self) {
        self.0.extend(others.0);
        self.0.retain(|_, json| !is_null(json));
    }

    /// Reads them as a `T`: the value, if one can be made of them. What is wrong with their form is added to `faults`.
    pub(crate) fn read<T: DeserializeOwned>(&self, faults: &mut Faults) -> Option<T> {
        let text = serde_json::to_string(self).expect("members are JSON");
        let (value, of_form) = parse(&text, &mut Effort::default()).ok()?;
        faults.absorb(of_form);
        value
    }
}

fn is_null(json: &Json) -> bool {
    json.get() == "null"
}

/// By hand, because serde takes the last of several members of one name.
impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, json)) = source.next_entry::<String, Json>()? {
                    if members.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    members.insert(name, json);
                }
                Ok(Members(members))
            }
        }

        source.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Members {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn null_is_a_member_that_gives_nothing() {
        let mut members = members(r#"{"a": null, "b": {"x": 1.0}}"#);
        assert!(members.names("a") && !members.gives("a") && members.gives("b") && !members.names("c"));
        assert_eq!(members.take("a"), None);
        assert_eq!(members.take("b").unwrap().get(), r#"{"x": 1.0}"#);
        assert!(!members.names("a") && !members.names("b"));
    }

    #[test]
    fn others_take_the_place_of_its_own_and_null_leaves_nothing() {
        let mut own = members(r#"{"a": 1, "b": 2, "c": null}"#);
        own.overlay(members(r#"{"b": 3, "a": null, "d": null, "e": 5}"#));
        assert_eq!(serde_json::to_string(&own).unwrap(), r#"{"b":3,"e":5}"#);
    }

    #[test]
    fn a_member_that_is_given_twice_is_told() {
        let (_, faults) = parse::<Members>(r#"{"a": 1, "b": 1, "a": 2}"#, &mut Effort::default()).unwrap();
        let problem = faults.into_problem().to_wire(None);
        assert_eq!(problem.errors[0].pointer, "/a");
        assert_eq!(problem.errors[0].message, "is given twice");
        let (_, faults) = parse::<Members>("[]", &mut Effort::default()).unwrap();
        assert!(!faults.is_empty());
    }
}
