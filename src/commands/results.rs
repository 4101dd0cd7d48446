//! `qfleet results ENV [--job JOB]`

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::global::Global;
use super::named::Named;
use super::numbers::whole;
use crate::cloud::dynamodb::records::Record;
use crate::deployed::Deployed;
use crate::deployed::address::Address;
use crate::error::{Error, Result};
use crate::observe::results::{self, Newest, Wanted};
use crate::report;

/// Arguments of `results`.
#[derive(Debug, Args)]
#[command(after_help = "\
What the workers wrote down in the environment's table (`results` in its file): which job is being worked on, is done or \
failed, since when, and in which stage. A job is a file's key, or its id where it isn't about a file. With --job, all stages \
that worked on that job are shown.

Without --job the table is read, 20 MB at most, which is some 100,000 records, and the newest of what was read are shown. A \
table has no order: in a larger one, newer records may be among those that weren't read, and it says so.

Examples:
  qfleet results lab                              the newest 20
  qfleet results lab --job uploads/cat.jpg        what became of this file
  qfleet results lab --state failed --stage move
  qfleet results --name lab                       where the environment file is lost

Exit codes: 0 shown, also where there are none; 1 nothing is known of that job, or it could not be read; 2 bad file or \
usage, or the environment keeps no results.")]
pub struct Results {
    #[command(flatten)]
    which: Named,
    /// Show what became of this job: of the file with this key, or of the job with this id
    #[arg(long, value_name = "JOB", value_parser = NonEmptyStringValueParser::new())]
    job: Option<String>,
    /// Most records to show
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = whole::<u16>(1..=10_000, 50))]
    limit: u16,
    /// Only records in this state
    #[arg(long, value_name = "STATE")]
    state: Option<State>,
    /// Only records of this stage
    #[arg(long, value_name = "STAGE", value_parser = NonEmptyStringValueParser::new())]
    stage: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Working,
    Done,
    Failed,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    #[serde(flatten)]
    address: &'a Address,
    table: &'a str,
    #[serde(flatten)]
    newest: Newest,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct OfJob<'a> {
    #[serde(flatten)]
    address: &'a Address,
    table: &'a str,
    job: &'a str,
    /// A record for each stage that worked on it, the oldest first.
    records: Vec<Record>,
}

impl Results {
    pub fn run(self, global: &Global) -> Result<()> {
        let wanted = self.wanted();
        if self.job.is_some() && (wanted.state.is_some() || wanted.stage.is_some()) {
            return Err(Error::usage("of one job, all stages are shown, whatever their state")
                .with_help("leave out --state and --stage, or --job"));
        }
        let meant = self.which.find()?;
        global.read(async {
            let cloud = global.connect_to(&meant).await?;
            let deployed = Deployed::require(&cloud, &meant.name, &global.deploy(&meant)).await?;
            let table = results::table(&deployed)?;
            let address = &deployed.address;
            let now = Timestamp::now();
            let Some(job) = self.job.as_deref() else {
                let document = Document {
                    address,
                    table,
                    newest: results::newest(&cloud, table, &wanted, now).await?,
                };
                report::document(global.output, &document, || {
                    report::results::newest(address, &document.newest, now)
                });
                return Ok(());
            };
            let records = results::of_job(&cloud, table, job, now).await?;
            if records.is_empty() {
                return Err(
                    Error::failed(format!("nothing is known of the job {job:?} in the table {table}")).with_help(
                        "give a file's whole key, as it was uploaded: uploads/cat.jpg. A worker may not have begun with \
                         it, or its record has expired",
                    ),
                );
            }
            let document = OfJob {
                address,
                table,
                job,
                records,
            };
            report::document(global.output, &document, || {
                report::results::of_job(address, job, &document.records, now)
            });
            Ok(())
        })
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            limit: self.limit.into(),
            state: self.state.map(|state| match state {
                State::Working => "working",
                State::Done => "done",
                State::Failed => "failed",
            }),
            stage: self.stage.as_deref(),
        }
    }
}
