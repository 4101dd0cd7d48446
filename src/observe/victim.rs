//! Which instance is meant, by stage, by id, or whichever is in service.

use crate::cloud::autoscaling::groups::{Group, Instance};
use crate::error::{Error, Result};

/// An instance, and where it belongs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Victim<'a> {
    pub stage: &'a str,
    pub group: &'a Group,
    pub instance: &'a Instance,
}

/// Chooses among the groups of stages: the instance that is named, else one in service; one that lives before one that is
/// `dead`.
///
/// # Errors
/// Usage, when there is no such stage or instance, or several stages and none is named: it lists what there is. A
/// failure, when none is in service.
pub fn choose<'a>(
    groups: &'a [(String, Group)],
    stage: Option<&str>,
    instance: Option<&str>,
    dead: impl Fn(&str) -> bool,
) -> Result<Victim<'a>> {
    if groups.is_empty() {
        return Err(Error::failed("no stage has a group of instances")
            .with_help("while an environment is deployed for the first time, they aren't there yet"));
    }
    let all = || {
        groups
            .iter()
            .map(|(stage, _)| stage.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let within: Vec<&(String, Group)> = match stage {
        Some(wanted) => groups.iter().filter(|(stage, _)| stage == wanted).collect(),
        None => groups.iter().collect(),
    };
    if let (Some(wanted), true) = (stage, within.is_empty()) {
        return Err(
            Error::usage(format!("no stage `{wanted}` has instances")).with_help(format!("there is: {}", all()))
        );
    }
    if let Some(wanted) = instance {
        return named(&within, wanted);
    }
    let [(stage, group)] = within[..] else {
        return Err(Error::usage("there are several stages").with_help(format!("name one with --stage: {}", all())));
    };
    let in_service = group
        .instances
        .iter()
        .filter(|instance| instance.lifecycle_state == "InService");
    // The first of those that are alike.
    match in_service.min_by_key(|instance| dead(&instance.id)) {
        Some(instance) => Ok(Victim { stage, group, instance }),
        None => Err(
            Error::failed(format!("no instance of {stage} is in service: {}", list(&within)))
                .with_help("wait until one is; `qfleet status --watch` shows it"),
        ),
    }
}

fn named<'a>(within: &[&'a (String, Group)], wanted: &str) -> Result<Victim<'a>> {
    let found = within.iter().find_map(|(stage, group)| {
        let instance = group.instances.iter().find(|instance| instance.id == wanted)?;
        Some(Victim { stage, group, instance })
    });
    match found {
        None => {
            Err(Error::usage(format!("there is no instance `{wanted}`"))
                .with_help(format!("there is: {}", list(within))))
        }
        Some(victim) if victim.instance.lifecycle_state.starts_with("Terminat") => Err(Error::usage(format!(
            "{wanted} goes already: it is {}",
            victim.instance.lifecycle_state
        ))
        .with_help(format!("there is: {}", list(within)))),
        Some(victim) => Ok(victim),
    }
}

/// As in "i-1 (move, us-east-2a, InService), …".
fn list(within: &[&(String, Group)]) -> String {
    let each = within.iter().flat_map(|(stage, group)| {
        group.instances.iter().map(move |instance| {
            format!(
                "{} ({stage}, {}, {})",
                instance.id, instance.zone, instance.lifecycle_state
            )
        })
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() {
        "no instance at all".into()
    } else {
        each.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(instances: &[(&str, &str)]) -> Group {
        let instance = |(id, state): &(&str, &str)| Instance {
            id: (*id).into(),
            zone: "us-east-2a".into(),
            lifecycle_state: (*state).into(),
            health: "Healthy".into(),
            ..Instance::default()
        };
        Group {
            name: "group".into(),
            min: 1,
            desired: 1,
            max: 4,
            instances: instances.iter().map(instance).collect(),
            ..Group::default()
        }
    }

    fn two() -> Vec<(String, Group)> {
        let moving = group(&[("i-1", "Terminating:Wait"), ("i-2", "Pending"), ("i-3", "InService")]);
        vec![("move".into(), moving), ("resize".into(), group(&[("i-4", "Pending")]))]
    }

    fn id<'a>(groups: &'a [(String, Group)], stage: Option<&str>, instance: Option<&str>) -> &'a str {
        choose(groups, stage, instance, |_| false)
            .expect("one")
            .instance
            .id
            .as_str()
    }

    #[test]
    fn one_in_service_or_the_one_that_is_named() {
        let groups = two();
        assert_eq!(id(&groups, Some("move"), None), "i-3");
        assert_eq!(id(&groups[..1], None, None), "i-3", "one stage needs no name");
        assert_eq!(id(&groups, None, Some("i-4")), "i-4");
        assert_eq!(
            choose(&groups, None, Some("i-4"), |_| false).expect("one").stage,
            "resize"
        );
        assert_eq!(id(&groups, Some("move"), Some("i-2")), "i-2");
    }

    #[test]
    fn one_that_lives_before_one_that_is_dead() {
        let groups = vec![("move".to_owned(), group(&[("i-1", "InService"), ("i-2", "InService")]))];
        let chosen = |dead: &[&str]| {
            let victim = choose(&groups, None, None, |id| dead.contains(&id)).expect("one");
            victim.instance.id.clone()
        };
        assert_eq!(chosen(&[]), "i-1");
        assert_eq!(chosen(&["i-1"]), "i-2");
        // Whoever is told that it is dead may try again.
        assert_eq!(chosen(&["i-1", "i-2"]), "i-1");
    }

    #[test]
    fn what_is_not_there_is_answered_with_what_is() {
        let groups = two();
        for (stage, instance, code, said, help) in [
            (Some("mvoe"), None, 2, "no stage `mvoe`", "move, resize"),
            (None, None, 2, "several stages", "move, resize"),
            (
                None,
                Some("i-9"),
                2,
                "no instance `i-9`",
                "i-3 (move, us-east-2a, InService), i-4 (resize,",
            ),
            (
                Some("move"),
                Some("i-4"),
                2,
                "no instance `i-4`",
                "i-1 (move, us-east-2a, Terminating:Wait), i-2",
            ),
            (None, Some("i-1"), 2, "goes already: it is Terminating:Wait", "i-3"),
            (
                Some("resize"),
                None,
                1,
                "no instance of resize is in service: i-4 (resize",
                "wait",
            ),
        ] {
            let error = choose(&groups, stage, instance, |_| false).expect_err("none");
            assert_eq!(error.exit_code(), code, "{error}");
            assert!(error.to_string().contains(said), "{error}");
            assert!(
                error.help().is_some_and(|text| text.contains(help)),
                "{:?}",
                error.help()
            );
        }
        assert_eq!(choose(&[], None, None, |_| false).expect_err("none").exit_code(), 1);
    }
}
