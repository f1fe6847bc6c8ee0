//! Large documents: kept beside the task, so that a change of its state does not rewrite them.
//!
//! Both databases write a row anew when one column changes. An input or metadata of up to
//! [`INLINE_LIMIT`] bytes stays in the row, which saves a second insert and a second look-up;
//! a larger one goes to `task_documents`, written once, and leaves [`OUTSIDE`] in the row
//! (docs/adr/0002).

use std::collections::BTreeMap;

use ains_core::dependency::Edge;
use ains_core::{Dependency, TaskId};
use diesel::prelude::*;

use super::row::{DocumentsRow, StateRow, TaskRow};
use super::{Save, StoredTask};
use crate::connection::Conn;
use crate::dependencies;
use crate::error::StoreError;
use crate::schema::task_documents::{self, dsl};

/// Largest document, in bytes, that stays in the row of its task.
pub const INLINE_LIMIT: usize = 4096;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = task_documents, treat_none_as_default_value = false)]
struct LargeRow {
    task_id: String,
    input_data: Option<String>,
    metadata: Option<String>,
}

/// What stands in the row of a task for a document that stands outside. No JSON text is empty.
const OUTSIDE: &str = "";

/// Moves a large document out of its row.
fn large(text: &mut Option<String>) -> Option<String> {
    let large = text.take_if(|text| text.len() > INLINE_LIMIT)?;
    *text = Some(OUTSIDE.to_owned());
    Some(large)
}

/// What stands in the row for `document`.
pub(super) fn inline(document: &str) -> &str {
    if document.len() > INLINE_LIMIT {
        OUTSIDE
    } else {
        document
    }
}

/// Inserts the rows of `tasks` through `insert`, then their large documents.
pub(super) fn insert_after(
    conn: &mut Conn,
    tasks: &[StoredTask],
    insert: impl FnOnce(&mut Conn, &[TaskRow]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut outside = Vec::new();
    let rows: Vec<TaskRow> = tasks
        .iter()
        .map(|stored| {
            let state = StateRow::new(&stored.task, stored.claim_id.as_deref());
            let mut documents = DocumentsRow::new(&stored.documents);
            let (input_data, metadata) = (large(&mut documents.input_data), large(&mut documents.metadata));
            if input_data.is_some() || metadata.is_some() {
                outside.push(LargeRow {
                    task_id: state.id.clone(),
                    input_data,
                    metadata,
                });
            }
            TaskRow { state, documents }
        })
        .collect();
    insert(conn, &rows)?;
    for row in &outside {
        per_backend!(conn, |c| {
            diesel::insert_into(task_documents::table)
                .values(row)
                .on_conflict_do_nothing()
                .execute(c)?
        });
    }
    Ok(())
}

/// Stores new metadata that is too large for the rows of its tasks.
pub(super) fn save_metadata(conn: &mut Conn, changes: &[Save<'_>]) -> Result<(), StoreError> {
    for change in changes {
        let Some(metadata) = change
            .documents
            .metadata
            .as_deref()
            .filter(|text| text.len() > INLINE_LIMIT)
        else {
            continue;
        };
        let row = LargeRow {
            task_id: change.task.id.to_string(),
            input_data: None,
            metadata: Some(metadata.to_owned()),
        };
        per_backend!(conn, |c| {
            diesel::insert_into(task_documents::table)
                .values(&row)
                .on_conflict(dsl::task_id)
                .do_update()
                .set(dsl::metadata.eq(&row.metadata))
                .execute(c)?
        });
    }
    Ok(())
}

/// Turns rows into tasks, with what stands outside of them: large documents, and dependencies.
pub(super) fn complete(conn: &mut Conn, rows: Vec<TaskRow>) -> Result<Vec<StoredTask>, StoreError> {
    let mut tasks = with_documents(conn, rows)?;
    add_dependencies(conn, &mut tasks)?;
    Ok(tasks)
}

/// Turns rows into tasks, with large documents, but without dependencies.
pub(super) fn with_documents(conn: &mut Conn, rows: Vec<TaskRow>) -> Result<Vec<StoredTask>, StoreError> {
    let mut tasks = rows
        .into_iter()
        .map(TaskRow::into_stored)
        .collect::<Result<Vec<_>, _>>()?;
    let stands_outside = |document: &Option<Box<str>>| document.as_deref() == Some(OUTSIDE);
    let outside: Vec<String> = tasks
        .iter()
        .filter(|stored| {
            stands_outside(&stored.documents.input) || stands_outside(&stored.documents.metadata)
        })
        .map(|stored| stored.task.id.to_string())
        .collect();
    if outside.is_empty() {
        return Ok(tasks);
    }
    let rows: Vec<LargeRow> = load_in!(
        conn,
        dsl::task_documents,
        dsl::task_id,
        &outside,
        LargeRow::as_select()
    );
    let mut rows: BTreeMap<String, LargeRow> =
        rows.into_iter().map(|row| (row.task_id.clone(), row)).collect();
    for stored in &mut tasks {
        let Some(row) = rows.remove(&stored.task.id.to_string()) else {
            continue;
        };
        if stands_outside(&stored.documents.input) {
            stored.documents.input = row.input_data.map(Into::into);
        }
        if stands_outside(&stored.documents.metadata) {
            stored.documents.metadata = row.metadata.map(Into::into);
        }
    }
    Ok(tasks)
}

/// Adds what tasks wait or waited for to those that have not got it.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn add_dependencies(conn: &mut Conn, tasks: &mut [StoredTask]) -> Result<(), StoreError> {
    let with: Vec<TaskId> = tasks
        .iter()
        .filter(|stored| stored.task.dependencies > 0 && stored.depends_on.is_empty())
        .map(|stored| stored.task.id)
        .collect();
    if with.is_empty() {
        return Ok(());
    }
    let mut found: BTreeMap<TaskId, Vec<Dependency>> = BTreeMap::new();
    for stored in dependencies::of_tasks(conn, &with)? {
        let Edge { on, task, when } = stored.edge;
        found.entry(task).or_default().push(Dependency { on, when });
    }
    for stored in tasks {
        stored
            .depends_on
            .extend(found.remove(&stored.task.id).unwrap_or_default());
    }
    Ok(())
}
