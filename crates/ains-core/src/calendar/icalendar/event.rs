//! One event, and the dates on which it is.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::line::Property;
use super::recurrence::Rule;
use super::value::{self, Moment};
use super::{Import, ImportFault, fault};

/// A value, and the line that it is from.
type At<T> = (usize, T);

/// What is read of a `VEVENT`.
#[derive(Debug, Default)]
pub(super) struct Event {
    /// The line at which it begins.
    line: usize,
    start: Option<At<Moment>>,
    end: Option<At<Moment>>,
    duration: Option<At<TimeDelta>>,
    rule: Option<At<Rule>>,
    /// Further times.
    more: Vec<At<Moment>>,
    /// Times that are left out.
    except: Vec<At<Moment>>,
    /// The time of the repeated event in whose place it is.
    instead_of: Option<At<Moment>>,
    uid: Option<At<String>>,
    name: Option<At<Option<Box<str>>>>,
    cancelled: Option<At<bool>>,
}

impl Event {
    /// One that begins at `line`.
    pub(super) fn at(line: usize) -> Self {
        Self {
            line,
            ..Self::default()
        }
    }

    /// Reads one of its properties.
    pub(super) fn add(
        &mut self,
        line: usize,
        name: &str,
        property: &Property<'_>,
    ) -> Result<(), ImportFault> {
        let read = match name {
            "DTSTART" => set(&mut self.start, name, line, Moment::of(property)),
            "DTEND" => set(&mut self.end, name, line, Moment::of(property)),
            "DURATION" => set(&mut self.duration, name, line, value::duration(property.value)),
            "RRULE" => set(&mut self.rule, name, line, Rule::parse(property.value)),
            "RDATE" => extend(&mut self.more, line, Moment::list(property)),
            "EXDATE" => extend(&mut self.except, line, Moment::list(property)),
            "EXRULE" => Err("EXRULE is not supported".to_owned()),
            "RECURRENCE-ID" if property.parameter("RANGE").is_some() => {
                Err("RECURRENCE-ID with RANGE is not supported".to_owned())
            }
            "RECURRENCE-ID" => set(&mut self.instead_of, name, line, Moment::of(property)),
            "UID" => set(&mut self.uid, name, line, Ok(property.value.to_owned())),
            "SUMMARY" => set(&mut self.name, name, line, Ok(value::name(property.value))),
            "STATUS" => {
                let cancelled = property.value.trim().eq_ignore_ascii_case("CANCELLED");
                set(&mut self.cancelled, name, line, Ok(cancelled))
            }
            _ => Ok(()),
        };
        read.map_err(|reason| fault(line, reason))
    }

    /// The event, if all that it needs is there.
    pub(super) fn checked(self) -> Result<Self, ImportFault> {
        if self.start.is_none() {
            return Err(fault(self.line, "this event has no DTSTART"));
        }
        if let (Some(_), Some((line, _))) = (&self.end, &self.duration) {
            return Err(fault(*line, "an event has either DTEND or DURATION"));
        }
        if let Some((line, _)) = self.instead_of {
            if self.uid.is_none() {
                return Err(fault(line, "an event with RECURRENCE-ID needs a UID"));
            }
            if let Some((line, _)) = self.rule {
                return Err(fault(line, "an event with RECURRENCE-ID cannot repeat"));
            }
        }
        Ok(self)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.as_ref().is_some_and(|(_, cancelled)| *cancelled)
    }

    /// What events that belong together share; `None` if it is itself in the place of one.
    pub(super) fn uid(&self) -> Option<&str> {
        let uid = self.uid.as_ref().filter(|_| self.instead_of.is_none());
        uid.map(|(_, uid)| uid.as_str())
    }

    /// The line, the id and the time of the repeated event in whose place it is, even if it is cancelled.
    pub(super) fn replaces(&self) -> Option<(usize, &str, &Moment)> {
        let ((line, moment), (_, uid)) = (self.instead_of.as_ref()?, self.uid.as_ref()?);
        Some((*line, uid, moment))
    }

    /// Adds its dates. `replaced` are those of its times in whose place other events are.
    pub(super) fn list(&self, replaced: &[At<&Moment>], import: &mut Import) -> Result<(), ImportFault> {
        let Some((line, start)) = &self.start else {
            return Ok(());
        };
        let days = self.days(*line, start)?;
        let mut except = BTreeSet::new();
        import.spend(replaced.len(), *line)?;
        let except_here = self.except.iter().map(|(line, moment)| (*line, moment));
        for (line, moment) in except_here.chain(replaced.iter().copied()) {
            let moment = moment.where_meant(start).map_err(|reason| fault(line, reason))?;
            except.insert(moment.date());
        }
        let mut times = BTreeSet::new();
        match &self.rule {
            Some((line, rule)) => {
                let last = rule.last(start).map_err(|reason| fault(*line, reason))?;
                rule.expand(start.date, last.min(import.horizon), *line, import, &mut times)?;
            }
            None => drop(times.insert(start.date)),
        }
        for (line, moment) in &self.more {
            let moment = moment.where_meant(start).map_err(|reason| fault(*line, reason))?;
            times.insert(moment.date());
        }
        let name = self.name.as_ref().and_then(|(_, name)| name.as_deref());
        for first in times.difference(&except) {
            for date in first.iter_days().take(days) {
                import.push(date, name, self.line)?;
            }
        }
        Ok(())
    }

    /// On how many dates it is each time, at least one.
    fn days(&self, line: usize, start: &Moment) -> Result<usize, ImportFault> {
        let begin = written(start);
        let (line, end) = match (&self.end, &self.duration) {
            (Some((line, end)), _) => {
                if end.time.is_some() != start.time.is_some() {
                    return Err(fault(*line, "DTSTART and DTEND must both be dates, or neither"));
                }
                let same_zone =
                    start.time.as_ref().map(|(_, zone)| zone) == end.time.as_ref().map(|(_, zone)| zone);
                if same_zone && written(end) < begin {
                    return Err(fault(*line, "DTEND is before DTSTART"));
                }
                (*line, written(end))
            }
            (None, Some((line, length))) => {
                if start.time.is_none() && length.num_seconds() % 86_400 != 0 {
                    return Err(fault(*line, "an event without a time of day lasts whole days"));
                }
                let end = begin.checked_add_signed(*length);
                (*line, end.ok_or_else(|| fault(*line, "the event ends too late"))?)
            }
            (None, None) => (line, begin),
        };
        let last = value::last_date(begin, end);
        let days = (last - begin.date()).num_days().max(0) + 1;
        usize::try_from(days).map_err(|_| fault(line, "the event ends too late"))
    }
}

/// Date and time as they are written.
fn written(moment: &Moment) -> NaiveDateTime {
    let time = moment.time.as_ref().map_or(NaiveTime::MIN, |(time, _)| *time);
    moment.date.and_time(time)
}

fn set<T>(
    field: &mut Option<At<T>>,
    name: &str,
    line: usize,
    value: Result<T, String>,
) -> Result<(), String> {
    if field.is_some() {
        return Err(format!("{name} is there twice"));
    }
    *field = Some((line, value?));
    Ok(())
}

fn extend(
    list: &mut Vec<At<Moment>>,
    line: usize,
    values: Result<Vec<Moment>, String>,
) -> Result<(), String> {
    list.extend(values?.into_iter().map(|moment| (line, moment)));
    Ok(())
}

impl Rule {
    /// The last date on which it may give a time of an event that starts at `start`.
    fn last(&self, start: &Moment) -> Result<NaiveDate, String> {
        let Some(until) = self.until() else {
            return Ok(NaiveDate::MAX);
        };
        let last = until.where_meant(start)?;
        let too_late = until.time.is_some() && written(start).time() > last.time();
        match last.date().pred_opt() {
            Some(before) if too_late && start.time.is_some() => Ok(before),
            _ => Ok(last.date()),
        }
    }
}
