//! Any extras, and workers that use what they give.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::environment::{Environment, Extra, Secret};

/// The environment with up to three extras, each of which may need any stage or the one before it.
pub fn added(environment: Environment) -> impl Strategy<Value = Environment> {
    let parameters = btree_map("[A-Z][A-Za-z0-9]{0,10}", "[a-zA-Z0-9.,/ $]{0,20}", 0..3);
    let extra = (any::<bool>(), any::<bool>(), vec("G[a-z]{1,8}", 0..3), parameters);
    (vec(extra, 0..4), any::<bool>()).prop_map(move |(extras, uses)| {
        let mut environment = environment.clone();
        // Before there is any, these are plain text.
        for (number, (network, before, mut gives, parameters)) in extras.into_iter().enumerate() {
            gives.sort();
            gives.dedup();
            gives.insert(0, "Given".into());
            let mut needs = Vec::new();
            needs.extend(network.then(|| "network".to_owned()));
            needs.extend((before && number > 0).then(|| format!("x{}", number - 1)));
            environment.extras.push(Extra {
                name: format!("x{number}"),
                template: format!("x{number}.json"),
                needs,
                gives,
                parameters,
            });
        }
        if uses && !environment.extras.is_empty() {
            let first = environment.stages[0].workers.instances.as_mut();
            if let Some(instances) = first.filter(|instances| instances.program.is_some()) {
                instances.environment.insert("GIVEN".into(), "${x0.Given}".into());
                instances.environment.insert("TEXT".into(), "$${x0.Given}".into());
                instances.secrets.insert("TOLD".into(), Secret("${x0.Given}".into()));
                instances.security_groups.push("x0.Given".into());
            }
        }
        environment
    })
}
