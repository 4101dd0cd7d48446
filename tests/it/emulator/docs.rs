//! The README and `docs/`, done as they say: their console blocks run in a shell, in a folder like the repository, with
//! an emulator of their own. A line `...` stands for any lines, `[..]` for anything on a line.

use std::path::PathBuf;
use std::process::{Command, Output};

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Page, Step, Test, find_ministack, free_port, tools_path};

/// A reader's shell. The emulator ends with it.
struct Shell {
    home: TempDir,
    folder: PathBuf,
    /// Of the last command.
    code: i32,
}

impl Shell {
    fn new() -> Shell {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("qfleet");
        let bin = home.path().join("bin");
        std::fs::create_dir_all(&bin).expect("a folder");
        std::fs::create_dir_all(&folder).expect("a folder");
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let link = |from: PathBuf, to: PathBuf| std::os::unix::fs::symlink(from, to).expect("a link");
        link(Test::new().command().get_program().into(), bin.join("qfleet"));
        for name in ["stacks", "examples"] {
            link(root.join(name), folder.join(name));
        }
        let mut shell = Shell { home, folder, code: 0 };
        let started = shell.run(&format!("qfleet local start --port {}", free_port()));
        assert_eq!(shell.code, 0, "{}", text(&started.stdout));
        shell
    }

    fn run(&mut self, command: &str) -> Output {
        self.run_in("", command)
    }

    fn run_in(&mut self, settings: &str, command: &str) -> Output {
        let bin = std::iter::once(self.home.path().join("bin"));
        let tools = tools_path();
        let path = std::env::join_paths(bin.chain(std::env::split_paths(&tools))).expect("a path");
        let output = Command::new("bash")
            .args(["-c", &format!("{settings} (exit {}); {command}", self.code)])
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home.path())
            .env("NO_COLOR", "1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("QFLEET_MINISTACK", find_ministack())
            .stdin(std::process::Stdio::null())
            .output()
            .expect("a shell");
        self.code = output.status.code().unwrap_or(-1);
        output
    }

    /// Types a command, and sees what the page says.
    fn step(&mut self, at: &str, step: &Step, may_fail: bool) {
        let words: Vec<&str> = step.command.split_whitespace().collect();
        if let ["cd", folder] = words[..] {
            self.folder = self.folder.join(folder);
            return;
        }
        // Its packages come from the network; what they bring is named to the shell.
        if let ["qfleet", "local", "install", ..] = words[..] {
            return;
        }
        let output = self.run_in("exec 2>&1;", &step.command);
        let said = text(&output.stdout);
        assert!(
            may_fail || self.code == 0,
            "{at}: {} ended with {}:\n{said}",
            step.command,
            self.code
        );
        let shown = pattern(&step.shown);
        assert!(
            step.shown.is_empty() || shown.is_match(&said),
            "{at}: {} doesn't say what the page shows, but:\n{said}",
            step.command
        );
    }

    fn json(&mut self, command: &str) -> Value {
        let output = self.run(&format!("{command} --output json"));
        let said = text(&output.stdout);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{command}: {error}: {said}{}", text(&output.stderr)))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.run("qfleet local stop --yes");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn pattern(shown: &[String]) -> Regex {
    let line = |line: &String| match line.trim_end() {
        "..." => r"(?:[^\n]*\n)*?".to_owned(),
        line => format!("{}\n", regex::escape(line).replace(r"\[\.\.\]", r"[^\n]*")),
    };
    let lines: String = shown.iter().map(line).collect();
    Regex::new(&format!("^{lines}$")).expect("a pattern")
}

/// Runs all of a page's console blocks, in their order.
fn run(path: &str) {
    let page = Page::named(path);
    let blocks = page.blocks();
    let blocks: Vec<_> = blocks
        .iter()
        .filter(|block| block.is_console() && block.not_run().is_none())
        .collect();
    assert!(!blocks.is_empty(), "{path} has no block that can be run");
    let mut shell = Shell::new();
    for block in blocks {
        let steps = block.steps();
        for (index, step) in steps.iter().enumerate() {
            let asked = steps.get(index + 1).is_some_and(|next| next.command == "echo $?");
            shell.step(&format!("{path}:{}", block.at), step, asked);
        }
    }
}

/// A test of each page that has something to run; of the other pages, that they have nothing.
macro_rules! pages {
    ($($name:ident: $path:literal;)*) => {
        $(
            #[test]
            fn $name() {
                run($path);
            }
        )*

        #[test]
        fn pages_without_a_test_have_nothing_to_run() {
            for page in Page::all().iter().filter(|page| ![$($path),*].contains(&page.path.as_str())) {
                for block in page.blocks().iter().filter(|block| block.is_console()) {
                    assert!(block.not_run().is_some(), "{}:{}: nobody runs this", page.path, block.at);
                }
            }
        }
    };
}

pages! {
    the_readme_says_what_happens: "README.md";
    the_tutorial_says_what_happens: "docs/tutorial.md";
    pipelines_says_what_happens: "docs/pipelines.md";
    doctor_says_what_happens: "docs/doctor.md";
    permissions_says_what_happens: "docs/permissions.md";
    status_says_what_happens: "docs/status.md";
    images_says_what_happens: "docs/images.md";
    logs_says_what_happens: "docs/logs.md";
    results_says_what_happens: "docs/results.md";
    lambda_says_what_happens: "docs/lambda.md";
    switching_says_what_happens: "docs/switching.md";
    jobs_are_answered_as_they_say: "docs/jobs.md";
    drift_says_what_happens: "docs/drift.md";
    destroy_says_what_happens: "docs/destroy.md";
    delivery_says_what_happens: "docs/delivery.md";
    regions_says_what_happens: "docs/regions.md";
    graph_says_what_happens: "docs/graph.md";
    web_says_what_happens: "docs/web.md";
    many_says_what_happens: "docs/many.md";
    looks_says_what_happens: "docs/looks.md";
}

#[test]
fn every_document_is_as_its_schema_says() {
    let mut shell = Shell::new();
    let mut documents = vec![
        ("error", shell.json("qfleet plan nothing-of-this-name --local")),
        ("doctor", shell.json("qfleet doctor lab --local")),
        ("plan", shell.json("qfleet plan lab --local")),
        ("deploy", shell.json("qfleet deploy lab --local --yes")),
        ("status", shell.json("qfleet status lab --local")),
        ("list", shell.json("qfleet list --local --region us-east-2")),
        ("outputs", shell.json("qfleet outputs lab --local")),
        ("events", shell.json("qfleet events lab --local")),
        ("send", shell.json("qfleet send lab stacks/lab.yaml --local")),
        ("logs", shell.json("qfleet logs lab --local")),
        ("files", shell.json("qfleet files lab --local")),
        (
            "files --link",
            shell.json("qfleet files lab --link uploads/lab.yaml --local"),
        ),
        (
            "files --get",
            shell.json("qfleet files lab --get uploads/lab.yaml --to got.yaml --local"),
        ),
        (
            "send --stage",
            shell.json("echo one | qfleet send lab --stage move --lines - --local"),
        ),
        ("backfill", shell.json("qfleet backfill lab move --dry-run --local")),
        ("backfill", shell.json("qfleet backfill lab move --yes --local")),
        ("dlq sample", shell.json("qfleet dlq sample lab --local")),
        ("dlq redrive", shell.json("qfleet dlq redrive lab --local")),
        ("dlq purge", shell.json("qfleet dlq purge lab --yes --local")),
        ("extend", shell.json("qfleet extend lab 2h --local")),
        ("reap", shell.json("qfleet reap --dry-run --local --region us-east-2")),
        ("drift", shell.json("qfleet drift lab --local")),
        ("recover", shell.json("qfleet recover lab --yes --local")),
        ("destroy", shell.json("qfleet destroy lab --yes --local")),
        ("iam", shell.json("qfleet iam lab --for status")),
    ];
    let snapshot = |snapshot: &str| -> Value {
        let body = snapshot.splitn(3, "---\n").nth(2).expect("a snapshot");
        serde_json::from_str(body).expect("JSON")
    };
    documents.push((
        "drift",
        snapshot(include_str!(
            "../scripted/drift/snapshots/it__scripted__drift__report__every_class_as_json.snap"
        )),
    ));
    let status = documents.iter().find(|(name, _)| *name == "status");
    let mut status = status.expect("it is among them").1.clone();
    status["findings"] = snapshot(include_str!("status/findings-json.snap"));
    documents.push(("status", status));
    let mut schema = qfleet::commands::documents();
    // A field that its type doesn't have is a mistake here, and none to a reader. `Counts`, `Failed` and `Failure` are the
    // fields of one of several objects, whose tag stands beside them.
    for (name, own) in schema["$defs"].as_object_mut().expect("types") {
        if !["Counts", "Failed", "Failure"].contains(&name.as_str()) {
            own["unevaluatedProperties"] = false.into();
        }
    }
    schema["required"] = Value::Array(Vec::new());
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let mut wrong = Vec::new();
    for (command, document) in &documents {
        let printed = serde_json::json!({ *command: document });
        let errors = schema.iter_errors(&printed);
        wrong.extend(errors.map(|error| format!("{}: {error}", error.instance_path())));
    }
    assert!(wrong.is_empty(), "not as docs/json.md has it:\n{}", wrong.join("\n"));
}
