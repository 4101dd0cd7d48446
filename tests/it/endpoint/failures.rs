//! What fails of stacks, as a test says: resources, and change sets that are refused.

use super::script::Script;

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Create,
    Update,
    Delete,
    /// Back to what it was before an update that failed.
    Restore,
}

/// A resource that fails.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub stack: String,
    pub resource: String,
    pub verb: Verb,
    pub reason: String,
    /// How often; `None`: always.
    pub times: Option<u32>,
}

/// A change set that early validation refuses.
#[derive(Debug, Clone)]
pub(super) struct Invalid {
    pub stack: String,
    pub resource: String,
    pub path: String,
    pub reason: String,
}

impl Script {
    /// The resource fails each time.
    pub fn fails(self, stack: &str, resource: &str, verb: Verb, reason: &str) -> Self {
        self.failure(stack, resource, verb, reason, None)
    }

    /// What this resource fails with is told by DescribeEvents alone, as the failures of hooks are; the events of the
    /// stack only say that it failed
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_OperationEvent.html>).
    pub fn untold(mut self, stack: &str, resource: &str) -> Self {
        self.untold.insert((stack.into(), resource.into()));
        self
    }

    /// When this resource fails to be created, it has begun to be: it has a physical id, and the rollback deletes it
    /// (localstack/localstack tests/aws/services/cloudformation/api/test_stacks.snapshot.json, test_blocked_stack_deletion).
    pub fn begun(mut self, stack: &str, resource: &str) -> Self {
        self.begun.insert((stack.into(), resource.into()));
        self
    }

    /// The resource fails so many times, then no more.
    pub fn fails_times(self, stack: &str, resource: &str, verb: Verb, reason: &str, times: u32) -> Self {
        self.failure(stack, resource, verb, reason, Some(times))
    }

    fn failure(mut self, stack: &str, resource: &str, verb: Verb, reason: &str, times: Option<u32>) -> Self {
        self.failures.push(Failure {
            stack: stack.into(),
            resource: resource.into(),
            verb,
            reason: reason.into(),
            times,
        });
        self
    }

    /// Change sets of the stack fail early validation.
    pub fn invalid(mut self, stack: &str, resource: &str, path: &str, reason: &str) -> Self {
        self.invalid.push(Invalid {
            stack: stack.into(),
            resource: resource.into(),
            path: path.into(),
            reason: reason.into(),
        });
        self
    }

    /// Read with values, change sets leave this resource out and say why in a warning
    /// (<https://github.com/aws/aws-cdk-cli/issues/1780>).
    pub fn unreadable(mut self, stack: &str, resource: &str, why: &str) -> Self {
        self.unreadable.insert((stack.into(), resource.into()), why.into());
        self
    }

    /// Why the resource fails now, if it does. Counts.
    pub(super) fn failure_of(&mut self, stack: &str, resource: &str, verb: Verb) -> Option<String> {
        let failure = self.failures.iter_mut().find(|failure| {
            failure.stack == stack && failure.resource == resource && failure.verb == verb && failure.times != Some(0)
        })?;
        if let Some(times) = &mut failure.times {
            *times -= 1;
        }
        Some(failure.reason.clone())
    }
}
