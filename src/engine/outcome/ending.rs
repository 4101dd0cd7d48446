//! What a command ends with, once it has begun to work on stacks: the exit code, and why.

use super::{Failure, Outcome, Report, StackReport, Unattended};
use crate::error::{Error, ErrorJson, Result, exit_code};

impl Report {
    /// What the command ends with; why is shown already.
    pub fn result(&self) -> Result<()> {
        match self.exit_code() {
            exit_code::DONE => Ok(()),
            code => Err(Error::Shown(code)),
        }
    }

    /// Why it ends with another exit code than 0; `again` is the command that goes on with what it leaves.
    pub fn ending(&self, again: &str) -> Option<ErrorJson> {
        let exit_code = self.exit_code();
        if exit_code == exit_code::DONE {
            return None;
        }
        let failures: Vec<(&str, &Failure)> = self.failures().collect();
        let refused = failures.iter().find_map(|(_, failure)| failure.reason);
        let help = failures.iter().find_map(|(_, failure)| failure.help.clone());
        Some(ErrorJson {
            message: self.why(&failures),
            help: help.or_else(|| Some(format!("to go on with it: {again}"))),
            exit_code,
            reason: refused.filter(|_| exit_code == exit_code::REFUSED),
        })
    }

    /// The stacks that failed, or of which it isn't known how they end.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &Failure)> {
        self.stacks.iter().filter_map(|stack| match &stack.outcome {
            Outcome::Failed(failure) | Outcome::Unknown(failure) => Some((stack.stack.as_str(), &**failure)),
            _ => None,
        })
    }

    /// What failed, what goes on and what was not begun, in a line.
    fn why(&self, failures: &[(&str, &Failure)]) -> String {
        let mut parts: Vec<String> = failures
            .iter()
            .map(|(stack, failure)| failure.in_a_line(stack))
            .collect();
        let names = |test: fn(&Outcome) -> bool| {
            let found = self.stacks.iter().filter(|stack| test(&stack.outcome));
            let names: Vec<&str> = found.map(|stack: &StackReport| stack.stack.as_str()).collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        if self.is_unattended(Unattended::TimedOut) {
            parts.push("the time for it is up".to_owned());
        } else if self.exit_code() == exit_code::INTERRUPTED && failures.is_empty() {
            parts.push("interrupted".to_owned());
        }
        if let Some(names) = names(|outcome| matches!(outcome, Outcome::Running { .. })) {
            parts.push(format!("not waited for: {names}"));
        }
        if let Some(names) = names(|outcome| matches!(outcome, Outcome::Starting { .. })) {
            parts.push(format!("not known to be in service: {names}"));
        }
        if let Some(names) = names(|outcome| matches!(outcome, Outcome::Skipped { .. })) {
            parts.push(format!("not begun: {names}"));
        }
        if self.pruned.as_ref().is_some_and(|receipt| !receipt.clean) {
            parts.push("something is left of the stacks that were destroyed".to_owned());
        }
        parts.join("; ")
    }

    fn is_unattended(&self, wanted: Unattended) -> bool {
        self.stacks.iter().any(|stack| {
            matches!(stack.outcome, Outcome::Running { why, .. } | Outcome::Starting { why, .. } if why == wanted)
        })
    }

    fn exit_code(&self) -> u8 {
        let any = |test: fn(&Outcome) -> bool| self.stacks.iter().any(|stack| test(&stack.outcome));
        if any(|outcome| matches!(outcome, Outcome::Failed(failure) if !failure.refused && !failure.was_cancelled))
            || any(|outcome| matches!(outcome, Outcome::Unknown(_)))
            || self.is_unattended(Unattended::TimedOut)
            || self.pruned.as_ref().is_some_and(|receipt| !receipt.clean)
        {
            exit_code::FAILED
        } else if any(|outcome| matches!(outcome, Outcome::Failed(failure) if failure.refused)) {
            exit_code::REFUSED
        } else if self.is_unattended(Unattended::Interrupted)
            || any(|outcome| matches!(outcome, Outcome::Failed(_)))
            || any(|outcome| matches!(outcome, Outcome::Skipped { because: None }))
            || self.was_interrupted
        {
            exit_code::INTERRUPTED
        } else if any(|outcome| matches!(outcome, Outcome::Skipped { .. })) {
            match self.is_unattended(Unattended::NotWaited) {
                // What needs those that aren't waited for.
                true => exit_code::NOT_ALL_BEGUN,
                false => exit_code::INTERRUPTED,
            }
        } else {
            exit_code::DONE
        }
    }
}

impl Failure {
    /// What failed, with the stack's name.
    pub fn message(&self, stack: &str) -> String {
        match self.operation {
            Some(_) if !self.lost_sight => self.message.clone(),
            // Some say themselves which stack they are about.
            _ if self.message.starts_with(stack) => self.message.clone(),
            _ => format!("{stack}: {}", self.message),
        }
    }

    /// The same with its first cause, in one line.
    pub fn in_a_line(&self, stack: &str) -> String {
        let root = self.cause.as_ref().and_then(|cause| cause.root.as_ref());
        let cause = root.map_or(String::new(), |root| {
            let reason = root.reason.as_deref().unwrap_or("CloudFormation gives no reason");
            let (id, of_type) = (&root.logical_id, &root.resource_type);
            format!("; cause: {id} ({of_type}) {}: {reason}", root.status)
        });
        let line = format!("{}{cause}", self.message(stack));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::CloudError;
    use crate::deployed::address::Address;
    use crate::engine::event::Operation;
    use crate::engine::outcome::Failed;
    use crate::observe::leftovers::Receipt;

    #[test]
    fn what_was_pruned_must_be_gone_and_proven_to_be() {
        let address = || Address {
            environment: "lab".into(),
            account: "111122223333".into(),
            region: "us-east-2".into(),
        };
        let code = |clean: Option<bool>, was_interrupted: bool| {
            let receipt = |clean| Receipt {
                address: address(),
                at: jiff::Timestamp::UNIX_EPOCH,
                clean,
                complete: true,
                resources: Vec::new(),
            };
            let report = Report {
                pruned: clean.map(receipt),
                was_interrupted,
                ..Report::new(address(), Vec::new())
            };
            report.result().map_or_else(|error| error.exit_code(), |()| 0)
        };
        assert_eq!(code(None, false), 0);
        assert_eq!(code(Some(true), false), 0);
        assert_eq!(code(Some(false), false), exit_code::FAILED);
        assert_eq!(code(None, true), exit_code::INTERRUPTED);
    }

    #[test]
    fn what_an_interrupt_kept_from_being_begun_is_no_success() {
        let code = |outcomes: Vec<Outcome>| {
            let address = Address {
                environment: "lab".into(),
                account: "111122223333".into(),
                region: "us-east-2".into(),
            };
            let stack = |outcome| StackReport {
                part: "work".into(),
                stack: "lab-work".into(),
                outcome,
            };
            let report = Report::new(address, outcomes.into_iter().map(stack).collect());
            report.result().map_or_else(|error| error.exit_code(), |()| 0)
        };
        let running = |why| Outcome::Running {
            operation: Operation::Create,
            why,
        };
        let needs = || Outcome::Skipped {
            because: Some("intake".into()),
        };
        let stopped = || Outcome::Skipped { because: None };
        let not_waited = || running(Unattended::NotWaited);
        let json = serde_json::to_value(stopped()).expect("JSON");
        assert_eq!(json, serde_json::json!({"outcome": "skipped"}));
        assert_eq!(code(vec![not_waited(), Outcome::Unchanged]), 0);
        assert_eq!(code(vec![not_waited(), needs()]), exit_code::NOT_ALL_BEGUN);
        for outcomes in [
            vec![stopped()],
            vec![Outcome::Unchanged, stopped(), needs()],
            vec![not_waited(), stopped()],
            vec![not_waited(), running(Unattended::Interrupted)],
        ] {
            let said = format!("{outcomes:?}");
            assert_eq!(code(outcomes), exit_code::INTERRUPTED, "{said}");
        }
        let expired = CloudError {
            operation: "DescribeStacks",
            code: Some("ExpiredToken".into()),
            message: "expired".into(),
        };
        let lost = Outcome::from(Failed::lost_sight(Operation::Create, expired));
        assert!(matches!(lost, Outcome::Unknown(_)), "{lost:?}");
        assert_eq!(code(vec![lost, stopped()]), exit_code::FAILED);
    }
}
