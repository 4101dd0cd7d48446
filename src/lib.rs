//! qfleet deploys queue-fed worker fleets on AWS with CloudFormation, and looks after them.
//!
//! ```text
//! stacks/lab.yaml ─▶ environment ─▶ blueprint ─▶ plan ─▶ engine ─▶ events ─▶ report
//!                    (parse, check)  (render)   (diff)   (deploy,            (terminal,
//!                                                         destroy)            plain, JSON)
//!                                                  ▲          │
//!                                                  └─ cloud ◀─┘   the only place that sees the AWS SDK
//!
//! files, messages ─▶ jobs ─▶ cloud, and events ─▶ report
//! ```
//!
//! These are the rooms. A room knows only rooms below it; `tests/it/offline/arrows.rs` holds the code to this table.
//!
//! | Room | What it does | Which it knows |
//! | --- | --- | --- |
//! | [`commands`] | parses the command line, calls the rooms below, and has the result shown | report, engine, observe, jobs, local, permissions, deployed, cloud, blueprint, interrupt, error, environment, shell |
//! | [`report`] | shows: terminal, plain text, JSON. Only it prints | engine, observe, jobs, local, permissions, deployed, cloud, blueprint, interrupt, error, environment, shell |
//! | [`engine`] | changes what is deployed: plans, deploys, destroys, recovers and reverts stacks, and takes instances away; tells what it does | observe, local, deployed, cloud, blueprint, interrupt, events, error, environment |
//! | [`observe`] | only looks: status, findings, drift, leftovers, what has expired | local, deployed, cloud, blueprint, error, environment, shell |
//! | [`jobs`] | moves messages and files: sends, backfills, and samples, redrives or purges dead letters; fetches files | deployed, cloud, blueprint, interrupt, events, error |
//! | [`local`] | runs a fleet on this machine: the emulator, and workers as processes in a model of their group | deployed, cloud, blueprint, autoscaling, events, error, folders, shell |
//! | [`permissions`] | which rights of IAM a command needs for an environment | blueprint, environment |
//! | [`deployed`] | what is deployed, read from its stacks: whose it is, what it holds, what protects it | cloud, blueprint, error, environment |
//! | [`cloud`] | calls AWS, a folder for each service. Only it imports the SDK | blueprint, autoscaling, error |
//! | [`blueprint`] | from an environment to its stacks: templates, parameters, tags, names; its programs, packed | environment, folders |
//! | [`autoscaling`] | a model of what scales a group: metric math, CloudWatch's alarms, the policy |  |
//! | [`interrupt`] | signals and the end of `--timeout`: whether the command may go on | error |
//! | [`events`] | a stream of events, from whoever works to whoever shows |  |
//! | [`error`] | what a command can fail with, and the exit codes | environment, seen |
//! | [`environment`] | the environment file: its types, its schema, its checks, and what is wrong on which line | folders, seen |
//! | [`seen`] | which messages a test made appear, in debug builds |  |
//! | [`folders`] | the user's folders, for what is kept |  |
//! | [`shell`] | words that can be pasted into a shell |  |

pub mod autoscaling;
pub mod blueprint;
pub mod cloud;
pub mod commands;
pub mod deployed;
pub mod engine;
pub mod environment;
pub mod error;
pub mod events;
pub mod folders;
pub mod interrupt;
pub mod jobs;
pub mod local;
pub mod observe;
pub mod permissions;
pub mod report;
mod seen;
pub mod shell;
