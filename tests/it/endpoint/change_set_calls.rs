//! Change sets that are there: read, listed, executed, thrown away.

use super::change_sets::UPDATABLE;
use super::diff::{Change, Detail, Seen};
use super::operation::OnFailure;
use super::query::{Input, Refusal};
use super::revert;
use super::state::Definition;
use super::world::World;
use super::xml::Fields;

type Answer = Result<Fields, Refusal>;

impl World {
    /// The change set that a request names: by ARN, or by name and stack.
    fn change_set(&self, input: &Input) -> Result<(usize, usize), Refusal> {
        let name = input.required("ChangeSetName")?;
        if name.starts_with("arn:") {
            for (stack, it) in self.stacks.iter().enumerate() {
                if let Some(found) = it.change_sets.iter().position(|known| known.id == name) {
                    return Ok((stack, found));
                }
            }
        } else {
            // "If you specified the name of a change set, specify the stack name or ID (ARN) of this change set."
            let stack_name = input.text("StackName").ok_or_else(|| {
                Refusal::validation("StackName must be specified if ChangeSetName is not specified as an ARN.")
            })?;
            let stack = self
                .find(stack_name)
                .ok_or_else(|| Refusal::validation(format!("Stack [{stack_name}] does not exist")))?;
            if let Some(found) = self.stacks[stack]
                .change_sets
                .iter()
                .rposition(|known| known.name == name)
            {
                return Ok((stack, found));
            }
        }
        Err(Refusal::new(
            404,
            "ChangeSetNotFound",
            format!("ChangeSet [{name}] does not exist"),
        ))
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html>
    pub fn describe_change_set(&mut self, input: &Input) -> Answer {
        let (stack, found) = self.change_set(input)?;
        let (it, change_set) = (&self.stacks[stack], &self.stacks[stack].change_sets[found]);
        let values = input.flag("IncludePropertyValues") == Some(true);
        // Of resources whose values can't be told there is a warning. One that is added is there all the same
        // (localstack/localstack tests/aws/services/cloudformation/test_change_set_fn_split.snapshot.json,
        // test_fn_split_with_get_att), one that is modified is left out (https://github.com/aws/aws-cdk-cli/issues/1780).
        let unreadable = |resource: &str| {
            let unreadable = &self.script.unreadable;
            unreadable
                .get(&(it.name.clone(), resource.to_owned()))
                .filter(|_| values)
        };
        let resources = change_set.changes.iter().map(|change| &change.id);
        let reverted = change_set.reverts.iter().map(|reverted| &reverted.resource);
        let warning = resources.chain(reverted).find_map(|resource| {
            let why = unreadable(resource)?;
            Some(format!(
                "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet creation \
                 failed for resource [{resource}] because: {why}"
            ))
        });
        // With values, the reason of one that failed is missing (https://github.com/boto/boto3/issues/4178).
        let reason = match values {
            true => warning.as_ref().or(change_set
                .reason
                .as_ref()
                .filter(|_| change_set.status == "CREATE_COMPLETE")),
            false => change_set.reason.as_ref(),
        };
        let seen = self.clock.wall(change_set.created).to_string();
        let reverts = change_set.reverts.iter();
        let reverts = reverts.filter(|reverted| unreadable(&reverted.resource).is_none());
        let changes: Vec<Fields> = change_set
            .changes
            .iter()
            .filter(|change| change.action == "Add" || unreadable(&change.id).is_none())
            .filter_map(|change| written(change, values))
            .chain(reverts.map(|reverted| revert::written(reverted, it, &seen, values)))
            .collect();
        let drift_status = if change_set.reverts.is_empty() {
            "IN_SYNC"
        } else {
            "DRIFTED"
        };
        let (page, next) = self.page(changes, input)?;
        let definition = &change_set.definition;
        Ok(Fields::new()
            .text("ChangeSetName", &change_set.name)
            .text("ChangeSetId", &change_set.id)
            .text("StackId", &it.id)
            .text("StackName", &it.name)
            .maybe("Description", change_set.description.as_ref())
            .some_members("Parameters", parameters(definition))
            .text("CreationTime", self.clock.wall(change_set.created))
            .text("ExecutionStatus", change_set.execution_status)
            .text("Status", change_set.status)
            .maybe("StatusReason", reason)
            .texts("NotificationARNs", &definition.notification_arns)
            .fields("RollbackConfiguration", Fields::new())
            .texts("Capabilities", &definition.capabilities)
            .some_members("Tags", tags(definition))
            .text("IncludeNestedStacks", false)
            // "ImportExistingResources: Indicates if the change set imports resources that already exist."
            .maybe("ImportExistingResources", change_set.import_existing.then_some(true))
            .maybe("OnStackFailure", change_set.on_stack_failure.as_ref())
            // "Only present for drift-aware change sets", both.
            .maybe("DeploymentMode", change_set.deployment_mode.as_ref())
            .maybe(
                "StackDriftStatus",
                change_set.deployment_mode.as_ref().map(|_| drift_status),
            )
            .members("Changes", page)
            .maybe("NextToken", next))
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListChangeSets.html>: "each active change
    /// set"; an executed one isn't.
    pub fn list_change_sets(&mut self, input: &Input) -> Answer {
        let stack = self.there(input)?;
        let it = &self.stacks[stack];
        let active = it.change_sets.iter().filter(|known| known.is_active());
        let summaries = active.map(|known| {
            Fields::new()
                .text("StackId", &it.id)
                .text("StackName", &it.name)
                .text("ChangeSetId", &known.id)
                .text("ChangeSetName", &known.name)
                .text("ExecutionStatus", known.execution_status)
                .text("Status", known.status)
                .maybe("StatusReason", known.reason.as_ref())
                .text("CreationTime", self.clock.wall(known.created))
                .text("IncludeNestedStacks", false)
                .maybe("Description", known.description.as_ref())
        });
        let (page, next) = self.page(summaries.collect(), input)?;
        Ok(Fields::new().members("Summaries", page).maybe("NextToken", next))
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html>
    pub fn delete_change_set(&mut self, input: &Input) -> Answer {
        let (stack, found) = match self.change_set(input) {
            Ok(found) => found,
            // The only error that the reference lists is InvalidChangeSetStatus: what isn't there is deleted.
            Err(refusal) if refusal.code == "ChangeSetNotFound" => return Ok(Fields::new()),
            Err(refusal) => return Err(refusal),
        };
        let status = self.stacks[stack].change_sets[found].status;
        if matches!(status, "CREATE_PENDING" | "CREATE_IN_PROGRESS") {
            // "InvalidChangeSetStatus: … For example, the change set status might be CREATE_IN_PROGRESS".
            return Err(Refusal::new(
                400,
                "InvalidChangeSetStatus",
                format!("Cannot delete ChangeSet in status {status}"),
            ));
        }
        self.stacks[stack].change_sets.remove(found);
        Ok(Fields::new())
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html>
    pub fn execute_change_set(&mut self, input: &Input) -> Answer {
        let (stack, found) = self.change_set(input)?;
        // The same request again is refused like any other: "Executing it again returns InvalidChangeSetStatus"
        // (https://github.com/floci-io/floci/pull/3564), whatever the reference hopes of the token.
        let token = input.text("ClientRequestToken").map(str::to_owned);
        self.is_repeated(stack, token.as_deref(), "ExecuteChangeSet")?;
        let it = &self.stacks[stack];
        let change_set = it.change_sets[found].clone();
        let invalid = |what: String| Err(Refusal::new(400, "InvalidChangeSetStatus", what));
        if change_set.status != "CREATE_COMPLETE" {
            return invalid(format!(
                "ChangeSet [{}] cannot be executed in its current status of [{}]",
                change_set.id, change_set.status
            ));
        }
        if change_set.execution_status != "AVAILABLE" {
            let status = change_set.execution_status;
            return invalid(format!(
                "ChangeSet [{}] cannot be executed in its current execution status of [{status}]",
                change_set.id
            ));
        }
        let create = change_set.kind == "CREATE" || it.status == "REVIEW_IN_PROGRESS";
        if !create && !UPDATABLE.contains(&it.status.as_str()) {
            return invalid(format!(
                "Stack [{}] is in {} state and can not be updated.",
                it.name, it.status
            ));
        }
        let disable_rollback = input.flag("DisableRollback");
        if disable_rollback.is_some() && change_set.on_stack_failure.is_some() {
            // API_CreateChangeSet, OnStackFailure: "the DisableRollback parameter to the ExecuteChangeSet API operation
            // must not be specified".
            return Err(Refusal::validation(
                "DisableRollback cannot be specified for a change set with OnStackFailure",
            ));
        }
        let on_failure = match (change_set.on_stack_failure.as_deref(), disable_rollback) {
            (Some("DELETE"), _) => OnFailure::Delete,
            (Some("DO_NOTHING"), _) | (None, Some(true)) => OnFailure::Nothing,
            _ => OnFailure::Rollback,
        };
        if matches!(it.status.as_str(), "CREATE_FAILED" | "UPDATE_FAILED") && on_failure != OnFailure::Nothing {
            // What was preserved stays preserved
            // (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html).
            return Err(Refusal::validation(format!(
                "This stack is currently in a non-terminal [{}] state. To update the stack from this state, please use the \
                 disable-rollback parameter with update-stack API. To rollback to the last known good state, use the \
                 rollback-stack API",
                it.status
            )));
        }
        let it = &mut self.stacks[stack];
        it.tokens
            .extend(token.clone().map(|token| (token, "ExecuteChangeSet".to_owned())));
        // "When you execute a change set, CloudFormation deletes all other change sets associated with the stack".
        it.change_sets
            .retain(|known| known.id == change_set.id || !known.is_active());
        it.change_sets
            .iter_mut()
            .filter(|known| known.id == change_set.id)
            .for_each(|known| known.execution_status = "EXECUTE_COMPLETE");
        it.change_set_id = Some(change_set.id.clone());
        it.disable_rollback = on_failure == OnFailure::Nothing;
        self.remember_stale(stack);
        let imports = change_set.changes.iter().filter(|change| change.action == "Import");
        let imports = imports.filter_map(|change| Some((change.id.clone(), change.physical_id.clone()?)));
        let imports = imports.collect();
        if create {
            // "post-create-1-describe" of the recordings: LastUpdatedTime is there after the first execution, too.
            self.stacks[stack].updated = Some(self.now);
        }
        if change_set.kind == "IMPORT" {
            self.start_import(stack, change_set.definition, token, imports);
        } else if create {
            self.start_create(stack, change_set.definition, token, on_failure, imports);
        } else {
            let reverts = self.face_drift(stack, &change_set.reverts);
            self.start_update(stack, change_set.definition, token, on_failure, reverts, imports);
        }
        Ok(Fields::new())
    }
}

pub fn parameters(definition: &Definition) -> Vec<Fields> {
    let each = |(key, value): (&String, &String)| {
        Fields::new()
            .text("ParameterKey", key)
            .text("ParameterValue", value)
            .maybe("ResolvedValue", definition.resolved.get(key))
    };
    definition.parameters.iter().map(each).collect()
}

pub fn tags(definition: &Definition) -> Vec<Fields> {
    let each = |(key, value): (&String, &String)| Fields::new().text("Key", key).text("Value", value);
    definition.tags.iter().map(each).collect()
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Change.html>
///
/// Nothing when this view doesn't have it: with values, a resource isn't there for another's attribute alone that may or
/// may not change (localstack/localstack tests/aws/services/cloudformation/test_change_set_fn_get_attr.snapshot.json,
/// test_direct_attribute_value_change_in_get_attr_chain).
fn written(change: &Change, values: bool) -> Option<Fields> {
    let seen = if values { Seen::WithValues } else { Seen::WithoutValues };
    let details: Vec<&Detail> = change
        .details
        .iter()
        .filter(|detail| detail.seen.is_none_or(|only| only == seen))
        .collect();
    if details.is_empty() && !change.details.is_empty() {
        return None;
    }
    let details = details.into_iter().map(|detail| written_detail(detail, values));
    let context = |context: &Option<serde_json::Value>| {
        let properties = context.as_ref().filter(|_| values)?;
        Some(serde_json::json!({"Properties": properties}).to_string())
    };
    let change = Fields::new()
        .maybe("PolicyAction", change.policy_action)
        .text("Action", change.action)
        .text("LogicalResourceId", &change.id)
        .maybe("PhysicalResourceId", change.physical_id.as_ref())
        .text("ResourceType", &change.kind)
        .maybe("Replacement", change.replacement)
        .texts("Scope", &change.scope)
        .members("Details", details)
        .maybe("BeforeContext", context(&change.before))
        .maybe("AfterContext", context(&change.after));
    Some(Fields::new().text("Type", "Resource").fields("ResourceChange", change))
}

fn written_detail(detail: &Detail, values: bool) -> Fields {
    let mut target = Fields::new()
        .text("Attribute", detail.attribute)
        .maybe("Name", detail.name.as_ref())
        .text("RequiresRecreation", detail.requires_recreation);
    if values {
        // "BeforeValue", "AfterValue" and "Path" only with IncludePropertyValues
        // (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html).
        target = target
            .text(
                "Path",
                match &detail.name {
                    Some(name) => format!("/{}/{name}", detail.attribute),
                    None => format!("/{}", detail.attribute),
                },
            )
            .maybe("BeforeValue", detail.before.as_ref())
            .maybe("AfterValue", detail.after.as_ref())
            .text(
                "AttributeChangeType",
                match (&detail.before, &detail.after) {
                    (None, Some(_)) => "Add",
                    (Some(_), None) => "Remove",
                    _ => "Modify",
                },
            );
    }
    Fields::new()
        .fields("Target", target)
        .text("Evaluation", detail.evaluation)
        .text("ChangeSource", detail.source)
        .maybe("CausingEntity", detail.causing_entity.as_ref())
}
