//! Whether the secrets are there that workers don't start without.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::check::{Check, Mend, Topic};
use super::groups::WEB;
use super::patience::within;
use crate::cloud::Cloud;
use crate::environment::{Environment, KeptIn, mending_command};

/// The secrets of workers that work now, each with whose they are; those that an extra gives aren't there before a deploy.
pub(super) fn of(environment: &Environment) -> BTreeMap<&str, BTreeSet<&str>> {
    let stages = environment.stages.iter().flat_map(|stage| {
        let secrets = stage.workers.secrets_of(stage.workers.active());
        secrets.map(|secret| (secret, stage.name.as_str()))
    });
    let web = environment.web.iter().flat_map(|web| web.instances.secrets.values());
    let all = stages.chain(web.map(|secret| (secret, WEB)));
    let mut by_place: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (secret, whose) in all.filter(|(secret, _)| !matches!(secret.kept_in(), KeptIn::Given(_))) {
        by_place.entry(&secret.0).or_default().insert(whose);
    }
    by_place
}

/// A check for each.
pub(super) async fn checks(cloud: &Cloud, secrets: BTreeMap<&str, BTreeSet<&str>>) -> Vec<Check> {
    let checked = secrets.into_iter().map(async |(place, whose)| {
        let whose: Vec<&str> = whose.into_iter().collect();
        let is_parameter = place.starts_with('/');
        let is_there = match is_parameter {
            true => {
                within(async {
                    let there = cloud.parameters_there(&[place.to_owned()]).await?;
                    Ok(there.contains(place))
                })
                .await
            }
            false => within(cloud.has_secret(place)).await,
        };
        let check = match is_there {
            Err(unread) => Check::unread(Topic::Secrets, &unread),
            Ok(true) => Check::passed(Topic::Secrets, format!("{place} is there")),
            Ok(false) => {
                let (what, action) = match is_parameter {
                    true => ("parameter", "put it there: workers don't start without it"),
                    false => ("secret", "correct its ARN in the file: this shows which are there"),
                };
                let mend = Mend::new(action).command(format!("aws {}", mending_command(place)));
                Check::failed(
                    Topic::Secrets,
                    format!("there is no {what} {place} in {}", cloud.region),
                    mend,
                )
            }
        };
        check.about(&whose.join(", "))
    });
    join_all(checked).await
}
