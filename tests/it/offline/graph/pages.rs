//! The pictures on the pages, written by the test that checks them.

use qfleet::blueprint::graph;
use qfleet::report::graph::{mermaid, svg};

use crate::harness::{Page, is_current};
use crate::offline::shipped::shipped;

/// What stands above a picture in Mermaid, with the name of its file in between.
const MARK: (&str, &str) = ("<!-- qfleet graph stacks/", ".yaml -->\n\n```mermaid\n");

#[test]
fn the_pictures_are_of_the_files_as_they_are() {
    for name in ["lab", "web"] {
        is_current(
            &format!("docs/graph-{name}.svg"),
            &svg(&graph::of(&shipped(name, false))),
        );
    }
}

#[test]
fn the_blocks_of_mermaid_are_of_the_files_as_they_are() {
    let mut seen = 0;
    for page in Page::all() {
        let blocks = page.text.matches("```mermaid\n").count();
        let mut now = String::new();
        let mut rest = page.text.as_str();
        let mut drawn = 0;
        while let Some((before, after)) = rest.split_once(MARK.0) {
            let (name, after) = after
                .split_once(MARK.1)
                .unwrap_or_else(|| panic!("{}: a file, then a block", page.path));
            let (_, after) = after.split_once("```\n").expect("a block's end");
            let picture = mermaid(&graph::of(&shipped(name, false)));
            now += &format!("{before}{}{name}{}{picture}```\n", MARK.0, MARK.1);
            rest = after;
            drawn += 1;
        }
        assert_eq!(blocks, drawn, "{}: a block of Mermaid that nothing writes", page.path);
        is_current(&page.path, &(now + rest));
        seen += drawn;
    }
    assert!(seen >= 4, "{seen} blocks");
}
