//! One environment with everything that there is, deployed, used, watched, changed and destroyed: real workers, a real
//! function and a real page. Nothing is left of it.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration,
};
use aws_sdk_ssm::types::ParameterType;
use serde_json::Value;
use tokio::task::block_in_place;

use crate::emulator::regions::replicate;
use crate::emulator::whole_way::everything;
use crate::harness::{Aws, Output, Test, account};

const REGION: &str = "us-east-2";
const PATIENCE: Duration = Duration::from_secs(120);
const MOVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mover");
const FINGERPRINT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/fingerprint");
const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/web");

/// A template of one's own: whom a door lets in, and how often workers ask for jobs.
const OWN: &str = "\
Parameters:
  VpcId: {Type: 'AWS::EC2::VPC::Id'}
  Seconds: {Type: Number}
Resources:
  Clients:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: Clients of the whole, VpcId: !Ref VpcId}
  Setting:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Name: /whole/seconds, Value: !Ref Seconds}
Outputs:
  ClientGroupId: {Value: !GetAtt Clients.GroupId}
  Seconds: {Value: !GetAtt Setting.Value}
";

/// The pages that may upload, and the seconds of the template: at first, and once they are changed.
fn varies(first: bool) -> (&'static str, &'static str) {
    match first {
        true => ("https://app.example.com", "1"),
        false => ("https://new.example.com", "2"),
    }
}

/// Where uploads are copied to: a bucket that somebody else has made.
fn copies(account: &str) -> String {
    format!("whole-copies-{account}")
}

/// The whole: `images` is worked on by instances or by a function. Not as at `first`, it has no stage `nightly`.
fn environment(account: &str, active: &str, first: bool) -> String {
    let (page, seconds) = varies(first);
    let copies = copies(account);
    let nightly = match first {
        true => format!(
            "  - name: nightly
    schedules: [{{cron: '0 3 * * *', time_zone: Europe/Berlin, body: '{{\"move\": \"uploads/\"}}'}}]
    workers:
      lambda: {{program: {MOVER:?}, handler: mover.function.handler, runtime: python3.13}}
"
        ),
        false => String::new(),
    };
    format!(
        "name: whole
region: {REGION}
account: \"{account}\"
lifetime: 1h
tags: {{team: media, cost-center: \"4711\"}}
bucket:
  on_destroy: empty
  versioning: true
  old_versions: 7d
  browsers: [{page:?}]
  replicate_to: \"arn:aws:s3:::{copies}\"
extras: [{{name: own, template: own.yaml, needs: [network], gives: [ClientGroupId, Seconds], parameters: {{Seconds: \"{seconds}\"}}}}]
results: {{ttl: 7d}}
alerts: {{email: somebody@example.com}}
delivery: {{key_groups: [12345678-1234-1234-1234-123456789012]}}
stages:
  - name: images
    from: bucket
    only: {{prefix: uploads/img/}}
    replies: true
    queue: {{visibility_timeout: 30s, max_receives: 3}}
    workers:
      active: {active}
      instances:
        program: {MOVER:?}
        types: [t3.micro, t3a.micro]
        spot: true
        on_demand_base: 1
        network: create
        min: 1
        max: 2
        capacity: [{{cron: '0 0 1 1 *', max: 1}}, {{cron: '0 1 1 1 *'}}]
        environment: {{MOVER_POLL_SECONDS: \"${{own.Seconds}}\"}}
        security_groups: [own.ClientGroupId]
        secrets: {{DB_PASSWORD: /whole/db}}
      lambda:
        program: {MOVER:?}
        handler: mover.function.handler
        runtime: python3.13
        environment: {{MOVER_POLL_SECONDS: \"${{own.Seconds}}\"}}
        secrets: {{DB_PASSWORD: /whole/db}}
    scaling: {{acceptable_latency: 1m, seconds_per_message: 1}}
  - name: fingerprint
    from: images
    workers:
      instances: {{program: {FINGERPRINT:?}, types: [t3.micro], network: create, min: 1, max: 1, environment: {{POLL_SECONDS: \"1\"}}}}
  - name: subtitles
    from: bucket
    only: {{prefix: uploads/text/, suffix: [.srt, .vtt]}}
    workers:
      lambda: {{program: {MOVER:?}, handler: mover.function.handler, runtime: python3.13, max_concurrency: 2}}
{nightly}web:
  instances: {{program: {WEB:?}, types: [t3.micro], network: create, min: 1, max: 2, drain_timeout: 30s}}
  feeds: [images]
  clients: [203.0.113.0/24]
"
    )
}

/// A fleet in the background, which ends with the test.
struct Fleet(Output);

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.0.then().args(["local", "down", "whole"]).command().output();
    }
}

fn run(test: Test) -> Output {
    block_in_place(|| test.emulated().run())
}

fn outputs(report: &Value, part: &str, key: &str) -> String {
    let output = report["outputs"][part][key].as_str();
    output
        .unwrap_or_else(|| panic!("no {part}.{key} in {report:#}"))
        .to_owned()
}

async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

struct Whole {
    aws: Aws,
    account: String,
    there: Output,
    bucket: String,
}

impl Whole {
    fn qfleet(&self, args: &[&str]) -> Output {
        run(self.there.then().args(args.iter().copied()))
    }

    fn edit(&self, active: &str, first: bool) {
        let file = environment(&self.account, active, first);
        std::fs::write(self.there.path("whole.yaml"), file).expect("writes");
    }

    async fn put(&self, key: &str) {
        let put = self.aws.s3.put_object().bucket(&self.bucket).key(key);
        put.body(key.as_bytes().to_vec().into()).send().await.expect("is put");
    }

    async fn is_there(&self, key: &str) -> Option<()> {
        self.aws
            .s3
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .ok()
            .map(drop)
    }

    /// Files of both kinds come, and a job that is replied to: each is done, and written down.
    async fn work(&self, batch: &str) {
        let image = format!("img/{batch}.png");
        let text = format!("text/{batch}.srt");
        self.put(&format!("uploads/{image}")).await;
        self.put(&format!("uploads/{text}")).await;
        for done in [&image, &text] {
            until(&format!("{done} is moved"), async || {
                self.is_there(&format!("processed/{done}")).await
            })
            .await;
        }
        let checksum = format!("processed/{image}.sha256");
        until("a checksum beside it", async || self.is_there(&checksum).await).await;
        until("it is written down", async || {
            let found = self
                .qfleet(&[
                    "results",
                    "whole.yaml",
                    "--job",
                    &format!("uploads/{image}"),
                    "--output",
                    "json",
                ])
                .json();
            let is_done = |record: &Value| record["stage"] == "images" && record["state"] == "done";
            found["records"].as_array()?.iter().any(is_done).then_some(())
        })
        .await;
        // No stage wants it, so nobody takes it but who is asked to.
        let other = format!("uploads/{batch}.bin");
        self.put(&other).await;
        let job = self.there.then().args([
            "send",
            "whole.yaml",
            "--stage",
            "images",
            "--wait",
            "--timeout",
            "2m",
            "-",
        ]);
        let job = run(job
            .stdin(format!("{{\"move\": \"{other}\"}}"))
            .stdout_contains("1 of 1 job replied to"));
        assert!(
            job.stdout.contains("\"state\": \"done\", \"moved\": 1"),
            "{}",
            job.stdout
        );
        assert!(self.is_there(&format!("processed/{batch}.bin")).await.is_some());
    }

    /// What the template of one's own and the bucket say, past qfleet. The emulator lets scripts of every page in, whatever its
    /// bucket says, so no browser's question would tell; `logs_and_files` uploads by a link.
    async fn is_as(&self, first: bool) {
        let (page, seconds) = varies(first);
        let cors = self.aws.s3.get_bucket_cors().bucket(&self.bucket).send().await;
        let cors = cors.expect("a configuration");
        let rules: Vec<_> = cors.cors_rules().iter().map(|rule| rule.allowed_origins()).collect();
        assert_eq!(rules, [[page]]);
        let setting = self.aws.ssm.get_parameter().name("/whole/seconds").send().await;
        let setting = setting.expect("a parameter").parameter.and_then(|one| one.value);
        assert_eq!(setting.as_deref(), Some(seconds));
        let told = self.qfleet(&["outputs", "whole.yaml", "--output", "json"]).json();
        let told = outputs(&told, "images", "WorkerEnvironment");
        let told = qfleet::blueprint::quoting::environment_file(&told);
        let poll = told.iter().find(|(name, _)| name == "MOVER_POLL_SECONDS");
        assert_eq!(poll.map(|(_, value)| value.as_str()), Some(seconds));
    }

    /// The rule of the template, by S3's own call: the emulator's CloudFormation drops it.
    async fn replicate(&self) {
        let template = self.aws.cloudformation.get_template().stack_name("whole-intake").send();
        let template = template.await.expect("a template").template_body.expect("its body");
        let read = Value::Object(qfleet::blueprint::template::read(&template).expect("a template"));
        let rule = &read["Resources"]["Bucket"]["Properties"]["ReplicationConfiguration"]["Rules"][0];
        let (prefix, to) = (&rule["Filter"]["Prefix"], &rule["Destination"]["Bucket"]);
        let copies = copies(&self.account);
        assert_eq!(
            (prefix, to),
            (&"uploads/".into(), &format!("arn:aws:s3:::{copies}").into())
        );
        replicate(&self.aws, &self.bucket, &copies).await;
        let status = self.qfleet(&["status", "whole.yaml"]).stdout;
        assert!(
            status.contains(&format!("uploads are copied to {copies}\n")),
            "{status}"
        );
    }

    async fn is_copied(&self, key: &str) -> Option<()> {
        let versions = self.aws.s3.list_object_versions().bucket(copies(&self.account));
        let versions = versions.prefix(key).send().await.expect("versions");
        (!versions.versions().is_empty()).then_some(())
    }

    /// Nothing is amiss, whoever looks.
    fn is_well(&self, stages: &[&str]) {
        let status = self.qfleet(&["status", "whole.yaml", "--output", "json"]).json();
        let bad = |finding: &&Value| finding["severity"] != "info";
        let findings: Vec<&Value> = status["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .filter(bad)
            .collect();
        assert!(findings.is_empty(), "{findings:#?}");
        let named: Vec<&str> = status["stages"]
            .as_array()
            .expect("stages")
            .iter()
            .filter_map(|one| one["stage"].as_str())
            .collect();
        assert_eq!(named, stages, "{status:#}");
        let stacks = status["stacks"].as_array().expect("stacks");
        assert!(stacks.iter().any(|one| one["part"] == "own"), "{status:#}");
        self.qfleet(&["drift", "whole.yaml", "--fail"]);
        let plan = self.qfleet(&["plan", "whole.yaml", "--exit-code", "--prune"]);
        assert!(plan.stdout.contains("Nothing to do"), "{}", plan.stdout);
    }
}

/// The bucket that uploads are copied to.
async fn make_copies(aws: &Aws, account: &str) {
    let name = copies(account);
    let here = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(REGION));
    let create = aws.s3.create_bucket().bucket(&name);
    let created = create.create_bucket_configuration(here.build()).send().await;
    created.expect("a bucket");
    let versioned = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
    let put = aws.s3.put_bucket_versioning().bucket(&name);
    let put = put.versioning_configuration(versioned.build()).send().await;
    put.expect("versioning");
}

/// Whether the page answers.
fn answers(url: &str) -> Option<()> {
    let host = url.strip_prefix("http://")?.trim_end_matches('/');
    let mut stream = TcpStream::connect(host).ok()?;
    let asked = format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    std::io::Write::write_all(&mut stream, asked.as_bytes()).ok()?;
    let mut said = String::new();
    stream.read_to_string(&mut said).ok()?;
    said.starts_with("HTTP/1.1 200 ").then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_deployed_used_changed_and_gone() {
    let account = account();
    let aws = Aws::new(&account, REGION);
    let put = aws
        .ssm
        .put_parameter()
        .name("/whole/db")
        .r#type(ParameterType::SecureString);
    put.value("hunter2").send().await.expect("put");
    make_copies(&aws, &account).await;
    let before = everything(&account);

    let test = Test::new().file("whole.yaml", environment(&account, "instances", true));
    let test = test.file("own.yaml", OWN);
    let checked = run(test.linted().args(["check", "whole.yaml"]).stdout_contains("no errors"));
    let deployed = run(checked
        .then()
        .args(["deploy", "whole.yaml", "--yes", "--output", "json"]));
    let report = deployed.json();
    let bucket = outputs(&report, "intake", "BucketName");
    let whole = Whole {
        aws,
        account,
        there: deployed,
        bucket,
    };
    let all = ["images", "fingerprint", "subtitles", "nightly"];
    whole.is_as(true).await;
    whole.replicate().await;

    let fleet = Fleet(whole.qfleet(&["local", "up", "whole.yaml", "--detach", "--speed", "10"]));
    whole.work("first").await;
    until("copies", async || whole.is_copied("uploads/img/first.png").await).await;
    let url = until("the page's address", async || {
        let status = whole.qfleet(&["status", "whole.yaml", "--output", "json"]).json();
        (status["web"]["healthy"] == 1).then(|| status["web"]["url"].as_str().expect("text").to_owned())
    })
    .await;
    until("the page answers", async || answers(&url)).await;
    whole.is_well(&all);

    // The function takes over, a stage goes, other pages may upload, and the template of one's own has another value.
    whole.edit("lambda", false);
    let changed = whole
        .qfleet(&["deploy", "whole.yaml", "--yes", "--prune", "--output", "json"])
        .json();
    assert_eq!(changed["succeeded"], true, "{changed:#}");
    whole.is_as(false).await;
    whole.work("second").await;
    whole.is_well(&all[..3]);

    whole.edit("none", false);
    whole.qfleet(&["deploy", "whole.yaml", "--yes"]);
    whole.put("uploads/img/third.png").await;
    until("it waits", async || {
        let status = whole.qfleet(&["status", "whole.yaml", "--output", "json"]).json();
        let images = &status["stages"][0];
        (images["paused"].is_object() && images["queue"]["visible"] == 1).then_some(())
    })
    .await;
    whole.edit("instances", true);
    whole.qfleet(&["deploy", "whole.yaml", "--yes"]);
    until("it is moved", async || whole.is_there("processed/img/third.png").await).await;
    whole.is_as(true).await;
    whole.work("fourth").await;
    whole.is_well(&all);

    let destroyed = whole
        .qfleet(&["destroy", "whole.yaml", "--yes", "--output", "json"])
        .json();
    assert_eq!(destroyed["receipt"]["clean"], true, "{destroyed:#}");
    drop(fleet);
    assert_eq!(everything(&whole.account), before, "something is left");
}
