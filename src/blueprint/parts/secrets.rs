//! Secrets: where workers read them, and which can't be read there.

use std::collections::BTreeMap;

use super::Parts;
use crate::blueprint::{Placement, contexts};
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

    pub(super) fn secrets<'b>(&self, secrets: &'b BTreeMap<String, Secret>) -> contexts::Secrets<'b> {
        let mut all = contexts::Secrets::default();
        for (name, secret) in secrets {
            let place = match secret.kept_in() {
                KeptIn::ParameterStore(path) => {
                    all.parameters.push(path);
                    path.to_owned()
                }
                KeptIn::SecretsManager { .. } if !self.placement.local => {
                    all.arns.push(&secret.0);
                    secret.0.clone()
                }
                // The emulator's own of this name: the last characters of its ARN are others each time that it is made.
                KeptIn::SecretsManager { name, .. } => {
                    let Placement { region, account, .. } = self.placement;
                    format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}")
                }
            };
            let between = if all.text.is_empty() { "" } else { " " };
            all.text.push_str(&format!("{between}{name}={place}"));
        }
        all.parameters.sort_unstable();
        all.parameters.dedup();
        all.arns.sort_unstable();
        all.arns.dedup();
        all
    }
}
