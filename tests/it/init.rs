//! `qfleet init`

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::Test;

const FILES: [&str; 6] = [
    "stacks/photo-lab.yaml",
    "worker/run",
    "worker/install",
    "worker/worker.py",
    "worker/requirements.txt",
    ".github/workflows/qfleet.yaml",
];

#[test]
fn a_start_is_written() {
    let output = Test::new()
        .args(["init", "photos", "--name", "photo-lab"])
        .stdout_contains("wrote photos/stacks/photo-lab.yaml\n")
        .stdout_contains("cd photos\n")
        .stdout_contains("qfleet deploy photo-lab --local")
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
