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
//! Arrows go one way: [`commands`] knows everybody, [`environment`], [`autoscaling`] and [`interrupt`] know nobody, only [`cloud`] imports
//! the AWS SDK, only [`report`] prints.

pub mod autoscaling;
pub mod blueprint;
pub mod cloud;
pub mod commands;
pub mod deployed;
pub mod engine;
pub mod environment;
pub mod error;
pub mod interrupt;
pub mod jobs;
pub mod local;
pub mod observe;
pub mod report;
mod shell;
