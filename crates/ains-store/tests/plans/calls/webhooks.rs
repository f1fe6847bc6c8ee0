//! Webhooks and their deliveries.

use ains_store::deliveries::{self, End, Finished};
use ains_store::webhooks;

use crate::support::{Maker, at};
use crate::trace::{Trace, call};

pub(crate) fn call(trace: &mut Trace<'_>, maker: &mut Maker) {
    let hook = maker.webhook("c");
    call!(trace, webhooks::lock_changes());
    call!(trace, webhooks::count_active(&hook.owner, 101));
    call!(trace, webhooks::insert(&hook));
    call!(trace, webhooks::lock(hook.id));
    let mut rotated = hook.clone();
    rotated.rotate("new".parse().unwrap(), at(101));
    call!(trace, webhooks::save(&hook, &rotated));
    call!(trace, webhooks::find(hook.id));
    call!(trace, webhooks::version());
    call!(trace, webhooks::all_active(10_000));
    call!(trace, "all", webhooks::list(None, false, None, 10));
    call!(trace, "active", webhooks::list(None, true, None, 10));
    call!(trace, "the first page", webhooks::lock_secrets(None, 200));
    call!(trace, "the next page", webhooks::lock_secrets(Some(hook.id), 200));
    call!(
        trace,
        webhooks::save_secrets(hook.id, &hook.secret, Some(&hook.secret))
    );
    let owner = Some(&hook.owner);
    call!(trace, "of an owner", webhooks::list(owner, false, None, 10));
    call!(trace, "active of an owner", webhooks::list(owner, true, None, 10));
    let next = Some(hook.id);
    call!(trace, "the next page", webhooks::list(owner, true, next, 10));

    let new = [maker.delivery(hook.id, "a"), maker.delivery(hook.id, "a")];
    call!(trace, deliveries::insert(&new));
    call!(trace, deliveries::waiting(None, 1000));
    let claim = call!(trace, deliveries::claim(hook.id, at(100), at(160), 16));
    let finished = Finished {
        taken: claim.taken[0].clone(),
        end: End::Delivered { code: 200 },
        at: at(101),
    };
    call!(trace, deliveries::finish(&[finished]));
    call!(trace, deliveries::find(new[0].id));
    call!(trace, deliveries::list(hook.id, None, 10));
    call!(
        trace,
        "the next page",
        deliveries::list(hook.id, Some(new[1].id), 10)
    );
    call!(trace, deliveries::redeliver(new[0].id, at(102)));
    call!(trace, deliveries::cancel(hook.id, at(103), 500));
    call!(trace, deliveries::delete_before(at(1000), 500));
}
