//! Makes a schedule and looks at it: `cargo run -p ains-client --example schedule`.
//!
//! It is for nine o'clock in Berlin, but not at weekends and on public holidays. What it will do is looked at before it is
//! made; then it is run at once, and for a week of the past. In the end all of it is removed. No agent is needed.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use ains_client::api::{
    BackfillSchedule, HolidayCountry, PublicHolidays, SlotQuery, SubmitCalendar, Timestamp, Weekday,
};
use ains_client::{Client, Error, Schedule};
use serde_json::json;

/// The server, unless another is named.
const URL: &str = "http://127.0.0.1:8000";

/// Whose all of it is.
const CLIENT: &str = "schedule-example";

/// Microseconds of a week.
const WEEK: i64 = 7 * 24 * 3600 * 1_000_000;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut words = std::env::args().skip(1);
    let mut client = Client::new(words.next().unwrap_or_else(|| URL.to_owned()))?;
    if let Some(key) = words.next() {
        client = client.with_key(key);
    }
    let off = client.create_calendar(&days_off()).await?;
    let report = Schedule::new("morning report")
        .client(CLIENT)
        .cron("0 9 * * *")
        .timezone("Europe/Berlin")
        .not_on(&*off.calendar_id)
        .task("report", "report:v1")
        .input(json!({"of": "yesterday"}));

    let preview = client.preview_schedule(&report.preview(10)).await?;
    println!("{}:", preview.description);
    for slot in preview.slots {
        println!(
            "  {}  {}",
            slot.local,
            slot.excluded.or(slot.note).unwrap_or_default()
        );
    }

    let created = client.create_schedule(&report).await?;
    let id = &created.schedule_id;
    let run = client.run_schedule(id).await?;
    let week = BackfillSchedule {
        from: Timestamp(created.created_at.0 - WEEK),
        to: created.created_at,
        overlap_policy: None,
    };
    let filled = client.backfill_schedule(id, &week).await?;
    println!("{}; {} more for last week:", run.message, filled.fired);
    for slot in client.schedule_slots(id, &SlotQuery::default()).await?.slots {
        let made = slot.task_id.or(slot.reason).unwrap_or_default();
        println!("  {}  {:<8} {:<8} {made}", slot.slot_at, slot.kind, slot.state);
    }

    let made = filled.slots.into_iter().filter_map(|slot| slot.task_id);
    for task in made.chain(run.task_id) {
        client.cancel_task(&task, Some("the example is over")).await?;
    }
    client.delete_schedule(id).await?;
    client.delete_calendar(&off.calendar_id).await?;
    Ok(())
}

/// The weekends, and the public holidays of Berlin.
fn days_off() -> SubmitCalendar {
    SubmitCalendar {
        name: "days off".into(),
        client_id: Some(CLIENT.into()),
        weekdays: Some(vec![Weekday::Saturday.into(), Weekday::Sunday.into()]),
        holidays: Some(vec![PublicHolidays {
            country: HolidayCountry::Germany.into(),
            region: Some("BE".into()),
            observed: None,
        }]),
        ..SubmitCalendar::default()
    }
}
