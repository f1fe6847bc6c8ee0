use ains_core::Status;
use ains_core::chain::{self, ChainEvent, ChainStatus};
use ains_core::identity::IdentityError;
use ains_core::schedule;
use ains_core::task::{Event, IllegalTransition, NotPending, Refusal};
use ains_service::Error;

use super::{Kind, Problem, Wording};

fn told(error: Error, asked: Wording) -> (u16, &'static str, String) {
    let problem = Problem::of(error, asked);
    (
        problem.kind().status().as_u16(),
        problem.kind().uri(),
        problem.into_detail(),
    )
}

fn illegal(from: Status) -> Error {
    Error::Illegal(IllegalTransition {
        from,
        event: Event::Cancelled,
    })
}

fn lost(own: bool) -> Error {
    Error::Refused(Refusal::LeaseLost {
        status: Status::Completed,
        attempt: 2,
        own,
    })
}

#[test]
fn what_is_asked_for_decides_how_a_refusal_reads() {
    use Status::{Active, Completed};
    for (asked, from, status, detail) in [
        (
            Wording::Plain,
            Completed,
            409,
            "A task that is COMPLETED cannot be cancelled",
        ),
        (
            Wording::Cancel,
            Completed,
            400,
            "Cannot cancel task in COMPLETED status",
        ),
        (Wording::Start, Active, 400, "Can only start ASSIGNED tasks"),
        (
            Wording::Complete,
            Completed,
            400,
            "Can only complete ACTIVE tasks",
        ),
        (
            Wording::Fail,
            Completed,
            400,
            "Invalid status transition to FAILED",
        ),
        (
            Wording::Priority,
            Active,
            400,
            "Cannot adjust priority of ACTIVE task",
        ),
        (
            Wording::Timeout,
            Completed,
            400,
            "Cannot set timeout on COMPLETED task",
        ),
        (
            Wording::Retry,
            Active,
            400,
            "Can only retry FAILED tasks, current status: ACTIVE",
        ),
    ] {
        let (code, _, sentence) = told(illegal(from), asked);
        assert_eq!((code, &*sentence), (status, detail), "{asked:?}");
    }
}

#[test]
fn a_lost_lease_is_a_conflict_and_in_the_earlier_protocol_somebody_elses_task() {
    let (status, uri, detail) = told(lost(true), Wording::Plain);
    assert_eq!((status, uri), (409, "/problems/lease-lost"));
    assert_eq!(
        detail,
        "The lease is lost: the task is COMPLETED, its current attempt is 2"
    );
    let foreign = told(lost(false), Wording::Complete);
    assert_eq!(
        foreign,
        (
            403,
            "/problems/forbidden",
            "Agent not assigned to this task".to_owned()
        )
    );
    let own = told(lost(true), Wording::Complete);
    assert_eq!((own.0, &*own.2), (400, "Can only complete ACTIVE tasks"));
}

#[test]
fn the_originals_sentences_are_kept() {
    let not_found = |entity| Error::NotFound {
        entity,
        id: "x".to_owned(),
    };
    for (error, asked, status, detail) in [
        (not_found("Task"), Wording::Plain, 404, "Task not found"),
        (not_found("Agent"), Wording::Plain, 404, "Agent not found"),
        (
            Error::AgentExists("a".to_owned()),
            Wording::Plain,
            409,
            "Agent already registered",
        ),
        (
            Error::InvalidSignature(IdentityError::Weak("public_key")),
            Wording::Plain,
            400,
            "Invalid signature: public_key is a weak key",
        ),
        (
            Error::UnknownClientAgent("c".to_owned()),
            Wording::Plain,
            400,
            "Client agent 'c' not found",
        ),
        (
            Error::NoProvider("x:v1".to_owned()),
            Wording::Plain,
            400,
            "No agents provide capability 'x:v1'",
        ),
        (
            Error::RetrySpent,
            Wording::Retry,
            400,
            "Task has exceeded maximum retries or is not retryable",
        ),
        (
            Error::NotOwner,
            Wording::Cancel,
            403,
            "Not authorized to cancel this task",
        ),
        (
            Error::NotOwner,
            Wording::Priority,
            403,
            "Not authorized to modify this task",
        ),
    ] {
        let (code, _, sentence) = told(error, asked);
        assert_eq!((code, &*sentence), (status, detail));
    }
}

#[test]
fn what_is_wrong_with_dependencies_is_told_with_who_and_how_many() {
    let id = "task_00000000000070008000000000000000";
    for (error, status, kind, detail) in [
        (
            Error::UnknownDependency(id.parse().unwrap()),
            404,
            "not-found",
            "Dependency task task_00000000000070008000000000000000 not found",
        ),
        (
            Error::Cycle("a -> b -> a".to_owned()),
            409,
            "dependency-cycle",
            "The dependencies form a cycle: a -> b -> a",
        ),
        (
            Error::NotPending(NotPending(Status::Active)),
            409,
            "illegal-transition",
            "A task that is ACTIVE waits for nothing any more",
        ),
        (
            Error::TooManyTasks(5),
            422,
            "invalid-input",
            "More than 5 tasks are concerned",
        ),
    ] {
        let expected = (status, &*format!("/problems/{kind}"), detail.to_owned());
        assert_eq!(told(error, Wording::Plain), expected);
    }
}

#[test]
fn what_a_chain_refuses_is_told_with_its_state() {
    let id = "chain_00000000000070008000000000000000";
    let refused = |from, event| Error::ChainRefused(chain::Refusal { from, event });
    for (error, asked, status, kind, detail) in [
        (
            refused(ChainStatus::Failed, ChainEvent::Cancelled),
            Wording::CancelChain,
            400,
            "bad-request",
            "Chain already completed or failed",
        ),
        (
            refused(ChainStatus::Completed, ChainEvent::Paused),
            Wording::Plain,
            409,
            "illegal-transition",
            "A chain that is COMPLETED cannot be paused",
        ),
        (
            Error::OfChain(id.parse().unwrap()),
            Wording::Plain,
            409,
            "illegal-transition",
            "The task belongs to chain chain_00000000000070008000000000000000, which decides when it is tried again",
        ),
        (
            Error::NotOwner,
            Wording::CancelChain,
            403,
            "forbidden",
            "Not authorized to cancel this chain",
        ),
    ] {
        let expected = (status, &*format!("/problems/{kind}"), detail.to_owned());
        assert_eq!(told(error, asked), expected);
    }
}

#[test]
fn what_a_schedule_or_a_calendar_refuses_is_told_with_why() {
    let schedule = "sched_00000000000070008000000000000000";
    let calendar = "cal_00000000000070008000000000000000";
    for (error, status, kind, detail) in [
        (
            Error::ScheduleRefused(schedule::Refusal::NoSlot),
            400,
            "bad-request",
            "The schedule has no slot from now on".to_owned(),
        ),
        (
            Error::ScheduleRefused(schedule::Refusal::Ended("it has no further slot".to_owned())),
            409,
            "illegal-transition",
            "The schedule has ended: it has no further slot".to_owned(),
        ),
        (
            Error::ScheduleRefused(schedule::Refusal::TooManySlots(1001)),
            422,
            "invalid-input",
            "There are 1001 slots to fire in that time; at most 1000 at once".to_owned(),
        ),
        (
            Error::ForgottenSlots(ains_core::Timestamp::from_micros(0)),
            422,
            "invalid-input",
            "It is known since 1970-01-01T00:00:00.000000Z only which slots have fired".to_owned(),
        ),
        (
            Error::TooMuchAtOnce(9),
            422,
            "invalid-input",
            "The runs of 9 slots are too much at once; ask for a shorter time".to_owned(),
        ),
        (
            Error::UnknownCalendar(calendar.parse().unwrap()),
            404,
            "not-found",
            format!("Calendar {calendar} not found"),
        ),
        (
            Error::Stale {
                entity: "Schedule",
                id: schedule.to_owned(),
            },
            409,
            "changed-meanwhile",
            "Schedule was changed again and again meanwhile".to_owned(),
        ),
        (
            Error::CalendarInUse(schedule.parse().unwrap()),
            409,
            "in-use",
            format!("Schedule {schedule} heeds the calendar"),
        ),
    ] {
        let expected = (status, &*format!("/problems/{kind}"), detail);
        assert_eq!(told(error, Wording::Plain), expected);
    }
}

#[test]
fn what_may_be_tried_again_says_when() {
    for error in [Error::Overloaded, Error::Stopping] {
        let response = Problem::from(error).response(Some("r1"));
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get("retry-after").unwrap(), "1");
    }
}

#[test]
fn every_kind_has_a_page_of_its_own() {
    for kind in Kind::ALL {
        let slug = kind.uri().strip_prefix("/problems/").unwrap();
        assert_eq!(Kind::of_slug(slug), Some(kind));
        assert!(
            slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
            "{slug}"
        );
        assert!(kind.explanation().ends_with('.'));
    }
    assert_eq!(Kind::of_slug("nothing"), None);
}

#[test]
fn one_fault_is_told_in_the_detail_and_several_are_counted() {
    let fault = |pointer: &str| ains_api::FieldFault {
        pointer: pointer.to_owned(),
        message: "is missing".to_owned(),
    };
    assert_eq!(
        Problem::invalid(vec![fault("/a")], false).detail(),
        "/a is missing"
    );
    assert_eq!(
        Problem::invalid(vec![fault("")], false).detail(),
        "The body is missing"
    );
    assert_eq!(
        Problem::invalid(vec![fault("/a"), fault("/b")], false).detail(),
        "2 fields are wrong"
    );
}
