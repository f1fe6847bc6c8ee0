//! Templates in a batch: what schedules and chains make from them, and how often they were used.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::chain::StepTask;
use ains_core::task::TaskSpec;
use ains_core::{ClientId, TemplateId};
use ains_store::{StoreError, templates};

use super::Batch;
use crate::templates::{TemplateInUse, in_short};

/// The templates that a batch has looked up, as they are; `None` for those that do not exist.
pub(super) type Known = BTreeMap<TemplateId, Option<TemplateInUse>>;

impl Batch<'_> {
    /// Reads templates that have not been read yet.
    pub(super) fn read_templates(
        &mut self,
        ids: impl IntoIterator<Item = TemplateId>,
    ) -> Result<(), StoreError> {
        let missing = ids.into_iter().filter(|id| !self.templates.contains_key(id));
        let missing: BTreeSet<TemplateId> = missing.collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut found = templates::find(self.tx.conn, &missing)?;
        for id in missing {
            let stored = found.remove(&id);
            let template = stored.map(|stored| TemplateInUse::new(stored, self.schemas));
            self.templates.insert(id, template);
        }
        Ok(())
    }

    /// What `client` submits who asks for `own` with `input`, and that input; why there is nothing to submit.
    pub(super) fn asked(
        &mut self,
        own: &StepTask,
        client: ClientId,
        input: Box<str>,
    ) -> Result<Result<(TaskSpec, Box<str>), String>, StoreError> {
        let Some(id) = own.template else {
            let spec = own.spec(client);
            let made = spec.map(|spec| (spec, input));
            return Ok(made.ok_or_else(|| "it says neither what is to be done nor who can do it".to_owned()));
        };
        self.read_templates([id])?;
        let Some(Some(template)) = self.templates.get(&id) else {
            return Ok(Err(format!("template {id} does not exist any more")));
        };
        let made = template.make(own, client, &input);
        Ok(made.map_err(|faults| {
            format!(
                "the input is not as template {id} wants it: {}",
                in_short(&faults)
            )
        }))
    }

    /// How long the inputs are that templates of these ids add, as far as they have been read.
    pub(super) fn default_inputs(&self, ids: &BTreeSet<TemplateId>) -> usize {
        let known = ids.iter().filter_map(|id| self.templates.get(id)?.as_ref());
        known.map(TemplateInUse::default_input).sum()
    }

    /// Counts the tasks of this batch that were made from templates. Rows of templates are the last that a batch locks:
    /// many batches may want the same.
    pub(super) fn count_uses(&mut self) -> Result<(), StoreError> {
        let mut uses = BTreeMap::new();
        let made = self.new_tasks.iter();
        for template in made.filter_map(|stored| stored.task.template) {
            *uses.entry(template).or_insert(0) += 1;
        }
        templates::count_uses(self.tx.conn, &uses)
    }
}
