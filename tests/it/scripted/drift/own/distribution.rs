//! A distribution that somebody opened.

use serde_json::{Value, json};

use super::look;
use crate::endpoint::Script;
use crate::endpoint::cloudfront::configured;
use crate::scripted::drift::as_deployed::{TEMPLATE, serve_template};

/// Beside what the other tests have.
const DISTRIBUTION: &str = "\
Resources:
  Distribution:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Enabled: true
        Aliases: [files.example.com]
        DefaultCacheBehavior: {TrustedKeyGroups: [k-1, k-2]}
";

/// What somebody opened is found although CloudFormation compares only what a template sets.
#[test]
fn drift_finds_whom_else_it_hands_out_files_to() {
    let template = TEMPLATE.replacen("Resources:\n", DISTRIBUTION, 1);
    let as_deployed = json!({"Enabled": true, "Aliases": ["files.example.com"], "DefaultCacheBehavior": {"TrustedKeyGroups": ["k-2", "k-1"]}});
    let open = |pointer: &str, value: Value| {
        let mut config = as_deployed.clone();
        let (of, last) = pointer.rsplit_once('/').expect("a path");
        config.pointer_mut(of).expect("it is there")[last] = value;
        config
    };
    let function =
        json!([{"FunctionARN": "arn:aws:cloudfront::111122223333:function/f", "EventType": "viewer-request"}]);
    for (config, found) in [
        (as_deployed.clone(), None),
        (
            open("/CacheBehaviors", json!([{"PathPattern": "a/*"}])),
            Some("CacheBehaviors"),
        ),
        (
            open("/DefaultCacheBehavior/FunctionAssociations", function),
            Some("DefaultCacheBehavior/FunctionAssociations"),
        ),
        (
            open("/DefaultCacheBehavior/TrustedKeyGroups", json!(["k-1", "k-2", "k-3"])),
            Some("DefaultCacheBehavior/TrustedKeyGroups"),
        ),
        (
            open("/Aliases", json!(["files.example.com", "b.example.com"])),
            Some("Aliases"),
        ),
    ] {
        let endpoint = serve_template(&template, Script::new(), |script, ids| {
            let id = ids.of("Distribution");
            script.says("GetDistribution", id, configured(id, "Deployed", &config).as_str())
        });
        let document = look(&endpoint);
        let differences = document["stacks"][0]["resources"][0]["differences"].clone();
        let found = found.map(|path| format!("DistributionConfig/{path}"));
        let expected = found
            .as_ref()
            .map(|path| (json!(path), json!("dangerous"), json!("qfleet")));
        let only = differences
            .get(0)
            .map(|one| (one["property"].clone(), one["class"].clone(), one["found_by"].clone()));
        assert_eq!(only, expected, "{document:#}");
        assert_eq!(document["verdict"], if found.is_some() { "drifted" } else { "in_sync" });
    }
}
