//! Who may do what, from what the pages in docs/ say that each is for. Nothing here is read from a template: names and
//! prefixes are those of the environment file.

use std::collections::{BTreeMap, BTreeSet};

use qfleet::environment::{Bucket, Environment, Instances, KeptIn, Lambda, Secret, Stage, Web};
use serde_json::{Value as Json, json};

use super::resolve::Deployment;
use super::statements::{Grant, allow, allow_if, read};

/// What a role is.
#[derive(Debug, Default, PartialEq)]
pub struct Role {
    /// Who takes it on.
    pub trust: BTreeSet<Grant>,
    /// Policies that the file names.
    pub managed: Vec<String>,
    pub grants: BTreeSet<Grant>,
}

/// An environment file, and where it is deployed.
pub struct Table<'a> {
    pub environment: &'a Environment,
    pub deployment: &'a Deployment<'a>,
}

type Roles = BTreeMap<(String, &'static str), Role>;
/// Policies of queues, topics and buckets, by the ARN of what each is for.
type OfResources = BTreeMap<String, BTreeSet<Grant>>;

impl Table<'_> {
    /// By part and logical id.
    pub fn roles(&self) -> Roles {
        let mut roles = Roles::new();
        let mut add = |part: &str, id, role| {
            roles.insert((part.to_owned(), id), role);
        };
        for stage in &self.environment.stages {
            if let Some(instances) = &stage.workers.instances {
                let mut role = self.instances(&stage.name, instances);
                role.grants.extend(self.work(stage));
                add(&stage.name, "Role", role);
            }
            if let Some(lambda) = &stage.workers.lambda {
                add(&stage.name, "FunctionRole", self.function(stage, lambda));
            }
            if !stage.schedules.is_empty() {
                add(&stage.name, "ScheduleRole", self.schedules(stage));
            }
        }
        if let Some(web) = &self.environment.web {
            let mut role = self.instances("web", &web.instances);
            role.grants.extend(self.web(web));
            add("web", "Role", role);
        }
        if let Some(to) = self.copied_to() {
            add("intake", "ReplicationRole", self.replication(to));
        }
        roles
    }

    /// docs/lambda.md, "What is deployed": "permissions that instances have for queue, bucket and logs, and no more".
    /// docs/results.md: "get, put and update items of this table, and nothing else in DynamoDB". docs/jobs.md: replies are
    /// sent, and with `replies` or `schedules` the rest of a long job to the stage's own queue. docs/environment.md, `from`:
    /// the workers of one stage feed the next.
    fn work(&self, stage: &Stage) -> BTreeSet<Grant> {
        let mut grants = allow(
            &[
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:ChangeMessageVisibility",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
            ],
            &[self.queue(&stage.name, "")],
        );
        if stage.replies {
            grants.extend(allow(&["sqs:SendMessage"], &[self.queue(&stage.name, "-replies")]));
        }
        if stage.replies || !stage.schedules.is_empty() {
            grants.extend(allow(&["sqs:SendMessage"], &[self.queue(&stage.name, "")]));
        }
        let next = self
            .environment
            .stages
            .iter()
            .filter(|next| next.from.as_ref() == Some(&stage.name));
        let next: Vec<&str> = next.map(|next| next.name.as_str()).collect();
        grants.extend(self.send_to(&next));
        if let Some(bucket) = &self.environment.bucket {
            let (name, prefixes) = (self.bucket(bucket), [&bucket.uploads, &bucket.processed]);
            let [uploads, processed] = prefixes.map(|prefix| format!("{name}/{prefix}*"));
            grants.extend(allow(&["s3:ListBucket"], &[name]));
            grants.extend(allow(
                &[
                    "s3:GetObject",
                    "s3:GetObjectVersion",
                    "s3:GetObjectTagging",
                    "s3:GetObjectVersionTagging",
                    "s3:DeleteObject",
                ],
                &[uploads],
            ));
            grants.extend(allow(
                &[
                    "s3:GetObject",
                    "s3:GetObjectTagging",
                    "s3:PutObject",
                    "s3:PutObjectTagging",
                    "s3:AbortMultipartUpload",
                    "s3:ListMultipartUploadParts",
                ],
                &[processed],
            ));
        }
        if self.environment.results.is_some() {
            grants.extend(allow(
                &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
                &[self.results_table()],
            ));
        }
        grants
    }

    /// docs/images.md: "for the program's archive, the report of a failed boot, this one stack's signals", its log group and
    /// its group's hook; docs/secrets.md.
    fn instances(&self, part: &str, instances: &Instances) -> Role {
        let mut grants = allow(
            &["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            &[self.log_group(part)],
        );
        if instances.program.is_some() {
            let artifacts = self.own_bucket("-artifacts");
            grants.extend(allow(&["s3:GetObject"], &[format!("{artifacts}/programs/{part}/*")]));
            grants.extend(allow(
                &["s3:PutObject"],
                &[format!("{artifacts}/boot-failures/{part}/*")],
            ));
            grants.extend(allow(
                &["cloudformation:SignalResource"],
                &[self.deployment.stack_id(part)],
            ));
        }
        if instances.session_manager {
            grants.extend(allow(
                &["ssm:UpdateInstanceInformation"],
                &[self.deployment.arn("ec2", "instance/*")],
            ));
            grants.extend(allow(
                &[
                    "ssmmessages:CreateControlChannel",
                    "ssmmessages:CreateDataChannel",
                    "ssmmessages:OpenControlChannel",
                    "ssmmessages:OpenDataChannel",
                ],
                &["*".to_owned()],
            ));
        }
        if instances.drains_for().is_some_and(|time| time.as_secs() > 0) {
            let group = format!(
                "autoScalingGroup:*:autoScalingGroupName/{}-{part}-Group-*",
                self.environment.name
            );
            grants.extend(allow(
                &[
                    "autoscaling:CompleteLifecycleAction",
                    "autoscaling:RecordLifecycleActionHeartbeat",
                ],
                &[self.deployment.arn("autoscaling", &group)],
            ));
            grants.extend(allow(&["autoscaling:DescribeAutoScalingInstances"], &["*".to_owned()]));
        }
        grants.extend(self.secrets(instances.secrets.values()));
        Role {
            // EC2 documents the service alone, without conditions
            // (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html).
            trust: trust("ec2", &json!({})),
            managed: instances.policies.clone(),
            grants,
        }
    }

    fn function(&self, stage: &Stage, lambda: &Lambda) -> Role {
        let mut grants = self.work(stage);
        grants.extend(allow(
            &["logs:CreateLogStream", "logs:PutLogEvents"],
            &[self.log_group(&stage.name)],
        ));
        grants.extend(self.secrets(lambda.secrets.values()));
        Role {
            // As of EC2 (https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html).
            trust: trust("lambda", &json!({})),
            managed: lambda.policies.clone(),
            grants,
        }
    }

    /// docs/jobs.md: "sends `body` to the stage's queue … Its role may do that" and nothing else.
    fn schedules(&self, stage: &Stage) -> Role {
        let group = self.deployment.made_up(&stage.name, "ScheduleGroup");
        let group = self.deployment.arn("scheduler", &format!("schedule-group/{group}"));
        // (https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html)
        let own = json!({"StringEquals": {"aws:SourceAccount": self.deployment.account, "aws:SourceArn": group}});
        Role {
            trust: trust("scheduler", &own),
            grants: allow(&["sqs:SendMessage"], &[self.queue(&stage.name, "")]),
            ..Role::default()
        }
    }

    /// docs/web.md: "send to the queues that it `feeds`, put objects under the uploads prefix, list both prefixes, and read
    /// results of jobs that it can name (`dynamodb:BatchGetItem`). It can read no file, take no message, and neither write to
    /// the table of results nor read it as a whole." On a spot notice it leaves the load balancer by itself.
    fn web(&self, web: &Web) -> BTreeSet<Grant> {
        let feeds: Vec<&str> = web.feeds.iter().map(String::as_str).collect();
        let mut grants = self.send_to(&feeds);
        grants.extend(allow(&["elasticloadbalancing:DescribeTargetHealth"], &["*".to_owned()]));
        if web.instances.spot {
            let targets = format!("targetgroup/{}/6f2a", self.deployment.made_up("web", "TargetGroup"));
            let targets = self.deployment.arn("elasticloadbalancing", &targets);
            grants.extend(allow(&["elasticloadbalancing:DeregisterTargets"], &[targets]));
        }
        if let Some(bucket) = &self.environment.bucket {
            let name = self.bucket(bucket);
            let prefixes = [&bucket.uploads, &bucket.processed].map(|prefix| format!("{prefix}*"));
            grants.extend(allow(&["s3:PutObject"], &[format!("{name}/{}", prefixes[0])]));
            let listed = json!({"StringLike": {"s3:prefix": prefixes}});
            grants.extend(allow_if(&["s3:ListBucket"], &[name], &listed));
        }
        if self.environment.results.is_some() {
            grants.extend(allow(&["dynamodb:BatchGetItem"], &[self.results_table()]));
        }
        grants
    }

    /// docs/regions.md: a role that copies what is under `uploads` to that one bucket "and nothing else"
    /// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html, whose trust policy has
    /// no conditions).
    fn replication(&self, to: &str) -> Role {
        let bucket = self.environment.bucket.as_ref().expect("a bucket");
        let from = self.bucket(bucket);
        let files = |bucket: &str| [format!("{bucket}/{}*", self.prefix())];
        let mut grants = allow(
            &["s3:GetReplicationConfiguration", "s3:ListBucket"],
            std::slice::from_ref(&from),
        );
        grants.extend(allow(
            &[
                "s3:GetObjectVersionForReplication",
                "s3:GetObjectVersionAcl",
                "s3:GetObjectVersionTagging",
            ],
            &files(&from),
        ));
        let of_this_account = json!({"StringEqualsIfExists": {"aws:ResourceAccount": self.deployment.account}});
        grants.extend(allow_if(
            &["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
            &files(to),
            &of_this_account,
        ));
        Role {
            trust: trust("s3", &json!({})),
            grants,
            ..Role::default()
        }
    }

    fn send_to(&self, stages: &[&str]) -> BTreeSet<Grant> {
        let queues: Vec<String> = stages.iter().map(|stage| self.queue(stage, "")).collect();
        allow(
            &["sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"],
            &queues,
        )
    }

    /// docs/secrets.md, "What workers may read".
    fn secrets<'s>(&self, secrets: impl Iterator<Item = &'s Secret>) -> BTreeSet<Grant> {
        let (mut parameters, mut arns) = (Vec::new(), Vec::new());
        for secret in secrets {
            match secret.kept_in() {
                KeptIn::ParameterStore(path) => {
                    parameters.push(self.deployment.arn("ssm", &format!("parameter{path}")))
                }
                KeptIn::SecretsManager { .. } => arns.push(secret.0.clone()),
                KeptIn::Given(given) => arns.push(self.deployment.output(given.part, given.output)),
            }
        }
        let mut grants = allow(&["ssm:GetParameter"], &parameters);
        grants.extend(allow(&["secretsmanager:GetSecretValue"], &arns));
        for (service, key, kept) in [
            ("ssm", "PARAMETER_ARN", parameters),
            ("secretsmanager", "SecretARN", arns),
        ] {
            let by_way = format!("{service}.{}.amazonaws.com*", self.deployment.region);
            let only = json!({
                "StringLike": {"kms:ViaService": by_way},
                "StringEquals": {format!("kms:EncryptionContext:{key}"): kept},
            });
            if !kept.is_empty() {
                grants.extend(allow_if(
                    &["kms:Decrypt"],
                    &[self.deployment.arn("kms", "key/*")],
                    &only,
                ));
            }
        }
        grants
    }

    /// docs/design.md: "nothing is public"; what one service sends to another is let in from that one source only.
    pub fn of_resources(&self) -> OfResources {
        let mut policies = OfResources::new();
        for stage in &self.environment.stages {
            let mut names = vec!["", "-dlq"];
            if stage.replies {
                names.extend(["-replies", "-replies-dlq"]);
            }
            for name in names {
                let queue = self.queue(&stage.name, name);
                policies.insert(queue.clone(), tls_only("sqs:*", &[queue]));
            }
            if stage.from.as_deref() == Some("bucket") {
                let queue = self.queue(&stage.name, "");
                let own = json!({"ArnEquals": {"aws:SourceArn": self.uploads_topic()}});
                let sends = service_may("sns", "sqs:SendMessage", &queue, &own);
                policies.entry(queue).or_default().extend(sends);
            }
        }
        if self.environment.has_programs() {
            self.of_bucket(&mut policies, &self.own_bucket("-artifacts"));
        }
        if let Some(bucket) = &self.environment.bucket {
            self.of_intake(&mut policies, bucket);
        }
        if self
            .environment
            .alerts
            .as_ref()
            .is_some_and(|alerts| alerts.email.is_some())
        {
            let topic = self.deployment.arn("sns", &self.deployment.made_up("alerts", "Topic"));
            let alarms = self
                .deployment
                .arn("cloudwatch", &format!("alarm:{}-*", self.environment.name));
            let own = self.own_source(&alarms);
            policies.insert(topic.clone(), service_may("cloudwatch", "sns:Publish", &topic, &own));
            let policy = policies.entry(topic.clone()).or_default();
            policy.extend(tls_only("sns:Publish", &[topic]));
        }
        policies
    }

    fn of_intake(&self, policies: &mut OfResources, bucket: &Bucket) {
        let (name, topic) = (self.bucket(bucket), self.uploads_topic());
        let own = self.own_source(&name);
        let mut of_topic = service_may("s3", "sns:Publish", &topic, &own);
        of_topic.extend(tls_only("sns:Publish", std::slice::from_ref(&topic)));
        policies.insert(topic, of_topic);
        if bucket.existing.is_some() {
            return;
        }
        self.of_bucket(policies, &name);
        if self.environment.delivery.is_some() {
            // docs/delivery.md: what is under `processed`, for the account's distributions.
            let distributions = format!("arn:aws:cloudfront::{}:distribution/*", self.deployment.account);
            let own = json!({"ArnLike": {"aws:SourceArn": distributions}});
            let files = format!("{name}/{}*", bucket.processed);
            let policy = policies.entry(name).or_default();
            policy.extend(service_may("cloudfront", "s3:GetObject", &files, &own));
        }
    }

    fn of_bucket(&self, policies: &mut OfResources, bucket: &str) {
        let all = [bucket.to_owned(), format!("{bucket}/*")];
        policies.insert(bucket.to_owned(), tls_only("s3:*", &all));
    }

    fn own_source(&self, arn: &str) -> Json {
        json!({"ArnLike": {"aws:SourceArn": arn}, "StringEquals": {"aws:SourceAccount": self.deployment.account}})
    }

    /// Where one topic has no room for all notifications, others have numbers behind this name.
    fn uploads_topic(&self) -> String {
        self.deployment
            .arn("sns", &format!("{}-uploads", self.environment.name))
    }

    fn queue(&self, stage: &str, suffix: &str) -> String {
        self.deployment
            .arn("sqs", &format!("{}-{stage}{suffix}", self.environment.name))
    }

    fn results_table(&self) -> String {
        self.deployment
            .arn("dynamodb", &format!("table/{}-results", self.environment.name))
    }

    fn log_group(&self, part: &str) -> String {
        let group = self.deployment.made_up(part, "LogGroup");
        self.deployment.arn("logs", &format!("log-group:{group}:*"))
    }

    /// The bucket's ARN.
    fn bucket(&self, bucket: &Bucket) -> String {
        match &bucket.existing {
            Some(existing) => format!("arn:aws:s3:::{existing}"),
            None => self.own_bucket(""),
        }
    }

    fn own_bucket(&self, kind: &str) -> String {
        let Deployment { account, region, .. } = self.deployment;
        format!("arn:aws:s3:::{}{kind}-{account}-{region}", self.environment.name)
    }

    fn prefix(&self) -> &str {
        self.environment.bucket.as_ref().map_or("", |bucket| &bucket.uploads)
    }

    fn copied_to(&self) -> Option<&str> {
        let to = self.environment.bucket.as_ref()?.replicate_to.as_deref()?;
        (to != self.own_bucket("")).then_some(to)
    }
}

/// One service may take a role on.
fn trust(service: &str, condition: &Json) -> BTreeSet<Grant> {
    let service = format!("{service}.amazonaws.com");
    read(&[
        json!({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", "Condition": condition}),
    ])
}

fn service_may(service: &str, action: &str, resource: &str, condition: &Json) -> BTreeSet<Grant> {
    let principal = json!({"Service": format!("{service}.amazonaws.com")});
    read(&[
        json!({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource, "Condition": condition}),
    ])
}

fn tls_only(actions: &str, resources: &[String]) -> BTreeSet<Grant> {
    read(&[json!({
        "Effect": "Deny", "Principal": "*", "Action": actions, "Resource": resources,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    })])
}
