//! Webhooks.

use ains_core::webhook::{Pattern, Webhook};
use ains_core::{Timestamp, WebhookId};
use ains_store::{Backend, Conn, webhooks};
use ains_testkit::TestDb;

use crate::locks::while_waiting;
use crate::support::{Maker, at, open};

ains_testkit::contract!(
    a_webhook_reads_back_unchanged,
    a_changed_webhook_reads_back_unchanged,
    webhooks_are_listed_newest_first,
    every_change_of_a_webhook_is_another_version,
    active_webhooks_are_counted,
    webhooks_are_created_one_after_the_other,
    secrets_are_read_in_pages_and_replaced_alone,
);

pub(crate) fn put(conn: &mut Conn, hooks: &[&Webhook]) {
    let put = |conn: &mut Conn| hooks.iter().try_for_each(|hook| webhooks::insert(conn, hook));
    conn.transact(put).unwrap();
}

/// Changes a webhook that is stored; how it is then.
fn change(conn: &mut Conn, id: WebhookId, change: impl FnOnce(&mut Webhook)) -> Webhook {
    conn.transact(|conn| {
        let before = webhooks::lock(conn, id)?.unwrap();
        let mut after = before.clone();
        change(&mut after);
        webhooks::save(conn, &before, &after)?;
        Ok(after)
    })
    .unwrap()
}

fn a_webhook_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut hook = maker.webhook("ä 'client'");
    hook.url = "https://example.com/'; DROP TABLE webhooks; --?".into();
    hook.events = vec![
        Pattern::stored("task.*"),
        Pattern::stored("an 'event' of \"another\" time"),
    ];
    hook.secret = "it's a \"secret\" \\".parse().unwrap();
    hook.previous = Some((
        "whsec_aGVsbG8=".parse().unwrap(),
        Timestamp::from_micros(i64::MAX),
    ));
    hook.created_at = Timestamp::from_micros(i64::MIN);
    put(&mut conn, &[&hook]);
    assert_eq!(webhooks::find(&mut conn, hook.id).unwrap(), Some(hook));
    let unknown = maker.webhook("c").id;
    assert_eq!(webhooks::find(&mut conn, unknown).unwrap(), None);
    let locked = conn.transact(|conn| webhooks::lock(conn, unknown)).unwrap();
    assert_eq!(locked, None);
}

fn a_changed_webhook_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let (hook, other) = (maker.webhook("c"), maker.webhook("c"));
    put(&mut conn, &[&hook, &other]);
    let rotated = change(&mut conn, hook.id, |hook| {
        hook.rotate("new".parse().unwrap(), at(200));
    });
    assert_eq!(webhooks::find(&mut conn, hook.id).unwrap(), Some(rotated));
    let ended = change(&mut conn, hook.id, |hook| hook.deactivate(at(300)));
    assert!(!ended.active);
    assert_eq!(webhooks::find(&mut conn, hook.id).unwrap(), Some(ended));
    assert_eq!(webhooks::find(&mut conn, other.id).unwrap(), Some(other));
}

fn webhooks_are_listed_newest_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut all = ["a", "b", "a", "a"].map(|owner| maker.webhook(owner));
    put(&mut conn, &all.each_ref());
    all[2] = change(&mut conn, all[2].id, |hook| hook.deactivate(at(200)));
    let mut listed = |owner: Option<&str>, active, before: Option<usize>, limit| -> Vec<usize> {
        let owner = owner.map(|owner| owner.parse().unwrap());
        let before = before.map(|place| all[place].id);
        let listed = webhooks::list(&mut conn, owner.as_ref(), active, before, limit).unwrap();
        let place = |hook| all.iter().position(|one| one == hook).unwrap();
        listed.iter().map(place).collect()
    };
    assert_eq!(listed(None, false, None, 10), [3, 2, 1, 0]);
    assert_eq!(listed(None, true, None, 10), [3, 1, 0]);
    assert_eq!(listed(None, true, Some(3), 1), [1]);
    assert_eq!(listed(Some("a"), false, None, 10), [3, 2, 0]);
    assert_eq!(listed(Some("a"), true, None, 10), [3, 0]);
    assert_eq!(listed(Some("a"), true, Some(3), 10), [0]);
    assert!(listed(Some("none"), false, None, 10).is_empty());
    let active: Vec<WebhookId> = webhooks::all_active(&mut conn, 10)
        .unwrap()
        .iter()
        .map(|hook| hook.id)
        .collect();
    assert_eq!(active, [all[0].id, all[1].id, all[3].id]);
    assert_eq!(webhooks::all_active(&mut conn, 2).unwrap().len(), 2);
}

fn every_change_of_a_webhook_is_another_version(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let hook = Maker::new().webhook("c");
    let mut versions = vec![webhooks::version(&mut conn).unwrap()];
    put(&mut conn, &[&hook]);
    versions.push(webhooks::version(&mut conn).unwrap());
    change(&mut conn, hook.id, |hook| {
        hook.rotate("new".parse().unwrap(), at(200));
    });
    versions.push(webhooks::version(&mut conn).unwrap());
    change(&mut conn, hook.id, |hook| hook.deactivate(at(200)));
    versions.push(webhooks::version(&mut conn).unwrap());
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    webhooks::find(&mut conn, hook.id).unwrap();
    assert_eq!(webhooks::version(&mut conn).unwrap(), versions[3]);
}

fn active_webhooks_are_counted(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let all = ["a", "b", "a", "a"].map(|owner| maker.webhook(owner));
    put(&mut conn, &all.each_ref());
    for _ in 0..2 {
        // Once is enough.
        change(&mut conn, all[0].id, |hook| hook.deactivate(at(200)));
        assert_eq!(conn.transact(webhooks::lock_changes).unwrap(), 3);
    }
    let owner = "a".parse().unwrap();
    assert_eq!(webhooks::count_active(&mut conn, &owner, 10).unwrap(), 2);
    assert_eq!(webhooks::count_active(&mut conn, &owner, 1).unwrap(), 1);
}

fn webhooks_are_created_one_after_the_other(db: &TestDb) {
    let store = open(db);
    if store.backend() == Backend::Sqlite {
        // One writer: there is no other transaction.
        return;
    }
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let mut maker = Maker::new();
    let hooks = [maker.webhook("c"), maker.webhook("c")];
    let create = move |conn: &mut Conn, hook: &Webhook| {
        let active = webhooks::lock_changes(conn)?;
        webhooks::insert(conn, hook)?;
        Ok(active)
    };
    let [one, other] = hooks;
    let (before, waiting) = first
        .transact(|first| {
            let active = create(first, &one)?;
            let act = move || second.transact(|conn| create(conn, &other));
            Ok((active, while_waiting(first, act)))
        })
        .unwrap();
    assert_eq!((before, waiting.join().unwrap().unwrap()), (0, 1));
}

fn secrets_are_read_in_pages_and_replaced_alone(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut hooks: Vec<Webhook> = (0..3).map(|_| maker.webhook("c")).collect();
    hooks[1].previous = Some(("before".parse().unwrap(), at(300)));
    put(&mut conn, &hooks.iter().collect::<Vec<_>>());
    let version = webhooks::version(&mut conn).unwrap();
    let first = conn
        .transact(|conn| webhooks::lock_secrets(conn, None, 2))
        .unwrap();
    let last = first.last().map(|(id, _, _)| *id);
    let second = conn
        .transact(|conn| webhooks::lock_secrets(conn, last, 2))
        .unwrap();
    let mut expected: Vec<_> = hooks
        .iter()
        .map(|hook| {
            let previous = hook.previous.as_ref().map(|(secret, _)| secret.clone());
            (hook.id, hook.secret.clone(), previous)
        })
        .collect();
    expected.sort_by_key(|(id, _, _)| *id);
    assert_eq!([first, second].concat(), expected);

    let (secret, before) = ("sealed".parse().unwrap(), "sealed before".parse().unwrap());
    webhooks::save_secrets(&mut conn, hooks[1].id, &secret, Some(&before)).unwrap();
    hooks[1].secret = secret;
    hooks[1].previous = Some((before, at(300)));
    for hook in &hooks {
        assert_eq!(webhooks::find(&mut conn, hook.id).unwrap().as_ref(), Some(hook));
    }
    assert_eq!(
        webhooks::version(&mut conn).unwrap(),
        version,
        "nothing else has changed"
    );
}
