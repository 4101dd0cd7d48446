//! An instance of a local fleet that EC2 takes back, as it does with spot instances.

use std::time::Duration;

use jiff::Timestamp;

use super::autoscaling::INTERRUPTIONS;
use super::state::{FleetState, InstanceState};
use crate::error::{Error, Result};
use crate::local;

const PATIENCE: Duration = Duration::from_secs(10);

/// Has the supervisor announce an instance's interruption, two of the fleet's minutes ahead. Returns when it is.
///
/// # Errors
/// A failure, when the instance goes already or the supervisor doesn't answer.
pub fn interrupt(fleet: &FleetState, instance: &InstanceState) -> Result<Timestamp> {
    local::check_loopback(&fleet.autoscaling_endpoint)?;
    let failed = |why: &str| Error::failed(format!("{} can't be taken back: {why}", instance.id));
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .new_agent();
    let url = format!("{}{INTERRUPTIONS}{}", fleet.autoscaling_endpoint, instance.id);
    let answer = agent.post(url).header("authorization", "local").send_empty();
    let mut answer = answer.map_err(|error| failed(&error.to_string()))?;
    let text = answer
        .body_mut()
        .read_to_string()
        .map_err(|error| failed(&error.to_string()))?;
    match answer.status().as_u16() {
        200 => text
            .parse()
            .map_err(|_| failed(&format!("the local fleet answered {text:?}"))),
        404 => Err(failed("it goes already")),
        _ => Err(failed("the local fleet is ending")),
    }
}
