//! How the function of a stage is, and the mapping that invokes it.

use futures_util::future::join;
use schemars::JsonSchema;
use serde::Serialize;

use super::gone::Gone;
use super::invocations::Invocations;
use crate::cloud::lambda::functions::Configuration;
use crate::cloud::lambda::mappings::Mapping;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::stage::Function;

#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct FunctionState {
    /// The function's name.
    pub function: String,
    /// None when it is gone, or couldn't be read.
    pub configuration: Option<Configuration>,
    /// What has Lambda invoke it with the queue's messages; none when it is gone, or couldn't be read.
    pub event_source_mapping: Option<Mapping>,
    /// Whether it was a destroy that disabled the mapping.
    pub disabled_by_destroy: bool,
    /// None when it wasn't invoked within the last hour, or that can't be known, as on the local emulator.
    pub invocations: Option<Invocations>,
}

/// What is read of a function at each look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveFunction {
    pub configuration: Option<Configuration>,
    pub mapping: Option<Mapping>,
    pub disabled_by_destroy: bool,
}

/// Reads it, in two calls; one more where the mapping is disabled. Beside it, what is gone, and what couldn't be read.
pub(super) async fn read(cloud: &Cloud, function: &Function) -> (LiveFunction, Vec<Gone>, Vec<CloudError>) {
    let mapping = async {
        let Some(mapping) = cloud.mapping(&function.mapping).await? else {
            return Ok(None);
        };
        let is_marked = mapping.is_disabled() && cloud.is_marked(&mapping).await?;
        Ok::<_, CloudError>(Some((mapping, is_marked)))
    };
    let (configuration, mapping) = join(cloud.function(&function.name), mapping).await;
    let (mut gone, mut problems) = (Vec::new(), Vec::new());
    let configuration = known(configuration, Gone::Function, &mut gone, &mut problems);
    let mapping = known(mapping, Gone::Mapping, &mut gone, &mut problems);
    let (mapping, disabled_by_destroy) = match mapping {
        Some((mapping, is_marked)) => (Some(mapping), is_marked),
        None => (None, false),
    };
    let live = LiveFunction {
        configuration,
        mapping,
        disabled_by_destroy,
    };
    (live, gone, problems)
}

fn known<T>(
    read: Result<Option<T>, CloudError>,
    what: Gone,
    gone: &mut Vec<Gone>,
    problems: &mut Vec<CloudError>,
) -> Option<T> {
    match read {
        Ok(Some(found)) => return Some(found),
        Ok(None) => gone.push(what),
        Err(error) => problems.push(error),
    }
    None
}
