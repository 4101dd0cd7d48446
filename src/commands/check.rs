//! `qfleet check ENV`

use clap::Args;

use super::global::Env;
use super::{Global, placement};
use crate::blueprint::{self, cfn_lint, lint, own_template};
use crate::deployed::holdings::holds_data;
use crate::environment::problem::Problems;
use crate::environment::{Environment, advise};
use crate::error::{Error, Result, exit_code};
use crate::report;
use crate::report::check::{CfnLint, Checked, FunctionFact};

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Checks the file, renders it, checks the sizes of the templates against AWS's limits, and gives
advice. cfn-lint checks the templates too when QFLEET_CFN_LINT names it, it is on the PATH, or `qfleet
local install` has brought it. It reads a .cfnlintrc in the folder where qfleet runs: `ignore_checks: [E3012]` leaves a rule out.

Exit codes: 2 for errors; 0 for advice and warnings, or 2 with --strict.

Examples:
  qfleet check production
  qfleet check production --output json | jq '.findings[]'")]
pub struct Check {
    #[command(flatten)]
    env: Env,
    /// Account for the names of buckets, when the file names none
    #[arg(long, value_name = "ID", value_parser = placement::account_id)]
    account: Option<String>,
    /// Exit with 2 for advice and warnings, too
    #[arg(long)]
    strict: bool,
}

/// What the concurrency of each function allows.
fn functions(environment: &Environment) -> Vec<FunctionFact<'_>> {
    let stages = environment.stages.iter();
    let facts = stages.filter_map(|stage| {
        let lambda = stage.workers.lambda.as_ref()?;
        let throughput = lambda.throughput(stage.scaling.as_ref());
        Some(FunctionFact::new(&stage.name, lambda.max_concurrency, throughput))
    });
    facts.collect()
}

impl Check {
    pub fn run(self, global: &Global) -> Result<()> {
        let environment = self.env.load_and_build(global)?;
        let offline = placement::offline(&environment, global, self.account)?;
        let blueprint = blueprint::render(&environment, &offline.placement)?;
        let mut findings = lint::lint(&blueprint);
        let mut advice = advise(&environment);
        advice.extend(own_template::advise(&environment, &blueprint, holds_data));
        let (stacks, region) = (blueprint.stacks.len(), offline.placement.region);
        let asked = global.blocking(move || Ok(cfn_lint::run(&blueprint, &region)))?;
        let cfn_lint = match asked {
            Ok(Some(found)) => {
                findings.extend(found);
                CfnLint::Ran
            }
            Ok(None) => CfnLint::Missing,
            Err(message) => CfnLint::Failed { message },
        };
        let checked = Checked {
            environment: &environment.name,
            stacks,
            advice: Problems::new(environment.source.clone(), advice),
            findings,
            cfn_lint,
            functions: functions(&environment),
        };
        report::check::show(&checked, global.output);
        if checked.errors() > 0 || self.strict && !checked.is_clean() {
            return Err(Error::Shown(exit_code::USAGE));
        }
        match checked.cfn_lint {
            CfnLint::Failed { message } => Err(Error::failed(message)),
            CfnLint::Ran | CfnLint::Missing => Ok(()),
        }
    }
}
