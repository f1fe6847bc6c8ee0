//! What a webhook wants to hear of.

use std::fmt;
use std::str::FromStr;

use crate::event::{EventType, EventTypes, UnknownEventType};

/// The event that a webhook is sent on request, to see whether it works. Whatever it wants to hear of, it hears of this.
pub const TEST: &str = "webhook.test";

/// Events of one type (`task.completed`), of one kind of thing (`task.*`), or all (`*`).
///
/// The text stays as it was given: an event that a later version adds to `task.*` is heard of, too.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The types of events that it stands for.
    pub fn types(&self) -> EventTypes {
        EventTypes::named([&*self.0]).unwrap_or_else(|_| EventTypes::from_iter([]))
    }

    /// Whether events of type `kind` are among them.
    pub fn matches(&self, kind: EventType) -> bool {
        self.types().contains(kind)
    }

    /// Reads what was checked when it was stored, perhaps by a server that knew other events; what this one does not know
    /// stands for none.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }
}

impl FromStr for Pattern {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, UnknownEventType> {
        match EventTypes::named([text]) {
            Ok(_) => Ok(Self(text.into())),
            // The message repeats it.
            Err(_) => Err(UnknownEventType(text.chars().take(64).collect())),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_one_type_a_kind_or_all() {
        let matches = |pattern: &str| -> Vec<&str> {
            let pattern: Pattern = pattern.parse().unwrap();
            let kinds = EventType::ALL.iter().filter(|kind| pattern.matches(**kind));
            kinds.map(|kind| kind.as_str()).collect()
        };
        assert_eq!(matches("task.completed"), ["task.completed"]);
        assert_eq!(matches("agent.*"), ["agent.registered", "agent.inactive"]);
        assert_eq!(matches("*").len(), EventType::ALL.len());
    }

    #[test]
    fn what_names_no_event_is_refused() {
        for text in [
            "",
            "task",
            "task.",
            "tas*",
            "task*",
            "task.comp*",
            "**",
            "task.**",
            "*.completed",
            "nothing.*",
            ".*",
            "TASK.COMPLETED",
            "task.completed ",
            "webhook.test",
        ] {
            let refused = text.parse::<Pattern>();
            assert_eq!(refused, Err(UnknownEventType(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_another_version_stored_stands_for_nothing() {
        let pattern = Pattern::stored("task.from_the_future");
        assert_eq!(pattern.types().iter().count(), 0);
        assert_eq!(pattern.as_str(), "task.from_the_future");
    }
}
