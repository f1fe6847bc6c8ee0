//! Calls about templates: what tasks of a kind have in common, kept once.

use ains_api::{
    PatchTemplate, SubmitTask, SubmitTemplate, TaskFromTemplate, TaskTemplate, TemplateAnswer,
    TemplateCreated, TemplateFilter, TemplateSummary,
};
use reqwest::Method;

use crate::client::{Call, segment};
use crate::{Client, Error};

/// The path of a template.
fn path(template_id: &str) -> String {
    format!("/ains/task-templates/{}", segment(template_id))
}

impl Client {
    /// Creates a template: `POST /ains/task-templates`.
    ///
    /// ```no_run
    /// use ains_client::Client;
    /// use ains_client::api::{SubmitTask, SubmitTemplate};
    /// use serde_json::json;
    ///
    /// # async fn example(client: Client) -> Result<(), ains_client::Error> {
    /// let report = SubmitTemplate {
    ///     name: "a report".into(),
    ///     client_id: Some("me".into()),
    ///     task_type: "report".into(),
    ///     capability_required: "report:v1".into(),
    ///     default_input_data: json!({"rows": 100, "format": "pdf"}).into(),
    ///     input_schema: Some(json!({"properties": {"rows": {"type": "integer", "minimum": 1}}}).into()),
    ///     ..SubmitTemplate::default()
    /// };
    /// let report = client.create_template(&report).await?;
    /// let task = SubmitTask {
    ///     template_id: Some(report.template_id),
    ///     input_data: Some(json!({"rows": 5}).into()),
    ///     ..SubmitTask::default()
    /// };
    /// let made = client.submit_from_template(&task).await?;
    /// println!("{} is {}", made.task_id, made.status);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If anything in it is refused (422, with every fault), or the call fails.
    pub async fn create_template(&self, template: &SubmitTemplate) -> Result<TemplateCreated, Error> {
        let call = Call::once(Method::POST, "/ains/task-templates").keyed(self.idempotency_key());
        self.call_with(call, template).await
    }

    /// Reads a template: `GET /ains/task-templates/{id}`.
    ///
    /// # Errors
    ///
    /// If there is no such template (404), or the call fails.
    pub async fn template(&self, template_id: &str) -> Result<TaskTemplate, Error> {
        self.call(Call::get(path(template_id))).await
    }

    /// Reads one page of templates, newest first: `GET /ains/task-templates`. The next one begins at the last id of this one.
    ///
    /// # Errors
    ///
    /// If a filter is refused (422), or the call fails.
    pub async fn templates(&self, filter: &TemplateFilter) -> Result<Vec<TemplateSummary>, Error> {
        self.call_with_query(Call::get("/ains/task-templates"), filter)
            .await
    }

    /// Changes a template: `PATCH /ains/task-templates/{id}`. A field is left as it is (`None`), put back to its default
    /// (`Some(None)`), or set. What was made from it stays as it is.
    ///
    /// # Errors
    ///
    /// If the change is refused (422), there is no such template (404), or the call fails.
    pub async fn patch_template(
        &self,
        template_id: &str,
        patch: &PatchTemplate,
    ) -> Result<TemplateAnswer, Error> {
        self.call_with(Call::repeatable(Method::PATCH, path(template_id)), patch)
            .await
    }

    /// Removes a template: `DELETE /ains/task-templates/{id}`. What was made from it stays as it is.
    ///
    /// # Errors
    ///
    /// If a schedule or a chain that has not ended refers to it (409, naming them), there is no such template (404), or the
    /// call fails.
    pub async fn delete_template(&self, template_id: &str) -> Result<TemplateAnswer, Error> {
        self.call(Call::once(Method::DELETE, path(template_id))).await
    }

    /// Submits a task that is as its template says, but for what it says itself: `POST /ains/tasks/from-template`.
    ///
    /// # Errors
    ///
    /// If the merged task is refused (422, with every fault), there is no such template, or no such dependency (404), or the
    /// call fails.
    pub async fn submit_from_template(&self, task: &SubmitTask) -> Result<TaskFromTemplate, Error> {
        let call = Call::once(Method::POST, "/ains/tasks/from-template").keyed(self.idempotency_key());
        self.call_with(call, task).await
    }
}
