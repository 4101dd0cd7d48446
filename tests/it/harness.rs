//! Runs the real binary in a folder and with an environment of its own, and checks what it says.

mod aws;
mod emulator;
mod following;
mod generated;
mod pages;
mod selftest;
mod terminal;
mod waiting;

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use qfleet::blueprint::cfn_lint::EXECUTABLE;
use regex::Regex;
use tempfile::TempDir;

pub use aws::Aws;
pub use emulator::{account, emulator, find_ministack, free_port, tools_path};
pub use following::Following;
pub use generated::is_current;
pub use pages::{Page, Step};
pub use terminal::{Seen, in_a_terminal, in_a_terminal_of, without_control};
pub use waiting::{lives, wait_until};

/// For the list of messages (`tests/messages.py`): where it is noted which of them appear, and in which test.
pub fn messages() -> Vec<(&'static str, OsString)> {
    let Some(file) = std::env::var_os("QFLEET_MESSAGES") else {
        return Vec::new();
    };
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    vec![("QFLEET_MESSAGES", file), ("QFLEET_TEST", test.into())]
}

/// The program that is tested: that of this build, unless QFLEET_TESTED names another, as `make soak` does.
fn program() -> PathBuf {
    std::env::var_os("QFLEET_TESTED").map_or_else(|| assert_cmd::cargo::cargo_bin!("qfleet").to_owned(), PathBuf::from)
}

/// One run of qfleet, and what is expected of it. Exit code 0, unless `status` says another.
pub struct Test {
    folder: Rc<TempDir>,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: String,
    status: i32,
    stdout: Vec<Expected>,
    stderr: Vec<Expected>,
}

enum Expected {
    Exactly(String),
    Contains(String),
    Lacks(String),
    Matches(Regex),
}

/// What a run said, and the folder it ran in.
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    folder: Rc<TempDir>,
    env: Vec<(OsString, OsString)>,
}

/// Stands in for cfn-lint, and finds nothing.
const NO_LINT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cfn-lint");

impl Test {
    /// A run in a new, empty folder. Its environment has a PATH, a home in that folder, and nothing of AWS.
    pub fn new() -> Self {
        Test::within(Rc::new(tempfile::tempdir().expect("a temporary folder")), Vec::new())
    }

    fn within(folder: Rc<TempDir>, env: Vec<(OsString, OsString)>) -> Self {
        Test {
            folder,
            args: Vec::new(),
            env,
            stdin: String::new(),
            status: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
        }
    }

    /// Another run in the same folder and environment.
    pub fn beside(&self) -> Test {
        Test::within(Rc::clone(&self.folder), self.env.clone())
    }

    /// A file in the folder, made before the run.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder for the file");
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self
    }

    /// An executable file in the folder.
    pub fn executable(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let test = self.file(path, content);
        fs::set_permissions(test.path(path), fs::Permissions::from_mode(0o755)).expect("an executable");
        test
    }

    /// A path in the folder.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// More arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// An environment variable; of this run and of those that follow it by [`Output::then`].
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Asks the real cfn-lint, which takes seconds of a processor.
    pub fn linted(self) -> Self {
        self.env(EXECUTABLE, "cfn-lint")
    }

    /// Adds `--local` and the endpoint of this test run's emulator. The account is the one that the environment file
    /// names: give it one of [`account`]'s.
    pub fn emulated(self) -> Self {
        self.args(["--local", "--endpoint-url", emulator()])
    }

    /// Standard input, which is never a terminal.
    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.stdin = text.into();
        self
    }

    /// The expected exit code.
    pub fn status(mut self, code: i32) -> Self {
        self.status = code;
        self
    }

    /// The whole of standard output.
    pub fn stdout(mut self, text: impl Into<String>) -> Self {
        self.stdout.push(Expected::Exactly(text.into()));
        self
    }

    /// A part of standard output.
    pub fn stdout_contains(mut self, part: impl Into<String>) -> Self {
        self.stdout.push(Expected::Contains(part.into()));
        self
    }

    /// What must not be in standard output.
    pub fn stdout_lacks(mut self, part: impl Into<String>) -> Self {
        self.stdout.push(Expected::Lacks(part.into()));
        self
    }

    /// A regular expression that standard output matches as a whole.
    pub fn stdout_regex(mut self, pattern: &str) -> Self {
        self.stdout.push(Expected::Matches(whole(pattern)));
        self
    }

    /// The whole of standard error.
    pub fn stderr(mut self, text: impl Into<String>) -> Self {
        self.stderr.push(Expected::Exactly(text.into()));
        self
    }

    /// A part of standard error.
    pub fn stderr_contains(mut self, part: impl Into<String>) -> Self {
        self.stderr.push(Expected::Contains(part.into()));
        self
    }

    /// What must not be in standard error.
    pub fn stderr_lacks(mut self, part: impl Into<String>) -> Self {
        self.stderr.push(Expected::Lacks(part.into()));
        self
    }

    /// A regular expression that standard error matches as a whole.
    pub fn stderr_regex(mut self, pattern: &str) -> Self {
        self.stderr.push(Expected::Matches(whole(pattern)));
        self
    }

    /// The command as it would be run, for tests that need to signal or watch the process.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.args(&self.args).current_dir(self.folder.path()).env_clear();
        if let Some(folder) = std::env::var_os("TMPDIR") {
            command.env("TMPDIR", folder);
        }
        command
            .env("PATH", tools_path())
            .env("HOME", self.path("home"))
            .env("NO_COLOR", "1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(messages())
            .env("AWS_SDK_UA_APP_ID", self.verb());
        // Of a PATH that the test made itself, what is on it counts.
        if !self.env.iter().any(|(name, _)| name == "PATH") {
            command.env(EXECUTABLE, NO_LINT);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The command's name as requests carry it in their user agent, so that the endpoint knows who calls: `dlq-sample`.
    pub fn verb(&self) -> String {
        let words = self.args.iter().map(|arg| arg.to_string_lossy().into_owned());
        let mut words = words.filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        let first = words.find(|word| !word.starts_with('-')).unwrap_or_default();
        let way = self.args.iter().find_map(|arg| match arg.to_str() {
            Some("--prune") => Some("-prune"),
            Some("--revert") => Some("-revert"),
            _ => None,
        });
        match first.as_str() {
            "dlq" | "local" => format!("{first}-{}", words.next().unwrap_or_default()),
            _ => first + way.unwrap_or_default(),
        }
    }

    /// Starts the command, with its output in pipes and nothing to read.
    pub fn spawn(&self) -> Child {
        let mut command = self.command();
        let piped = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        piped.spawn().expect("qfleet runs")
    }

    /// Runs it and checks what was expected. Panics with all of the output when that isn't what came.
    #[track_caller]
    pub fn run(self) -> Output {
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("qfleet runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A process that ends without reading is none of our business.
        let _ = stdin.write_all(self.stdin.as_bytes());
        drop(stdin);
        let ended = child.wait_with_output().expect("qfleet's output");
        let stdout = String::from_utf8(ended.stdout).expect("UTF-8 on standard output");
        let stderr = String::from_utf8(ended.stderr).expect("UTF-8 on standard error");

        let mut wrong: Vec<String> = Vec::new();
        if ended.status.code() != Some(self.status) {
            wrong.push(format!("it ended with {}, not exit code {}", ended.status, self.status));
        }
        // 3 was asked for as the answer, and 130 is said by who interrupts.
        if !matches!(ended.status.code(), Some(0 | 3 | 130)) && stdout.is_empty() && stderr.is_empty() {
            wrong.push("it ended without a word".to_owned());
        }
        for (name, text, expectations) in [("stdout", &stdout, &self.stdout), ("stderr", &stderr, &self.stderr)] {
            wrong.extend(
                expectations
                    .iter()
                    .filter_map(|expected| expected.complaint(name, text)),
            );
        }
        assert!(
            wrong.is_empty(),
            "qfleet {:?}\n{}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---",
            self.args,
            wrong.join("\n")
        );
        Output {
            stdout,
            stderr,
            folder: self.folder,
            env: self.env,
        }
    }
}

impl Expected {
    fn complaint(&self, name: &str, text: &str) -> Option<String> {
        match self {
            Expected::Exactly(whole) if text != whole => Some(format!("{name} is not:\n{whole}")),
            Expected::Contains(part) if !text.contains(part.as_str()) => Some(format!("{name} lacks: {part}")),
            Expected::Lacks(part) if text.contains(part.as_str()) => Some(format!("{name} contains: {part}")),
            Expected::Matches(pattern) if !pattern.is_match(text) => Some(format!("{name} doesn't match: {pattern}")),
            _ => None,
        }
    }
}

impl Output {
    /// The next run in the same folder and environment.
    pub fn then(&self) -> Test {
        Test::within(Rc::clone(&self.folder), self.env.clone())
    }

    /// A path in the folder.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file of the folder.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        let path = self.path(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.stdout))
    }

    /// Standard output as JSON objects, one a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let parsed = self.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        parsed.unwrap_or_else(|error| panic!("not JSON lines ({error}): {}", self.stdout))
    }
}

fn whole(pattern: &str) -> Regex {
    Regex::new(&format!("(?s)^(?:{pattern})$")).expect("a regular expression")
}
