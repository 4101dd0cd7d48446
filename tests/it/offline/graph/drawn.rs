//! The picture as Mermaid and as SVG: well formed whatever the names are, nothing on top of something else, the same each
//! time.

use std::collections::BTreeSet;

use qfleet::blueprint::graph::{self, Arrow, Graph, Held, Kind, Node};
use qfleet::report::graph::{mermaid, svg};
use regex::Regex;
use roxmltree::Document;

use crate::offline::shipped::{SHIPPED, shipped};

/// What means something to Mermaid, to HTML, to Markdown or to XML.
const HOSTILE: [&str; 14] = [
    "a\"b",
    "day=1/in+out@x/",
    "<script>alert(1)</script>",
    "a&amp;b #35;",
    "`code` **bold** _it_",
    "end",
    "a]]>b",
    "1. first",
    "- x\n  click a b",
    "%%{init: {}}%%",
    "|x| --> y;",
    "\u{0}\u{7f}\u{2028}\u{ffff}",
    "日本語のとても長いなまえ日本語のとても長いなまえ日本語のとても長いなまえ",
    "x---y<br>z\\n",
];

/// A picture in which every text is hostile.
fn hostile(text: &str) -> Graph {
    let node = |id: &str, kind, stack: bool| Node {
        id: id.into(),
        kind,
        stack: stack.then(|| text.to_owned()),
        title: text.into(),
        details: vec![text.into(), "second".into(), text.repeat(3), "fourth".into()],
        idle: !stack,
        resources: Vec::new(),
    };
    let arrow = |from: &str, to: &str| Arrow {
        from: from.into(),
        to: to.into(),
        label: Some(text.into()),
        by_permission: true,
        evidence: Vec::new(),
    };
    Graph {
        environment: text.into(),
        stands_by_in: Some(text.into()),
        stacks: vec![Held {
            part: "a-b".into(),
            name: text.into(),
        }],
        nodes: vec![
            node("a-b.queue", Kind::Queue, true),
            node("a.b-queue", Kind::Function, false),
            node(&format!("outside.{text}"), Kind::Bucket, false),
        ],
        arrows: vec![
            arrow("a-b.queue", "a.b-queue"),
            arrow("a-b.queue", &format!("outside.{text}")),
        ],
    }
}

fn all() -> Vec<(String, Graph)> {
    let files = SHIPPED
        .iter()
        .map(|name| (*name).to_owned())
        .zip(SHIPPED.iter().map(|name| graph::of(&shipped(name, false))));
    files
        .chain(HOSTILE.iter().map(|text| (format!("{text:?}"), hostile(text))))
        .collect()
}

/// The lines that a flowchart of ours may have. What stands between quotes has no sign that means something there.
#[test]
fn mermaid_is_made_of_lines_that_it_knows() {
    let text = "\"(?:[^\"&`*_|{}\\[\\];#<>\\\\]|#[0-9]+;|<br/>|</?b>)+\"";
    let id = "[a-z][A-Za-z0-9_]*";
    let shape = format!("(?:\\[{text}\\]|\\[\\[{text}\\]\\]|\\[\\({text}\\)\\]|\\(\\[{text}\\]\\))");
    let line = Regex::new(&format!(
        "^(?:flowchart LR|  acc(?:Title|Descr): [^#;{{}}\\n]*|  subgraph {id}\\[{text}\\]|  end| {{2,4}}(?P<node>{id}){shape}\
         |  (?P<from>{id}) (?:-->|-.->)(?:\\|{text}\\|)? (?P<to>{id})|  classDef [a-z]+ stroke[a-z0-9:#, -]+\
         |  class (?P<classed>{id}(?:,{id})*) [a-z]+)$"
    ))
    .expect("a pattern");
    for (name, graph) in all() {
        let text = mermaid(&graph);
        let (mut nodes, mut used) = (BTreeSet::new(), BTreeSet::new());
        for (number, said) in text.lines().enumerate() {
            let found = line
                .captures(said)
                .unwrap_or_else(|| panic!("{name}, line {number}: {said}"));
            assert_eq!(number == 0, said == "flowchart LR");
            if let Some(node) = found.name("node") {
                assert!(
                    nodes.insert(node.as_str().to_owned()),
                    "{name}: two of {}",
                    node.as_str()
                );
            }
            let named = ["from", "to", "classed"].iter().filter_map(|group| found.name(group));
            used.extend(named.flat_map(|ids| ids.as_str().split(',').map(str::to_owned)));
        }
        assert_eq!(nodes.len(), graph.nodes.len(), "{name}: {text}");
        assert!(used.is_subset(&nodes), "{name}: {used:?} and {nodes:?}");
        let opened = text.matches("  subgraph ").count();
        assert_eq!(opened, text.lines().filter(|line| *line == "  end").count());
    }
}

#[derive(Debug, Clone, Copy)]
struct Box {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

fn area(rectangle: roxmltree::Node<'_, '_>) -> Box {
    let number = |name| {
        rectangle
            .attribute(name)
            .expect("it has it")
            .parse::<f64>()
            .expect("a number")
    };
    Box {
        left: number("x"),
        top: number("y"),
        right: number("x") + number("width"),
        bottom: number("y") + number("height"),
    }
}

impl Box {
    fn overlaps(self, other: Box) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    /// But for what is lost in writing it with one decimal.
    fn holds(self, other: Box) -> bool {
        self.left <= other.left + 0.2
            && self.top <= other.top + 0.2
            && self.right + 0.2 >= other.right
            && self.bottom + 0.2 >= other.bottom
    }
}

/// How wide a text is on the average page: what a letter of a common font has.
fn width(text: &str, size: f64) -> f64 {
    let of = |letter: char| match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' | '!' => 0.28,
        ' ' => 0.32,
        'm' | 'w' | 'M' | 'W' | '…' | '@' => 0.95,
        letter if letter.is_ascii_uppercase() => 0.69,
        letter if letter.is_ascii() => 0.6,
        _ => 1.0,
    };
    text.chars().map(of).sum::<f64>() * size
}

#[test]
fn svg_has_nothing_on_top_of_something_else() {
    for (name, graph) in all() {
        let text = svg(&graph);
        let document = Document::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        let root = document.root_element();
        let page = Box {
            left: 0.0,
            top: 0.0,
            right: root.attribute("width").expect("a width").parse().expect("a number"),
            bottom: root.attribute("height").expect("a height").parse().expect("a number"),
        };
        let of_class = |class: &'static str| {
            let is = move |node: &roxmltree::Node<'_, '_>| node.attribute("class") == Some(class);
            document.descendants().filter(is).map(area).collect::<Vec<_>>()
        };
        let (boxes, frames) = (of_class("box"), of_class("frame"));
        assert_eq!(boxes.len(), graph.nodes.len(), "{name}");
        for (number, one) in boxes.iter().enumerate() {
            assert!(page.holds(*one), "{name}: {one:?} is cut off by {page:?}");
            assert!(
                boxes[..number].iter().all(|other| !one.overlaps(*other)),
                "{name}: box {number}"
            );
            // In one frame, or beside all.
            let inside = frames.iter().filter(|frame| frame.overlaps(*one));
            let holding: Vec<&Box> = inside
                .inspect(|frame| assert!(frame.holds(*one), "{name}: box {number}"))
                .collect();
            assert!(holding.len() <= 1, "{name}: box {number}");
        }
        for (number, one) in frames.iter().enumerate() {
            assert!(page.holds(*one), "{name}: {one:?} is cut off by {page:?}");
            assert!(
                frames[..number].iter().all(|other| !one.overlaps(*other)),
                "{name}: frame {number}"
            );
        }
        for label in [of_class("under"), of_class("within")].concat() {
            assert!(page.holds(label), "{name}: {label:?} is cut off by {page:?}");
            assert!(
                boxes.iter().all(|one| !one.overlaps(label)),
                "{name}: {label:?} lies on a box"
            );
        }
    }
}

#[test]
fn svg_has_its_texts_inside_their_boxes() {
    for (name, graph) in all() {
        let text = svg(&graph);
        let document = Document::parse(&text).expect("XML");
        let mut seen = 0;
        for said in document.descendants().filter(|node| node.has_tag_name("text")) {
            let class = said.attribute("class").expect("a class");
            let sibling = said
                .parent()
                .expect("a parent")
                .children()
                .find(|node| node.has_tag_name("rect"));
            let Some(around) = sibling.filter(|_| class != "label").map(area) else {
                continue;
            };
            let number = |name| {
                said.attribute(name)
                    .expect("it has it")
                    .parse::<f64>()
                    .expect("a number")
            };
            let size = if class == "title" { 14.0 * 1.06 } else { 11.0 };
            let letters = said.text().unwrap_or_default();
            let of = Box {
                left: number("x"),
                top: number("y") - size,
                right: number("x") + width(letters, size),
                bottom: number("y") + 3.0,
            };
            assert!(around.holds(of), "{name}: {letters:?} at {of:?} in {around:?}");
            seen += 1;
        }
        assert!(seen >= 2 * graph.nodes.len(), "{name}: {seen} texts");
    }
}

#[test]
fn svg_can_be_heard_and_is_dark_where_the_page_is() {
    let graph = graph::of(&shipped("lab", false));
    let text = svg(&graph);
    let document = Document::parse(&text).expect("XML");
    let said = |name: &str| {
        let found = document.root_element().children().find(|node| node.has_tag_name(name));
        found.and_then(|node| node.text()).unwrap_or_default().to_owned()
    };
    assert_eq!(said("title"), "photo-lab");
    assert!(
        said("desc").contains("From uploads/ of photo-lab-intake to new files of photo-lab-intake."),
        "{}",
        said("desc")
    );
    assert!(said("desc").contains("From queue of photo-lab-move to dead letters of photo-lab-move, after 5 tries."));
    assert!(said("style").contains("prefers-color-scheme: dark"));
    assert_eq!(document.root_element().attribute("role"), Some("img"));
    // It loads nothing: pages wouldn't let it.
    assert!(!text.replace("http://www.w3.org/2000/svg", "").contains("http"));
}

#[test]
fn the_same_picture_every_time() {
    for name in SHIPPED {
        let graph = graph::of(&shipped(name, false));
        let (first, second) = (svg(&graph), mermaid(&graph));
        for _ in 0..3 {
            assert_eq!(svg(&graph), first, "{name}");
        }
        assert_eq!(mermaid(&graph), second, "{name}");
    }
}
