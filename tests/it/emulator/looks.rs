//! How what is said looks: in terminals of many widths, read out, and with colours and without.

use std::collections::BTreeSet;

use crate::emulator::whole_way::Workers;
use crate::harness::{Aws, Output, Test, account, emulator, in_a_terminal, without_control};

const REGION: &str = "us-east-2";
const WIDTHS: [u16; 5] = [60, 80, 120, 200, 250];
/// What says something by being drawn.
const SIGNS: &str = "✓✗→←±●×┄─│╭╰├▁▂▃▄▅▆▇█·";

/// An environment with files done and failed, deployed, and changed in its file afterwards.
struct Busy {
    there: Output,
    account: String,
    _workers: Workers,
}

fn file(account: &str, latency: &str) -> String {
    format!(
        "name: photographs-of-2026\nregion: {REGION}\naccount: \"{account}\"\nlifetime: 8h\nbucket: {{on_destroy: empty}}\n\
         results: {{ttl: 7d}}\nalerts: {{email: somebody.with.a.name@example.com}}\nstages:\n  - name: thumbnails\n    from: \
         bucket\n    queue: {{visibility_timeout: 20s}}\n    workers:\n      instances: {{program: {:?}, types: [t3.micro], \
         min: 1, max: 2}}\n    scaling: {{acceptable_latency: {latency}, seconds_per_message: 5}}\n",
        concat!(env!("CARGO_MANIFEST_DIR"), "/examples/mover")
    )
}

impl Busy {
    fn deploy() -> Busy {
        let account = account();
        let there = Test::new().file("it.yaml", file(&account, "10m"));
        let there = there
            .args(["deploy", "it.yaml", "--yes", "--output", "json"])
            .emulated()
            .run();
        let outputs = there.json()["outputs"].clone();
        let of = |part: &str, key: &str| outputs[part][key].as_str().expect("an output").to_owned();
        let settings = of("thumbnails", "WorkerEnvironment");
        let workers = Workers::start(1, &account, &settings, there.folder());
        let (bucket, dead) = (of("intake", "BucketName"), of("thumbnails", "DeadLetterQueueUrl"));
        let work = async {
            let aws = Aws::new(&account, REGION);
            for key in [
                "uploads/holidays/a photograph with a long name.jpeg",
                "uploads/b.jpeg",
                "uploads/c/d/e.jpeg",
            ] {
                let put = aws.s3.put_object().bucket(&bucket).key(key);
                put.body(vec![0; 1000].into()).send().await.expect("is put");
            }
            let body = "{\"a\": \"job that nobody could do, with many words in it, and some more of them\"}";
            aws.sqs
                .send_message()
                .queue_url(&dead)
                .message_body(body)
                .send()
                .await
                .expect("is sent");
        };
        tokio::runtime::Runtime::new().expect("a runtime").block_on(work);
        crate::harness::wait_until("the files are done", || {
            let results = there
                .then()
                .args(["results", "it.yaml", "--output", "json"])
                .emulated()
                .run()
                .json();
            let done = |record: &&serde_json::Value| record["state"] == "done";
            results["records"]
                .as_array()
                .is_some_and(|records| records.iter().filter(done).count() == 3)
        });
        std::fs::write(there.path("it.yaml"), file(&account, "5m")).expect("written");
        Busy {
            there,
            account,
            _workers: workers,
        }
    }

    fn run(&self, args: &[&str]) -> Test {
        let test = self.there.then().args(args.iter().copied());
        match args[0] {
            "check" => test.env("PATH", "/nowhere"),
            // They have no file, which would name the account.
            "list" | "reap" => test
                .env("AWS_ENDPOINT_URL", emulator())
                .env("AWS_ACCESS_KEY_ID", &self.account)
                .env("AWS_SECRET_ACCESS_KEY", "test")
                .env("AWS_REGION", REGION),
            _ => test.emulated(),
        }
    }
}

/// The arguments of a command, and its questions with their answers.
type Shown = (&'static [&'static str], &'static [(&'static str, &'static str)]);

/// Each command that shows something, with what it is asked before it ends.
const COMMANDS: [Shown; 14] = [
    (&["check", "it.yaml"], &[]),
    (&["status", "it.yaml"], &[]),
    (&["list"], &[]),
    (&["plan", "it.yaml"], &[]),
    (&["events", "it.yaml"], &[]),
    (&["drift", "it.yaml", "--all"], &[]),
    (&["files", "it.yaml"], &[]),
    (&["results", "it.yaml"], &[]),
    (&["results", "it.yaml", "uploads/b.jpeg"], &[]),
    (&["dlq", "sample", "it.yaml", "thumbnails"], &[]),
    (&["extend", "it.yaml", "9h"], &[]),
    (&["reap"], &[]),
    (&["recover", "it.yaml"], &[]),
    (&["destroy", "it.yaml"], &[("[y/N]", "n\r")]),
];

/// Lines that are wider than the terminal, and could have been broken: those of one long word, or with a command that is to
/// be copied, can't.
fn too_wide(said: &str, columns: usize) -> Vec<String> {
    let is_command = |line: &str| {
        ["qfleet ", "aws "]
            .iter()
            .any(|word| line.trim_start().starts_with(word))
    };
    let can_break = |line: &&str| {
        let tied = line.split('`').enumerate().map(|(n, part)| match n % 2 {
            1 => part.replace(' ', "_"),
            _ => part.to_owned(),
        });
        let tied: Vec<String> = tied.collect();
        let longest = tied.join("`").split_whitespace().map(|word| word.chars().count()).max();
        !is_command(line) && longest.unwrap_or_default() + 16 < columns
    };
    let wide = said.lines().map(|line| line.trim_end_matches('\r'));
    let wide = wide.filter(|line| textwrap::core::display_width(line) > columns);
    wide.filter(can_break).map(str::to_owned).collect()
}

/// The words that say something: without what changes from one run to the next, and without the headings of first columns,
/// which entries do without, and how often a dead letter was looked at.
fn words(said: &str) -> BTreeSet<String> {
    let trimmed = said.split_whitespace().map(|word| word.trim_end_matches([',', ':']));
    let lasting = trimmed
        .filter(|word| !word.chars().any(|c| c.is_ascii_digit()) && word.len() > 1)
        .filter(|word| !["environment", "state", "never", "once", "times"].contains(word));
    lasting.map(str::to_owned).collect()
}

#[test]
fn every_command_fits_every_terminal_and_can_be_read_out() {
    let busy = Busy::deploy();
    let mut wrong = Vec::new();
    for (args, answers) in COMMANDS {
        let piped = match answers {
            [] => Some(busy.run(args)),
            _ => None,
        };
        let piped = piped.map(|test| {
            let ended = test
                .command()
                .stdin(std::process::Stdio::null())
                .output()
                .expect("it runs");
            String::from_utf8(ended.stdout).expect("UTF-8")
        });
        for columns in WIDTHS {
            let (_, said) = in_a_terminal(&busy.run(args), columns, answers);
            let said = without_control(&said);
            for line in too_wide(&said, columns.into()) {
                wrong.push(format!("{args:?} at {columns}: {line}"));
            }
            let missing: Vec<String> = match &piped {
                Some(piped) => words(piped).difference(&words(&said)).cloned().collect(),
                None => Vec::new(),
            };
            if !missing.is_empty() {
                wrong.push(format!("{args:?} at {columns} lacks {missing:?}:\n{said}"));
            }
        }
        let plain = busy
            .run(args)
            .args(["--plain"])
            .env("NO_COLOR", "")
            .env("FORCE_COLOR", "1");
        let (_, said) = in_a_terminal(&plain, 60, answers);
        wrong.extend(
            not_plain(&said)
                .into_iter()
                .map(|why| format!("{args:?} --plain: {why}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_watch_is_plain(&busy);
}

/// What in a text can't be read out.
fn not_plain(said: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if said.contains('\x1b') {
        wrong.push(format!("there is a control sequence: {said:?}"));
    }
    for line in said.lines().map(|line| line.trim_end_matches('\r')) {
        if let Some(sign) = line.chars().find(|c| SIGNS.contains(*c)) {
            wrong.push(format!("{sign:?} is drawn: {line}"));
        }
        let alone = line
            .split_whitespace()
            .next()
            .filter(|word| word.chars().all(|c| c.is_ascii_punctuation()));
        if let Some(sign) = alone {
            wrong.push(format!("{sign:?} stands for a word: {line}"));
        }
        if line.contains('\r') {
            wrong.push(format!("a line is drawn over: {line:?}"));
        }
    }
    wrong
}

/// Read out, what is watched comes in lines.
fn assert_watch_is_plain(busy: &Busy) {
    let watch = busy
        .run(&["status", "it.yaml", "--watch", "--interval", "1", "--plain"])
        .env("NO_COLOR", "");
    let (code, said) = in_a_terminal(&watch, 80, &[("1 dead letter", "\x03")]);
    assert_eq!(code, 130, "{said}");
    assert!(not_plain(&said).is_empty(), "{:?}", not_plain(&said));
    assert!(said.contains("  thumbnails: 0 waiting, "), "{said}");
}

#[test]
fn a_deploy_can_be_read_out() {
    let account = account();
    let environment = || {
        Test::new()
            .file("it.yaml", file(&account, "10m"))
            .env("QFLEET_PLAIN", "1")
    };
    let deploy = environment().args(["deploy", "it.yaml"]).emulated().env("NO_COLOR", "");
    let (code, said) = in_a_terminal(&deploy, 80, &[("[y/N]", "y\r")]);
    assert_eq!((code, not_plain(&said)), (0, Vec::new()), "{said}");
    for part in [
        "add: Queue",
        "created photographs-of-2026-thumbnails in ",
        "\ncreating photographs-of-2026-intake",
    ] {
        assert!(said.contains(part), "{part:?}: {said}");
    }
    let destroy = environment()
        .args(["destroy", "it.yaml"])
        .emulated()
        .env("NO_COLOR", "");
    let (code, said) = in_a_terminal(&destroy, 80, &[("[y/N]", "y\r")]);
    assert_eq!((code, not_plain(&said)), (0, Vec::new()), "{said}");
}
