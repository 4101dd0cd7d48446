//! What to do next: commands to copy, each with its purpose.

use std::fmt::Write;

use textwrap::core::display_width;

/// A command, and what it is for.
#[derive(Debug, Clone)]
pub struct Step {
    command: String,
    purpose: &'static str,
}

impl Step {
    pub fn new(command: String, purpose: &'static str) -> Step {
        Step { command, purpose }
    }
}

/// Commands below each other, with what they are for beside them; below them in a terminal that hasn't so many columns.
pub fn text(steps: &[Step]) -> String {
    text_to(super::width(), steps)
}

fn text_to(width: Option<usize>, steps: &[Step]) -> String {
    let longest = steps
        .iter()
        .map(|step| display_width(&step.command))
        .max()
        .unwrap_or_default();
    let purposes = steps.iter().map(|step| display_width(step.purpose));
    let needed = 2 + longest + 2 + purposes.max().unwrap_or_default();
    let fits = width.is_none_or(|columns| needed <= columns);
    let mut out = String::new();
    for Step { command, purpose } in steps {
        let _ = match fits {
            true => writeln!(out, "  {command:longest$}  {purpose}"),
            false => writeln!(out, "  {command}\n      {purpose}"),
        };
    }
    out
}

/// What workers are given to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryWith<'a> {
    /// This file, which is there.
    File(&'a str),
    /// A message, to this stage.
    Message(&'a str),
    /// A file that only its owner knows.
    OwnFile,
    /// A message to this stage, in a file that only its owner knows.
    OwnMessage(&'a str),
}

/// From what is deployed on this machine to work that is done.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// As it is named in commands.
    pub environment: &'a str,
    /// The options that say where it is.
    pub whereabouts: &'a str,
    /// Whether there are workers that the emulator doesn't start itself.
    pub has_instances: bool,
    pub try_with: TryWith<'a>,
}

impl Trial<'_> {
    /// Workers, something to do, how it goes, what came of it, and the end of the workers.
    pub fn steps(&self) -> Vec<Step> {
        let Trial {
            environment,
            whereabouts,
            ..
        } = self;
        let of = |verb: &str, more: &str| format!("qfleet {verb} {environment} {more}").trim_end().to_owned();
        // `local` means this machine by itself.
        let beside = whereabouts.trim_start_matches("--local").trim_start();
        let detached = format!("--detach {beside}");
        let mut steps = Vec::new();
        if self.has_instances {
            steps.push(Step::new(
                of("local up", detached.trim_end()),
                "run its workers, in the background",
            ));
        }
        let give = "something for the workers to do";
        let send = |what: &str| of("send", &format!("{what} {whereabouts}"));
        let (send, files) = match self.try_with {
            TryWith::File(file) => (Step::new(send(file), give), true),
            TryWith::Message(stage) => {
                let send = send(&format!("--stage {stage} -"));
                (Step::new(format!("echo hello | {send}"), give), false)
            }
            TryWith::OwnFile => (Step::new(send("FILE"), "a file for the workers to work on"), true),
            TryWith::OwnMessage(stage) => {
                let send = send(&format!("--stage {stage} FILE"));
                (Step::new(send, "a file with a message for the workers"), false)
            }
        };
        steps.push(send);
        steps.push(Step::new(
            of("status", &format!("--watch {whereabouts}")),
            "how it goes; q leaves it",
        ));
        steps.push(match files {
            true => Step::new(of("files", whereabouts), "what was uploaded, and what is done"),
            false => Step::new(of("logs", whereabouts), "what the workers say"),
        });
        if self.has_instances {
            steps.push(Step::new(of("local down", beside), "end the workers"));
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_stands_beside_its_command_where_there_is_room_for_all() {
        let steps = [
            Step::new("qfleet check lab".into(), "what can be known"),
            Step::new("qfleet logs lab".into(), "what they say"),
        ];
        let beside = "  qfleet check lab  what can be known\n  qfleet logs lab   what they say\n";
        assert_eq!(text_to(None, &steps), beside);
        assert_eq!(text_to(Some(37), &steps), beside);
        let below = "  qfleet check lab\n      what can be known\n  qfleet logs lab\n      what they say\n";
        assert_eq!(text_to(Some(36), &steps), below);
    }
}
