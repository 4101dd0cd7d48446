//! `qfleet doctor [ENV]`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::global::{Env, Global};
use super::name_option::NameOption;
use crate::blueprint::{self, Placement};
use crate::cloud::connection::region;
use crate::cloud::{Connect, Credentials, RegionFrom};
use crate::environment::Environment;
use crate::environment::given_name::GivenBy;
use crate::error::{Error, Result, exit_code};
use crate::local::check_loopback;
use crate::observe::doctor::check::Outcome;
use crate::observe::doctor::rights::{Needed, Right, Rights};
use crate::observe::doctor::{Machine, Profile, Subject, examine};
use crate::permissions::{self, Purpose, Request, Requests, Wanted};
use crate::report;
use crate::shell;

/// Who asks what is wrong doesn't wait for a service that gives credentials as long as a deploy does.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where calls go while no region is named, to learn whose the credentials are.
const SOME_REGION: &str = "us-east-1";

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Checks that this machine, these credentials and this account can do what the file needs, and changes nothing. Each check \
has passed, has failed, or is unknown, and says why; what hasn't passed comes with what to do about it.

This machine: qfleet, python3, cfn-lint, the local emulator, the clock. Account: credentials, whose they are and how long \
they last, the region, the rights of a deploy. Environment: the network and its way out, instance types in its zones, images, quotas against what \
the file needs at its maximum. Without ENV: what needs no file. With --local: what the emulator needs.

All checks run at once and give up after some seconds, so it ends without a network, too.

Exit codes: 0 nothing has failed, though something may be unknown; 1 a check has failed, or AWS couldn't be asked \
anything; 2 bad usage, or \
a bad file.

Examples:
  qfleet doctor                     before there is a file
  qfleet doctor production          before the first deploy
  qfleet doctor lab --local         what a lab on this machine needs
  qfleet doctor production --output json | jq '.checks[] | select(.outcome != \"passed\")'")]
pub struct Doctor {
    /// Environment file, or the bare name of one in stacks/
    #[arg(value_name = "ENV")]
    env: Option<PathBuf>,
    #[command(flatten)]
    name: NameOption,
}

impl Doctor {
    pub fn run(self, global: &Global) -> Result<()> {
        if self.env.is_none() && self.name.given()?.is_some_and(|given| given.by == GivenBy::Option) {
            return Err(
                Error::usage("--name stands in place of the name in a file, and no file is given")
                    .with_help("give the file, too, or leave --name out"),
            );
        }
        let env = self.env.map(|env| Env { env, name: self.name });
        let environment = env.as_ref().map(Env::load).transpose()?;
        let words = env.as_ref().map_or(String::new(), |env| format!(" {}", env.words()));
        let again = global.with_whereabouts(&format!("qfleet doctor{words}"));
        if let Some(endpoint) = global.endpoint_url.as_deref().filter(|_| global.local) {
            check_loopback(endpoint)?;
        }
        global.read(async {
            let found = match global.local {
                true => None,
                false => region(global, environment.as_ref()).await,
            };
            let rights = match (&environment, &found) {
                (Some(environment), Some((region, _))) => Some(Rights {
                    needed: Box::new(move |account| needed(environment, account, region)),
                    policy: global.with_whereabouts(&format!("qfleet iam{words} --for deploy")),
                    check: global.with_whereabouts(&format!("qfleet check{words}")),
                }),
                _ => None,
            };
            let connect = Connect {
                // No matter from where: calls only have to go somewhere.
                region: found.clone().or(Some((SOME_REGION.to_owned(), RegionFrom::Option))),
                endpoint_url: global.endpoint_url.clone(),
                credentials: Credentials::Chain {
                    profile: global.profile.clone(),
                },
                account: None,
                patience: Some(PATIENCE),
                on_call: report::calls::are_wanted().then_some(report::calls::tell),
            };
            let connect = async { Ok(connect.connect_unidentified().await?.into_cloud()) };
            let subject = Subject {
                machine: Machine {
                    environment: environment.as_ref(),
                    local: global.local,
                    endpoint_url: global.endpoint_url.as_deref(),
                    again: &again,
                },
                region: found.clone(),
                profile: profile(global),
                rights,
            };
            let doctor = examine(subject, connect, Timestamp::now()).await;
            report::document(global.output, &doctor, || {
                report::doctor::text(&doctor, report::width())
            });
            match doctor.outcome {
                Outcome::Failed => Err(Error::Shown(exit_code::FAILED)),
                Outcome::Passed | Outcome::Unknown => Ok(()),
            }
        })
    }
}

/// What a deploy of the file needs; none where the file can't be rendered.
fn needed(environment: &Environment, account: &str, region: &str) -> Option<Needed> {
    let placement = Placement {
        account: account.to_owned(),
        region: region.to_owned(),
        local: false,
    };
    let blueprint = blueprint::render(environment, &placement).ok()?;
    let statements = permissions::needed(&Wanted {
        environment,
        placement: &placement,
        blueprint: &blueprint,
        purposes: &[Purpose::Deploy],
        role_arn: None,
        names: None,
    });
    let Requests { requests, patterns } = permissions::requests(&statements, region);
    let right = |request: Request| Right {
        actions: request.actions,
        resources: request.resources,
        context: request.context,
    };
    Some(Needed {
        rights: requests.into_iter().map(right).collect(),
        patterns,
    })
}

/// The region as every command takes it: the option's, the file's, that of AWS's defaults.
async fn region(global: &Global, environment: Option<&Environment>) -> Option<(String, RegionFrom)> {
    match global.named_region(environment) {
        Some(named) => Some(named),
        None => region::find(global.profile.as_deref()).await,
    }
}

fn profile(global: &Global) -> Profile {
    let from_environment = || std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    let named = global.profile.clone().or_else(from_environment);
    Profile {
        name: named.unwrap_or_else(|| "default".to_owned()),
        option: global
            .profile
            .as_ref()
            .map_or(String::new(), |name| format!(" --profile {}", shell::word(name))),
    }
}
