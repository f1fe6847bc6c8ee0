//! The public holidays of five countries, by the rules of their laws.
//!
//! The rules hold for the years [`FIRST_YEAR`] to [`LAST_YEAR`], as the laws stood in 2026; no date of another year is
//! a holiday. What a law changed in between is followed: a holiday begins with the year in which it first was kept.
//! The source of each rule is named where it stands. Holidays of single towns, and days on which only some people
//! have leave, are not among them, except where a region is made for them.

mod de;
mod fr;
mod gb;
mod jp;
mod moving;
#[cfg(test)]
mod tests;
mod us;

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::CalendarFault;

/// The first year of the rules.
pub const FIRST_YEAR: i32 = 1991;
/// The last year of the rules: the one to which the formula of the equinoxes of Japan goes.
pub const LAST_YEAR: i32 = 2099;

/// A country whose public holidays are known, by its code (ISO 3166-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Country {
    /// The United States: the holidays of the federal government.
    Us,
    /// The United Kingdom: bank holidays.
    Gb,
    /// Germany.
    De,
    /// France, without its overseas territories.
    Fr,
    /// Japan.
    Jp,
}

impl Country {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Us, Self::Gb, Self::De, Self::Fr, Self::Jp];

    /// Its code (ISO 3166-1).
    pub fn code(self) -> &'static str {
        match self {
            Self::Us => "US",
            Self::Gb => "GB",
            Self::De => "DE",
            Self::Fr => "FR",
            Self::Jp => "JP",
        }
    }

    /// The regions that can be named: of GB as gov.uk calls them (`england-and-wales` is taken where none is named), of
    /// DE the Länder by their codes (ISO 3166-2; where none is named, the holidays of all Germany are taken), with
    /// `BY-CATHOLIC` for the towns of Bavaria with a Catholic majority, such as Munich, and `BY-AUGSBURG`, of FR
    /// `alsace-moselle`.
    pub fn regions(self) -> impl Iterator<Item = &'static str> {
        let names: &'static [&'static str] = match self {
            Self::Gb => &gb::DIVISIONS,
            Self::De => &de::LAENDER,
            Self::Fr => &[fr::ALSACE_MOSELLE],
            Self::Us | Self::Jp => &[],
        };
        names.iter().copied()
    }
}

/// The public holidays of a country, or of a region of it: `{"country": "GB", "region": "scotland"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holidays {
    /// The country.
    pub country: Country,
    /// One of [`Country::regions`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether a holiday that falls on a day off anyway is kept on another day, as the law of the country has it. In
    /// the US and GB it is moved; in JP a day is added; in DE and FR there is no such rule. If not, holidays are on
    /// the days that they are named for.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub observed: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_yes(observed: &bool) -> bool {
    *observed
}

impl Holidays {
    /// The holidays of a country where no region is named, on the days on which they are kept.
    pub fn of(country: Country) -> Self {
        Self {
            country,
            region: None,
            observed: true,
        }
    }

    /// The same, of one of [`Country::regions`].
    pub fn of_region(country: Country, region: impl Into<String>) -> Self {
        Self {
            region: Some(region.into()),
            ..Self::of(country)
        }
    }

    pub(super) fn check(&self) -> Result<(), CalendarFault> {
        self.rule()
            .map(drop)
            .map_err(|reason| CalendarFault::new("region", reason))
    }

    /// Whether both hold the same dates for the same reason.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.rule() == other.rule()
    }

    /// What decides; the reason if the region is not known.
    pub(super) fn rule(&self) -> Result<Rule, String> {
        let of = match (self.country, self.region.as_deref()) {
            (Country::Us, None) => Some(Of::Us),
            (Country::Gb, region) => gb::Division::named(region).map(Of::Gb),
            (Country::De, None) => Some(Of::De(None)),
            (Country::De, Some(region)) => de::Land::named(region).map(|land| Of::De(Some(land))),
            (Country::Fr, None) => Some(Of::Fr {
                alsace_moselle: false,
            }),
            (Country::Fr, Some(fr::ALSACE_MOSELLE)) => Some(Of::Fr { alsace_moselle: true }),
            (Country::Jp, None) => Some(Of::Jp),
            (Country::Us | Country::Fr | Country::Jp, Some(_)) => None,
        };
        of.map(|of| Rule {
            of,
            observed: self.observed,
        })
        .ok_or_else(|| self.unknown_region())
    }

    fn unknown_region(&self) -> String {
        let named: String = self
            .region
            .iter()
            .flat_map(|region| region.chars())
            .take(64)
            .collect();
        let known: Vec<&str> = self.country.regions().collect();
        let code = self.country.code();
        if known.is_empty() {
            return format!("`{named}` is not known: {code} has no regions here");
        }
        format!(
            "`{named}` is not a region of {code}; one of {} is wanted",
            known.join(", ")
        )
    }
}

/// Whose holidays, with the region looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Us,
    Gb(gb::Division),
    De(Option<de::Land>),
    Fr { alsace_moselle: bool },
    Jp,
}

/// Decides whether a date is a holiday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    of: Of,
    observed: bool,
}

impl Rule {
    /// The holiday on `date`.
    pub(super) fn on(self, date: NaiveDate) -> Option<Holiday> {
        if !(FIRST_YEAR..=LAST_YEAR).contains(&date.year()) {
            return None;
        }
        match (self.of, self.observed) {
            (Of::Us, false) => us::named_for(date).map(Holiday::Itself),
            (Of::Us, true) => us::observed(date),
            (Of::Gb(division), false) => gb::named_for(date, division).map(Holiday::Itself),
            (Of::Gb(division), true) => gb::observed(date, division),
            (Of::De(land), _) => de::holiday(date, land).map(Holiday::Itself),
            (Of::Fr { alsace_moselle }, _) => fr::holiday(date, alsace_moselle).map(Holiday::Itself),
            (Of::Jp, observed) => jp::holiday(date, observed),
        }
    }
}

/// A holiday on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holiday {
    /// The day of this name.
    Itself(&'static str),
    /// The day on which the one of this name is kept instead, or as well.
    Observed(&'static str),
}

impl Holiday {
    /// Its English name; ` (observed)` is put behind it on a day that stands for another.
    pub(super) fn name(self) -> Cow<'static, str> {
        match self {
            Self::Itself(name) => Cow::Borrowed(name),
            Self::Observed(name) => Cow::Owned(format!("{name} (observed)")),
        }
    }
}
