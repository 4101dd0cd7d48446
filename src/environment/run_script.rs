//! What can be read off a program's `run`, where that is a shell's script.

use std::fs;
use std::io::Read;
use std::path::Path;

use super::Environment;
use super::problem::Problem;

/// More than anybody writes by hand.
const LONGEST: u64 = 64 << 10;

/// A shell that waits for its program dies of SIGTERM before it, and systemd kills what is left: the program never hears
/// of its end. (`KillMode=mixed` in `templates/worker/bootstrap.sh`: the signal is for the main process alone, which may
/// still need what it started.)
pub(super) fn advise(environment: &Environment, advice: &mut Vec<Problem>) {
    for (at, instances) in environment.instances() {
        let Some(program) = &instances.program else {
            continue;
        };
        // A program that isn't there, or can't be read, is said where it is packed.
        if read(&environment.program_folder(program).join("run")).is_some_and(|run| waits_for_its_program(&run)) {
            advice.push(
                Problem::new(
                    format!("{at}/program"),
                    "its `run` starts the worker without `exec`: SIGTERM ends the script, and the worker is killed with \
                     what it has in hand",
                )
                .help("write `exec` before the command that starts the worker, or `trap` SIGTERM"),
            );
        }
    }
}

fn read(path: &Path) -> Option<String> {
    // A pipe would be waited for.
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut text = String::new();
    fs::File::open(path)
        .ok()?
        .take(LONGEST)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

fn waits_for_its_program(run: &str) -> bool {
    let mut lines = run.lines();
    let interpreter = lines.next().unwrap_or_default().strip_prefix("#!").unwrap_or_default();
    let shell = interpreter.rsplit(['/', ' ']).find(|word| !word.starts_with('-'));
    if !matches!(shell, Some("sh" | "bash" | "dash" | "ash" | "zsh" | "ksh")) {
        return false;
    }
    let code: Vec<&str> = lines
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let mut words = code.iter().flat_map(|line| line.split([' ', '\t', ';', '&', '|']));
    !code.is_empty() && !words.any(|word| word == "exec" || word == "trap")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_shell_that_waits_is_told_of() {
        for (run, waits) in [
            ("#!/bin/sh\npython3 worker.py\n", true),
            (
                "#!/usr/bin/env bash\nset -eu\n# exec is for later\nnode worker.mjs\n",
                true,
            ),
            ("#!/bin/bash -e\n./worker | tee log\n", true),
            ("#!/bin/sh\nset -eu\nexec python3 worker.py\n", false),
            ("#!/bin/sh\ncd /opt && exec ./worker\n", false),
            ("#!/bin/bash\ntrap 'kill $!; wait' TERM\n./worker & wait\n", false),
            ("#!/usr/bin/env python3\nprint()\n", false),
            ("#!/bin/sh\n", false),
            ("\u{7f}ELF", false),
            ("", false),
        ] {
            assert_eq!(waits_for_its_program(run), waits, "{run}");
        }
    }
}
