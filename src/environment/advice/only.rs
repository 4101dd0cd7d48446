//! Files that two stages get, and files that none gets.

use crate::environment::Environment;
use crate::environment::problem::Problem;
use crate::environment::routes::{Files, wanted};

pub(super) fn advise(environment: &Environment, advice: &mut Vec<Problem>) {
    let all: Vec<_> = (0..environment.stages.len())
        .map(|stage| wanted(environment, stage))
        .collect();
    let name = |stage: usize| &environment.stages[stage].name;
    for (later, files) in all.iter().enumerate() {
        let shared = all[..later].iter().enumerate().find_map(|(earlier, others)| {
            let both = |files| others.iter().find(|other| other.overlaps(files));
            files
                .iter()
                .find_map(|files| Some((earlier, files.both(both(files)?)?)))
        });
        if let Some((earlier, files)) = shared {
            let text = format!(
                "`{}` and `{}` both get files such as {files}",
                name(earlier),
                name(later)
            );
            let help = "fine for different work on the same file; but only one of them may move or delete it";
            let key = match environment.stages[later].only {
                Some(_) => "only",
                None => "from",
            };
            advice.push(Problem::new(format!("/stages/{later}/{key}"), text).help(help));
        }
    }
    let Some(bucket) = &environment.bucket else { return };
    let gets_all = |files: &Files| files.prefix == bucket.uploads && files.suffix.is_empty();
    if !all.iter().flatten().any(gets_all) {
        let last = all.iter().rposition(|files| !files.is_empty()).unwrap_or_default();
        let text = format!(
            "no stage gets the other files under `{}`: nothing happens to them",
            bucket.uploads
        );
        let help =
            "fine if nobody uploads others; else add a stage for them. `qfleet status` counts those that lie there";
        advice.push(Problem::new(format!("/stages/{last}/only"), text).help(help));
    }
}
