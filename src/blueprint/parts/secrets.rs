//! What workers are told and given: variables, security groups, and secrets: where they read them, and which can't be read
//! there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Parts, extras};
use crate::blueprint::{Placement, contexts};
use crate::environment::given::{Given, Text};
use crate::environment::problem::Problem;
use crate::environment::{KeptIn, Secret, Workers};

impl Parts<'_> {
    /// Those that the workers' role can't read: of another region or account than the workers'. The emulator has others.
    pub(super) fn secrets_elsewhere(&self, index: usize, workers: &Workers) -> Vec<Problem> {
        let instances = workers
            .instances
            .iter()
            .map(|instances| ("instances", &instances.secrets));
        let function = workers.lambda.iter().map(|lambda| ("lambda", &lambda.secrets));
        let problems = instances.chain(function).flat_map(|(key, secrets)| {
            self.among_secrets_elsewhere(&format!("/stages/{index}/workers/{key}"), secrets)
        });
        problems.collect()
    }

    /// Those among the secrets at `pointer`.
    pub(super) fn among_secrets_elsewhere(&self, pointer: &str, secrets: &BTreeMap<String, Secret>) -> Vec<Problem> {
        let here = self.placement;
        let elsewhere = |secret: &Secret| match secret.kept_in() {
            KeptIn::SecretsManager { region, .. } if region != here.region => Some((
                format!("the secret is in `{region}`, and its workers are in `{}`", here.region),
                "have Secrets Manager replicate it there, and name the replica's ARN",
            )),
            KeptIn::SecretsManager { account, .. }
                if account != here.account && here.account != Placement::NO_ACCOUNT =>
            {
                Some((
                    format!(
                        "the secret is of account {account}, and its workers are in {}",
                        here.account
                    ),
                    "name one of their own account: the permission that qfleet gives its workers isn't enough there",
                ))
            }
            _ => None,
        };
        let problems = secrets.iter().filter(|_| !here.local).filter_map(|(name, secret)| {
            let (message, help) = elsewhere(secret)?;
            Some(Problem::new(format!("{pointer}/secrets/{name}"), message).help(help))
        });
        problems.collect()
    }

    /// With what the whole part uses of extras, by which parameters are numbered.
    pub(super) fn secrets<'b>(
        &self,
        secrets: &'b BTreeMap<String, Secret>,
        used: &[Given<'_>],
    ) -> contexts::Secrets<'b> {
        let mut all = contexts::Secrets::default();
        let mut pieces: Vec<contexts::Text<'b>> = Vec::new();
        for (name, secret) in secrets {
            let between = if pieces.is_empty() { "" } else { " " };
            pieces.push(contexts::Text::Value(format!("{between}{name}=").into()));
            pieces.push(match secret.kept_in() {
                KeptIn::ParameterStore(path) => {
                    all.parameters.push(path);
                    contexts::Text::Value(path.into())
                }
                KeptIn::Given(given) => {
                    let parameter = extras::parameter(used, given).unwrap_or_default();
                    all.given.push(parameter.clone());
                    contexts::Text::Parameter(parameter)
                }
                KeptIn::SecretsManager { .. } if !self.placement.local => {
                    all.arns.push(&secret.0);
                    contexts::Text::Value(secret.0.as_str().into())
                }
                KeptIn::SecretsManager { name, .. } => contexts::Text::Value(self.of_emulator(name).into()),
            });
        }
        for list in [&mut all.parameters, &mut all.arns] {
            list.sort_unstable();
            list.dedup();
        }
        all.given.sort_unstable();
        all.given.dedup();
        match all.given.is_empty() {
            true => all.text = pieces.iter().filter_map(contexts::Text::known).collect(),
            false => all.pieces = pieces,
        }
        all
    }

    /// The emulator's own of this name: the last characters of its ARN are others each time that it is made.
    fn of_emulator(&self, name: &str) -> String {
        let Placement { region, account, .. } = self.placement;
        format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}")
    }

    /// Where these are kept, but for those that an extra gives.
    pub(super) fn places<'b>(&self, secrets: impl Iterator<Item = &'b Secret>) -> BTreeSet<String> {
        let places = secrets.filter_map(|secret| match secret.kept_in() {
            KeptIn::ParameterStore(path) => Some(path.to_owned()),
            KeptIn::SecretsManager { name, .. } if self.placement.local => Some(self.of_emulator(name)),
            KeptIn::SecretsManager { .. } => Some(secret.0.clone()),
            KeptIn::Given(_) => None,
        });
        places.collect()
    }

    /// The user's environment variables, with what the whole part uses of extras.
    pub(super) fn variables<'b>(
        &self,
        variables: &'b BTreeMap<String, String>,
        used: &[Given<'_>],
    ) -> Vec<contexts::Variable<'b>> {
        let variables = variables.iter().map(|(name, value)| contexts::Variable {
            name,
            value: match self.environment.text(value) {
                Text::Plain(text) => contexts::Text::Value(text),
                Text::Given(given) => contexts::Text::Parameter(extras::parameter(used, given).unwrap_or_default()),
            },
        });
        variables.collect()
    }

    /// The security groups that instances get beside their own.
    pub(super) fn security_groups<'b>(&self, groups: &'b [String], used: &[Given<'_>]) -> Vec<contexts::Text<'b>> {
        let groups = groups.iter().map(|group| match Given::read(group) {
            Some(given) => contexts::Text::Parameter(extras::parameter(used, given).unwrap_or_default()),
            None => contexts::Text::Value(group.as_str().into()),
        });
        groups.collect()
    }
}
