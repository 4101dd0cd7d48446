//! A plan for a pull request.

use super::{deployed, folder, scaled_to, with};
use crate::endpoint::{Endpoint, Script};
use crate::harness::Output;
use crate::lab::LAB;

/// A queue of one's own, with this name, and a topic that is shown like this.
fn extra(name: &str, shown: &str) -> String {
    format!(
        "Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    Properties: {{QueueName: {name}}}\n  Told:\n    Type: \
         AWS::SNS::Topic\n    Properties: {{DisplayName: '{shown}'}}\n"
    )
}

fn markdown(there: &Output, options: &[&str], status: i32) -> String {
    let run = there
        .then()
        .args(["plan", "lab.yaml", "--output", "markdown"])
        .args(options);
    run.status(status).run().stdout
}

/// A stage is changed, one is taken out, a queue is made anew, and a text has what Markdown takes for its own.
#[test]
fn what_may_be_lost_comes_first() {
    let with_extra = format!("{LAB}extras:\n  - name: more\n    template: more.yaml\n");
    let old = "  - name: old\n    from: bucket\n    workers:\n      instances: {program: program, types: [t3.micro]}\n";
    let before = with_extra.replace("extras:", &format!("{old}extras:"));
    let endpoint = Endpoint::serve(Script::new());
    let there = folder(&endpoint, &before);
    let run = there
        .then()
        .file("more.yaml", extra("lab-first", "plain"))
        .args(["deploy", "lab.yaml", "--yes"]);
    let there = run.run();
    scaled_to(&endpoint, &["us-east-2a:i-1", "us-east-2b:i-2"]);
    let after = with_extra.replace("t3.micro", "t3.small") + "tags: {team: media}\n";
    with(&there, &after);
    let there = there
        .then()
        .file("more.yaml", extra("lab-second", "a|b `c` *d*"))
        .args(["schema"])
        .run();

    let refused = markdown(&there, &[], 4);
    assert!(
        refused.contains("**It can't be deployed like this:** lab-more would replace"),
        "{refused}"
    );
    assert!(!refused.contains("--expect"), "{refused}");

    let said = markdown(&there, &["--allow-replace", "Jobs", "--color", "always"], 0);
    let at = |words: &str| said.find(words).unwrap_or_else(|| panic!("no {words} in {said}"));
    let order = [
        "## Plan for lab",
        "### Look at this first",
        "**Data at risk:** `Jobs` (AWS::SQS::Queue) of `lab-more`",
        "what is in it is lost",
        "**Instances roll** in `lab-work`: 2 instances are replaced",
        "### `lab-artifacts`: update",
        "### Not in the file any more, and left running",
        "`lab-old`",
        "`qfleet deploy lab.yaml --prune` destroys what is left, after asking.",
        "To deploy exactly this, and refuse anything else:",
        "```sh\nqfleet deploy lab.yaml --allow-replace Jobs --expect v1:",
    ];
    for pair in order.windows(2) {
        assert!(
            at(pair[0]) < at(pair[1]),
            "{} is not before {} in {said}",
            pair[0],
            pair[1]
        );
    }
    // What isn't escaped would end its cell: each row has four.
    let rows: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| |"))
        .collect();
    assert!(rows.iter().any(|row| row.contains("a\\|b `c` *d*")), "{said}");
    for row in rows {
        let bars = row.replace("\\|", "").matches('|').count();
        assert_eq!(bars, 5, "{row}");
    }
    assert!(!said.contains('\u{1b}'), "{said}");
}

/// A pull request that takes the protection away, and lets a fleet grow without much ado.
#[test]
fn protection_that_goes_off_and_a_fleet_that_grows_are_among_the_first_things() {
    let endpoint = Endpoint::serve(Script::new());
    let there = folder(&endpoint, &format!("protect: true\n{LAB}"));
    let there = there.then().args(["deploy", "lab.yaml", "--yes"]).run();
    with(&there, &LAB.replace("max: 3", "max: 30"));
    let said = markdown(&there, &[], 0);
    let first = "### Look at this first\n\n\
        - **Careful:** `lab-artifacts`, `lab-intake`, `lab-work`, `lab-dashboard` lose their protection: a destroy deletes them \
        then\n\
        - **Careful:** `Group` of `lab-work` may run up to 30 instances then, now 3: each is billed while it runs\n";
    assert!(said.contains(first), "{said}");
    let text = there.then().args(["plan", "lab.yaml"]).run().stdout;
    let end = "careful: lab-artifacts, lab-intake, lab-work, lab-dashboard lose their protection: a destroy deletes them then\n\
        careful: Group of lab-work may run up to 30 instances then, now 3: each is billed while it runs\n";
    assert!(text.contains(end), "{text}");
    let plan = super::plan(&there, &[]);
    let attention = |part: &str| {
        let stacks = plan["stacks"].as_array().expect("stacks");
        let stack = stacks.iter().find(|stack| stack["part"] == part);
        stack.expect("it")["attention"].clone()
    };
    let off = serde_json::json!({"reason": "protection_off"});
    let more = serde_json::json!({
        "reason": "more_instances", "logical_id": "Group", "bound": "max", "before": 3, "after": 30
    });
    assert_eq!(attention("intake"), serde_json::json!([off]));
    assert_eq!(attention("work"), serde_json::json!([off, more]));

    // Twice as many are no surprise.
    there.then().args(["deploy", "lab.yaml", "--yes"]).run();
    with(&there, &LAB.replace("max: 3", "max: 60"));
    let said = markdown(&there, &[], 0);
    assert!(!said.contains("Careful"), "{said}");
}

#[test]
fn what_is_all_new_is_folded_and_nothing_to_do_is_said() {
    let endpoint = Endpoint::serve(Script::new());
    let there = folder(&endpoint, LAB);
    let said = markdown(&there, &[], 0);
    assert!(said.contains("<details><summary>"), "{said}");
    assert_eq!(said.matches("<details>").count(), said.matches("</details>").count());
    assert!(said.contains("\n\\* The template's word"), "{said}");
    let there = deployed(&endpoint);
    let said = markdown(&there, &[], 0);
    assert_eq!(
        said,
        "## Plan for lab\n\nAccount 111122223333, us-east-2. Nothing to do: all stacks are as they should be.\n"
    );
}

/// GitHub takes 65,536 characters in a comment.
#[test]
fn a_plan_of_many_resources_fits_into_a_comment_with_its_digest() {
    let file =
        format!("{LAB}extras:\n  - name: more\n    template: more.yaml\n  - name: many\n    template: more.yaml\n");
    let mut many = "Resources:\n".to_owned();
    for number in 0..400 {
        many += &format!("  {}{number}: {{Type: AWS::SNS::Topic}}\n", "Topic".repeat(15));
    }
    let endpoint = Endpoint::serve(Script::new());
    let there = folder(&endpoint, &file)
        .then()
        .file("more.yaml", many)
        .args(["schema"])
        .run();
    let said = markdown(&there, &[], 0);
    let length = said.chars().count();
    assert!((30_000..=65_536).contains(&length), "{length}");
    assert!(said.contains("**Cut here, because it is too long.** `qfleet plan lab.yaml` shows all of it."));
    assert_eq!(said.matches("<details>").count(), said.matches("</details>").count());
    let digest = said
        .split("--expect ")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .expect("a digest");
    assert_eq!(
        super::subjects(digest),
        ["artifacts", "dashboard", "intake", "many", "more", "work"]
    );
    assert_eq!(super::digest(&there, &[]), digest);
}
