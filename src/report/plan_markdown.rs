//! A plan for a pull request or a ticket: what may be lost comes first.

use std::fmt::Write;

use super::attention;
use super::changes::{self, becomes, shorten, where_they_differ};
use super::data;
use super::instance_types;
use super::markdown::{cell, code};
use super::permissions::{self, Difference};
use super::plan::{action, by_template, drift, expiry, new_lines, rolling_text, totals};
use super::style::count;
use super::{surplus, switch};
use crate::blueprint::template::Disposal;
use crate::cloud::cloudformation::change_set::{Action, Change, KNOWN_AFTER_APPLY, PropertyChange, Replacement};
use crate::cloud::cloudformation::changes::inside::HIDDEN;
use crate::deployed::holdings::holds_data;
use crate::engine::plan::contents::{Contents, OfStack};
use crate::engine::plan::{Plan, Source, StackAction, StackPlan};
use crate::error::Refusal;

/// GitHub takes 65,536 characters in a comment (<https://github.com/orgs/community/discussions/27190>). Who puts this into one
/// may add something.
const LONGEST: usize = 60_000;

/// The plan as GitHub's Markdown. `env` names the environment as this command was given it; `refused`: why it can't be
/// deployed; `exactly`: the command that deploys just this; `contents`: what its stacks are to hold.
pub fn markdown(plan: &Plan, contents: &Contents, env: &str, refused: &[Refusal], exactly: Option<&str>) -> String {
    let mut head = format!("## Plan for {}\n\n", cell(&plan.address.environment));
    let _ = writeln!(
        head,
        "{}{}. {}",
        plan.address.place()[..1].to_uppercase(),
        &plan.address.place()[1..],
        anstream::adapter::strip_str(&totals(plan))
    );
    match refused {
        [] => {}
        [one] => {
            let _ = writeln!(head, "\n**It can't be deployed like this:** {}", reason(one));
        }
        several => {
            let lines: Vec<String> = several.iter().map(|one| format!("- {}", reason(one))).collect();
            let _ = writeln!(head, "\n**It can't be deployed like this:**\n\n{}", lines.join("\n"));
        }
    }
    let mut body = String::new();
    first(&mut body, plan);
    for stack in plan.stacks.iter().filter(|stack| stack.changes_anything()) {
        self::stack(&mut body, stack, contents.part(&stack.part));
    }
    for bucket in &plan.existing_buckets {
        existing_bucket(&mut body, bucket);
    }
    for line in changes::tags(plan, |tag| values(&tag.before, &tag.after)) {
        let _ = writeln!(body, "\n{line}");
    }
    not_in_file(&mut body, plan, env);
    let unchanged: Vec<String> = plan
        .stacks
        .iter()
        .filter(|stack| !stack.changes_anything())
        .map(|stack| code(&stack.stack))
        .collect();
    if !unchanged.is_empty() && plan.changes_anything() {
        let _ = writeln!(body, "\nUnchanged: {}", unchanged.join(", "));
    }
    if let Some(drift) = drift(plan, env) {
        // Commands in it are code already.
        let _ = writeln!(body, "\n**Drift:** {}", drift.replace(['\n', '|'], " "));
    }
    if let Some(expiry) = expiry(plan, env) {
        let _ = writeln!(body, "\n{expiry}");
    }
    if changes::is_cut(plan) {
        let _ = writeln!(
            body,
            "\nLong values are cut: {} and {} show them whole.",
            code("--output json"),
            code("-v")
        );
    }
    if plan.stacks.iter().any(by_template) {
        let _ = writeln!(
            body,
            "\n\\* The template's word, not AWS's: CloudFormation can only be asked once what the stack needs is there."
        );
    }
    let end = match exactly {
        Some(command) => format!("\nTo deploy exactly this, and refuse anything else:\n\n```sh\n{command}\n```\n"),
        None => String::new(),
    };
    let room = LONGEST.saturating_sub(head.chars().count() + end.chars().count());
    let cut = format!(
        "\n**Cut here, because it is too long.** `qfleet plan {}` shows all of it.\n",
        env.replace('`', "")
    );
    format!("{head}{}{end}", shortened(body, room, &cut))
}

/// One reason, and what would allow it.
fn reason(refusal: &Refusal) -> String {
    let option = refusal.allow_replace.as_ref();
    let option = option.map(|name| format!(". If that is meant: {}", code(&format!("--allow-replace {name}"))));
    format!("{}{}", cell(&refusal.message), option.unwrap_or_default())
}

/// What is to be looked at before everything else: what is lost, unprotected, replaced and deleted, which fleets may become
/// much larger, and whose instances are replaced.
fn first(out: &mut String, plan: &Plan) {
    let mut lines = Vec::new();
    let (mut data, mut others) = (Vec::new(), Vec::new());
    for stack in &plan.stacks {
        for change in stack.changes.iter().filter(|change| change.takes_away()) {
            match holds_data(&change.resource_type, stack.own_template) {
                true => data.push((stack, change)),
                false => others.push((stack, change)),
            }
        }
    }
    for (stack, change) in data {
        let what = match change.disposal {
            Some(Disposal::Kept) => "what is in it stays, and no stack has it any more",
            Some(Disposal::Snapshot) => "of what is in it, a last snapshot stays",
            _ if change.surely_takes_away() => "what is in it is lost",
            _ => "what is in it may be lost",
        };
        lines.push(format!("- **Data at risk:** {}: {what}", named(stack, change)));
    }
    if plan.prunes {
        for stack in &plan.surplus.stacks {
            let lost = data::lines(&stack.data).into_iter().filter(|(kept, _)| !kept);
            lines.extend(lost.map(|(_, line)| format!("- **Data lost with {}:** {}", code(&stack.stack), cell(&line))));
        }
    }
    lines.extend(
        attention::lines(plan, code)
            .into_iter()
            .map(|line| format!("- **Careful:** {line}")),
    );
    lines.extend(
        others
            .into_iter()
            .map(|(stack, change)| format!("- {}", named(stack, change))),
    );
    for stack in &plan.stacks {
        if let Some(rolling) = stack.rolling_update.as_ref().filter(|rolling| rolling.instances > 0) {
            lines.push(format!(
                "- **Instances roll** in {}: {}",
                code(&stack.stack),
                cell(&rolling_text(rolling))
            ));
        }
        if let Some(switch) = stack.switch.filter(|_| stack.action != StackAction::Refused) {
            lines.push(format!(
                "- {}: {}",
                code(&stack.stack),
                cell(&switch::text(&stack.changes, switch))
            ));
        }
        if let Some(warning) = &stack.warning {
            lines.push(format!("- **Warning** for {}: {}", code(&stack.stack), cell(warning)));
        }
    }
    let of_buckets = plan.existing_buckets.iter();
    lines.extend(of_buckets.flat_map(|bucket| {
        let name = code(&format!("s3://{}", bucket.bucket));
        let warnings = bucket.warnings.iter();
        warnings.map(move |warning| format!("- **Warning** for {name}: {}", cell(warning)))
    }));
    if !lines.is_empty() {
        let _ = writeln!(out, "\n### Look at this first\n\n{}", lines.join("\n"));
    }
}

/// As in `` `Queue` (AWS::SQS::Queue) of `lab-work` is REPLACED … ``
fn named(stack: &StackPlan, change: &Change) -> String {
    let (_, _, word) = becomes(change);
    let id = change.physical_id.as_ref();
    let id = id.map_or(String::new(), |id| format!(", now {},", code(id)));
    format!(
        "{} ({}) of {}{id} **{word}**",
        code(&change.logical_id),
        cell(&change.resource_type),
        code(&stack.stack)
    )
}

fn stack(out: &mut String, stack: &StackPlan, holds: Option<&OfStack>) {
    let (_, word) = action(stack.action);
    let star = if by_template(stack) { " \\*" } else { "" };
    let _ = writeln!(out, "\n### {}: {word}{star}\n", code(&stack.stack));
    if let Some(note) = &stack.note {
        let _ = writeln!(out, "{}\n", cell(note));
    }
    let lines: Vec<String> = new_lines(stack, holds)
        .iter()
        .map(|line| format!("- {}", cell(line)))
        .collect();
    if !lines.is_empty() {
        let _ = writeln!(out, "{}\n", lines.join("\n"));
    }
    if let Some(protect) = stack.termination_protection {
        let _ = writeln!(out, "Termination protection: {}\n", if protect { "on" } else { "off" });
    }
    for parameter in &stack.changed_parameters {
        let values = values(&parameter.before, &parameter.after);
        let _ = writeln!(out, "Parameter {}{values}\n", code(&parameter.name));
    }
    let mut changes = changes::shown(stack);
    let followers = changes::followers(stack);
    if changes.is_empty() {
        if let Some(line) = followers {
            let _ = writeln!(out, "{}", cell(&line));
        } else if !stack.changes.is_empty() {
            let _ = writeln!(out, "Only tags change.");
        }
        return;
    }
    // What is only added takes room, and nobody's care.
    let lets = |change: &&Change| !changes::new_permissions(stack, change, holds).is_empty();
    let is_new = changes.iter().all(|change| change.action == Action::Add) && !changes.iter().any(lets);
    if is_new {
        let _ = writeln!(
            out,
            "<details><summary>{} added</summary>\n",
            count(stack.changes.len(), "resource")
        );
    }
    let _ = writeln!(out, "| | resource | type | what changes |\n| --- | --- | --- | --- |");
    changes.sort_by_key(|change| !change.takes_away());
    for change in changes {
        let (_, sign, word) = becomes(change);
        let word = (!word.is_empty()).then(|| format!("**{word}**"));
        let new = changes::new_permissions(stack, change, holds).into_iter();
        let new = new.flat_map(|(property, lines)| {
            lines
                .into_iter()
                .map(move |line| format!("{property}: {}", code(&line)))
        });
        let mut places = changes::places(change);
        let types = instance_types::lines(stack, change, holds, &mut places);
        let types = types
            .into_iter()
            .map(|(name, said)| format!("{name}{}", values(&said.before, &said.after)));
        let properties = places.into_iter().map(|place| property(&change.resource_type, place));
        let what: Vec<String> = word.into_iter().chain(new).chain(types).chain(properties).collect();
        let _ = writeln!(
            out,
            "| {sign} | {} | {} | {} |",
            code(&change.logical_id),
            cell(&change.resource_type),
            what.join("<br>")
        );
    }
    if is_new {
        let _ = writeln!(out, "\n</details>");
    }
    if let Some(line) = followers {
        let _ = writeln!(out, "\n{}", cell(&line));
    }
    if stack.source == Source::Template && stack.action == StackAction::Update {
        let _ = writeln!(
            out,
            "\nThis is what the two templates say; what else follows is known only then."
        );
    }
}

fn property(resource_type: &str, property: &PropertyChange) -> String {
    let path = property.path.trim_start_matches("/Properties/").trim_start_matches('/');
    let difference = changes::difference(resource_type, property);
    let replaces = match property.replacement {
        Replacement::Yes => " **(replaces)**",
        Replacement::Maybe => " **(may replace)**",
        Replacement::No => "",
    };
    match difference {
        Some(Difference { gone, new }) => {
            let gone = gone.iter().map(|line| format!("<br>− {}", code(line)));
            let new = new.iter().map(|line| format!("<br>+ {}", code(line)));
            let lines: String = gone.chain(new).collect();
            format!("{}:{replaces}{lines}", cell(path))
        }
        None if permissions::are_at(resource_type, &property.path) && property.before != property.after => {
            let whole = |value: &Option<String>| {
                value
                    .as_deref()
                    .map_or_else(|| "(none)".to_owned(), |value| code(&permissions::whole(value)))
            };
            format!(
                "{}: {} → {}{replaces}",
                cell(path),
                whole(&property.before),
                whole(&property.after)
            )
        }
        None => format!("{}{}{replaces}", cell(path), values(&property.before, &property.after)),
    }
}

fn values(before: &Option<String>, after: &Option<String>) -> String {
    let value = |value: &Option<String>| match value.as_deref() {
        None | Some(KNOWN_AFTER_APPLY) => shorten(value.as_deref()),
        value => code(&shorten(value)),
    };
    match (before.as_deref(), after.as_deref()) {
        (None, None) => String::new(),
        (Some(HIDDEN), Some(HIDDEN)) => ": a secret, which is not shown".to_owned(),
        (one, other) if one == other => String::new(),
        (one, other) => {
            let (before, after) = where_they_differ(one, other);
            format!(": {} → {}", value(&before), value(&after))
        }
    }
}

fn existing_bucket(out: &mut String, plan: &crate::engine::plan::existing_bucket::BucketPlan) {
    if !plan.changes_anything() {
        return;
    }
    let _ = writeln!(
        out,
        "\n### {}: notifications change\n",
        code(&format!("s3://{}", plan.bucket))
    );
    let keys = |prefix: &str, suffix: &str| code(&format!("{prefix}…{suffix}"));
    for rule in &plan.merge.added {
        let _ = writeln!(
            out,
            "- new objects at {} are told to {}",
            keys(&rule.prefix, &rule.suffix),
            code(&rule.topic)
        );
    }
    for entry in &plan.merge.removed {
        let at = keys(&entry.prefix, &entry.suffix);
        let _ = writeln!(
            out,
            "- new objects at {at} are **not** told to {} any more",
            code(&entry.destination)
        );
    }
}

fn not_in_file(out: &mut String, plan: &Plan, env: &str) {
    if let Some(unknown) = &plan.surplus.unknown {
        let _ = writeln!(
            out,
            "\nIt isn't known whether stacks are left that the file doesn't have any more: {}",
            cell(unknown)
        );
    }
    if plan.surplus.stacks.is_empty() {
        return;
    }
    let title = match plan.prunes {
        true => "Not in the file any more, and destroyed after the rest",
        false => "Not in the file any more, and left running",
    };
    let _ = writeln!(out, "\n### {title}\n");
    for stack in &plan.surplus.stacks {
        let goes_on = surplus::goes_on(plan, &stack.part);
        let holds = data::lines(&stack.data)
            .into_iter()
            .map(|(kept, line)| match (plan.prunes, kept) {
                (true, true) => format!("stays: {}", cell(&line)),
                (true, false) => format!("**lost:** {}", cell(&line)),
                (false, _) => cell(&line),
            });
        let holds: Vec<String> = goes_on.into_iter().chain(holds).collect();
        let _ = writeln!(
            out,
            "- {} ({}) {}",
            code(&stack.stack),
            stack.status,
            holds.join("<br>")
        );
    }
    if !plan.prunes {
        let _ = writeln!(out, "\n{}", surplus::way_out(plan, env));
    }
}

/// At most so many characters, in whole lines, with what says that it was cut.
fn shortened(body: String, room: usize, cut: &str) -> String {
    if body.chars().count() <= room {
        return body;
    }
    const CLOSED: &str = "\n</details>\n";
    let room = room.saturating_sub(cut.chars().count() + CLOSED.len());
    let mut kept = String::new();
    let mut length = 0;
    for line in body.lines() {
        length += line.chars().count() + 1;
        if length > room {
            break;
        }
        kept += line;
        kept.push('\n');
    }
    if kept.matches("<details>").count() > kept.matches("</details>").count() {
        kept += CLOSED;
    }
    kept + cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_lines_and_says_so() {
        let row = "| + | `Über` | AWS::SQS::Queue | |\n";
        let body = format!("<details><summary>many</summary>\n{}\n</details>\n", row.repeat(50));
        assert_eq!(shortened(body.clone(), body.chars().count(), "cut"), body);
        let short = shortened(body.clone(), 300, "cut\n");
        assert!(short.chars().count() <= 300, "{short}");
        assert!(short.ends_with("|\n\n</details>\ncut\n"), "{short}");
        let nothing = shortened(body, 10, "cut\n");
        assert_eq!(nothing, "cut\n");
    }
}
