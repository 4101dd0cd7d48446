//! What `drift` ignores: parts that there are, and nothing twice.

use super::Checks;
use super::names::RESERVED;
use crate::environment::nearest::nearest;
use crate::environment::problem::Problem;

pub(super) fn check(checks: &mut Checks) {
    let ignores = &checks.environment.drift.ignore;
    let stages: Vec<&str> = checks
        .environment
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .chain(checks.environment.extras.iter().map(|extra| extra.name.as_str()))
        .collect();
    for (i, ignore) in ignores.iter().enumerate() {
        let at = format!("/drift/ignore/{i}");
        let names = || {
            stages
                .iter()
                .copied()
                .chain(RESERVED.into_iter().filter(|name| *name != "bucket"))
        };
        if let Some((part, _)) = ignore.resource.split_once('.')
            && !names().any(|name| name == part)
        {
            let help = match nearest(part, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => {
                    "a part is a stage, `artifacts`, `network`, `intake`, `results`, `alerts` or `dashboard`, or an extra".to_owned()
                }
            };
            let problem = Problem::new(format!("{at}/resource"), format!("there is no part `{part}`")).help(help);
            checks.note(problem, &["/stages"]);
        }
        let again = |other: &&crate::environment::DriftIgnore| {
            other.resource == ignore.resource && other.property == ignore.property
        };
        if ignores[..i].iter().any(|other| again(&other)) {
            let what = format!("{} of {} is ignored twice", ignore.property, ignore.resource);
            checks.note(Problem::new(at, what).help("remove one of the two"), &[]);
        }
    }
}
