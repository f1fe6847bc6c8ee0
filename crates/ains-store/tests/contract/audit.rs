//! The audit log.

use ains_core::{AuditEvent, AuditId};
use ains_store::Conn;
use ains_store::audit::{self, AuditEntry, Filter};
use ains_testkit::TestDb;

use crate::support::{Maker, at, open};

ains_testkit::contract!(
    an_entry_reads_back_unchanged,
    entries_are_counted_up,
    entries_are_listed_newest_first,
    old_entries_are_removed_oldest_first,
    an_entry_that_is_not_committed_is_not_there,
);

fn put(conn: &mut Conn, entries: &[&AuditEntry]) {
    let put = |conn: &mut Conn| entries.iter().try_for_each(|entry| audit::insert(conn, entry));
    conn.transact(put).unwrap();
}

fn all(conn: &mut Conn) -> Vec<AuditEntry> {
    audit::list(conn, &Filter::default(), 100).unwrap()
}

fn an_entry_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let whole = AuditEntry {
        last_action: Some("GET /'; DROP TABLE audit_log; --?".to_owned()),
        agent: Some("a1".parse().unwrap()),
        success: false,
        error: Some("it's \"wrong\" \\".to_owned()),
        request: Some("r 'ä'".to_owned()),
        last_at: at(200),
        ..maker.audit_entry(AuditEvent::AccessDenied, at(100))
    };
    let bare = AuditEntry {
        client: None,
        key: None,
        resource: None,
        address: None,
        ..maker.audit_entry(AuditEvent::MaintenanceRun, at(99))
    };
    put(&mut conn, &[&whole]);
    conn.transact(|conn| audit::count(conn, std::slice::from_ref(&bare)))
        .unwrap();
    assert_eq!(all(&mut conn), [bare, whole], "the mint was ahead of its clock");
}

fn entries_are_counted_up(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let entry = |maker: &mut Maker, whom: &str, count, last_action: &str, last_at| AuditEntry {
        id: AuditId::of(AuditEvent::AuthFailed, whom, at(60)),
        count,
        last_action: Some(last_action.to_owned()),
        last_at: at(last_at),
        ..maker.audit_entry(AuditEvent::AuthFailed, at(60))
    };
    let (first, other) = (
        entry(&mut maker, "a", 1, "x", 61),
        entry(&mut maker, "b", 2, "x", 62),
    );
    let (more, late) = (
        entry(&mut maker, "a", 40, "y", 70),
        entry(&mut maker, "a", 1, "z", 65),
    );
    for entries in [&[][..], &[first.clone(), other.clone()], &[more], &[late]] {
        conn.transact(|conn| audit::count(conn, entries)).unwrap();
    }
    let counted = AuditEntry {
        count: 42,
        last_action: Some("z".to_owned()),
        last_at: at(70),
        ..first
    };
    let mut expected = vec![counted, other];
    expected.sort_by_key(|entry| std::cmp::Reverse(entry.id));
    assert_eq!(all(&mut conn), expected);
}

fn entries_are_listed_newest_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let events = [
        AuditEvent::TrustAdjusted,
        AuditEvent::AuthFailed,
        AuditEvent::TrustAdjusted,
        AuditEvent::ResourceDeleted,
    ];
    let mut made: Vec<AuditEntry> = (100..)
        .zip(events)
        .map(|(second, event)| maker.audit_entry(event, at(second)))
        .collect();
    made[0].client = None;
    made[3].client = Some("d".parse().unwrap());
    put(&mut conn, &made.iter().collect::<Vec<_>>());
    let mut listed = |filter: Filter| -> Vec<usize> {
        let found = audit::list(&mut conn, &filter, 3).unwrap();
        let places = found
            .iter()
            .map(|entry| made.iter().position(|made| made == entry).unwrap());
        places.collect()
    };
    assert_eq!(listed(Filter::default()), [3, 2, 1]);
    let client = Some("c".parse().unwrap());
    let of_client = Filter {
        client: client.clone(),
        ..Filter::default()
    };
    assert_eq!(listed(of_client), [2, 1]);
    let event = Some(AuditEvent::TrustAdjusted);
    assert_eq!(
        listed(Filter {
            event,
            ..Filter::default()
        }),
        [2, 0]
    );
    assert_eq!(
        listed(Filter {
            client,
            event,
            ..Filter::default()
        }),
        [2]
    );
    let key = made[1].key;
    assert_eq!(
        listed(Filter {
            key,
            ..Filter::default()
        }),
        [1]
    );
    let time = Filter {
        from: Some(AuditId::first_at(at(101))),
        before: Some(AuditId::first_at(at(103))),
        ..Filter::default()
    };
    assert_eq!(listed(time), [2, 1]);
    let page = Filter {
        before: Some(made[1].id),
        ..Filter::default()
    };
    assert_eq!(listed(page), [0]);
}

fn old_entries_are_removed_oldest_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let made: Vec<AuditEntry> = (1..=5)
        .map(|second| maker.audit_entry(AuditEvent::TrustAdjusted, at(second)))
        .collect();
    put(&mut conn, &made.iter().collect::<Vec<_>>());
    let mut remove = |limit| {
        conn.transact(|conn| audit::delete_before(conn, at(4), limit))
            .unwrap()
    };
    assert_eq!(remove(2), 2);
    assert_eq!(remove(2), 1);
    assert_eq!(remove(2), 0);
    assert_eq!(all(&mut conn), [made[4].clone(), made[3].clone()]);
}

fn an_entry_that_is_not_committed_is_not_there(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let entry = Maker::new().audit_entry(AuditEvent::TrustAdjusted, at(1));
    let undone = conn.transact(|conn| {
        audit::insert(conn, &entry)?;
        Err::<(), _>(ains_store::StoreError::Stopping)
    });
    assert!(undone.is_err());
    assert_eq!(all(&mut conn), []);
}
