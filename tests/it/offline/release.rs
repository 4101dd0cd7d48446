//! What the archives say of the crates that are linked in: the SBOM, held to its own schema, and the licences' texts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::tools_path;

/// Crates that name MIT as their licence and bring no text of it. Who adds one here has looked for it.
const WITHOUT_TEXT: [&str; 7] = [
    "base64-simd",
    "include_dir",
    "inquire",
    "jsonschema-regex",
    "jsonschema-value",
    "uuid-simd",
    "vsimd",
];

/// Python of this environment, in the repository.
fn python(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PATH", tools_path())
        .env("CARGO_NET_OFFLINE", "true")
        .output()
        .expect("python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn an_archive_says_what_is_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let write = |sbom: &str| {
        let args = [
            "release/dependencies.py",
            "x86_64-unknown-linux-gnu",
            "--sbom",
            sbom,
            "--licenses",
            &at("licenses"),
        ];
        python(Path::new("python3"), &args);
        fs::read_to_string(sbom).expect("an SBOM")
    };
    let sbom = write(&at("sbom"));
    assert_eq!(sbom, write(&at("again")), "two builds differ");
    let sbom: Value = serde_json::from_str(&sbom).expect("JSON");
    let components = sbom["components"].as_array().expect("components");
    let names: BTreeSet<&str> = components.iter().filter_map(|one| one["name"].as_str()).collect();
    for linked in ["aws-sdk-s3", "rustls", "aws-lc-sys", "clap", "nix"] {
        assert!(names.contains(linked), "{linked}");
    }
    // Of tests, of macros, of other systems.
    for other in [
        "qfleet",
        "proptest",
        "insta",
        "syn",
        "serde_derive",
        "windows-sys",
        "security-framework",
    ] {
        assert!(!names.contains(other), "{other}");
    }
    for one in components {
        assert_eq!(one["hashes"][0]["content"].as_str().map(str::len), Some(64), "{one}");
        assert_ne!(one["licenses"][0]["expression"], "NOASSERTION", "{one}");
    }
    // By CycloneDX's schema, which Checkov's environment has.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = "import sys; from cyclonedx.schema import SchemaVersion; from cyclonedx.validation.json import \
                  JsonStrictValidator; print(JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read()))";
    let wrong = python(&root.join(".tools/checkov/bin/python"), &["-c", script, &at("sbom")]);
    assert_eq!(wrong.trim(), "None");

    let licenses = fs::read_to_string(at("licenses")).expect("licences");
    let (texts, without) = licenses.split_once("bring no text of it:\n").expect("some bring none");
    for words in ["Permission is hereby granted", "Apache License", "Unicode, Inc.", "ISC"] {
        assert!(texts.contains(words), "{words}");
    }
    let without: Vec<&str> = without.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(without, WITHOUT_TEXT);
}
