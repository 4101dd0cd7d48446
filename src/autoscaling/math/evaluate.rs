//! What an expression of metric math comes to, over series with gaps
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::autoscaling::math::parse::{Fault, Operator, Term, What};
use crate::autoscaling::series::{Minute, Series};

/// What a term comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number. Where there is none, as after a division by zero, it is not a number, and so is what is made of it; in a
    /// series that is a gap.
    Number(f64),
    /// A time series.
    Series(Series),
    /// An array of time series.
    Array(Vec<Series>),
}

/// What an expression can name.
#[derive(Debug)]
pub struct Scope {
    /// Metrics and other expressions, by their Ids.
    pub values: BTreeMap<String, Value>,
    /// The Ids of those that are metrics, in the order they were given in: what `METRICS()` returns.
    pub metrics: Vec<String>,
    /// The minutes that are looked at.
    pub window: RangeInclusive<Minute>,
}

/// What can be evaluated here.
const FUNCTIONS: &str = "ABS, AVG, CEIL, FILL, FLOOR, IF, MAX, METRICS, MIN and SUM";

/// Evaluates a term; or says what can't be evaluated, and where it stands.
pub fn evaluate(term: &Term, scope: &Scope) -> Result<Value, Fault> {
    let at = term.at;
    match &term.what {
        What::Number(number) => Ok(Value::Number(*number)),
        What::Name(name) => match scope.values.get(name) {
            Some(value) => Ok(value.clone()),
            None => Err(Fault::new(at, format!("`{name}` is no metric here"))),
        },
        What::Text(text) => Err(Fault::new(
            at,
            format!("the text {text:?} stands where a value is missing"),
        )),
        What::Word(word) => Err(Fault::new(at, format!("`{word}` stands where a value is missing"))),
        What::Negative(term) => Ok(each(evaluate(term, scope)?, |value| -value)),
        What::Operation(operator, left, right) => {
            let (left, right) = (evaluate(left, scope)?, evaluate(right, scope)?);
            combine(*operator, left, right).ok_or_else(|| Fault::new(at, "two arrays of time series can't be combined"))
        }
        What::Array(terms) => {
            let mut array = Vec::new();
            for term in terms {
                match evaluate(term, scope)? {
                    Value::Series(series) => array.push(series),
                    Value::Array(series) => array.extend(series),
                    Value::Number(_) => {
                        return Err(Fault::new(term.at, "a number can't stand in an array of time series"));
                    }
                }
            }
            Ok(Value::Array(array))
        }
        What::Call(function, terms) => call(function, terms, at, scope),
    }
}

fn call(function: &str, terms: &[Term], at: usize, scope: &Scope) -> Result<Value, Fault> {
    let takes = |what: &str| Err(Fault::new(at, format!("{function} takes {what}")));
    match (function, terms) {
        ("ABS", [term]) => Ok(each(evaluate(term, scope)?, f64::abs)),
        ("CEIL", [term]) => Ok(each(evaluate(term, scope)?, f64::ceil)),
        ("FLOOR", [term]) => Ok(each(evaluate(term, scope)?, f64::floor)),
        ("SUM", [term]) => Ok(aggregate(evaluate(term, scope)?, |values, _| values.iter().sum())),
        ("MIN", [term]) => Ok(aggregate(evaluate(term, scope)?, |values, _| {
            values.iter().copied().fold(f64::NAN, f64::min)
        })),
        ("MAX", [term]) => Ok(aggregate(evaluate(term, scope)?, |values, _| {
            values.iter().copied().fold(f64::NAN, f64::max)
        })),
        ("AVG", [term]) => Ok(aggregate(evaluate(term, scope)?, |values, of| {
            values.iter().sum::<f64>() / of as f64
        })),
        ("ABS" | "CEIL" | "FLOOR" | "SUM" | "MIN" | "MAX" | "AVG", _) => takes("one argument"),
        ("METRICS", []) => Ok(metrics(scope, "")),
        (
            "METRICS",
            [
                Term {
                    what: What::Text(part), ..
                },
            ],
        ) => Ok(metrics(scope, part)),
        ("METRICS", _) => takes("nothing, or a text in quotes"),
        ("IF", [condition, then]) => choose(evaluate(condition, scope)?, evaluate(then, scope)?, None)
            .ok_or_else(|| Fault::new(at, "IF takes single time series, not arrays of them")),
        ("IF", [condition, then, otherwise]) => {
            let otherwise = evaluate(otherwise, scope)?;
            choose(evaluate(condition, scope)?, evaluate(then, scope)?, Some(otherwise))
                .ok_or_else(|| Fault::new(at, "IF takes single time series, not arrays of them"))
        }
        ("IF", _) => takes("a condition and one or two values"),
        ("FILL", [series, filler]) => {
            let filler = match &filler.what {
                What::Word(word) if word == "REPEAT" => Filler::Repeat,
                What::Word(word) => {
                    let message = format!("FILL with `{word}` can't be evaluated here, with a number or REPEAT it can");
                    return Err(Fault::new(filler.at, message));
                }
                _ => match evaluate(filler, scope)? {
                    Value::Number(number) => Filler::Number(number),
                    Value::Series(series) => Filler::Series(series),
                    Value::Array(_) => {
                        return Err(Fault::new(filler.at, "FILL can't fill with an array of time series"));
                    }
                },
            };
            match evaluate(series, scope)? {
                Value::Series(series) => Ok(Value::Series(fill(&series, &filler, &scope.window))),
                Value::Array(array) => Ok(Value::Array(
                    array
                        .iter()
                        .map(|series| fill(series, &filler, &scope.window))
                        .collect(),
                )),
                Value::Number(_) => Err(Fault::new(series.at, "FILL takes a time series, not a number")),
            }
        }
        ("FILL", _) => takes("time series, and what to fill them with"),
        _ => {
            let message = format!("the function {function} can't be evaluated here, only {FUNCTIONS}");
            Err(Fault::new(at, message))
        }
    }
}

/// The metrics whose Ids contain a text.
fn metrics(scope: &Scope, part: &str) -> Value {
    let mut array = Vec::new();
    for id in scope.metrics.iter().filter(|id| id.contains(part)) {
        if let Some(Value::Series(series)) = scope.values.get(id) {
            array.push(series.clone());
        }
    }
    Value::Array(array)
}

/// Does the same to every value there is.
fn each(value: Value, change: impl Fn(f64) -> f64) -> Value {
    match value {
        Value::Number(number) => Value::Number(change(number)),
        Value::Series(series) => Value::Series(map(&series, &change)),
        Value::Array(array) => Value::Array(array.iter().map(|series| map(series, &change)).collect()),
    }
}

fn map(series: &Series, change: impl Fn(f64) -> f64) -> Series {
    series.points().map(|(minute, value)| (minute, change(value))).collect()
}

/// An operator between two values; `None` between two arrays, which AWS doesn't know.
fn combine(operator: Operator, left: Value, right: Value) -> Option<Value> {
    let apply = |left, right| apply(operator, left, right);
    Some(match (left, right) {
        (Value::Number(left), Value::Number(right)) => Value::Number(apply(left, right)),
        (Value::Number(left), right) => each(right, |right| apply(left, right)),
        (left, Value::Number(right)) => each(left, |left| apply(left, right)),
        (Value::Series(left), Value::Series(right)) => Value::Series(zip(&left, &right, apply)),
        (Value::Series(left), Value::Array(right)) => {
            Value::Array(right.iter().map(|right| zip(&left, right, apply)).collect())
        }
        (Value::Array(left), Value::Series(right)) => {
            Value::Array(left.iter().map(|left| zip(left, &right, apply)).collect())
        }
        (Value::Array(_), Value::Array(_)) => return None,
    })
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

/// One number of a series, or one series of an array, by a function of the values there are (never none) and of how many
/// there could be: the mean of an array takes what is missing as 0.
fn aggregate(value: Value, of: impl Fn(&[f64], usize) -> f64) -> Value {
    match value {
        Value::Number(number) => Value::Number(number),
        Value::Series(series) => {
            let values: Vec<f64> = series.points().map(|point| point.1).collect();
            let number = if values.is_empty() {
                f64::NAN
            } else {
                of(&values, values.len())
            };
            Value::Number(number)
        }
        Value::Array(array) => {
            let mut minutes: BTreeMap<Minute, Vec<f64>> = BTreeMap::new();
            for (minute, value) in array.iter().flat_map(Series::points) {
                minutes.entry(minute).or_default().push(value);
            }
            let points = minutes
                .iter()
                .map(|(minute, values)| (*minute, of(values, array.len())));
            Value::Series(points.collect())
        }
    }
}

/// `IF`: a condition is false when it is 0. Where it is true and the series to take has a gap, the result is 0; where it
/// is false and there is a gap or nothing to take, the data point is dropped ("Using IF expressions"). `None` with arrays,
/// which it doesn't take.
fn choose(condition: Value, then: Value, otherwise: Option<Value>) -> Option<Value> {
    if matches!(then, Value::Array(_)) || matches!(otherwise, Some(Value::Array(_))) {
        return None;
    }
    let otherwise = otherwise.unwrap_or_else(|| Value::Series(Series::default()));
    let at = |value: &Value, minute| match value {
        Value::Number(number) => Some(*number),
        Value::Series(series) => series.get(minute),
        Value::Array(_) => None,
    };
    match condition {
        Value::Number(condition) if condition.is_nan() => Some(Value::Series(Series::default())),
        Value::Number(condition) => Some(if condition == 0.0 { otherwise } else { then }),
        Value::Series(condition) => Some(Value::Series(
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
        )),
        Value::Array(_) => None,
    }
}

enum Filler {
    Number(f64),
    Series(Series),
    Repeat,
}

/// `FILL`: every gap of the window gets a value. With `REPEAT` it is the last value before it, which within the window
/// there need not be.
fn fill(series: &Series, filler: &Filler, window: &RangeInclusive<Minute>) -> Series {
    let mut last = None;
    let mut filled = series.clone();
    for minute in window.clone() {
        let value = series.get(minute).or(match filler {
            Filler::Number(number) => Some(*number),
            Filler::Series(series) => series.get(minute),
            Filler::Repeat => last,
        });
        if let Some(value) = value {
            filled.put(minute, value);
        }
        last = value;
    }
    filled
}

#[cfg(test)]
mod tests;
