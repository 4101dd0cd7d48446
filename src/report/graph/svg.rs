//! The picture as SVG: text as text, in light and in dark, and in words for those who hear it.

use std::fmt::Write;

use super::layout::{self, Area, Boxed, Drawn, Framed, LINE, Layout, PADDING, SMALL, TITLE};
use super::{Tone, frames, in_words, service, shortened, title};
use crate::blueprint::graph::Graph;

/// Colours of a page in light and in dark. Nothing comes from elsewhere: a picture on a page may load nothing.
const STYLE: &str = "
    text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; fill: #1f2328; }
    .page { fill: #ffffff; } .frame { fill: #f6f8fa; stroke: #d1d9e0; } .name { font-size: 11px; fill: #59636e; }
    .box { fill: #ffffff; stroke-width: 1.5; } .title { font-size: 14px; font-weight: 600; } .small { font-size: 11px; }
    .service { font-size: 11px; } .idle { opacity: 0.55; } .idle .box { stroke-dasharray: 4 3; }
    .way { fill: none; stroke: #59636e; stroke-width: 1.5; } .fetch { stroke-dasharray: 4 3; } .tip { fill: #59636e; }
    .under { fill: #ffffff; } .within { fill: #f6f8fa; } .label { font-size: 11px; fill: #59636e; }
    .messages .box { stroke: #bf3989; } .messages .service { fill: #bf3989; } .messages .bar { fill: #bf3989; }
    .data .box { stroke: #1a7f37; } .data .service { fill: #1a7f37; } .data .bar { fill: #1a7f37; }
    .work .box { stroke: #bc4c00; } .work .service { fill: #bc4c00; } .work .bar { fill: #bc4c00; }
    .people .box { stroke: #8250df; } .people .service { fill: #8250df; } .people .bar { fill: #8250df; }
    .trouble .box { stroke: #6e7781; } .trouble .service { fill: #59636e; } .trouble .bar { fill: #6e7781; }
    .other .box { stroke: #0969da; } .other .service { fill: #0969da; } .other .bar { fill: #0969da; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; } .page, .under { fill: #0d1117; } .frame, .within { fill: #151b23; } .frame { stroke: #3d444d; }
      .name, .label { fill: #9198a1; } .box { fill: #0d1117; } .way { stroke: #9198a1; } .tip { fill: #9198a1; }
      .messages .box { stroke: #db61a2; } .messages .service, .messages .bar { fill: #db61a2; }
      .data .box { stroke: #3fb950; } .data .service, .data .bar { fill: #3fb950; }
      .work .box { stroke: #f0883e; } .work .service, .work .bar { fill: #f0883e; }
      .people .box { stroke: #ab7df8; } .people .service, .people .bar { fill: #ab7df8; }
      .trouble .box { stroke: #9198a1; } .trouble .service, .trouble .bar { fill: #9198a1; }
      .other .box { stroke: #4493f8; } .other .service, .other .bar { fill: #4493f8; }
    }
  ";

pub fn svg(graph: &Graph) -> String {
    let framed = frames(graph);
    let layout = layout::of(graph, &framed);
    let mut out = String::new();
    // Writing to a String doesn't fail.
    let _ = draw(&mut out, graph, &layout);
    out
}

fn draw(out: &mut String, graph: &Graph, layout: &Layout<'_>) -> std::fmt::Result {
    let (width, height) = (layout.width.ceil(), layout.height.ceil());
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-labelledby=\"title desc\">"
    )?;
    writeln!(out, "  <title id=\"title\">{}</title>", escaped(&title(graph)))?;
    writeln!(out, "  <desc id=\"desc\">{}</desc>", escaped(&in_words(graph)))?;
    writeln!(out, "  <style>{STYLE}</style>")?;
    writeln!(
        out,
        "  <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"tip\" d=\"M0 0 L8 4 L0 8 z\"/></marker></defs>"
    )?;
    writeln!(
        out,
        "  <rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>"
    )?;
    for frame in &layout.frames {
        self::frame(out, frame)?;
    }
    for arrow in &layout.arrows {
        way(out, graph, arrow)?;
    }
    for boxed in &layout.boxes {
        node(out, boxed)?;
    }
    // Above the ways of others.
    for (label, area) in layout.arrows.iter().filter_map(|arrow| arrow.label.as_ref()) {
        let inside = layout.frames.iter().any(|frame| frame.area.holds(*area));
        self::label(out, label, *area, inside)?;
    }
    out.push_str("</svg>\n");
    Ok(())
}

fn frame(out: &mut String, frame: &Framed<'_>) -> std::fmt::Result {
    writeln!(out, "  <g><rect class=\"frame\" {} rx=\"10\"/>", rectangle(frame.area))?;
    let (x, y) = (frame.area.x + PADDING, frame.area.y + 15.0);
    writeln!(
        out,
        "    <text class=\"name\" {}>{}</text></g>",
        at(x, y),
        escaped(&shortened(frame.stack))
    )
}

fn node(out: &mut String, boxed: &Boxed<'_>) -> std::fmt::Result {
    let (node, area) = (boxed.node, boxed.area);
    let idle = if node.idle { " idle" } else { "" };
    writeln!(
        out,
        "  <g class=\"{}{idle}\"><title>{}</title>",
        Tone::of(node.kind).name(),
        escaped(&spoken(boxed))
    )?;
    writeln!(out, "    <rect class=\"box\" {} rx=\"6\"/>", rectangle(area))?;
    let x = area.x + PADDING;
    let mut y = area.y + PADDING + SMALL - 2.0;
    writeln!(
        out,
        "    <text class=\"service\" {}>{}</text>",
        at(x, y),
        escaped(service(node))
    )?;
    y += TITLE + 4.0;
    let title = escaped(&shortened(&node.title));
    writeln!(out, "    <text class=\"title\" {}>{title}</text>", at(x, y))?;
    for line in &boxed.lines {
        y += LINE;
        writeln!(out, "    <text class=\"small\" {}>{}</text>", at(x, y), escaped(line))?;
    }
    out.push_str("  </g>\n");
    Ok(())
}

/// All that is known of a node, also where the box has no room for it.
fn spoken(boxed: &Boxed<'_>) -> String {
    let node = boxed.node;
    let details = node.details.iter().map(|detail| format!(", {detail}"));
    format!("{} ({}){}", node.title, service(node), details.collect::<String>())
}

fn way(out: &mut String, graph: &Graph, drawn: &Drawn<'_>) -> std::fmt::Result {
    let arrow = drawn.arrow;
    let ends = [&arrow.from, &arrow.to];
    let idle = graph.nodes.iter().any(|node| node.idle && ends.contains(&&node.id));
    let fetch = if arrow.by_permission { " fetch" } else { "" };
    let idle = if idle { " idle" } else { "" };
    writeln!(
        out,
        "  <path class=\"way{fetch}{idle}\" d=\"{}\" marker-end=\"url(#tip)\"/>",
        curve(&drawn.points)
    )
}

/// A way that leaves and reaches each of its points level.
fn curve(points: &[(f64, f64)]) -> String {
    let Some((first, rest)) = points.split_first() else {
        return String::new();
    };
    let mut path = format!("M{}", pair(*first));
    let mut before = *first;
    for point in rest {
        let middle = (before.0 + point.0) / 2.0;
        let (leaves, reaches) = (pair((middle, before.1)), pair((middle, point.1)));
        let _ = write!(path, " C{leaves} {reaches} {}", pair(*point));
        before = *point;
    }
    path
}

fn label(out: &mut String, label: &str, area: Area, inside: bool) -> std::fmt::Result {
    let (x, y) = (area.x + area.width / 2.0, area.y + area.height / 2.0 + 4.0);
    let under = if inside { "within" } else { "under" };
    writeln!(out, "  <rect class=\"{under}\" {} rx=\"3\"/>", rectangle(area))?;
    writeln!(
        out,
        "  <text class=\"label\" text-anchor=\"middle\" {}>{}</text>",
        at(x, y),
        escaped(label)
    )
}

fn rectangle(area: Area) -> String {
    let Area { x, y, width, height } = area;
    format!("x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"")
}

fn at(x: f64, y: f64) -> String {
    format!("x=\"{x:.1}\" y=\"{y:.1}\"")
}

fn pair((x, y): (f64, f64)) -> String {
    format!("{x:.1} {y:.1}")
}

/// Text in XML. Characters that XML can't hold become blanks (<https://www.w3.org/TR/xml/#charsets>).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
