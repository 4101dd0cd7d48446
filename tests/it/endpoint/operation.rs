//! Operations on stacks: phases of jobs, one job a resource, each begun when what it needs is done.
//!
//! The statuses and the ways between them:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html> and
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html>.

use std::collections::BTreeSet;

use super::state::{Definition, Resource, Stack};
use super::world::{Step, World};

/// What an operation is doing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Creating,
    RollingBackCreate,
    Updating,
    CleaningUp,
    RollingBackUpdate,
    CleaningUpRollback,
    Deleting,
}

/// What becomes of a stack whose first create fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    Rollback,
    Delete,
    Nothing,
}

/// An operation on a stack.
#[derive(Debug, Clone)]
pub struct Operation {
    /// `CREATE_STACK`, `UPDATE_STACK`, … as DescribeEvents names it.
    pub kind: &'static str,
    pub id: String,
    pub token: Option<String>,
    pub phase: Phase,
    pub jobs: Vec<Job>,
    pub wanted: Definition,
    pub tags_changed: bool,
    pub before: Box<Before>,
    /// Resources that were changed and must be changed back.
    pub touched: BTreeSet<String>,
    /// Resources that were replaced: what is left of them.
    pub leftovers: Vec<Resource>,
    pub on_failure: OnFailure,
}

/// A stack before an update.
#[derive(Debug, Clone, Default)]
pub struct Before {
    pub definition: Definition,
    pub resources: Vec<Resource>,
    pub outputs: std::collections::BTreeMap<String, String>,
}

/// Work on one resource.
#[derive(Debug, Clone)]
pub struct Job {
    pub resource: String,
    pub work: Work,
    pub needs: BTreeSet<String>,
    pub state: JobState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    Create,
    /// Changed in place or made anew, if it differs at all once the values of others are known.
    Apply,
    Restore,
    Delete,
    /// What is left of a replaced resource, by its index in the leftovers.
    DeleteLeftover(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    Waiting,
    Running,
    Done,
    Failed,
    /// Never begun, because of what failed.
    Dropped,
}

impl Job {
    pub fn new(resource: &str, work: Work, needs: BTreeSet<String>) -> Self {
        Job {
            resource: resource.to_owned(),
            work,
            needs,
            state: JobState::Waiting,
        }
    }
}

impl World {
    pub fn start_create(&mut self, stack: usize, wanted: Definition, token: Option<String>, on_failure: OnFailure) {
        let jobs = self.jobs_of(stack, &wanted);
        self.begin(
            stack,
            "CREATE_STACK",
            Phase::Creating,
            jobs,
            token,
            wanted.clone(),
            on_failure,
        );
        self.stacks[stack].definition = wanted;
        self.set_status(stack, "CREATE_IN_PROGRESS", Some("User Initiated".into()));
        self.go_on(stack);
    }

    pub fn start_update(&mut self, stack: usize, wanted: Definition, token: Option<String>, on_failure: OnFailure) {
        let jobs = self.jobs_of(stack, &wanted);
        let suspended = self.stacks[stack].suspended.take();
        self.begin(stack, "UPDATE_STACK", Phase::Updating, jobs, token, wanted, on_failure);
        let now = self.now;
        self.stacks[stack].updated = Some(now);
        if let (Some(suspended), Some(operation)) = (suspended, &mut self.stacks[stack].operation) {
            // An update of an UPDATE_FAILED stack goes back, if it must, to where that one came from.
            operation.before = suspended.before;
            operation.touched = suspended.touched;
            operation.leftovers = suspended.leftovers;
        }
        self.set_status(stack, "UPDATE_IN_PROGRESS", Some("User Initiated".into()));
        self.go_on(stack);
    }

    pub fn start_delete(&mut self, stack: usize, token: Option<String>, retain: Vec<String>) {
        self.cancel_running(stack, "CREATE_FAILED", "Resource creation cancelled");
        let jobs = self.delete_jobs(stack, |_| true);
        let wanted = self.stacks[stack].definition.clone();
        let jobs = jobs.into_iter().filter(|job| !retain.contains(&job.resource)).collect();
        self.begin(
            stack,
            "DELETE_STACK",
            Phase::Deleting,
            jobs,
            token,
            wanted,
            OnFailure::Rollback,
        );
        self.set_status(stack, "DELETE_IN_PROGRESS", Some("User Initiated".into()));
        for id in retain {
            self.set_resource_status(stack, &id, "DELETE_SKIPPED", None);
        }
        self.skip_kept(stack, false);
        self.go_on(stack);
    }

    /// Back to what was before the running or failed update.
    pub fn start_update_rollback(
        &mut self,
        stack: usize,
        kind: &'static str,
        reason: String,
        token: Option<String>,
        skip: &[String],
    ) {
        self.cancel_running(stack, "UPDATE_FAILED", "Resource update cancelled");
        let it = &mut self.stacks[stack];
        let Some(mut operation) = it.operation.take().or_else(|| it.suspended.take()) else {
            return;
        };
        let before = &operation.before.resources;
        let restored = before
            .iter()
            .filter(|resource| operation.touched.contains(&resource.id) && !skip.contains(&resource.id));
        operation.jobs = restored
            .map(|resource| Job::new(&resource.id, Work::Restore, resource.needs.clone()))
            .collect();
        operation.kind = kind;
        operation.token = token.or(operation.token);
        operation.phase = Phase::RollingBackUpdate;
        operation.touched.retain(|id| !skip.contains(id));
        it.operation = Some(operation);
        it.generation += 1;
        self.new_operation_id(stack);
        self.set_status(stack, "UPDATE_ROLLBACK_IN_PROGRESS", Some(reason));
        for id in skip {
            // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html:
            // "CloudFormation sets the status of the specified resources to UPDATE_COMPLETE".
            self.set_resource_status(stack, id, "UPDATE_COMPLETE", None);
        }
        self.go_on(stack);
    }

    #[allow(clippy::too_many_arguments)]
    fn begin(
        &mut self,
        stack: usize,
        kind: &'static str,
        phase: Phase,
        jobs: Vec<Job>,
        token: Option<String>,
        wanted: Definition,
        on_failure: OnFailure,
    ) {
        let it = &mut self.stacks[stack];
        it.generation += 1;
        it.operation = Some(Operation {
            kind,
            id: String::new(),
            token,
            phase,
            jobs,
            tags_changed: wanted.tags != it.definition.tags,
            before: Box::new(Before {
                definition: it.definition.clone(),
                resources: it.resources.clone(),
                outputs: it.outputs.clone(),
            }),
            wanted,
            touched: BTreeSet::new(),
            leftovers: Vec::new(),
            on_failure,
        });
        self.new_operation_id(stack);
    }

    /// Each operation has an id, and a rollback has another one than the update that failed
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html>).
    fn new_operation_id(&mut self, stack: usize) {
        let id = self.unique();
        let it = &mut self.stacks[stack];
        if let Some(operation) = &mut it.operation {
            operation.id = id.clone();
            it.last_operations.insert(0, (operation.kind, id));
        }
    }

    fn jobs_of(&self, stack: usize, wanted: &Definition) -> Vec<Job> {
        let it = &self.stacks[stack];
        let Some(template) = &wanted.template else {
            return Vec::new();
        };
        let parameters = wanted.values();
        let nothing = |_: &str, _: Option<&str>| serde_json::Value::Null;
        let values = self.values(it, &parameters, &nothing);
        let declared = template
            .resources()
            .filter(|(_, declared)| template.is_wanted(declared, &values));
        declared
            .map(|(id, _)| {
                let is_there = it.resource(id).is_some_and(|known| known.physical_id.is_some());
                Job::new(
                    id,
                    if is_there { Work::Apply } else { Work::Create },
                    template.needs(id),
                )
            })
            .collect()
    }

    /// Deletes of resources that are there, those first that nothing needs.
    fn delete_jobs(&self, stack: usize, which: impl Fn(&Resource) -> bool) -> Vec<Job> {
        let resources = &self.stacks[stack].resources;
        let gone = resources
            .iter()
            .filter(|resource| resource.physical_id.is_some() && which(resource));
        gone.map(|resource| {
            let users = resources.iter().filter(|user| user.needs.contains(&resource.id));
            Job::new(&resource.id, Work::Delete, users.map(|user| user.id.clone()).collect())
        })
        .collect()
    }

    /// Takes deletes from the agenda that the resources' policies forbid
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>).
    fn skip_kept(&mut self, stack: usize, first_create_failed: bool) {
        let Stack {
            operation, resources, ..
        } = &mut self.stacks[stack];
        let Some(operation) = operation else { return };
        let kept: Vec<String> = resources
            .iter()
            .filter(|resource| match resource.deletion_policy.as_str() {
                "Retain" => true,
                // "except for the stack operation that initially creates the resource"
                "RetainExceptOnCreate" => !first_create_failed,
                _ => false,
            })
            .map(|resource| resource.id.clone())
            .collect();
        let mut skipped = Vec::new();
        operation.jobs.retain(|job| {
            let keep = job.work == Work::Delete && kept.contains(&job.resource);
            if keep {
                skipped.push(job.resource.clone());
            }
            !keep
        });
        for id in skipped {
            self.set_resource_status(stack, &id, "DELETE_SKIPPED", None);
            if let Some(resource) = self.stacks[stack].resource_mut(&id) {
                resource.physical_id = None;
            }
        }
    }

    /// Begins every job that can begin; plans the phase's end when there are none left.
    pub fn go_on(&mut self, stack: usize) {
        loop {
            let Some(operation) = &mut self.stacks[stack].operation else {
                return;
            };
            let state_of = |jobs: &[Job], id: &str| jobs.iter().find(|job| job.resource == id).map(|job| job.state);
            let waiting = |job: &&Job| job.state == JobState::Waiting;
            let drops = operation.jobs.iter().filter(waiting).find(|job| {
                let mut states = job.needs.iter().filter_map(|need| state_of(&operation.jobs, need));
                states.any(|state| matches!(state, JobState::Failed | JobState::Dropped))
            });
            if let Some(dropped) = drops.map(|job| job.resource.clone()) {
                let job = operation
                    .jobs
                    .iter_mut()
                    .find(|job| job.resource == dropped && job.state == JobState::Waiting);
                job.into_iter().for_each(|job| job.state = JobState::Dropped);
                continue;
            }
            let ready = operation.jobs.iter().position(|job| {
                job.state == JobState::Waiting
                    && job
                        .needs
                        .iter()
                        .all(|need| state_of(&operation.jobs, need).is_none_or(|state| state == JobState::Done))
            });
            match ready {
                Some(job) => self.start_job(stack, job),
                None => break,
            }
        }
        let Some(operation) = &self.stacks[stack].operation else {
            return;
        };
        if operation
            .jobs
            .iter()
            .all(|job| !matches!(job.state, JobState::Waiting | JobState::Running))
        {
            let generation = self.stacks[stack].generation;
            self.plan(self.script.phases_take, Step::PhaseEnds { stack, generation });
        }
    }

    /// What runs is given up: the service says so about each resource.
    pub fn cancel_running(&mut self, stack: usize, status: &str, reason: &str) {
        let it = &mut self.stacks[stack];
        it.generation += 1;
        let Some(operation) = &mut it.operation else { return };
        let mut cancelled = Vec::new();
        for job in &mut operation.jobs {
            match job.state {
                JobState::Running => {
                    job.state = JobState::Failed;
                    cancelled.push((job.resource.clone(), job.work.clone()));
                }
                JobState::Waiting => job.state = JobState::Dropped,
                _ => {}
            }
        }
        for (id, work) in cancelled {
            // A resource of an update that was being made failed to be created, whatever the stack was doing.
            let (status, reason) = match work {
                Work::Create => ("CREATE_FAILED", "Resource creation cancelled"),
                _ => (status, reason),
            };
            self.set_resource_status(stack, &id, status, Some(reason));
        }
    }

    /// All jobs are done, or failed, or dropped: on to the next phase, or the end.
    pub fn phase_ends(&mut self, stack: usize) {
        let Some(operation) = &self.stacks[stack].operation else {
            return;
        };
        let phase = operation.phase;
        let failed: Vec<String> = operation
            .jobs
            .iter()
            .filter(|job| job.state == JobState::Failed)
            .map(|job| job.resource.clone())
            .collect();
        let list = failed.join(", ");
        match (phase, failed.is_empty()) {
            (Phase::Creating, true) => self.complete(stack, "CREATE_COMPLETE"),
            (Phase::Creating, false) => self.create_failed(stack, &list),
            (Phase::RollingBackCreate, true) => self.end(stack, "ROLLBACK_COMPLETE", None),
            (Phase::RollingBackCreate, false) => {
                self.end(
                    stack,
                    "ROLLBACK_FAILED",
                    Some(format!("The following resource(s) failed to delete: [{list}]. ")),
                );
            }
            (Phase::Deleting, true) => self.end(stack, "DELETE_COMPLETE", None),
            (Phase::Deleting, false) => {
                self.end(
                    stack,
                    "DELETE_FAILED",
                    Some(format!("The following resource(s) failed to delete: [{list}]. ")),
                );
            }
            (Phase::Updating, true) => self.clean_up(stack),
            (Phase::Updating, false) => self.update_failed(stack, &list),
            (Phase::CleaningUp, true) => self.end(stack, "UPDATE_COMPLETE", None),
            // What can't be deleted any more doesn't undo an update that is done.
            (Phase::CleaningUp, false) => {
                let reason = "Update successful. One or more resources could not be deleted.";
                self.end(stack, "UPDATE_COMPLETE", Some(reason.into()));
            }
            (Phase::RollingBackUpdate, true) => self.clean_up_rollback(stack),
            (Phase::RollingBackUpdate, false) => {
                let reason = format!("The following resource(s) failed to update: [{list}]. ");
                self.suspend(stack, "UPDATE_ROLLBACK_FAILED", reason);
            }
            (Phase::CleaningUpRollback, _) => self.end(stack, "UPDATE_ROLLBACK_COMPLETE", None),
        }
    }

    fn create_failed(&mut self, stack: usize, list: &str) {
        let reason = format!("The following resource(s) failed to create: [{list}]. ");
        let on_failure = self.stacks[stack]
            .operation
            .as_ref()
            .map(|operation| operation.on_failure);
        let (status, phase) = match on_failure {
            // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html: what was made
            // is preserved.
            Some(OnFailure::Nothing) => return self.suspend(stack, "CREATE_FAILED", reason),
            Some(OnFailure::Delete) => ("DELETE_IN_PROGRESS", Phase::Deleting),
            _ => ("ROLLBACK_IN_PROGRESS", Phase::RollingBackCreate),
        };
        let jobs = self.delete_jobs(stack, |_| true);
        self.next_phase(stack, phase, jobs);
        if let Some(operation) = &mut self.stacks[stack].operation {
            operation.kind = if phase == Phase::Deleting {
                "DELETE_STACK"
            } else {
                "ROLLBACK"
            };
        }
        self.new_operation_id(stack);
        let requested = if phase == Phase::Deleting { "Delete" } else { "Rollback" };
        self.set_status(stack, status, Some(format!("{reason}{requested} requested by user.")));
        self.skip_kept(stack, true);
        self.go_on(stack);
    }

    fn update_failed(&mut self, stack: usize, list: &str) {
        let reason = format!("The following resource(s) failed to update: [{list}]. ");
        let nothing = self.stacks[stack]
            .operation
            .as_ref()
            .is_some_and(|operation| operation.on_failure == OnFailure::Nothing);
        if nothing {
            if let Some(operation) = &self.stacks[stack].operation {
                let wanted = operation.wanted.clone();
                self.stacks[stack].definition = wanted;
            }
            self.suspend(stack, "UPDATE_FAILED", reason);
        } else {
            self.start_update_rollback(stack, "ROLLBACK", reason, None, &[]);
        }
    }

    /// The update is done; what isn't wanted any more is deleted.
    fn clean_up(&mut self, stack: usize) {
        let it = &mut self.stacks[stack];
        let Some(operation) = &it.operation else { return };
        let wanted: BTreeSet<String> = operation.jobs.iter().map(|job| job.resource.clone()).collect();
        it.definition = operation.wanted.clone();
        self.put_out(stack);
        let mut jobs = self.delete_jobs(stack, |resource| !wanted.contains(&resource.id));
        jobs.extend(self.leftover_jobs(stack, |leftover| leftover.update_replace_policy != "Retain"));
        self.next_phase(stack, Phase::CleaningUp, jobs);
        self.set_status(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
        self.skip_kept(stack, false);
        self.go_on(stack);
    }

    /// Everything is as it was; what the update had made is deleted.
    fn clean_up_rollback(&mut self, stack: usize) {
        let it = &mut self.stacks[stack];
        let Some(operation) = &it.operation else { return };
        let before = operation.before.clone();
        let made = |resource: &Resource| {
            !before
                .resources
                .iter()
                .any(|old| old.id == resource.id && old.physical_id.is_some())
        };
        it.definition = before.definition.clone();
        it.outputs = before.outputs.clone();
        let mut jobs = self.delete_jobs(stack, made);
        jobs.extend(self.leftover_jobs(stack, |_| true));
        self.next_phase(stack, Phase::CleaningUpRollback, jobs);
        self.set_status(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", None);
        self.go_on(stack);
    }

    fn leftover_jobs(&self, stack: usize, which: impl Fn(&Resource) -> bool) -> Vec<Job> {
        let leftovers = self.stacks[stack]
            .operation
            .iter()
            .flat_map(|operation| &operation.leftovers)
            .enumerate();
        leftovers
            .filter(|(_, leftover)| which(leftover))
            .map(|(index, leftover)| Job::new(&leftover.id, Work::DeleteLeftover(index), BTreeSet::new()))
            .collect()
    }

    fn next_phase(&mut self, stack: usize, phase: Phase, jobs: Vec<Job>) {
        let it = &mut self.stacks[stack];
        it.generation += 1;
        if let Some(operation) = &mut it.operation {
            operation.phase = phase;
            operation.jobs = jobs;
        }
    }

    fn complete(&mut self, stack: usize, status: &str) {
        self.put_out(stack);
        self.end(stack, status, None);
    }

    fn end(&mut self, stack: usize, status: &str, reason: Option<String>) {
        self.set_status(stack, status, reason);
        let it = &mut self.stacks[stack];
        if status.starts_with("UPDATE_") {
            // What was never made, or was made in vain, is no resource of the stack any more.
            it.resources.retain(|resource| resource.physical_id.is_some());
        }
        it.operation = None;
        it.suspended = None;
        it.generation += 1;
    }

    /// Over, but can be gone on with.
    fn suspend(&mut self, stack: usize, status: &str, reason: String) {
        self.set_status(stack, status, Some(reason));
        let it = &mut self.stacks[stack];
        it.suspended = it.operation.take();
        it.generation += 1;
    }

    /// A stack that was UPDATE_ROLLBACK_FAILED from the beginning: what failed is what is left to be put back.
    pub fn suspend_existing(&mut self, stack: usize) {
        let wanted = self.stacks[stack].definition.clone();
        self.begin(
            stack,
            "UPDATE_STACK",
            Phase::RollingBackUpdate,
            Vec::new(),
            None,
            wanted,
            OnFailure::Rollback,
        );
        let it = &mut self.stacks[stack];
        it.suspended = it.operation.take().map(|operation| Operation {
            touched: it
                .resources
                .iter()
                .filter(|resource| resource.status == "UPDATE_FAILED")
                .map(|resource| resource.id.clone())
                .collect(),
            ..operation
        });
    }

    /// Works out the stack's outputs.
    fn put_out(&mut self, stack: usize) {
        let it = &self.stacks[stack];
        let Some(template) = &it.definition.template else {
            return;
        };
        let parameters = it.definition.values();
        let resource = |id: &str, attribute: Option<&str>| self.value_of(it, id, attribute);
        let values = self.values(it, &parameters, &resource);
        let mut outputs: std::collections::BTreeMap<String, String> = template
            .section("Outputs")
            .map(|(key, output)| {
                (
                    key.clone(),
                    super::template::as_text(&template.resolve(&output["Value"], &values)),
                )
            })
            .collect();
        for ((of, key), value) in &self.script.outputs {
            if *of == it.name {
                outputs.insert(key.clone(), value.clone());
            }
        }
        self.stacks[stack].outputs = outputs;
    }
}
