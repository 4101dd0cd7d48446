//! Signals while somebody is asked, or waits in a terminal; and a second one.

use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::endpoint::{Endpoint, Script};
use crate::harness::in_a_terminal_of;
use crate::lab;
use crate::scripted::ending::commands::{ALL, Before, Run};
use crate::scripted::ending::{ENDS_WITHIN, Moment, Running, Wrong, all, in_time};

/// Those that find something to ask about.
fn asking() -> Vec<Run> {
    let mut asking = ALL.to_vec();
    asking.retain(|command| {
        command.before != Before::Nothing && ["deploy", "destroy", "recover", "dlq"].contains(&command.args[0])
    });
    asking.retain(|command| command.args.contains(&"--yes"));
    asking
}

/// A read of the terminal heeds no signal by itself. Ctrl-C comes as one, from the terminal.
#[test]
fn whoever_is_asked_can_end_it_by_a_signal() {
    let ends: [(&str, Option<Signal>); 4] = [
        ("", Some(Signal::SIGINT)),
        ("", Some(Signal::SIGTERM)),
        ("y", Some(Signal::SIGTERM)),
        ("ye\u{3}", None),
    ];
    let cases = asking().into_iter().zip(ends.into_iter().cycle()).collect();
    all(cases, |(command, (typed, by)): (Run, (&str, Option<Signal>))| {
        let endpoint = command.endpoint();
        let asked = Run { asks: true, ..command };
        let mut sent = Moment::now();
        let seen = in_a_terminal_of(&asked.at(&endpoint), (200, 50), &[("[y/N]", typed)], |pid| {
            sent = Moment::now();
            if let Some(by) = by {
                kill(Pid::from_raw(pid), by).expect("signalled");
            }
        });
        let (took, left) = (sent.elapsed(), endpoint.change_sets());
        let what = || {
            format!(
                "{command}, {typed:?}, {by:?}: {} after {took:?}, left {left:?}, restored {}\n{}",
                seen.code, seen.restored, seen.said
            )
        };
        match seen.code == 130 && seen.restored && left.is_empty() {
            true => in_time(took, ENDS_WITHIN, what),
            false => Err(Wrong::Otherwise(what())),
        }
    });
}

/// What CloudFormation is still working out can't be thrown away; who doesn't wait for that is told what stays.
#[test]
fn a_second_signal_ends_it_at_once_and_what_stays_is_named() {
    let endpoint = Endpoint::serve(Script::new().change_sets_take(Duration::from_secs(600)));
    let running = Running::start(lab::at(&endpoint).args(["plan", "lab.yaml", "--output", "json"]));
    endpoint.wait_until("change sets are being made", |world| {
        world.stacks.iter().any(|stack| !stack.change_sets.is_empty())
    });
    running.signal(Signal::SIGINT);
    sleep(Duration::from_millis(300));
    let second = Moment::now();
    running.signal(Signal::SIGINT);
    let ended = running.ended(second);
    assert_eq!(ended.code, 130, "{}", ended.stderr);
    assert!(ended.took < ENDS_WITHIN, "{:?}", ended.took);
    assert!(
        ended.stderr.contains("left behind: the change set qfleet-"),
        "{}",
        ended.stderr
    );
    let document: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one document");
    assert_eq!(document["error"]["exit_code"], 130);
}

/// What CloudFormation works on goes on: whoever doesn't wait for it is told what, and how to look.
#[test]
fn a_second_signal_names_the_stacks_that_are_worked_on() {
    let cases = ["wait", "cancel"]
        .into_iter()
        .flat_map(|on| [(on, "text"), (on, "json")]);
    all(cases.collect(), |(on_interrupt, output): (&str, &str)| {
        let slow = Script::new().takes("lab-intake", "Topic", Duration::from_secs(600));
        let endpoint = Endpoint::serve(slow);
        let deploy = ["deploy", "lab.yaml", "--yes", "--region", "us-east-2"];
        let running =
            Running::start(
                lab::at(&endpoint)
                    .args(deploy)
                    .args(["--on-interrupt", on_interrupt, "--output", output]),
            );
        endpoint.wait_until("the intake is being made, and watched", |world| {
            let mut looks = world.calls.iter().filter(|call| call.action == "DescribeStackEvents");
            looks.any(|call| call.stack.as_deref() == Some("lab-intake"))
        });
        let is_cancelled = on_interrupt == "cancel";
        endpoint.wait_until("what comes before is known to have ended", |world| {
            let made = world.find("lab-artifacts").map(|stack| world.stacks[stack].id.clone());
            let mut looks = world.calls.iter().filter(|call| call.action == "DescribeStacks");
            looks.any(|call| made.is_some() && call.input.text("StackName") == made.as_deref())
        });
        running.signal(Signal::SIGTERM);
        if is_cancelled {
            endpoint.wait_until("it is cancelled", |world| {
                world.calls.iter().any(|call| call.action == "DeleteStack")
            });
        }
        // Two that come too soon after one another are one.
        sleep(Duration::from_millis(500));
        let second = Moment::now();
        running.signal(Signal::SIGTERM);
        let ended = running.ended(second);
        let what = || {
            format!(
                "{on_interrupt} {output}: {} {}{}",
                ended.code, ended.stdout, ended.stderr
            )
        };
        let line = "lab-intake; to look: qfleet status --name lab --region us-east-2\n";
        let (does, line) = match is_cancelled {
            false => ("CloudFormation goes on with ", line.to_owned()),
            true => (
                "CloudFormation was told to cancel what it did with ",
                line.replace("; to", ", and takes that back; to"),
            ),
        };
        let is_said = ended.stderr.contains(does) && ended.stderr.contains(&line);
        let in_document = || {
            let document: serde_json::Value = serde_json::from_str(&ended.stdout).ok()?;
            let taken_back = document["taken_back"][0].as_str();
            let before = serde_json::json!({"stack": "lab-artifacts", "status": "CREATE_COMPLETE"});
            Some(
                document["error"]["exit_code"] == 130
                    && document["goes_on"][0] == "lab-intake"
                    && taken_back == is_cancelled.then_some("lab-intake")
                    && document["ended"] == serde_json::json!([before]),
            )
        };
        match ended.code == 130 && is_said && (output == "text" || in_document() == Some(true)) {
            true => Ok(()),
            false => Err(what()),
        }
    });
}
