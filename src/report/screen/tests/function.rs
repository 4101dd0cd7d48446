//! A stage whose workers are a function.

use super::*;
use crate::cloud::lambda::functions::Configuration;
use crate::cloud::lambda::mappings::Mapping;
use crate::observe::function::FunctionState;
use crate::observe::invocations::{Counts, Invocations};
use crate::observe::status::StageState;

fn function(stage: &mut StageState) {
    let counts = |invocations, errors, throttles| Counts {
        invocations,
        errors,
        throttles,
    };
    stage.backlog = None;
    stage.instances = None;
    stage.function = Some(FunctionState {
        configuration: Some(Configuration {
            state: "Active".into(),
            ..Configuration::default()
        }),
        event_source_mapping: Some(Mapping {
            state: "Enabled".into(),
            maximum_concurrency: Some(20),
            ..Mapping::default()
        }),
        invocations: Some(Invocations {
            last_ten_minutes: counts(120, 3, 1),
            last_hour: counts(900, 3, 1),
            at_once: Some(4),
            ..Invocations::default()
        }),
        ..FunctionState::default()
    });
}

#[test]
fn a_function_stands_where_instances_would() {
    let mut seen = busy();
    function(&mut seen.status.stages[0]);
    let mut idle = stage("index", &[]);
    function(&mut idle);
    if let Some(function) = &mut idle.function {
        function.invocations = None;
    }
    seen.status.stages.truncate(1);
    seen.status.stages.push(idle);
    let mut view = view(seen);
    insta::assert_snapshot!(
        "functions_in_eighty_columns",
        terminal(&mut view, false, 80, 24).backend()
    );
}
