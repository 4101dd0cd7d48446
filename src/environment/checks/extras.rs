//! Templates of the user's own: their names, what they need, and who uses what they give. What is in them is checked where
//! they are rendered.

use std::collections::BTreeMap;

use super::Checks;
use super::names::RESERVED;
use crate::environment::given::{Given, Text, mentions, text};
use crate::environment::nearest::nearest;
use crate::environment::problem::Problem;
use crate::environment::source::child;
use crate::environment::{Delivery, Environment, Extra, Node, Secret};

pub(super) fn check(checks: &mut Checks) {
    let environment = checks.environment;
    for (i, extra) in environment.extras.iter().enumerate() {
        let at = format!("/extras/{i}");
        name(checks, i);
        needs(checks, &at, &extra.needs, &extra.name);
        twice(checks, &format!("{at}/gives"), &extra.gives);
        for (parameter, value) in &extra.parameters {
            let at = child(&format!("{at}/parameters"), parameter);
            in_parameter(checks, &at, value, &extra.name);
        }
    }
    for (at, stage) in checks.stages() {
        if let Some(lambda) = &stage.workers.lambda {
            uses(
                checks,
                &format!("{at}/workers/lambda"),
                &lambda.environment,
                &lambda.secrets,
            );
        }
    }
    for (at, instances) in environment.instances() {
        uses(checks, &at, &instances.environment, &instances.secrets);
        for (i, group) in instances.security_groups.iter().enumerate() {
            if let Some(given) = Given::read(group) {
                of_extra(checks, &format!("{at}/security_groups/{i}"), given, "");
            }
        }
    }
    circles(checks);
}

fn name(checks: &mut Checks, i: usize) {
    let environment = checks.environment;
    let name = &environment.extras[i].name;
    let at = format!("/extras/{i}/name");
    if RESERVED.contains(&name.as_str()) {
        let taken = RESERVED.map(|name| format!("`{name}`")).join(", ");
        let problem = Problem::new(&at, format!("`{name}` can't be the name of an extra"));
        let help = format!("qfleet uses {taken} itself; choose another name");
        checks.note(problem.help(help), &[]);
        return;
    }
    let stage = environment.stages.iter().position(|stage| stage.name == *name);
    let extra = environment.extras[..i].iter().position(|other| other.name == *name);
    let other = stage.map(|stage| ("a stage", format!("stages[{stage}]"), format!("/stages/{stage}/name")));
    let other = other.or(extra.map(|extra| ("an extra", format!("extras[{extra}]"), format!("/extras/{extra}/name"))));
    if let Some((what, path, pointer)) = other {
        let problem = Problem::new(&at, format!("{what} is called `{name}` already"));
        let help = format!("`{path}` has this name; each part needs its own, as its stack is named by it");
        checks.note(problem.help(help), &[&pointer]);
    }
}

/// The parts that an extra of this name may need.
fn parts<'a>(environment: &'a Environment, name: &'a str) -> impl Iterator<Item = &'a str> {
    let fixed = [
        ("network", true),
        ("intake", environment.bucket.is_some()),
        ("results", environment.results.is_some()),
        (
            "alerts",
            environment.alerts.as_ref().is_some_and(|alerts| alerts.email.is_some()),
        ),
        ("artifacts", environment.has_programs()),
    ];
    let fixed = fixed
        .into_iter()
        .filter_map(|(part, is_there)| is_there.then_some(part));
    let nodes = environment.nodes().map(|node| environment.node_name(node));
    fixed.chain(nodes.filter(move |node| *node != name))
}

fn needs(checks: &mut Checks, at: &str, needs: &[String], name: &str) {
    let at = format!("{at}/needs");
    for (i, part) in needs.iter().enumerate() {
        let at = format!("{at}/{i}");
        no_such_part(checks, &at, part, name);
    }
    twice(checks, &at, needs);
}

/// Whether it says that there is no part of this name, for an extra.
fn no_such_part(checks: &mut Checks, at: &str, part: &str, name: &str) -> bool {
    let environment = checks.environment;
    if parts(environment, name).any(|known| known == part) {
        return false;
    }
    let problem = if part == name {
        Problem::new(at, format!("the extra `{name}` can't need itself")).help("remove it")
    } else if [Delivery::PART, "dashboard"].contains(&part) {
        let after = format!("`{part}` comes after the extras, and gives them nothing");
        Problem::new(at, after).help("remove it")
    } else {
        let help = match nearest(part, parts(environment, name)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                let names: Vec<String> = parts(environment, name).map(|name| format!("`{name}`")).collect();
                format!("it can be {}", names.join(" or "))
            }
        };
        Problem::new(at, format!("this file has no part `{part}`")).help(help)
    };
    let follows = ["/stages", "/extras", "/bucket", "/results", "/alerts", "/web"];
    let follows: Vec<&str> = follows.into_iter().filter(|pointer| !at.starts_with(pointer)).collect();
    checks.note(problem, &follows);
    true
}

fn in_parameter(checks: &mut Checks, at: &str, value: &str, name: &str) {
    if let Some(given) = Given::whole(value) {
        match checks.environment.extra(given.part) {
            Some(_) if given.part != name => of_extra(checks, at, given, "$"),
            _ => _ = no_such_part(checks, at, given.part, name),
        }
    } else {
        within(checks, at, value);
    }
}

/// What workers are told by it.
fn uses(checks: &mut Checks, at: &str, variables: &BTreeMap<String, String>, secrets: &BTreeMap<String, Secret>) {
    if !checks.environment.extras.is_empty() {
        for (name, value) in variables {
            let at = child(&format!("{at}/environment"), name);
            match Given::whole(value) {
                Some(given) => of_extra(checks, &at, given, "$"),
                None => within(checks, &at, value),
            }
        }
    }
    for (name, secret) in secrets {
        if let Some(given) = Given::whole(&secret.0) {
            of_extra(checks, &child(&format!("{at}/secrets"), name), given, "");
        }
    }
}

/// An extra of that name gives it. With the `sign` that takes its meaning away, where there is one.
fn of_extra(checks: &mut Checks, at: &str, given: Given<'_>, sign: &str) {
    let environment = checks.environment;
    let Given { part, output } = given;
    let literal = match sign {
        "" => String::new(),
        sign => format!("; if the text itself is meant, write `{sign}${{{given}}}`"),
    };
    let names = || environment.extras.iter().map(|extra| extra.name.as_str());
    let Some(index) = environment.extras.iter().position(|extra| extra.name == part) else {
        let help = match (nearest(part, names()), names().next()) {
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, Some(_)) => {
                let names: Vec<String> = names().map(|name| format!("`{name}`")).collect();
                format!("it can be {}", names.join(" or "))
            }
            (None, None) => "this file has no `extras`: add one that gives it".to_owned(),
        };
        let problem = Problem::new(at, format!("there is no extra `{part}`"));
        checks.note(problem.help(help + &literal), &["/extras"]);
        return;
    };
    let gives = &environment.extras[index].gives;
    if gives.iter().any(|given| given == output) {
        return;
    }
    let help = match nearest(output, gives.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("add `{output}` to its `gives`, if its template has such an output"),
    };
    let problem = Problem::new(at, format!("the extra `{part}` doesn't give `{output}`"));
    checks.note(problem.help(help + &literal), &[&format!("/extras/{index}/gives")]);
}

/// What stands for an output is the whole of a value.
fn within(checks: &mut Checks, at: &str, value: &str) {
    let environment = checks.environment;
    let found = mentions(value);
    let found = found.iter().find(|mention| {
        let is_known = environment.extra(mention.given.part).is_some();
        is_known && !mention.is_escaped()
    });
    if let Some(mention) = found {
        let given = mention.given;
        let problem = Problem::new(
            at,
            format!("`${{{given}}}` stands for an output only where it is the whole value"),
        );
        checks.note(
            problem.help(format!(
                "give it alone, and let the program put it together with the rest; if the text itself is meant, write \
                 `$${{{given}}}`"
            )),
            &[],
        );
    }
}

/// Where an extra says that it needs this part: the entry of its `needs`, or the parameter that takes something of it.
fn made_by(at: &str, extra: &Extra, needed: &str) -> String {
    let takes = |value: &String| matches!(text(value), Text::Given(given) if given.part == needed);
    if let Some(entry) = extra.needs.iter().position(|need| need == needed) {
        return format!("{at}/needs/{entry}");
    }
    let parameter = extra.parameters.iter().find(|(_, value)| takes(value));
    let parameters = format!("{at}/parameters");
    parameter.map_or(parameters.clone(), |(name, _)| child(&parameters, name))
}

fn twice(checks: &mut Checks, at: &str, all: &[String]) {
    for (i, one) in all.iter().enumerate() {
        if all[..i].contains(one) {
            let problem = Problem::new(format!("{at}/{i}"), format!("`{one}` is in the list twice"));
            checks.note(problem, &[]);
        }
    }
}

/// No extra needs itself by way of others. Each circle is named once; one of stages alone is said elsewhere.
fn circles(checks: &mut Checks) {
    let environment = checks.environment;
    let Err(mut left) = environment.in_order() else { return };
    let by_name = |left: &[Node], name: &str| left.iter().copied().find(|node| environment.node_name(*node) == name);
    while let Some(start) = left.iter().copied().find(|node| matches!(node, Node::Extra(_))) {
        // Each of these needs another of them: following that, one comes back to where one was.
        let mut way = vec![start];
        let circle = loop {
            let at = way[way.len() - 1];
            let Some(next) = environment.needs(at).into_iter().find_map(|name| by_name(&left, name)) else {
                break Vec::new();
            };
            match way.iter().position(|known| *known == next) {
                Some(position) => break way.split_off(position),
                None => way.push(next),
            }
        };
        let first = circle.iter().position(|node| matches!(node, Node::Extra(_)));
        if let Some(first) = first
            && let Node::Extra(index) = circle[first]
        {
            let at = |i: usize| circle[(first + i) % circle.len()];
            let links = (0..circle.len()).map(|i| link(environment, at(i), environment.node_name(at(i + 1))));
            let message = format!(
                "parts need each other in a circle: {}",
                links.collect::<Vec<_>>().join(", ")
            );
            let needed = environment.node_name(circle[(first + 1) % circle.len()]);
            let at = made_by(&format!("/extras/{index}"), &environment.extras[index], needed);
            let help =
                "none of their stacks could be made first: take one of these needs away, or make two extras of one";
            checks.note(Problem::new(at, message).help(help), &["/stages"]);
        }
        left.retain(|node| *node != start && !circle.contains(node));
    }
}

/// Which part needs which other, and what in the file says so.
fn link(environment: &Environment, node: Node, needed: &str) -> String {
    let used = |all: Vec<Given<'_>>| {
        let given = all.into_iter().find(|given| given.part == needed);
        given.map(|given| format!("`${{{given}}}`"))
    };
    let why = match node {
        Node::Extra(index) => {
            let extra = &environment.extras[index];
            let given = extra.parameters.values().filter_map(|value| match text(value) {
                Text::Given(given) => Some(given),
                Text::Plain(_) => None,
            });
            match extra.needs.iter().any(|need| need == needed) {
                true => Some("in its `needs`".to_owned()),
                false => used(given.collect()),
            }
        }
        Node::Stage(index) => used(environment.used_by_stage(index))
            .or_else(|| Some(format!("which is `from: {}`", environment.stages[index].name))),
        Node::Web => environment
            .web
            .as_ref()
            .and_then(|web| used(environment.used_by_instances(&web.instances)))
            .or_else(|| Some("in its `feeds`".to_owned())),
    };
    let name = environment.node_name(node);
    format!("`{name}` needs `{needed}` ({})", why.unwrap_or_default())
}
