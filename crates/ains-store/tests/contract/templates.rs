//! Templates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ains_core::chain::StepTask;
use ains_core::schedule::{Fires, Standing};
use ains_core::{ClientId, TemplateId, Timestamp};
use ains_store::chains::StoredChain;
use ains_store::schedules::{self, StoredSchedule};
use ains_store::tasks::{self, Filter, Page};
use ains_store::templates::{self, References, StoredTemplate};
use ains_store::{Backend, Conn, StoreError, chains};
use ains_testkit::TestDb;

use crate::locks::while_waiting;
use crate::support::{Maker, a_definition, at, open, run};

ains_testkit::contract!(
    a_template_reads_back_unchanged,
    a_changed_template_reads_back_unchanged_and_keeps_its_uses,
    templates_are_found_by_their_ids,
    templates_are_listed_newest_first,
    uses_are_counted,
    a_schedule_refers_to_its_templates_until_it_ends,
    a_chain_refers_to_its_templates_until_they_are_forgotten,
    tasks_are_listed_by_their_template,
    uses_are_counted_together_with_changes,
    what_is_kept_is_not_removed_and_what_is_removed_is_not_kept,
);

fn put(conn: &mut Conn, new: &[&StoredTemplate]) {
    conn.transact(|conn| new.iter().try_for_each(|stored| templates::insert(conn, stored)))
        .unwrap();
}

fn find(conn: &mut Conn, id: TemplateId) -> Option<StoredTemplate> {
    templates::find(conn, &[id].into()).unwrap().remove(&id)
}

fn references(conn: &mut Conn, id: TemplateId) -> References {
    templates::references(conn, id, 2).unwrap()
}

fn using(maker: &mut Maker, template: TemplateId) -> StoredSchedule {
    let mut stored = maker.schedule("c");
    Arc::make_mut(&mut stored.definition).fires = Fires::Task {
        task: StepTask::of(template),
        input: "{}".into(),
        metadata: None,
    };
    stored
}

fn put_chains(conn: &mut Conn, new: &[&StoredChain]) {
    let definition = a_definition();
    let new: Vec<_> = new.iter().map(|stored| (*stored, &definition, "{}")).collect();
    conn.transact(|conn| chains::insert(conn, &new)).unwrap();
}

fn a_template_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut stored = Maker::new().template("ä 'client'");
    (stored.revision, stored.times_used) = (i64::MAX, i64::MAX);
    let template = &mut stored.template;
    template.name = r#"it's "a template" \ ü 🎄"#.parse().unwrap();
    template.description = Some("'; DROP TABLE task_templates; --\n\t?".to_owned());
    template.defaults.input = r#"{"big": 123456789012345678901234567890.50, "\u00e4": "🎄"}"#.into();
    template.input_schema = Some(r#"{"type": "object", "$defs": {}}"#.into());
    template.created_at = Timestamp::from_micros(i64::MIN);
    template.updated_at = Timestamp::from_micros(i64::MAX);
    put(&mut conn, &[&stored]);
    assert_eq!(find(&mut conn, stored.template.id), Some(stored));
}

fn a_changed_template_reads_back_unchanged_and_keeps_its_uses(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let (mut stored, other) = (maker.template("c"), maker.template("c"));
    let unknown = maker.template("c").template.id;
    put(&mut conn, &[&stored, &other]);
    let id = stored.template.id;
    let locked = conn.transact(|conn| templates::lock(conn, id)).unwrap();
    assert_eq!(locked, Some(stored.clone()));
    conn.transact(|conn| templates::count_uses(conn, &[(id, 5)].into()))
        .unwrap();
    for text in [Some("{}"), None] {
        stored.revision += 1;
        let template = &mut stored.template;
        template.name = format!("name {}", stored.revision).parse().unwrap();
        template.description = text.map(str::to_owned);
        template.input_schema = text.map(Into::into);
        template.defaults.task_type = "other".parse().unwrap();
        template.defaults.priority = 1;
        template.updated_at = at(200);
        conn.transact(|conn| templates::save(conn, &stored)).unwrap();
        let expected = StoredTemplate {
            times_used: 5,
            ..stored.clone()
        };
        assert_eq!(find(&mut conn, id), Some(expected));
        let listed = templates::list(&mut conn, None, None, 10).unwrap();
        assert_eq!(listed[1].task_type.as_str(), "other");
    }
    assert_eq!(find(&mut conn, other.template.id), Some(other));
    let locked = conn.transact(|conn| templates::lock(conn, unknown)).unwrap();
    assert_eq!(locked, None);
    let locked = conn.transact(|conn| templates::lock_to_remove(conn, unknown));
    assert_eq!(locked.unwrap(), None);
    assert!(!conn.transact(|conn| templates::remove(conn, unknown)).unwrap());
}

fn templates_are_found_by_their_ids(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let all = ["a", "b", "c"].map(|client| maker.template(client));
    put(&mut conn, &all.each_ref());
    let ids = all.each_ref().map(|stored| stored.template.id);
    let unknown = maker.template("c").template.id;
    let wanted = BTreeSet::from([ids[2], unknown, ids[0]]);
    let kept = templates::keep(&mut conn, &wanted).unwrap();
    let client = |name: &str| -> ClientId { name.parse().unwrap() };
    assert_eq!(kept, [(ids[0], client("a")), (ids[2], client("c"))].into());
    let [first, _, third] = all;
    let found = templates::find(&mut conn, &wanted).unwrap();
    assert_eq!(found, [(ids[0], first), (ids[2], third)].into());
    for nobody in [BTreeSet::new(), [unknown].into()] {
        assert!(templates::find(&mut conn, &nobody).unwrap().is_empty());
        assert!(templates::keep(&mut conn, &nobody).unwrap().is_empty());
    }
    // One that cannot be read does not stop the others.
    let spoil = format!("UPDATE task_templates SET defaults = '[' WHERE id = '{}'", ids[0]);
    run(&mut conn, &spoil);
    let found = templates::find(&mut conn, &ids.into()).unwrap();
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ids[1..]);
    let locked = conn.transact(|conn| templates::lock(conn, ids[0]));
    assert!(matches!(locked, Err(StoreError::Corrupt { .. })), "{locked:?}");
    // It can still be removed.
    conn.transact(|conn| {
        templates::lock_to_remove(conn, ids[0])?;
        templates::remove(conn, ids[0])
    })
    .unwrap();
}

fn templates_are_listed_newest_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let all = ["a", "b", "a", "a"].map(|client| maker.template(client));
    put(&mut conn, &all.each_ref());
    let mut listed = |client: Option<&str>, before: Option<usize>, limit| -> Vec<usize> {
        let client: Option<ClientId> = client.map(|client| client.parse().unwrap());
        let before = before.map(|at| all[at].template.id);
        let listed = templates::list(&mut conn, client.as_ref(), before, limit).unwrap();
        let place = |one: TemplateId| all.iter().position(|stored| stored.template.id == one);
        listed.iter().map(|summary| place(summary.id).unwrap()).collect()
    };
    assert_eq!(listed(None, None, 10), [3, 2, 1, 0]);
    assert_eq!(listed(None, None, 2), [3, 2]);
    assert_eq!(listed(None, Some(2), 10), [1, 0]);
    assert_eq!(listed(Some("a"), None, 10), [3, 2, 0]);
    assert_eq!(listed(Some("a"), Some(3), 1), [2]);
    assert!(listed(Some("none"), None, 10).is_empty());
}

fn uses_are_counted(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let all = [maker.template("c"), maker.template("c"), maker.template("c")];
    put(&mut conn, &all.each_ref());
    let ids = all.each_ref().map(|stored| stored.template.id);
    let unknown = maker.template("c").template.id;
    let mut count = |uses: &[(TemplateId, i64)]| {
        let uses: BTreeMap<_, _> = uses.iter().copied().collect();
        conn.transact(|conn| templates::count_uses(conn, &uses)).unwrap();
        ids.map(|id| find(&mut conn, id).unwrap().times_used)
    };
    assert_eq!(count(&[]), [0, 0, 0]);
    assert_eq!(count(&[(ids[0], 1), (ids[2], 1000), (unknown, 7)]), [1, 0, 1000]);
    assert_eq!(count(&[(ids[2], 1)]), [1, 0, 1001]);
}

fn a_schedule_refers_to_its_templates_until_it_ends(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let (one, other) = (maker.template("c"), maker.template("c"));
    put(&mut conn, &[&one, &other]);
    let (one, other) = (one.template.id, other.template.id);
    let mut made = [one, one, one, other].map(|id| using(&mut maker, id));
    conn.transact(|conn| made.iter().try_for_each(|stored| schedules::insert(conn, stored)))
        .unwrap();
    let ids = made.each_ref().map(|stored| stored.id);
    assert_eq!(references(&mut conn, one).schedules, ids[..2]);
    assert_eq!(references(&mut conn, other).schedules, [ids[3]]);
    // One ends, one is removed, one refers to another template.
    made[0].schedule.standing = Standing::Ended;
    made[0].schedule.due_at = None;
    Arc::make_mut(&mut made[2].definition).fires = using(&mut maker, other).definition.fires.clone();
    conn.transact(|conn| {
        schedules::save(conn, &[&made[0]])?;
        schedules::remove(conn, ids[1])?;
        schedules::change(conn, &made[2])
    })
    .unwrap();
    assert!(references(&mut conn, one).is_empty());
    assert_eq!(references(&mut conn, other).schedules, ids[2..]);
    // It may be changed after the template is gone.
    assert!(conn.transact(|conn| templates::remove(conn, one)).unwrap());
    conn.transact(|conn| schedules::change(conn, &made[0])).unwrap();
    let mut plain = maker.schedule("c");
    plain.id = ids[3];
    conn.transact(|conn| schedules::change(conn, &plain)).unwrap();
    assert_eq!(references(&mut conn, other).schedules, [ids[2]]);
}

fn a_chain_refers_to_its_templates_until_they_are_forgotten(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let (one, other) = (maker.template("c").template.id, maker.template("c").template.id);
    let made = [maker.chain("c"), maker.chain("c"), maker.chain("c")];
    put_chains(&mut conn, &made.each_ref());
    let ids = made.each_ref().map(|stored| stored.id);
    let refer = [
        (ids[0], [one, other].into()),
        (ids[1], [one].into()),
        (ids[2], BTreeSet::new()),
    ];
    for _ in 0..2 {
        conn.transact(|conn| templates::refer(conn, &refer)).unwrap();
        assert_eq!(references(&mut conn, one).chains, ids[..2]);
        assert_eq!(references(&mut conn, other).chains, ids[..1]);
    }
    conn.transact(|conn| {
        templates::refer(conn, &[])?;
        templates::forget(conn, &[])?;
        templates::forget(conn, &[ids[0], ids[2]])
    })
    .unwrap();
    assert_eq!(references(&mut conn, one).chains, [ids[1]]);
    assert!(references(&mut conn, other).is_empty());
    let unknown = maker.chain("c").id;
    let refused = conn.transact(|conn| templates::refer(conn, &[(unknown, [one].into())]));
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}

fn tasks_are_listed_by_their_template(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let (one, other) = (maker.template("c").template.id, maker.template("c").template.id);
    let mut made = [0, 1, 2].map(|_| maker.ready("c", 0));
    (made[0].task.template, made[2].task.template) = (Some(one), Some(one));
    conn.transact(|conn| tasks::insert(conn, &made)).unwrap();
    let mut listed = |template| {
        let filter = Filter {
            template: Some(template),
            ..Filter::default()
        };
        let page = Page {
            limit: 10,
            offset: 0,
            before: None,
        };
        tasks::list(&mut conn, &filter, page).unwrap()
    };
    assert_eq!(listed(one), [made[2].clone(), made[0].clone()]);
    assert_eq!(listed(other), []);
}

fn uses_are_counted_together_with_changes(db: &TestDb) {
    let store = open(db);
    if store.backend() == Backend::Sqlite {
        // One writer: there is no other transaction.
        return;
    }
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let mut maker = Maker::new();
    let (stored, other) = (maker.template("c"), maker.template("c"));
    put(&mut first, &[&stored, &other]);
    let ids = [stored.template.id, other.template.id];
    let uses: BTreeMap<_, _> = ids.map(|id| (id, 1)).into();
    first
        .transact(|first| {
            let mut locked = templates::lock(first, ids[1])?.unwrap();
            locked.revision += 1;
            templates::save(first, &locked)?;
            Ok(while_waiting(first, move || {
                second.transact(|conn| templates::count_uses(conn, &uses))
            }))
        })
        .unwrap()
        .join()
        .unwrap()
        .unwrap();
    let after = find(&mut first, ids[1]).unwrap();
    assert_eq!((after.revision, after.times_used), (1, 1));
}

fn what_is_kept_is_not_removed_and_what_is_removed_is_not_kept(db: &TestDb) {
    let store = open(db);
    if store.backend() == Backend::Sqlite {
        return;
    }
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let mut maker = Maker::new();
    let stored = maker.template("c");
    let id = stored.template.id;
    put(&mut first, &[&stored]);
    let schedule = using(&mut maker, id);
    // A removal waits for what begins to refer to it, and then sees it.
    let seen = first
        .transact(|first| {
            assert_eq!(templates::keep(first, &[id].into())?.len(), 1);
            schedules::insert(first, &schedule)?;
            Ok(while_waiting(first, move || {
                let seen = second.transact(|conn| {
                    templates::lock_to_remove(conn, id)?;
                    templates::references(conn, id, 5)
                });
                (second, seen.unwrap())
            }))
        })
        .unwrap();
    let (mut second, seen) = seen.join().unwrap();
    assert_eq!(seen.schedules, [schedule.id]);
    first
        .transact(|conn| schedules::remove(conn, schedule.id))
        .unwrap();
    // What begins to refer to it waits for a removal, and then does not find it.
    let kept = first
        .transact(|first| {
            templates::lock_to_remove(first, id)?;
            templates::remove(first, id)?;
            Ok(while_waiting(first, move || {
                second.transact(|conn| templates::keep(conn, &[id].into()))
            }))
        })
        .unwrap();
    assert!(kept.join().unwrap().unwrap().is_empty());
}
