//! What is to be looked into about the web tier.

use super::Words;
use crate::cloud::load_balancing::Target;
use crate::deployed::web::WEB;
use crate::observe::finding::{Finding, Severity};
use crate::observe::web::WebState;

/// `in_progress`: its stack is just being changed. `no_fleet`: it is the emulator's, and no local fleet runs it. Of what isn't
/// known nothing is said here.
pub fn of(web: &WebState, in_progress: bool, no_fleet: bool, words: &Words) -> Vec<Finding> {
    if in_progress || no_fleet {
        return Vec::new();
    }
    let targets = match web.gone.is_empty() {
        false => Some(gone(web, words)),
        true if web.stands_by => None,
        true => unhealthy(web, words),
    };
    let all = targets.into_iter().chain(alarms(web, words));
    all.map(|finding| finding.of_stage(WEB)).collect()
}

fn gone(web: &WebState, words: &Words) -> Finding {
    let gone: Vec<&str> = web.gone.iter().map(|gone| gone.as_str()).collect();
    let are = if gone.len() == 1 { "is" } else { "are" };
    let meaning = format!("its {} {are} gone: nobody answers", gone.join(" and "));
    let action = "put it back, or deploy a stack anew";
    Finding::new("web-gone", Severity::Critical, meaning, action).command(format!("qfleet drift {}", words.environment))
}

fn unhealthy(web: &WebState, words: &Words) -> Option<Finding> {
    let (targets, healthy) = (web.targets.as_ref()?, web.healthy?);
    // Without a group nobody knows how many there should be.
    let min = web
        .group
        .as_ref()
        .map_or(1, |group| usize::try_from(group.min).unwrap_or_default());
    let (all, reasons) = (targets.len(), reasons(targets));
    // Nothing of the program's: "the target group is not used by any load balancer or the target is in an Availability Zone
    // that is not enabled" (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>).
    let unused = targets
        .iter()
        .any(|target| target.reason.as_deref() == Some("Target.NotInUse"));
    let (action, command) = match (unused, healthy) {
        (true, _) => (
            "the load balancer sends nothing there: see whether its listener and its zones are those of the template",
            format!("qfleet drift {}", words.environment),
        ),
        (false, 0) => (
            "see what the program says, and whether it answers its health check",
            format!("qfleet logs {} --stage {WEB}", words.environment),
        ),
        (false, _) => (
            "Auto Scaling replaces what stays unhealthy: see what the program says if it goes on",
            format!("qfleet logs {} --stage {WEB}", words.environment),
        ),
    };
    let finding = match healthy {
        0 => Finding::new(
            "web-none-healthy",
            Severity::Critical,
            format!("none of its {all} targets is healthy, so nobody answers{reasons}"),
            action,
        ),
        healthy if healthy < min => Finding::new(
            "web-few-healthy",
            Severity::Warning,
            format!("{healthy} of {all} targets are healthy, and there should be {min}{reasons}"),
            action,
        ),
        _ => return None,
    };
    Some(finding.command(command))
}

/// Why targets aren't healthy, each reason once.
fn reasons(targets: &[Target]) -> String {
    let reasons = targets.iter().filter(|target| !target.is_healthy());
    let mut reasons: Vec<&str> = reasons
        .filter_map(|target| target.description.as_deref().or(target.reason.as_deref()))
        .collect();
    reasons.sort_unstable();
    reasons.dedup();
    match reasons.is_empty() {
        true => String::new(),
        false => format!(": {}", reasons.join("; ")),
    }
}

fn alarms(web: &WebState, words: &Words) -> impl Iterator<Item = Finding> {
    let on = web.alarms.iter().flatten().map(|alarm| &alarm.alarm);
    on.filter(|alarm| alarm.state == "ALARM").map(|alarm| {
        let meaning = format!("the alarm {} is on: {}", alarm.name, alarm.reason);
        let action = "see what the program says";
        Finding::new("web-alarm", Severity::Warning, meaning, action)
            .command(format!("qfleet logs {} --stage {WEB}", words.environment))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::autoscaling::groups::Group;
    use crate::cloud::cloudwatch::alarms::Alarm;
    use crate::observe::alarm::StageAlarm;
    use crate::observe::web::WebGone;

    #[test]
    fn few_targets_are_a_warning_and_none_is_critical() {
        let words = Words::new(Some("lab".into()), "lab");
        let web = |states: &[&str]| {
            let targets: Vec<Target> = states
                .iter()
                .map(|state| Target {
                    state: (*state).into(),
                    description: (*state == "unhealthy").then(|| "Health checks failed with these codes: [500]".into()),
                    ..Target::default()
                })
                .collect();
            WebState {
                healthy: Some(targets.iter().filter(|target| target.is_healthy()).count()),
                targets: Some(targets),
                group: Some(Group {
                    min: 2,
                    ..Group::default()
                }),
                ..WebState::default()
            }
        };
        let found = |web: &WebState| {
            let mut all = of(web, false, false, &words).into_iter();
            let first = all.next().map(|finding| (finding.id, finding.severity));
            assert_eq!(all.next(), None);
            first
        };
        assert_eq!(found(&web(&["healthy", "healthy"])), None);
        // More than there need be: one that comes up, or goes, is no trouble.
        assert_eq!(found(&web(&["healthy", "healthy", "initial", "draining"])), None);
        let few = web(&["healthy", "unhealthy"]);
        assert_eq!(found(&few), Some(("web-few-healthy", Severity::Warning)));
        let said = &of(&few, false, false, &words)[0].meaning;
        assert!(said.ends_with("[500]") && said.starts_with("1 of 2 "), "{said}");
        for states in [["unhealthy", "unhealthy"].as_slice(), &["initial"], &[]] {
            assert_eq!(found(&web(states)), Some(("web-none-healthy", Severity::Critical)));
        }
        let gone = WebState {
            targets: None,
            healthy: None,
            gone: vec![WebGone::TargetGroup],
            ..web(&["healthy"])
        };
        assert_eq!(found(&gone), Some(("web-gone", Severity::Critical)));
        let standing_by = WebState {
            stands_by: true,
            group: None,
            ..web(&[])
        };
        assert_eq!(found(&standing_by), None);
        let gone_there = WebState {
            gone: vec![WebGone::LoadBalancer],
            ..standing_by
        };
        assert_eq!(found(&gone_there), Some(("web-gone", Severity::Critical)));
        assert_eq!(of(&gone, true, false, &words), [], "its stack is just being changed");
        assert_eq!(of(&web(&[]), false, true, &words), [], "no local fleet runs");
        let unknown = WebState {
            targets: None,
            healthy: None,
            ..web(&["healthy"])
        };
        assert_eq!(found(&unknown), None, "nobody knows");
        // The group couldn't be read.
        let without = |states: &[&str]| WebState {
            group: None,
            ..web(states)
        };
        assert_eq!(found(&without(&["healthy", "unhealthy"])), None);
        let none = found(&without(&["unhealthy"]));
        assert_eq!(none, Some(("web-none-healthy", Severity::Critical)));
    }

    #[test]
    fn what_the_load_balancer_does_not_send_to_is_no_fault_of_the_program() {
        let words = Words::new(Some("lab".into()), "lab");
        let unused = Target {
            state: "unused".into(),
            reason: Some("Target.NotInUse".into()),
            ..Target::default()
        };
        let web = WebState {
            healthy: Some(0),
            targets: Some(vec![unused]),
            ..WebState::default()
        };
        let found = &of(&web, false, false, &words)[0];
        assert_eq!(
            (found.id, found.command.as_deref()),
            ("web-none-healthy", Some("qfleet drift lab"))
        );
        assert!(found.meaning.ends_with(": Target.NotInUse"), "{}", found.meaning);
    }

    #[test]
    fn an_alarm_that_is_on_is_named_with_its_reason() {
        let words = Words::new(Some("lab".into()), "lab");
        let alarm = |state: &str| StageAlarm {
            alarm: Alarm {
                name: "lab-web-ProgramErrorsAlarm".into(),
                state: state.into(),
                reason: "Threshold Crossed".into(),
                since: None,
            },
            scales: false,
        };
        let web = WebState {
            healthy: Some(1),
            targets: Some(Vec::new()),
            alarms: Some(["OK", "ALARM", "INSUFFICIENT_DATA"].map(alarm).into()),
            ..WebState::default()
        };
        let found = of(&web, false, false, &words);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            found[0].meaning,
            "the alarm lab-web-ProgramErrorsAlarm is on: Threshold Crossed"
        );
    }
}
