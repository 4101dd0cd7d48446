//! One resource made, changed, put back or deleted; and its names and values.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::diff::{differing, replaces};
use super::operation::{JobState, OnFailure, Phase, Work};
use super::script::Verb;
use super::state::{Resource, Stack};
use super::template::{Template, as_text};
use super::world::{Step, World};

/// In the recordings of test_immutable_property_update_causes_resource_replacement
/// (localstack/localstack tests/aws/services/cloudformation/test_change_set_ref.snapshot.json) a replaced resource is first
/// UPDATE_IN_PROGRESS with its old id and this reason, then with its new one and the other.
const REPLACES: &str = "Requested update requires the creation of a new physical resource; hence creating one.";
const INITIATED: &str = "Resource creation Initiated";

impl Resource {
    /// As a template declares it, with nothing made yet.
    pub fn declared(id: &str, declared: &Value, template: &Template, now: Instant) -> Self {
        let policy = |name: &str| declared[name].as_str().unwrap_or("Delete").to_owned();
        Resource {
            id: id.to_owned(),
            kind: as_text(&declared["Type"]),
            physical_id: None,
            status: String::new(),
            reason: None,
            changed: now,
            properties: Value::Null,
            open_properties: Value::Null,
            needs: template.needs(id),
            version: 1,
            deletion_policy: policy("DeletionPolicy"),
            update_replace_policy: policy("UpdateReplacePolicy"),
        }
    }
}

impl World {
    pub fn start_job(&mut self, stack: usize, job: usize) {
        let it = &mut self.stacks[stack];
        let Some(operation) = &mut it.operation else { return };
        operation.jobs[job].state = JobState::Running;
        let (id, work) = (operation.jobs[job].resource.clone(), operation.jobs[job].work.clone());
        let verb = match work {
            Work::Create => {
                self.declare(stack, &id);
                if self.is_imported(stack, &id) {
                    self.set_resource_status(stack, &id, "IMPORT_IN_PROGRESS", Some("Resource import started."));
                } else {
                    self.set_resource_status(stack, &id, "CREATE_IN_PROGRESS", None);
                }
                Verb::Create
            }
            Work::Apply => {
                if !self.differs(stack, &id) {
                    // Nothing is said about what isn't touched.
                    self.finish(stack, job, JobState::Done);
                    return;
                }
                if let Some(operation) = &mut self.stacks[stack].operation {
                    operation.touched.insert(id.clone());
                }
                let reason = self.is_replaced(stack, &id).then_some(REPLACES);
                self.set_resource_status(stack, &id, "UPDATE_IN_PROGRESS", reason);
                Verb::Update
            }
            Work::Restore => {
                self.set_resource_status(stack, &id, "UPDATE_IN_PROGRESS", None);
                Verb::Restore
            }
            Work::Delete | Work::DeleteLeftover(_) => {
                self.event_of_delete(stack, &id, &work, "DELETE_IN_PROGRESS", None);
                Verb::Delete
            }
        };
        if matches!(verb, Verb::Update | Verb::Restore) && self.rolls(stack, job) {
            return;
        }
        let name = self.stacks[stack].name.clone();
        let time = self.script.time_of(&name, &id);
        let generation = self.stacks[stack].generation;
        let failure = self.script.failure_of(&name, &id, verb).or_else(|| match work {
            Work::Delete => self.why_not_deleted(stack, &id),
            Work::Create => self.why_not_made(stack, &id),
            Work::Apply => self.why_not_replaced(stack, &id),
            _ => None,
        });
        let makes = verb == Verb::Create || (verb == Verb::Update && self.is_replaced(stack, &id));
        let begins = failure.is_none() || self.script.begun.contains(&(name.clone(), id.clone()));
        if makes && begins {
            // Of an import the second event has no reason (https://github.com/realestate-com-au/stackup/issues/96).
            let reason = match self.is_imported(stack, &id) {
                true => "",
                false => INITIATED,
            };
            self.plan(
                time / 2,
                Step::JobSays {
                    stack,
                    generation,
                    job,
                    reason,
                },
            );
        }
        let chatter = self.script.chatter.get(&(name, id)).copied().unwrap_or_default();
        for number in 1..=chatter {
            let reason = "Eventual consistency check initiated";
            self.plan(
                time * number / (chatter + 1),
                Step::JobSays {
                    stack,
                    generation,
                    job,
                    reason,
                },
            );
        }
        self.plan(
            time,
            Step::JobEnds {
                stack,
                generation,
                job,
                failure,
            },
        );
    }

    /// A resource of a stack whose rollback is disabled isn't made anew
    /// (<https://github.com/smoketurner/serverless-vpc-plugin/issues/1221>: an event of the resource, UPDATE_FAILED).
    fn why_not_replaced(&self, stack: usize, id: &str) -> Option<String> {
        let it = &self.stacks[stack];
        let keeps = it.operation.as_ref()?.on_failure == OnFailure::Nothing;
        let (_, open) = self.wanted(stack, id)?;
        let known = it.resource(id)?;
        let is_replaced = differing(&known.open_properties, &open)
            .into_iter()
            .any(|name| replaces(&known.kind, name));
        (keeps && is_replaced)
            .then(|| "Replacement type updates not supported on stack with disable-rollback.".to_owned())
    }

    /// One more event of a resource that is in progress.
    pub fn job_says(&mut self, stack: usize, job: usize, reason: &'static str) {
        let Some(operation) = &self.stacks[stack].operation else {
            return;
        };
        let (id, work) = (operation.jobs[job].resource.clone(), operation.jobs[job].work.clone());
        match work {
            Work::Create if reason == INITIATED || reason.is_empty() => self.make(stack, &id),
            Work::Apply if reason == INITIATED => self.change(stack, &id),
            _ => {}
        }
        let status = self.stacks[stack].resource(&id).map(|resource| resource.status.clone());
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        self.set_resource_status(stack, &id, &status.unwrap_or_default(), reason);
    }

    pub fn job_ends(&mut self, stack: usize, job: usize, failure: Option<String>) {
        let Some(operation) = &self.stacks[stack].operation else {
            return;
        };
        let phase = operation.phase;
        let (id, work) = (operation.jobs[job].resource.clone(), operation.jobs[job].work.clone());
        let failed = failure.is_some();
        let reason = failure.as_deref();
        match (&work, failed) {
            (Work::Create, false) => {
                self.make(stack, &id);
                if self.is_imported(stack, &id) {
                    // Events and reasons as in https://github.com/realestate-com-au/stackup/issues/96.
                    let said = [
                        ("IMPORT_COMPLETE", Some("Resource import completed.")),
                        (
                            "UPDATE_IN_PROGRESS",
                            Some("Apply stack-level tags to imported resource if applicable."),
                        ),
                        ("UPDATE_COMPLETE", None),
                    ];
                    said.into_iter()
                        .for_each(|(status, reason)| self.set_resource_status(stack, &id, status, reason));
                } else {
                    self.set_resource_status(stack, &id, "CREATE_COMPLETE", None);
                }
            }
            (Work::Create, true) if self.is_imported(stack, &id) => {
                self.set_resource_status(stack, &id, "IMPORT_FAILED", reason);
            }
            (Work::Create, true) => self.set_resource_status(stack, &id, "CREATE_FAILED", reason),
            (Work::Delete, true) if self.is_forced(stack) => {
                self.set_resource_status(stack, &id, "DELETE_SKIPPED", reason);
                self.outlives(stack, &id);
                self.finish(stack, job, JobState::Done);
                return self.go_on(stack);
            }
            (Work::Apply, false) => {
                // One that was made anew is changed already.
                let leftovers = operation.leftovers.iter();
                if !leftovers.into_iter().any(|leftover| leftover.id == id) {
                    self.change(stack, &id);
                }
                self.set_resource_status(stack, &id, "UPDATE_COMPLETE", None);
            }
            (Work::Restore, false) => {
                self.restore(stack, &id);
                self.set_resource_status(stack, &id, "UPDATE_COMPLETE", None);
            }
            (Work::Apply | Work::Restore, true) => self.set_resource_status(stack, &id, "UPDATE_FAILED", reason),
            (Work::Delete | Work::DeleteLeftover(_), false) => {
                self.event_of_delete(stack, &id, &work, "DELETE_COMPLETE", None);
                if work == Work::Delete {
                    self.unmake(stack, &id);
                }
            }
            (Work::Delete | Work::DeleteLeftover(_), true) => {
                self.event_of_delete(stack, &id, &work, "DELETE_FAILED", reason)
            }
        }
        self.finish(stack, job, if failed { JobState::Failed } else { JobState::Done });
        // The first failure of a create or update ends it; deletes and ways back go on with what they can.
        if failed && phase == Phase::Creating {
            self.cancel_running(stack, "CREATE_FAILED", "Resource creation cancelled");
        } else if failed && phase == Phase::Updating {
            self.cancel_running(stack, "UPDATE_FAILED", "Resource update cancelled");
        }
        self.go_on(stack);
    }

    /// Made, or taken in as it is
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html>).
    fn is_imported(&self, stack: usize, id: &str) -> bool {
        let operation = self.stacks[stack].operation.as_ref();
        operation.is_some_and(|operation| operation.imports.contains_key(id))
    }

    fn is_forced(&self, stack: usize) -> bool {
        let operation = self.stacks[stack].operation.as_ref();
        operation.is_some_and(|operation| operation.forced)
    }

    fn finish(&mut self, stack: usize, job: usize, state: JobState) {
        if let Some(operation) = &mut self.stacks[stack].operation {
            operation.jobs[job].state = state;
        }
    }

    /// What is left of a replaced resource has events under its name, but its own physical id.
    pub fn event_of_delete(&mut self, stack: usize, id: &str, work: &Work, status: &str, reason: Option<&str>) {
        let Work::DeleteLeftover(index) = work else {
            self.set_resource_status(stack, id, status, reason);
            return;
        };
        self.event(stack, id, status, reason);
        let it = &mut self.stacks[stack];
        let leftover = it
            .operation
            .as_ref()
            .and_then(|operation| operation.leftovers.get(*index));
        if let (Some(physical_id), Some(event)) = (
            leftover.and_then(|leftover| leftover.physical_id.clone()),
            it.events.last_mut(),
        ) {
            event.physical_id = physical_id;
        }
    }

    fn declare(&mut self, stack: usize, id: &str) {
        let now = self.now;
        let it = &mut self.stacks[stack];
        let Some(template) = it
            .operation
            .as_ref()
            .and_then(|operation| operation.wanted.template.clone())
        else {
            return;
        };
        it.resources.retain(|resource| resource.id != id);
        it.resources
            .push(Resource::declared(id, &template.tree["Resources"][id], &template, now));
    }

    /// Its properties as the operation wants them: with other resources' values, and with these left open.
    pub(super) fn wanted(&self, stack: usize, id: &str) -> Option<(Value, Value)> {
        let it = &self.stacks[stack];
        let definition = &it.operation.as_ref()?.wanted;
        let template = definition.template.as_ref()?;
        let declared = &template.tree["Resources"][id];
        let parameters = definition.values();
        let resource = |id: &str, attribute: Option<&str>| self.value_of(it, id, attribute);
        let values = self.values(it, &parameters, &resource);
        Some((
            template.resolve(&declared["Properties"], &values),
            self.open_properties(it, definition, declared),
        ))
    }

    fn differs(&self, stack: usize, id: &str) -> bool {
        let it = &self.stacks[stack];
        let (Some((properties, open)), Some(known)) = (self.wanted(stack, id), it.resource(id)) else {
            return false;
        };
        let tags_changed = it.operation.as_ref().is_some_and(|operation| operation.tags_changed);
        // A stack that was there from the beginning has properties with open values only.
        let same = known.properties == properties
            || (known.properties == known.open_properties && open == known.open_properties);
        let reverted = it
            .operation
            .as_ref()
            .is_some_and(|operation| operation.reverts.contains(id));
        let metadata = |definition: &super::state::Definition| {
            let template = definition.template.as_ref()?;
            Some(template.tree["Resources"][id]["Metadata"].clone())
        };
        let wanted = it.operation.as_ref().map(|operation| &operation.wanted);
        let other_metadata = wanted.is_some_and(|wanted| metadata(wanted) != metadata(&it.definition));
        tags_changed || other_metadata || reverted || !same || known.status.ends_with("_FAILED")
    }

    fn make(&mut self, stack: usize, id: &str) {
        if self.stacks[stack]
            .resource(id)
            .is_none_or(|resource| resource.physical_id.is_some())
        {
            return;
        }
        let Some((properties, open_properties)) = self.wanted(stack, id) else {
            return;
        };
        let kind = self.stacks[stack]
            .resource(id)
            .map(|resource| resource.kind.clone())
            .unwrap_or_default();
        let operation = self.stacks[stack].operation.as_ref();
        let imported = operation.and_then(|operation| operation.imports.get(id).cloned());
        let physical_id = imported.unwrap_or_else(|| self.physical_id(stack, id, &kind, &properties));
        self.kept.remove(&physical_id);
        if kind == "AWS::S3::Bucket" {
            self.services.make_bucket(&physical_id);
        }
        if let Some(resource) = self.stacks[stack].resource_mut(id) {
            resource.physical_id = Some(physical_id);
            resource.properties = properties;
            resource.open_properties = open_properties;
        }
    }

    /// Whether a property that changes says that it is made anew.
    fn is_replaced(&self, stack: usize, id: &str) -> bool {
        let (Some((properties, open_properties)), Some(known)) =
            (self.wanted(stack, id), self.stacks[stack].resource(id))
        else {
            return false;
        };
        let anew = |before: &Value, after: &Value| {
            let mut changed = differing(before, after).into_iter();
            changed.any(|name| replaces(&known.kind, name))
        };
        let is_known = known.properties != known.open_properties;
        (is_known && anew(&known.properties, &properties)) || anew(&known.open_properties, &open_properties)
    }

    /// In place or anew.
    fn change(&mut self, stack: usize, id: &str) {
        let Some((properties, open_properties)) = self.wanted(stack, id) else {
            return;
        };
        let Some(known) = self.stacks[stack].resource(id).cloned() else {
            return;
        };
        let kind = known.kind.clone();
        let physical_id = if self.is_replaced(stack, id) {
            let physical_id = self.physical_id(stack, id, &kind, &properties);
            if let Some(operation) = &mut self.stacks[stack].operation {
                operation.leftovers.push(known);
            }
            Some(physical_id)
        } else {
            known.physical_id.clone()
        };
        if let Some(resource) = self.stacks[stack].resource_mut(id) {
            resource.physical_id = physical_id;
            resource.properties = properties;
            resource.open_properties = open_properties;
            resource.version += 1;
        }
    }

    fn restore(&mut self, stack: usize, id: &str) {
        let it = &mut self.stacks[stack];
        let Some(operation) = &mut it.operation else { return };
        let Some(before) = operation
            .before
            .resources
            .iter()
            .find(|before| before.id == id)
            .cloned()
        else {
            return;
        };
        operation.touched.remove(id);
        let Some(known) = it.resources.iter_mut().find(|known| known.id == id) else {
            return;
        };
        if known.physical_id != before.physical_id {
            // The old one stays after all, and the new one goes.
            operation
                .leftovers
                .retain(|leftover| leftover.physical_id != before.physical_id);
            operation.leftovers.push(known.clone());
        }
        let version = known.version + 1;
        *known = Resource { version, ..before };
    }

    fn unmake(&mut self, stack: usize, id: &str) {
        let Some(resource) = self.stacks[stack].resource_mut(id) else {
            return;
        };
        let (kind, physical_id) = (resource.kind.clone(), resource.physical_id.take());
        let physical_id = physical_id.unwrap_or_default();
        self.ended.insert((stack, id.to_owned()), physical_id.clone());
        match kind.as_str() {
            "AWS::S3::Bucket" => self.services.delete_bucket(&physical_id),
            "AWS::AutoScaling::AutoScalingGroup" => self.script.groups.retain(|group| group.name != physical_id),
            _ => {}
        }
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html>: "You can only
    /// delete empty buckets. Deletion fails for buckets that have contents."
    fn why_not_deleted(&mut self, stack: usize, id: &str) -> Option<String> {
        let resource = self.stacks[stack].resource(id)?;
        if resource.kind == "AWS::AutoScaling::AutoScalingGroup" {
            return self.group_stays(resource.physical_id.as_deref()?);
        }
        if resource.kind != "AWS::S3::Bucket" {
            return None;
        }
        let bucket = resource.physical_id.clone()?;
        self.services.is_about_to_delete(&bucket);
        self.services.holds_objects(&bucket).then(|| {
            "The bucket you tried to delete is not empty (Service: S3, Status Code: 409, Request ID: 0000000000000000)".to_owned()
        })
    }

    /// The name of a resource in its service.
    pub fn physical_id(&mut self, stack: usize, id: &str, kind: &str, properties: &Value) -> String {
        let unique = &self.unique()[..8];
        let given = super::kept::name(kind, properties);
        let name = given.map_or_else(|| format!("{}-{id}-{unique}", self.stacks[stack].name), str::to_owned);
        // A value of another resource that isn't there yet is no text for a name.
        let text = |name: &str| -> String {
            let text = properties[name].as_str().unwrap_or_default();
            text.chars().filter(|c| !c.is_control()).collect()
        };
        match kind {
            "AWS::SQS::Queue" => {
                format!(
                    "https://sqs.{}.amazonaws.com/{}/{name}",
                    self.script.region, self.script.account
                )
            }
            "AWS::SNS::Topic" => self.arn("sns", &name),
            // <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html>
            "AWS::SNS::Subscription" => format!("{}:{unique}", text("TopicArn")),
            // <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-autoscaling-scalingpolicy.html>
            "AWS::AutoScaling::ScalingPolicy" => {
                let group = text("AutoScalingGroupName");
                let policy = format!("scalingPolicy:{unique}:autoScalingGroupName/{group}:policyName/{name}");
                self.arn("autoscaling", &policy)
            }
            "AWS::EC2::LaunchTemplate" => format!("lt-{unique}"),
            "AWS::SSM::Parameter" if !text("Name").is_empty() => text("Name"),
            "AWS::Lambda::EventSourceMapping" => self.unique(),
            _ => name,
        }
    }

    /// What `Ref` (no attribute) and `Fn::GetAtt` of a resource give.
    pub fn value_of(&self, stack: &Stack, id: &str, attribute: Option<&str>) -> Value {
        let Some(resource) = stack.resource(id) else {
            return json!("");
        };
        let physical_id = resource.physical_id.clone().unwrap_or_default();
        let name = physical_id.rsplit(['/', ':']).next().unwrap_or_default();
        let service = resource.kind.split("::").nth(1).unwrap_or_default().to_lowercase();
        match attribute {
            None => json!(physical_id),
            Some("Arn" | "TopicArn") if physical_id.starts_with("arn:") => json!(physical_id),
            Some("Arn") => json!(self.arn(&service, name)),
            Some("QueueName" | "RoleName" | "TopicName") => json!(name),
            Some("LatestVersionNumber" | "DefaultVersionNumber") => json!(resource.version.to_string()),
            Some(other) => match resource.properties.get(other) {
                Some(given) => given.clone(),
                None => json!(format!("{name}.{other}")),
            },
        }
    }
}
