//! Change sets: made, read, listed, executed, thrown away.

use std::collections::BTreeMap;

use super::diff::{Change, Detail};
use super::operation::OnFailure;
use super::query::{Input, Refusal};
use super::state::{ChangeSet, Definition};
use super::template::Template;
use super::world::{Step, World};
use super::xml::Fields;

type Answer = Result<Fields, Refusal>;

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const LONGEST_BODY: usize = 51_200;

/// Statuses from which a stack can be updated
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>): of ROLLBACK_COMPLETE and
/// DELETE_FAILED it says that only a delete is possible, of UPDATE_ROLLBACK_FAILED that the rollback must go on first.
const UPDATABLE: [&str; 7] = [
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "CREATE_FAILED",
    "UPDATE_FAILED",
];

impl World {
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>
    pub fn create_change_set(&mut self, input: &Input) -> Answer {
        let (stack_name, name) = (input.required("StackName")?, input.required("ChangeSetName")?);
        // "If no value is specified, the default is UPDATE."
        let kind = input.text("ChangeSetType").unwrap_or("UPDATE");
        let on_stack_failure = input.text("OnStackFailure").map(str::to_owned);
        if on_stack_failure.as_deref() == Some("DELETE") && kind != "CREATE" {
            // "This is only valid when the ChangeSetType parameter is set to CREATE."
            return Err(Refusal::validation(
                "OnStackFailure=DELETE is only valid with ChangeSetType=CREATE",
            ));
        }
        let found = self.find(stack_name).filter(|stack| self.stacks[*stack].is_there());
        if let Some(stack) = found
            && let Some(known) = self.stacks[stack]
                .change_sets
                .iter()
                .find(|known| known.name == name && known.is_active())
        {
            // "A unique identifier for this CreateChangeSet request … to be sure that CloudFormation knows that you're
            // not attempting to create another change set with the same name": the same request again is the same one.
            return match (input.text("ClientToken"), &known.token) {
                (Some(token), Some(theirs)) if token == theirs => Ok(named(&known.id, &self.stacks[stack].id)),
                _ => Err(Refusal::new(
                    400,
                    "AlreadyExistsException",
                    format!("ChangeSet {name} cannot be created due to a mismatch with existing attribute ClientToken"),
                )),
            };
        }
        let status = found.map(|stack| self.stacks[stack].status.clone());
        match (kind, status.as_deref()) {
            ("CREATE", None | Some("REVIEW_IN_PROGRESS")) => {}
            ("CREATE", Some(_)) => {
                return Err(Refusal::validation(format!(
                    "Stack [{stack_name}] already exists and cannot be created again with the changeSet [{name}]."
                )));
            }
            // A stack that only has change sets can't be updated: it isn't there yet.
            (_, None | Some("REVIEW_IN_PROGRESS")) => {
                return Err(Refusal::validation(format!("Stack [{stack_name}] does not exist")));
            }
            (_, Some(status)) if UPDATABLE.contains(&status) => {}
            (_, Some(status)) => {
                let id = &self.stacks[found.unwrap_or_default()].id;
                return Err(Refusal::validation(format!(
                    "Stack:{id} is in {status} state and can not be updated."
                )));
            }
        }
        let current = found
            .map(|stack| self.stacks[stack].definition.clone())
            .unwrap_or_default();
        let definition = self.definition(input, &current)?;

        let stack = match found {
            Some(stack) => stack,
            None => {
                // "the change set … creates a stack with a unique stack ID, but no template or resources"
                // (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html)
                if stack_name.starts_with("arn:") {
                    return Err(Refusal::validation(format!("Stack [{stack_name}] does not exist")));
                }
                let stack = self.add_stack(stack_name);
                self.set_status(stack, "REVIEW_IN_PROGRESS", Some("User Initiated".into()));
                stack
            }
        };
        let unique = self.unique();
        let id = self.arn("cloudformation", &format!("changeSet/{name}/{unique}"));
        let operation_id = self.unique();
        let created = self.now;
        self.stacks[stack].change_sets.push(ChangeSet {
            id: id.clone(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            description: input.text("Description").map(str::to_owned),
            created,
            status: "CREATE_PENDING",
            execution_status: "UNAVAILABLE",
            reason: None,
            definition,
            changes: Vec::new(),
            on_stack_failure,
            token: input.text("ClientToken").map(str::to_owned),
            operation_id,
        });
        let time = self.script.change_sets_take;
        self.plan(time / 2, Step::ChangeSetBegins { stack, id: id.clone() });
        self.plan(time, Step::ChangeSetEnds { stack, id: id.clone() });
        Ok(named(&id, &self.stacks[stack].id))
    }

    fn definition(&self, input: &Input, current: &Definition) -> Result<Definition, Refusal> {
        let template = match (
            input.text("TemplateBody"),
            input.text("TemplateURL"),
            input.flag("UsePreviousTemplate"),
        ) {
            (Some(body), None, None | Some(false)) if body.len() > LONGEST_BODY => {
                return Err(Refusal::validation(format!(
                    "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have \
                     length less than or equal to {LONGEST_BODY}"
                )));
            }
            (Some(body), None, None | Some(false)) => Template::parse(body)?,
            (None, Some(url), None | Some(false)) => {
                let body = self.services.object_at(url).ok_or_else(|| {
                    Refusal::validation("S3 error: The specified key does not exist.\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html")
                })?;
                Template::parse(&body)?
            }
            (None, None, Some(true)) => current
                .template
                .clone()
                .ok_or_else(|| Refusal::validation("No previous template"))?,
            // "Conditional: You must specify only TemplateBody, TemplateURL or UsePreviousTemplate."
            _ => {
                return Err(Refusal::validation(
                    "Either Template URL or Template Body must be specified.",
                ));
            }
        };
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        for member in input.members("Parameters") {
            let key = member.required("ParameterKey")?.to_owned();
            let value = match member.flag("UsePreviousValue") {
                Some(true) => current.parameters.get(&key).cloned(),
                _ => member.text("ParameterValue").map(str::to_owned),
            };
            given.extend(value.map(|value| (key, value)));
        }
        let unknown: Vec<&str> = given
            .keys()
            .filter(|key| template.tree["Parameters"].get(key.as_str()).is_none())
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            return Err(Refusal::validation(format!(
                "Parameters: [{}] do not exist in the template",
                unknown.join(", ")
            )));
        }
        let mut missing = Vec::new();
        let mut resolved = BTreeMap::new();
        for (key, declared) in template.section("Parameters") {
            let default = &declared["Default"];
            if !given.contains_key(key) && !default.is_null() {
                given.insert(key.clone(), super::template::as_text(default));
            }
            let Some(value) = given.get(key) else {
                missing.push(key.as_str());
                continue;
            };
            // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
            if declared["Type"]
                .as_str()
                .is_some_and(|kind| kind.starts_with("AWS::SSM::Parameter::Value<"))
            {
                let stored = self.services.parameter(value).ok_or_else(|| {
                    Refusal::validation(format!(
                        "Unable to fetch parameters [{value}] from parameter store for this account."
                    ))
                })?;
                resolved.insert(key.clone(), stored);
            }
        }
        if !missing.is_empty() {
            return Err(Refusal::validation(format!(
                "Parameters: [{}] must have values",
                missing.join(", ")
            )));
        }
        let capabilities = input.texts("Capabilities");
        if let Some(needed) = template.capability()
            && !capabilities
                .iter()
                .any(|given| given == needed || given == "CAPABILITY_NAMED_IAM")
        {
            return Err(Refusal::new(
                400,
                "InsufficientCapabilitiesException",
                format!("Requires capabilities : [{needed}]"),
            ));
        }
        Ok(Definition {
            template: Some(template),
            parameters: given,
            resolved,
            tags: input.pairs("Tags", "Key", "Value"),
            capabilities,
            notification_arns: input.texts("NotificationARNs"),
            // "If you don't specify a value, CloudFormation uses the role that was previously associated with the stack."
            role_arn: input
                .text("RoleARN")
                .map(str::to_owned)
                .or_else(|| current.role_arn.clone()),
        })
    }

    pub fn change_set_begins(&mut self, stack: usize, id: &str) {
        if let Some(change_set) = self.stacks[stack].change_sets.iter_mut().find(|known| known.id == id) {
            change_set.status = "CREATE_IN_PROGRESS";
        }
    }

    pub fn change_set_ends(&mut self, stack: usize, id: &str) {
        let it = &self.stacks[stack];
        let Some(change_set) = it.change_sets.iter().find(|known| known.id == id) else {
            return;
        };
        let changes = self.changes(it, &change_set.definition);
        let (now, then) = (&it.definition, &change_set.definition);
        let body = |definition: &Definition| definition.template.as_ref().map(|template| template.body.clone());
        let same = changes.is_empty()
            && it.status != "REVIEW_IN_PROGRESS"
            && body(now) == body(then)
            && now.values() == then.values()
            && now.tags == then.tags
            && now.notification_arns == then.notification_arns;
        let invalid = self
            .script
            .invalid
            .iter()
            .find(|invalid| invalid.stack == it.name)
            .cloned();
        let reason = if invalid.is_some() {
            // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
            Some(
                "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot Early \
                 Validation errors, use the DescribeEvents API for detailed failure information.",
            )
        } else {
            same.then_some(
                "The submitted information didn't contain changes. Submit different information to create a change set.",
            )
        };
        let Some(change_set) = self.stacks[stack].change_sets.iter_mut().find(|known| known.id == id) else {
            return;
        };
        change_set.changes = changes;
        change_set.reason = reason.map(str::to_owned);
        (change_set.status, change_set.execution_status) = match reason {
            Some(_) => ("FAILED", "UNAVAILABLE"),
            None => ("CREATE_COMPLETE", "AVAILABLE"),
        };
    }

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
        let changes: Vec<Fields> = change_set
            .changes
            .iter()
            .map(|change| written(change, values))
            .collect();
        let (page, next) = self.page(changes, input)?;
        let definition = &change_set.definition;
        Ok(Fields::new()
            .text("ChangeSetName", &change_set.name)
            .text("ChangeSetId", &change_set.id)
            .text("StackId", &it.id)
            .text("StackName", &it.name)
            .maybe("Description", change_set.description.as_ref())
            .members("Parameters", parameters(definition))
            .text("CreationTime", self.clock.wall(change_set.created))
            .text("ExecutionStatus", change_set.execution_status)
            .text("Status", change_set.status)
            .maybe("StatusReason", change_set.reason.as_ref())
            .texts("NotificationARNs", &definition.notification_arns)
            .texts("Capabilities", &definition.capabilities)
            .members("Tags", tags(definition))
            .maybe("OnStackFailure", change_set.on_stack_failure.as_ref())
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
                "An operation on this ChangeSet is currently in progress.  Please attempt this operation again later.",
            ));
        }
        self.stacks[stack].change_sets.remove(found);
        Ok(Fields::new())
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html>
    pub fn execute_change_set(&mut self, input: &Input) -> Answer {
        let (stack, found) = self.change_set(input)?;
        let token = input.text("ClientRequestToken").map(str::to_owned);
        if self.is_repeated(stack, token.as_deref(), "ExecuteChangeSet")? {
            return Ok(Fields::new());
        }
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
        let create = change_set.kind == "CREATE";
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
        if create {
            self.start_create(stack, change_set.definition, token, on_failure);
        } else {
            self.start_update(stack, change_set.definition, token, on_failure);
        }
        Ok(Fields::new())
    }
}

fn named(id: &str, stack_id: &str) -> Fields {
    Fields::new().text("Id", id).text("StackId", stack_id)
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
fn written(change: &Change, values: bool) -> Fields {
    let details = change.details.iter().map(|detail| written_detail(detail, values));
    let change = Fields::new()
        .text("Action", change.action)
        .text("LogicalResourceId", &change.id)
        .maybe("PhysicalResourceId", change.physical_id.as_ref())
        .text("ResourceType", &change.kind)
        .maybe("Replacement", change.replacement)
        .texts("Scope", &change.scope)
        .members("Details", details);
    Fields::new().text("Type", "Resource").fields("ResourceChange", change)
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
            .maybe("AfterValue", detail.after.as_ref());
    }
    Fields::new()
        .fields("Target", target)
        .text("Evaluation", detail.evaluation)
        .text("ChangeSource", detail.source)
        .maybe("CausingEntity", detail.causing_entity.as_ref())
}
