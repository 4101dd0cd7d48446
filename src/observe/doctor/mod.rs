//! Whether this machine, these credentials and this account can do what a file needs. Nothing is changed, and everything is
//! asked side by side.

mod account;
pub mod check;
mod families;
mod groups;
mod images;
mod machine;
mod network;
mod patience;
mod quotas;
mod region;
pub mod rights;
mod secrets;
mod types;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

pub use account::Profile;
use check::{Check, Mend, Outcome, Topic, Unread};
pub use machine::Machine;
use network::Places;
use rights::Rights;
use types::Types;

use crate::cloud::identity::Caller;
use crate::cloud::{Cloud, RegionFrom};
use crate::environment::Environment;
use crate::error::Error;

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Doctor {
    /// The environment's name; none without a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Whose credentials these are, where AWS says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether the local emulator is meant.
    pub local: bool,
    /// Of all checks: `failed` where one has failed, `unknown` where else one is unknown.
    pub outcome: Outcome,
    pub checks: Vec<Check>,
    /// What was not looked at on purpose, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
}

/// A check that was not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Skipped {
    pub check: Topic,
    pub why: &'static str,
}

impl Doctor {
    pub fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.outcome == outcome).count()
    }

    /// The same with what was found.
    fn found(mut self, checks: Vec<Check>) -> Doctor {
        self.checks = checks;
        let worst = [Outcome::Failed, Outcome::Unknown]
            .into_iter()
            .find(|outcome| self.count(*outcome) > 0);
        self.outcome = worst.unwrap_or(Outcome::Passed);
        self
    }
}

/// What is looked at.
pub struct Subject<'a> {
    pub machine: Machine<'a>,
    pub region: Option<(String, RegionFrom)>,
    pub profile: Profile,
    /// What a deploy of the file does; none without a file or a region.
    pub rights: Option<Rights<'a>>,
}

/// Looks at everything. `connect`: to the account; it isn't asked for the emulator, where accounts mean nothing.
pub async fn examine(
    subject: Subject<'_>,
    connect: impl Future<Output = Result<Cloud, Error>>,
    now: Timestamp,
) -> Doctor {
    let environment = subject.machine.environment;
    let mut doctor = Doctor {
        environment: environment.map(|environment| environment.name.clone()),
        account: None,
        region: subject.region.as_ref().map(|(region, _)| region.clone()),
        local: subject.machine.local,
        outcome: Outcome::Unknown,
        checks: Vec::new(),
        skipped: Vec::new(),
    };
    if subject.machine.local {
        doctor.region = None;
        doctor.skipped = skipped(&ALL_OF_AWS, "on the emulator it means nothing");
        return doctor.found(machine::checks(&subject.machine).await);
    }
    if environment.is_none() {
        doctor.skipped = skipped(&OF_A_FILE, "it takes an environment file to say what is needed");
    }
    let (machine, aws) = tokio::join!(machine::checks(&subject.machine), aws(&subject, connect, now));
    doctor.account = aws.caller.map(|caller| caller.account);
    doctor.found([machine, aws.checks].concat())
}

const ALL_OF_AWS: [Topic; 10] = [
    Topic::Clock,
    Topic::Credentials,
    Topic::Account,
    Topic::Region,
    Topic::Rights,
    Topic::Network,
    Topic::Types,
    Topic::Image,
    Topic::Secrets,
    Topic::Quota,
];
const OF_A_FILE: [Topic; 5] = [Topic::Rights, Topic::Types, Topic::Image, Topic::Secrets, Topic::Quota];

fn skipped(topics: &[Topic], why: &'static str) -> Vec<Skipped> {
    topics.iter().map(|check| Skipped { check: *check, why }).collect()
}

const NO_CREDENTIALS: &str = "there are no credentials to ask with";

/// What AWS says.
struct OfAws {
    caller: Option<Caller>,
    checks: Vec<Check>,
}

async fn aws(subject: &Subject<'_>, connect: impl Future<Output = Result<Cloud, Error>>, now: Timestamp) -> OfAws {
    let environment = subject.machine.environment;
    let region = region::named(subject.region.as_ref());
    let allowed = environment.and_then(|environment| environment.account.as_deref());
    // Without credentials, or anybody who takes them, all the rest would be told the same: the first says why.
    let without = |first: [Check; 4], why: &str| OfAws {
        caller: None,
        checks: first
            .into_iter()
            .chain(later(environment).into_iter().map(|topic| unasked(topic, why)))
            .collect(),
    };
    let without_credentials = |what: &str, help: Option<&str>| {
        let credentials = account::no_credentials(what, help);
        let account = unasked(Topic::Account, NO_CREDENTIALS);
        without(
            [account::clock(None), credentials, account, region.clone()],
            NO_CREDENTIALS,
        )
    };
    let cloud = match connect.await {
        Ok(cloud) => cloud,
        Err(error) => return without_credentials(&error.to_string(), error.help()),
    };
    let found = match cloud.credentials().await {
        Ok(found) => found,
        Err(error) => {
            let advised = Error::from(error.clone());
            return without_credentials(&error.message, advised.help());
        }
    };
    let who = async {
        let (caller, clocks) = cloud.caller().await;
        let caller = match caller {
            Ok(caller) => caller,
            Err(error) => return Err((error, clocks)),
        };
        let rights = match &subject.rights {
            Some(_) if allowed.is_some_and(|allowed| allowed != caller.account) => {
                Some(unasked(Topic::Rights, "the file allows another account"))
            }
            Some(rights) => Some(rights.check(&cloud, &caller).await),
            None => None,
        };
        Ok((caller, clocks, rights))
    };
    let rest = async {
        match &subject.region {
            Some(_) => Ok(of_region(&cloud, environment, now).await),
            None => Ok(later(environment)
                .into_iter()
                .map(|topic| unasked(topic, "no region is named"))
                .collect()),
        }
    };
    let (caller, clocks, rights, rest) = match tokio::try_join!(who, rest) {
        Ok(((caller, clocks, rights), rest)) => (caller, clocks, rights, rest),
        Err((error, clocks)) => {
            let clock = account::clock(clocks);
            let good = account::credentials(&found, None, &subject.profile, now);
            if error.code.is_none() {
                // Nothing could be asked: that is no reason to say that all is well.
                let unread = Unread::from(error);
                let what = format!("AWS gave no answer: {}", unread.why);
                let account = Check::failed(Topic::Account, what, unread.mend);
                return without([clock, good, account, region], "AWS gave no answer");
            }
            if let Some(caller) = region::known_elsewhere(&cloud, &error).await {
                let first = [
                    clock,
                    good,
                    account::account(&caller, allowed),
                    region::disabled(subject.region.as_ref()),
                ];
                return OfAws {
                    caller: Some(caller),
                    ..without(first, "the account has not enabled the region")
                };
            }
            let credentials = account::credentials(&found, Some(&Unread::from(error)), &subject.profile, now);
            let why = "AWS doesn't take the credentials";
            return without([clock, credentials, unasked(Topic::Account, why), region], why);
        }
    };
    let mut checks = vec![
        account::clock(clocks),
        account::credentials(&found, None, &subject.profile, now),
        account::account(&caller, allowed),
        region,
    ];
    checks.extend(rights);
    checks.extend(rest);
    OfAws {
        caller: Some(caller),
        checks,
    }
}

/// What is asked of a region, or for it.
fn later(environment: Option<&Environment>) -> Vec<Topic> {
    match environment {
        Some(environment) => {
            let secrets = (!secrets::of(environment).is_empty()).then_some(Topic::Secrets);
            let first = [Topic::Rights, Topic::Network, Topic::Types, Topic::Image];
            first.into_iter().chain(secrets).chain([Topic::Quota]).collect()
        }
        None => vec![Topic::Network],
    }
}

fn unasked(topic: Topic, why: &str) -> Check {
    Check::unknown(
        topic,
        format!("not looked at: {why}"),
        Mend::new("mend that, and ask again"),
    )
}

async fn of_region(cloud: &Cloud, environment: Option<&Environment>, now: Timestamp) -> Vec<Check> {
    let groups = environment.map(groups::of).unwrap_or_default();
    let has_file = environment.is_some();
    let secrets = environment.map(secrets::of).unwrap_or_default();
    let (places, (quotas, types), images, secrets) = tokio::join!(
        Places::read(cloud, &groups, has_file),
        async {
            let types = Types::read(cloud, &groups);
            match environment {
                Some(environment) => quotas::checks(cloud, environment, &groups, types, now).await,
                None => (Vec::new(), None),
            }
        },
        images::Images::read(cloud, &groups),
        secrets::checks(cloud, secrets)
    );
    let region = &cloud.region;
    let mut all = places.checks(&groups, region, has_file);
    if let Some(types) = &types {
        all.extend(types.checks(&groups, &places, region));
    }
    if let Some(images) = &images {
        all.extend(images.checks(&groups, types.as_ref(), region));
    }
    all.extend(secrets);
    all.extend(quotas);
    let cli = cloud.cli();
    let mends = all.iter_mut().filter_map(|check| check.mend.as_mut());
    for command in mends.filter_map(|mend| mend.command.as_mut()) {
        cli.complete(command);
    }
    all
}
