//! Black-box tests: the real binary against a real endpoint. A module a feature, one binary for all of them, because
//! each file directly in `tests/` would link the AWS SDK once more.

mod backfill;
mod bench_server;
mod cfn_lint;
mod check;
mod crash;
mod data_loss;
mod deploy;
mod deployed;
mod dlq;
mod drift;
mod endpoint;
mod endpoint_deploy;
mod endpoint_drift;
mod endpoint_rules;
mod engine_clock;
mod environment;
mod events;
mod fleet_soak;
mod harness;
mod help;
mod init;
mod kill_worker;
mod lab;
mod local;
mod local_fleet;
mod named;
mod pipeline;
mod progress;
mod recover;
mod render;
mod schema;
mod send;
mod watch;
mod watch_clock;
mod whole_way;
