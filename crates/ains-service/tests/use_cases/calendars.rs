//! Calendars: what they exclude, and what becomes of schedules when they change.

use ains_core::CalendarId;
use ains_core::schedule::SlotState::{Fired, Skipped};
use ains_core::schedule::{CalendarUse, Catchup, ScheduleDefinition, SlotState, Standing, Use};
use ains_service::{Actor, CalendarChange, Error, NewSchedule, ScheduleSteer};
use ains_testkit::TestDb;

use crate::schedules::{at, cron, listed};
use crate::world::{World, tell};

ains_testkit::contract!(
    a_calendar_excludes_slots_and_says_so,
    a_calendar_that_changes_moves_the_next_slot,
    a_calendar_that_is_heeded_stays,
    a_calendar_that_changes_takes_nothing_from_other_dates,
    a_calendar_that_changes_waits_for_no_other_event,
    a_schedule_that_ran_out_of_dates_goes_on_when_there_are_more,
    a_preview_shows_what_would_be,
);

fn a_calendar_excludes_slots_and_says_so(db: &TestDb) {
    tell(db, async |world| {
        let calendar_id = world.calendar_of(&["2026-01-02", "2026-01-03"]).await;
        let used = Use::Exclude;
        let id = world
            .schedule(ScheduleDefinition {
                calendars: vec![CalendarUse { calendar_id, used }],
                ..cron("0 6 * * *")
            })
            .await;
        world.pass(6 * 3600).await;
        assert_eq!(
            world.of(id).await.schedule.next_at,
            Some(at(6 * 3600 + 3 * 86_400))
        );
        world.pass(3 * 86_400).await;
        let day = |days: i64| 6 * 3600 + days * 86_400;
        let short = world.short(id).await;
        let expected = [
            (day(0), 1, Fired),
            (day(1), 1, Skipped),
            (day(2), 1, Skipped),
            (day(3), 1, Fired),
        ];
        assert_eq!(short, expected);
        let reason = world.slots(id).await[1].reason.clone();
        assert_eq!(reason.as_deref(), Some("excluded by `closed`: 2026-01-02"));
    });
}

fn a_calendar_that_changes_moves_the_next_slot(db: &TestDb) {
    tell(db, async |world| {
        let calendar_id = world.calendar_of(&["2026-01-01"]).await;
        let used = Use::Exclude;
        let id = world
            .schedule(ScheduleDefinition {
                calendars: vec![CalendarUse { calendar_id, used }],
                catchup: Catchup::All,
                catchup_window_seconds: 86_400,
                ..cron("0 * * * *")
            })
            .await;
        assert_eq!(world.of(id).await.schedule.next_at, Some(at(86_400)));
        world.pass(7200).await;
        let change = CalendarChange {
            revision: 0,
            name: "open".parse().unwrap(),
            description: None,
            dates: listed(&[]),
        };
        world
            .ains
            .change_calendar(calendar_id, change.clone(), None)
            .await
            .unwrap();
        // It does not look back.
        world.looks_for(id, at(10_800)).await;
        world.pass(3600).await;
        assert_eq!(world.short(id).await, [(10_800, 1, SlotState::Fired)]);
        let stale = world.ains.change_calendar(calendar_id, change, None).await;
        assert!(matches!(stale, Err(Error::Stale { .. })), "{stale:?}");
    });
}

fn a_calendar_that_is_heeded_stays(db: &TestDb) {
    tell(db, async |world| {
        let calendar_id = world.calendar_of(&["2026-01-02"]).await;
        let used = Use::Only;
        let heeding = ScheduleDefinition {
            calendars: vec![CalendarUse { calendar_id, used }],
            ..cron("0 6 * * *")
        };
        let id = world.schedule(heeding.clone()).await;
        let refused = world
            .ains
            .delete_calendar(&Actor::NOBODY, calendar_id, None)
            .await;
        assert!(
            matches!(refused, Err(Error::CalendarInUse(by)) if by == id),
            "{refused:?}"
        );
        let foreign = NewSchedule {
            client: "d".parse().unwrap(),
            name: "foreign".parse().unwrap(),
            definition: heeding.clone(),
            active: true,
        };
        let refused = world.ains.create_schedule(foreign, None).await;
        assert!(matches!(refused, Err(Error::UnknownCalendar(_))));
        world
            .ains
            .delete_schedule(&Actor::NOBODY, id, None)
            .await
            .unwrap();
        world
            .ains
            .delete_calendar(&Actor::NOBODY, calendar_id, None)
            .await
            .unwrap();
        let refused = world.try_schedule(heeding).await;
        assert!(matches!(refused, Err(Error::UnknownCalendar(unknown)) if unknown == calendar_id));
    });
}

fn a_preview_shows_what_would_be(db: &TestDb) {
    tell(db, async |world| {
        let calendar_id = world.calendar_of(&["2026-03-28"]).await;
        let used = Use::Exclude;
        let definition = ScheduleDefinition {
            calendars: vec![CalendarUse { calendar_id, used }],
            timezone: "Europe/Berlin".parse().unwrap(),
            ..cron("30 2 * * *")
        };
        // 2026-03-27T12:00:00Z.
        let from = at(85 * 86_400 + 43_200);
        let preview = world.ains.preview(None, definition, from, 2).await.unwrap();
        let shown: Vec<(&str, Option<&str>, Option<&str>)> = preview
            .entries
            .iter()
            .map(|entry| (&*entry.local, entry.note.as_deref(), entry.excluded.as_deref()))
            .collect();
        let expected = [
            (
                "2026-03-28T02:30:00+01:00",
                None,
                Some("excluded by `closed`: 2026-03-28"),
            ),
            ("2026-03-29T03:00:00+02:00", Some("after the gap"), None),
            ("2026-03-30T02:30:00+02:00", None, None),
        ];
        assert_eq!(shown, expected);
        assert_eq!(preview.description, "at 02:30 every day, Europe/Berlin");
    });
}

/// Makes a calendar hold other dates.
async fn redate(world: &World, id: CalendarId, dates: &[&str]) {
    let before = world.ains.calendar(id).await.unwrap();
    let change = CalendarChange {
        revision: before.revision,
        name: before.calendar.name,
        description: None,
        dates: listed(dates),
    };
    world.ains.change_calendar(id, change, None).await.unwrap();
}

fn heeding(calendar_id: CalendarId, used: Use, definition: ScheduleDefinition) -> ScheduleDefinition {
    ScheduleDefinition {
        calendars: vec![CalendarUse { calendar_id, used }],
        ..definition
    }
}

fn a_calendar_that_changes_takes_nothing_from_other_dates(db: &TestDb) {
    tell(db, async |world| {
        let calendar = world.calendar_of(&[]).await;
        let plain = world
            .schedule(heeding(calendar, Use::Exclude, cron("* * * * *")))
            .await;
        let jittered = ScheduleDefinition {
            jitter_seconds: 59,
            ..cron("* * * * *")
        };
        let jittered = world.schedule(heeding(calendar, Use::Exclude, jittered)).await;
        // Its slot has come, and is not due yet.
        world.pass(60).await;
        redate(&world, calendar, &["2030-01-01"]).await;
        // Nobody looks for a while.
        world.pass(180).await;
        world.pass(60).await;
        for id in [plain, jittered] {
            let slots = world.short(id).await;
            let told: u64 = slots.iter().map(|(_, count, _)| count).sum();
            let last = slots.last().unwrap().0;
            assert_eq!(told, u64::try_from(last / 60).unwrap(), "{slots:?}");
            // With jitter the last one may not be due yet.
            assert!(slots[0].0 == 60 && last >= 240, "{slots:?}");
        }
    });
}

fn a_calendar_that_changes_waits_for_no_other_event(db: &TestDb) {
    tell(db, async |world| {
        let calendar = world.calendar_of(&["2026-01-01"]).await;
        let id = world
            .schedule(heeding(calendar, Use::Exclude, cron("*/10 * * * *")))
            .await;
        redate(&world, calendar, &[]).await;
        // Something else happens to it before anybody looks.
        world.steer(id, ScheduleSteer::RunNow).await.unwrap();
        world.looks_for(id, at(600)).await;
        world.pass(600).await;
        assert_eq!(world.short(id).await.last(), Some(&(600, 1, Fired)));
    });
}

fn a_schedule_that_ran_out_of_dates_goes_on_when_there_are_more(db: &TestDb) {
    tell(db, async |world| {
        let calendar = world.calendar_of(&["2026-01-01"]).await;
        let id = world
            .schedule(heeding(calendar, Use::Only, cron("0 6 * * *")))
            .await;
        world.pass(6 * 3600).await;
        assert_eq!(world.of(id).await.schedule.standing, Standing::Ended);
        redate(&world, calendar, &["2026-01-01", "2026-01-05"]).await;
        world.looks_for(id, at(4 * 86_400 + 6 * 3600)).await;
        assert_eq!(world.of(id).await.schedule.standing, Standing::Active);
    });
}
