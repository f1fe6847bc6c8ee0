//! Why a text is not an entry.

use std::fmt;

/// A text that is not an entry, or one that never fires.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {position}: {reason}")]
pub struct CronError {
    /// Where, in characters of the text from 1.
    pub position: usize,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It is longer than [`MAX_TEXT`](super::MAX_TEXT).
    #[error("it is longer than {} bytes", super::MAX_TEXT)]
    TooLong,
    /// It has a character that entries do not have.
    #[error("`{}` is not used in cron expressions", .0.escape_default())]
    Character(char),
    /// It has more fields than six, or fewer than five.
    #[error("there are {0} fields: it needs 5, or 6 with the seconds first")]
    Fields(usize),
    /// It begins with `@`, but is none of the short forms.
    #[error(
        "`{0}` is none of `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually`"
    )]
    ShortForm(String),
    /// A list, a range or an item has nothing where a value should be.
    #[error("a value of the {0} is missing")]
    Empty(Field),
    /// Something is not a value of the field.
    #[error("the {0} `{1}` is not a number{names}", names = .0.or_names())]
    Value(Field, String),
    /// A number is out of the field's range.
    #[error("the {0} `{1}` is not from {least} to {most}", least = .0.least(), most = .0.most())]
    Range(Field, String),
    /// A step is zero, longer than the field, or no number.
    #[error("the {0} step `{1}` is not from 1 to {most}", most = .0.longest_step())]
    Step(Field, String),
    /// The number of `d#n` or `L-n` is out of range.
    #[error("the {field} `{item}` needs a number from 1 to {most}")]
    Count {
        /// The field.
        field: Field,
        /// The item.
        item: String,
        /// The largest number that it may have.
        most: u32,
    },
    /// `?` is in a list, or in a field that is not one of the two.
    #[error("the {0} has a `?`, which must stand alone, as day of month or day of week")]
    Question(Field),
    /// `L`, `W` or `#` is in a field, or an item of it, that does not know it.
    #[error("the {0} cannot be `{1}`")]
    Special(Field, String),
    /// There is no such date, in any year.
    #[error("it never fires: no year has such a date")]
    Never,
}

/// A field of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// 0 to 59.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or `JAN` to `DEC`.
    Month,
    /// 0 to 7, or `SUN` to `SAT`; 7 is Sunday too.
    DayOfWeek,
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Field {
    /// The least number that it may hold.
    pub(super) fn least(self) -> u32 {
        match self {
            Self::Second | Self::Minute | Self::Hour | Self::DayOfWeek => 0,
            Self::DayOfMonth | Self::Month => 1,
        }
    }

    /// The greatest number that it may hold.
    pub(super) fn most(self) -> u32 {
        match self {
            Self::Second | Self::Minute => 59,
            Self::Hour => 23,
            Self::DayOfMonth => 31,
            Self::Month => 12,
            Self::DayOfWeek => 7,
        }
    }

    /// The last value of `*`: as [`most`](Self::most), but that Sunday is not counted twice.
    pub(super) fn last(self) -> u32 {
        match self {
            Self::DayOfWeek => 6,
            _ => self.most(),
        }
    }

    /// As many as it has values.
    pub(super) fn longest_step(self) -> u32 {
        self.last() - self.least() + 1
    }

    /// The names of its values, from the least.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            _ => &[],
        }
    }

    fn or_names(self) -> &'static str {
        match self {
            Self::Month => " or a name from `JAN` to `DEC`",
            Self::DayOfWeek => " or a name from `SUN` to `SAT`",
            _ => "",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}
