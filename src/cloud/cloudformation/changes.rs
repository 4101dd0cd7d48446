//! What a change set would do, as CloudFormation says it: read twice, with the properties' values and without them.
//!
//! With values (`IncludePropertyValues`) it may leave whole resources out, and says so only in a status reason that
//! begins with `[WARN]` (<https://github.com/aws/aws-cdk-cli/issues/1780>); and of a change set that failed, the reason
//! may be missing there (<https://github.com/boto/boto3/issues/4178>). Without values nothing is missing, but which part
//! of a property changes, and how. What either read says counts.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{DeploymentMode, ResourceChange, ResourceTargetDefinition};
use futures_util::future::try_join;

use crate::blueprint::resource_schema::{self, Recreation};
use crate::cloud::cloudformation::change_set::{Action, Change, PropertyChange, Replacement, WorkedOut};
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

fn merged(said: &Said) -> Vec<Change> {
    let mut changes: Vec<Change> = said.with_values.iter().map(read_change).collect();
    for change in said.plain.iter().map(read_change) {
        match changes.iter_mut().find(|known| is_same(known, &change)) {
            Some(known) => strengthen(known, change),
            None => changes.push(change),
        }
    }
    changes.iter_mut().for_each(judge);
    changes
}

pub(in crate::cloud) fn is_same(one: &Change, other: &Change) -> bool {
    one.logical_id == other.logical_id && one.action == other.action
}

/// The same change, read without values: what is worse in it counts. Its paths end at the property.
pub(in crate::cloud) fn strengthen(known: &mut Change, plain: Change) {
    known.replacement = known.replacement.max(plain.replacement);
    for property in plain.properties {
        let is_in = |path: &str| {
            path.strip_prefix(&property.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut shown = known
            .properties
            .iter_mut()
            .filter(|shown| is_in(&shown.path))
            .peekable();
        if shown.peek().is_none() {
            known.properties.push(property);
            continue;
        }
        for shown in shown {
            shown.replacement = shown.replacement.max(property.replacement);
        }
    }
}

/// Resources whose data would be lost: whatever may replace one is named.
const DATA: [&str; 3] = ["AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue"];
const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";

/// What AWS calls `Conditional` replaces only where its resource schema has a property for that, and the property's
/// condition can be met. That of a group is an `AutoScalingReplacingUpdate`; ours have an `AutoScalingRollingUpdate`
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html>). Where no
/// property says why, or one that always replaces may change, CloudFormation's word stays.
fn judge(change: &mut Change) {
    let schema = resource_schema::of(&change.resource_type).filter(|_| !DATA.contains(&&*change.resource_type));
    let Some(schema) = schema.filter(|_| change.replacement == Replacement::Maybe && !change.properties.is_empty())
    else {
        return;
    };
    for property in &mut change.properties {
        let never = match property.path.strip_prefix("/Properties/") {
            Some(path) => match schema.recreation(path) {
                Recreation::Never => true,
                Recreation::Conditionally => change.resource_type == GROUP,
                Recreation::Always => false,
            },
            None => false,
        };
        if never && property.replacement == Replacement::Maybe {
            property.replacement = Replacement::No;
        }
    }
    if change
        .properties
        .iter()
        .all(|property| property.replacement == Replacement::No)
    {
        change.replacement = Replacement::No;
    }
}

pub(in crate::cloud) fn read_change(change: &ResourceChange) -> Change {
    let action = match change.action().map_or("", |action| action.as_str()) {
        "Add" => Action::Add,
        "Modify" => Action::Modify,
        "Remove" => Action::Remove,
        "Import" => Action::Import,
        "Dynamic" => Action::Dynamic,
        other => Action::Unknown(other.to_owned()),
    };
    // Of an import CloudFormation says `True` (https://github.com/aws/aws-cdk-cli/pull/447), and with values of an addition,
    // too (localstack/localstack tests/aws/services/cloudformation/test_change_set_ref.snapshot.json,
    // test_resource_addition), though nothing is made anew.
    let replacement = match change.replacement().map_or("", |replacement| replacement.as_str()) {
        _ if matches!(action, Action::Import | Action::Add) => Replacement::No,
        "True" => Replacement::Yes,
        "Conditional" => Replacement::Maybe,
        _ => Replacement::No,
    };
    Change {
        action,
        logical_id: change.logical_resource_id().unwrap_or_default().to_owned(),
        resource_type: change.resource_type().unwrap_or_default().to_owned(),
        physical_id: change
            .physical_resource_id()
            .filter(|id| !id.is_empty())
            .map(str::to_owned),
        replacement,
        properties: properties(change),
    }
}

/// Where in the resource a change is; `None` when all that is said is the attribute.
pub(in crate::cloud) fn path_of(target: &ResourceTargetDefinition) -> Option<String> {
    let path = target.path().filter(|path| !path.is_empty()).map(str::to_owned);
    path.or_else(|| {
        let name = target.name().filter(|name| !name.is_empty())?;
        Some(format!("/{}/{name}", attribute(target)))
    })
}

/// `Properties`, `Metadata`, …
fn attribute(target: &ResourceTargetDefinition) -> &str {
    target.attribute().map_or("", |attribute| attribute.as_str())
}

/// A property appears once for each reason it changes (static and dynamic): shown once.
fn properties(change: &ResourceChange) -> Vec<PropertyChange> {
    let mut all: Vec<PropertyChange> = Vec::new();
    for detail in change.details() {
        let Some(target) = detail.target() else { continue };
        let path = path_of(target).unwrap_or_else(|| format!("/{}", attribute(target)));
        let replacement = match target.requires_recreation().map_or("", |word| word.as_str()) {
            "Always" => Replacement::Yes,
            "Conditionally" => Replacement::Maybe,
            _ => Replacement::No,
        };
        match all.iter_mut().find(|known| known.path == path) {
            Some(known) => {
                known.replacement = known.replacement.max(replacement);
                known.before = known.before.take().or_else(|| target.before_value().map(str::to_owned));
                known.after = known.after.take().or_else(|| target.after_value().map(str::to_owned));
            }
            None => all.push(PropertyChange {
                path,
                before: target.before_value().map(str::to_owned),
                after: target.after_value().map(str::to_owned),
                replacement,
            }),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{ChangeAction, Replacement as SdkReplacement};

    use super::*;

    fn change(replacement: Replacement, properties: &[(&str, Replacement)]) -> Change {
        Change {
            action: Action::Modify,
            logical_id: "Queue".into(),
            resource_type: "AWS::SQS::Queue".into(),
            physical_id: None,
            replacement,
            properties: properties
                .iter()
                .map(|(path, replacement)| PropertyChange {
                    path: (*path).into(),
                    before: None,
                    after: None,
                    replacement: *replacement,
                })
                .collect(),
        }
    }

    #[test]
    fn the_stronger_replacement_counts_and_a_property_is_told_once() {
        use Replacement::{Maybe, No, Yes};
        let mut known = change(No, &[("/Properties/Tags/0/Value", No), ("/Properties/QueueName", Yes)]);
        let plain = change(
            Maybe,
            &[
                ("/Properties/Tags", Maybe),
                ("/Properties/Queue", No),
                ("/Properties/QueueName", No),
            ],
        );
        strengthen(&mut known, plain);
        let expected = [
            ("/Properties/Tags/0/Value", Maybe),
            ("/Properties/QueueName", Yes),
            ("/Properties/Queue", No),
        ];
        assert_eq!(known, change(Maybe, &expected));
    }

    /// What is left of a `Conditional`: of the resource, and of each of its properties.
    fn judged(of_type: &str, properties: &[(&str, Replacement)]) -> (Replacement, Vec<Replacement>) {
        let mut judged = Change {
            resource_type: of_type.into(),
            ..change(Replacement::Maybe, properties)
        };
        judge(&mut judged);
        let properties = judged.properties.iter().map(|property| property.replacement);
        (judged.replacement, properties.collect())
    }

    #[test]
    fn what_may_replace_is_what_a_property_of_the_schema_says() {
        use Replacement::{Maybe, No, Yes};
        let group = "AWS::AutoScaling::AutoScalingGroup";
        let version = "/Properties/LaunchTemplate/Version";
        // With values and without, as CloudFormation says it of a rolling update.
        for path in [
            version,
            "/Properties/LaunchTemplate",
            "/Properties/VPCZoneIdentifier",
            "/Properties/MaxSize",
        ] {
            assert_eq!(judged(group, &[(path, Maybe)]), (No, vec![No]), "{path}");
        }
        // A name that may change replaces the group, whatever else changes.
        let name = "/Properties/AutoScalingGroupName";
        assert_eq!(
            judged(group, &[(version, Maybe), (name, Maybe)]),
            (Maybe, vec![No, Maybe])
        );
        assert_eq!(judged(group, &[(version, Maybe), (name, Yes)]), (Maybe, vec![No, Yes]));
        assert_eq!(judged(group, &[]), (Maybe, vec![]), "no property says why");
        // CloudFormation is sure of it, or it isn't a property.
        assert_eq!(judged(group, &[(version, Yes)]), (Maybe, vec![Yes]));
        assert_eq!(judged(group, &[("/Metadata", Maybe)]), (Maybe, vec![Maybe]));
        let mut sure = Change {
            resource_type: group.into(),
            ..change(Yes, &[(version, Maybe)])
        };
        judge(&mut sure);
        assert_eq!(sure.replacement, Yes);
        // Conditions of other types may be met.
        let tenancy = "/Properties/InstanceTenancy";
        assert_eq!(judged("AWS::EC2::VPC", &[(tenancy, Maybe)]), (Maybe, vec![Maybe]));
        let tags = "/Properties/Tags";
        for data in DATA {
            assert_eq!(judged(data, &[(tags, Maybe)]), (Maybe, vec![Maybe]), "{data}");
        }
        assert_eq!(judged("Custom::Unknown", &[(tags, Maybe)]), (Maybe, vec![Maybe]));
    }

    #[test]
    fn what_either_read_says_counts_and_is_told_once() {
        let said = |logical_id: &str, replacement: SdkReplacement| {
            let change = ResourceChange::builder().action(ChangeAction::Modify);
            change.logical_resource_id(logical_id).replacement(replacement).build()
        };
        let (no, yes) = (|| SdkReplacement::False, || SdkReplacement::True);
        let said = Said {
            plain: vec![said("Queue", yes()), said("Topic", no()), said("Bucket", yes())],
            with_values: vec![said("Topic", yes()), said("Queue", no())],
            warning: None,
        };
        let merged: Vec<_> = merged(&said)
            .into_iter()
            .map(|change| (change.logical_id, change.replacement))
            .collect();
        let expected = ["Topic", "Queue", "Bucket"].map(|id| (id.to_owned(), Replacement::Yes));
        assert_eq!(merged, expected);
    }

    #[test]
    fn an_addition_replaces_nothing_whatever_is_said_of_it() {
        let of = |action: ChangeAction| {
            let said = ResourceChange::builder()
                .action(action)
                .replacement(SdkReplacement::True);
            read_change(&said.build()).takes_away()
        };
        assert!(!of(ChangeAction::Add) && !of(ChangeAction::Import));
        assert!(of(ChangeAction::Modify) && of(ChangeAction::Remove));
    }

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
