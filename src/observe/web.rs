//! How the web tier is: its load balancer's targets and its group at each look; what costs more, or changes by the minute
//! only, now and then.

use futures_util::future::{join, join3};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::alarm::{MISSING, StageAlarm};
use super::fresh::fresh;
use super::local_fleet;
use crate::cloud::autoscaling::groups::Group;
use crate::cloud::cloudwatch::alarms::Alarm;
use crate::cloud::cloudwatch::metrics::{Point, Query, Source};
use crate::cloud::load_balancing::Target;
use crate::cloud::{Cloud, CloudError};
use crate::deployed::Deployed;
use crate::deployed::web::Web;
use crate::local::fleet::state::{FleetState, LifecycleState};

/// A load balancer, and what is behind it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct WebState {
    /// Where people reach it; of a local fleet, there.
    pub url: String,
    /// The load balancer's name.
    pub load_balancer: String,
    /// Its targets; none when they aren't there or couldn't be read.
    pub targets: Option<Vec<Target>>,
    /// How many of them are healthy; none when that isn't known.
    pub healthy: Option<usize>,
    /// Its group; none when it isn't there or couldn't be read.
    pub group: Option<Group>,
    /// What its stack names and is not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<WebGone>,
    /// What CloudWatch counted; none when it knows nothing of the last hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
    /// Its alarms; none when they weren't, or couldn't be, read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Vec<StageAlarm>>,
    /// It has no group because the environment stands by in this region.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stands_by: bool,
}

/// Something of it that somebody deleted behind CloudFormation's back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebGone {
    LoadBalancer,
    TargetGroup,
    Group,
}

impl WebGone {
    pub fn as_str(self) -> &'static str {
        match self {
            WebGone::LoadBalancer => "load balancer",
            WebGone::TargetGroup => "target group",
            WebGone::Group => "Auto Scaling group",
        }
    }
}

/// Requests that came to the load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Requests {
    /// In the newest minute that CloudWatch knows; none when that is long ago.
    pub last_minute: Option<u64>,
    pub last_hour: u64,
    /// How many of the last hour's the program answered with an error of its own (5xx).
    pub errors_last_hour: u64,
    /// How many the load balancer itself answered with an error (5xx), because no target did.
    pub unanswered_last_hour: u64,
}

/// What changes by the minute only.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slow {
    requests: Option<Requests>,
    alarms: Option<Vec<StageAlarm>>,
    balancer_is_gone: bool,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl Slow {
    /// Puts it beside what was read last.
    pub fn add_to(&self, state: &mut WebState) {
        state.requests = self.requests;
        state.alarms.clone_from(&self.alarms);
        if self.balancer_is_gone {
            state.gone.insert(0, WebGone::LoadBalancer);
        }
    }
}

/// Reads targets and group; what could not be read is said beside them. Of the group that a local fleet plays, that is asked:
/// the emulator's load balancer has no targets.
pub async fn read(cloud: &Cloud, fleet: Option<&FleetState>, deployed: &Deployed) -> Option<(WebState, Vec<String>)> {
    let web = Web::of(deployed)?;
    let mut state = WebState {
        url: web.url,
        load_balancer: web.load_balancer,
        stands_by: web.group.is_none(),
        ..WebState::default()
    };
    let mut problems = Vec::new();
    let played = fleet.and_then(|fleet| local_fleet::group_of(fleet, web.group.as_deref()?));
    if let Some(group) = played {
        let targets = group.instances.iter().map(|instance| Target {
            instance: instance.id.clone(),
            state: match instance.lifecycle_state {
                LifecycleState::InService => "healthy",
                LifecycleState::Pending => "initial",
                _ => "draining",
            }
            .to_owned(),
            ..Target::default()
        });
        state.targets = Some(targets.collect());
        state.url = group.url.clone().unwrap_or(state.url);
        state.group = Some(local_fleet::group(group));
    } else {
        let group = async {
            match &web.group {
                Some(group) => Some(cloud.group(group).await),
                None => None,
            }
        };
        let (targets, group) = join(cloud.targets(&web.target_group), group).await;
        match targets {
            Ok(None) => state.gone.push(WebGone::TargetGroup),
            Ok(targets) => state.targets = targets,
            Err(error) => problems.push(format!("web: {error}")),
        }
        match group {
            None => {}
            Some(Ok(None)) => state.gone.push(WebGone::Group),
            Some(Ok(group)) => state.group = group,
            Some(Err(error)) => problems.push(format!("web: {error}")),
        }
    }
    let healthy = |targets: &Vec<Target>| targets.iter().filter(|target| target.is_healthy()).count();
    state.healthy = state.targets.as_ref().map(healthy);
    Some((state, problems))
}

/// Reads it: three calls. `now` is the wall clock. The emulator counts no requests, and has
/// no alarms that anything sets.
pub async fn read_slow(cloud: &Cloud, deployed: &Deployed, now: Timestamp) -> Slow {
    let mut slow = Slow::default();
    let Some(web) = Web::of(deployed).filter(|_| !cloud.local) else {
        return slow;
    };
    let (requests, alarms, balancer) = join3(
        requests(cloud, web.full_name.as_deref(), now),
        alarms(cloud, &web.alarms),
        cloud.has_load_balancer_named(&web.load_balancer),
    )
    .await;
    let mut known = |error: CloudError| slow.problems.push(format!("web: {error}"));
    slow.requests = requests.unwrap_or_else(|error| {
        known(error);
        None
    });
    slow.alarms = alarms.unwrap_or_else(|error| {
        known(error);
        None
    });
    slow.balancer_is_gone = !balancer.unwrap_or_else(|error| {
        known(error);
        true
    });
    slow
}

/// None of a stack that an older qfleet deployed, which doesn't name them.
async fn alarms(cloud: &Cloud, names: &[String]) -> Result<Option<Vec<StageAlarm>>, CloudError> {
    if names.is_empty() {
        return Ok(None);
    }
    let there = cloud.alarms(names).await?;
    let alarms = names.iter().map(|name| StageAlarm {
        alarm: there
            .iter()
            .find(|alarm| alarm.name == *name)
            .cloned()
            .unwrap_or_else(|| Alarm {
                name: name.clone(),
                state: MISSING.to_owned(),
                ..Alarm::default()
            }),
        scales: false,
    });
    Ok(Some(alarms.collect()))
}

/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>)
async fn requests(cloud: &Cloud, full_name: Option<&str>, now: Timestamp) -> Result<Option<Requests>, CloudError> {
    let Some(full_name) = full_name else { return Ok(None) };
    let metrics = [
        ("requests", "RequestCount"),
        ("errors", "HTTPCode_Target_5XX_Count"),
        ("unanswered", "HTTPCode_ELB_5XX_Count"),
    ];
    let queries = metrics.map(|(id, name)| Query {
        id: id.to_owned(),
        source: Source::Metric {
            namespace: "AWS/ApplicationELB",
            name,
            dimension: ("LoadBalancer", full_name.to_owned()),
            statistic: "Sum",
        },
        wanted: true,
    });
    let to = Timestamp::from_second((now.as_second().div_euclid(60) + 1) * 60).unwrap_or(now);
    let from = to.checked_sub(SignedDuration::from_hours(1));
    let from = from.unwrap_or(Timestamp::MIN);
    let mut series = cloud.metric_data(&[queries.into()], from, to).await?;
    let mut of = |id: &str| series.remove(id).unwrap_or(Ok(Vec::new()));
    let (all, errors, unanswered) = (of("requests")?, of("errors")?, of("unanswered")?);
    if all.is_empty() && unanswered.is_empty() {
        return Ok(None);
    }
    let sum = |points: &[Point]| points.iter().map(|point| point.value.max(0.0) as u64).sum();
    Ok(Some(Requests {
        last_minute: fresh(&all, now),
        last_hour: sum(&all),
        errors_last_hour: sum(&errors),
        unanswered_last_hour: sum(&unanswered),
    }))
}
