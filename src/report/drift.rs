//! Drift, for people.

use std::fmt::Write;

use serde_json::Value;

use super::plan::can_revert;
use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, count, paint, wrapped};
use crate::observe::drift::classify::Class;
use crate::observe::drift::compare;
use crate::observe::drift::{Drift, Finding, FoundBy, ResourceDrift, StackDrift, Verdict};

/// What to do about drift that was found; nothing where there is none, or where only somebody by hand can. `env` names
/// the environment as this command was given it.
pub fn next(drift: &Drift, env: &str) -> Option<String> {
    let is_wanted = drift.verdict == Verdict::Drifted && can_revert(env);
    is_wanted.then(|| format!("`qfleet drift {env} --revert` shows what would be put back, asks, and puts it back."))
}

/// The longest value that is shown whole: a policy's statement still is. JSON has all of it.
const LONGEST_VALUE: usize = 500;
/// What stands before the second line of a value.
const VALUE_INDENT: &str = "                  ";

/// What was found, as text; `all`: what doesn't matter, too.
pub fn text(drift: &Drift, all: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Drift of {} in {}\n",
        paint(STRONG, &drift.address.environment),
        drift.address.place()
    );
    for stack in &drift.stacks {
        stack_text(&mut out, stack, all);
    }
    let _ = writeln!(out, "\n{}", wrapped(&conclusion(drift), "", ""));
    let hidden = hidden(drift);
    if !hidden.is_empty() && !all {
        let line = wrapped(&format!("--all also shows {}", hidden.join(", ")), "", "");
        let _ = writeln!(out, "{}", paint(FAINT, line));
    }
    out
}

/// Classes that only `--all` shows, in words.
const HIDDEN: [(Class, &str); 4] = [
    (Class::Equal, "equal in meaning"),
    (Class::Expected, "expected"),
    (Class::FalsePositive, "known false positives"),
    (Class::Ignored, "ignored"),
];

/// What only `--all` shows, with its number.
fn hidden(drift: &Drift) -> Vec<String> {
    let parts = HIDDEN.iter().filter_map(|(class, word)| match drift.count(*class) {
        0 => None,
        n => Some(format!("{n} {word}")),
    });
    let mut parts: Vec<String> = parts.collect();
    let missing = drift.stacks.iter().flat_map(|stack| &stack.not_checked);
    match missing.filter(|missing| missing.property.is_some()).count() {
        0 => {}
        1 => parts.push("1 property that was not compared".to_owned()),
        n => parts.push(format!("{n} properties that were not compared")),
    }
    parts
}

fn stack_text(out: &mut String, stack: &StackDrift, all: bool) {
    let name = paint(STRONG, &stack.stack);
    if let Some(error) = &stack.error {
        let line = wrapped(&format!("{} could not be checked: {error}", stack.stack), "", "    ");
        let line = line.replacen(&stack.stack, &name, 1);
        let failed = "could not be checked";
        let _ = writeln!(out, "{}", line.replacen(failed, &paint(BAD, failed), 1));
        return;
    }
    let word = if stack.is_drifted() {
        paint(CAREFUL, "drifted")
    } else if stack.checked == 0 {
        paint(FAINT, "not checked")
    } else {
        paint(GOOD, "in sync")
    };
    let missing = stack
        .not_checked
        .iter()
        .filter(|missing| missing.property.is_none())
        .count();
    let missing = match missing {
        0 => String::new(),
        n => format!(", {n} not"),
    };
    let checked = format!("({} checked{missing})", count(stack.checked, "resource"));
    let _ = writeln!(out, "{name} {word} {}", paint(FAINT, checked));
    if let Some(reason) = &stack.detection {
        let incomplete = "detection was incomplete:";
        let line = wrapped(&format!("{incomplete} {reason}"), "    ", "        ");
        let _ = writeln!(out, "{}", line.replacen(incomplete, &paint(CAREFUL, incomplete), 1));
    }
    for resource in &stack.resources {
        let shown = |finding: &&Finding| all || finding.class.matters();
        let mut findings = resource.differences.iter().filter(shown).peekable();
        if findings.peek().is_none() {
            continue;
        }
        let _ = writeln!(
            out,
            "  {}  {}",
            resource.logical_id,
            paint(FAINT, &resource.resource_type)
        );
        findings.for_each(|finding| finding_text(out, resource, finding));
    }
    for missing in stack.not_checked.iter().filter(|_| all) {
        let property = missing
            .property
            .as_ref()
            .map_or(String::new(), |name| format!(" {name}"));
        let line = format!("not checked: {}{property}: {}", missing.logical_id, missing.why);
        let _ = writeln!(out, "{}", paint(FAINT, wrapped(&line, "  ", "      ")));
    }
}

/// A class as it is shown.
pub fn word(class: Class) -> &'static str {
    match class {
        Class::Equal => "equal",
        Class::Expected => "expected",
        Class::FalsePositive => "false positive",
        Class::Ignored => "ignored",
        Class::Unexpected => "unexpected",
        Class::Dangerous => "DANGEROUS",
    }
}

fn finding_text(out: &mut String, resource: &ResourceDrift, finding: &Finding) {
    let style = match finding.class {
        Class::Dangerous => BAD,
        Class::Unexpected => CAREFUL,
        _ => FAINT,
    };
    let class = word(finding.class);
    let what = if resource.deleted {
        String::new()
    } else {
        format!(" {}", finding.property)
    };
    // Wrapped without its colour, which takes no room.
    let line = wrapped(&format!("{class}{what}: {}", finding.why), "    ", "        ");
    let _ = writeln!(out, "{}", line.replacen(class, &paint(style, class), 1));
    let mut values = |label: &str, value: &str| {
        let label = format!("        {label:8}  ");
        let _ = writeln!(
            out,
            "{}",
            wrapped(&one_line(value, LONGEST_VALUE), &label, VALUE_INDENT)
        );
    };
    match (apart(finding), resource.deleted) {
        (_, true) => values("was", &resource.physical_id),
        (Some((gone, new)), _) => {
            gone.iter().for_each(|item| values("gone", &value_text(Some(item))));
            new.iter().for_each(|item| values("new", &value_text(Some(item))));
        }
        (None, _) => {
            values("deployed", &value_text(finding.expected.as_ref()));
            values("actual", &value_text(finding.actual.as_ref()));
        }
    }
    let _ = writeln!(out, "        {}", paint(FAINT, origin(finding)));
    if let Some(reference) = finding.reference {
        let _ = writeln!(out, "        {}", paint(FAINT, reference));
    }
}

/// The parts that tell the two values of a finding apart, where they are policies or lists.
pub fn apart(finding: &Finding) -> Option<(Vec<Value>, Vec<Value>)> {
    let is_name = |segment: &&str| !segment.bytes().all(|byte| byte.is_ascii_digit());
    let property = finding.property.rsplit('/').find(is_name)?;
    compare::apart(property, finding.expected.as_ref()?, finding.actual.as_ref()?)
}

/// Who found it, and where it is set.
pub fn origin(finding: &Finding) -> String {
    let by = match finding.found_by {
        FoundBy::CloudFormation => "found by CloudFormation",
        FoundBy::Qfleet => "found by qfleet",
    };
    match finding.line {
        Some(line) => format!("{by}; line {line} of the deployed template"),
        None => by.to_owned(),
    }
}

/// A value on one line.
pub fn value_text(value: Option<&Value>) -> String {
    match value {
        None => "(none)".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "\"\"".to_owned(),
        Some(Value::String(text)) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        Some(other) => other.to_string(),
    }
}

/// A text on one line that isn't longer.
pub fn one_line(text: &str, longest: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= longest {
        return line;
    }
    let head: String = line.chars().take(longest - 1).collect();
    format!("{head}…")
}

/// What it comes to, in a sentence or two. "In sync" is only said of what was compared.
pub fn conclusion(drift: &Drift) -> String {
    let missing = match drift.not_checked {
        0 => String::new(),
        n => format!(
            " {} could be compared by neither CloudFormation nor qfleet.",
            count(n, "resource")
        ),
    };
    let failed = drift.stacks.iter().filter(|stack| stack.error.is_some()).count();
    let failed = match failed {
        0 => String::new(),
        n => format!(" {} could not be checked.", count(n, "stack")),
    };
    let checked = count(drift.checked, "resource");
    let what = match drift.verdict {
        Verdict::InSync => format!("In sync: nothing that matters differs in what was checked ({checked})."),
        Verdict::Unknown => format!("Unknown: nothing that matters differs in what was checked ({checked})."),
        Verdict::Drifted => {
            let dangerous = drift.count(Class::Dangerous);
            let all = dangerous + drift.count(Class::Unexpected);
            let dangerous = match dangerous {
                0 => String::new(),
                n => format!(", {n} of them dangerous"),
            };
            format!(
                "Drifted: {}{dangerous}, in what was checked ({checked}).",
                count(all, "difference")
            )
        }
    };
    format!("{what}{missing}{failed}")
}
