//! Operations on stacks: phases of jobs, one job a resource, each begun when what it needs is done.
//!
//! The statuses and the ways between them:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html> and
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html>.

use std::collections::{BTreeMap, BTreeSet};

use super::state::{Definition, Resource, Stack};
use super::world::World;

/// What an operation is doing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Creating,
    RollingBackCreate,
    Importing,
    RollingBackImport,
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
    /// Resources that drifted, to be put back whatever the templates say.
    pub reverts: BTreeSet<String>,
    pub before: Box<Before>,
    /// Resources that were changed and must be changed back.
    pub touched: BTreeSet<String>,
    /// Resources that were replaced: what is left of them.
    pub leftovers: Vec<Resource>,
    pub on_failure: OnFailure,
    /// Resources that are taken in as they are rather than made, with their physical ids.
    pub imports: BTreeMap<String, String>,
    /// `FORCE_DELETE_STACK`: what can't be deleted is left.
    pub forced: bool,
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
    pub fn start_create(
        &mut self,
        stack: usize,
        wanted: Definition,
        token: Option<String>,
        on_failure: OnFailure,
        imports: BTreeMap<String, String>,
    ) {
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
        if let Some(operation) = &mut self.stacks[stack].operation {
            operation.imports = imports;
        }
        self.set_status(stack, "CREATE_IN_PROGRESS", Some("User Initiated".into()));
        self.go_on(stack);
    }

    pub fn start_update(
        &mut self,
        stack: usize,
        wanted: Definition,
        token: Option<String>,
        on_failure: OnFailure,
        reverts: BTreeSet<String>,
        imports: BTreeMap<String, String>,
    ) {
        let jobs = self.jobs_of(stack, &wanted);
        let suspended = self.stacks[stack].suspended.take();
        self.begin(stack, "UPDATE_STACK", Phase::Updating, jobs, token, wanted, on_failure);
        let now = self.now;
        self.stacks[stack].updated = Some(now);
        if let Some(operation) = &mut self.stacks[stack].operation {
            operation.reverts = reverts;
            operation.imports = imports;
        }
        if let (Some(suspended), Some(operation)) = (suspended, &mut self.stacks[stack].operation) {
            // An update of an UPDATE_FAILED stack goes back, if it must, to where that one came from.
            operation.before = suspended.before;
            operation.touched = suspended.touched;
            operation.leftovers = suspended.leftovers;
        }
        self.set_status(stack, "UPDATE_IN_PROGRESS", Some("User Initiated".into()));
        self.go_on(stack);
    }

    /// Nothing else changes. "IMPORT_IN_PROGRESS, … IMPORT_COMPLETE" of the stack, also of one that was not there before
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html>).
    pub fn start_import(
        &mut self,
        stack: usize,
        wanted: Definition,
        token: Option<String>,
        imports: BTreeMap<String, String>,
    ) {
        let jobs = self.jobs_of(stack, &wanted);
        let jobs = jobs.into_iter().filter(|job| job.work == Work::Create).collect();
        self.begin(
            stack,
            "IMPORT_STACK",
            Phase::Importing,
            jobs,
            token,
            wanted,
            OnFailure::Rollback,
        );
        if let Some(operation) = &mut self.stacks[stack].operation {
            operation.imports = imports;
        }
        self.set_status(stack, "IMPORT_IN_PROGRESS", Some("User Initiated".into()));
        self.go_on(stack);
    }

    pub fn start_delete(&mut self, stack: usize, token: Option<String>, retain: Vec<String>, forced: bool) {
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
        if let Some(operation) = &mut self.stacks[stack].operation {
            operation.forced = forced;
        }
        self.set_status(stack, "DELETE_IN_PROGRESS", Some("User Initiated".into()));
        for id in retain {
            self.set_resource_status(stack, &id, "DELETE_SKIPPED", None);
            self.outlives(stack, &id);
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
            reverts: BTreeSet::new(),
            before: Box::new(Before {
                definition: it.definition.clone(),
                resources: it.resources.clone(),
                outputs: it.outputs.clone(),
            }),
            wanted,
            touched: BTreeSet::new(),
            leftovers: Vec::new(),
            on_failure,
            imports: BTreeMap::new(),
            forced: false,
        });
        self.new_operation_id(stack);
    }

    /// Each operation has an id, and a rollback has another one than the update that failed
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html>).
    pub fn new_operation_id(&mut self, stack: usize) {
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
    pub fn delete_jobs(&self, stack: usize, which: impl Fn(&Resource) -> bool) -> Vec<Job> {
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
    pub fn skip_kept(&mut self, stack: usize, first_create_failed: bool) {
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
            self.outlives(stack, &id);
        }
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
}
