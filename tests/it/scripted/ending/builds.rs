//! A signal while a function's program is built: the build ends with all that it started, and leaves nothing.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::harness::{Test, lives, wait_until};
use crate::scripted::ending::{ENDS_WITHIN, Moment, Running, Wrong, all, in_time};

const FILE: &str = "\
name: lab
region: us-east-2
stages:
  - name: work
    workers:
      lambda: {program: program, handler: work.handler, runtime: python3.13}
";

/// Writes who it is, and who works for it, and doesn't end by itself.
fn build(notes: &Path, stubborn: bool) -> String {
    let notes = notes.display();
    let trap = if stubborn { "trap '' TERM" } else { ":" };
    format!(
        "#!/bin/sh\n{trap}\nsleep 1000 &\necho $$ >'{notes}/build'\necho $! >'{notes}/new'\nmv '{notes}/new' \
         '{notes}/sleep'\nwhile :; do wait; sleep 1; done\n"
    )
}

fn pid(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn ends(command: &'static [&'static str], signal: Signal, stubborn: bool) -> Result<(), Wrong> {
    let test = Test::new();
    let (notes, temporary) = (test.path("notes"), test.path("temporary"));
    for folder in [&notes, &temporary] {
        fs::create_dir(folder).expect("a folder");
    }
    let test = test
        .file("lab.yaml", FILE)
        .file("program/work.py", "def handler(event, context): pass\n")
        .executable("program/build", build(&notes, stubborn))
        .env("TMPDIR", temporary.to_str().expect("a path"))
        .args(command.iter().copied());
    let mut running = Running::start(test);
    running.until(std::time::Duration::from_secs(60), || notes.join("sleep").exists());
    let pids = ["build", "sleep"].map(|name| pid(&notes.join(name)).expect("it runs"));
    let since = Moment::now();
    running.signal(signal);
    // Its folder is looked at while it is there.
    let Running { _test: test, child } = running;
    let output = child.wait_with_output().expect("it ends");
    let took = since.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{command:?}: {said}");
    wait_until("the build has ended", || !pids.into_iter().any(lives));
    let left: Vec<_> = fs::read_dir(&temporary).expect("the folder").flatten().collect();
    assert!(left.is_empty(), "{command:?}: {left:?}");
    drop(test);
    in_time(took, ENDS_WITHIN, || format!("{command:?} took {took:?}"))
}

#[test]
fn a_signal_while_python_is_asked_for_packages_is_no_lack_of_them() {
    let test = Test::new();
    let (asked, bin) = (test.path("asked"), test.path("bin"));
    let python = format!("#!/bin/sh\ntouch '{}'\nsleep 1\nexit 1\n", asked.display());
    let path = std::env::var("PATH").expect("a PATH");
    let file = FILE.replace(
        "lambda: {program: program, handler: work.handler, runtime: python3.13}",
        "instances: {program: program, types: [t3.micro], min: 1, max: 1}",
    );
    let test = test
        .file("lab.yaml", file)
        .executable("program/run", "#!/bin/sh\nexec python3 work.py\n")
        .file("program/requirements.txt", "boto3\n")
        .executable("bin/python3", python)
        .env("PATH", format!("{}:{path}", bin.display()))
        .args(["local", "up", "lab.yaml"]);
    let mut running = Running::start(test);
    running.until(std::time::Duration::from_secs(60), || asked.exists());
    running.signal(Signal::SIGINT);
    let Running { _test: test, child } = running;
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(!said.contains("lacks"), "{said}");
    drop(test);
}

#[test]
fn a_signal_ends_a_build_with_all_that_it_started() {
    let mut cases = Vec::new();
    for command in [
        ["check", "lab.yaml"].as_slice(),
        &["render", "lab.yaml"],
        &["deploy", "lab.yaml", "--yes"],
    ] {
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            cases.push((command, signal, false));
        }
    }
    cases.push((&["check", "lab.yaml"], Signal::SIGTERM, true));
    all(cases, |(command, signal, stubborn)| ends(command, signal, stubborn));
}
