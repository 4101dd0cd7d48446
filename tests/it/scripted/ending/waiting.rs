//! Signals at the waits that ask nothing, in a terminal: one ends the command in time, two end it at once.

use std::sync::mpsc::channel;
use std::thread::{scope, sleep};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::endpoint::{Endpoint, Fault, On, Script, ScriptedGroup, Taking, World};
use crate::harness::in_a_terminal_of;
use crate::scripted::ending::commands::{Before, Run, group};
use crate::scripted::ending::{AT_ONCE_WITHIN, ENDS_WITHIN, Moment, Wrong, all, in_time};

const LONG: Duration = Duration::from_secs(600);
/// Longer than what a socket's buffer takes of it.
const BIG: usize = 8 << 20;

/// A command, what it meets, and when it waits.
#[derive(Clone, Copy)]
struct Wait {
    what: &'static str,
    args: &'static [&'static str],
    before: Before,
    meets: fn(Script, &str) -> Script,
    waits: fn(&mut World) -> bool,
    /// Whether CloudFormation doesn't let go of a change set.
    leaves: bool,
}

fn called(world: &World, action: &str) -> bool {
    world.calls.iter().any(|call| call.action == action)
}

fn is_in(world: &World, status: &str) -> bool {
    world.stacks.iter().any(|stack| stack.status == status)
}

fn drains_long(script: Script, group: &str) -> Script {
    let group = ScriptedGroup::new(group, &["us-east-2a:i-01"]).takes(LONG, LONG);
    script.without_groups().group(group)
}

const ALL: [Wait; 8] = [
    Wait {
        what: "change sets are worked out",
        args: &["deploy", "lab.yaml", "--yes"],
        before: Before::Nothing,
        meets: |script, _| script.change_sets_take(LONG),
        waits: |world| called(world, "DescribeChangeSet"),
        leaves: true,
    },
    Wait {
        what: "a stack is made",
        args: &["deploy", "lab.yaml", "--yes"],
        before: Before::Nothing,
        meets: |script, _| script.resources_take(LONG),
        waits: |world| is_in(world, "CREATE_IN_PROGRESS"),
        leaves: false,
    },
    Wait {
        what: "a stack is deleted",
        args: &["destroy", "lab.yaml", "--yes", "--no-drain"],
        before: Before::Deployed,
        meets: |script, _| script.resources_take(LONG),
        waits: |world| is_in(world, "DELETE_IN_PROGRESS"),
        leaves: false,
    },
    Wait {
        what: "workers drain",
        args: &["destroy", "lab.yaml", "--yes"],
        before: Before::Deployed,
        meets: drains_long,
        waits: |world| called(world, "UpdateAutoScalingGroup"),
        leaves: false,
    },
    Wait {
        what: "a program is uploaded",
        args: &["deploy", "lab.yaml", "--yes"],
        before: Before::Nothing,
        meets: |script, _| script.taking(Taking::Stops(0)),
        waits: |world| called(world, "HeadObject"),
        leaves: false,
    },
    Wait {
        what: "a file is uploaded",
        args: &["send", "lab.yaml", "big"],
        before: Before::Deployed,
        meets: |script, _| script.taking(Taking::Stops(0)),
        waits: |world| called(world, "DescribeStacks"),
        leaves: false,
    },
    Wait {
        what: "the screen waits for an answer",
        args: &["status", "lab.yaml", "--watch"],
        before: Before::Deployed,
        meets: |script, _| script.fault(On::action("GetQueueAttributes"), Fault::Stall),
        waits: |world| called(world, "GetQueueAttributes"),
        leaves: false,
    },
    Wait {
        what: "another instance comes up",
        args: &["kill-worker", "lab.yaml", "--drain", "--yes"],
        before: Before::Deployed,
        meets: drains_long,
        waits: |world| called(world, "TerminateInstanceInAutoScalingGroup"),
        leaves: false,
    },
];

#[test]
fn a_signal_ends_a_wait_in_a_terminal_in_time_and_a_second_one_at_once() {
    let signals: [&[Signal]; 2] = [&[Signal::SIGTERM], &[Signal::SIGINT, Signal::SIGINT]];
    let cases = ALL.into_iter().flat_map(|wait| signals.map(|signals| (wait, signals)));
    all(cases.collect(), |(wait, signals)| {
        let what = format!("{}: qfleet {}, {signals:?}", wait.what, wait.args.join(" "));
        let (run, endpoint) = meet(wait);
        let test = run.at(&endpoint).file("program/data", noise()).file("big", noise());
        let (tell, told) = channel();
        let there = &endpoint;
        let (seen, took) = scope(|scope| {
            let signalling = scope.spawn(move || {
                let pid = Pid::from_raw(told.recv().expect("its process"));
                there.wait_until(wait.what, wait.waits);
                sleep(Duration::from_millis(200));
                let mut sent = Moment::now();
                for (number, signal) in signals.iter().enumerate() {
                    if number > 0 {
                        sleep(Duration::from_millis(200));
                    }
                    sent = Moment::now();
                    // It may have ended after the first one.
                    let _ = kill(pid, *signal);
                }
                sent
            });
            let seen = in_a_terminal_of(&test, (120, 40), &[], |pid| tell.send(pid).expect("somebody waits"));
            (seen, signalling.join().expect("signalled").elapsed())
        });
        let left = endpoint.change_sets();
        let is_named = left.iter().all(|name| seen.said.contains(name.as_str()));
        let is_clean = left.is_empty() || wait.leaves && is_named;
        let what = || {
            format!(
                "{what}: {} after {took:?}, left {left:?}, restored {}\n{}",
                seen.code, seen.restored, seen.said
            )
        };
        let longest = match signals.len() {
            1 => ENDS_WITHIN,
            _ => AT_ONCE_WITHIN,
        };
        match seen.code == 130 && seen.restored && is_clean {
            true => in_time(took, longest, what),
            false => Err(Wrong::Otherwise(what())),
        }
    });
}

fn meet(wait: Wait) -> (Run, Endpoint) {
    let run = Run {
        args: wait.args,
        before: wait.before,
        has_timeout: false,
        asks: false,
    };
    let endpoint = run.endpoint();
    let group = match wait.before {
        Before::Nothing => String::new(),
        _ => group(&endpoint),
    };
    endpoint.rescript(|script| (wait.meets)(script, &group));
    (run, endpoint)
}

/// What can't be made smaller.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..BIG).map(|_| next()).collect()
}
