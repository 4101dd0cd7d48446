//! What is left of an environment after its destruction: proof, resource by resource.
//!
//! ```text
//! known::read  what its stacks hold, before they go ─┐
//!                                                    ├─▶ confirm: each is asked for itself ─▶ Receipt
//! search       what carries its tag or its name ─────┘
//! ```

mod confirm;
mod delivery;
mod known;
mod names;
mod removal;
mod search;
mod thing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::blueprint::names as stack_names;
use crate::cloud::Cloud;
use crate::deployed::address::Address;
pub use known::Known;
use thing::Thing;

/// How many resources are asked for at once.
const CONCURRENCY: usize = 8;

/// What became of an environment.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Receipt {
    /// Which environment it is, and where.
    #[serde(flatten)]
    pub address: Address,
    /// When the look began.
    pub at: Timestamp,
    /// Nothing is left over unexpectedly.
    pub clean: bool,
    /// Nothing is unknown, either.
    pub complete: bool,
    /// Everything that was looked at, what needs attention first.
    pub resources: Vec<Row>,
}

/// What became of one resource, or of all that a search could have found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Row {
    /// Its type, as CloudFormation calls it.
    pub resource_type: String,
    /// Its name or ARN, as CloudFormation calls it; what was looked for, such as `lab-*`, of a search that failed.
    pub name: String,
    /// The stack that it was in, if it was in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// What became of it.
    pub fate: Fate,
    /// What says so: an API operation, or what CloudFormation said of its deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The command that removes it; of what is kept, too, which AWS bills until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_with: Option<String>,
}

/// What became of a resource; in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is there, and should not be.
    LeftOver,
    /// It can't be known.
    Unknown,
    /// It couldn't be deleted, and `--force` gave it up.
    Abandoned,
    /// It is there on purpose: it holds data.
    Kept,
    Deleted,
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    pub environment: String,
    /// Its stages, as far as its file says.
    pub stages: BTreeSet<String>,
    /// The bucket that its file says was there before.
    pub existing_bucket: Option<String>,
    /// What its stacks held.
    pub known: Known,
    /// What was to stay, by type and by name.
    pub kept: BTreeSet<(String, String)>,
    /// What `--force` gave up, the same.
    pub abandoned: BTreeSet<(String, String)>,
    /// What the stacks hold that stay, when only some of the environment's were to go: it is none of this.
    pub staying: Option<Known>,
}

/// How long is waited for what is on its way out.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub limit: Duration,
    /// From look to look.
    pub pause: Duration,
}

impl Patience {
    /// SQS takes up to a minute to forget a queue, EC2 some more to end an instance; the emulator takes no time.
    pub fn with(cloud: &Cloud) -> Patience {
        Patience {
            limit: Duration::from_secs(if cloud.local { 0 } else { 120 }),
            pause: Duration::from_secs(3),
        }
    }
}

/// Looks for what is left. It never fails: what can't be read is unknown, with its reason. `now` is the wall clock.
pub async fn look(cloud: &Cloud, subject: &Subject, patience: Patience, now: Timestamp) -> Receipt {
    let (mut found, mut rows) = search::search(cloud, subject).await;
    found.retain(|thing| subject.is_about(thing) && !subject.is_others(thing.resource_type.as_str(), &thing.id));
    let mut fates = confirm::fates(cloud, &subject.known).await;
    let mut things: BTreeMap<(String, String), Thing> = BTreeMap::new();
    let known = subject.known.things.iter();
    for thing in known.filter(|thing| !subject.stays(thing)).chain(&found) {
        things.entry(thing.key()).or_insert_with(|| thing.clone());
    }
    let without_a_stack = things
        .values()
        .filter(|thing| thing.resource_type == "AWS::SQS::Queue" && thing.stack.is_none());
    let queues: Vec<&Thing> = without_a_stack.collect();
    fates.extend(confirm::fates_of_queues(cloud, &queues).await);
    let confirmed = things
        .into_values()
        .map(|thing| confirm::confirm(cloud, subject, &fates, thing, patience));
    let confirmed: Vec<Row> = stream::iter(confirmed).buffered(CONCURRENCY).collect().await;
    // What was listed, or could have been there by its name, and isn't: a listing that lags, or nothing at all.
    let was_there: BTreeSet<(String, String)> = subject.known.things.iter().map(Thing::key).collect();
    rows.extend(
        confirmed
            .into_iter()
            .filter(|row| row.fate != Fate::Deleted || was_there.contains(&row.key())),
    );
    let unknown = subject.known.unknown.iter();
    let of_staying = subject.staying.iter().flat_map(|staying| &staying.unknown);
    rows.extend(unknown.chain(of_staying).cloned());
    rows.sort_by(|one, other| {
        let order = |row: &Row| (row.fate, row.resource_type.clone(), row.name.clone());
        order(one).cmp(&order(other))
    });
    Receipt {
        address: Address::new(cloud, &subject.environment),
        at: now,
        clean: rows.iter().all(|row| row.fate != Fate::LeftOver),
        complete: rows.iter().all(|row| row.fate != Fate::Unknown),
        resources: rows,
    }
}

impl Subject {
    /// Whether a stack that stays holds it, or the environment as a whole.
    fn stays(&self, thing: &Thing) -> bool {
        let staying = self.staying.iter().flat_map(|staying| &staying.things);
        staying.into_iter().any(|known| known.key() == thing.key())
    }

    /// Whether what was found may have been of the stacks that went. Where others stay, only what is called after one that
    /// went, rather than after one that stays.
    fn is_about(&self, thing: &Thing) -> bool {
        let Some(staying) = &self.staying else { return true };
        let longest = |parts: &[String]| {
            let names = parts.iter().map(|part| stack_names::stack(&self.environment, part));
            names
                .filter(|name| thing.id.contains(name))
                .map(|name| name.len())
                .max()
        };
        longest(&self.known.parts) > longest(&staying.parts) && !self.stays(thing)
    }

    /// Whether it is the bucket that was there before.
    fn is_others(&self, resource_type: &str, id: &str) -> bool {
        let others = self.known.others.as_deref().or(self.existing_bucket.as_deref());
        resource_type == "AWS::S3::Bucket" && others == Some(id)
    }

    /// One that is to stay.
    pub fn keep(&mut self, resource_type: &str, id: &str) {
        self.kept.insert(Thing::new(resource_type, id).key());
    }

    /// One that was given up.
    pub fn give_up(&mut self, resource_type: &str, id: &str) {
        self.abandoned.insert(Thing::new(resource_type, id).key());
    }
}

impl Receipt {
    /// How many resources came to this.
    pub fn count(&self, fate: Fate) -> usize {
        self.resources.iter().filter(|row| row.fate == fate).count()
    }
}

impl Row {
    fn key(&self) -> (String, String) {
        Thing::new(&self.resource_type, self.name.as_str()).key()
    }

    /// A search, or a read, that failed.
    fn unknown(resource_type: &str, name: &str, reason: impl ToString) -> Row {
        Row {
            resource_type: resource_type.to_owned(),
            name: name.to_owned(),
            stack: None,
            fate: Fate::Unknown,
            evidence: None,
            reason: Some(reason.to_string()),
            remove_with: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_of_what_went_unless_it_is_called_after_what_stays_or_held_by_it() {
        let known = |parts: &[&str], things: &[&str]| Known {
            parts: parts.iter().map(|part| (*part).to_owned()).collect(),
            things: things.iter().map(|id| Thing::new("AWS::SQS::Queue", *id)).collect(),
            ..Known::default()
        };
        let all = Subject {
            environment: "lab".into(),
            known: known(&["move"], &[]),
            ..Subject::default()
        };
        let some = Subject {
            staying: Some(known(&["move-fast", "work"], &["lab-move-held"])),
            ..all.clone()
        };
        for (id, is_of_some) in [
            ("lab-move", true),
            ("lab-move-dead-letters", true),
            ("lab-move-fast", false),
            ("lab-work", false),
            ("lab", false),
            ("lab-move-held", false),
        ] {
            let thing = Thing::new("AWS::SQS::Queue", id);
            assert!(all.is_about(&thing), "{id}: all went");
            assert_eq!(some.is_about(&thing), is_of_some, "{id}");
        }
    }
}
