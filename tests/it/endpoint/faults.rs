//! Calls that go wrong: refused, late, or lost on the way.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::calls::Call;
use super::gate::Gate;
use super::query::Refusal;

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// An answer that is an error; the request has no effect.
    Refuse(Refusal),
    /// The connection ends without an answer, and the request has no effect.
    Cut,
    /// The connection ends without an answer, but the request took effect.
    CutAfterEffect,
    /// No answer ever comes, and the request has no effect.
    Stall,
    /// No answer ever comes, but the request took effect.
    StallAfterEffect,
    /// The answer stops in the middle of its headers, and nothing more comes. The request took effect, here and below.
    StallInHeaders,
    /// The answer stops in the middle of its body, and nothing more comes.
    StallInBody,
    /// The connection ends in the middle of the answer's body.
    CutInBody,
    /// The answer says that all is well, and has no body.
    NoBody,
    /// The answer says that all is well, and that half of its body is all of it.
    HalfBody,
    /// The request waits until the gate lets a wave through.
    Held(Gate),
    /// The answer comes this much later; the request took effect at once.
    Late(Duration),
    /// The request takes effect this much later, and then it is answered.
    LateEffect(Duration),
}

impl Fault {
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>
    pub fn throttling() -> Self {
        Fault::refuse(400, "Throttling", "Rate exceeded")
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>
    pub fn internal_failure() -> Self {
        Fault::refuse(
            500,
            "InternalFailure",
            "The request processing has failed because of an unknown error.",
        )
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>
    pub fn unavailable() -> Self {
        Fault::refuse(
            503,
            "ServiceUnavailable",
            "The request has failed due to a temporary failure of the server.",
        )
    }

    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_use-resources.html>
    pub fn expired_token() -> Self {
        Fault::refuse(
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
        )
    }

    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
    pub fn access_denied(action: &str) -> Self {
        let message = format!(
            "User: arn:aws:iam::111122223333:user/somebody is not authorized to perform: cloudformation:{action} because \
             no identity-based policy allows the cloudformation:{action} action"
        );
        Fault::refuse(403, "AccessDenied", &message)
    }

    pub fn refuse(status: u16, code: &str, message: &str) -> Self {
        Fault::Refuse(Refusal::new(status, code, message))
    }
}

/// Which calls.
#[derive(Debug, Clone)]
pub struct On {
    action: Option<String>,
    stack: Option<String>,
    lists: bool,
    region: Option<String>,
    numbers: RangeInclusive<u32>,
    after: Duration,
    before: Duration,
}

impl On {
    /// All calls of an action, e.g. `DescribeStacks`.
    pub fn action(action: &str) -> Self {
        On {
            action: Some(action.into()),
            ..On::everything()
        }
    }

    /// All calls.
    pub fn everything() -> Self {
        On {
            action: None,
            stack: None,
            lists: false,
            region: None,
            numbers: 1..=u32::MAX,
            after: Duration::ZERO,
            before: Duration::MAX,
        }
    }

    /// Only those that name this stack, by name or in an ARN.
    pub fn stack(mut self, stack: &str) -> Self {
        self.stack = Some(stack.into());
        self
    }

    /// Only those that name no stack: they list all.
    pub fn lists(mut self) -> Self {
        self.lists = true;
        self
    }

    /// Only those that are sent to this region.
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Only the first, second … of those that match, counted from 1.
    pub fn numbers(mut self, numbers: RangeInclusive<u32>) -> Self {
        self.numbers = numbers;
        self
    }

    /// Only so long after the start.
    pub fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }

    /// Only until so long after the start.
    pub fn until(mut self, time: Duration) -> Self {
        self.before = time;
        self
    }
}

/// A fault, the calls that it hits, and how many of them there were.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    on: On,
    fault: Fault,
    seen: u32,
}

impl Rule {
    pub fn new(on: On, fault: Fault) -> Self {
        Rule { on, fault, seen: 0 }
    }

    /// The fault of this call, if it is hit. Counts.
    pub fn hit(&mut self, call: &Call, at: Duration) -> Option<Fault> {
        let On {
            action: wanted,
            stack: of,
            lists,
            region,
            numbers,
            after,
            before,
        } = &self.on;
        let matches = wanted.as_deref().is_none_or(|wanted| wanted == call.action)
            && of.as_deref().is_none_or(|of| call.stack.as_deref() == Some(of))
            && !(*lists && call.stack.is_some())
            && region.as_deref().is_none_or(|region| call.region == region)
            && (*after..*before).contains(&at);
        if !matches {
            return None;
        }
        self.seen += 1;
        numbers.contains(&self.seen).then(|| self.fault.clone())
    }
}
