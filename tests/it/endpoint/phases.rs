//! How an operation gets on: jobs begun and given up, one phase after the other, and the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::operation::{Job, JobState, OnFailure, Phase, Work};
use super::state::Resource;
use super::template::as_text;
use super::world::{Step, World};

/// How long a stack stays in a phase that has no resource to work on, e.g. a cleanup.
const PHASE: Duration = Duration::from_millis(10);

impl World {
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
            self.plan(PHASE, Step::PhaseEnds { stack, generation });
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
            (Phase::Importing, true) => self.complete_import(stack),
            // What was taken in leaves the stack as it came. A stack that was not there before ends like a create that was
            // rolled back (ministack, see imports.rs).
            (Phase::Importing, false) => {
                self.set_status(
                    stack,
                    "IMPORT_ROLLBACK_IN_PROGRESS",
                    Some(format!("The following resource(s) failed to import: [{list}]. ")),
                );
                self.next_phase(stack, Phase::RollingBackImport, Vec::new());
                self.go_on(stack);
            }
            (Phase::RollingBackImport, _) => self.release_imports(stack),
            (Phase::Deleting, true) => self.end(stack, "DELETE_COMPLETE", None),
            (Phase::Deleting, false) => {
                self.end(
                    stack,
                    "DELETE_FAILED",
                    Some(format!("The following resource(s) failed to delete: [{list}]. ")),
                );
            }
            (Phase::Updating, true) => {
                self.drift_is_gone(stack);
                self.clean_up(stack);
            }
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

    fn complete_import(&mut self, stack: usize) {
        let it = &mut self.stacks[stack];
        if let Some(operation) = &it.operation {
            it.definition = operation.wanted.clone();
        }
        self.end(stack, "IMPORT_COMPLETE", None);
    }

    fn release_imports(&mut self, stack: usize) {
        let Some(operation) = &self.stacks[stack].operation else {
            return;
        };
        let (before, imports) = (operation.before.clone(), operation.imports.clone());
        for id in imports.keys() {
            self.set_resource_status(stack, id, "IMPORT_ROLLBACK_COMPLETE", None);
            self.outlives(stack, id);
        }
        let it = &mut self.stacks[stack];
        it.resources = before.resources;
        let was_there = it.definition.template.is_some();
        self.end(
            stack,
            if was_there {
                "IMPORT_ROLLBACK_COMPLETE"
            } else {
                "ROLLBACK_COMPLETE"
            },
            None,
        );
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
        self.adopt_policies(stack);
        self.put_out(stack);
        let mut jobs = self.delete_jobs(stack, |resource| !wanted.contains(&resource.id));
        jobs.extend(self.leftover_jobs(stack, |leftover| leftover.update_replace_policy != "Retain"));
        self.next_phase(stack, Phase::CleaningUp, jobs);
        self.set_status(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
        self.skip_kept(stack, false);
        for job in self.leftover_jobs(stack, |leftover| leftover.update_replace_policy == "Retain") {
            self.event_of_delete(stack, &job.resource, &job.work, "DELETE_SKIPPED", None);
        }
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

    /// What becomes of resources is what the template in force says.
    fn adopt_policies(&mut self, stack: usize) {
        let it = &mut self.stacks[stack];
        let Some(template) = &it.definition.template else {
            return;
        };
        for resource in &mut it.resources {
            let declared = &template.tree["Resources"][&resource.id];
            if declared.is_object() {
                let policy = |name: &str| declared[name].as_str().unwrap_or("Delete").to_owned();
                resource.deletion_policy = policy("DeletionPolicy");
                resource.update_replace_policy = policy("UpdateReplacePolicy");
            }
        }
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

    /// Works out the stack's outputs.
    fn put_out(&mut self, stack: usize) {
        let it = &self.stacks[stack];
        let Some(template) = &it.definition.template else {
            return;
        };
        let parameters = it.definition.values();
        let resource = |id: &str, attribute: Option<&str>| self.value_of(it, id, attribute);
        let values = self.values(it, &parameters, &resource);
        let mut outputs: BTreeMap<String, String> = template
            .section("Outputs")
            .map(|(key, output)| (key.clone(), as_text(&template.resolve(&output["Value"], &values))))
            .collect();
        for ((of, key), value) in &self.script.outputs {
            if *of == it.name {
                outputs.insert(key.clone(), value.clone());
            }
        }
        self.stacks[stack].outputs = outputs;
    }
}
