//! A distribution, beyond what detection reads: to whom it hands out files, and under which names, where its template leaves
//! that out. CloudFormation compares only what a template sets.

use serde_json::{Map, Value, json};

use super::Own;
use crate::cloud::CloudError;
use crate::observe::drift::compare::Deviation;
use crate::observe::drift::look::OwnLook;

/// Lists of which each is empty unless the template sets it.
const LISTS: [&str; 6] = [
    "Aliases",
    "CacheBehaviors",
    "DefaultCacheBehavior/FunctionAssociations",
    "DefaultCacheBehavior/LambdaFunctionAssociations",
    "DefaultCacheBehavior/TrustedKeyGroups",
    "DefaultCacheBehavior/TrustedSigners",
];

impl Own<'_> {
    pub(super) async fn distribution(&self, declared: &Value, id: &str) -> Result<OwnLook, CloudError> {
        let config = &declared["DistributionConfig"];
        let mut look = OwnLook {
            is_known: true,
            ..OwnLook::default()
        };
        let Some(actual) = self.cloud.actual_distribution(id).await? else {
            look.is_gone = true;
            return Ok(look);
        };
        let mut expected = Map::new();
        for list in LISTS {
            let declared = config.pointer(&format!("/{list}")).unwrap_or(&Value::Null);
            let declared = match self.resolver.resolve(declared) {
                Ok(Value::Null) => json!([]),
                Ok(declared) => declared,
                Err(why) => {
                    look.unchecked.push((format!("DistributionConfig/{list}"), why));
                    continue;
                }
            };
            let found = actual
                .pointer(&format!("/{list}"))
                .cloned()
                .unwrap_or_else(|| json!([]));
            // Entries of more than a text come back with more than the template says: how many there are is compared.
            let differs = match (texts(&declared), texts(&found)) {
                (Some(declared), Some(found)) => declared != found,
                _ => declared.as_array().map(Vec::len) != found.as_array().map(Vec::len),
            };
            if differs {
                look.deviations.push(Deviation {
                    path: format!("DistributionConfig/{list}"),
                    expected: Some(declared.clone()),
                    actual: Some(found),
                });
            }
            match list.split_once('/') {
                None => expected.insert(list.to_owned(), declared),
                Some((of, list)) => {
                    let of = expected.entry(of).or_insert_with(|| json!({}));
                    of.as_object_mut().and_then(|of| of.insert(list.to_owned(), declared))
                }
            };
        }
        look.expected
            .insert("DistributionConfig".to_owned(), Value::Object(expected));
        look.actual = Some(json!({ "DistributionConfig": actual }));
        Ok(look)
    }
}

/// A list of texts, in whatever order they came: CloudFront has its own.
fn texts(list: &Value) -> Option<Vec<&str>> {
    let mut texts: Vec<&str> = list.as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?;
    texts.sort_unstable();
    Some(texts)
}
