//! What must hold across the keys of an environment file, and what a JSON Schema can't say about one.

mod alerts;
mod browsers;
mod bucket;
mod capacity;
mod delivery;
mod drift;
mod extras;
mod flow;
mod image;
mod lambda;
mod names;
mod only;
mod ranges;
mod region;
mod schedules;
mod secrets;
mod tags;
mod web;
mod workers;

use super::mend::Broken;
use super::problem::Problem;
use super::{Environment, Stage};

/// Everything that is wrong with an environment whose single values are right, apart from the `broken` ones.
pub(super) fn check(environment: &Environment, broken: &Broken) -> Vec<Problem> {
    let mut checks = Checks {
        environment,
        broken,
        found: Vec::new(),
    };
    names::check(&mut checks);
    region::check(&mut checks);
    tags::check(&mut checks);
    secrets::check(&mut checks);
    flow::check(&mut checks);
    bucket::check(&mut checks);
    browsers::check(&mut checks);
    only::check(&mut checks);
    ranges::check(&mut checks);
    workers::check(&mut checks);
    schedules::check(&mut checks);
    lambda::check(&mut checks);
    web::check(&mut checks);
    delivery::check(&mut checks);
    alerts::check(&mut checks);
    extras::check(&mut checks);
    drift::check(&mut checks);
    checks.found
}

struct Checks<'a> {
    environment: &'a Environment,
    broken: &'a Broken,
    found: Vec<Problem>,
}

impl<'a> Checks<'a> {
    /// Notes a problem, unless its own value or one of those it `follows` from is broken: what is said about a value
    /// that isn't what its author meant helps nobody.
    fn note(&mut self, problem: Problem, follows: &[&str]) {
        if !self.broken.covers(&problem.pointer) && !follows.iter().any(|pointer| self.broken.touches(pointer)) {
            self.found.push(problem);
        }
    }

    /// That no item of a list is there before.
    fn twice(&mut self, at: &str, all: &[String]) {
        for (i, one) in all.iter().enumerate() {
            if all[..i].contains(one) {
                self.note(
                    Problem::new(format!("{at}/{i}"), format!("`{one}` is in the list twice")),
                    &[],
                );
            }
        }
    }

    /// The stages with their pointers.
    fn stages(&self) -> impl Iterator<Item = (String, &'a Stage)> + use<'a> {
        let stages = self.environment.stages.iter().enumerate();
        stages.map(|(i, stage)| (format!("/stages/{i}"), stage))
    }
}
