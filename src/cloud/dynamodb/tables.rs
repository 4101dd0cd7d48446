//! Tables: whether they are there, and whose they are.

use aws_sdk_dynamodb::types::TableDescription;

use crate::cloud::{Cloud, CloudError, explain, unless};

/// What DynamoDB answers about a table that isn't there
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html>).
pub(super) const NO_SUCH_TABLE: [&str; 1] = ["ResourceNotFoundException"];

impl Cloud {
    /// The status of this account's table of this name, such as `ACTIVE` or `DELETING`; `None` when there's no such table.
    pub async fn table_status(&self, name: &str) -> Result<Option<String>, CloudError> {
        let found = self.table(name).await?;
        let status = found.map(|table| table.table_status);
        Ok(status.map(|status| status.map(|status| status.as_str().to_owned()).unwrap_or_default()))
    }

    /// A tag of a table; none when it hasn't that tag, or isn't there.
    pub async fn table_tag(&self, name: &str, key: &str) -> Result<Option<String>, CloudError> {
        let Some(arn) = self.table(name).await?.and_then(|table| table.table_arn) else {
            return Ok(None);
        };
        // The answer is in pages by NextToken, for which the SDK has no paginator.
        let mut next = None;
        loop {
            let asked = self.dynamodb.list_tags_of_resource().resource_arn(&arn);
            let asked = asked.set_next_token(next).send().await;
            let found = unless(
                &NO_SUCH_TABLE,
                asked.map_err(|error| explain("ListTagsOfResource", error)),
            )?;
            let Some(found) = found else { return Ok(None) };
            let mut tags = found.tags.into_iter().flatten();
            if let Some(tag) = tags.find(|tag| tag.key == key) {
                return Ok(Some(tag.value));
            }
            match found.next_token {
                None => return Ok(None),
                token => next = token,
            }
        }
    }

    async fn table(&self, name: &str) -> Result<Option<TableDescription>, CloudError> {
        let asked = self.dynamodb.describe_table().table_name(name).send().await;
        let found = unless(&NO_SUCH_TABLE, asked.map_err(|error| explain("DescribeTable", error)))?;
        Ok(found.and_then(|found| found.table))
    }
}
