//! What goes into the use cases of templates, and what comes out.

use ains_core::template::Defaults;
use ains_core::{ClientId, Name, TemplateId};
pub use ains_store::templates::{References, StoredTemplate, TemplateSummary};

pub use crate::templates::TemplateInUse;

/// A template to create; its schema has been read.
#[derive(Debug, Clone)]
pub struct NewTemplate {
    /// Whose it is.
    pub client: ClientId,
    /// What it is called.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// What a task made from it is, as far as nobody says otherwise.
    pub defaults: Defaults,
    /// What its inputs must satisfy: the text of a JSON Schema.
    pub input_schema: Option<Box<str>>,
}

/// What a template becomes by a change. It is made from what the template was at a revision.
#[derive(Debug, Clone)]
pub struct TemplateChange {
    /// The revision that it was made from.
    pub revision: i64,
    /// The name from now on.
    pub name: Name,
    /// The description from now on.
    pub description: Option<String>,
    /// The defaults from now on.
    pub defaults: Defaults,
    /// The schema from now on; it has been read.
    pub input_schema: Option<Box<str>>,
}

/// Which templates a list shows.
#[derive(Debug, Clone, Default)]
pub struct TemplateFilter {
    /// Only of this client.
    pub client: Option<ClientId>,
    /// Only ids below this one: the cursor.
    pub before: Option<TemplateId>,
    /// At most this many.
    pub limit: i64,
}
