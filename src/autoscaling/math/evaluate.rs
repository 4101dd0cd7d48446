//! What an expression of metric math comes to, over series with gaps
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>).

use std::collections::{BTreeMap, BTreeSet};

use crate::autoscaling::math::parse::{Fault, Operator, Term, What};
use crate::autoscaling::series::{Minute, Series};

/// What a term comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number. After a division by zero it is not a number, and neither is anything calculated from it; in a series
    /// that is a gap.
    Number(f64),
    Series(Series),
}

/// What an expression can name: metrics and other expressions, by their Ids.
pub type Scope = BTreeMap<String, Value>;

/// Evaluates a term; or says what can't be evaluated, and where it stands.
pub fn evaluate(term: &Term, scope: &Scope) -> Result<Value, Fault> {
    let at = term.at;
    match &term.what {
        What::Number(number) => Ok(Value::Number(*number)),
        What::Name(name) => match scope.get(name) {
            Some(value) => Ok(value.clone()),
            None => Err(Fault::new(at, format!("`{name}` is no metric here"))),
        },
        What::Negative(term) => Ok(each(evaluate(term, scope)?, |value| -value)),
        What::Operation(operator, left, right) => {
            let (left, right) = (evaluate(left, scope)?, evaluate(right, scope)?);
            Ok(combine(*operator, left, right))
        }
        What::Call(function, terms) => call(function, terms, at, scope),
    }
}

/// Templates use no function but IF.
fn call(function: &str, terms: &[Term], at: usize, scope: &Scope) -> Result<Value, Fault> {
    match (function, terms) {
        ("IF", [condition, then, otherwise @ ..]) if otherwise.len() <= 1 => {
            let otherwise = match otherwise.first() {
                Some(otherwise) => evaluate(otherwise, scope)?,
                None => Value::Series(Series::default()),
            };
            Ok(choose(evaluate(condition, scope)?, evaluate(then, scope)?, otherwise))
        }
        ("IF", _) => Err(Fault::new(at, "IF takes a condition and one or two values")),
        _ => {
            let message = format!("the function {function} can't be evaluated here, only IF");
            Err(Fault::new(at, message))
        }
    }
}

/// Does the same to every value there is.
fn each(value: Value, change: impl Fn(f64) -> f64) -> Value {
    match value {
        Value::Number(number) => Value::Number(change(number)),
        Value::Series(series) => {
            Value::Series(series.points().map(|(minute, value)| (minute, change(value))).collect())
        }
    }
}

fn combine(operator: Operator, left: Value, right: Value) -> Value {
    let apply = |left, right| apply(operator, left, right);
    match (left, right) {
        (Value::Number(left), right) => each(right, |right| apply(left, right)),
        (left, Value::Number(right)) => each(left, |left| apply(left, right)),
        (Value::Series(left), Value::Series(right)) => Value::Series(zip(&left, &right, apply)),
    }
}

/// Two series, minute by minute: where one of them has a value, what the other misses is 0 ("Basic arithmetic functions"
/// and "Comparison and logical operators" of the page above).
fn zip(left: &Series, right: &Series, apply: impl Fn(f64, f64) -> f64) -> Series {
    let minutes: BTreeSet<Minute> = left.points().chain(right.points()).map(|point| point.0).collect();
    let value = |series: &Series, minute| series.get(minute).unwrap_or(0.0);
    minutes
        .into_iter()
        .map(|minute| (minute, apply(value(left, minute), value(right, minute))))
        .collect()
}

/// What has no result, as a division by zero, is not a number: a data point that attempts it is dropped.
fn apply(operator: Operator, left: f64, right: f64) -> f64 {
    if left.is_nan() || right.is_nan() {
        return f64::NAN;
    }
    let truth = |truth: bool| if truth { 1.0 } else { 0.0 };
    let result = match operator {
        Operator::Plus => left + right,
        Operator::Minus => left - right,
        Operator::Times => left * right,
        Operator::Over => left / right,
        Operator::Power => left.powf(right),
        Operator::Equal => truth(left == right),
        Operator::NotEqual => truth(left != right),
        Operator::Less => truth(left < right),
        Operator::AtMost => truth(left <= right),
        Operator::Greater => truth(left > right),
        Operator::AtLeast => truth(left >= right),
        Operator::And => truth(left != 0.0 && right != 0.0),
        Operator::Or => truth(left != 0.0 || right != 0.0),
    };
    if result.is_finite() { result } else { f64::NAN }
}

/// `IF`: a condition is false when it is 0. Where it is true and the series to take has a gap, the result is 0; where it
/// is false and there is a gap, the data point is dropped ("Using IF expressions").
fn choose(condition: Value, then: Value, otherwise: Value) -> Value {
    let at = |value: &Value, minute| match value {
        Value::Number(number) => Some(*number),
        Value::Series(series) => series.get(minute),
    };
    match condition {
        Value::Number(condition) if condition.is_nan() => Value::Series(Series::default()),
        Value::Number(0.0) => otherwise,
        Value::Number(_) => then,
        Value::Series(condition) => Value::Series(
            condition
                .points()
                .filter_map(|(minute, condition)| {
                    let value = match condition {
                        0.0 => at(&otherwise, minute)?,
                        _ => at(&then, minute).unwrap_or(0.0),
                    };
                    Some((minute, value))
                })
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests;
