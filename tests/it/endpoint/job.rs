//! One resource made, changed, put back or deleted, in time; with its events.

use super::diff::{differing, replaces};
use super::failures::Verb;
use super::operation::{JobState, OnFailure, Phase, Work};
use super::world::{Step, World};

/// In the recordings of test_immutable_property_update_causes_resource_replacement
/// (localstack/localstack tests/aws/services/cloudformation/test_change_set_ref.snapshot.json) a replaced resource is first
/// UPDATE_IN_PROGRESS with its old id and this reason, then with its new one and the other.
const REPLACES: &str = "Requested update requires the creation of a new physical resource; hence creating one.";
const INITIATED: &str = "Resource creation Initiated";

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
        let failure = failure.filter(|why| !self.has_left(stack, job, why));
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

    /// Whether a group's instances, which its deletion waited for, have left meanwhile.
    fn has_left(&mut self, stack: usize, job: usize, why: &str) -> bool {
        let operation = self.stacks[stack].operation.as_ref();
        let id = operation.map(|operation| operation.jobs[job].resource.clone());
        why.starts_with(super::draining::STAYS) && id.is_some_and(|id| self.why_not_deleted(stack, &id).is_none())
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
}
