//! What must hold across the keys of an environment file, and what a JSON Schema can't say about one.

mod alerts;
mod capacity;
mod drift;
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
    only::check(&mut checks);
    ranges::check(&mut checks);
    workers::check(&mut checks);
    schedules::check(&mut checks);
    lambda::check(&mut checks);
    web::check(&mut checks);
    alerts::check(&mut checks);
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

    /// The stages with their pointers.
    fn stages(&self) -> impl Iterator<Item = (String, &'a Stage)> + use<'a> {
        let stages = self.environment.stages.iter().enumerate();
        stages.map(|(i, stage)| (format!("/stages/{i}"), stage))
    }
}
