//! A check, and what came of it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloud::CloudError;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    Qfleet,
    Python,
    CfnLint,
    Emulator,
    Clock,
    Credentials,
    Account,
    Region,
    Rights,
    Network,
    Types,
    Image,
    Secrets,
    Quota,
}

/// Whose business it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Machine,
    Account,
    Environment,
}

impl Topic {
    pub fn group(self) -> Group {
        use Topic::*;
        match self {
            Qfleet | Python | CfnLint | Emulator | Clock => Group::Machine,
            Credentials | Account | Region | Rights => Group::Account,
            Network | Types | Image | Secrets | Quota => Group::Environment,
        }
    }

    /// As it is written, in JSON, too.
    pub fn as_str(self) -> &'static str {
        use Topic::*;
        match self {
            Qfleet => "qfleet",
            Python => "python",
            CfnLint => "cfn_lint",
            Emulator => "emulator",
            Clock => "clock",
            Credentials => "credentials",
            Account => "account",
            Region => "region",
            Rights => "rights",
            Network => "network",
            Types => "types",
            Image => "image",
            Secrets => "secrets",
            Quota => "quota",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Passed,
    Failed,
    /// It could not be looked at, or says nothing certain.
    Unknown,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        }
    }
}

/// What was looked at, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    pub check: Topic,
    /// The stages that it is about, `web`, or the quota's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    pub outcome: Outcome,
    /// What was found, or why nothing could be.
    pub what: String,
    /// What to do about it; never of what has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<Mend>,
}

/// What to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mend {
    pub action: String,
    /// A command that does it, or shows more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// A page that says how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

impl Mend {
    pub fn new(action: impl Into<String>) -> Mend {
        Mend {
            action: action.into(),
            ..Mend::default()
        }
    }

    pub fn command(mut self, command: impl Into<String>) -> Mend {
        self.command = Some(command.into());
        self
    }

    pub fn page(mut self, page: impl Into<String>) -> Mend {
        self.page = Some(page.into());
        self
    }
}

impl Check {
    pub(super) fn passed(check: Topic, what: impl Into<String>) -> Check {
        Check {
            check,
            about: None,
            outcome: Outcome::Passed,
            what: what.into(),
            mend: None,
        }
    }

    pub(super) fn failed(check: Topic, what: impl Into<String>, mend: Mend) -> Check {
        Check {
            outcome: Outcome::Failed,
            mend: Some(mend),
            ..Check::passed(check, what)
        }
    }

    pub(super) fn unknown(check: Topic, what: impl Into<String>, mend: Mend) -> Check {
        Check {
            outcome: Outcome::Unknown,
            mend: Some(mend),
            ..Check::passed(check, what)
        }
    }

    /// Of what couldn't be read.
    pub(super) fn unread(check: Topic, unread: &Unread) -> Check {
        Check::unknown(check, unread.why.clone(), unread.mend.clone())
    }

    pub(super) fn about(mut self, about: &str) -> Check {
        self.about = Some(about.to_owned());
        self
    }
}

/// Why something could not be read, and what to do about that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unread {
    pub why: String,
    pub mend: Mend,
}

pub(super) type Read<T> = Result<T, Unread>;

impl From<CloudError> for Unread {
    fn from(error: CloudError) -> Unread {
        let action = if error.is_denied() {
            "let the role or user that runs qfleet read this: the message names the action"
        } else if error.is_unknown_operation() {
            "this endpoint can't answer that: ask AWS itself, without --endpoint-url"
        } else if error.is_throttling() {
            "the account's request limit is used up: ask again in a minute"
        } else if error.code.is_none() {
            "look at the network, the region and --endpoint-url, and ask again"
        } else {
            "the message is AWS's own: it says what is wrong with the call"
        };
        Unread {
            why: error.to_string(),
            mend: Mend::new(action),
        }
    }
}
