//! Which stage feeds which, and the order that follows: a stage's stack needs the queues of the stages it feeds.

use crate::environment::Stage;
use crate::environment::problem::Problem;

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

/// An order in which each stage comes after those it feeds; otherwise as in the file.
pub fn sorted(fed: &[Vec<usize>]) -> Result<Vec<usize>, Vec<Problem>> {
    let mut order: Vec<usize> = Vec::with_capacity(fed.len());
    let mut left: Vec<usize> = (0..fed.len()).collect();
    while !left.is_empty() {
        let ready = left
            .iter()
            .position(|stage| fed[*stage].iter().all(|next| order.contains(next)));
        match ready {
            Some(position) => order.push(left.remove(position)),
            None => {
                return Err(left
                    .iter()
                    .map(|stage| {
                        Problem::new(
                            format!("/stages/{stage}/from"),
                            "the stages feed each other in a circle",
                        )
                    })
                    .collect());
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fed_comes_first() {
        // 0 feeds 1 and 3, 3 feeds 2, 4 stands alone.
        let sources = [
            Source::Bucket,
            Source::Stage(0),
            Source::Stage(3),
            Source::Stage(0),
            Source::Nobody,
        ];
        assert_eq!(sorted(&fed(&sources)).expect("no circle"), [1, 2, 3, 0, 4]);
    }

    #[test]
    fn a_circle_is_a_problem_of_each_of_its_stages() {
        let sources = [Source::Stage(1), Source::Stage(0), Source::Nobody];
        let pointers: Vec<String> = sorted(&fed(&sources))
            .expect_err("a circle")
            .into_iter()
            .map(|problem| problem.pointer)
            .collect();
        assert_eq!(pointers, ["/stages/0/from", "/stages/1/from"]);
    }
}
