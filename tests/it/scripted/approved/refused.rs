//! What isn't what was approved: refused, before anything is changed or uploaded.

use std::time::Duration;

use super::{IMAGE, changed, deployed, digest, executed, expect, folder, with};
use crate::endpoint::{Endpoint, Script};
use crate::harness::Output;
use crate::lab::LAB;

/// Refused, with these words, and nothing was done.
fn refused(endpoint: &Endpoint, there: &Output, digest: &str, words: &[&str]) {
    let before = (executed(endpoint), endpoint.calls("PutObject").len());
    let mut run = expect(there, digest).status(4);
    for words in words {
        run = run.stderr_contains(*words);
    }
    let said = run
        .stdout_contains("Plan for lab")
        .stderr_contains(format!("approved: {digest}"))
        .stderr_contains("now:      v1:")
        .stderr_contains("qfleet plan lab.yaml")
        .stderr_contains("nothing was changed")
        .run();
    assert_eq!((executed(endpoint), endpoint.calls("PutObject").len()), before);
    assert_eq!(endpoint.calls("PutParameter").len(), 0);
    assert_eq!(endpoint.change_sets(), [] as [&str; 0], "{}", said.stderr);
}

#[test]
fn another_file_another_program_or_another_image_than_was_approved() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    with(&there, &changed());
    let approved = digest(&there, &[]);
    let others = "lab-work: its template is not the one that was approved; now it would: change Queue";

    with(&there, &LAB.replace("visibility_timeout: 2m", "visibility_timeout: 4m"));
    refused(&endpoint, &there, &approved, &[others]);
    let for_programs = expect(&there, &approved).args(["--output", "json"]).status(4);
    let document = for_programs.run().json();
    assert_eq!(document["error"]["reason"], "not_approved");
    let refusals = &document["refusals"];
    let message = refusals[0]["message"].as_str().expect("a message");
    assert!(message.starts_with(others), "{message}");
    assert_eq!(refusals[0]["reason"], "not_approved");
    // Back to what is deployed: that nothing would be done isn't what was approved either.
    with(&there, LAB);
    refused(
        &endpoint,
        &there,
        &approved,
        &["lab-work: a change to it was approved, and by the file as it is now nothing would be done to it"],
    );
    with(&there, &changed());
    let program = there.then().executable("program/run", "#!/bin/sh\nexec sleep 2\n");
    program.args(["schema"]).run();
    let programs = "programs are not those that were approved";
    refused(&endpoint, &there, &approved, &[programs]);
    there
        .then()
        .executable("program/run", "#!/bin/sh\nexec sleep 1\n")
        .args(["schema"])
        .run();
    with(&there, &format!("{}tags: {{team: media}}\n", changed()));
    let untouched = "lab-intake: nothing was to be done to it";
    let tags = "tags are not those that were approved";
    refused(&endpoint, &there, &approved, &[tags, untouched]);

    with(&there, &changed());
    endpoint.world(|world| world.services.set_parameter(IMAGE, "ami-0aaaaaaaaaaaaaaa1"));
    let image =
        "lab-work: its parameters are not those that were approved: an image may be newer (now ami-0aaaaaaaaaaaaaaa1)";
    refused(&endpoint, &there, &approved, &[image]);
    let again = digest(&there, &[]);
    expect(&there, &again).run();
}

#[test]
fn other_options_another_account_and_another_environment_than_were_approved() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    with(&there, &changed());
    let approved = digest(&there, &["--only", "work"]);
    refused(&endpoint, &there, &approved, &["\n  it was approved with --only\n"]);
    expect(&there, &approved)
        .args(["--only", "work", "--no-wait", "--concurrency", "1"])
        .stderr_contains(format!(
            "to pick it up again: qfleet deploy lab.yaml --only work --expect {approved}\n"
        ))
        .run();

    let elsewhere = Endpoint::serve(Script::new().account("444455556666"));
    let of_first = digest(&folder(&Endpoint::serve(Script::new()), LAB), &[]);
    refused(
        &elsewhere,
        &folder(&elsewhere, LAB),
        &of_first,
        &["approved for another environment, account or region than lab in account 444455556666, us-east-2"],
    );
}

/// Each of them is named, and no other.
#[test]
fn the_option_that_is_another_one() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    with(&there, &changed());
    let role = ["--role-arn", "arn:aws:iam::111122223333:role/of-cloudformation"];
    let other = ["--role-arn", "arn:aws:iam::111122223333:role/of-others"];
    for (then, now, why) in [
        (
            &["--only", "work"][..],
            &["--only", "intake"][..],
            "without this --only",
        ),
        (&[], &["--prune"], "without --prune"),
        (&["--disable-protection"], &[], "with --disable-protection"),
        (&role, &other, "without this --role-arn"),
        (
            &["--allow-replace", "work.Queue"],
            &role,
            "with --allow-replace, and without this --role-arn",
        ),
    ] {
        let approved = digest(&there, then);
        let run = expect(&there, &approved).args(now).status(4);
        run.stderr_contains(format!("\n  it was approved {why}\n")).run();
    }
    let lasting = digest(&there, &[]);
    with(&there, &format!("lifetime: 8h\n{}", changed()));
    let of_lab = digest(&there, &[]);
    refused(
        &endpoint,
        &there,
        &lasting,
        &["\n  it was approved without this `lifetime`\n"],
    );
    with(&there, &changed());
    refused(&endpoint, &there, &of_lab, &["\n  it was approved with `lifetime`\n"]);
}

/// By another pipeline, or by hand in the console: what is deployed isn't what the plan compared with.
#[test]
fn a_stack_that_somebody_has_changed_since() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint);
    with(&there, &changed());
    let approved = digest(&there, &[]);
    let another = folder(
        &endpoint,
        &LAB.replace("seconds_per_message: 1", "seconds_per_message: 2"),
    );
    another.then().args(["deploy", "lab.yaml", "--yes"]).run();
    refused(
        &endpoint,
        &there,
        &approved,
        &["lab-work: somebody has changed it since"],
    );
}

/// A stack is made only minutes after the plan: by then there may be another image behind its name.
#[test]
fn an_image_that_appears_while_the_deploy_runs() {
    let endpoint = Endpoint::serve(Script::new().takes("lab-intake", "Topic", Duration::from_secs(2)));
    let there = folder(&endpoint, LAB);
    let approved = digest(&there, &[]);
    let running = expect(&there, &approved).spawn();
    endpoint.wait_until("the intake is being made", |world| {
        let found = world.find("lab-intake");
        found.is_some_and(|stack| world.stacks[stack].status == "CREATE_IN_PROGRESS")
    });
    endpoint.world(|world| world.services.set_parameter(IMAGE, "ami-0aaaaaaaaaaaaaaa1"));
    let ended = running.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        said.contains("lab-work: its image has changed since, and so this is not what was approved"),
        "{said}"
    );
    assert_ne!(ended.status.code(), Some(0));
    assert_eq!(endpoint.status("lab-intake").as_deref(), Some("CREATE_COMPLETE"));
    assert_eq!(endpoint.status("lab-work"), None);
    assert_eq!(endpoint.change_sets(), [] as [&str; 0]);
}

#[test]
fn what_is_no_digest() {
    let endpoint = Endpoint::serve(Script::new());
    let there = folder(&endpoint, LAB);
    for (bad, words) in [
        ("sha256:abc", "is no digest of a plan"),
        ("v2:abc", "version v2"),
        ("", "is no digest"),
    ] {
        expect(&there, bad).status(2).stderr_contains(words).run();
    }
    assert_eq!(endpoint.calls("CreateChangeSet").len(), 0);
}

/// What is destroyed in the end is approved by name, and by what stays of it.
#[test]
fn what_is_pruned() {
    let old = format!(
        "{LAB}  - name: old\n    from: bucket\n    workers:\n      instances: {{program: program, types: [t3.micro]}}\n"
    );
    let endpoint = Endpoint::serve(Script::new());
    let first = folder(&endpoint, &old);
    first.then().args(["deploy", "lab.yaml", "--yes"]).run();
    let there = with(&first, LAB);
    let approved = digest(&there, &["--prune"]);
    assert!(super::subjects(&approved).contains(&"-old"), "{approved}");
    refused(&endpoint, &there, &approved, &["\n  it was approved with --prune\n"]);
    // It is back in the file.
    with(&there, &old);
    let run = expect(&there, &approved).args(["--prune"]).status(4);
    run.stderr_contains(
        "lab-old: a change to it was approved, and by the file as it is now nothing would be done to it",
    )
    .run();
    with(&there, LAB);
    expect(&there, &approved).args(["--prune"]).run();
    assert_eq!(endpoint.status("lab-old"), None);
    // Retried.
    expect(&there, &approved)
        .args(["--prune"])
        .stdout_contains("Nothing to do")
        .run();
}
