//! Checkov's opinion of the templates: what it finds is mended, or has its reason beside the resource
//! (`# checkov:skip=CHECK:reason`). It needs no account, and is asked not to talk to anybody.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::offline::options::together::every_value;

/// One that it must find something in, or it wasn't asked.
const OPEN: &str = "
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {AccessControl: PublicReadWrite}
";

fn executable() -> PathBuf {
    if let Some(named) = std::env::var_os("QFLEET_CHECKOV") {
        return PathBuf::from(named);
    }
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/checkov/bin/checkov");
    assert!(installed.is_file(), "no Checkov, which `make tools` installs");
    installed
}

/// The findings of a kind: file, check, resource.
fn findings(report: &Value, kind: &str) -> BTreeSet<String> {
    let all = report["results"][kind].as_array().expect("a list");
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let said = |finding| {
        let (file, check) = (text(finding, "file_path"), text(finding, "check_id"));
        format!(
            "{file} {check} {}: {}",
            text(finding, "resource"),
            text(finding, "check_name")
        )
    };
    all.iter().map(said).collect()
}

#[test]
fn checkov_finds_nothing_without_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let bodies = every_value();
    assert!(bodies.len() > 40, "{} templates", bodies.len());
    for (name, body) in bodies {
        std::fs::write(folder.path().join(format!("{name}.yaml")), body).expect("writes");
    }
    std::fs::write(folder.path().join("open.yaml"), OPEN).expect("writes");
    let output = Command::new(executable())
        .args([
            "--framework",
            "cloudformation",
            "--output",
            "json",
            "--compact",
            "--skip-download",
        ])
        .args(["--soft-fail", "--directory"])
        .arg(folder.path())
        .env("LOG_LEVEL", "ERROR")
        .output()
        .expect("Checkov runs");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    assert_eq!(report["summary"]["parsing_errors"], 0);
    let (open, ours): (Vec<String>, Vec<String>) = findings(&report, "failed_checks")
        .into_iter()
        .partition(|finding| finding.starts_with("/open.yaml"));
    assert!(open.iter().any(|finding| finding.contains("CKV_AWS_20")), "{open:?}");
    assert!(ours.is_empty(), "{}", ours.join("\n"));
    // A suppression says why.
    for skipped in report["results"]["skipped_checks"].as_array().expect("a list") {
        let reason = skipped["check_result"]["suppress_comment"].as_str().unwrap_or_default();
        assert!(reason.len() > 20 && reason.contains(' '), "{skipped}");
    }
}
