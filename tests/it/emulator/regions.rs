//! One name in two regions of an account, on the emulator: one goes, and the other is as it was.

use crate::harness::{Aws, Output, Test, account};

const REGIONS: [&str; 2] = ["us-east-2", "us-west-2"];

#[test]
fn an_environment_of_the_same_name_in_another_region_is_not_touched() {
    let account = account();
    let file = |region: &str| {
        let account = format!("account: \"{account}\"");
        crate::lab::LAB.replace("region: us-east-2", &format!("region: {region}\n{account}"))
    };
    let [here, there] = REGIONS.map(|region| {
        let test = crate::lab::with_file(&file(region));
        test.args(["deploy", "lab.yaml", "--yes"]).emulated().run()
    });
    let run = |in_region: &Output, args: &[&str]| -> Test { in_region.then().args(args).emulated() };
    let destroyed = run(&here, &["destroy", "lab.yaml", "--yes", "--output", "json"])
        .run()
        .json();
    assert_eq!(destroyed["receipt"]["clean"], true, "{destroyed:#}");
    run(&there, &["plan", "lab.yaml", "--exit-code"]).run();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let has_dashboard = |region: &str| {
        let get = Aws::new(&account, region).cloudwatch.get_dashboard();
        let got = runtime.block_on(get.dashboard_name(format!("lab-{region}")).send());
        got.is_ok()
    };
    assert!(!has_dashboard(REGIONS[0]));
    assert!(has_dashboard(REGIONS[1]));
    // And the second one leaves nothing, either.
    let destroyed = run(&there, &["destroy", "lab.yaml", "--yes", "--output", "json"])
        .run()
        .json();
    assert_eq!(destroyed["receipt"]["clean"], true, "{destroyed:#}");
}
