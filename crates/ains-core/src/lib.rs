#![doc = include_str!("../README.md")]

pub mod agent;
pub mod audit;
pub mod calendar;
pub mod chain;
pub mod cron;
pub mod dependency;
pub mod directory;
pub mod effect;
pub mod event;
pub mod expression;
pub mod fair;
pub mod graph;
pub mod identity;
pub mod ids;
pub mod key;
pub mod lane;
pub mod rate;
pub mod reach;
pub mod routing;
pub mod schedule;
pub mod scope;
pub mod task;
pub mod template;
pub mod time;
pub mod trust;
pub mod webhook;

pub use audit::AuditEvent;
pub use chain::{Chain, ChainStatus, StepStatus};
pub use dependency::{Condition, Dependency};
pub use effect::Effect;
pub use event::{Event, EventType, EventTypes};
pub use expression::Expression;
pub use graph::DependencyGraph;
pub use ids::{
    AgentId, AuditId, BatchId, CalendarId, CapabilityId, ChainId, ClientId, DeliveryId, GraphId, KeyId, Mint,
    Name, ScheduleId, SlotId, TaskId, TemplateId, TrustRecordId, WebhookId,
};
pub use key::Key;
pub use lane::Lane;
pub use reach::Reach;
pub use schedule::Schedule;
pub use scope::{Scope, Scopes};
pub use task::{Status, Task};
pub use template::Template;
pub use time::{Clock, Timestamp};
pub use trust::TrustScore;
pub use webhook::Webhook;
