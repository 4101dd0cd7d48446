//! Shows the picture of an environment: as Mermaid, as SVG, or as the nodes and arrows that it is made of.

mod layout;
mod mermaid;
mod svg;

use crate::blueprint::graph::{Graph, Kind, Node};
pub use mermaid::mermaid;
pub use svg::svg;

/// A frame of the picture: a stack, and its nodes that stand in it. A stack whose nodes stand apart has two.
struct Frame<'a> {
    /// For use in other texts: letters, digits and hyphens.
    id: String,
    stack: &'a str,
    nodes: Vec<&'a Node>,
}

/// The frames, in the order in which their first nodes come. What is done lies in the bucket that files come to, but at the
/// other end of the picture.
fn frames(graph: &Graph) -> Vec<Frame<'_>> {
    let mut frames: Vec<Frame<'_>> = Vec::new();
    for node in &graph.nodes {
        let Some(stack) = framing(node) else { continue };
        let part = graph.stacks.iter().find(|held| held.name == *stack);
        let part = part.map_or("", |held| held.part.as_str());
        let id = match node.kind {
            Kind::Processed => format!("{part}-processed"),
            _ => part.to_owned(),
        };
        match frames.iter_mut().find(|frame| frame.id == id) {
            Some(frame) => frame.nodes.push(node),
            None => frames.push(Frame {
                id,
                stack,
                nodes: vec![node],
            }),
        }
    }
    frames
}

/// The stack that a node is drawn inside of. One that stands for its whole stack is its own frame.
fn framing(node: &Node) -> Option<&String> {
    node.stack.as_ref().filter(|_| node.kind != Kind::Stack)
}

/// What a node is, in the words of AWS.
fn service(node: &Node) -> &'static str {
    match node.kind {
        Kind::Clients | Kind::Mailbox => "outside AWS",
        Kind::LoadBalancer => "ELB",
        Kind::Web | Kind::Instances => "EC2",
        Kind::Bucket | Kind::Processed => "S3",
        Kind::Topic | Kind::Alerts => "SNS",
        Kind::Schedules => "Scheduler",
        Kind::Queue | Kind::DeadLetters | Kind::Replies | Kind::ReplyDeadLetters => "SQS",
        Kind::Function => "Lambda",
        Kind::Table => "DynamoDB",
        Kind::Delivery => "CloudFront",
        Kind::Alarms => "CloudWatch",
        Kind::Stack => "stack",
        Kind::Outside => "not of this environment",
    }
}

/// What kinds have in common, for their colour.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tone {
    /// What is sent and waits.
    Messages,
    Data,
    /// Who works.
    Work,
    /// What people see.
    People,
    Trouble,
    Other,
}

impl Tone {
    const ALL: [Tone; 6] = [
        Tone::Messages,
        Tone::Data,
        Tone::Work,
        Tone::People,
        Tone::Trouble,
        Tone::Other,
    ];

    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Topic | Kind::Queue | Kind::Replies | Kind::Schedules => Tone::Messages,
            Kind::Bucket | Kind::Processed | Kind::Table => Tone::Data,
            Kind::Web | Kind::Instances | Kind::Function => Tone::Work,
            Kind::Clients | Kind::LoadBalancer | Kind::Delivery => Tone::People,
            Kind::DeadLetters | Kind::ReplyDeadLetters | Kind::Alarms | Kind::Alerts | Kind::Mailbox => Tone::Trouble,
            Kind::Stack | Kind::Outside => Tone::Other,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Tone::Messages => "messages",
            Tone::Data => "data",
            Tone::Work => "work",
            Tone::People => "people",
            Tone::Trouble => "trouble",
            Tone::Other => "other",
        }
    }
}

/// The most lines about a node, beside its name.
const DETAILS: usize = 4;
/// The most letters of a line.
const LETTERS: usize = 40;

/// What is said of a node, as much as there is room for.
fn details(node: &Node) -> Vec<String> {
    let mut lines: Vec<String> = node.details.iter().map(|line| shortened(line)).collect();
    if lines.len() > DETAILS {
        let more = lines.len() - (DETAILS - 1);
        lines.truncate(DETAILS - 1);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// A line that fits. Its end is kept, too: long names differ there.
fn shortened(line: &str) -> String {
    let letters: Vec<char> = line.chars().collect();
    if letters.len() <= LETTERS {
        return line.to_owned();
    }
    let (begin, end) = (&letters[..LETTERS - 12], &letters[letters.len() - 11..]);
    begin.iter().chain(&['…']).chain(end).collect()
}

/// Whose picture it is.
fn title(graph: &Graph) -> String {
    match &graph.stands_by_in {
        Some(region) => format!("{}, stands by in {region}", graph.environment),
        None => graph.environment.clone(),
    }
}

/// The picture in a sentence an arrow, for those who can't see it.
fn in_words(graph: &Graph) -> String {
    let name = |id: &str| {
        let node = graph.nodes.iter().find(|node| node.id == id);
        node.map_or_else(String::new, |node| match framing(node) {
            Some(stack) => format!("{} of {stack}", node.title),
            None => node.title.clone(),
        })
    };
    let arrows = graph.arrows.iter().map(|arrow| {
        let label = arrow
            .label
            .as_ref()
            .map_or_else(String::new, |label| format!(", {label}"));
        format!("From {} to {}{label}.", name(&arrow.from), name(&arrow.to))
    });
    arrows.collect::<Vec<_>>().join(" ")
}
