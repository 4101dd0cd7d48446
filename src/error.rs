//! One error type that a reader can act on, and the exit codes.

use schemars::JsonSchema;
use serde::Serialize;

use crate::environment::problem::Problems;
use crate::seen;

/// The exit codes of every command. They are part of qfleet's interface.
pub mod exit_code {
    /// What was asked for is done; nothing to do counts as done.
    pub const DONE: u8 = 0;
    pub const FAILED: u8 = 1;
    /// Bad usage or a bad environment file; nothing was touched.
    pub const USAGE: u8 = 2;
    /// Differences or findings, only where asked for (`plan --exit-code`, `status --exit-code`, `drift --fail`).
    pub const DIFFERENCES: u8 = 3;
    /// Refused: protected, the wrong account, not confirmed.
    pub const REFUSED: u8 = 4;
    /// With `--no-wait`: nothing failed, and what comes after something that runs was not begun.
    pub const NOT_ALL_BEGUN: u8 = 5;
    /// Interrupted by SIGINT or SIGTERM.
    pub const INTERRUPTED: u8 = 130;
}

/// Why a command ended without doing what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment file is wrong.
    #[error(transparent)]
    BadFile(#[from] Box<Problems>),
    /// The command line is wrong.
    #[error("{message}")]
    Usage { message: String, help: Option<String> },
    /// Something that was tried failed.
    #[error("{message}")]
    Failed {
        /// What happened, to which resource.
        message: String,
        help: Option<String>,
    },
    /// Something that was asked for is not done, on purpose.
    #[error("{message}")]
    Refused {
        message: String,
        help: Option<String>,
        /// Each reason by itself, where there may be several.
        refusals: Vec<Refusal>,
        /// Which kind of refusal it is.
        reason: Reason,
    },
    /// What it waited for runs on without it in CloudFormation.
    #[error("{message}")]
    Unattended {
        message: String,
        help: Option<String>,
        /// The stacks.
        goes_on: Vec<String>,
        exit_code: u8,
    },
    /// It ended with this exit code, and why is shown already.
    #[error("it did not end well")]
    Shown(u8),
    /// There are differences or findings, and the caller asked to be told by the exit code. Already shown.
    #[error("there are differences or findings")]
    Differences,
    /// The user, or the pipeline, ended it. Already shown.
    #[error("interrupted")]
    Interrupted,
}

/// Which kind of refusal it is, in a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody agreed: the answer was no, or there was no terminal to ask in, and no `--yes`.
    NotConfirmed,
    /// Something else would be done than was approved (`deploy --expect`).
    NotApproved,
    /// What is in a bucket, a queue or a table would be lost, and `--allow-replace` doesn't name it.
    DataLoss,
    /// An operation is running.
    Busy,
    /// A stack is in a status in which nothing can be done to it.
    Stuck,
    /// What it is about is protected.
    Protected,
    /// Others use what would be deleted.
    UsedByOthers,
    /// The credentials are of another account than the file's.
    WrongAccount,
    /// What the message says.
    #[default]
    Other,
}

/// One reason why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refusal {
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What `--allow-replace` takes that allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_replace: Option<String>,
    /// Which kind of refusal it is.
    pub reason: Reason,
}

impl Refusal {
    pub fn new(message: impl Into<String>) -> Refusal {
        Refusal {
            message: message.into(),
            help: None,
            allow_replace: None,
            reason: Reason::default(),
        }
    }

    /// The same refusal of this kind.
    pub fn because(self, reason: Reason) -> Refusal {
        Refusal { reason, ..self }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal {
            help: error.help().map(str::to_owned),
            reason: error.reason().unwrap_or_default(),
            ..Refusal::new(error.to_string())
        }
    }
}

/// The result of everything that can fail towards the user.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn usage(message: impl Into<String>) -> Self {
        seen::note();
        Error::Usage {
            message: message.into(),
            help: None,
        }
    }
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn failed(message: impl Into<String>) -> Self {
        seen::note();
        Error::Failed {
            message: message.into(),
            help: None,
        }
    }
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn refused(message: impl Into<String>) -> Self {
        seen::note();
        Error::Refused {
            message: message.into(),
            help: None,
            refusals: Vec::new(),
            reason: Reason::default(),
        }
    }
    /// The same refusal of this kind.
    pub fn because(mut self, kind: Reason) -> Self {
        if let Error::Refused { reason, .. } = &mut self {
            *reason = kind;
        }
        self
    }
    /// Which kind of refusal it is, if it is one.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Error::Refused { reason, .. } => Some(*reason),
            _ => None,
        }
    }
    /// The same refusal with each of its reasons by itself. Where one of them is about data, all of it is; else it is of the
    /// first kind that has a word of its own.
    pub fn with_refusals(mut self, all: Vec<Refusal>) -> Self {
        if let Error::Refused { refusals, reason, .. } = &mut self {
            let kinds = || all.iter().map(|one| one.reason);
            let kind = kinds().find(|kind| *kind == Reason::DataLoss);
            if let Some(kind) = kind.or_else(|| kinds().find(|kind| *kind != Reason::Other)) {
                *reason = kind;
            }
            *refusals = all;
        }
        self
    }
    /// Each reason of a refusal by itself.
    pub fn refusals(&self) -> &[Refusal] {
        match self {
            Error::Refused { refusals, .. } => refusals,
            _ => &[],
        }
    }
    /// The same error of a command that ends with this exit code while CloudFormation goes on with these stacks.
    pub fn unattended(self, exit_code: u8, goes_on: Vec<String>) -> Self {
        Error::Unattended {
            message: self.to_string(),
            help: self.help().map(str::to_owned),
            goes_on,
            exit_code,
        }
    }
    /// The stacks on which CloudFormation goes on working, where that is why the command ended.
    pub fn goes_on(&self) -> &[String] {
        match self {
            Error::Unattended { goes_on, .. } => goes_on,
            _ => &[],
        }
    }
    /// The same error with what to do about it.
    pub fn with_help(mut self, text: impl Into<String>) -> Self {
        if let Error::Usage { help, .. }
        | Error::Failed { help, .. }
        | Error::Refused { help, .. }
        | Error::Unattended { help, .. } = &mut self
        {
            *help = Some(text.into());
        }
        self
    }
    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        match self {
            Error::Usage { help, .. }
            | Error::Failed { help, .. }
            | Error::Refused { help, .. }
            | Error::Unattended { help, .. } => help.as_deref(),
            Error::BadFile(problems) => problems.instead.as_deref(),
            _ => None,
        }
    }
    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::BadFile(_) | Error::Usage { .. } => exit_code::USAGE,
            Error::Failed { .. } => exit_code::FAILED,
            Error::Refused { .. } => exit_code::REFUSED,
            Error::Unattended { exit_code: code, .. } | Error::Shown(code) => *code,
            Error::Differences => exit_code::DIFFERENCES,
            Error::Interrupted => exit_code::INTERRUPTED,
        }
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Error::BadFile(Box::new(problems))
    }
}

/// Why a command ended, in its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorJson {
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// What the process ends with.
    pub exit_code: u8,
    /// With exit code 4: which kind of refusal it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl From<&Error> for ErrorJson {
    fn from(error: &Error) -> ErrorJson {
        ErrorJson {
            message: error.to_string(),
            help: error.help().map(str::to_owned),
            exit_code: error.exit_code(),
            reason: error.reason(),
        }
    }
}
