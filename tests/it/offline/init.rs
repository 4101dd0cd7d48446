//! `qfleet init`

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Test, tools_path};

mod asks;
mod works;

const FILES: [&str; 8] = [
    "stacks/photo-lab.yaml",
    "worker/run",
    "worker/install",
    "worker/worker.py",
    "worker/work.py",
    "worker/requirements.txt",
    ".gitignore",
    ".github/workflows/qfleet.yaml",
];

#[test]
fn a_start_is_written() {
    let output = Test::new()
        .args(["init", "photos", "--name", "photo-lab"])
        .stdout_contains("wrote photos/stacks/photo-lab.yaml\n")
        .stdout_contains("cd photos\n")
        .stdout_contains("\n  qfleet deploy photo-lab --local ")
        .stdout_contains("\n  qfleet local up photo-lab --detach ")
        .stdout_contains("\n  qfleet send photo-lab worker/work.py --local ")
        .stdout_contains("\n  qfleet status photo-lab --watch --local ")
        .stdout_contains("\n  qfleet files photo-lab --local ")
        .stdout_contains("\n  qfleet local down photo-lab ")
        .stdout_contains("\n  qfleet destroy photo-lab --local ")
        .stderr("")
        .run();
    for file in FILES {
        let path = output.path("photos").join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(!text.contains("NAME"), "{file} has an unfilled NAME");
        let executable = path.metadata().expect("there").permissions().mode() & 0o111 != 0;
        assert_eq!(executable, matches!(file, "worker/run" | "worker/install"), "{file}");
    }
    assert!(
        output
            .read("photos/stacks/photo-lab.yaml")
            .contains("\nname: photo-lab\n")
    );
    assert!(
        output
            .read("photos/.github/workflows/qfleet.yaml")
            .contains("stacks/photo-lab.yaml")
    );
}

/// Words of YAML are names, too, and what isn't the name stays as it is.
#[test]
fn a_pipeline_is_right_whatever_the_environment_is_called() {
    for name in ["photo-lab", "null", "true"] {
        let file = |pipeline: &str, file: &str| {
            let written = Test::new().args(["init", "--name", name, "--pipeline", pipeline]);
            let text = written.run().read(file);
            assert!(!text.contains("@NAME@"), "{text}");
            let document: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
            (text, document)
        };
        let path = format!("stacks/{name}.yaml");
        let (_, github) = file("github", ".github/workflows/qfleet.yaml");
        assert_eq!(github["env"]["ENVIRONMENT"], path.as_str());
        assert_eq!(github["jobs"]["deploy"]["environment"], name);
        assert_eq!(
            github["jobs"]["deploy"]["concurrency"]["group"],
            format!("qfleet-{name}").as_str()
        );
        let (text, gitlab) = file("gitlab", ".gitlab-ci.yml");
        assert_eq!(gitlab["variables"]["ENVIRONMENT"], path.as_str());
        assert_eq!(gitlab["deploy"]["environment"]["name"], name);
        assert!(
            text.contains(" AWS_ROLE_SESSION_NAME=\"qfleet-$CI_PIPELINE_ID\"\n"),
            "{text}"
        );
        let (_, codebuild) = file("codebuild", "buildspec.yaml");
        assert_eq!(codebuild["env"]["variables"]["ENVIRONMENT"], path.as_str());
    }
}

#[test]
fn nothing_is_overwritten() {
    let output = Test::new()
        .file("worker/run", "mine")
        .args(["init", "--name", "photo-lab", "--output", "json"])
        .run();
    assert_eq!(output.read("worker/run"), "mine");
    let files = output.json();
    let kept: Vec<_> = files
        .as_array()
        .expect("a list")
        .iter()
        .filter(|file| file["written"] == false)
        .collect();
    assert_eq!(kept.len(), 1, "{files}");
    assert_eq!(kept[0]["path"], "./worker/run");

    // A link that leads nowhere is somebody's, too.
    fs::remove_file(output.path("worker/install")).expect("removed");
    std::os::unix::fs::symlink("/nonexistent/file", output.path("worker/install")).expect("a link");
    let again = output
        .then()
        .args(["init", "--name", "photo-lab"])
        .stdout_contains("kept  ./worker/run (it was there)\n")
        .stdout_lacks("wrote")
        .run();
    assert_eq!(again.read("worker/run"), "mine");
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    Test::new()
        .file("photos", "a file")
        .args(["init", "photos"])
        .status(1)
        .stderr_contains("cannot write photos/stacks/lab.yaml")
        .run();
}

#[test]
fn names_are_checked_before_anything_is_written() {
    for bad in [
        "x",
        "Photo",
        "photo_lab",
        "photo--lab",
        "-photo",
        "photo-",
        "1photo",
        "../up",
        "",
        &"a".repeat(25),
    ] {
        let output = Test::new()
            .args(["init", &format!("--name={bad}")])
            .status(2)
            .stderr_contains("lower-case letters")
            .run();
        assert_eq!(fs::read_dir(output.folder()).expect("the folder").count(), 0, "{bad:?}");
    }
}

/// What options say, in each combination: what is written is right, and nobody asks.
#[test]
fn every_combination_is_an_environment_that_can_be_deployed() {
    let sources = [
        &["--from", "new-bucket"][..],
        &["--from", "existing-bucket", "--bucket", "team-archive"],
        &["--bucket", "team-archive"],
        &["--from", "messages"],
    ];
    let mut linted = 0;
    for workers in ["instances", "lambda"] {
        for source in sources {
            for stays in [&["--protect"][..], &["--lifetime", "2h"]] {
                for pipeline in ["github", "none"] {
                    for alerts in [
                        &[][..],
                        &["--alerts", "ops@example.com", "--max", "7", "--region", "eu-west-1"],
                    ] {
                        let all = [
                            &["init", "a folder", "--workers", workers, "--pipeline", pipeline],
                            source,
                            stays,
                            alerts,
                        ];
                        let written = Test::new().args(all.concat()).stderr("").run();
                        let file = written.path("a folder/stacks/lab.yaml");
                        let environment =
                            qfleet::environment::load(&file).unwrap_or_else(|wrong| panic!("{all:?}: {wrong:?}"));
                        assert_eq!(environment.protect, stays.len() == 1, "{all:?}");
                        assert_eq!(
                            environment.region.as_deref(),
                            (!alerts.is_empty()).then_some("eu-west-1"),
                            "{all:?}"
                        );
                        let bucket = environment.bucket.as_ref();
                        let existing = bucket.and_then(|bucket| bucket.existing.as_deref());
                        assert_eq!(
                            existing,
                            source.contains(&"--bucket").then_some("team-archive"),
                            "{all:?}"
                        );
                        assert_eq!(bucket.is_none(), source[1] == "messages", "{all:?}");
                        let is_there = |path: &str| written.path("a folder").join(path).exists();
                        assert_eq!(is_there("worker/run"), workers == "instances", "{all:?}");
                        assert_eq!(is_there("worker/handler.py"), workers == "lambda", "{all:?}");
                        assert_eq!(
                            is_there(".github/workflows/qfleet.yaml"),
                            pipeline == "github",
                            "{all:?}"
                        );
                        assert!(is_there("worker/work.py"), "{all:?}");
                        let text = written.read("a folder/stacks/lab.yaml");
                        assert!(
                            !text.contains("{{") && !text.contains("{%") && !text.contains("\n\n\n"),
                            "{text}"
                        );
                        // cfn-lint takes seconds: once for each kind and source.
                        let with_lint = stays.len() == 1 && pipeline == "none" && !alerts.is_empty();
                        linted += usize::from(with_lint);
                        let path = if with_lint { tools_path() } else { "/nowhere".into() };
                        let check = written
                            .then()
                            .env("PATH", path)
                            .args(["check", "a folder/stacks/lab.yaml"]);
                        check
                            .stdout_contains("checked, no errors\n")
                            .stdout_lacks("advice")
                            .run();
                    }
                }
            }
        }
    }
    assert_eq!(linted, 8);
}

#[test]
fn a_bucket_that_is_there_has_a_name() {
    for more in [&[][..], &["--defaults"]] {
        let refused = Test::new()
            .args(["init", "--from", "existing-bucket"])
            .args(more.iter().copied())
            .status(2)
            .stderr_contains(
                "nothing was written: --from existing-bucket: the name of the bucket that is there is needed",
            )
            .stderr_contains("add --bucket NAME")
            .run();
        assert_eq!(fs::read_dir(refused.folder()).expect("the folder").count(), 0);
    }
}

#[test]
fn a_second_environment_shares_a_worker_of_its_kind_and_no_other() {
    for (first, second, why) in [
        (
            &["--workers", "instances"][..],
            &["--workers", "lambda"][..],
            "worker/run is the worker of instances, and --workers is lambda",
        ),
        (
            &["--workers", "lambda"],
            &["--workers", "instances"],
            "worker/handler.py is the worker of a Lambda function, and --workers is instances",
        ),
        (
            &["--from", "messages"],
            &["--from", "new-bucket"],
            "stacks/lab.yaml has messages done by the program in ./worker, and --from is new-bucket",
        ),
        (
            &["--bucket", "team-archive"],
            &["--from", "messages"],
            "stacks/lab.yaml has files done by the program in ./worker, and --from is messages",
        ),
    ] {
        for name in ["lab", "other"] {
            let there = Test::new().args(["init"]).args(first.iter().copied()).run();
            let refused = there.then().args(["init", "--name", name]).args(second.iter().copied());
            refused
                .status(2)
                .stderr_contains(why)
                .stderr_contains("qfleet init FOLDER")
                .run();
            assert!(!there.path("stacks/other.yaml").exists(), "{second:?}");
            let both = there.path("worker/run").exists() && there.path("worker/handler.py").exists();
            assert!(!both, "{second:?}");
        }
    }
    let there = Test::new().args(["init"]).run();
    let second = there.then().args(["init", "--name", "other"]);
    second
        .stdout_contains("wrote ./stacks/other.yaml\n")
        .stdout_contains("kept  ./worker/work.py (it was there)\n")
        .run();
}

#[test]
fn a_pipeline_of_a_lab_says_that_the_lab_expires() {
    for (pipeline, file) in [
        ("github", ".github/workflows/qfleet.yaml"),
        ("gitlab", ".gitlab-ci.yml"),
        ("codebuild", "buildspec.yaml"),
    ] {
        let of = |more: &[&str]| {
            let test = Test::new().args(["init", "--pipeline", pipeline]);
            test.args(more.iter().copied()).run()
        };
        let lab = of(&["--lifetime", "2h"]);
        let said = lab.stdout.replace('\n', " ");
        assert!(
            said.contains("lab is a lab: 2h after its first deploy it has expired"),
            "{said}"
        );
        assert!(
            lab.read(file).starts_with("# lab is a lab: 2h after its first deploy"),
            "{file}"
        );
        assert!(
            said.contains(&format!("Before {file} does anything, it needs two roles")),
            "{said}"
        );
        assert!(said.contains("`qfleet iam lab --for plan`"), "{said}");
        let again = lab.then().args(["init", "--pipeline", pipeline]);
        again.stdout_lacks("needs two roles").run();
        let stays = of(&["--protect"]);
        assert!(!stays.stdout.contains("is a lab"), "{}", stays.stdout);
        assert!(!stays.read(file).contains("is a lab"), "{file}");
    }
    let without = Test::new().args(["init", "--pipeline", "none"]);
    without.stdout_lacks("is a lab").stdout_lacks("two roles").run();
}

/// What to add is in each system another thing.
#[test]
fn a_pipeline_that_is_there_and_does_not_name_the_environment_is_said_to_lack_it() {
    let lacks = "was there and doesn't name stacks/other.yaml: it doesn't deploy other.";
    for (pipeline, add) in [
        ("github", "Copy it as .github/workflows/qfleet-other.yaml,"),
        ("gitlab", "`variables: {ENVIRONMENT: stacks/other.yaml}`"),
        ("codebuild", "the environment variable ENVIRONMENT = stacks/other.yaml:"),
    ] {
        let init = ["init", "--pipeline", pipeline];
        let first = Test::new().args(init).stdout_lacks("was there and").run();
        first.then().args(init).stdout_lacks("was there and").run();
        let second = || first.then().args(init).args(["--name", "other"]);
        let said = second().run().stdout.replace('\n', " ");
        for part in [lacks, add, "`qfleet iam stacks/other.yaml` prints"] {
            assert!(said.contains(part), "no {part} in {said}");
        }
        let for_programs = second().args(["--output", "json"]).run();
        assert!(for_programs.json().is_array());
        assert!(for_programs.stderr.contains(lacks), "{}", for_programs.stderr);
        let without = first.then().args(["init", "--name", "other", "--pipeline", "none"]);
        without.stdout_lacks("was there and doesn't").run();
        if pipeline == "github" {
            let copy = first.read(".github/workflows/qfleet.yaml").replace("lab", "other");
            fs::write(first.path(".github/workflows/qfleet-other.yaml"), copy).expect("written");
            second().stdout_lacks("was there and doesn't").run();
        }
    }
}

#[test]
fn the_region_is_that_of_the_aws_configuration() {
    let region = |test: Test| test.args(["init", "--defaults"]).run().read("stacks/lab.yaml");
    let has = |text: &str, region: &str| text.contains(&format!("\nregion: {region}\n"));
    assert!(has(&region(Test::new().env("AWS_REGION", "eu-west-1")), "eu-west-1"));
    let files = || {
        Test::new().file(
            "home/.aws/config",
            "[default]\nregion = eu-north-1\n[profile other]\nregion = sa-east-1\n",
        )
    };
    assert!(has(&region(files()), "eu-north-1"));
    assert!(has(&region(files().args(["--profile", "other"])), "sa-east-1"));
    assert!(has(&region(files().args(["--region", "ap-south-1"])), "ap-south-1"));
    assert!(region(Test::new()).contains("\n# region: us-east-2\n"));
}

#[test]
fn options_that_make_no_environment_are_refused_before_anything_is_written() {
    for (args, why) in [
        (&["--region", "Mars"][..], "a region of AWS is meant, such as us-east-2"),
        (&["--bucket", "My_Bucket"], "must be the name of a bucket"),
        (&["--alerts", "nobody"], "must be an e-mail address"),
        (&["--bucket", "My_Bucket"], "--bucket takes the name of a bucket"),
        (&["--alerts", "nobody"], "--alerts takes an e-mail address"),
        (&["--lifetime", "50s"], "nothing was written: --lifetime 50s: "),
        (&["--lifetime", "50s"], "--lifetime takes a length of time"),
        (
            &["--max", "0"],
            "'--max <NUMBER>': a whole number from 1 to 1000 is expected",
        ),
        (
            &["--workers", "lambda", "--max", "1"],
            "--max takes a number from 2 to 1000",
        ),
        (&["--from", "messages", "--bucket", "b-1"], "--bucket names a bucket"),
        (&["--protect", "--lifetime", "8h"], "cannot be used with"),
        (&["--workers", "people"], "possible values: instances, lambda"),
    ] {
        let refused = Test::new()
            .args(["init"])
            .args(args.iter().copied())
            .status(2)
            .stderr_contains(why)
            .run();
        assert_eq!(
            fs::read_dir(refused.folder()).expect("the folder").count(),
            0,
            "{args:?}"
        );
    }
}

#[test]
fn names_that_yaml_takes_for_something_else_are_names() {
    for name in ["null", "no", "true", "on"] {
        let written = Test::new().args(["init", "--name", name]).run();
        let file = written.path("stacks").join(name).with_extension("yaml");
        assert_eq!(qfleet::environment::load(&file).expect("right").name, name);
    }
}

#[test]
fn a_pipeline_below_the_top_of_a_repository_is_said_to_be_astray() {
    let repository = || Test::new().file(".git/HEAD", "ref: refs/heads/main\n");
    repository()
        .args(["init", "--defaults"])
        .stdout_lacks("repository")
        .run();
    repository()
        .args(["init", "fleets/a b", "--defaults"])
        .stdout_contains("move .github/workflows/qfleet.yaml to it, and write fleets/a b/ before stacks/ in it.")
        .stdout_contains("  cd 'fleets/a b'\n")
        .run();
}
