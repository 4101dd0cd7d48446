//! Drift detection: what the script says, in the shape and the time that the API's pages describe.

use std::time::Duration;

use tokio::time::Instant;

use super::query::{Input, Refusal};
use super::script::Script;
use super::state::Stack;
use super::world::World;
use super::xml::Fields;

type Answer = Result<Fields, Refusal>;

/// A detection that was started.
#[derive(Debug, Clone)]
pub struct Detection {
    id: String,
    stack: usize,
    began: Instant,
    ends: Instant,
    is_drifted: bool,
}

/// What detection says of one resource.
#[derive(Debug, Clone)]
pub struct Drifted {
    pub(super) stack: String,
    pub(super) resource: String,
    pub(super) status: String,
    reason: Option<String>,
    pub(super) expected: String,
    pub(super) actual: String,
    pub(super) differences: Vec<[String; 4]>,
    /// Path and reason of what a drift-aware change set leaves as it is.
    pub(super) left: Vec<[String; 2]>,
}

impl Drifted {
    /// A resource in a drift status.
    pub fn new(stack: &str, resource: &str, status: &str) -> Self {
        Drifted {
            stack: stack.into(),
            resource: resource.into(),
            status: status.into(),
            reason: None,
            expected: "{}".into(),
            actual: "{}".into(),
            differences: Vec::new(),
            left: Vec::new(),
        }
    }

    /// Why.
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// All properties, as JSON.
    pub fn properties(mut self, expected: &str, actual: &str) -> Self {
        self.expected = expected.into();
        self.actual = actual.into();
        self
    }

    /// A difference: path, expected and actual value, and ADD, REMOVE or NOT_EQUAL.
    pub fn difference(mut self, path: &str, expected: &str, actual: &str, kind: &str) -> Self {
        self.differences.push([path, expected, actual, kind].map(str::to_owned));
        self
    }

    /// An attribute whose drift a drift-aware change set ignores, and why
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceDriftIgnoredAttribute.html>).
    pub fn left(mut self, path: &str, reason: &str) -> Self {
        self.left.push([path, reason].map(str::to_owned));
        self
    }

    /// Whether it isn't what it was deployed as.
    pub(super) fn is_drift(&self) -> bool {
        matches!(self.status.as_str(), "MODIFIED" | "DELETED")
    }
}

impl Script {
    /// What drift detection says of a resource; it didn't look at any other.
    pub fn drifted(mut self, resource: Drifted) -> Self {
        self.drifted.push(resource);
        self
    }

    /// How long a drift detection is DETECTION_IN_PROGRESS.
    pub fn detections_take(mut self, time: Duration) -> Self {
        self.detections_take = time;
        self
    }

    /// Drift detections of the stack end with DETECTION_FAILED.
    pub fn detection_fails(mut self, stack: &str, reason: &str) -> Self {
        self.detections_fail.insert(stack.into(), reason.into());
        self
    }
}

impl World {
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DetectStackDrift.html>; the statuses are
    /// those of <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html>.
    pub fn detect_stack_drift(&mut self, input: &Input) -> Answer {
        let stack = self.there(input)?;
        let it = &self.stacks[stack];
        let can = matches!(
            it.status.as_str(),
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE" | "UPDATE_ROLLBACK_FAILED"
        );
        if !can {
            let message = format!(
                "Drift detection cannot be performed on stack [{}] while it is in {} state",
                it.id, it.status
            );
            return Err(Refusal::validation(message));
        }
        if self
            .detections
            .iter()
            .any(|known| known.stack == stack && known.ends > self.now)
        {
            let message = format!("Drift detection is already in progress for stack [{}]", it.id);
            return Err(Refusal::validation(message));
        }
        let id = self.unique();
        let ends = self.now + self.script.detections_take;
        let is_drifted = !self.drift_of(stack).is_empty();
        self.detections.push(Detection {
            id: id.clone(),
            stack,
            began: self.now,
            ends,
            is_drifted,
        });
        Ok(Fields::new().text("StackDriftDetectionId", id))
    }

    /// What a stack says of its drift until it is looked for again
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackDriftInformation.html>).
    pub fn drift_information(&self, stack: &Stack) -> Fields {
        let of_stack = self.detections.iter().rev();
        let last = of_stack
            .filter(|known| known.ends <= self.now)
            .find(|known| self.stacks[known.stack].id == stack.id);
        let (status, checked) = match (&stack.drift, last) {
            (Some((status, ago)), _) => (status.as_str(), self.clock.wall_before(*ago)),
            (None, Some(last)) => {
                let status = if last.is_drifted { "DRIFTED" } else { "IN_SYNC" };
                (status, self.clock.wall(last.began))
            }
            (None, None) => return Fields::new().text("StackDriftStatus", "NOT_CHECKED"),
        };
        Fields::new()
            .text("StackDriftStatus", status)
            .text("LastCheckTimestamp", checked)
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackDriftDetectionStatus.html>
    pub fn describe_stack_drift_detection_status(&mut self, input: &Input) -> Answer {
        let id = input.required("StackDriftDetectionId")?;
        let known = self.detections.iter().find(|known| known.id == id);
        let known = known.ok_or_else(|| Refusal::validation(format!("Drift detection [{id}] does not exist")))?;
        let it = &self.stacks[known.stack];
        let failed = self.script.detections_fail.get(&it.name);
        let of_stack = self.script.drifted.iter().filter(|drifted| drifted.stack == it.name);
        let count = of_stack.filter(|drifted| drifted.is_drift()).count();
        let fields = Fields::new()
            .text("StackId", &it.id)
            .text("StackDriftDetectionId", id)
            .text("Timestamp", self.clock.wall(known.ends));
        if known.ends > self.now {
            return Ok(fields.text("DetectionStatus", "DETECTION_IN_PROGRESS"));
        }
        Ok(fields
            .text("StackDriftStatus", if count > 0 { "DRIFTED" } else { "IN_SYNC" })
            .text(
                "DetectionStatus",
                if failed.is_some() {
                    "DETECTION_FAILED"
                } else {
                    "DETECTION_COMPLETE"
                },
            )
            .maybe("DetectionStatusReason", failed)
            .text("DriftedStackResourceCount", count))
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResourceDrifts.html>: only
    /// resources that were checked.
    pub fn describe_stack_resource_drifts(&mut self, input: &Input) -> Answer {
        let stack = self.there(input)?;
        let it = &self.stacks[stack];
        let of_stack = self.script.drifted.iter().filter(|drifted| drifted.stack == it.name);
        let all = of_stack.map(|drifted| {
            let resource = it.resource(&drifted.resource);
            let differences = drifted.differences.iter().map(|[path, expected, actual, kind]| {
                Fields::new()
                    .text("PropertyPath", path)
                    .text("ExpectedValue", expected)
                    .text("ActualValue", actual)
                    .text("DifferenceType", kind)
            });
            let fields = Fields::new()
                .text("StackId", &it.id)
                .text("LogicalResourceId", &drifted.resource)
                .maybe(
                    "PhysicalResourceId",
                    resource.and_then(|resource| resource.physical_id.as_ref()),
                )
                .text("ResourceType", resource.map_or("", |resource| &resource.kind))
                .text("StackResourceDriftStatus", &drifted.status)
                .maybe("DriftStatusReason", drifted.reason.as_ref())
                .text("Timestamp", self.clock.wall(self.now));
            // "For resources whose StackResourceDriftStatus is DELETED, this structure will not be present."
            if drifted.status != "MODIFIED" {
                return fields;
            }
            fields
                .text("ExpectedProperties", &drifted.expected)
                .text("ActualProperties", &drifted.actual)
                .members("PropertyDifferences", differences)
        });
        let (page, next) = self.page(all.collect(), input)?;
        Ok(Fields::new()
            .members("StackResourceDrifts", page)
            .maybe("NextToken", next))
    }
}
