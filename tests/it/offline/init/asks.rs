//! `qfleet init` in a terminal: it asks.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Seen, Test, in_a_terminal_of, without_control};

const DOWN: &str = "\x1b[B";

fn asked(test: &Test, columns: u16, answers: &[(&str, &str)]) -> Seen {
    in_a_terminal_of(test, (columns, 40), answers, |_| ())
}

fn text_of(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn is_empty(test: &Test) -> bool {
    fs::read_dir(test.path(".")).expect("the folder").count() == 0
}

#[test]
fn enter_takes_the_defaults_and_the_command_it_names_writes_the_same() {
    for columns in [60, 80, 200] {
        let test = Test::new().args(["init", "my files"]);
        let seen = asked(
            &test,
            columns,
            &[
                ("Name of the environment", "\r"),
                ("Region", "\r"),
                ("What does the work?", "\r"),
                ("Where does the work come from?", "\r"),
                ("How long is it there?", "\r"),
                ("Instances at most", "\r"),
                ("Which pipeline", "\r"),
            ],
        );
        assert_eq!((seen.code, seen.restored), (0, true), "{}", seen.said);
        let again = "init 'my files' --name lab --workers instances --from new-bucket --lifetime 8h --max 4 --pipeline \
                     github";
        let said = without_control(&seen.said).replace('\r', "");
        assert!(said.contains(&format!("\n  qfleet {again}\n")), "{said}");
        let words = shlex::split(again).expect("words");
        let other = Test::new().args(words).run();
        for file in ["stacks/lab.yaml", "worker/work.py", ".github/workflows/qfleet.yaml"] {
            let of_asked = text_of(&test.path("my files").join(file));
            assert_eq!(of_asked, text_of(&other.path("my files").join(file)), "{file}");
        }
    }
}

#[test]
fn answers_are_checked_at_once_and_all_of_them_count() {
    let test = Test::new().env("AWS_REGION", "eu-west-1").args(["init"]);
    let erase = "\x7f".repeat(30);
    let seen = asked(
        &test,
        80,
        &[
            ("Name of the environment", "Photos\r"),
            ("lower-case letters", &format!("{erase}photos\r")),
            ("(eu-west-1)", "moon\r"),
            ("must be an AWS region", &format!("{erase}eu-north-1\r")),
            ("What does the work?", &format!("{DOWN}\r")),
            ("Where does the work come from?", &format!("{DOWN}\r")),
            ("Name of the bucket", "UPPER\r"),
            ("must be the name of a bucket", &format!("{erase}their-files\r")),
            ("How long is it there?", &format!("{DOWN}\r")),
            ("gets a mail", "nobody\r"),
            ("nobody", &format!("{erase}ops@example.com\r")),
            ("at the same time", "1\r"),
            ("number from 2 to 1000", &format!("{erase}9\r")),
            ("Which pipeline", "\r"),
        ],
    );
    assert_eq!((seen.code, seen.restored), (0, true), "{}", seen.said);
    let file = test.path("stacks/photos.yaml");
    let environment = qfleet::environment::load(&file).expect("right");
    assert_eq!(environment.region.as_deref(), Some("eu-north-1"));
    assert!(environment.protect);
    assert!(text_of(&file).contains("ops@example.com"));
    let bucket = environment.bucket.expect("a bucket");
    assert_eq!(bucket.existing.as_deref(), Some("their-files"));
    let function = environment.stages[0].workers.lambda.as_ref().expect("a function");
    assert_eq!(function.max_concurrency, 9);
    assert!(test.path("worker/handler.py").exists());
}

/// As the terminal's own line does, in which an answer is typed elsewhere.
#[test]
fn an_answer_is_edited_with_the_keys_of_a_shell() {
    // In the narrow one, what is wrong takes several rows.
    for columns in [40, 80] {
        let test = Test::new().args(["init", "--from", "existing-bucket"]);
        let seen = asked(
            &test,
            columns,
            &[
                // Ctrl-W takes the last word, Ctrl-A goes to the first letter, Ctrl-K takes the rest.
                ("Name of the bucket", "their files\x17BUCKET\x01\x0bUPPER\r"),
                // It stays, to be corrected; Ctrl-U takes all of it.
                ("! ", "\x15my-bucket\x01\x1b[3~\x1b[3~her\r"),
            ],
        );
        assert_eq!((seen.code, seen.restored), (0, true), "{}", seen.said);
        assert!(
            seen.screens[1].contains("? Name of the bucket UPPER"),
            "{}",
            seen.screens[1]
        );
        let environment = qfleet::environment::load(&test.path("stacks/lab.yaml")).expect("right");
        let bucket = environment.bucket.expect("a bucket");
        assert_eq!(bucket.existing.as_deref(), Some("her-bucket"));
        // What is pasted is no Enter.
        let test = Test::new().args(["init", "--from", "existing-bucket"]);
        let pasted = "\x1b[200~pasted-\nfiles\x1b[201~bucket\r";
        let seen = asked(&test, columns, &[("Name of the bucket", pasted)]);
        assert_eq!((seen.code, seen.restored), (0, true), "{}", seen.said);
        let environment = qfleet::environment::load(&test.path("stacks/lab.yaml")).expect("right");
        let bucket = environment.bucket.expect("a bucket");
        assert_eq!(bucket.existing.as_deref(), Some("pasted-bucket"));
    }
}

#[test]
fn read_out_it_asks_line_by_line_and_draws_nothing() {
    let test = Test::new().args(["init", "--plain"]);
    let seen = asked(
        &test,
        60,
        &[
            ("everything it makes [lab]: ", "Lab!\r"),
            ("lower-case letters", "notes\r"),
            ("AWS CLI would use: ", "\r"),
            ("  2: lambda, ", "2\r"),
            ("  3: messages, ", "7\r"),
            ("it must be a number from 1 to 3", "messages\r"),
            ("  1: lab, ", "\r"),
            ("at most [10]: ", "3\r"),
            ("  1: github, ", "none\r"),
        ],
    );
    assert_eq!(seen.code, 0, "{}", seen.said);
    assert!(!seen.said.contains('\x1b') && seen.said.is_ascii(), "{:?}", seen.said);
    let environment = qfleet::environment::load(&test.path("stacks/notes.yaml")).expect("right");
    assert!(environment.bucket.is_none() && environment.lifetime.is_some());
    assert!(text_of(&test.path("worker/work.py")).contains("logs the length"));
}

#[test]
fn ctrl_c_escape_and_a_signal_end_it_and_nothing_is_written() {
    for key in ["\x03", "\x1b"] {
        for (before, question) in [
            (&[][..], "Name of the environment"),
            (&[("Name of", "\r"), ("Region", "\r")], "What does the work?"),
        ] {
            let test = Test::new().args(["init"]);
            let answers: Vec<_> = before.iter().copied().chain([(question, key)]).collect();
            let seen = asked(&test, 80, &answers);
            assert_eq!((seen.code, seen.restored), (130, true), "{}", seen.said);
            assert!(seen.said.contains("nothing was written"), "{}", seen.said);
            assert!(is_empty(&test), "something was written");
        }
    }
    for plain in [&["init"][..], &["init", "--plain"]] {
        let test = Test::new().args(plain.iter().copied());
        let stop = |pid| kill(Pid::from_raw(pid), Signal::SIGTERM).expect("sent");
        let seen = in_a_terminal_of(&test, (80, 24), &[("Name of the environment", "half")], stop);
        assert_eq!((seen.code, seen.restored), (130, true), "{}", seen.said);
        assert!(is_empty(&test), "something was written");
    }
    // The end of what is typed is no answer.
    let test = Test::new().args(["init", "--plain"]);
    let seen = asked(&test, 80, &[("Name of the environment", "\x04")]);
    assert_eq!((seen.code, is_empty(&test)), (4, true), "{}", seen.said);
    assert!(seen.said.contains("the questions were not answered"), "{}", seen.said);
    assert!(
        seen.said.contains("add --defaults to be asked nothing"),
        "{}",
        seen.said
    );
    // Nor is what is no text.
    let test = Test::new().args(["init", "--plain"]);
    let seen = asked(&test, 80, &[("Name of the environment", "l\u{fffd}b\r")]);
    assert_eq!((seen.code, is_empty(&test)), (4, true), "{}", seen.said);
    let why = "the questions were not answered: stream did not contain valid UTF-8";
    assert!(seen.said.contains(why), "{}", seen.said);
    let test = Test::new().args(["init", "--plain"]);
    let seen = asked(&test, 80, &[("Name of the environment", "\x03")]);
    assert_eq!((seen.code, is_empty(&test)), (130, true), "{}", seen.said);
}

#[test]
fn only_the_bucket_is_asked_for_that_is_there_and_was_not_named() {
    for plain in [&[][..], &["--plain"]] {
        let test = Test::new().args(["init", "--from", "existing-bucket"]);
        let test = test.args(plain.iter().copied());
        let seen = asked(
            &test,
            80,
            &[
                ("Name of the bucket", "\r"),
                ("the name of the bucket that is there is needed", "their-files\r"),
            ],
        );
        assert_eq!(seen.code, 0, "{}", seen.said);
        assert!(!seen.said.contains("Name of the environment"), "{}", seen.said);
        let environment = qfleet::environment::load(&test.path("stacks/lab.yaml")).expect("right");
        let bucket = environment.bucket.expect("a bucket");
        assert_eq!(bucket.existing.as_deref(), Some("their-files"));
    }
}

#[test]
fn an_option_says_enough_to_be_asked_nothing() {
    for option in [
        &["--yes"][..],
        &["--defaults"],
        &["--name", "photos"],
        &["--pipeline", "none"],
        &["--output", "json"],
    ] {
        let test = Test::new().args(["init"]).args(option.iter().copied());
        let seen = asked(&test, 80, &[]);
        assert_eq!(seen.code, 0, "{}", seen.said);
        assert!(
            !seen.said.contains("Name of the environment") && !is_empty(&test),
            "{option:?}: {}",
            seen.said
        );
    }
}
