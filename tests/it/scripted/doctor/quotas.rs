//! What the account may have, against what the file needs.

use super::{doctor, document, of, text};
use crate::endpoint::{Endpoint, Fault, On, Script};
use crate::lab::LAB;

/// What AWS allows, the file, the quota's code, what came of it, what is said, and what is asked for.
#[test]
fn quotas_are_held_against_what_the_file_needs_at_its_maximum() {
    let with = |from: &str, to: &str| LAB.replace(from, to);
    let spot = with("max: 3", "max: 10, spot: true, on_demand_base: 2");
    let large = with("types: [t3.micro]", "types: [t3.micro, c7i.4xlarge]");
    let own_network = with("types: [t3.micro]", "types: [t3.micro], network: create");
    let lab = LAB.to_owned();
    let usage = |quota: u64| {
        Script::new()
            .quota("L-1216C47A", quota)
            .series("usage_0", &[(7, 9.0), (2, 12.0)])
    };
    for (script, file, code, outcome, what, wanted) in [
        (usage(5), &lab, "L-1216C47A", "failed", "6 needed", "18"),
        (usage(17), &lab, "L-1216C47A", "failed", "17 allowed, 12 in use", "18"),
        (usage(18), &lab, "L-1216C47A", "passed", "18 allowed, 12 in use", ""),
        (
            Script::new().vcpus("c7i.4xlarge", 16).quota("L-1216C47A", 47),
            &large,
            "L-1216C47A",
            "failed",
            "48 needed",
            "48",
        ),
        (
            Script::new().quota("L-34B43A08", 15),
            &spot,
            "L-34B43A08",
            "failed",
            "vCPUs of spot instances (Standard: A, C, D, H, I, M, R, T, Z): 16 needed",
            "16",
        ),
        (
            Script::new().quota("L-34B43A08", 16),
            &spot,
            "L-1216C47A",
            "passed",
            ": 4 needed",
            "",
        ),
        (
            Script::new().group_limit(3, 3),
            &lab,
            "L-CDE20ADC",
            "failed",
            "3 allowed, 3 in use",
            "4",
        ),
        (
            Script::new().quota("L-F678F1CE", 5).more_vpcs(4),
            &own_network,
            "L-F678F1CE",
            "failed",
            "VPCs: 1 needed, 5 allowed, 5 in use",
            "6",
        ),
        (
            Script::new().quota("L-F678F1CE", 5).more_vpcs(3),
            &own_network,
            "L-F678F1CE",
            "passed",
            "5 allowed, 4 in use",
            "",
        ),
        (
            Script::new().quota("L-0485CB21", 3),
            &lab,
            "L-0485CB21",
            "failed",
            "stacks: 4 needed",
            "4",
        ),
        (
            Script::new().quota("L-FB451C26", 0),
            &lab,
            "L-FB451C26",
            "failed",
            "launch templates: 1 needed",
            "1",
        ),
    ] {
        let status = i32::from(outcome == "failed");
        let document = document(script, file, status);
        let quotas = of(&document, "quota");
        let check = quotas.iter().find(|check| check["about"] == code);
        let check = check.unwrap_or_else(|| panic!("{code}: {document:#}"));
        assert_eq!(text(check, "outcome"), outcome, "{code}: {check:#}");
        assert!(text(check, "what").contains(what), "{what}: {check:#}");
        if !wanted.is_empty() {
            let command = text(&check["mend"], "command");
            let asks = format!("--quota-code {code} --desired-value {wanted} --region us-east-2");
            assert!(command.contains(&asks), "{asks}: {command}");
        }
    }
}

/// Of a file with a function, and with delivery.
#[test]
fn functions_and_distributions_have_quotas_of_their_own() {
    let function = "\
name: lab
region: us-east-2
on_destroy: empty
stages:
  - name: work
    workers:
      lambda: {program: program, handler: app.handler, runtime: python3.13, max_concurrency: 30}
";
    let delivered = format!("{LAB}delivery: {{}}\n");
    for (script, file, code, outcome, what) in [
        (
            Script::new().concurrency(29),
            function,
            "L-B99A9384",
            "failed",
            "30 needed, 29 allowed",
        ),
        (
            Script::new().concurrency(30),
            function,
            "L-B99A9384",
            "passed",
            "30 needed, 30 allowed",
        ),
        (
            Script::new().quota("L-24B04930", 2).distributions(2),
            &delivered,
            "L-24B04930",
            "failed",
            "1 needed, 2 allowed, 2 in use",
        ),
    ] {
        let document = document(script, file, i32::from(outcome == "failed"));
        let quotas = of(&document, "quota");
        let check = quotas.iter().find(|check| check["about"] == code);
        let check = check.unwrap_or_else(|| panic!("{code}: {document:#}"));
        assert_eq!(text(check, "outcome"), outcome, "{check:#}");
        assert!(text(check, "what").contains(what), "{check:#}");
    }
    // What is in no region has its quota in one.
    let endpoint = Endpoint::serve(Script::new());
    doctor(&endpoint, &delivered).run();
    let asked = endpoint.calls("GetServiceQuota");
    let of_distributions = asked
        .iter()
        .find(|call| String::from_utf8_lossy(&call.body).contains("L-24B04930"));
    assert_eq!(of_distributions.expect("it is asked").region, "us-east-1");
}

#[test]
fn quotas_that_may_not_be_read_are_unknown() {
    let script = ["GetServiceQuota", "DescribeAccountLimits"]
        .into_iter()
        .fold(Script::new(), |script, action| {
            script.fault(
                On::action(action),
                Fault::refuse(400, "AccessDeniedException", "You may not."),
            )
        });
    let document = document(script, LAB, 0);
    let quotas = of(&document, "quota");
    assert!(quotas.len() > 4, "{quotas:#?}");
    for check in quotas {
        assert_eq!(text(check, "outcome"), "unknown", "{check:#}");
        assert!(text(check, "what").contains("You may not."), "{check:#}");
    }
}
