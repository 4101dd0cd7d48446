//! What keeps a deploy from destroying what left the file.

use std::time::Duration;

use crate::endpoint::{Endpoint, Fault, On, Script, Verb, World};
use crate::harness::Output;
use crate::lab::LAB;
use crate::scripted::surplus::{LEFT, deployed, json, run, sorted, two_wait, with_old, without_bucket};

/// Nothing is deployed or deleted.
fn refused_before_anything_is_done(endpoint: &Endpoint, there: &Output, status: i32, says: &str) {
    let done = || ["ExecuteChangeSet", "DeleteStack"].map(|action| endpoint.calls(action).len());
    let before = done();
    let prune = run(there, &["deploy", "lab.yaml", "--prune", "--yes"]).status(status);
    prune.stderr_contains(says).run();
    assert_eq!(done(), before, "{says}");
}

#[test]
fn protection_is_the_files_to_lift() {
    let endpoint = Endpoint::serve(Script::new());
    let protected = |file: &str| format!("protect: true\n{file}");
    let there = deployed(&endpoint, &protected(&with_old()), &protected(LAB));
    let refused = run(&there, &["deploy", "lab.yaml", "--prune", "--yes"]).status(4);
    refused.stderr_contains("lab-old: the file says `protect: true`").run();
    assert_eq!(endpoint.calls("DeleteStack").len(), 0);
    // It is one reason of the plan, which is shown all the same.
    let plan = run(&there, &["plan", "lab.yaml", "--prune"]).status(4);
    let plan = plan.stdout_contains("- lab-old CREATE_COMPLETE").run();
    assert!(
        plan.stderr.contains("lab-old: the file says `protect: true`"),
        "{}",
        plan.stderr
    );
    let plan = run(&there, &["plan", "lab.yaml", "--prune", "--output", "json"]);
    let plan = plan.status(4).run().json();
    assert_eq!(plan["refusals"][0]["reason"], "protected", "{plan:#}");
    assert_eq!(plan["error"]["reason"], "protected");
    assert_eq!(plan["surplus"][0]["stack"], "lab-old");
    // What is told to do it does it, and the rest stays protected.
    let status = run(&there, &["status", "lab.yaml", "--output", "json"]).run().json();
    let findings = status["findings"].as_array().expect("findings");
    let left = findings.iter().find(|finding| finding["id"] == "stack-not-in-file");
    let command = "qfleet deploy lab.yaml --prune --disable-protection";
    assert_eq!(left.expect("the finding")["command"], command);
    run(&there, &["plan", "lab.yaml"]).stdout_contains(command).run();
    let lifted = ["deploy", "lab.yaml", "--prune", "--disable-protection", "--yes"];
    run(&there, &lifted).run();
    assert_eq!(sorted(endpoint.stacks()), LEFT);
    endpoint.world(|world| {
        let mut there = world.stacks.iter().filter(|stack| stack.status != "DELETE_COMPLETE");
        assert!(there.all(|stack| stack.protected));
    });

    // Somebody's own protection isn't.
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, &with_old(), LAB);
    endpoint.world(|world| {
        let old = world.find("lab-old").expect("the stack");
        world.stacks[old].protected = true;
    });
    let prune = ["deploy", "lab.yaml", "--prune", "--yes"];
    refused_before_anything_is_done(&endpoint, &there, 4, "lab-old is protected");
    run(&there, &prune).args(["--disable-protection"]).run();
    assert_eq!(sorted(endpoint.stacks()), LEFT);
}

#[test]
fn what_the_file_keeps_is_not_pruned() {
    let endpoint = Endpoint::serve(Script::new());
    let keeps = LAB.replace("on_destroy: empty", "on_destroy: keep");
    let there = deployed(&endpoint, &with_old(), &keeps);
    let says = "the file says `on_destroy: keep`, but --prune would delete ";
    refused_before_anything_is_done(&endpoint, &there, 4, says);
}

#[test]
fn what_has_something_in_it_is_not_pruned_unless_it_is_named() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, &with_old(), LAB);
    two_wait(&endpoint);
    let says = "--prune would delete what has something in it: queue lab-old of lab-old: about 2 messages\n";
    refused_before_anything_is_done(&endpoint, &there, 4, says);
    let may_be_lost = "or, if it may be lost: --allow-replace old.Queue\n";
    refused_before_anything_is_done(&endpoint, &there, 4, may_be_lost);
    let plan = run(&there, &["plan", "lab.yaml", "--prune"])
        .status(4)
        .stderr_contains(says);
    plan.stdout_contains("lost: queue lab-old: about 2 messages").run();
    for command in [&["plan"][..], &["deploy", "--yes"]] {
        let told = run(&there, command).args(["lab.yaml", "--prune", "--output", "json"]);
        let told = told.status(4).run().json();
        assert_eq!(told["refusals"][0]["allow_replace"], "old.Queue", "{told:#}");
    }
    // Another part's, one that leaves open which part's, and a word that nothing is called by: it is said what could be named.
    for name in ["work.Queue", "Queue", "Queu"] {
        let prune = run(
            &there,
            &["deploy", "lab.yaml", "--prune", "--yes", "--allow-replace", name],
        )
        .status(4);
        let vain = format!("--allow-replace {name}: nothing of that name would be replaced or deleted");
        prune
            .stderr_contains(vain)
            .stderr_contains("this could be named: old.Queue")
            .stderr_contains(says)
            .run();
    }
    let allowed = ["deploy", "lab.yaml", "--prune", "--yes", "--allow-replace", "old.Queue"];
    run(&there, &allowed).stderr_lacks("nothing of that name").run();
    assert_eq!(sorted(endpoint.stacks()), LEFT);
    // A job that is tried again names what is gone.
    run(&there, &allowed)
        .stderr_contains(
            "--allow-replace old.Queue: nothing of that name would be replaced or deleted; nothing with data in it is",
        )
        .run();
    let plan = run(
        &there,
        &["plan", "lab.yaml", "--allow-replace", "Queue", "--output", "json"],
    )
    .run();
    assert!(
        plan.stderr.contains("warning: --allow-replace Queue"),
        "{}",
        plan.stderr
    );
}

#[test]
fn what_can_not_be_looked_into_is_not_pruned() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, &with_old(), LAB);
    let denied = Fault::access_denied("GetQueueAttributes");
    endpoint.rescript(|script| script.fault(On::action("GetQueueAttributes"), denied));
    let says = "queue lab-old of lab-old: how much isn't known: ";
    refused_before_anything_is_done(&endpoint, &there, 4, says);
}

#[test]
fn what_came_into_it_while_the_rest_was_deployed_is_not_lost() {
    let endpoint = Endpoint::serve(Script::new().takes("lab-dashboard", "Dashboard", Duration::from_secs(1)));
    let there = deployed(&endpoint, &with_old(), LAB);
    refused_because_meanwhile(
        &endpoint,
        &there,
        || two_wait(&endpoint),
        "queue lab-old of lab-old: about 2 messages",
    );
}

#[test]
fn what_others_use_is_not_pruned() {
    let theirs = |script: Script| {
        let arn = "arn:aws:sns:us-east-2:111122223333:lab-uploads:0a1b";
        script.subscribed(":lab-uploads", arn, "email", "ops@example.com")
    };
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, LAB, &without_bucket());
    endpoint.rescript(theirs);
    refused_before_anything_is_done(&endpoint, &there, 4, "ops@example.com");

    // Somebody subscribes while the rest is deployed.
    let endpoint = Endpoint::serve(Script::new().takes("lab-dashboard", "Dashboard", Duration::from_secs(1)));
    let there = deployed(&endpoint, LAB, &without_bucket());
    refused_because_meanwhile(&endpoint, &there, || endpoint.rescript(theirs), "ops@example.com");
}

/// What somebody else does while the rest is deployed keeps the deploy from pruning.
fn refused_because_meanwhile(endpoint: &Endpoint, there: &Output, does: impl FnOnce() + Send, says: &str) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            endpoint.wait_until("the dashboard is updated", |world| {
                let dashboard = world.find("lab-dashboard");
                dashboard.is_some_and(|found| world.stacks[found].status == "UPDATE_IN_PROGRESS")
            });
            does();
        });
        let prune = run(there, &["deploy", "lab.yaml", "--prune", "--yes"]).status(4);
        prune.stderr_contains(says).run();
    });
    assert_eq!(endpoint.calls("DeleteStack").len(), 0);
}

#[test]
fn what_is_not_known_is_said_and_not_pruned() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, &with_old(), LAB);
    let denied = Fault::access_denied("ListStackResources");
    endpoint.rescript(|script| script.fault(On::action("ListStackResources").stack("lab-old"), denied));
    let unknown = "It isn't known whether stacks are left that the file doesn't have any more";
    run(&there, &["plan", "lab.yaml"]).stdout_contains(unknown).run();
    let plan = json(&there, &["plan", "lab.yaml"]);
    assert!(plan["surplus_unknown"].is_string(), "{plan:#}");
    refused_before_anything_is_done(&endpoint, &there, 1, "it isn't known what --prune would destroy");
}

#[test]
fn a_deploy_that_fails_prunes_nothing() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(
        &endpoint,
        &with_old(),
        &LAB.replace("visibility_timeout: 2m", "visibility_timeout: 3m"),
    );
    endpoint.rescript(|script| script.fails("lab-work", "Queue", Verb::Update, "not today"));
    let failed = run(&there, &["deploy", "lab.yaml", "--prune", "--yes"]).status(1);
    failed.stderr_contains("lab-old was not begun").run();
    assert_eq!(endpoint.calls("DeleteStack").len(), 0);
}

/// Somebody deploys it again, with its data to stay, while the rest is deployed.
#[test]
fn what_was_shown_is_read_again_before_it_goes() {
    let endpoint = Endpoint::serve(Script::new().takes("lab-dashboard", "Dashboard", Duration::from_secs(1)));
    let there = deployed(&endpoint, &with_old(), LAB);
    let keeps = |world: &mut World| {
        let old = world.find("lab-old").expect("the stack");
        let definition = &mut world.stacks[old].definition;
        definition.tags.insert("qfleet:on-destroy".into(), "keep".into());
        let template = definition.template.as_mut().expect("a template");
        template.body = template
            .body
            .replace("DeletionPolicy: Delete", "DeletionPolicy: Retain");
    };
    refused_because_meanwhile(&endpoint, &there, || endpoint.world(keeps), "lab-old");
}
