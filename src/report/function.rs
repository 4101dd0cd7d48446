//! A function and its mapping in lines, for people.

use super::style::{BAD, CAREFUL, paint};
use crate::cloud::lambda::functions::Configuration;
use crate::cloud::lambda::mappings::Mapping;
use crate::observe::function::FunctionState;
use crate::observe::invocations::Invocations;

/// As in "Active; python3.13, 256 MiB, 30 s".
pub fn configuration(configuration: &Configuration) -> String {
    let mut all = vec![state(
        &configuration.state,
        &["Active", "Inactive"],
        configuration.state_reason.as_ref(),
    )];
    if configuration.last_update_status != "Successful" && !configuration.last_update_status.is_empty() {
        let reason = configuration.last_update_reason.as_ref();
        all.push(format!(
            "last update {}",
            state(&configuration.last_update_status, &[], reason)
        ));
    }
    all.push(format!(
        "{}, {} MiB, {} s",
        configuration.runtime, configuration.memory_mib, configuration.timeout_seconds
    ));
    if let Some(reserved) = configuration.reserved_concurrency {
        all.push(format!("reserved concurrency {reserved}"));
    }
    all.join("; ")
}

/// As in "Enabled; up to 5 messages in a batch".
pub fn mapping(mapping: &Mapping) -> String {
    // That somebody set it so is no reason.
    let reason = mapping
        .state_transition_reason
        .as_ref()
        .filter(|reason| *reason != "USER_INITIATED");
    let mut all = vec![state(&mapping.state, &["Enabled"], reason)];
    if let Some(size) = mapping.batch_size {
        all.push(match size {
            1 => "each message alone".to_owned(),
            size => format!("up to {size} messages in a batch"),
        });
    }
    if let Some(result) = &mapping.last_processing_result {
        all.push(format!("last result: {result}"));
    }
    all.join("; ")
}

fn state(word: &str, good: &[&str], reason: Option<&String>) -> String {
    let reason = reason.map_or(String::new(), |reason| format!(" ({reason})"));
    match word {
        word if good.contains(&word) => format!("{word}{reason}"),
        "Failed" | "Disabled" | "Disabling" => format!("{}{reason}", paint(BAD, word)),
        word => format!("{}{reason}", paint(CAREFUL, word)),
    }
}

/// As in "120 times in the last hour, 3 with errors, 1 throttled; 4 of 20 at once".
pub fn invocations(function: &FunctionState) -> String {
    let Some(Invocations { last_hour, .. }) = function.invocations else {
        return "not within the last hour".to_owned();
    };
    let mut text = match last_hour.invocations {
        1 => "once in the last hour".to_owned(),
        n => format!("{n} times in the last hour"),
    };
    if last_hour.errors > 0 {
        text += &format!(", {}", paint(BAD, format!("{} with errors", last_hour.errors)));
    }
    if last_hour.throttles > 0 {
        text += &format!(", {}", paint(CAREFUL, format!("{} throttled", last_hour.throttles)));
    }
    match at_once(function) {
        Some(at_once) => format!("{text}; {at_once}"),
        None => text,
    }
}

/// As in "4 of 20 at once".
pub fn at_once(function: &FunctionState) -> Option<String> {
    let at_once = function.invocations?.at_once?;
    let mapping = function.event_source_mapping.as_ref();
    let most = mapping.and_then(|mapping| mapping.maximum_concurrency);
    let of = most.map_or(String::new(), |most| format!(" of {most}"));
    Some(format!("{at_once}{of} at once"))
}

/// As in "function Active, mapping Enabled, 4 of 20 at once": everything whose change is worth a line.
pub fn short(function: &FunctionState) -> String {
    let state = function.configuration.as_ref().map_or("unknown", |known| &known.state);
    let mapping = function
        .event_source_mapping
        .as_ref()
        .map_or("unknown", |known| &known.state);
    let at_once = at_once(function).map_or(String::new(), |at_once| format!(", {at_once}"));
    format!("function {state}, mapping {mapping}{at_once}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::invocations::Counts;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn only_what_is_out_of_the_ordinary_is_said_beside_the_state() {
        let well = Configuration {
            state: "Active".into(),
            last_update_status: "Successful".into(),
            runtime: "python3.13".into(),
            memory_mib: 256,
            timeout_seconds: 30,
            ..Configuration::default()
        };
        assert_eq!(plain(&configuration(&well)), "Active; python3.13, 256 MiB, 30 s");
        let ill = Configuration {
            state: "Failed".into(),
            state_reason: Some("no role".into()),
            last_update_status: "InProgress".into(),
            reserved_concurrency: Some(0),
            ..well
        };
        let told = plain(&configuration(&ill));
        let wanted = "Failed (no role); last update InProgress; python3.13, 256 MiB, 30 s; reserved concurrency 0";
        assert_eq!(told, wanted);
        let enabled = Mapping {
            state: "Enabled".into(),
            state_transition_reason: Some("USER_INITIATED".into()),
            batch_size: Some(5),
            ..Mapping::default()
        };
        assert_eq!(plain(&mapping(&enabled)), "Enabled; up to 5 messages in a batch");
        let problem = Mapping {
            state: "Disabled".into(),
            state_transition_reason: Some("the queue is gone".into()),
            last_processing_result: Some("PROBLEM: denied".into()),
            batch_size: Some(1),
            ..Mapping::default()
        };
        let wanted = "Disabled (the queue is gone); each message alone; last result: PROBLEM: denied";
        assert_eq!(plain(&mapping(&problem)), wanted);
    }

    #[test]
    fn invocations_are_told_with_their_troubles() {
        let mut function = FunctionState::default();
        assert_eq!(plain(&invocations(&function)), "not within the last hour");
        assert_eq!(plain(&short(&function)), "function unknown, mapping unknown");
        let mut known = Invocations {
            last_hour: Counts {
                invocations: 1,
                errors: 0,
                throttles: 0,
            },
            ..Invocations::default()
        };
        function.invocations = Some(known);
        assert_eq!(plain(&invocations(&function)), "once in the last hour");
        known.last_hour = Counts {
            invocations: 120,
            errors: 3,
            throttles: 1,
        };
        known.at_once = Some(4);
        function.invocations = Some(known);
        function.event_source_mapping = Some(Mapping {
            maximum_concurrency: Some(20),
            ..Mapping::default()
        });
        let wanted = "120 times in the last hour, 3 with errors, 1 throttled; 4 of 20 at once";
        assert_eq!(plain(&invocations(&function)), wanted);
    }
}
