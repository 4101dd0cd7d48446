//! What left the environment file runs on: it is named with what it holds, and destroyed when that is asked for.

mod refused;

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::deployed::signalled;
use crate::endpoint::{Endpoint, Fault, On, Script, Verb, World};
use crate::harness::{Aws, Output, Test, account, in_a_terminal};
use crate::lab::{LAB, with_file, with_file_at};

const BUCKET: &str = "lab-111122223333-us-east-2";
const OLD_QUEUE: &str = "https://sqs.us-east-2.amazonaws.com/111122223333/lab-old";
const LEFT: [&str; 4] = ["lab-artifacts", "lab-dashboard", "lab-intake", "lab-work"];

/// A stage like `work`, fed by `from`.
fn stage(name: &str, from: &str) -> String {
    format!(
        "  - name: {name}\n    from: {from}\n    queue: {{visibility_timeout: 2m}}\n    workers:\n      instances: \
         {{program: program, types: [t3.micro], min: 1, max: 3}}\n    scaling: {{seconds_per_message: 1}}\n"
    )
}

fn with_old() -> String {
    format!("{LAB}{}", stage("old", "bucket"))
}

/// Deployed with the stage `old`, which the file doesn't have any more.
fn deployed(endpoint: &Endpoint, before: &str, after: &str) -> Output {
    let first = with_file_at(endpoint, before)
        .args(["deploy", "lab.yaml", "--yes"])
        .run();
    endpoint.world(|world| world.services.queues.make(OLD_QUEUE, &[]));
    first.then().file("lab.yaml", after).args(["schema"]).run()
}

#[test]
fn jobs_that_still_come_by_its_schedules_are_told() {
    let endpoint = Endpoint::serve(Script::new());
    let schedules = "    schedules:\n      - {cron: \"0 3 * * *\", body: all}\n";
    let there = deployed(&endpoint, &format!("{}{schedules}", with_old()), LAB);
    let plan = run(&there, &["plan", "lab.yaml"]).run().stdout;
    let plan = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        plan.contains("; its schedules go on and send it jobs dead-letter queue lab-old-dlq: "),
        "{plan}"
    );
}

/// Two messages come into its queue.
fn two_wait(endpoint: &Endpoint) {
    endpoint.world(|world| world.services.queues.make(OLD_QUEUE, &["one", "two"]));
}

fn run(there: &Output, args: &[&str]) -> Test {
    there.then().args(args)
}

fn json(there: &Output, args: &[&str]) -> Value {
    run(there, args).args(["--output", "json"]).run().json()
}

fn without_bucket() -> String {
    let dropped = LAB.replace("bucket: {on_destroy: empty}\n", "");
    dropped.replace("    from: bucket\n", "")
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn a_stage_that_left_the_file_is_named_with_what_it_holds() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, &with_old(), LAB);
    two_wait(&endpoint);
    let said = run(&there, &["deploy", "lab.yaml", "--yes"]).run().stdout;
    for line in [
        "Not in the file any more, and left running:\n  ! lab-old CREATE_COMPLETE\n",
        "      queue lab-old: about 2 messages",
        "it still gets every new file, beside what the file has now",
        "`qfleet deploy lab.yaml --prune` destroys what is left",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert!(endpoint.stacks().contains(&"lab-old".to_owned()));

    // Nothing to deploy: but not that all is as it should be.
    let plan = run(&there, &["plan", "lab.yaml", "--exit-code"]).run().stdout;
    assert!(plan.contains("! lab-old"), "{plan}");
    assert!(
        plan.contains("Nothing to deploy: all that the file has is as it should be."),
        "{plan}"
    );
    let plan = json(&there, &["plan", "lab.yaml"]);
    let surplus = &plan["surplus"];
    assert_eq!(surplus.as_array().map(Vec::len), Some(1), "{plan:#}");
    assert_eq!(
        (&surplus[0]["part"], &surplus[0]["stack"]),
        (&"old".into(), &"lab-old".into())
    );
    let queues = surplus[0]["queues"].as_array().expect("queues");
    assert!(queues.iter().any(|queue| queue["visible_messages"] == 2), "{surplus:#}");
    let again = run(&there, &["deploy", "lab.yaml", "--yes", "--output", "json"]);
    let again = again
        .stderr_contains("lab-old is not in the file any more and is left running")
        .run();
    let again = again.json();
    assert_eq!(again["surplus"][0]["stack"], "lab-old");
    let warnings = again["warnings"].as_array().expect("warnings").iter();
    let of_old: Vec<&str> = warnings
        .filter_map(Value::as_str)
        .filter(|text| text.starts_with("lab-old"))
        .collect();
    assert_eq!(of_old.len(), 1, "{again:#}");
    assert_eq!(
        json(&there, &["plan", "lab.yaml", "--only", "work"])["surplus"][0]["part"],
        "old"
    );

    let status = run(&there, &["status", "lab.yaml", "--exit-code", "--output", "json"])
        .status(3)
        .run()
        .json();
    let findings = status["findings"].as_array().expect("findings").iter();
    let found: Vec<&Value> = findings
        .filter(|finding| finding["id"] == "stack-not-in-file")
        .collect();
    assert_eq!(found.len(), 1, "{status:#}");
    assert_eq!(
        (&found[0]["severity"], &found[0]["stack"]),
        (&"warning".into(), &"lab-old".into())
    );
    let meaning = found[0]["meaning"].as_str().expect("a meaning");
    assert!(meaning.contains("about 2 messages in its queue"), "{meaning}");
    assert_eq!(found[0]["command"], "qfleet deploy lab.yaml --prune");
    let by_name = json(&there, &["status", "--name", "lab", "--region", "us-east-2"]);
    assert_eq!(by_name["surplus"], Value::Null, "no file says otherwise");
}

#[test]
fn pruned_it_is_shown_asked_about_and_destroyed_after_the_rest() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, &with_old(), LAB);
    two_wait(&endpoint);
    let prunes = ["--prune", "--allow-replace", "old.Queue"];
    let plan = run(&there, &["plan", "lab.yaml", "--exit-code"])
        .args(prunes)
        .status(3)
        .run()
        .stdout;
    assert!(
        plan.contains("Not in the file any more, and destroyed after the rest:\n  - lab-old"),
        "{plan}"
    );
    assert!(plan.contains("lost: queue lab-old: about 2 messages"), "{plan}");
    assert!(plan.contains("1 stack to destroy"), "{plan}");

    let prune = run(&there, &["deploy", "lab.yaml"]).args(prunes);
    let (code, said) = in_a_terminal(&prune, 200, &[(", and destroy lab-old?", "n\r")]);
    assert_eq!(code, 4, "{said}");
    assert_eq!(endpoint.calls("DeleteStack").len(), 0);

    let pruned = run(&there, &["deploy", "lab.yaml", "--yes", "--output", "json"]).args(prunes);
    let pruned = pruned.run().json();
    assert_eq!(sorted(endpoint.stacks()), LEFT);
    let old = pruned["stacks"].as_array().expect("stacks").last().expect("the last");
    assert_eq!(
        (&old["part"], &old["operation"], &old["outcome"]),
        (&"old".into(), &"delete".into(), &"done".into()),
        "{pruned:#}"
    );
    // The same proof as of a destroy: of what went, and of nothing else.
    let receipt = &pruned["pruned"];
    assert_eq!(
        (&receipt["clean"], &receipt["complete"]),
        (&true.into(), &true.into()),
        "{receipt:#}"
    );
    let rows = receipt["resources"].as_array().expect("resources");
    let of = |of_type: &str| rows.iter().filter(|row| row["resource_type"] == of_type).count();
    assert_eq!(
        (of("AWS::CloudFormation::Stack"), of("AWS::SQS::Queue")),
        (1, 2),
        "{receipt:#}"
    );
    let is_of_old = |row: &Value| row["stack"] == "lab-old" || row["resource_type"] == "AWS::CloudFormation::Stack";
    let all_gone = rows.iter().all(|row| row["fate"] == "deleted" && is_of_old(row));
    assert!(all_gone, "{receipt:#}");
    let executed = endpoint.calls("ExecuteChangeSet");
    let last = executed.last().expect("the dashboard was updated").at;
    assert!(endpoint.calls("DeleteStack")[0].at > last);
    run(&there, &["plan", "lab.yaml", "--prune", "--exit-code"])
        .stdout_contains("Nothing to do: all stacks are as they should be.")
        .run();
}

/// A stage that feeds another one goes before it, and both after the stage that was fed by them.
#[test]
fn what_others_still_need_goes_last() {
    let before = format!("{}{}{}", LAB, stage("old", "work"), stage("older", "old"));
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, &before, LAB);
    run(&there, &["deploy", "lab.yaml", "--prune", "--yes"]).run();
    let deleted: Vec<String> = endpoint
        .calls("DeleteStack")
        .into_iter()
        .filter_map(|call| call.stack)
        .collect();
    assert_eq!(deleted, ["lab-old", "lab-older"]);
    assert_eq!(sorted(endpoint.stacks()), LEFT);
}

#[test]
fn a_bucket_that_was_dropped_goes_or_stays_as_it_was_deployed() {
    for (on_destroy, stays) in [("empty", false), ("keep", true)] {
        let before = LAB.replace("on_destroy: empty", &format!("on_destroy: {on_destroy}"));
        let endpoint = Endpoint::serve(Script::new());
        let there = deployed(&endpoint, &before, &without_bucket());
        endpoint.world(|world| world.services.put_object(BUCKET, "uploads/a", "content"));
        let prune = ["deploy", "lab.yaml", "--prune", "--yes", "--output", "json"];
        let allowed = ["--allow-replace", "intake.Bucket"];
        if !stays {
            let refused = run(&there, &prune).status(4);
            let says = format!("s3://{BUCKET} of lab-intake: about 1 object");
            refused.stderr_contains(says).stderr_contains(allowed.join(" ")).run();
        }
        let allowed = allowed.iter().filter(|_| !stays);
        let pruned = run(&there, &prune).args(allowed).run().json();
        assert_eq!(
            sorted(endpoint.stacks()),
            ["lab-artifacts", "lab-dashboard", "lab-work"]
        );
        let objects = endpoint.world(|world| world.services.keys(BUCKET).len());
        assert_eq!(objects, usize::from(stays), "{pruned:#}");
        let kept = pruned["kept"].as_array().map(Vec::len).unwrap_or_default();
        assert_eq!(kept, usize::from(stays), "{pruned:#}");
        let import_with = "qfleet deploy lab.yaml, once the file has it again, with `on_destroy: keep`";
        assert_eq!(
            pruned["import_with"].as_str(),
            stays.then_some(import_with),
            "{pruned:#}"
        );
    }
}

/// Whoever may not read subscriptions is told what isn't known of what goes, and only of that.
#[test]
fn what_is_not_known_of_its_users_is_said_before_it_goes() {
    let dropped = LAB
        .replace("bucket: {on_destroy: empty}\n", "")
        .replace("    from: bucket\n", "");
    let unknown = "warning: it isn't known whether anybody else is subscribed to";
    for (before, after, is_told) in [(LAB.to_owned(), dropped.as_str(), true), (with_old(), LAB, false)] {
        let denied = Fault::refuse(403, "AuthorizationError", "not authorized");
        let endpoint = Endpoint::serve(Script::new().fault(On::action("ListSubscriptionsByTopic"), denied));
        let there = deployed(&endpoint, &before, after);
        let said = run(&there, &["deploy", "lab.yaml", "--prune", "--yes"]).run().stderr;
        assert_eq!(said.contains(unknown), is_told, "{said}");
    }
}

#[test]
fn what_cannot_be_pruned_is_a_failure_of_a_deploy_that_went_well() {
    let endpoint = Endpoint::serve(Script::new().fails("lab-old", "Queue", Verb::Delete, "not today"));
    let there = deployed(&endpoint, &with_old(), LAB);
    let failed = run(&there, &["deploy", "lab.yaml", "--prune", "--yes", "--output", "json"]).status(1);
    let document = failed.stderr_contains("not today").run().json();
    assert_eq!(document["succeeded"], false);
    let old = document["stacks"].as_array().expect("stacks").last().expect("the last");
    assert_eq!((&old["stack"], &old["outcome"]), (&"lab-old".into(), &"failed".into()));
    assert_eq!(document["pruned"], Value::Null);
}

/// What a deploy that prunes prints when it is told to end at this moment.
fn interrupted_pruning(there: &Output, endpoint: &Endpoint, now: impl Fn(&World) -> bool) -> Value {
    let deploy = run(there, &["deploy", "lab.yaml", "--prune", "--yes", "--output", "json"]);
    let (code, document, _) = signalled(&deploy, endpoint, Signal::SIGTERM, |endpoint| {
        endpoint.world(|world| now(world))
    });
    assert_eq!(code, 130);
    serde_json::from_str(&document).expect("one document")
}

#[test]
fn interrupted_while_it_prunes_it_ends_with_130_and_says_what_goes_on() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, &with_old(), LAB);
    endpoint.rescript(|script| script.takes("lab-old", "Queue", Duration::from_secs(120)));
    let document = interrupted_pruning(&there, &endpoint, |world| {
        let old = world.find("lab-old");
        old.is_some_and(|found| world.stacks[found].status == "DELETE_IN_PROGRESS")
    });
    let old = document["stacks"].as_array().expect("stacks").last().expect("the last");
    assert_eq!((&old["stack"], &old["outcome"]), (&"lab-old".into(), &"running".into()));
}

/// What was asked for is done, and only its proof is missing.
#[test]
fn interrupted_while_it_proves_what_it_pruned_it_ends_with_130_and_the_report() {
    let endpoint = Endpoint::serve(Script::new());
    let there = deployed(&endpoint, &with_old(), LAB);
    endpoint.rescript(|script| script.fault(On::action("ListRoles"), Fault::Stall));
    let document = interrupted_pruning(&there, &endpoint, |world| {
        world.calls.iter().any(|call| call.action == "ListRoles")
    });
    let old = document["stacks"].as_array().expect("stacks").last().expect("the last");
    assert_eq!((&old["stack"], &old["outcome"]), (&"lab-old".into(), &"done".into()));
    assert_eq!(document["pruned"], Value::Null);
}

/// Two of four stacks came up, and nothing is wrong with these.
#[test]
fn what_the_environment_should_have_and_has_not_is_critical() {
    let endpoint = Endpoint::serve(Script::new().fails("lab-intake", "Bucket", Verb::Create, "not today"));
    let failed = with_file_at(&endpoint, LAB).args(["deploy", "lab.yaml", "--yes", "--on-failure", "delete"]);
    let there = failed.status(1).run();
    assert_eq!(endpoint.stacks(), ["lab-artifacts"]);
    let status = run(&there, &["status", "lab.yaml", "--exit-code", "--output", "json"])
        .status(3)
        .run()
        .json();
    let missing = status["findings"].as_array().expect("findings").iter();
    let missing: Vec<[&Value; 3]> = missing
        .map(|one| ["id", "severity", "stack"].map(|key| &one[key]))
        .collect();
    let expected =
        ["lab-intake", "lab-work", "lab-dashboard"].map(|stack| ["stack-missing", "critical", stack].map(Value::from));
    assert_eq!(missing, expected.each_ref().map(|row| row.each_ref()), "{status:#}");

    // Without the file, the stacks' own tags say what they need.
    let endpoint = Endpoint::serve(Script::new());
    let there = with_file_at(&endpoint, LAB).args(["deploy", "lab.yaml", "--yes"]).run();
    let missing = || {
        let status = json(&there, &["status", "--name", "lab", "--region", "us-east-2"]);
        let findings = status["findings"].as_array().expect("findings").clone();
        let missing = findings.into_iter().filter(|finding| finding["id"] == "stack-missing");
        missing.map(|finding| finding["stack"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(missing(), [] as [&str; 0]);
    endpoint.world(|world| world.stacks.retain(|stack| stack.name != "lab-intake"));
    assert_eq!(missing(), ["lab-intake"]);
}

/// A stage that was renamed, on the emulator.
#[test]
fn a_renamed_stage_is_pruned_with_its_queues() {
    let account = account();
    let own = |file: &str| {
        file.replace(
            "region: us-east-2",
            &format!("region: us-east-2\naccount: \"{account}\""),
        )
    };
    let first = with_file(&own(LAB))
        .args(["deploy", "lab.yaml", "--yes"])
        .emulated()
        .run();
    let renamed = own(LAB).replace("name: work", "name: sort");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let aws = Aws::new(&account, "us-east-2");
    runtime.block_on(async {
        let url = aws.sqs.get_queue_url().queue_name("lab-work").send().await.expect("it");
        let send = aws.sqs.send_message().queue_url(url.queue_url().expect("a URL"));
        send.message_body("not done yet").send().await.expect("sent");
    });
    let prune = || {
        let there = first.then().file("lab.yaml", &renamed).emulated();
        there.args(["deploy", "lab.yaml", "--prune", "--yes"])
    };
    let refused = prune().status(4).run();
    let says = "--prune would delete what has something in it: queue lab-work of lab-work: about 1 message\n  help: ";
    assert!(refused.stderr.contains(says), "{}", refused.stderr);
    prune()
        .args(["--allow-replace", "work.Queue"])
        .stdout_contains("- lab-work CREATE_COMPLETE")
        .stdout_contains("lost: dead-letter queue lab-work-dlq: no messages")
        .run();
    let queues = runtime.block_on(async {
        let listed = aws.sqs.list_queues().send().await;
        listed.expect("queues").queue_urls.unwrap_or_default()
    });
    let mut names: Vec<&str> = queues.iter().filter_map(|url| url.rsplit('/').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["lab-sort", "lab-sort-dlq"]);
}
