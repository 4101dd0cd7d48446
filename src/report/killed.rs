//! An instance that was taken away, and what came in its place.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::form::Output;
use super::plain;
use super::style::{BAD, CAREFUL, FAINT, GOOD, STRONG, mark, paint, seconds, whole_seconds};
use crate::engine::kill_worker::{Killed, News};
use crate::observe::replacement::InstanceChange;

/// A change as it stands on its line of `--output jsonl`.
#[derive(Serialize, JsonSchema)]
struct Line<'a> {
    event: &'static str,
    #[serde(flatten)]
    change: &'a InstanceChange,
}

/// What was done to it, and what it became.
pub fn tell(output: Output, killed: &Killed, news: News<'_>) {
    match news {
        News::Changed(change) if output == Output::Jsonl => super::json_line(&Line {
            event: "instance",
            change,
        }),
        _ => super::note(&line(killed, news)),
    }
}

fn line(killed: &Killed, news: News<'_>) -> String {
    let who = format!(
        "{} in {}, an instance of the stage {} of {}",
        killed.instance, killed.zone, killed.stage, killed.address.environment
    );
    match news {
        News::Draining => format!("terminating {who}: its worker finishes what it has in hand"),
        News::Crashed {
            process_group,
            visibility_timeout,
        } => {
            let after = visibility_timeout.map_or("its visibility timeout".to_owned(), |timeout| {
                format!("its visibility timeout of {}", whole_seconds(timeout))
            });
            format!(
                "killed {who}, with SIGKILL (process group {process_group}): a message that it worked on comes back to \
                 the queue when {after} has passed"
            )
        }
        News::Noticed(at) => format!(
            "{who}, has a spot notice: EC2 takes it back at {}; until then its worker finishes or gives back what it has \
             in hand",
            clock(at)
        ),
        News::Changed(change) => changed(killed, change),
        News::NotAwaited => "interrupted: Auto Scaling goes on by itself; `qfleet status --watch` shows how".to_owned(),
    }
}

fn changed(killed: &Killed, change: &InstanceChange) -> String {
    let at = paint(FAINT, clock(change.at));
    let id = paint(STRONG, &change.instance);
    let goes = change.instance == killed.instance;
    match (&change.before, &change.after) {
        (_, None) => format!("{at}  {id} {}", paint(BAD, "is gone")),
        (None, Some(after)) => format!("{at}  {id} comes up: {}", paint(CAREFUL, after)),
        (Some(before), Some(after)) => {
            let style = match () {
                () if after == "InService" => GOOD,
                () if goes => BAD,
                () => CAREFUL,
            };
            match plain::is() {
                true => format!("{at}  {id} was {before}, is {after}"),
                false => format!("{at}  {id} {before} → {}", paint(style, after)),
            }
        }
    }
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

pub fn text(killed: &Killed) -> String {
    let (instance, environment) = (&killed.instance, &killed.address.environment);
    match (&killed.replacement, killed.seconds) {
        (Some(replacement), Some(took)) => {
            let mark = mark(GOOD, "✓");
            format!(
                "{mark}{environment}: {replacement} took the place of {instance} in {}\n",
                seconds(took)
            )
        }
        (None, Some(took)) if !killed.one_of.is_empty() => format!(
            "{environment}: {instance} is gone after {}, and {} are in service: one took its place, and the group grew by the rest\n",
            seconds(took),
            killed.one_of.join(", ")
        ),
        (None, Some(took)) => format!(
            "{environment}: {instance} is gone after {}, and {} has as many instances as it should\n",
            seconds(took),
            killed.group
        ),
        (_, None) => format!("{environment}: {instance} goes; Auto Scaling replaces it\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployed::address::Address;
    use crate::engine::kill_worker::How;

    #[test]
    fn of_several_that_came_none_is_named_as_the_replacement() {
        let killed = Killed {
            address: Address {
                environment: "lab".into(),
                account: "111122223333".into(),
                region: "us-east-2".into(),
            },
            stage: "move".into(),
            group: "lab-move".into(),
            instance: "i-1".into(),
            zone: "us-east-2a".into(),
            how: How::Drain,
            replacement: None,
            one_of: vec!["i-2".into(), "i-3".into()],
            seconds: Some(7.0),
            changes: Vec::new(),
        };
        assert_eq!(
            text(&killed),
            "lab: i-1 is gone after 7.0s, and i-2, i-3 are in service: one took its place, and the group grew by the rest\n"
        );
    }
}
