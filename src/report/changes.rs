//! What changes in the resources of a stack, for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anstyle::Style;

use super::instance_types;
use super::permissions::{self, Difference};
use super::style::{BAD, CAREFUL, FAINT, GOOD, count, paint, sign, wrapped};
use super::{calls, plain};
use crate::blueprint::template::Disposal;
use crate::cloud::cloudformation::change_set::{Action, Change, PropertyChange, Replacement};
use crate::cloud::cloudformation::changes::inside::HIDDEN;
use crate::engine::plan::contents::OfStack;
use crate::engine::plan::values::{ValueChange, is_only_tagged, only_follows};
use crate::engine::plan::{Plan, StackPlan};

/// With this begins the word that ends a file which a script writes.
const HEREDOC: &str = "END_";

/// The longest value that is shown whole, unless it says who may do what; `-v` and JSON have all of it.
const LONGEST_VALUE: usize = 60;

/// So many places of a resource are shown that change; JSON has all of them.
const MOST_PLACES: usize = 12;

/// Parameters and resources. What is only tagged anew is said once for the whole plan. `holds`: what the file says that the
/// stack is to hold.
pub(super) fn text(out: &mut String, stack: &StackPlan, holds: Option<&OfStack>) {
    for parameter in &stack.changed_parameters {
        let values = values(parameter.before.as_deref(), parameter.after.as_deref());
        let sign = sign(CAREFUL, "~", "change:");
        let line = format!("{sign} parameter {}{values}", parameter.name);
        let _ = writeln!(out, "{}", wrapped(&line, "  ", "      "));
    }
    let shown = shown(stack);
    let widths = shown.iter().map(|change| change.logical_id.chars().count());
    let widest = widths.max().unwrap_or_default();
    for change in &shown {
        change_text(out, change, widest);
        places_text(out, stack, change, holds);
    }
    if let Some(line) = followers(stack) {
        let sign = sign(CAREFUL, "~", "change:");
        let _ = writeln!(out, "{}", wrapped(&format!("{sign} {line}"), "  ", "      "));
    } else if shown.is_empty() && !stack.changes.is_empty() {
        let _ = writeln!(out, "{}", paint(FAINT, "    only tags change"));
    }
}

/// The changes that are told one by one.
pub(super) fn shown(stack: &StackPlan) -> Vec<&Change> {
    let is_told_once = |change: &&Change| !stack.changed_tags.is_empty() && is_only_tagged(change);
    let changes = stack.changes.iter().filter(|change| !only_follows(change));
    changes.filter(|change| !is_told_once(change)).collect()
}

/// What changes only because it refers to something that does, in a line.
pub(super) fn followers(stack: &StackPlan) -> Option<String> {
    let names = stack.changes.iter().filter(|change| only_follows(change));
    let names: Vec<&str> = names.map(|change| change.logical_id.as_str()).collect();
    let refer = if names.len() == 1 { "refers" } else { "refer" };
    (!names.is_empty()).then(|| format!("{}: only {refer} to what changes", names.join(", ")))
}

/// A line for each set of tags that change, however many resources they are on.
pub(super) fn tags(plan: &Plan, values: impl Fn(&ValueChange) -> String) -> Vec<String> {
    let mut alike: BTreeMap<&[ValueChange], Vec<&StackPlan>> = BTreeMap::new();
    for stack in plan.stacks.iter().filter(|stack| !stack.changed_tags.is_empty()) {
        alike.entry(&stack.changed_tags).or_default().push(stack);
    }
    let line = |(tags, stacks): (&[ValueChange], Vec<&StackPlan>)| {
        let is_tagged = |change: &&Change| change.properties.iter().any(|property| property.path == TAGS);
        let changes = stacks.iter().flat_map(|stack| &stack.changes);
        let of = match stacks.as_slice() {
            [stack] => stack.stack.clone(),
            several => count(several.len(), "stack"),
        };
        let on = match changes.filter(is_tagged).count() {
            0 => format!("in {of}"),
            resources => format!("on {} of {of}", count(resources, "resource")),
        };
        let tags: Vec<String> = tags.iter().map(|tag| format!("{}{}", tag.name, values(tag))).collect();
        format!("Tags change {on}: {}", tags.join("; "))
    };
    alike.into_iter().map(line).collect()
}

/// The path of a change of a resource's tags that follows from those of its stack.
const TAGS: &str = "/Tags";

/// Its sign, and what is to be said of it besides.
pub(super) fn becomes(change: &Change) -> (Style, &'static str, &'static str) {
    match (&change.action, change.replacement) {
        (Action::Add, _) => (GOOD, "+", ""),
        (Action::Import, _) => (CAREFUL, "←", "imported as it is, with what is in it"),
        (Action::Remove, _) => match change.disposal {
            Some(Disposal::Kept) => (CAREFUL, "-", "LEFT as it is: no stack has it any more"),
            Some(Disposal::Snapshot) => (BAD, "-", "DELETED after a last snapshot"),
            Some(Disposal::Deleted) | None => (BAD, "-", "DELETED"),
        },
        (_, Replacement::Yes) => match change.disposal {
            Some(Disposal::Kept) => (
                BAD,
                "±",
                "REPLACED: made anew, the old one is left, and no stack has it",
            ),
            Some(Disposal::Snapshot) => (
                BAD,
                "±",
                "REPLACED: made anew, the old one is deleted after a last snapshot",
            ),
            Some(Disposal::Deleted) | None => (BAD, "±", "REPLACED: made anew, the old one is deleted"),
        },
        (_, Replacement::Maybe) => match change.disposal {
            Some(Disposal::Kept) => (
                BAD,
                "±",
                "may be REPLACED: CloudFormation knows that only then; the old one would be left, and no stack would have it",
            ),
            Some(Disposal::Snapshot) => (
                BAD,
                "±",
                "may be REPLACED: CloudFormation knows that only then; the old one would be deleted after a last snapshot",
            ),
            Some(Disposal::Deleted) => (
                BAD,
                "±",
                "may be REPLACED: CloudFormation knows that only then; the old one would be deleted",
            ),
            None => (BAD, "±", "may be REPLACED: CloudFormation knows that only then"),
        },
        (Action::Modify, Replacement::No) => (CAREFUL, "~", ""),
        (Action::Dynamic | Action::Unknown(_), Replacement::No) => (CAREFUL, "?", "known only when it is done"),
    }
}

fn change_text(out: &mut String, change: &Change, widest: usize) {
    let (style, sign, word) = becomes(change);
    let said = match (&change.action, change.replacement) {
        (Action::Add, _) => "add",
        (Action::Import, _) => "import",
        (Action::Remove, _) => match change.disposal {
            Some(Disposal::Kept) => "leave",
            Some(Disposal::Snapshot | Disposal::Deleted) | None => "delete",
        },
        (_, Replacement::Yes) => "replace",
        (_, Replacement::Maybe) => "change or replace",
        (Action::Modify, Replacement::No) => "change",
        (Action::Dynamic | Action::Unknown(_), Replacement::No) => "unknown",
    };
    let word = match word {
        "" => String::new(),
        word => format!("  {word}"),
    };
    // In columns only for who sees them.
    let widest = if plain::is() { 0 } else { widest };
    let line = format!(
        "{} {:widest$}  {}{}",
        self::sign(style, sign, &format!("{said}:")),
        change.logical_id,
        paint(FAINT, &change.resource_type),
        paint(style, word)
    );
    let _ = writeln!(out, "{}", wrapped(&line, "  ", "      "));
}

/// The places of a change that are told one by one: tags are told once, where there is more. What says who may do what comes
/// first.
pub(super) fn places(change: &Change) -> Vec<&PropertyChange> {
    let is_alone = change.properties.len() == 1;
    let places = change.properties.iter();
    let mut places: Vec<&PropertyChange> = places.filter(|place| is_alone || place.path != TAGS).collect();
    places.sort_by_key(|place| !permissions::are_at(&change.resource_type, &place.path));
    places
}

fn places_text(out: &mut String, stack: &StackPlan, change: &Change, holds: Option<&OfStack>) {
    for (property, lines) in new_permissions(stack, change, holds) {
        for line in lines {
            let _ = writeln!(out, "{}", wrapped(&format!("{property}: {line}"), "      ", "        "));
        }
    }
    let mut places = places(change);
    for (name, values) in instance_types::lines(stack, change, holds, &mut places) {
        let values = self::values(values.before.as_deref(), values.after.as_deref());
        let _ = writeln!(out, "{}", wrapped(&format!("{name}{values}"), "      ", "        "));
    }
    let is_of_permissions = |place: &&&PropertyChange| permissions::are_at(&change.resource_type, &place.path);
    let most = MOST_PLACES + places.iter().filter(is_of_permissions).count();
    for place in places.iter().take(most) {
        property_text(out, &change.resource_type, place);
    }
    if places.len() > most {
        let more = count(places.len() - most, "more place");
        let _ = writeln!(out, "      and {more}: --output json has all");
    }
}

/// What a resource that is new lets whom do, where its template is the user's: what qfleet's own may do is documented.
pub(super) fn new_permissions(
    stack: &StackPlan,
    change: &Change,
    holds: Option<&OfStack>,
) -> Vec<(String, Vec<String>)> {
    let is_new = change.action == Action::Add && stack.own_template;
    let resource = holds
        .filter(|_| is_new)
        .and_then(|holds| holds.resources.get(&change.logical_id));
    resource.map_or_else(Vec::new, permissions::of_resource)
}

/// What a property is for, of those that follow from what the deploy does, not from what somebody wrote.
fn meaning(path: &str) -> &'static str {
    match path.ends_with("/MinInstancesInService") {
        true => "  (how many instances stay in service while others are replaced)",
        false => "",
    }
}

fn property_text(out: &mut String, resource_type: &str, property: &PropertyChange) {
    let path = property.path.trim_start_matches("/Properties/").trim_start_matches('/');
    let replaces = match property.replacement {
        Replacement::Yes => paint(BAD, "  (replaces)"),
        Replacement::Maybe => paint(BAD, "  (may replace)"),
        Replacement::No => String::new(),
    };
    let Some(Difference { gone, new }) = difference(resource_type, property) else {
        let values = match values_at(resource_type, property) {
            values if values.is_empty() && property.follows => ": what it refers to changes".to_owned(),
            values => values,
        };
        let means = meaning(path);
        let line = format!("{path}{values}{replaces}{means}");
        let _ = writeln!(out, "{}", wrapped(&line, "      ", "        "));
        return;
    };
    let _ = writeln!(out, "      {path}:{replaces}");
    let gone = gone.iter().map(|line| (sign(BAD, "-", "gone:"), line));
    let new = new.iter().map(|line| (sign(CAREFUL, "+", "new:"), line));
    for (sign, line) in gone.chain(new) {
        let _ = writeln!(out, "{}", wrapped(&format!("{sign} {line}"), "        ", "          "));
    }
}

/// What a place that says who may do what takes and gives, in lines.
pub(super) fn difference(resource_type: &str, property: &PropertyChange) -> Option<Difference> {
    let (before, after) = (property.before.as_deref(), property.after.as_deref());
    let of_permissions = permissions::are_at(resource_type, &property.path);
    of_permissions
        .then(|| permissions::difference(&property.path, before, after))
        .flatten()
}

/// As in `: 4 → 6`; whole where it says who may do what.
fn values_at(resource_type: &str, property: &PropertyChange) -> String {
    let (before, after) = (property.before.as_deref(), property.after.as_deref());
    match permissions::are_at(resource_type, &property.path) {
        true => said(before, after, true),
        false => values(before, after),
    }
}

/// Whether a value of the plan is cut, which `-v` shows whole.
pub(super) fn is_cut(plan: &Plan) -> bool {
    let is_cut = |change: &Change, property: &PropertyChange| {
        let long = |value: &Option<String>| {
            value
                .as_ref()
                .is_some_and(|value| value.chars().count() > LONGEST_VALUE)
        };
        let differs = property.before != property.after;
        let is_whole = permissions::are_at(&change.resource_type, &property.path);
        differs && !is_whole && (long(&property.before) || long(&property.after))
    };
    let changes = plan.stacks.iter().flat_map(|stack| shown(stack));
    let mut places = changes.flat_map(|change| places(change).into_iter().map(move |place| (change, place)));
    !calls::are_shown() && places.any(|(change, place)| is_cut(change, place))
}

/// As in `: 4 → 6`.
pub(super) fn values(before: Option<&str>, after: Option<&str>) -> String {
    said(before, after, calls::are_shown())
}

/// `whole`: however long they are.
fn said(before: Option<&str>, after: Option<&str>, whole: bool) -> String {
    match (before, after) {
        (None, None) => String::new(),
        (Some(HIDDEN), Some(HIDDEN)) => ": a secret, which is not shown".to_owned(),
        // What it refers to becomes another one, perhaps under the same name.
        (before, after) if before == after => String::new(),
        (before, after) => {
            let of = |value: Option<&str>| value.map_or_else(|| "(none)".to_owned(), permissions::whole);
            let (before, after) = match whole {
                true => (of(before), of(after)),
                false => {
                    let (before, after) = where_they_differ(before, after);
                    (shorten(before.as_deref()), shorten(after.as_deref()))
                }
            };
            match plain::is() {
                true => format!(": from {before} to {after}"),
                false => format!(": {before} → {after}"),
            }
        }
    }
}

/// Long values that begin alike, from shortly before the first difference.
pub(super) fn where_they_differ(before: Option<&str>, after: Option<&str>) -> (Option<String>, Option<String>) {
    const BEFORE_IT: usize = 12;
    let own = |value: Option<&str>| value.map(str::to_owned);
    let lines = before.zip(after).and_then(|(one, other)| lines_that_differ(one, other));
    let (before, after) = match &lines {
        Some((before, after)) => (before.as_deref(), after.as_deref()),
        None => (before, after),
    };
    let (Some(one), Some(other)) = (before, after) else {
        return (own(before), own(after));
    };
    let is_long = one.chars().count().max(other.chars().count()) > LONGEST_VALUE;
    let alike = one
        .chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let skipped = alike.saturating_sub(BEFORE_IT);
    if !is_long || skipped == 0 || calls::are_shown() {
        return (own(before), own(after));
    }
    let rest = |value: &str| Some(format!("…{}", value.chars().skip(skipped).collect::<String>()));
    (rest(one), rest(other))
}

/// The lines that only one of the two has; none of texts of one line, or where nothing else differs than where a file ends
/// that a script writes: that follows from its contents.
fn lines_that_differ(one: &str, other: &str) -> Option<(Option<String>, Option<String>)> {
    let only = |text: &str, than: &str| {
        let known: BTreeSet<&str> = than.lines().collect();
        let lines = text
            .lines()
            .filter(|line| !known.contains(line) && !line.contains(HEREDOC));
        let lines: Vec<&str> = lines.map(str::trim).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    };
    let (before, after) = (only(one, other), only(other, one));
    let is_long = one.lines().count().min(other.lines().count()) > 1;
    (is_long && before != after).then_some((before, after))
}

pub(super) fn shorten(value: Option<&str>) -> String {
    let Some(value) = value else { return "(none)".into() };
    let line = permissions::whole(value);
    if line.chars().count() <= LONGEST_VALUE || calls::are_shown() {
        return line;
    }
    let head: String = line.chars().take(LONGEST_VALUE - 1).collect();
    format!("{head}…")
}

/// What a stack would lose that the plan didn't show, as a question's lines.
pub fn not_shown(stack: &str, changes: &[&Change]) -> String {
    let mut out = format!("{stack} would lose what the plan did not show:\n");
    for change in changes {
        change_text(&mut out, change, 0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::cloudformation::change_set::KNOWN_AFTER_APPLY;

    #[test]
    fn long_values_are_shown_where_they_differ() {
        let script = |end: &str| format!("{}ami-{end}{}", "a long script ".repeat(20), "b".repeat(99));
        let said = values(Some(&script("1")), Some(&script("2")));
        let (before, after) = said.split_once(" → ").expect("both");
        assert!(
            before.starts_with(": …") && before.contains("ami-1") && before.ends_with('…'),
            "{said}"
        );
        assert!(
            after.starts_with('…') && after.contains("ami-2") && after.ends_with('…'),
            "{said}"
        );
        let file = |lines: &str, end: &str| format!("cat >at <<'END_{end}'\n{lines}\n  COLOUR=red\nEND_{end}\nrun");
        let (one, other) = (file("SIZE=1", "a"), file("SIZE=2\nSIDE=3", "b"));
        assert_eq!(values(Some(&one), Some(&other)), ": SIZE=1 → SIZE=2; SIDE=3");
        let without = file("SIZE=1", "a").replace("  COLOUR=red\n", "");
        assert_eq!(values(Some(&without), Some(&one)), ": (none) → COLOUR=red");
        assert_eq!(values(Some("short"), Some("shorter")), ": short → shorter");
        assert_eq!(
            values(None, Some(KNOWN_AFTER_APPLY)),
            ": (none) → (known after the deploy)"
        );
        assert_eq!(values(Some(HIDDEN), Some(HIDDEN)), ": a secret, which is not shown");
        assert_eq!(values(Some("same"), Some("same")), "");
    }
}
