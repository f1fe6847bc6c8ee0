//! Schedules: their slots against a plain model that walks dates and tries offsets; what becomes of slots against a
//! ledger that decides about one slot after the other; and the user's guide against the code.
//!
//! Everything drawn comes from fixed seeds.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

#[path = "schedule_properties/drawn.rs"]
mod drawn;
#[path = "schedule_properties/guide.rs"]
mod guide;
#[path = "schedule_properties/ledger.rs"]
mod ledger;
#[path = "schedule_properties/slots.rs"]
mod slots;
#[path = "schedule_properties/store.rs"]
mod store;
#[path = "schedule_properties/walk.rs"]
mod walk;
#[path = "schedule_properties/world.rs"]
mod world;
