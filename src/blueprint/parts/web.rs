//! The web tier: a load balancer, and the instances behind it.

use std::collections::{BTreeMap, BTreeSet};

use super::image::image;
use super::instances::default_zones;
use super::{Parts, extras, output};
use crate::blueprint::rolling_update::{self, RollingUpdate};
use crate::blueprint::{Artifact, Pause, Stack, Value, contexts, names, outputs};
use crate::environment::problem::Problem;
use crate::environment::{Active, Network, Web};

/// The part's name.
const WEB: &str = "web";
const POINTER: &str = "/web/instances";
/// How long the load balancer lets requests finish that an instance has in hand, before it lets go of it: its
/// deregistration delay. The page's are short, and uploads go to S3.
const DEREGISTRATION_SECONDS: u64 = 30;
/// For at least how many minutes an instance is unhealthy, until somebody is told: one that is replaced is for a while.
const UNHEALTHY_MINUTES: u64 = 5;

impl Parts<'_> {
    /// Its stack and its program.
    pub fn web(&self, web: &Web) -> Result<(Stack, Option<Artifact>), Vec<Problem>> {
        let mut problems = self.among_secrets_elsewhere(POINTER, &web.instances.secrets);
        problems.extend(self.certificate_elsewhere(web));
        let program = self.program(WEB, POINTER, &web.instances);
        let program = program.unwrap_or_else(|found| {
            problems.extend(found);
            None
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let stack = self.web_stack(web, program.as_ref()).map_err(|problem| vec![problem])?;
        let instances = &web.instances;
        match self.too_long_at(POINTER, &stack, &instances.environment, &instances.secrets) {
            Some(problem) => Err(vec![problem]),
            None => Ok((stack, program)),
        }
    }

    /// A load balancer takes certificates of its own region only. The emulator doesn't mind.
    fn certificate_elsewhere(&self, web: &Web) -> Option<Problem> {
        let of_certificate = web.region_of_certificate()?;
        let region = &self.placement.region;
        (!self.placement.local && of_certificate != region).then(|| {
            Problem::new(
                "/web/certificate",
                format!("the certificate is in `{of_certificate}`, and the load balancer is in `{region}`"),
            )
            .help("a load balancer takes a certificate of its own region only: have ACM issue one there")
        })
    }

    fn web_stack(&self, web: &Web, program: Option<&Artifact>) -> Result<Stack, Problem> {
        let environment = &self.environment.name;
        let instances = &web.instances;
        let used = self.environment.used_by_instances(instances);
        let mark = self.end_mark(WEB, instances);
        let mut of_instances = self.group_context(names::stack(environment, WEB), mark, &used, instances);
        // All subnets are named, also the default VPC's: a load balancer takes no zones.
        of_instances.own_subnets = true;
        of_instances.hook_seconds = (of_instances.hook_seconds + DEREGISTRATION_SECONDS).min(7200);
        let bucket = self.environment.bucket.as_ref();
        let feeds: Vec<&str> = web.feeds.iter().map(String::as_str).collect();
        let stack_context = contexts::WebStack {
            environment,
            stage: WEB,
            local: self.placement.local,
            bucket: bucket.map(|bucket| contexts::BucketPrefixes {
                uploads: &bucket.uploads,
                processed: &bucket.processed,
            }),
            results: self.environment.results.is_some(),
            alerts: self.environment.alerts.is_some(),
            active: match self.stands_by() {
                true => Active::None,
                false => Active::Instances,
            },
            log_retention_days: instances.log_retention.as_secs() / 86400,
            extra_outputs: extras::contexts(&used),
            web: contexts::Web {
                port: web.port,
                health: &web.health,
                https: web.certificate.is_some(),
                clients: &web.clients,
                own_subnets: web.subnets.is_some(),
                requests_per_instance: web.requests_per_instance,
                deregistration_seconds: DEREGISTRATION_SECONDS,
                grace_seconds: instances.start_timeout.as_secs(),
                unhealthy_minutes: (instances.start_timeout.as_secs().div_ceil(60) + 1).max(UNHEALTHY_MINUTES),
                feeds: &feeds,
            },
            instances: of_instances,
        };
        let parameters = self.web_parameters(web, program)?;
        let stack = self.stack(WEB, "web.yaml.j2", &stack_context, parameters, self.on_destroy())?;
        Ok(Stack {
            secrets: match self.stands_by() {
                true => BTreeSet::new(),
                false => self.places(instances.secrets.values()),
            },
            rolling_update: (!self.stands_by()).then(|| RollingUpdate::of(instances)),
            pause: self.stands_by().then_some(Pause {
                stands_by: true,
                schedules: 0,
            }),
            ..stack
        })
    }

    fn web_parameters(&self, web: &Web, program: Option<&Artifact>) -> Result<BTreeMap<String, Value>, Problem> {
        let instances = &web.instances;
        let mut parameters = self.given_parameters(&self.environment.used_by_instances(instances));
        let mut add = |name: &str, value| parameters.insert(name.to_owned(), value);
        add("ImageId", image(instances, self.placement.local, POINTER)?);
        if !self.stands_by() {
            let keeps = RollingUpdate::of(instances).keeps(0);
            add(rolling_update::PARAMETER, Value::InService(keeps));
        }
        add("ArtifactsBucket", output("artifacts", outputs::BUCKET));
        if let Some(program) = program {
            add("ProgramKey", Value::Literal(program.key.clone()));
        }
        let (vpc, subnets) = if instances.network == Some(Network::Create) {
            let of_network = |key| Some(output("network", key));
            (of_network(outputs::VPC), of_network(outputs::SUBNETS))
        } else if let (Some(vpc), Some(subnets)) = (&instances.vpc, &instances.subnets) {
            let literal = |text: String| Some(Value::Literal(text));
            (literal(vpc.clone()), literal(subnets.join(",")))
        } else {
            let wanted = default_zones(instances);
            (
                wanted.as_ref().map(|_| Value::DefaultVpc),
                wanted.map(Value::DefaultSubnets),
            )
        };
        if let Some(vpc) = vpc {
            add("VpcId", vpc);
        }
        // Where it stands by, only the load balancer needs any.
        if let Some(subnets) = subnets.filter(|_| !self.stands_by() || web.subnets.is_none()) {
            add("SubnetIds", subnets);
        }
        if let Some(subnets) = &web.subnets {
            add("LoadBalancerSubnetIds", Value::Literal(subnets.join(",")));
        }
        if let Some(certificate) = &web.certificate {
            add("CertificateArn", Value::Literal(certificate.clone()));
        }
        if self.environment.bucket.is_some() {
            add("BucketName", output("intake", outputs::BUCKET));
        }
        if self.environment.results.is_some() {
            add("ResultsTable", output("results", outputs::TABLE));
            add("ResultsTableArn", output("results", outputs::TABLE_ARN));
        }
        if let Some(topic) = self.alerts_topic().filter(|_| !self.stands_by()) {
            add("AlertsTopicArn", topic);
        }
        for (position, stage) in web.feeds.iter().enumerate() {
            let number = position + 1;
            add(&format!("QueueUrl{number}"), output(stage, outputs::QUEUE_URL));
            add(&format!("QueueArn{number}"), output(stage, outputs::QUEUE_ARN));
        }
        Ok(parameters)
    }
}
