//! What a change set would do, as CloudFormation says it: read twice, with the properties' values and without them.
//!
//! With values (`IncludePropertyValues`) it may leave whole resources out, and says so only in a status reason that
//! begins with `[WARN]` (<https://github.com/aws/aws-cdk-cli/issues/1780>); and of a change set that failed, the reason
//! may be missing there (<https://github.com/boto/boto3/issues/4178>). Without values nothing is missing, but which part
//! of a property changes, and how. What either read says counts.

pub mod inside;
pub(in crate::cloud) mod merge;
pub(in crate::cloud) mod read;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{DeploymentMode, ResourceChange};
use futures_util::future::try_join;
use merge::merged;

use crate::cloud::cloudformation::change_set::{Change, NewChangeSet, Template, WorkedOut};
use crate::cloud::cloudformation::local_changes;
use crate::cloud::{Cloud, CloudError, explain};

/// A change set that is worked out.
pub(in crate::cloud) struct Ended {
    /// `REVERT_DRIFT`, of a drift-aware one.
    pub(in crate::cloud) mode: Option<DeploymentMode>,
    /// The values of parameters that are read from the parameter store, by their names in the template.
    pub(in crate::cloud) resolved: BTreeMap<String, String>,
    pub(in crate::cloud) how: How,
}

/// What CloudFormation came to.
pub(in crate::cloud) enum How {
    /// It would do this.
    Complete(Said),
    /// There is nothing to do.
    NothingToDo,
    /// It can't be made, for this reason.
    Failed(String),
}

/// The same change set, read twice.
pub(in crate::cloud) struct Said {
    pub(in crate::cloud) plain: Vec<ResourceChange>,
    /// With values; some resources may be missing.
    pub(in crate::cloud) with_values: Vec<ResourceChange>,
    /// What can't be said, and why.
    pub(in crate::cloud) warning: Option<String>,
}

impl Cloud {
    /// None while CloudFormation is still working it out.
    pub(in crate::cloud) async fn worked_out(&self, id: &str) -> Result<Option<WorkedOut>, CloudError> {
        let Some(ended) = self.read_change_set(id).await? else {
            return Ok(None);
        };
        Ok(Some(match ended.how {
            How::NothingToDo => WorkedOut::NothingToDo,
            How::Failed(reason) => WorkedOut::Failed(reason),
            How::Complete(said) => WorkedOut::Changes {
                changes: merged(&said),
                warning: said.warning,
                resolved: ended.resolved,
            },
        }))
    }

    /// The same, in CloudFormation's words. Until it has ended, it is read without values only: status and reason are
    /// the same in both reads, but the one with values doesn't always have them.
    pub(in crate::cloud) async fn read_change_set(&self, id: &str) -> Result<Option<Ended>, CloudError> {
        let first = self.page(id, false, None).await?;
        let reason = first.status_reason().unwrap_or_default();
        let mode = first.deployment_mode().cloned();
        let resolved = first.parameters().iter().filter_map(|parameter| {
            Some((
                parameter.parameter_key()?.to_owned(),
                parameter.resolved_value()?.to_owned(),
            ))
        });
        let resolved = resolved.collect();
        let how = match status(&first) {
            "CREATE_COMPLETE" => {
                let (mut plain, with_values) = try_join(self.pages(id, false, first), async {
                    let first = self.page(id, true, None).await?;
                    match status(&first) {
                        "CREATE_COMPLETE" => {
                            let warning = first.status_reason().filter(|reason| reason.starts_with("[WARN]"));
                            let warning = warning.map(str::to_owned);
                            Ok(Some((self.pages(id, true, first).await?, warning)))
                        }
                        // A read that comes too early.
                        _ => Ok(None),
                    }
                })
                .await?;
                let Some((mut with_values, warning)) = with_values else {
                    return Ok(None);
                };
                if self.local {
                    local_changes::correct(&mut plain);
                    local_changes::correct(&mut with_values);
                }
                How::Complete(Said {
                    plain,
                    with_values,
                    warning: warning.as_deref().map(in_our_words),
                })
            }
            "FAILED" if says_nothing_to_do(reason) => How::NothingToDo,
            "FAILED" | "DELETE_FAILED" | "DELETE_COMPLETE" => How::Failed(reason.to_owned()),
            _ => return Ok(None),
        };
        Ok(Some(Ended { mode, resolved, how }))
    }

    /// What the local emulator doesn't say of what goes or is made anew. CloudFormation does.
    pub(in crate::cloud) async fn tell_disposals(
        &self,
        new: &NewChangeSet<'_>,
        result: &mut WorkedOut,
    ) -> Result<(), CloudError> {
        let (WorkedOut::Changes { changes, .. }, Template::Body(body)) = (result, &new.template) else {
            return Ok(());
        };
        let takes_away = changes.iter().any(Change::takes_away);
        if self.local
            && takes_away
            && let Some(deployed) = self.template(new.stack).await?
        {
            local_changes::tell_disposals(changes, &deployed, body);
        }
        Ok(())
    }

    /// Whether it was executed, or is being executed. A read that comes too early doesn't know it yet, nor may AWS itself
    /// while "An operation on this ChangeSet is currently in progress" (<https://github.com/aws/aws-cdk/issues/26182>).
    pub(in crate::cloud) async fn is_executed(&self, id: &str) -> Result<bool, CloudError> {
        for _ in 0..6 {
            match self.page(id, false, None).await {
                Ok(page) => match page.execution_status().map_or("", |status| status.as_str()) {
                    "AVAILABLE" => {}
                    status => return Ok(status.starts_with("EXECUTE")),
                },
                Err(error) if error.is("ChangeSetNotFound") => return Ok(false),
                Err(error) => return Err(error),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(false)
    }

    async fn page(&self, id: &str, values: bool, token: Option<&str>) -> Result<DescribeChangeSetOutput, CloudError> {
        self.cloudformation
            .describe_change_set()
            .change_set_name(id)
            .set_include_property_values(values.then_some(true))
            .set_next_token(token.map(str::to_owned))
            .send()
            .await
            .map_err(|error| explain("DescribeChangeSet", error))
    }

    /// What this page and those after it say.
    async fn pages(
        &self,
        id: &str,
        values: bool,
        mut page: DescribeChangeSetOutput,
    ) -> Result<Vec<ResourceChange>, CloudError> {
        let mut all = Vec::new();
        loop {
            let changes = page.changes.take().unwrap_or_default();
            all.extend(changes.into_iter().filter_map(|change| change.resource_change));
            let Some(token) = page.next_token() else {
                return Ok(all);
            };
            page = self.page(id, values, Some(token)).await?;
        }
    }
}

fn status(page: &DescribeChangeSetOutput) -> &str {
    page.status().map_or("", |status| status.as_str())
}

/// "No change" is a failed change set with one of these reasons; an empty list of changes isn't, as a change of
/// outputs alone has one.
fn says_nothing_to_do(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

/// `[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet creation failed for
/// resource [Topic] because: …`
fn in_our_words(reason: &str) -> String {
    let reason = reason.trim_start_matches("[WARN]").trim();
    let why = reason.split_once(" because: ").map_or(reason, |(_, why)| why);
    format!("CloudFormation can't show all values that would change: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_told_without_the_name_of_an_option_that_nobody_gave() {
        let said = "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet \
                    creation failed for resource [MyFoo] because: No export named lab";
        let told = "CloudFormation can't show all values that would change: ChangeSet creation failed for resource [MyFoo] \
                    because: No export named lab";
        assert_eq!(in_our_words(said), told);
        assert_eq!(
            in_our_words("something else"),
            "CloudFormation can't show all values that would change: something else"
        );
    }
}
