//! How a stage scales, as the templates of its stack and of the dashboard are given it.

use crate::blueprint::contexts;
use crate::environment::problem::Problem;
use crate::environment::{Scaling, Stage};

pub(super) fn context(stage: &Stage, index: usize) -> Result<Option<contexts::Scaling>, Problem> {
    let Some(scaling) = &stage.scaling else { return Ok(None) };
    let target = scaling.target().and_then(number);
    if target.is_none() && stage.workers.instances.is_some() {
        return Err(Problem::new(
            format!("/stages/{index}/scaling"),
            "the target backlog per instance is not a number",
        ));
    }
    let Scaling {
        acceptable_latency,
        seconds_per_message,
        count_in_flight,
        ..
    } = scaling;
    Ok(Some(contexts::Scaling {
        target_text: target.as_ref().map(ToString::to_string),
        target,
        acceptable_latency_seconds: acceptable_latency.as_secs(),
        seconds_per_message: seconds_per_message.and_then(number),
        count_in_flight: *count_in_flight,
        count_in_flight_text: if *count_in_flight { "true" } else { "false" },
    }))
}

/// A number as people write it: `30`, not `30.0`; six digits after the point are plenty.
fn number(value: f64) -> Option<serde_json::Number> {
    let rounded = (value * 1e6).round() / 1e6;
    // Below, every whole number has an f64 of its own.
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        return Some(serde_json::Number::from(rounded as i64));
    }
    serde_json::Number::from_f64(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        let text = |value| number(value).map(|number| number.to_string());
        assert_eq!(text(30.0).as_deref(), Some("30"));
        assert_eq!(text(100.0 / 3.0).as_deref(), Some("33.333333"));
        assert_eq!(text(0.5).as_deref(), Some("0.5"));
        assert_eq!(text(f64::INFINITY), None);
        assert_eq!(text(f64::NAN), None);
    }
}
