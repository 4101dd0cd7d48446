//! What rights are for.

/// A command, or a way to use one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    Plan,
    Deploy,
    /// `deploy --prune` and `plan --prune`, beside a deploy.
    Prune,
    Status,
    Destroy,
    Reap,
    Drift,
    /// `drift --revert`
    Revert,
    Recover,
    List,
    Events,
    Logs,
    Files,
    Results,
    Outputs,
    Send,
    Backfill,
    Dlq,
    KillWorker,
    Extend,
    /// The role that CloudFormation works with, of `--role-arn`.
    CloudFormation,
}

impl Purpose {
    pub const ALL: [Purpose; 21] = [
        Purpose::Plan,
        Purpose::Deploy,
        Purpose::Prune,
        Purpose::Status,
        Purpose::Destroy,
        Purpose::Reap,
        Purpose::Drift,
        Purpose::Revert,
        Purpose::Recover,
        Purpose::List,
        Purpose::Events,
        Purpose::Logs,
        Purpose::Files,
        Purpose::Results,
        Purpose::Outputs,
        Purpose::Send,
        Purpose::Backfill,
        Purpose::Dlq,
        Purpose::KillWorker,
        Purpose::Extend,
        Purpose::CloudFormation,
    ];

    /// As it is written after `--for`.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Plan => "plan",
            Purpose::Deploy => "deploy",
            Purpose::Prune => "prune",
            Purpose::Status => "status",
            Purpose::Destroy => "destroy",
            Purpose::Reap => "reap",
            Purpose::Drift => "drift",
            Purpose::Revert => "revert",
            Purpose::Recover => "recover",
            Purpose::List => "list",
            Purpose::Events => "events",
            Purpose::Logs => "logs",
            Purpose::Files => "files",
            Purpose::Results => "results",
            Purpose::Outputs => "outputs",
            Purpose::Send => "send",
            Purpose::Backfill => "backfill",
            Purpose::Dlq => "dlq",
            Purpose::KillWorker => "kill-worker",
            Purpose::Extend => "extend",
            Purpose::CloudFormation => "cloudformation",
        }
    }

    /// Whether its environments aren't known by name.
    pub(super) fn is_of_all(self) -> bool {
        matches!(self, Purpose::Reap | Purpose::List)
    }

    /// Whether it hands a role to CloudFormation, where one is given.
    pub(super) fn passes_role(self) -> bool {
        matches!(self, Purpose::Deploy | Purpose::Prune | Purpose::Destroy)
    }

    /// What CloudFormation does for it with the environment's resources, by the names of AWS's schemas.
    pub(super) fn handlers(self) -> &'static [&'static str] {
        match self {
            // An update that fails is taken back, and what an update replaces is deleted.
            Purpose::Deploy | Purpose::Revert | Purpose::CloudFormation => &["create", "read", "update", "delete"],
            Purpose::Recover => &["create", "read", "update", "delete"],
            Purpose::Prune | Purpose::Destroy | Purpose::Reap => &["read", "delete"],
            Purpose::Drift => &["read"],
            _ => &[],
        }
    }
}
