//! Drift detection from its start to its end.

use std::time::Duration;

use tokio::time::Instant;

use crate::cloud::cloudformation::drift::{DetectedResource, Detection};
use crate::cloud::{Cloud, CloudError};

/// What a detection found.
#[derive(Debug)]
pub struct Detected {
    /// The resources that it looked at.
    pub resources: Vec<DetectedResource>,
    /// Why it could not look at all that it supports.
    pub incomplete: Option<String>,
}

/// The first pause between two looks; each is half as long again, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(1500);
const LONGEST_PAUSE: Duration = Duration::from_secs(6);
/// On the emulator it has ended before the first look.
const LOCAL_PAUSE: Duration = Duration::from_millis(5);
/// "can take up to several minutes, depending on the number of resources"
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DetectStackDrift.html>): past this, it hangs.
const LONGEST: Duration = Duration::from_secs(20 * 60);

/// Runs a detection on a stack. One that somebody else runs is waited for first: only one runs at a time.
///
/// # Errors
/// Those of the API; that it doesn't end.
pub async fn detect(cloud: &Cloud, stack: &str) -> Result<Detected, CloudError> {
    let began = Instant::now();
    let mut pause = if cloud.local { LOCAL_PAUSE } else { FIRST_PAUSE };
    let mut wait = async || {
        if began.elapsed() > LONGEST {
            return Err(CloudError {
                operation: "DetectStackDrift",
                code: None,
                message: format!(
                    "it hasn't ended after {} minutes; try again later",
                    LONGEST.as_secs() / 60
                ),
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        Ok(())
    };
    let id = loop {
        match cloud.detect_drift(stack).await {
            Err(error) if is_running_already(&error) => wait().await?,
            started => break started?,
        }
    };
    let incomplete = loop {
        match cloud.drift_detection(&id).await? {
            Detection::Running => wait().await?,
            Detection::Complete => break None,
            Detection::Failed(reason) => break Some(reason),
        }
    };
    Ok(Detected {
        resources: cloud.resource_drifts(stack).await?,
        incomplete,
    })
}

/// "Drift detection is already in progress for stack [arn:…]"
fn is_running_already(error: &CloudError) -> bool {
    error.is("ValidationError")
        && error
            .message
            .to_lowercase()
            .contains("drift detection is already in progress")
}
