//! API keys, and whose things are.

use ains_core::{AgentId, ClientId, Key, KeyId, Mint, Scopes, TaskId};
use ains_store::{keys, owners};
use rand::SeedableRng as _;

use crate::support::{Maker, at};
use crate::trace::{Trace, call};

pub(crate) fn call(trace: &mut Trace<'_>, maker: &mut Maker, task: TaskId) {
    let mut mint = Mint::default();
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    let key = Key {
        id: KeyId::mint(&mut mint, at(1), &mut rng),
        name: "n".into(),
        description: None,
        client: None,
        agent: None,
        scopes: Scopes::ADMIN,
        per_minute: None,
        per_hour: None,
        active: true,
        created_at: at(1),
        updated_at: at(1),
        expires_at: None,
        revoked_at: None,
    };
    call!(trace, keys::insert(&key, "ab"));
    call!(trace, keys::open("ab"));
    call!(trace, keys::find(key.id));
    call!(trace, keys::lock(key.id));
    call!(trace, keys::save(&key));
    call!(trace, keys::rotate(key.id, "cd", at(2)));
    call!(trace, keys::used(&[(key.id, at(2))]));
    call!(trace, keys::any());
    let client: ClientId = "c".parse().unwrap();
    for (form, client, active_only, before) in [
        ("all", None, false, None),
        ("the next page of active ones", None, true, Some(key.id)),
        ("of a client", Some(&client), false, None),
        (
            "the next page of active ones of a client",
            Some(&client),
            true,
            Some(key.id),
        ),
    ] {
        trace.call("keys::list", form, |conn| {
            keys::list(conn, client, active_only, before, 10)
        });
    }
    let agent: AgentId = "a".parse().unwrap();
    let webhook = maker.webhook("c").id;
    call!(trace, owners::of_task(task));
    call!(trace, owners::of_tasks(&[task]));
    call!(trace, owners::held(task, &agent));
    call!(trace, owners::of_chain(maker.chain("c").id));
    call!(trace, owners::of_schedule(maker.schedule("c").id));
    call!(trace, owners::of_calendar(maker.calendar("c").calendar.id));
    call!(trace, owners::of_template(maker.template("c").template.id));
    call!(trace, owners::of_webhook(webhook));
    call!(trace, owners::of_delivery(maker.delivery(webhook, "s").id));
    call!(trace, owners::of_key(key.id));
}
