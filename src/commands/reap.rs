//! `qfleet reap`

use std::iter::once;

use clap::Args;
use futures_util::future::join_all;
use jiff::Timestamp;

use super::destroy::{DEPLOY_WITHOUT_FILE, take_down};
use super::fleet_regions;
use super::global::Global;
use super::list;
use super::name_option::OnlyName;
use crate::cloud::{Cloud, RegionFrom};
use crate::deployed::looked::Looked;
use crate::engine::destroy::reaped::{Outcome, Reaped, reap};
use crate::engine::destroy::take_down::Wish;
use crate::engine::operation::Waiting;
use crate::error::{Error, Reason, Result};
use crate::interrupt::Interrupt;
use crate::observe::expired::{Expired, Verdict, expired};
use crate::observe::list::{Unknown, every_region};
use crate::report;
use crate::report::form::Output;

/// Arguments of `reap`.
#[derive(Debug, Args)]
#[command(after_help = "\
Environments whose `lifetime` is over are destroyed without their files, one after the other, each as by \
`qfleet destroy --name`: what the file said about data holds as it was deployed, and it ends with a look for what is \
left. One that fails doesn't stop the others.

Left alone: what hasn't expired, or never does; what is protected, by `protect: true` or by termination protection; \
what qfleet didn't make; and what can't be read, be it an expiry or a region, which is said. Each expiry is read once \
more before its environment goes: `qfleet extend` in the last minute counts.

With --local and no region, it looks in the regions of local fleets, too.

Examples:
  qfleet reap --dry-run                    what would go
  qfleet reap --all-regions --yes          in a nightly pipeline: no questions

Exit codes: 0 all that had expired is gone, or nothing had; 1 something could not be destroyed, is left over, or could \
not be read; 4 not confirmed; 130 interrupted.")]
pub struct Reap {
    /// Look in every region that the account has
    #[arg(long)]
    all_regions: bool,
    #[command(flatten)]
    only: OnlyName,
    /// Show what would go, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

impl Reap {
    /// Destroys what has expired.
    pub fn run(self, global: &Global) -> Result<()> {
        list::check_regions(global, self.all_regions)?;
        let only = self.only.name()?;
        let only = only.as_deref();
        global.run(None, async |interrupt| {
            let now = Timestamp::now();
            let look = async {
                let cloud = global.connect(None).await?;
                let (clouds, unknown) = match self.all_regions {
                    true => every_region(&cloud).await,
                    false => {
                        let others = fleet_regions::others(&cloud)?;
                        let others = others.iter().map(|region| cloud.in_region(region));
                        (once(cloud.clone()).chain(others).collect(), Vec::new())
                    }
                };
                let looked = join_all(clouds.iter().map(|cloud| expired(cloud, only, now))).await;
                Ok::<_, Error>((cloud, clouds, unknown, looked))
            };
            let (cloud, clouds, mut unknown, looked) = interrupt.unless_stopped(look).await?;
            let mut found = Vec::new();
            for (cloud, looked) in clouds.iter().zip(looked) {
                match looked {
                    Ok(expired) => found.extend(expired.into_iter().map(|expired| (cloud, expired))),
                    Err(error) if clouds.len() == 1 && !self.all_regions => return Err(error.into()),
                    Err(error) => unknown.push(Unknown {
                        region: cloud.region.clone(),
                        unknown: error.to_string(),
                    }),
                }
            }
            let mut looked = Looked::new(&cloud, !found.is_empty());
            let is_one = clouds.len() == 1 && !self.all_regions;
            if self.all_regions {
                looked.region_from = RegionFrom::AllRegions;
            } else if !is_one {
                looked.region_from = RegionFrom::LocalFleet;
            }
            let region = is_one.then(|| cloud.region.clone());
            if global.output == Output::Text {
                let all: Vec<&Expired> = found.iter().map(|(_, expired)| expired).collect();
                let place = report::reap::Place {
                    account: &cloud.account,
                    regions: match self.all_regions {
                        true => Vec::new(),
                        false => clouds.iter().map(|cloud| cloud.region.as_str()).collect(),
                    },
                    looked: &looked,
                };
                report::prose(&report::reap::found(&place, only, &all, &unknown));
            }
            self.confirm(&cloud, found.iter().map(|(_, expired)| expired), interrupt)?;
            let mut reaped = Reaped {
                account: cloud.account.clone(),
                region,
                looked,
                at: now,
                dry_run: self.dry_run,
                environments: Vec::new(),
                unknown,
            };
            for (cloud, expired) in found {
                reaped
                    .environments
                    .push(self.reap(global, cloud, interrupt, expired).await);
            }
            let again = |expired: &Expired| self.again(global, expired);
            report::result(global.output, &reaped, || report::reap::text(&reaped, again));
            reaped.result(interrupt.asked())
        })
    }

    /// The command that goes on with an environment: in its own region, which may be another than this command's.
    fn again(&self, global: &Global, expired: &Expired) -> String {
        let there = Global {
            region: Some(expired.region.clone()),
            ..global.clone()
        };
        there.with_whereabouts(&format!("qfleet destroy --name {}", expired.environment))
    }

    fn confirm<'a>(
        &self,
        cloud: &Cloud,
        found: impl Iterator<Item = &'a Expired>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let going = found.filter(|expired| expired.verdict == Verdict::MayGo);
        let names: Vec<String> = going
            .map(|one| format!("{} ({})", one.environment, one.region))
            .collect();
        if names.is_empty() || self.dry_run {
            return Ok(());
        }
        let question = format!("Destroy in account {}: {}?", cloud.account, names.join(", "));
        match report::confirm(interrupt, &question, self.yes)? {
            true => Ok(()),
            false => Err(Error::refused("not confirmed: nothing was changed").because(Reason::NotConfirmed)),
        }
    }

    async fn reap(&self, global: &Global, cloud: &Cloud, interrupt: &Interrupt, expired: Expired) -> Outcome {
        let name = expired.environment.clone();
        let again = self.again(global, &expired);
        let wish = Wish {
            name: &name,
            file: None,
            deploy: DEPLOY_WITHOUT_FILE,
            no_drain: false,
            disable_protection: false,
            force: false,
            role_arn: None,
            now: Timestamp::now,
        };
        let waiting = Waiting::default();
        reap(cloud, interrupt, expired, self.dry_run, Timestamp::now, async || {
            // It was agreed to for all of them.
            take_down(global, cloud, interrupt, waiting, wish, true, &again).await
        })
        .await
    }
}
