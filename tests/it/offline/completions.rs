//! What Tab offers, asked of real shells with the scripts that `qfleet completions` prints.

use std::path::Path;
use std::process::Command;

use crate::harness::Test;

const FILE: &str = "name: photo-lab\nregion: us-east-2\nstages:\n  - name: work\n    workers: {instances: {program: ../program, \
                    types: [t4g.small], min: 1, max: 1}}\n  - name: wrap-up\n    workers: {instances: {program: ../program, \
                    types: [t4g.small], min: 1, max: 1}}\n";

/// The last word of the line, completed in a folder with two environments, one of which is wrong.
fn in_bash(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let script = format!(
        "source <(qfleet completions bash)\nCOMP_WORDS=({words})\nCOMP_CWORD={last}\nCOMP_TYPE=9\n\
         complete -p qfleet | grep -q -- '-F _clap_complete_qfleet' || exit 7\n\
         _clap_complete_qfleet qfleet {current:?} before\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        words = words
            .iter()
            .map(|word| format!("{word:?}"))
            .collect::<Vec<_>>()
            .join(" "),
        last = words.len() - 1,
        current = words[words.len() - 1],
    );
    shown("bash", &["-c", &script])
}

/// What a shell prints there.
fn shown(shell: &str, args: &[&str]) -> Vec<String> {
    let place = Test::new()
        .file("stacks/lab.yaml", FILE)
        .file("stacks/broken.yml", "name: [\n")
        .file("stacks/README.md", "")
        .file("other/more.yaml", FILE)
        .executable("program/run", "#!/bin/sh\n");
    let command = place.command();
    let qfleet = Path::new(command.get_program()).parent().expect("a folder");
    let output = Command::new(shell)
        .args(args)
        .current_dir(place.path("."))
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", qfleet.display()))
        .env("HOME", place.path("home"))
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    said.lines().map(str::to_owned).collect()
}

#[test]
fn tab_completes_commands_and_options() {
    assert_eq!(in_bash("qfleet dep"), ["deploy"]);
    assert_eq!(in_bash("qfleet local st"), ["start", "stop", "status"]);
    assert_eq!(in_bash("qfleet init --na"), ["--name"]);
    assert_eq!(in_bash("qfleet completions z"), ["zsh"]);
    assert!(!in_bash("qfleet ").contains(&"man".to_owned()));
}

#[test]
fn tab_completes_environments_stages_and_parts() {
    assert_eq!(in_bash("qfleet deploy l"), ["lab"]);
    // Names, folders that may hold files, and no other file.
    assert_eq!(
        in_bash("qfleet deploy stacks/"),
        ["stacks/broken.yml", "stacks/lab.yaml"]
    );
    let all = in_bash("qfleet status ");
    for name in ["lab", "broken", "other/"] {
        assert!(all.contains(&name.to_owned()), "{name} of {all:?}");
    }
    assert_eq!(in_bash("qfleet send lab --stage w"), ["work", "wrap-up"]);
    assert_eq!(in_bash("qfleet send other/more.yaml --stage wr"), ["wrap-up"]);
    assert_eq!(in_bash("qfleet logs stacks/lab.yaml wo"), ["work"]);
    assert_eq!(in_bash("qfleet deploy lab --only a"), ["artifacts"]);
    // In which file it is doesn't matter, and one that is wrong is in nobody's way.
    assert_eq!(in_bash("qfleet status --name p"), ["photo-lab"]);
    assert!(in_bash("qfleet send broken --stage w").concat().is_empty());
}

/// The other shells are asked where they are installed, as in CI.
#[test]
fn zsh_and_fish_complete_the_same() {
    let is_there = |shell: &str| Command::new(shell).args(["-c", "true"]).output().is_ok();
    if is_there("fish") {
        let script = "qfleet completions fish | source; complete -C 'qfleet send lab --stage w'";
        assert_eq!(shown("fish", &["--no-config", "-c", script]), ["work", "wrap-up"]);
    } else {
        eprintln!("skipped: no fish");
    }
    if is_there("zsh") {
        // zsh completes only where somebody types: its own functions are stood in for.
        let script = "compdef() { bound=$1 }; _describe() { print -l -- ${(P)argv[-1]} }\n\
                      source <(qfleet completions zsh)\nwords=(qfleet send lab --stage w); CURRENT=5; $bound";
        assert_eq!(shown("zsh", &["-f", "-c", script]), ["work", "wrap-up"]);
    } else {
        eprintln!("skipped: no zsh");
    }
}

#[test]
fn every_shell_has_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        Test::new()
            .args(["completions", shell])
            .stdout_contains("QFLEET_COMPLETE")
            .stderr("")
            .run();
    }
    Test::new()
        .args(["completions", "tcsh"])
        .status(2)
        .stderr_contains("possible values: bash")
        .run();
}
