//! Drift detection: CloudFormation's own comparison of resources with what they were deployed as.

use aws_sdk_cloudformation::types::{DifferenceType, StackResourceDrift};

use serde_json::Value;

use crate::cloud::{Cloud, CloudError, explain};

/// How far a detection has come
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackDriftDetectionStatus.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detection {
    Running,
    /// It looked at everything that it can look at.
    Complete,
    /// At least one resource couldn't be looked at; what is known of the others holds.
    Failed(String),
}

/// What detection says of one resource. Those that it doesn't support are left out of the list.
#[derive(Debug, Clone)]
pub struct DetectedResource {
    /// The resource's name in the template.
    pub logical_id: String,
    /// Its name in its service.
    pub physical_id: String,
    pub resource_type: String,
    /// What became of it.
    pub status: DriftStatus,
    /// Why, when CloudFormation says.
    pub reason: Option<String>,
    /// Its properties as they were deployed, a JSON object.
    pub expected: String,
    /// Those of them that are read back, a JSON object.
    pub actual: String,
    pub differences: Vec<DetectedDifference>,
}

/// The drift status of a resource
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackResourceDrift.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriftStatus {
    /// As it was deployed.
    InSync,
    Modified,
    Deleted,
    /// It wasn't looked at, or couldn't be, or the word is one that this version doesn't know.
    NotChecked(String),
}

/// One property that differs.
#[derive(Debug, Clone)]
pub struct DetectedDifference {
    /// A JSON pointer into the resource's properties, e.g. `/RedrivePolicy/maxReceiveCount`.
    pub path: String,
    /// As deployed: a scalar's text, or JSON. None when it was added since.
    pub expected: Option<String>,
    /// As it is. None when it was removed since.
    pub actual: Option<String>,
}

impl Cloud {
    /// Starts looking for drift in a stack, and returns the detection's id. One detection runs on a stack at a time.
    ///
    /// # Errors
    /// Those of the API: a stack in the middle of an operation can't be looked at.
    pub async fn detect_drift(&self, stack: &str) -> Result<String, CloudError> {
        let ask = async || {
            let asked = self.cloudformation.detect_stack_drift().stack_name(stack);
            let started = asked.send().await.map_err(|error| explain("DetectStackDrift", error))?;
            Ok(started.stack_drift_detection_id().unwrap_or_default().to_owned())
        };
        self.limiter.patiently(ask).await
    }

    /// How far a detection has come.
    pub async fn drift_detection(&self, id: &str) -> Result<Detection, CloudError> {
        let read = async || {
            let asked = self.cloudformation.describe_stack_drift_detection_status();
            let status = asked.stack_drift_detection_id(id).send().await;
            let status = status.map_err(|error| explain("DescribeStackDriftDetectionStatus", error))?;
            let reason = status.detection_status_reason().unwrap_or("no reason was given");
            Ok(match status.detection_status().map_or("", |status| status.as_str()) {
                "DETECTION_COMPLETE" => Detection::Complete,
                "DETECTION_IN_PROGRESS" => Detection::Running,
                "DETECTION_FAILED" => Detection::Failed(failures(reason)),
                other => Detection::Failed(format!("unknown status {other}: {reason}")),
            })
        };
        self.limiter.patiently(read).await
    }

    /// What the last detection says of each resource that it looked at.
    pub async fn resource_drifts(&self, stack: &str) -> Result<Vec<DetectedResource>, CloudError> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let read = async || {
                let asked = self.cloudformation.describe_stack_resource_drifts().stack_name(stack);
                let page = asked.set_next_token(token.clone()).send().await;
                page.map_err(|error| explain("DescribeStackResourceDrifts", error))
            };
            let page = self.limiter.patiently(read).await?;
            all.extend(page.stack_resource_drifts().iter().map(read_resource));
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(all);
            }
        }
    }
}

/// Why a detection failed, in a line. CloudFormation says it as JSON, resource by resource, e.g. that the rate of a
/// service was exceeded (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/801>).
fn failures(reason: &str) -> String {
    let parsed: Value = serde_json::from_str(reason).unwrap_or_default();
    let Some(failures) = parsed["Failures"].as_array() else {
        return reason.to_owned();
    };
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    let each = failures.iter().map(|failure| {
        let (resource, why) = (text(&failure["Resource"]), text(&failure["FailureReason"]));
        format!("{resource}: {why}")
    });
    each.collect::<Vec<_>>().join("; ")
}

fn read_resource(drift: &StackResourceDrift) -> DetectedResource {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    DetectedResource {
        logical_id: text(drift.logical_resource_id()),
        physical_id: text(drift.physical_resource_id()),
        resource_type: text(drift.resource_type()),
        status: match drift.stack_resource_drift_status().map_or("", |status| status.as_str()) {
            "IN_SYNC" => DriftStatus::InSync,
            "MODIFIED" => DriftStatus::Modified,
            "DELETED" => DriftStatus::Deleted,
            other => DriftStatus::NotChecked(other.to_owned()),
        },
        reason: drift.drift_status_reason().map(str::to_owned),
        expected: text(drift.expected_properties()),
        actual: text(drift.actual_properties()),
        differences: drift
            .property_differences()
            .iter()
            .map(|difference| {
                let kind = difference.difference_type();
                DetectedDifference {
                    path: text(difference.property_path()),
                    expected: difference
                        .expected_value()
                        .filter(|_| kind != Some(&DifferenceType::Add))
                        .map(str::to_owned),
                    actual: difference
                        .actual_value()
                        .filter(|_| kind != Some(&DifferenceType::Remove))
                        .map(str::to_owned),
                }
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_said_resource_by_resource() {
        let said = r#"{"Summary":"Failed to detect drift on resources [Role,Group]","Failures":[{"Resource":"Role","FailureReason":"Rate exceeded"},{"Resource":"Group","FailureReason":"Access denied"}]}"#;
        assert_eq!(failures(said), "Role: Rate exceeded; Group: Access denied");
        assert_eq!(failures("User cancelled"), "User cancelled");
    }
}
