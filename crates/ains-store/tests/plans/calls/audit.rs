//! The audit log.

use ains_core::{AuditEvent, AuditId};
use ains_store::audit::{self, Filter};

use crate::support::{Maker, at};
use crate::trace::{Trace, call};

pub(crate) fn call(trace: &mut Trace<'_>, maker: &mut Maker) {
    let entry = maker.audit_entry(AuditEvent::TrustAdjusted, at(100));
    call!(trace, audit::insert(&entry));
    let refused = maker.audit_entry(AuditEvent::AuthFailed, at(100));
    call!(trace, audit::count(&[refused]));
    let all = Filter::default();
    call!(trace, "all", audit::list(&all, 10));
    let time = Filter {
        from: Some(AuditId::first_at(at(1))),
        before: Some(AuditId::first_at(at(200))),
        ..Filter::default()
    };
    call!(trace, "of a time", audit::list(&time, 10));
    let client = Filter {
        client: entry.client.clone(),
        before: Some(entry.id),
        ..Filter::default()
    };
    call!(trace, "of a client", audit::list(&client, 10));
    let both = Filter {
        event: Some(entry.event),
        ..client
    };
    call!(trace, "of a client and a type", audit::list(&both, 10));
    let kind = Filter {
        event: Some(entry.event),
        ..Filter::default()
    };
    call!(trace, "of a type", audit::list(&kind, 10));
    let key = Filter {
        key: entry.key,
        ..Filter::default()
    };
    call!(trace, "of a key", audit::list(&key, 10));
    call!(trace, audit::delete_before(at(1000), 500));
}
