//! How an environment is: its stacks, its queues, its groups. One sweep of reads, all at once.

use futures_util::future::{join, join_all};
use jiff::Timestamp;
use serde::Serialize;

use crate::cloud::groups::Group;
use crate::cloud::queues::QueueDepth;
use crate::cloud::stack_status::StackStatus;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::{Deployed, DeployedStack, expiry_parameter};

/// How an environment is.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Its name.
    pub environment: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// When it expires, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expiry>,
    /// Its stacks; none when it isn't deployed.
    pub stacks: Vec<StackState>,
    /// Its stages.
    pub stages: Vec<StageState>,
    /// What could not be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// When an environment expires.
#[derive(Debug, Serialize)]
pub struct Expiry {
    /// When.
    pub at: Timestamp,
    /// How long it has left; negative when it is past its time.
    pub seconds_left: i64,
}

impl Expiry {
    /// As in "expires in 7h 59m (2026-01-02 10:00Z)".
    pub fn text(&self) -> String {
        let minutes = self.seconds_left.unsigned_abs() / 60;
        let at = self.at.strftime("%Y-%m-%d %H:%MZ");
        let ago = if self.seconds_left < 0 { " ago" } else { "" };
        format!("{}h {:02}m{ago} ({at})", minutes / 60, minutes % 60)
    }
}

/// How a stack is.
#[derive(Debug, Serialize)]
pub struct StackState {
    /// Its part.
    pub part: String,
    /// Its name.
    pub stack: String,
    /// Its status.
    pub status: StackStatus,
    /// Why, when CloudFormation says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was last made or changed.
    pub since: Option<Timestamp>,
    /// Termination protection.
    pub termination_protection: bool,
}

/// How a stage is.
#[derive(Debug, Serialize)]
pub struct StageState {
    /// Its name.
    pub stage: String,
    /// What is in its queue, in messages.
    pub queue: Option<QueueDepth>,
    /// What is in its dead-letter queue, in messages.
    pub dead_letters: Option<QueueDepth>,
    /// Its group.
    pub group: Option<Group>,
}

/// Reads it. `now` is the wall clock.
///
/// # Errors
/// When the stacks can't be read; everything else that can't is said in `unknown`.
pub async fn status(cloud: &Cloud, environment: &str, now: Timestamp) -> Result<Status, CloudError> {
    let name = expiry_parameter(environment);
    let (deployed, expires) = join(Deployed::find(cloud, environment), cloud.parameter(&name)).await;
    let deployed = deployed?.with_protection(cloud).await?;
    let mut unknown = Vec::new();
    let expires = match expires {
        Ok(at) => at.and_then(|at| at.parse().ok()).map(|at: Timestamp| Expiry {
            at,
            seconds_left: at.as_second() - now.as_second(),
        }),
        Err(error) => {
            unknown.push(error.to_string());
            None
        }
    };
    let stages = deployed
        .stacks
        .iter()
        .filter(|stack| stack.stack.outputs.contains_key("QueueUrl"));
    let mut states = Vec::new();
    for (state, problems) in join_all(stages.map(|stack| stage(cloud, stack))).await {
        states.push(state);
        unknown.extend(problems);
    }
    Ok(Status {
        environment: environment.to_owned(),
        account: cloud.account.clone(),
        region: cloud.region.clone(),
        expires,
        stacks: deployed.stacks.into_iter().map(stack_state).collect(),
        stages: states,
        unknown,
    })
}

fn stack_state(deployed: DeployedStack) -> StackState {
    StackState {
        part: deployed.part,
        since: deployed.stack.updated.or(deployed.stack.created),
        status: deployed.stack.status,
        reason: deployed.stack.reason,
        termination_protection: deployed.stack.protected,
        stack: deployed.stack.name,
    }
}

async fn stage(cloud: &Cloud, stack: &DeployedStack) -> (StageState, Vec<String>) {
    let output = |key: &str| stack.stack.outputs.get(key).map(String::as_str);
    let depth = async |key: &str| match output(key) {
        Some(url) => cloud.queue_depth(url).await,
        None => Ok(None),
    };
    let group = async {
        match output("GroupName") {
            Some(name) => cloud.group(name).await,
            None => Ok(None),
        }
    };
    let ((queue, dead_letters), group) = join(join(depth("QueueUrl"), depth("DeadLetterQueueUrl")), group).await;
    let mut problems = Vec::new();
    let state = StageState {
        stage: stack.part.clone(),
        queue: known(queue, &stack.part, &mut problems),
        dead_letters: known(dead_letters, &stack.part, &mut problems),
        group: known(group, &stack.part, &mut problems),
    };
    (state, problems)
}

/// One read that fails leaves the rest.
fn known<T>(read: Result<Option<T>, CloudError>, part: &str, problems: &mut Vec<String>) -> Option<T> {
    read.unwrap_or_else(|error| {
        problems.push(format!("{part}: {error}"));
        None
    })
}
