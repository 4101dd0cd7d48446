//! Which stage feeds which, and the order that follows: a stage's stack needs the queues of the stages it feeds.

use crate::environment::problem::Problem;
use crate::environment::{Environment, Node, Stage};

/// What feeds a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Nothing: jobs are sent to the queue directly.
    Nobody,
    Bucket,
    /// The workers of another stage, by its index.
    Stage(usize),
}

/// What feeds each stage, in the file's order.
pub fn sources(stages: &[Stage]) -> Result<Vec<Source>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut sources = Vec::with_capacity(stages.len());
    for (index, stage) in stages.iter().enumerate() {
        sources.push(match stage.from.as_deref() {
            None => Source::Nobody,
            Some("bucket") => Source::Bucket,
            Some(name) => match stages.iter().position(|other| other.name == name) {
                Some(other) => Source::Stage(other),
                None => {
                    problems.push(Problem::new(
                        format!("/stages/{index}/from"),
                        format!("there is no stage `{name}`"),
                    ));
                    Source::Nobody
                }
            },
        });
    }
    if problems.is_empty() {
        Ok(sources)
    } else {
        Err(problems)
    }
}

/// The stages that each stage feeds, by index.
pub fn fed(sources: &[Source]) -> Vec<Vec<usize>> {
    let mut fed = vec![Vec::new(); sources.len()];
    for (index, source) in sources.iter().enumerate() {
        if let Source::Stage(feeder) = source {
            fed[*feeder].push(index);
        }
    }
    fed
}

/// The parts in an order in which each comes after what it needs.
pub fn of_parts(environment: &Environment) -> Result<Vec<Node>, Vec<Problem>> {
    environment.in_order().map_err(|left| {
        let problem = |node: Node| {
            let (at, what) = match node {
                Node::Extra(index) => (format!("/extras/{index}/needs"), "parts need each other in a circle"),
                Node::Stage(index) => (
                    format!("/stages/{index}/from"),
                    "the stages feed each other in a circle",
                ),
                Node::Web => ("/web".to_owned(), "it needs parts that need each other in a circle"),
            };
            Problem::new(at, what)
        };
        left.into_iter().map(problem).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stages by name and what feeds them, and extras by name and what they need.
    fn environment(stages: &[(&str, &str)], extras: &[(&str, &str)]) -> Environment {
        let stages = stages.iter().map(|(name, from)| {
            format!(
                "  - {{name: {name}, from: {from}, workers: {{active: none, instances: {{types: [t4g.small]}}}}}}\n"
            )
        });
        let extras = extras
            .iter()
            .map(|(name, needs)| format!("  - {{name: {name}, template: x, needs: [{needs}]}}\n"));
        let stages: String = stages.collect();
        let extras: String = extras.collect();
        let extras = if extras.is_empty() {
            " []".to_owned()
        } else {
            format!("\n{extras}")
        };
        serde_yaml::from_str(&format!("name: lab\nstages:\n{stages}extras:{extras}")).expect("an environment")
    }

    fn names(environment: &Environment) -> Vec<&str> {
        let order = of_parts(environment).expect("no circle");
        order.into_iter().map(|node| environment.node_name(node)).collect()
    }

    #[test]
    fn what_is_needed_comes_first() {
        // a feeds b and d, d feeds c, e stands alone.
        let stages = [("a", "bucket"), ("b", "a"), ("c", "d"), ("d", "a"), ("e", "null")];
        assert_eq!(names(&environment(&stages, &[])), ["b", "c", "d", "a", "e"]);
        let extras = [("y", "x, b"), ("x", "network"), ("z", "")];
        assert_eq!(
            names(&environment(&stages, &extras)),
            ["x", "z", "b", "y", "c", "d", "a", "e"]
        );
    }

    #[test]
    fn a_stage_that_is_not_there_feeds_nobody() {
        let wrong = sources(&environment(&[("a", "bucket"), ("b", "c")], &[]).stages).expect_err("no such stage");
        let [problem] = wrong.as_slice() else {
            panic!("{wrong:?}");
        };
        assert_eq!(
            (problem.pointer.as_str(), problem.message.as_str()),
            ("/stages/1/from", "there is no stage `c`")
        );
    }

    #[test]
    fn a_circle_is_a_problem_of_each_of_its_parts() {
        let pointers = |stages: &[(&str, &str)], extras: &[(&str, &str)]| -> Vec<String> {
            let problems = of_parts(&environment(stages, extras)).expect_err("a circle");
            problems.into_iter().map(|problem| problem.pointer).collect()
        };
        let stages = [("a", "b"), ("b", "a"), ("c", "null")];
        assert_eq!(pointers(&stages, &[]), ["/stages/0/from", "/stages/1/from"]);
        let extras = [("x", "y"), ("y", "x"), ("z", "")];
        let alone = [("c", "null")];
        assert_eq!(pointers(&alone, &extras), ["/extras/0/needs", "/extras/1/needs"]);
    }
}
