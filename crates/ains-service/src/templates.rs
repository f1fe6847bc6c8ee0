//! Templates: creating, reading, changing, removing, and making tasks from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ains_core::chain::StepTask;
use ains_core::schedule::{Fires, ScheduleDefinition};
use ains_core::task::TaskSpec;
use ains_core::template::MAX_INPUT;
use ains_core::{ClientId, Template, TemplateId};
use ains_store::templates::{self, StoredTemplate, TemplateSummary};
use ains_store::{Conn, StoreError, audit, idempotency};

use crate::ains::Ains;
use crate::audit::Note;
use crate::batch::once::{WINDOW, earlier_answer, keep_answer};
use crate::entropy::mint;
use crate::error::Error;
use crate::model::{Actor, Answer, NewTemplate, Once, TemplateChange, TemplateFilter};
use crate::schema::{Fault, InputSchema, Schemas};

/// What refers to a template that is named when it is not removed, of each kind.
const NAMED: i64 = 5;

/// A template as it is now, ready to make tasks.
#[derive(Debug, Clone)]
pub struct TemplateInUse {
    template: Template,
    /// What is wrong with its schema, if that cannot be read.
    schema: Result<Option<Arc<InputSchema>>, Vec<Fault>>,
}

impl TemplateInUse {
    pub(crate) fn new(stored: StoredTemplate, schemas: &Schemas) -> Self {
        let StoredTemplate {
            template, revision, ..
        } = stored;
        let schema = template.input_schema.as_deref();
        let schema = schema.map(|text| schemas.of(template.id, revision, text));
        Self {
            schema: schema.transpose(),
            template,
        }
    }

    /// Whose it is.
    pub fn client(&self) -> &ClientId {
        &self.template.client
    }

    /// How long the input is that it adds, in bytes.
    pub(crate) fn default_input(&self) -> usize {
        self.template.defaults.input.len()
    }

    /// What `client` submits who asks for `own` with `input`, the text of a JSON object: what is asked for, and the
    /// input.
    ///
    /// # Errors
    /// What is wrong with the merged input, and where in it.
    pub fn make(
        &self,
        own: &StepTask,
        client: ClientId,
        input: &str,
    ) -> Result<(TaskSpec, Box<str>), Vec<Fault>> {
        let (spec, input) = self.template.merge(own, client, input);
        if input.len() > MAX_INPUT {
            return Err(vec![Fault {
                pointer: String::new(),
                message: format!(
                    "is larger than the limit of {MAX_INPUT} bytes, with what the template adds"
                ),
            }]);
        }
        let faults = match &self.schema {
            Ok(Some(schema)) => schema.check(&input),
            Ok(None) => Vec::new(),
            // It was right when it was stored; what is right may have changed since.
            Err(faults) => vec![Fault {
                pointer: String::new(),
                message: format!("cannot be checked by the template's schema: {}", in_short(faults)),
            }],
        };
        if faults.is_empty() {
            Ok((spec, input))
        } else {
            Err(faults)
        }
    }
}

/// The first faults in one line, of those of an input.
pub(crate) fn in_short(faults: &[Fault]) -> String {
    const SHOWN: usize = 3;
    let shown = faults.iter().take(SHOWN);
    let mut shown: Vec<String> = shown
        .map(|fault| format!("/input_data{}: {}", fault.pointer, fault.message))
        .collect();
    if faults.len() > SHOWN {
        shown.push("and more".to_owned());
    }
    shown.join("; ")
}

impl Ains {
    /// Creates a template; its schema must be one that [`InputSchema::read`] takes.
    ///
    /// # Errors
    /// When the idempotency key is not good, or the store fails.
    pub async fn create_template(
        &self,
        new: NewTemplate,
        once: Option<Once<StoredTemplate>>,
    ) -> Result<Answer<StoredTemplate>, Error> {
        let id = mint!(self.entropy(), TemplateId, self.now());
        self.write(move |tx| {
            if let Some(once) = &once
                && let Some(earlier) = earlier_answer(tx.conn, once, tx.now)?
            {
                return Ok(earlier.map(Answer::Replayed));
            }
            let stored = StoredTemplate {
                template: Template {
                    id,
                    client: new.client.clone(),
                    name: new.name.clone(),
                    description: new.description.clone(),
                    defaults: new.defaults.clone(),
                    input_schema: new.input_schema.clone(),
                    created_at: tx.now,
                    updated_at: tx.now,
                },
                revision: 0,
                times_used: 0,
            };
            templates::insert(tx.conn, &stored)?;
            if let Some(once) = &once {
                keep_answer(tx.conn, once, (once.render)(&stored), tx.now)?;
            }
            Ok(Ok(Answer::Fresh(stored)))
        })
        .await
    }

    /// A template.
    ///
    /// # Errors
    /// When there is no such template, or the store fails.
    pub async fn template(&self, id: TemplateId) -> Result<StoredTemplate, Error> {
        let found = self.read(move |conn| Ok(templates::find(conn, &BTreeSet::from([id]))?.remove(&id)));
        found.await?.ok_or_else(|| no_template(id))
    }

    /// Templates that `filter` lets through, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn templates(&self, filter: TemplateFilter) -> Result<Vec<TemplateSummary>, Error> {
        self.read(move |conn| templates::list(conn, filter.client.as_ref(), filter.before, filter.limit))
            .await
    }

    /// Changes a template; with `owner`, only if it is that client's. What was made from it stays as it is.
    ///
    /// # Errors
    /// When there is no such template, it was changed meanwhile, it is another's, or the store fails.
    pub async fn change_template(
        &self,
        id: TemplateId,
        change: TemplateChange,
        owner: Option<ClientId>,
    ) -> Result<StoredTemplate, Error> {
        let now = self.now();
        self.write_alone(move |conn| {
            let Some(mut stored) = templates::lock(conn, id)? else {
                return Ok(Err(no_template(id)));
            };
            if owner
                .as_ref()
                .is_some_and(|owner| *owner != stored.template.client)
            {
                return Ok(Err(Error::NotOwner));
            }
            if change.revision != stored.revision {
                return Ok(Err(Error::Stale {
                    entity: "Template",
                    id: id.to_string(),
                }));
            }
            stored.revision += 1;
            let template = &mut stored.template;
            template.name = change.name.clone();
            template.description.clone_from(&change.description);
            template.defaults = change.defaults.clone();
            template.input_schema.clone_from(&change.input_schema);
            template.updated_at = now.max(template.updated_at);
            templates::save(conn, &stored)?;
            Ok(Ok(stored))
        })
        .await
    }

    /// Removes a template that no schedule and no chain refers to, unless these have ended; with `owner`, only if it is
    /// that client's. What was made from it stays as it is.
    ///
    /// # Errors
    /// When there is no such template, something refers to it, it is another's, or the store fails.
    pub async fn delete_template(
        &self,
        by: &Actor,
        id: TemplateId,
        owner: Option<ClientId>,
    ) -> Result<(), Error> {
        let noted = self.noted(by, Note::deleted("template", id));
        self.write_alone(move |conn| {
            let Some(client) = templates::lock_to_remove(conn, id)? else {
                return Ok(Err(no_template(id)));
            };
            if owner.as_ref().is_some_and(|owner| *owner != client) {
                return Ok(Err(Error::NotOwner));
            }
            let references = templates::references(conn, id, NAMED)?;
            if !references.is_empty() {
                return Ok(Err(Error::TemplateInUse(references)));
            }
            templates::remove(conn, id)?;
            audit::insert(conn, &noted)?;
            Ok(Ok(()))
        })
        .await
    }

    /// Templates as they are now, to make tasks from; with `owner`, only that client's. Those that do not exist are left
    /// out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn templates_to_use(
        &self,
        ids: BTreeSet<TemplateId>,
        owner: Option<ClientId>,
    ) -> Result<BTreeMap<TemplateId, TemplateInUse>, Error> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let machine = Arc::clone(&self.inner.machine);
        self.read(move |conn| {
            let found = templates::find(conn, &ids)?.into_iter().filter(|(_, stored)| {
                owner
                    .as_ref()
                    .is_none_or(|owner| *owner == stored.template.client)
            });
            let usable = found.map(|(id, stored)| (id, TemplateInUse::new(stored, &machine.schemas)));
            Ok(usable.collect())
        })
        .await
    }

    /// The answer to an earlier request with this key. What is looked up for a request should be looked up after this,
    /// so that its repetition is answered whatever has become of that.
    ///
    /// # Errors
    /// When the key is not good, or the store fails.
    pub async fn earlier<T: ?Sized>(&self, once: Option<&Once<T>>) -> Result<Option<String>, Error> {
        let Some(once) = once else { return Ok(None) };
        let (scope, key) = (once.scope.clone(), once.key.clone());
        let since = self.now() - WINDOW;
        let earlier = self.read(move |conn| idempotency::find(conn, &scope, &key, since));
        match earlier.await? {
            Some(earlier) if earlier.fingerprint == once.fingerprint => Ok(Some(earlier.answer)),
            Some(_) => Err(Error::KeyReused),
            None => Ok(None),
        }
    }

    /// Checks what a schedule would make from a template as that is now.
    pub(crate) async fn check_made(
        &self,
        client: &ClientId,
        definition: &ScheduleDefinition,
    ) -> Result<(), Error> {
        let Fires::Task { task, input, .. } = &definition.fires else {
            return Ok(());
        };
        let Some(id) = task.template else { return Ok(()) };
        let ids = BTreeSet::from([id]);
        let found = self.templates_to_use(ids, Some(client.clone())).await?;
        let template = found.get(&id).ok_or(Error::UnknownTemplate(id))?;
        match template.make(task, client.clone(), input) {
            Ok(_) => Ok(()),
            Err(faults) => Err(Error::BadInput(faults)),
        }
    }
}

/// Whether the templates exist that a schedule or a chain of `client` begins to refer to, and are that client's; nobody
/// removes them until the transaction ends.
pub(crate) fn kept(
    conn: &mut Conn,
    ids: &BTreeSet<TemplateId>,
    client: &ClientId,
) -> Result<Result<(), Error>, StoreError> {
    if ids.is_empty() {
        return Ok(Ok(()));
    }
    let kept = templates::keep(conn, ids)?;
    let unknown = ids.iter().find(|id| kept.get(id) != Some(client));
    Ok(unknown.map_or(Ok(()), |id| Err(Error::UnknownTemplate(*id))))
}

fn no_template(id: TemplateId) -> Error {
    Error::NotFound {
        entity: "Template",
        id: id.to_string(),
    }
}
