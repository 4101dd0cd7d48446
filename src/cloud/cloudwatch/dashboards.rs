//! Dashboards.

use crate::cloud::{Cloud, CloudError, explain, unless};

impl Cloud {
    /// What a dashboard shows, as JSON; none when it isn't there.
    pub async fn dashboard_body(&self, name: &str) -> Result<Option<String>, CloudError> {
        let asked = self.cloudwatch.get_dashboard().dashboard_name(name).send().await;
        let found = unless(
            &["ResourceNotFound", "DashboardNotFoundError"],
            asked.map_err(|error| explain("GetDashboard", error)),
        )?;
        Ok(found.map(|found| found.dashboard_body.unwrap_or_default()))
    }
}
