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
    plan(&choosing(".jpg"))
        .stdout_contains(late)
        .stdout_contains("files such as `uploads/….jpg` are new to `work`")
        .stdout_contains("Send them afterwards: qfleet backfill lab work")
        .stdout_lacks("neither now nor afterwards")
        .run();
    plan(LAB).stdout_contains("files such as `uploads/…` are new").run();
    plan(&choosing(".png").replace("2m", "3m"))
        .stdout_lacks(late)
        .stdout_lacks("are new to")
        .run();
    // The first one has no events before it.
    let first = Endpoint::serve(Script::new());
    let plan = lab::with_file_at(&first, &choosing(".png")).args(["plan", "lab.yaml"]);
    plan.stdout_lacks(late).stdout_lacks("are new to").run();
}

/// Where a stage asks how a key begins and how it ends, the bucket tells of wanted files alone. When it comes to tell of
/// all, the stage's old filter knows half of it.
#[test]
fn a_plan_names_the_files_that_may_go_to_a_stage_that_never_gets_them() {
    let file = |only: &str| LAB.replace("from: bucket\n", &format!("from: bucket\n    only: {only}\n"));
    let second = "  - name: other\n    from: bucket\n    only: {prefix: uploads/films/, suffix: [.srt]}\n    workers:\n      \
                  instances: {program: program, types: [t3.micro], min: 1, max: 1}\n";
    let narrow = format!("{}{second}", file("{prefix: uploads/films/, suffix: [.mp4]}"));
    let wide = file("{prefix: uploads/films/}");
    let endpoint = Endpoint::serve(Script::new());
    let there = lab::with_file_at(&endpoint, &narrow);
    let there = there.args(["deploy", "lab.yaml", "--yes"]).run();
    let plan = there.then().file("lab.yaml", wide).args(["plan", "lab.yaml"]).run();
    let wanted = "`work` may get files such as `uploads/….mp4`, which are for it neither now nor afterwards";
    assert!(plan.stdout.contains(wanted), "{}", plan.stdout);
    assert!(plan.stdout.contains("are new to `work`"), "{}", plan.stdout);
}
