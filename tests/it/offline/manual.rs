//! The manual pages that `qfleet man` writes for packages.

use std::fs;
use std::process::Command;

use clap::CommandFactory;

use crate::harness::{Output, Test};

fn written() -> Output {
    Test::new()
        .args(["man", "man1"])
        .stdout_contains(" pages written to man1\n")
        .run()
}

#[test]
fn every_command_has_a_page_and_every_page_its_sections() {
    fn visit(command: &clap::Command, name: &str, output: &Output) -> usize {
        let page = output.read(&format!("man1/{name}.1"));
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"] {
            assert!(
                page.contains(&format!(".SH \"{section}\"\n")) || page.contains(&format!(".SH {section}\n")),
                "{name}: {section}"
            );
        }
        let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
        1 + verbs
            .map(|verb| visit(verb, &format!("{name}-{}", verb.get_name()), output))
            .sum::<usize>()
    }
    let output = written();
    let pages = visit(&qfleet::commands::Cli::command(), "qfleet", &output);
    assert_eq!(fs::read_dir(output.path("man1")).expect("a folder").count(), pages);
    let main = output.read("man1/qfleet.1");
    for words in ["ENVIRONMENT", "FILES", "130  interrupted", "QFLEET_MINISTACK"] {
        assert!(main.contains(words), "{words}");
    }
}

/// By groff, which man uses, where it is installed.
#[test]
fn pages_are_sound() {
    let output = written();
    if Command::new("groff").arg("--version").output().is_err() {
        eprintln!("skipped: no groff");
        return;
    }
    for entry in fs::read_dir(output.path("man1")).expect("a folder") {
        let page = entry.expect("an entry").path();
        let shown = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww", "-P-c", "-P-b", "-P-u"])
            .arg(&page)
            .output()
            .expect("groff");
        assert!(
            shown.status.success() && shown.stderr.is_empty(),
            "{}: {}",
            page.display(),
            String::from_utf8_lossy(&shown.stderr)
        );
        let text = String::from_utf8_lossy(&shown.stdout);
        assert!(text.contains("EXIT STATUS"), "{}:\n{text}", page.display());
    }
}
