//! The picture as Mermaid's flowchart (<https://mermaid.js.org/syntax/flowchart.html>).

use super::{Frame, Tone, details, frames, framing, in_words, service, shortened, title};
use crate::blueprint::graph::{Graph, Kind, Node};

/// A flowchart from left to right. GitHub draws it in the colours of the page: only edges are coloured.
pub fn mermaid(graph: &Graph) -> String {
    let mut lines = vec![
        "flowchart LR".to_owned(),
        format!("  accTitle: {}", one_line(&title(graph))),
        format!("  accDescr: {}", one_line(&in_words(graph))),
    ];
    let framed = frames(graph);
    let outside = graph.nodes.iter().filter(|node| framing(node).is_none());
    lines.extend(outside.map(|node| format!("  {}", drawn(node))));
    for Frame { id, stack, nodes } in &framed {
        lines.push(format!(
            "  subgraph {}[\"{}\"]",
            word(&format!("stack-{id}")),
            escaped(stack)
        ));
        lines.extend(nodes.iter().map(|node| format!("    {}", drawn(node))));
        lines.push("  end".to_owned());
    }
    for arrow in &graph.arrows {
        let idle = graph
            .nodes
            .iter()
            .any(|node| node.idle && [&arrow.from, &arrow.to].contains(&&node.id));
        let line = if idle || arrow.by_permission { "-.->" } else { "-->" };
        let label = arrow
            .label
            .as_ref()
            .map_or_else(String::new, |label| format!("|\"{}\"|", escaped(&shortened(label))));
        lines.push(format!("  {} {line}{label} {}", word(&arrow.from), word(&arrow.to)));
    }
    for tone in Tone::ALL {
        let of = graph.nodes.iter().filter(|node| Tone::of(node.kind) == tone);
        let of: Vec<String> = of.map(|node| word(&node.id)).collect();
        if !of.is_empty() {
            lines.push(format!(
                "  classDef {} stroke:{},stroke-width:2px",
                tone.name(),
                colour(tone)
            ));
            lines.push(format!("  class {} {}", of.join(","), tone.name()));
        }
    }
    let idle: Vec<String> = graph
        .nodes
        .iter()
        .filter(|node| node.idle)
        .map(|node| word(&node.id))
        .collect();
    if !idle.is_empty() {
        lines.push("  classDef idle stroke-dasharray:4 4".to_owned());
        lines.push(format!("  class {} idle", idle.join(",")));
    }
    lines.join("\n") + "\n"
}

/// Seen on white and on black.
fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Messages => "#d6336c",
        Tone::Data => "#2f9e44",
        Tone::Work => "#e8590c",
        Tone::People => "#7048e8",
        Tone::Trouble => "#868e96",
        Tone::Other => "#1c7ed6",
    }
}

fn drawn(node: &Node) -> String {
    let mut text = format!(
        "<b>{}</b><br/>{}",
        escaped(&shortened(&node.title)),
        escaped(service(node))
    );
    for detail in details(node) {
        text += "<br/>";
        text += &escaped(&detail);
    }
    let (open, close) = match node.kind {
        Kind::Bucket | Kind::Processed | Kind::Table => ("[(", ")]"),
        Kind::Queue | Kind::DeadLetters | Kind::Replies | Kind::ReplyDeadLetters => ("[[", "]]"),
        Kind::Topic | Kind::Alerts | Kind::Clients | Kind::Mailbox => ("([", "])"),
        _ => ("[", "]"),
    };
    format!("{}{open}\"{text}\"{close}", word(&node.id))
}

/// An id that is one word to Mermaid, and no other id's. Letters, digits and underscores stay; any other sign becomes its
/// number between underscores, but for those that parts and kinds are joined with.
fn word(id: &str) -> String {
    let mut word = String::new();
    for letter in id.chars() {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' => word.push(letter),
            '.' => word.push_str("__"),
            '-' => word.push('_'),
            other => word.push_str(&format!("_{:x}_", u32::from(other))),
        }
    }
    word
}

/// Text between quotes. What means something to Mermaid, to HTML or to Markdown is written as its number
/// (<https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters>).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            letter if letter.is_control() || letter == '\u{2028}' || letter == '\u{2029}' => escaped.push(' '),
            letter if letter.is_alphanumeric() || " -/.,:()=+–×…".contains(letter) => escaped.push(letter),
            other => escaped.push_str(&format!("#{};", u32::from(other))),
        }
    }
    escaped
}

/// Text that ends with its line. It can't hold an entity: `#` and `;` would end it.
fn one_line(text: &str) -> String {
    let plain = |letter: char| match letter {
        letter if letter.is_control() || "#;{}\u{2028}\u{2029}".contains(letter) => ' ',
        letter => letter,
    };
    text.chars().map(plain).collect()
}
