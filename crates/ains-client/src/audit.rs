//! Calls about the audit log.

use ains_api::{AuditEntry, AuditFilter};

use crate::client::Call;
use crate::{Client, Error};

impl Client {
    /// Reads one page of who did what, and what was refused to whom, newest first: `GET /ains/audit-logs`. The next page
    /// begins at the `id` of the last one.
    ///
    /// # Errors
    ///
    /// If the filter is refused (422, 403), or the call fails.
    pub async fn audit_logs(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Error> {
        self.call_with_query(Call::get("/ains/audit-logs"), filter).await
    }
}
