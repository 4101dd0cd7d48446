//! Stacks read, deleted, protected.

use super::change_set_calls::{parameters, tags};
use super::query::{Input, Refusal};
use super::state::{Event, Resource, Stack, Stale};
use super::world::World;
use super::xml::Fields;

type Answer = Result<Fields, Refusal>;

impl World {
    /// One page of the items, and where the next begins.
    pub fn page<T>(&self, items: Vec<T>, input: &Input) -> Result<(Vec<T>, Option<String>), Refusal> {
        self.page_of(items, input, self.script.page)
    }

    /// One page of at most so many items, and where the next begins.
    pub fn page_of<T>(&self, items: Vec<T>, input: &Input, most: usize) -> Result<(Vec<T>, Option<String>), Refusal> {
        let start = match input.text("NextToken") {
            Some(token) => token
                .strip_prefix("page-")
                .and_then(|offset| offset.parse::<usize>().ok())
                .filter(|offset| *offset <= items.len())
                .ok_or_else(|| Refusal::validation("Invalid value for NextToken"))?,
            None => 0,
        };
        let end = start + most;
        let next = (end < items.len()).then(|| format!("page-{end}"));
        Ok((items.into_iter().skip(start).take(most).collect(), next))
    }

    /// The stack that a request names. "For deleted stacks, you must specify the stack's unique ID"
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>).
    pub fn there(&self, input: &Input) -> Result<usize, Refusal> {
        let name = input.required("StackName")?;
        self.find(name)
            .ok_or_else(|| Refusal::validation(format!("Stack with id {name} does not exist")))
    }

    /// Whether this request was made before: then nothing is done again. "If you re-issue the request with the same
    /// token" for something else, it's an error: TokenAlreadyExistsException
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html>).
    pub fn is_repeated(&self, stack: usize, token: Option<&str>, action: &str) -> Result<bool, Refusal> {
        match token.and_then(|token| self.stacks[stack].tokens.get(token)) {
            None => Ok(false),
            Some(known) if known == action => Ok(true),
            Some(_) => Err(Refusal::new(
                400,
                "TokenAlreadyExistsException",
                "A client request token already exists.",
            )),
        }
    }

    /// The next reads may still show the stack as it is now.
    pub fn remember_stale(&mut self, stack: usize) {
        let reads_left = self.script.stale_reads;
        let it = &mut self.stacks[stack];
        it.stale = (reads_left > 0).then(|| Stale {
            reads_left,
            status: it.status.clone(),
            reason: it.reason.clone(),
            events: it.events.len(),
        });
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>
    pub fn describe_stacks(&mut self, input: &Input) -> Answer {
        let named = input.text("StackName").is_some();
        let wanted: Vec<usize> = if named {
            vec![self.there(input)?]
        } else {
            // "if no stack name was specified, then it returns the description for all the stacks created"; deleted
            // ones by ARN only.
            (0..self.stacks.len())
                .rev()
                .filter(|stack| self.stacks[*stack].is_there())
                .collect()
        };
        let all: Vec<Fields> = wanted
            .into_iter()
            .map(|stack| {
                let stale = self.stacks[stack].see();
                self.description(&self.stacks[stack], stale, named)
            })
            .collect();
        let (page, next) = self.page(all, input)?;
        Ok(Fields::new().members("Stacks", page).maybe("NextToken", next))
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html>: "If no StackStatusFilter is
    /// specified, summary information for all stacks is returned (including existing stacks and stacks that have been
    /// deleted)."
    pub fn list_stacks(&mut self, input: &Input) -> Answer {
        let wanted = input.texts("StackStatusFilter");
        let of_status = |stack: &&Stack| wanted.is_empty() || wanted.contains(&stack.status);
        let all = self.stacks.iter().rev().filter(of_status).map(|stack| {
            Fields::new()
                .text("StackId", &stack.id)
                .text("StackName", &stack.name)
                .text("CreationTime", self.clock.wall(stack.created))
                .maybe("LastUpdatedTime", stack.updated.map(|at| self.clock.wall(at)))
                .maybe("DeletionTime", stack.deleted.map(|at| self.clock.wall(at)))
                .text("StackStatus", &stack.status)
                .maybe("StackStatusReason", stack.reason.as_ref())
                .fields("DriftInformation", self.drift_information(stack))
        });
        let (page, next) = self.page(all.collect(), input)?;
        Ok(Fields::new().members("StackSummaries", page).maybe("NextToken", next))
    }

    fn description(&self, stack: &Stack, stale: Option<Stale>, named: bool) -> Fields {
        let definition = &stack.definition;
        let (status, reason) = match &stale {
            Some(stale) => (&stale.status, &stale.reason),
            None => (&stack.status, &stack.reason),
        };
        let outputs = stack.outputs.iter().map(|(key, value)| {
            let output = Fields::new()
                .text("OutputKey", key)
                .text("OutputValue", handed_back(value));
            output.maybe("ExportName", self.export_of(stack, key))
        });
        let operations = stack
            .last_operations
            .iter()
            .map(|(kind, id)| Fields::new().text("OperationType", kind).text("OperationId", id));
        let fields = Fields::new()
            .text("StackId", &stack.id)
            .text("StackName", &stack.name)
            .maybe("ChangeSetId", stack.change_set_id.as_ref())
            .maybe(
                "Description",
                definition.template.as_ref().and_then(|template| template.description()),
            )
            .some_members("Parameters", parameters(definition))
            .text("CreationTime", self.clock.wall(stack.created))
            .maybe("DeletionTime", stack.deleted.map(|at| self.clock.wall(at)))
            .maybe("LastUpdatedTime", stack.updated.map(|at| self.clock.wall(at)))
            .text("StackStatus", status)
            .maybe("StackStatusReason", reason.as_ref())
            .text("DisableRollback", stack.disable_rollback)
            .texts("NotificationARNs", &definition.notification_arns)
            .fields("RollbackConfiguration", Fields::new())
            .some_texts("Capabilities", &definition.capabilities)
            .some_members("Outputs", outputs.collect())
            .maybe("RoleARN", definition.role_arn.as_ref())
            .members("Tags", tags(definition))
            .fields("DriftInformation", self.drift_information(stack))
            .members("LastOperations", operations);
        // A listing of all stacks left it out for years (https://github.com/boto/boto3/issues/2907), and doesn't any
        // more (https://github.com/go-to-k/delstack/issues/74). Of deleted stacks it isn't said.
        let tells_protection = (named || self.script.listings_tell_protection) && stack.is_there();
        fields.maybe(
            "EnableTerminationProtection",
            tells_protection.then_some(stack.protected),
        )
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html>: "in reverse
    /// chronological order".
    pub fn describe_stack_events(&mut self, input: &Input) -> Answer {
        let stack = self.there(input).map_err(|_| {
            // Another text than DescribeStacks' own.
            Refusal::validation(format!(
                "Stack [{}] does not exist",
                input.text("StackName").unwrap_or_default()
            ))
        })?;
        let name = self.stacks[stack].name.clone();
        let script = &self.script;
        let is_told = |event: &&Event| {
            let untold = script.untold.contains(&(name.clone(), event.resource_id.clone()));
            !(untold && event.status.ends_with("_FAILED"))
        };
        let seen = self.stacks[stack].seen_events().iter().rev();
        let events: Vec<Event> = seen.filter(is_told).cloned().collect();
        // A page begins after an event, so that new events in between move nothing.
        let start = match input.text("NextToken") {
            Some(token) => {
                1 + events
                    .iter()
                    .position(|event| event.id == token)
                    .ok_or_else(|| Refusal::validation("Invalid value for NextToken"))?
            }
            None => 0,
        };
        let page: Vec<&Event> = events.iter().skip(start).take(self.script.page).collect();
        let next = page
            .last()
            .filter(|_| start + page.len() < events.len())
            .map(|event| event.id.clone());
        let it = &self.stacks[stack];
        let written = page.into_iter().map(|event| {
            Fields::new()
                .text("StackId", &it.id)
                .text("EventId", &event.id)
                .text("StackName", &it.name)
                .maybe("OperationId", event.operation.as_ref().map(|(_, id)| id))
                .text("LogicalResourceId", &event.resource_id)
                .text("PhysicalResourceId", &event.physical_id)
                .text("ResourceType", &event.kind)
                .text("Timestamp", self.clock.wall(event.at))
                .text("ResourceStatus", &event.status)
                .maybe("ResourceStatusReason", event.reason.as_ref())
                .maybe("ClientRequestToken", event.token.as_ref())
        });
        Ok(Fields::new()
            .members("StackEvents", written.collect::<Vec<_>>())
            .maybe("NextToken", next))
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html>
    pub fn describe_events(&mut self, input: &Input) -> Answer {
        let (stack_name, change_set, operation) = (
            input.text("StackName"),
            input.text("ChangeSetName"),
            input.text("OperationId"),
        );
        if stack_name.is_none() && change_set.is_none() && operation.is_none() {
            return Err(Refusal::validation(
                "One of ChangeSetName, OperationId or StackName must be specified as input.",
            ));
        }
        let failed_only = input.flag("Filters.FailedEvents") == Some(true);
        let mut found = Vec::new();
        for it in &self.stacks {
            let of_stack = stack_name.is_none_or(|name| it.id == name || (it.name == name && it.is_there()));
            for event in it.events.iter().rev().filter(|_| of_stack && change_set.is_none()) {
                let of_operation =
                    operation.is_none_or(|id| event.operation.as_ref().is_some_and(|(_, theirs)| theirs == id));
                if of_operation && (!failed_only || event.status.ends_with("_FAILED")) {
                    found.push(self.operation_event(it, event));
                }
            }
            for known in it.change_sets.iter().filter(|_| of_stack) {
                let of_change_set = change_set.is_none_or(|name| known.id == name || known.name == name);
                let of_operation = operation.is_none_or(|id| known.operation_id == id);
                for invalid in self
                    .script
                    .invalid
                    .iter()
                    .filter(|invalid| invalid.stack == it.name && of_change_set && of_operation)
                {
                    found.push(
                        Fields::new()
                            .text("EventId", format!("{}-{}", known.operation_id, invalid.path))
                            .text("StackId", &it.id)
                            .text("OperationId", &known.operation_id)
                            .text("OperationType", "CREATE_CHANGESET")
                            .text("EventType", "VALIDATION_ERROR")
                            .text("LogicalResourceId", &invalid.resource)
                            .text("Timestamp", self.clock.wall(known.created))
                            .text("ValidationFailureMode", "FAIL")
                            .text("ValidationName", "PROPERTY_VALIDATION")
                            .text("ValidationStatus", "FAILED")
                            .text("ValidationStatusReason", &invalid.reason)
                            .text("ValidationPath", &invalid.path),
                    );
                }
            }
        }
        let (page, next) = self.page(found, input)?;
        Ok(Fields::new().members("OperationEvents", page).maybe("NextToken", next))
    }

    fn operation_event(&self, stack: &Stack, event: &Event) -> Fields {
        let is_stack = event.physical_id == stack.id;
        let kind = match (is_stack, event.status.ends_with("_FAILED")) {
            (true, _) => "STACK_EVENT",
            (false, true) => "PROVISIONING_ERROR",
            (false, false) => "PROGRESS_EVENT",
        };
        Fields::new()
            .text("EventId", &event.id)
            .text("StackId", &stack.id)
            .maybe("OperationId", event.operation.as_ref().map(|(_, id)| id))
            .maybe("OperationType", event.operation.as_ref().map(|(kind, _)| *kind))
            .text("EventType", kind)
            .text("LogicalResourceId", &event.resource_id)
            .text("PhysicalResourceId", &event.physical_id)
            .text("ResourceType", &event.kind)
            .text("Timestamp", self.clock.wall(event.at))
            .text("ResourceStatus", &event.status)
            .maybe("ResourceStatusReason", event.reason.as_ref())
            .maybe("ClientRequestToken", event.token.as_ref())
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html>
    pub fn list_stack_resources(&mut self, input: &Input) -> Answer {
        let stack = self.there(input)?;
        let all = self.stacks[stack].resources.iter().map(|resource| {
            // "For deleted stacks, ListStackResources returns resource information for up to 90 days": with their ids.
            let ended = self.ended.get(&(stack, resource.id.clone()));
            let ended = ended.filter(|_| resource.physical_id.is_none());
            self.resource(resource, "LastUpdatedTimestamp")
                .maybe("PhysicalResourceId", ended)
        });
        let (page, next) = self.page(all.collect(), input)?;
        Ok(Fields::new()
            .members("StackResourceSummaries", page)
            .maybe("NextToken", next))
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html>: "Only the
    /// first 100 resources will be returned." "A ValidationError is returned if you specify both StackName and
    /// PhysicalResourceId in the same request."
    pub fn describe_stack_resources(&mut self, input: &Input) -> Answer {
        let stack = match (input.text("StackName"), input.text("PhysicalResourceId")) {
            (None, Some(id)) => self.holder(id)?,
            (Some(_), Some(_)) => return Err(Refusal::validation("Either a stack or a physical resource, not both")),
            _ => self.there(input)?,
        };
        let it = &self.stacks[stack];
        let wanted = |resource: &&Resource| input.text("LogicalResourceId").is_none_or(|id| id == resource.id);
        let some = it.resources.iter().filter(wanted).take(100).map(|resource| {
            let not_checked = Fields::new().text("StackResourceDriftStatus", "NOT_CHECKED");
            self.resource(resource, "Timestamp")
                .text("StackId", &it.id)
                .text("StackName", &it.name)
                .fields("DriftInformation", not_checked)
        });
        Ok(Fields::new().members("StackResources", some))
    }

    /// The stack of a resource. What is said of one without a stack was seen in
    /// <https://github.com/stefan-wuensch/AWS-goodies>, find-CF-stack-for-AWS-resource.sh.
    fn holder(&self, id: &str) -> Result<usize, Refusal> {
        let holds = |stack: &Stack| {
            let mut resources = stack.resources.iter();
            stack.is_there() && resources.any(|resource| resource.physical_id.as_deref() == Some(id))
        };
        let found = self.stacks.iter().position(holds);
        found.ok_or_else(|| Refusal::validation(format!("Stack for {id} does not exist")))
    }

    fn resource(&self, resource: &Resource, time: &'static str) -> Fields {
        Fields::new()
            .text("LogicalResourceId", &resource.id)
            .maybe("PhysicalResourceId", resource.physical_id.as_ref())
            .text("ResourceType", &resource.kind)
            .text(time, self.clock.wall(resource.changed))
            .text("ResourceStatus", &resource.status)
            .maybe("ResourceStatusReason", resource.reason.as_ref())
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html>: "If the template doesn't
    /// exist, a ValidationError is returned."
    pub fn get_template(&mut self, input: &Input) -> Answer {
        let stack = self.there(input)?;
        let template = self.stacks[stack].definition.template.as_ref();
        let template = template.ok_or_else(|| Refusal::validation("The stack has no template yet"))?;
        let name = &self.stacks[stack].name;
        let is_original = input.text("TemplateStage") == Some("Original");
        let original = self.script.originals.get(name).filter(|_| is_original);
        let other = original.or_else(|| self.script.early_templates.get(name));
        Ok(Fields::new()
            .text("TemplateBody", handed_back(other.unwrap_or(&template.body)))
            .texts("StagesAvailable", ["Original", "Processed"]))
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html>
    pub fn delete_stack(&mut self, input: &Input) -> Answer {
        // A stack that isn't there is deleted.
        let Some(stack) = self.find(input.required("StackName")?) else {
            return Ok(Fields::new());
        };
        let token = input.text("ClientRequestToken").map(str::to_owned);
        if self.is_repeated(stack, token.as_deref(), "DeleteStack")? {
            return Ok(Fields::new());
        }
        let it = &self.stacks[stack];
        if it.protected {
            // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-protect-stacks.html: "the deletion
            // fails and the stack, including its status, remains unchanged".
            return Err(Refusal::validation(format!(
                "Stack [{}] cannot be deleted while TerminationProtection is enabled",
                it.name
            )));
        }
        let retain = input.texts("RetainResources");
        let forced = input.text("DeletionMode") == Some("FORCE_DELETE_STACK");
        if it.status != "DELETE_FAILED" && (!retain.is_empty() || forced) {
            // "For stacks in the DELETE_FAILED state"; "Specifies … FORCE_DELETE_STACK … stacks that are in DELETE_FAILED".
            return Err(Refusal::validation(format!(
                "Invalid operation on stack [{}]. RetainResources and FORCE_DELETE_STACK are for stacks in DELETE_FAILED.",
                it.id
            )));
        }
        match it.status.as_str() {
            "DELETE_IN_PROGRESS" | "DELETE_COMPLETE" => return Ok(Fields::new()),
            // A create can be deleted while it runs; an update has to end, or to be cancelled, first.
            status @ ("UPDATE_IN_PROGRESS"
            | "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
            | "UPDATE_ROLLBACK_IN_PROGRESS"
            | "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
            | "IMPORT_IN_PROGRESS"
            | "IMPORT_ROLLBACK_IN_PROGRESS") => {
                return Err(Refusal::validation(format!(
                    "Stack [{}] cannot be deleted while in status {status}",
                    it.id
                )));
            }
            _ => {}
        }
        let it = &mut self.stacks[stack];
        it.tokens
            .extend(token.clone().map(|token| (token, "DeleteStack".to_owned())));
        self.remember_stale(stack);
        self.start_delete(stack, token, retain, forced);
        Ok(Fields::new())
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateTerminationProtection.html>
    pub fn update_termination_protection(&mut self, input: &Input) -> Answer {
        let stack = self.there(input)?;
        self.stacks[stack].protected = input.flag("EnableTerminationProtection") == Some(true);
        Ok(Fields::new().text("StackId", &self.stacks[stack].id))
    }
}

/// Templates and outputs are handed back with a question mark for each character outside ASCII
/// (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/814> shows four of them for four, and
/// <https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1220> six for six).
fn handed_back(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}
