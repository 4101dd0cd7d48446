//! Every call of every command stands still in turn: before its answer, in the middle of its headers, of its body.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::endpoint::{Endpoint, Fault, On};
use crate::scripted::ending::commands::ALL;
use crate::scripted::ending::{Case, ENDS_WITHIN, Ended, Moment, Running, Wrong, all, cases, in_time, one_document};

/// One way after the other.
fn ways() -> impl Iterator<Item = Fault> {
    [Fault::Stall, Fault::StallInHeaders, Fault::StallInBody]
        .into_iter()
        .cycle()
}

/// Starts the command where this action's calls stand still, and returns once one does, or it has ended.
fn standing(case: &Case, way: Fault, args: &[&str]) -> (Endpoint, Running) {
    let endpoint = case.command.endpoint();
    let on = On::action(&case.action).numbers(case.number..=u32::MAX);
    endpoint.rescript(|script| script.fault(on, way));
    let mut running = Running::start(case.command.at(&endpoint).args(args.iter().copied()));
    running.until(Duration::from_secs(30), || {
        endpoint.calls(&case.action).len() >= case.number as usize
    });
    (endpoint, running)
}

#[test]
fn a_signal_ends_every_command_whichever_call_stands_still() {
    let signals = [Signal::SIGINT, Signal::SIGTERM].into_iter().cycle();
    let cases: Vec<_> = cases(1).into_iter().zip(ways()).zip(signals).collect();
    all(cases, |((case, way), by)| {
        let what = format!("{case}, {way:?}, {by}");
        let (_endpoint, running) = standing(&case, way, &case.command.form());
        let sent = Moment::now();
        running.signal(by);
        let ended = running.ended(sent);
        one_document(&case.command, &ended)?;
        // It may have had its result already, and only have been tidying up.
        let code = if ended.code == case.code { case.code } else { 130 };
        check(&ended, code, ENDS_WITHIN, &what)
    });
}

#[test]
fn the_end_of_its_time_ends_every_command_that_has_one() {
    let timed = cases(2).into_iter().filter(|case| case.command.has_timeout);
    all(timed.zip(ways()).collect(), |(case, way)| {
        let what = format!("{case}, {way:?}, --timeout 1s");
        let began = Moment::now();
        let (_endpoint, running) = standing(&case, way, &["--output", "json", "--timeout", "1s"]);
        let ended = running.ended(began);
        one_document(&case.command, &ended)?;
        check(&ended, 1, Duration::from_secs(1) + ENDS_WITHIN, &what)
    });
}

/// A fleet that is up asks the emulator all the time, and doesn't wait for an answer once it is told to stop.
#[test]
fn a_signal_ends_a_fleet_whose_emulator_stands_still() {
    let command = *ALL
        .iter()
        .find(|run| run.args.starts_with(&["local", "up"]))
        .expect("it");
    // The third look at the groups is the first after it came up.
    let calls = [
        ("SetDesiredCapacity", 1),
        ("GetQueueAttributes", 1),
        ("PutMetricData", 1),
        ("DescribeAutoScalingGroups", 3),
    ];
    let cases = calls.map(|(action, number)| Case {
        command,
        action: action.to_owned(),
        number,
        code: 130,
    });
    all(cases.into_iter().zip(ways()).collect(), |(case, way)| {
        let what = format!("{case}, {way:?}");
        let (_endpoint, running) = standing(&case, way, &case.command.form());
        let sent = Moment::now();
        running.signal(Signal::SIGTERM);
        check(&running.ended(sent), case.code, ENDS_WITHIN, &what)
    });
}

fn check(ended: &Ended, code: i32, within: Duration, what: &str) -> Result<(), Wrong> {
    let what = || {
        format!(
            "{what}: {} after {:?}\n{}\n{}",
            ended.code, ended.took, ended.stdout, ended.stderr
        )
    };
    if ended.code != code {
        return Err(Wrong::Otherwise(what()));
    }
    in_time(ended.took, within, what)
}
