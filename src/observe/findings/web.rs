//! What is to be looked into about the web tier.

use super::Words;
use crate::deployed::web::WEB;
use crate::observe::finding::{Finding, Severity};
use crate::observe::web::WebState;

/// `in_progress`: its stack is just being changed. `no_fleet`: it is the emulator's, and no local fleet runs it.
pub fn of(web: &WebState, in_progress: bool, no_fleet: bool, words: &Words) -> Option<Finding> {
    if in_progress || no_fleet {
        return None;
    }
    if web.stands_by && web.targets.is_some() {
        return None;
    }
    let (Some(targets), Some(group)) = (&web.targets, &web.group) else {
        let what = if web.targets.is_none() {
            "target group"
        } else {
            "Auto Scaling group"
        };
        let meaning = format!("its {what} is gone: nobody answers");
        let finding = Finding::new(
            "web-gone",
            Severity::Critical,
            meaning,
            "put it back, or deploy a stack anew",
        );
        return Some(finding.of_stage(WEB).command(format!("qfleet drift {}", words.file)));
    };
    let reasons = || {
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
    };
    let min = usize::try_from(group.min).unwrap_or_default();
    let all = targets.len();
    let logs = || format!("qfleet logs {} {WEB}", words.file);
    let finding = match web.healthy {
        0 => Finding::new(
            "web-none-healthy",
            Severity::Critical,
            format!("none of its {all} targets is healthy, so nobody answers{}", reasons()),
            "see what the program says, and whether it answers its health check",
        )
        .command(logs()),
        healthy if healthy < min => Finding::new(
            "web-few-healthy",
            Severity::Warning,
            format!(
                "{healthy} of {all} targets are healthy, and there should be {min}{}",
                reasons()
            ),
            "Auto Scaling replaces what stays unhealthy: see what the program says if it goes on",
        )
        .command(logs()),
        _ => return None,
    };
    Some(finding.of_stage(WEB))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::autoscaling::groups::Group;
    use crate::cloud::load_balancing::Target;

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
                healthy: targets.iter().filter(|target| target.is_healthy()).count(),
                targets: Some(targets),
                group: Some(Group {
                    min: 2,
                    ..Group::default()
                }),
                ..WebState::default()
            }
        };
        let found = |web: &WebState| of(web, false, false, &words).map(|finding| (finding.id, finding.severity));
        assert_eq!(found(&web(&["healthy", "healthy"])), None);
        // More than there need be: one that comes up, or goes, is no trouble.
        assert_eq!(found(&web(&["healthy", "healthy", "initial", "draining"])), None);
        let few = web(&["healthy", "unhealthy"]);
        assert_eq!(found(&few), Some(("web-few-healthy", Severity::Warning)));
        let said = of(&few, false, false, &words).expect("it").meaning;
        assert!(said.ends_with("[500]") && said.starts_with("1 of 2 "), "{said}");
        for states in [["unhealthy", "unhealthy"].as_slice(), &["initial"], &[]] {
            assert_eq!(found(&web(states)), Some(("web-none-healthy", Severity::Critical)));
        }
        let gone = WebState {
            targets: None,
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
            targets: None,
            ..standing_by
        };
        assert_eq!(found(&gone_there), Some(("web-gone", Severity::Critical)));
        assert_eq!(of(&gone, true, false, &words), None, "its stack is just being changed");
        assert_eq!(of(&web(&[]), false, true, &words), None, "no local fleet runs");
    }
}
