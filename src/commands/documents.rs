//! What each command prints with `--output json`, as a JSON Schema. `docs/json.md` is written from it.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{backfill, dlq, drift, extend, files, init, local, local_down, outputs, plan, results, send};
use crate::blueprint::graph::Graph;
use crate::engine::destroy::destroyed::Destroyed;
use crate::engine::destroy::reaped::Reaped;
use crate::engine::event::Event;
use crate::engine::kill_worker::Killed;
use crate::engine::outcome::Report;
use crate::jobs;
use crate::jobs::redrive::Redriven;
use crate::jobs::sample::Sample;
use crate::jobs::upload::Uploaded;
use crate::local::fleet::event::FleetEvent;
use crate::local::tools::Installed;
use crate::observe::doctor::Doctor;
use crate::observe::list::Listing;
use crate::observe::status::Status;
use crate::observe::watch::Snapshot;
use crate::permissions::Document as Policy;
use crate::report::check::Checked;
use crate::report::fleet::Detached;
use crate::report::{ErrorDocument, events, logs, render};

/// A field a command, named as the command is; its words introduce the command's section.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is of use")]
struct Documents<'a> {
    init: Vec<init::Entry<'a>>,
    check: Checked<'a>,
    doctor: Doctor,
    render: render::Document<'a>,
    graph: Graph,
    /// A policy as IAM takes it, or a list of several.
    iam: Policy,
    plan: plan::Document<'a>,
    deploy: Report,
    destroy: Destroyed,
    extend: extend::Moved,
    reap: Reaped,
    status: Status,
    /// With `--output jsonl`, a line a refresh.
    #[schemars(rename = "status --watch")]
    watch: Snapshot,
    /// With `--output jsonl`, an environment a line.
    list: Listing,
    /// With `--output jsonl`, a line each.
    logs: logs::Document<'a>,
    files: files::Document<'a>,
    #[schemars(rename = "files --link")]
    files_link: files::Linked<'a>,
    #[schemars(rename = "files --upload-link")]
    files_upload_link: files::upload_link::UploadLinked<'a>,
    #[schemars(rename = "files --get")]
    files_get: files::Got<'a>,
    results: results::Document<'a>,
    #[schemars(rename = "results --job")]
    results_of_job: results::OfJob<'a>,
    kill_worker: Killed,
    outputs: outputs::Document,
    drift: drift::Document<'a>,
    recover: Report,
    events: events::Document<'a>,
    send: Uploaded,
    #[schemars(rename = "send --stage")]
    send_stage: send::Document,
    /// What was sent is there only when something was to be sent.
    backfill: backfill::Document<'a>,
    #[schemars(rename = "dlq sample")]
    dlq_sample: Sample,
    #[schemars(rename = "dlq redrive")]
    dlq_redrive: Redriven,
    #[schemars(rename = "dlq purge")]
    dlq_purge: dlq::Purged,
    /// `local start` and `local stop` print the same.
    #[schemars(rename = "local status")]
    local_status: local::State<'a>,
    #[schemars(rename = "local install")]
    local_install: Installed,
    #[schemars(rename = "local uninstall")]
    local_uninstall: local::Uninstalled,
    /// With `--detach`. In the foreground there are only [lines](#lines-of-local-up). Of an environment whose workers are all
    /// functions, both ways, it is one document with `environment` and `functions`: the stages whose functions the emulator
    /// runs.
    #[schemars(rename = "local up")]
    local_up: Detached<'a>,
    #[schemars(rename = "local down")]
    local_down: local_down::Document<'a>,
    /// Any command that fails before it has a result prints this, also where the command line or a file can't be read; with
    /// `--output jsonl` in one line, which is the last.
    error: ErrorDocument<'a>,
    /// What `deploy`, `destroy`, `recover`, `drift --revert` and `events` tell with `--output jsonl`.
    #[schemars(rename = "lines of stacks")]
    lines_of_stacks: Event,
    /// What `send`, `backfill` and `dlq` tell with `--output jsonl`.
    #[schemars(rename = "lines of jobs")]
    lines_of_jobs: jobs::event::Event,
    /// What `local up` tells in the foreground with `--output jsonl`.
    #[schemars(rename = "lines of local up")]
    lines_of_local_up: FleetEvent,
}

/// The JSON Schema of an object that has, under each command's name, what the command prints.
pub fn documents() -> Value {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Documents<'_>>()
        .to_value()
}
