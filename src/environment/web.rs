//! A web tier: what people reach, in front of the queues.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::{Environment, Instances, patterns};

/// An Application Load Balancer and the instances behind it, which run a program that answers HTTP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Web {
    /// The group of instances, with the keys that a stage's have. It needs a `program` and at least one instance.
    pub instances: Instances,
    /// The port that the program listens on; it is told by `PORT`.
    #[schemars(range(min = 1024, max = 65535))]
    #[serde(default = "port")]
    pub port: u32,
    /// The path that answers 200 while the program is well.
    #[schemars(regex(pattern = patterns::HEALTH), length(max = 200), example = "/health")]
    #[serde(default = "health")]
    pub health: String,
    /// The ARN of an ACM certificate in this region: HTTPS, to which HTTP is redirected. Without it, HTTP alone.
    #[schemars(regex(pattern = patterns::CERTIFICATE), length(max = 400))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub certificate: Option<String>,
    /// Stages that the program may send jobs to. Where there is a bucket, it may make upload links in any case.
    #[schemars(length(max = 20), example = ["move"])]
    #[serde(default)]
    pub feeds: Vec<String>,
    /// The networks that may reach the load balancer, such as `203.0.113.0/24`. Without it, everybody.
    #[schemars(length(max = 20), inner(regex(pattern = patterns::CIDR)))]
    #[serde(default)]
    pub clients: Vec<String>,
    /// The load balancer's subnets, where they aren't the instances': public ones of `instances.vpc`, in at least two
    /// zones, one a zone.
    #[schemars(length(min = 2, max = 20), inner(regex(pattern = patterns::SUBNET)))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subnets: Option<Vec<String>>,
    /// How many requests a minute each instance should get: the group grows and shrinks to hold that.
    #[schemars(range(min = 1, max = 1_000_000))]
    #[serde(default = "requests")]
    pub requests_per_instance: u32,
}

impl Web {
    /// Where its certificate is: `arn:partition:acm:region:account:certificate/id`.
    pub fn region_of_certificate(&self) -> Option<&str> {
        self.certificate.as_deref()?.split(':').nth(3)
    }
}

pub(super) fn advise(environment: &Environment, advice: &mut Vec<Problem>) {
    let Some(web) = &environment.web else { return };
    if web.clients.is_empty() {
        let problem = Problem::new("/web", "everybody on the internet can reach the web tier");
        advice.push(
            problem.help("name who may, with `clients: [203.0.113.0/24]`, unless its program knows whom to let in"),
        );
    }
    // Also where few may reach it: between them and the load balancer others can read along.
    if web.certificate.is_none() {
        let problem = Problem::new(
            "/web",
            "what people send to the web tier and get from it is not encrypted",
        );
        advice.push(problem.help("HTTPS comes with a `certificate` of ACM"));
    }
}

fn port() -> u32 {
    8080
}

fn health() -> String {
    "/health".into()
}

fn requests() -> u32 {
    1000
}
