//! The stacks of an environment, part by part: what each template is given, and which values come from which stack.

pub(super) mod alerts;
mod artifacts;
mod dashboard;
mod delivery;
mod extras;
mod function;
pub(super) mod image;
mod instances;
mod intake;
pub(super) mod network;
mod results;
mod scaling;
mod secrets;
mod stage;
mod variables;
mod web;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::order::Source;
use super::tags::StackTags;
use super::templates::Templates;
use super::{LONGEST_INLINE_TEMPLATE, Placement, Stack, Value, names, quoting};
use crate::environment::problem::Problem;
use crate::environment::routes::Inseparable;
use crate::environment::{Active, Environment, OnDestroy, Workers};

const ARTIFACTS: &str = "artifacts";

/// What is put behind a template, at most: a digest of its stack's tags.
const LONGEST_MARK: usize = 128;

/// The parameter that carries the zones that were chosen.
const ZONES: &str = "Zones";

/// Makes the parts of one environment.
pub(super) struct Parts<'a> {
    pub environment: &'a Environment,
    pub placement: &'a Placement,
    pub templates: &'a Templates,
}

/// A stage's place among the others.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub index: usize,
    pub source: Source,
    /// The stages that its workers send jobs to, by name.
    pub feeds: &'a [&'a str],
}

/// Whose template it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Qfleet,
    Users,
}

impl Parts<'_> {
    fn on_destroy(&self) -> OnDestroy {
        self.environment.on_destroy()
    }

    /// Whether it stands by in this region.
    fn stands_by(&self) -> bool {
        self.environment.stands_by(&self.placement.region)
    }

    /// Which workers of a stage are at work in this region.
    fn active(&self, workers: &Workers) -> Active {
        match self.stands_by() {
            true => Active::None,
            false => workers.active(),
        }
    }

    fn stack(
        &self,
        part: &str,
        template: &str,
        context: &impl Serialize,
        parameters: BTreeMap<String, Value>,
        on_destroy: OnDestroy,
    ) -> Result<Stack, Problem> {
        let body = self.templates.render(template, context).map_err(broken)?;
        let makes_roles = body.contains("AWS::IAM::");
        let stack = self.assemble(part, body, parameters, Vec::new(), Origin::Qfleet, on_destroy);
        Ok(Stack { makes_roles, ..stack })
    }

    /// A stack that needs these parts, and those whose outputs it gets.
    fn assemble(
        &self,
        part: &str,
        mut body: String,
        parameters: BTreeMap<String, Value>,
        mut needs: Vec<String>,
        origin: Origin,
        on_destroy: OnDestroy,
    ) -> Stack {
        for value in parameters.values() {
            if let Value::Output { part, .. } = value
                && !needs.contains(part)
            {
                needs.push(part.clone());
            }
        }
        if body.len() + LONGEST_MARK > LONGEST_INLINE_TEMPLATE && part != ARTIFACTS && self.environment.has_programs() {
            // By its bucket it goes to CloudFormation.
            needs.push(ARTIFACTS.to_owned());
        }
        needs.sort();
        needs.dedup();
        let tags = StackTags {
            environment: self.environment.name.clone(),
            part: part.to_owned(),
            needs: needs.clone(),
            protect: self.environment.protect,
            on_destroy,
            own_template: origin == Origin::Users,
        };
        let tags = tags.write(&self.environment.tags);
        // JSON takes no comment.
        let takes_comments = !body.trim_start().starts_with('{');
        if let Some(hash) = quoting::hash_beyond_ascii(&tags).filter(|_| takes_comments) {
            // They may be read back with a `?` for each such character: by this, a change of one is seen all the same.
            let end = if body.ends_with('\n') { "" } else { "\n" };
            body.push_str(&format!("{end}# The stack's tags: {hash}\n"));
        }
        Stack {
            part: part.to_owned(),
            name: names::stack(&self.environment.name, part),
            makes_roles: false,
            names_roles: false,
            expands: false,
            file: None,
            rolling_update: None,
            active: None,
            pause: None,
            replicates_to: None,
            before_switch: None,
            in_service: None,
            secrets: BTreeSet::new(),
            body,
            parameters,
            tags,
            needs,
            protect: self.environment.protect,
        }
    }
}

/// A template that doesn't fit its context: nothing that the user could mend.
pub(super) fn broken(error: minijinja::Error) -> Problem {
    Problem::new("", format!("a template of qfleet's own is broken: {error:#}")).help("this is a bug in qfleet")
}

/// Where the file wasn't checked.
fn inseparable(found: &Inseparable) -> Problem {
    let at = format!("/stages/{}/only", found.stage);
    Problem::new(
        at,
        format!("it would get {}, too, which other stages want", found.files),
    )
}

fn output(part: &str, key: &str) -> Value {
    Value::Output {
        part: part.to_owned(),
        key: key.to_owned(),
    }
}
