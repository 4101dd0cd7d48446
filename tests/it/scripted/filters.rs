//! A subscription's filter that changes.

use crate::endpoint::{Endpoint, Script};
use crate::lab::{self, LAB};

#[test]
fn a_plan_says_that_another_filter_takes_its_time() {
    let choosing = |suffix: &str| {
        LAB.replace(
            "from: bucket\n",
            &format!("from: bucket\n    only: {{suffix: [{suffix}]}}\n"),
        )
    };
    let endpoint = Endpoint::serve(Script::new());
    let there = lab::with_file_at(&endpoint, &choosing(".png"));
    let there = there.args(["deploy", "lab.yaml", "--yes"]).run();
    let late = "SNS takes up to 15 minutes";
    let plan = |file: &str| there.then().file("lab.yaml", file).args(["plan", "lab.yaml"]);
    plan(&choosing(".jpg")).stdout_contains(late).run();
    plan(LAB).stdout_contains(late).run();
    plan(&choosing(".png").replace("2m", "3m")).stdout_lacks(late).run();
    // The first one has no events before it.
    let first = Endpoint::serve(Script::new());
    let plan = lab::with_file_at(&first, &choosing(".png")).args(["plan", "lab.yaml"]);
    plan.stdout_lacks(late).run();
}
