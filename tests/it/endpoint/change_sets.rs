//! Change sets made: what CreateChangeSet refuses, and how a change set is worked out.

use std::collections::BTreeMap;

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
pub const UPDATABLE: [&str; 7] = [
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "CREATE_FAILED",
    "UPDATE_FAILED",
];

/// What botocore's model of a new stack's name leaves out
/// (localstack/localstack tests/aws/services/cloudformation/api/test_stacks.snapshot.json, test_stack_name_creation).
pub fn check_name(stack: &str) -> Result<(), Refusal> {
    let is_name = stack.starts_with(|c: char| c.is_ascii_alphabetic())
        && stack.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_name || stack.starts_with("arn:") {
        return Ok(());
    }
    Err(Refusal::validation(format!(
        "1 validation error detected: Value '{stack}' at 'stackName' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"
    )))
}

impl World {
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>
    pub fn create_change_set(&mut self, input: &Input) -> Answer {
        let (stack_name, name) = (input.required("StackName")?, input.required("ChangeSetName")?);
        check_name(stack_name)?;
        // "If no value is specified, the default is UPDATE."
        let kind = input.text("ChangeSetType").unwrap_or("UPDATE");
        let on_stack_failure = input.text("OnStackFailure").map(str::to_owned);
        if on_stack_failure.as_deref() == Some("DELETE") && kind != "CREATE" {
            // "This is only valid when the ChangeSetType parameter is set to CREATE."
            return Err(Refusal::validation(
                "OnStackFailure=DELETE is only valid with ChangeSetType=CREATE",
            ));
        }
        let found = self.find(stack_name);
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
            // "creates a new stack from your existing resources"
            ("CREATE" | "IMPORT", None | Some("REVIEW_IN_PROGRESS")) => {}
            ("CREATE", Some(_)) => {
                return Err(Refusal::validation(format!(
                    "Stack [{stack_name}] already exists and cannot be created again with the changeSet [{name}]."
                )));
            }
            // A stack that only has change sets can't be updated: it isn't there yet.
            (_, None | Some("REVIEW_IN_PROGRESS")) => {
                return Err(Refusal::validation(format!("Stack [{stack_name}] does not exist")));
            }
            ("UPDATE", Some(status)) if UPDATABLE.contains(&status) => {}
            ("IMPORT", Some(status)) if UPDATABLE.contains(&status) && status.ends_with("_COMPLETE") => {}
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
        let to_import = match kind {
            "IMPORT" => self.to_import(found, input, &definition)?,
            _ => Vec::new(),
        };

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
            deployment_mode: input.text("DeploymentMode").map(str::to_owned),
            reverts: Vec::new(),
            on_stack_failure,
            to_import,
            import_existing: input.flag("ImportExistingResources") == Some(true),
            token: input.text("ClientToken").map(str::to_owned),
            operation_id,
        });
        let time = self.script.change_sets_take;
        self.plan(time / 2, Step::ChangeSetBegins { stack, id: id.clone() });
        self.plan(time, Step::ChangeSetEnds { stack, id: id.clone() });
        Ok(named(&id, &self.stacks[stack].id))
    }

    /// What a request wants a stack to be made from.
    pub fn definition(&self, input: &Input, current: &Definition) -> Result<Definition, Refusal> {
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
            // API_UpdateStack: "If you don't specify this parameter, then CloudFormation doesn't modify the stack's tags."
            tags: if input.0.keys().any(|key| key == "Tags" || key.starts_with("Tags.")) {
                input.pairs("Tags", "Key", "Value")
            } else {
                current.tags.clone()
            },
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

    /// Whether an update to this has nothing to do.
    pub fn changes_nothing(&self, stack: usize, wanted: &Definition) -> bool {
        let it = &self.stacks[stack];
        let now = &it.definition;
        self.changes(it, wanted).is_empty()
            && it.status != "REVIEW_IN_PROGRESS"
            && now.template.as_ref().map(recognised) == wanted.template.as_ref().map(recognised)
            && now.values() == wanted.values()
            && now.tags == wanted.tags
            && now.notification_arns == wanted.notification_arns
    }

    pub fn change_set_ends(&mut self, stack: usize, id: &str) {
        let it = &self.stacks[stack];
        let Some(change_set) = it.change_sets.iter().find(|known| known.id == id) else {
            return;
        };
        let mut changes = self.changes(it, &change_set.definition);
        let not_taken_in = match (change_set.kind.as_str(), change_set.import_existing) {
            ("IMPORT", _) => self.imports(&change_set.to_import, &mut changes).err(),
            (_, true) => self.take_in(&mut changes, &change_set.definition).err(),
            (_, false) => None,
        };
        let is_import = change_set.kind == "IMPORT";
        // "CloudFormation will read the configuration of resources … at the time of change set creation".
        let reverts = match change_set.deployment_mode {
            Some(_) => self.drift_of(stack),
            None => Vec::new(),
        };
        let same = reverts.is_empty() && self.changes_nothing(stack, &change_set.definition);
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
        } else if let Some(why) = &not_taken_in {
            Some(why.as_str())
        } else {
            same.then_some(
                "The submitted information didn't contain changes. Submit different information to create a change set.",
            )
        };
        let Some(change_set) = self.stacks[stack].change_sets.iter_mut().find(|known| known.id == id) else {
            return;
        };
        change_set.changes = changes;
        change_set.reverts = reverts;
        change_set.reason = reason.map(str::to_owned);
        (change_set.status, change_set.execution_status) = match reason {
            Some(_) => ("FAILED", "UNAVAILABLE"),
            None => ("CREATE_COMPLETE", "AVAILABLE"),
        };
        if is_import && reason.is_none() {
            // As seen in https://github.com/aws-cloudformation/rain/pull/646.
            let verify = "Verify that resources and their properties defined in the template match the intended \
                          configuration of the resource import to avoid unexpected changes.";
            change_set.reason = Some(verify.into());
        }
    }
}

/// A template without what "CloudFormation won't recognize … as an update, such as changes to a deletion policy, update
/// policy" (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html>).
fn recognised(template: &Template) -> serde_json::Value {
    let mut tree = template.tree.clone();
    for resource in tree["Resources"].as_object_mut().into_iter().flatten() {
        if let Some(attributes) = resource.1.as_object_mut() {
            for policy in ["DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy"] {
                attributes.remove(policy);
            }
        }
    }
    tree
}

fn named(id: &str, stack_id: &str) -> Fields {
    Fields::new().text("Id", id).text("StackId", stack_id)
}
