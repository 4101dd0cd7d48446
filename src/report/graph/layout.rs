//! Where everything goes: boxes, the frames around them, and the ways of the arrows. Dagre does it, as for Mermaid.

use dagre::graph::{Graph as Dagre, GraphOptions};
use dagre::layout::types::LabelPos;
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir, layout};
use unicode_width::UnicodeWidthChar;

use super::{Frame, details, service, shortened};
use crate::blueprint::graph::{Arrow, Graph, Node};

pub const TITLE: f64 = 14.0;
pub const SMALL: f64 = 11.0;
/// How much wider the letters of a title are.
const BOLD: f64 = 1.08;
/// Between a box's edge and its text.
pub const PADDING: f64 = 12.0;
/// From one line of small text to the next.
pub const LINE: f64 = 15.0;
const MARGIN: f64 = 12.0;
/// Of a frame's name, above its boxes.
const NAME: f64 = 24.0;
/// Between a frame and what it holds, at the other sides.
const WITHIN: f64 = 14.0;

/// Something rectangular, by its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

pub struct Boxed<'a> {
    pub node: &'a Node,
    pub area: Area,
    pub lines: Vec<String>,
}

pub struct Framed<'a> {
    pub stack: &'a str,
    pub area: Area,
}

pub struct Drawn<'a> {
    pub arrow: &'a Arrow,
    pub points: Vec<(f64, f64)>,
    pub label: Option<(String, Area)>,
}

pub struct Layout<'a> {
    pub width: f64,
    pub height: f64,
    pub boxes: Vec<Boxed<'a>>,
    pub frames: Vec<Framed<'a>>,
    pub arrows: Vec<Drawn<'a>>,
}

/// How wide a text is at most. Whoever looks has other fonts: this is as wide as the widest that are common (Verdana,
/// `DejaVu Sans`), so that a box holds its text in any.
pub fn width(text: &str, size: f64) -> f64 {
    let of = |letter: char| match letter {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.36,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 0.46,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | '+' | '=' | '–' | '×' => 1.0,
        'A'..='Z' => 0.78,
        letter if letter.is_ascii() => 0.66,
        letter => letter.width().unwrap_or(0) as f64,
    };
    text.chars().map(of).sum::<f64>() * size
}

pub fn of<'a>(graph: &'a Graph, frames: &[Frame<'a>]) -> Layout<'a> {
    let (apart, connected): (Vec<&Node>, Vec<&Node>) = graph.nodes.iter().partition(|node| is_apart(graph, node));
    let mut dagre = Dagre::with_options(GraphOptions {
        directed: true,
        multigraph: true,
        compound: true,
    });
    for node in &connected {
        let (width, height) = size(node, frames);
        let label = NodeLabel {
            width,
            height,
            ..NodeLabel::default()
        };
        dagre.set_node(&node.id, Some(label));
    }
    for (number, frame) in frames.iter().enumerate() {
        let inside = frame.nodes.iter().filter(|node| !is_apart(graph, node));
        for node in inside {
            let id = frame_id(number);
            if !dagre.has_node(&id) {
                dagre.set_node(&id, Some(NodeLabel::default()));
            }
            dagre.set_parent(&node.id, Some(&id));
        }
    }
    for (number, arrow) in graph.arrows.iter().enumerate() {
        let label = arrow.label.as_deref().map(shortened).unwrap_or_default();
        let label = EdgeLabel {
            width: if label.is_empty() {
                0.0
            } else {
                width(&label, SMALL) + 8.0
            },
            height: if label.is_empty() { 0.0 } else { LINE },
            labelpos: LabelPos::Center,
            // What is sent stays on a straight line before what is fetched does.
            weight: if arrow.by_permission { 1 } else { 3 },
            ..EdgeLabel::default()
        };
        dagre.set_edge(&*arrow.from, &*arrow.to, Some(label), Some(&number.to_string()));
    }
    layout(
        &mut dagre,
        Some(LayoutOptions {
            rankdir: RankDir::LR,
            nodesep: 36.0,
            edgesep: 18.0,
            ranksep: 48.0,
            marginx: MARGIN,
            marginy: MARGIN,
            ..LayoutOptions::default()
        }),
    );
    let area = |id: &str| {
        let label = dagre.node(id)?;
        Some(Area {
            x: label.x? - label.width / 2.0,
            y: label.y? - label.height / 2.0,
            width: label.width,
            height: label.height,
        })
    };
    let boxes = connected.iter().filter_map(|node| {
        Some(Boxed {
            node,
            area: area(&node.id)?,
            lines: details(node),
        })
    });
    let boxes: Vec<Boxed<'a>> = boxes.collect();
    let framed = frames.iter().filter_map(|frame| {
        let inside = boxes.iter().filter(|boxed| frame.holds(boxed.node));
        let area = inside.map(|boxed| boxed.area).reduce(Area::with)?;
        Some(Framed {
            stack: frame.stack,
            area: area.framed(),
        })
    });
    let arrows = graph.arrows.iter().enumerate().filter_map(|(number, arrow)| {
        let edge = dagre.edge(&arrow.from, &arrow.to, Some(&number.to_string()))?;
        let label = arrow.label.as_deref().map(shortened).and_then(|label| {
            let area = Area {
                x: edge.x? - edge.width / 2.0,
                y: edge.y? - edge.height / 2.0,
                width: edge.width,
                height: edge.height,
            };
            Some((label, area))
        });
        let points: Vec<(f64, f64)> = edge.points.iter().map(|point| (point.x, point.y)).collect();
        let ends = (area(&arrow.from)?, area(&arrow.to)?);
        Some(Drawn {
            arrow,
            points: way(&points, ends, label.as_ref().map(|(_, area)| *area), &boxes),
            label,
        })
    });
    let mut layout = Layout {
        width: 0.0,
        height: 0.0,
        arrows: arrows.collect(),
        frames: framed.collect(),
        boxes,
    };
    layout.fit();
    layout.below(&apart, frames);
    layout.fit();
    layout
}

fn frame_id(number: usize) -> String {
    format!("frame {number}")
}

/// A node without an arrow: it stands below the others.
fn is_apart(graph: &Graph, node: &Node) -> bool {
    !graph
        .arrows
        .iter()
        .any(|arrow| [&arrow.from, &arrow.to].contains(&&node.id))
}

/// How large a node's box is. The first in a frame is as wide as the frame's name.
fn size(node: &Node, frames: &[Frame<'_>]) -> (f64, f64) {
    let lines = details(node);
    let names = frames
        .iter()
        .filter(|frame| frame.nodes.first().is_some_and(|first| first.id == node.id));
    let names = names.map(|frame| width(&shortened(frame.stack), SMALL) - 2.0 * PADDING);
    let small = lines.iter().map(String::as_str).chain([service(node)]);
    let small = small.map(|line| width(line, SMALL));
    let title = width(&shortened(&node.title), TITLE) * BOLD;
    let widest = small.chain(names).fold(title, f64::max);
    let height = 2.0 * PADDING + LINE + 12.0 + LINE * lines.len() as f64;
    (widest.max(70.0) + 2.0 * PADDING, height)
}

/// Where an arrow goes: level through each column of boxes that it passes, so that it crosses none of them.
fn way(points: &[(f64, f64)], (from, to): (Area, Area), label: Option<Area>, boxes: &[Boxed<'_>]) -> Vec<(f64, f64)> {
    let forth = from.x + from.width <= to.x;
    let back = to.x + to.width <= from.x;
    let [_, between @ .., _] = points else {
        return points.to_vec();
    };
    if !forth && !back {
        return points.to_vec();
    }
    let level = |area: Area, towards: f64| {
        let inset = area.height / 4.0;
        towards.clamp(area.y + inset, area.y + area.height - inset)
    };
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (x, y) in between {
        let column = boxes.iter().map(|boxed| boxed.area);
        let column = column.filter(|area| (area.x + area.width / 2.0 - x).abs() < 1.0);
        let half = column.map(|area| area.width / 2.0).reduce(f64::max);
        match (half, label) {
            (Some(half), _) if forth => kept.extend([(x - half, *y), (x + half, *y)]),
            (Some(half), _) => kept.extend([(x + half, *y), (x - half, *y)]),
            (None, Some(label)) if (label.x + label.width / 2.0 - x).abs() < 1.0 => kept.push((*x, *y)),
            _ => {}
        }
    }
    let towards = |area: Area, next: Option<&(f64, f64)>, other: Area| {
        level(area, next.map_or(other.y + other.height / 2.0, |(_, y)| *y))
    };
    let (leaves, reaches) = (towards(from, kept.first(), to), towards(to, kept.last(), from));
    let (leaves, reaches) = match forth {
        true => ((from.x + from.width, leaves), (to.x, reaches)),
        false => ((from.x, leaves), (to.x + to.width, reaches)),
    };
    [vec![leaves], kept, vec![reaches]].concat()
}

impl Frame<'_> {
    fn holds(&self, node: &Node) -> bool {
        self.nodes.iter().any(|held| held.id == node.id)
    }
}

impl Area {
    /// What holds both.
    fn with(self, other: Area) -> Area {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        Area {
            x,
            y,
            width: (self.x + self.width).max(other.x + other.width) - x,
            height: (self.y + self.height).max(other.y + other.height) - y,
        }
    }

    /// A frame around it.
    fn framed(self) -> Area {
        Area {
            x: self.x - WITHIN,
            y: self.y - NAME,
            width: self.width + 2.0 * WITHIN,
            height: self.height + NAME + WITHIN,
        }
    }

    pub fn holds(self, other: Area) -> bool {
        self.with(other) == self
    }
}

impl<'a> Layout<'a> {
    /// Moves everything to where nothing is cut off, and sets the picture's size.
    fn fit(&mut self) {
        let areas = || {
            let boxes = self.boxes.iter().map(|boxed| boxed.area);
            let frames = self.frames.iter().map(|frame| frame.area);
            let labels = self
                .arrows
                .iter()
                .filter_map(|arrow| arrow.label.as_ref().map(|(_, area)| *area));
            let points = self.arrows.iter().flat_map(|arrow| &arrow.points).map(|(x, y)| Area {
                x: *x,
                y: *y,
                width: 0.0,
                height: 0.0,
            });
            boxes.chain(frames).chain(labels).chain(points)
        };
        let left = areas().map(|area| area.x).fold(f64::INFINITY, f64::min);
        let top = areas().map(|area| area.y).fold(f64::INFINITY, f64::min);
        if left.is_finite() && top.is_finite() {
            self.shift(MARGIN - left, MARGIN - top);
        }
        let areas = self
            .boxes
            .iter()
            .map(|boxed| boxed.area)
            .chain(self.frames.iter().map(|frame| frame.area));
        let labels = self
            .arrows
            .iter()
            .filter_map(|arrow| arrow.label.as_ref().map(|(_, area)| *area));
        let points = self.arrows.iter().flat_map(|arrow| &arrow.points).copied();
        let corners = areas
            .chain(labels)
            .map(|area| (area.x + area.width, area.y + area.height));
        for (x, y) in corners.chain(points) {
            self.width = self.width.max(x + MARGIN);
            self.height = self.height.max(y + MARGIN);
        }
    }

    fn shift(&mut self, right: f64, down: f64) {
        let shift = |area: &mut Area| {
            area.x += right;
            area.y += down;
        };
        self.boxes.iter_mut().for_each(|boxed| shift(&mut boxed.area));
        self.frames.iter_mut().for_each(|frame| shift(&mut frame.area));
        for arrow in &mut self.arrows {
            arrow
                .points
                .iter_mut()
                .for_each(|point| *point = (point.0 + right, point.1 + down));
            if let Some((_, area)) = &mut arrow.label {
                shift(area);
            }
        }
    }

    /// Rows of what has no arrow.
    fn below(&mut self, apart: &[&'a Node], frames: &[Frame<'a>]) {
        let most = self.width.max(600.0) - MARGIN;
        let (mut x, mut y, mut row) = (MARGIN, self.height.max(MARGIN), 0.0_f64);
        for node in apart {
            let (width, height) = size(node, frames);
            let frame = frames.iter().find(|frame| frame.holds(node));
            let (beside, above) = if frame.is_some() { (WITHIN, NAME) } else { (0.0, 0.0) };
            if x > MARGIN && x + width + 2.0 * beside > most {
                (x, y, row) = (MARGIN, y + row + MARGIN, 0.0);
            }
            let area = Area {
                x: x + beside,
                y: y + above,
                width,
                height,
            };
            self.frames.extend(frame.map(|frame| Framed {
                stack: frame.stack,
                area: area.framed(),
            }));
            self.boxes.push(Boxed {
                node,
                area,
                lines: details(node),
            });
            x += width + 2.0 * beside + MARGIN;
            row = row.max(height + above + beside);
        }
    }
}
