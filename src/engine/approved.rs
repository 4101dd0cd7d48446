//! What was approved is what is applied: a plan's digest, and a deploy's plans held against it.

mod digest;
mod hashed;

pub use digest::Digest;
use digest::{Entry, KINDS, Subject};
pub use hashed::Planned;
use hashed::{Changing, acts};

use crate::blueprint::{Stack, Value, names};
use crate::cloud::cloudformation::change_set::{Action, Change, Replacement};
use crate::engine::plan::{StackAction, StackPlan};
use crate::error::{Error, Reason, Refusal};

fn differs(difference: String) -> Refusal {
    Refusal::new(difference).because(Reason::NotApproved)
}

/// What somebody approved.
#[derive(Debug)]
pub struct Approved {
    pub digest: Digest,
    /// The command that shows what would happen now, for messages.
    pub plan: String,
}

impl Approved {
    /// A refusal where what would happen now isn't what was approved, or a rest of it.
    pub fn refusal(&self, now: Planned<'_>) -> Option<Error> {
        let differences = self.differences(now);
        if differences.is_empty() {
            return None;
        }
        let list: String = differences.iter().map(|line| format!("\n  {line}")).collect();
        Some(
            Error::refused(format!(
                "what would be done now is not what was approved; nothing was changed:{list}\napproved: {}\nnow:      {}",
                self.digest,
                Digest::of(now)
            ))
            .because(Reason::NotApproved)
            .with_help(self.help())
            .with_refusals(differences.into_iter().map(differs).collect()),
        )
    }

    fn help(&self) -> String {
        format!("plan again, and have that approved: {}", self.plan)
    }

    fn differences(&self, planned: Planned<'_>) -> Vec<String> {
        let approved = &self.digest;
        let changing = approved.changing();
        let now = planned.digest(&changing);
        let address = &planned.plan.address;
        if approved.place != now.place {
            return vec![format!(
                "it was approved for another environment, account or region than {address}"
            )];
        }
        if approved.settings != now.settings {
            return vec![other_settings(planned, approved, &now)];
        }
        let mut differences = Vec::new();
        for (subject, entry) in &now.entries {
            let name = name(&address.environment, subject);
            let why = match approved.entries.get(subject) {
                None => Some("nothing was to be done to it, and now something would be".to_owned()),
                Some(known) => self.difference(planned, &now, subject, known, entry),
            };
            differences.extend(why.map(|why| format!("{name}: {why}")));
        }
        for (subject, entry) in &approved.entries {
            let is_done = now.entries.contains_key(subject) || is_done(planned, &changing, subject, entry);
            if !is_done {
                let name = name(&address.environment, subject);
                differences.push(format!(
                    "{name}: a change to it was approved, and by the file as it is now nothing would be done to it"
                ));
            }
        }
        differences
    }

    fn difference(
        &self,
        planned: Planned<'_>,
        now: &Digest,
        subject: &Subject,
        approved: &Entry,
        entry: &Entry,
    ) -> Option<String> {
        let stack = match subject {
            Subject::Stack(part) => planned.plan.stacks.iter().find(|stack| stack.part == *part),
            Subject::Pruned(_) | Subject::Bucket(_) => None,
        };
        let does = stack.map_or(String::new(), does);
        if approved.to != entry.to {
            return Some(others(approved, entry, stack) + &does);
        }
        // Protection that is off already was to be taken off.
        let is_as_it_was = |stack: &&StackPlan| approved.acts == entry.acts || approved.acts == acts(stack, true);
        let was_changed = match stack {
            Some(stack) => !is_as_it_was(&stack),
            None => approved.acts != entry.acts,
        };
        if was_changed {
            return Some("somebody has changed it since".to_owned());
        }
        if approved.changes == entry.changes {
            return None;
        }
        let follows = stack.is_some_and(|stack| {
            let of = planned.stack(&stack.part);
            of.is_some_and(|of| takes_from_done(of, self, now)) && !stack.changes.iter().any(Change::surely_takes_away)
        });
        (!follows).then(|| format!("other changes would be made in it than were approved{does}"))
    }

    /// A refusal where a stack's later plan rests on something else than the one that was approved: on a stack that somebody
    /// has changed meanwhile, unless this deploy did, or on another image.
    ///
    /// # Errors
    /// The refusal.
    pub(super) fn holds(&self, shown: &StackPlan, now: &StackPlan, is_untouched: bool) -> Result<(), Error> {
        if now.action == StackAction::Unchanged {
            return Ok(());
        }
        let same_images = shown.resolved.iter().all(|(name, image)| {
            let later = now.resolved.get(name);
            later.is_none_or(|later| later == image)
        });
        // A later plan may have nothing left to choose.
        let same_places = shown.current.chosen.iter().all(|(name, place)| {
            let later = now.current.chosen.get(name);
            later.is_none_or(|later| later == place)
        });
        let why = if !same_images || !same_places {
            "an image, or a place that AWS chooses, has changed since"
        } else if is_untouched && shown.from != now.from {
            "somebody has changed it since"
        } else {
            return Ok(());
        };
        Err(self.not_approved(&shown.stack, why))
    }

    /// That a stack isn't touched, because this was not approved.
    pub(super) fn not_approved(&self, stack: &str, why: &str) -> Error {
        Error::refused(format!(
            "{stack}: {why}, and so this is not what was approved; nothing was done to it"
        ))
        .because(Reason::NotApproved)
        .with_help(self.help())
    }
}

/// How many resources are named of a stack that isn't as it was approved.
const NAMED: usize = 5;

/// What would be done now to the resources of a stack. A digest can't say what was to be done: it only has hashes of that.
fn does(stack: &StackPlan) -> String {
    let named = |change: &Change| {
        let verb = match (&change.action, change.replacement) {
            (Action::Modify, Replacement::Yes) => "replace",
            (Action::Modify, Replacement::Maybe) => "perhaps replace",
            (Action::Modify | Action::Dynamic | Action::Unknown(_), _) => "change",
            (Action::Add, _) => "create",
            (Action::Import, _) => "import",
            (Action::Remove, _) => "remove",
        };
        format!("{verb} {}", change.logical_id)
    };
    // What only refers to something that changes is nothing that anybody approved or not.
    let is_own = |change: &&Change| {
        let mut properties = change.properties.iter();
        change.action != Action::Modify || change.properties.is_empty() || properties.any(|property| !property.follows)
    };
    let own: Vec<&Change> = stack.changes.iter().filter(is_own).collect();
    let mut does: Vec<String> = own.iter().take(NAMED).copied().map(named).collect();
    let more = own.len().saturating_sub(NAMED);
    if more > 0 {
        does.push(format!("{more} more"));
    }
    match does.is_empty() {
        true => String::new(),
        false => format!("; now it would: {}", does.join(", ")),
    }
}

/// Which options aren't those that were approved.
fn other_settings(planned: Planned<'_>, approved: &Digest, now: &Digest) -> String {
    let both = approved.settings.iter().zip(&now.settings);
    let others = planned.settings().into_iter().zip(both);
    let others = others.filter(|(_, (approved, now))| approved != now);
    let was = others.map(|(setting, _)| match setting.values {
        None => format!("with {}", setting.name),
        Some(values) if values.is_empty() => format!("without {}", setting.name),
        Some(_) => format!("without this {}", setting.name),
    });
    format!("it was approved {}", was.collect::<Vec<_>>().join(", and "))
}

/// Which of what it becomes isn't what was approved.
fn others(approved: &Entry, now: &Entry, stack: Option<&StackPlan>) -> String {
    let kinds = approved.kinds.iter().zip(&now.kinds).zip(KINDS);
    let others: Vec<&str> = kinds
        .filter(|((approved, now), _)| approved != now)
        .map(|(_, kind)| kind)
        .collect();
    let what = match others.as_slice() {
        [] => "it is protected or made otherwise than was approved".to_owned(),
        ["template"] => "its template is not the one that was approved".to_owned(),
        [one] => format!("its {one} are not those that were approved"),
        [first @ .., last] => format!("its {} and {last} are not those that were approved", first.join(", ")),
    };
    let images = stack.iter().flat_map(|stack| stack.resolved.values());
    let images: Vec<&str> = images.map(String::as_str).collect();
    // A program's name is a parameter, too.
    if images.is_empty() || !others.contains(&"parameters") || others.contains(&"programs") {
        return what;
    }
    format!("{what}: an image may be newer (now {})", images.join(", "))
}

/// Whether a stack takes something from another one to which all that was approved is done by now: what follows from that
/// could not be said before.
fn takes_from_done(stack: &Stack, approved: &Approved, now: &Digest) -> bool {
    let is_done = |part: &String| {
        let subject = Subject::Stack(part.clone());
        approved.digest.entries.contains_key(&subject) && !now.entries.contains_key(&subject)
    };
    let mut values = stack.parameters.values();
    values.any(|value| matches!(value, Value::Output { part, .. } if is_done(part)))
}

/// Whether what was approved for something to which nothing is to be done now is what it is already.
fn is_done(planned: Planned<'_>, changing: &Changing, subject: &Subject, approved: &Entry) -> bool {
    match subject {
        Subject::Stack(part) => {
            let is_planned = planned.plan.stacks.iter().find(|stack| stack.part == *part);
            let of = planned.stack(part).zip(is_planned);
            of.is_some_and(|(stack, now)| planned.to(stack, now, changing) == approved.to)
        }
        Subject::Pruned(part) => !planned.blueprint.parts.contains(part),
        Subject::Bucket(bucket) => planned.bucket_to(bucket) == approved.to,
    }
}

fn name(environment: &str, subject: &Subject) -> String {
    match subject {
        Subject::Stack(part) | Subject::Pruned(part) => names::stack(environment, part),
        Subject::Bucket(bucket) => format!("s3://{bucket}"),
    }
}
