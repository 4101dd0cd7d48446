//! How many findings there are, of which severity.

use super::style::count;
use crate::observe::finding::{Finding, Severity};

/// As in "2 critical, 1 warning".
pub fn tally(findings: &[Finding]) -> String {
    let of = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let counts = [
        (of(Severity::Critical), of(Severity::Critical).to_string() + " critical"),
        (of(Severity::Warning), count(of(Severity::Warning), "warning")),
        (of(Severity::Note), count(of(Severity::Note), "note")),
    ];
    let some: Vec<String> = counts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(_, text)| text)
        .collect();
    some.join(", ")
}
