//! CloudWatch's metric math, as far as a scaling policy or its alarm may hold it.

mod evaluate;
pub mod parse;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use self::evaluate::{Scope, Value};
use self::parse::{Fault, Term};
use crate::autoscaling::policy::{MetricStat, Query, QueryValue, Source};
use crate::autoscaling::series::{Metrics, Minute, Series};

/// Why a metric can't be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Metrics that AWS measures itself.
    #[error("the predefined metric {0} can't be evaluated here, as AWS itself measures it")]
    Predefined(String),
    /// A period of other than a minute.
    #[error("{metric} has a period of {seconds} s, and only 60 s can be evaluated here")]
    Period { metric: String, seconds: u32 },
    /// An expression can't be read or evaluated.
    #[error("the expression of `{id}` can't be evaluated: {fault}")]
    Expression {
        id: String,
        /// What is wrong, and where.
        fault: Fault,
    },
    /// Two entries have one Id.
    #[error("two metrics have the Id `{0}`")]
    SameId(String),
    /// Expressions that name each other, or wait for such.
    #[error("the expressions of `{}` name each other in a circle", .0.join("`, `"))]
    Circle(Vec<String>),
    /// Not exactly one entry returns data.
    #[error("{0} metrics return data, and it must be exactly one")]
    Returning(usize),
    /// The result is a number.
    #[error("`{0}` comes to a number, and it must be one time series")]
    NoSeries(String),
}

/// The series that a policy or an alarm looks at, within a window of minutes. A metric that was never put is a series
/// without data points.
pub fn evaluate(source: &Source, metrics: &Metrics, window: RangeInclusive<Minute>) -> Result<Series, Problem> {
    match source {
        Source::Stat(stat) => series(stat, metrics, &window),
        Source::Math(queries) => math(queries, metrics, window),
        Source::Predefined(metric) => Err(Problem::Predefined(metric.clone())),
    }
}

fn series(stat: &MetricStat, metrics: &Metrics, window: &RangeInclusive<Minute>) -> Result<Series, Problem> {
    if stat.period_seconds != 60 {
        let metric = stat.metric.name.clone();
        let seconds = stat.period_seconds;
        return Err(Problem::Period { metric, seconds });
    }
    let series = metrics.get(&stat.metric);
    Ok(series.map(|series| series.within(window.clone())).unwrap_or_default())
}

fn math(queries: &[Query], metrics: &Metrics, window: RangeInclusive<Minute>) -> Result<Series, Problem> {
    let mut returning = queries.iter().filter(|query| query.return_data);
    let (Some(result), None) = (returning.next(), returning.next()) else {
        return Err(Problem::Returning(
            queries.iter().filter(|query| query.return_data).count(),
        ));
    };
    let mut scope = Scope::new();
    let mut ids = BTreeSet::new();
    let mut expressions = Vec::new();
    for query in queries {
        if !ids.insert(query.id.as_str()) {
            return Err(Problem::SameId(query.id.clone()));
        }
        match &query.value {
            QueryValue::Stat(stat) => {
                let series = series(stat, metrics, &window)?;
                scope.insert(query.id.clone(), Value::Series(series));
            }
            QueryValue::Expression(text) => {
                let term = parse::parse(text).map_err(|fault| expression(&query.id, fault))?;
                expressions.push((query.id.as_str(), term));
            }
        }
    }
    settle(&mut scope, &ids, expressions)?;
    match scope.remove(&result.id) {
        Some(Value::Series(series)) => Ok(series),
        _ => Err(Problem::NoSeries(result.id.clone())),
    }
}

/// Evaluates expressions, each after those that it names. Not by recursion, which a long chain of them would exhaust.
fn settle(scope: &mut Scope, ids: &BTreeSet<&str>, mut waiting: Vec<(&str, Term)>) -> Result<(), Problem> {
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut rest = Vec::new();
        for (id, term) in waiting {
            // A name that nothing has is not waited for: evaluating it says where it stands.
            let is_known = |name: &str| scope.contains_key(name) || !ids.contains(name);
            if term.names().iter().all(|(_, name)| is_known(name)) {
                let value = evaluate::evaluate(&term, scope).map_err(|fault| expression(id, fault))?;
                scope.insert(id.to_owned(), value);
            } else {
                rest.push((id, term));
            }
        }
        if rest.len() == before {
            return Err(Problem::Circle(rest.iter().map(|(id, _)| (*id).to_owned()).collect()));
        }
        waiting = rest;
    }
    Ok(())
}

fn expression(id: &str, fault: Fault) -> Problem {
    Problem::Expression {
        id: id.to_owned(),
        fault,
    }
}

#[cfg(test)]
mod tests;
