//! Black-box tests: the real binary against a real endpoint. A module a feature, one binary for all of them, because
//! each file directly in `tests/` would link the AWS SDK once more.

mod bench_server;
mod clock;
mod deployed;
mod emulator;
mod endpoint;
mod harness;
mod lab;
mod offline;
mod scripted;
