//! Schedules from end to end: the real binary, whose clock goes on, on databases that sync as in production; killed and
//! started again, alone, by twos and by threes.

#[expect(dead_code, reason = "there is no use here for all that it can do")]
#[path = "crash/caller.rs"]
mod caller;
#[path = "crash/site.rs"]
mod site;

#[path = "schedules/absence.rs"]
mod absence;
#[path = "schedules/book.rs"]
mod book;
#[path = "schedules/calendars.rs"]
mod calendars;
#[path = "schedules/chains.rs"]
mod chains;
#[path = "schedules/crowd.rs"]
mod crowd;
#[path = "schedules/hands.rs"]
mod hands;
#[path = "schedules/overlap.rs"]
mod overlap;
#[path = "schedules/steering.rs"]
mod steering;
#[path = "schedules/taking_over.rs"]
mod taking_over;
