//! What of a plan is approved, hashed: the same on another machine and minutes later, if nothing changed. So there are no
//! times in it, no names of change sets, no folders, and no numbers that a fleet changes by itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::digest::{Digest, Entry, KINDS, Kinds, Settings, Subject};
use crate::blueprint::notifications::Rule;
use crate::blueprint::template::Disposal;
use crate::blueprint::{Blueprint, Stack, Value};
use crate::cloud::cloudformation::change_set::{Action, Change, Replacement};
use crate::engine::hash::{Hash, Words};
use crate::engine::plan::existing_bucket::BucketPlan;
use crate::engine::plan::planner::Options;
use crate::engine::plan::surplus::SurplusStack;
use crate::engine::plan::{Plan, StackAction, StackPlan};
use crate::environment::{Active, Environment};

/// A plan, and all else that decides what a deploy of it does.
#[derive(Clone, Copy)]
pub struct Planned<'a> {
    pub plan: &'a Plan,
    pub blueprint: &'a Blueprint,
    pub environment: &'a Environment,
    pub options: &'a Options,
    /// Whether it is planned for the local emulator.
    pub local: bool,
}

/// An option, or what counts as one.
pub(super) struct Setting<'a> {
    pub(super) name: &'static str,
    /// None where it isn't given; nothing where it has no value.
    pub(super) values: Option<BTreeSet<Cow<'a, str>>>,
}

impl Setting<'_> {
    fn words(&self, words: Words) -> Words {
        let values = self.values.iter().flatten().map(AsRef::as_ref);
        words.word(self.name).flag(self.values.is_some()).list(values)
    }
}

/// Parts whose stacks change. What others take from their outputs isn't known before.
pub(super) type Changing = BTreeSet<String>;

impl Digest {
    pub fn of(planned: Planned<'_>) -> Digest {
        let changing = planned.plan.stacks.iter().filter(|stack| stack.changes_anything());
        let changing = changing.map(|stack| stack.part.clone()).collect();
        planned.digest(&changing)
    }

    /// The parts to whose stacks something is done.
    pub(super) fn changing(&self) -> Changing {
        let part = |subject: &Subject| match subject {
            Subject::Stack(part) => Some(part.clone()),
            Subject::Pruned(_) | Subject::Bucket(_) => None,
        };
        self.entries.keys().filter_map(part).collect()
    }
}

impl<'a> Planned<'a> {
    pub(super) fn digest(self, changing: &Changing) -> Digest {
        let plan = self.plan;
        let stacks = plan.stacks.iter().filter(|stack| stack.changes_anything());
        let stacks = stacks.filter_map(|planned| {
            let entry = self.entry(self.stack(&planned.part)?, planned, changing);
            Some((Subject::Stack(planned.part.clone()), entry))
        });
        let buckets = plan.existing_buckets.iter().filter(|bucket| bucket.changes_anything());
        let buckets = buckets.map(|bucket| (Subject::Bucket(bucket.bucket.clone()), self.of_bucket(bucket)));
        let pruned = plan.surplus.stacks.iter().filter(|_| plan.prunes);
        let pruned = pruned.map(|stack| (Subject::Pruned(stack.part.clone()), self.of_pruned(stack)));
        Digest {
            place: self.place().hash(),
            settings: self.hashed_settings(),
            entries: stacks.chain(buckets).chain(pruned).collect(),
        }
    }

    pub(super) fn stack(self, part: &str) -> Option<&'a Stack> {
        self.blueprint.stacks.iter().find(|stack| stack.part == part)
    }

    fn place(self) -> Words {
        let address = &self.plan.address;
        Words::about("place")
            .word(&address.account)
            .word(&address.region)
            .word(&address.environment)
            .flag(self.local)
    }

    /// The options that change what a deploy does, and for how long an environment is made.
    pub(super) fn settings(self) -> [Setting<'a>; 6] {
        let options = self.options;
        let parts: BTreeSet<&str> = self.blueprint.stacks.iter().map(|stack| stack.part.as_str()).collect();
        let only = parts.len() < self.blueprint.parts.len();
        let flag = |name, is_given: bool| Setting {
            name,
            values: is_given.then(BTreeSet::new),
        };
        let of = |name, values: BTreeSet<Cow<'a, str>>| Setting {
            name,
            values: (!values.is_empty()).then_some(values),
        };
        let plain = |values: &mut dyn Iterator<Item = &'a str>| values.map(Cow::from).collect();
        let lifetime = self.environment.lifetime.map(|lifetime| lifetime.as_secs().to_string());
        [
            of("--only", plain(&mut parts.into_iter().filter(|_| only))),
            flag("--prune", self.plan.prunes),
            of(
                "--allow-replace",
                plain(&mut options.allow_replace.iter().map(String::as_str)),
            ),
            flag("--disable-protection", options.disable_protection),
            of("--role-arn", plain(&mut options.manner.role_arn.as_deref().into_iter())),
            of("`lifetime`", lifetime.into_iter().map(Cow::from).collect()),
        ]
    }

    fn hashed_settings(self) -> Settings {
        self.settings()
            .map(|setting| setting.words(Words::about("setting")).hash())
    }

    /// What begins every hash of what something becomes.
    fn becomes(self, what: &str) -> Words {
        let settings = self.settings();
        settings
            .iter()
            .fold(self.place(), |words, setting| setting.words(words))
            .word(what)
    }

    fn entry(self, stack: &Stack, planned: &StackPlan, changing: &Changing) -> Entry {
        Entry {
            to: self.to(stack, planned, changing),
            acts: acts(planned, planned.termination_protection == Some(false)),
            changes: changes(stack, planned),
            kinds: self.kinds(stack, planned, changing),
        }
    }

    /// What a stack becomes, by kinds.
    fn kinds(self, stack: &Stack, planned: &StackPlan, changing: &Changing) -> Kinds {
        [
            Words::about("template").word(&stack.body).hash(),
            Words::about("parameters")
                .map(&self.parameters(stack, planned, changing))
                .hash(),
            Words::about("tags").map(&stack.tags).hash(),
            Words::about("programs").list(self.programs(stack)).hash(),
        ]
    }

    /// What its programs are called, by what is in them.
    fn programs(self, stack: &Stack) -> BTreeSet<&'a str> {
        let artifacts = self.blueprint.artifacts.iter();
        let programs = artifacts.filter(|artifact| artifact.stage == stack.part);
        programs.map(|artifact| artifact.key.as_str()).collect()
    }

    fn parameters(self, stack: &Stack, planned: &StackPlan, changing: &Changing) -> BTreeMap<String, String> {
        let output = |part: &str, key: &str| self.plan.outputs.get(part)?.get(key);
        let mut parameters = BTreeMap::new();
        for (name, value) in &stack.parameters {
            let value = match value {
                // It stands in the template.
                Value::Default(_) => continue,
                // The fleet has grown or shrunk until then.
                Value::InService(_) => "in service".to_owned(),
                Value::Literal(text) => format!("is {text}"),
                Value::Ssm(path) => {
                    let resolved = planned.resolved.get(name).map_or("?", String::as_str);
                    format!("{path} is {resolved}")
                }
                Value::Zones(_) | Value::DefaultVpc | Value::DefaultSubnets(_) => {
                    let chosen = planned.current.chosen.get(name).map_or("", String::as_str);
                    format!("chosen {chosen}")
                }
                Value::Output { part, key } if changing.contains(part) => format!("output {part} {key}"),
                Value::Output { part, key } => match output(part, key) {
                    Some(text) => format!("is {text}"),
                    None => "missing".to_owned(),
                },
            };
            parameters.insert(name.clone(), value);
        }
        parameters
    }

    /// What a stack becomes.
    pub(super) fn to(self, stack: &Stack, planned: &StackPlan, changing: &Changing) -> Hash<24> {
        self.becomes("stack")
            .word(&stack.name)
            .word(&stack.part)
            .word(&stack.body)
            .map(&self.parameters(stack, planned, changing))
            .map(&stack.tags)
            .list(self.programs(stack))
            .flag(stack.protect)
            .flag(stack.makes_roles)
            .flag(stack.names_roles)
            .flag(stack.expands)
            .hash()
    }

    /// Whom a bucket of others tells in the end: of an environment that left it, nobody.
    pub(super) fn bucket_to(self, bucket: &str) -> Hash<24> {
        let wanted = self.blueprint.notifications.as_ref();
        let rules = wanted.filter(|wanted| wanted.bucket == bucket);
        let rules: BTreeSet<&Rule> = rules.iter().flat_map(|wanted| &wanted.rules).collect();
        let words = rules
            .iter()
            .flat_map(|rule| [rule.topic.as_str(), &rule.prefix, &rule.suffix]);
        self.becomes("bucket").word(bucket).list(words).hash()
    }

    fn of_bucket(self, plan: &BucketPlan) -> Entry {
        let added: BTreeSet<&Rule> = plan.merge.added.iter().collect();
        let added = added
            .iter()
            .flat_map(|rule| [rule.topic.as_str(), &rule.prefix, &rule.suffix]);
        let removed: BTreeSet<[&str; 3]> = plan
            .merge
            .removed
            .iter()
            .map(|entry| [entry.destination.as_str(), &entry.prefix, &entry.suffix])
            .collect();
        Entry {
            to: self.bucket_to(&plan.bucket),
            acts: Words::about("bucket").hash(),
            changes: Words::about("notifications")
                .list(added)
                .list(removed.into_iter().flatten())
                .hash(),
            kinds: KINDS.map(|kind| Words::about(kind).hash()),
        }
    }

    /// How much is in what goes changes by itself; what goes, and what stays, doesn't.
    fn of_pruned(self, stack: &SurplusStack) -> Entry {
        let data = &stack.data;
        let buckets = data.buckets.iter().map(|one| (one.bucket.as_str(), one.kept));
        let queues = data.queues.iter().map(|one| (one.queue.as_str(), one.kept));
        let tables = data.tables.iter().map(|one| (one.table.as_str(), one.kept));
        let others = data
            .others
            .iter()
            .map(|one| (one.name.as_str(), one.kept || one.snapshot));
        let holds: BTreeSet<(&str, bool)> = buckets.chain(queues).chain(tables).chain(others).collect();
        let holds = holds
            .into_iter()
            .flat_map(|(name, kept)| [name, if kept { "stays" } else { "goes" }]);
        Entry {
            to: self.becomes("nothing").word(&stack.stack).hash(),
            acts: Words::about("holds").list(holds).hash(),
            changes: Words::about("destroyed").hash(),
            kinds: KINDS.map(|kind| Words::about(kind).hash()),
        }
    }
}

/// What a stack is now, and what is done to it besides what CloudFormation changes. `unprotects`: its termination protection
/// is taken off.
pub(super) fn acts(planned: &StackPlan, unprotects: bool) -> Hash<9> {
    let (action, from) = match planned.action {
        // A failed first create holds nothing: what comes of both is the same.
        StackAction::Create | StackAction::Recreate => ("create", None),
        StackAction::Update => ("update", planned.from.as_deref()),
        StackAction::Unchanged => ("unchanged", planned.from.as_deref()),
        StackAction::Busy | StackAction::Refused => ("nothing", None),
    };
    let taken_in: BTreeSet<[&str; 3]> = planned
        .existing
        .iter()
        .map(|one| [one.logical_id.as_str(), &one.resource_type, &one.physical_id])
        .collect();
    let active = |active: Active| match active {
        Active::Instances => "instances",
        Active::Lambda => "lambda",
        Active::None => "none",
    };
    let switch = planned.switch.map(|switch| [active(switch.from), active(switch.to)]);
    let lowered = planned.lowered.as_ref().filter(|lowered| lowered.put_back);
    let disabled: BTreeSet<&str> = planned.disabled.iter().map(|mapping| mapping.uuid.as_str()).collect();
    Words::about("acts")
        .word(action)
        .maybe(from)
        .list(taken_in.into_iter().flatten())
        .list(switch.into_iter().flatten())
        .maybe(lowered.map(|lowered| lowered.group.as_str()))
        .list(disabled)
        .flag(unprotects)
        .hash()
}

/// What CloudFormation says it would change. Of a stack that is made it says the same as the template, unless macros make
/// something else of that.
fn changes(stack: &Stack, planned: &StackPlan) -> Hash<9> {
    let creates = matches!(planned.action, StackAction::Create | StackAction::Recreate);
    if creates && !stack.expands {
        return Words::about("made").hash();
    }
    let mut all: Vec<Vec<String>> = planned.changes.iter().filter_map(change).collect();
    all.sort();
    let words = Words::about("changes").flag(planned.rolling_update.is_some());
    let each = |words: Words, change: &Vec<String>| words.list(change.iter().map(String::as_str));
    all.iter().fold(words, each).hash()
}

/// How many instances a rolling update keeps in service follows the fleet, which changes by itself.
const UPDATE_POLICY: &str = "/UpdatePolicy";

fn change(change: &Change) -> Option<Vec<String>> {
    let Change {
        action,
        logical_id,
        resource_type,
        replacement,
        disposal,
        properties,
        // The service's name of it may be made up by CloudFormation.
        physical_id: _,
    } = change;
    let counts = |path: &str| !path.starts_with(UPDATE_POLICY);
    let only_follows = *action == Action::Modify
        && *replacement == Replacement::No
        && !properties.is_empty()
        && !properties.iter().any(|property| counts(&property.path));
    if only_follows {
        return None;
    }
    let action = match action {
        Action::Add => "add",
        Action::Modify => "modify",
        Action::Remove => "remove",
        Action::Import => "import",
        Action::Dynamic => "dynamic",
        Action::Unknown(word) => word,
    };
    let disposal = match disposal {
        Some(Disposal::Deleted) => "deleted",
        Some(Disposal::Snapshot) => "snapshot",
        Some(Disposal::Kept) => "kept",
        None => "",
    };
    // Below the property, what is said depends on which of two reads of a change set says it.
    let mut changed: BTreeMap<String, Replacement> = BTreeMap::new();
    for property in properties.iter().filter(|property| counts(&property.path)) {
        let head: Vec<&str> = property.path.splitn(4, '/').take(3).collect();
        let known = changed.entry(head.join("/")).or_insert(property.replacement);
        *known = property.replacement.max(*known);
    }
    let words = [action, logical_id, resource_type, replaces(*replacement), disposal];
    let words = words.into_iter().map(str::to_owned);
    let properties = changed
        .into_iter()
        .flat_map(|(head, how)| [head, replaces(how).to_owned()]);
    Some(words.chain(properties).collect())
}

fn replaces(replacement: Replacement) -> &'static str {
    match replacement {
        Replacement::No => "stays",
        Replacement::Maybe => "may be replaced",
        Replacement::Yes => "is replaced",
    }
}
