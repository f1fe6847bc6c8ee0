//! Calls about calendars: dates that schedules leave out, or keep to.

use ains_api::{
    Calendar, CalendarDates, CalendarDeleted, CalendarFilter, CalendarImported, CalendarList,
    CalendarSummary, DatesQuery, ImportCalendar, PatchCalendar, SubmitCalendar,
};
use reqwest::Method;

use crate::client::{Call, segment};
use crate::{Client, Error};

/// The path of a calendar, or of something about it.
fn path(calendar_id: &str, of: &str) -> String {
    format!("/ains/calendars/{}{of}", segment(calendar_id))
}

impl Client {
    /// Creates a calendar: `POST /ains/calendars`.
    ///
    /// ```no_run
    /// use ains_client::api::{HolidayCountry, PublicHolidays, SubmitCalendar, Weekday};
    /// use ains_client::{Client, Schedule};
    ///
    /// # async fn example(client: Client) -> Result<(), ains_client::Error> {
    /// let off = SubmitCalendar {
    ///     name: "days off".into(),
    ///     client_id: Some("me".into()),
    ///     weekdays: Some(vec![Weekday::Saturday.into(), Weekday::Sunday.into()]),
    ///     holidays: Some(vec![PublicHolidays {
    ///         country: HolidayCountry::Germany.into(),
    ///         ..PublicHolidays::default()
    ///     }]),
    ///     ..SubmitCalendar::default()
    /// };
    /// let off = client.create_calendar(&off).await?;
    /// let daily = Schedule::new("on working days")
    ///     .client("me")
    ///     .cron("0 9 * * *")
    ///     .not_on(off.calendar_id)
    ///     .task("report", "text:v1");
    /// client.create_schedule(&daily).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If anything in it is refused (422, with every fault), or the call fails. It is not repeated, since a lost answer does
    /// not say whether there is a calendar now.
    pub async fn create_calendar(&self, calendar: &SubmitCalendar) -> Result<CalendarSummary, Error> {
        self.call_with(Call::once(Method::POST, "/ains/calendars"), calendar)
            .await
    }

    /// Reads a calendar: `GET /ains/calendars/{id}`.
    ///
    /// # Errors
    ///
    /// If there is no such calendar (404), or the call fails.
    pub async fn calendar(&self, calendar_id: &str) -> Result<Calendar, Error> {
        self.call(Call::get(path(calendar_id, ""))).await
    }

    /// Reads one page of calendars, newest first: `GET /ains/calendars`.
    ///
    /// # Errors
    ///
    /// If a filter is refused (422), or the call fails.
    pub async fn calendars(&self, filter: &CalendarFilter) -> Result<CalendarList, Error> {
        self.call_with_query(Call::get("/ains/calendars"), filter).await
    }

    /// Changes a calendar: `PATCH /ains/calendars/{id}`. A field is left as it is (`None`), emptied (`Some(None)`), or set.
    ///
    /// # Errors
    ///
    /// If the change is refused (422), there is no such calendar (404), or the call fails.
    pub async fn patch_calendar(
        &self,
        calendar_id: &str,
        patch: &PatchCalendar,
    ) -> Result<CalendarSummary, Error> {
        self.call_with(Call::repeatable(Method::PATCH, path(calendar_id, "")), patch)
            .await
    }

    /// Removes a calendar: `DELETE /ains/calendars/{id}`.
    ///
    /// # Errors
    ///
    /// If a schedule heeds it (409), there is no such calendar (404), or the call fails.
    pub async fn delete_calendar(&self, calendar_id: &str) -> Result<CalendarDeleted, Error> {
        self.call(Call::once(Method::DELETE, path(calendar_id, ""))).await
    }

    /// Adds the dates of an iCalendar text to those that a calendar lists, or puts them in their place:
    /// `POST /ains/calendars/{id}/import`.
    ///
    /// # Errors
    ///
    /// If the text cannot be read (422, with the line), there is no such calendar (404), or the call fails.
    pub async fn import_calendar(
        &self,
        calendar_id: &str,
        import: &ImportCalendar,
    ) -> Result<CalendarImported, Error> {
        self.call_with(Call::once(Method::POST, path(calendar_id, "/import")), import)
            .await
    }

    /// Reads the dates of some time that a calendar holds, with their names: `GET /ains/calendars/{id}/dates`.
    ///
    /// # Errors
    ///
    /// If the time is refused (422), there is no such calendar (404), or the call fails.
    pub async fn calendar_dates(
        &self,
        calendar_id: &str,
        query: &DatesQuery,
    ) -> Result<CalendarDates, Error> {
        self.call_with_query(Call::get(path(calendar_id, "/dates")), query)
            .await
    }
}
