//! Every call of every command fails in turn.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::endpoint::{Fault, On};
use crate::scripted::ending::{Moment, Running, all, cases, one_document};

/// One document, whatever fails; an exit code that says what it was; and no change set stays that could be thrown away.
#[test]
fn every_command_prints_one_document_whichever_call_is_refused() {
    all(cases(0), |case| {
        let endpoint = case.command.endpoint();
        let on = On::action(&case.action).numbers(case.number..=case.number);
        let refused = Fault::refuse(403, "AccessDenied", "not authorized to do this");
        endpoint.rescript(|script| script.fault(on, refused));
        let mut running = Running::start(case.command.at(&endpoint).args(case.command.form()));
        if case.command.is_endless() {
            running.until(Duration::from_secs(30), || {
                endpoint.calls(&case.action).len() >= case.number as usize
            });
            running.until(Duration::from_millis(100), || false);
            running.signal(Signal::SIGTERM);
        }
        let ended = running.ended(Moment::now());
        one_document(&case.command, &ended)?;
        if ended.code == 1 && !case.command.is_endless() && !says_why(&ended.stdout) {
            return Err(format!(
                "{case}: it doesn't say why\n{}\n{}",
                ended.stdout, ended.stderr
            ));
        }
        let what = format!("{case}: {}\n{}\n{}", ended.code, ended.stdout, ended.stderr);
        if ![0, 1, 3, 4].contains(&ended.code) && ended.code != case.code {
            return Err(what);
        }
        let left = endpoint.change_sets();
        if !left.is_empty() && !["DeleteChangeSet", "ListChangeSets", "DeleteStack"].contains(&case.action.as_str()) {
            return Err(format!("left: {left:?}: {what}"));
        }
        Ok(())
    });
}

/// Whether the document of a command that failed says why: as `error`, its own or that of what failed; or as the `message`,
/// or the `what`, of what failed, by its `outcome` or in the list `failed`.
fn says_why(document: &str) -> bool {
    fn names_a_reason(value: &Value) -> bool {
        match value {
            Value::Object(entries) => {
                let has_failed = entries.get("outcome").is_some_and(|outcome| outcome == "failed");
                let reason = entries.get("message").or(entries.get("what"));
                let reason = reason.filter(|_| has_failed).or(entries.get("error"));
                let mut failed = entries.get("failed").and_then(Value::as_array).into_iter().flatten();
                reason.is_some_and(|reason| !reason.is_null())
                    || failed.any(|one| one["message"].is_string())
                    || entries.values().any(names_a_reason)
            }
            Value::Array(items) => items.iter().any(names_a_reason),
            _ => false,
        }
    }
    serde_json::from_str(document).is_ok_and(|document| names_a_reason(&document))
}
