//! Templates.

use ains_core::TemplateId;
use ains_store::{chains, templates};

use crate::support::{Maker, a_definition};
use crate::trace::{Trace, call};

/// Returns the id of a stored template.
pub(crate) fn call(trace: &mut Trace<'_>, maker: &mut Maker) -> TemplateId {
    let stored = maker.template("c");
    let id = stored.template.id;
    call!(trace, templates::insert(&stored));
    call!(trace, templates::lock(id));
    call!(trace, templates::save(&stored));
    let ids = [id, maker.template("c").template.id];
    call!(trace, templates::find(&ids.into()));
    call!(trace, templates::keep(&ids.into()));
    call!(trace, templates::count_uses(&ids.map(|id| (id, 1)).into()));
    let client = stored.template.client;
    for (form, client, before) in [
        ("all", None, None),
        ("the next page", None, Some(id)),
        ("of a client", Some(&client), None),
        ("the next page of a client", Some(&client), Some(id)),
    ] {
        trace.call("templates::list", form, |conn| {
            templates::list(conn, client, before, 10)
        });
    }
    id
}

/// Removes the template.
pub(crate) fn remove(trace: &mut Trace<'_>, maker: &mut Maker, id: TemplateId) {
    let chain = maker.chain("c");
    let definition = a_definition();
    call!(
        trace,
        "that names a template",
        chains::insert(&[(&chain, &definition, "{}")])
    );
    call!(trace, templates::refer(&[(chain.id, [id].into())]));
    call!(trace, templates::forget(&[chain.id]));
    call!(trace, templates::lock_to_remove(id));
    call!(trace, templates::references(id, 5));
    call!(trace, templates::remove(id));
}
