//! `qfleet local install`, as far as nothing is fetched: which Python it takes, what it says when it can't, and what finds
//! what it brought. That it works is in `emulator/tools.rs`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use regex::Regex;

use crate::harness::{Output, Test, tools_path, wait_until};

const BROUGHT: &str = "home/.local/share/qfleet/tools/bin";

fn packages(text: &str) -> BTreeMap<String, String> {
    let line = Regex::new(r"(?m)^([A-Za-z0-9_.-]+)==([^\s;]+)").unwrap();
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    line.captures_iter(text)
        .map(|found| (plain(&found[1]), found[2].to_owned()))
        .collect()
}

#[test]
fn what_is_brought_is_what_is_tested() {
    let read = |path: &str| fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let tested = packages(&read("tests/requirements.txt"));
    let brought = packages(&read("src/local/tools/requirements.txt"));
    for (name, version) in &brought {
        assert_eq!(tested.get(name), Some(version), "{name}: run `make tools-requirements`");
    }
    for name in ["ministack", "boto3", "cbor2", "cfn-lint"] {
        assert!(brought.contains_key(name), "{name}");
    }
    assert_eq!(brought["ministack"], qfleet::local::VERSION);
    assert_eq!(brought["cfn-lint"], qfleet::blueprint::cfn_lint::VERSION);
    // The worker that `init` writes.
    let worker = packages(&read("templates/init/worker/requirements.txt"));
    assert!(!worker.is_empty());
    for (name, version) in &worker {
        assert_eq!(brought.get(name), Some(version), "{name}");
    }
}

fn install() -> Test {
    Test::new().args(["local", "install"]).status(1).stdout("")
}

/// A `python3` that says this, alone on the PATH.
fn with_python(said: &str) -> Test {
    let test = install().executable("bin/python3", format!("#!/bin/sh\nprintf '{said}'\n"));
    let path = test.path("bin");
    test.env("PATH", path)
}

/// The Python of the tests, with which nothing can be fetched: these settings say from where.
fn fetching(settings: &[(&str, &str)]) -> Test {
    let none = [("PATH", tools_path()), ("PIP_CONFIG_FILE", "/dev/null".into())];
    let test = none
        .into_iter()
        .fold(install(), |test, (name, value)| test.env(name, value));
    let settings = settings.iter();
    settings.fold(test, |test, (name, value)| test.env(*name, *value))
}

/// What is in the folder of the user's data.
fn kept(data: &Path) -> Vec<OsString> {
    let kept = fs::read_dir(data).expect("a folder");
    kept.map(|entry| entry.expect("an entry").file_name()).collect()
}

/// Of what was begun, nothing stays.
fn nothing_stays(output: &Output) {
    assert_eq!(kept(&output.path("home/.local/share/qfleet")), ["tools.lock"]);
    output
        .then()
        .args(["local", "uninstall"])
        .stdout("Nothing was installed\n")
        .run();
}

#[test]
fn a_machine_without_a_fitting_python_is_told_how_to_get_one() {
    let none = install().env("PATH", "/nonexistent").stderr_regex(
        "error: the local emulator needs Python 3.10 or later, and there is no python3 on the PATH\n  help: install one: .*",
    );
    nothing_stays(&none.run());
    with_python("3.9.2\\n")
        .stderr_contains("error: the local emulator needs Python 3.10 or later, and python3 is Python 3.9.2\n")
        .run();
    with_python("3.12.1\\nensurepip\\n")
        .stderr_contains(
            "error: python3 (Python 3.12.1) can't make virtual environments: its module ensurepip is missing\n",
        )
        .stderr_contains("`apt install python3.12-venv`")
        .run();
    let named = install().args(["--python", "/etc/passwd"]);
    named.stderr_contains("/etc/passwd can't be run: ").run();
    // One that is new enough, beside the system's own.
    let beside = with_python("3.9.2\\n").executable("bin/python3.11", "#!/bin/sh\necho 3.11.1\n");
    // It is taken, and can do nothing.
    beside.stderr_contains("Installing").stderr_lacks("3.9.2").run();
}

#[test]
fn without_an_answer_from_the_index_nothing_stays() {
    // Nobody listens on port 1.
    let settings = [("PIP_INDEX_URL", "http://127.0.0.1:1/simple"), ("PIP_RETRIES", "0")];
    let output = fetching(&settings)
        .stderr_contains("Installing ministack ")
        .stderr_contains("error: pip gets nothing from the package index; it said:\n")
        .stderr_contains("HTTPS_PROXY")
        .run();
    nothing_stays(&output);
}

#[test]
fn a_file_with_another_hash_is_refused() {
    let test = fetching(&[("PIP_NO_INDEX", "1")]).file("wheels/boto3-1.43.106-py3-none-any.whl", "not that one");
    let wheels = test.path("wheels");
    let output = test
        .env("PIP_FIND_LINKS", wheels)
        .stderr_contains("error: a package isn't the one that qfleet was tested with; it said:\n")
        .stderr_contains("nothing was installed")
        .run();
    nothing_stays(&output);
}

#[test]
fn an_installation_that_is_interrupted_leaves_nothing() {
    let test = Test::new();
    // It hangs in the middle, as pip does on a slow network.
    let script = "#!/bin/sh\ncase \"$*\" in *'-m venv'*)\n  for last; do :; done\n  mkdir -p \"$last/bin\"\n  touch \
                  \"$last/bin/ministack\" begun\n  exec sleep 60;;\nesac\necho 3.12.1\n";
    let test = test.executable("bin/python3", script);
    let path = format!("{}:/usr/bin:/bin", test.path("bin").display());
    let test = test.env("PATH", path);
    let data = test.path("home/.local/share/qfleet");
    let begun = test.path("begun");
    let test = test.args(["local", "install"]);
    let mut command = test.command();
    let mut child = command.process_group(0).spawn().expect("qfleet runs");
    wait_until("it has begun", || begun.exists());
    killpg(
        Pid::from_raw(i32::try_from(child.id()).expect("a number")),
        Signal::SIGINT,
    )
    .expect("signals");
    let ended = child.wait().expect("ends");
    assert_eq!(ended.code(), Some(130));
    assert_eq!(kept(&data), ["tools.lock"]);
}

#[test]
fn what_a_killed_one_leaves_is_not_found() {
    // As a process leaves it that was killed: the folder, and no link to it.
    Test::new()
        .executable(
            "home/.local/share/qfleet/tools-0123456789ab/bin/ministack",
            "#!/bin/sh\n",
        )
        .env("PATH", "/nonexistent")
        .args(["local", "status"])
        .stdout("No local AWS emulator is running and none is installed (`qfleet local install` installs it)\n")
        .run();
}

#[test]
fn check_finds_the_cfn_lint_that_was_brought() {
    let file = "name: lab\nregion: us-east-2\nstages:\n  - name: work\n    workers: {instances: {program: program, types: \
                [t4g.small], min: 1, max: 1}}\n";
    let check = |brought: bool| {
        let test = Test::new()
            .file("lab.yaml", file)
            .executable("program/run", "#!/bin/sh\n")
            .env("PATH", "/nonexistent")
            .args(["check", "lab.yaml"]);
        if brought {
            test.executable(&format!("{BROUGHT}/cfn-lint"), "#!/bin/sh\necho '[]'\n")
        } else {
            test
        }
    };
    check(true).stdout_lacks("cfn-lint").run();
    check(false)
        .stdout_contains("cfn-lint is not installed, so the templates were not checked against AWS's schemas: `qfleet local install` brings it\n")
        .run();
}

#[test]
fn init_names_the_installation_where_there_is_no_emulator() {
    let init = || Test::new().args(["init"]);
    init()
        .env("PATH", "/nonexistent")
        .stdout_contains("\n  qfleet local install ")
        .stdout_contains("  the emulator, once on a machine\n")
        .run();
    init()
        .executable(&format!("{BROUGHT}/ministack"), "#!/bin/sh\n")
        .env("PATH", "/nonexistent")
        .stdout_lacks("local install")
        .run();
}

#[test]
fn a_worker_whose_python_lacks_boto3_is_told_of_the_one_that_is_brought() {
    let test = Test::new()
        .args(["init"])
        .run()
        .then()
        .executable("bin/python3", "#!/bin/sh\nprintf '/usr/bin/python3\\nboto3\\n'\n");
    let path = test.path("bin");
    test.env("PATH", path)
        .args(["local", "up", "lab"])
        .status(4)
        .stderr_contains("error: /usr/bin/python3, the python3 that workers find on the PATH, lacks boto3\n")
        .stderr_contains("`qfleet local install` brings a Python that has it; then qfleet local up lab\n")
        .run();
}
