//! Something to look into, and how bad it is.

use schemars::JsonSchema;
use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Work isn't done, or is lost.
    Critical,
    /// It works, and something is wrong.
    Warning,
    Note,
}

impl Severity {
    /// Whether an environment with it isn't healthy.
    pub fn counts(self) -> bool {
        self != Severity::Note
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// Something to look into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// Which; stays the same from version to version.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The stage that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The stack that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    pub meaning: String,
    pub action: String,
    /// A command that does it, or shows more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Finding {
    pub(super) fn new(
        id: &'static str,
        severity: Severity,
        meaning: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        Finding {
            id,
            severity,
            stage: None,
            stack: None,
            meaning: meaning.into(),
            action: action.into(),
            command: None,
        }
    }

    pub(super) fn of_stage(mut self, stage: &str) -> Self {
        self.stage = Some(stage.to_owned());
        self
    }

    pub(super) fn of_stack(mut self, stack: &str) -> Self {
        self.stack = Some(stack.to_owned());
        self
    }

    pub(super) fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// The stage or stack that it is about, or nothing for the whole environment.
    pub fn about(&self) -> Option<&str> {
        self.stage.as_deref().or(self.stack.as_deref())
    }
}

/// Whether nothing that counts was found.
pub fn is_healthy(findings: &[Finding]) -> bool {
    !findings.iter().any(|finding| finding.severity.counts())
}
