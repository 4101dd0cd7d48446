//! Everything the endpoint knows, and its agenda: what happens at which time. It catches up whenever it is asked
//! something, so it needs no task of its own and works on a paused clock.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::auto_scaling::Activity;
use super::calls::Call;
use super::clock::Clock;
use super::existing::Existing;
use super::script::{Happening, Script};
use super::services::Services;
use super::state::{Definition, Event, Resource, Stack};
use super::template::{Template, as_text};

#[derive(Clone)]
pub struct World {
    pub clock: Clock,
    /// The time that is being caught up with.
    pub now: Instant,
    pub script: Script,
    pub stacks: Vec<Stack>,
    pub past: super::stale::Past,
    pub services: Services,
    /// Of Auto Scaling, oldest first.
    pub activities: Vec<Activity>,
    pub calls: Vec<Call>,
    pub complaints: Vec<String>,
    pub detections: Vec<super::drift::Detection>,
    /// What outlived its stack: physical ids and types.
    pub kept: BTreeMap<String, String>,
    /// What resources were called that left their stack, by its place and their name in it.
    pub ended: std::collections::BTreeMap<(usize, String), String>,
    /// Groups that are being rolled.
    pub rolling: Vec<super::rolling_update::Rolling>,
    /// When, of which group, and how many instances were in service then.
    pub counts: Vec<(Instant, String, usize)>,
    agenda: BTreeMap<(Instant, u64), Step>,
    pub(super) counter: u64,
}

/// Something that happens at a time. `stack` is an index, `generation` that of the stack when the step was planned.
#[derive(Debug, Clone)]
pub enum Step {
    ChangeSetBegins {
        stack: usize,
        id: String,
    },
    ChangeSetEnds {
        stack: usize,
        id: String,
    },
    JobSays {
        stack: usize,
        generation: u64,
        job: usize,
        reason: &'static str,
    },
    JobEnds {
        stack: usize,
        generation: u64,
        job: usize,
        failure: Option<String>,
    },
    PhaseEnds {
        stack: usize,
        generation: u64,
    },
    Becomes {
        stack: usize,
        generation: u64,
        status: String,
    },
    Happens(Happening),
    InstanceLeaves {
        id: String,
    },
    MappingBecomes {
        state: &'static str,
    },
    InstanceIsLaunched {
        group: String,
    },
    InstanceIsUp {
        id: String,
    },
    BatchIsUp {
        group: String,
        failure: Option<String>,
    },
}

impl World {
    pub fn new(script: Script) -> Self {
        let clock = Clock::new();
        let mut world = World {
            clock,
            now: clock.started,
            stacks: Vec::new(),
            past: super::stale::Past::default(),
            services: Services::default(),
            activities: Vec::new(),
            calls: Vec::new(),
            complaints: Vec::new(),
            detections: Vec::new(),
            kept: BTreeMap::new(),
            ended: std::collections::BTreeMap::new(),
            rolling: Vec::new(),
            counts: Vec::new(),
            agenda: BTreeMap::new(),
            counter: 0,
            script,
        };
        for existing in world.script.existing.clone() {
            world.add_existing(&existing);
        }
        for (time, happening) in world.script.happenings.clone() {
            world.plan(time, Step::Happens(happening));
        }
        world.remember();
        world
    }

    /// Before the first request: the script's times count from now. A process may take its time to start.
    pub fn start_counting(&mut self) {
        if self.calls.is_empty() {
            let late = self.clock.started.elapsed();
            self.clock = Clock::new();
            self.now = self.clock.started;
            let agenda = std::mem::take(&mut self.agenda).into_iter();
            self.agenda = agenda.map(|((at, number), step)| ((at + late, number), step)).collect();
        }
    }

    /// Does everything that was due until now.
    pub fn catch_up(&mut self) {
        let until = Instant::now();
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > until {
                break;
            }
            let ((at, _), step) = entry.remove_entry();
            self.now = at;
            self.take(step);
            self.remember();
        }
        self.now = until;
    }

    /// What is under way ends now, however long it was to take.
    pub fn hurry(&mut self) {
        let agenda = std::mem::take(&mut self.agenda).into_values();
        self.agenda = (0..)
            .zip(agenda)
            .map(|(number, step)| ((self.now, number), step))
            .collect();
    }

    /// Puts a step on the agenda.
    pub fn plan(&mut self, after: Duration, step: Step) {
        self.counter += 1;
        self.agenda.insert((self.now + after, self.counter), step);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::ChangeSetBegins { stack, id } => self.change_set_begins(stack, &id),
            Step::ChangeSetEnds { stack, id } => self.change_set_ends(stack, &id),
            Step::JobSays {
                stack,
                generation,
                job,
                reason,
            } if self.stacks[stack].generation == generation => {
                self.job_says(stack, job, reason);
            }
            Step::JobEnds {
                stack,
                generation,
                job,
                failure,
            } if self.stacks[stack].generation == generation => {
                self.job_ends(stack, job, failure);
            }
            Step::PhaseEnds { stack, generation } if self.stacks[stack].generation == generation => {
                self.phase_ends(stack)
            }
            Step::Becomes {
                stack,
                generation,
                status,
            } if self.stacks[stack].generation == generation => {
                self.set_status(stack, &status, None);
            }
            Step::Happens(happening) => self.happens(happening),
            Step::InstanceLeaves { id } => self.instance_leaves(&id),
            Step::MappingBecomes { state } => self.mapping_becomes(state),
            Step::InstanceIsLaunched { group } => self.instance_is_launched(&group),
            Step::InstanceIsUp { id } => self.instance_is_up(&id),
            Step::BatchIsUp { group, failure } => self.batch_is_up(&group, failure),
            // Of an operation that was cancelled or is over.
            _ => {}
        }
        self.count_in_service();
    }

    /// A name that is used once: hexadecimal, like a UUID's digits.
    pub fn unique(&mut self) -> String {
        self.counter += 1;
        format!("{:08x}-0000-4000-8000-{:012x}", self.counter, self.counter)
    }

    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!(
            "arn:aws:{service}:{}:{}:{resource}",
            self.script.region, self.script.account
        )
    }

    /// Writes an event about a resource, or about the stack itself (`resource` is its name).
    pub fn event(&mut self, stack: usize, resource: &str, status: &str, reason: Option<&str>) {
        let unique = self.unique();
        let at = self.now;
        let stack = &mut self.stacks[stack];
        let (physical_id, kind) = match stack.resource(resource) {
            Some(resource) => (resource.physical_id.clone().unwrap_or_default(), resource.kind.clone()),
            None => (stack.id.clone(), "AWS::CloudFormation::Stack".to_owned()),
        };
        let operation = stack
            .operation
            .as_ref()
            .map(|operation| (operation.kind, operation.id.clone()));
        stack.events.push(Event {
            id: if kind == "AWS::CloudFormation::Stack" {
                unique
            } else {
                format!("{resource}-{status}-{unique}")
            },
            at,
            operation,
            token: stack.operation.as_ref().and_then(|operation| operation.token.clone()),
            resource_id: resource.to_owned(),
            physical_id,
            kind,
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
        });
    }

    /// A new status of the stack, and its event.
    pub fn set_status(&mut self, stack: usize, status: &str, reason: Option<String>) {
        let now = self.now;
        let it = &mut self.stacks[stack];
        it.status = status.to_owned();
        it.reason = reason.clone();
        if matches!(
            status,
            "CREATE_COMPLETE"
                | "UPDATE_COMPLETE"
                | "UPDATE_ROLLBACK_COMPLETE"
                | "IMPORT_COMPLETE"
                | "IMPORT_ROLLBACK_COMPLETE"
        ) {
            it.was_complete = true;
        }
        // DeletionTime is when deleting began, of a rollback's, too; and the change set that made the stack isn't named
        // any more when nothing of it is left (recordings of test_blocked_stack_deletion, test_describe_change_set_import).
        if matches!(status, "DELETE_IN_PROGRESS" | "ROLLBACK_IN_PROGRESS") {
            it.deleted = Some(now);
        }
        if matches!(status, "DELETE_COMPLETE" | "ROLLBACK_COMPLETE") {
            it.deleted = it.deleted.or(Some(now));
            it.change_set_id = None;
        }
        if status == "DELETE_COMPLETE" {
            // Those that were executed can still be read by their ARN (recording of test_name_conflicts).
            it.change_sets.retain(|known| !known.is_active());
        }
        let name = it.name.clone();
        self.event(stack, &name, status, reason.as_deref());
    }

    /// A new status of a resource, and its event.
    pub fn set_resource_status(&mut self, stack: usize, id: &str, status: &str, reason: Option<&str>) {
        let now = self.now;
        if let Some(resource) = self.stacks[stack].resource_mut(id) {
            resource.status = status.to_owned();
            resource.reason = reason.map(str::to_owned);
            resource.changed = now;
        }
        self.event(stack, id, status, reason);
    }

    /// An empty stack.
    pub fn add_stack(&mut self, name: &str) -> usize {
        let unique = self.unique();
        let id = self.arn("cloudformation", &format!("stack/{name}/{unique}"));
        self.stacks.push(Stack {
            id,
            name: name.to_owned(),
            status: String::new(),
            reason: None,
            created: self.now,
            updated: None,
            deleted: None,
            definition: Definition::default(),
            outputs: BTreeMap::new(),
            resources: Vec::new(),
            events: Vec::new(),
            change_sets: Vec::new(),
            change_set_id: None,
            protected: false,
            drift: None,
            disable_rollback: false,
            was_complete: false,
            operation: None,
            suspended: None,
            last_operations: Vec::new(),
            tokens: BTreeMap::new(),
            stale: None,
            generation: 0,
        });
        self.stacks.len() - 1
    }

    /// A stack that is there from the beginning, or that somebody else made since.
    pub fn add_existing(&mut self, existing: &Existing) {
        let stack = self.add_stack(&existing.name);
        let template = Template::parse(&existing.body).expect("the script's template");
        let definition = Definition {
            template: Some(template.clone()),
            parameters: existing.parameters.clone(),
            tags: existing.tags.clone(),
            ..Definition::default()
        };
        self.stacks[stack].definition = definition.clone();
        for number in 0..existing.events {
            self.event(
                stack,
                &existing.name,
                "UPDATE_COMPLETE",
                Some(&format!("of earlier, {number}")),
            );
        }
        // Without events of earlier operations, it begins with its create, and all of that is known.
        let in_create = ["CREATE_", "ROLLBACK_"]
            .iter()
            .any(|first| existing.status.starts_with(first));
        if existing.events == 0 && !matches!(existing.status.as_str(), "CREATE_IN_PROGRESS" | "REVIEW_IN_PROGRESS") {
            self.event(stack, &existing.name, "CREATE_IN_PROGRESS", Some("User Initiated"));
            if !in_create {
                self.event(stack, &existing.name, "CREATE_COMPLETE", None);
            }
        }
        // A failed first create leaves nothing; all others have their resources.
        let usual = match existing.status.as_str() {
            "ROLLBACK_COMPLETE" | "DELETE_COMPLETE" => "DELETE_COMPLETE",
            "REVIEW_IN_PROGRESS" => "",
            _ => "CREATE_COMPLETE",
        };
        if usual.is_empty() {
            self.stacks[stack].definition = Definition::default();
        } else {
            for (id, declared) in template.resources() {
                let (status, reason) = match existing.resource_statuses.get(id) {
                    Some((status, reason)) => (status.clone(), Some(reason.clone())),
                    None => (usual.to_owned(), None),
                };
                let open_properties = self.open_properties(&self.stacks[stack], &definition, declared);
                let physical_id = self.physical_id(stack, id, &as_text(&declared["Type"]), &open_properties);
                let resource = Resource {
                    physical_id: (!status.starts_with("DELETE_COMPLETE")).then_some(physical_id),
                    ..Resource::declared(id, declared, &template, self.now)
                };
                self.stacks[stack].resources.push(Resource {
                    properties: open_properties.clone(),
                    open_properties,
                    ..resource
                });
                self.set_resource_status(stack, id, &status, reason.as_deref());
            }
        }
        self.set_status(stack, &existing.status, existing.reason.clone());
        let it = &mut self.stacks[stack];
        it.outputs = existing.outputs.clone();
        it.protected = existing.protected;
        it.drift = existing.drift.clone();
        it.was_complete |= existing.status.starts_with("UPDATE_");
        let generation = it.generation;
        if let Some((after, status)) = existing.ends.clone() {
            self.plan(
                after,
                Step::Becomes {
                    stack,
                    generation,
                    status,
                },
            );
        }
    }

    fn happens(&mut self, happening: Happening) {
        let (Happening::Operation { stack: name, .. } | Happening::Delete { stack: name }) = &happening;
        let Some(stack) = self.find(name) else { return };
        match happening {
            Happening::Operation {
                during, takes, then, ..
            } => {
                self.stacks[stack].generation += 1;
                let generation = self.stacks[stack].generation;
                self.set_status(stack, &during, Some("User Initiated".into()));
                self.plan(
                    takes,
                    Step::Becomes {
                        stack,
                        generation,
                        status: then,
                    },
                );
            }
            Happening::Delete { .. } => self.start_delete(stack, None, Vec::new(), false),
        }
    }

    /// The stack of this name, or of this ARN; of a name only one that is there.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.stacks
            .iter()
            .rposition(|stack| stack.id == name || (stack.name == name && stack.is_there()))
    }
}
