//! The picture of an environment, read from its rendered templates: what stands where, and who may do what with what.
//!
//! An arrow is there because a template has a permission, a subscription or the like, and says which: nothing is taken from
//! the environment file. What boots, logs and scales an instance is the same in every fleet and stays out of the picture.

mod buckets;
mod nodes;
mod permissions;
mod places;
mod resolve;
mod wiring;

use schemars::JsonSchema;
use serde::Serialize;

use super::Blueprint;
use nodes::Nodes;
use resolve::{Resource, Stacks};

/// What stands where, and who may do what with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Graph {
    pub environment: String,
    /// The region whose stacks these are, where the environment stands by there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_by_in: Option<String>,
    /// In the order of a deploy.
    pub stacks: Vec<Held>,
    /// In the order in which a file or a job comes by.
    pub nodes: Vec<Node>,
    pub arrows: Vec<Arrow>,
}

/// A stack, as a frame around what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Held {
    pub part: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Node {
    /// The part and what it is there, as in `move.queue`.
    pub id: String,
    pub kind: Kind,
    /// The stack that holds it; without one it belongs to somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    pub title: String,
    /// What more is to be known of it, a few words each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// Workers that are described, while others are at work or nobody is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub idle: bool,
    /// The logical ids of what it stands for, in the stack's template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Whoever calls from outside.
    Clients,
    LoadBalancer,
    /// Instances behind a load balancer.
    Web,
    /// Where files come in, and what of a bucket isn't told apart.
    Bucket,
    /// The prefix of a bucket under which workers put what is done.
    Processed,
    Topic,
    Schedules,
    Queue,
    DeadLetters,
    Instances,
    Function,
    Replies,
    ReplyDeadLetters,
    Table,
    Delivery,
    Alarms,
    Alerts,
    Mailbox,
    /// A stack of which only the types of its resources are known.
    Stack,
    /// Something that no stack holds, known by its ARN.
    Outside,
}

/// From where something goes to where: a file, a message, a request, a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Arrow {
    pub from: String,
    pub to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether somebody fetches or puts something with a permission, where other arrows are messages and requests.
    pub by_permission: bool,
    /// Why it is there.
    pub evidence: Vec<Evidence>,
}

/// A place in a stack's template that makes an arrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Evidence {
    pub stack: String,
    /// Its logical id.
    pub resource: String,
    /// The property that says so.
    pub property: String,
    /// The `Sid` of the policy's statement, where it is a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

/// The picture of an environment's rendered stacks.
pub fn of(blueprint: &Blueprint) -> Graph {
    let stacks = Stacks::read(blueprint);
    let mut drawing = Drawing {
        nodes: Nodes::of(&stacks),
        stacks: &stacks,
        arrows: Vec::new(),
    };
    drawing.wiring();
    drawing.permissions();
    let Drawing { nodes, mut arrows, .. } = drawing;
    let mut nodes = nodes.finished();
    nodes.retain(|node| {
        node.kind != Kind::Processed || arrows.iter().any(|arrow| [&arrow.from, &arrow.to].contains(&&node.id))
    });
    let place = |id: &String| nodes.iter().position(|node| node.id == *id);
    arrows.sort_by_key(|arrow| (place(&arrow.from), place(&arrow.to)));
    Graph {
        environment: blueprint.environment.clone(),
        stands_by_in: None,
        stacks: stacks
            .stacks()
            .map(|(_, stack)| Held::of(&stack.part, &stack.name))
            .collect(),
        nodes,
        arrows,
    }
}

impl Held {
    fn of(part: &str, name: &str) -> Self {
        Self {
            part: part.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// The picture while it is drawn.
struct Drawing<'a> {
    stacks: &'a Stacks<'a>,
    nodes: Nodes,
    arrows: Vec<Arrow>,
}

/// An arrow between two nodes, known by their numbers.
struct Found {
    from: usize,
    to: usize,
    label: Option<String>,
    by_permission: bool,
}

impl Drawing<'_> {
    /// Adds an arrow, or to the reasons of one that is there.
    fn arrow(&mut self, found: Found, evidence: Evidence) {
        let Found {
            from,
            to,
            label,
            by_permission,
        } = found;
        if from == to {
            return;
        }
        let (from, to) = (self.nodes.id(from), self.nodes.id(to));
        let same = self
            .arrows
            .iter_mut()
            .find(|arrow| arrow.from == from && arrow.to == to);
        let Some(arrow) = same else {
            return self.arrows.push(Arrow {
                from,
                to,
                label,
                by_permission,
                evidence: vec![evidence],
            });
        };
        arrow.by_permission &= by_permission;
        if arrow.label.is_none() {
            arrow.label = label;
        }
        if !arrow.evidence.contains(&evidence) {
            arrow.evidence.push(evidence);
        }
    }

    fn is_drawn(&self, from: usize, to: usize) -> bool {
        let (from, to) = (self.nodes.id(from), self.nodes.id(to));
        self.arrows.iter().any(|arrow| arrow.from == from && arrow.to == to)
    }

    /// Whether it is of a stack that says nothing about what a fleet does: where programs lie, its network, its dashboard.
    fn is_of_every_fleet(&self, node: usize) -> bool {
        let id = self.nodes.id(node);
        ["artifacts.", "network.", "dashboard."]
            .iter()
            .any(|part| id.starts_with(part))
    }

    fn evidence(&self, resource: &Resource, property: &str) -> Evidence {
        Evidence {
            stack: self.stacks.stack(resource.stack).name.clone(),
            resource: resource.id.clone(),
            property: property.to_owned(),
            statement: None,
        }
    }
}
