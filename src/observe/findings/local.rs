//! Of the fleet on this machine.

use super::Words;
use crate::observe::finding::Finding;
use crate::observe::finding::Severity::Warning;
use crate::observe::status::Status;

/// Workers go on without their supervisor; programs lack something that this machine should have.
pub(super) fn of(status: &Status, words: &Words) -> Vec<Finding> {
    let orphans = status.orphans.map(|orphans| orphaned(orphans, words));
    let lacks = status.lacks.iter().map(|(stage, lack)| {
        let meaning = format!("its program lacks something on this machine: {}", lack.what);
        // Several commands below each other are for the log.
        let action = match lack.help.contains('\n') {
            true => "install that for the python3 of the PATH, then end the fleet and start it again: its log says how",
            false => lack.help.as_str(),
        };
        Finding::new("program-lacks", Warning, meaning, action).of_stage(stage)
    });
    orphans.into_iter().chain(lacks).collect()
}

fn orphaned(orphans: usize, words: &Words) -> Finding {
    let (workers, run, them) = match orphans {
        1 => ("1 worker".to_owned(), "runs", "it"),
        n => (format!("{n} workers"), "run", "them"),
    };
    let meaning = format!("{workers} {run} without supervisor, which was killed: nobody scales or replaces {them}");
    let action = format!(
        "`qfleet local up` replaces {them}, `qfleet local down {}` ends {them}",
        words.environment
    );
    Finding::new("no-supervisor", Warning, meaning, action).command(words.up())
}
