//! `qfleet list`

use clap::Args;
use jiff::Timestamp;

use super::fleet_regions;
use super::global::Global;
use super::name_option::OnlyName;
use crate::error::{Error, Result};
use crate::observe::list::{self, Listing};
use crate::report;
use crate::report::form::Output;

/// Arguments of `list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Environments are found by the tags of their stacks, whoever deployed them, in the region of --region or AWS's \
defaults; with --local and neither, also in those of local fleets. The state is that of the stack in the worst state. What can't be read, such as a region, is shown as \
unknown, and the exit code is 0 all the same.

`!` stands before an environment that needs a look: a stack failed or was rolled back, its time is over, nobody works though somebody \
should, or its local fleet has lost its supervisor (`attention` in JSON). `qfleet status --name NAME` says more, and what to do.

Examples:
  qfleet list
  qfleet list --all-regions                regions that the account has, eight at a time
  qfleet list --name bob --all-regions     where there is one of this name
  qfleet list --output jsonl | jq -r 'select(.expires.seconds_left < 0) | .environment'")]
pub struct List {
    /// Look in every region that the account has
    #[arg(long)]
    all_regions: bool,
    #[command(flatten)]
    only: OnlyName,
}

impl List {
    pub fn run(self, global: &Global) -> Result<()> {
        check_regions(global, self.all_regions)?;
        let only = self.only.name()?;
        global.read(async {
            let cloud = global.connect(None).await?;
            let now = Timestamp::now();
            let listing = match self.all_regions {
                true => list::all_regions(&cloud, only.as_deref(), now).await,
                false => list::region(&cloud, only.as_deref(), now).await?,
            };
            let listing = match fleet_regions::others(&cloud)? {
                others if others.is_empty() => listing,
                others => list::with_regions(&cloud, listing, others, only.as_deref(), now).await,
            };
            show(global, &listing, only.as_deref());
            Ok(())
        })
    }
}

/// Refuses `--all-regions` beside options that name one place.
pub(super) fn check_regions(global: &Global, all_regions: bool) -> Result<()> {
    if all_regions && global.region.is_some() {
        return Err(
            Error::usage("--all-regions and --region can't be used together").with_help("leave one of them out")
        );
    }
    if all_regions && global.local {
        return Err(Error::usage(
            "--all-regions asks which regions an account has, and the local emulator has no accounts of that kind",
        )
        .with_help("leave --all-regions out, and name a region with --region"));
    }
    Ok(())
}

fn show(global: &Global, listing: &Listing, only: Option<&str>) {
    match global.output {
        Output::Text => report::prose(&report::list::text(listing, only)),
        Output::Json => report::json(listing),
        Output::Jsonl => {
            listing.environments.iter().for_each(report::json_line);
            // No line says that.
            let region = listing.region.as_deref();
            if let Some(elsewhere) = region.and_then(|region| listing.looked.elsewhere(region)) {
                report::note(&format!("nothing was found. {elsewhere}."));
            }
            listing.unknown.iter().for_each(report::json_line);
        }
    }
}
