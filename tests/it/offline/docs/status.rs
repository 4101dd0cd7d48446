//! `docs/status.md` tells what every finding means.

use std::collections::BTreeSet;

use regex::Regex;

/// The ids of findings, as the code that makes them names them.
fn made() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/observe/findings");
    let name = Regex::new(r#"Finding::new\(\s*"([a-z-]+)""#).expect("a pattern");
    let files = std::fs::read_dir(folder).expect("findings");
    let files = files.map(|file| file.expect("a file").path());
    let code = files.filter(|path| path.is_file() && !path.ends_with("tests.rs"));
    let texts = code.map(|path| std::fs::read_to_string(path).expect("code"));
    texts
        .flat_map(|text| {
            let ids = name.captures_iter(&text).map(|found| found[1].to_owned());
            ids.collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_finding_is_told_with_its_meaning() {
    let page = include_str!("../../../../docs/status.md");
    let row = Regex::new(r"(?m)^\| `([a-z-]+)`: \w.* \| (critical|warning|note).* \|$").expect("a pattern");
    let told: BTreeSet<String> = row.captures_iter(page).map(|found| found[1].to_owned()).collect();
    assert_eq!(told, made());
}
