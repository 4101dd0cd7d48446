//! Links between pages lead to files and headings that exist.

use std::path::Path;

use regex::Regex;

use crate::harness::Page;

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    let mut broken = Vec::new();
    for page in Page::all() {
        for (number, line) in page.prose() {
            for found in link.captures_iter(&line) {
                let (file, heading) = found[1].split_once('#').unwrap_or((&found[1], ""));
                if file.contains("://") {
                    continue;
                }
                let here = root.join(&page.path);
                let target = if file.is_empty() {
                    here
                } else {
                    here.parent().expect("a folder").join(file)
                };
                let is_there = if heading.is_empty() {
                    target.exists()
                } else {
                    let text = std::fs::read_to_string(&target).unwrap_or_default();
                    let headings = text.lines().filter(|line| line.starts_with('#'));
                    headings
                        .map(|line| super::anchor(line.trim_start_matches(['#', ' '])))
                        .any(|anchor| anchor == heading)
                };
                if !is_there {
                    broken.push(format!("{}:{number}: {}", page.path, &found[1]));
                }
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn the_readme_is_short() {
    let lines = Page::named("README.md").text.lines().count();
    assert!(lines <= 120, "{lines} lines: a stranger reads it in three minutes");
}
